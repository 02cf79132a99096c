//! Partners' secrets exchanged for new ones, and where no secret may ever be seen (partner-api.md,
//! Who is calling; operations.md, `partner rotate-secret`).

use std::fs;
use std::path::Path;

use coffer::time::Span;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::operator::members;
use crate::process::{Process, http};
use crate::support::{ADMIN_KEY, Client, Server};

/// What a caller with these credentials is told who asks for a user's balance.
fn status(server: &Process, key: &str, secret: &str) -> u16 {
    let headers = [
        &*format!("X-API-Key: {key}"),
        &format!("X-API-Secret: {secret}"),
    ];
    let path = "/v2/partner/balance/1234567890";
    http(server.public(), "GET", path, &headers, "").status
}

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap()
}

const ROTATE: [&str; 3] = ["partner", "rotate-secret", "p1"];

#[test]
fn old_and_new_secret_open_until_an_exchange_without_grace() {
    let directory = tempdir().unwrap();
    let server = Process::serve(directory.path());
    let created = server.ask(&["partner", "create", "--name", "One"]).json();
    let (key, first) = (text(&created, "api_key"), text(&created, "api_secret"));
    let rotated = server.ask(&ROTATE).json();
    let shown = ["api_key", "api_secret", "former_until", "partner", "what"];
    assert_eq!(members(&rotated), shown);
    assert_eq!(
        (text(&rotated, "api_key"), text(&rotated, "what")),
        (key, "api")
    );
    let second = text(&rotated, "api_secret");
    assert!(second.len() >= 40 && second != first);
    let opens = |server: &Process| {
        [first, second, "wrong"].map(|secret| status(server, key, secret) != 401)
    };
    assert_eq!(opens(&server), [true, true, false]);
    assert!(!server.end("KILL").success());
    let server = Process::serve(directory.path());
    assert_eq!(opens(&server), [true, true, false]);
    let third = server
        .ask(&[&ROTATE[..], &["--grace", "0s"]].concat())
        .json();
    assert_eq!(opens(&server), [false, false, false]);
    assert_ne!(status(&server, key, text(&third, "api_secret")), 401);
    let unknown = ["partner", "rotate-secret", "p9"];
    assert!(server.ask(&unknown).failed(1).contains("p9"));
    let what = [&ROTATE[..], &["--what", "all"]].concat();
    assert!(
        server
            .ask(&what)
            .failed(2)
            .contains("api, payment or paykassma")
    );
}

#[test]
fn a_former_secret_ceases_to_open_when_its_grace_is_over() {
    let server = Server::start();
    let opens = |secret: &str| {
        let request = format!(
            "GET /v2/partner/balance/1234567890 HTTP/1.1\r\nHost: h\r\n\
             X-API-Key: key_of_agent_1\r\nX-API-Secret: {secret}\r\n\r\n"
        );
        server.connect().ask(request.as_bytes()).status != 401
    };
    let body = r#"{"partner":"p1","grace":"1h"}"#;
    let request = format!(
        "POST /admin/v1/partners/rotate-secret HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {ADMIN_KEY}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let rotated = Client::connect(server.admin).ask(request.as_bytes());
    let rotated: Value = serde_json::from_str(&rotated.body).unwrap();
    assert_eq!(rotated["former_until"], "2023-09-21T04:23:23.000000Z");
    let new = text(&rotated, "api_secret");
    server.clock.advance(Span::from_seconds(3599));
    assert!(opens("secret_of_agent_1") && opens(new));
    server.clock.advance(Span::from_seconds(1));
    assert!(!opens("secret_of_agent_1") && opens(new));
}

/// The files in a directory that hold one of the secrets, however deep.
pub(crate) fn holding(directory: &Path, secrets: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, secrets));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let has = |secret: &String| {
            let mut windows = bytes.windows(secret.len());
            windows.any(|window| window == secret.as_bytes())
        };
        if secrets.iter().any(has) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// The secrets that an answer shows.
pub(crate) fn secrets_of(answer: &Value) -> Vec<String> {
    let names = [
        "api_secret",
        "payment_token",
        "pluginapi_secret",
        "access_key",
        "private_key",
    ];
    let all = names.iter().filter_map(|name| answer[*name].as_str());
    all.map(str::to_owned).collect()
}

#[test]
fn no_secret_is_ever_seen_but_in_the_answer_that_made_it() {
    let directory = tempdir().unwrap();
    let info = [("COFFER_LIMITS_FAILED_AUTHENTICATIONS_PER_MINUTE_MAX", "2")];
    let server = Process::start(directory.path(), &["serve"], &info);
    let create = ["partner", "create", "--name", "One"];
    let mut answers = vec![server.ask(&create).json()];
    for what in ["api", "payment", "paykassma"] {
        let rotate = [&ROTATE[..], &["--what", what]].concat();
        answers.push(server.ask(&rotate).json());
    }
    let mut secrets: Vec<String> = answers.iter().flat_map(secrets_of).collect();
    assert_eq!(secrets.len(), 10);
    // Right, and wrong often enough that the log tells of it.
    let key = text(&answers[0], "api_key");
    for secret in &secrets {
        status(&server, key, secret);
        status(&server, "nobody", secret);
    }
    secrets.push(server.key());
    let told = [
        server.ask(&["partner", "show", "p1"]).out,
        server.ask(&["partner", "list"]).out,
        server.ask(&["export", "journal"]).out,
        server.ask(&["export", "journal", "--format", "csv"]).out,
    ];
    for told in told {
        assert!(
            !secrets.iter().any(|secret| told.contains(secret)),
            "{told}"
        );
    }
    let log = fs::read_to_string(directory.path().join("stderr")).unwrap();
    assert!(log.contains("Too many failed attempts"), "{log}");
    let exported = server.ask(&["export", "journal"]).out;
    assert!(exported.contains("partner_secret_rotated"), "{exported}");
    assert!(server.end("TERM").success());
    let found = holding(directory.path(), &secrets);
    let key_file = directory.path().join("coffer-data/admin.key");
    assert_eq!(json!(found), json!([key_file]));
}
