//! Orders: payment links made, looked up, given a UTR, decided (partner-api.md, Payment Gateway).

use std::collections::BTreeMap;
use std::fmt;

use super::deposits::asking;
use super::gateway::Gateway;
use super::partners::PartnerRow;
use super::paying::{Key, Payments};
use super::payments::{newest, sifted};
use super::report::Page;
use super::{Ledger, Observed, OperatorError, Space, Unavailable};
use crate::engine::command::NewOrder;
use crate::engine::document::Order;
use crate::engine::entry::{Actor, Record};
use crate::engine::order::{
    Desk, OrderKey, OrderRow, PaymentRules, decide_cancellation, decide_order, decide_rejection,
};
use crate::engine::payment::{PaymentKey, PaymentRow};
use crate::engine::refusal::OrderRefusal;
use crate::id::{OrderName, OrderReference, Reason, Seq, Utr};
use crate::time::Timestamp;

/// Why a call about an order did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderError {
    /// The rules say no; it may be told when the seq is durable.
    Refused(OrderRefusal, Seq),
    /// Nothing was touched.
    Unavailable,
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OrderError::Refused(refusal, _) => refusal.fmt(f),
            OrderError::Unavailable => Unavailable.fmt(f),
        }
    }
}

impl std::error::Error for OrderError {}

impl From<Unavailable> for OrderError {
    fn from(_: Unavailable) -> OrderError {
        OrderError::Unavailable
    }
}

/// Who decides about an order, and how.
#[derive(Clone, Debug)]
pub enum Decision {
    /// An operator says that it is paid, by the payment with this UTR if there is one; or which
    /// payment it was that a word stood for.
    Approve(Option<Utr>),
    /// An operator says that it is not.
    Reject(Reason),
    /// An operator takes it back.
    Cancel(Option<Reason>),
}

impl Ledger {
    /// Makes a payment link, or finds the same one made before (partner-api.md, `payment_links`).
    /// `reference` is what nobody can guess.
    ///
    /// # Errors
    /// Refused where the name belongs to an order with other content.
    pub fn create_order(
        &self,
        partner: &PartnerRow,
        new: &NewOrder,
        reference: OrderReference,
        rules: &PaymentRules,
    ) -> Result<Observed<OrderRow>, OrderError> {
        let permit = self.reserve();
        let key = (partner.number, new.id.clone());
        let mut payments = self.payments_with(&[Key::Named(key.clone())], rules)?;
        let before = payments.order_named(&key);
        let seen = before.map_or(partner.changed, |row| row.changed);
        let times = (rules.order_ttl, self.sequencer.now());
        let order = before.map(|row| &row.order);
        let record = decide_order(new, partner, order, reference, times)
            .map_err(|refusal| OrderError::Refused(refusal, seen))?;
        let seq = match record {
            None => seen,
            Some(_) if self.space() < Space::Ample => return Err(OrderError::Unavailable),
            Some(record) => {
                let entry = self.push(permit.ok_or(Unavailable)?, record);
                payments.apply(&entry);
                entry.seq
            }
        };
        let value = payments.order_named(&key).cloned();
        let value = value.expect("it is there by now");
        Ok(Observed { value, seq })
    }

    /// An order by one of its names.
    ///
    /// # Errors
    /// Refused where there is none.
    pub fn order(
        &self,
        name: &OrderName,
        rules: &PaymentRules,
    ) -> Result<Observed<OrderRow>, OrderError> {
        let payments = self.payments_with(&[seed(name)], rules)?;
        let value = payments.find(name)?;
        let seq = value.changed;
        Ok(Observed { value, seq })
    }

    /// A payer names a UTR for an order (partner-api.md, Payment Gateway); where the bank has told
    /// of that payment the order is paid.
    ///
    /// # Errors
    /// Refused where there is no such order, it is over, or was corrected too often.
    pub fn name_utr(
        &self,
        reference: &OrderReference,
        utr: &Utr,
        rules: &PaymentRules,
    ) -> Result<Observed<OrderRow>, OrderError> {
        let name = OrderName::Reference(reference.clone());
        self.change(
            Actor::Payer,
            &name,
            Some(utr),
            rules,
            |order, payments, desk| desk.decide_utr(order, utr, &payments.with_utr(utr, rules)),
        )
    }

    /// A partner takes back one of its orders.
    ///
    /// # Errors
    /// Refused where there is no such order, or it is over otherwise.
    pub fn cancel_order(
        &self,
        key: &OrderKey,
        rules: &PaymentRules,
    ) -> Result<Observed<OrderRow>, OrderError> {
        let name = OrderName::Of(key.0, key.1.clone());
        self.change(Actor::Partner, &name, None, rules, |order, _, desk| {
            decide_cancellation(order, Actor::Partner, None, desk.now)
        })
    }

