//! Payment links in a workload: made, most of them paid, by whatever comes first; corrected,
//! claimed twice, decided about, and paid late, short, in other money, or by nobody.

use std::collections::VecDeque;

use rand::RngExt;

use super::{Operation, OrderOperation, Workload};
use crate::engine::command::{NewOrder, NewPayment, PartnerChange};
use crate::engine::document::TransferKind;
use crate::engine::settings::SettingsChange;
use crate::id::{Mobile, OrderReference, PartnerNumber, Utr};
use crate::money::Amount;
use crate::time::Span;

/// Orders that are remembered for what else may come of them.
const REMEMBERED: usize = 48;

/// Orders among which the next one is mostly found.
const LATELY: usize = 5;

/// The currency of every partner's own calls.
const CURRENCY: &str = "USD";

/// An order as the workload guesses it to be.
#[derive(Clone)]
pub(super) struct Ordered {
    partner: PartnerNumber,
    new: NewOrder,
    reference: OrderReference,
    utr: Option<Utr>,
}

/// What the workload remembers of orders.
#[derive(Default)]
pub(super) struct Orders {
    known: VecDeque<Ordered>,
    utrs: u64,
}

impl Workload {
    /// One thing that a partner, a payer, the bank or an operator does about orders.
    pub(super) fn order_something(&mut self) {
        let Some(place) = self.orders.known.len().checked_sub(1) else {
            return self.make_order();
        };
        // Of old ones time has mostly made an end.
        let oldest = match self.chance(4) {
            true => 0,
            false => place.saturating_sub(LATELY),
        };
        let place = self.random.random_range(oldest..=place);
        match self.random.random_range(0..38) {
            0..9 => self.make_order(),
            9..11 => self.make_order_again(place),
            11..17 => self.pay(place),
            17..22 => self.name_and_pay(place),
            22..24 => self.name_anothers(place),
            24..26 => self.correct(place),
            26 => self.name_for_many(place),
            27 => self.cancel_order(place),
            28..31 => self.decide_on_order(place),
            31 => self.pay_into_a_full_wallet(),
            32..35 => self.join(place),
            35 => self.join_too_late(),
            36 => self.pay_while_its_partner_is_over(place),
            _ => self.set_credit_on_payment(),
        }
    }

    fn order(&mut self, operation: OrderOperation) {
        self.queue.push_back(Operation::Order(operation));
    }

    fn make_order(&mut self) {
        let partner = PartnerNumber(self.random.random_range(1..=4));
        let mobile = self.payers_mobile(partner);
        self.make_order_for(partner, mobile);
    }

    fn make_order_for(&mut self, partner: PartnerNumber, mobile: Option<Mobile>) {
        let cents = self.random.random_range(1..=90_000);
        let new = NewOrder {
            id: self.word().parse().expect("a word is an order's name"),
            amount: Amount::from_cents(cents).expect("below the limit"),
            note: self.chance(2).then(|| "paid".parse().expect("a note")),
            mobile,
            email: None,
        };
        let reference = self.word().parse().expect("a word is a reference");
        let ordered = Ordered {
            partner,
            new,
            reference,
            utr: None,
        };
        self.order(OrderOperation::Create {
            partner,
            new: ordered.new.clone(),
            reference: ordered.reference.clone(),
        });
        if self.orders.known.len() == REMEMBERED {
            self.orders.known.pop_front();
        }
        self.orders.known.push_back(ordered);
    }

    /// Mostly a user's of the partner, who may have a wallet.
    fn payers_mobile(&mut self, partner: PartnerNumber) -> Option<Mobile> {
        if self.chance(4) {
            return None;
        }
        let of_user = self.users.mobile_of(partner);
        of_user.or_else(|| Some("5550000".parse().expect("a mobile number")))
    }

    /// The same asked for again, or its name for something else.
    fn make_order_again(&mut self, place: usize) {
        let Ordered {
            mut partner,
            mut new,
            ..
        } = self.orders.known[place].clone();
        match self.random.random_range(0..6) {
            0 => new.amount = Amount::from_cents(new.amount.cents() + 1).expect("a cent more"),
            1 => new.note = Some("other".parse().expect("a note")),
            2 => new.email = Some("a@example.com".parse().expect("an address")),
            3 => partner = PartnerNumber(partner.0 % 4 + 1),
            _ => {}
        }
        let reference = self.word().parse().expect("a word is a reference");
        self.order(OrderOperation::Create {
            partner,
            new,
            reference,
        });
    }

    /// An order for which a UTR was named lately, with that and its amount.
    pub(super) fn lately_named(&self) -> Option<(OrderReference, Utr, Amount)> {
        let lately = self.orders.known.iter().rev().take(LATELY);
        let mut named = lately.filter(|of| of.utr.is_some());
        let named = named.next()?;
        Some((
            named.reference.clone(),
            named.utr.clone()?,
            named.new.amount,
        ))
    }

