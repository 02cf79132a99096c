//! Deposits by the real program: configured, activated, decided by the command line, found again
//! after a kill, and by who verifies.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::process::{Process, http, run};

const CONFIG: &str = r#"
[[paykassma.payment_system]]
type = "nagad"
name = "Nagad"
currency = "BDT"
minimum_deposit = "148.00"
limits = { min = "1.00", max = "1000.00" }
requisites = ["017", "018"]
key1 = { min = 3, max = 40 }
"#;

fn serve(directory: &Path) -> Process {
    Process::start(directory, &["serve", "--config", "coffer.toml"], &[])
}

/// A server with a merchant.
fn open(folder: &Path) -> (Process, Merchant) {
    fs::write(folder.join("coffer.toml"), CONFIG).unwrap();
    let server = serve(folder);
    let created = server.ask(&["partner", "create", "--name", "Shop"]).json();
    let secret = created["pluginapi_secret"].as_str().unwrap().to_owned();
    (server, Merchant { secret })
}

struct Merchant {
    secret: String,
}

impl Merchant {
    fn activate(&self, server: &Process, key1: &str, label: &str) -> (u16, Value) {
        let body = json!({
            "currency_code": "BDT", "wallet_type": "nagad", "label": label, "key1": key1,
            "custom_transaction_id": format!("c-{key1}"),
        });
        self.post(server, &body)
    }

    fn post(&self, server: &Process, body: &Value) -> (u16, Value) {
        let path = format!("/api/v1/transaction/activate?secret={}", self.secret);
        let answer = http(server.public(), "POST", &path, &[], &body.to_string());
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }
}

fn receive(server: &Process, reference: &str, amount: &str, more: &[&str]) -> Value {
    let given = [
        "payment",
        "receive",
        "--wallet-type",
        "nagad",
        "--reference",
        reference,
        "--amount",
        amount,
        "--currency",
        "BDT",
    ];
    server.ask(&[&given[..], more].concat()).json()
}

fn states(server: &Process) -> Vec<(String, String)> {
    let list = server.ask(&["deposit", "list"]).json();
    let items = list["items"].as_array().unwrap().iter();
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    items
        .map(|item| (text(item, "key1"), text(item, "state")))
        .collect()
}

fn id_of(server: &Process, key1: &str) -> String {
    let list = server.ask(&["deposit", "list", "--partner", "p1"]).json();
    let mut items = list["items"].as_array().unwrap().iter();
    let item = items.find(|item| item["key1"] == key1).unwrap();
    item["id"].as_str().unwrap().to_owned()
}

/// Which deposits the merchant is told of, the newest first.
fn told_of(server: &Process) -> Vec<String> {
    let told = server.ask(&["postback", "list"]).json();
    let told = told["items"].as_array().unwrap().iter();
    let name = |item: &Value| item["custom_transaction_id"].as_str().unwrap().to_owned();
    told.map(name).collect()
}

/// Asserts what the accounts in taka hold.
fn assert_held(server: &Process, held: &Value) {
    let report = server.ask(&["report", "trial-balance"]).json();
    let mut currencies = report["currencies"].as_array().unwrap().iter();
    let taka = currencies.find(|of| of["currency"] == "BDT").unwrap();
    assert_eq!((&taka["accounts"], &taka["sum"]), (held, &json!("0.00")));
}

fn assert_verified(folder: &Path) {
    let verified = run(folder, &["verify", "--json"], &[]).json();
    assert_eq!(
        (&verified["ok"], &verified["findings"]),
        (&json!(true), &json!([]))
    );
}

