//! Deposits at the gateway (paykassma-api.md, Deposits and Small print): a payment that came and a
//! payment that comes, what looks odd, what an operator says, what is saved up, and that a payment
//! is one thing once.

use coffer::disk::Disk;
use coffer::protocol::paykassma::sign::PostbackKeys;
use coffer::secret::Secret;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::desk::{SHOP, held};
use crate::payers::{CHECK, Merchant, fail, ok, possible, read, taken};
use crate::support::{ADMIN_KEY, Client};

#[test]
fn a_payment_that_has_come_is_the_deposit_at_once_and_the_merchant_is_told_with_its_money() {
    let merchant = Merchant::open();
    merchant.receive("upi", "UTR-1", "100.50");
    assert_eq!(merchant.activate("upi", "UTR-1", "55", json!({})), ok());
    let moved = [("merchant/p2/upi", "100.50"), ("outside/upi", "-100.50")];
    assert_eq!(merchant.accounts(), held(&moved));
    let item = merchant.item("UTR-1");
    assert_eq!(item["state"], "credited");
    assert_eq!(item["amount"], "100.50");
    assert_eq!(item["custom_transaction_id"], "c-UTR-1");
    let payment = merchant.desk.payment("UTR-1");
    let matched = json!({ "kind": "deposit", "id": item["id"] });
    assert_eq!(
        (&payment["state"], &payment["matched"]),
        (&json!("matched"), &matched)
    );

    let body = merchant.told("c-UTR-1").unwrap();
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&told["amount"], &told["label"]),
        (&json!(101), &json!("55"))
    );
    assert_eq!(told["direction"], "ingoing");
    let data = &told["additional_data"][0];
    assert_eq!(data["transaction_id"], "UTR-1");
    assert_eq!(data["plugin_custom_order_id"], "c-UTR-1");
    assert_eq!(
        (&data["amount"], &data["exchanger_identifier"]),
        (&json!("100.5"), &json!("P. Ayer"))
    );
    assert_eq!(data["stockpiling_id"], 1);
    #[derive(serde::Deserialize)]
    struct Signed<'a> {
        #[serde(borrow)]
        additional_data: &'a RawValue,
        signature: String,
    }
    let signed: Signed<'_> = serde_json::from_str(&body).unwrap();
    let keys = PostbackKeys {
        access_key: Secret::new(format!("access_key_of_{SHOP}")),
        private_key: Secret::new(format!("private_key_of_{SHOP}")),
    };
    assert_eq!(
        signed.signature,
        keys.sign(signed.additional_data.get().as_bytes())
    );
}

#[test]
fn a_deposit_waits_for_its_payment_for_three_days_and_is_activated_by_it() {
    let merchant = Merchant::open();
    assert_eq!(
        merchant.activate("upi", "UTR-1", "55", json!({})),
        possible()
    );
    assert_eq!(
        merchant.activate("upi", "UTR-2", "55", json!({})),
        possible()
    );
    assert_eq!(merchant.state("UTR-1"), "possible");
    assert_eq!(merchant.accounts(), held(&[]));
    merchant.pass(71);
    let received = merchant.receive("upi", "UTR-1", "100.00");
    assert_eq!(received["matched"]["kind"], "deposit");
    assert_eq!(merchant.state("UTR-1"), "credited");
    assert!(merchant.told("c-UTR-1").is_some());
    assert_eq!(merchant.activate("upi", "UTR-1", "55", json!({})), ok());
    merchant.pass(2);
    // Too late: an operator sees both, and may bring them together.
    assert_eq!(merchant.state("UTR-2"), "expired");
    let expired = fail("Transaction not found. Possible transaction expired");
    assert_eq!(merchant.activate("upi", "UTR-2", "55", json!({})), expired);
    let received = merchant.receive("upi", "UTR-2", "7.00");
    assert_eq!(received["state"], "waiting");
    assert!(merchant.told("c-UTR-2").is_none());
    let (status, shown) = merchant.decide("approve", "UTR-2");
    assert_eq!((status, &shown["state"]), (200, &json!("credited")));
    let moved = [("merchant/p2/upi", "107.00"), ("outside/upi", "-107.00")];
    assert_eq!(merchant.accounts(), held(&moved));
}

