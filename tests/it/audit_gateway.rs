//! The audit over planted faults of the gateway's documents: what merchants hold, withdrawals, and
//! what is told of them.

use coffer::engine::document::Document;
use coffer::engine::entry::{Body, Entry, Record};
use coffer::engine::gateway::GatewayDocument;
use coffer::engine::withdrawal::{WithdrawalState, WithdrawalWord};
use coffer::id::Seq;

use crate::audit::{assert_found_in, with_record};
use crate::merchants::{Coffer, withdrawal};

/// Entry 1: a merchant. 2, 3: withdrawals of 5.00 and 3.00. 4: the first is paid out. 5: the second
/// goes back. 6: a test. 7: the first is told of in vain.
fn sound() -> Vec<Entry> {
    let mut coffer = Coffer::new();
    let merchant = coffer.merchant("m", Some("https://shop.example.com"));
    let ask = |id, cents| {
        coffer
            .ask(merchant, &withdrawal(Some(id), "upi_ib", cents))
            .unwrap()
    };
    let (first, second) = (ask("a", 500).value.created, ask("b", 300).value.created);
    let word = WithdrawalWord::Approve(None);
    let decided = coffer.decide(first, &word).unwrap().value.document;
    let reject = WithdrawalWord::Reject("no".parse().unwrap());
    coffer.decide(second, &reject).unwrap();
    let mut test = withdrawal(Some("c"), "upi_ib", 100);
    test.asked.is_test = true;
    coffer.ask(merchant, &test).unwrap();
    coffer.try_postback(merchant, &decided.id, false);
    coffer.sync();
    coffer.entries()
}

#[track_caller]
fn assert_found(plant: impl FnOnce(&mut Vec<Entry>), expected: &[&str]) {
    assert_found_in(sound(), plant, expected);
}

/// Alters the gateway's document at a place of an entry.
fn with(
    seq: usize,
    place: usize,
    alter: impl FnOnce(&mut GatewayDocument),
) -> impl FnOnce(&mut Vec<Entry>) {
    with_record(seq, move |record: &mut Record| {
        match &mut record.documents[place] {
            Document::Gateway(document) => alter(document),
            other => panic!("{other:?}"),
        }
    })
}

fn account(
    seq: usize,
    place: usize,
    alter: impl FnOnce(&mut coffer::engine::merchant::MerchantAccount),
) -> impl FnOnce(&mut Vec<Entry>) {
    with(seq, place, |document| match document {
        GatewayDocument::MerchantAccount(account) => alter(account),
        other => panic!("{other:?}"),
    })
}

#[test]
fn nothing_is_found_where_withdrawals_are_as_they_should_be() {
    assert_eq!(sound().len(), 7);
    assert_found(|_| {}, &[]);
}

#[test]
fn merchants_accounts_that_are_not_chained_are_found() {
    let of_three = "entry 3 says that a merchant's account holds";
    let of_five = "entry 5 says that a merchant's account holds";
    // The next entry goes by what this one says.
    assert_found(account(3, 2, |of| of.cents += 1), &[of_three, of_five]);
    assert_found(account(3, 2, |of| of.previous = Seq(1)), &[of_three]);
    assert_found(account(5, 1, |of| of.cents = 0), &[of_five]);
    let outside = "entry 3 moves a merchant's money outside its account's chain";
    let without = with_record(3, |record: &mut Record| drop(record.documents.remove(2)));
    assert_found(without, &[outside, of_five]);
}

#[test]
fn withdrawals_that_move_other_money_than_they_say_are_found() {
    let other = |seq: u64| format!("entry {seq} moves other money than its withdrawal says");
    for seq in [2, 4, 5, 6] {
        let less = with(seq, 0, |document| match document {
            GatewayDocument::Withdrawal(of) => of.asked.is_test = !of.asked.is_test,
            other => panic!("{other:?}"),
        });
        assert_found(less, &[&other(seq as u64)]);
    }
    let state = with(4, 0, |document| match document {
        GatewayDocument::Withdrawal(of) => of.state = WithdrawalState::Rejected,
        other => panic!("{other:?}"),
    });
    assert_found(state, &[&other(4)]);
}

#[test]
fn what_comes_twice_or_is_not_told_is_found() {
    let again = |entries: &mut Vec<Entry>| {
        let body = entries[3].body.clone();
        entries[6].body = body;
    };
    let says_again = "entry 7 says again what";
    // The withdrawal, and its postback.
    assert_found(again, &[says_again, says_again]);
    let untold = with_record(4, |record: &mut Record| {
        record.documents.retain(|document| match document {
            Document::Gateway(document) => !matches!(**document, GatewayDocument::Postback(_)),
            _ => true,
        });
    });
    assert_found(
        untold,
        &["entry 4 does not tell of what becomes of its withdrawal"],
    );
    let nobodys = with(2, 0, |document| match document {
        GatewayDocument::Withdrawal(of) => of.partner = coffer::id::PartnerNumber(9),
        other => panic!("{other:?}"),
    });
    let other = "entry 2 moves other money than its withdrawal says";
    assert_found(
        nobodys,
        &["entry 2 names partner p9, which was never created", other],
    );
    let entries = sound();
    assert!(matches!(entries[6].body, Body::Record(_)));
}
