//! `payment/create` byte by byte: the document's request, its answer, and every refusal
//! (paykassma-api.md, Deposits and Small print). Once by the real program: its page through kills.

use std::fs;
use std::path::Path;

use coffer::engine::command::PartnerChange;
use coffer::engine::settings::SettingsChange;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::desk::{Desk, call};
use crate::golden;
use crate::hosted::wanted;
use crate::payers::{Merchant, catalogue};
use crate::process::{Process, http, run};

/// The document's request in its newer form, but for the currency.
const SAMPLE: &str = r#"{
"language": "en",
"currency": "INR",
"bank": "MBB",
"amount": 1000.00,
"label": "55",
"redirect_url": "https:\/\/google.com",
"custom_transaction_id": "123465477897"
}"#;

fn sample(desk: &Desk, name: &str, path: &str, body: &str) {
    let line = format!("POST {}", Merchant::target(path));
    let masked = |seen: String| {
        let Some((_, after)) = seen.split_once("/payment/") else {
            return seen;
        };
        // The answer's, and not that of the path that is called.
        let at = after
            .rfind("/payment/")
            .map_or(after, |at| &after[at + "/payment/".len()..]);
        let reference = at.split('"').next().unwrap().to_owned();
        match reference.len() {
            24 => seen.replace(&reference, &"x".repeat(24)),
            _ => seen,
        }
    };
    let name = format!("hosted.{name}");
    golden::masked_sample(&desk.server, "paykassma", &name, &call(&line, body), masked);
}

#[test]
fn each_answer_and_each_refusal_has_its_bytes() {
    let desk = Desk::offering(catalogue());
    let upi = |name: &str, body: &str| sample(&desk, name, "payment/create/upi", body);
    let other = |from: &str, to: &str| SAMPLE.replacen(from, to, 1);
    upi("new", SAMPLE);
    upi("again", &other("1000.00", "\"1000\""));
    upi("400.other", &other("1000.00", "1001"));
    upi("400.required", "{}");
    let wrong = json!({
        "language": "english", "currency": "inr", "bank": " MBB", "amount": "1e3",
        "label": 55, "redirect_url": "javascript:alert(1)", "custom_transaction_id": "\u{7f}",
    });
    upi("400.wrong", &wrong.to_string());
    upi("400.currency", &other("INR", "USD"));
    upi("400.limits", &other("1000.00", "0.99"));
    upi("400.name", &other("\"123465477897\"", "null"));
    upi("400.malformed", "[");
    let (system, none) = ("payment/create/nobody", "payment/create/");
    sample(&desk, "404.system", system, SAMPLE);
    sample(&desk, "404.path", none, SAMPLE);
    let read = format!("GET {}", Merchant::target("payment/create/upi"));
    let name = "hosted.405";
    golden::sample(&desk.server, "paykassma", name, &call(&read, ""));
    let set = |change: PartnerChange| {
        desk.server
            .ledger
            .change_partner(desk.partner, change)
            .unwrap();
    };
    set(PartnerChange {
        settings: SettingsChange {
            allow_addresses: Some(vec!["192.0.2.0/24".parse().unwrap()]),
            ..SettingsChange::default()
        },
        ..PartnerChange::default()
    });
    upi("404.address", SAMPLE);
}

const CONFIG: &str = r#"
[[paykassma.payment_system]]
type = "nagad"
name = "Nagad"
currency = "BDT"
limits = { min = "1.00", max = "1000.00" }
requisites = ["017", "018"]
key1 = { min = 3, max = 40, chars = "letters-and-digits" }
"#;

fn serve(directory: &Path) -> Process {
    Process::start(directory, &["serve", "--config", "coffer.toml"], &[])
}

/// Asks for a page; its path.
fn page_of(server: &Process, secret: &str, id: &str) -> String {
    let body = wanted(id, json!({ "currency": "BDT" }));
    let path = format!("/api/v1/payment/create/nagad?secret={secret}");
    let answer = http(server.public(), "POST", &path, &[], &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    let url = told["params"]["payment_url"].as_str().unwrap();
    let path = url.strip_prefix(server.public());
    path.unwrap_or_else(|| panic!("{url}")).to_owned()
}

fn shown(server: &Process, path: &str) -> String {
    http(server.public(), "GET", path, &[], "").body
}

fn name(server: &Process, path: &str, key1: &str) -> u16 {
    http(server.public(), "POST", path, &[], &format!("key1={key1}")).status
}

#[test]
fn pages_and_what_was_named_on_them_stand_through_kills_and_verify_finds_nothing_wrong() {
    let directory = tempdir().unwrap();
    let folder = directory.path();
    fs::write(folder.join("coffer.toml"), CONFIG).unwrap();
    let mut server = serve(folder);
    let created = server.ask(&["partner", "create", "--name", "Shop"]).json();
    let secret = created["pluginapi_secret"].as_str().unwrap().to_owned();
    let (open, named) = (
        page_of(&server, &secret, "c-1"),
        page_of(&server, &secret, "c-2"),
    );
    assert_eq!(name(&server, &named, "KEY-1"), 422);
    assert_eq!(name(&server, &named, "KEY+1"), 303);
    server.end("KILL");

    server = serve(folder);
    assert_eq!(page_of(&server, &secret, "c-1"), open);
    assert!(shown(&server, &open).contains("017"));
    assert!(shown(&server, &named).contains("KEY1"));
    let received = [
        "payment",
        "receive",
        "--wallet-type",
        "nagad",
        "--reference",
        "KEY1",
        "--amount",
        "100.50",
        "--currency",
        "BDT",
    ];
    let matched = server.ask(&received).json();
    assert_eq!(matched["matched"]["kind"], "deposit");
    server.end("KILL");

    let verified = || {
        let verified = run(folder, &["verify", "--json"], &[]).json();
        assert_eq!(
            (&verified["ok"], &verified["findings"]),
            (&json!(true), &json!([]))
        );
    };
    verified();
    server = serve(folder);
    assert!(shown(&server, &named).contains("Thank you."));
    let list = server.ask(&["deposit", "list", "--state", "open"]).json();
    let id = open.strip_prefix("/payment/").unwrap();
    assert_eq!(
        (&list["items"][0]["id"], &list["next"]),
        (&json!(id), &Value::Null)
    );
    let shown = server.ask(&["deposit", "show", id]).json();
    assert_eq!(shown["hosted"]["identifier"], "017");
    server.ask(&["deposit", "approve", id]).failed(1);
    let exported = server.ask(&["export", "journal"]).out;
    assert!(exported.contains("payment_page_made"), "{exported}");
    server.end("TERM");
    verified();
    let rebuilt = run(folder, &["rebuild", "--json"], &[]);
    assert_eq!(rebuilt.code, 0, "{}", rebuilt.err);
    verified();
}
