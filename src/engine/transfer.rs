//! Transfers: what partners put on their users' wallets and take off (partner-api.md, Wallet).

use super::command::NewTransfer;
use super::document::{Document, Partner, Transfer, TransferKind};
use super::entry::{AccountRef, Actor, Body, Entry, Link, Posting, Record, RecordKind};
use super::holdings::AccountRow;
use super::refusal::UserRefusal;
use super::settings::OnRepeat;
use crate::id::{PartnerNumber, Seq, TransferId};
use crate::money::{Amount, Sum};
use crate::time::Timestamp;

/// A transfer's name: ids are per partner, over deposits and withdrawals together.
pub type TransferKey = (PartnerNumber, TransferId);

/// All that a repetition is answered from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferRow {
    /// What was asked and done.
    pub transfer: Transfer,
    /// What the wallet held afterwards.
    pub balance_after: Amount,
    /// When it was taken down.
    pub at: Timestamp,
    /// Its entry.
    pub seq: Seq,
}

impl TransferRow {
    /// The row of the transfer that an entry takes down; none where it is no transfer.
    pub fn of(entry: &Entry) -> Option<TransferRow> {
        let Body::Record(record) = &entry.body else {
            return None;
        };
        let transfer = record
            .documents
            .iter()
            .find_map(|document| match document {
                Document::Transfer(transfer) => Some(transfer),
                _ => None,
            })?;
        let to_or_from = AccountRef::Player(transfer.account);
        let mut postings = record.postings.iter();
        let posting = postings.find(|posting| posting.account == to_or_from)?;
        Some(TransferRow {
            transfer: Transfer::clone(transfer),
            balance_after: posting.link?.balance_after,
            at: entry.at,
            seq: entry.seq,
        })
    }

    /// The name that it is found by.
    pub fn key(&self) -> TransferKey {
        (self.transfer.partner, self.transfer.id.clone())
    }

    /// Whether the same is asked for again.
    fn is_of(&self, new: &NewTransfer) -> bool {
        let Transfer {
            id,
            kind,
            mobile,
            amount,
            ..
        } = &self.transfer;
        (id, *kind, mobile, *amount) == (&new.id, new.kind, &new.mobile, new.amount)
    }
}

/// What a transfer that is not refused comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferVerdict {
    /// It is to be taken down.
    Accepted(Record),
    /// It was, and the first answer is given again.
    Repeated,
}

/// Judges a transfer. `before` is what was done under its id, `account` the user's wallet or why
/// there is none (partner-api.md, Small print, order of judgement).
///
/// # Errors
/// [`UserRefusal`].
pub fn decide_transfer(
    new: &NewTransfer,
    partner: &Partner,
    before: Option<&TransferRow>,
    account: Result<&AccountRow, UserRefusal>,
) -> Result<TransferVerdict, UserRefusal> {
    let replays = partner.settings.on_repeat == OnRepeat::Replay;
    match before {
        Some(before) if replays && before.is_of(new) => return Ok(TransferVerdict::Repeated),
        Some(_) => return Err(UserRefusal::TransferIdUsed),
        None => {}
    }
    let account = account?;
    let balance = account.balance;
    let (balance_after, moved) = match new.kind {
        TransferKind::Deposit => {
            let after = balance.plus(new.amount);
            let after = after.ok_or(UserRefusal::BalanceOutOfRange)?;
            (after, Sum::from(new.amount))
        }
        TransferKind::Withdrawal => {
            let after = balance.minus(new.amount);
            let requested = new.amount;
            let after = after.ok_or(UserRefusal::InsufficientFunds { balance, requested })?;
            (after, Sum::from(new.amount).negated())
        }
    };
    let link = Link {
        previous: account.last,
        balance_after,
    };
    let posting = |of, moved: Sum, link| Posting {
        account: of,
        currency: account.opened.currency,
        cents: i64::try_from(moved.cents()).expect("an amount is at most 2^53-1"),
        link,
    };
    let number = account.opened.number;
    let transfer = Transfer {
        partner: partner.number,
        id: new.id.clone(),
        kind: new.kind,
        mobile: new.mobile.clone(),
        account: number,
        amount: new.amount,
    };
    Ok(TransferVerdict::Accepted(Record {
        by: Actor::Partner,
        kind: RecordKind::Transfer,
        postings: vec![
            posting(AccountRef::Partner(partner.number), moved.negated(), None),
            posting(AccountRef::Player(number), moved, Some(link)),
        ],
        documents: vec![Document::Transfer(Box::new(transfer))],
    }))
}
