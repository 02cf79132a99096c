//! Merchants' deposits in a workload: asked for, paid before and after, saved up, named and left
//! names for, claimed with an order's number; decided, told of, and paid late, short, or by nobody.

use std::collections::VecDeque;

use rand::RngExt;

use super::hosted::Pages;
use super::{DepositOperation, Operation, OrderOperation, Workload};
use crate::engine::activation::NewDeposit;
use crate::engine::command::NewPayment;
use crate::engine::deposit::Way;
use crate::id::{DepositReference, GatewayText, Label, PartnerNumber, PaymentReference};
use crate::money::{Amount, Currency};
use crate::time::Span;

/// In whose payment system deposits of a lane's own currency are saved up.
pub const SAVING: &str = "paytm";

/// Until there are so many cents.
pub const MINIMUM: u64 = 20_000;

/// Deposits that are remembered for what else may come of them.
const REMEMBERED: usize = 48;

/// Deposits among which the next one is mostly found.
const LATELY: usize = 6;

/// Payers of a lane: few, so that their savings meet.
const LABELS: u64 = 3;

const WALLET_TYPES: [&str; 4] = [SAVING, SAVING, "upi", "bkash"];

/// The currency of orders, with which a deposit may contend.
const OF_ORDERS: &str = "USD";

/// A deposit as it was asked for, and what its payer pays.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) partner: PartnerNumber,
    pub(super) new: NewDeposit,
    pub(super) cents: u64,
}

/// What the workload remembers of deposits.
#[derive(Default)]
pub(super) struct Deposits {
    known: VecDeque<Asked>,
    pub(super) pages: Pages,
}

/// A currency of one lane alone: what a merchant has in it is nobody else's business.
pub fn currency_of(lane: u8) -> Currency {
    let letter = |place: u8| char::from(b'A' + place);
    let text: String = ['W', letter(lane / 26), letter(lane % 26)].iter().collect();
    text.parse().expect("three capital letters")
}

impl Workload {
    /// One thing that a merchant, the bank, an operator or a sender does about deposits.
    pub(super) fn deposit_something(&mut self) {
        let Some(last) = self.deposits.known.len().checked_sub(1) else {
            return self.deposit_and_pay();
        };
        let oldest = match self.chance(4) {
            true => 0,
            false => last.saturating_sub(LATELY),
        };
        let place = self.random.random_range(oldest..=last);
        match self.random.random_range(0..30) {
            0..7 => self.deposit_and_pay(),
            7..10 => self.deposit_again(place),
            10..12 => self.pay_deposit(place),
            12..16 => self.decide_on_deposit(place),
            16..18 => self.leave_id(),
            18..22 => self.try_to_tell(place),
            22 => self.deposit_late(),
            23 => self.pay_after_a_word(),
            24..29 => self.page_something(),
            _ => self.contend_with_an_order(),
        }
    }

    pub(super) fn deposit(&mut self, operation: DepositOperation) {
        self.queue.push_back(Operation::Deposit(operation));
    }

    pub(super) fn label(&mut self) -> Label {
        // One saves more than the others do.
        let number = match self.chance(2) {
            true => 0,
            false => self.random.random_range(0..LABELS),
        };
        let text = format!("L{}_{number}", self.shape.lane);
        text.parse().expect("a label")
    }

    pub(super) fn new_deposit(&mut self) -> Asked {
        let wallet_type = WALLET_TYPES[self.index(WALLET_TYPES.len())];
        let cents = match self.chance(6) {
            true => self.random.random_range(MINIMUM - 1..=MINIMUM + 1),
            false => self.random.random_range(3_000..=18_000),
        };
        let said = match self.random.random_range(0..8) {
            0 => Some(cents + 1),
            1..5 => Some(cents),
            _ => None,
        };
        let amount = said.map(|cents| Amount::from_cents(cents).expect("below the limit"));
        let way = match self.chance(8) {
            true => Way::Hand { screenshot: None },
            false => Way::Code,
        };
        let word = |workload: &mut Workload| workload.word();
        let partner = match self.chance(2) {
            true => 1,
            false => self.random.random_range(1..=4),
        };
        Asked {
            partner: PartnerNumber(partner),
            cents,
            new: NewDeposit {
                reference: self.deposit_reference(),
                wallet_type: wallet_type.parse().expect("a wallet type"),
                currency: currency_of(self.shape.lane),
                label: self.label(),
                key1: word(self).parse().expect("a word is a number"),
                amount,
                custom_transaction_id: Some(self.custom_id()),
                way,
            },
        }
    }

