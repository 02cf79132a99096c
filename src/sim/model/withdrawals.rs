//! The naive model's reading of paykassma-api.md, Withdrawals and Small print.

use std::collections::BTreeMap;

use super::{Expected, Model, Operation, cents};
use crate::engine::refusal::WithdrawalRefusal;
use crate::engine::withdrawal::{Asked, NewWithdrawal, WithdrawalState, WithdrawalWord};
use crate::id::{PartnerNumber, RequestSignature, WalletType, WithdrawalId};
use crate::money::Currency;

/// What stands under a withdrawal's name.
#[derive(Clone, Debug)]
pub struct Withdrawn {
    /// What was asked for.
    pub asked: Asked,
    /// What has become of it.
    pub state: WithdrawalState,
    /// Tries to tell the merchant of it.
    pub attempts: u32,
    /// Whether the merchant has taken it.
    pub taken: bool,
    made: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Withdrawals {
    known: BTreeMap<(PartnerNumber, WithdrawalId), Withdrawn>,
    signed: BTreeMap<(PartnerNumber, RequestSignature), WithdrawalId>,
    /// By merchant, wallet type and currency.
    held: BTreeMap<(PartnerNumber, String, Currency), i128>,
    others: BTreeMap<(Currency, String), i128>,
}

fn refused(refusal: WithdrawalRefusal) -> Expected {
    Expected::NotWithdrawn(refusal)
}

impl Withdrawals {
    fn hold(&mut self, partner: PartnerNumber, asked: &Asked, moved: i128) {
        let key = (partner, asked.wallet_type.to_string(), asked.currency);
        *self.held.entry(key).or_default() += moved;
    }

    fn other(&mut self, account: &str, asked: &Asked, moved: i128) {
        let key = (asked.currency, format!("{account}/{}", asked.wallet_type));
        *self.others.entry(key).or_default() += moved;
    }

    /// "the merchant's balances in that currency over all wallet types together"
    fn balance(&self, partner: PartnerNumber, currency: Currency) -> i128 {
        let theirs = self.held.iter();
        let theirs =
            theirs.filter(|((of, _, of_currency), _)| (*of, *of_currency) == (partner, currency));
        theirs.map(|(_, held)| held).sum()
    }
}

impl Model {
    pub(super) fn judge_withdrawal(&mut self, operation: &Operation) -> Expected {
        match operation {
            Operation::Withdraw { partner, new } => self.withdraw(*partner, new),
            Operation::DecideWithdrawal { partner, id, word } => self.decide(*partner, id, word),
            Operation::TryPostback { partner, id, taken } => self.tell(*partner, id, *taken),
            other => unreachable!("{other:?} is about no withdrawal"),
        }
    }

    /// Money comes onto a merchant's account.
    pub(super) fn hold_for(
        &mut self,
        (partner, wallet_type, currency): (PartnerNumber, WalletType, Currency),
        money: i128,
    ) {
        let key = (partner, wallet_type.to_string(), currency);
        *self.withdrawals.held.entry(key).or_default() += money;
    }

    fn withdraw(&mut self, partner: PartnerNumber, new: &NewWithdrawal) -> Expected {
        let checks = self.agent(partner).is_some_and(|agent| agent.checks_funds);
        let of = &mut self.withdrawals;
        let signature = (partner, new.signature.clone());
        let signed = of.signed.get(&signature).cloned();
        // "Without a withdrawal_id the exact signature stands in for it"
        let id = new.id.clone().or(signed.clone());
        if let Some(id) = &id
            && let Some(known) = of.known.get(&(partner, id.clone()))
        {
            if known.asked == new.asked && known.made == new.id.is_none() {
                return Expected::Withdrawn(id.clone(), known.state);
            }
            return refused(match new.id {
                Some(_) => WithdrawalRefusal::IdUsed,
                None => WithdrawalRefusal::SignatureUsed,
            });
        }
        // "a repeated request must not pay twice"
        if signed.is_some() {
            return refused(WithdrawalRefusal::SignatureUsed);
        }
        let asked = &new.asked;
        let amount = cents(asked.amount);
        // "A test withdrawal needs no balance."
        if !asked.is_test {
            if checks && of.balance(partner, asked.currency) < amount {
                return refused(WithdrawalRefusal::InsufficientBalance);
            }
            of.hold(partner, asked, -amount);
            of.other("payouts", asked, amount);
        }
        let id = new.id.clone().unwrap_or_else(|| new.made.clone());
        let withdrawn = Withdrawn {
            asked: asked.clone(),
            state: WithdrawalState::Processing,
            attempts: 0,
            taken: false,
            made: new.id.is_none(),
        };
        of.signed.insert(signature, id.clone());
        of.known.insert((partner, id.clone()), withdrawn);
        self.taken += 1;
        Expected::Withdrawn(id, WithdrawalState::Processing)
    }

    fn decide(
        &mut self,
        partner: PartnerNumber,
        id: &WithdrawalId,
        word: &WithdrawalWord,
    ) -> Expected {
        let of = &mut self.withdrawals;
        let Some(known) = of.known.get_mut(&(partner, id.clone())) else {
            return refused(WithdrawalRefusal::Unknown);
        };
        let state = match word {
            WithdrawalWord::Approve(_) => WithdrawalState::Processed,
            WithdrawalWord::Reject(_) => WithdrawalState::Rejected,
        };
        if known.state == WithdrawalState::Processing {
            known.state = state;
            let asked = known.asked.clone();
            let amount = cents(asked.amount);
            // "payouts pending, paid out, or back"
            if !asked.is_test {
                of.other("payouts", &asked, -amount);
                match state {
                    WithdrawalState::Processed => of.other("paid-out", &asked, amount),
                    _ => of.hold(partner, &asked, amount),
                }
            }
            self.taken += 1;
        } else if known.state != state {
            return refused(WithdrawalRefusal::Decided(known.state));
        }
        Expected::Withdrawn(id.clone(), state)
    }

    /// A sender has tried to tell of a withdrawal, if there is anything to tell.
    fn tell(&mut self, partner: PartnerNumber, id: &WithdrawalId, taken: bool) -> Expected {
        let known = self.withdrawals.known.get_mut(&(partner, id.clone()));
        let decided = known.filter(|known| known.state != WithdrawalState::Processing);
        if let Some(known) = decided {
            known.attempts += 1;
            known.taken |= taken;
            self.taken += 1;
        }
        Expected::Done {
            balance: None,
            repeated: false,
        }
    }

    /// Every withdrawal.
    pub fn withdrawals(
        &self,
    ) -> impl Iterator<Item = (&(PartnerNumber, WithdrawalId), &Withdrawn)> {
        self.withdrawals.known.iter()
    }

    pub(super) fn add_withdrawals(&self, sums: &mut BTreeMap<(Currency, String), i128>) {
        for ((partner, wallet_type, currency), held) in &self.withdrawals.held {
            let account = (*currency, format!("merchant/{partner}/{wallet_type}"));
            *sums.entry(account).or_default() += held;
        }
        for (account, held) in &self.withdrawals.others {
            *sums.entry(account.clone()).or_default() += held;
        }
    }
}
