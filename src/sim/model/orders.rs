//! The naive model's reading of partner-api.md, Payment Gateway, and of operations.md, Received
//! payments: an order and a payment come together once, or the payment waits.

use std::collections::{BTreeMap, BTreeSet};

use super::super::OrderOperation;
use super::{AccountKey, BALANCE_MAX, Expected, Model, cents};
use crate::engine::command::{NewOrder, NewPayment};
use crate::engine::document::{Claimant, PaymentState, WaitReason};
use crate::engine::refusal::OrderRefusal;
use crate::id::{OrderId, OrderReference, PartnerNumber, PaymentReference, Utr, WalletType};
use crate::money::Currency;
use crate::time::{Span, Timestamp};

/// "default `["upi"]`".
const WALLET_TYPE: &str = "upi";

/// "default 30 min".
const ORDER_LIFE: u32 = 30 * 60;

/// "five times at most".
const CORRECTIONS: u8 = 5;

/// Orders that payers may name one UTR for.
const CLAIMANTS: usize = 16;

/// What came of an order, its expiry aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Pending,
    /// It is paid.
    Success,
    /// It was rejected.
    Failed,
    /// It was taken back.
    Cancelled,
}

/// An order.
#[derive(Clone, Debug)]
pub struct Ordered {
    /// As it was asked for.
    pub asked: NewOrder,
    /// Whose.
    pub partner: PartnerNumber,
    /// What became of it.
    pub fate: Fate,
    /// Since when.
    pub since: Timestamp,
    /// When it has waited too long.
    pub expires_at: Timestamp,
    /// The UTR that is named for it.
    pub utr: Option<Utr>,
    /// How often that was corrected.
    pub corrections: u8,
    /// The payment that it was given.
    pub payment: Option<(WalletType, PaymentReference)>,
    /// What went on from what was received, and to whose wallet, if to one.
    pub paid: Option<(i128, Option<AccountKey>)>,
}

impl Ordered {
    /// Its state as the Partner API names it, and since when.
    pub fn state(&self, now: Timestamp) -> (&'static str, Timestamp) {
        match self.fate {
            Fate::Pending if now >= self.expires_at => ("EXPIRED", self.expires_at),
            Fate::Pending => ("PENDING", self.since),
            Fate::Success => ("SUCCESS", self.since),
            Fate::Failed => ("FAILED", self.since),
            Fate::Cancelled => ("CANCELLED", self.since),
        }
    }
}

/// Orders, and the money that moved for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    known: BTreeMap<OrderReference, Ordered>,
    names: BTreeMap<(PartnerNumber, OrderId), OrderReference>,
    /// Every order that a UTR was ever named for.
    claims: BTreeMap<Utr, BTreeSet<OrderReference>>,
    /// What went on from what was received.
    passed_on: BTreeMap<(WalletType, Currency), i128>,
}

fn refused(refusal: OrderRefusal) -> Expected {
    Expected::NotForOrder(refusal)
}

impl Model {
    pub(super) fn judge_order(&mut self, operation: &OrderOperation, now: Timestamp) -> Expected {
        match operation {
            OrderOperation::Create {
                partner,
                new,
                reference,
            } => self.create_order(*partner, new, reference, now),
            OrderOperation::NameUtr { reference, utr } => self.name_utr(reference, utr, now),
            OrderOperation::Cancel { partner, id } => self.cancel_order(*partner, id, now),
            OrderOperation::Approve { reference, utr } => {
                self.approve_order(reference, utr.as_ref(), now)
            }
            OrderOperation::Reject(reference) => self.reject_order(reference, now),
        }
    }

