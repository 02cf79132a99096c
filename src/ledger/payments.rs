//! Received payments: taken down once, found again, listed (operations.md, Received payments).

use std::collections::BTreeMap;

use super::deposits::{DepositRules, asking};
use super::gateway::Gateway;
use super::operate::refused;
use super::paying::{Key, Payments};
use super::report::Page;
use super::{Ledger, Observed, OperatorError};
use crate::engine::command::NewPayment;
use crate::engine::order::{Desk, PaymentRules};
use crate::engine::payment::{PaymentRow, decide_payment};
use crate::id::Seq;

/// Rows of a list that are looked at together, and how often before a page is told as it is.
const SIFTED_ROWS: usize = 1000;
const SIFTED_PAGES_MAX: usize = 20;

/// A received payment, and whether it was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// As it is now.
    pub row: PaymentRow,
    /// Whether it was taken down before, so that nothing moved now.
    pub repeated: bool,
}

impl Ledger {
    /// Takes down that money has come (operations.md, `payment receive`); where an order waits for
    /// it the order is paid, where a deposit waits for it that is activated. The same said again
    /// changes nothing.
    ///
    /// # Errors
    /// Refused where its reference belongs to a payment with other content.
    pub fn receive_payment(
        &self,
        new: &NewPayment,
        rules: &PaymentRules,
        of_deposits: &DepositRules<'_>,
    ) -> Result<Observed<Received>, OperatorError> {
        let permit = self.permit();
        let key = new.key();
        let number = [key.clone()];
        let order = |payments: &Payments| payments.only_claimant(&key);
        let seeds = [Key::Payment(key.clone())];
        let keys = |_: &Payments, gateway: &Gateway| {
            let mut keys = gateway.asking_keys(&number);
            let deposits = asking(gateway, &number);
            for deposit in &deposits {
                keys.extend(gateway.till_keys(&deposit.savings_in(new.currency)));
            }
            keys
        };
        let mut counter = self.counter((&seeds, rules), keys, order)?;
        let before = counter.payments.rows.row(&key);
        let seen = before.map_or(Seq::NONE, |row| row.changed);
        let claimants = counter.payments.claimants(Some(&key.1));
        let deposits = asking(&counter.gateway, &number);
        let drawer = deposits.first().map(|deposit| {
            let of = deposit.savings_in(new.currency);
            self.drawer(&counter.gateway, of)
        });
        let till = drawer.as_ref().map(|drawer| drawer.till(of_deposits));
        let now = self.sequencer.now();
        let desk = Desk {
            claimants: &claimants,
            wallet: counter.wallet(),
            is_live: counter.is_live(now),
            deposits: &deposits,
            till: till.as_ref(),
            rules,
            now,
        };
        let decided = decide_payment(new, before, &desk);
        let Some(record) = decided.map_err(|refusal| refused(refusal, seen))? else {
            let row = before.cloned().expect("what is repeated was there before");
            let repeated = true;
            return Ok(Observed {
                value: Received { row, repeated },
                seq: seen,
            });
        };
        let entry = self.push(permit?, record);
        counter.apply(&entry);
        let row = counter.payments.rows.row(&key).cloned();
        let row = row.expect("it was applied under this lock");
        drop(counter);
        self.ring();
        let repeated = false;
        Ok(Observed {
            value: Received { row, repeated },
            seq: entry.seq,
        })
    }

    /// The payment that would be repeated, if this one were received now. Nothing is taken down.
    ///
    /// # Errors
    /// As [`Ledger::receive_payment`].
    pub fn known_payment(
        &self,
        new: &NewPayment,
        rules: &PaymentRules,
    ) -> Result<Observed<Option<PaymentRow>>, OperatorError> {
        let key = new.key();
        let payments = self.payments_with(&[Key::Payment(key.clone())], rules)?;
        let before = payments.rows.row(&key);
        let seq = before.map_or(Seq::NONE, |row| row.changed);
        let desk = Desk {
            claimants: &[],
            wallet: None,
            is_live: true,
            deposits: &[],
            till: None,
            rules,
            now: self.sequencer.now(),
        };
        decide_payment(new, before, &desk).map_err(|refusal| refused(refusal, seq))?;
        let value = before.cloned();
        Ok(Observed { value, seq })
    }

    /// Received payments that are `wanted`, the newest first (operations.md, `payment list`);
    /// `before` is the last page's `next`. Reads the disk.
    ///
    /// # Errors
    /// The books could not be read.
    pub fn payments(
        &self,
        before: Option<Seq>,
        limit: usize,
        wanted: impl Fn(&PaymentRow) -> bool,
    ) -> Result<Observed<Page<PaymentRow>>, OperatorError> {
        let read = |before, limit| self.all_payments(before, limit);
        sifted(before, limit, read, |row| row.received, wanted)
    }

    fn all_payments(
        &self,
        before: Seq,
        limit: usize,
    ) -> Result<Observed<Page<PaymentRow>>, OperatorError> {
        let (found, seq) = loop {
            let sight = self.look(|view| view.payments_before(before, limit + 1).map(Some))?;
            let payments = self.shards.payments.lock();
            if !self.is_fresh(&sight) {
                continue;
            }
            let mut found: BTreeMap<Seq, PaymentRow> = BTreeMap::new();
            for row in sight.found.into_iter().flatten() {
                let newer = payments.rows.row(&row.payment.key()).cloned();
                found.insert(row.received, newer.unwrap_or(row));
            }
            for (seq, key) in payments.listed.before(before, limit + 1) {
                let row = payments.rows.row(key).cloned();
                let row = row.expect("what was taken down lately is in memory");
                found.insert(seq, row);
            }
            break (found, self.sequencer.last());
        };
        let value = newest(found, limit);
        Ok(Observed { value, seq })
    }
}

/// A page of what is wanted of a list, out of as many of its pages as that takes. Where little is
/// wanted of much it has fewer items than it may, and others follow.
pub(super) fn sifted<T>(
    before: Option<Seq>,
    limit: usize,
    read: impl Fn(Seq, usize) -> Result<Observed<Page<T>>, OperatorError>,
    place: impl Fn(&T) -> Seq,
    wanted: impl Fn(&T) -> bool,
) -> Result<Observed<Page<T>>, OperatorError> {
    let mut next = Some(before.unwrap_or(Seq(u64::MAX)));
    let (mut items, mut seq) = (Vec::new(), Seq::NONE);
    for _ in 0..SIFTED_PAGES_MAX {
        let Some(before) = next else {
            break;
        };
        let page = read(before, SIFTED_ROWS.max(limit))?;
        seq = seq.max(page.seq);
        next = page.value.next;
        for item in page.value.items.into_iter().filter(&wanted) {
            if items.len() == limit {
                let value = Page {
                    next: items.last().map(place),
                    items,
                };
                return Ok(Observed { value, seq });
            }
            items.push(item);
        }
    }
    let value = Page { items, next };
    Ok(Observed { value, seq })
}

/// The newest of some rows as a page.
pub(super) fn newest<T>(mut found: BTreeMap<Seq, T>, limit: usize) -> Page<T> {
    let more = found.len() > limit;
    while found.len() > limit {
        found.pop_first();
    }
    let next = found.first_key_value().map(|(seq, _)| *seq);
    Page {
        next: next.filter(|_| more),
        items: found.into_values().rev().collect(),
    }
}
