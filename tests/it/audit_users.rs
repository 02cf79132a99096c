//! The audit over planted faults of users and of what partners put on their wallets.

use coffer::engine::document::{Document, Transfer, TransferKind, User};
use coffer::engine::entry::{AccountRef, Body, Entry, Posting, Record};
use coffer::id::{AccountNumber, PartnerNumber, UserNumber};
use coffer::money::Amount;

use crate::audit::{
    account, assert_found_in, link, numbered, partner, player, record, usd, with_record,
};

const ANN: &str = "1234567";
const BEN: &str = "7654321";

fn user(number: u64, mobile: &str, account: u64) -> Document {
    Document::User(Box::new(User {
        number: UserNumber(number),
        partner: PartnerNumber(1),
        name: "Somebody".parse().unwrap(),
        email: "somebody@example.com".parse().unwrap(),
        mobile: mobile.parse().unwrap(),
        account: AccountNumber(account),
    }))
}

fn registered(number: u64, mobile: &str, of: u64) -> Body {
    let name = format!("usr-{number}");
    let opened = [player(1, &name), account(of, &name)];
    record(vec![], [&opened[..], &[user(number, mobile, of)]].concat())
}

/// A deposit, or with a minus a withdrawal.
fn transferred(
    id: &str,
    (mobile, of): (&str, u64),
    cents: i64,
    (before, after): (u64, u64),
) -> Body {
    let posting = |account, cents, link| Posting {
        account,
        currency: usd(),
        cents,
        link,
    };
    let wallet = AccountRef::Player(AccountNumber(of));
    let postings = vec![
        posting(AccountRef::Partner(PartnerNumber(1)), -cents, None),
        posting(wallet, cents, Some(link(before, after))),
    ];
    let kind = match cents > 0 {
        true => TransferKind::Deposit,
        false => TransferKind::Withdrawal,
    };
    let transfer = Transfer {
        partner: PartnerNumber(1),
        id: id.parse().unwrap(),
        kind,
        mobile: mobile.parse().unwrap(),
        account: AccountNumber(of),
        amount: Amount::from_cents(cents.unsigned_abs()).unwrap(),
    };
    record(postings, vec![Document::Transfer(Box::new(transfer))])
}

/// Two users and three transfers: nothing is wrong.
fn sound() -> Vec<Entry> {
    let bodies = vec![
        record(vec![], vec![partner(1)]),
        registered(101, ANN, 1),
        registered(102, BEN, 2),
        transferred("d", (ANN, 1), 1000, (0, 1000)),
        transferred("w", (ANN, 1), -300, (4, 700)),
        transferred("e", (BEN, 2), 500, (0, 500)),
    ];
    numbered(bodies)
}

fn with_user(seq: usize, alter: impl FnOnce(&mut User)) -> impl FnOnce(&mut Vec<Entry>) {
    with_record(seq, |record: &mut Record| {
        match record.documents.last_mut() {
            Some(Document::User(user)) => alter(user),
            other => panic!("{other:?}"),
        }
    })
}

fn with_transfer(seq: usize, alter: impl FnOnce(&mut Transfer)) -> impl FnOnce(&mut Vec<Entry>) {
    with_record(seq, |record: &mut Record| {
        match record.documents.last_mut() {
            Some(Document::Transfer(transfer)) => alter(transfer),
            other => panic!("{other:?}"),
        }
    })
}

#[track_caller]
fn assert_found(plant: impl FnOnce(&mut Vec<Entry>), expected: &[&str]) {
    assert_found_in(sound(), plant, expected);
}

#[test]
fn nothing_is_found_where_users_are_as_they_should_be() {
    assert_found(|_| {}, &[]);
}

#[test]
fn false_users_are_found() {
    let not_bens = "entry 6 moves money of account 2, which is not the wallet of the user";
    assert_found(
        with_user(3, |user| user.mobile = ANN.parse().unwrap()),
        &["entry 3 registers a mobile number of p1 again", not_bens],
    );
    let without = |number| format!("entry 3 registers user {number} without a wallet");
    assert_found(
        with_user(3, |user| user.number = UserNumber(101)),
        &["entry 3 registers user 101 after user 101", &without(101)],
    );
    assert_found(
        with_user(3, |user| user.account = AccountNumber(1)),
        &[&without(102), not_bens],
    );
    assert_found(
        with_record(3, |record| drop(record.documents.pop())),
        &[not_bens],
    );
    assert_found(
        with_user(3, |user| user.partner = PartnerNumber(2)),
        &[
            "entry 3 names partner p2, which was never created",
            &without(102),
            not_bens,
        ],
    );
}

#[test]
fn false_transfers_are_found() {
    let other = |seq: u64| format!("entry {seq} moves other money than its transfer says");
    for seq in [4, 5, 6] {
        let more = with_transfer(seq, |of| of.amount = Amount::from_cents(1).unwrap());
        assert_found(more, &[&other(seq as u64)]);
    }
    assert_found(
        with_transfer(4, |of| of.kind = TransferKind::Withdrawal),
        &[&other(4)],
    );
    assert_found(
        with_transfer(5, |of| of.id = "d".parse().unwrap()),
        &["entry 5 uses a transfer's id again"],
    );
    let astray = "moves money of account 1, which is not the wallet of the user";
    for mobile in [BEN, "9999999"] {
        let astray = format!("entry 5 {astray}");
        let plant = with_transfer(5, |of| of.mobile = mobile.parse().unwrap());
        assert_found(plant, &[&astray]);
    }
    let elsewhere = with_transfer(5, |of| of.account = AccountNumber(2));
    let astray = "entry 5 moves money of account 2, which is not the wallet of the user";
    assert_found(elsewhere, &[&other(5), astray]);
}
