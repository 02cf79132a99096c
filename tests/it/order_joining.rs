//! Orders that an operator has decided about before or beside their money, by the command line:
//! whatever was said first, the payment and its order come together once, and the accounts add up
//! (partner-api.md, Payment Gateway; operations.md, `order approve`).

use std::path::Path;

use coffer::engine::settings::PartnerSettings;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::desk::{Desk, held};
use crate::order_cli::{ask, decide, open, order};
use crate::process::{Process, http, run};

const UTR: &str = "418381111111";
const OTHER_UTR: &str = "418382222222";

const SEVERAL: &str = "several orders name its reference";

/// The payer names a UTR on the order's page.
fn name(server: &Process, reference: &str, utr: &str) {
    let path = format!("/order/{reference}");
    let form = format!("utr={utr}");
    let answer = http(server.public(), "POST", &path, &[], &form);
    assert_eq!(answer.status, 303, "{}", answer.body);
}

fn receive(server: &Process, utr: &str, amount: &str) -> Value {
    let line = format!("payment receive --wallet-type upi --currency INR --reference {utr}");
    let mut arguments: Vec<&str> = line.split(' ').collect();
    arguments.extend(["--amount", amount]);
    server.ask(&arguments).json()
}

/// State and UTR of an order, the payment that settled it, and how much it has brought.
fn told(order: &Value) -> [&str; 4] {
    let text = |name: &str| order[name].as_str().unwrap_or("-");
    [
        text("state"),
        text("utr"),
        text("received_payment"),
        text("paid_amount"),
    ]
}

/// What accounts hold, those that hold nothing left out.
fn accounts(server: &Process) -> Vec<(String, String)> {
    let report = server.ask(&["report", "trial-balance"]).json();
    let of = &report["currencies"][0];
    assert_eq!(of["sum"], "0.00");
    let accounts = of["accounts"].as_array().unwrap().iter();
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let lines = accounts.map(|line| (text(line, "account"), text(line, "balance")));
    lines.filter(|(_, balance)| balance != "0.00").collect()
}

/// Nothing is wrong with the directory, and it opens with the same accounts.
fn is_sound(server: Process, directory: &Path) {
    let before = accounts(&server);
    assert!(server.end("TERM").success());
    let verified = run(directory, &["verify", "--json"], &[]).json();
    assert_eq!(verified["findings"], json!([]));
    assert_eq!(accounts(&Process::serve(directory)), before);
}

#[test]
fn a_word_given_while_two_orders_name_the_utr_is_joined_with_the_payment_that_comes() {
    let directory = tempdir().unwrap();
    let (server, token) = open(directory.path(), &[]);
    for id in ["a", "b"] {
        name(&server, &order(&server, &token, id, "1.00"), UTR);
    }
    let by_word = decide(&server, &["approve", "p1/a"]).json();
    assert_eq!(told(&by_word), ["SUCCESS", UTR, "-", "1.00"]);
    let early = decide(&server, &["approve", "p1/a"]);
    let words = "no payment with its reference has come";
    assert!(early.failed(1).contains(words), "{}", early.err);
    let payment = receive(&server, UTR, "1.00");
    assert_eq!(payment["reason"], SEVERAL);
    let ahead = [("outside/upi", "-1.00"), ("partner/p1", "1.00")];
    assert_eq!(accounts(&server), held(&ahead));
    let joined = decide(&server, &["approve", "p1/a"]).json();
    let upi = format!("upi/{UTR}");
    assert_eq!(told(&joined), ["SUCCESS", UTR, upi.as_str(), "1.00"]);
    assert_eq!(joined["state_at"], by_word["state_at"]);
    let again = receive(&server, UTR, "1.00");
    let matched = json!({ "kind": "order", "id": joined["id"] });
    assert_eq!(
        (&again["state"], &again["matched"]),
        (&json!("matched"), &matched)
    );
    // Nobody is paid by it once more.
    let over = decide(&server, &["approve", "p1/a"]);
    assert!(over.failed(1).contains("the order is over"));
    let taken = decide(&server, &["approve", "p1/b"]);
    assert!(taken.failed(1).contains("is another order's"));
    assert_eq!(accounts(&server), held(&ahead));
    is_sound(server, directory.path());
}

