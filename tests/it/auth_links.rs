//! One-time links into games: made for a partner's user, used once (partner-api.md, Users).

use std::path::Path;

use coffer::engine::command::{NewPartner, PartnerChange};
use coffer::engine::settings::{PartnerSettings, SettingsChange};
use coffer::id::PartnerNumber;
use coffer::sim::sample;
use coffer::time::Span;
use serde_json::Value;
use tempfile::tempdir;

use crate::golden;
use crate::process::{self, Process, http};
use crate::support::{Answer, Plays, Server, TOKEN, partner_request, secrets, told};

const GENERATE: &str = "POST /v2/partner/auth/generate-url";
const MINE: &str = "\r\nX-Game-Type: mine";

/// A request of the partner of a wallet token; `header` goes into its head.
fn request(token: &str, line: &str, header: &str, body: &str) -> Vec<u8> {
    let request = partner_request(token, line, body);
    let request = String::from_utf8(request).unwrap();
    let host = "\r\nHost: coffer.test";
    assert!(request.contains(host), "{request}");
    request
        .replacen(host, &format!("{host}{header}"), 1)
        .into_bytes()
}

fn ask(server: &Server, token: &str, line: &str, header: &str, body: &str) -> Answer {
    server.connect().ask(&request(token, line, header, body))
}

fn register(server: &Server, token: &str, mobile: &str) {
    let body = format!(r#"{{"name":"N","email":"n@example.com","mobile":"{mobile}"}}"#);
    let answer = ask(server, token, "POST /v2/partner/user/register", "", &body);
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// A server with the document's user, who is the first.
fn start() -> Server {
    let server = Server::start();
    register(&server, TOKEN, "1234567890");
    server
}

/// The path of a new link.
fn link(server: &Server) -> String {
    let body = r#"{"mboile":"1234567890"}"#;
    let answer = ask(server, TOKEN, GENERATE, MINE, body);
    assert_eq!(answer.status, 200, "{answer:?}");
    path_of(&answer.body, "http://coffer.test")
}

fn path_of(body: &str, public_url: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    let url = body["authUrl"].as_str().unwrap();
    url.strip_prefix(public_url).unwrap().to_owned()
}

fn follow_with(server: &Server, method: &str, path: &str) -> Answer {
    let mut client = server.connect();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    client.send(request.as_bytes());
    client.answer_to(method != "HEAD").unwrap()
}

fn follow(server: &Server, path: &str) -> Answer {
    follow_with(server, "GET", path)
}

/// Where an answer leads.
fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 302, "{answer:?}");
    let mut lines = answer.head.lines();
    lines
        .find_map(|line| line.strip_prefix("location: "))
        .unwrap()
}

/// The code of the session that an address leads into.
fn code_in(location: &str) -> &str {
    let (_, rest) = location.split_once("&token=").unwrap();
    rest.split_once('&').unwrap().0
}

fn change(server: &Server, partner: u32, change: PartnerChange) {
    let changed = server.ledger.change_partner(PartnerNumber(partner), change);
    changed.unwrap();
}

fn disabled(disabled: bool) -> PartnerChange {
    PartnerChange {
        disabled: Some(disabled),
        ..PartnerChange::default()
    }
}

