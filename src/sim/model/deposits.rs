//! The naive model's reading of paykassma-api.md, Deposits, Savings and Small print.

use std::collections::BTreeMap;

use super::super::deposits::{MINIMUM, SAVING};
use super::super::operation::DepositOperation;
use super::hosted::Page;
use super::{Expected, Model, cents};
use crate::engine::activation::NewDeposit;
use crate::engine::command::NewPayment;
use crate::engine::deposit::Way;
use crate::engine::document::{Claimant, PaymentState, WaitReason};
use crate::engine::refusal::DepositRefusal;
use crate::id::{
    DepositReference, GatewayText, Label, PartnerNumber, PaymentReference, PostbackName, WalletType,
};
use crate::money::{Amount, Currency};
use crate::time::{Span, Timestamp};

/// "if one comes within 3 days".
const LIFE: u32 = 3 * 24 * 60 * 60;

/// What came of a deposit, its expiry aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Open,
    Possible,
    Waiting(WaitReason),
    Saved,
    Credited,
    Rejected,
}

/// A deposit.
#[derive(Clone, Debug)]
pub struct Deposited {
    /// Whose.
    pub partner: PartnerNumber,
    /// In which payment system.
    pub wallet_type: WalletType,
    /// In which currency.
    pub currency: Currency,
    /// Who pays.
    pub label: Label,
    /// How much the merchant said.
    pub amount: Option<Amount>,
    /// Its number, once it has one.
    pub key1: Option<PaymentReference>,
    /// The merchant's name for it.
    pub name: GatewayText,
    /// The page that it is paid on.
    pub page: Option<Page>,
    /// What it brought, once it did.
    pub got: Option<(i128, Currency)>,
    /// Whether it is activated, and its payment is not known.
    pub lacks_payment: bool,
    /// The name of the deposit whose postback tells of it.
    pub told: Option<GatewayText>,
    pub(super) name_was_left: bool,
    pub(super) expires_at: Timestamp,
    pub(super) fate: Fate,
}

impl Deposited {
    /// Its state as operators see it.
    pub fn state(&self, now: Timestamp) -> &'static str {
        match self.fate {
            Fate::Open | Fate::Possible if now >= self.expires_at => "expired",
            Fate::Open => "open",
            Fate::Possible => "possible",
            Fate::Waiting(_) => "waiting",
            Fate::Saved => "saved",
            Fate::Credited => "credited",
            Fate::Rejected => "rejected",
        }
    }
}

pub(super) type Pile = (PartnerNumber, Label, WalletType, Currency);

/// Tries to tell of a deposit, and whether it was taken.
type Tries = (u32, bool);

/// Deposits, and the money that moved for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Deposits {
    pub(super) known: BTreeMap<DepositReference, Deposited>,
    /// "key1 is unique per wallet type over all merchants".
    numbers: BTreeMap<(WalletType, PaymentReference), DepositReference>,
    /// "custom_transaction_id, never repeated".
    pub(super) names: BTreeMap<(PartnerNumber, GatewayText), DepositReference>,
    pub(super) left: BTreeMap<(PartnerNumber, Label), GatewayText>,
    piles: BTreeMap<Pile, Vec<DepositReference>>,
    told: BTreeMap<(PartnerNumber, PostbackName), Tries>,
    /// What went on from what was received, and to whom.
    credited: BTreeMap<(PartnerNumber, WalletType, Currency), i128>,
}

pub(super) fn refused(refusal: DepositRefusal) -> Expected {
    Expected::NotDeposited(refusal)
}

const DONE: Expected = Expected::Done {
    balance: None,
    repeated: false,
};

impl Model {
    pub(super) fn judge_deposit(&mut self, of: &DepositOperation, now: Timestamp) -> Expected {
        match of {
            DepositOperation::Activate { partner, new } => self.activate(*partner, new, now),
            DepositOperation::Page(page) => self.make_page(page, now),
            DepositOperation::NameNumber { reference, key1 } => {
                self.name_number(reference, key1, now)
            }
            DepositOperation::Requisites {
                partner,
                label,
                wallet_type,
                currency,
            } => {
                let of = (*partner, label.clone(), *wallet_type, *currency);
                self.requisites(&of, now)
            }
            DepositOperation::Approve(reference) => self.approve_deposit(reference, now),
            DepositOperation::Reject(reference) => self.reject_deposit(reference, now),
            DepositOperation::LeaveId { partner, label, id } => self.leave(*partner, label, id),
            DepositOperation::TryPostback {
                partner,
                name,
                taken,
            } => {
                if let Some(tries) = self.deposits.told.get_mut(&(*partner, name.clone())) {
                    *tries = (tries.0 + 1, tries.1 | taken);
                    self.taken += 1;
                }
                DONE
            }
        }
    }

