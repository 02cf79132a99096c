//! What the books add up: sums of accounts without a chain, and days, exactly as of the entry that
//! the books are up to.

use std::collections::BTreeMap;

use super::accounts::{BET, WIN};
use super::findings::Findings;
use crate::engine::entry::AccountRef;
use crate::engine::totals::{DayKey, DayTotals, SumOf};
use crate::id::{GameNumber, PartnerNumber, Seq, UserNumber};
use crate::money::{Amount, Currency, Sum};
use crate::time::{Day, Timestamp};

/// What entries add up to, and what the books say. Days stay in memory: one for each game and
/// partner that was played on it.
#[derive(Debug, Default)]
pub(super) struct Added {
    sums: Both<(Currency, SumOf), Sum>,
    days: Both<DayKey, DayTotals>,
}

#[derive(Debug)]
struct Both<K, V> {
    said: BTreeMap<K, V>,
    booked: BTreeMap<K, V>,
}

impl<K, V> Default for Both<K, V> {
    fn default() -> Both<K, V> {
        Both {
            said: BTreeMap::new(),
            booked: BTreeMap::new(),
        }
    }
}

impl<K: Ord, V: PartialEq> Both<K, V> {
    fn compare(
        &self,
        findings: &mut Findings,
        what: impl Fn(&K, Option<&V>, Option<&V>) -> String,
    ) {
        let more = self
            .booked
            .keys()
            .filter(|key| !self.said.contains_key(key));
        for key in self.said.keys().chain(more) {
            let (said, booked) = (self.said.get(key), self.booked.get(key));
            if said != booked {
                findings.of_books(what(key, booked, said));
            }
        }
    }
}

impl Added {
    pub(super) fn book_sum(&mut self, currency: Currency, of: SumOf, sum: Sum) {
        self.sums.booked.insert((currency, of), sum);
    }

    pub(super) fn book_day(&mut self, key: DayKey, day: DayTotals) {
        self.days.booked.insert(key, day);
    }

    fn add(&mut self, currency: Currency, of: SumOf, moved: Sum) {
        let sum = self.sums.said.entry((currency, of)).or_default();
        *sum = sum.plus(moved);
    }

    /// Money of players of a partner moved.
    pub(super) fn players(&mut self, partner: PartnerNumber, currency: Currency, moved: Sum) {
        self.add(currency, SumOf::Players(partner), moved);
    }

    /// Money of an account without a chain moved.
    pub(super) fn other(&mut self, account: AccountRef, currency: Currency, moved: Sum) {
        self.add(currency, SumOf::Account(account), moved);
    }

    /// A play brought a player `moved`.
    pub(super) fn play(
        &mut self,
        what: u8,
        (partner, currency): (PartnerNumber, Currency),
        (game, at): (GameNumber, Timestamp),
        (amount, moved): (Amount, Sum),
    ) {
        self.players(partner, currency, moved);
        self.other(AccountRef::House(partner), currency, moved.negated());
        let key = DayKey {
            day: Day::of(at),
            partner,
            currency,
            game,
        };
        let day = self.days.said.entry(key).or_default();
        let tally = match what {
            BET => &mut day.bets,
            WIN => &mut day.wins,
            _ => &mut day.cancels,
        };
        tally.count += 1;
        tally.amount = tally.amount.plus(Sum::from(amount));
    }

    /// Compares them, where all entries were read.
    pub(super) fn compare(&self, findings: &mut Findings) {
        let Some(applied) = findings.applied else {
            return;
        };
        if findings.lacks_before(applied.next()) {
            return;
        }
        let text = |sum: Option<&Sum>| sum.map_or("nothing".to_owned(), Sum::to_string);
        self.sums.compare(findings, |(currency, of), booked, said| {
            let of = match of {
                SumOf::Players(partner) => format!("the players of {partner}"),
                SumOf::Account(account) => account
                    .named()
                    .map_or_else(|| "a player".to_owned(), |(name, _)| name),
            };
            let (booked, said) = (text(booked), text(said));
            format!(
                "sums: {of} add up to {booked} {currency}; the entries up to {applied} say {said}"
            )
        });
        self.days.compare(findings, |key, _, _| {
            format!(
                "days: day {} of {}, {}, game {} is not as the entries up to {applied} say",
                key.day.0, key.partner, key.currency, key.game.0
            )
        });
        let mut zero: BTreeMap<Currency, Sum> = BTreeMap::new();
        for ((currency, _), sum) in &self.sums.booked {
            let all = zero.entry(*currency).or_default();
            *all = all.plus(*sum);
        }
        for (currency, sum) in zero.iter().filter(|(_, sum)| !sum.is_zero()) {
            findings.of_books(format!("sums: {currency} adds up to {sum}, not to zero"));
        }
    }
}

/// What the books say of themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) seq: Seq,
    pub(super) at: Timestamp,
    pub(super) accounts: u64,
    pub(super) sessions: u64,
    pub(super) users: UserNumber,
}
