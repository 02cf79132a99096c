//! Deposits: activated by merchants, by payments that come, by operators (paykassma-api.md,
//! Deposits).
//!
//! Whether a payment is a deposit's or an order's is judged under the lock of the payments, and
//! under that of the gateway's documents: one comes after the other.

use std::fmt;

use super::drawer::told_of;
use super::gateway::Gateway;
use super::partners::PartnerRow;
use super::paying::{Key, Payments};
use super::report::Page;
use super::{Ledger, Observed, Space, Unavailable};
use crate::engine::activation::{
    Again, Before, DepositVerdict, DepositWord, NewDeposit, decide_activation, decide_approval,
    decide_left_id, decide_rejection, decide_savings,
};
use crate::engine::catalogue::Catalogue;
use crate::engine::deposit::{
    Deposit, DepositNamed, DepositSeen, Key1Used, LeftId, Savings, SavingsOf, TellOfDeposits,
};
use crate::engine::gateway::{Found, GatewayKey, List, Mark};
use crate::engine::merchant::Merchant;
use crate::engine::order::{Desk, PaymentRules};
use crate::engine::payment::{PaymentKey, PaymentRow};
use crate::engine::postback::PostbackOf;
use crate::engine::refusal::DepositRefusal;
use crate::engine::requisites::Requisites;
use crate::id::{DepositReference, GatewayText, Label, PartnerNumber, PaymentReference, Seq};
use crate::money::Amount;
use crate::time::Span;

/// Why a call about a deposit did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepositError {
    /// The rules say no; it may be told when the seq is durable.
    Refused(DepositRefusal, Seq),
    /// Nothing was touched.
    Unavailable,
}

impl fmt::Display for DepositError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DepositError::Refused(refusal, _) => refusal.fmt(f),
            DepositError::Unavailable => Unavailable.fmt(f),
        }
    }
}

impl std::error::Error for DepositError {}

impl From<Unavailable> for DepositError {
    fn from(_: Unavailable) -> DepositError {
        DepositError::Unavailable
    }
}

/// What deposits are judged by besides the books.
#[derive(Clone, Copy)]
pub struct DepositRules<'a> {
    /// The payment systems, with their minimum deposits.
    pub catalogue: &'a Catalogue,
    /// How long a deposit's payment may be late.
    pub possible_ttl: Span,
    /// Makes the postback that tells of deposits. It is asked under a lock.
    pub tell: &'a TellOfDeposits<'a>,
}

impl DepositRules<'_> {
    pub(super) fn minimum(&self, of: &SavingsOf) -> Amount {
        let system = self.catalogue.find(of.wallet_type, of.currency);
        system.map_or(Amount::ZERO, |system| system.minimum_deposit)
    }
}

/// A deposit with the received payment that bears its number, if one has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepositView {
    /// The deposit.
    pub deposit: Found<Deposit>,
    /// The payment, whosever it is.
    pub payment: Option<PaymentRow>,
}

impl DepositView {
    /// A deposit that was there before, with its number.
    fn of(
        gateway: &Gateway,
        payments: &Payments,
        reference: &DepositReference,
        number: Option<&PaymentKey>,
    ) -> DepositView {
        DepositView {
            deposit: gateway.found(reference).expect("it was there before"),
            payment: row_of(payments, number).cloned(),
        }
    }
}

/// Which deposits are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct DepositsAsked {
    /// A merchant's alone.
    pub partner: Option<PartnerNumber>,
    /// Those that are in this state alone.
    pub state: Option<DepositSeen>,
}

/// The deposits that have used some numbers.
pub(super) fn asking(gateway: &Gateway, numbers: &[PaymentKey]) -> Vec<Deposit> {
    let used = numbers.iter().filter_map(|number| gateway.used_by(number));
    used.cloned().collect()
}

/// The payment of a number, where there are both.
fn row_of<'a>(payments: &'a Payments, number: Option<&PaymentKey>) -> Option<&'a PaymentRow> {
    number.and_then(|number| payments.rows.row(number))
}

impl Gateway {
    /// The deposit that has used a number, where it is in memory.
    fn used_by(&self, (wallet_type, key1): &PaymentKey) -> Option<&Deposit> {
        let used: &Key1Used = self.read(&Key1Used::key_of(*wallet_type, key1))?;
        self.read(&Deposit::key_of(&used.deposit))
    }