    /// A UTR that no other lane and no earlier call gives.
    fn fresh_utr(&mut self) -> Utr {
        self.orders.utrs += 1;
        let utr = format!("{:03}{:09}", self.shape.lane, self.orders.utrs);
        utr.parse().expect("twelve digits are a UTR")
    }

    fn name_utr(&mut self, place: usize, utr: &Utr) {
        let known = &mut self.orders.known[place];
        known.utr = Some(utr.clone());
        let (reference, utr) = (known.reference.clone(), utr.clone());
        self.order(OrderOperation::NameUtr { reference, utr });
    }

    fn payment_of(&mut self, place: usize, utr: &Utr) -> NewPayment {
        let ordered = &self.orders.known[place];
        NewPayment {
            wallet_type: "upi".parse().expect("a wallet type"),
            reference: utr.reference(),
            amount: ordered.new.amount,
            currency: CURRENCY.parse().expect("a currency"),
            account: None,
            received_at: None,
            payer: None,
            note: None,
            suspicious: false,
        }
    }

    /// The bank tells of an order's money, mostly as it should be.
    fn receive_for(&mut self, place: usize, utr: &Utr) {
        let mut new = self.payment_of(place, utr);
        match self.random.random_range(0..16) {
            0 => new.amount = Amount::from_cents(new.amount.cents() + 1).expect("a cent more"),
            1 => new.amount = Amount::from_cents(1).expect("a cent"),
            2 => new.currency = "INR".parse().expect("a currency"),
            3 => new.suspicious = true,
            4 => new.wallet_type = "paytm".parse().expect("a wallet type"),
            _ => {}
        }
        self.received_lately(&new);
        self.queue.push_back(Operation::Receive(new));
    }

    /// Money for the UTR that the order names, if it names one.
    fn pay(&mut self, place: usize) {
        match self.orders.known[place].utr.clone() {
            Some(utr) => self.receive_for(place, &utr),
            None => self.name_and_pay(place),
        }
    }

    /// Both, in one order or the other; sometimes too late.
    fn name_and_pay(&mut self, place: usize) {
        let utr = self.fresh_utr();
        let (named_first, late) = (self.chance(2), self.shape.alone && self.chance(8));
        if named_first {
            self.name_utr(place, &utr);
        } else {
            self.receive_for(place, &utr);
        }
        if late {
            self.seconds += 1800;
            let span = Span::from_seconds(1800);
            self.queue.push_back(Operation::Advance(span));
        }
        if named_first {
            self.receive_for(place, &utr);
        } else {
            self.name_utr(place, &utr);
        }
    }

    /// The partner is disabled when the money comes.
    fn pay_while_its_partner_is_over(&mut self, place: usize) {
        if !self.shape.alone {
            return;
        }
        let (partner, utr) = (self.orders.known[place].partner, self.fresh_utr());
        self.set_disabled(partner, false);
        self.name_utr(place, &utr);
        self.set_disabled(partner, true);
        self.receive_for(place, &utr);
        self.set_disabled(partner, false);
    }

    /// An order names what another one names.
    fn name_anothers(&mut self, place: usize) {
        let other = self.index(self.orders.known.len());
        if let Some(utr) = self.orders.known[other].utr.clone() {
            self.name_utr(place, &utr);
        }
    }

    /// As often as that is allowed, and once more.
    fn correct(&mut self, mut place: usize) {
        if self.chance(2) {
            self.make_order();
            place = self.orders.known.len() - 1;
        }
        for _ in 0..self.random.random_range(1..9) {
            let utr = self.fresh_utr();
            self.name_utr(place, &utr);
        }
    }

    /// More orders name one UTR than may.
    fn name_for_many(&mut self, place: usize) {
        let utr = self.fresh_utr();
        self.name_utr(place, &utr);
        for _ in 0..17 {
            self.make_order();
            self.name_utr(self.orders.known.len() - 1, &utr);
        }
        self.receive_for(self.orders.known.len() - 1, &utr);
    }

    /// A user has so much that a payment has no room.
    fn pay_into_a_full_wallet(&mut self) {
        if !self.shape.alone {
            return;
        }
        let (partner, mobile) = self.order_for_a_new_user();
        let most = Amount::MAX.cents();
        self.send_transfer(partner, TransferKind::Deposit, mobile, most);
        self.name_and_pay(self.orders.known.len() - 1);
    }

    fn change_settings(&mut self, partner: PartnerNumber, settings: SettingsChange) {
        let change = PartnerChange {
            settings,
            ..PartnerChange::default()
        };
        let change = Operation::ChangePartner(partner, change);
        self.queue.push_back(change);
    }

    fn cancel_order(&mut self, place: usize) {
        let Ordered { partner, new, .. } = &self.orders.known[place];
        let (partner, id) = (*partner, new.id.clone());
        // Sometimes another partner's, which is nobody's.
        let partner = match self.chance(6) {
            true => PartnerNumber(partner.0 % 4 + 1),
            false => partner,
        };
        self.order(OrderOperation::Cancel { partner, id });
    }

