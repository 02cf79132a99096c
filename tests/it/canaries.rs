//! Where what merchants prove themselves with, and whose money it is, may never be seen: in logs,
//! metrics and answers, and as far as secrets go in exports, backups and the data either
//! (reliability.md, T14).

use std::fs;
use std::path::Path;

use coffer::protocol::paykassma::sign::sign_request;
use coffer::protocol::paykassma::{flatten::signing_text, value};
use coffer::secret::Secret;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::partner_secrets::{holding, secrets_of};
use crate::process::{Answer, Process, http};

const CONFIG: &str = r#"
[postbacks]
allow_private_addresses = true
[[paykassma.payment_system]]
type = "nagad"
name = "Nagad"
currency = "BDT"
limits = { min = "1.00", max = "1000.00" }
requisites = ["017"]
key1 = { min = 3, max = 40 }
"#;

const LABEL: &str = "8801710000001";
const KEY1: &str = "KEY-CANARY-2";
const CUSTOM_ID: &str = "CUSTOM-CANARY-3";
const PAYER: &str = "8801710000004";
const ACCOUNT: &str = "880-ACCOUNT-5";
const EMAIL: &str = "canary6@example.com";
const MOBILE: &str = "8801710000007";
const CUSTOMER: &str = "8801710000008";
const HOOK: &str = "hook-canary-9";

/// Whose money it is, and what names it: each stands nowhere else.
const PEOPLE: [&str; 9] = [
    LABEL, KEY1, CUSTOM_ID, PAYER, ACCOUNT, EMAIL, MOBILE, CUSTOMER, HOOK,
];

/// A server of a merchant, and all that it has answered to others than operators.
struct Shop {
    server: Process,
    created: Value,
    answers: Vec<String>,
}

impl Shop {
    fn open(directory: &Path) -> Shop {
        fs::write(directory.join("c.toml"), CONFIG).unwrap();
        let limit = [("COFFER_LIMITS_FAILED_AUTHENTICATIONS_PER_MINUTE_MAX", "2")];
        let server = Process::start(directory, &["serve", "--config", "c.toml"], &limit);
        let hook = format!("http://127.0.0.1:9/{HOOK}");
        let create = ["partner", "create", "--name", "Shop", "--currency", "BDT"];
        let urls = [
            "--deposit-postback-url",
            &hook,
            "--withdrawal-postback-url",
            &hook,
        ];
        let created = server.ask(&[&create[..], &urls].concat()).json();
        Shop {
            server,
            created,
            answers: Vec::new(),
        }
    }

    fn secret(&self, name: &str) -> &str {
        self.created[name].as_str().unwrap()
    }

    fn ask(&mut self, line: &str, headers: &[&str], body: &Value) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = http(self.server.public(), method, path, headers, &body);
        self.answers
            .push(format!("{}\n{}", answer.head, answer.body));
        answer
    }

    /// The status of a call of the gateway under a secret.
    fn merchant(&mut self, line: &str, secret: &str, body: &Value) -> u16 {
        let mark = if line.contains('?') { '&' } else { '?' };
        let line = format!("{line}{mark}secret={secret}");
        self.ask(&line, &[], body).status
    }

    fn partner(&mut self, line: &str, secret: &str, body: &Value) -> Answer {
        let key = format!("X-API-Key: {}", self.secret("api_key"));
        let secret = format!("X-API-Secret: {secret}");
        self.ask(line, &[&key, &secret, "X-Game-Type: mine"], body)
    }

    /// The status of a withdrawal under a private key.
    fn withdraw(&mut self, amount: u32, private_key: &str) -> u16 {
        let mut body = json!({
            "withdrawal_id": format!("w{amount}"), "payment_system": "nagad", "amount": amount,
            "currency_code": "BDT", "label": LABEL, "is_test": false,
            "account_number": ACCOUNT, "account_email": EMAIL,
        });
        let members = value::decode(body.to_string().as_bytes()).unwrap();
        let key = Secret::new(private_key.to_owned());
        body["signature"] = json!(sign_request(&key, &signing_text(&members).unwrap()));
        self.ask("POST /v2/withdrawal/create", &[], &body).status
    }
}

/// Deposits and withdrawals, right and refused.
fn trade(shop: &mut Shop, secret: &str, private_key: &str) {
    let receive = [
        "payment",
        "receive",
        "--wallet-type",
        "nagad",
        "--reference",
        KEY1,
        "--amount",
        "500.00",
        "--currency",
        "BDT",
        "--payer",
        PAYER,
    ];
    shop.server.ask(&receive).json();
    let activate = json!({
        "currency_code": "BDT", "wallet_type": "nagad", "label": LABEL, "key1": KEY1,
        "custom_transaction_id": CUSTOM_ID,
    });
    let line = "POST /api/v1/transaction/activate";
    assert_eq!(shop.merchant(line, secret, &activate), 200);
    let mut other = activate;
    other["label"] = json!(format!("{LABEL}0"));
    assert_eq!(shop.merchant(line, secret, &other), 400);
    assert_eq!(shop.withdraw(100, private_key), 200);
    assert_eq!(shop.withdraw(900, private_key), 400);
    assert_eq!(shop.withdraw(101, secret), 400);
    let list = shop.server.ask(&["withdrawal", "list"]).json();
    let id = list["items"][0]["id"].to_string();
    shop.server
        .ask(&["withdrawal", "approve", id.trim_matches('"')])
        .json();
    for (line, status) in [
        (
            format!("GET /api/v1/postback?type=deposit&custom_id={CUSTOM_ID}"),
            200,
        ),
        (
            "GET /api/v1/postback?type=withdrawal&withdrawal_id=w100".to_owned(),
            200,
        ),
        (
            format!("GET /api/v1/deposit-info?label={LABEL}&wallet_type=x&currency=BDT"),
            400,
        ),
    ] {
        assert_eq!(shop.merchant(&line, secret, &Value::Null), status, "{line}");
    }
}

