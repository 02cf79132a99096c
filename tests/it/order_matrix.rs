//! Who may not call the Payment Gateway may not call any of it, and what is refused leaves no
//! trace (partner-api.md, Who is calling).

use coffer::engine::settings::PartnerSettings;
use coffer::http::Limits;
use serde_json::json;

use crate::desk::{Desk, call, read};
use crate::support::{Client, Server, Setup, ways_to_shut_out};

/// Every call, each of which the shop could make with its token in the place of `TOKEN`.
const CALLS: [(&str, &str); 10] = [
    (
        "POST /v2/partner/payment_links",
        r#"{"token":TOKEN,"orderId":"new","txnAmount":1}"#,
    ),
    (
        "POST /api/v2/partner/payment_links",
        r#"{"token":TOKEN,"orderId":"new","txnAmount":1}"#,
    ),
    (
        "GET /v2/partner/order/status",
        r#"{"token":TOKEN,"orderId":"a"}"#,
    ),
    (
        "POST /v2/partner/order/status",
        r#"{"token":TOKEN,"orderId":"a"}"#,
    ),
    ("GET /v2/partner/order/status?orderId=a&token=TOKEN", ""),
    (
        "POST /v2/partner/order/cancel",
        r#"{"token":TOKEN,"orderId":"a"}"#,
    ),
    (
        "GET /api/v2/partner/order/status",
        r#"{"token":TOKEN,"orderId":"a"}"#,
    ),
    (
        "POST /api/v2/partner/order/status",
        r#"{"token":TOKEN,"orderId":"a"}"#,
    ),
    ("GET /api/v2/partner/order/status?orderId=a&token=TOKEN", ""),
    (
        "POST /api/v2/partner/order/cancel",
        r#"{"token":TOKEN,"orderId":"a"}"#,
    ),
];

fn open() -> Desk {
    let limits = Limits {
        failed_authentications_per_minute_max: 10_000,
        ..Limits::default()
    };
    let server = Server::with(Setup {
        limits,
        trusted_proxies: vec!["192.0.2.1/32".parse().unwrap()],
        ..Setup::default()
    });
    let desk = Desk::over(server, PartnerSettings::default());
    desk.order("a", "1");
    desk
}

/// The status of a call with a token, as JSON, and more lines in its head.
fn status(desk: &Desk, (line, body): (&str, &str), token: &str, head: &str) -> u16 {
    let in_query = token.trim_matches('"').replace(' ', "%20");
    let line = line.replace("TOKEN", &in_query.replace('[', "%5B").replace(']', "%5D"));
    let request = String::from_utf8(call(&line, &body.replace("TOKEN", token))).unwrap();
    let host = "Host: coffer.test\r\n";
    let request = request.replace(host, &format!("{host}{head}"));
    let answer = Client::connect(desk.server.public).ask(request.as_bytes());
    assert_eq!(read(&answer)["success"], json!(answer.status == 200));
    answer.status
}

const RIGHT: &str = r#""token_of_shop""#;

/// The shop's own, which may come beside its token.
const HEADERS: &str = "X-API-Key: key_of_shop\r\nX-API-Secret: secret_of_shop\r\n";

#[test]
fn whoever_has_no_token_is_refused_by_every_call_and_leaves_no_trace() {
    let desk = open();
    let before = desk.server.ledger.head();
    for call in CALLS {
        for token in [
            r#""""#,
            "null",
            "7",
            "[]",
            r#""token_of_shop ""#,
            r#""secret_of_shop""#,
        ] {
            // Right headers are no token.
            for head in ["", HEADERS] {
                assert_eq!(status(&desk, call, token, head), 401, "{call:?} {token}");
            }
        }
        for wrong in [
            "X-API-Key: key_of_agent_1\r\nX-API-Secret: secret_of_agent_1\r\n",
            "X-API-Key: key_of_shop\r\nX-API-Secret: secret_of_agent_1\r\n",
            "X-API-Key: key_of_shop\r\n",
            "X-API-Secret: secret_of_shop\r\n",
        ] {
            assert_eq!(status(&desk, call, RIGHT, wrong), 401, "{call:?} {wrong}");
        }
    }
    assert_eq!(desk.server.ledger.head(), before);
}

#[test]
fn a_disabled_expired_or_strange_address_is_refused_by_every_call_and_leaves_no_trace() {
    let desk = open();
    for (why, change) in ways_to_shut_out() {
        let changed = desk.server.ledger.change_partner(desk.partner, change);
        changed.unwrap();
        // The first refusal waits until the change is durable.
        assert_eq!(status(&desk, CALLS[0], RIGHT, ""), 403, "{why}");
        let before = desk.server.ledger.head();
        for call in CALLS {
            for head in ["", HEADERS] {
                for from in ["", "X-Forwarded-For: 192.0.2.7\r\n"] {
                    let told = status(&desk, call, RIGHT, &format!("{head}{from}"));
                    assert_eq!(told, 403, "{why}: {call:?} {head:?}");
                }
            }
        }
        assert_eq!(desk.server.ledger.head(), before, "{why}");
    }
}

#[test]
fn what_is_refused_to_others_is_there_for_the_shop() {
    let desk = open();
    let before = desk.server.ledger.head();
    let anothers = r#""token_of_agent_1""#;
    for call in &CALLS[2..] {
        assert_eq!(status(&desk, *call, anothers, ""), 404, "{call:?}");
    }
    for body in [
        r#"{"token":TOKEN}"#,
        r#"{"token":TOKEN,"orderId":"a","txnAmount":2}"#,
        r#"{"token":TOKEN,"orderId":"b","txnAmount":-1}"#,
    ] {
        let wrong = ("POST /v2/partner/payment_links", body);
        assert_eq!(status(&desk, wrong, RIGHT, ""), 422, "{body}");
    }
    assert_eq!(desk.server.ledger.head(), before);
    for call in CALLS {
        for head in ["", HEADERS] {
            assert_eq!(status(&desk, call, RIGHT, head), 200, "{call:?}");
        }
    }
}

#[test]
fn wrong_tokens_run_out_and_right_ones_pass() {
    let desk = Desk::open();
    desk.order("a", "1");
    let ask = |token: &str| status(&desk, CALLS[2], token, "");
    for _ in 0..20 {
        assert_eq!(ask(r#""wrong""#), 401);
    }
    assert_eq!((ask(r#""wrong""#), ask(RIGHT)), (429, 200));
}
