//! Totals: what accounts without a chain add up to, and what was played on each day. They are
//! kept as partial totals and added up when they are read (design.md, Entry).

use std::collections::BTreeMap;

use super::entry::{AccountRef, Body, Entry};
use super::round::Tally;
use crate::id::{GameNumber, PartnerNumber};
use crate::money::{Currency, Sum};
use crate::time::Day;

/// What a sum is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SumOf {
    /// All players of a partner.
    Players(PartnerNumber),
    /// An account that has no chain.
    Account(AccountRef),
}

/// Which day of which game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayKey {
    /// The UTC day of the entries.
    pub day: Day,
    /// Whose players.
    pub partner: PartnerNumber,
    /// In which currency.
    pub currency: Currency,
    /// The game.
    pub game: GameNumber,
}

/// What was played on one day. A cancel counts on its own day, not on its bet's (operations.md,
/// Shapes that scripts use).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct DayTotals {
    /// Bets, those cancelled later included.
    pub bets: Tally,
    /// Wins, those of nothing included.
    pub wins: Tally,
    /// Cancels of bets.
    pub cancels: Tally,
}

/// Sums and days, or a part of them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Totals {
    sums: BTreeMap<(Currency, SumOf), Sum>,
    days: BTreeMap<DayKey, DayTotals>,
}

impl Totals {
    /// Every sum, by currency.
    pub fn sums(&self) -> impl Iterator<Item = (Currency, SumOf, Sum)> {
        let sums = self.sums.iter();
        sums.map(|(&(currency, of), &sum)| (currency, of, sum))
    }

    /// Every day, in the order of time.
    pub fn days(&self) -> &BTreeMap<DayKey, DayTotals> {
        &self.days
    }

    /// Adds to a sum; one that is named is there from then on.
    pub fn add(&mut self, currency: Currency, of: SumOf, moved: Sum) {
        let sum = self.sums.entry((currency, of)).or_default();
        *sum = sum.plus(moved);
    }

    /// Adds what another part holds.
    pub fn merge(&mut self, other: &Totals) {
        for (currency, of, sum) in other.sums() {
            self.add(currency, of, sum);
        }
        for (key, day) in &other.days {
            self.days.entry(*key).or_default().merge(day);
        }
    }

    /// Takes the days out.
    pub fn take_days(&mut self) -> BTreeMap<DayKey, DayTotals> {
        std::mem::take(&mut self.days)
    }

    /// Counts an entry in: of a bet, win or cancel on an account of `partner` in `currency` both
    /// legs and the day, of a record its postings and the accounts that it opens.
    pub fn count(&mut self, entry: &Entry, partner: PartnerNumber, currency: Currency) {
        if let Some((_, moved, _)) = entry.body.house_to_player() {
            self.add(currency, SumOf::Players(partner), moved);
            let house = SumOf::Account(AccountRef::House(partner));
            self.add(currency, house, moved.negated());
        }
        let (game, amount) = match &entry.body {
            Body::Bet(play) | Body::Win(play) => (play.game, play.amount),
            Body::Cancel(cancel) => (cancel.game, cancel.amount),
            Body::Void(_) => return,
            Body::Record(record) => {
                for opened in record.opened() {
                    let players = SumOf::Players(opened.partner);
                    self.add(opened.currency, players, Sum::ZERO);
                }
                for posting in &record.postings {
                    let of = match posting.account {
                        AccountRef::Player(_) => SumOf::Players(partner),
                        account => SumOf::Account(account),
                    };
                    self.add(posting.currency, of, Sum::from(posting.cents));
                }
                return;
            }
        };
        let day = Day::of(entry.at);
        let key = DayKey {
            day,
            partner,
            currency,
            game,
        };
        let totals = self.days.entry(key).or_default();
        match &entry.body {
            Body::Bet(_) => totals.bets.add(amount),
            Body::Win(_) => totals.wins.add(amount),
            _ => totals.cancels.add(amount),
        }
    }
}

impl DayTotals {
    /// Adds what another part of the day holds.
    pub fn merge(&mut self, other: &DayTotals) {
        self.bets.merge(&other.bets);
        self.wins.merge(&other.wins);
        self.cancels.merge(&other.cancels);
    }

    /// What the house won: bets less wins less cancels.
    pub fn revenue(&self) -> Sum {
        let paid = self.wins.amount.plus(self.cancels.amount);
        self.bets.amount.plus(paid.negated())
    }
}
