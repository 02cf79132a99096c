//! What an operator sets about a partner's own calls, by the command line (operations.md, Shapes
//! that scripts use).

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::process::{Process, Ran};

const ALL: [&str; 24] = [
    "--allow-address",
    "192.0.2.7",
    "--allow-address",
    "10.0.0.0/8",
    "--game",
    "mine",
    "--game",
    "keno",
    "--default-game",
    "keno",
    "--on-repeat",
    "replay",
    "--credit-on-payment",
    "true",
    "--deposit-postback-url",
    "https://shop.example.com/d?x=1",
    "--withdrawal-postback-url",
    "http://shop.example.com:8080/w",
    "--utc-offset",
    "-03:30",
    "--check-withdrawal-funds",
    "false",
    "--unknown-members",
    "sign",
];

fn all_set() -> Value {
    json!({
        "allow_addresses": ["192.0.2.7/32", "10.0.0.0/8"],
        "games": ["mine", "keno"],
        "default_game": "keno",
        "on_repeat": "replay",
        "credit_on_payment": true,
        "deposit_postback_url": "https://shop.example.com/d?x=1",
        "withdrawal_postback_url": "http://shop.example.com:8080/w",
        "utc_offset": "-03:30",
        "check_withdrawal_funds": false,
        "unknown_members": "sign",
    })
}

fn nothing_set() -> Value {
    json!({
        "allow_addresses": [],
        "games": [],
        "default_game": null,
        "on_repeat": "refuse",
        "credit_on_payment": false,
        "deposit_postback_url": null,
        "withdrawal_postback_url": null,
        "utc_offset": null,
        "check_withdrawal_funds": true,
        "unknown_members": "refuse",
    })
}

/// Of a partner that is shown, the members that `due` has.
fn assert_shows(shown: &Value, due: &Value) {
    for (name, due) in due.as_object().unwrap() {
        assert_eq!(&shown[name], due, "{name}");
    }
}

fn create(server: &Process, name: &str, settings: &[&str]) -> Ran {
    server.ask(&[&["partner", "create", "--name", name][..], settings].concat())
}

fn show(server: &Process, partner: &str) -> Value {
    server.ask(&["partner", "show", partner]).json()
}

fn update(server: &Process, settings: &[&str]) -> Ran {
    server.ask(&[&["partner", "update", "p1"][..], settings].concat())
}

#[test]
fn settings_are_given_at_creation_and_outlive_the_server() {
    let directory = tempdir().unwrap();
    let url = [("COFFER_SERVER_PUBLIC_URL", "https://wallet.example.com")];
    let serve = || Process::start(directory.path(), &["serve"], &url);
    let server = serve();
    create(&server, "One", &ALL).json();
    create(&server, "Two", &[]).json();
    let both = (show(&server, "p1"), show(&server, "p2"));
    assert_shows(&both.0, &all_set());
    assert_shows(&both.1, &nothing_set());
    // From the journal's tail after a kill, and from the books after an end in order.
    assert!(!server.end("KILL").success());
    let server = serve();
    assert_eq!((show(&server, "p1"), show(&server, "p2")), both);
    assert!(server.end("TERM").success());
    let server = serve();
    assert_eq!((show(&server, "p1"), show(&server, "p2")), both);
    let rows = server.ask(&["export", "journal"]).out;
    assert!(rows.contains(r#""on_repeat":"replay""#), "{rows}");
}

#[test]
fn an_update_changes_what_it_names_and_leaves_the_rest() {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    create(&server, "One", &[]).json();
    let mut due = nothing_set();
    let all = all_set();
    for setting in [
        &ALL[..4],
        &ALL[4..8],
        &ALL[8..10],
        &ALL[10..12],
        &ALL[12..14],
        &ALL[14..16],
        &ALL[16..18],
        &ALL[18..20],
        &ALL[20..22],
        &ALL[22..],
    ] {
        let name = setting[0].trim_start_matches("--").replace('-', "_");
        let name = match &*name {
            "game" => "games",
            "allow_address" => "allow_addresses",
            name => name,
        };
        due[name] = all[name].clone();
        assert_shows(&update(&server, setting).json(), &due);
    }
    let away = [
        ("--allow-address", "any"),
        ("--default-game", "none"),
        ("--game", "any"),
        ("--deposit-postback-url", "none"),
        ("--withdrawal-postback-url", "none"),
        ("--utc-offset", "none"),
        ("--on-repeat", "refuse"),
        ("--credit-on-payment", "false"),
        ("--check-withdrawal-funds", "true"),
        ("--unknown-members", "refuse"),
    ];
    let away: Vec<&str> = away.iter().flat_map(|&(flag, word)| [flag, word]).collect();
    assert_shows(&update(&server, &away).json(), &nothing_set());
    assert_eq!(show(&server, "p1"), update(&server, &away).json());
}

#[test]
fn a_setting_that_is_none_is_told_by_its_flag() {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    create(&server, "One", &[]).json();
    for (settings, told) in [
        (&["--allow-address", "10"][..], "address such as"),
        (&["--game", "a b"], "letters, digits or _"),
        (&["--on-repeat", "again"], "refuse or replay"),
        (&["--unknown-members", "replay"], "refuse or sign"),
        (&["--credit-on-payment", "yes"], "--credit-on-payment"),
        (&["--utc-offset", "5"], "such as +00:00"),
        (
            &["--deposit-postback-url", "shop.example.com"],
            "an address such as https://",
        ),
        (
            &[
                "--withdrawal-postback-url",
                "https://me:pw@shop.example.com",
            ],
            "without user",
        ),
        (
            &["--allow-address", "any", "--allow-address", "10.0.0.0/8"],
            "--allow-address any stands alone",
        ),
        (&[], "--allow-address"),
    ] {
        let ran = update(&server, settings);
        let why = ran.failed(2);
        assert!(why.contains(told), "{settings:?}: {why}");
    }
    let chess = update(&server, &["--game", "chess"]);
    assert!(chess.failed(1).contains("no game type has the name chess"));
    let not_played = ["--game", "mine", "--default-game", "keno"];
    for ran in [
        update(&server, &not_played),
        create(&server, "Two", &not_played),
    ] {
        assert!(ran.failed(1).contains("not among the partner's games"));
    }
    assert_shows(&show(&server, "p1"), &nothing_set());
}

#[test]
fn a_game_that_is_configured_may_be_permitted() {
    let directory = tempdir().unwrap();
    let chess = [("COFFER_GAMES_CHESS_GAME", "9")];
    let server = Process::start(directory.path(), &["serve"], &chess);
    create(&server, "One", &["--game", "chess"]).json();
    assert_eq!(show(&server, "p1")["games"], json!(["chess"]));
}