#[test]
fn what_looks_odd_waits_for_an_operator_who_credits_what_was_received_or_frees_the_payment() {
    let merchant = Merchant::open();
    // The amount differs; flagged before; flagged after.
    merchant.receive("upi", "UTR-1", "90.00");
    let said = json!({ "amount": "100.00" });
    assert_eq!(
        merchant.activate("upi", "UTR-1", "55", said.clone()),
        fail(CHECK)
    );
    let odd = |key1: &str, amount: &str, how: Value| {
        merchant.desk.receive_as(key1, amount, how);
    };
    let plain = |key1: &str| merchant.activate("upi", key1, "55", json!({}));
    odd("UTR-2", "5.00", json!({ "suspicious": true }));
    assert_eq!(plain("UTR-2"), fail(CHECK));
    assert_eq!(plain("UTR-3"), possible());
    odd("UTR-3", "6.00", json!({ "suspicious": true }));
    odd("UTR-4", "7.00", json!({ "currency": "USD" }));
    assert_eq!(plain("UTR-4"), fail(CHECK));
    for key1 in ["UTR-1", "UTR-2", "UTR-3", "UTR-4"] {
        assert_eq!(merchant.state(key1), "waiting", "{key1}");
        assert_eq!(merchant.desk.payment(key1)["state"], "waiting", "{key1}");
    }
    assert_eq!(plain("UTR-3"), fail(CHECK));
    let waiting = merchant.desk.list("deposits?state=waiting&partner=p2");
    assert_eq!(waiting["items"].as_array().unwrap().len(), 4);

    let (status, shown) = merchant.decide("approve", "UTR-1");
    assert_eq!((status, &shown["amount"]), (200, &json!("90.00")));
    assert_eq!(shown["received_payment"]["matched"]["id"], shown["id"]);
    assert_eq!(merchant.activate("upi", "UTR-1", "55", said), ok());
    // The same word changes nothing, another one is refused.
    assert_eq!(merchant.decide("approve", "UTR-1").0, 200);
    assert_eq!(merchant.decide("reject", "UTR-1").0, 422);

    let (status, shown) = merchant.decide("reject", "UTR-2");
    assert_eq!((status, &shown["state"]), (200, &json!("rejected")));
    assert_eq!(shown["reason"], "no such payment");
    assert_eq!(merchant.desk.payment("UTR-2")["state"], "unclaimed");
    assert_eq!(merchant.decide("reject", "UTR-2").0, 200);
    assert_eq!(merchant.decide("approve", "UTR-2").0, 422);
    // Its number and its name stay used.
    let again = json!({ "custom_transaction_id": "c-other" });
    assert_eq!(
        merchant.activate("upi", "UTR-2", "56", again),
        taken("key1")
    );
    let again = json!({ "custom_transaction_id": "c-UTR-2" });
    let named = merchant.activate("upi", "UTR-9", "56", again);
    assert_eq!(named, taken("custom_transaction_id"));
    let moved = [
        ("merchant/p2/upi", "90.00"),
        ("outside/upi", "-101.00"),
        ("received/upi", "11.00"),
    ];
    assert_eq!(merchant.accounts(), held(&moved));
    assert_eq!(merchant.decide("approve", "UTR-4").0, 200);
    let dollars = merchant.desk.accounts("USD");
    assert!(dollars.contains(&("merchant/p2/upi".to_owned(), "7.00".to_owned())));
}

