//! Transaction ids: who used which, for ever (wallet-api.md, Money rules 1 to 4).

use super::entry::{Body, Entry};
use crate::id::{AccountNumber, GameNumber, IdSpaceNumber, RoundId, Seq, TransactionId};
use crate::money::{Amount, Currency};

/// Where an id is unique: bets and wins of one id space and currency share one namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdKey {
    /// The partners that number together.
    pub space: IdSpaceNumber,
    /// The session's currency.
    pub currency: Currency,
    /// The game server's id.
    pub id: TransactionId,
}

/// All that a repetition, a conflict or a cancel is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRow {
    /// What the id stands for.
    pub state: IdState,
    /// Whose it is: within one currency an account is one player's.
    pub account: AccountNumber,
    /// The stake or winnings; zero where voided.
    pub amount: Amount,
    /// The game; none where voided.
    pub game: Option<GameNumber>,
    /// The round, where one was named.
    pub round: Option<RoundId>,
    /// The entry that took the id.
    pub taken: Seq,
    /// The entry that changed the row last: the cancel's, where there was one.
    pub changed: Seq,
}

/// What an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdState {
    /// An accepted bet.
    Bet,
    /// An accepted win.
    Win,
    /// A bet that was cancelled.
    Cancelled,
    /// Cancelled before anything came under it.
    Voided,
}

impl IdRow {
    /// The row of the id that `entry` takes or changes, as it is from then on: the entry says all
    /// of it. `None` where it has none.
    pub fn of(entry: &Entry) -> Option<IdRow> {
        let (state, account, content) = match &entry.body {
            Body::Bet(play) => (IdState::Bet, play.account, Some(play)),
            Body::Win(play) => (IdState::Win, play.account, Some(play)),
            Body::Void(void) => (IdState::Voided, void.account, None),
            Body::Cancel(cancel) => {
                return Some(IdRow {
                    state: IdState::Cancelled,
                    account: cancel.account,
                    amount: cancel.amount,
                    game: Some(cancel.game),
                    round: cancel.round,
                    taken: cancel.bet,
                    changed: entry.seq,
                });
            }
            Body::Record(_) => return None,
        };
        Some(IdRow {
            state,
            account,
            amount: content.map_or(Amount::ZERO, |play| play.amount),
            game: content.map(|play| play.game),
            round: content.and_then(|play| play.round),
            taken: entry.seq,
            changed: entry.seq,
        })
    }

    /// As [`IdRow::of`], where `row` is the row so far.
    ///
    /// # Panics
    /// Where the entry contradicts the row: an id taken twice, or a cancel of what is no bet.
    pub fn apply(row: Option<&IdRow>, entry: &Entry) -> Option<IdRow> {
        let after = IdRow::of(entry)?;
        let seq = entry.seq;
        if after.state == IdState::Cancelled {
            let bet = row.expect("a cancel names a bet that was accepted");
            assert_eq!(bet.state, IdState::Bet, "cancel {seq} names no open bet");
            let (state, changed) = (IdState::Cancelled, seq);
            let cancelled = IdRow {
                state,
                changed,
                ..*bet
            };
            assert_eq!(after, cancelled, "cancel {seq} is of another bet");
        } else {
            assert!(row.is_none(), "entry {seq} takes a used id");
        }
        Some(after)
    }
}

impl Body {
    /// The account and id of a bet, win, cancel or void: with the account's id space and
    /// currency they make the [`IdKey`].
    pub fn id(&self) -> Option<(AccountNumber, TransactionId)> {
        match self {
            Body::Bet(play) | Body::Win(play) => Some((play.account, play.id)),
            Body::Cancel(cancel) => Some((cancel.account, cancel.id)),
            Body::Void(void) => Some((void.account, void.id)),
            Body::Record(_) => None,
        }
    }
}
