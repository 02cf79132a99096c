//! The hosted page of a payment link, as a payer's browser asks for it without scripts
//! (partner-api.md, Payment Gateway).

use coffer::engine::command::NewPartner;
use coffer::engine::settings::PartnerSettings;
use coffer::http::Payments;
use coffer::sim::sample;
use coffer::time::Span;
use serde_json::json;

use crate::desk::{Desk, call};
use crate::support::{Answer, Client, Setup, TOKEN, secrets};

const UTR: &str = "418381111111";

/// A shop that is paid by UPI.
pub(crate) fn open() -> Desk {
    let payments = Payments {
        upi_address: "shop@bank".parse().ok(),
        upi_name: "Shop & Co".parse().ok(),
        ..Payments::default()
    };
    let setup = Setup {
        payments,
        ..Setup::default()
    };
    Desk::under(PartnerSettings::default(), setup)
}

fn get(desk: &Desk, path: &str) -> Answer {
    desk.send(&format!("GET {path}"), "")
}

fn page(desk: &Desk, order: &str) -> String {
    let answer = get(desk, &format!("/order/{order}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// Sends the form of the page at `path`.
fn post(desk: &Desk, path: &str, utr: &str) -> Answer {
    desk.send(&format!("POST {path}"), &format!("utr={utr}"))
}

/// Names a UTR on an order's page, and is led back to it.
fn name(desk: &Desk, order: &str, utr: &str) {
    let answer = post(desk, &format!("/order/{order}"), utr);
    assert_eq!(answer.status, 303, "{answer:?}");
    let location = format!("\r\nlocation: {order}\r\n");
    assert!(answer.head.contains(&location), "{answer:?}");
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

fn lacks(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(!text.contains(part), "{part:?} is in {text}");
    }
}

#[test]
fn a_payer_sees_whom_how_much_what_for_and_how() {
    let desk = open();
    let order = desk.order_for(json!({"orderId": "A-1", "txnAmount": "1.5", "txnNote": "Tea"}));
    let seen = page(&desk, &order);
    let link = format!(
        "href=\"upi://pay?pa=shop@bank&amp;pn=Shop%20%26%20Co&amp;am=1.50&amp;cu=INR&amp;tr={order}\""
    );
    let parts = [
        "Shop Ltd.",
        "1.50",
        "INR",
        "Tea",
        "<svg class=\"qr\"",
        "shop@bank",
        "data-left=\"1800\"",
        "30:00",
        "name=\"utr\"",
        &link,
    ];
    has(&seen, &parts);
    desk.server.clock.advance(Span::from_seconds(60));
    has(&page(&desk, &order), &["data-left=\"1740\"", "29:00"]);
}

#[test]
fn the_older_address_has_the_same_page() {
    let desk = open();
    let order = desk.order("A-1", "1.00");
    let path = format!("/order/CreateOrder.php?txn_id={order}");
    assert_eq!(get(&desk, &path).body, page(&desk, &order));
    let answer = post(&desk, &path, UTR);
    assert_eq!(answer.status, 303);
    let location = format!("\r\nlocation: CreateOrder.php?txn_id={order}\r\n");
    assert!(answer.head.contains(&location), "{answer:?}");
    has(&page(&desk, &order), &["Waiting for confirmation", UTR]);
}

#[test]
fn a_named_payment_is_paid_when_the_bank_tells_of_it() {
    let desk = open();
    let order = desk.order("A-1", "1.00");
    name(&desk, &order, UTR);
    let seen = page(&desk, &order);
    has(
        &seen,
        &[
            "Waiting for confirmation",
            UTR,
            "30:00",
            "Correct the reference",
        ],
    );
    // Who has paid must not be shown how to pay once more.
    lacks(&seen, &["upi://", "<svg class=\"qr\"", "<form"]);
    desk.receive(UTR, "1.00");
    let seen = page(&desk, &order);
    has(&seen, &["Paid", UTR]);
    lacks(
        &seen,
        &["upi://", "<form", "data-left", "<script", "http-equiv"],
    );
    // Loaded again, nothing is sent twice; and what comes late changes nothing.
    name(&desk, &order, "418381111112");
    assert_eq!(desk.state("A-1"), ("SUCCESS".into(), UTR.into()));
}

#[test]
fn a_reference_can_be_corrected_five_times() {
    let desk = open();
    let order = desk.order("A-1", "1.00");
    for last in 0..=5 {
        name(&desk, &order, &format!("41838111111{last}"));
        // The same once more is no correction.
        name(&desk, &order, &format!("41838111111{last}"));
        let seen = page(&desk, &format!("{order}?correct"));
        let form = if last < 5 { 1 } else { 0 };
        assert_eq!(seen.matches("<form").count(), form, "{last}");
    }
    let answer = post(&desk, &format!("/order/{order}"), UTR);
    assert_eq!(answer.status, 422);
    has(
        &answer.body,
        &["cannot be corrected any more", "418381111115"],
    );
    lacks(&answer.body, &["<form", UTR]);
}

#[test]
fn what_is_no_reference_is_told_beside_the_field() {
    let desk = open();
    let order = desk.order("A-1", "1.00");
    for (typed, shown) in [
        ("", "value=\"\""),
        ("41838111111", "value=\"41838111111\""),
        ("4183811111111", "value=\"4183811111111\""),
        ("41838111111a", "value=\"41838111111a\""),
        ("%22%3E%3Cb%3E", "value=\"&quot;&gt;&lt;b&gt;\""),
        ("%zz", "value=\"\""),
        ("%ff", "value=\"\""),
        ("1&utr=418381111111", "value=\"1\""),
    ] {
        let answer = post(&desk, &format!("/order/{order}"), typed);
        assert_eq!(answer.status, 422, "{typed}");
        has(
            &answer.body,
            &["role=\"alert\"", "has 12 digits", shown, "aria-invalid"],
        );
    }
    let answer = desk.send(&format!("POST /order/{order}"), "other=1");
    assert_eq!(answer.status, 422);
    let long = post(&desk, &format!("/order/{order}"), &"9".repeat(1000));
    has(&long.body, &[&format!("value=\"{}\"", "9".repeat(64))]);
    lacks(&page(&desk, &order), &["role=\"alert\"", "Waiting"]);
    // Blanks come along when people copy.
    name(&desk, &order, "+4183+8111%201111%0D%0A");
    has(&page(&desk, &order), &["Waiting for confirmation", UTR]);
}

#[test]
fn what_has_come_of_it_is_told() {
    let desk = open();
    let of = |id: &str| desk.order(id, "1.00");
    let (rejected, cancelled, by_word, expired) = (of("R"), of("C"), of("W"), of("E"));
    name(&desk, &expired, UTR);
    let no = json!({"id": rejected, "reason": "secret reason"});
    assert_eq!(desk.admin("orders/reject", &no).0, 200);
    assert_eq!(desk.cancel("C"), 200);
    let yes = json!({"id": by_word});
    assert_eq!(desk.admin("orders/approve", &yes).0, 200);
    desk.server.clock.advance(Span::from_seconds(30 * 60));
    for (order, told) in [
        (&rejected, "Payment not accepted"),
        (&cancelled, "Cancelled"),
        (&by_word, "Paid"),
        (&expired, "This link has expired"),
    ] {
        let seen = page(&desk, order);
        has(&seen, &[told, "Shop Ltd.", "1.00"]);
        lacks(&seen, &["upi://", "<form", "data-left", "secret reason"]);
        // A form that was open meanwhile leads to what has come of it.
        name(&desk, order, "418381111119");
        let typo = post(&desk, &format!("/order/{order}"), "1");
        assert_eq!(typo.status, 303, "{typo:?}");
    }
    has(&page(&desk, &expired), &[UTR]);
}

#[test]
fn a_reference_that_too_many_orders_name_is_told_beside_the_field() {
    let desk = open();
    let orders: Vec<String> = (0..64)
        .map(|id| desk.order(&format!("A-{id}"), "1.00"))
        .collect();
    let full = orders.iter().find_map(|order| {
        let answer = post(&desk, &format!("/order/{order}"), UTR);
        (answer.status != 303).then_some(answer)
    });
    let answer = full.expect("there is a bound");
    assert_eq!(answer.status, 422);
    has(
        &answer.body,
        &["named for other payments", &format!("value=\"{UTR}\"")],
    );
}

#[test]
fn without_upi_payers_pay_as_arranged() {
    let bare = Desk::open();
    let order = bare.order("A-1", "1.00");
    let seen = page(&bare, &order);
    has(&seen, &["as arranged", "name=\"utr\"", "1.00"]);
    lacks(&seen, &["upi://", "class=\"qr\""]);
    // Dollars do not go by UPI.
    let desk = open();
    let body = json!({"token": format!("token_of_{TOKEN}"), "orderId": "A-1", "txnAmount": "1"});
    let answer = desk.send("POST /v2/partner/payment_links", &body.to_string());
    let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let seen = page(&desk, told["data"]["txn_ref_id"].as_str().unwrap());
    has(&seen, &["as arranged", "USD"]);
    lacks(&seen, &["upi://", "class=\"qr\""]);
}

#[test]
fn hostile_texts_stay_texts() {
    let desk = open();
    let hostile = "</bdi><script>alert('1')</script>\"";
    let new = NewPartner {
        name: hostile.parse().unwrap(),
        ..sample::partner("hostile", "INR".parse().unwrap())
    };
    (desk.server.ledger)
        .create_partner(new, secrets("hostile"))
        .unwrap();
    let body = json!({
        "token": "token_of_hostile", "orderId": hostile, "txnAmount": "1", "txnNote": hostile,
    });
    let answer = desk.send("POST /v2/partner/payment_links", &body.to_string());
    let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let seen = page(&desk, told["data"]["txn_ref_id"].as_str().unwrap());
    assert_eq!(seen.matches("<script").count(), 1, "{seen}");
    assert_eq!(
        seen.matches("&lt;script&gt;alert('1')&lt;/script&gt;&quot;")
            .count(),
        3
    );
}

#[test]
fn nobody_keeps_frames_or_learns_the_address_from_a_page() {
    let desk = open();
    let order = desk.order("A-1", "1.00");
    let path = format!("/order/{order}");
    let wrong = post(&desk, &path, "1");
    let led = post(&desk, &path, UTR);
    for answer in [get(&desk, &path), get(&desk, "/order/none"), wrong, led] {
        for line in [
            "cache-control: no-store",
            "referrer-policy: no-referrer",
            "x-content-type-options: nosniff",
            "content-type: text/html; charset=utf-8",
            "content-security-policy: default-src 'none'; style-src 'self'; script-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ] {
            let line = format!("\r\n{line}\r\n");
            assert!(answer.head.contains(&line), "{line} {answer:?}");
        }
    }
    let seen = page(&desk, &order);
    lacks(&seen, &[" style=", "<style", " onclick", "javascript:"]);
}

#[test]
fn what_pages_load_lies_beside_them() {
    let desk = open();
    let order = desk.order("A-1", "1.00");
    let seen = page(&desk, &order);
    for (name, kind) in [("page.css", "text/css"), ("page.js", "text/javascript")] {
        let at = seen.find(name).unwrap();
        let address = seen[at..].split('"').next().unwrap();
        let answer = get(&desk, &format!("/order/{address}"));
        assert_eq!(answer.status, 200);
        has(&answer.head, &[kind, "nosniff", "immutable"]);
        let refused = desk.send(&format!("POST /order/{address}"), "");
        assert_eq!(refused.status, 405);
        has(&refused.head, &["\r\nallow: GET, HEAD\r\n"]);
    }
}

#[test]
fn what_is_not_there_and_what_is_not_done_is_told() {
    let desk = open();
    let order = desk.order("A-1", "1.00");
    let unknown = "a".repeat(order.len());
    for path in [
        format!("/order/{unknown}"),
        format!("/order/{order}%20"),
        "/order/".to_owned(),
        "/order/CreateOrder.php".to_owned(),
        "/order/CreateOrder.php?txn_id=".to_owned(),
        format!("/order/CreateOrder.php?txn_id={unknown}"),
        format!("/order/{}", "a".repeat(2000)),
    ] {
        for answer in [get(&desk, &path), post(&desk, &path, UTR)] {
            assert_eq!(answer.status, 404, "{path}");
            has(&answer.body, &["Not found", "<main"]);
        }
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = desk.send(&format!("{method} /order/{order}"), "");
        assert_eq!(answer.status, 405, "{method}");
        has(&answer.head, &["\r\nallow: GET, HEAD, POST\r\n"]);
    }
    let below = get(&desk, &format!("/order/{order}/"));
    assert_eq!((below.status, below.body.contains("<main")), (404, false));
    let mut client = Client::connect(desk.server.public);
    client.send(&call(&format!("HEAD /order/{order}"), ""));
    let head = client.answer_to(false).unwrap();
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let long = post(&desk, &format!("/order/{order}"), &"9".repeat(65 << 10));
    assert_eq!(long.status, 413);
    has(&long.body, &["<main"]);
    lacks(&page(&desk, &order), &["Waiting"]);
}