#[test]
fn a_word_given_without_a_utr_is_joined_with_what_came_and_brings_that() {
    for (received, early) in [("1.00", true), ("0.70", false), ("1.30", true)] {
        let directory = tempdir().unwrap();
        let (server, token) = open(directory.path(), &[]);
        order(&server, &token, "a", "1.00");
        if early {
            receive(&server, UTR, received);
        }
        let by_word = decide(&server, &["approve", "p1/a"]).json();
        assert_eq!(told(&by_word), ["SUCCESS", "-", "-", "1.00"]);
        if !early {
            receive(&server, UTR, received);
        }
        let joined = decide(&server, &["approve", "p1/a", "--utr", UTR]).json();
        let upi = format!("upi/{UTR}");
        assert_eq!(told(&joined), ["SUCCESS", UTR, upi.as_str(), received]);
        let outside = format!("-{received}");
        let moved = [("outside/upi", outside.as_str()), ("partner/p1", received)];
        assert_eq!(accounts(&server), held(&moved), "{received}");
        let status = ask(&server, &token, "order/status", json!({ "orderId": "a" }));
        assert_eq!(
            (&status["txnAmount"], &status["utr"]),
            (&json!(received), &json!(UTR))
        );
        is_sound(server, directory.path());
    }
}

#[test]
fn of_two_claimants_one_is_rejected_and_the_other_approved() {
    let directory = tempdir().unwrap();
    let (server, token) = open(directory.path(), &[]);
    for id in ["a", "b"] {
        name(&server, &order(&server, &token, id, "1.00"), UTR);
    }
    assert_eq!(receive(&server, UTR, "1.00")["reason"], SEVERAL);
    let reason = ["reject", "p1/a", "--reason", "not theirs"];
    assert_eq!(decide(&server, &reason).json()["state"], "FAILED");
    // What waits stays the operator's to give: to the other one, or to nobody.
    let waiting = ["payment", "list", "--state", "waiting"];
    let items = server.ask(&waiting).json()["items"].take();
    assert_eq!(items[0]["reference"], UTR);
    let other = decide(&server, &["show", "p1/b"]).json();
    assert_eq!(told(&other), ["PENDING", UTR, "-", "-"]);
    let given = decide(&server, &["approve", "p1/b"]).json();
    let upi = format!("upi/{UTR}");
    assert_eq!(told(&given), ["SUCCESS", UTR, upi.as_str(), "1.00"]);
    assert_eq!(server.ask(&waiting).json()["items"], json!([]));
    let moved = [("outside/upi", "-1.00"), ("partner/p1", "1.00")];
    assert_eq!(accounts(&server), held(&moved));
    is_sound(server, directory.path());
}

#[test]
fn money_that_waits_for_an_order_that_is_over_is_given_to_the_one_made_instead() {
    let directory = tempdir().unwrap();
    let (server, token) = open(directory.path(), &[]);
    name(&server, &order(&server, &token, "a", "1.00"), UTR);
    decide(&server, &["cancel", "p1/a"]).json();
    assert_eq!(receive(&server, UTR, "1.00")["state"], "waiting");
    order(&server, &token, "b", "1.00");
    let given = decide(&server, &["approve", "p1/b", "--utr", UTR]).json();
    let upi = format!("upi/{UTR}");
    assert_eq!(told(&given), ["SUCCESS", UTR, upi.as_str(), "1.00"]);
    let moved = [("outside/upi", "-1.00"), ("partner/p1", "1.00")];
    assert_eq!(accounts(&server), held(&moved));
    is_sound(server, directory.path());
}

#[test]
fn what_cannot_be_joined_is_told_and_moves_nothing() {
    let directory = tempdir().unwrap();
    let (server, token) = open(directory.path(), &[]);
    for id in ["a", "b"] {
        order(&server, &token, id, "1.00");
    }
    receive(&server, UTR, "1.00");
    decide(&server, &["approve", "p1/b", "--utr", UTR]).json();
    decide(&server, &["approve", "p1/a"]).json();
    let dollars = format!("payment receive --wallet-type upi --reference {OTHER_UTR}");
    let mut arguments: Vec<&str> = dollars.split(' ').collect();
    arguments.extend(["--amount", "1.00", "--currency", "USD"]);
    server.ask(&arguments).json();
    let before = accounts(&server);
    for (utr, words) in [
        (UTR, "is another order's"),
        (OTHER_UTR, "is in another currency than the order"),
        ("418383333333", "no payment with its reference has come"),
    ] {
        let refused = decide(&server, &["approve", "p1/a", "--utr", utr]);
        assert!(refused.failed(1).contains(words), "{utr} {}", refused.err);
    }
    let plain = decide(&server, &["approve", "p1/a"]);
    assert!(
        plain.failed(1).contains("the order is over"),
        "{}",
        plain.err
    );
    let item = decide(&server, &["show", "p1/a"]).json();
    assert_eq!(told(&item), ["SUCCESS", "-", "-", "1.00"]);
    assert_eq!(accounts(&server), before);
    is_sound(server, directory.path());
}