    /// The names of the deposits that have used some numbers, as far as they are known.
    pub(super) fn asking_keys(&self, numbers: &[PaymentKey]) -> Vec<GatewayKey> {
        let mut keys = Vec::new();
        for (wallet_type, key1) in numbers {
            let key = Key1Used::key_of(*wallet_type, key1);
            let used: Option<&Key1Used> = self.read(&key);
            keys.extend(used.map(|used| Deposit::key_of(&used.deposit)));
            keys.push(key);
        }
        keys
    }

    /// The names of what has a new deposit's name already, and of the deposit itself where that is
    /// what has it: it waits on its page for a number.
    fn named(
        &self,
        partner: PartnerNumber,
        new: &NewDeposit,
        left: &GatewayKey,
    ) -> Vec<GatewayKey> {
        let Some(name) = new.name(self.read(left)) else {
            return Vec::new();
        };
        let key = DepositNamed::key_of(partner, name);
        let named: Option<&DepositNamed> = self.read(&key);
        let itself = named.filter(|named| named.deposit == new.reference);
        let itself = itself.map(|named| Deposit::key_of(&named.deposit));
        [key].into_iter().chain(itself).collect()
    }

    fn found(&self, reference: &DepositReference) -> Option<Found<Deposit>> {
        let row = self.of::<Deposit>(&Deposit::key_of(reference));
        row.and_then(|(_, row)| row.found())
    }
}

impl Ledger {
    /// Activates a deposit, or takes it down until its payment comes or an operator decides
    /// (paykassma-api.md, `transaction/activate`, `possible-transaction/activate`). The same asked
    /// again finds it as it is.
    ///
    /// # Errors
    /// Refused where the number or the name is used, or there is no name.
    pub fn activate_deposit(
        &self,
        partner: &PartnerRow,
        new: &NewDeposit,
        payment_rules: &PaymentRules,
        rules: &DepositRules<'_>,
    ) -> Result<Observed<Found<Deposit>>, DepositError> {
        let permit = self.reserve();
        let number = (new.wallet_type, new.key1.clone());
        let seeds = [Key::Payment(number.clone())];
        let of = |payments: &Payments| {
            let payment = payments.rows.row(&number);
            new.savings_in(partner.number, payment.map(|row| &row.payment))
        };
        let left_key = LeftId::key_of(partner.number, &new.label);
        let given_key = Requisites::key_of(&new.savings_in(partner.number, None));
        let named = |gateway: &Gateway| gateway.named(partner.number, new, &left_key);
        let (mut payments, mut gateway) =
            self.payments_and_gateway((&seeds, payment_rules), |payments, gateway| {
                let mut keys = gateway.asking_keys(std::slice::from_ref(&number));
                keys.extend(gateway.till_keys(&of(payments)));
                keys.extend(named(gateway));
                keys.extend([left_key.clone(), given_key.clone()]);
                keys
            })?;
        let seen = self.sequencer.last();
        let drawer = self.drawer(&gateway, of(&payments));
        let till = drawer.till(rules);
        let claimants = payments.claimants(Some(&new.key1));
        let desk = Desk {
            claimants: &claimants,
            wallet: None,
            is_live: true,
            deposits: &[],
            till: Some(&till),
            rules: payment_rules,
            now: self.sequencer.now(),
        };
        let mut named = named(&gateway).into_iter();
        let before = Before {
            by_key1: gateway.used_by(&number),
            named: named.next().and_then(|key| gateway.read(&key)),
            open: named.next().and_then(|key| gateway.read(&key)),
            left: gateway.read(&left_key),
            requisites: gateway.read(&given_key),
            payment: payments.rows.row(&number).map(|row| &row.payment),
        };
        let decided = decide_activation(new, partner, &before, (&desk, rules.possible_ttl));
        let verdict = decided.map_err(|refusal| DepositError::Refused(refusal, seen))?;
        let (reference, seq) = match verdict {
            DepositVerdict::Repeated(reference) => (reference, seen),
            DepositVerdict::Accepted(_) if self.space() < Space::Ample => {
                return Err(DepositError::Unavailable);
            }
            DepositVerdict::Accepted(record) => {
                let permit = permit.ok_or(Unavailable)?;
                let entry = self.take_gateway_down(permit, &mut gateway, record);
                payments.apply(&entry);
                (new.reference.clone(), entry.seq)
            }
        };
        let value = gateway.found(&reference).expect("it is there by now");
        drop((gateway, payments));
        self.ring();
        Ok(Observed { value, seq })
    }

