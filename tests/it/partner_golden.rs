//! The Partner API's users and wallets byte by byte: the document's requests as it prints them, and
//! every refusal (partner-api.md, Users, Wallet, Small print).

use coffer::engine::command::NewPartner;
use coffer::sim::sample;

use crate::golden;
use crate::support::{Client, Server, partner_request, secrets};

/// Whose calls the document shows.
const EXAMPLE: &str = "example";

const REGISTER: &str =
    r#"{"name":"New User Name","email":"newuser@example.com","mobile":"1234567890"}"#;
const DEPOSIT: &str =
    r#"{"mobile":"1234567890","amount":100.50,"transaction_id":"PARTNER_UNIQUE_DEPOSIT_ID_123"}"#;
const WITHDRAW: &str =
    r#"{"mobile":"1234567890","amount":50.00,"transaction_id":"PARTNER_UNIQUE_WITHDRAW_ID_456"}"#;

/// A server at the document's moment, with the document's partner.
fn start() -> Server {
    let server = Server::start();
    let now = "2024-01-15T10:30:00Z".parse().unwrap();
    server.clock.set(now);
    let new = NewPartner {
        name: "Example Partner Ltd.".parse().unwrap(),
        ..sample::partner(EXAMPLE, "INR".parse().unwrap())
    };
    server.ledger.create_partner(new, secrets(EXAMPLE)).unwrap();
    server
}

fn post(call: &str) -> String {
    format!("POST /v2/partner/{call}")
}

fn get(call: &str) -> String {
    format!("GET /v2/partner/{call}")
}

fn sample_of(server: &Server, name: &str, line: &str, body: &str) {
    golden::sample(
        server,
        "partner",
        name,
        &partner_request(EXAMPLE, line, body),
    );
}

