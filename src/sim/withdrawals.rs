//! Merchants' withdrawals in a workload: asked for, asked for again, with other content, under a
//! name that was moved; decided; and told of, to merchants who take it or do not.

use rand::RngExt;

use super::deposits::currency_of;
use super::{Operation, Workload};
use crate::engine::withdrawal::{Asked, NewWithdrawal, PayoutDetails, WithdrawalWord};
use crate::id::{PartnerNumber, WithdrawalId};
use crate::money::Amount;
use crate::secret::hex_encode;

/// Withdrawals that are remembered for repetition.
const REMEMBERED: usize = 64;

const WALLET_TYPES: [&str; 3] = ["upi_ib", "bkash", "paytm"];

impl Workload {
    /// Something happens to a withdrawal.
    pub(super) fn withdraw(&mut self) {
        let known = self.withdrawn.len();
        match self.random.random_range(0..12) {
            0..2 if known > 0 => {
                let place = self.index(known);
                let (partner, new) = self.withdrawn[place].clone();
                self.ask(partner, new);
            }
            2 if known > 0 => self.ask_otherwise(),
            3..6 if known > 0 => self.decide_withdrawal(),
            6..9 if known > 0 => self.try_postback(),
            _ => {
                let partner = PartnerNumber(self.random.random_range(1..=4));
                let new = self.new_withdrawal();
                if known < REMEMBERED {
                    self.withdrawn.push((partner, new.clone()));
                } else {
                    let place = self.index(REMEMBERED);
                    self.withdrawn[place] = (partner, new.clone());
                }
                self.ask(partner, new);
            }
        }
    }

    fn ask(&mut self, partner: PartnerNumber, new: NewWithdrawal) {
        self.queue.push_back(Operation::Withdraw { partner, new });
    }

    fn new_withdrawal(&mut self) -> NewWithdrawal {
        let word = self.word();
        let signature = blake3::hash(word.as_bytes());
        let said = |is_said: bool, text: &str| is_said.then(|| text.parse().expect("a text"));
        let wallet_type = WALLET_TYPES[self.index(WALLET_TYPES.len())];
        let cents = self.random.random_range(1..=50_000);
        let details = PayoutDetails {
            account_number: said(self.chance(2), "11111111"),
            bank_code: said(self.chance(4), "MAHB0001821"),
            ..PayoutDetails::default()
        };
        NewWithdrawal {
            id: (!self.chance(4)).then(|| word.parse().expect("a word is a name")),
            made: format!("made_{word}").parse().expect("a word is a name"),
            signature: hex_encode(&signature.as_bytes()[..20])
                .parse()
                .expect("40 digits"),
            asked: Asked {
                wallet_type: wallet_type.parse().expect("a wallet type"),
                amount: Amount::from_cents(cents).expect("below the limit"),
                currency: currency_of(self.shape.lane),
                label: "55".parse().expect("a label"),
                is_test: self.chance(6),
                comment: said(self.chance(3), "withdrawal"),
                details,
                old_form: None,
            },
        }
    }

    /// One that is known, with something else in it.
    fn ask_otherwise(&mut self) {
        let place = self.index(self.withdrawn.len());
        let (partner, mut new) = self.withdrawn[place].clone();
        match self.random.random_range(0..5) {
            0 => {
                new.asked.amount = Amount::from_cents(new.asked.amount.cents() + 1).expect("a cent")
            }
            1 => new.asked.is_test = !new.asked.is_test,
            2 => new.asked.details.iban = Some("x".parse().expect("a text")),
            // Its name is moved to where none stands, which the signature does not tell.
            3 => new.id = None,
            _ => new.id = Some(self.word().parse().expect("a word is a name")),
        }
        self.ask(partner, new);
    }

    fn known_withdrawal(&mut self) -> (PartnerNumber, WithdrawalId) {
        let place = self.index(self.withdrawn.len());
        let (partner, new) = &self.withdrawn[place];
        let id = new.id.as_ref().unwrap_or(&new.made);
        (*partner, id.clone())
    }

    fn decide_withdrawal(&mut self) {
        let (partner, id) = self.known_withdrawal();
        let reason = || "simulated".parse().expect("a reason");
        let word = match self.random.random_range(0..3) {
            0 => WithdrawalWord::Reject(reason()),
            1 => WithdrawalWord::Approve(Some(reason())),
            _ => WithdrawalWord::Approve(None),
        };
        (self.queue).push_back(Operation::DecideWithdrawal { partner, id, word });
    }

    fn try_postback(&mut self) {
        let (partner, id) = self.known_withdrawal();
        let taken = self.chance(2);
        (self.queue).push_back(Operation::TryPostback { partner, id, taken });
    }
}