    /// An operator decides about an order (operations.md, `order approve|reject|cancel`).
    ///
    /// # Errors
    /// Refused where there is no such order, or it is over.
    pub fn decide_on_order(
        &self,
        name: &OrderName,
        decision: &Decision,
        rules: &PaymentRules,
    ) -> Result<Observed<OrderRow>, OrderError> {
        let named = match decision {
            Decision::Approve(utr) => utr.as_ref(),
            Decision::Reject(_) | Decision::Cancel(_) => None,
        };
        let by = Actor::Operator;
        self.change(
            by,
            name,
            named,
            rules,
            |order, payments, desk| match decision {
                Decision::Approve(utr) => {
                    let utr = utr.as_ref().or(order.utr.as_ref());
                    let with = utr.map_or_else(Vec::new, |utr| payments.with_utr(utr, rules));
                    let payment = PaymentRow::free(&with).map(|row| &row.payment);
                    desk.decide_approval(order, utr, payment).map(Some)
                }
                Decision::Reject(reason) => decide_rejection(order, reason, desk.now).map(Some),
                Decision::Cancel(reason) => {
                    decide_cancellation(order, Actor::Operator, reason.as_ref(), desk.now)
                }
            },
        )
    }

    /// Judges a change of an order, and makes it. `utr` is a bank's reference that it names.
    fn change(
        &self,
        by: Actor,
        name: &OrderName,
        utr: Option<&Utr>,
        rules: &PaymentRules,
        decide: impl Fn(&Order, &Payments, &Desk<'_>) -> Result<Option<Record>, OrderRefusal>,
    ) -> Result<Observed<OrderRow>, OrderError> {
        let permit = self.reserve();
        let mut seeds = vec![seed(name)];
        let named = utr.map(Utr::reference);
        seeds.extend(named.clone().map(Key::Claimed));
        let order = |payments: &Payments| payments.find(name).ok().map(|row| row.order);
        let types = || rules.wallet_types.iter();
        let numbers: Vec<PaymentKey> = (named.iter())
            .flat_map(|of| types().map(|wallet_type| (*wallet_type, of.clone())))
            .collect();
        let keys = |_: &Payments, gateway: &Gateway| gateway.asking_keys(&numbers);
        let mut counter = self.counter((&seeds, rules), keys, order)?;
        let row = counter.payments.find(name)?;
        let claimants = counter.payments.claimants(named.as_ref());
        let deposits = asking(&counter.gateway, &numbers);
        let now = self.sequencer.now();
        let desk = Desk {
            claimants: &claimants,
            wallet: counter.wallet(),
            is_live: counter.is_live(now),
            deposits: &deposits,
            till: None,
            rules,
            now,
        };
        let seen = self.sequencer.last();
        let decided = decide(&row.order, &counter.payments, &desk);
        let record = decided.map_err(|refusal| OrderError::Refused(refusal, seen))?;
        let Some(record) = record else {
            let seq = row.changed;
            return Ok(Observed { value: row, seq });
        };
        // While there is little room operators have it still.
        let least = match by {
            Actor::Operator => Space::Low,
            Actor::Partner | Actor::Payer | Actor::Engine => Space::Ample,
        };
        if self.space() < least {
            return Err(OrderError::Unavailable);
        }
        let entry = self.push(permit.ok_or(Unavailable)?, record);
        counter.apply(&entry);
        let value = counter.payments.find(name)?;
        let seq = entry.seq;
        Ok(Observed { value, seq })
    }

    /// The present, by which an order is pending or expired.
    pub fn now(&self) -> Timestamp {
        self.sequencer.now()
    }

    /// Orders that are `wanted`, the newest first (operations.md, `order list`); `before` is the
    /// last page's `next`. Reads the disk.
    ///
    /// # Errors
    /// The books could not be read.
    pub fn orders(
        &self,
        before: Option<Seq>,
        limit: usize,
        wanted: impl Fn(&OrderRow) -> bool,
    ) -> Result<Observed<Page<OrderRow>>, OperatorError> {
        let read = |before, limit| self.all_orders(before, limit);
        sifted(before, limit, read, |row| row.created, wanted)
    }

    fn all_orders(
        &self,
        before: Seq,
        limit: usize,
    ) -> Result<Observed<Page<OrderRow>>, OperatorError> {
        let (found, seq) = loop {
            let sight = self.look(|view| view.orders_before(before, limit + 1).map(Some))?;
            let payments = self.shards.payments.lock();
            if !self.is_fresh(&sight) {
                continue;
            }
            let mut found: BTreeMap<Seq, OrderRow> = BTreeMap::new();
            for row in sight.found.into_iter().flatten() {
                let newer = payments.orders.row(&row.order.reference).cloned();
                found.insert(row.created, newer.unwrap_or(row));
            }
            for (seq, key) in payments.listed_orders.before(before, limit + 1) {
                let row = payments.orders.row(key).cloned();
                let row = row.expect("what came lately is in memory");
                found.insert(seq, row);
            }
            break (found, self.sequencer.last());
        };
        let value = newest(found, limit);
        Ok(Observed { value, seq })
    }
}

fn seed(name: &OrderName) -> Key {
    match name {
        OrderName::Reference(reference) => Key::Order(reference.clone()),
        OrderName::Of(partner, id) => Key::Named((*partner, id.clone())),
    }
}

impl Payments {
    fn find(&self, name: &OrderName) -> Result<OrderRow, OrderError> {
        let row = match name {
            OrderName::Reference(reference) => self.orders.row(reference),
            OrderName::Of(partner, id) => self.order_named(&(*partner, id.clone())),
        };
        row.cloned()
            .ok_or(OrderError::Refused(OrderRefusal::Unknown, Seq::NONE))
    }
}