    fn decide_on_order(&mut self, place: usize) {
        let reference = self.orders.known[place].reference.clone();
        let named = self.orders.known[place].utr.clone();
        let approve = |utr| OrderOperation::Approve {
            reference: reference.clone(),
            utr,
        };
        let operation = match self.random.random_range(0..8) {
            0 => {
                let utr = self.fresh_utr();
                self.orders.known[place].utr = Some(utr.clone());
                self.order(approve(Some(utr.clone())));
                return self.receive_for(place, &utr);
            }
            1 => {
                let other = self.index(self.orders.known.len());
                approve(self.orders.known[other].utr.clone())
            }
            2..5 => approve(None),
            5 => approve(named),
            _ => OrderOperation::Reject(reference),
        };
        self.order(operation);
    }

    /// An operator's word pays an order; then the operator says which payment that was, if one came.
    fn join(&mut self, place: usize) {
        let reference = self.orders.known[place].reference.clone();
        let approve = |utr| OrderOperation::Approve {
            reference: reference.clone(),
            utr,
        };
        self.order(approve(None));
        let utr = self.fresh_utr();
        if !self.chance(6) {
            self.receive_for(place, &utr);
        }
        self.order(approve(Some(utr)));
    }

    /// The same for a user who has spent the word's money by the time that less of it comes.
    fn join_too_late(&mut self) {
        if !self.shape.alone {
            return;
        }
        let (partner, mobile) = self.order_for_a_new_user();
        let place = self.orders.known.len() - 1;
        let Ordered { new, reference, .. } = self.orders.known[place].clone();
        self.order(OrderOperation::Approve {
            reference: reference.clone(),
            utr: None,
        });
        let cents = new.amount.cents();
        self.send_transfer(partner, TransferKind::Withdrawal, mobile, cents);
        let utr = self.fresh_utr();
        let mut less = self.payment_of(place, &utr);
        less.amount = Amount::from_cents(1).expect("a cent");
        self.received_lately(&less);
        self.queue.push_back(Operation::Receive(less));
        let utr = Some(utr);
        self.order(OrderOperation::Approve { reference, utr });
    }

    /// An order whose money goes into a wallet that holds nothing.
    fn order_for_a_new_user(&mut self) -> (PartnerNumber, Mobile) {
        self.register_user(false);
        let (partner, mobile) = self.users.newest();
        let settings = SettingsChange {
            credit_on_payment: Some(true),
            ..SettingsChange::default()
        };
        self.change_settings(partner, settings);
        self.make_order_for(partner, Some(mobile.clone()));
        (partner, mobile)
    }

    /// Whether a partner's payments go to its users.
    fn set_credit_on_payment(&mut self) {
        if !self.shape.alone {
            return;
        }
        let partner = PartnerNumber(self.random.random_range(1..=4));
        let settings = SettingsChange {
            credit_on_payment: Some(!self.chance(4)),
            ..SettingsChange::default()
        };
        self.change_settings(partner, settings);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Expected;
    use super::super::seen::{SHAPE, assert_often, named};
    use crate::engine::document::PaymentState;

    #[test]
    fn whatever_may_come_of_an_order_and_of_a_payment_comes_up() {
        let (model, seen) = named(SHAPE, 300_000, |came| match came {
            Expected::Ordered { state, .. } => Some(state.to_owned()),
            Expected::NotForOrder(refusal) => Some(format!("{refusal:?}")),
            Expected::Received { state, .. } => Some(match state {
                PaymentState::Matched(_) => "Matched".to_owned(),
                state => format!("{state:?}"),
            }),
            _ => None,
        });
        let due = [
            ("PENDING", 500),
            ("SUCCESS", 100),
            ("FAILED", 10),
            ("EXPIRED", 10),
            ("CANCELLED", 5),
            ("Unknown", 1),
            ("IdUsed", 5),
            ("NotPending", 50),
            ("TooManyCorrections", 5),
            ("TooManyClaims", 10),
            ("PartnerNotLive", 5),
            ("PaymentUnknown", 5),
            ("PaymentTaken", 1),
            ("OtherCurrency", 5),
            ("InsufficientFunds", 1),
            ("BalanceOutOfRange", 1),
            ("Unclaimed", 50),
            ("Matched", 50),
            ("Waiting(Suspicious)", 5),
            ("Waiting(SeveralOrders)", 5),
            ("Waiting(Late)", 5),
            ("Waiting(PartnerNotLive)", 5),
            ("Waiting(OtherCurrency)", 5),
            ("Waiting(OtherAmount)", 5),
            ("Waiting(WalletFull)", 1),
        ];
        assert_often(&seen, &due);
        let to_wallets = model.balances().flat_map(|(key, _)| model.history(key));
        assert!(to_wallets.filter(|line| line.kind == "payment").count() > 10);
    }
}