    fn create_order(
        &mut self,
        partner: PartnerNumber,
        new: &NewOrder,
        reference: &OrderReference,
        now: Timestamp,
    ) -> Expected {
        let name = (partner, new.id.clone());
        if let Some(reference) = self.orders.names.get(&name) {
            // "equal values of the documented members".
            return match self.orders.known[reference].asked == *new {
                true => self.told(&reference.clone(), now),
                false => refused(OrderRefusal::IdUsed),
            };
        }
        let ordered = Ordered {
            asked: new.clone(),
            partner,
            fate: Fate::Pending,
            since: now,
            expires_at: now.plus(Span::from_seconds(ORDER_LIFE)),
            utr: None,
            corrections: 0,
            payment: None,
            paid: None,
        };
        self.orders.names.insert(name, reference.clone());
        self.orders.known.insert(reference.clone(), ordered);
        self.taken += 1;
        self.told(reference, now)
    }

    fn name_utr(&mut self, reference: &OrderReference, utr: &Utr, now: Timestamp) -> Expected {
        let Some(order) = self.orders.known.get(reference) else {
            return refused(OrderRefusal::Unknown);
        };
        if !self.is_live(order.partner, now) {
            return refused(OrderRefusal::PartnerNotLive);
        }
        if order.state(now).0 != "PENDING" {
            return refused(OrderRefusal::NotPending);
        }
        if order.utr.as_ref() == Some(utr) {
            return self.told(reference, now);
        }
        let is_correction = order.utr.is_some();
        if is_correction && order.corrections == CORRECTIONS {
            return refused(OrderRefusal::TooManyCorrections);
        }
        let claims = self.orders.claims.get(utr);
        let others = claims.map_or(0, |by| by.iter().filter(|by| *by != reference).count());
        if others >= CLAIMANTS {
            return refused(OrderRefusal::TooManyClaims);
        }
        self.taken += 1;
        let order = self.order_mut(reference);
        order.corrections += u8::from(is_correction);
        self.claim(reference, utr);
        let key = (wallet_type(), utr.reference());
        if let Some((payment, state)) = self.payments.get(&key)
            && *state == PaymentState::Unclaimed
        {
            let state = self.settle(&payment.clone(), now);
            self.payments.put(&key, state);
        }
        self.told(reference, now)
    }

    fn cancel_order(&mut self, partner: PartnerNumber, id: &OrderId, now: Timestamp) -> Expected {
        let Some(reference) = self.orders.names.get(&(partner, id.clone())).cloned() else {
            return refused(OrderRefusal::Unknown);
        };
        match self.orders.known[&reference].state(now).0 {
            "PENDING" => self.end(&reference, Fate::Cancelled, now),
            "CANCELLED" => {}
            _ => return refused(OrderRefusal::NotPending),
        }
        self.told(&reference, now)
    }

    fn reject_order(&mut self, reference: &OrderReference, now: Timestamp) -> Expected {
        match self.orders.known.get(reference).map(|order| order.fate) {
            None => return refused(OrderRefusal::Unknown),
            Some(Fate::Pending) => self.end(reference, Fate::Failed, now),
            Some(_) => return refused(OrderRefusal::NotPending),
        }
        self.told(reference, now)
    }

