//! How deposits come by their money: by a received payment with the payer's transaction number,
//! whichever of the two is first, or by an operator's word (paykassma-api.md, Deposits and Small
//! print).
//!
//! Whether a payment is a deposit's or an order's is judged in [`Desk::settle`].

use super::deposit::{Deposit, DepositNamed, DepositSeen, DepositState, Key1Used, LeftId, Way};
use super::document::{Document, Partner, PaymentState, ReceivedPayment, WaitReason};
use super::entry::{Actor, Record, RecordKind};
use super::gateway::GatewayDocument;
use super::order::{Desk, Settlement};
use super::payment::PaymentKey;
use super::refusal::DepositRefusal;
use super::requisites::Requisites;
use super::till::{Got, Till};
use crate::id::{DepositReference, GatewayText, Label, PaymentReference, Reason, WalletType};
use crate::money::{Amount, Currency};
use crate::time::{Span, Timestamp};

/// A deposit that a merchant wants activated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeposit {
    /// What operators know it by: what nobody can guess.
    pub reference: DepositReference,
    /// In which payment system.
    pub wallet_type: WalletType,
    /// In which currency.
    pub currency: Currency,
    /// Who has paid.
    pub label: Label,
    /// The payer's transaction number.
    pub key1: PaymentReference,
    /// What was paid, where it is said.
    pub amount: Option<Amount>,
    /// The merchant's name for it, unless one was left for the label.
    pub custom_transaction_id: Option<GatewayText>,
    /// How it comes.
    pub way: Way,
}

/// What of a request tells whether it was accepted before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    /// In which payment system.
    pub wallet_type: WalletType,
    /// In which currency.
    pub currency: Currency,
    /// Who has paid.
    pub label: Label,
    /// The payer's transaction number.
    pub key1: PaymentReference,
    /// The merchant's name for it, unless one was left for the label.
    pub custom_transaction_id: Option<GatewayText>,
}

impl Again {
    /// What its payment is found by.
    pub fn number(&self) -> PaymentKey {
        (self.wallet_type, self.key1.clone())
    }

    /// Whether `before`, the deposit that has used the number, came of the same request.
    pub fn repeats(&self, before: &Deposit, partner: &Partner) -> bool {
        let same_name = match &self.custom_transaction_id {
            Some(id) => *id == before.custom_transaction_id,
            None => before.id_was_left,
        };
        same_name
            && before.partner == partner.number
            && before.label == self.label
            && before.currency == self.currency
    }
}

/// What is known beside a new deposit.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// The one that has used the transaction number.
    pub by_key1: Option<&'a Deposit>,
    /// The one that the merchant means by the name.
    pub named: Option<&'a DepositNamed>,
    /// The deposit itself, where it waits on its page for the number.
    pub open: Option<&'a Deposit>,
    /// What was left for the label.
    pub left: Option<&'a LeftId>,
    /// What the label was given to pay to.
    pub requisites: Option<&'a Requisites>,
    /// The payment with the transaction number.
    pub payment: Option<&'a ReceivedPayment>,
}

/// What a request that is not refused comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DepositVerdict {
    /// It is to be taken down.
    Accepted(Record),
    /// It was, and its present state is told.
    Repeated(DepositReference),
}

impl NewDeposit {
    /// The merchant's name for it: its own, or the one that was left.
    pub fn name<'a>(&'a self, left: Option<&'a LeftId>) -> Option<&'a GatewayText> {
        let own = self.custom_transaction_id.as_ref();
        own.or_else(|| left.and_then(|left| left.id.as_ref()))
    }

    fn again(&self) -> Again {
        Again {
            wallet_type: self.wallet_type,
            currency: self.currency,
            label: self.label.clone(),
            key1: self.key1.clone(),
            custom_transaction_id: self.custom_transaction_id.clone(),
        }
    }

    fn deposit(&self, partner: &Partner, id: &GatewayText, expires_at: Timestamp) -> Deposit {
        let state = match self.way {
            Way::Code => DepositState::Possible,
            Way::Hand { .. } => DepositState::Waiting(WaitReason::ByHand),
        };
        Deposit {
            reference: self.reference.clone(),
            partner: partner.number,
            wallet_type: self.wallet_type,
            currency: self.currency,
            label: self.label.clone(),
            custom_transaction_id: id.clone(),
            id_was_left: self.custom_transaction_id.is_none(),
            key1: Some(self.key1.clone()),
            amount: self.amount,
            way: self.way.clone(),
            expires_at,
            state,
            activated: None,
            told: None,
            note: None,
            hosted: None,
        }
    }
}