    /// Of a deposit that waits on its page for the number, too.
    pub(super) fn activate(
        &mut self,
        partner: PartnerNumber,
        new: &NewDeposit,
        now: Timestamp,
    ) -> Expected {
        let key = (new.wallet_type, new.key1.clone());
        if let Some(reference) = self.deposits.numbers.get(&key) {
            // "same key1, label and custom_transaction_id"
            let before = &self.deposits.known[reference];
            let same_name = match &new.custom_transaction_id {
                Some(name) => *name == before.name,
                None => before.name_was_left,
            };
            let same = same_name
                && before.partner == partner
                && (&before.label, before.currency) == (&new.label, new.currency);
            return match same {
                true => self.told_deposit(&reference.clone(), now),
                false => refused(DepositRefusal::Key1Used),
            };
        }
        let payment = self.payments.get(&key).cloned();
        if let Some((_, PaymentState::Matched(_))) = &payment {
            return refused(DepositRefusal::Key1Used);
        }
        let reference = new.reference.clone();
        let is_open = self.deposits.known.contains_key(&reference);
        let taken_down = match is_open {
            true => self.takes_no_number(&reference, now).map_or(Ok(()), Err),
            false => self.take_down(partner, new),
        };
        if let Err(refusal) = taken_down {
            return refused(refusal);
        }
        let deposit = self.deposit_mut(&reference);
        deposit.key1 = Some(new.key1.clone());
        deposit.expires_at = now.plus(Span::from_seconds(LIFE));
        deposit.fate = match new.way {
            Way::Code => Fate::Possible,
            Way::Hand { .. } => Fate::Waiting(WaitReason::ByHand),
        };
        self.deposits.numbers.insert(key.clone(), reference.clone());
        let of = (partner, new.label.clone(), new.wallet_type, new.currency);
        self.paid_to(&of, &reference);
        self.taken += 1;
        if let Some((payment, before)) = payment {
            // What waits is an operator's to give.
            let is_held = matches!(before, PaymentState::Waiting(_));
            let deposit = self.deposit_mut(&reference);
            if is_held && deposit.fate == Fate::Possible {
                deposit.fate = Fate::Waiting(WaitReason::OrderToo);
            }
            let state = match is_held {
                true => PaymentState::Waiting(WaitReason::OrderToo),
                false => self.settle(&payment, now),
            };
            self.payments.put(&key, state);
        }
        self.told_deposit(&reference, now)
    }

    /// A deposit under its own name, or the one that was left for its label.
    fn take_down(
        &mut self,
        partner: PartnerNumber,
        new: &NewDeposit,
    ) -> Result<(), DepositRefusal> {
        let by = (partner, new.label.clone());
        let own = new.custom_transaction_id.as_ref();
        let name = own.or(self.deposits.left.get(&by)).cloned();
        let name = name.ok_or(DepositRefusal::CustomIdMissing)?;
        let named = (partner, name.clone());
        if self.deposits.names.contains_key(&named) {
            return Err(DepositRefusal::CustomIdUsed);
        }
        let reference = new.reference.clone();
        self.deposits.names.insert(named, reference.clone());
        if own.is_none() {
            self.deposits.left.remove(&by);
            self.forget_left_name(&by);
        }
        let deposited = Deposited {
            partner,
            wallet_type: new.wallet_type,
            currency: new.currency,
            label: new.label.clone(),
            amount: new.amount,
            key1: None,
            name,
            name_was_left: own.is_none(),
            page: None,
            got: None,
            lacks_payment: false,
            told: None,
            expires_at: Timestamp::EPOCH,
            fate: Fate::Open,
        };
        self.deposits.known.insert(reference, deposited);
        Ok(())
    }

    /// What becomes of a payment that is nobody's.
    pub(super) fn settle(&mut self, payment: &NewPayment, now: Timestamp) -> PaymentState {
        let asking = self.deposits.numbers.get(&payment.key()).cloned();
        let asking = asking.filter(|of| self.deposits.known[of].fate != Fate::Rejected);
        let Some(reference) = asking else {
            return self.settle_order(payment, now);
        };
        let deposit = self.deposits.known[&reference].clone();
        if deposit.state(now) == "expired" {
            return match self.settle_order(payment, now) {
                PaymentState::Unclaimed => PaymentState::Waiting(WaitReason::DepositExpired),
                state => state,
            };
        }
        if let Some(reason) = self.reason_for(payment, &deposit, now) {
            if deposit.fate == Fate::Possible {
                self.deposit_mut(&reference).fate = Fate::Waiting(reason);
            }
            return PaymentState::Waiting(reason);
        }
        match deposit.lacks_payment {
            true => self.deposit_mut(&reference).lacks_payment = false,
            false => {
                let got = (cents(payment.amount), payment.currency);
                self.bring(&reference, got);
            }
        }
        PaymentState::Matched(Claimant::Deposit(reference))
    }

