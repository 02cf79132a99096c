//! Received payments: taken down once, found again, listed (operations.md, Received payments).

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::MutexGuard;

use super::operate::refused;
use super::report::Page;
use super::shard::Payments;
use super::{Ledger, Observed, OperatorError, Unavailable};
use crate::engine::command::NewPayment;
use crate::engine::document::{Document, ReceivedPayment};
use crate::engine::entry::Entry;
use crate::engine::held::{Bin, Generation};
use crate::engine::payment::{PaymentKey, PaymentRow, decide_payment};
use crate::id::{AccountNumber, PartnerNumber, Seq};

/// A received payment, and whether it was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// As it is now.
    pub row: PaymentRow,
    /// Whether it was taken down before, so that nothing moved now.
    pub repeated: bool,
}

impl Ledger {
    /// Takes down that money has come (operations.md, `payment receive`). The same said again
    /// changes nothing.
    ///
    /// # Errors
    /// Refused where its reference belongs to a payment with other content.
    pub fn receive_payment(&self, new: &NewPayment) -> Result<Observed<Received>, OperatorError> {
        let permit = self.permit();
        let key = new.key();
        let mut payments = self.payments_with(&key)?;
        let before = payments.rows.row(&key);
        let seen = before.map_or(Seq::NONE, |row| row.received);
        let record = decide_payment(new, before).map_err(|refusal| refused(refusal, seen))?;
        let Some(record) = record else {
            let row = before.cloned().expect("what is repeated was there before");
            let repeated = true;
            return Ok(Observed {
                value: Received { row, repeated },
                seq: seen,
            });
        };
        // Where the money is counted: whoever adds up at an entry finds all that is up to it.
        let mut counted = self.shards.players.lock(&NOBODY);
        let entry = self.push(permit?, record);
        counted
            .holdings
            .count(&entry, PartnerNumber(0), new.currency);
        payments.apply(&entry);
        let row = payments.rows.row(&key).cloned();
        let row = row.expect("it was applied under this lock");
        let repeated = false;
        Ok(Observed {
            value: Received { row, repeated },
            seq: entry.seq,
        })
    }

    /// Whether a payment would be a repetition, if it were received now. Nothing is taken down.
    ///
    /// # Errors
    /// As [`Ledger::receive_payment`].
    pub fn is_payment_repeated(&self, new: &NewPayment) -> Result<Observed<bool>, OperatorError> {
        let key = new.key();
        let payments = self.payments_with(&key)?;
        let before = payments.rows.row(&key);
        let seq = before.map_or(Seq::NONE, |row| row.received);
        let record = decide_payment(new, before).map_err(|refusal| refused(refusal, seq))?;
        let value = record.is_none();
        Ok(Observed { value, seq })
    }

    /// Received payments, the newest first (operations.md, `payment list`); `before` is the last
    /// page's `next`. Reads the disk.
    ///
    /// # Errors
    /// The books could not be read.
    pub fn payments(
        &self,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Observed<Page<PaymentRow>>, OperatorError> {
        let before = before.unwrap_or(Seq(u64::MAX));
        let (mut found, seq) = loop {
            let sight = self.look(|view| view.payments_before(before, limit + 1).map(Some))?;
            let payments = self.shards.payments.lock();
            if !self.is_fresh(&sight) {
                continue;
            }
            let mut found: BTreeMap<Seq, PaymentRow> = BTreeMap::new();
            for row in sight.found.into_iter().flatten() {
                found.insert(row.received, row);
            }
            for (seq, key) in payments.listed.before(before, limit + 1) {
                let row = payments.rows.row(key).cloned();
                let row = row.expect("what was taken down lately is in memory");
                found.insert(seq, row);
            }
            break (found, self.sequencer.last());
        };
        let more = found.len() > limit;
        while found.len() > limit {
            found.pop_first();
        }
        let next = found.first_key_value().map(|(seq, _)| *seq);
        let next = next.filter(|_| more);
        let items = found.into_values().rev().collect();
        let value = Page { items, next };
        Ok(Observed { value, seq })
    }

    /// The payments, with this one in memory if it was received.
    fn payments_with(&self, key: &PaymentKey) -> Result<MutexGuard<'_, Payments>, Unavailable> {
        let mut sight = None;
        loop {
            let mut payments = self.shards.payments.lock();
            let fresh = sight.take().filter(|sight| self.is_fresh(sight));
            if payments.rows.keep(key).is_some() {
                return Ok(payments);
            }
            if let Some(sight) = fresh {
                if let Some(row) = sight.found {
                    payments.rows.load(key.clone(), row);
                }
                return Ok(payments);
            }
            drop(payments);
            sight = Some(self.look(|view| view.payment(key))?);
        }
    }

    /// Takes in a payment of the tail.
    pub(super) fn index_payment(&self, entry: &Entry) {
        self.shards.payments.lock().apply(entry);
    }
}

/// Where entries are counted that are about no player.
const NOBODY: AccountNumber = AccountNumber(0);

impl Payments {
    /// Begins new generations; what is over is to be written down.
    pub(super) fn turn(&mut self, bin: &mut Bin) -> Arc<Generation<PaymentKey, PaymentRow>> {
        // Each row says where it is listed.
        self.listed.turn(bin);
        self.rows.turn(bin)
    }

    /// Makes the change of an entry.
    fn apply(&mut self, entry: &Entry) {
        for document in entry.documents() {
            if let Document::ReceivedPayment(payment) = document {
                let key = payment.key();
                self.listed.note(entry.seq, key.clone());
                let row = PaymentRow {
                    payment: ReceivedPayment::clone(payment),
                    received: entry.seq,
                    at: entry.at,
                };
                self.rows.put(key, row);
            }
        }
    }
}
