//! What operators do about withdrawals and postbacks, by the command line (operations.md).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};

use coffer::engine::command::NewPartner;
use coffer::engine::settings::PartnerSettings;
use coffer::protocol::paykassma::sign::PostbackKeys;
use coffer::secret::Secret;
use coffer::sim::sample;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::merchants::withdrawal;
use crate::on_disk::{OnDisk, write_admin_key};
use crate::process::{Process, await_sight};
use crate::world::clock;

/// What is no acknowledgement.
pub(crate) const SORRY: &str =
    "HTTP/1.1 500 No\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry";

/// A receiver that answers the first requests like this and takes all others; the bodies that came.
pub(crate) fn receiver(first: &'static [&'static str]) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (came, bodies) = channel();
    std::thread::spawn(move || {
        let mut answers = first.iter().copied();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut text = String::new();
            let mut bytes = [0; 4096];
            // The head says `Content-Length`, and a postback is shorter than what is read at once.
            while !text.ends_with('}') {
                let count = stream.read(&mut bytes).unwrap();
                text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
            }
            let (_, body) = text.split_once("\r\n\r\n").unwrap();
            let ok = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{\"status\":\"ok\"}";
            let answer = answers.next().unwrap_or(ok);
            stream.write_all(answer.as_bytes()).unwrap();
            came.send(body.to_owned()).unwrap();
        }
    });
    (address, bodies)
}

/// A data directory with a merchant `p1`, who is told at `at`, and three withdrawals.
fn directory(at: SocketAddr) -> TempDir {
    let folder = tempdir().unwrap();
    let data = folder.path().join("coffer-data");
    std::fs::create_dir(&data).unwrap();
    write_admin_key(&data);
    let books = OnDisk::on_directory(&data, clock());
    let new = NewPartner {
        settings: PartnerSettings {
            check_withdrawal_funds: false,
            withdrawal_postback_url: Some(format!("http://{at}/postback").parse().unwrap()),
            utc_offset: Some("+05:30".parse().unwrap()),
            ..PartnerSettings::default()
        },
        ..sample::partner("one", "INR".parse().unwrap())
    };
    let merchant = books
        .ledger
        .create_partner(new, sample::secrets())
        .unwrap()
        .value;
    for (id, cents) in [("first", 82_000), ("second", 100), ("third", 50)] {
        let mut new = withdrawal(Some(id), "nagad_api", cents);
        new.asked.comment = Some("theirs".parse().unwrap());
        new.asked.details.account_number = Some("5632221204".parse().unwrap());
        books.ledger.create_withdrawal(&merchant, &new).unwrap();
    }
    books.close();
    folder
}

/// The keys of [`sample::secrets`].
fn keys() -> PostbackKeys {
    let secret = Secret::new("simulated".to_owned());
    PostbackKeys {
        access_key: secret.clone(),
        private_key: secret,
    }
}

fn ids(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item["withdrawal_id"].as_str().unwrap())
        .collect()
}

#[track_caller]
fn assert_shown(item: &Value) {
    for (name, value) in [
        ("partner", json!("p1")),
        ("state", json!("processing")),
        ("withdrawal_id", json!("first")),
        ("wallet_type", json!("nagad_api")),
        ("amount", json!("820.00")),
        ("currency", json!("INR")),
        ("label", json!("55")),
        ("is_test", json!(false)),
        ("comment", json!("theirs")),
        ("details", json!({"account_number": "5632221204"})),
        ("note", json!(null)),
        ("decided_at", json!(null)),
    ] {
        assert_eq!(item[name], value, "{name}");
    }
}

/// The first is paid out and the second goes back, whatever else is said.
fn decide(server: &Process, first: &str, second: &str) {
    let ask = |arguments: &[&str]| server.ask(&[&["withdrawal"], arguments].concat());
    let approved = ask(&["approve", first, "--note", "approve by file"]).json();
    assert_eq!(
        (&approved["state"], &approved["note"]),
        (&json!("processed"), &json!("approve by file"))
    );
    assert!(approved["decided_at"].is_string());
    assert_eq!(ask(&["approve", first]).json(), approved, "said already");
    assert!(
        ask(&["reject", first, "--reason", "x"])
            .failed(1)
            .contains("processed already")
    );
    assert_eq!(
        ask(&["reject", second, "--reason", "no"]).json()["state"],
        "rejected"
    );
    ask(&["reject", second]).failed(2);
    ask(&["approve", "0"]).failed(2);
    assert!(
        ask(&["approve", "999999"])
            .failed(1)
            .contains("no such withdrawal")
    );
    for (state, due) in [
        ("processing", "third"),
        ("processed", "first"),
        ("rejected", "second"),
    ] {
        assert_eq!(
            ids(&ask(&["list", "--state", state, "--partner", "p1"]).json()),
            [due]
        );
    }
    ask(&["list", "--state", "open"]).failed(2);
    assert_eq!(
        ids(&ask(&["list", "--partner", "p2"]).json()),
        Vec::<&str>::new()
    );
}