#[test]
fn a_number_and_a_name_are_claimed_once_and_the_same_asked_again_is_told_how_it_stands() {
    let merchant = Merchant::open();
    let other = merchant
        .desk
        .server
        .add_partner("other", "default", Vec::new());
    assert_eq!(
        merchant.activate("upi", "UTR-1", "55", json!({})),
        possible()
    );
    assert_eq!(
        merchant.activate("upi", "UTR-1", "55", json!({})),
        possible()
    );
    for (label, id) in [("55", "c-2"), ("56", "c-UTR-1"), ("56", "c-2")] {
        let more = json!({ "custom_transaction_id": id });
        let told = merchant.activate("upi", "UTR-1", label, more);
        assert_eq!(told, taken("key1"), "{label} {id}");
    }
    let more = json!({ "custom_transaction_id": "c-UTR-1" });
    let told = merchant.activate("upi", "UTR-2", "55", more);
    assert_eq!(told, taken("custom_transaction_id"));
    // Another wallet type has numbers of its own, another merchant has names of its own.
    let more = json!({ "custom_transaction_id": "c-2" });
    assert_eq!(merchant.activate("paytm", "UTR-1", "55", more), possible());
    assert_ne!(other, merchant.desk.partner);
    let body = |key1: &str| {
        json!({
            "currency_code": "INR", "wallet_type": "upi", "label": "55", "key1": key1,
            "custom_transaction_id": "c-UTR-1",
        })
    };
    let theirs = |key1: &str| {
        let line = "POST /api/v1/transaction/activate?secret=gateway_secret_of_other";
        read(&merchant.desk.send(line, &body(key1).to_string()))
    };
    assert_eq!(theirs("UTR-1"), taken("key1"));
    assert_eq!(theirs("UTR-7"), possible());
    let missing = fail(json!({
        "custom_transaction_id": ["The custom transaction id field is required."]
    }));
    let none = json!({ "custom_transaction_id": null });
    assert_eq!(merchant.activate("upi", "UTR-3", "55", none), missing);
    let wrong = fail(json!({ "key1": ["Transaction field has wrong length"] }));
    assert_eq!(merchant.activate("upi", "UT", "55", json!({})), wrong);
}