/// A user, a link into a game, and an order; the tokens that were made.
fn play(shop: &mut Shop, api_secret: &str) -> Vec<String> {
    let user = json!({ "name": "N", "email": EMAIL, "mobile": MOBILE });
    let register = "POST /v2/partner/user/register";
    assert_eq!(shop.partner(register, api_secret, &user).status, 200);
    assert_eq!(shop.partner(register, api_secret, &user).status, 409);
    let named = json!({ "mobile": MOBILE });
    let made = shop.partner("POST /v2/partner/auth/generate-url", api_secret, &named);
    let made: Value = serde_json::from_str(&made.body).unwrap();
    let (_, token) = made["authUrl"].as_str().unwrap().rsplit_once('/').unwrap();
    let line = format!("GET /auth/token/{token}");
    assert_eq!(shop.ask(&line, &[], &Value::Null).status, 302);
    assert_eq!(shop.ask(&line, &[], &Value::Null).status, 410);
    let payment_token = shop.secret("payment_token").to_owned();
    let order = json!({
        "token": payment_token, "orderId": "1", "txnAmount": "1.00", "cust_Mobile": CUSTOMER,
        "cust_Email": EMAIL,
    });
    let links = "POST /v2/partner/payment_links";
    let made = shop.ask(links, &[], &order);
    let made: Value = serde_json::from_str(&made.body).unwrap();
    let reference = made["data"]["txn_ref_id"].as_str().unwrap();
    let line = format!("GET /order/{reference}");
    assert_eq!(shop.ask(&line, &[], &Value::Null).status, 200);
    vec![token.to_owned(), reference.to_owned()]
}

/// Guesses, often enough that the log tells of them, and secrets in each other's places.
fn guess(shop: &mut Shop, secrets: &[String]) -> [String; 2] {
    let guesses = ["guess-canary-1", "guess-canary-2"].map(str::to_owned);
    for secret in secrets.iter().chain(&guesses) {
        shop.merchant("GET /api/v1/accounts-balance", secret, &Value::Null);
        shop.merchant("GET /wallet-type/images/", secret, &Value::Null);
        let balance = format!("GET /v2/partner/balance/{MOBILE}");
        shop.partner(&balance, secret, &Value::Null);
        shop.withdraw(1, secret);
        let status = json!({ "token": secret, "orderId": "1" });
        shop.ask("POST /v2/partner/order/status", &[], &status);
    }
    guesses
}

/// What operators are told, by every command that tells of what merchants and partners did.
fn told_to_operators(shop: &Shop) -> Vec<String> {
    let commands: [&[&str]; 10] = [
        &["partner", "show", "p1"],
        &["deposit", "list"],
        &["withdrawal", "list"],
        &["postback", "list"],
        &["export", "journal"],
        &["export", "transactions"],
        &["export", "players"],
        &["export", "journal", "--format", "csv"],
        &["export", "transactions", "--format", "csv"],
        &["export", "players", "--format", "csv"],
    ];
    let told = commands.iter().map(|command| shop.server.ask(command).out);
    told.collect()
}

fn assert_none_of(canaries: &[String], seen: &str, what: &str) {
    for canary in canaries {
        assert!(!seen.contains(canary.as_str()), "{what} tells {canary}");
    }
}

#[test]
fn neither_secrets_nor_people_are_seen_where_they_should_not_be() {
    let directory = tempdir().unwrap();
    let folder = directory.path();
    let mut shop = Shop::open(folder);
    let mut secrets = secrets_of(&shop.created);
    let [api_secret, _, secret, _, private_key] = &secrets[..] else {
        panic!("{}", shop.created);
    };
    trade(&mut shop, secret, private_key);
    let made = play(&mut shop, api_secret);
    let rotate = ["partner", "rotate-secret", "p1", "--what", "paykassma"];
    let rotated = shop.server.ask(&rotate).json();
    secrets.extend(secrets_of(&rotated));
    assert_eq!(secrets.len(), 8);
    let guesses = guess(&mut shop, &secrets);
    let backup = folder.join("backup");
    let back_up = ["backup", "--to", backup.to_str().unwrap()];
    shop.server.ask(&back_up).json();

    let bearer = format!("Authorization: Bearer {}", shop.server.key());
    let metrics = http(shop.server.admin(), "GET", "/metrics", &[&bearer], "").body;
    let log = fs::read_to_string(folder.join("stderr")).unwrap();
    assert!(log.contains("Too many failed attempts"), "{log}");
    assert!(metrics.contains("coffer_"), "{metrics}");
    secrets.push(shop.server.key());
    secrets.extend(guesses);
    for seen in told_to_operators(&shop).iter().chain(&shop.answers) {
        assert_none_of(&secrets, seen, seen);
    }
    let people = PEOPLE.map(str::to_owned);
    for canaries in [&secrets[..], &made, &people] {
        assert_none_of(canaries, &log, "the log");
        assert_none_of(canaries, &metrics, "what is measured");
    }
    assert!(shop.server.end("TERM").success());
    let found = holding(folder, &secrets);
    let key_file = folder.join("coffer-data/admin.key");
    assert_eq!(json!(found), json!([key_file]));
}
