//! Which merchants the gateway lets in, and what others are told (paykassma-api.md, Access).

use coffer::engine::command::PartnerChange;
use coffer::engine::settings::PartnerSettings;
use coffer::http::Limits;
use coffer::id::PartnerNumber;

use crate::golden;
use crate::process::{Process, await_sight, http};
use crate::support::{Answer, Server, Setup};

const SECRET: &str = "secret=gateway_secret_of_agent_1";
const MEDIA: &str = "/wallet-type/images/";

fn ask(server: &Server, method: &str, target: &str, headers: &str) -> Answer {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
    server.connect().ask(request.as_bytes())
}

fn media(server: &Server, query: &str, headers: &str) -> Answer {
    ask(server, "GET", &format!("{MEDIA}?{query}"), headers)
}

/// What all others are told, and nothing more.
fn is_unknown(answer: &Answer) -> bool {
    let body = r#"{"status":"fail","message":"Not found"}"#;
    (answer.status, answer.body.as_str()) == (404, body)
}

#[test]
fn a_merchant_is_named_by_its_secret_alone() {
    let server = Server::start();
    server.add_partner("agent_2", "default", Vec::new());
    for query in [
        SECRET,
        "secret=gateway_secret_of_agent_2",
        "x=1&secret=gateway%5fsecret_of_agent_1",
    ] {
        assert_eq!(media(&server, query, "").status, 200, "{query}");
    }
    for query in [
        "",
        "secret=",
        "secret=wrong",
        "secret=secret_of_agent_1",
        "secret=GATEWAY_SECRET_OF_AGENT_1",
        "Secret=gateway_secret_of_agent_1",
        &format!("{SECRET}&{SECRET}"),
        "secret=%zz",
    ] {
        let answer = media(&server, query, "");
        assert!(is_unknown(&answer), "{query}: {answer:?}");
    }
    // Not even whether the path is one is told.
    assert!(is_unknown(&ask(&server, "GET", "/api/v1/nothing", "")));
    assert!(is_unknown(&ask(&server, "GET", "/api/v1/", "")));
}

