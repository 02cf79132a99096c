//! Who may not call the gateway may not call any of it, and what is refused leaves no trace
//! (paykassma-api.md, Access).

use coffer::engine::command::PartnerChange;
use coffer::engine::settings::{PartnerSettings, SettingsChange};
use coffer::http::Limits;
use coffer::ledger::{DepositsAsked, WithdrawalsAsked};
use serde_json::{Value, json};

use crate::desk::{Desk, held};
use crate::gateway_withdrawals::signed_by;
use crate::payers::{Merchant, catalogue};
use crate::process::await_sight;
use crate::support::{Answer, Client, Server, Setup, ways_to_shut_out};

/// A call that the shop could make: its line without a query, its query without the secret, and
/// its body.
type Call<'a> = (&'a str, &'a str, &'a str);

const WITHDRAW: &str = "POST /v2/withdrawal/create";
const BALANCES: &str = "GET /api/v1/accounts-balance";

/// Every call.
const CALLS: [Call<'static>; 14] = [
    (
        "GET /api/v1/payment-systems/available",
        "&currency_code[]=INR&label=55",
        "",
    ),
    ("GET /wallet-type/images/", "", ""),
    (
        "POST /api/v1/transaction/create/upi",
        "",
        r#"{"currency":"INR","label":"9"}"#,
    ),
    (
        "POST /api/v1/transaction/activate",
        "",
        r#"{"currency_code":"INR","wallet_type":"upi","label":"9","key1":"NEW-1","custom_transaction_id":"new-1"}"#,
    ),
    ("POST /api/v1/possible-transaction/activate", "", FORM),
    ("POST /api/v1/possible-transaction", "", FORM),
    (
        "GET /api/v1/deposit-info",
        "&label=55&wallet_type=paytm&currency=INR",
        "",
    ),
    (
        "POST /api/v1/payment/save-transaction-custom-id",
        "",
        r#"{"label":"9","transaction_custom_id":"left"}"#,
    ),
    (
        "POST /api/v1/payment-plugin/hash-url",
        "",
        r#"{"success_urls":[{"order":1,"url":"https://shop.example.com/"}],"fail_urls":[]}"#,
    ),
    (
        WITHDRAW,
        "",
        r#"{"withdrawal_id":"new","payment_system":"upi","amount":5,"currency_code":"INR","label":"9","is_test":false,"account_name":"A. Payer"}"#,
    ),
    (
        "GET /api/v1/postback",
        "&type=deposit&transaction_id=UTR-1",
        "",
    ),
    (
        "GET /api/v1/pullpostbacks",
        "&type=deposit&plugin_custom_order_id[]=c-UTR-1",
        "",
    ),
    (BALANCES, "", ""),
    (
        "POST /api/v1/payment/create/upi",
        "",
        r#"{"language":"en","currency":"INR","bank":"MBB","amount":"100.50","label":"9","redirect_url":"https://shop.example.com/","custom_transaction_id":"page-1"}"#,
    ),
];

/// A deposit by hand, the same at both paths.
const FORM: &str = "--xx\r\nContent-Disposition: form-data; name=\"currency_code\"\r\n\r\nINR\r\n\
    --xx\r\nContent-Disposition: form-data; name=\"wallet_type\"\r\n\r\ncash\r\n\
    --xx\r\nContent-Disposition: form-data; name=\"label\"\r\n\r\n9\r\n\
    --xx\r\nContent-Disposition: form-data; name=\"key1\"\r\n\r\nHAND-1\r\n\
    --xx\r\nContent-Disposition: form-data; name=\"amount\"\r\n\r\n20.00\r\n\
    --xx\r\nContent-Disposition: form-data; name=\"custom_transaction_id\"\r\n\r\nhand-1\r\n\
    --xx--\r\n";

const RIGHT: &str = "secret=gateway_secret_of_shop";

/// A shop that has a deposit, savings and a payment, beside another merchant that has nothing.
fn open() -> Merchant {
    let mut setup = Setup {
        limits: Limits {
            failed_authentications_per_minute_max: 10_000,
            ..Limits::default()
        },
        trusted_proxies: vec!["192.0.2.1/32".parse().unwrap()],
        ..Setup::default()
    };
    setup.paykassma.catalogue = catalogue();
    let desk = Desk::over(Server::with(setup), PartnerSettings::default());
    let merchant = Merchant { desk };
    merchant.receive("upi", "UTR-1", "100.50");
    merchant.receive("paytm", "UTR-2", "2.00");
    for (wallet_type, key1) in [("upi", "UTR-1"), ("paytm", "UTR-2")] {
        let (status, told) = merchant.activate(wallet_type, key1, "55", json!({}));
        assert_eq!(status, 200, "{told}");
    }
    merchant
}

