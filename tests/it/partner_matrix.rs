//! Who may not call the Partner API may not call any of it, and leaves no trace (partner-api.md,
//! Who is calling).

use coffer::http::Limits;
use coffer::id::PartnerNumber;

use crate::support::{Server, Setup, TOKEN, partner_request, ways_to_shut_out};

const MOBILE: &str = "1234567890";

/// Every call, each of which the partner of the user could make.
const CALLS: [(&str, &str); 7] = [
    (
        "POST /v2/partner/user/register",
        r#"{"name":"N","email":"n@example.com","mobile":"9999999999"}"#,
    ),
    (
        "POST /v2/partner/auth/generate-url",
        r#"{"mobile":"1234567890"}"#,
    ),
    ("GET /v2/partner/balance/1234567890", ""),
    (
        "POST /v2/partner/wallet/deposit",
        r#"{"mobile":"1234567890","amount":1,"transaction_id":"new"}"#,
    ),
    (
        "POST /v2/partner/wallet/withdraw",
        r#"{"mobile":"1234567890","amount":1,"transaction_id":"new"}"#,
    ),
    ("GET /v2/partner/wallet/transaction/first", ""),
    ("GET /v2/partner/wallet/history/1234567890", ""),
];

/// A call by the partner of a wallet token, with its head put otherwise.
fn status(
    server: &Server,
    token: &str,
    (line, body): (&str, &str),
    head: impl Fn(&str) -> String,
) -> u16 {
    let request = String::from_utf8(partner_request(token, line, body)).unwrap();
    let (before, body) = request.split_once("\r\n\r\n").unwrap();
    let before = format!("{before}\r\nX-Game-Type: mine");
    let request = format!("{}\r\n\r\n{body}", head(&before));
    server.connect().ask(request.as_bytes()).status
}

/// A server whose partner has a user and a deposit, beside another partner without any.
fn start() -> Server {
    let limits = Limits {
        failed_authentications_per_minute_max: 1000,
        ..Limits::default()
    };
    let server = Server::with(Setup {
        limits,
        trusted_proxies: vec!["192.0.2.1/32".parse().unwrap()],
        ..Setup::default()
    });
    server.add_partner("other", "default", Vec::new());
    let user = format!(r#"{{"name":"N","email":"n@example.com","mobile":"{MOBILE}"}}"#);
    let deposit = format!(r#"{{"mobile":"{MOBILE}","amount":5,"transaction_id":"first"}}"#);
    for (line, body) in [(CALLS[0].0, &*user), (CALLS[3].0, &*deposit)] {
        assert_eq!(status(&server, TOKEN, (line, body), str::to_owned), 200);
    }
    server
}

#[test]
fn whoever_may_not_call_is_refused_by_every_call_and_leaves_no_trace() {
    let server = start();
    let away = |head: &str, name: &str| {
        let lines = head.split("\r\n").filter(|line| !line.starts_with(name));
        lines.collect::<Vec<_>>().join("\r\n")
    };
    let before = server.ledger.head();
    let by_other_prefix = CALLS.map(|(line, body)| (line.replace("/v2/", "/api/v2/"), body));
    let by_other_prefix = by_other_prefix.iter().map(|(line, body)| (&**line, *body));
    for call in CALLS.into_iter().chain(by_other_prefix) {
        let told = |head: &dyn Fn(&str) -> String| status(&server, TOKEN, call, head);
        let none = |head: &str| away(&away(head, "X-API-Key"), "X-API-Secret");
        assert_eq!(told(&none), 401, "{call:?}");
        assert_eq!(told(&|head| away(head, "X-API-Secret")), 401, "{call:?}");
        assert_eq!(told(&|head| away(head, "X-API-Key")), 401, "{call:?}");
        let wrong = |head: &str| head.replace("secret_of_agent_1", "secret_of_other");
        let refused = told(&wrong);
        assert_eq!(refused, 401, "{call:?}");
    }
    assert_eq!(server.ledger.head(), before);
}

#[test]
fn a_disabled_expired_or_strange_address_is_refused_by_every_call_and_leaves_no_trace() {
    let server = start();
    let spoofed = |head: &str| format!("{head}\r\nX-Forwarded-For: 192.0.2.7");
    for (why, change) in ways_to_shut_out() {
        let changed = server.ledger.change_partner(PartnerNumber(1), change);
        changed.unwrap();
        // The first refusal waits until the change is durable.
        let first = status(&server, TOKEN, CALLS[0], str::to_owned);
        assert_eq!(first, 403, "{why}");
        let before = server.ledger.head();
        for call in CALLS {
            let plain = status(&server, TOKEN, call, str::to_owned);
            assert_eq!(plain, 403, "{why}: {call:?}");
            let told = status(&server, TOKEN, call, spoofed);
            assert_eq!(told, 403, "{why}: {call:?}");
        }
        assert_eq!(server.ledger.head(), before, "{why}");
    }
}

#[test]
fn another_partners_user_is_nobody_of_mine() {
    let server = start();
    let before = server.ledger.head();
    for (call, due) in CALLS[1..].iter().zip([403, 403, 403, 403, 404, 403]) {
        let told = status(&server, "other", *call, str::to_owned);
        assert_eq!(told, due, "{call:?}");
    }
    assert_eq!(server.ledger.head(), before);
    // What is refused to others is there for its own partner.
    for call in CALLS {
        assert_eq!(
            status(&server, TOKEN, call, str::to_owned),
            if call.0.contains("withdraw") {
                422
            } else {
                200
            },
            "{call:?}"
        );
    }
}
