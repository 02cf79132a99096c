//! Orders by the command line, and over the real program's HTTP: listed, shown, decided about,
//! found again after a kill, out of the books and out of books that were made anew (operations.md,
//! Shapes that scripts use).

use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::operator::members;
use crate::process::{Process, Ran, http, run};

const UTR: &str = "418381111111";

/// A server with a partner, and that one's token.
pub(crate) fn open(directory: &Path, environment: &[(&str, &str)]) -> (Process, String) {
    let server = Process::start(directory, &["serve"], environment);
    let create = [
        "partner",
        "create",
        "--name",
        "Shop Ltd.",
        "--currency",
        "INR",
    ];
    let created = server.ask(&create).json();
    let token = created["payment_token"].as_str().unwrap().to_owned();
    (server, token)
}

/// A call of the Payment Gateway.
pub(crate) fn ask(server: &Process, token: &str, call: &str, mut body: Value) -> Value {
    body["token"] = json!(token);
    let path = format!("/v2/partner/{call}");
    let answer = http(server.public(), "POST", &path, &[], &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str::<Value>(&answer.body).unwrap()["data"].take()
}

/// Makes an order; what its page is found by.
pub(crate) fn order(server: &Process, token: &str, id: &str, amount: &str) -> String {
    let body = json!({ "orderId": id, "txnAmount": amount });
    let told = ask(server, token, "payment_links", body);
    told["txn_ref_id"].as_str().unwrap().to_owned()
}

fn receive(server: &Process, utr: &str, more: &[&str]) -> Value {
    let payment = [
        "payment",
        "receive",
        "--wallet-type",
        "upi",
        "--reference",
        utr,
        "--amount",
        "1.00",
        "--currency",
        "INR",
    ];
    server.ask(&[&payment[..], more].concat()).json()
}

pub(crate) fn decide(server: &Process, arguments: &[&str]) -> Ran {
    server.ask(&[&["order"][..], arguments].concat())
}

/// The orderIds that a list has, page by page.
fn listed(server: &Process, more: &[&str]) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut arguments = [&["order", "list"][..], more].concat();
        if let Some(cursor) = &cursor {
            arguments.extend(["--cursor", cursor]);
        }
        let page = server.ask(&arguments).json();
        let items = page["items"].as_array().unwrap().iter();
        found.extend(items.map(|item| item["orderId"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return found,
        }
    }
}

#[test]
fn an_operator_is_shown_an_order_by_both_of_its_names() {
    let directory = tempdir().unwrap();
    let (server, token) = open(directory.path(), &[]);
    let body = json!({
        "orderId": "a", "txnAmount": "1", "txnNote": "a note", "cust_Mobile": "+9876543210",
        "cust_Email": "a@example.com",
    });
    let first = ask(&server, &token, "payment_links", body);
    let reference = first["txn_ref_id"].as_str().unwrap();
    let mut item = decide(&server, &["show", reference]).json();
    assert_eq!(decide(&server, &["show", "p1/a"]).json(), item);
    for time in ["created_at", "expires_at", "state_at"] {
        assert!(item[time].take().as_str().unwrap().ends_with('Z'));
    }
    let due = json!({
        "id": reference, "partner": "p1", "state": "PENDING", "orderId": "a",
        "txn_ref_id": reference, "amount": "1.00", "currency": "INR", "txnNote": "a note",
        "cust_Mobile": "9876543210", "cust_Email": "a@example.com", "utr": null,
        "received_payment": null, "paid_amount": null, "reason": null, "created_at": null,
        "expires_at": null, "state_at": null,
    });
    assert_eq!(item, due);
}

#[test]
fn each_decision_answers_the_order_and_lists_are_by_state_and_partner() {
    let directory = tempdir().unwrap();
    let (server, token) = open(directory.path(), &[]);
    for id in ["a", "b", "c", "d", "e"] {
        order(&server, &token, id, "1.00");
    }
    receive(&server, UTR, &["--suspicious"]);
    let approved = decide(&server, &["approve", "p1/a", "--utr", UTR]).json();
    let told = |item: &Value| {
        let part = |name: &str| item[name].clone();
        [
            part("state"),
            part("utr"),
            part("received_payment"),
            part("reason"),
        ]
    };
    let payment = format!("upi/{UTR}");
    assert_eq!(
        told(&approved),
        [json!("SUCCESS"), json!(UTR), json!(payment), json!(null)]
    );
    let rejected = decide(&server, &["reject", "p1/b", "--reason", "not ours"]).json();
    assert_eq!(
        told(&rejected),
        [json!("FAILED"), json!(null), json!(null), json!("not ours")]
    );
    let cancelled = decide(&server, &["cancel", "p1/c"]).json();
    assert_eq!(
        told(&cancelled),
        [json!("CANCELLED"), json!(null), json!(null), json!(null)]
    );
    let by_word = decide(&server, &["approve", "p1/d"]).json();
    assert_eq!(
        told(&by_word),
        [json!("SUCCESS"), json!(null), json!(null), json!(null)]
    );

    assert_eq!(
        listed(&server, &["--limit", "2"]),
        ["e", "d", "c", "b", "a"]
    );
    let all = server.ask(&["order", "list"]).json();
    assert_eq!(members(&all), ["items", "next"]);
    assert_eq!(all["items"][4], decide(&server, &["show", "p1/a"]).json());
    for (state, ids) in [
        ("SUCCESS", &["d", "a"][..]),
        ("FAILED", &["b"]),
        ("CANCELLED", &["c"]),
        ("PENDING", &["e"]),
        ("EXPIRED", &[]),
    ] {
        let found = listed(&server, &["--state", state, "--limit", "1"]);
        assert_eq!(found, ids, "{state}");
    }
    assert_eq!(listed(&server, &["--partner", "p1"]).len(), 5);
    assert_eq!(listed(&server, &["--partner", "p2"]).len(), 0);
}

#[test]
fn what_an_operator_may_not_do_about_an_order_is_told() {
    let directory = tempdir().unwrap();
    let (server, token) = open(directory.path(), &[]);
    for id in ["a", "b"] {
        order(&server, &token, id, "1.00");
    }
    receive(&server, UTR, &[]);
    decide(&server, &["approve", "p1/a", "--utr", UTR]).json();
    for (arguments, code, words) in [
        (&["approve", "p1/a"][..], 1, "the order is over"),
        (&["cancel", "p1/a"], 1, "the order is over"),
        (&["reject", "p1/a", "--reason", "x"], 1, "the order is over"),
        (&["approve", "p1/b", "--utr", UTR], 1, "is another order's"),
        (&["approve", "p1/nobodys"], 1, "there is no such order"),
        (&["show", "p9/a"], 1, "there is no such order"),
        (&["show", "nobodys"], 1, "there is no such order"),
        (&["show", "a/b"], 2, "txn_ref_id"),
        (&["reject", "p1/b"], 2, "--reason"),
        (&["reject", "p1/b", "--reason", ""], 2, "--reason"),
        (&["approve", "p1/b", "--utr", "41838111111"], 2, "12 digits"),
        (&["list", "--state", "paid"], 2, "PENDING"),
    ] {
        let told = decide(&server, arguments);
        assert!(
            told.failed(code).contains(words),
            "{arguments:?} {}",
            told.err
        );
    }
    let pending = decide(&server, &["show", "p1/b"]).json();
    assert_eq!(pending["state"], "PENDING");
    // Over HTTP with the key, as any script could, and not without.
    let bearer = format!("Authorization: Bearer {}", server.key());
    let body = r#"{"id":"p1/b","reason":"not ours"}"#;
    let reject = |headers: &[&str]| {
        http(
            server.admin(),
            "POST",
            "/admin/v1/orders/reject",
            headers,
            body,
        )
        .status
    };
    assert_eq!((reject(&[]), reject(&[&bearer])), (401, 200));
}

#[test]
fn every_decision_is_in_the_journal_with_who_took_it() {
    let directory = tempdir().unwrap();
    let (server, token) = open(directory.path(), &[]);
    for id in ["a", "b", "c", "d"] {
        order(&server, &token, id, "1.00");
    }
    ask(&server, &token, "order/cancel", json!({ "orderId": "a" }));
    decide(&server, &["cancel", "p1/b", "--reason", "a slip"]).json();
    decide(&server, &["reject", "p1/c", "--reason", "fraud"]).json();
    receive(&server, UTR, &[]);
    decide(&server, &["approve", "p1/d", "--utr", UTR]).json();
    let exported = server.ask(&["export", "journal"]).out;
    let entries = exported
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_orders: Vec<_> = entries
        .filter(|entry| {
            entry["kind"]
                .as_str()
                .is_some_and(|kind| kind.starts_with("order_"))
        })
        .collect();
    let told = of_orders.iter().map(|entry| {
        let text = |name: &str| entry[name].as_str().unwrap().to_owned();
        (text("kind"), text("by"))
    });
    let due = [
        ("order_created", "partner"),
        ("order_created", "partner"),
        ("order_created", "partner"),
        ("order_created", "partner"),
        ("order_cancelled", "partner"),
        ("order_cancelled", "operator"),
        ("order_rejected", "operator"),
        ("order_approved", "operator"),
    ];
    let due = due.map(|(kind, by)| (kind.to_owned(), by.to_owned()));
    assert_eq!(told.collect::<Vec<_>>(), due);
    let documents = &of_orders[7]["documents"];
    let settled = documents.as_array().unwrap().iter();
    let payment = settled
        .clone()
        .find_map(|document| document.get("received_payment"));
    let paid = settled.clone().find_map(|document| document.get("order"));
    let (payment, paid) = (payment.unwrap(), paid.unwrap());
    assert_eq!(paid["payment"], format!("upi/{UTR}"));
    assert_eq!(payment["state"]["matched"]["order"], paid["txn_ref_id"]);
    assert_eq!(of_orders[6]["documents"][0]["order"]["reason"], "fraud");
    let csv = server.ask(&["export", "journal", "--format", "csv"]).out;
    assert!(csv.contains("order_approved"), "{csv}");
}

/// Everything that is told of payments and orders.
fn told(server: &Process, token: &str) -> [Value; 4] {
    let status = |id: &str| ask(server, token, "order/status", json!({ "orderId": id }));
    [
        server.ask(&["order", "list"]).json(),
        server.ask(&["payment", "list"]).json(),
        server.ask(&["report", "trial-balance", "--all"]).json(),
        json!(["paid", "waiting", "cancelled"].map(status)),
    ]
}

#[test]
fn orders_and_payments_survive_a_kill_the_books_and_books_made_anew() {
    let directory = tempdir().unwrap();
    let small = [("COFFER_STORAGE_CHECKPOINT_ENTRIES", "3")];
    let (server, token) = open(directory.path(), &small);
    for id in ["paid", "waiting", "cancelled"] {
        order(&server, &token, id, "1.00");
    }
    receive(&server, UTR, &[]);
    decide(&server, &["approve", "p1/paid", "--utr", UTR]).json();
    receive(&server, "418382222222", &["--suspicious"]);
    ask(
        &server,
        &token,
        "order/cancel",
        json!({ "orderId": "cancelled" }),
    );
    let before = told(&server, &token);
    let accounts = &before[2]["currencies"][0]["accounts"];
    let due = json!([
        {"account": "outside/upi", "balance": "-2.00"},
        {"account": "partner/p1", "balance": "1.00"},
        {"account": "received/upi", "balance": "1.00"},
    ]);
    assert_eq!(*accounts, due);
    server.end("KILL");
    let server = Process::serve(directory.path());
    assert_eq!(told(&server, &token), before);
    assert!(server.end("TERM").success());
    // Out of the books, and out of books that were made anew.
    for _ in 0..2 {
        let verified = run(directory.path(), &["verify", "--json"], &[]).json();
        assert_eq!(verified["findings"], json!([]));
        let server = Process::serve(directory.path());
        assert_eq!(told(&server, &token), before);
        // What was claimed stays claimed, and a name stays used.
        let taken = decide(&server, &["approve", "p1/waiting", "--utr", UTR]);
        assert!(taken.failed(1).contains("another order's"));
        let again = json!({ "orderId": "paid", "txnAmount": 1 });
        let link = ask(&server, &token, "payment_links", again);
        assert_eq!(link["txn_ref_id"], before[0]["items"][2]["id"]);
        assert_eq!(told(&server, &token), before);
        assert!(server.end("TERM").success());
        assert_eq!(run(directory.path(), &["rebuild"], &[]).code, 0);
    }
}

#[test]
fn payments_are_listed_by_their_state_and_show_whose_they_are() {
    let directory = tempdir().unwrap();
    let (server, token) = open(directory.path(), &[]);
    let reference = order(&server, &token, "a", "1.00");
    for utr in [UTR, "418382222222", "418383333333"] {
        receive(&server, utr, &[]);
    }
    decide(&server, &["approve", "p1/a", "--utr", "418382222222"]).json();
    let list = |state: &str| {
        let page = server.ask(&["payment", "list", "--limit", "1", "--state", state]);
        let page = page.json();
        let items = page["items"].as_array().unwrap().clone();
        let references = items
            .iter()
            .map(|item| item["reference"].as_str().unwrap().to_owned());
        (references.collect::<Vec<_>>(), page["next"].is_null())
    };
    assert_eq!(list("unclaimed"), (vec!["418383333333".to_owned()], false));
    assert_eq!(list("matched"), (vec!["418382222222".to_owned()], true));
    assert_eq!(list("waiting"), (vec![], true));
    let matched = server
        .ask(&["payment", "list", "--state", "matched"])
        .json();
    let due = json!({ "kind": "order", "id": reference });
    assert_eq!(matched["items"][0]["matched"], due);
    let wrong = ["payment", "list", "--state", "paid"];
    assert!(server.ask(&wrong).failed(2).contains("unclaimed"));
    let again = receive(&server, "418382222222", &[]);
    let due = json!({
        "received_payment": "upi/418382222222", "state": "matched", "matched": due,
        "repeated": true,
    });
    assert_eq!(again, due);
}

#[test]
fn the_life_of_orders_and_the_types_that_settle_them_are_configured() {
    let directory = tempdir().unwrap();
    let configured = [
        ("COFFER_PAYMENTS_ORDER_TTL", "7m"),
        ("COFFER_PAYMENTS_WALLET_TYPES", "paytm,upi_p2p"),
    ];
    let (server, token) = open(directory.path(), &configured);
    order(&server, &token, "a", "1.00");
    let item = decide(&server, &["show", "p1/a"]).json();
    let micros = |name: &str| {
        let at: coffer::time::Timestamp = item[name].as_str().unwrap().parse().unwrap();
        at.micros()
    };
    assert_eq!(micros("expires_at") - micros("created_at"), 420_000_000);
    // A payment by UPI settles no order here: it is by word, and out of the first type.
    receive(&server, UTR, &[]);
    let approved = decide(&server, &["approve", "p1/a", "--utr", UTR]).json();
    assert_eq!(approved["received_payment"], json!(null));
    let report = server.ask(&["report", "trial-balance"]).json();
    let due = json!([
        {"account": "outside/upi", "balance": "-1.00"},
        {"account": "partner/p1", "balance": "1.00"},
        {"account": "received/paytm", "balance": "-1.00"},
        {"account": "received/upi", "balance": "1.00"},
    ]);
    assert_eq!(report["currencies"][0]["accounts"], due);
    for wrong in ["", "UPI", "upi,a b"] {
        let environment = [("COFFER_PAYMENTS_WALLET_TYPES", wrong)];
        let ran = run(directory.path(), &["config", "check"], &environment);
        assert_eq!(ran.code, 2, "{wrong:?} {}", ran.out);
        assert!(ran.err.contains("payments.wallet_types"), "{}", ran.err);
    }
}
