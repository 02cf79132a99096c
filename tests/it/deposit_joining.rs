//! Deposits whose payment comes after an operator's word, and is another one than the word was: what
//! was received takes the word's place, once, and the merchant hears of it (paykassma-api.md, Small
//! print: a mismatch that an operator approves credits the received amount).

use coffer::engine::activation::NewDeposit;
use coffer::engine::command::NewPayment;
use coffer::engine::deposit::Way;
use coffer::engine::document::Document;
use coffer::engine::entry::{Entry, Record};
use coffer::engine::gateway::GatewayDocument;
use coffer::engine::postback::{
    Answer, DeliveryState, Postback, PostbackKind, PostbackOf, PostbackRules,
};
use coffer::engine::settings::PartnerSettings;
use coffer::id::{DepositReference, PaymentReference};
use coffer::ledger::PostbackView;
use coffer::money::Amount;
use coffer::sim::DepositOperation;
use serde_json::{Value, json};

use crate::audit::{assert_found_in, with_record};
use crate::desk::{Desk, held};
use crate::gateway_withdrawals::signed_by;
use crate::merchants::Coffer;
use crate::payers::{Merchant, catalogue, ok, possible};
use crate::support::Setup;
use crate::world_deposits::{perform, with_deposit_rules};
use crate::world_orders::rules as payment_rules;

const HELD_MERCHANT: &str = "merchant/p2/upi";

/// A merchant that is told of its deposits.
fn open() -> Merchant {
    let settings = PartnerSettings {
        check_withdrawal_funds: false,
        deposit_postback_url: Some("https://shop.example.com".parse().unwrap()),
        ..PartnerSettings::default()
    };
    let mut setup = Setup::default();
    setup.paykassma.catalogue = catalogue();
    Merchant {
        desk: Desk::under(settings, setup),
    }
}

/// Asked for with an amount, and approved before any payment has come.
fn by_word(merchant: &Merchant, wallet_type: &str, key1: &str, amount: &str) {
    let said = json!({ "amount": amount });
    assert_eq!(merchant.activate(wallet_type, key1, "55", said), possible());
    assert_eq!(merchant.decide("approve", key1).0, 200);
}

fn postback(merchant: &Merchant, key1: &str) -> PostbackView {
    let of = PostbackOf {
        partner: merchant.desk.partner,
        kind: PostbackKind::Deposit,
        name: format!("c-{key1}").parse().unwrap(),
    };
    let found = merchant.desk.server.ledger.postback_of(&of).unwrap();
    found.unwrap().value
}

/// A try to tell of a deposit comes back.
fn tried(merchant: &Merchant, sent: &Postback, taken: bool) {
    let url = "https://shop.example.com".parse().unwrap();
    let answer = Answer::new(taken, Some(200), "{}");
    let (ledger, rules) = (&merchant.desk.server.ledger, PostbackRules::default());
    ledger.postback_tried(sent, url, answer, &rules).unwrap();
}

/// What each deposit brings that the merchant is told of together, and all of it on top.
fn told(merchant: &Merchant, key1: &str) -> (Value, Vec<(String, String)>) {
    let query = format!("postback?type=deposit&custom_id=c-{key1}");
    let (status, told) = merchant.get(&query);
    assert_eq!(status, 200, "{told}");
    let pulled = format!("pullpostbacks?type=deposit&plugin_custom_order_id[]=c-{key1}");
    let (_, pulled) = merchant.get(&pulled);
    let postback = &told["postback"];
    let transactions = &pulled["data"]["transactions"];
    assert_eq!(transactions[0]["postback"], *postback);
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let each = postback["additional_data"].as_array().unwrap().iter();
    let each = each.map(|item| (text(item, "transaction_id"), text(item, "amount")));
    (postback["amount"].clone(), each.collect())
}

fn of(key1: &str, amount: &str) -> (String, String) {
    (key1.to_owned(), amount.to_owned())
}

