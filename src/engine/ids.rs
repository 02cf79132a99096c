//! Transaction ids: who used which, for ever (wallet-api.md, Money rules 1 to 4).

use super::entry::{Body, Entry, Play};
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
    /// The id that `entry` takes or changes, and the row as it is from then on. `row` is the
    /// row so far.
    ///
    /// # Panics
    /// Where the entry contradicts the row: an id taken twice, or a cancel of what is no bet.
    pub fn apply(row: Option<&IdRow>, entry: &Entry) -> Option<IdRow> {
        let taken = |state, play: &Play| IdRow {
            state,
            account: play.account,
            amount: play.amount,
            game: Some(play.game),
            round: play.round,
            taken: entry.seq,
            changed: entry.seq,
        };
        match &entry.body {
            Body::Bet(play) => {
                assert!(
                    row.is_none(),
                    "bet {} of {} takes a used id",
                    play.id,
                    entry.seq
                );
                Some(taken(IdState::Bet, play))
            }
            Body::Win(play) => {
                assert!(
                    row.is_none(),
                    "win {} of {} takes a used id",
                    play.id,
                    entry.seq
                );
                Some(taken(IdState::Win, play))
            }
            Body::Cancel(cancel) => {
                let bet = row.expect("a cancel names a bet that was accepted");
                assert_eq!(
                    bet.state,
                    IdState::Bet,
                    "cancel {} names no open bet",
                    entry.seq
                );
                assert_eq!(
                    bet.account, cancel.account,
                    "cancel {} is of another player",
                    entry.seq
                );
                assert_eq!(
                    bet.amount, cancel.amount,
                    "cancel {} is of another amount",
                    entry.seq
                );
                assert_eq!(
                    bet.taken, cancel.bet,
                    "cancel {} names another entry",
                    entry.seq
                );
                Some(IdRow {
                    state: IdState::Cancelled,
                    changed: entry.seq,
                    ..*bet
                })
            }
            Body::Void(void) => {
                assert!(
                    row.is_none(),
                    "void {} of {} takes a used id",
                    void.id,
                    entry.seq
                );
                Some(IdRow {
                    state: IdState::Voided,
                    account: void.account,
                    amount: Amount::ZERO,
                    game: None,
                    round: None,
                    taken: entry.seq,
                    changed: entry.seq,
                })
            }
            Body::Record(_) => None,
        }
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