#[test]
fn the_first_to_follow_a_link_is_led_into_a_session() {
    let server = start();
    let answer = ask(
        &server,
        TOKEN,
        GENERATE,
        MINE,
        r#"{"mboile":"+1234567890"}"#,
    );
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let path = path_of(&answer.body, "http://coffer.test");
    let token = path.strip_prefix("/auth/token/").unwrap();
    assert_eq!(token.len(), 43);
    let due = format!(
        r#"{{"success":true,"message":"Authentication URL generated successfully.","authUrl":"http://coffer.test/auth/token/{token}","redirectTo":"/v3/game/mine"}}"#
    );
    assert_eq!((answer.status, &*answer.body), (200, &*due), "{body}");

    let led = follow(&server, &path);
    let to = location(&led).to_owned();
    let code = code_in(&to);
    let due = format!(
        "http://coffer.test/v3/game/mine?mode=real_play&gameID=1&token={code}&lang=en&wallet={TOKEN}"
    );
    assert_eq!(to, due);
    assert!(code.len() >= 22 && !led.head.contains(token));
    for header in ["referrer-policy: no-referrer", "cache-control: no-store"] {
        assert!(led.head.contains(&format!("\r\n{header}\r\n")), "{led:?}");
    }
    let credit = server.post(&Plays(code).credit());
    assert!(
        credit.body.contains(r#""player_id":"usr-101""#),
        "{credit:?}"
    );
    let again = follow(&server, &path);
    assert_eq!(again.status, 410);
    assert!(again.body.contains("used or has expired"), "{again:?}");
    assert_eq!(follow(&server, "/auth/token/unknown").status, 410);
    let long = format!("/auth/token/{}", "x".repeat(4000));
    assert_eq!(follow(&server, &long).status, 410);
    let closed = server.ledger.close_session(&code.parse().unwrap());
    closed.unwrap();
    assert_eq!(follow(&server, &path).status, 410);
}

#[test]
fn only_a_get_uses_a_link_up() {
    let server = start();
    let path = link(&server);
    for _ in 0..2 {
        let head = follow_with(&server, "HEAD", &path);
        assert_eq!((head.status, &*head.body), (200, ""));
    }
    let post = follow_with(&server, "POST", &path);
    assert_eq!(post.status, 405);
    assert!(post.head.contains("\r\nallow: GET, HEAD\r\n"), "{post:?}");
    location(&follow(&server, &path));
}

#[test]
fn a_link_has_its_life_and_its_session_another() {
    let server = start();
    let (first, second) = (link(&server), link(&server));
    server.clock.advance(Span::from_seconds(299));
    let to = follow(&server, &first);
    server.clock.advance(Span::from_seconds(1));
    assert_eq!(follow(&server, &second).status, 410);
    server.clock.advance(Span::from_seconds(23 * 3600));
    let bet = server.play(&Plays(code_in(location(&to))).bet(7, 0));
    assert_eq!(told(&bet).0, 1);
}

#[test]
fn before_it_is_used_a_link_opens_nothing() {
    let server = start();
    let path = link(&server);
    let shown = |server: &Server| {
        let player = "usr-101".parse().unwrap();
        let player = server.ledger.player(server.partner, &player).unwrap();
        player.value.open_sessions
    };
    assert_eq!(shown(&server), 0);
    location(&follow(&server, &path));
    assert_eq!(shown(&server), 1);
}

#[test]
fn a_disabled_partners_links_are_gone_and_a_blocked_users_forbidden() {
    let server = start();
    let path = link(&server);
    let block = |blocked| {
        let player = "usr-101".parse().unwrap();
        let blocked = server.ledger.set_blocked(server.partner, &player, blocked);
        blocked.unwrap();
    };
    change(&server, 1, disabled(true));
    block(true);
    assert_eq!(follow(&server, &path).status, 410);
    change(&server, 1, disabled(false));
    let forbidden = follow(&server, &path);
    assert_eq!(
        (forbidden.status, &*forbidden.body),
        (403, "User is blocked")
    );
    block(false);
    location(&follow(&server, &path));
}

#[test]
fn a_partner_is_told_why_it_gets_no_link() {
    let server = start();
    let other = NewPartner {
        settings: PartnerSettings {
            games: vec!["keno".parse().unwrap()],
            ..PartnerSettings::default()
        },
        ..sample::partner("other", "INR".parse().unwrap())
    };
    server
        .ledger
        .create_partner(other, secrets("other"))
        .unwrap();
    register(&server, "other", "2222222222");
    let body = r#"{"mboile":"1234567890"}"#;
    let before = server.ledger.head().seq;
    let sample = |name: &str, token: &str, header: &str, body: &str| {
        let request = request(token, GENERATE, header, body);
        golden::sample(
            &server,
            "partner",
            &format!("generate_url.{name}"),
            &request,
        );
    };
    sample("400.no_header", TOKEN, "", "");
    sample("400.unknown_game", TOKEN, "\r\nX-Game-Type: chess", body);
    sample("400.two_headers", TOKEN, &MINE.repeat(2), body);
    sample("400.malformed", TOKEN, MINE, "{");
    sample("422.no_number", TOKEN, MINE, "{}");
    sample("422.no_such_number", TOKEN, MINE, r#"{"username":"12"}"#);
    let first = r#"{"username":"1234567890","mobile":"2222222"}"#;
    sample("401.first_name_of_three", TOKEN, MINE, first);
    sample("401.nobodys", TOKEN, MINE, r#"{"mobile":"3333333333"}"#);
    sample(
        "403.anothers_user",
        TOKEN,
        MINE,
        r#"{"mobile":"2222222222"}"#,
    );
    sample("403.game", "other", MINE, r#"{"mobile":"2222222222"}"#);
    let player = "usr-101".parse().unwrap();
    server
        .ledger
        .set_blocked(server.partner, &player, true)
        .unwrap();
    sample("403.blocked", TOKEN, MINE, body);
    change(&server, 1, disabled(true));
    sample("403.disabled", TOKEN, MINE, body);
    let stranger = |name: &str, secret: &str| {
        let request = request(TOKEN, GENERATE, MINE, body);
        let request = String::from_utf8(request).unwrap();
        let request = request.replace("secret_of_agent_1", secret);
        golden::sample(
            &server,
            "partner",
            &format!("generate_url.{name}"),
            request.as_bytes(),
        );
    };
    stranger("401.wrong_secret", "guess");
    assert_eq!(server.ledger.head().seq.0, before.0 + 2, "only two changes");
}

#[test]
fn a_partner_may_have_a_default_game_and_clients_their_names() {
    let server = start();
    let generate = |header: &str, body: &str| ask(&server, TOKEN, GENERATE, header, body);
    let body = r#"{"username":"1234567890"}"#;
    assert_eq!(generate("", body).status, 400);
    change(
        &server,
        1,
        PartnerChange {
            settings: SettingsChange {
                default_game: Some(Some("keno".parse().unwrap())),
                ..SettingsChange::default()
            },
            ..PartnerChange::default()
        },
    );
    for (header, body, game) in [
        ("", body, "keno"),
        (MINE, r#"{"mobile":1234567890}"#, "mine"),
        (
            "\r\nx-game-type: hotline",
            r#"{"mobile":null,"mboile":"+1234567890"}"#,
            "hotline",
        ),
    ] {
        let answer = generate(header, body);
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(told["redirectTo"], format!("/v3/game/{game}"), "{answer:?}");
    }
    // A header that is there counts, whatever it says.
    assert_eq!(generate("\r\nX-Game-Type: chess", body).status, 400);
}

const URL: (&str, &str) = ("COFFER_SERVER_PUBLIC_URL", "https://wallet.example.com");
const GAMES: &str = "https://games.example.com/play";

fn serve(directory: &Path) -> Process {
    let environment = [
        URL,
        ("COFFER_GAMES_MINE_LAUNCH_BASE", GAMES),
        ("COFFER_GAMES_MINE_GAME", "1014"),
    ];
    Process::start(directory, &["serve"], &environment)
}

#[test]
fn links_outlive_the_server_used_or_not() {
    let directory = tempdir().unwrap();
    let server = serve(directory.path());
    let create = [
        "partner",
        "create",
        "--name",
        "One",
        "--wallet-token",
        "one",
    ];
    let created = server.ask(&create).json();
    let header =
        |name: &str, member: &str| format!("{name}: {}", created[member].as_str().unwrap());
    let (key, secret) = (
        header("X-API-Key", "api_key"),
        header("X-API-Secret", "api_secret"),
    );
    let headers = [&*key, &*secret, "X-Game-Type: mine"];
    let post = |server: &Process, call: &str, body: &str| {
        let path = format!("/api/v2/partner/{call}");
        let answer = http(server.public(), "POST", &path, &headers, body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    let user = r#"{"name":"N","email":"n@example.com","mobile":"1234567890"}"#;
    post(&server, "user/register", user);
    let links = [(); 4].map(|()| {
        let body = post(&server, "auth/generate-url", r#"{"mobile":"1234567890"}"#);
        path_of(&body, URL.1)
    });
    let get = |server: &Process, path: &str| http(server.public(), "GET", path, &[], "");
    let led = get(&server, &links[0]);
    assert_eq!(led.status, 302);
    let to = format!("\r\nlocation: {GAMES}?mode=real_play&gameid=1014&token=");
    assert!(led.head.contains(&to), "{}", led.head);
    assert!(!server.end("KILL").success());
    // Out of the journal's tail, then out of the books.
    let server = serve(directory.path());
    assert_eq!(get(&server, &links[0]).status, 410);
    assert_eq!(get(&server, &links[1]).status, 302);
    assert!(server.end("TERM").success());
    let server = serve(directory.path());
    for (link, status) in [(0, 410), (1, 410), (2, 302), (2, 410)] {
        assert_eq!(get(&server, &links[link]).status, status, "{link}");
    }
    let exported = server.ask(&["export", "journal"]).out;
    assert!(exported.contains("auth_link_made"), "{exported}");
    for path in &links {
        let token = path.strip_prefix("/auth/token/").unwrap();
        assert!(!exported.contains(token));
    }
    assert!(server.end("TERM").success());
    let verified = process::run(directory.path(), &["verify"], &[]);
    assert_eq!(verified.code, 0, "{}", verified.out);
}
