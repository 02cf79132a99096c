//! What other payment systems change about what merchants have asked before (paykassma-api.md,
//! Deposits and Withdrawals): nothing that was accepted is unsaid.

use coffer::config::Paykassma;
use coffer::engine::catalogue::{Catalogue, PaymentSystem};
use coffer::money::Amount;
use serde_json::{Value, json};

use crate::desk::{SHOP, held};
use crate::gateway_withdrawals::signed_by;
use crate::payers::{Merchant, catalogue, fail, ok, possible, read, taken};

/// Offers what `change` makes of each payment system that a merchant was offered.
fn offer(merchant: &Merchant, change: impl Fn(&mut PaymentSystem) -> bool) {
    let mut offered = Catalogue::default();
    for system in catalogue().iter() {
        let mut system = system.clone();
        if change(&mut system) {
            offered.add(system).unwrap();
        }
    }
    let offered = Paykassma {
        catalogue: offered,
        ..Paykassma::default()
    };
    merchant.desk.server.state.gateway.offer(offered);
}

fn cents(cents: u64) -> Amount {
    Amount::from_cents(cents).unwrap()
}

fn withdraw(merchant: &Merchant, body: &Value) -> (u16, Value) {
    let body = signed_by(SHOP, &body.to_string());
    read(&merchant.desk.send("POST /v2/withdrawal/create", &body))
}

/// Deposits are saved up to so much by now.
fn save_up_to(merchant: &Merchant, minimum: u64) {
    offer(merchant, |system| {
        if system.wallet_type.as_str() == "paytm" {
            system.minimum_deposit = cents(minimum);
        }
        true
    });
}

