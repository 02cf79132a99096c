//! A player's history: the account's chain walked back through the journal. There is no index;
//! each entry names the one before it on the same account (design.md, Entry).

use std::sync::Arc;

use super::operate::refused;
use super::report::Page;
use super::{Ledger, Observed, OperatorError};
use crate::engine::command::AccountName;
use crate::engine::document::{Document, TransferKind};
use crate::engine::entry::{AccountRef, Body, Entry, Link, Record};
use crate::engine::refusal::OperatorRefusal;
use crate::id::{AccountNumber, GameNumber, RoundId, Seq};
use crate::journal::{Batch, Journal, JournalError};
use crate::money::{Amount, Sum};
use crate::time::Timestamp;

/// What moved a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryKind {
    /// A stake.
    Bet,
    /// Winnings.
    Win,
    /// A bet undone.
    Cancel,
    /// A partner's money in.
    Deposit,
    /// Money back to the partner.
    Withdrawal,
    /// A payment for an order.
    Payment,
    /// An operator's doing, an opening balance among them.
    Adjustment,
}

impl HistoryKind {
    /// The word in answers (partner-api.md, Wallet).
    pub fn name(self) -> &'static str {
        match self {
            HistoryKind::Bet => "bet",
            HistoryKind::Win => "win",
            HistoryKind::Cancel => "cancel",
            HistoryKind::Deposit => TransferKind::Deposit.name(),
            HistoryKind::Withdrawal => TransferKind::Withdrawal.name(),
            HistoryKind::Payment => "payment",
            HistoryKind::Adjustment => "adjustment",
        }
    }
}

/// One movement of a balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryItem {
    /// Its entry.
    pub seq: Seq,
    /// What it was.
    pub kind: HistoryKind,
    /// What came (positive) or went (negative).
    pub amount: Sum,
    /// What the account held afterwards.
    pub balance_after: Amount,
    /// The transaction's id, a partner's as a game server's, or the adjustment's reference; none
    /// for an opening balance.
    pub reference: Option<String>,
    /// The round, where one was named.
    pub round_id: Option<RoundId>,
    /// The game, where there was one.
    pub game: Option<GameNumber>,
    /// When.
    pub at: Timestamp,
}

impl Ledger {
    /// What moved a player's balance, newest first (operations.md, `player history`); `before`
    /// is the last page's `next`. Waits for the disk and reads it: not for a thread that serves.
    ///
    /// # Errors
    /// Refused where there is no such account, or `before` is no entry of it; otherwise the
    /// journal could not be read.
    ///
    /// # Panics
    /// Where the chain of the account is broken.
    pub fn history(
        &self,
        name: &AccountName,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Observed<Page<HistoryItem>>, OperatorError> {
        let (number, newest) = {
            let named = self.named(&name.player_key())?;
            let account = named.row().and_then(|row| row.account_in(name.currency));
            let account =
                account.ok_or_else(|| refused(OperatorRefusal::AccountUnknown, Seq::NONE))?;
            (account.opened.number, account.last)
        };
        self.durable
            .wait_blocking(newest)
            .map_err(|_| OperatorError::Unavailable)?;
        let mut walk = Walk {
            journal: Arc::clone(&self.journal),
            batch: None,
        };
        let mut at = before.unwrap_or(newest);
        let mut items = Vec::new();
        while at != Seq::NONE && items.len() < limit {
            let item = match walk.entry(at)? {
                // What is not durable yet is on nobody's page.
                Some(entry) if at <= newest => HistoryItem::of(entry, number),
                _ => None,
            };
            let Some((item, previous)) = item else {
                assert!(
                    items.is_empty() && before.is_some(),
                    "entry {at} is in the chain of account {number} and does not move it"
                );
                return Err(refused(OperatorRefusal::CursorUnknown, newest));
            };
            at = previous;
            items.push(item);
        }
        let next = Some(at).filter(|at| *at != Seq::NONE);
        Ok(Observed {
            value: Page { items, next },
            seq: newest,
        })
    }
}

/// Entries by number, one batch kept: neighbours are often in the same.
struct Walk {
    journal: Arc<dyn Journal>,
    batch: Option<Batch>,
}

impl Walk {
    fn entry(&mut self, seq: Seq) -> Result<Option<&Entry>, JournalError> {
        let holds = |batch: &Batch| batch.entries.iter().any(|entry| entry.seq == seq);
        if !self.batch.as_ref().is_some_and(holds) {
            self.batch = self.journal.read_from(seq)?.next().transpose()?;
        }
        let entries = self.batch.iter().flat_map(|batch| &batch.entries);
        Ok(entries.into_iter().find(|entry| entry.seq == seq))
    }
}

impl HistoryItem {
    /// The entry as the account's holder sees it and the entry before it on the account; none
    /// where it did not move that account.
    fn of(entry: &Entry, account: AccountNumber) -> Option<(HistoryItem, Seq)> {
        let (kind, reference, round_id, game) = match &entry.body {
            Body::Bet(play) => (
                HistoryKind::Bet,
                Some(play.id.to_string()),
                play.round,
                Some(play.game),
            ),
            Body::Win(play) => (
                HistoryKind::Win,
                Some(play.id.to_string()),
                play.round,
                Some(play.game),
            ),
            Body::Cancel(of) => (
                HistoryKind::Cancel,
                Some(of.id.to_string()),
                of.round,
                Some(of.game),
            ),
            Body::Void(_) => return None,
            Body::Record(record) => {
                let (kind, reference) = told(record);
                (kind, reference, None, None)
            }
        };
        let (amount, link) = entry.movement_of(account)?;
        let (seq, at, balance_after) = (entry.seq, entry.at, link.balance_after);
        Some((
            HistoryItem {
                seq,
                kind,
                amount,
                balance_after,
                reference,
                round_id,
                game,
                at,
            },
            link.previous,
        ))
    }
}

impl Entry {
    /// What the entry moved on a player's account, and its link of the account's chain.
    fn movement_of(&self, account: AccountNumber) -> Option<(Sum, Link)> {
        if let Some((number, moved, link)) = self.body.house_to_player() {
            return (number == account).then_some((moved, link));
        }
        let Body::Record(record) = &self.body else {
            return None;
        };
        let posting = record
            .postings
            .iter()
            .find(|posting| posting.account == AccountRef::Player(account))?;
        Some((Sum::from(posting.cents), posting.link?))
    }
}

/// What a record that moved a balance was, and under which name.
fn told(record: &Record) -> (HistoryKind, Option<String>) {
    let mut documents = record.documents.iter();
    let found = documents.find_map(|document| match document {
        Document::Adjustment(adjustment) => {
            Some((HistoryKind::Adjustment, adjustment.reference.to_string()))
        }
        Document::Order(order) => Some((HistoryKind::Payment, order.id.to_string())),
        Document::Transfer(transfer) => {
            let kind = match transfer.kind {
                TransferKind::Deposit => HistoryKind::Deposit,
                TransferKind::Withdrawal => HistoryKind::Withdrawal,
            };
            Some((kind, transfer.id.to_string()))
        }
        Document::Partner(_)
        | Document::Player(_)
        | Document::Account(_)
        | Document::Session(_)
        | Document::User(_)
        | Document::ReceivedPayment(_)
        | Document::Gateway(_) => None,
    });
    match found {
        Some((kind, reference)) => (kind, Some(reference)),
        None => (HistoryKind::Adjustment, None),
    }
}
