//! Answers to merchants against the document's samples.

use std::collections::BTreeMap;

use super::*;
use crate::engine::catalogue::{Key1, Key1Chars};

fn told(reply: Reply) -> (u16, String) {
    (reply.status, String::from_utf8(reply.body).unwrap())
}

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

fn amount(text: &str) -> Amount {
    Amount::from_decimal(text).unwrap()
}

fn system(minimum: &str) -> PaymentSystem {
    PaymentSystem {
        wallet_type: "paytm".parse().unwrap(),
        name: "PayTM".to_owned(),
        currency: "INR".parse().unwrap(),
        order: 1,
        logo: String::new(),
        is_manual: false,
        uploading_payment_bill: false,
        requires_activation: true,
        amount_required: false,
        limits: (amount("1"), amount("2")),
        minimum_deposit: amount(minimum),
        requisites: Vec::new(),
        params: BTreeMap::from([
            ("Account name".to_owned(), Param::Text("A".to_owned())),
            ("is_check_amount".to_owned(), Param::Truth(true)),
            ("n".to_owned(), Param::Number(-3)),
        ]),
        key1: Key1 {
            min: 1,
            max: 9,
            chars: Key1Chars::Any,
        },
        withdrawal_required: Vec::new(),
        media: None,
    }
}

#[test]
fn answers_are_the_documents_samples() {
    assert_eq!(told(Reply::ok()), ok(r#"{"status":"ok"}"#));
    let fail = told(Reply::fail(400, "MESSAGE"));
    assert_eq!(
        fail,
        (400, r#"{"status":"fail","message":"MESSAGE"}"#.to_owned())
    );
    let possible = r#"{"status":"possible_transaction_created","message":"Transaction not found. Possible transaction created"}"#;
    assert_eq!(told(Reply::possible()), ok(possible));
    let taken = r#"{"status":"success","message":"","code":20000,"data":[],"paginate":{"offset":0,"total":1,"limit":1}}"#;
    assert_eq!(told(Reply::taken_for_an_operator()), ok(taken));
    let wrong = r#"{"status":"error","code":30228,"errors":{"target":"secret","code":36205,"message":"Wrong secret"},"error_message":"Data validation error"}"#;
    assert_eq!(told(Reply::wrong_secret()), (400, wrong.to_owned()));
    let insufficient = Faults::one(
        "withdrawals_sum_amount",
        crate::protocol::paykassma::gateway::texts::INSUFFICIENT_BALANCE,
    );
    let due = r#"{"status":"fail","message":{"withdrawals_sum_amount":["Insufficient balance"]}}"#;
    assert_eq!(told(Reply::invalid(&insufficient)), (400, due.to_owned()));
    let made = r#"{"status":"ok","params":{"withdrawal_id":"w-1"}}"#;
    let id = "w-1".parse().unwrap();
    assert_eq!(told(Reply::withdrawal(Some(&id))), ok(made));
    assert_eq!(told(Reply::withdrawal(None)), told(Reply::ok()));
}

#[test]
fn requisites_come_with_what_the_catalogue_says_besides() {
    let due = r#"{"status":"ok","params":{"identifier":"6234234234","Account name":"A","is_check_amount":true,"n":-3}}"#;
    assert_eq!(told(Reply::requisites("6234234234", &system("0"))), ok(due));
}

#[test]
fn nothing_lacks_while_nothing_is_saved() {
    let savings = |saved: &str| told(Reply::savings(amount(saved), &system("148")));
    let due = r#"{"status":"ok","stockpiling_sum":0,"lacks_sum":0,"minimum_deposit":148}"#;
    assert_eq!(savings("0"), ok(due));
    let due = r#"{"status":"ok","stockpiling_sum":100.5,"lacks_sum":47.5,"minimum_deposit":148}"#;
    assert_eq!(savings("100.50"), ok(due));
}

#[test]
fn hashes_are_numbered_from_one() {
    let two = ["a".to_owned(), "b".to_owned()];
    let due = r#"{"status":"ok","urls":{"success_url":[{"order":1,"url":"a"},{"order":2,"url":"b"}],"fail_url":[],"pending_url":[{"order":1,"url":"a"},{"order":2,"url":"b"}]}}"#;
    assert_eq!(told(Reply::hashed(&two, &[], Some(&two))), ok(due));
    let due = r#"{"status":"ok","urls":{"success_url":[],"fail_url":[{"order":1,"url":"a"},{"order":2,"url":"b"}]}}"#;
    assert_eq!(told(Reply::hashed(&[], &two, None)), ok(due));
}

#[test]
fn postbacks_are_shown_as_they_are_kept() {
    let due = r#"{"status":"ok","postback":{"amount":13629,"x":[]}}"#;
    assert_eq!(
        told(Reply::postback(Some(r#"{"amount":13629,"x":[]}"#))),
        ok(due)
    );
    let due = r#"{"status":"fail","message":"Postback not found"}"#;
    assert_eq!(told(Reply::postback(None)), (404, due.to_owned()));
    let pulled = |id: &str, of: PulledOf| Pulled {
        id: id.to_owned(),
        of,
    };
    let deposits = [
        pulled("autotest51191116971521", PulledOf::NotTold),
        pulled(
            "1923912939dd912ddpppdd99test",
            PulledOf::Postback("{}".to_owned()),
        ),
    ];
    let due = concat!(
        r#"{"status":"success","message":"","code":20000,"data":{"transactions":["#,
        r#"{"plugin_custom_order_id":"autotest51191116971521","message":"Postback not found"},"#,
        r#"{"plugin_custom_order_id":"1923912939dd912ddpppdd99test","postback":{}}]},"#,
        r#""paginate":{"offset":0,"total":2,"limit":2}}"#
    );
    assert_eq!(told(Reply::pulled(Kind::Deposit, &deposits)), ok(due));
    let withdrawals = [pulled("ID_05613331ret", PulledOf::NoWithdrawal)];
    let due = concat!(
        r#"{"status":"success","message":"","code":20000,"data":{"withdrawals":["#,
        r#"{"withdrawal_id":"ID_05613331ret","message":"Withdrawal with this ID not found"}]},"#,
        r#""paginate":{"offset":0,"total":1,"limit":1}}"#
    );
    assert_eq!(told(Reply::pulled(Kind::Withdrawal, &withdrawals)), ok(due));
}

#[test]
fn balances_have_their_sign_and_two_decimals() {
    let of = |wallet_type: &str, currency: &str, cents| {
        let (wallet_type, currency) = (wallet_type.parse(), currency.parse());
        (
            wallet_type.unwrap(),
            currency.unwrap(),
            Sum::from_cents(cents),
        )
    };
    let balances = [of("paytm", "IDR", -32_432_400), of("bkash", "VND", 15_500)];
    let due = concat!(
        r#"{"status":"success","message":"","code":20000,"data":{"balances":["#,
        r#"{"wallet_type":"paytm","currency_code":"IDR","amount":-324324.00},"#,
        r#"{"wallet_type":"bkash","currency_code":"VND","amount":155.00}]}}"#
    );
    assert_eq!(told(Reply::balances(&balances)), ok(due));
}