#[test]
fn what_was_received_takes_the_place_of_what_was_said() {
    for (received, on_top, exact) in [("15.00", 15, "15"), ("25.60", 26, "25.6")] {
        let merchant = open();
        by_word(&merchant, "upi", "KEY-1", "20.00");
        let before = merchant.item("KEY-1");
        assert_eq!(
            told(&merchant, "KEY-1"),
            (json!(20), vec![of("KEY-1", "20")])
        );
        let waits = merchant.receive("upi", "KEY-1", received);
        assert_eq!(waits["state"], "waiting");
        let (status, joined) = merchant.decide("approve", "KEY-1");
        assert_eq!(status, 200, "{joined}");
        assert_eq!(joined["received_payment"]["state"], "matched");
        let brought = &joined["activated"];
        assert_eq!(
            (&brought["amount"], &brought["approved_amount"]),
            (&json!(received), &json!("20.00"))
        );
        assert_eq!(
            (&brought["by_payment"], &brought["payer"]),
            (&json!(true), &json!("P. Ayer"))
        );
        // Credited when it was, under the number that it was.
        let number = &before["activated"]["stockpiling_id"];
        assert_eq!(
            (&brought["at"], &brought["stockpiling_id"]),
            (&before["activated"]["at"], number)
        );
        let outside = format!("-{received}");
        let moved = [(HELD_MERCHANT, received), ("outside/upi", &outside)];
        assert_eq!(merchant.accounts(), held(&moved));
        assert_eq!(
            told(&merchant, "KEY-1"),
            (json!(on_top), vec![of("KEY-1", exact)])
        );
        let item = &merchant.get("postback?type=deposit&custom_id=c-KEY-1").1["postback"];
        assert_eq!(item["additional_data"][0]["stockpiling_id"], *number);
        // Said again it changes nothing.
        let head = merchant.desk.server.ledger.head();
        assert_eq!(merchant.decide("approve", "KEY-1").0, 200);
        assert_eq!(merchant.desk.server.ledger.head(), head);
        assert_eq!(merchant.decide("reject", "KEY-1").0, 422);
    }
}

