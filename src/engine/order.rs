//! Orders: payment links that wait for money, and how received payments find them (partner-api.md,
//! Payment Gateway).
//!
//! A payer names the bank's reference (UTR), the bank says that money with that reference has come:
//! whichever is second brings them together, once. Wherever that is not plain the payment waits,
//! with the reason, and an operator decides: that, and where the money goes, stands in `approval`.

use super::command::NewOrder;
use super::deposit::Deposit;
use super::document::{
    Document, Order, OrderState, Partner, PaymentState, ReceivedPayment, WaitReason,
};
use super::entry::{Actor, Posting, Record, RecordKind};
use super::gateway::GatewayDocument;
use super::holdings::AccountRow;
use super::payment::PaymentRow;
use super::refusal::OrderRefusal;
use super::till::Till;
use crate::id::{
    OrderId, OrderReference, PartnerNumber, PaymentReference, Reason, Seq, Utr, WalletType,
};
use crate::money::{Amount, Currency};
use crate::time::{Span, Timestamp};

/// How often a payer may correct the UTR (partner-api.md, Payment Gateway).
pub const CORRECTIONS_MAX: u8 = 5;

/// For how many orders payers may name one UTR. Two are enough to make an operator decide; all are
/// looked at together.
pub const CLAIMANTS_MAX: usize = 16;

/// A partner's name for an order.
pub type OrderKey = (PartnerNumber, OrderId);

/// What is configured about payments (operations.md, Configuration, `[payments]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRules {
    /// The wallet types whose payments settle orders; never empty. What an operator's word settles
    /// is taken from the first.
    pub wallet_types: Vec<WalletType>,
    /// How long an order waits.
    pub order_ttl: Span,
}

/// An order as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// As its last entry has it.
    pub order: Order,
    /// The entry that it came with.
    pub created: Seq,
    /// The entry that changed it last.
    pub changed: Seq,
}

/// An order's state as outsiders see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It waits for its money.
    Pending,
    /// It is paid.
    Success,
    /// An operator has said no.
    Failed,
    /// It waited too long.
    Expired,
    /// The partner or an operator has taken it back.
    Cancelled,
}

impl Seen {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Seen::Pending => "PENDING",
            Seen::Success => "SUCCESS",
            Seen::Failed => "FAILED",
            Seen::Expired => "EXPIRED",
            Seen::Cancelled => "CANCELLED",
        }
    }
}

impl Order {
    /// The partner's name for it.
    pub fn key(&self) -> OrderKey {
        (self.partner, self.id.clone())
    }

    /// Its state, and since when it is in it. Expiry has no entry: time alone brings it.
    pub fn seen(&self, now: Timestamp) -> (Seen, Timestamp) {
        let seen = match self.state {
            OrderState::Pending if now >= self.expires_at => {
                return (Seen::Expired, self.expires_at);
            }
            OrderState::Pending => Seen::Pending,
            OrderState::Success => Seen::Success,
            OrderState::Failed => Seen::Failed,
            OrderState::Cancelled => Seen::Cancelled,
        };
        (seen, self.state_at)
    }

    /// How much it has brought, or is to bring.
    pub fn brought(&self) -> Amount {
        self.paid.as_ref().map_or(self.amount, |paid| paid.amount)
    }

    /// Whether an operator's word has paid it, and no payment stands for that yet.
    pub(super) fn is_paid_by_word(&self) -> bool {
        self.state == OrderState::Success && self.payment.is_none()
    }

    /// The bank's reference that is named for it.
    pub fn claimed(&self) -> Option<PaymentReference> {
        self.utr.as_ref().map(Utr::reference)
    }

    /// Whether a payer may still name a UTR.
    pub fn takes_utr(&self, now: Timestamp) -> bool {
        let may_correct = self.utr.is_none() || self.corrections < CORRECTIONS_MAX;
        self.seen(now).0 == Seen::Pending && may_correct
    }

    /// Whether the same is asked for again (partner-api.md, Small print, equal content).
    fn is_of(&self, new: &NewOrder) -> bool {
        (self.amount, &self.note, &self.mobile, &self.email)
            == (new.amount, &new.note, &new.mobile, &new.email)
    }
}

/// A new order, or `None` where `before`, the order of that name, is the same in any state.
///
/// # Errors
/// [`OrderRefusal::IdUsed`].
pub fn decide_order(
    new: &NewOrder,
    partner: &Partner,
    before: Option<&Order>,
    reference: OrderReference,
    (ttl, now): (Span, Timestamp),
) -> Result<Option<Record>, OrderRefusal> {
    match before {
        Some(before) if before.is_of(new) => return Ok(None),
        Some(_) => return Err(OrderRefusal::IdUsed),
        None => {}
    }
    let order = Order {
        partner: partner.number,
        id: new.id.clone(),
        reference,
        amount: new.amount,
        currency: partner.currency,
        note: new.note.clone(),
        mobile: new.mobile.clone(),
        email: new.email.clone(),
        created_at: now,
        expires_at: now.plus(ttl),
        state: OrderState::Pending,
        state_at: now,
        utr: None,
        corrections: 0,
        payment: None,
        reason: None,
        paid: None,
    };
    Ok(Some(record(
        Actor::Partner,
        RecordKind::OrderCreated,
        order,
    )))
}

