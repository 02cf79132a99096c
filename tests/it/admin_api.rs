//! The admin API over raw HTTP: who gets in, and what is told to whoever asks wrongly.

use serde_json::Value;
use tempfile::tempdir;

use crate::process::{Answer, Process, http};
use crate::support::{self, ADMIN_KEY, Client, Server, Setup};

const PARTNERS: &str = "/admin/v1/partners";

fn error(answer: &Answer) -> (u16, String) {
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let error = body["error"].as_object().unwrap();
    assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "message"]);
    (answer.status, error["code"].as_str().unwrap().to_owned())
}

#[test]
fn only_the_key_opens_and_failures_run_out() {
    let directory = tempdir().unwrap();
    let server = Process::start(
        directory.path(),
        &["serve"],
        &[("COFFER_LIMITS_FAILED_AUTHENTICATIONS_PER_MINUTE_MAX", "2")],
    );
    let right = format!("Authorization: Bearer {}", server.key());
    let get = |headers: &[&str]| http(server.admin(), "GET", PARTNERS, headers, "");
    let unauthorized = (401, "unauthorized".to_owned());
    assert_eq!(error(&get(&[])), unauthorized);
    assert_eq!(error(&get(&["Authorization: Bearer wrong"])), unauthorized);
    let limited = get(&[]);
    assert_eq!(error(&limited), (429, "too_many_failures".to_owned()));
    assert!(limited.head.contains("\r\nretry-after: "));
    assert_eq!(get(&[&right]).status, 200);
    let stranger = get(&[&right, "Host: evil.example.com"]);
    assert_eq!(error(&stranger), (403, "host_not_allowed".to_owned()));
    // The public address knows nothing of it.
    let outside = http(server.public(), "GET", PARTNERS, &[&right], "");
    let unknown = http(server.public(), "GET", "/nothing", &[], "");
    assert_eq!((outside.status, outside.body), (404, unknown.body));
}

#[test]
fn what_is_asked_wrongly_is_told_by_its_member() {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    let key = format!("Authorization: Bearer {}", server.key());
    let ask =
        |method: &str, path: &str, body: &str| http(server.admin(), method, path, &[&key], body);
    for (method, path, body, status, told) in [
        ("POST", PARTNERS, "{}", 400, "name is missing"),
        ("POST", PARTNERS, "[]", 400, "must be a JSON object"),
        ("POST", PARTNERS, "{\"name\":3}", 400, "name must be a text"),
        (
            "POST",
            PARTNERS,
            "{\"name\":\"x\",\"nmae\":1}",
            400,
            "nmae is not known",
        ),
        (
            "POST",
            PARTNERS,
            "{\"name\":\"x\",\"name\":\"x\"}",
            400,
            "name is there twice",
        ),
        (
            "GET",
            "/admin/v1/partners?limit=0",
            "",
            400,
            "limit must be",
        ),
        (
            "GET",
            "/admin/v1/partners?limit=1001",
            "",
            400,
            "limit must be",
        ),
        ("GET", "/admin/v1/partners/show?partner=p9", "", 404, "p9"),
        (
            "GET",
            "/admin/v1/partners/show?partner=9",
            "",
            400,
            "such as p1",
        ),
        ("GET", "/admin/v1/nothing", "", 404, "this path"),
        ("DELETE", PARTNERS, "", 405, "other methods"),
    ] {
        let answer = ask(method, path, body);
        assert_eq!(error(&answer).0, status, "{method} {path} {body}");
        assert!(answer.body.contains(told), "{} lacks {told}", answer.body);
        assert!(answer.head.contains("content-type: application/json"));
    }
    let methods = ask("DELETE", PARTNERS, "").head;
    assert!(methods.contains("\r\nallow: get, post"), "{methods}");
}