    /// The deposit that is asked for again, if it was asked for before.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn repeated_deposit(
        &self,
        partner: &PartnerRow,
        again: &Again,
    ) -> Result<Option<Observed<Found<Deposit>>>, Unavailable> {
        let numbers = [again.number()];
        let gateway = self.gateway_with(|gateway| gateway.asking_keys(&numbers))?;
        let before = gateway.used_by(&numbers[0]);
        let before = before.filter(|before| again.repeats(before, partner));
        let found = before.and_then(|before| gateway.found(&before.reference));
        let seq = self.sequencer.last();
        Ok(found.map(|value| Observed { value, seq }))
    }

    /// An operator gives a word on a deposit (operations.md, `deposit approve|reject`): its money
    /// goes on to the merchant, or its payment is free for whoever else asks for it. The same word
    /// given again changes nothing.
    ///
    /// # Errors
    /// Refused where there is no such deposit, another word was given, or there is no money.
    pub fn decide_on_deposit(
        &self,
        reference: &DepositReference,
        word: &DepositWord,
        payment_rules: &PaymentRules,
        rules: &DepositRules<'_>,
    ) -> Result<Observed<DepositView>, DepositError> {
        // Its payer may name the number meanwhile: then there is another payment to look at.
        loop {
            let first = self.known_deposit(reference)?;
            let decided = self.decide_on(&first, word, payment_rules, rules)?;
            if let Some(decided) = decided {
                return Ok(decided);
            }
        }
    }

    /// The same of a deposit that was looked at a moment ago; `None` where it has got its number
    /// since.
    fn decide_on(
        &self,
        first: &Deposit,
        word: &DepositWord,
        payment_rules: &PaymentRules,
        rules: &DepositRules<'_>,
    ) -> Result<Option<Observed<DepositView>>, DepositError> {
        let permit = self.reserve();
        let (reference, number) = (&first.reference, first.payment());
        let seeds: Vec<Key> = number.iter().cloned().map(Key::Payment).collect();
        let of = |payments: &Payments| {
            let payment = row_of(payments, number.as_ref());
            first.savings_in(payment.map_or(first.currency, |row| row.payment.currency))
        };
        let keys = |payments: &Payments, gateway: &Gateway| {
            let mut keys = gateway.till_keys(&of(payments));
            keys.extend(gateway.told_keys(reference));
            keys
        };
        let order = |payments: &Payments| match word {
            DepositWord::Approve => None,
            DepositWord::Reject(_) => payments.only_claimant(number.as_ref()?),
        };
        let mut counter = self.counter((&seeds, payment_rules), keys, order)?;
        let seen = self.sequencer.last();
        let found = counter.gateway.found(reference);
        let deposit = &found.expect("it was there before").document;
        if deposit.key1 != first.key1 {
            return Ok(None);
        }
        let payment = row_of(&counter.payments, number.as_ref()).map(|row| &row.payment);
        let now = self.sequencer.now();
        let decided = match word {
            DepositWord::Approve => {
                let mut drawer = self.drawer(&counter.gateway, of(&counter.payments));
                drawer.told = counter.gateway.told_before(deposit);
                decide_approval(deposit, payment, &drawer.till(rules), now)
            }
            DepositWord::Reject(reason) => {
                let claimants = counter
                    .payments
                    .claimants(number.as_ref().map(|(_, key1)| key1));
                let desk = Desk {
                    claimants: &claimants,
                    wallet: counter.wallet(),
                    is_live: counter.is_live(now),
                    deposits: &[],
                    till: None,
                    rules: payment_rules,
                    now,
                };
                decide_rejection(deposit, reason, payment, &desk)
            }
        };
        let record = decided.map_err(|refusal| DepositError::Refused(refusal, seen))?;
        let mut seq = seen;
        if let Some(record) = record {
            if self.space() == Space::Full {
                return Err(DepositError::Unavailable);
            }
            let entry = self.push(permit.ok_or(Unavailable)?, record);
            counter.apply(&entry);
            seq = entry.seq;
        }
        let (gateway, payments) = (&counter.gateway, &counter.payments);
        let value = DepositView::of(gateway, payments, reference, number.as_ref());
        drop(counter);
        self.ring();
        Ok(Some(Observed { value, seq }))
    }

    /// A deposit, of which only what never changes is looked at, and its number, which may come.
    fn known_deposit(&self, reference: &DepositReference) -> Result<Deposit, DepositError> {
        let key = Deposit::key_of(reference);
        let gateway = self.gateway_with(|_| vec![key.clone()])?;
        let deposit = gateway.read::<Deposit>(&key).cloned();
        deposit.ok_or(DepositError::Refused(DepositRefusal::Unknown, Seq::NONE))
    }

    /// A deposit (operations.md, `deposit show`).
    ///
    /// # Errors
    /// Refused where there is none.
    pub fn deposit(
        &self,
        reference: &DepositReference,
        payment_rules: &PaymentRules,
    ) -> Result<Observed<DepositView>, DepositError> {
        loop {
            let number = self.known_deposit(reference)?.payment();
            let seeds: Vec<Key> = number.iter().cloned().map(Key::Payment).collect();
            let key = Deposit::key_of(reference);
            let keys = |_: &Payments, _: &Gateway| vec![key.clone()];
            let (payments, gateway) = self.payments_and_gateway((&seeds, payment_rules), keys)?;
            let value = DepositView::of(&gateway, &payments, reference, number.as_ref());
            if value.deposit.document.payment() == number {
                let seq = self.sequencer.last();
                return Ok(Observed { value, seq });
            }
        }
    }

    /// Deposits, the newest first (operations.md, `deposit list`); `before` is the last page's
    /// `next`. Reads the disk.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn deposits(
        &self,
        asked: DepositsAsked,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Observed<Page<Found<Deposit>>>, Unavailable> {
        let DepositsAsked { partner, state } = asked;
        let of = Mark::of::<Deposit>;
        let list = match (partner, state) {
            (_, Some(DepositSeen::Waiting)) => of(List::Open),
            (Some(partner), _) => of(List::OfPartner).partner(partner),
            (None, _) => of(List::All),
        };
        let now = self.sequencer.now();
        let page = self.gateway_page(&list, before, limit, |row| {
            row.read::<Deposit>().is_some_and(|of| {
                partner.is_none_or(|partner| of.partner == partner)
                    && state.is_none_or(|state| of.seen(now) == state)
            })
        })?;
        Ok(page.found())
    }

    /// What is saved up (paykassma-api.md, `deposit-info`). What is enough by now, since the minimum
    /// was lowered, is credited then.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn saved_up(
        &self,
        of: &SavingsOf,
        rules: &DepositRules<'_>,
    ) -> Result<Observed<Amount>, Unavailable> {
        let key = Savings::key_of(of);
        let look = || {
            let gateway = self.gateway_with(|_| vec![key.clone()])?;
            let savings = gateway.of::<Savings>(&key);
            Ok(savings.map(|(savings, row)| (savings.clone(), row.changed)))
        };
        let mut found = look()?;
        let minimum = rules.minimum(of);
        if found
            .as_ref()
            .is_some_and(|found| found.0.are_enough(minimum))
        {
            self.credit_savings(of, rules)?;
            found = look()?;
        }
        let (value, seq) = found.map_or((Amount::ZERO, Seq::NONE), |(savings, changed)| {
            (savings.sum, changed)
        });
        Ok(Observed { value, seq })
    }

    /// Credits what is saved up, if it is enough still. While there is little room it is left.
    fn credit_savings(&self, of: &SavingsOf, rules: &DepositRules<'_>) -> Result<(), Unavailable> {
        let permit = self.reserve();
        let mut gateway = self.gateway_with(|gateway| gateway.till_keys(of))?;
        let drawer = self.drawer(&gateway, of.clone());
        let record = decide_savings(&drawer.till(rules), self.sequencer.now());
        let Some(record) = record.filter(|_| self.space() == Space::Ample) else {
            return Ok(());
        };
        self.take_gateway_down(permit.ok_or(Unavailable)?, &mut gateway, record);
        drop(gateway);
        self.ring();
        Ok(())
    }

    /// A merchant leaves a name for a label's next deposit (paykassma-api.md,
    /// `save-transaction-custom-id`); another one takes the place of the one before.
    ///
    /// # Errors
    /// Refused where a deposit has that name.
    pub fn leave_custom_id(
        &self,
        partner: &PartnerRow,
        label: &Label,
        id: &GatewayText,
    ) -> Result<Seq, DepositError> {
        let permit = self.reserve();
        let key = LeftId::key_of(partner.number, label);
        let name = DepositNamed::key_of(partner.number, id);
        let mut gateway = self.gateway_with(|_| vec![key.clone(), name.clone()])?;
        let left = LeftId {
            partner: partner.number,
            label: label.clone(),
            id: Some(id.clone()),
            deposit: None,
        };
        let seen = self.sequencer.last();
        let decided = decide_left_id(left, gateway.read(&key), gateway.read(&name));
        let Some(record) = decided.map_err(|refusal| DepositError::Refused(refusal, seen))? else {
            return Ok(seen);
        };
        if self.space() < Space::Ample {
            return Err(DepositError::Unavailable);
        }
        let permit = permit.ok_or(Unavailable)?;
        Ok(self.take_gateway_down(permit, &mut gateway, record).seq)
    }

    /// What the postback is named by that tells of a deposit, if one does: of the one that the
    /// merchant has given a name (paykassma-api.md, `postback` and `pullpostbacks`).
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn told_of_named(
        &self,
        partner: &PartnerRow,
        id: &GatewayText,
    ) -> Result<Observed<Option<PostbackOf>>, Unavailable> {
        let name = DepositNamed::key_of(partner.number, id);
        let deposit = |gateway: &Gateway| {
            let named: Option<&DepositNamed> = gateway.read(&name);
            named.map(|named| Deposit::key_of(&named.deposit))
        };
        let gateway = self.gateway_with(|gateway| {
            let mut keys = vec![name.clone()];
            keys.extend(deposit(gateway));
            keys
        })?;
        let deposit = deposit(&gateway).and_then(|key| gateway.read::<Deposit>(&key));
        Ok(self.told(deposit))
    }

    /// The same of the merchant's deposit with a transaction number, in whichever payment system:
    /// what was told of has brought money in one of its accounts.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn told_of_number(
        &self,
        partner: &PartnerRow,
        key1: &PaymentReference,
    ) -> Result<Observed<Option<PostbackOf>>, Unavailable> {
        let numbers = |gateway: &Gateway| -> Vec<PaymentKey> {
            let merchant: Option<&Merchant> = gateway.read(&Merchant::key_of(partner.number));
            let types = merchant.into_iter().flat_map(Merchant::wallet_types);
            types.map(|of| (of, key1.clone())).collect()
        };
        let gateway = self.gateway_with(|gateway| {
            let mut keys = gateway.asking_keys(&numbers(gateway));
            keys.push(Merchant::key_of(partner.number));
            keys
        })?;
        let deposits = asking(&gateway, &numbers(&gateway));
        let mut own = deposits.iter().filter(|of| of.partner == partner.number);
        Ok(self.told(own.find(|of| of.told.is_some())))
    }

    fn told(&self, deposit: Option<&Deposit>) -> Observed<Option<PostbackOf>> {
        Observed {
            value: deposit.and_then(told_of),
            seq: self.sequencer.last(),
        }
    }
}

impl NewDeposit {
    /// What its money would be saved up in: the payment's currency, where one has come.
    fn savings_in(
        &self,
        partner: PartnerNumber,
        payment: Option<&crate::engine::document::ReceivedPayment>,
    ) -> SavingsOf {
        SavingsOf {
            partner,
            label: self.label.clone(),
            wallet_type: self.wallet_type,
            currency: payment.map_or(self.currency, |payment| payment.currency),
        }
    }
}
