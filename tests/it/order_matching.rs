//! How received payments find their orders: whichever comes first, once each, and what waits for
//! an operator (partner-api.md, Payment Gateway; operations.md, Received payments).

use coffer::engine::command::{NewUser, PartnerChange};
use coffer::engine::refusal::OrderRefusal;
use coffer::engine::settings::{PartnerSettings, SettingsChange};
use coffer::ledger::OrderError;
use coffer::time::Span;
use serde_json::{Value, json};

use crate::desk::{Desk, held};
use crate::support::partner_request;

const UTR: &str = "418381111111";
const OTHER_UTR: &str = "418382222222";

const AMOUNT: &str = "its order is over another amount";
const CURRENCY: &str = "its order is in another currency";
const LATE: &str = "its order is expired, failed or cancelled";
const SEVERAL: &str = "several orders name its reference";
const DUPLICATE: &str = "its order is paid already";
const SUSPICIOUS: &str = "it is marked as suspicious";

/// What is told of a payment: its state, whose it is, why it waits.
fn whose(told: &Value) -> (String, Value, Value) {
    let state = told["state"].as_str().unwrap().to_owned();
    (state, told["matched"].clone(), told["reason"].clone())
}

fn matched(reference: &str) -> (String, Value, Value) {
    let of = json!({ "kind": "order", "id": reference });
    ("matched".to_owned(), of, Value::Null)
}

fn waiting(reason: &str) -> (String, Value, Value) {
    ("waiting".to_owned(), Value::Null, json!(reason))
}

fn unclaimed() -> (String, Value, Value) {
    ("unclaimed".to_owned(), Value::Null, Value::Null)
}