/// What a call is told: with a query that proves who calls, a body, and more lines in its head.
fn ask(merchant: &Merchant, call: Call<'_>, proof: &str, body: &str, head: &str) -> Answer {
    sent(merchant, call, proof, body, head).answer().unwrap()
}

/// The same, before the answer.
fn sent(
    merchant: &Merchant,
    (line, rest, _): Call<'_>,
    proof: &str,
    body: &str,
    head: &str,
) -> Client {
    let request = format!(
        "{line}?{proof}{rest} HTTP/1.1\r\nHost: coffer.test\r\n{head}\
         Content-Type: multipart/form-data; boundary=xx\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut client = Client::connect(merchant.desk.server.public);
    client.send(request.as_bytes());
    client
}

/// The call as the partner of a wallet token makes it.
fn ask_as(merchant: &Merchant, token: &str, call: Call<'_>, head: &str) -> Answer {
    sent_as(merchant, token, call, head).answer().unwrap()
}

fn sent_as(merchant: &Merchant, token: &str, call: Call<'_>, head: &str) -> Client {
    if call.0 == WITHDRAW {
        return sent(merchant, call, "", &signed_by(token, call.2), head);
    }
    let proof = format!("secret=gateway_secret_of_{token}");
    sent(merchant, call, &proof, call.2, head)
}

fn is_told(answer: &Answer, status: u16, message: &str) -> bool {
    let body = format!(r#"{{"status":"fail","message":"{message}"}}"#);
    (answer.status, &answer.body) == (status, &body)
}

/// What whoever is not let in is told of this call, wherever it is.
fn is_refused(call: Call<'_>, answer: &Answer) -> bool {
    if call.0 == WITHDRAW {
        return is_told(answer, 400, "Wrong signature");
    }
    is_told(answer, 404, "Not found")
}

#[test]
fn whoever_has_no_secret_is_refused_by_every_call_and_leaves_no_trace() {
    let merchant = open();
    let before = merchant.desk.server.ledger.head();
    let headers = "X-API-Key: key_of_shop\r\nX-API-Secret: secret_of_shop\r\n";
    let bearer = "Authorization: Bearer gateway_secret_of_shop\r\n";
    let twice = format!("{RIGHT}&{RIGHT}");
    let secrets = CALLS.into_iter().filter(|call| call.0 != WITHDRAW);
    for call in secrets {
        for (proof, is_wrong) in [
            ("", false),
            ("secret=", false),
            (twice.as_str(), false),
            ("secret=%zz", false),
            ("Secret=gateway_secret_of_shop", false),
            ("secret=wrong", true),
            ("secret=secret_of_shop", true),
            ("secret=token_of_shop", true),
            ("secret=private_key_of_shop", true),
            ("secret=gateway_secret_of_shop%00", true),
        ] {
            for head in ["", headers, bearer] {
                let answer = ask(&merchant, call, proof, call.2, head);
                // The one call that tells a wrong secret from none.
                if call.0 == BALANCES && is_wrong {
                    assert_eq!(answer.status, 400, "{proof}");
                    assert!(answer.body.contains(r#""code":36205"#), "{answer:?}");
                } else {
                    assert!(is_refused(call, &answer), "{call:?} {proof}: {answer:?}");
                }
            }
        }
    }
    assert_eq!(merchant.desk.server.ledger.head(), before);
}

#[test]
fn a_withdrawal_that_no_merchant_signed_is_refused_and_leaves_no_trace() {
    let merchant = open();
    let before = merchant.desk.server.ledger.head();
    let (call, body) = (CALLS[9], CALLS[9].2);
    let right = signed_by("shop", body);
    let cut = |of: &str| right.replace(of, "");
    for (body, message) in [
        (signed_by("nobody", body), "Wrong signature"),
        (
            right.replace("\"amount\":5", "\"amount\":6"),
            "Wrong signature",
        ),
        (cut(r#""label":"9","#), "Wrong signature"),
        (right.replace("false", "true"), "Wrong signature"),
    ] {
        // The secret proves nothing here.
        for proof in ["", RIGHT] {
            let answer = ask(&merchant, call, proof, &body, "");
            assert!(is_told(&answer, 400, message), "{body}: {answer:?}");
        }
    }
    for body in [body, "", "{}", "[]"] {
        let answer = ask(&merchant, call, RIGHT, body, "");
        assert_eq!(answer.status, 400, "{body}");
    }
    assert_eq!(merchant.desk.server.ledger.head(), before);
}

#[test]
fn a_disabled_expired_or_strange_address_is_refused_by_every_call_and_leaves_no_trace() {
    let merchant = open();
    let desk = &merchant.desk;
    for (why, change) in ways_to_shut_out() {
        let changed = desk.server.ledger.change_partner(desk.partner, change);
        changed.unwrap();
        // The first refusal waits until the change is durable.
        let first = ask_as(&merchant, "shop", CALLS[0], "");
        assert!(is_refused(CALLS[0], &first), "{why}");
        let before = desk.server.ledger.head();
        for call in CALLS {
            for head in [
                "",
                "X-Forwarded-For: 192.0.2.7\r\n",
                "Forwarded: for=192.0.2.7\r\nX-Real-IP: 192.0.2.7\r\n",
            ] {
                let answer = ask_as(&merchant, "shop", call, head);
                assert!(is_refused(call, &answer), "{why}: {call:?} {answer:?}");
            }
        }
        assert_eq!(desk.server.ledger.head(), before, "{why}");
    }
}

#[test]
fn another_merchants_documents_are_nobodys() {
    let merchant = open();
    let other = |call: Call<'_>| {
        let answer = ask_as(&merchant, "agent_1", call, "");
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        (answer.status, told)
    };
    let find = |line: &str| {
        CALLS
            .into_iter()
            .find(|call| call.0.contains(line))
            .unwrap()
    };
    let before = merchant.desk.server.ledger.head();
    let (status, told) = other(find("v1/postback"));
    assert_eq!(
        (status, &told["message"]),
        (404, &json!("Postback not found"))
    );
    let mut named = find("v1/postback");
    named.1 = "&type=deposit&custom_id=c-UTR-1";
    assert_eq!(other(named).0, 404);
    let pulled = &other(find("pullpostbacks")).1["data"]["transactions"][0];
    assert_eq!(pulled["message"], "Postback not found");
    assert_eq!(other(find("deposit-info")).1["stockpiling_sum"], 0);
    assert_eq!(
        other(find("accounts-balance")).1["data"]["balances"],
        json!([])
    );
    // The shop's deposit, in every word.
    let mut again = find("transaction/activate");
    again.2 = r#"{"currency_code":"INR","wallet_type":"upi","label":"55","key1":"UTR-1","custom_transaction_id":"c-UTR-1"}"#;
    let taken = json!({ "key1": ["The key1 has already been taken."] });
    assert_eq!(
        other(again),
        (400, json!({ "status": "fail", "message": taken }))
    );
    let (status, told) = other(find("withdrawal"));
    let poor = json!({ "withdrawals_sum_amount": ["Insufficient balance"] });
    assert_eq!((status, &told["message"]), (400, &poor));
    assert_eq!(merchant.desk.server.ledger.head(), before);
    // The shop's names are free to others, and what is left under them stays theirs.
    assert_eq!(other(find("custom-id")).0, 200);
    let nameless = json!({ "custom_transaction_id": null });
    let (status, told) = merchant.activate("upi", "UTR-3", "9", nameless);
    assert_eq!(status, 400, "{told}");
}

#[test]
fn names_savings_and_numbers_are_each_merchants_own() {
    let merchant = open();
    let desk = &merchant.desk;
    for partner in [desk.partner, desk.server.partner] {
        let settings = SettingsChange {
            check_withdrawal_funds: Some(false),
            ..SettingsChange::default()
        };
        let change = PartnerChange {
            settings,
            ..PartnerChange::default()
        };
        desk.server.ledger.change_partner(partner, change).unwrap();
    }
    // The shop has saved up 2.00 under its second number, and withdraws under a name.
    let withdraw = CALLS[9];
    for token in ["shop", "agent_1"] {
        let answer = ask_as(&merchant, token, withdraw, "");
        assert_eq!(answer.status, 200, "{token}: {answer:?}");
        let again = ask_as(&merchant, token, withdraw, "");
        assert_eq!(again, answer, "{token}");
    }
    merchant.receive("paytm", "OTHER-1", "147.00");
    let activate = (
        CALLS[3].0,
        "",
        r#"{"currency_code":"INR","wallet_type":"paytm","label":"55","key1":"OTHER-1","custom_transaction_id":"c-UTR-2"}"#,
    );
    let answer = ask_as(&merchant, "agent_1", activate, "");
    assert_eq!(answer.status, 200, "{answer:?}");
    let item = merchant.item("OTHER-1");
    assert_eq!(item["state"], "saved");
    assert_eq!(item["activated"]["stockpiling_id"], 1);
    let moved = [
        ("merchant/p1/upi", "-5.00"),
        ("merchant/p2/upi", "95.50"),
        ("outside/paytm", "-149.00"),
        ("outside/upi", "-100.50"),
        ("payouts/upi", "10.00"),
        ("received/paytm", "149.00"),
    ];
    assert_eq!(merchant.accounts(), held(&moved));
}

#[test]
fn what_is_refused_to_others_is_there_for_the_shop() {
    let merchant = open();
    for call in CALLS {
        let answer = ask_as(&merchant, "shop", call, "");
        assert_eq!(answer.status, 200, "{call:?}: {answer:?}");
    }
    let balances = merchant.get("accounts-balance").1;
    assert_eq!(balances["data"]["balances"][0]["amount"], json!(95.5));
}

/// A body that activates a deposit.
fn activation(wallet_type: &str, label: &str, key1: &str, id: &str) -> String {
    json!({
        "currency_code": "INR", "wallet_type": wallet_type, "label": label, "key1": key1,
        "custom_transaction_id": id,
    })
    .to_string()
}

#[test]
fn nothing_is_told_to_anybody_before_it_is_durable_refusals_included() {
    let merchant = open();
    let server = &merchant.desk.server;
    merchant.receive("paytm", "UTR-3", "3.00");
    merchant.receive("upi", "UTR-4", "4.00");
    server.books.stall();
    let mut waiting = Vec::new();
    let mut send = |call: Call<'_>| {
        let client = sent_as(&merchant, "shop", call, "");
        waiting.push((format!("{call:?}"), client));
    };
    let line = "POST /api/v1/transaction/activate";
    // Done, but nobody may be told yet: a deposit that is saved up, one that is credited, one that
    // an operator decides, requisites, a withdrawal.
    send((line, "", &activation("paytm", "55", "UTR-3", "c-UTR-3")));
    send((line, "", &activation("upi", "55", "UTR-4", "c-UTR-4")));
    send(CALLS[4]);
    send(CALLS[9]);
    let taken_down = || {
        let deposits = server.ledger.deposits(DepositsAsked::default(), None, 10);
        let withdrawals = server
            .ledger
            .withdrawals(WithdrawalsAsked::default(), None, 10);
        deposits.unwrap().value.items.len() + withdrawals.unwrap().value.items.len()
    };
    await_sight("all that is asked", || (taken_down() == 6).then_some(()));
    // The same again, what cannot be, and what can be looked up of it.
    send((line, "", &activation("paytm", "55", "UTR-3", "c-UTR-3")));
    send((line, "", &activation("upi", "56", "UTR-4", "c-UTR-4")));
    send((line, "", &activation("upi", "55", "UTR-5", "c-UTR-4")));
    for call in [2, 5, 6, 7, 8, 9, 12, 13] {
        send(CALLS[call]);
    }
    send((
        "GET /api/v1/postback",
        "&type=deposit&transaction_id=UTR-4",
        "",
    ));
    send((
        "GET /api/v1/pullpostbacks",
        "&type=deposit&plugin_custom_order_id[]=c-UTR-4",
        "",
    ));
    // Who is nobody, now that another merchant has been disabled.
    let disable = PartnerChange {
        disabled: Some(true),
        ..PartnerChange::default()
    };
    server
        .ledger
        .change_partner(server.partner, disable)
        .unwrap();
    for token in ["agent_1", "nobody"] {
        for call in [CALLS[0], CALLS[9]] {
            let client = sent_as(&merchant, token, call, "");
            waiting.push((format!("{token} {call:?}"), client));
        }
    }
    // Whoever does not wait has answered by the time that others were, many times over.
    for _ in 0..100 {
        assert_eq!(
            merchant.desk.send("GET /v2/partner/nothing", "").status,
            404
        );
    }
    server.books.fail();
    for (call, mut client) in waiting {
        assert_eq!(client.answer(), None, "{call}");
    }
}

#[test]
fn every_call_of_the_gateway_is_looked_at_here() {
    let merchant = open();
    let described = Client::connect(merchant.desk.server.public)
        .ask(b"GET /openapi.json HTTP/1.1\r\nHost: coffer.test\r\n\r\n");
    let described: Value = serde_json::from_str(&described.body).unwrap();
    let paths = described["paths"].as_object().unwrap().keys();
    let of_gateway = |path: &&String| {
        let begins = ["/api/v1/", "/v2/withdrawal/", "/wallet-type/"];
        begins.iter().any(|begin| path.starts_with(begin))
    };
    for path in paths.filter(of_gateway) {
        let begin = path
            .split_once('{')
            .map_or(path.as_str(), |(begin, _)| begin);
        let mut calls = CALLS.iter();
        let is_here = calls.any(|(line, ..)| line.contains(begin.trim_end_matches('/')));
        assert!(is_here, "{path}");
    }
}