/// A desk whose user 1234567 has got 1.00 for order `a` by an operator's word.
fn credited() -> Desk {
    let desk = Desk::with(PartnerSettings {
        credit_on_payment: true,
        ..PartnerSettings::default()
    });
    let partner = desk.server.ledger.partner(desk.partner).unwrap().value;
    let user = coffer::engine::command::NewUser {
        name: "A".parse().unwrap(),
        email: "a@example.com".parse().unwrap(),
        mobile: "1234567".parse().unwrap(),
    };
    desk.server.ledger.register_user(&partner, &user).unwrap();
    let body = json!({ "orderId": "a", "txnAmount": "1.00", "cust_Mobile": "1234567" });
    desk.order_for(body);
    assert_eq!(
        desk.admin("orders/approve", &json!({ "id": "p2/a" })).0,
        200
    );
    desk
}

fn adjust(desk: &Desk, amount: &str) {
    let body = json!({
        "partner": "p2", "player_id": "usr-101", "currency": "INR", "amount": amount,
        "reference": amount, "reason": "a test",
    });
    assert_eq!(desk.admin("players/adjust", &body).0, 200);
}

#[test]
fn a_wallet_that_a_word_has_filled_holds_what_came_in_the_end() {
    for (received, spent, left) in [
        ("1.00", "-1.00", "0.00"),
        ("1.30", "-1.00", "0.30"),
        ("0.70", "-0.50", "0.20"),
    ] {
        let desk = credited();
        adjust(&desk, spent);
        // Whose money that was is settled, whatever the partner is set to later.
        let change = json!({ "partner": "p2", "credit_on_payment": false });
        let (status, changed) = desk.admin("partners/update", &change);
        assert_eq!(status, 200, "{changed}");
        desk.receive(UTR, received);
        let approve = json!({ "id": "p2/a", "utr": UTR });
        let (status, joined) = desk.admin("orders/approve", &approve);
        assert_eq!(
            (status, &joined["paid_amount"]),
            (200, &json!(received)),
            "{joined}"
        );
        let outside = format!("-{received}");
        let moved = [("outside/upi", outside.as_str()), ("players/p2", left)];
        let moved = moved.into_iter().filter(|(_, held)| *held != "0.00");
        let moved: Vec<_> = moved.collect();
        assert_eq!(desk.accounts("INR"), held(&moved), "{received}");
    }
}

#[test]
fn what_the_user_has_spent_already_is_not_taken_back() {
    let desk = credited();
    adjust(&desk, "-0.80");
    desk.receive(UTR, "0.70");
    let approve = json!({ "id": "p2/a", "utr": UTR });
    let (status, refused) = desk.admin("orders/approve", &approve);
    let code = &refused["error"]["code"];
    assert_eq!(
        (status, code),
        (422, &json!("insufficient_funds")),
        "{refused}"
    );
    assert_eq!(desk.status("a")["txnAmount"], "1.00");
    adjust(&desk, "0.10");
    assert_eq!(desk.admin("orders/approve", &approve).0, 200);
    assert_eq!(desk.status("a")["txnAmount"], "0.70");
    let moved = [("outside/upi", "-0.70")];
    assert_eq!(desk.accounts("INR"), held(&moved));
}

#[test]
fn a_payment_of_another_way_takes_the_place_of_a_word() {
    let desk = Desk::with_types(&["upi", "upi_p2p"]);
    desk.order("a", "1.00");
    assert_eq!(
        desk.admin("orders/approve", &json!({ "id": "p2/a" })).0,
        200
    );
    let ahead = [("partner/p2", "1.00"), ("received/upi", "-1.00")];
    assert_eq!(desk.accounts("INR"), held(&ahead));
    desk.receive_as(UTR, "1.20", json!({ "wallet_type": "upi_p2p" }));
    let approve = json!({ "id": "p2/a", "utr": UTR });
    assert_eq!(desk.admin("orders/approve", &approve).0, 200);
    let moved = [("outside/upi_p2p", "-1.20"), ("partner/p2", "1.20")];
    assert_eq!(desk.accounts("INR"), held(&moved));
}
