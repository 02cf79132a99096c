//! Rounds: what was bet, won and cancelled under one `round_id` (wallet-api.md, Money rules 6).

use super::entry::Anomalies;
use crate::id::{AccountNumber, GameNumber, RoundId, Seq, TransactionId};
use crate::money::{Amount, Sum};
use crate::time::Timestamp;

/// A round's name: equal numbers of different players, or in different currencies, are
/// different rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoundKey {
    /// Whose.
    pub account: AccountNumber,
    /// The game server's number.
    pub round: RoundId,
}

/// How many, and how much together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// How much.
    pub amount: Sum,
}

impl Tally {
    pub(super) fn add(&mut self, amount: Amount) {
        self.count += 1;
        self.amount = self.amount.plus(Sum::from(amount));
    }

    pub(super) fn merge(&mut self, other: &Tally) {
        self.count += other.count;
        self.amount = self.amount.plus(other.amount);
    }
}

/// One round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// The game of its first transaction.
    pub game: GameNumber,
    /// It was begun by a transaction whose id is not the round's, which is unusual: only such a
    /// round can be there before the bet that it is named by.
    pub foreign: bool,
    /// Bets, the cancelled ones included.
    pub bets: Tally,
    /// Wins, those of nothing included.
    pub wins: Tally,
    /// Bets cancelled.
    pub cancels: Tally,
    /// Waiting for its win: opened by a bet, closed by a win or when all bets are cancelled.
    pub open: bool,
    /// When it began.
    pub first_at: Timestamp,
    /// When it last changed.
    pub last_at: Timestamp,
    /// The entry that began it.
    pub first: Seq,
    /// The entry that changed it last.
    pub last: Seq,
}

/// What a transaction does to its round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoundChange {
    Bet,
    Win,
    Cancel,
}

impl Round {
    pub(super) fn new(game: GameNumber, foreign: bool, seq: Seq, at: Timestamp) -> Round {
        let none = Tally::default();
        Round {
            game,
            foreign,
            bets: none,
            wins: none,
            cancels: none,
            open: false,
            first_at: at,
            last_at: at,
            first: seq,
            last: seq,
        }
    }

    pub(super) fn apply(&mut self, change: RoundChange, amount: Amount, seq: Seq, at: Timestamp) {
        match change {
            RoundChange::Bet => {
                self.bets.add(amount);
                self.open = true;
            }
            RoundChange::Win => {
                self.wins.add(amount);
                self.open = false;
            }
            RoundChange::Cancel => {
                self.cancels.add(amount);
                assert!(
                    self.cancels.count <= self.bets.count,
                    "more cancels than bets at {seq}"
                );
                self.open &= self.cancels.count < self.bets.count;
            }
        }
        self.last = seq;
        self.last_at = at;
    }

    /// Whether a win of more than nothing came: its bets can then not be cancelled.
    pub fn has_paid(&self) -> bool {
        !self.wins.amount.is_zero()
    }
}

/// A transaction that was taken although something about it was odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OddPlay {
    /// What was odd.
    pub anomalies: Anomalies,
    /// When it was taken.
    pub at: Timestamp,
    /// Whether a win, or else a cancel.
    pub is_win: bool,
    /// Whose account.
    pub account: AccountNumber,
    /// The game server's id.
    pub id: TransactionId,
    /// The winnings, or the stake given back.
    pub amount: Amount,
    /// The game.
    pub game: GameNumber,
    /// The round, where one was named.
    pub round: Option<RoundId>,
}
