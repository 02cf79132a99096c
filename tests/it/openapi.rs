//! The description of all that can be asked over HTTP is true: of every path and method, and of
//! what is sent and answered.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use coffer::http::document;
use serde_json::{Value, json};

use crate::desk::{Desk, SHOP};
use crate::gateway_withdrawals::signed_by;
use crate::payers::Merchant;
use crate::process::{Process, http, run};
use crate::schema::Schema;
use crate::support::{ADMIN_KEY, Answer, Client, Server, TOKEN};

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

/// The operation for a request, and where it is described.
pub(crate) fn operation<'a>(
    document: &'a Value,
    method: &str,
    path: &str,
) -> Option<(&'a str, &'a Value)> {
    let path = path.split('?').next().unwrap();
    let path = match path.strip_prefix("/api") {
        Some(rest) if rest.starts_with("/v2/") => rest,
        _ => path,
    };
    // The gateway's paths may end in a slash.
    let path = path.strip_suffix('/').unwrap_or(path);
    let pieces: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        let is_same = |(piece, wanted): (&&str, &&str)| wanted.starts_with('{') || piece == wanted;
        wanted.len() == pieces.len() && pieces.iter().zip(&wanted).all(is_same)
    };
    let paths = document["paths"].as_object().unwrap();
    // A path without a name in it goes first.
    let mut found: Vec<&String> = paths.keys().filter(|template| fits(template)).collect();
    found.sort_by_key(|template| template.contains('{'));
    let template = found.first()?;
    let operation = paths[*template].get(method.to_ascii_lowercase())?;
    Some((template.as_str(), operation))
}

/// Asserts that a request that was taken, and any answer, is of its description.
pub(crate) fn assert_described(document: &Value, line: &str, body: &str, answer: &Answer) {
    let (method, path) = line.split_once(' ').unwrap();
    let (_, operation) =
        operation(document, method, path).unwrap_or_else(|| panic!("{line} is not described"));
    let responses = &operation["responses"];
    let told = responses.get(answer.status.to_string());
    let told = told.or_else(|| responses.get("default"));
    let told = told.unwrap_or_else(|| panic!("{line}: {} is not described", answer.status));
    if let Some(schema) = told.pointer("/content/application~1json/schema") {
        let value = serde_json::from_str(&answer.body).unwrap();
        let fault = Schema::new(document, schema, true).fault(&value);
        assert_eq!(fault, None, "the answer to {line}: {}", answer.body);
    }
    if answer.status >= 300 || wallet_refused(answer) {
        return;
    }
    if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
        let sent = serde_json::from_str(body).unwrap_or_else(|_| panic!("{line}: {body}"));
        let strict = path.starts_with("/admin/");
        let fault = Schema::new(document, schema, strict).fault(&sent);
        assert_eq!(fault, None, "the request {line}: {body}");
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let known: BTreeSet<&str> = parameters
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    let query = path.split_once('?').map_or("", |(_, query)| query);
    for member in query.split('&').filter(|member| !member.is_empty()) {
        let name = member.split('=').next().unwrap();
        // PHP's way to write a list.
        let name = name.strip_suffix("[]").unwrap_or(name);
        let known = known.contains(name) || operation["security"][0][name].is_array();
        assert!(known, "{line}: {name} is not described");
    }
}

/// The Wallet API says no with 200.
fn wallet_refused(answer: &Answer) -> bool {
    answer.body.contains("\"err_code\"")
}

#[test]
fn the_document_is_sound() {
    let document = document(true);
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let named: BTreeSet<&str> = path
            .split('{')
            .skip(1)
            .map(|rest| rest.split('}').next().unwrap())
            .collect();
        for (method, operation) in item.as_object().unwrap() {
            if method == "servers" {
                continue;
            }
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{id}");
            assert!(!operation["responses"].as_object().unwrap().is_empty());
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let declared: BTreeSet<&str> = parameters
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            assert_eq!(declared, named, "{id}");
        }
    }
    let mut left = vec![&document];
    while let Some(value) = left.pop() {
        if let Some(reference) = value.get("$ref") {
            Schema::new(&document, value, true).referred(reference);
        }
        left.extend(
            value
                .as_object()
                .into_iter()
                .flat_map(|object| object.values()),
        );
        left.extend(value.as_array().into_iter().flatten());
    }
}