#[test]
fn what_is_enough_by_a_lower_minimum_is_credited_when_it_is_looked_at() {
    let merchant = Merchant::open();
    let look = || {
        let query = "deposit-info?label=55&wallet_type=paytm&currency=INR";
        let (status, told) = merchant.get(query);
        assert_eq!(status, 200, "{told}");
        let of = |name: &str| told[name].to_string();
        [
            of("stockpiling_sum"),
            of("lacks_sum"),
            of("minimum_deposit"),
        ]
    };
    for (key1, amount) in [("KEY-1", "40.00"), ("KEY-2", "60.00")] {
        merchant.receive("paytm", key1, amount);
        assert_eq!(merchant.activate("paytm", key1, "55", json!({})), ok());
    }
    // Another label's say nothing of it.
    merchant.receive("paytm", "KEY-3", "40.00");
    assert_eq!(merchant.activate("paytm", "KEY-3", "56", json!({})), ok());
    save_up_to(&merchant, 10_001);
    let head = merchant.desk.server.ledger.head();
    assert_eq!(look(), ["100", "0.01", "100.01"]);
    assert_eq!(merchant.desk.server.ledger.head(), head);
    save_up_to(&merchant, 10_000);
    assert_eq!(look(), ["0", "0", "100"]);
    let moved = [
        ("merchant/p2/paytm", "100.00"),
        ("outside/paytm", "-140.00"),
        ("received/paytm", "40.00"),
    ];
    assert_eq!(merchant.accounts(), held(&moved));
    for (key1, state) in [
        ("KEY-1", "credited"),
        ("KEY-2", "credited"),
        ("KEY-3", "saved"),
    ] {
        assert_eq!(merchant.state(key1), state, "{key1}");
    }
    let told = merchant.told("c-KEY-2").unwrap();
    let both = [r#""transaction_id":"KEY-1""#, r#""transaction_id":"KEY-2""#];
    assert!(both.iter().all(|one| told.contains(one)), "{told}");
    // Looked at again there is nothing left, and the next ones begin anew.
    let head = merchant.desk.server.ledger.head();
    assert_eq!(look(), ["0", "0", "100"]);
    assert_eq!(merchant.desk.server.ledger.head(), head);
    merchant.receive("paytm", "KEY-4", "30.00");
    assert_eq!(merchant.activate("paytm", "KEY-4", "55", json!({})), ok());
    assert_eq!(look(), ["30", "70", "100"]);
}

/// All of what was offered is gone, or asks for more than it did.
const CHANGES: [fn(&mut PaymentSystem) -> bool; 4] = [
    |_| false,
    |system| {
        system.limits = (cents(500_000), cents(1_000_000));
        true
    },
    |system| {
        system.withdrawal_required = vec!["iban".parse().unwrap()];
        system.amount_required = true;
        true
    },
    |system| {
        system.is_manual = !system.is_manual;
        system.limits = (cents(500_000), cents(1_000_000));
        true
    },
];

#[test]
fn a_withdrawal_that_was_accepted_is_answered_alike_whatever_is_offered_by_then() {
    let merchant = Merchant::open();
    merchant.receive("upi", "UTR-1", "1000.00");
    assert_eq!(merchant.activate("upi", "UTR-1", "55", json!({})), ok());
    let named = json!({
        "withdrawal_id": "w1", "payment_system": "upi", "amount": 100, "currency_code": "INR",
        "label": "55", "is_test": false, "account_number": "111", "account_name": "P. Ayer",
    });
    let mut unnamed = named.clone();
    unnamed.as_object_mut().unwrap().remove("withdrawal_id");
    let old = json!({
        "wallet_type": "upi", "wallet_recipient": "123123232", "wallet_sender": 1111,
        "email": "payer@example.com", "amount": 100, "withdrawal_id": 13,
    });
    let mut other = named.clone();
    other["withdrawal_id"] = json!("w2");
    let mut dearer = named.clone();
    dearer["amount"] = json!(101);
    let bodies = [&named, &unnamed, &old];
    let first = bodies.map(|body| withdraw(&merchant, body));
    assert!(first.iter().all(|(status, _)| *status == 200), "{first:?}");
    let accounts = merchant.accounts();
    for change in CHANGES {
        offer(&merchant, change);
        assert_eq!(bodies.map(|body| withdraw(&merchant, body)), first);
        // What is not the same is judged by what is offered.
        for body in [&dearer, &other] {
            assert_eq!(withdraw(&merchant, body).0, 400);
        }
        assert_eq!(merchant.accounts(), accounts);
    }
}

#[test]
fn a_deposit_that_was_accepted_is_told_as_it_is_whatever_is_offered_by_then() {
    let merchant = Merchant::open();
    merchant.receive("upi", "UTR-1", "100.00");
    assert_eq!(merchant.activate("upi", "UTR-1", "55", json!({})), ok());
    assert_eq!(
        merchant.activate("upi", "UTR-2", "55", json!({})),
        possible()
    );
    let path = "possible-transaction/activate";
    let by_hand = merchant.by_hand(path, "UTR-3", "cash");
    assert_eq!(by_hand.0, 200);
    for change in CHANGES {
        offer(&merchant, change);
        assert_eq!(merchant.activate("upi", "UTR-1", "55", json!({})), ok());
        assert_eq!(
            merchant.activate("upi", "UTR-2", "55", json!({})),
            possible()
        );
        assert_eq!(merchant.by_hand(path, "UTR-3", "cash"), by_hand);
        // Another label, and another name: not what was accepted.
        assert_eq!(merchant.activate("upi", "UTR-1", "56", json!({})).0, 400);
        let named = json!({ "custom_transaction_id": "another" });
        assert_eq!(merchant.activate("upi", "UTR-1", "55", named).0, 400);
    }
    // Its money still finds it, and what was told of it is found.
    offer(&merchant, |_| false);
    let received = merchant.receive("upi", "UTR-2", "7.00");
    assert_eq!(received["matched"]["kind"], "deposit");
    for key1 in ["UTR-1", "UTR-2"] {
        let (status, found) = merchant.get(&format!("postback?type=deposit&transaction_id={key1}"));
        assert_eq!(status, 200, "{found}");
        let told = &found["postback"]["additional_data"][0];
        assert_eq!(told["transaction_id"], key1);
    }
    let none = merchant.get("postback?type=deposit&transaction_id=UTR-3");
    assert_eq!(none.0, 404);
}

#[test]
fn what_is_saved_up_is_credited_with_what_comes_next_once_it_is_enough() {
    for next in ["500.00", "3.00"] {
        let merchant = Merchant::open();
        for key1 in ["UTR-1", "UTR-2"] {
            merchant.receive("paytm", key1, "50.00");
            assert_eq!(merchant.activate("paytm", key1, "55", json!({})), ok());
        }
        // Enough by itself beside what is not enough: it does not take that along.
        merchant.receive("paytm", "UTR-3", "148.00");
        assert_eq!(merchant.activate("paytm", "UTR-3", "55", json!({})), ok());
        assert_eq!(merchant.state("UTR-1"), "saved");

        offer(&merchant, |system| {
            system.minimum_deposit = cents(4000);
            true
        });
        merchant.receive("paytm", "UTR-4", next);
        assert_eq!(merchant.activate("paytm", "UTR-4", "55", json!({})), ok());
        for key1 in ["UTR-1", "UTR-2", "UTR-4"] {
            assert_eq!(merchant.state(key1), "credited", "{next}");
        }
        let told: Value = serde_json::from_str(&merchant.told("c-UTR-4").unwrap()).unwrap();
        let told = told["additional_data"].as_array().unwrap();
        let piles: Vec<&Value> = told.iter().map(|of| &of["stockpiling_id"]).collect();
        assert_eq!(piles, [&json!(1), &json!(1), &json!(1)]);
        let info = merchant.get("deposit-info?label=55&wallet_type=paytm&currency=INR");
        assert_eq!(info.1["stockpiling_sum"], 0);
        let due = if next == "3.00" { "251.00" } else { "748.00" };
        let moved = [
            ("merchant/p2/paytm", due),
            ("outside/paytm", &format!("-{due}")),
        ];
        assert_eq!(merchant.accounts(), held(&moved));
    }
}

#[test]
fn requisites_that_are_offered_no_more_are_given_to_nobody() {
    let merchant = Merchant::open();
    let ask = || {
        let body = json!({ "currency": "INR", "label": "55" });
        merchant.post("transaction/create/upi", &body)
    };
    let given = |identifier: &str| {
        let identifier = Value::from(identifier);
        assert_eq!(ask().1["params"]["identifier"], identifier);
    };
    given("upi-1");
    given("upi-1");
    offer(&merchant, |system| {
        system.requisites.remove(0);
        true
    });
    given("upi-2");
    offer(&merchant, |system| {
        system.requisites.clear();
        true
    });
    assert_eq!(ask(), fail("No requisites available"));
    offer(&merchant, |_| false);
    assert_eq!(ask().0, 404);
}

#[test]
fn money_that_waits_for_an_operator_goes_to_no_deposit_that_names_it_next() {
    let merchant = Merchant::open();
    let utr = "418381111111";
    let order = merchant.desk.order("A-1", "100.00");
    merchant.desk.name(&order, utr).unwrap();
    assert_eq!(merchant.desk.cancel("A-1"), 200);
    assert_eq!(merchant.receive("upi", utr, "100.00")["state"], "waiting");
    let check = fail(crate::payers::CHECK);
    assert_eq!(merchant.activate("upi", utr, "55", json!({})), check);
    assert_eq!(
        merchant.accounts(),
        held(&[("outside/upi", "-100.00"), ("received/upi", "100.00")])
    );
    let why = "an order and a deposit name its reference";
    assert_eq!(merchant.desk.payment(utr)["reason"], why);
    let again = json!({ "custom_transaction_id": "another" });
    assert_eq!(merchant.activate("upi", utr, "55", again), taken("key1"));
    // Turned away, the deposit leaves the payment as it was; approved, it has it.
    assert_eq!(merchant.decide("reject", utr).0, 200);
    let payment = merchant.desk.payment(utr);
    assert_eq!(
        payment["reason"],
        "its order is expired, failed or cancelled"
    );

    let merchant = Merchant::open();
    let order = merchant.desk.order("A-1", "100.00");
    merchant.desk.name(&order, utr).unwrap();
    merchant.receive("upi", utr, "90.00");
    assert_eq!(merchant.desk.cancel("A-1"), 200);
    assert_eq!(merchant.activate("upi", utr, "55", json!({})), check);
    let (status, shown) = merchant.decide("approve", utr);
    assert_eq!((status, &shown["state"]), (200, &json!("credited")));
    let moved = [("merchant/p2/upi", "90.00"), ("outside/upi", "-90.00")];
    assert_eq!(merchant.accounts(), held(&moved));
}