    /// "it succeeds ... by an operator's word", with the payment's money where there is one. What
    /// a word has paid goes back where a payment comes in its place.
    fn approve_order(
        &mut self,
        reference: &OrderReference,
        utr: Option<&Utr>,
        now: Timestamp,
    ) -> Expected {
        let Some(order) = self.orders.known.get(reference).cloned() else {
            return refused(OrderRefusal::Unknown);
        };
        let by_word = order.fate == Fate::Success && order.payment.is_none();
        if order.fate != Fate::Pending && !by_word {
            return refused(OrderRefusal::NotPending);
        }
        let utr = utr.or(order.utr.as_ref());
        let key = utr.map(|utr| (wallet_type(), utr.reference()));
        let payment = key.as_ref().and_then(|key| self.payments.get(key));
        let payment = payment.map(|(payment, state)| (payment.clone(), state.clone()));
        let currency = self.currency_of(&order);
        match &payment {
            None if by_word && utr.is_some() => return refused(OrderRefusal::PaymentUnknown),
            None if by_word => return refused(OrderRefusal::NotPending),
            Some((_, PaymentState::Matched(_))) => return refused(OrderRefusal::PaymentTaken),
            Some((payment, _)) if payment.currency != currency => {
                return refused(OrderRefusal::OtherCurrency);
            }
            _ => {}
        }
        let money = payment
            .as_ref()
            .map_or(order.asked.amount, |(payment, _)| payment.amount);
        let (before, wallet) = match &order.paid {
            Some((before, wallet)) => (*before, wallet.clone()),
            None => (0, self.wallet_of(&order, currency)),
        };
        let more = cents(money) - before;
        let held = wallet.as_ref().map_or(0, |wallet| self.balances[wallet]);
        if wallet.is_some() && held + more < 0 {
            return refused(OrderRefusal::InsufficientFunds);
        }
        if wallet.is_some() && held + more > BALANCE_MAX {
            return refused(OrderRefusal::BalanceOutOfRange);
        }
        if by_word {
            self.taken += 1;
        } else {
            self.end(reference, Fate::Success, now);
        }
        self.pass_on(reference, (more, wallet), now);
        if let Some(utr) = utr {
            self.claim(reference, utr);
        }
        if let (Some((payment, _)), Some(key)) = (payment, key) {
            self.order_mut(reference).payment = Some(payment.key());
            let given = PaymentState::Matched(Claimant::Order(reference.clone()));
            self.payments.put(&key, given);
        }
        self.told(reference, now)
    }

    /// What becomes of a payment that no deposit asks for; where it is an order's, that is paid.
    pub(super) fn settle_order(&mut self, payment: &NewPayment, now: Timestamp) -> PaymentState {
        if payment.wallet_type != wallet_type() {
            return PaymentState::Unclaimed;
        }
        let names = |order: &Ordered| {
            let utr = order.utr.as_ref();
            utr.is_some_and(|utr| utr.as_str() == payment.reference.as_str())
        };
        let known = self.orders.known.iter();
        let naming: Vec<(OrderReference, Ordered)> = known
            .filter(|(_, order)| names(order))
            .map(|(reference, order)| (reference.clone(), order.clone()))
            .collect();
        if naming.is_empty() {
            return PaymentState::Unclaimed;
        }
        if payment.suspicious {
            return PaymentState::Waiting(WaitReason::Suspicious);
        }
        let mut open = naming.into_iter();
        let mut open = open.by_ref().filter(|(_, order)| {
            let over = [Fate::Failed, Fate::Cancelled];
            !over.contains(&order.fate)
        });
        let (reference, order) = match (open.next(), open.next()) {
            (None, _) => return PaymentState::Waiting(WaitReason::Late),
            (Some(_), Some(_)) => return PaymentState::Waiting(WaitReason::SeveralOrders),
            (Some(only), None) => only,
        };
        if let Some(reason) = self.reason_to_wait(payment, &order, now) {
            return PaymentState::Waiting(reason);
        }
        if order.fate == Fate::Pending {
            self.end(&reference, Fate::Success, now);
            let wallet = self.wallet_of(&order, payment.currency);
            self.pass_on(&reference, (cents(payment.amount), wallet), now);
        }
        self.order_mut(&reference).payment = Some(payment.key());
        PaymentState::Matched(Claimant::Order(reference))
    }

    /// Whether an order could get the payment, were it not for a deposit that asks for it.
    pub(super) fn order_waits_for(&self, payment: &NewPayment, now: Timestamp) -> bool {
        let mut orders = self.orders.known.values();
        payment.wallet_type == wallet_type()
            && orders.any(|order| {
                let utr = order.utr.as_ref();
                utr.is_some_and(|utr| utr.as_str() == payment.reference.as_str())
                    && match order.state(now).0 {
                        "PENDING" => true,
                        "SUCCESS" => order.payment.is_none(),
                        _ => false,
                    }
            })
    }

