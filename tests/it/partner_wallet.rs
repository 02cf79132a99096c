//! What partners do with their users' wallets over HTTP, and when they hear of it (partner-api.md,
//! Wallet and Small print).

use serde_json::{Value, json};

use coffer::engine::command::{NewTransfer, NewUser};
use coffer::engine::document::TransferKind;
use coffer::engine::settings::{OnRepeat, PartnerSettings};
use coffer::id::Lang;
use coffer::money::Amount;
use coffer::time::Span;

use crate::support::{Answer, Client, Plays, Server, Setup, partner_request};

const TOKEN: &str = "agent_1";

/// Sends a call of the first partner.
fn ask(server: &Server, line: &str, body: &str) -> Answer {
    ask_as(server, TOKEN, line, body)
}

fn ask_as(server: &Server, token: &str, line: &str, body: &str) -> Answer {
    Client::connect(server.public).ask(&partner_request(token, line, body))
}

fn read(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

fn post(server: &Server, call: &str, body: &Value) -> (u16, Value) {
    let answer = ask(
        server,
        &format!("POST /v2/partner/{call}"),
        &body.to_string(),
    );
    (answer.status, read(&answer))
}

fn get(server: &Server, call: &str) -> (u16, Value) {
    let answer = ask(server, &format!("GET /v2/partner/{call}"), "");
    (answer.status, read(&answer))
}

fn register(server: &Server, mobile: &str) -> u64 {
    let body = json!({ "name": "A", "email": "a@example.com", "mobile": mobile });
    let (status, told) = post(server, "user/register", &body);
    assert_eq!(status, 200, "{told}");
    told["data"]["id"].as_u64().unwrap()
}

fn transfer(server: &Server, call: &str, mobile: &str, amount: &str, id: &str) -> (u16, Value) {
    let body = json!({ "mobile": mobile, "amount": amount, "transaction_id": id });
    post(server, &format!("wallet/{call}"), &body)
}

/// The balance, as its digits.
fn balance(server: &Server, mobile: &str) -> String {
    let answer = ask(server, &format!("GET /v2/partner/balance/{mobile}"), "");
    assert_eq!(answer.status, 200, "{answer:?}");
    let (_, digits) = answer.body.split_once("\"balance\":").unwrap();
    digits.trim_end_matches('}').to_owned()
}

#[test]
fn a_value_of_another_kind_is_told_as_that_in_every_call() {
    let server = Server::start();
    let digits = "must be a string or a number of digits";
    let transfer = [
        ("amount", "Amount must be a number".to_owned()),
        ("transaction_id", format!("Transaction ID {digits}")),
        ("mobile", format!("Mobile number {digits}")),
    ];
    let registration = [
        ("name", "Name must be a string".to_owned()),
        ("email", "Email must be a valid email address".to_owned()),
        ("mobile", format!("Mobile number {digits}")),
    ];
    for odd in [json!(true), json!(["x"]), json!({ "a": 1 }), json!([])] {
        for (call, fields) in [
            ("user/register", &registration),
            ("wallet/deposit", &transfer),
            ("wallet/withdraw", &transfer),
        ] {
            let mut body = json!({});
            let mut errors = json!({});
            for (field, text) in fields {
                body[field] = odd.clone();
                errors[field] = json!([text]);
            }
            let (status, told) = post(&server, call, &body);
            assert_eq!((status, &told["errors"]), (422, &errors), "{call} {odd}");
        }
    }
    for odd in ["1.5", "-1234567", "1e9"] {
        let body = format!(r#"{{"amount":1,"transaction_id":{odd},"mobile":{odd}}}"#);
        let answer = ask(&server, "POST /v2/partner/wallet/deposit", &body);
        let errors = json!({
            "transaction_id": [transfer[1].1], "mobile": [transfer[2].1],
        });
        assert_eq!(read(&answer)["errors"], errors, "{odd}");
    }
    for query in ["limit=1&limit=2", "cursor=&cursor=", "limit=%"] {
        let (status, told) = get(&server, &format!("wallet/history/1234567?{query}"));
        let malformed = json!("Malformed query");
        assert_eq!((status, &told["message"]), (400, &malformed), "{query}");
    }
}

#[test]
fn what_clients_send_in_the_wild_is_taken() {
    let server = Server::start();
    let body = r#"{"id":7,"role":["x"],"name":"N \u00e9","email":"a@b.co","mobile":1234567890}"#;
    let answer = ask(&server, "POST /api/v2/partner/user/register", body);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(read(&answer)["data"]["name"], "N \u{e9}");
    assert_eq!(read(&answer)["data"]["mobile"], "1234567890");
    for (body, balance) in [
        (
            r#"{"mobile":1234567890,"amount":"1.5","transaction_id":1}"#,
            "1.50",
        ),
        (
            r#"{"mobile":"+1234567890","amount":1,"transaction_id":"2"}"#,
            "2.50",
        ),
        (
            r#"{"mobile":"1234567890","amount":"0.01","transaction_id":3,"a":{"b":[]}}"#,
            "2.51",
        ),
        // No sum of binary fractions is as exact.
        (
            r#"{"mobile":"1234567890","amount":4503599627370.49,"transaction_id":4}"#,
            "4503599627373.00",
        ),
    ] {
        let answer = ask(&server, "POST /v2/partner/wallet/deposit", body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let told = format!(r#""new_balance":{balance},"#);
        assert!(answer.body.contains(&told), "{}", answer.body);
        assert!(
            answer.body.contains(r#""mobile":"1234567890","#),
            "{}",
            answer.body
        );
    }
    // An id is the same as a number and as a text.
    let (status, told) = transfer(&server, "deposit", "1234567890", "1", "1");
    assert_eq!(
        (status, &told["errors"]["transaction_id"][0]),
        (422, &json!("Transaction ID already exists"))
    );
    for path in ["balance/+1234567890", "balance/%2B1234567890"] {
        assert_eq!(get(&server, path).1["data"]["mobile"], "1234567890");
    }
}

#[test]
fn a_body_is_json_whatever_its_head_says() {
    let server = Server::start();
    let body = r#"{"name":"A","email":"a@example.com","mobile":"1234567"}"#;
    let with_type = partner_request(TOKEN, "POST /v2/partner/user/register", body);
    let with_type = String::from_utf8(with_type).unwrap();
    let json = "Content-Type: application/json\r\n";
    for (other, status) in [("", 200), ("Content-Type: text/plain\r\n", 409)] {
        let request = with_type.replace(json, other);
        assert_ne!(request, with_type);
        let answer = Client::connect(server.public).ask(request.as_bytes());
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[test]
fn a_refused_withdrawal_does_not_use_its_id_up() {
    let server = Server::start();
    register(&server, "1234567");
    assert_eq!(transfer(&server, "withdraw", "1234567", "5", "w").0, 400);
    assert_eq!(get(&server, "wallet/transaction/w").0, 404);
    assert_eq!(transfer(&server, "deposit", "1234567", "7", "d").0, 200);
    assert_eq!(transfer(&server, "withdraw", "1234567", "5", "w").0, 200);
    assert_eq!(balance(&server, "1234567"), "2.00");
}

#[test]
fn a_partner_that_is_set_so_gets_the_first_answers_bytes_again() {
    let settings = PartnerSettings {
        on_repeat: OnRepeat::Replay,
        ..PartnerSettings::default()
    };
    let server = Server::with(Setup {
        settings,
        ..Setup::default()
    });
    register(&server, "1234567");
    for (call, body) in [
        (
            "deposit",
            r#"{"mobile":"1234567","amount":1.5,"transaction_id":"1"}"#,
        ),
        (
            "withdraw",
            r#"{"mobile":"+1234567","amount":"0.50","transaction_id":"w"}"#,
        ),
    ] {
        let line = format!("POST /v2/partner/wallet/{call}");
        let first = ask(&server, &line, body);
        assert_eq!(first.status, 200);
        assert_eq!(transfer(&server, "deposit", "1234567", "9", call).0, 200);
        server.clock.advance(Span::from_seconds(60));
        // Equal values are equal content, however they are written.
        let same = body.replace("1.5,", "\"1.50\",").replace("\"0.50\"", "0.5");
        let same = same.replace("\"1\"", "1").replace("+1234567", "1234567");
        assert_ne!(same, body);
        assert_eq!(ask(&server, &line, &same), first);
        for other in [
            same.replace("50", "51").replace("0.5", "0.51"),
            same.replace("234567", "234568"),
        ] {
            assert_ne!(other, same);
            let refused = ask(&server, &line, &other);
            let used = r#""transaction_id":["Transaction ID already exists"]"#;
            assert!(
                refused.status == 422 && refused.body.contains(used),
                "{refused:?}"
            );
        }
    }
    assert_eq!(balance(&server, "1234567"), "19.00");
}

#[test]
fn fields_are_judged_before_the_user_and_the_user_before_money() {
    let server = Server::start();
    register(&server, "1234567");
    assert_eq!(transfer(&server, "deposit", "1234567", "7", "d").0, 200);
    // A used id comes before a user that nobody knows, and among other fields.
    let (status, told) = transfer(&server, "withdraw", "7654321", "7", "d");
    assert_eq!(status, 422);
    assert_eq!(
        told["errors"],
        json!({ "transaction_id": ["Transaction ID already exists"] })
    );
    let (status, told) = transfer(&server, "withdraw", "7", "7.001", "d");
    assert_eq!(status, 422);
    let errors = json!({
        "amount": ["Amount must have at most 2 decimal places"],
        "transaction_id": ["Transaction ID already exists"],
        "mobile": ["Mobile number must have 7 to 15 digits"],
    });
    assert_eq!(told["errors"], errors);
    assert_eq!(transfer(&server, "withdraw", "7654321", "1000", "w").0, 404);
    assert_eq!(transfer(&server, "withdraw", "1234567", "1000", "w").0, 400);
}

#[test]
fn a_user_belongs_to_one_partner_and_a_number_to_many() {
    let server = Server::start();
    server.add_partner("agent_2", "default", Vec::new());
    let other = |line: &str, body: &str| ask_as(&server, "agent_2", line, body);
    assert_eq!(register(&server, "1234567"), 101);
    let balance_line = "GET /v2/partner/balance/1234567";
    assert_eq!(other(balance_line, "").status, 403);
    let deposit = r#"{"mobile":"1234567","amount":1,"transaction_id":"d"}"#;
    assert_eq!(
        other("POST /v2/partner/wallet/deposit", deposit).status,
        403
    );
    let body = r#"{"name":"B","email":"a@example.com","mobile":"1234567"}"#;
    let answer = other("POST /v2/partner/user/register", body);
    assert_eq!(read(&answer)["data"]["id"], 102);
    assert_eq!(
        other("POST /v2/partner/wallet/deposit", deposit).status,
        200
    );
    assert_eq!(transfer(&server, "deposit", "1234567", "2", "d").0, 200);
    assert_eq!(balance(&server, "1234567"), "2.00");
    assert_eq!(
        read(&other(balance_line, ""))["data"]["balance"],
        json!(1.00)
    );
}

#[test]
fn a_blocked_users_wallet_is_paid_and_drawn_on() {
    let server = Server::start();
    let number = register(&server, "1234567");
    let player = format!("usr-{number}").parse().unwrap();
    server
        .ledger
        .set_blocked(server.partner, &player, true)
        .unwrap();
    assert_eq!(transfer(&server, "deposit", "1234567", "7", "d").0, 200);
    assert_eq!(transfer(&server, "withdraw", "1234567", "7", "w").0, 200);
}

#[test]
fn an_id_in_a_path_may_be_any_text() {
    let server = Server::start();
    register(&server, "1234567");
    let id = "a/b c?d%\u{e9}+1";
    assert_eq!(transfer(&server, "deposit", "1234567", "7", id).0, 200);
    let (status, told) = get(&server, "wallet/transaction/a%2Fb%20c%3Fd%25%C3%A9+1");
    assert_eq!(status, 200);
    assert_eq!(told["data"]["transaction_id"], id);
    assert_eq!(told["data"]["type"], "deposit");
}

#[test]
fn a_users_history_tells_all_that_moved_the_wallet_page_by_page() {
    let server = Server::start();
    let number = register(&server, "1234567");
    transfer(&server, "deposit", "1234567", "10", "d");
    let player = format!("usr-{number}");
    server.add_session(server.partner, &player, "USD", "game", Lang::EN);
    let plays = Plays("game");
    server.play(&plays.bet(1, 300));
    server.play(&plays.win(2, 50));
    server.play(&plays.cancel(1));
    transfer(&server, "withdraw", "1234567", "0.50", "w");
    let mut cursor = String::new();
    let mut told = Vec::new();
    loop {
        let (status, page) = get(&server, &format!("wallet/history/1234567?limit=2{cursor}"));
        assert_eq!(status, 200, "{page}");
        for item in page["data"]["items"].as_array().unwrap() {
            let part = |name: &str| item[name].to_string();
            told.push([
                part("type"),
                part("amount"),
                part("balance_after"),
                part("reference"),
            ]);
        }
        let Some(next) = page["data"]["next"].as_u64() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    let due = [
        ["\"withdrawal\"", "-0.5", "10.0", "\"w\""],
        ["\"cancel\"", "3.0", "10.5", "\"1\""],
        ["\"win\"", "0.5", "7.5", "\"2\""],
        ["\"bet\"", "-3.0", "7.0", "\"1\""],
        ["\"deposit\"", "10.0", "10.0", "\"d\""],
    ];
    assert_eq!(told, due);
}

#[test]
fn nothing_is_told_before_it_is_durable_refusals_included() {
    let server = Server::start();
    register(&server, "1234567");
    transfer(&server, "deposit", "1234567", "10", "d");
    server.books.stall();
    let partner = server.ledger.partner(server.partner).unwrap().value;
    let new = NewTransfer {
        kind: TransferKind::Deposit,
        mobile: "1234567".parse().unwrap(),
        amount: Amount::from_cents(100).unwrap(),
        id: "first".parse().unwrap(),
    };
    server.ledger.transfer(&partner, &new).unwrap();
    let user = NewUser {
        name: "B".parse().unwrap(),
        email: "b@example.com".parse().unwrap(),
        mobile: "7654321".parse().unwrap(),
    };
    server.ledger.register_user(&partner, &user).unwrap();
    let mut waiting = Vec::new();
    for (line, body) in [
        (
            "POST wallet/deposit",
            r#"{"mobile":"1234567","amount":1,"transaction_id":"second"}"#,
        ),
        (
            "POST wallet/deposit",
            r#"{"mobile":"1234567","amount":1,"transaction_id":"first"}"#,
        ),
        (
            "POST wallet/deposit",
            r#"{"amount":1,"transaction_id":"first"}"#,
        ),
        (
            "POST wallet/withdraw",
            r#"{"mobile":"1234567","amount":9999,"transaction_id":"x"}"#,
        ),
        ("GET balance/1234567", ""),
        ("GET wallet/transaction/first", ""),
        ("GET wallet/history/1234567", ""),
        (
            "POST user/register",
            r#"{"name":"C","email":"c@example.com","mobile":"7654321"}"#,
        ),
        (
            "POST user/register",
            r#"{"name":"C","email":"c@example.com","mobile":"7654322"}"#,
        ),
        ("GET balance/7654321", ""),
    ] {
        let mut client = Client::connect(server.public);
        let line = line.replace(' ', " /v2/partner/");
        client.send(&partner_request(TOKEN, &line, body));
        waiting.push((line, body, client));
    }
    // Whoever does not wait has answered by the time that others were, many times over.
    for _ in 0..100 {
        let answer = ask(&server, "GET /v2/partner/nothing", "");
        assert_eq!(answer.status, 404);
    }
    server.books.fail();
    for (line, body, mut client) in waiting {
        assert_eq!(client.answer(), None, "{line} {body}");
    }
}