    pub(super) fn deposit_reference(&mut self) -> DepositReference {
        self.word().parse().expect("a word is a reference")
    }

    pub(super) fn custom_id(&mut self) -> GatewayText {
        self.word().parse().expect("a word is a name")
    }

    /// A number that some deposit may have.
    pub(super) fn any_number(&mut self) -> PaymentReference {
        let place = self.index(self.deposits.known.len());
        self.deposits.known[place].new.key1.clone()
    }

    pub(super) fn remember(&mut self, asked: &Asked) {
        if self.deposits.known.len() == REMEMBERED {
            self.deposits.known.pop_front();
        }
        self.deposits.known.push_back(asked.clone());
    }

    pub(super) fn activate(&mut self, asked: &Asked) {
        self.remember(asked);
        self.deposit(DepositOperation::Activate {
            partner: asked.partner,
            new: asked.new.clone(),
        });
    }

    /// The bank tells of a deposit's money, mostly as it should be.
    pub(super) fn receive_deposit(&mut self, asked: &Asked) {
        let mut new = NewPayment {
            wallet_type: asked.new.wallet_type,
            reference: asked.new.key1.clone(),
            amount: Amount::from_cents(asked.cents).expect("below the limit"),
            currency: asked.new.currency,
            account: None,
            received_at: None,
            payer: self.chance(2).then(|| "payer".parse().expect("a detail")),
            note: None,
            suspicious: false,
        };
        match self.random.random_range(0..16) {
            0 => new.amount = Amount::from_cents(1).expect("a cent"),
            1 => new.currency = "EUR".parse().expect("a currency"),
            2 => new.suspicious = true,
            _ => {}
        }
        self.received_lately(&new);
        self.queue.push_back(Operation::Receive(new));
    }

    /// Both, in one order or the other.
    fn deposit_and_pay(&mut self) {
        let asked = self.new_deposit();
        self.say_and_pay(&asked, |workload| workload.activate(&asked));
    }

    /// Its number is said, and the bank tells of it, in one order or the other.
    pub(super) fn say_and_pay(&mut self, asked: &Asked, say: impl FnOnce(&mut Workload)) {
        match self.random.random_range(0..5) {
            0 => say(self),
            1..3 => {
                say(self);
                self.receive_deposit(asked);
            }
            _ => {
                self.receive_deposit(asked);
                say(self);
            }
        }
    }

    /// The same asked for again, or its number or its name for something else.
    fn deposit_again(&mut self, place: usize) {
        let before = self.deposits.known[place].clone();
        let mut asked = before.clone();
        asked.new.reference = self.deposit_reference();
        match self.random.random_range(0..8) {
            0 => asked.new.label = self.label(),
            1 => asked.partner = PartnerNumber(asked.partner.0 % 4 + 1),
            2 => asked.new.custom_transaction_id = None,
            3 => asked.new.custom_transaction_id = Some(self.custom_id()),
            4 => asked.new.key1 = self.word().parse().expect("a word is a number"),
            // Another number: they are unique in their wallet type.
            5 => asked.new.wallet_type = "nagad".parse().expect("a wallet type"),
            _ => {}
        }
        self.activate(&asked);
    }

    fn pay_deposit(&mut self, place: usize) {
        let asked = self.deposits.known[place].clone();
        self.receive_deposit(&asked);
    }

    fn decide_on_deposit(&mut self, place: usize) {
        let reference = self.deposits.known[place].new.reference.clone();
        let word = match self.chance(3) {
            true => DepositOperation::Reject(reference),
            false => DepositOperation::Approve(reference),
        };
        self.deposit(word);
    }

    /// An operator gives a word before the payment comes, which is mostly another one.
    fn pay_after_a_word(&mut self) {
        let mut asked = self.new_deposit();
        asked.new.amount = Amount::from_cents(asked.cents);
        self.activate(&asked);
        let word = DepositOperation::Approve(asked.new.reference.clone());
        self.deposit(word.clone());
        if self.chance(2) {
            // Told of before its payment comes, and perhaps saved up to the minimum.
            let place = self.deposits.known.len() - 1;
            self.try_to_tell(place);
        }
        asked.cents = self.random.random_range(3_000..=18_000);
        self.receive_deposit(&asked);
        self.deposit(word);
    }