    /// Why a payment is left to an operator.
    fn reason_for(
        &self,
        payment: &NewPayment,
        deposit: &Deposited,
        now: Timestamp,
    ) -> Option<WaitReason> {
        if self.order_waits_for(payment, now) {
            return Some(WaitReason::OrderToo);
        }
        let said = deposit.amount.map(cents);
        // What an operator's word has stood for must come as it was said.
        let (amount, currency) = match deposit.got {
            Some((amount, currency)) => (Some(amount), currency),
            None => (said, deposit.currency),
        };
        if deposit.got.is_none() {
            if payment.suspicious {
                return Some(WaitReason::Suspicious);
            }
            if let Fate::Waiting(reason) = deposit.fate {
                return Some(reason);
            }
        }
        if payment.currency != currency {
            return Some(WaitReason::DepositCurrency);
        }
        let differs = amount.is_some_and(|amount| amount != cents(payment.amount));
        differs.then_some(WaitReason::DepositAmount)
    }

    /// "when their sum reaches it, they are credited together and one postback tells it".
    fn bring(&mut self, reference: &DepositReference, (amount, currency): (i128, Currency)) {
        let wallet_type = self.deposits.known[reference].wallet_type;
        let saves = wallet_type.as_str() == SAVING && currency.as_str().starts_with('W');
        let minimum = if saves { i128::from(MINIMUM) } else { 0 };
        match amount < minimum {
            true => self.save(reference, (amount, currency)),
            false => self.credit(std::slice::from_ref(reference), (amount, currency)),
        }
    }

    /// It goes to what is saved up, and all of that on where it is enough.
    fn save(&mut self, reference: &DepositReference, (amount, currency): (i128, Currency)) {
        let deposit = self.deposit_mut(reference);
        deposit.got = Some((amount, currency));
        deposit.fate = Fate::Saved;
        let (partner, label) = (deposit.partner, deposit.label.clone());
        let pile = (partner, label, deposit.wallet_type, currency);
        let saved = self.deposits.piles.entry(pile.clone()).or_default();
        saved.push(reference.clone());
        let together = saved.clone();
        let got = |of: &DepositReference| self.deposits.known[of].got.expect("it was brought").0;
        let sum: i128 = together.iter().map(got).sum();
        if sum >= i128::from(MINIMUM) {
            self.deposits.piles.remove(&pile);
            self.credit(&together, (sum, currency));
        }
    }

    /// All of them go on together, as the last one's postback tells.
    fn credit(&mut self, together: &[DepositReference], (sum, currency): (i128, Currency)) {
        let last = together.last().expect("at least one is credited");
        let last = self.deposits.known[last].clone();
        for of in together {
            let deposit = self.deposit_mut(of);
            deposit.got.get_or_insert((sum, currency));
            deposit.fate = Fate::Credited;
            deposit.told = Some(last.name.clone());
        }
        let name = last.name.as_str().parse().expect("both are lines");
        self.deposits.told.insert((last.partner, name), (0, false));
        let to = (last.partner, last.wallet_type, currency);
        *self.deposits.credited.entry(to).or_default() += sum;
        self.hold_for(to, sum);
    }

    fn approve_deposit(&mut self, reference: &DepositReference, now: Timestamp) -> Expected {
        let Some(deposit) = self.deposits.known.get(reference).cloned() else {
            return refused(DepositRefusal::Unknown);
        };
        match deposit.fate {
            Fate::Open => return refused(DepositRefusal::Key1Missing),
            Fate::Rejected => return refused(DepositRefusal::Rejected),
            Fate::Saved | Fate::Credited if !deposit.lacks_payment => {
                return self.told_deposit(reference, now);
            }
            Fate::Saved | Fate::Credited | Fate::Possible | Fate::Waiting(_) => {}
        }
        let key1 = deposit.key1.clone().expect("it was named by then");
        let key = (deposit.wallet_type, key1);
        let payment = self.payments.get(&key).cloned();
        if let Some(word) = deposit.got {
            return match payment {
                Some((payment, state)) => self.join_deposit(reference, word, (payment, state), now),
                None => self.told_deposit(reference, now),
            };
        }
        // "A mismatch that an operator approves credits the received amount."
        let got = match (&payment, deposit.amount) {
            (Some((_, PaymentState::Matched(_))), _) => {
                return refused(DepositRefusal::PaymentTaken);
            }
            (Some((payment, _)), _) => (cents(payment.amount), payment.currency),
            (None, Some(amount)) => (cents(amount), deposit.currency),
            (None, None) => return refused(DepositRefusal::AmountUnknown),
        };
        self.bring(reference, got);
        self.deposit_mut(reference).lacks_payment = payment.is_none();
        if payment.is_some() {
            let state = PaymentState::Matched(Claimant::Deposit(reference.clone()));
            self.payments.put(&key, state);
        }
        self.taken += 1;
        self.told_deposit(reference, now)
    }

