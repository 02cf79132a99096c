//! Payment links over HTTP: made, asked for, taken back, run out (partner-api.md, Payment Gateway
//! and Small print).

use std::collections::BTreeSet;

use coffer::engine::settings::PartnerSettings;
use coffer::time::Span;
use serde_json::{Value, json};

use crate::desk::{Desk, read};
use crate::support::{Client, partner_request};

const TOKEN: &str = r#""token":"token_of_shop""#;

#[test]
fn a_payment_link_is_made_once_and_told_again_while_its_content_is_equal() {
    let desk = Desk::open();
    let make = |prefix: &str, members: &str| {
        let body = format!("{{{TOKEN},{members}}}");
        let answer = desk.send(&format!("POST {prefix}/v2/partner/payment_links"), &body);
        (answer.status, read(&answer))
    };
    let (status, first) = make(
        "",
        r#""orderId":"7","txnAmount":"1.5","txnNote":"a","cust_Mobile":"+919876543210","cust_Email":"a@b.co""#,
    );
    assert_eq!(status, 200, "{first}");
    let reference = first["data"]["txn_ref_id"].as_str().unwrap();
    let url = format!("http://coffer.test/order/{reference}");
    assert_eq!(
        first,
        json!({
            "success": true, "message": "Payment link generated successfully.",
            "data": { "paymentUrl": url, "orderId": "7", "txn_ref_id": reference },
        })
    );
    let head = desk.server.ledger.head();
    for (prefix, again) in [
        (
            "/api",
            r#""orderId":7,"txnAmount":1.50,"txnNote":"a","cust_Mobile":919876543210,"cust_Email":"a@b.co""#,
        ),
        (
            "",
            r#""extra":{"x":[1]},"orderId":"7","txnAmount":"1.50","txnNote":"a","cust_Mobile":"919876543210","cust_Email":"a@b.co""#,
        ),
    ] {
        assert_eq!(make(prefix, again), (200, first.clone()), "{again}");
    }
    let used = json!({ "orderId": ["Order ID already exists"] });
    for other in [
        r#""orderId":"7","txnAmount":"1.51","txnNote":"a","cust_Mobile":"919876543210","cust_Email":"a@b.co""#,
        r#""orderId":"7","txnAmount":"1.5","txnNote":"b","cust_Mobile":"919876543210","cust_Email":"a@b.co""#,
        r#""orderId":"7","txnAmount":"1.5","txnNote":"a","cust_Mobile":"919876543211","cust_Email":"a@b.co""#,
        r#""orderId":"7","txnAmount":"1.5","txnNote":"a","cust_Mobile":"919876543210","cust_Email":"a@b.com""#,
        r#""orderId":"7","txnAmount":"1.5""#,
    ] {
        let (status, told) = make("", other);
        assert_eq!((status, &told["errors"]), (422, &used), "{other}");
    }
    assert_eq!(desk.server.ledger.head(), head, "one order was made");
    // Another partner numbers its orders by itself.
    let other = r#"{"token":"token_of_agent_1","orderId":"7","txnAmount":"9"}"#;
    assert_eq!(
        desk.send("POST /v2/partner/payment_links", other).status,
        200
    );
}

#[test]
fn a_link_is_the_same_in_every_state_of_its_order() {
    let desk = Desk::open();
    let again = |id: &str, reference: &str| assert_eq!(desk.order(id, "1.00"), reference);
    let paid = desk.order("paid", "1.00");
    desk.name(&paid, "418381111111").unwrap();
    desk.receive("418381111111", "1.00");
    let cancelled = desk.order("cancelled", "1.00");
    assert_eq!(desk.cancel("cancelled"), 200);
    let failed = desk.order("failed", "1.00");
    let reject = json!({ "id": "p2/failed", "reason": "fraud" });
    assert_eq!(desk.admin("orders/reject", &reject).0, 200);
    let expired = desk.order("expired", "1.00");
    desk.server.clock.advance(Span::from_seconds(1800));
    for (id, reference, state) in [
        ("paid", paid, "SUCCESS"),
        ("cancelled", cancelled, "CANCELLED"),
        ("failed", failed, "FAILED"),
        ("expired", expired, "EXPIRED"),
    ] {
        again(id, &reference);
        assert_eq!(desk.state(id).0, state);
    }
}

