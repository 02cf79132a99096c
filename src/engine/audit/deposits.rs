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

/// What the credited deposits of a record come to on one account.
fn credited(record: &Record, like: &Deposit, currency: Currency) -> Sum {
    let deposits = gateway_documents(record).filter_map(|document| match document {
        GatewayDocument::Deposit(deposit) => Some(deposit),
        _ => None,
    });
    let alike = deposits.filter(|deposit| {
        deposit.state == DepositState::Credited
            && (deposit.partner, deposit.wallet_type) == (like.partner, like.wallet_type)
    });
    let got = alike.filter_map(|deposit| deposit.activated.as_ref());
    let in_it = got.filter(|got| got.currency == currency);
    in_it.fold(Sum::ZERO, |sum, got| sum.plus(Sum::from(got.amount)))
}

/// Whether the entry only brings the payment of what an operator's word has credited before: then
/// nothing moves but what is received.
fn finds_payment(record: &Record) -> bool {
    let brings =
        |leg: &crate::engine::entry::Posting| matches!(leg.account, AccountRef::Merchant(..));
    record.kind == RecordKind::PaymentReceived && !record.postings.iter().any(brings)
}

impl Audit {
    /// A deposit stands in entry `seq`.
    pub(super) fn deposit(&mut self, seq: Seq, deposit: &Deposit, record: &Record) {
        self.partner(seq, deposit.partner);
        let is_activated = matches!(deposit.state, DepositState::Saved | DepositState::Credited);
        if is_activated != deposit.activated.is_some() {
            self.find(format!("entry {seq} activates a deposit without its money"));
        }
        let Some(Activated { currency, .. }) = deposit.activated else {
            return;
        };
        if deposit.state != DepositState::Credited || finds_payment(record) {
            return;
        }
        let account = AccountRef::Merchant(deposit.partner, deposit.wallet_type);
        let sum = credited(record, deposit, currency);
        if moved(record, account, currency) != sum {
            self.find(format!(
                "entry {seq} moves other money than its deposits say"
            ));
        }
        let is_told = gateway_documents(record).any(|document| match document {
            GatewayDocument::Postback(Postback { of, .. }) => {
                of.partner == deposit.partner
                    && of.kind == PostbackKind::Deposit
                    && Some(&of.name) == deposit.told.as_ref()
            }
            _ => false,
        });
        if !is_told {
            self.find(format!("entry {seq} does not tell of what it credits"));
        }
    }
}
