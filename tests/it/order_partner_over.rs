//! Payment links of a partner that is disabled or past its end: its calls and pages are closed,
//! and what runs on is the operator's to decide (partner-api.md, Small print).

use coffer::engine::command::PartnerChange;
use coffer::time::Span;
use serde_json::{Value, json};

use crate::desk::{Desk, call, held};
use crate::support::Client;

const UTR: &str = "418381111111";
const OTHER_UTR: &str = "418382222222";

const NOT_LIVE: &str = "its order's partner is disabled or past its end";

/// Ends the partner, and begins it again.
type Switch = fn(&Desk, bool);

fn disable(desk: &Desk, is_over: bool) {
    change(
        desk,
        PartnerChange {
            disabled: Some(is_over),
            ..PartnerChange::default()
        },
    );
}

fn expire(desk: &Desk, is_over: bool) {
    let end = is_over.then(|| desk.server.ledger.now());
    change(
        desk,
        PartnerChange {
            expires_at: Some(end),
            ..PartnerChange::default()
        },
    );
}

fn change(desk: &Desk, change: PartnerChange) {
    let changed = desk.server.ledger.change_partner(desk.partner, change);
    changed.unwrap();
}

const BOTH: [Switch; 2] = [disable, expire];

/// Everything that a payer can do at an order's two addresses.
fn visits(desk: &Desk, reference: &str) -> Vec<(u16, String)> {
    let paths = [
        format!("/order/{reference}"),
        format!("/order/{reference}?correct"),
        format!("/order/CreateOrder.php?txn_id={reference}"),
    ];
    let mut seen = Vec::new();
    for path in &paths {
        for (method, form) in [
            ("GET", ""),
            ("POST", "utr=418381111111"),
            ("POST", "utr=1"),
            ("POST", ""),
        ] {
            let answer = desk.send(&format!("{method} {path}"), form);
            seen.push((answer.status, answer.body));
        }
        let mut client = Client::connect(desk.server.public);
        client.send(&call(&format!("HEAD {path}"), ""));
        let head = client.answer_to(false).unwrap();
        seen.push((head.status, head.body));
    }
    seen
}

#[test]
fn the_pages_of_a_partner_that_is_over_are_gone_and_come_back_with_it() {
    for switch in BOTH {
        let desk = Desk::open();
        let (open, named, paid) = (
            desk.order("a", "1"),
            desk.order("b", "1"),
            desk.order("c", "1"),
        );
        desk.name(&named, UTR).unwrap();
        desk.receive(OTHER_UTR, "1");
        desk.name(&paid, OTHER_UTR).unwrap();
        switch(&desk, true);
        // The first one waits until that is durable.
        assert_eq!(desk.send(&format!("GET /order/{open}"), "").status, 410);
        let head = desk.server.ledger.head();
        for reference in [&open, &named, &paid] {
            for (status, body) in visits(&desk, reference) {
                assert_eq!(status, 410, "{body}");
                let is_plain = body.is_empty() || body.contains("Payment is not possible");
                assert!(is_plain && !body.contains("Shop Ltd."), "{body}");
                for form in ["<form", "upi://", "http-equiv"] {
                    assert!(!body.contains(form), "{body}");
                }
            }
        }
        // Nobody learns more there of what never was.
        assert_eq!(desk.send("GET /order/nobodys", "").status, 404);
        assert_eq!(desk.server.ledger.head(), head, "nothing was named");
        switch(&desk, false);
        let answer = desk.send(&format!("GET /order/{open}"), "");
        assert!(answer.body.contains("Shop Ltd."), "{answer:?}");
        let answer = desk.send(&format!("POST /order/{open}"), "utr=418383333333");
        assert_eq!(answer.status, 303, "{answer:?}");
    }
}

#[test]
fn its_calls_are_refused() {
    for switch in BOTH {
        let desk = Desk::open();
        desk.order("a", "1");
        switch(&desk, true);
        let ask = |name: &str| desk.ask(name, json!({ "orderId": "a", "txnAmount": 1 }));
        for name in ["payment_links", "order/status", "order/cancel"] {
            let (status, told) = ask(name);
            let inactive = json!("API Key inactive or expired");
            assert_eq!((status, &told["message"]), (403, &inactive), "{name}");
        }
        switch(&desk, false);
        for name in ["payment_links", "order/status", "order/cancel"] {
            assert_eq!(ask(name).0, 200, "{name}");
        }
    }
}

#[test]
fn its_open_orders_run_on_and_their_money_waits_for_the_operator() {
    for switch in BOTH {
        let desk = Desk::open();
        let waits = json!(["waiting", Value::Null, NOT_LIVE]);
        let whose = |told: &Value| json!([told["state"], told["matched"], told["reason"]]);
        for (id, utr) in [("a", UTR), ("b", OTHER_UTR), ("word", "100000000001")] {
            desk.name(&desk.order(id, "1.00"), utr).unwrap();
        }
        let by_word = json!({ "id": "p2/word" });
        assert_eq!(desk.admin("orders/approve", &by_word).0, 200);
        switch(&desk, true);
        for utr in [UTR, OTHER_UTR] {
            assert_eq!(whose(&desk.receive(utr, "1.00")), waits, "{utr}");
        }
        // What a word was given for is given to it.
        assert_eq!(desk.receive("100000000001", "1.00")["state"], "matched");
        // The operator decides now, or when the partner is back.
        let approve = json!({ "id": "p2/a" });
        let (status, told) = desk.admin("orders/approve", &approve);
        assert_eq!((status, &told["state"]), (200, &json!("SUCCESS")), "{told}");
        switch(&desk, false);
        assert_eq!(whose(&desk.payment(OTHER_UTR)), waits);
        assert_eq!(desk.state("b").0, "PENDING");
        let approve = json!({ "id": "p2/b" });
        assert_eq!(desk.admin("orders/approve", &approve).0, 200);
        let moved = [("outside/upi", "-3.00"), ("partner/p2", "3.00")];
        assert_eq!(desk.accounts("INR"), held(&moved));
    }
}

#[test]
fn its_orders_expire_as_ever() {
    let desk = Desk::open();
    desk.name(&desk.order("a", "1"), UTR).unwrap();
    disable(&desk, true);
    desk.server.clock.advance(Span::from_seconds(1800));
    let told = desk.receive(UTR, "1");
    assert_eq!(told["reason"], "its order is expired, failed or cancelled");
    let reject = json!({ "id": "p2/a", "reason": "gone" });
    let (status, told) = desk.admin("orders/reject", &reject);
    assert_eq!((status, &told["state"]), (200, &json!("FAILED")), "{told}");
}