/// Judges a request to activate a deposit. `desk` knows the orders that name the number as a UTR,
/// and what it takes to credit the deposit; the deposit itself is new to it.
///
/// # Errors
/// [`DepositRefusal`]: then neither number nor name is used up.
pub fn decide_activation(
    new: &NewDeposit,
    partner: &Partner,
    before: &Before<'_>,
    (desk, ttl): (&Desk<'_>, Span),
) -> Result<DepositVerdict, DepositRefusal> {
    if let Some(of_key1) = before.by_key1 {
        return match new.again().repeats(of_key1, partner) {
            true => Ok(DepositVerdict::Repeated(of_key1.reference.clone())),
            false => Err(DepositRefusal::Key1Used),
        };
    }
    let is_matched = |of: &ReceivedPayment| matches!(of.state, PaymentState::Matched(_));
    if before.payment.is_some_and(is_matched) {
        return Err(DepositRefusal::Key1Used);
    }
    let id = new.name(before.left);
    let id = id.ok_or(DepositRefusal::CustomIdMissing)?;
    let is_its = |named: &DepositNamed| named.deposit == new.reference;
    if before.named.is_some_and(|named| !is_its(named)) {
        return Err(DepositRefusal::CustomIdUsed);
    }
    let mut deposit = new.deposit(partner, id, desk.now.plus(ttl));
    if let Some(open) = before.open {
        takes_number(open, desk.now)?;
        deposit.id_was_left = open.id_was_left;
        deposit.hosted = open.hosted.clone();
    }
    let mut documents = beside(new, &deposit, before);
    let mut postings = Vec::new();
    match before.payment {
        None => documents.push(Document::from(GatewayDocument::from(deposit))),
        Some(payment) => {
            let deposits = [deposit.clone()];
            let desk = Desk {
                deposits: &deposits,
                ..*desk
            };
            let settled = desk.settle(payment);
            if !settled.speaks_of(&deposit) {
                documents.push(Document::from(GatewayDocument::from(deposit)));
            }
            postings = settled.postings.clone();
            documents.extend(settled.documents());
        }
    }
    let by = match before.open {
        Some(_) => Actor::Payer,
        None => Actor::Partner,
    };
    Ok(DepositVerdict::Accepted(Record {
        by,
        kind: RecordKind::DepositActivated,
        postings,
        documents,
    }))
}

/// Whether a deposit's page takes a transaction number.
fn takes_number(open: &Deposit, now: Timestamp) -> Result<(), DepositRefusal> {
    match (open.seen(now), &open.key1) {
        (_, Some(_)) => Err(DepositRefusal::Key1Named),
        (DepositSeen::Expired, None) => Err(DepositRefusal::PageExpired),
        (DepositSeen::Rejected, None) => Err(DepositRefusal::Rejected),
        (_, None) => Ok(()),
    }
}

/// What is used up with a new deposit. One with a page has its name already.
fn beside(new: &NewDeposit, deposit: &Deposit, before: &Before<'_>) -> Vec<Document> {
    let used = Key1Used {
        wallet_type: deposit.wallet_type,
        key1: new.key1.clone(),
        deposit: deposit.reference.clone(),
    };
    let mut documents: Vec<GatewayDocument> = vec![used.into()];
    if before.open.is_none() {
        let named = DepositNamed {
            partner: deposit.partner,
            custom_transaction_id: deposit.custom_transaction_id.clone(),
            deposit: deposit.reference.clone(),
        };
        documents.push(named.into());
    }
    if deposit.id_was_left && before.open.is_none() {
        let left = LeftId {
            partner: deposit.partner,
            label: deposit.label.clone(),
            id: None,
            deposit: None,
        };
        documents.push(left.into());
    }
    if let Some(requisites) = before.requisites {
        let requisites = Requisites {
            deposit: Some(deposit.reference.clone()),
            ..requisites.clone()
        };
        documents.push(requisites.into());
    }
    documents.into_iter().map(Document::from).collect()
}

/// An operator's word on a deposit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DepositWord {
    /// Its money has come.
    Approve,
    /// It has not.
    Reject(Reason),
}