    /// A name is left for a label, perhaps one that is used; mostly a deposit takes it.
    fn leave_id(&mut self) {
        let mut asked = self.new_deposit();
        let known = self.deposits.known.len();
        let used = match known > 0 && self.chance(6) {
            true => {
                let place = self.index(known);
                let of = &self.deposits.known[place];
                (of.partner, of.new.custom_transaction_id.clone())
            }
            false => (asked.partner, None),
        };
        let id = used.1.unwrap_or_else(|| self.custom_id());
        let (partner, label) = (used.0, asked.new.label.clone());
        self.deposit(DepositOperation::LeaveId { partner, label, id });
        if !self.chance(4) {
            asked.new.custom_transaction_id = None;
            asked.partner = partner;
            self.activate(&asked);
            self.receive_deposit(&asked);
        }
    }

    fn try_to_tell(&mut self, place: usize) {
        let Asked { partner, new, .. } = &self.deposits.known[place];
        let (partner, name) = (*partner, new.custom_transaction_id.clone());
        let Some(name) = name else {
            return;
        };
        let name = name.as_str().parse().expect("both are lines");
        let taken = self.chance(2);
        self.deposit(DepositOperation::TryPostback {
            partner,
            name,
            taken,
        });
    }

    /// Its payment comes when nobody waits for it any more.
    fn deposit_late(&mut self) {
        if !self.shape.alone {
            return;
        }
        let asked = self.new_deposit();
        self.activate(&asked);
        let three_days = 3 * 24 * 60 * 60;
        self.seconds += u64::from(three_days);
        let span = Span::from_seconds(three_days);
        self.queue.push_back(Operation::Advance(span));
        self.receive_deposit(&asked);
    }

    /// A deposit is asked for with the number that an order's payer has named.
    fn contend_with_an_order(&mut self) {
        let Some((order, utr, amount)) = self.lately_named() else {
            return;
        };
        let mut asked = self.new_deposit();
        let of_orders: Currency = OF_ORDERS.parse().expect("a currency");
        let key1: PaymentReference = utr.reference();
        asked.cents = amount.cents();
        asked.new = NewDeposit {
            wallet_type: "upi".parse().expect("a wallet type"),
            currency: of_orders,
            amount: self.chance(2).then_some(amount),
            key1,
            ..asked.new
        };
        self.activate(&asked);
        let is_paid = self.chance(2);
        if is_paid {
            self.receive_deposit(&asked);
        }
        if self.chance(if is_paid { 2 } else { 4 }) {
            // An operator gives the order what both ask for, and then the deposit.
            let (reference, utr) = (order, None);
            let approve = OrderOperation::Approve { reference, utr };
            self.queue.push_back(Operation::Order(approve));
            self.deposit(DepositOperation::Approve(asked.new.reference));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::seen::{SHAPE, assert_often, named};
    use super::super::{Expected, Shape};
    use crate::engine::document::PaymentState;

    #[test]
    fn whatever_may_come_of_a_deposit_comes_up() {
        let shape = Shape {
            merchants: true,
            ..SHAPE
        };
        let (model, seen) = named(shape, 60_000, |came| match came {
            Expected::Deposited(_, state) => Some(state.to_owned()),
            Expected::NotDeposited(refusal) => Some(format!("{refusal:?}")),
            Expected::Received {
                state: PaymentState::Waiting(reason),
                ..
            } => Some(format!("{reason:?}")),
            _ => None,
        });
        let due = [
            ("possible", 500),
            ("expired", 5),
            ("waiting", 200),
            ("saved", 200),
            ("credited", 500),
            ("rejected", 50),
            ("Unknown", 1),
            ("Key1Used", 50),
            ("CustomIdMissing", 5),
            ("CustomIdUsed", 50),
            ("Rejected", 5),
            ("Activated", 50),
            ("PaymentTaken", 1),
            ("AmountUnknown", 20),
            ("OtherCurrency", 5),
            ("OrderToo", 2),
            ("DepositExpired", 5),
            ("DepositCurrency", 20),
            ("DepositAmount", 20),
            ("ByHand", 20),
        ];
        assert_often(&seen, &due);
        let told = model.told_of_deposits();
        assert!(told.filter(|(_, tries)| tries.0 > 0).count() > 50);
    }
}
