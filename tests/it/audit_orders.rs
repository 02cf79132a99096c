//! The audit over planted faults of orders and of the payments that they were given.

use std::sync::Arc;

use coffer::engine::document::{
    Claimant, Document, Order, OrderState, Paid, PaymentState, ReceivedPayment,
};
use coffer::engine::entry::{AccountRef, Actor, Body, Entry, Posting, Record, RecordKind};
use coffer::id::PartnerNumber;
use coffer::money::Amount;
use coffer::time::Timestamp;

use crate::audit::{assert_found_in, numbered, partner, record, usd, with_record};

const UTR: &str = "418381111111";

fn at() -> Timestamp {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

/// An order of 1.00 that waits.
fn order(id: &str) -> Order {
    Order {
        partner: PartnerNumber(1),
        id: id.parse().unwrap(),
        reference: format!("page_of_{id}").parse().unwrap(),
        amount: Amount::from_cents(100).unwrap(),
        currency: usd(),
        note: None,
        mobile: None,
        email: None,
        created_at: at(),
        expires_at: at(),
        state: OrderState::Pending,
        state_at: at(),
        utr: None,
        corrections: 0,
        payment: None,
        reason: None,
        paid: None,
    }
}

fn named(id: &str) -> Order {
    Order {
        utr: Some(UTR.parse().unwrap()),
        ..order(id)
    }
}

fn paid(id: &str) -> Order {
    Order {
        state: OrderState::Success,
        payment: Some(received().key()),
        ..named(id)
    }
}

/// A payment of 1.00 that is nobody's.
fn received() -> ReceivedPayment {
    ReceivedPayment {
        wallet_type: "upi".parse().unwrap(),
        reference: UTR.parse().unwrap(),
        amount: Amount::from_cents(100).unwrap(),
        currency: usd(),
        account: None,
        received_at: None,
        payer: None,
        note: None,
        suspicious: false,
        state: PaymentState::Unclaimed,
    }
}

fn given(id: &str) -> ReceivedPayment {
    ReceivedPayment {
        state: PaymentState::Matched(Claimant::Order(order(id).reference)),
        ..received()
    }
}

fn moved(from: AccountRef, to: AccountRef, cents: i64) -> Vec<Posting> {
    let posting = |account, cents| Posting {
        account,
        currency: usd(),
        cents,
        link: None,
    };
    vec![posting(from, -cents), posting(to, cents)]
}

fn comes() -> Vec<Posting> {
    let of = "upi".parse().unwrap();
    moved(AccountRef::Outside(of), AccountRef::Received(of), 100)
}

fn goes_on() -> Vec<Posting> {
    let to = AccountRef::Partner(PartnerNumber(1));
    moved(AccountRef::Received("upi".parse().unwrap()), to, 100)
}

fn entry(kind: RecordKind, postings: Vec<Posting>, documents: Vec<Document>) -> Body {
    Body::Record(Arc::new(Record {
        by: Actor::Partner,
        kind,
        postings,
        documents,
    }))
}

fn is_now(order: Order) -> Document {
    Document::Order(Box::new(order))
}

fn is(payment: ReceivedPayment) -> Document {
    Document::ReceivedPayment(Box::new(payment))
}

/// Two orders; one names a UTR, and its payment comes. The other is cancelled.
fn sound() -> Vec<Entry> {
    use RecordKind::{OrderCancelled, OrderCreated, PaymentReceived, UtrNamed};
    let cancelled = Order {
        state: OrderState::Cancelled,
        ..order("b")
    };
    let bodies = vec![
        record(vec![], vec![partner(1)]),
        entry(OrderCreated, vec![], vec![is_now(order("a"))]),
        entry(OrderCreated, vec![], vec![is_now(order("b"))]),
        entry(UtrNamed, vec![], vec![is_now(named("a"))]),
        entry(
            PaymentReceived,
            [comes(), goes_on()].concat(),
            vec![is(given("a")), is_now(paid("a"))],
        ),
        entry(OrderCancelled, vec![], vec![is_now(cancelled)]),
    ];
    numbered(bodies)
}

fn with_order(seq: usize, alter: impl FnOnce(&mut Order)) -> impl FnOnce(&mut Vec<Entry>) {
    with_record(seq, |record: &mut Record| {
        match record.documents.last_mut() {
            Some(Document::Order(order)) => alter(order),
            other => panic!("{other:?}"),
        }
    })
}

#[track_caller]
fn assert_found(plant: impl FnOnce(&mut Vec<Entry>), expected: &[&str]) {
    assert_found_in(sound(), plant, expected);
}

#[test]
fn nothing_is_found_where_orders_are_as_they_should_be() {
    assert_found(|_| {}, &[]);
}

#[test]
fn an_order_that_becomes_another_one_is_found() {
    let another = "entry 4 makes an order another one";
    let later = "entry 5 makes an order another one";
    assert_found(
        with_order(4, |order| order.amount = Amount::from_cents(101).unwrap()),
        &[another, later],
    );
    assert_found(
        with_order(4, |order| order.expires_at = Timestamp::from_micros(1)),
        &[another, later],
    );
    assert_found(
        with_order(3, |order| order.reference = "page_of_a".parse().unwrap()),
        &[
            "entry 3 makes an order again",
            "entry 4 makes an order another one",
            "entry 6 changes an order that was never made",
        ],
    );
    assert_found(
        with_order(3, |order| order.id = "a".parse().unwrap()),
        &[
            "entry 3 names a second order as the first",
            "entry 6 makes an order another one",
        ],
    );
}

#[test]
fn a_fate_that_changes_or_that_no_money_explains_is_found() {
    assert_found(
        with_order(6, |order| {
            order.reference = "page_of_a".parse().unwrap();
            order.id = "a".parse().unwrap();
        }),
        &["entry 6 changes what has become of an order"],
    );
    let without = "entry 6 pays an order twice, or calls it paid without its money";
    assert_found(
        with_order(6, |order| order.state = OrderState::Success),
        &[without],
    );
    let pays_not = "entry 5 pays an order twice, or calls it paid without its money";
    assert_found(
        with_record(5, |record| record.postings.truncate(2)),
        &[pays_not],
    );
    assert_found(
        with_record(6, |record| record.postings = goes_on()),
        &["entry 6 pays an order twice, or calls it paid without its money"],
    );
}

#[test]
fn money_that_goes_elsewhere_is_found() {
    let other = "entry 5 moves other money than its order's";
    let house = AccountRef::House(PartnerNumber(1));
    for place in [2, 3] {
        let plant = with_record(5, |record: &mut Record| {
            record.postings[place].account = house;
        });
        assert_found(plant, &[other]);
    }
    assert_found(
        with_record(5, |record| {
            record.postings[2].cents = -99;
            record.postings[3].cents = 99;
        }),
        &[other],
    );
}

#[test]
fn a_payment_and_an_order_that_do_not_name_each_other_are_found() {
    let given_to_none = "entry 5 gives a payment to who does not take it";
    let says = "entry 5 does not give its order the payment that it says";
    assert_found(
        with_order(5, |order| order.payment = None),
        &[given_to_none],
    );
    assert_found(
        with_record(5, |record| record.documents[0] = is(given("b"))),
        &[given_to_none, says],
    );
    assert_found(
        with_record(5, |record| record.documents[0] = is(received())),
        &[says],
    );
    assert_found(
        |entries: &mut Vec<Entry>| {
            let again = entry(
                RecordKind::OrderApproved,
                goes_on(),
                vec![is(given("b")), is_now(paid("b"))],
            );
            entries[5].body = again;
        },
        &["entry 6 gives away a payment again"],
    );
}

/// An order of 1.00 that a word has paid, in another entry by 0.70 that came: the rest goes back.
fn joined() -> Vec<Entry> {
    use RecordKind::{OrderApproved, OrderCreated, PaymentReceived};
    let upi = "upi".parse().unwrap();
    let brings = |cents| {
        Some(Paid {
            amount: Amount::from_cents(cents).unwrap(),
            from: upi,
            wallet: None,
        })
    };
    let by_word = Order {
        state: OrderState::Success,
        paid: brings(100),
        ..order("a")
    };
    let by_payment = Order {
        paid: brings(70),
        ..paid("a")
    };
    let less = |payment: ReceivedPayment| ReceivedPayment {
        amount: Amount::from_cents(70).unwrap(),
        ..payment
    };
    let to = AccountRef::Partner(PartnerNumber(1));
    let (outside, held) = (AccountRef::Outside(upi), AccountRef::Received(upi));
    numbered(vec![
        record(vec![], vec![partner(1)]),
        entry(OrderCreated, vec![], vec![is_now(order("a"))]),
        entry(OrderApproved, goes_on(), vec![is_now(by_word)]),
        entry(
            PaymentReceived,
            moved(outside, held, 70),
            vec![is(less(received()))],
        ),
        entry(
            OrderApproved,
            moved(to, held, 30),
            vec![is(less(given("a"))), is_now(by_payment)],
        ),
    ])
}

#[test]
fn what_an_order_has_brought_is_what_moved_for_it() {
    let unpaid =
        |seq| format!("entry {seq} pays an order twice, or calls it paid without its money");
    let other = |seq| format!("entry {seq} moves other money than its order's");
    let found = |plant: &dyn Fn(&mut Vec<Entry>), expected: &[String]| {
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        assert_found_in(
            joined(),
            |entries: &mut Vec<Entry>| plant(entries),
            &expected,
        );
    };
    let in_order = |seq: usize, alter: fn(&mut Paid)| {
        move |entries: &mut Vec<Entry>| {
            let alter_order = |order: &mut Order| alter(order.paid.as_mut().unwrap());
            with_order(seq, alter_order)(entries);
        }
    };
    found(&|_| {}, &[]);
    // The word's money stays, and the payment's is not given on.
    found(
        &|entries| with_record(5, |record| record.postings.clear())(entries),
        &[unpaid(5)],
    );
    // Credited twice.
    let twice = |record: &mut Record| {
        let to = AccountRef::Partner(PartnerNumber(1));
        record.postings = moved(AccountRef::Received("upi".parse().unwrap()), to, 70);
    };
    found(&|entries| with_record(5, twice)(entries), &[unpaid(5)]);
    // Not what was received, nor what was asked for.
    let more = |paid: &mut Paid| paid.amount = Amount::from_cents(71).unwrap();
    found(&in_order(5, more), &[other(5), unpaid(5)]);
    found(&in_order(3, more), &[other(3), unpaid(3), unpaid(5)]);
    // Out of what came in another way.
    let elsewhere = |paid: &mut Paid| paid.from = "paytm".parse().unwrap();
    found(&in_order(5, elsewhere), &[other(5), unpaid(5)]);
    found(&in_order(3, elsewhere), &[unpaid(3), unpaid(5)]);
    // In the wallet of somebody.
    let wallet = |paid: &mut Paid| paid.wallet = Some(coffer::id::AccountNumber(1));
    found(&in_order(5, wallet), &[unpaid(5)]);
    // It comes into being paid.
    let born_paid = |order: &mut Order| {
        order.state = OrderState::Success;
        order.paid = Some(Paid {
            amount: order.amount,
            from: "upi".parse().unwrap(),
            wallet: None,
        });
    };
    found(
        &|entries| with_order(2, born_paid)(entries),
        &[unpaid(2), unpaid(3)],
    );
    // It says what it has brought, and is not paid.
    found(
        &|entries| with_order(3, |order| order.state = OrderState::Pending)(entries),
        &[other(3)],
    );
}