#[test]
fn a_disabled_or_expired_merchant_is_nobody() {
    let server = Server::start();
    let set = |change: PartnerChange| {
        let changed = server.ledger.change_partner(PartnerNumber(1), change);
        changed.unwrap();
    };
    let disable = |disabled| PartnerChange {
        disabled: Some(disabled),
        ..PartnerChange::default()
    };
    set(disable(true));
    assert!(is_unknown(&media(&server, SECRET, "")));
    set(disable(false));
    assert_eq!(media(&server, SECRET, "").status, 200);
    set(PartnerChange {
        expires_at: Some(Some("2023-09-21T03:23:23Z".parse().unwrap())),
        ..PartnerChange::default()
    });
    assert!(is_unknown(&media(&server, SECRET, "")));
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
fn a_merchant_off_its_list_is_nobody() {
    let here = listed(&["192.0.2.0/24", "127.0.0.1/32"], &[]);
    assert_eq!(media(&here, SECRET, "").status, 200);
    let elsewhere = listed(&["192.0.2.0/24"], &[]);
    for headers in ["", "X-Forwarded-For: 192.0.2.1\r\n"] {
        assert!(is_unknown(&media(&elsewhere, SECRET, headers)), "{headers}");
    }
    let behind = listed(&["192.0.2.0/24"], &["127.0.0.0/8"]);
    for (forwarded, status) in [
        ("X-Forwarded-For: 192.0.2.1\r\n", 200),
        ("X-Forwarded-For: 192.0.2.1, 198.51.100.1\r\n", 404),
        ("X-Forwarded-For: unknown\r\n", 404),
        ("", 404),
    ] {
        let answer = media(&behind, SECRET, forwarded);
        assert_eq!(answer.status, status, "{forwarded}");
    }
}

#[test]
fn an_address_that_guesses_too_often_must_wait_and_the_right_secret_passes() {
    let server = Server::with(Setup {
        limits: Limits {
            failed_authentications_per_minute_max: 3,
            ..Limits::default()
        },
        ..Setup::default()
    });
    for guess in ["", "secret=a", "secret=b"] {
        assert!(is_unknown(&media(&server, guess, "")));
        assert_eq!(media(&server, SECRET, "").status, 200);
    }
    let answer = media(&server, "secret=c", "");
    let body = r#"{"status":"fail","message":"Too many failed attempts"}"#;
    assert_eq!((answer.status, answer.body.as_str()), (429, body));
    assert!(answer.head.contains("\r\nretry-after: "), "{answer:?}");
    assert_eq!(media(&server, SECRET, "").status, 200);
}

#[test]
fn another_method_is_told_the_right_one() {
    let server = Server::start();
    let answer = ask(&server, "DELETE", &format!("{MEDIA}?{SECRET}"), "");
    let body = r#"{"status":"fail","message":"Method not allowed"}"#;
    assert_eq!((answer.status, answer.body.as_str()), (405, body));
    assert!(answer.head.contains("\r\nallow: GET\r\n"), "{answer:?}");
}

#[test]
fn nothing_of_a_strangers_body_is_read_and_a_merchants_is_bounded() {
    let server = Server::start();
    let length = "Content-Length: 65537\r\n";
    let stranger = media(&server, "secret=wrong", length);
    assert!(is_unknown(&stranger) && stranger.closes());
    let merchant = media(&server, SECRET, length);
    let body = r#"{"status":"fail","message":"Request body too large"}"#;
    assert_eq!((merchant.status, merchant.body.as_str()), (413, body));
    assert!(merchant.closes());
}

fn sample(server: &Server, name: &str, target: &str) {
    let request = format!("GET {target} HTTP/1.1\r\nHost: coffer.test\r\n\r\n");
    golden::sample(server, "paykassma", name, request.as_bytes());
}

#[test]
fn merchants_are_offered_what_is_configured() {
    let server = Server::start();
    let available = |name: &str, query: &str| {
        let target = format!("/api/v1/payment-systems/available?{SECRET}&{query}");
        sample(&server, &format!("available.{name}"), &target);
    };
    available("bdt", "currency_code[]=BDT&currency_code[]=USD&label=55");
    available("none", "currency_code=EUR&label=a+b");
    available("400.required", "");
    available(
        "400.wrong",
        "currency_code[]=BDT&currency_code[]=x&label=%20a",
    );
    available("400.query", "label=%");
    sample(&server, "media.none", &format!("{MEDIA}?{SECRET}"));
    let body = r#"{"currency_code":["PKR"],"label":"55"}"#;
    let request = format!(
        "GET /api/v1/payment-systems/available?{SECRET} HTTP/1.1\r\nHost: coffer.test\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    golden::sample(
        &server,
        "paykassma",
        "available.by_body",
        request.as_bytes(),
    );
}

/// A configuration with one payment system, and `rest` in its table.
fn one_system(rest: &str) -> String {
    let table = "[[paykassma.payment_system]]\ntype = \"cash\"\nname = \"Cash\"\n";
    format!("{table}currency = \"USD\"\n{rest}\n")
}

#[test]
fn payment_systems_change_at_a_signal_and_a_faulty_file_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("c.toml");
    let media = r#"media = { id = 486, url = "https://example.com/a.mp4?cache=1" }"#;
    std::fs::write(&file, one_system(media)).unwrap();
    let server = Process::start(directory.path(), &["serve", "--config", "c.toml"], &[]);
    let created = server.ask(&["partner", "create", "--name", "shop"]).json();
    let secret = created["pluginapi_secret"].as_str().unwrap();
    let body = |target: &str| {
        let target = format!("{target}secret={secret}");
        http(server.public(), "GET", &target, &[], "").body
    };
    let hints = || body("/wallet-type/images/?");
    let due = r#"{"status":"success","message":"","code":20000,"data":{"cash":{"id":486,"url":"https://example.com/a.mp4?cache=1"}}}"#;
    assert_eq!(hints(), due);
    let hang_up = || {
        let kill = format!("kill -HUP {}", server.id());
        let sent = std::process::Command::new("sh")
            .args(["-c", &kill])
            .status();
        assert!(sent.unwrap().success());
    };
    let log = || std::fs::read_to_string(directory.path().join("stderr")).unwrap();

    std::fs::write(&file, one_system("order = \"first\"")).unwrap();
    hang_up();
    let told = "c.toml line 5: paykassma.payment_system.order must be a whole number";
    await_sight("the fault in the log", || {
        log().contains(told).then_some(())
    });
    assert_eq!(hints(), due);

    std::fs::write(&file, one_system("order = 3")).unwrap();
    hang_up();
    let none = r#"{"status":"success","message":"","code":20000,"data":{}}"#;
    await_sight("what is configured now", || (hints() == none).then_some(()));
    let offered = body("/api/v1/payment-systems/available?currency_code[]=USD&label=5&");
    assert!(
        offered.contains(r#""type":"cash","currency_code":"USD","order":3"#),
        "{offered}"
    );
    assert!(!log().contains(secret), "no secret is logged");
}