#[test]
fn a_merchant_that_has_withdrawn_too_much_owes_it() {
    let merchant = open();
    by_word(&merchant, "upi", "KEY-1", "20.00");
    let body = r#"{"withdrawal_id":"1","payment_system":"upi","amount":20,"currency_code":"INR","label":"55","is_test":false,"account_name":"A. Payer"}"#;
    let body = signed_by(crate::desk::SHOP, body);
    let answer = merchant.desk.send("POST /v2/withdrawal/create", &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    merchant.receive("upi", "KEY-1", "15.00");
    assert_eq!(merchant.decide("approve", "KEY-1").0, 200);
    let moved = [
        (HELD_MERCHANT, "-5.00"),
        ("outside/upi", "-15.00"),
        ("payouts/upi", "20.00"),
    ];
    assert_eq!(merchant.accounts(), held(&moved));
}

#[test]
fn money_of_another_currency_takes_no_words_place() {
    let merchant = open();
    by_word(&merchant, "upi", "KEY-1", "20.00");
    let dollars = json!({ "currency": "USD" });
    merchant.desk.receive_as("KEY-1", "20.00", dollars);
    let head = merchant.desk.server.ledger.head();
    let (status, refused) = merchant.decide("approve", "KEY-1");
    assert_eq!(status, 422, "{refused}");
    assert_eq!(refused["error"]["code"], "other_currency");
    assert_eq!(merchant.desk.server.ledger.head(), head);
}

#[test]
fn what_is_saved_up_by_word_becomes_what_was_received() {
    let merchant = open();
    let saved = || {
        merchant
            .get("deposit-info?label=55&wallet_type=paytm&currency=INR")
            .1
    };
    by_word(&merchant, "paytm", "KEY-1", "60.00");
    by_word(&merchant, "paytm", "KEY-2", "50.00");
    assert_eq!(saved()["stockpiling_sum"], 110);
    // Less, and still not enough.
    merchant.receive("paytm", "KEY-1", "40.00");
    assert_eq!(merchant.decide("approve", "KEY-1").1["state"], "saved");
    assert_eq!(saved()["stockpiling_sum"], 90);
    let received = ("received/paytm", "40.00");
    let outside = ("outside/paytm", "-40.00");
    assert_eq!(merchant.accounts(), held(&[outside, received]));
    // Enough by what was received: both are credited, and told of together.
    merchant.receive("paytm", "KEY-2", "110.00");
    assert_eq!(merchant.decide("approve", "KEY-2").1["state"], "credited");
    assert_eq!(merchant.state("KEY-1"), "credited");
    assert_eq!(saved()["stockpiling_sum"], 0);
    let moved = [
        ("merchant/p2/paytm", "150.00"),
        ("outside/paytm", "-150.00"),
    ];
    assert_eq!(merchant.accounts(), held(&moved));
    let both = vec![of("KEY-1", "40"), of("KEY-2", "110")];
    for key1 in ["KEY-1", "KEY-2"] {
        assert_eq!(told(&merchant, key1), (json!(150), both.clone()));
    }
}

#[test]
fn all_that_was_told_of_together_is_told_again_as_it_is() {
    let merchant = open();
    by_word(&merchant, "paytm", "KEY-1", "60.00");
    merchant.receive("paytm", "KEY-2", "90.00");
    assert_eq!(merchant.activate("paytm", "KEY-2", "55", json!({})), ok());
    by_word(&merchant, "paytm", "KEY-3", "200.00");
    let first = told(&merchant, "KEY-1");
    assert_eq!(
        first,
        (json!(150), vec![of("KEY-1", "60"), of("KEY-2", "90")])
    );
    merchant.receive("paytm", "KEY-1", "10.00");
    assert_eq!(merchant.decide("approve", "KEY-1").0, 200);
    let right = (json!(100), vec![of("KEY-1", "10"), of("KEY-2", "90")]);
    assert_eq!(told(&merchant, "KEY-1"), right);
    assert_eq!(told(&merchant, "KEY-2"), right);
    assert_eq!(
        told(&merchant, "KEY-3"),
        (json!(200), vec![of("KEY-3", "200")])
    );
}

#[test]
fn what_is_put_right_is_sent_whatever_came_of_what_was_sent_before() {
    let merchant = open();
    by_word(&merchant, "upi", "KEY-1", "20.00");
    let first = postback(&merchant, "KEY-1").postback;
    tried(&merchant, &first, true);
    let state = || postback(&merchant, "KEY-1").delivery.document.state;
    assert_eq!(state(), DeliveryState::Delivered);
    merchant.receive("upi", "KEY-1", "15.00");
    assert_eq!(merchant.decide("approve", "KEY-1").0, 200);
    assert!(matches!(state(), DeliveryState::Due(_)));
    // The bytes before were under way once more: that they were taken says nothing of these.
    tried(&merchant, &first, true);
    assert!(matches!(state(), DeliveryState::Due(_)));
    let second = postback(&merchant, "KEY-1").postback;
    assert_ne!(first.body, second.body);
    tried(&merchant, &second, true);
    assert_eq!(state(), DeliveryState::Delivered);
    let item = &merchant.desk.list("postbacks")["items"][0];
    let shown = format!("postbacks/show?id={}", item["id"]);
    let shown = merchant.desk.list(&shown);
    assert_eq!(
        (&shown["corrections"], &shown["attempts"]),
        (&json!(1), &json!(3))
    );
    let tries = shown["tries"].as_array().unwrap().iter();
    let of_which: Vec<&Value> = tries.map(|tried| &tried["corrections"]).collect();
    assert_eq!(of_which, [1, 0, 0]);
}

/// Entry 1: a merchant. 2: a deposit. 3: it is approved. 4: its payment, of 5.00 less. 5: that takes
/// the word's place.
fn joined() -> Vec<Entry> {
    let mut coffer = Coffer::new();
    let partner = coffer.merchant("m", None);
    let number: PaymentReference = "KEY-1".parse().unwrap();
    let reference: DepositReference = "r1".parse().unwrap();
    let (upi, rupees) = ("upi".parse().unwrap(), "INR".parse().unwrap());
    let new = NewDeposit {
        reference: reference.clone(),
        wallet_type: upi,
        currency: rupees,
        label: "55".parse().unwrap(),
        key1: number.clone(),
        amount: Amount::from_cents(2_000),
        custom_transaction_id: Some("c-1".parse().unwrap()),
        way: Way::Code,
    };
    let approve = DepositOperation::Approve(reference);
    let act = |operation: &DepositOperation| perform(coffer.ledger(), operation).unwrap();
    act(&DepositOperation::Activate { partner, new });
    act(&approve);
    let payment = NewPayment {
        wallet_type: upi,
        reference: number,
        amount: Amount::from_cents(1_500).unwrap(),
        currency: rupees,
        account: None,
        received_at: None,
        payer: None,
        note: None,
        suspicious: false,
    };
    let received = with_deposit_rules(|rules| {
        let ledger = coffer.ledger();
        ledger.receive_payment(&payment, &payment_rules(), rules)
    });
    received.unwrap();
    act(&approve);
    coffer.sync();
    coffer.entries()
}

/// Alters the gateway's documents of an entry.
fn with(seq: usize, alter: impl Fn(&mut GatewayDocument)) -> impl FnOnce(&mut Vec<Entry>) {
    with_record(seq, move |record: &mut Record| {
        for document in &mut record.documents {
            if let Document::Gateway(document) = document {
                alter(document);
            }
        }
    })
}

#[test]
fn verify_finds_a_word_whose_place_was_taken_by_other_money() {
    let entries = joined();
    let last = entries.len();
    assert_found_in(entries.clone(), |_| {}, &[]);
    let money = format!("entry {last} moves other money than its deposits say");
    let brings = format!("entry {last} says that a deposit has brought");
    let word = with(last, |document| {
        if let GatewayDocument::Deposit(deposit) = document {
            deposit.activated.as_mut().unwrap().word = Amount::from_cents(2_100);
        }
    });
    assert_found_in(entries.clone(), word, &[&money, &brings]);
    let untold = with_record(last, |record: &mut Record| {
        record.documents.retain(|document| match document {
            Document::Gateway(of) => !matches!(**of, GatewayDocument::Postback(_)),
            _ => true,
        });
    });
    let untold_found = format!("entry {last} does not tell of what it credits");
    assert_found_in(entries.clone(), untold, &[&money, &untold_found, &brings]);
    let again = with(last, |document| {
        if let GatewayDocument::Postback(postback) = document {
            postback.corrections = 0;
        }
    });
    let says_again = format!("entry {last} says again what");
    assert_found_in(entries, again, &[&money, &says_again, &brings]);
}