#[test]
fn a_name_that_was_left_for_a_label_is_its_next_deposits() {
    let merchant = Merchant::open();
    let leave = |label: &str, id: &str| {
        let body = json!({ "label": label, "transaction_custom_id": id });
        merchant.post("payment/save-transaction-custom-id", &body)
    };
    assert_eq!(leave("55", "left-1"), ok());
    assert_eq!(leave("55", "left-2"), ok());
    assert_eq!(leave("55", "left-2"), ok());
    merchant.receive("upi", "UTR-1", "10.00");
    let none = || json!({ "custom_transaction_id": null });
    assert_eq!(merchant.activate("upi", "UTR-1", "55", none()), ok());
    assert_eq!(merchant.item("UTR-1")["custom_transaction_id"], "left-2");
    assert!(
        merchant
            .told("left-2")
            .unwrap()
            .contains(r#""plugin_custom_order_id":"left-2""#)
    );
    // The same again is the same, though the name is spent now; another one has none.
    assert_eq!(merchant.activate("upi", "UTR-1", "55", none()), ok());
    assert_eq!(merchant.activate("upi", "UTR-2", "55", none()).0, 400);
    assert_eq!(leave("56", "left-2"), taken("transaction_custom_id"));
    // One that has its own leaves the other where it is.
    assert_eq!(leave("56", "left-3"), ok());
    assert_eq!(
        merchant.activate("upi", "UTR-3", "56", json!({})),
        possible()
    );
    assert_eq!(merchant.activate("upi", "UTR-4", "56", none()), possible());
    assert_eq!(merchant.item("UTR-4")["custom_transaction_id"], "left-3");
}

#[test]
fn one_payment_is_an_orders_or_a_deposits_and_never_both() {
    let merchant = Merchant::open();
    let utr = |number: u8| format!("41838111111{number}");
    let order = |id: &str, number: u8| {
        let reference = merchant.desk.order(id, "10.00");
        merchant.desk.name(&reference, &utr(number)).unwrap();
        reference
    };
    // The order had it first.
    order("A-1", 1);
    merchant.receive("upi", &utr(1), "10.00");
    assert_eq!(
        merchant.activate("upi", &utr(1), "55", json!({})),
        taken("key1")
    );
    // The deposit had it first.
    merchant.receive("upi", &utr(2), "10.00");
    assert_eq!(merchant.activate("upi", &utr(2), "55", json!({})), ok());
    order("A-2", 2);
    assert_eq!(merchant.desk.state("A-2").0, "PENDING");
    // Both have asked for it when it comes: an operator decides.
    order("A-3", 3);
    assert_eq!(
        merchant.activate("upi", &utr(3), "55", json!({})),
        possible()
    );
    assert_eq!(
        merchant.receive("upi", &utr(3), "10.00")["state"],
        "waiting"
    );
    assert_eq!(
        merchant.activate("upi", &utr(3), "55", json!({})),
        fail(CHECK)
    );
    // The deposit waits for another reason, and the order asks then.
    merchant.receive("upi", &utr(4), "10.00");
    let said = json!({ "amount": "11.00" });
    assert_eq!(merchant.activate("upi", &utr(4), "55", said), fail(CHECK));
    order("A-4", 4);
    assert_eq!(merchant.desk.state("A-4").0, "PENDING");
    // What the operator denies the deposit the order gets, and the other way round.
    assert_eq!(merchant.decide("reject", &utr(3)).0, 200);
    assert_eq!(merchant.desk.state("A-3").0, "SUCCESS");
    assert_eq!(merchant.decide("approve", &utr(4)).0, 200);
    assert_eq!(merchant.desk.state("A-4").0, "PENDING");
    let moved = [
        ("merchant/p2/upi", "20.00"),
        ("outside/upi", "-40.00"),
        ("partner/p2", "20.00"),
    ];
    assert_eq!(merchant.accounts(), held(&moved));
    assert_eq!(merchant.decide("approve", &utr(2)).0, 200);
}

#[test]
fn small_deposits_are_saved_up_and_credited_together_with_one_postback() {
    let merchant = Merchant::open();
    let info = || {
        merchant
            .get("deposit-info?label=55&wallet_type=paytm&currency=INR")
            .1
    };
    let expect = |sum: Value, lacks: Value| {
        json!({
            "status": "ok", "stockpiling_sum": sum, "lacks_sum": lacks, "minimum_deposit": 148,
        })
    };
    assert_eq!(info(), expect(json!(0), json!(0)));
    merchant.receive("paytm", "KEY-1", "100.00");
    assert_eq!(merchant.activate("paytm", "KEY-1", "55", json!({})), ok());
    assert_eq!(info(), expect(json!(100), json!(48)));
    assert_eq!(merchant.state("KEY-1"), "saved");
    assert!(merchant.told("c-KEY-1").is_none());
    let waits = [("outside/paytm", "-100.00"), ("received/paytm", "100.00")];
    assert_eq!(merchant.accounts(), held(&waits));
    // Another label saves for itself, and a large one is credited by itself.
    merchant.receive("paytm", "KEY-2", "100.00");
    assert_eq!(merchant.activate("paytm", "KEY-2", "56", json!({})), ok());
    merchant.receive("paytm", "KEY-3", "148.00");
    assert_eq!(merchant.activate("paytm", "KEY-3", "55", json!({})), ok());
    assert_eq!(merchant.state("KEY-3"), "credited");
    assert_eq!(info(), expect(json!(100), json!(48)));
    // The payment that makes it enough comes by itself.
    assert_eq!(
        merchant.activate("paytm", "KEY-4", "55", json!({})),
        possible()
    );
    merchant.receive("paytm", "KEY-4", "48.00");
    assert_eq!(info(), expect(json!(0), json!(0)));
    let told: Value = serde_json::from_str(&merchant.told("c-KEY-4").unwrap()).unwrap();
    assert_eq!(told["amount"], 148);
    let each = told["additional_data"].as_array().unwrap().iter();
    let each: Vec<Value> = each
        .map(|of| json!([of["transaction_id"], of["amount"], of["stockpiling_id"]]))
        .collect();
    assert_eq!(
        each,
        [json!(["KEY-1", "100", 1]), json!(["KEY-4", "48", 1])]
    );
    for key1 in ["KEY-1", "KEY-4"] {
        let item = merchant.item(key1);
        assert_eq!(
            (&item["state"], &item["postback"]),
            (&json!("credited"), &json!("c-KEY-4"))
        );
    }
    assert!(merchant.told("c-KEY-1").is_none());
    let moved = [
        ("merchant/p2/paytm", "296.00"),
        ("outside/paytm", "-396.00"),
        ("received/paytm", "100.00"),
    ];
    assert_eq!(merchant.accounts(), held(&moved));
    // A new pile has a new number.
    merchant.receive("paytm", "KEY-5", "1.00");
    assert_eq!(merchant.activate("paytm", "KEY-5", "55", json!({})), ok());
    assert_eq!(merchant.item("KEY-5")["activated"]["stockpiling_id"], 4);
}

#[test]
fn requisites_are_given_in_turn_and_kept_while_a_deposit_is_open() {
    let merchant = Merchant::open();
    let create = |label: &str| {
        let body = json!({ "currency": "INR", "label": label });
        let (status, told) = merchant.post("transaction/create/upi", &body);
        assert_eq!((status, &told["status"]), (200, &json!("ok")), "{told}");
        told["params"]["identifier"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        [create("a"), create("b"), create("c")],
        ["upi-1", "upi-2", "upi-1"]
    );
    assert_eq!([create("b"), create("a")], ["upi-2", "upi-1"]);
    assert_eq!(
        merchant.activate("upi", "UTR-1", "a", json!({})),
        possible()
    );
    assert_eq!(create("a"), "upi-1");
    merchant.receive("upi", "UTR-1", "10.00");
    assert_eq!([create("a"), create("a")], ["upi-2", "upi-2"]);
    let unknown = merchant.post("transaction/create/nobody", &json!({}));
    assert_eq!(unknown.0, 404);
    let dollars = json!({ "currency": "USD", "label": "a" });
    assert_eq!(merchant.post("transaction/create/upi", &dollars).0, 400);
}

#[test]
fn a_deposit_by_hand_is_matched_by_nothing_but_an_operators_word() {
    let merchant = Merchant::open();
    let taken_down = json!({
        "status": "success", "message": "", "code": 20000, "data": [],
        "paginate": { "offset": 0, "total": 1, "limit": 1 },
    });
    let path = "possible-transaction/activate";
    assert_eq!(
        merchant.by_hand(path, "KEY-1", "cash"),
        (200, taken_down.clone())
    );
    assert_eq!(
        merchant.by_hand("possible-transaction", "KEY-1", "cash"),
        (200, taken_down.clone())
    );
    assert_eq!(merchant.state("KEY-1"), "waiting");
    // A fitting payment is shown beside it, whichever is first, and an operator gives it.
    assert_eq!(
        merchant.receive("cash", "KEY-1", "20.00")["matched"],
        Value::Null
    );
    merchant.receive("cash", "KEY-2", "21.00");
    assert_eq!(merchant.by_hand(path, "KEY-2", "cash"), (200, taken_down));
    for (key1, amount) in [("KEY-1", "20.00"), ("KEY-2", "21.00")] {
        let id = merchant.item(key1)["id"].as_str().unwrap().to_owned();
        let shown = merchant.desk.list(&format!("deposits/show?id={id}"));
        assert_eq!(shown["received_payment"]["amount"], amount);
        assert_eq!(shown["state"], "waiting");
        let (status, shown) = merchant.decide("approve", key1);
        assert_eq!((status, &shown["amount"]), (200, &json!(amount)));
    }
    // Where none has come the word stands for what was said, and a payment that comes is its own.
    assert_eq!(merchant.by_hand(path, "KEY-3", "cash").0, 200);
    let (_, shown) = merchant.decide("approve", "KEY-3");
    assert_eq!(shown["activated"]["by_payment"], false);
    assert_eq!(
        merchant.receive("cash", "KEY-3", "20.00")["matched"]["id"],
        shown["id"]
    );
    assert_eq!(merchant.item("KEY-3")["activated"]["by_payment"], true);
    let moved = [("merchant/p2/cash", "61.00"), ("outside/cash", "-61.00")];
    assert_eq!(merchant.accounts(), held(&moved));
    // Each payment system has one of the two ways.
    assert_eq!(merchant.by_hand(path, "KEY-4", "upi").0, 400);
    assert_eq!(merchant.activate("cash", "KEY-4", "55", json!({})).0, 400);
}

#[test]
fn the_picture_of_a_payment_is_kept_for_the_operator_and_for_no_refused_request() {
    let merchant = Merchant::open();
    let path = "possible-transaction/activate";
    let picture = b"%PDF-1.7 paid";
    let made = merchant.by_hand_with(path, ("KEY-1", "cash"), picture);
    assert_eq!(made.0, 200, "{made:?}");
    let item = merchant.item("KEY-1");
    let at = item["screenshot"].as_str().unwrap();
    let fetch = |at: &str| {
        let head = format!("GET {at} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer");
        let request = format!("{head} {ADMIN_KEY}\r\n\r\n");
        Client::connect(merchant.desk.server.admin).ask(request.as_bytes())
    };
    let fetched = fetch(at);
    assert_eq!(
        (fetched.status, fetched.body.as_bytes()),
        (200, &picture[..])
    );
    assert!(fetched.head.contains("application/pdf"), "{}", fetched.head);
    assert!(fetched.head.contains("nosniff"), "{}", fetched.head);
    let kept = || {
        let directory = merchant.desk.server.books.disk().directory("attachments");
        directory.unwrap().list().unwrap().len()
    };
    assert_eq!(kept(), 1);
    // The same again, with another picture: the first one stands. A refused one leaves nothing.
    assert_eq!(
        merchant.by_hand_with(path, ("KEY-1", "cash"), b"%PDF-2").0,
        200
    );
    assert_eq!(
        merchant.by_hand_with(path, ("KEY-2", "upi"), b"%PDF-3").0,
        400
    );
    assert_eq!(
        merchant.by_hand_with(path, ("KEY-3", "cash"), b"<svg>").0,
        400
    );
    assert_eq!(kept(), 1);
    assert_eq!(merchant.by_hand(path, "KEY-4", "cash").0, 200);
    let id = merchant.item("KEY-4")["id"].as_str().unwrap().to_owned();
    assert_eq!(
        fetch(&format!("/admin/v1/deposits/screenshot?id={id}")).status,
        404
    );
}

#[test]
fn what_was_told_is_found_by_each_name_and_number_and_was_told_at_the_rates_of_then() {
    let merchant = Merchant::open();
    let set = merchant
        .desk
        .admin("rates", &json!({ "rates": ["INR=80"] }));
    assert_eq!(set.0, 200, "{}", set.1);
    let look = |by: &str| merchant.get(&format!("postback?type=deposit&{by}"));
    merchant.receive("paytm", "UTR-1", "100.00");
    assert_eq!(merchant.activate("paytm", "UTR-1", "55", json!({})), ok());
    // It is saved up: there is nothing to tell of it yet.
    assert_eq!(look("transaction_id=UTR-1").0, 404);
    assert_eq!(look("custom_id=c-UTR-1").0, 404);
    merchant.receive("paytm", "UTR-2", "60.00");
    assert_eq!(merchant.activate("paytm", "UTR-2", "55", json!({})), ok());
    let later = json!({ "rates": ["INR=160"] });
    assert_eq!(merchant.desk.admin("rates", &later).0, 200);
    for by in [
        "custom_id=c-UTR-1",
        "custom_id=c-UTR-2",
        "transaction_id=UTR-1",
        "transaction_id=UTR-2",
    ] {
        let (status, told) = look(by);
        assert_eq!(status, 200, "{by}");
        let postback = &told["postback"];
        assert_eq!(postback["amount"], 160, "{by}");
        assert_eq!(postback["converted_amount"]["USD"], 2, "{by}");
        assert_eq!(postback.get("signature"), None);
    }
    let server = &merchant.desk.server;
    server.add_partner("other", "default", Vec::new());
    for by in ["custom_id=c-UTR-1", "transaction_id=UTR-1"] {
        let target = format!("/api/v1/postback?type=deposit&{by}&secret=gateway_secret_of_other");
        assert_eq!(merchant.desk.send(&format!("GET {target}"), "").status, 404);
    }
}