#[test]
fn what_a_page_is_found_by_cannot_be_guessed() {
    let desk = Desk::open();
    let mut seen = BTreeSet::new();
    for place in 0..200 {
        let reference = desk.order(&format!("o{place}"), "1");
        assert_eq!(reference.len(), 24, "142 bits of letters and digits");
        assert!(reference.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(seen.insert(reference));
    }
    // At every place all sorts of letters stand: nothing in it counts or is fixed.
    for place in 0..24 {
        let letters: BTreeSet<_> = seen.iter().map(|one| one.as_bytes()[place]).collect();
        assert!(letters.len() > 30, "place {place}: {letters:?}");
    }
}

#[test]
fn an_order_is_asked_for_by_body_by_query_and_by_post_and_a_body_wins() {
    let desk = Desk::open();
    desk.order("A 7", "1");
    desk.order("8", "2");
    let body = format!(r#"{{{TOKEN},"orderId":"A 7"}}"#);
    let query = "token=token_of_shop&orderId=A%207";
    let first = desk.send("POST /v2/partner/order/status", &body);
    assert_eq!(read(&first)["data"]["txnAmount"], "1.00");
    for (line, body) in [
        ("GET /v2/partner/order/status".to_owned(), &*body),
        ("GET /api/v2/partner/order/status".to_owned(), &*body),
        (format!("GET /v2/partner/order/status?{query}"), ""),
        (format!("POST /v2/partner/order/status?{query}"), ""),
        (
            "GET /v2/partner/order/status?token=token_of_shop&orderId=8".to_owned(),
            &*body,
        ),
        (
            "GET /v2/partner/order/status?orderId=8&token=x&cache=1".to_owned(),
            &*body,
        ),
    ] {
        let answer = desk.send(&line, body);
        assert_eq!(answer, first, "{line}");
    }
    let number = format!(r#"{{{TOKEN},"orderId":8}}"#);
    let eighth = read(&desk.send("GET /v2/partner/order/status", &number));
    assert_eq!(eighth["data"]["orderId"], "8");
    // The other calls read no query.
    for call in ["order/cancel", "payment_links"] {
        let answer = desk.send(&format!("POST /v2/partner/{call}?{query}&txnAmount=1"), "");
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    let twice = desk.send("PUT /v2/partner/order/status", &body);
    assert_eq!(twice.status, 405);
    assert!(twice.head.contains("allow: GET, POST\r\n"), "{twice:?}");
}

#[test]
fn a_state_is_told_with_the_time_of_its_beginning_in_the_partners_offset() {
    let settings = PartnerSettings {
        utc_offset: Some("+05:30".parse().unwrap()),
        ..PartnerSettings::default()
    };
    let desk = Desk::with(settings);
    let now = |text: &str| desk.server.clock.set(text.parse().unwrap());
    now("2024-07-03T04:59:59Z");
    let told = |id: &str| {
        let told = desk.status(id);
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        (text("txnStatus"), text("utr"), text("timestamp"))
    };
    let is = |state: &str, utr: &str, at: &str| (state.to_owned(), utr.to_owned(), at.to_owned());
    let paid = desk.order("paid", "1.00");
    desk.order("cancelled", "1.00");
    desk.order("expired", "1.00");
    assert_eq!(told("paid"), is("PENDING", "", "2024-07-03 10:29:59"));
    now("2024-07-03T05:00:00Z");
    desk.name(&paid, "418381111111").unwrap();
    assert_eq!(told("paid"), is("PENDING", "", "2024-07-03 10:29:59"));
    desk.receive("418381111111", "1.00");
    let success = is("SUCCESS", "418381111111", "2024-07-03 10:30:00");
    assert_eq!(told("paid"), success);
    now("2024-07-03T05:10:00Z");
    assert_eq!(desk.cancel("cancelled"), 200);
    assert_eq!(
        told("cancelled"),
        is("CANCELLED", "", "2024-07-03 10:40:00")
    );
    now("2024-07-03T05:29:58.999999Z");
    assert_eq!(told("expired").0, "PENDING");
    now("2024-07-03T05:29:59Z");
    let expired = is("EXPIRED", "", "2024-07-03 10:59:59");
    assert_eq!(told("expired"), expired);
    now("2024-07-05T00:00:00Z");
    assert_eq!((told("expired"), told("paid")), (expired, success));
}

#[test]
fn a_partner_takes_back_a_pending_order_and_no_other() {
    let desk = Desk::open();
    desk.order("a", "1");
    let cancel = |id: &str| desk.ask("order/cancel", json!({ "orderId": id }));
    let (status, told) = cancel("a");
    assert_eq!(
        (status, &told["data"]["txnStatus"]),
        (200, &json!("CANCELLED"))
    );
    let head = desk.server.ledger.head();
    assert_eq!(cancel("a"), (200, told));
    assert_eq!(desk.server.ledger.head(), head, "again changes nothing");
    assert_eq!(cancel("b").0, 404);
    let over = json!({ "orderId": ["Order is not pending"] });
    let paid = desk.order("paid", "1");
    desk.receive("418381111111", "1");
    desk.name(&paid, "418381111111").unwrap();
    desk.order("expired", "1");
    desk.server.clock.advance(Span::from_seconds(1800));
    for id in ["paid", "expired"] {
        let (status, told) = cancel(id);
        assert_eq!((status, &told["errors"]), (422, &over), "{id}");
    }
    assert_eq!(desk.state("paid").0, "SUCCESS");
}

#[test]
fn all_fields_that_fail_are_told_and_a_used_order_id_among_them() {
    let desk = Desk::open();
    desk.order("used", "1");
    let errors = |body: Value| {
        let (status, told) = desk.ask("payment_links", body);
        assert_eq!(
            (status, &told["message"]),
            (422, &json!("The given data was invalid."))
        );
        told["errors"].clone()
    };
    let due = json!({
        "orderId": ["Order ID is required"], "txnAmount": ["Amount is required"],
    });
    assert_eq!(errors(json!({})), due);
    let long = "x".repeat(65);
    let all = json!({
        "orderId": long, "txnAmount": "0", "txnNote": "x".repeat(256), "cust_Mobile": "12",
        "cust_Email": "nobody",
    });
    let due = json!({
        "orderId": ["Order ID must have at most 64 characters"],
        "txnAmount": ["Amount must be greater than 0"],
        "txnNote": ["Note must have at most 255 characters"],
        "cust_Mobile": ["Mobile number must have 7 to 15 digits"],
        "cust_Email": ["Email must be a valid email address"],
    });
    assert_eq!(errors(all), due);
    let due = json!({
        "orderId": ["Order ID already exists"],
        "txnAmount": ["Amount must have at most 2 decimal places"],
    });
    assert_eq!(
        errors(json!({ "orderId": "used", "txnAmount": "1.005" })),
        due
    );
    for (amount, text) in [
        (json!("1e2"), "Amount must be a number"),
        (json!(true), "Amount must be a number"),
        (json!("10000000000000.01"), "Amount is too large"),
        (json!(-1), "Amount must be greater than 0"),
    ] {
        let told = errors(json!({ "orderId": "new", "txnAmount": amount }));
        assert_eq!(told, json!({ "txnAmount": [text] }), "{amount}");
    }
}

#[test]
fn a_field_of_another_form_is_told_with_what_would_be_right() {
    let desk = Desk::open();
    let errors = |body: Value| desk.ask("payment_links", body).1["errors"].take();
    for (name, value, text) in [
        (
            "orderId",
            json!("a\nb"),
            "Order ID must not have control characters",
        ),
        (
            "txnNote",
            json!("a\u{7}"),
            "Note must not have control characters",
        ),
        (
            "cust_Email",
            json!(7),
            "Email must be a valid email address",
        ),
    ] {
        let mut body = json!({ "orderId": "new", "txnAmount": 1 });
        body[name] = value;
        assert_eq!(errors(body), json!({ name: [text] }));
    }
    for optional in [json!(""), json!(null)] {
        let body = json!({
            "orderId": format!("new {optional}"), "txnAmount": 1, "txnNote": optional,
            "cust_Mobile": optional, "cust_Email": optional,
        });
        desk.order_for(body);
    }
    desk.order(&"\u{928}".repeat(64), "9999999999999.99");
}

#[test]
fn a_value_of_another_kind_is_told_as_that_and_a_text_of_any_length_is_not() {
    let desk = Desk::open();
    let digits = "must be a string or a number of digits";
    let odd = ["[\"x\"]", "{}", "1.5", "-5", "1e3", "true"];
    let all = |name: &'static str, text: String| odd.map(|value| (name, value, text.clone()));
    let mut due = Vec::from(all("orderId", format!("Order ID {digits}")));
    due.extend(all("cust_Mobile", format!("Mobile number {digits}")));
    due.extend(all(
        "cust_Email",
        "Email must be a valid email address".to_owned(),
    ));
    due.extend(all("txnNote", "Note must be a string".to_owned()));
    due.push(("txnNote", "7", "Note must be a string".to_owned()));
    due.push(("orderId", "null", "Order ID is required".to_owned()));
    due.push(("txnAmount", "[1]", "Amount must be a number".to_owned()));
    for call in ["payment_links", "order/status", "order/cancel"] {
        for (name, value, text) in &due {
            if call != "payment_links" && *name != "orderId" {
                continue;
            }
            let mut body: Value = json!({ "orderId": "new", "txnAmount": 1 });
            body[name] = serde_json::from_str(value).unwrap();
            let (status, mut told) = desk.ask(call, body);
            let errors = told["errors"].take();
            assert_eq!(
                (status, errors),
                (422, json!({ *name: [text] })),
                "{call} {name} {value}"
            );
        }
    }
    // A token is a text, and no other one's.
    for token in ["7", "null", "[\"token_of_shop\"]", "{}", "true", "\"\""] {
        let body = format!(r#"{{"token":{token},"orderId":"new"}}"#);
        let answer = desk.send("POST /v2/partner/order/status", &body);
        let told = (answer.status, read(&answer)["message"].clone());
        assert_eq!(told, (401, json!("Invalid API token")), "{token}");
    }
}

#[test]
fn a_query_names_each_member_once_and_beside_a_body_says_nothing() {
    let desk = Desk::open();
    for id in ["a", "b"] {
        desk.order(id, "1");
    }
    let ask = |line: &str, body: &str| {
        let answer = desk.send(line, body);
        (answer.status, read(&answer)["message"].clone())
    };
    let status = "/v2/partner/order/status?token=token_of_shop";
    for twice in [
        "&orderId=a&orderId=b",
        "&orderId=a&orderId=a",
        "&orderId=a&%6frderId=a",
        "&orderId=&orderId=a",
        "&orderId=a&token=token_of_shop",
        "&orderId=a&x&x=1",
        "&orderId=%",
    ] {
        for method in ["GET", "POST"] {
            let told = ask(&format!("{method} {status}{twice}"), "");
            assert_eq!(told, (400, json!("Malformed query")), "{method} {twice}");
        }
    }
    let fetched = (200, json!("Transaction status fetched successfully."));
    let body = format!(r#"{{{TOKEN},"orderId":"a"}}"#);
    for query in ["", "&orderId=b", "&orderId=b&orderId=b", "&%"] {
        assert_eq!(
            ask(&format!("GET {status}{query}"), &body),
            fetched,
            "{query}"
        );
    }
    // What the body lacks the query does not add.
    let lacks_token = ask(&format!("GET {status}&orderId=a"), r#"{"orderId":"a"}"#);
    assert_eq!(lacks_token, (401, json!("Invalid API token")));
    let lacks_id = ask(&format!("GET {status}&orderId=a"), &format!("{{{TOKEN}}}"));
    assert_eq!(lacks_id, (422, json!("The given data was invalid.")));
    let empty = ask(&format!("GET {status}&orderId=a"), " ");
    assert_eq!(empty, (400, json!("Malformed JSON")));
}

#[test]
fn a_blocked_users_number_stands_in_payment_links_since_those_are_deposits() {
    let settings = PartnerSettings {
        credit_on_payment: true,
        ..PartnerSettings::default()
    };
    let desk = Desk::with(settings);
    let user = r#"{"name":"A","email":"a@example.com","mobile":"1234567"}"#;
    let shop = |line: &str, body: &str| {
        let request = partner_request("shop", line, body);
        let request = String::from_utf8(request).unwrap();
        let into_game = request.replace("\r\n\r\n", "\r\nX-Game-Type: mine\r\n\r\n");
        let answer = desk.server.connect().ask(into_game.as_bytes());
        (answer.status, read(&answer))
    };
    let (status, told) = shop("POST /v2/partner/user/register", user);
    assert_eq!(status, 200, "{told}");
    let player = json!({ "partner": "p2", "player_id": "usr-101" });
    assert_eq!(desk.admin("players/block", &player).0, 200);
    // A link into a game is refused, one to pay is not, and what is paid is the user's.
    let game = shop(
        "POST /v2/partner/auth/generate-url",
        r#"{"mobile":"1234567"}"#,
    );
    assert_eq!(
        (game.0, &game.1["message"]),
        (403, &json!("User is blocked"))
    );
    let body = json!({ "orderId": "a", "txnAmount": "1.00", "cust_Mobile": "1234567" });
    let reference = desk.order_for(body);
    desk.name(&reference, "418381111111").unwrap();
    assert_eq!(desk.receive("418381111111", "1.00")["state"], "matched");
    let (_, told) = shop("GET /v2/partner/balance/1234567", "");
    assert_eq!(told["data"]["balance"], json!(1.00));
}

#[test]
fn an_order_of_another_partner_is_not_found() {
    let desk = Desk::open();
    desk.order("a", "1");
    let body = r#"{"token":"token_of_agent_1","orderId":"a"}"#;
    for call in ["order/status", "order/cancel"] {
        let answer = desk.send(&format!("POST /v2/partner/{call}"), body);
        assert_eq!(
            (answer.status, &read(&answer)["message"]),
            (404, &json!("Order not found"))
        );
    }
    assert_eq!(desk.state("a").0, "PENDING");
}

#[test]
fn a_body_is_read_as_json_whatever_its_head_says_and_bounded() {
    let desk = Desk::open();
    let body = format!(r#"{{{TOKEN},"orderId":"a","txnAmount":1}}"#);
    for (place, content_type) in ["", "Content-Type: text/html\r\n"].iter().enumerate() {
        let request = format!(
            "POST /v2/partner/payment_links HTTP/1.1\r\nHost: h\r\n{content_type}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = Client::connect(desk.server.public).ask(request.as_bytes());
        assert_eq!(answer.status, 200, "{place}: {answer:?}");
    }
    for body in ["", "[]", "{", r#"{"token":"a","token":"b"}"#, "null"] {
        for call in ["payment_links", "order/status", "order/cancel"] {
            let answer = desk.send(&format!("POST /v2/partner/{call}"), body);
            let told = (answer.status, read(&answer)["message"].clone());
            assert_eq!(told, (400, json!("Malformed JSON")), "{call} {body}");
        }
    }
    let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(1 << 16));
    assert_eq!(
        desk.send("POST /v2/partner/payment_links", &long).status,
        413
    );
}

#[test]
fn a_former_token_opens_until_its_grace_is_over() {
    let desk = Desk::open();
    desk.order("a", "1");
    let rotate = json!({ "partner": "p2", "what": "payment", "grace": "1h" });
    let (status, rotated) = desk.admin("partners/rotate-secret", &rotate);
    assert_eq!(status, 200, "{rotated}");
    let new = rotated["payment_token"].as_str().unwrap();
    let status = |token: &str| {
        let body = json!({ "token": token, "orderId": "a" }).to_string();
        desk.send("POST /v2/partner/order/status", &body).status
    };
    assert_eq!((status("token_of_shop"), status(new)), (200, 200));
    desk.server.clock.advance(Span::from_seconds(3600));
    assert_eq!((status("token_of_shop"), status(new)), (401, 200));
}

#[test]
fn nothing_is_told_of_an_order_before_it_is_durable_refusals_included() {
    let desk = Desk::open();
    let named = desk.order("named", "1");
    desk.server.books.stall();
    // Done, but nobody may be told yet.
    desk.name(&named, "418381111111").unwrap();
    let rules = coffer::http::Payments::default().rules;
    let (partner, id) = (desk.partner, "a".parse().unwrap());
    let partner = desk.server.ledger.partner(partner).unwrap().value;
    let new = coffer::engine::command::NewOrder {
        id,
        amount: coffer::money::Amount::from_cents(100).unwrap(),
        note: None,
        mobile: None,
        email: None,
    };
    let reference = "unguessable".parse().unwrap();
    let made = (desk.server.ledger).create_order(&partner, &new, reference, &rules);
    made.unwrap();
    let mut waiting = Vec::new();
    for (call, members) in [
        ("payment_links", r#""orderId":"a","txnAmount":1"#),
        ("payment_links", r#""orderId":"a","txnAmount":2"#),
        ("payment_links", r#""orderId":"a","txnAmount":0"#),
        ("payment_links", r#""orderId":"b","txnAmount":1"#),
        ("order/status", r#""orderId":"a""#),
        ("order/status", r#""orderId":"named""#),
        ("order/cancel", r#""orderId":"a""#),
        ("order/cancel", r#""orderId":"a""#),
    ] {
        let mut client = Client::connect(desk.server.public);
        let line = format!("POST /v2/partner/{call}");
        client.send(&crate::desk::call(&line, &format!("{{{TOKEN},{members}}}")));
        waiting.push((call, members, client));
    }
    // Whoever does not wait has answered by the time that others were, many times over.
    for _ in 0..100 {
        assert_eq!(desk.send("GET /v2/partner/nothing", "").status, 404);
    }
    desk.server.books.fail();
    for (call, members, mut client) in waiting {
        assert_eq!(client.answer(), None, "{call} {members}");
    }
}
