//! The naive model's reading of operations.md, Received payments.

use std::collections::BTreeMap;

use super::{Expected, Model, cents};
use crate::engine::command::NewPayment;
use crate::engine::document::PaymentState;
use crate::engine::refusal::OperatorRefusal;
use crate::id::{PaymentReference, WalletType};
use crate::money::Currency;
use crate::time::Timestamp;

/// "`(wallet_type, reference)` is unique".
#[derive(Clone, Debug, Default)]
pub(super) struct Payments {
    known: BTreeMap<(WalletType, PaymentReference), (NewPayment, PaymentState)>,
}

impl Payments {
    pub(super) fn get(
        &self,
        key: &(WalletType, PaymentReference),
    ) -> Option<&(NewPayment, PaymentState)> {
        self.known.get(key)
    }

    /// Says whose a payment is from now on.
    pub(super) fn put(&mut self, key: &(WalletType, PaymentReference), state: PaymentState) {
        let known = self.known.get_mut(key);
        known.expect("it was received before").1 = state;
    }
}

impl Model {
    pub(super) fn receive(&mut self, new: &NewPayment, now: Timestamp) -> Expected {
        let key = (new.wallet_type, new.reference.clone());
        if let Some((before, state)) = self.payments.known.get(&key) {
            let mut again = new.clone();
            // Nothing said is the present, which nobody can repeat.
            if again.received_at.is_none() || before.received_at.is_none() {
                again.received_at = before.received_at;
            }
            if again != *before {
                return Expected::Refused(vec![OperatorRefusal::PaymentReferenceUsed]);
            }
            return Expected::Received {
                state: state.clone(),
                repeated: true,
            };
        }
        let state = self.settle(new, now);
        self.payments
            .known
            .insert(key, (new.clone(), state.clone()));
        self.taken += 1;
        Expected::Received {
            state,
            repeated: false,
        }
    }

    /// Every payment that came, and whose it is.
    pub fn payments(&self) -> impl Iterator<Item = &(NewPayment, PaymentState)> {
        self.payments.known.values()
    }

    /// "A received payment moves outside to received at once".
    pub(super) fn add_payments(&self, sums: &mut BTreeMap<(Currency, String), i128>) {
        for (payment, _) in self.payments() {
            let (wallet_type, amount) = (payment.wallet_type, cents(payment.amount));
            for (account, moved) in [("outside", -amount), ("received", amount)] {
                let account = (payment.currency, format!("{account}/{wallet_type}"));
                *sums.entry(account).or_default() += moved;
            }
        }
    }
}
