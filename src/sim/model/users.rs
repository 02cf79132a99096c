//! The naive model's reading of partners' calls: partner-api.md, Users, Wallet and Small print.

use std::collections::{BTreeMap, BTreeSet};

use super::{AccountKey, BALANCE_MAX, Expected, Model, cents};
use crate::engine::command::{NewTransfer, NewUser};
use crate::engine::document::TransferKind;
use crate::engine::refusal::UserRefusal;
use crate::id::{Mobile, PartnerNumber, TransferId};
use crate::money::Currency;
use crate::time::Timestamp;

/// Users, and what partners did with their wallets.
#[derive(Clone, Debug, Default)]
pub(super) struct Users {
    numbers: BTreeMap<(PartnerNumber, Mobile), u64>,
    /// "The same mobile may exist under several partners".
    mobiles: BTreeSet<Mobile>,
    /// The highest number that a user has.
    last: Option<u64>,
    transfers: BTreeMap<(PartnerNumber, TransferId), Done>,
    pub(super) partners: BTreeMap<(PartnerNumber, Currency), i128>,
}

/// A deposit or withdrawal that was made.
#[derive(Clone, Debug)]
pub struct Done {
    /// As it was asked for.
    pub asked: NewTransfer,
    /// What the wallet held afterwards.
    pub balance_after: u64,
    /// When it was made.
    pub at: Timestamp,
}

impl Model {
    pub(super) fn register(&mut self, partner: PartnerNumber, new: &NewUser) -> Expected {
        let key = (partner, new.mobile.clone());
        if self.users.numbers.contains_key(&key) {
            return Expected::NotForUser(UserRefusal::MobileRegistered);
        }
        // "ids grow from 101", "an id whose usr-{id} is taken is passed over".
        let mut number = self.users.last.map_or(101, |last| last + 1);
        while self.blocked.contains_key(&player(partner, number)) {
            number += 1;
        }
        let currency = self.agent(partner).expect("there is the partner").currency;
        let (_, player_id) = player(partner, number);
        self.blocked.insert((partner, player_id.clone()), false);
        self.balances.insert((partner, player_id, currency), 0);
        self.users.mobiles.insert(new.mobile.clone());
        self.users.numbers.insert(key, number);
        self.users.last = Some(number);
        self.taken += 1;
        Expected::Registered(number)
    }

    pub(super) fn transfer(
        &mut self,
        partner: PartnerNumber,
        new: &NewTransfer,
        now: Timestamp,
    ) -> Expected {
        let id = (partner, new.id.clone());
        let replays = self.agent(partner).is_some_and(|agent| agent.replays);
        if let Some(done) = self.users.transfers.get(&id) {
            if replays && done.asked == *new {
                return Expected::Transferred {
                    balance_after: done.balance_after,
                    at: done.at,
                };
            }
            return Expected::NotForUser(UserRefusal::TransferIdUsed);
        }
        let wallet = match self.wallet(partner, &new.mobile) {
            Ok(wallet) => wallet,
            Err(refusal) => return Expected::NotForUser(refusal),
        };
        let (balance, amount) = (self.balances[&wallet], cents(new.amount));
        let (kind, moved) = match new.kind {
            TransferKind::Deposit => ("deposit", amount),
            TransferKind::Withdrawal => ("withdrawal", -amount),
        };
        if balance + moved > BALANCE_MAX {
            return Expected::NotForUser(UserRefusal::BalanceOutOfRange);
        }
        if balance + moved < 0 {
            let balance = u64::try_from(balance).ok();
            let balance = balance.and_then(crate::money::Amount::from_cents);
            return Expected::NotForUser(UserRefusal::InsufficientFunds {
                balance: balance.expect("it is an amount"),
                requested: new.amount,
            });
        }
        *self.users.partners.entry((partner, wallet.2)).or_default() -= moved;
        self.shift(&wallet, kind, moved, now);
        let balance_after = u64::try_from(balance + moved).expect("never negative");
        let done = Done {
            asked: new.clone(),
            balance_after,
            at: now,
        };
        self.users.transfers.insert(id, done);
        Expected::Transferred {
            balance_after,
            at: now,
        }
    }

    /// The wallet of a partner's user.
    pub(super) fn wallet(
        &self,
        partner: PartnerNumber,
        mobile: &Mobile,
    ) -> Result<AccountKey, UserRefusal> {
        match self.users.numbers.get(&(partner, mobile.clone())) {
            Some(number) => {
                let currency = self.agent(partner).expect("it has a user").currency;
                Ok((partner, player(partner, *number).1, currency))
            }
            None if self.users.mobiles.contains(mobile) => Err(UserRefusal::NotThePartnersUser),
            None => Err(UserRefusal::UserUnknown),
        }
    }

    /// Every user's number, by partner and mobile number.
    pub fn users(&self) -> impl Iterator<Item = (&(PartnerNumber, Mobile), u64)> {
        self.users
            .numbers
            .iter()
            .map(|(key, &number)| (key, number))
    }

    /// Every deposit and withdrawal, by partner and id.
    pub fn transfers(&self) -> impl Iterator<Item = (&(PartnerNumber, TransferId), &Done)> {
        self.users.transfers.iter()
    }
}

fn player(partner: PartnerNumber, number: u64) -> (PartnerNumber, crate::id::PlayerId) {
    let name = format!("usr-{number}");
    (partner, name.parse().expect("a player's name"))
}
