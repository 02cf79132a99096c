//! The rules of deposits one by one (paykassma-api.md, Deposits and Small print): what is the same
//! request, whose payment it is, what an operator's word can still do, and whose savings they are.

use coffer::engine::settings::PartnerSettings;
use coffer::time::Span;
use serde_json::{Value, json};

use crate::desk::{Desk, SHOP, held};
use crate::gateway_withdrawals::signed_by;
use crate::payers::{CHECK, Merchant, catalogue, fail, ok, possible, taken};
use crate::support::Setup;

/// What has no name of its own.
fn nameless() -> Value {
    json!({ "custom_transaction_id": null })
}

/// A merchant of whose payment systems one has two currencies; orders are paid by `types`.
fn open(types: &[&str]) -> Merchant {
    let mut setup = Setup::default();
    let mut offered = catalogue();
    let mut taka = offered.of_type("paytm").next().unwrap().clone();
    taka.currency = "BDT".parse().unwrap();
    offered.add(taka).unwrap();
    setup.paykassma.catalogue = offered;
    let types = types.iter().map(|name| name.parse().unwrap());
    setup.payments.rules.wallet_types = types.collect();
    Merchant {
        desk: Desk::under(PartnerSettings::default(), setup),
    }
}

#[test]
fn a_repetition_has_the_same_currency_and_the_same_name_said_or_left() {
    let merchant = open(&["upi"]);
    assert_eq!(
        merchant.activate("paytm", "KEY-1", "55", json!({})),
        possible()
    );
    let taka = json!({ "currency_code": "BDT" });
    assert_eq!(
        merchant.activate("paytm", "KEY-1", "55", taka),
        taken("key1")
    );
    // It was said the first time, and was not left.
    assert_eq!(
        merchant.activate("paytm", "KEY-1", "55", nameless()),
        taken("key1")
    );
    let left = json!({ "label": "55", "transaction_custom_id": "left" });
    let leave = || merchant.post("payment/save-transaction-custom-id", &left);
    assert_eq!(leave(), ok());
    assert_eq!(
        merchant.activate("paytm", "KEY-1", "55", nameless()),
        taken("key1")
    );
    // What is left already is nothing new.
    let before = merchant.desk.server.ledger.head();
    assert_eq!(leave(), ok());
    assert_eq!(merchant.desk.server.ledger.head(), before);
    // It is one deposit's, and then there is none.
    assert_eq!(
        merchant.activate("upi", "KEY-2", "55", nameless()),
        possible()
    );
    let missing = fail(json!({
        "custom_transaction_id": ["The custom transaction id field is required."]
    }));
    assert_eq!(merchant.activate("upi", "KEY-3", "55", nameless()), missing);
}