/// An operator says that a deposit's money has come: that of `payment`, whatever there is about it,
/// or else as much as the merchant said. Of one that was credited by such a word, that `payment` is
/// what the word stood for. `None` where that was decided before.
///
/// # Errors
/// [`DepositRefusal::Key1Missing`], [`DepositRefusal::Rejected`],
/// [`DepositRefusal::PaymentTaken`], [`DepositRefusal::AmountUnknown`],
/// [`DepositRefusal::OtherCurrency`], [`DepositRefusal::ToldUnknown`],
/// [`DepositRefusal::BalanceOutOfRange`].
pub fn decide_approval(
    deposit: &Deposit,
    payment: Option<&ReceivedPayment>,
    till: &Till<'_>,
    now: Timestamp,
) -> Result<Option<Record>, DepositRefusal> {
    match deposit.state {
        DepositState::Open => return Err(DepositRefusal::Key1Missing),
        DepositState::Saved | DepositState::Credited
            if payment.is_none() || !deposit.lacks_payment() =>
        {
            return Ok(None);
        }
        DepositState::Possible | DepositState::Waiting(_) => {}
        DepositState::Saved | DepositState::Credited => {}
        DepositState::Rejected => return Err(DepositRefusal::Rejected),
    }
    if payment.is_some_and(|payment| matches!(payment.state, PaymentState::Matched(_))) {
        return Err(DepositRefusal::PaymentTaken);
    }
    let (postings, documents) = match (payment, deposit.by_word()) {
        (Some(payment), Some(word)) => till.join((deposit, word), payment, now)?,
        _ => till.activate(deposit, &Got::approved(deposit, payment)?, now)?,
    };
    let matched = payment.map(|payment| Settlement::given(payment, deposit));
    let matched = matched.map(|payment| Document::ReceivedPayment(Box::new(payment)));
    let documents = documents.into_iter().map(Document::from);
    Ok(Some(Record {
        by: Actor::Operator,
        kind: RecordKind::DepositApproved,
        postings,
        documents: matched.into_iter().chain(documents).collect(),
    }))
}

/// An operator says no: the payment is free for whoever else asks for it. `desk` knows nothing of
/// the deposit any more. `None` where that was decided before.
///
/// # Errors
/// [`DepositRefusal::Activated`].
pub fn decide_rejection(
    deposit: &Deposit,
    reason: &Reason,
    payment: Option<&ReceivedPayment>,
    desk: &Desk<'_>,
) -> Result<Option<Record>, DepositRefusal> {
    match deposit.state {
        DepositState::Open | DepositState::Possible | DepositState::Waiting(_) => {}
        DepositState::Rejected => return Ok(None),
        DepositState::Saved | DepositState::Credited => return Err(DepositRefusal::Activated),
    }
    let rejected = Deposit {
        state: DepositState::Rejected,
        note: Some(reason.clone()),
        ..deposit.clone()
    };
    let mut documents = vec![Document::from(GatewayDocument::from(rejected))];
    let mut postings = Vec::new();
    let waits = payment.filter(|payment| matches!(payment.state, PaymentState::Waiting(_)));
    if let Some(payment) = waits {
        let settled = desk.settle(payment);
        postings = settled.postings.clone();
        let is_new = |document: &Document| match document {
            Document::ReceivedPayment(after) => **after != *payment,
            _ => true,
        };
        documents.extend(settled.documents().filter(is_new));
    }
    Ok(Some(Record {
        by: Actor::Operator,
        kind: RecordKind::DepositRejected,
        postings,
        documents,
    }))
}

/// What a label has saved up is credited where it is enough since the minimum was lowered; `None`
/// where it is not, or the merchant's account has no room for it.
pub fn decide_savings(till: &Till<'_>, now: Timestamp) -> Option<Record> {
    let (postings, documents) = till.credit_saved(now).ok().flatten()?;
    Some(Record {
        by: Actor::Engine,
        kind: RecordKind::SavingsCredited,
        postings,
        documents: documents.into_iter().map(Document::from).collect(),
    })
}

/// A merchant leaves a name for a label's next deposit; `None` where it is left already.
///
/// # Errors
/// [`DepositRefusal::CustomIdUsed`].
pub fn decide_left_id(
    left: LeftId,
    before: Option<&LeftId>,
    named: Option<&DepositNamed>,
) -> Result<Option<Record>, DepositRefusal> {
    if named.is_some() {
        return Err(DepositRefusal::CustomIdUsed);
    }
    if before == Some(&left) {
        return Ok(None);
    }
    Ok(Some(Record {
        by: Actor::Partner,
        kind: RecordKind::CustomIdLeft,
        postings: Vec::new(),
        documents: vec![Document::from(GatewayDocument::from(left))],
    }))
}

#[cfg(test)]
mod tests;