fn refused<T: std::fmt::Debug>(done: Result<T, OrderError>) -> OrderRefusal {
    match done {
        Err(OrderError::Refused(refusal, _)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_payment_and_a_utr_meet_whichever_comes_first() {
    for utr_first in [true, false] {
        let desk = Desk::open();
        let reference = desk.order("a", "100.00");
        if utr_first {
            desk.name(&reference, UTR).unwrap();
            assert_eq!(desk.state("a"), ("PENDING".into(), String::new()));
            assert_eq!(whose(&desk.receive(UTR, "100.00")), matched(&reference));
        } else {
            assert_eq!(whose(&desk.receive(UTR, "100.00")), unclaimed());
            let received = [("outside/upi", "-100.00"), ("received/upi", "100.00")];
            assert_eq!(desk.accounts("INR"), held(&received));
            desk.name(&reference, UTR).unwrap();
        }
        assert_eq!(desk.state("a"), ("SUCCESS".into(), UTR.into()));
        assert_eq!(whose(&desk.payment(UTR)), matched(&reference));
        let moved = [("outside/upi", "-100.00"), ("partner/p2", "100.00")];
        assert_eq!(desk.accounts("INR"), held(&moved));
        // Said again, all of it: nothing moves.
        let head = desk.server.ledger.head();
        let again = desk.receive(UTR, "100.00");
        assert_eq!(whose(&again), matched(&reference));
        assert_eq!(again["repeated"], true);
        assert_eq!(
            refused(desk.name(&reference, UTR)),
            OrderRefusal::NotPending
        );
        assert_eq!(desk.server.ledger.head(), head);
    }
}

#[test]
fn what_is_not_plainly_an_orders_money_waits_with_the_reason() {
    for (other, due) in [
        (json!({ "amount": "99.99" }), waiting(AMOUNT)),
        (json!({ "amount": "100.01" }), waiting(AMOUNT)),
        (json!({ "currency": "USD" }), waiting(CURRENCY)),
        (
            json!({ "currency": "USD", "amount": "1" }),
            waiting(CURRENCY),
        ),
        (json!({ "suspicious": true }), waiting(SUSPICIOUS)),
        (
            json!({ "suspicious": true, "amount": "1" }),
            waiting(SUSPICIOUS),
        ),
        // Not of a type that settles orders.
        (json!({ "wallet_type": "paytm" }), unclaimed()),
    ] {
        for utr_first in [true, false] {
            let desk = Desk::open();
            let reference = desk.order("a", "100.00");
            let told = if utr_first {
                desk.name(&reference, UTR).unwrap();
                desk.receive_as(UTR, "100.00", other.clone())
            } else {
                let told = desk.receive_as(UTR, "100.00", other.clone());
                assert_eq!(whose(&told), unclaimed(), "nobody has asked for it");
                desk.name(&reference, UTR).unwrap();
                desk.payment(UTR)
            };
            assert_eq!(whose(&told), due, "{other} {utr_first}");
            assert_eq!(whose(&desk.payment(UTR)), due, "{other} {utr_first}");
            assert_eq!(desk.state("a").0, "PENDING", "{other} {utr_first}");
        }
    }
}

#[test]
fn a_reference_that_is_no_utr_belongs_to_no_order() {
    let desk = Desk::open();
    for reference in ["41838111111", "4183811111111", "41838111111x"] {
        assert_eq!(whose(&desk.receive(reference, "1")), unclaimed());
    }
}

#[test]
fn money_for_an_order_that_is_over_waits() {
    let desk = Desk::open();
    let over = |id: &str, utr: &str| {
        let reference = desk.order(id, "1.00");
        desk.name(&reference, utr).unwrap();
        reference
    };
    over("cancelled", "100000000001");
    assert_eq!(desk.cancel("cancelled"), 200);
    over("failed", "100000000002");
    let reject = json!({ "id": "p2/failed", "reason": "fraud" });
    assert_eq!(desk.admin("orders/reject", &reject).0, 200);
    let expired = over("expired", "100000000003");
    desk.server.clock.advance(Span::from_seconds(1799));
    let paid = over("paid", "100000000004");
    desk.server.clock.advance(Span::from_seconds(1));
    for utr in ["100000000001", "100000000002", "100000000003"] {
        assert_eq!(whose(&desk.receive(utr, "1.00")), waiting(LATE), "{utr}");
    }
    assert_eq!(whose(&desk.receive("100000000004", "1.00")), matched(&paid));
    // Nobody names another UTR for it any more.
    let refusal = refused(desk.name(&expired, UTR));
    assert_eq!(refusal, OrderRefusal::NotPending);
    let held_back = [
        ("outside/upi", "-4.00"),
        ("partner/p2", "1.00"),
        ("received/upi", "3.00"),
    ];
    assert_eq!(desk.accounts("INR"), held(&held_back));
}

#[test]
fn a_utr_that_two_orders_claim_waits_for_an_operator() {
    for utrs_first in [true, false] {
        let desk = Desk::open();
        let (one, two) = (desk.order("one", "1.00"), desk.order("two", "1.00"));
        if utrs_first {
            desk.name(&one, UTR).unwrap();
            desk.name(&two, UTR).unwrap();
            assert_eq!(whose(&desk.receive(UTR, "1.00")), waiting(SEVERAL));
        } else {
            // It is the first one's who names it, and that one's alone.
            desk.receive(UTR, "1.00");
            desk.name(&one, UTR).unwrap();
            desk.name(&two, UTR).unwrap();
            assert_eq!(whose(&desk.payment(UTR)), matched(&one));
            assert_eq!(desk.state("two"), ("PENDING".into(), String::new()));
            continue;
        }
        for id in ["one", "two"] {
            assert_eq!(desk.state(id), ("PENDING".into(), String::new()));
        }
        let (status, told) = desk.admin("orders/approve", &json!({ "id": two }));
        assert_eq!((status, &told["state"]), (200, &json!("SUCCESS")), "{told}");
        assert_eq!(whose(&desk.payment(UTR)), matched(&two));
        let (status, told) = desk.admin("orders/approve", &json!({ "id": one }));
        assert_eq!(
            (status, &told["error"]["code"]),
            (409, &json!("payment_taken"))
        );
        assert_eq!(desk.state("one").0, "PENDING");
        let moved = [("outside/upi", "-1.00"), ("partner/p2", "1.00")];
        assert_eq!(desk.accounts("INR"), held(&moved));
    }
}

#[test]
fn an_order_that_is_over_claims_nothing_from_one_that_is_not() {
    let desk = Desk::open();
    for (place, end) in ["orders/cancel", "orders/reject"].into_iter().enumerate() {
        let utr = format!("10000000000{place}");
        let over = desk.order(&format!("over {place}"), "1.00");
        desk.name(&over, &utr).unwrap();
        let mut ended = json!({ "id": over });
        if end == "orders/reject" {
            ended["reason"] = json!("no");
        }
        assert_eq!(desk.admin(end, &ended).0, 200);
        let open = desk.order(&format!("open {place}"), "1.00");
        desk.name(&open, &utr).unwrap();
        assert_eq!(whose(&desk.receive(&utr, "1.00")), matched(&open), "{end}");
    }
}

#[test]
fn payers_name_a_utr_for_sixteen_orders_and_an_operator_for_any() {
    let desk = Desk::open();
    let orders: Vec<_> = (0..18)
        .map(|id| desk.order(&format!("o{id}"), "1.00"))
        .collect();
    for reference in &orders[..16] {
        desk.name(reference, UTR).unwrap();
    }
    let refusal = refused(desk.name(&orders[16], UTR));
    assert_eq!(refusal, OrderRefusal::TooManyClaims);
    // Who has named it before may come back to it.
    desk.name(&orders[0], OTHER_UTR).unwrap();
    desk.name(&orders[0], UTR).unwrap();
    assert_eq!(whose(&desk.receive(UTR, "1.00")), waiting(SEVERAL));
    let approve = json!({ "id": orders[17], "utr": UTR });
    assert_eq!(desk.admin("orders/approve", &approve).0, 200);
    assert_eq!(whose(&desk.payment(UTR)), matched(&orders[17]));
}

#[test]
fn a_second_payment_for_a_paid_order_waits() {
    let desk = Desk::open();
    let reference = desk.order("a", "1.00");
    desk.name(&reference, UTR).unwrap();
    let approve = json!({ "id": "p2/a", "utr": OTHER_UTR });
    desk.receive(OTHER_UTR, "1.00");
    let (status, told) = desk.admin("orders/approve", &approve);
    assert_eq!((status, &told["utr"]), (200, &json!(OTHER_UTR)), "{told}");
    // The payer's own UTR is not the order's any more.
    assert_eq!(whose(&desk.receive(UTR, "1.00")), unclaimed());
    // The order's UTR, come by another way that settles orders too, would be a second payment.
    let two_types = Desk::with_types(&["upi", "upi_p2p"]);
    let reference = two_types.order("a", "1.00");
    two_types.name(&reference, UTR).unwrap();
    two_types.receive(UTR, "1.00");
    let second = two_types.receive_as(UTR, "1.00", json!({ "wallet_type": "upi_p2p" }));
    assert_eq!(whose(&second), waiting(DUPLICATE));
    // An operator gives it to another order: it is the one of that UTR that is free.
    let other = two_types.order("b", "1.00");
    let approve = json!({ "id": other, "utr": UTR });
    let (status, told) = two_types.admin("orders/approve", &approve);
    assert_eq!(
        (status, &told["received_payment"]),
        (200, &json!(format!("upi_p2p/{UTR}")))
    );
}

#[test]
fn a_payer_corrects_the_utr_five_times_and_no_more() {
    let desk = Desk::open();
    let reference = desk.order("a", "1.00");
    let utr = |place: u64| format!("{:012}", 100_000_000_000 + place);
    for place in 0..6 {
        let row = desk.name(&reference, &utr(place)).unwrap();
        assert_eq!(u64::from(row.order.corrections), place);
        let again = desk.name(&reference, &utr(place)).unwrap();
        assert_eq!(again.changed, row.changed, "the same is no correction");
    }
    let refusal = refused(desk.name(&reference, &utr(6)));
    assert_eq!(refusal, OrderRefusal::TooManyCorrections);
    // What was corrected claims nothing; what is named now does.
    assert_eq!(whose(&desk.receive(&utr(2), "1.00")), unclaimed());
    assert_eq!(whose(&desk.receive(&utr(5), "1.00")), matched(&reference));
    assert_eq!(desk.state("a"), ("SUCCESS".into(), utr(5)));
    let unknown = desk.name("nobodys", UTR);
    assert_eq!(refused(unknown), OrderRefusal::Unknown);
}

#[test]
fn a_payment_that_waits_is_an_operators_to_give_whoever_names_it_next() {
    let desk = Desk::open();
    let (wrong, right) = (desk.order("wrong", "5.00"), desk.order("right", "1.00"));
    desk.name(&wrong, UTR).unwrap();
    assert_eq!(whose(&desk.receive(UTR, "1.00")), waiting(AMOUNT));
    desk.name(&wrong, OTHER_UTR).unwrap();
    desk.name(&right, UTR).unwrap();
    assert_eq!(whose(&desk.payment(UTR)), waiting(AMOUNT));
    assert_eq!(desk.state("right").0, "PENDING");
    let (status, told) = desk.admin("orders/approve", &json!({ "id": right }));
    assert_eq!((status, &told["state"]), (200, &json!("SUCCESS")), "{told}");
    assert_eq!(whose(&desk.payment(UTR)), matched(&right));
    assert_eq!(desk.state("right"), ("SUCCESS".into(), UTR.into()));
}

#[test]
fn money_that_waits_for_an_order_that_is_over_is_not_the_next_orders() {
    let desk = Desk::open();
    for (place, end) in ["orders/cancel", "orders/reject"].into_iter().enumerate() {
        let utr = format!("10000000000{place}");
        let over = desk.order(&format!("over {place}"), "1.00");
        desk.name(&over, &utr).unwrap();
        let mut ended = json!({ "id": over });
        if end == "orders/reject" {
            ended["reason"] = json!("fraud");
        }
        assert_eq!(desk.admin(end, &ended).0, 200);
        assert_eq!(whose(&desk.receive(&utr, "1.00")), waiting(LATE), "{end}");
        let next = format!("next {place}");
        desk.name(&desk.order(&next, "1.00"), &utr).unwrap();
        assert_eq!(whose(&desk.payment(&utr)), waiting(LATE), "{end}");
        assert_eq!(desk.state(&next).0, "PENDING", "{end}");
    }
    let held_back = [("outside/upi", "-2.00"), ("received/upi", "2.00")];
    assert_eq!(desk.accounts("INR"), held(&held_back));
}

#[test]
fn an_operator_gives_what_waits_to_its_order_whatever_is_odd_about_it() {
    for (other, amount) in [
        (json!({ "amount": "99.99" }), "99.99"),
        (json!({ "amount": "120.00" }), "120.00"),
        (json!({ "suspicious": true }), "100.00"),
    ] {
        let desk = Desk::open();
        let reference = desk.order("a", "100.00");
        desk.name(&reference, UTR).unwrap();
        desk.receive_as(UTR, "100.00", other.clone());
        let (status, told) = desk.admin("orders/approve", &json!({ "id": "p2/a" }));
        assert_eq!(status, 200, "{told}");
        assert_eq!(told["received_payment"], format!("upi/{UTR}"));
        // Asked for is one thing, brought another: the partner is told what it has got.
        let amounts = (&told["amount"], &told["paid_amount"]);
        assert_eq!(amounts, (&json!("100.00"), &json!(amount)));
        assert_eq!(desk.status("a")["txnAmount"], amount);
        assert_eq!(desk.state("a"), ("SUCCESS".into(), UTR.into()));
        assert_eq!(whose(&desk.payment(UTR)), matched(&reference));
        let outside = format!("-{amount}");
        let moved = [("outside/upi", outside.as_str()), ("partner/p2", amount)];
        assert_eq!(desk.accounts("INR"), held(&moved), "{other}");
    }
}

#[test]
fn money_of_another_currency_settles_no_order_whatever_an_operator_says() {
    let desk = crediting();
    let reference = desk.order_for(for_mobile("a", "1234567"));
    desk.name(&reference, UTR).unwrap();
    let dollars = json!({ "currency": "USD" });
    assert_eq!(
        whose(&desk.receive_as(UTR, "1.00", dollars)),
        waiting(CURRENCY)
    );
    for approve in [json!({ "id": "p2/a" }), json!({ "id": "p2/a", "utr": UTR })] {
        let (status, told) = desk.admin("orders/approve", &approve);
        let code = &told["error"]["code"];
        assert_eq!((status, code), (422, &json!("other_currency")), "{told}");
    }
    assert_eq!(whose(&desk.payment(UTR)), waiting(CURRENCY));
    assert_eq!(desk.state("a").0, "PENDING");
    assert_eq!(desk.status("a")["txnAmount"], "1.00");
    let held_back = [("outside/upi", "-1.00"), ("received/upi", "1.00")];
    assert_eq!(desk.accounts("USD"), held(&held_back));
    assert_eq!(desk.accounts("INR"), held(&[]));
    // What came in rupees meanwhile pays it, and the user.
    desk.receive(OTHER_UTR, "1.00");
    let approve = json!({ "id": "p2/a", "utr": OTHER_UTR });
    assert_eq!(desk.admin("orders/approve", &approve).0, 200);
    assert_eq!(wallet(&desk).0, json!(1.00));
}

#[test]
fn an_operator_approves_an_expired_order_and_none_that_is_over() {
    let desk = Desk::open();
    let reference = desk.order("a", "1.00");
    desk.name(&reference, UTR).unwrap();
    desk.server.clock.advance(Span::from_seconds(1800));
    assert_eq!(whose(&desk.receive(UTR, "1.00")), waiting(LATE));
    let approve = json!({ "id": reference });
    assert_eq!(desk.admin("orders/approve", &approve).0, 200);
    assert_eq!(desk.state("a"), ("SUCCESS".into(), UTR.into()));
    let reason = json!({ "id": reference, "reason": "no" });
    for (path, body) in [
        ("orders/approve", &approve),
        ("orders/reject", &reason),
        ("orders/cancel", &approve),
    ] {
        let (status, told) = desk.admin(path, body);
        let code = &told["error"]["code"];
        assert_eq!((status, code), (422, &json!("order_not_pending")), "{path}");
    }
    let nobodys = json!({ "id": "p2/b" });
    let (status, told) = desk.admin("orders/approve", &nobodys);
    assert_eq!(
        (status, &told["error"]["code"]),
        (404, &json!("order_unknown"))
    );
}

#[test]
fn an_operators_word_pays_an_order_and_the_money_that_comes_later_is_not_paid_twice() {
    let desk = Desk::open();
    let reference = desk.order("a", "1.00");
    let approve = json!({ "id": reference, "utr": UTR });
    let (status, told) = desk.admin("orders/approve", &approve);
    assert_eq!(
        (status, &told["received_payment"]),
        (200, &Value::Null),
        "{told}"
    );
    assert_eq!(desk.state("a"), ("SUCCESS".into(), UTR.into()));
    let ahead = [("partner/p2", "1.00"), ("received/upi", "-1.00")];
    assert_eq!(desk.accounts("INR"), held(&ahead));
    let at = desk.status("a")["timestamp"].clone();
    desk.server.clock.advance(Span::from_seconds(60));
    assert_eq!(whose(&desk.receive(UTR, "1.00")), matched(&reference));
    let moved = [("outside/upi", "-1.00"), ("partner/p2", "1.00")];
    assert_eq!(desk.accounts("INR"), held(&moved));
    assert_eq!(
        desk.status("a")["timestamp"],
        at,
        "it is paid since the word"
    );
    // Of another amount it waits.
    let other = desk.order("b", "2.00");
    let approve = json!({ "id": other, "utr": OTHER_UTR });
    assert_eq!(desk.admin("orders/approve", &approve).0, 200);
    assert_eq!(whose(&desk.receive(OTHER_UTR, "2.01")), waiting(AMOUNT));
}

/// A desk whose payments go to wallets of users where they can, with the user 1234567.
fn crediting() -> Desk {
    let settings = PartnerSettings {
        credit_on_payment: true,
        ..PartnerSettings::default()
    };
    let desk = Desk::with(settings);
    let partner = desk.server.ledger.partner(desk.partner).unwrap().value;
    let user = NewUser {
        name: "A".parse().unwrap(),
        email: "a@example.com".parse().unwrap(),
        mobile: "1234567".parse().unwrap(),
    };
    desk.server.ledger.register_user(&partner, &user).unwrap();
    desk
}

fn for_mobile(id: &str, mobile: &str) -> Value {
    json!({ "orderId": id, "txnAmount": "1.00", "cust_Mobile": mobile })
}

/// What the shop's user has, and the newest line of the history.
fn wallet(desk: &Desk) -> (Value, Value) {
    let get = |call: &str| {
        let request = partner_request("shop", &format!("GET /v2/partner/{call}"), "");
        crate::desk::read(&desk.server.connect().ask(&request))["data"].take()
    };
    let mut line = get("wallet/history/1234567?limit=1")["items"][0].take();
    line["seq"].take();
    line["timestamp"].take();
    (get("balance/1234567")["balance"].take(), line)
}

#[test]
fn money_goes_into_the_wallet_of_the_partners_user_where_that_is_set() {
    for utr_first in [true, false] {
        let desk = crediting();
        let reference = desk.order_for(for_mobile("a", "+1234567"));
        if utr_first {
            desk.name(&reference, UTR).unwrap();
            desk.receive(UTR, "1.00");
        } else {
            desk.receive(UTR, "1.00");
            desk.name(&reference, UTR).unwrap();
        }
        let line = json!({
            "seq": null, "type": "payment", "amount": 1.00, "balance_after": 1.00,
            "reference": "a", "timestamp": null,
        });
        assert_eq!(wallet(&desk), (json!(1.00), line));
        let moved = [("outside/upi", "-1.00"), ("players/p2", "1.00")];
        assert_eq!(desk.accounts("INR"), held(&moved));
        // Nobody's number, or none: to the partner.
        let nobodys = desk.order_for(for_mobile("b", "7654321"));
        desk.name(&nobodys, OTHER_UTR).unwrap();
        desk.receive(OTHER_UTR, "1.00");
        assert_eq!(wallet(&desk).0, json!(1.00));
        let both = [
            ("outside/upi", "-2.00"),
            ("partner/p2", "1.00"),
            ("players/p2", "1.00"),
        ];
        assert_eq!(desk.accounts("INR"), held(&both));
        // As the operator decides, too, and as much as has come.
        let by_word = desk.order_for(for_mobile("c", "1234567"));
        let approve = json!({ "id": by_word });
        assert_eq!(desk.admin("orders/approve", &approve).0, 200);
        assert_eq!(wallet(&desk).0, json!(2.00));
        let less = desk.order_for(for_mobile("d", "1234567"));
        desk.receive("100000000001", "0.40");
        let approve = json!({ "id": less, "utr": "100000000001" });
        assert_eq!(desk.admin("orders/approve", &approve).0, 200);
        assert_eq!(wallet(&desk).0, json!(2.40));
        assert_eq!(desk.status("d")["txnAmount"], "0.40");
    }
}

#[test]
fn a_setting_counts_when_the_money_comes_and_a_blocked_user_is_paid() {
    let desk = crediting();
    let player = "usr-101".parse().unwrap();
    let ledger = &desk.server.ledger;
    ledger.set_blocked(desk.partner, &player, true).unwrap();
    let paid = |id: &str, utr: &str| {
        let reference = desk.order_for(for_mobile(id, "1234567"));
        desk.name(&reference, utr).unwrap();
        assert_eq!(whose(&desk.receive(utr, "1.00")), matched(&reference));
    };
    paid("a", "100000000001");
    assert_eq!(wallet(&desk).0, json!(1.00));
    let change = PartnerChange {
        settings: SettingsChange {
            credit_on_payment: Some(false),
            ..SettingsChange::default()
        },
        ..PartnerChange::default()
    };
    ledger.change_partner(desk.partner, change).unwrap();
    paid("b", "100000000002");
    assert_eq!(wallet(&desk).0, json!(1.00));
}

#[test]
fn money_that_would_pass_a_wallets_limit_waits() {
    let desk = crediting();
    let brim = json!({
        "partner": "p2", "player_id": "usr-101", "currency": "INR",
        "amount": "90071992547409.00", "reference": "brim", "reason": "brim",
    });
    assert_eq!(desk.admin("players/adjust", &brim).0, 200);
    let reference = desk.order_for(for_mobile("a", "1234567"));
    desk.name(&reference, UTR).unwrap();
    let full = waiting("the user's wallet would pass its limit");
    assert_eq!(whose(&desk.receive(UTR, "1.00")), full);
    let approve = json!({ "id": reference });
    let (status, told) = desk.admin("orders/approve", &approve);
    assert_eq!(
        (status, &told["error"]["code"]),
        (422, &json!("balance_out_of_range"))
    );
    let room = json!({
        "partner": "p2", "player_id": "usr-101", "currency": "INR",
        "amount": "-1.00", "reference": "room", "reason": "room",
    });
    assert_eq!(desk.admin("players/adjust", &room).0, 200);
    assert_eq!(desk.admin("orders/approve", &approve).0, 200);
    assert_eq!(wallet(&desk).1["amount"], json!(1.00));
}