#[test]
fn a_label_keeps_its_requisites_while_an_operator_looks_at_its_deposit() {
    let merchant = Merchant::open();
    let create = || {
        let body = json!({ "currency": "INR", "label": "55" });
        merchant.post("transaction/create/upi", &body).1["params"]["identifier"].clone()
    };
    assert_eq!(create(), "upi-1");
    merchant.receive("upi", "UTR-1", "10.00");
    let said = json!({ "amount": "11.00" });
    assert_eq!(merchant.activate("upi", "UTR-1", "55", said), fail(CHECK));
    assert_eq!(create(), "upi-1");
    // What waits is listed with its merchant's alone.
    for (partner, count) in [("p1", 0), ("p2", 1)] {
        let query = format!("deposits?state=waiting&partner={partner}");
        let items = merchant.desk.list(&query)["items"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(items, count, "{partner}");
    }
    assert_eq!(merchant.decide("reject", "UTR-1").0, 200);
    assert_eq!(create(), "upi-2");
}

#[test]
fn savings_in_one_currency_say_nothing_of_another() {
    let merchant = open(&["upi"]);
    let activate = |key1: &str, currency: &str| {
        let how = json!({ "wallet_type": "paytm", "currency": currency });
        merchant.desk.receive_as(key1, "100.00", how);
        let told = merchant.activate("paytm", key1, "55", json!({ "currency_code": currency }));
        assert_eq!(told, ok(), "{key1}");
    };
    activate("KEY-1", "INR");
    activate("KEY-2", "BDT");
    for (key1, currency) in [("KEY-1", "INR"), ("KEY-2", "BDT")] {
        assert_eq!(merchant.state(key1), "saved", "{key1}");
        let query = format!("deposit-info?label=55&wallet_type=paytm&currency={currency}");
        assert_eq!(merchant.get(&query).1["stockpiling_sum"], 100, "{currency}");
    }
    activate("KEY-3", "BDT");
    assert_eq!(merchant.state("KEY-2"), "credited");
    assert_eq!(merchant.state("KEY-1"), "saved");
}

#[test]
fn a_payment_is_its_own_wallet_types_deposits_alone() {
    let merchant = open(&["upi", "paytm"]);
    let order = |id: &str, amount: &str, utr: &str| {
        let reference = merchant.desk.order(id, amount);
        merchant.desk.name(&reference, utr).unwrap();
    };
    // The order's payment comes in one of its wallet types, a deposit waits in the other.
    order("A-1", "200.00", "418381111111");
    let waits = merchant.activate("upi", "418381111111", "55", json!({}));
    assert_eq!(waits, possible());
    let told = merchant.receive("paytm", "418381111111", "200.00");
    assert_eq!(told["matched"]["kind"], "order");
    assert_eq!(merchant.state("418381111111"), "possible");
    assert_eq!(
        merchant.receive("upi", "418381111111", "7.00")["matched"]["kind"],
        "deposit"
    );
    // The payment is there first, and the order asks then.
    merchant.receive("paytm", "418381111112", "300.00");
    let waits = merchant.activate("upi", "418381111112", "55", json!({}));
    assert_eq!(waits, possible());
    order("A-2", "300.00", "418381111112");
    assert_eq!(merchant.desk.state("A-2").0, "SUCCESS");
    assert_eq!(merchant.state("418381111112"), "possible");
}

#[test]
fn orders_wait_for_payments_of_their_wallet_types_alone() {
    let merchant = open(&["upi"]);
    let reference = merchant.desk.order("A-1", "200.00");
    merchant.desk.name(&reference, "418381111111").unwrap();
    let waits = merchant.activate("paytm", "418381111111", "55", json!({}));
    assert_eq!(waits, possible());
    let told = merchant.receive("paytm", "418381111111", "200.00");
    assert_eq!(told["matched"]["kind"], "deposit");
    assert_eq!(merchant.desk.state("A-1").0, "PENDING");
}

#[test]
fn an_order_that_an_operator_has_settled_by_word_still_waits_for_its_payment() {
    let merchant = Merchant::open();
    let reference = merchant.desk.order("A-1", "10.00");
    merchant.desk.name(&reference, "418381111111").unwrap();
    let approve = json!({ "id": reference });
    let (status, told) = merchant.desk.admin("orders/approve", &approve);
    assert_eq!(status, 200, "{told}");
    let waits = merchant.activate("upi", "418381111111", "55", json!({}));
    assert_eq!(waits, possible());
    let told = merchant.receive("upi", "418381111111", "10.00");
    assert_eq!(told["state"], "waiting");
    assert_eq!(merchant.state("418381111111"), "waiting");
}

#[test]
fn what_an_operator_gives_an_order_no_word_on_a_deposit_gives_again() {
    let merchant = Merchant::open();
    for utr in ["418381111111", "418381111112"] {
        let reference = merchant.desk.order(utr, "10.00");
        merchant.desk.name(&reference, utr).unwrap();
        assert_eq!(merchant.activate("upi", utr, "55", json!({})), possible());
        assert_eq!(merchant.receive("upi", utr, "10.00")["state"], "waiting");
        let approve = json!({ "id": reference });
        let (status, told) = merchant.desk.admin("orders/approve", &approve);
        assert_eq!(status, 200, "{told}");
    }
    let given = [("outside/upi", "-20.00"), ("partner/p2", "20.00")];
    assert_eq!(merchant.accounts(), held(&given));
    assert_eq!(merchant.decide("approve", "418381111111").0, 409);
    assert_eq!(merchant.decide("reject", "418381111112").0, 200);
    for utr in ["418381111111", "418381111112"] {
        assert_eq!(merchant.desk.payment(utr)["matched"]["kind"], "order");
    }
    assert_eq!(merchant.accounts(), held(&given));
}

#[test]
fn a_deposit_that_was_denied_asks_for_nothing_any_more() {
    let merchant = Merchant::open();
    for utr in ["418381111111", "418381111112"] {
        assert_eq!(merchant.activate("upi", utr, "55", json!({})), possible());
        assert_eq!(merchant.decide("reject", utr).0, 200);
    }
    assert_eq!(
        merchant.receive("upi", "418381111111", "10.00")["state"],
        "unclaimed"
    );
    let reference = merchant.desk.order("A-1", "20.00");
    merchant.desk.name(&reference, "418381111112").unwrap();
    let told = merchant.receive("upi", "418381111112", "20.00");
    assert_eq!(told["matched"]["kind"], "order");
    assert_eq!(merchant.state("418381111112"), "rejected");
}

#[test]
fn where_nobody_is_to_be_told_an_operator_sees_to_it() {
    let merchant = Merchant::open();
    merchant.receive("upi", "UTR-1", "10.00");
    assert_eq!(merchant.activate("upi", "UTR-1", "55", json!({})), ok());
    let waiting = merchant.desk.list("postbacks?state=waiting");
    assert_eq!(waiting["items"].as_array().unwrap().len(), 1);
    let due = merchant.desk.list("postbacks?state=due");
    assert_eq!(due["items"], json!([]));
}

#[test]
fn merchants_are_told_in_their_own_time() {
    let settings = PartnerSettings {
        utc_offset: Some("+05:30".parse().unwrap()),
        ..PartnerSettings::default()
    };
    let mut setup = Setup::default();
    setup.paykassma.catalogue = catalogue();
    let merchant = Merchant {
        desk: Desk::under(settings, setup),
    };
    merchant.receive("upi", "UTR-1", "10.00");
    assert_eq!(merchant.activate("upi", "UTR-1", "55", json!({})), ok());
    let body = r#"{"withdrawal_id":"1","payment_system":"upi","amount":5,"currency_code":"INR","label":"55","is_test":false,"account_name":"A. Payer"}"#;
    let body = signed_by(SHOP, body);
    let created = merchant.desk.send("POST /v2/withdrawal/create", &body);
    assert_eq!(created.status, 200, "{created:?}");
    let id = merchant.desk.list("withdrawals")["items"][0]["id"].clone();
    let (status, told) = merchant
        .desk
        .admin("withdrawals/approve", &json!({ "id": id }));
    assert_eq!(status, 200, "{told}");
    for query in [
        "type=deposit&custom_id=c-UTR-1",
        "type=withdrawal&withdrawal_id=1",
    ] {
        let (_, told) = merchant.get(&format!("postback?{query}"));
        assert_eq!(
            told["postback"]["created_datetime"], "2023-09-21 08:53:23",
            "{query}"
        );
    }
}

#[test]
fn a_former_key_and_a_former_secret_prove_nothing_when_their_grace_is_over() {
    let merchant = Merchant::open();
    let rotate = json!({ "partner": "p2", "what": "paykassma", "grace": "1h" });
    let (status, told) = merchant.desk.admin("partners/rotate-secret", &rotate);
    assert_eq!(status, 200, "{told}");
    let withdraw = |id: &str| {
        let body = r#"{"withdrawal_id":"ID","payment_system":"upi","amount":5,"currency_code":"INR","label":"55","is_test":true,"account_name":"A. Payer"}"#;
        let body = signed_by(SHOP, &body.replace("ID", id));
        let answer = merchant.desk.send("POST /v2/withdrawal/create", &body);
        (answer.status, answer.body.contains("Wrong signature"))
    };
    let asks = || merchant.get("accounts-balance").0;
    merchant.desk.server.clock.advance(Span::from_seconds(3599));
    assert_eq!((asks(), withdraw("1")), (200, (200, false)));
    merchant.desk.server.clock.advance(Span::from_seconds(1));
    assert_eq!((asks(), withdraw("2")), (400, (400, true)));
}