#[test]
fn deposits_stand_through_kills_and_verify_finds_nothing_wrong() {
    let directory = tempdir().unwrap();
    let folder = directory.path();
    let (mut server, merchant) = open(folder);
    receive(&server, "KEY-1", "100.00", &[]);
    assert_eq!(merchant.activate(&server, "KEY-1", "55").0, 200);
    assert_eq!(merchant.activate(&server, "KEY-2", "55").0, 200);
    receive(&server, "KEY-3", "500.00", &["--suspicious"]);
    assert_eq!(merchant.activate(&server, "KEY-3", "55").0, 400);
    receive(&server, "KEY-4", "7.00", &["--suspicious"]);
    assert_eq!(merchant.activate(&server, "KEY-4", "55").0, 400);
    let of = |key1: &str, state: &str| (key1.to_owned(), state.to_owned());
    let before = [
        of("KEY-4", "waiting"),
        of("KEY-3", "waiting"),
        of("KEY-2", "possible"),
        of("KEY-1", "saved"),
    ];
    assert_eq!(states(&server), before);
    server.end("KILL");

    server = serve(folder);
    assert_eq!(states(&server), before);
    let matched = receive(&server, "KEY-2", "48.00", &[]);
    let id = id_of(&server, "KEY-2");
    assert_eq!(matched["matched"], json!({ "kind": "deposit", "id": id }));
    let approved = server
        .ask(&["deposit", "approve", &id_of(&server, "KEY-3")])
        .json();
    assert_eq!(approved["state"], "credited");
    let fourth = id_of(&server, "KEY-4");
    let rejected = server
        .ask(&["deposit", "reject", &fourth, "--reason", "not ours"])
        .json();
    assert_eq!(
        (&rejected["state"], &rejected["reason"]),
        (&json!("rejected"), &json!("not ours"))
    );
    assert_eq!(rejected["received_payment"]["state"], "unclaimed");
    server.ask(&["deposit", "approve", &fourth]).failed(1);
    server.ask(&["deposit", "show", "nothing"]).failed(1);
    let waiting = server
        .ask(&["deposit", "list", "--state", "waiting"])
        .json();
    assert_eq!(waiting["items"], json!([]));
    server.end("KILL");

    assert_verified(folder);
    server = serve(folder);
    assert_held(
        &server,
        &json!([
            { "account": "merchant/p1/nagad", "balance": "648.00" },
            { "account": "outside/nagad", "balance": "-655.00" },
            { "account": "received/nagad", "balance": "7.00" },
        ]),
    );
    assert_eq!(told_of(&server), ["c-KEY-3", "c-KEY-2"]);
    // The books say the same as the journal, too.
    server.end("TERM");
    assert_verified(folder);
    let rebuilt = run(folder, &["rebuild", "--json"], &[]);
    assert_eq!(rebuilt.code, 0, "{}", rebuilt.err);
    assert_verified(folder);
}

#[test]
fn a_payment_takes_a_words_place_through_kills_and_nothing_stays_owed() {
    let directory = tempdir().unwrap();
    let folder = directory.path();
    let (mut server, merchant) = open(folder);
    let amounts = [("KEY-1", "200.00", "180.00"), ("KEY-2", "60.00", "70.00")];
    for (key1, said, _) in amounts {
        let body = json!({
            "currency_code": "BDT", "wallet_type": "nagad", "label": "55", "key1": key1,
            "custom_transaction_id": format!("c-{key1}"), "amount": said,
        });
        assert_eq!(merchant.post(&server, &body).0, 200);
        server.ask(&["deposit", "approve", &id_of(&server, key1)]);
    }
    server.end("KILL");
    server = serve(folder);
    for (key1, said, received) in amounts {
        let waits = receive(&server, key1, received, &[]);
        assert_eq!(
            waits["reason"], "its deposit is over another amount",
            "{waits}"
        );
        let id = id_of(&server, key1);
        let joined = server.ask(&["deposit", "approve", &id]).json();
        assert_eq!(joined["activated"]["approved_amount"], said);
        assert_eq!(server.ask(&["deposit", "show", &id]).json(), joined);
    }
    server.end("KILL");
    server = serve(folder);
    assert_held(
        &server,
        &json!([
            { "account": "merchant/p1/nagad", "balance": "180.00" },
            { "account": "outside/nagad", "balance": "-250.00" },
            // What is saved up.
            { "account": "received/nagad", "balance": "70.00" },
        ]),
    );
    server.end("TERM");
    assert_verified(folder);
    assert_eq!(run(folder, &["rebuild", "--json"], &[]).code, 0);
    assert_verified(folder);
}