    fn reason_to_wait(
        &self,
        payment: &NewPayment,
        order: &Ordered,
        now: Timestamp,
    ) -> Option<WaitReason> {
        let by_word = order.fate == Fate::Success && order.payment.is_none();
        match order.state(now).0 {
            "EXPIRED" => return Some(WaitReason::Late),
            "SUCCESS" if !by_word => return Some(WaitReason::Duplicate),
            "PENDING" if !self.is_live(order.partner, now) => {
                return Some(WaitReason::PartnerNotLive);
            }
            _ => {}
        }
        if payment.currency != self.currency_of(order) {
            return Some(WaitReason::OtherCurrency);
        }
        if payment.amount != order.asked.amount {
            return Some(WaitReason::OtherAmount);
        }
        let fits = self.has_room(order, cents(payment.amount), payment.currency);
        (!by_word && !fits).then_some(WaitReason::WalletFull)
    }

    fn currency_of(&self, order: &Ordered) -> Currency {
        self.agent(order.partner).expect("it has an order").currency
    }

    /// "With the partner's `credit_on_payment` set and `cust_Mobile` a user of the partner".
    fn wallet_of(&self, order: &Ordered, currency: Currency) -> Option<AccountKey> {
        let credits = self.agent(order.partner).is_some_and(|agent| agent.credits);
        let mobile = order.asked.mobile.as_ref().filter(|_| credits)?;
        let wallet = self.wallet(order.partner, mobile).ok()?;
        Some(wallet).filter(|wallet| wallet.2 == currency)
    }

    fn has_room(&self, order: &Ordered, money: i128, currency: Currency) -> bool {
        let wallet = self.wallet_of(order, currency);
        wallet.is_none_or(|wallet| self.balances[&wallet] + money <= BALANCE_MAX)
    }

    /// "gateway account -> partner's account ... -> that user's wallet instead". Back, where it is
    /// less than nothing.
    fn pass_on(
        &mut self,
        reference: &OrderReference,
        (money, wallet): (i128, Option<AccountKey>),
        now: Timestamp,
    ) {
        let order = self.order_mut(reference);
        let before = order.paid.take().map_or(0, |(before, _)| before);
        order.paid = Some((before + money, wallet.clone()));
        let order = order.clone();
        let currency = self.currency_of(&order);
        let from = (wallet_type(), currency);
        *self.orders.passed_on.entry(from).or_default() += money;
        match wallet {
            Some(wallet) if money != 0 => self.shift(&wallet, "payment", money, now),
            Some(_) => {}
            None => {
                let to = (order.partner, currency);
                *self.users.partners.entry(to).or_default() += money;
            }
        }
    }

    fn end(&mut self, reference: &OrderReference, fate: Fate, now: Timestamp) {
        let order = self.order_mut(reference);
        (order.fate, order.since) = (fate, now);
        self.taken += 1;
    }

    fn claim(&mut self, reference: &OrderReference, utr: &Utr) {
        self.order_mut(reference).utr = Some(utr.clone());
        let claims = self.orders.claims.entry(utr.clone()).or_default();
        claims.insert(reference.clone());
    }

    fn order_mut(&mut self, reference: &OrderReference) -> &mut Ordered {
        let order = self.orders.known.get_mut(reference);
        order.expect("it was looked up before")
    }

    fn told(&self, reference: &OrderReference, now: Timestamp) -> Expected {
        let order = &self.orders.known[reference];
        Expected::Ordered {
            reference: reference.clone(),
            state: order.state(now).0,
            utr: order.utr.clone(),
        }
    }

    /// Every order by what its page is found by.
    pub fn orders(&self) -> impl Iterator<Item = (&OrderReference, &Ordered)> {
        self.orders.known.iter()
    }

    /// What went on from what was received.
    pub(super) fn add_orders(&self, sums: &mut BTreeMap<(Currency, String), i128>) {
        for ((of, currency), money) in &self.orders.passed_on {
            let received = (*currency, format!("received/{of}"));
            *sums.entry(received).or_default() -= money;
        }
    }
}

fn wallet_type() -> WalletType {
    WALLET_TYPE.parse().expect("a wallet type")
}
