//! Withdrawals as merchants ask for them, and what they can look up afterwards (paykassma-api.md,
//! Withdrawals and Postbacks).

use coffer::engine::settings::{PartnerSettings, UnknownMembers};
use coffer::engine::withdrawal::{Withdrawal, WithdrawalWord};
use coffer::http::Limits;
use coffer::id::Seq;
use coffer::ledger::PartnerRow;
use coffer::protocol::paykassma::gateway::postback::signed as with_signature;
use coffer::protocol::paykassma::sign::{PostbackKeys, sign_request};
use coffer::protocol::paykassma::{flatten::signing_text, value};
use coffer::secret::Secret;
use coffer::time::Timestamp;

use crate::golden;
use crate::support::{Answer, NOW, Server, Setup, TOKEN};

const CREATE: &str = "/v2/withdrawal/create";

/// The vector's body, for another merchant.
const NEW: &str = r#"{"withdrawal_id":"297","payment_system":"imps_ib","amount":1218,"currency_code":"INR","label":"125199","is_test":false,"account_number":"123456789","account_name":"TestNameAcc","payments_details":[],"bank_details":{"bank_code":"IFCS0123456"}}"#;

/// The document's body of the older form; the merchant's currency is USD.
const OLD: &str = r#"{"wallet_type":"bank","wallet_recipient":"123123232","wallet_sender":1111,"email":"payer@example.com","amount":1000,"withdrawal_id":"13"}"#;

/// A body with its signature under the private key of a wallet token's partner.
pub(crate) fn signed_by(token: &str, body: &str) -> String {
    signed_with(&format!("private_key_of_{token}"), body)
}