    /// "A mismatch that an operator approves credits the *received* amount", also where the operator
    /// has given a word before: what was credited or saved up too much or too little is put right.
    fn join_deposit(
        &mut self,
        reference: &DepositReference,
        (before, currency): (i128, Currency),
        (payment, state): (NewPayment, PaymentState),
        now: Timestamp,
    ) -> Expected {
        if matches!(state, PaymentState::Matched(_)) {
            return refused(DepositRefusal::PaymentTaken);
        }
        if payment.currency != currency {
            return refused(DepositRefusal::OtherCurrency);
        }
        let received = cents(payment.amount);
        let deposit = self.deposit_mut(reference);
        deposit.lacks_payment = false;
        deposit.got = Some((received, currency));
        let deposit = deposit.clone();
        let (partner, wallet_type) = (deposit.partner, deposit.wallet_type);
        if received != before && deposit.fate == Fate::Saved {
            let pile = (partner, deposit.label, wallet_type, currency);
            let saved = self.deposits.piles.get_mut(&pile).expect("it is saved up");
            saved.retain(|of| of != reference);
            self.save(reference, (received, currency));
        } else if received != before {
            let to = (partner, wallet_type, currency);
            *self.deposits.credited.entry(to).or_default() += received - before;
            self.hold_for(to, received - before);
            let told = deposit.told.expect("it was credited");
            let told = told.as_str().parse().expect("both are lines");
            let tries = self.deposits.told.get_mut(&(partner, told));
            tries.expect("it was told").1 = false;
        }
        let state = PaymentState::Matched(Claimant::Deposit(reference.clone()));
        self.payments.put(&payment.key(), state);
        self.taken += 1;
        self.told_deposit(reference, now)
    }

    /// "A rejected deposit frees the received payment for another claim".
    fn reject_deposit(&mut self, reference: &DepositReference, now: Timestamp) -> Expected {
        let Some(deposit) = self.deposits.known.get_mut(reference) else {
            return refused(DepositRefusal::Unknown);
        };
        match deposit.fate {
            Fate::Saved | Fate::Credited => return refused(DepositRefusal::Activated),
            Fate::Rejected => return self.told_deposit(reference, now),
            Fate::Open | Fate::Possible | Fate::Waiting(_) => deposit.fate = Fate::Rejected,
        }
        let key1 = deposit.key1.clone();
        let key = key1.map(|key1| (deposit.wallet_type, key1));
        self.taken += 1;
        let Some(key) = key else {
            return self.told_deposit(reference, now);
        };
        if let Some((payment, PaymentState::Waiting(_))) = self.payments.get(&key).cloned() {
            let state = self.settle(&payment, now);
            self.payments.put(&key, state);
        }
        self.told_deposit(reference, now)
    }

    fn leave(&mut self, partner: PartnerNumber, label: &Label, id: &GatewayText) -> Expected {
        if self.deposits.names.contains_key(&(partner, id.clone())) {
            return refused(DepositRefusal::CustomIdUsed);
        }
        let key = (partner, label.clone());
        self.forget_left_name(&key);
        if self.deposits.left.insert(key, id.clone()).as_ref() != Some(id) {
            self.taken += 1;
        }
        DONE
    }

    pub(super) fn deposit_mut(&mut self, reference: &DepositReference) -> &mut Deposited {
        let deposit = self.deposits.known.get_mut(reference);
        deposit.expect("it was looked up before")
    }

    pub(super) fn told_deposit(&self, reference: &DepositReference, now: Timestamp) -> Expected {
        let state = self.deposits.known[reference].state(now);
        Expected::Deposited(reference.clone(), state)
    }

    /// Every deposit by what operators know it by.
    pub fn deposits(&self) -> impl Iterator<Item = (&DepositReference, &Deposited)> {
        self.deposits.known.iter()
    }

    /// Every postback about deposits: how often it was tried, and whether it was taken.
    pub fn told_of_deposits(
        &self,
    ) -> impl Iterator<Item = (&(PartnerNumber, PostbackName), Tries)> {
        self.deposits.told.iter().map(|(of, tries)| (of, *tries))
    }

    /// What went on from what was received.
    pub(super) fn add_deposits(&self, sums: &mut BTreeMap<(Currency, String), i128>) {
        for ((_, of, currency), money) in &self.deposits.credited {
            let received = (*currency, format!("received/{of}"));
            *sums.entry(received).or_default() -= money;
        }
    }
}