fn record(by: Actor, kind: RecordKind, order: Order) -> Record {
    Record {
        by,
        kind,
        postings: Vec::new(),
        documents: vec![Document::Order(Box::new(order))],
    }
}

/// What is known beside a payment or an order that may come together.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// All orders that have named the UTR; those that name another one now do not count.
    pub claimants: &'a [OrderRow],
    /// The wallet of the user whom the only claimant's money is for, or went to, if it is one's.
    pub wallet: Option<&'a AccountRow>,
    /// Whether the only claimant's partner is enabled and not past its end.
    pub is_live: bool,
    /// The deposits that have named it as their transaction number, one in a wallet type.
    pub deposits: &'a [Deposit],
    /// What it takes to credit the one in the payment's wallet type, if there is one.
    pub till: Option<&'a Till<'a>>,
    /// What is configured.
    pub rules: &'a PaymentRules,
    /// The present.
    pub now: Timestamp,
}

/// What a payment that is nobody's comes to.
pub(super) enum Finding<'a> {
    /// Nobody has asked for it.
    Nobody,
    /// It waits for an operator.
    Waits(WaitReason),
    /// It is this order's.
    Of(&'a Order),
    /// It is this deposit's.
    Brings(&'a Deposit),
}

impl<'a> Desk<'a> {
    /// The order that would be paid by a payment with this UTR, were it not for anything about
    /// the payment: whose user's wallet to look up.
    pub fn only_claimant(claimants: &'a [OrderRow], utr: &Utr) -> Option<&'a Order> {
        let mut claiming = claimants.iter().map(|row| &row.order);
        let mut claiming = claiming.by_ref().filter(|order| {
            let over = matches!(order.state, OrderState::Failed | OrderState::Cancelled);
            order.utr.as_ref() == Some(utr) && !over
        });
        let only = claiming.next()?;
        claiming.next().is_none().then_some(only)
    }

    /// What a payment comes to that no deposit asks for.
    pub(super) fn find_order(&self, payment: &ReceivedPayment) -> Finding<'a> {
        let Ok(utr) = payment.reference.as_str().parse::<Utr>() else {
            return Finding::Nobody;
        };
        if !self.rules.wallet_types.contains(&payment.wallet_type) {
            return Finding::Nobody;
        }
        let naming = |row: &&OrderRow| row.order.utr.as_ref() == Some(&utr);
        let names = self.claimants.iter().filter(naming).count();
        if names == 0 {
            return Finding::Nobody;
        }
        if payment.suspicious {
            return Finding::Waits(WaitReason::Suspicious);
        }
        let Some(order) = Desk::only_claimant(self.claimants, &utr) else {
            let are_over =
                self.claimants.iter().filter(naming).all(|row| {
                    matches!(row.order.state, OrderState::Failed | OrderState::Cancelled)
                });
            return Finding::Waits(if are_over {
                WaitReason::Late
            } else {
                WaitReason::SeveralOrders
            });
        };
        // One that an operator has settled by word gets the money that the word was given for.
        let is_expected = order.is_paid_by_word() && payment.wallet_type == self.word_is_for(order);
        let reason = match order.seen(self.now).0 {
            Seen::Success if !is_expected => Some(WaitReason::Duplicate),
            Seen::Expired | Seen::Failed | Seen::Cancelled => Some(WaitReason::Late),
            Seen::Pending if !self.is_live => Some(WaitReason::PartnerNotLive),
            _ if payment.currency != order.currency => Some(WaitReason::OtherCurrency),
            _ if payment.amount != order.amount => Some(WaitReason::OtherAmount),
            _ if !is_expected && !self.has_room(payment.amount, payment.currency) => {
                Some(WaitReason::WalletFull)
            }
            _ => None,
        };
        reason.map_or(Finding::Of(order), Finding::Waits)
    }

    /// The wallet, where money of that currency can go into it.
    pub(super) fn wallet_in(&self, currency: Currency) -> Option<&'a AccountRow> {
        self.wallet.filter(|row| row.opened.currency == currency)
    }

    fn has_room(&self, amount: Amount, currency: Currency) -> bool {
        let wallet = self.wallet_in(currency);
        wallet.is_none_or(|wallet| wallet.balance.plus(amount).is_some())
    }

    /// Judges a payment that is new, or nobody's so far: its document as it is from then on, that
    /// of the order that it settles, and what moves.
    pub fn settle(&self, payment: &ReceivedPayment) -> Settlement {
        let mut payment = payment.clone();
        match self.find(&payment) {
            Finding::Nobody => {
                payment.state = PaymentState::Unclaimed;
                Settlement::without(payment)
            }
            Finding::Waits(reason) => self.wait(payment, reason),
            Finding::Of(order) => self.pay(order, payment),
            Finding::Brings(deposit) => self.bring(deposit, payment),
        }
    }

    /// A payer names a UTR, or another one; `None` where it is the one that is named already.
    /// `payments` are those with that UTR, `wallet` is the order's: where another one names the
    /// UTR too nothing is paid.
    ///
    /// # Errors
    /// [`OrderRefusal::PartnerNotLive`], [`OrderRefusal::NotPending`],
    /// [`OrderRefusal::TooManyCorrections`], [`OrderRefusal::TooManyClaims`].
    pub fn decide_utr(
        &self,
        order: &Order,
        utr: &Utr,
        payments: &[PaymentRow],
    ) -> Result<Option<Record>, OrderRefusal> {
        if !self.is_live {
            return Err(OrderRefusal::PartnerNotLive);
        }
        if order.seen(self.now).0 != Seen::Pending {
            return Err(OrderRefusal::NotPending);
        }
        if order.utr.as_ref() == Some(utr) {
            return Ok(None);
        }
        if !order.takes_utr(self.now) {
            return Err(OrderRefusal::TooManyCorrections);
        }
        let mut claimants: Vec<OrderRow> = self.claimants.to_vec();
        claimants.retain(|row| row.order.reference != order.reference);
        if claimants.len() >= CLAIMANTS_MAX {
            return Err(OrderRefusal::TooManyClaims);
        }
        let corrections = order.corrections + u8::from(order.utr.is_some());
        let named = Order {
            utr: Some(utr.clone()),
            corrections,
            ..order.clone()
        };
        claimants.push(OrderRow {
            order: named.clone(),
            created: Seq::NONE,
            changed: Seq::NONE,
        });
        let desk = Desk {
            claimants: &claimants,
            ..*self
        };
        let mut documents = Vec::new();
        let (mut now, mut postings) = (named, Vec::new());
        for row in payments {
            // What waits is an operator's to give: whoever names it next may be whom it waits for.
            let is_free = row.payment.state == PaymentState::Unclaimed;
            if !is_free || !postings.is_empty() {
                continue;
            }
            let settled = desk.settle(&row.payment);
            if let Some(payment) = settled.payment.filter(|payment| *payment != row.payment) {
                documents.push(Document::ReceivedPayment(Box::new(payment)));
            }
            if let Some(paid) = settled.order {
                now = paid;
            }
            documents.extend(settled.gateway.into_iter().map(Document::from));
            postings = settled.postings;
        }
        documents.push(Document::Order(Box::new(now)));
        Ok(Some(Record {
            by: Actor::Payer,
            kind: RecordKind::UtrNamed,
            postings,
            documents,
        }))
    }
}