#[test]
fn each_address_and_the_command_tell_it() {
    let directory = tempfile::tempdir().unwrap();
    let server = Process::serve(directory.path());
    let asked = |url: &str, method: &str| http(url, method, "/openapi.json", &[], "");
    let public = asked(server.public(), "GET");
    let all = asked(server.admin(), "GET");
    for (answer, wanted) in [(&public, document(false)), (&all, document(true))] {
        assert_eq!(answer.status, 200);
        assert!(answer.head.contains("content-type: application/json"));
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(told, wanted);
    }
    assert!(!public.body.contains("/admin/v1/"));
    for printed in [
        run(Path::new("/"), &["openapi"], &[]),
        run(Path::new("/"), &["openapi", "--json"], &[]),
    ] {
        assert_eq!(printed.code, 0, "{}", printed.err);
        let told: Value = serde_json::from_str(&printed.out).unwrap();
        assert_eq!(told, document(true));
    }
    for url in [server.public(), server.admin()] {
        assert_eq!(asked(url, "POST").status, 405);
    }
}

#[test]
fn every_path_takes_the_methods_that_are_described_and_no_others() {
    let server = Server::start();
    let (public, all) = (document(false), document(true));
    for (template, item) in all["paths"].as_object().unwrap() {
        // Of a wallet token that is nobody's nothing else is told.
        let path = template.replace("{wallet_token}", TOKEN);
        let path = path.replace(['{', '}'], "");
        let described: BTreeSet<String> = item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "servers")
            .map(|method| method.to_ascii_uppercase())
            .collect();
        let to = if public["paths"].get(template).is_some() {
            server.public
        } else {
            server.admin
        };
        for method in METHODS {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\
                 Content-Length: 0\r\n\r\n"
            );
            let mut client = Client::connect(to);
            client.send(request.as_bytes());
            let answer = client.answer_to(method != "HEAD").unwrap();
            let is_described = described.contains(method);
            assert_eq!(
                answer.status != 405,
                is_described,
                "{method} {path} {answer:?}"
            );
            if answer.status == 405 {
                let allow = answer
                    .head
                    .lines()
                    .find_map(|line| line.strip_prefix("allow: "));
                let allowed: BTreeSet<String> =
                    allow.unwrap().split(", ").map(str::to_owned).collect();
                assert_eq!(allowed, described, "{method} {path}");
            }
        }
    }
}

#[test]
fn every_sample_is_of_its_description() {
    let document = document(true);
    let mut taken = BTreeSet::new();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    for folder in ["wallet", "partner", "paykassma"].map(|name| folder.join(name)) {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|kind| kind != "http") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let (request, answer) = text.split_once("\n\n----\n\n").unwrap();
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            let line = head.split(" HTTP/").next().unwrap();
            let (head, told) = answer.split_once("\r\n\r\n").unwrap();
            let answer = Answer {
                status: head[9..12].parse().unwrap(),
                head: head.to_owned(),
                body: told.trim_end_matches('\n').to_owned(),
            };
            let (method, at) = line.split_once(' ').unwrap();
            let found = operation(&document, method, at);
            if matches!(answer.status, 404 | 405) && found.is_none() {
                continue;
            }
            assert_described(&document, line, body, &answer);
            if answer.status == 200 {
                taken.insert(found.unwrap().0.to_owned());
            }
        }
    }
    assert!(taken.len() >= 7, "{taken:?}");
}

/// A caller who sends what is described, and sees that what is answered is too.
pub(crate) struct Reader {
    pub(crate) desk: Desk,
    pub(crate) document: Value,
    /// The operations that were done.
    pub(crate) done: BTreeSet<String>,
}

