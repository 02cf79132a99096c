//! The naive model's reading of operations.md, Received payments.

use std::collections::BTreeMap;

use super::{Expected, Model, cents};
use crate::engine::command::NewPayment;
use crate::engine::refusal::OperatorRefusal;
use crate::money::Currency;

/// "`(wallet_type, reference)` is unique".
#[derive(Clone, Debug, Default)]
pub(super) struct Payments {
    known: BTreeMap<(String, String), NewPayment>,
}

impl Model {
    pub(super) fn receive(&mut self, new: &NewPayment) -> Expected {
        let key = (new.wallet_type.to_string(), new.reference.to_string());
        if let Some(before) = self.payments.known.get(&key) {
            let mut again = new.clone();
            // Nothing said is the present, which nobody can repeat.
            if again.received_at.is_none() || before.received_at.is_none() {
                again.received_at = before.received_at;
            }
            if again != *before {
                return Expected::Refused(vec![OperatorRefusal::PaymentReferenceUsed]);
            }
            return Expected::Done {
                balance: None,
                repeated: true,
            };
        }
        self.payments.known.insert(key, new.clone());
        self.taken += 1;
        Expected::Done {
            balance: None,
            repeated: false,
        }
    }

    /// Every payment that came.
    pub fn payments(&self) -> impl Iterator<Item = &NewPayment> {
        self.payments.known.values()
    }

    /// "A received payment moves outside to received at once".
    pub(super) fn add_payments(&self, sums: &mut BTreeMap<(Currency, String), i128>) {
        for payment in self.payments() {
            let (wallet_type, amount) = (payment.wallet_type, cents(payment.amount));
            for (account, moved) in [("outside", -amount), ("received", amount)] {
                let account = (payment.currency, format!("{account}/{wallet_type}"));
                *sums.entry(account).or_default() += moved;
            }
        }
    }
}
