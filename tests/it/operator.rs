//! What an operator does with partners, players, sessions and reports, by the command line:
//! every shape that scripts use (operations.md).

use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::process::{Process, Ran, http};

const PLAYER: [&str; 4] = ["--partner", "p1", "--player-id", "usr-1"];
const USD: [&str; 2] = ["--currency", "USD"];

/// A server with one partner `p1` and its player `usr-1`, who has 1000.00 USD.
pub(crate) fn served() -> (TempDir, Process) {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    let partner = [
        "partner",
        "create",
        "--name",
        "One",
        "--wallet-token",
        "one",
    ];
    server.ask(&partner).json();
    let player = [
        &["player", "create", "--balance", "1000.00"][..],
        &PLAYER,
        &USD,
    ]
    .concat();
    server.ask(&player).json();
    (directory, server)
}

pub(crate) fn player(server: &Process, verb: &str, more: &[&str]) -> Ran {
    server.ask(&[&["player", verb][..], &PLAYER, more].concat())
}

pub(crate) fn adjust(server: &Process, amount: &str, reference: &str) -> Ran {
    let what = [
        "--amount",
        amount,
        "--reference",
        reference,
        "--reason",
        "why",
    ];
    player(server, "adjust", &[&USD[..], &what].concat())
}

/// The names of an object's members, in alphabetical order.
pub(crate) fn members(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn a_partner_is_created_with_secrets_that_are_shown_once() {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    let created = server
        .ask(&["partner", "create", "--name", "Example Ltd."])
        .json();
    let secrets = [
        "access_key",
        "api_secret",
        "payment_token",
        "pluginapi_secret",
        "private_key",
    ];
    let others = [
        "api_key",
        "currency",
        "name",
        "partner",
        "wallet_token",
        "wallet_url",
    ];
    let mut all = [&secrets[..], &others].concat();
    all.sort_unstable();
    assert_eq!(members(&created), all);
    assert_eq!(created["partner"], "p1");
    assert_eq!(created["currency"], "INR");
    assert_eq!(created["name"], "Example Ltd.");
    let token = created["wallet_token"].as_str().unwrap();
    let url = format!("{}/wallet/{token}", server.public());
    assert_eq!(created["wallet_url"], url.as_str());
    let shown = server.ask(&["partner", "show", "p1"]).json().to_string();
    for secret in secrets {
        let secret = created[secret].as_str().unwrap();
        assert!(secret.len() >= 40 && !shown.contains(secret), "{secret}");
    }
}

#[test]
fn partners_are_listed_page_by_page() {
    let (_directory, server) = served();
    let two = [
        "partner",
        "create",
        "--name",
        "Two",
        "--wallet-token",
        "two",
    ];
    server.ask(&two).json();
    assert!(server.ask(&two).failed(1).contains("wallet token"));
    let listed = server.ask(&["partner", "list", "--limit", "1"]).json();
    assert_eq!(members(&listed), ["items", "next"]);
    let item = &listed["items"][0];
    let in_list = [
        "created_at",
        "currency",
        "name",
        "partner",
        "state",
        "wallet_token",
    ];
    assert_eq!(members(item), in_list);
    assert_eq!(item["partner"], "p1");
    let next = listed["next"].as_str().unwrap();
    let rest = server.ask(&["partner", "list", "--cursor", next]).json();
    assert_eq!(rest["items"][0]["partner"], "p2");
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_eq!(rest["next"], Value::Null);
}

#[test]
fn a_partners_settings_are_shown_and_changed() {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    let settings = ["--id-space", "b", "--expires-at", "2030-01-01T00:00:00Z"];
    let create = [&["partner", "create", "--name", "One"][..], &settings].concat();
    server.ask(&create).json();
    let shown = server.ask(&["partner", "show", "p1"]).json();
    assert_eq!(shown["expires_at"], "2030-01-01T00:00:00.000000Z");
    assert_eq!(shown["id_space"], "b");
    let update = |change: &[&str]| {
        server
            .ask(&[&["partner", "update", "p1"][..], change].concat())
            .json()
    };
    let address = "--game-server-address";
    let changed = update(&[
        "--expires-at",
        "never",
        address,
        "10.0.0.0/8",
        address,
        "::1/128",
    ]);
    assert_eq!(changed["expires_at"], Value::Null);
    assert_eq!(
        changed["game_server_addresses"],
        json!(["10.0.0.0/8", "::1/128"])
    );
    assert_eq!(
        update(&[address, "any"])["game_server_addresses"],
        json!([])
    );
    assert_eq!(
        server.ask(&["partner", "disable", "p1"]).json()["state"],
        "disabled"
    );
    assert_eq!(
        server.ask(&["partner", "enable", "p1"]).json()["state"],
        "enabled"
    );
    assert_eq!(
        update(&["--expires-at", "2020-01-01T00:00:00Z"])["state"],
        "expired"
    );
    assert!(
        server
            .ask(&["partner", "show", "p3"])
            .failed(1)
            .contains("p3")
    );
}

#[test]
fn a_player_is_created_once_and_shown() {
    let (_directory, server) = served();
    let eur = ["--currency", "EUR"];
    let created = player(&server, "create", &eur).json();
    assert_eq!(
        created,
        json!({"partner": "p1", "player_id": "usr-1", "currency": "EUR", "balance": "0.00"})
    );
    assert!(
        player(&server, "create", &eur)
            .failed(1)
            .contains("already")
    );
    assert_eq!(
        player(&server, "show", &[]).json(),
        json!({
            "partner": "p1", "player_id": "usr-1", "blocked": false, "open_sessions": 0,
            "balances": [
                {"currency": "USD", "balance": "1000.00"},
                {"currency": "EUR", "balance": "0.00"},
            ],
        })
    );
    let odd = ["--partner", "p1", "--player-id", "a/b?c=%25&d#e+f"];
    server
        .ask(&[&["player", "create"][..], &odd, &USD].concat())
        .json();
    let shown = server.ask(&[&["player", "show"][..], &odd].concat()).json();
    assert_eq!(shown["player_id"], "a/b?c=%25&d#e+f");
    let nobody = ["player", "show", "--partner", "p1", "--player-id", "nobody"];
    assert!(server.ask(&nobody).failed(1).contains("no such player"));
}

#[test]
fn a_blocked_player_opens_no_session() {
    let (_directory, server) = served();
    assert_eq!(player(&server, "block", &[]).json()["blocked"], true);
    let open = [&["session", "open"][..], &PLAYER, &USD].concat();
    assert!(server.ask(&open).failed(1).contains("blocked"));
    assert_eq!(player(&server, "unblock", &[]).json()["blocked"], false);
    server.ask(&open).json();
    assert_eq!(player(&server, "show", &[]).json()["open_sessions"], 1);
}

#[test]
fn an_adjustment_is_made_once_under_its_reference() {
    let (_directory, server) = served();
    let adjusted = json!({
        "partner": "p1", "player_id": "usr-1", "currency": "USD", "balance": "995.00",
        "reference": "r1", "repeated": false,
    });
    assert_eq!(adjust(&server, "-5.00", "r1").json(), adjusted);
    let repeated = adjust(&server, "-5", "r1").json();
    assert_eq!(repeated["repeated"], true);
    assert_eq!(repeated["balance"], "995.00");
    assert!(
        adjust(&server, "-6.00", "r1")
            .failed(1)
            .contains("other content")
    );
    assert!(
        adjust(&server, "-1000.00", "r2")
            .failed(1)
            .contains("less than")
    );
    assert!(adjust(&server, "0.00", "r3").failed(1).contains("zero"));
    adjust(&server, "-0.001", "r4").failed(2);
}

#[test]
fn history_is_told_newest_first_page_by_page() {
    let (_directory, server) = served();
    adjust(&server, "-5.00", "r1").json();
    let page = player(&server, "history", &[&USD[..], &["--limit", "1"]].concat()).json();
    let item = &page["items"][0];
    assert_eq!(
        members(item),
        [
            "amount",
            "at",
            "balance_after",
            "game",
            "reference",
            "round_id",
            "seq",
            "type"
        ]
    );
    assert_eq!(
        (
            &item["type"],
            &item["amount"],
            &item["balance_after"],
            &item["reference"]
        ),
        (
            &json!("adjustment"),
            &json!("-5.00"),
            &json!("995.00"),
            &json!("r1")
        )
    );
    assert!(item["seq"].is_u64() && item["game"].is_null() && item["round_id"].is_null());
    let next = page["next"].as_str().unwrap();
    let rest = player(
        &server,
        "history",
        &[&USD[..], &["--cursor", next]].concat(),
    )
    .json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_eq!(rest["items"][0]["amount"], "1000.00");
    assert_eq!(rest["next"], Value::Null);
    // The partner's own entry moved nothing of the player's, and 999 is not there yet.
    for cursor in ["1", "999"] {
        let lost = [&USD[..], &["--cursor", cursor]].concat();
        let refused = player(&server, "history", &lost);
        let text = "no page of this history gave that cursor";
        assert!(refused.failed(1).contains(text));
    }
}

#[test]
fn a_session_is_opened_with_its_launch_url_shown_and_closed() {
    let directory = tempdir().unwrap();
    let server = Process::start(
        directory.path(),
        &["serve"],
        &[(
            "COFFER_GAMES_MINE_LAUNCH_BASE",
            "https://games.example.com/",
        )],
    );
    server
        .ask(&[
            "partner",
            "create",
            "--name",
            "One",
            "--wallet-token",
            "one",
        ])
        .json();
    let open =
        |more: &[&str]| server.ask(&[&["session", "open"][..], &PLAYER, &USD, more].concat());
    let opened = open(&[
        "--code", "code_1", "--game", "1", "--lang", "de", "--ttl", "5m",
    ])
    .json();
    assert_eq!(members(&opened), ["code", "expires_at", "launch_url"]);
    assert_eq!(opened["code"], "code_1");
    assert_eq!(
        opened["launch_url"],
        "https://games.example.com?mode=real_play&gameID=1&token=code_1&lang=de&wallet=one"
    );
    let other = open(&["--game", "77"]).json();
    assert_eq!(other["launch_url"], Value::Null);
    assert!(other["code"].as_str().unwrap().len() >= 22);
    assert!(
        open(&["--code", "code_1"])
            .failed(1)
            .contains("never used again")
    );
    let shown = server.ask(&["session", "show", "code_1"]).json();
    assert_eq!(
        shown,
        json!({
            "code": "code_1", "partner": "p1", "player_id": "usr-1", "currency": "USD",
            "state": "open", "expires_at": opened["expires_at"],
        })
    );
    let closed = server.ask(&["session", "close", "code_1"]).json();
    assert_eq!(closed["state"], "closed");
    assert!(
        server
            .ask(&["session", "show", "none"])
            .failed(1)
            .contains("no session")
    );
}

/// As [`served`], with an open round of 2.50 and a win of 0.50 without a bet.
fn played() -> (TempDir, Process) {
    let (directory, server) = served();
    let open = [&["session", "open", "--code", "c"][..], &PLAYER, &USD].concat();
    server.ask(&open).json();
    let wallet = |body: &str| http(server.public(), "POST", "/wallet/one", &[], body);
    wallet(r#"{"type":"bet","code":"c","game":7,"id":85,"round_id":85,"bet":250}"#);
    wallet(r#"{"type":"win","code":"c","game":7,"id":90,"round_id":88,"win":50}"#);
    (directory, server)
}

#[test]
fn reports_tell_accounts_rounds_and_oddities() {
    let (_directory, server) = played();

    let report = server.ask(&["report", "trial-balance"]).json();
    assert_eq!(
        report,
        json!({"currencies": [{
            "currency": "USD",
            "accounts": [
                {"account": "adjustments", "balance": "-1000.00"},
                {"account": "house/p1", "balance": "2.00"},
                {"account": "players/p1", "balance": "998.00"},
            ],
            "sum": "0.00",
        }]})
    );
    let all = server.ask(&["report", "trial-balance", "--all"]).json();
    let accounts = &all["currencies"][0]["accounts"];
    assert_eq!(accounts[2]["account"], "player/p1/usr-1");

    let rounds = server.ask(&["report", "open-rounds"]).json();
    let round = &rounds["items"][0];
    assert_eq!(
        members(round),
        [
            "bets",
            "cancels",
            "currency",
            "first_at",
            "game",
            "last_at",
            "partner",
            "player_id",
            "round_id",
            "wins",
        ]
    );
    assert_eq!(round["bets"], json!({"count": 1, "amount": "2.50"}));
    assert_eq!(
        (&round["round_id"], &round["game"]),
        (&json!(85), &json!(7))
    );
    assert_eq!(rounds["next"], Value::Null);

    let odd = server.ask(&["report", "anomalies"]).json();
    let anomaly = &odd["items"][0];
    assert_eq!(anomaly["kind"], "win_without_bet");
    assert_eq!(anomaly["transaction"]["id"], 90);
    assert_eq!(anomaly["transaction"]["amount"], "0.50");
    assert_eq!(anomaly["round"]["round_id"], 88);
}

#[test]
fn revenue_is_told_by_day_and_game() {
    let (_directory, server) = played();

    let days = server.ask(&["report", "revenue"]).json();
    let played = days["items"].as_array().unwrap();
    let of_game = |game: u64| {
        played
            .iter()
            .find(|day| day["game"] == json!(game))
            .unwrap()
    };
    let day = of_game(7);
    assert_eq!(
        members(day),
        [
            "bets", "cancels", "currency", "day", "game", "partner", "revenue", "wins"
        ]
    );
    assert_eq!(day["bets"], json!({"count": 1, "amount": "2.50"}));
    assert_eq!(day["wins"], json!({"count": 1, "amount": "0.50"}));
    assert_eq!(
        (&day["partner"], &day["revenue"]),
        (&json!("p1"), &json!("2.00"))
    );
    assert_eq!(days["next"], Value::Null);
}
