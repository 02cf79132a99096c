//! Money that is said to have come in a workload: most of it once, some twice, some with another
//! story the second time.

use rand::RngExt;

use super::{Operation, Workload};
use crate::engine::command::NewPayment;
use crate::money::Amount;
use crate::time::{Span, Timestamp};

/// Payments that are remembered for repetition.
const REMEMBERED: usize = 64;

const WALLET_TYPES: [&str; 3] = ["upi", "upi_p2p", "paytm"];

impl Workload {
    /// A payment comes, or one that has come is told of again.
    pub(super) fn receive_payment(&mut self) {
        let known = self.received.len();
        let new = match self.random.random_range(0..6) {
            0 if known > 0 => {
                let place = self.index(known);
                self.received[place].clone()
            }
            1 if known > 0 => self.other_story(),
            _ => self.new_payment(),
        };
        self.received_lately(&new);
        self.queue.push_back(Operation::Receive(new));
    }

    /// It may be told of again.
    pub(super) fn received_lately(&mut self, new: &NewPayment) {
        if self.received.len() < REMEMBERED {
            self.received.push(new.clone());
        } else {
            let place = self.index(REMEMBERED);
            self.received[place] = new.clone();
        }
    }

    fn new_payment(&mut self) -> NewPayment {
        let wallet_type = WALLET_TYPES[self.index(WALLET_TYPES.len())];
        let currency = ["USD", "INR"][self.index(2)];
        let cents = self.random.random_range(1..=500_000);
        let said = |is_said: bool, text: &str| is_said.then(|| text.parse().expect("a detail"));
        NewPayment {
            wallet_type: wallet_type.parse().expect("a wallet type"),
            reference: self.word().parse().expect("a word is a reference"),
            amount: Amount::from_cents(cents).expect("below the limit"),
            currency: currency.parse().expect("a currency"),
            account: said(self.chance(2), "acc"),
            received_at: self.chance(2).then_some(Timestamp::EPOCH),
            payer: said(self.chance(2), "payer"),
            note: said(self.chance(4), "note"),
            suspicious: self.chance(8),
        }
    }

    /// A payment that is known, told of in another way, which may still be the same.
    fn other_story(&mut self) -> NewPayment {
        let place = self.index(self.received.len());
        let mut other = self.received[place].clone();
        match self.random.random_range(0..6) {
            0 => other.amount = Amount::from_cents(other.amount.cents() + 1).expect("a cent more"),
            1 => other.currency = "EUR".parse().expect("a currency"),
            // Another payment: references are unique in their wallet type.
            2 => other.wallet_type = "nagad".parse().expect("a wallet type"),
            3 => other.received_at = None,
            4 => other.received_at = Some(Timestamp::EPOCH.plus(Span::from_seconds(1))),
            _ => other.suspicious = !other.suspicious,
        }
        other
    }
}