/// A body with its signature under a private key.
pub(crate) fn signed_with(key: &str, body: &str) -> String {
    let members = value::decode(body.as_bytes()).unwrap();
    let key = Secret::new(key.to_owned());
    let signature = sign_request(&key, &signing_text(&members).unwrap());
    let open = body.strip_suffix('}').unwrap();
    format!(r#"{open},"signature":"{signature}"}}"#)
}

fn request(method: &str, target: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: coffer.test\r\n");
    format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

fn create(server: &Server, body: &str) -> Answer {
    let body = signed_by(TOKEN, body);
    server.connect().ask(&request("POST", CREATE, &body))
}

fn get(server: &Server, path: &str) -> Answer {
    let target = format!("/api/v1/{path}");
    server.connect().ask(&request("GET", &target, ""))
}

/// A merchant whose withdrawals are not held against its balance.
fn trusting() -> Server {
    with_settings(PartnerSettings {
        check_withdrawal_funds: false,
        ..PartnerSettings::default()
    })
}

fn with_settings(settings: PartnerSettings) -> Server {
    let mut setup = Setup {
        settings,
        ..Setup::default()
    };
    let catalogue = &mut setup.paykassma.catalogue;
    let mut bank = catalogue.of_type("paytm").next().unwrap().clone();
    bank.wallet_type = "bank".parse().unwrap();
    bank.currency = "USD".parse().unwrap();
    catalogue.add(bank).unwrap();
    Server::with(setup)
}

fn balances(server: &Server) -> String {
    let answer = get(server, "accounts-balance?secret=gateway_secret_of_agent_1");
    assert_eq!(answer.status, 200, "{answer:?}");
    let (_, rest) = answer.body.split_once("\"balances\":").unwrap();
    rest.strip_suffix("}}").unwrap().to_owned()
}

fn message(answer: &Answer) -> &str {
    let message = answer.body.split_once("\"message\":").map(|(_, rest)| rest);
    message
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or("")
}

#[test]
fn a_signed_request_takes_the_money_once() {
    let server = trusting();
    for _ in 0..3 {
        let answer = create(&server, NEW);
        let told = (answer.status, answer.body.as_str());
        assert_eq!(told, (200, r#"{"status":"ok"}"#));
    }
    let due = r#"[{"wallet_type":"imps_ib","currency_code":"INR","amount":-1218.00}]"#;
    assert_eq!(balances(&server), due);
    // The name is used up, for other content.
    let answer = create(&server, &NEW.replace("1218", "1219"));
    assert_eq!(answer.status, 400);
    let due = r#"{"withdrawal_id":["The withdrawal id has already been taken."]}"#;
    assert_eq!(message(&answer), due);
}

#[test]
fn without_a_name_the_signature_stands_in_for_it() {
    let server = trusting();
    let body = NEW.replace(r#""withdrawal_id":"297","#, "");
    let first = create(&server, &body);
    let id = first
        .body
        .strip_prefix(r#"{"status":"ok","params":{"withdrawal_id":""#);
    let id = id.and_then(|rest| rest.strip_suffix(r#""}}"#)).unwrap();
    assert!((1..=36).contains(&id.len()), "{id}");
    assert_eq!(create(&server, &body).body, first.body);
    let due = r#"[{"wallet_type":"imps_ib","currency_code":"INR","amount":-1218.00}]"#;
    assert_eq!(balances(&server), due);
    let other = create(&server, &body.replace("125199", "125198"));
    assert_ne!(other.body, first.body);
}

#[test]
fn more_than_the_balance_is_refused_and_a_test_needs_none() {
    let server = with_settings(PartnerSettings::default());
    for _ in 0..2 {
        let answer = create(&server, NEW);
        let due = r#"{"withdrawals_sum_amount":["Insufficient balance"]}"#;
        assert_eq!((answer.status, message(&answer)), (400, due));
    }
    let answer = create(&server, &NEW.replace("false", "true"));
    assert_eq!(answer.body, r#"{"status":"ok"}"#);
    assert_eq!(balances(&server), "[]");
}

#[test]
fn the_merchant_is_the_one_whose_key_verifies_from_where_it_may_call() {
    let server = with_settings(PartnerSettings {
        check_withdrawal_funds: false,
        allow_addresses: vec!["192.0.2.0/24".parse().unwrap()],
        ..PartnerSettings::default()
    });
    server.add_partner("agent_2", "default", Vec::new());
    let wrong = (400, r#""Wrong signature""#);
    let ask = |body: &str| server.connect().ask(&request("POST", CREATE, body));
    for body in [
        // Its list does not admit this address.
        signed_by(TOKEN, NEW),
        signed_by("agent_3", NEW),
        signed_by("agent_2", NEW).replace("1218", "1219"),
    ] {
        let answer = ask(&body);
        assert_eq!((answer.status, message(&answer)), wrong, "{body}");
    }
    let test = NEW.replace("false", "true");
    assert_eq!(ask(&signed_by("agent_2", &test)).status, 200);
    assert_eq!(balances(&trusting()), "[]");
}

#[test]
fn who_guesses_signatures_too_often_must_wait_and_a_right_one_passes() {
    let server = Server::with(Setup {
        limits: Limits {
            failed_authentications_per_minute_max: 2,
            ..Limits::default()
        },
        ..Setup::default()
    });
    let guess = || {
        let body = signed_by("nobody", NEW);
        server.connect().ask(&request("POST", CREATE, &body))
    };
    assert_eq!(guess().status, 400);
    assert_eq!(guess().status, 400);
    let answer = guess();
    assert_eq!(
        (answer.status, message(&answer)),
        (429, r#""Too many failed attempts""#)
    );
    assert!(answer.head.contains("\r\nretry-after: "), "{answer:?}");
    let test = NEW.replace("false", "true");
    assert_eq!(create(&server, &test).status, 200);
}

#[test]
fn members_that_nobody_documented_are_named_unless_the_merchant_signs_them() {
    let body = NEW.replace("\"is_test\"", "\"priority\":1,\"is_test\"");
    let answer = create(&trusting(), &body);
    let due = r#"{"priority":["The priority member is unknown."]}"#;
    assert_eq!((answer.status, message(&answer)), (400, due));
    let signs = with_settings(PartnerSettings {
        check_withdrawal_funds: false,
        unknown_members: UnknownMembers::Sign,
        ..PartnerSettings::default()
    });
    assert_eq!(create(&signs, &body).status, 200);
    let misspelt = NEW.replace("payments_details", "payment_details");
    assert_eq!(create(&trusting(), &misspelt).status, 200);
}

fn sample(server: &Server, name: &str, method: &str, target: &str, body: &str) {
    let request = request(method, target, body);
    golden::sample(server, "paykassma", name, &request);
}

#[test]
fn withdrawals_are_answered_as_documented() {
    let server = trusting();
    let create = |name: &str, body: &str| {
        let name = format!("withdrawal.{name}");
        sample(&server, &name, "POST", CREATE, &signed_by(TOKEN, body));
    };
    create("new", NEW);
    create("old", OLD);
    create("old.again", OLD);
    create("400.comment", &NEW.replace("}}", "},\"comment\":\"ab\"}"));
    create("400.required", r#"{"payment_system":"imps_ib"}"#);
    let unsigned = |name: &str, body: &str| {
        let name = format!("withdrawal.400.{name}");
        sample(&server, &name, "POST", CREATE, body);
    };
    unsigned("unsigned", NEW);
    unsigned(
        "slides",
        r#"{"account_number":"111","amount":10,"comment":"5000:INR:55"}"#,
    );
    unsigned("no_object", "[]");
    unsigned("empty", "");
    sample(&server, "withdrawal.405", "GET", CREATE, "");
    server.ledger.shut_down();
    let later = NEW.replace("297", "298");
    create("503", &later);
}

/// What a merchant is told of a decided withdrawal.
fn tell(_: &PartnerRow, withdrawal: &Withdrawal, _: Timestamp) -> String {
    let keys = PostbackKeys {
        access_key: Secret::new("a".to_owned()),
        private_key: Secret::new("b".to_owned()),
    };
    let id = &withdrawal.id;
    let body = format!(
        r#"{{"wallet_type":"imps_ib","amount":1,"currency_code":"INR","label":"55","converted_amount":{{}},"direction":"outgoing","created_datetime":"","additional_data":[{{"withdrawal_id":"{id}"}}]}}"#
    );
    String::from_utf8(with_signature(&body, &keys).unwrap()).unwrap()
}

#[test]
fn what_was_told_can_be_looked_up_without_its_signature() {
    let server = trusting();
    let number = |body: &str| {
        assert_eq!(create(&server, body).status, 200);
        let partner = server.ledger.partner(server.partner).unwrap().value;
        let id = body.split('"').nth(3).unwrap().parse().unwrap();
        let found = server.ledger.withdrawal_named(&partner, &id).unwrap();
        found.value.unwrap().created
    };
    let decided: Seq = number(NEW);
    number(&NEW.replace("297", "298"));
    let word = WithdrawalWord::Approve(None);
    let done = server.ledger.decide_on_withdrawal(decided, &word, &tell);
    done.unwrap();

    let secret = "secret=gateway_secret_of_agent_1";
    let lookup = |name: &str, path: &str| {
        let target = format!("/api/v1/{path}&{secret}");
        sample(&server, &format!("lookup.{name}"), "GET", &target, "");
    };
    lookup("withdrawal", "postback?type=withdrawal&withdrawal_id=297");
    lookup(
        "withdrawal.404",
        "postback?type=withdrawal&withdrawal_id=298",
    );
    lookup("deposit.404", "postback?type=deposit&custom_id=297");
    lookup(
        "transaction.404",
        "postback?type=deposit&transaction_id=297",
    );
    lookup("400", "postback?type=deposit");
    let ids = "withdrawal_id[]=297&withdrawal_id[]=298&withdrawal_id[]=299";
    lookup(
        "pull.withdrawals",
        &format!("pullpostbacks?type=withdrawal&{ids}"),
    );
    let ids = "plugin_custom_order_id=autotest51191116971521";
    lookup(
        "pull.deposits",
        &format!("pullpostbacks?type=deposit&{ids}"),
    );
    lookup("pull.400.deposit", "pullpostbacks?type=deposit");
    lookup("pull.400.withdrawal", "pullpostbacks?type=withdrawal");
    lookup("balances", "accounts-balance?");
    // Another merchant sees nothing of it.
    server.add_partner("agent_2", "default", Vec::new());
    let other = "postback?type=withdrawal&withdrawal_id=297&secret=gateway_secret_of_agent_2";
    assert_eq!(get(&server, other).status, 404);
}

#[test]
fn only_balances_tell_a_wrong_secret() {
    let server = Server::start();
    sample(
        &server,
        "balances.wrong",
        "GET",
        "/api/v1/accounts-balance?secret=x",
        "",
    );
    for path in [
        "accounts-balance",
        "accounts-balance?secret=",
        "postback?secret=x",
    ] {
        let answer = get(&server, path);
        assert_eq!(
            (answer.status, message(&answer)),
            (404, r#""Not found""#),
            "{path}"
        );
    }
    assert_eq!(NOW, "2023-09-21T03:23:23Z", "the samples' time");
}
