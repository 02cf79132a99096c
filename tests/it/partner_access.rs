//! Who may call the Partner API, and what those are told who may not (partner-api.md, Who is
//! calling and Small print).

use coffer::engine::command::{NewSession, PartnerChange};
use coffer::engine::refusal::OperatorRefusal;
use coffer::engine::settings::PartnerSettings;
use coffer::http::Limits;
use coffer::id::{Lang, PartnerNumber};
use coffer::ledger::OperatorError;
use coffer::time::Span;

use crate::golden;
use crate::support::{
    Answer, PLAYER, Server, Setup, TOKEN, account, partner_request, ways_to_shut_out,
};

const BALANCE: &str = "/v2/partner/balance/1234567890";
const KEY: &str = "X-API-Key: key_of_agent_1\r\n";
const SECRET: &str = "X-API-Secret: secret_of_agent_1\r\n";

fn ask(server: &Server, line: &str, headers: &str) -> Answer {
    let request = format!("{line} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
    server.connect().ask(request.as_bytes())
}

fn balance(server: &Server, headers: &str) -> Answer {
    ask(server, &format!("GET {BALANCE}"), headers)
}

fn refusal(message: &str) -> String {
    format!(r#"{{"success":false,"message":"{message}"}}"#)
}

/// What somebody is told who was let in and named a user whom nobody knows.
fn is_let_in(answer: &Answer) -> bool {
    answer.status == 404
}

#[test]
fn a_partner_proves_itself_with_key_and_secret() {
    let server = Server::start();
    server.add_partner("agent_2", "default", Vec::new());
    let invalid = (401, refusal("Invalid API Key or Secret"));
    for headers in [
        "",
        KEY,
        SECRET,
        "X-API-Key: key_of_agent_1\r\nX-API-Secret: wrong\r\n",
        "X-API-Key: key_of_agent_1\r\nX-API-Secret:\r\n",
        "X-API-Key: key_of_nobody\r\nX-API-Secret: secret_of_agent_1\r\n",
        "X-API-Key: key_of_agent_2\r\nX-API-Secret: secret_of_agent_1\r\n",
        "X-API-Key: key_of_agent_1\r\nX-API-Secret: SECRET_OF_AGENT_1\r\n",
        &format!("{KEY}{KEY}{SECRET}"),
        &format!("{KEY}{SECRET}{SECRET}"),
    ] {
        let answer = balance(&server, headers);
        assert_eq!((answer.status, answer.body), invalid, "{headers}");
    }
    let answer = balance(&server, &format!("{KEY}{SECRET}"));
    assert!(is_let_in(&answer), "{answer:?}");
    let lower = format!("{KEY}{SECRET}").replace("X-API", "x-api");
    let line = "GET /api/v2/partner/balance/1234567890";
    assert!(is_let_in(&ask(&server, line, &lower)));
}

#[test]
fn a_disabled_or_expired_partner_is_told_so_when_it_has_proved_itself() {
    let server = Server::start();
    let both = format!("{KEY}{SECRET}");
    let set = |change: PartnerChange| {
        let changed = server.ledger.change_partner(PartnerNumber(1), change);
        changed.unwrap();
    };
    let disable = |disabled| PartnerChange {
        disabled: Some(disabled),
        ..PartnerChange::default()
    };
    let inactive = (403, refusal("API Key inactive or expired"));
    set(disable(true));
    let answer = balance(&server, &both);
    assert_eq!((answer.status, answer.body), inactive);
    assert_eq!(balance(&server, KEY).status, 401);
    set(disable(false));
    assert!(is_let_in(&balance(&server, &both)));
    let end = PartnerChange {
        expires_at: Some(Some("2023-09-21T03:23:23Z".parse().unwrap())),
        ..PartnerChange::default()
    };
    set(end);
    let answer = balance(&server, &both);
    assert_eq!((answer.status, answer.body), inactive);
}

fn listed(allowed: &[&str], proxies: &[&str]) -> Server {
    let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    Server::with(Setup {
        settings: PartnerSettings {
            allow_addresses: networks(allowed),
            ..PartnerSettings::default()
        },
        trusted_proxies: networks(proxies),
        ..Setup::default()
    })
}

#[test]
fn a_partners_list_names_where_it_may_call_from() {
    let both = format!("{KEY}{SECRET}");
    let here = listed(&["192.0.2.0/24", "127.0.0.1/32"], &[]);
    assert!(is_let_in(&balance(&here, &both)));
    let elsewhere = listed(&["192.0.2.0/24"], &[]);
    let not_allowed = (403, refusal("IP address not allowed"));
    for headers in ["", "X-Forwarded-For: 192.0.2.1\r\n"] {
        let answer = balance(&elsewhere, &format!("{both}{headers}"));
        assert_eq!((answer.status, answer.body), not_allowed, "{headers}");
    }
    // Who has not proved itself does not learn where to come from.
    assert_eq!(balance(&elsewhere, KEY).status, 401);
    let behind = listed(&["192.0.2.0/24"], &["127.0.0.0/8"]);
    for (forwarded, let_in) in [
        ("X-Forwarded-For: 192.0.2.1\r\n", true),
        ("X-Forwarded-For: 192.0.2.1, 198.51.100.1\r\n", false),
        ("X-Forwarded-For: unknown\r\n", false),
        ("", false),
    ] {
        let answer = balance(&behind, &format!("{both}{forwarded}"));
        assert_eq!(is_let_in(&answer), let_in, "{forwarded}");
    }
}

#[test]
fn an_address_that_fails_too_often_must_wait_and_right_credentials_pass() {
    let limits = Limits {
        failed_authentications_per_minute_max: 3,
        ..Limits::default()
    };
    let server = Server::with(Setup {
        limits,
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..Setup::default()
    });
    let both = format!("{KEY}{SECRET}");
    for _ in 0..3 {
        assert_eq!(balance(&server, KEY).status, 401);
        assert!(is_let_in(&balance(&server, &both)));
    }
    let answer = balance(&server, KEY);
    assert_eq!(answer.body, refusal("Too many failed attempts"));
    assert_eq!(answer.status, 429);
    assert!(answer.head.contains("\r\nretry-after: "), "{answer:?}");
    assert!(is_let_in(&balance(&server, &both)));
    let elsewhere = format!("{KEY}X-Forwarded-For: 192.0.2.1\r\n");
    assert_eq!(balance(&server, &elsewhere).status, 401);
}

#[test]
fn what_is_no_call_is_told_in_json_to_everybody() {
    let server = Server::start();
    let register = "/v2/partner/user/register";
    for (line, status, message, allow) in [
        ("GET /v2/partner/", 404, "Not found", ""),
        ("GET /v2/partner/users", 404, "Not found", ""),
        ("GET /v2/partner/balance/", 404, "Not found", ""),
        ("POST /api/v3/partner/user/register", 404, "Not found", ""),
        ("POST /order/api/create_payment", 404, "Not found", ""),
        (
            &format!("GET {register}"),
            405,
            "Method not allowed",
            "\r\nallow: POST\r\n",
        ),
        (
            &format!("DELETE {BALANCE}"),
            405,
            "Method not allowed",
            "\r\nallow: GET\r\n",
        ),
    ] {
        let answer = ask(&server, line, "");
        assert_eq!((answer.status, answer.body), (status, refusal(message)));
        assert!(answer.head.contains(allow), "{line}: {}", answer.head);
        let json = "\r\ncontent-type: application/json\r\n";
        assert!(answer.head.contains(json), "{line}: {}", answer.head);
    }
}

#[test]
fn nothing_of_a_strangers_body_is_read_and_a_partners_is_bounded() {
    let server = Server::start();
    let register = |headers: &str| {
        let length = "Content-Length: 65537\r\n";
        let line = "POST /v2/partner/user/register";
        ask(&server, line, &format!("{headers}{length}"))
    };
    let stranger = register(KEY);
    assert_eq!(stranger.status, 401);
    assert!(stranger.closes());
    let partner = register(&format!("{KEY}{SECRET}"));
    assert_eq!(partner.body, refusal("Request body too large"));
    assert_eq!(partner.status, 413);
    assert!(partner.closes());
}

#[test]
fn refusals_of_callers_are_worded_as_documented() {
    let server = Server::start();
    let balance = partner_request(TOKEN, &format!("GET {BALANCE}"), "");
    let sample = |server: &Server, name: &str, request: &[u8]| {
        golden::sample(server, "partner", &format!("access.{name}"), request);
    };
    let text = String::from_utf8(balance.clone()).unwrap();
    let wrong = text.replace("secret_of_agent_1", "guess");
    sample(&server, "401.wrong_secret", wrong.as_bytes());
    let disabled = PartnerChange {
        disabled: Some(true),
        ..PartnerChange::default()
    };
    let changed = server.ledger.change_partner(server.partner, disabled);
    changed.unwrap();
    sample(&server, "403.disabled", &balance);
    sample(&listed(&["192.0.2.0/24"], &[]), "403.address", &balance);
    let other = partner_request(TOKEN, "PUT /api/v2/partner/wallet/deposit", "{}");
    sample(&server, "405.method", &other);
    let unknown = partner_request(TOKEN, "GET /v2/partner/users", "");
    sample(&server, "404.path", &unknown);
    let link = b"GET /auth/token/unknown HTTP/1.1\r\nHost: coffer.test\r\n\r\n";
    sample(&server, "410.link", link);
}

#[test]
fn no_session_begins_at_a_partner_that_is_shut_out_and_a_change_made_again_is_none() {
    let server = Server::start();
    let open = |code: &str| {
        let opened = server.ledger.open_session(NewSession {
            account: account(server.partner, PLAYER, "USD"),
            code: code.parse().unwrap(),
            game: None,
            lang: Lang::EN,
            ttl: Span::from_seconds(60),
        });
        match opened {
            Ok(_) => None,
            Err(OperatorError::Refused(refusal, _)) => Some(refusal),
            Err(error) => panic!("{error}"),
        }
    };
    let change = |change: PartnerChange| {
        let changed = server.ledger.change_partner(server.partner, change);
        changed.unwrap().value.changed
    };
    for (why, out) in ways_to_shut_out() {
        assert_eq!(change(out.clone()), change(out), "{why}");
        // Where a partner may call from says nothing about operators.
        let refused = (why != "elsewhere").then_some(OperatorRefusal::PartnerNotLive);
        assert_eq!(open(why), refused, "{why}");
    }
}
