//! Deposits: what is credited in an entry is what its deposits say, and the merchant is told of it.
//! That each goes one way is seen to with all documents of the gateway, that a payment brings one
//! thing once with the payments.

use super::Audit;
use super::gateway::{gateway_documents, moved};
use crate::engine::deposit::{Activated, Deposit, DepositState};
use crate::engine::document::Document;
use crate::engine::entry::{AccountRef, Record, RecordKind};
use crate::engine::gateway::GatewayDocument;
use crate::engine::postback::{Postback, PostbackKind};
use crate::id::Seq;
use crate::money::{Currency, Sum};

/// Whether a deposit is credited.
pub(super) fn is_credited(document: &Document) -> bool {
    match document {
        Document::Gateway(document) => match &**document {
            GatewayDocument::Deposit(deposit) => deposit.state == DepositState::Credited,
            _ => false,
        },
        _ => false,
    }
}

/// How a record tells of a deposit, where it does.
fn told<'a>(record: &'a Record, deposit: &Deposit) -> Option<&'a Postback> {
    let mut postbacks = gateway_documents(record).filter_map(|document| match document {
        GatewayDocument::Postback(postback) => Some(postback),
        _ => None,
    });
    postbacks.find(|Postback { of, deposits, .. }| {
        of.partner == deposit.partner
            && of.kind == PostbackKind::Deposit
            && Some(&of.name) == deposit.told.as_ref()
            && (deposits.is_empty() || deposits.contains(&deposit.reference))
    })
}

/// Whether the entry only brings the payment of what an operator's word has credited before: then
/// nothing moves but what is received.
fn finds_payment(record: &Record, got: &Activated) -> bool {
    let brings =
        |leg: &crate::engine::entry::Posting| matches!(leg.account, AccountRef::Merchant(..));
    let is_said = record.kind == RecordKind::PaymentReceived
        || record.kind == RecordKind::DepositApproved && got.word == Some(got.amount);
    is_said && !record.postings.iter().any(brings)
}

/// What a deposit has credited by its entry, and how much of that its entry moves: all where the
/// merchant is told of it first, and what a payment differs from an operator's word where it is
/// told again.
pub(super) fn credits(record: &Record, deposit: &Deposit) -> (Sum, Sum) {
    let activated = deposit.activated.as_ref();
    let Some(got) = activated.filter(|_| deposit.state == DepositState::Credited) else {
        return (Sum::ZERO, Sum::ZERO);
    };
    let after = Sum::from(got.amount);
    let moved = match told(record, deposit) {
        None => Sum::ZERO,
        Some(postback) if postback.corrections == 0 => after,
        Some(_) => {
            let before = got.word.map_or(Sum::ZERO, Sum::from);
            after.plus(before.negated())
        }
    };
    (after, moved)
}

/// What the deposits of a record move on one account.
fn credited(record: &Record, like: &Deposit, currency: Currency) -> Sum {
    let deposits = gateway_documents(record).filter_map(|document| match document {
        GatewayDocument::Deposit(deposit) => Some(deposit),
        _ => None,
    });
    let alike = deposits.filter(|deposit| {
        let got = deposit.activated.as_ref();
        (deposit.partner, deposit.wallet_type) == (like.partner, like.wallet_type)
            && got.is_some_and(|got| got.currency == currency)
    });
    alike.fold(Sum::ZERO, |sum, of| sum.plus(credits(record, of).1))
}

impl Audit {
    /// A deposit stands in entry `seq`.
    pub(super) fn deposit(&mut self, seq: Seq, deposit: &Deposit, record: &Record) {
        self.partner(seq, deposit.partner);
        let is_activated = matches!(deposit.state, DepositState::Saved | DepositState::Credited);
        if is_activated != deposit.activated.is_some() {
            self.find(format!("entry {seq} activates a deposit without its money"));
        }
        let Some(got) = &deposit.activated else {
            return;
        };
        if deposit.state != DepositState::Credited || finds_payment(record, got) {
            return;
        }
        let account = AccountRef::Merchant(deposit.partner, deposit.wallet_type);
        let sum = credited(record, deposit, got.currency);
        if moved(record, account, got.currency) != sum {
            self.find(format!(
                "entry {seq} moves other money than its deposits say"
            ));
        }
        if told(record, deposit).is_none() {
            self.find(format!("entry {seq} does not tell of what it credits"));
        }
    }
}
