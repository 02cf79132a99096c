//! Rates as operators set them (operations.md, `rates`).

use coffer::protocol::paykassma::flatten::signing_text;
use coffer::protocol::paykassma::sign::sign_request;
use coffer::protocol::paykassma::value;
use coffer::secret::Secret;

use crate::process::{Process, http, run};

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

#[test]
fn a_postback_is_told_at_the_rates_that_hold_when_it_is_decided() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::start(directory.path(), &["serve"], &[]);
    let created = server.ask(&[
        "partner",
        "create",
        "--name",
        "shop",
        "--check-withdrawal-funds",
        "false",
    ]);
    let created = created.json();
    let body = r#"{"withdrawal_id":"7","payment_system":"paytm","amount":1000,"currency_code":"INR","label":"55","is_test":false}"#;
    let key = Secret::new(created["private_key"].as_str().unwrap().to_owned());
    let text = signing_text(&value::decode(body.as_bytes()).unwrap()).unwrap();
    let signature = sign_request(&key, &text);
    let signed = body.replace("false}", &format!("false,\"signature\":\"{signature}\"}}"));
    let path = "/v2/withdrawal/create";
    let answer = http(server.public(), "POST", path, &[], &signed);
    assert_eq!(answer.body, r#"{"status":"ok"}"#);
    let listed = server.ask(&["withdrawal", "list"]).json();
    let id = listed["items"][0]["id"].to_string();
    assert_eq!(
        server.ask(&["rates", "set", "INR=80", "BTC=0.00001"]).code,
        0
    );
    assert_eq!(server.ask(&["withdrawal", "approve", &id]).code, 0);
    assert_eq!(server.ask(&["rates", "set", "INR=50"]).code, 0);
    let secret = created["pluginapi_secret"].as_str().unwrap();
    let path = format!("/api/v1/postback?type=withdrawal&withdrawal_id=7&secret={secret}");
    let told = http(server.public(), "GET", &path, &[], "").body;
    let due = r#""converted_amount":{"BTC":0.000125,"INR":1000,"USD":12.5},"direction":"outgoing""#;
    assert!(told.contains(due), "{told}");
}