/// Each postback comes, the one that failed twice, with the same bytes; and is sent again.
fn told(server: &Process, bodies: &Receiver<String>) {
    let mut told: Vec<String> = (0..3).map(|_| bodies.recv().unwrap()).collect();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 2);
    let read = |body: &String| serde_json::from_str::<Value>(body).unwrap();
    let body = told.iter().find(|body| body.contains("first")).unwrap();
    let of = read(body);
    assert_eq!(of["additional_data"][0]["comment"], "approve by file");
    assert_eq!(of["additional_data"][0]["withdrawal_status"], 1);
    assert_eq!(
        (&of["direction"], &of["amount"]),
        (&json!("outgoing"), &json!(820))
    );
    let (_, data) = body.split_once(r#""additional_data":"#).unwrap();
    let (data, _) = data.split_once(r#","signature""#).unwrap();
    assert_eq!(of["signature"], keys().sign(data.as_bytes()));

    let postbacks = |arguments: &[&str]| server.ask(&[&["postback"], arguments].concat());
    let delivered = await_sight("that both are delivered", || {
        let page = postbacks(&["list", "--state", "delivered"]).json();
        (page["items"].as_array().unwrap().len() == 2).then_some(page)
    });
    let items = delivered["items"].as_array().unwrap().iter();
    let failed = items.clone().find(|item| item["attempts"] == 2).unwrap();
    let shown = postbacks(&["show", &failed["id"].to_string()]).json();
    let tries = shown["tries"].as_array().unwrap().iter();
    let tries = tries.map(|tried| {
        (
            tried["number"].as_u64(),
            tried["status"].as_u64(),
            &tried["answer"],
        )
    });
    let ok = json!(r#"{"status":"ok"}"#);
    let due = [
        (Some(2), Some(200), &ok),
        (Some(1), Some(500), &json!("sorry")),
    ];
    assert!(tries.eq(due), "{shown}");
    let again = postbacks(&["retry", &failed["id"].to_string()]).json();
    assert_eq!(
        (&again["state"], &again["body"]),
        (&json!("due"), &shown["body"])
    );
    assert_eq!(json!(bodies.recv().unwrap()), shown["body"]);
    assert!(
        postbacks(&["show", "1"])
            .failed(1)
            .contains("no such postback")
    );
}

#[test]
fn withdrawals_are_listed_shown_and_decided_and_merchants_are_told() {
    let (at, bodies) = receiver(&[SORRY]);
    let folder = directory(at);
    let environment = [
        ("COFFER_POSTBACKS_ALLOW_PRIVATE_ADDRESSES", "true"),
        ("COFFER_POSTBACKS_SCHEDULE", "1s"),
    ];
    let server = Process::start(folder.path(), &["serve"], &environment);
    let ask = |arguments: &[&str]| server.ask(&[&["withdrawal"], arguments].concat());
    let page = ask(&["list"]).json();
    assert_eq!(
        (ids(&page), &page["next"]),
        (vec!["third", "second", "first"], &json!(null))
    );
    let number = |place: usize| page["items"][place]["id"].to_string();
    let (third, second, first) = (number(0), number(1), number(2));
    assert_shown(&ask(&["show", &first]).json());
    decide(&server, &first, &second);
    told(&server, &bodies);
    assert!(server.end("TERM").success());

    let verified = crate::process::run(folder.path(), &["verify", "--json"], &[]).json();
    assert_eq!(verified["findings"], json!([]));
    let server = Process::serve(folder.path());
    let report = server.ask(&["report", "trial-balance"]).json();
    let due = json!([
        {"account": "merchant/p1/nagad_api", "balance": "-820.50"},
        {"account": "paid-out/nagad_api", "balance": "820.00"},
        {"account": "payouts/nagad_api", "balance": "0.50"},
    ]);
    assert_eq!(report["currencies"][0]["accounts"], due);
    let asked = server.ask(&["withdrawal", "show", &third]).json();
    assert_eq!(asked["state"], "processing");
}