/// Does it without looking.
fn ask(server: &Server, line: &str, body: &str) {
    let request = partner_request(EXAMPLE, line, body);
    let answer = Client::connect(server.public).ask(&request);
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn deposit(server: &Server, amount: &str, id: &str) {
    let body = format!(r#"{{"mobile":"1234567890","amount":{amount},"transaction_id":"{id}"}}"#);
    ask(server, &post("wallet/deposit"), &body);
}

#[test]
fn the_documents_requests_get_the_documents_answers() {
    let server = start();
    sample_of(
        &server,
        "register.accepted",
        &post("user/register"),
        REGISTER,
    );
    deposit(&server, "150.75", "before");
    sample_of(&server, "balance.accepted", &get("balance/1234567890"), "");
    sample_of(
        &server,
        "deposit.accepted",
        &post("wallet/deposit"),
        DEPOSIT,
    );
    sample_of(
        &server,
        "withdraw.accepted",
        &post("wallet/withdraw"),
        WITHDRAW,
    );
    let deposit = get("wallet/transaction/PARTNER_UNIQUE_DEPOSIT_ID_123");
    sample_of(&server, "transaction.deposit", &deposit, "");
    let withdrawal = get("wallet/transaction/PARTNER_UNIQUE_WITHDRAW_ID_456");
    sample_of(&server, "transaction.withdrawal", &withdrawal, "");
    sample_of(
        &server,
        "history.accepted",
        &get("wallet/history/1234567890"),
        "",
    );
    let page = get("wallet/history/1234567890?limit=1&cursor=");
    sample_of(&server, "history.page", &page, "");
}

#[test]
fn registrations_are_refused_as_documented() {
    let server = start();
    ask(&server, &post("user/register"), REGISTER);
    sample_of(&server, "register.409", &post("user/register"), REGISTER);
    let nothing = post("user/register");
    sample_of(&server, "register.422.required", &nothing, "{}");
    let wrong = format!(
        r#"{{"name":"{}","email":"a","mobile":"1"}}"#,
        "n".repeat(191)
    );
    sample_of(
        &server,
        "register.422.wrong",
        &post("user/register"),
        &wrong,
    );
    for (name, body) in [
        ("empty", ""),
        ("no_object", "[]"),
        ("doubled", r#"{"name":"a","name":"a"}"#),
        ("broken", r#"{"name":"a""#),
    ] {
        let name = format!("register.400.{name}");
        sample_of(&server, &name, &post("user/register"), body);
    }
    // The name of another partner has no full stop of its own.
    let other = |name: &str| {
        let request = partner_request("agent_1", &post("user/register"), REGISTER);
        golden::sample(&server, "partner", name, &request);
    };
    other("register.same_number_of_another_partner");
    other("register.409.full_stop");
    server.ledger.shut_down();
    let later = REGISTER.replace("1234567890", "1234567891");
    sample_of(&server, "register.500", &post("user/register"), &later);
}

#[test]
fn balances_and_histories_are_refused_as_documented() {
    let server = start();
    sample_of(&server, "balance.404", &get("balance/1234567890"), "");
    sample_of(&server, "balance.422", &get("balance/123"), "");
    sample_of(
        &server,
        "history.404",
        &get("wallet/history/1234567890"),
        "",
    );
    let page = get("wallet/history/12?limit=0&cursor=x");
    sample_of(&server, "history.422", &page, "");
    let query = get("wallet/history/1234567890?limit=%");
    sample_of(&server, "history.400", &query, "");
    let other = partner_request("agent_1", &post("user/register"), REGISTER);
    assert_eq!(Client::connect(server.public).ask(&other).status, 200);
    sample_of(&server, "balance.403", &get("balance/1234567890"), "");
    sample_of(
        &server,
        "history.403",
        &get("wallet/history/1234567890"),
        "",
    );
    sample_of(&server, "transaction.404", &get("wallet/transaction/x"), "");
    let control = get("wallet/transaction/a%0Ab");
    sample_of(&server, "transaction.422", &control, "");
    ask(&server, &post("user/register"), REGISTER);
    let cursor = get("wallet/history/1234567890?cursor=1");
    sample_of(&server, "history.422.cursor", &cursor, "");
}

#[test]
fn deposits_are_refused_as_documented() {
    let server = start();
    let line = post("wallet/deposit");
    let refused = |name: &str, body: &str| {
        sample_of(&server, &format!("deposit.{name}"), &line, body);
    };
    refused("404", DEPOSIT);
    let other = partner_request("agent_1", &post("user/register"), REGISTER);
    assert_eq!(Client::connect(server.public).ask(&other).status, 200);
    refused("403", DEPOSIT);
    ask(&server, &post("user/register"), REGISTER);
    ask(&server, &line, DEPOSIT);
    refused("422.used", DEPOSIT);
    // The document's own three at once.
    let three = r#"{"amount":0,"transaction_id":"PARTNER_UNIQUE_DEPOSIT_ID_123"}"#;
    refused("422.three", three);
    refused("422.required", "{}");
    refused("422.decimals", &DEPOSIT.replace("100.50", "100.500"));
    refused("422.not_a_number", &DEPOSIT.replace("100.50", "\"1e2\""));
    refused(
        "422.too_large",
        &DEPOSIT.replace("100.50", "10000000000000.01"),
    );
    let wrong = r#"{"amount":true,"transaction_id":[],"mobile":"+1"}"#;
    refused("422.wrong", wrong);
    for fill in 1..=9 {
        deposit(&server, "10000000000000", &format!("fill {fill}"));
    }
    let beyond = DEPOSIT.replace("100.50", "71992547309.42");
    refused("422.limit", &beyond.replace("ID_123", "ID_124"));
    refused("400", "{");
    server.ledger.shut_down();
    refused("500", &DEPOSIT.replace("ID_123", "ID_125"));
}

#[test]
fn withdrawals_are_refused_as_documented() {
    let server = start();
    let line = post("wallet/withdraw");
    let refused = |name: &str, body: &str| {
        sample_of(&server, &format!("withdraw.{name}"), &line, body);
    };
    refused("404", WITHDRAW);
    let other = partner_request("agent_1", &post("user/register"), REGISTER);
    assert_eq!(Client::connect(server.public).ask(&other).status, 200);
    refused("403", WITHDRAW);
    ask(&server, &post("user/register"), REGISTER);
    deposit(&server, "\"25.5\"", "before");
    refused("400.insufficient_funds", WITHDRAW);
    refused(
        "422.used",
        &WITHDRAW.replace("PARTNER_UNIQUE_WITHDRAW_ID_456", "before"),
    );
    refused("422.required", r#"{"x":1}"#);
    server.ledger.shut_down();
    refused("500", WITHDRAW);
}
