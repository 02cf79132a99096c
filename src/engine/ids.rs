//! Transaction ids: who used which, for ever (wallet-api.md, Money rules 1 to 4).

use super::entry::{Body, Cancel, Entry};
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
        let (state, account, content) = match &entry.body {
            Body::Bet(play) => (IdState::Bet, play.account, Some(play)),
            Body::Win(play) => (IdState::Win, play.account, Some(play)),
            Body::Void(void) => (IdState::Voided, void.account, None),
            Body::Cancel(cancel) => {
                let bet = row.expect("a cancel names a bet that was accepted");
                return Some(bet.cancelled(entry.seq, cancel));
            }
            Body::Record(_) => return None,
        };
        assert!(row.is_none(), "entry {} takes a used id", entry.seq);
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

    fn cancelled(&self, seq: Seq, cancel: &Cancel) -> IdRow {
        assert_eq!(self.state, IdState::Bet, "cancel {seq} names no open bet");
        assert_eq!(
            self.account, cancel.account,
            "cancel {seq} is of another player"
        );
        assert_eq!(
            self.amount, cancel.amount,
            "cancel {seq} is of another amount"
        );
        assert_eq!(self.taken, cancel.bet, "cancel {seq} names another entry");
        IdRow {
            state: IdState::Cancelled,
            changed: seq,
            ..*self
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