/// What a payment comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// What moves on from what was received.
    pub postings: Vec<Posting>,
    /// The payment as it is from then on.
    pub payment: Option<ReceivedPayment>,
    /// The order that it settles.
    pub order: Option<Order>,
    /// The deposit that it brings or that waits with it, and what goes with that.
    pub gateway: Vec<GatewayDocument>,
}

impl Settlement {
    pub(super) fn without(payment: ReceivedPayment) -> Settlement {
        Settlement {
            postings: Vec::new(),
            payment: Some(payment),
            order: None,
            gateway: Vec::new(),
        }
    }

    /// The documents that change.
    pub fn documents(self) -> impl Iterator<Item = Document> {
        let payment = self.payment.map(Box::new).map(Document::ReceivedPayment);
        let order = self.order.map(Box::new).map(Document::Order);
        let gateway = self.gateway.into_iter().map(Document::from);
        payment.into_iter().chain(order).chain(gateway)
    }
}

/// An operator says no.
///
/// # Errors
/// [`OrderRefusal::NotPending`] unless it is pending or expired.
pub fn decide_rejection(
    order: &Order,
    reason: &Reason,
    now: Timestamp,
) -> Result<Record, OrderRefusal> {
    if order.state != OrderState::Pending {
        return Err(OrderRefusal::NotPending);
    }
    let failed = Order {
        state: OrderState::Failed,
        state_at: now,
        reason: Some(reason.clone()),
        ..order.clone()
    };
    Ok(record(Actor::Operator, RecordKind::OrderRejected, failed))
}

/// The partner or an operator takes an order back. `None` where that was done before.
///
/// # Errors
/// [`OrderRefusal::NotPending`].
pub fn decide_cancellation(
    order: &Order,
    by: Actor,
    reason: Option<&Reason>,
    now: Timestamp,
) -> Result<Option<Record>, OrderRefusal> {
    match order.seen(now).0 {
        Seen::Pending => {}
        Seen::Cancelled => return Ok(None),
        Seen::Success | Seen::Failed | Seen::Expired => return Err(OrderRefusal::NotPending),
    }
    let cancelled = Order {
        state: OrderState::Cancelled,
        state_at: now,
        reason: reason.cloned(),
        ..order.clone()
    };
    Ok(Some(record(by, RecordKind::OrderCancelled, cancelled)))
}

/// Whether money goes into a user's wallet rather than to the partner.
pub fn goes_to_user(partner: &Partner, order: &Order) -> bool {
    partner.settings.credit_on_payment && order.mobile.is_some()
}
