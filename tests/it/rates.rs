//! Rates as operators set them (operations.md, `rates`).

use crate::process::{Process, run};

#[test]
fn rates_are_those_of_the_configuration_until_an_operator_sets_some() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    std::fs::write(
        place.join("c.toml"),
        "[rates]\nbase = \"EUR\"\nINR = \"90.5\"\n",
    )
    .unwrap();
    let serve = ["serve", "--config", "c.toml"];
    let server = Process::start(place, &serve, &[]);
    let show = |server: &Process| server.ask(&["rates", "show"]).out;
    let configured = r#"{"base":"EUR","rates":{"EUR":"1","INR":"90.5"}}"#;
    assert_eq!(show(&server).trim(), configured);
    let set = server
        .ask(&["rates", "set", "INR=84.10", "BTC=0.0000104"])
        .out;
    let due = r#"{"base":"EUR","rates":{"BTC":"0.0000104","EUR":"1","INR":"84.1"}}"#;
    assert_eq!(set.trim(), due);
    drop(server);

    // What was answered outlives a kill, and goes before the configuration.
    let server = Process::start(place, &serve, &[]);
    assert_eq!(show(&server).trim(), due);
    let file = place.join("rates.txt");
    std::fs::write(&file, "# today\n\nUSD=1.08\nINR=85\n").unwrap();
    let file = file.to_str().unwrap();
    let set = server.ask(&["rates", "import", file]).out;
    let due = r#"{"base":"EUR","rates":{"BTC":"0.0000104","EUR":"1","INR":"85","USD":"1.08"}}"#;
    assert_eq!(set.trim(), due);

    std::fs::write(file, "USD=1.09\nINR=-85\n").unwrap();
    let ran = server.ask(&["rates", "import", file]);
    assert!(
        ran.failed(1)
            .contains("rates.txt line 2: must be a decimal number"),
        "{}",
        ran.err
    );
    let ran = server.ask(&["rates", "set", "EUR=2"]);
    assert!(
        ran.failed(1).contains("the rates must give the base 1"),
        "{}",
        ran.err
    );
    assert_eq!(show(&server).trim(), due);
    let ran = run(place, &["rates", "set", "INR"], &[]);
    assert_eq!(ran.code, 2);
    assert_eq!(run(place, &["rates", "set"], &[]).code, 2);
    let data = ["verify", "--data", "coffer-data", "--json"];
    assert!(server.end("TERM").success());
    assert_eq!(run(place, &data, &[]).code, 0);
}