/// A request to the admin address of a server in this process, without a body.
fn head(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

fn bearer() -> String {
    format!("Authorization: Bearer {ADMIN_KEY}\r\n")
}

/// Status and code of an answer in the admin API's one shape.
fn told(answer: &support::Answer) -> (u16, String) {
    error(&Answer {
        status: answer.status,
        head: answer.head.clone(),
        body: answer.body.clone(),
    })
}

#[test]
fn without_the_key_no_body_is_waited_for() {
    let server = Server::start();
    let key = bearer();
    for (headers, status) in [
        ("Content-Length: 60000\r\n", 401),
        ("Content-Length: 70000\r\n", 401),
        ("Transfer-Encoding: chunked\r\n", 401),
        (
            "Content-Length: 60000\r\nAuthorization: Bearer wrong\r\n",
            401,
        ),
        (
            &*format!("Content-Length: 60000\r\nOrigin: http://evil.example.com\r\n{key}"),
            403,
        ),
    ] {
        let mut client = Client::connect(server.admin);
        let answer = client.ask(head("POST /admin/v1/partners", headers).as_bytes());
        assert_eq!(told(&answer).0, status, "{headers}");
        assert!(answer.closes(), "{headers}");
    }
}

#[test]
fn the_admin_address_has_one_shape_for_every_fault() {
    let server = Server::start();
    let key = bearer();
    let long = "X: x\r\n".repeat(70);
    let post = |headers: &str| head("POST /admin/v1/partners", headers);
    for (request, status, code) in [
        (head("GET /nothing", ""), 404, "path_unknown"),
        (head("GET /wallet/agent_1", ""), 404, "path_unknown"),
        (head("POST /healthz", ""), 405, "method_not_allowed"),
        (head("POST /readyz", ""), 405, "method_not_allowed"),
        (
            post(&format!("{key}Content-Length: 70000\r\n")),
            413,
            "body_too_large",
        ),
        (
            "GET /healthz HTTP/1.0\r\nHost: h\r\n\r\n".to_owned(),
            505,
            "head_not_taken",
        ),
        (
            "GET /healthz HTTP/1.1\r\n\r\n".to_owned(),
            400,
            "head_not_taken",
        ),
        (
            post("Content-Length: 2\r\nContent-Length: 2\r\n"),
            400,
            "head_not_taken",
        ),
        (head("GET /healthz", &long), 431, "head_not_taken"),
    ] {
        let answer = Client::connect(server.admin).ask(request.as_bytes());
        assert_eq!(told(&answer), (status, code.to_owned()), "{request}");
    }
    let methods = Client::connect(server.admin).ask(head("POST /readyz", "").as_bytes());
    assert!(methods.head.contains("\r\nallow: GET, HEAD\r\n"));
}

#[test]
fn one_caller_too_many_is_told_in_the_same_shape() {
    let mut setup = Setup::default();
    setup.limits.admin_connections_max = 1;
    let server = Server::with(setup);
    let mut first = Client::connect(server.admin);
    first.ask(head("GET /healthz", "").as_bytes());
    let refused = Client::connect(server.admin).answer().unwrap();
    assert_eq!(told(&refused), (503, "too_many_connections".to_owned()));
}

#[test]
fn only_pages_of_the_admin_address_may_ask() {
    let server = Server::start();
    let port = server.admin.port();
    let ours = format!("localhost:{port}");
    for (origins, admitted) in [
        (&["http://localhost:PORT"][..], true),
        (&["http://LocalHost:PORT"], true),
        (&["https://localhost:PORT"], true),
        (&[], true),
        (&["http://localhost"], false),
        (&["http://localhost:PORT1"], false),
        (&["http://127.0.0.1:PORT"], false),
        (&["http://evil.example.com"], false),
        (&["localhost:PORT"], false),
        (&["null"], false),
        (&[""], false),
        (&["http://localhost:PORT", "http://localhost:PORT"], false),
    ] {
        let lines = origins.iter().map(|origin| format!("Origin: {origin}\r\n"));
        let lines: String = lines.collect();
        let request = format!(
            "GET /admin/v1/partners HTTP/1.1\r\nHost: {ours}\r\n{}{}\r\n",
            bearer(),
            lines.replace("PORT", &port.to_string())
        );
        let answer = Client::connect(server.admin).ask(request.as_bytes());
        if admitted {
            assert_eq!(answer.status, 200, "{origins:?}");
        } else {
            let refused = (403, "origin_not_allowed".to_owned());
            assert_eq!(told(&answer), refused, "{origins:?}");
        }
    }
}

#[test]
fn failed_sign_ins_are_logged_without_key_and_path() {
    let directory = tempdir().unwrap();
    let server = Process::start(
        directory.path(),
        &["serve"],
        &[("COFFER_LIMITS_FAILED_AUTHENTICATIONS_PER_MINUTE_MAX", "2")],
    );
    let wrong = ["Authorization: Bearer of_another_server"];
    let path = "/admin/v1/partners/show?partner=p77";
    for _ in 0..4 {
        http(server.admin(), "GET", path, &wrong, "");
    }
    let stranger = ["Origin: http://evil.example.com"];
    http(server.admin(), "GET", path, &stranger, "");
    let log = std::fs::read_to_string(directory.path().join("stderr")).unwrap();
    let refused = log.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let address = line["address"].as_str()?;
        assert_eq!(
            (line["level"].as_str(), address),
            (Some("WARN"), "127.0.0.1")
        );
        Some(line["reason"].as_str().unwrap().to_owned())
    });
    // Two that the limiter let through, and one that says that there are more.
    let expected = [
        "the admin key is missing or wrong",
        "the admin key is missing or wrong",
        "too many wrong keys from this address; try again later",
        "the Origin header must be the admin address's own",
    ];
    assert_eq!(refused.collect::<Vec<_>>(), expected);
    assert!(
        !log.contains("of_another_server") && !log.contains("p77"),
        "{log}"
    );
}
