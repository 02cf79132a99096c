//! Addresses that merchants hash, and what becomes of who follows one (paykassma-api.md,
//! `payment-plugin/hash-url`).

use coffer::time::Span;

use crate::support::{Answer, Server, Setup};

const HASH: &str = "/api/v1/payment-plugin/hash-url?secret=gateway_secret_of_agent_1";

/// The document's own.
const SAMPLE: &str = r#"{"success_urls":[{"order":2,"url":"https://test.com/success2.jpg"},{"order":1,"url":"https://test.com/success1.jpg"}],"fail_urls":[{"order":1,"url":"https://test.com/fail1.jpg"}],"pending_urls":[{"order":3,"url":"https://test.com/pending1.jpg"},{"order":4,"url":"https://test.com/pending2.jpg#top"}]}"#;

fn ask(server: &Server, method: &str, target: &str, body: &str) -> Answer {
    let length = body.len();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
    let mut client = server.connect();
    client.send(format!("{head}{body}").as_bytes());
    client.answer_to(method != "HEAD").unwrap()
}

fn hashes(server: &Server, body: &str) -> serde_json::Value {
    let answer = ask(server, "POST", HASH, body);
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

/// Status and target of who follows a hash.
fn followed(server: &Server, hash: &str) -> (u16, Option<String>) {
    let answer = ask(server, "GET", &format!("/redirect/{hash}"), "");
    let lines = answer.head.lines();
    let mut targets = lines.filter_map(|line| line.strip_prefix("location: "));
    (answer.status, targets.next().map(str::to_owned))
}

#[test]
fn a_hash_leads_to_its_address_in_the_order_that_was_given() {
    let server = Server::start();
    let told = hashes(&server, SAMPLE);
    assert_eq!(told["status"], "ok");
    for (list, due) in [
        ("success_url", &["success1.jpg", "success2.jpg"][..]),
        ("fail_url", &["fail1.jpg"]),
        ("pending_url", &["pending1.jpg", "pending2.jpg#top"]),
    ] {
        let items = told["urls"][list].as_array().unwrap();
        assert_eq!(items.len(), due.len());
        for (place, (item, name)) in items.iter().zip(due).enumerate() {
            assert_eq!(item["order"], place + 1);
            let hash = item["url"].as_str().unwrap();
            assert_eq!(hash.len(), 64);
            let target = format!("https://test.com/{name}");
            assert_eq!(followed(&server, hash), (302, Some(target)));
        }
    }
    let first = told["urls"]["success_url"][0]["url"].as_str().unwrap();
    let again = hashes(&server, SAMPLE);
    assert_ne!(again["urls"]["success_url"][0]["url"], first);
    let head = ask(&server, "HEAD", &format!("/redirect/{first}"), "");
    assert_eq!(head.status, 302);
    let posted = ask(&server, "POST", &format!("/redirect/{first}"), "");
    assert_eq!(posted.status, 405);
}

#[test]
fn a_hash_expires_and_an_unknown_one_leads_nowhere() {
    let mut setup = Setup::default();
    setup.paykassma.hash_ttl = Span::from_seconds(3600);
    let server = Server::with(setup);
    let body = r#"{"success_urls":[{"order":"1","url":"http://a.b/"}],"fail_urls":[]}"#;
    let told = hashes(&server, body);
    assert!(told["urls"].get("pending_url").is_none());
    let hash = told["urls"]["success_url"][0]["url"].as_str().unwrap();
    server.clock.advance(Span::from_seconds(3599));
    assert_eq!(followed(&server, hash).0, 302);
    server.clock.advance(Span::from_seconds(1));
    assert_eq!(followed(&server, hash), (410, None));
    for unknown in [
        "",
        "x",
        &"0".repeat(64),
        &hash.to_uppercase(),
        &format!("{hash}/"),
    ] {
        assert_eq!(followed(&server, unknown), (404, None), "{unknown}");
    }
}

#[test]
fn addresses_are_http_alone_and_belong_to_a_merchant() {
    let server = Server::start();
    let body = r#"{"success_urls":[{"order":1,"url":"javascript:alert(1)"}],"fail_urls":[]}"#;
    let answer = ask(&server, "POST", HASH, body);
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .body
            .contains("must have an order and an http or https url")
    );
    let target = HASH.replace("agent_1", "nobody");
    assert_eq!(ask(&server, "POST", &target, SAMPLE).status, 404);
}