impl Reader {
    /// Asks, and is told that it was done.
    pub(crate) fn ask(&mut self, line: &str, headers: &str, body: &str) -> Value {
        let admin = line.contains(" /admin/");
        let server = &self.desk.server;
        let to = if admin { server.admin } else { server.public };
        let request = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = Client::connect(to).ask(request.as_bytes());
        assert_eq!(answer.status, 200, "{line} {body} {answer:?}");
        let (method, path) = line.split_once(' ').unwrap();
        if path.contains("/exports/") {
            let rows = answer.head.contains("content-type: application/x-ndjson");
            assert!(rows, "{answer:?}");
        } else {
            assert_described(&self.document, line, body, &answer);
        }
        let (_, operation) = operation(&self.document, method, path).unwrap();
        self.done
            .insert(operation["operationId"].as_str().unwrap().to_owned());
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    fn operate(&mut self, line: &str, body: Value) -> Value {
        let headers = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
        let (method, path) = line.split_once(' ').unwrap();
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.ask(&format!("{method} /admin/v1/{path}"), &headers, &body)
    }

    fn call(&mut self, line: &str, body: &str) -> Value {
        let headers = format!(
            "X-API-Key: key_of_{SHOP}\r\nX-API-Secret: secret_of_{SHOP}\r\nX-Game-Type: mine\r\n"
        );
        let (method, path) = line.split_once(' ').unwrap();
        self.ask(&format!("{method} /v2/partner/{path}"), &headers, body)
    }

    fn play(&mut self, body: &str) {
        let told = self.ask(&format!("POST /wallet/{TOKEN}"), "", body);
        assert_eq!(told["result"], 1, "{told}");
    }

    /// The operations of those paths that were not done.
    pub(crate) fn left(&self, prefix: &str) -> Vec<String> {
        let paths = self.document["paths"].as_object().unwrap().iter();
        let items = paths.filter(|(path, _)| path.starts_with(prefix));
        let operations = items.flat_map(|(_, item)| item.as_object().unwrap().values());
        let ids = operations.filter_map(|operation| operation["operationId"].as_str());
        ids.filter(|id| !self.done.contains(*id))
            .map(str::to_owned)
            .collect()
    }
}

pub(crate) fn reader() -> Reader {
    Reader {
        desk: Desk::open(),
        document: document(true),
        done: BTreeSet::new(),
    }
}

#[test]
fn every_call_of_a_partner_and_its_answer_are_of_their_description() {
    let mut reader = reader();
    reader.call(
        "POST user/register",
        r#"{"name":"New User","email":"a@b.co","mobile":"1234567890"}"#,
    );
    reader.call("POST auth/generate-url", r#"{"mboile":"1234567890"}"#);
    for (to, id) in [("deposit", "7"), ("withdraw", "\"W-1\"")] {
        let body = format!(r#"{{"mobile":1234567890,"amount":"1.5","transaction_id":{id}}}"#);
        reader.call(&format!("POST wallet/{to}"), &body);
    }
    reader.call("GET balance/1234567890", "");
    reader.call("GET wallet/transaction/W-1", "");
    let page = reader.call("GET wallet/history/1234567890?limit=1", "");
    let next = &page["data"]["next"];
    reader.call(&format!("GET wallet/history/1234567890?cursor={next}"), "");
    let order = format!(r#""token":"token_of_{SHOP}","orderId":17"#);
    reader.call(
        "POST payment_links",
        &format!(r#"{{{order},"txnAmount":2.5,"txnNote":"Tea","cust_Mobile":"1234567890","cust_Email":"a@b.co"}}"#),
    );
    reader.call("POST order/status", &format!("{{{order}}}"));
    let query = format!("token=token_of_{SHOP}&orderId=17");
    reader.call(&format!("GET order/status?{query}"), "");
    reader.call("POST order/cancel", &format!("{{{order}}}"));
    assert_eq!(reader.left("/v2/partner/"), [] as [String; 0]);
}

#[test]
fn every_operation_and_its_answer_are_of_their_description() {
    let mut reader = reader();
    operate_on_partners_and_players(&mut reader);
    for play in [
        r#"{"bet":500,"code":"code_1","game":1012,"id":3,"type":"bet"}"#,
        r#"{"bet":500,"code":"code_1","game":1012,"id":5,"round_id":5,"type":"bet"}"#,
        r#"{"code":"code_1","game":1012,"id":4,"type":"win","win":1000,"round_id":77}"#,
    ] {
        reader.play(play);
    }
    operate_on_orders(&mut reader);
    operate_on_withdrawals(&mut reader);
    operate_on_deposits(&mut reader);
    let account = "partner=p1&player_id=usr-1&currency=USD";
    reader.operate(
        &format!("GET players/history?{account}&limit=2"),
        Value::Null,
    );
    for report in [
        "trial-balance?all=true",
        "open-rounds",
        "anomalies?limit=1",
        "revenue",
        "integrity",
    ] {
        let told = reader.operate(&format!("GET reports/{report}"), Value::Null);
        let items = told["items"].as_array();
        assert!(
            items.is_none_or(|items| !items.is_empty()),
            "{report} {told}"
        );
    }
    for export in [
        "journal?format=jsonl&from=2020-01-01T00:00:00Z",
        "transactions",
        "players",
    ] {
        reader.operate(&format!("GET exports/{export}"), Value::Null);
    }
    let directory = tempfile::tempdir().unwrap();
    reader.operate(
        "POST backup",
        json!({"to": directory.path().join("b"), "keep": 3}),
    );
    reader.operate("GET backup?number=1", Value::Null);
    reader.operate("GET reports/integrity", Value::Null);
    let closed = reader.operate("POST sessions/close", json!({"code": "code_1"}));
    assert_eq!(closed["state"], "closed");
    assert_eq!(reader.left("/admin/v1/"), [] as [String; 0]);
}

fn operate_on_partners_and_players(reader: &mut Reader) {
    let made = json!({
        "name": "New", "currency": "USD", "expires_at": "2030-01-01T00:00:00Z",
        "game_server_addresses": ["192.0.2.1"], "games": ["mine"], "default_game": "mine",
    });
    reader.operate("POST partners", made);
    reader.operate("GET partners?limit=2", Value::Null);
    reader.operate("GET partners/show?partner=p3", Value::Null);
    let changed = json!({
        "partner": "p3", "expires_at": null, "default_game": null, "on_repeat": "replay",
        "utc_offset": "+05:30", "deposit_postback_url": "https://shop.example.com/d",
    });
    reader.operate("POST partners/update", changed);
    for what in ["api", "payment", "paykassma"] {
        let rotated = json!({"partner": "p3", "what": what, "grace": "1h"});
        reader.operate("POST partners/rotate-secret", rotated);
    }
    reader.operate("POST partners/disable", json!({"partner": "p3"}));
    reader.operate("POST partners/enable", json!({"partner": "p3"}));
    let player = json!({"partner": "p1", "player_id": "usr-1"});
    let account = json!({
        "partner": "p1", "player_id": "usr-1", "currency": "USD", "balance": "100.00",
    });
    reader.operate("POST players", account);
    reader.operate("POST players/block", player.clone());
    reader.operate("POST players/unblock", player);
    let adjusted = json!({
        "partner": "p1", "player_id": "usr-1", "currency": "USD", "amount": "-5.00",
        "reference": "R-1", "reason": "a test",
    });
    reader.operate("POST players/adjust", adjusted);
    let opened = json!({
        "partner": "p1", "player_id": "usr-1", "currency": "USD", "code": "code_1", "game": 1012,
        "lang": "en", "ttl": "1h",
    });
    reader.operate("POST sessions", opened);
    reader.operate("GET sessions/show?code=code_1", Value::Null);
    reader.operate("GET players/show?partner=p1&player_id=usr-1", Value::Null);
}

/// What a merchant asks, with its signature.
fn withdrawal(id: &str) -> String {
    let body = format!(
        r#"{{"withdrawal_id":"{id}","payment_system":"imps_ib","amount":1218,"currency_code":"INR","label":"55","is_test":true,"account_number":"1","account_name":"A","payments_details":[],"bank_details":{{"bank_code":"I"}}}}"#
    );
    signed_by(SHOP, &body)
}

fn operate_on_withdrawals(reader: &mut Reader) {
    let changed = json!({
        "partner": "p2", "withdrawal_postback_url": "http://127.0.0.1:1/w",
    });
    reader.operate("POST partners/update", changed);
    for id in ["W-1", "W-2"] {
        reader.ask("POST /v2/withdrawal/create", "", &withdrawal(id));
    }
    let listed = reader.operate(
        "GET withdrawals?partner=p2&state=processing&limit=10",
        Value::Null,
    );
    let id = |place: usize| listed["items"][place]["id"].clone();
    reader.operate(
        "POST withdrawals/approve",
        json!({"id": id(0), "note": "paid"}),
    );
    reader.operate(
        "POST withdrawals/reject",
        json!({"id": id(1), "reason": "no"}),
    );
    reader.operate(&format!("GET withdrawals/show?id={}", id(0)), Value::Null);
    let told = reader.operate("GET postbacks?partner=p2&limit=10", Value::Null);
    let told = &told["items"][0]["id"];
    reader.operate(&format!("GET postbacks/show?id={told}"), Value::Null);
    reader.operate("POST postbacks/retry", json!({"id": told}));
    let test = json!({"partner": "p2", "type": "withdrawal"});
    reader.operate("POST postbacks/test", test);
    reader.operate("POST rates", json!({"rates": ["INR=84.10"]}));
    reader.operate("GET rates", Value::Null);
}

fn operate_on_deposits(reader: &mut Reader) {
    for key1 in ["123456789012", "123456789013"] {
        reader.desk.receive_as(
            key1,
            "500.00",
            json!({"suspicious": true, "wallet_type": "upi", "payer": "P"}),
        );
        let body = deposit(key1).to_string();
        let target = Merchant::target("transaction/activate");
        let line = format!("POST {target}");
        assert_eq!(reader.desk.send(&line, &body).status, 400);
    }
    let listed = reader.operate(
        "GET deposits?partner=p2&state=waiting&limit=10",
        Value::Null,
    );
    let id = |place: usize| listed["items"][place]["id"].as_str().unwrap().to_owned();
    reader.operate("POST deposits/approve", json!({"id": id(0)}));
    reader.operate("POST deposits/reject", json!({"id": id(1), "reason": "no"}));
    reader.operate(&format!("GET deposits/show?id={}", id(0)), Value::Null);
    // Neither has a picture; deposits that have one have their own tests.
    let missing = reader.desk.server.admin;
    let request = format!(
        "GET /admin/v1/deposits/screenshot?id={} HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {ADMIN_KEY}\r\n\r\n",
        id(0)
    );
    let answer = Client::connect(missing).ask(request.as_bytes());
    assert_eq!(answer.status, 404);
    let line = format!("GET /admin/v1/deposits/screenshot?id={}", id(0));
    assert_described(&reader.document, &line, "", &answer);
    reader.done.insert("DepositScreenshot".to_owned());
}

pub(crate) fn deposit(key1: &str) -> Value {
    json!({
        "currency_code": "INR", "wallet_type": "upi", "label": "55", "key1": key1,
        "custom_transaction_id": format!("c-{key1}"), "amount": "500.00",
    })
}

fn operate_on_orders(reader: &mut Reader) {
    let (mut orders, utr) = (Vec::new(), "418381111111");
    for number in 0..4 {
        orders.push(reader.desk.order(&format!("A-{number}"), "1.00"));
    }
    reader.desk.name(&orders[3], utr).unwrap();
    let payment = json!({
        "wallet_type": "upi", "reference": utr, "amount": "1.00", "currency": "INR",
        "account": "1", "payer": "P", "note": "N", "received_at": "2023-09-21T03:23:23Z",
    });
    reader.operate("POST payments", payment);
    for (reference, amount) in [("2", "7.00"), ("3", "8.00")] {
        let other = json!({
            "wallet_type": "upi", "reference": reference, "amount": amount, "currency": "INR",
            "suspicious": amount == "7.00",
        });
        reader.operate("POST payments", other);
    }
    reader.operate("GET payments?limit=10", Value::Null);
    reader.operate(
        "POST orders/approve",
        json!({"id": orders[0], "utr": "418381111112"}),
    );
    reader.operate(
        "POST orders/reject",
        json!({"id": orders[1], "reason": "no"}),
    );
    reader.operate(
        "POST orders/cancel",
        json!({"id": "p2/A-2", "reason": null}),
    );
    reader.operate(&format!("GET orders/show?id={}", orders[0]), Value::Null);
    reader.operate("GET orders?partner=p2&state=SUCCESS&limit=10", Value::Null);
}
