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

#[cfg(test)]
mod tests {
    use super::super::world::{ANN, World, cents};
    use super::*;
    use crate::engine::settings::OnRepeat;

    fn new(kind: TransferKind, amount: u64, id: &str) -> NewTransfer {
        NewTransfer {
            kind,
            mobile: "1234567".parse().unwrap(),
            amount: cents(amount),
            id: id.parse().unwrap(),
        }
    }

    /// Judges a transfer on Ann's account, which holds 1000 cents.
    fn decide(
        world: &World,
        new: &NewTransfer,
        before: Option<&TransferRow>,
    ) -> Result<TransferVerdict, UserRefusal> {
        let account = world
            .player("ann")
            .unwrap()
            .account_in(world.partner.currency);
        decide_transfer(new, &world.partner, before, Ok(account.unwrap()))
    }

    #[test]
    fn money_goes_between_the_partner_and_the_user_alone() {
        let mut world = World::new();
        for (kind, amount, left) in [
            (TransferKind::Deposit, 250, 1250),
            (TransferKind::Withdrawal, 1250, 0),
        ] {
            let verdict = decide(&world, &new(kind, amount, "a"), None).unwrap();
            let TransferVerdict::Accepted(record) = verdict else {
                panic!("{verdict:?}");
            };
            let sum: i64 = record.postings.iter().map(|posting| posting.cents).sum();
            assert_eq!((sum, record.postings.len()), (0, 2));
            world.operate(record);
            assert_eq!(world.balance(ANN), left);
        }
        let poor = UserRefusal::InsufficientFunds {
            balance: cents(0),
            requested: cents(1),
        };
        let withdrawal = new(TransferKind::Withdrawal, 1, "b");
        assert_eq!(decide(&world, &withdrawal, None), Err(poor));
    }

    #[test]
    fn a_balance_stays_within_its_limit() {
        let world = World::new();
        let room = Amount::MAX.cents() - 1000;
        assert!(decide(&world, &new(TransferKind::Deposit, room, "a"), None).is_ok());
        let beyond = decide(&world, &new(TransferKind::Deposit, room + 1, "a"), None);
        assert_eq!(beyond, Err(UserRefusal::BalanceOutOfRange));
    }

    #[test]
    fn a_used_id_is_refused_or_its_exact_repetition_replayed() {
        let mut world = World::new();
        let asked = new(TransferKind::Deposit, 250, "a");
        let row = TransferRow {
            transfer: Transfer {
                partner: world.partner.number,
                id: asked.id.clone(),
                kind: asked.kind,
                mobile: asked.mobile.clone(),
                account: crate::id::AccountNumber(1),
                amount: asked.amount,
            },
            balance_after: cents(250),
            at: world.now,
            seq: Seq(1),
        };
        let used = Err(UserRefusal::TransferIdUsed);
        assert_eq!(decide(&world, &asked, Some(&row)), used);
        world.partner.settings.on_repeat = OnRepeat::Replay;
        let again = decide(&world, &asked, Some(&row));
        assert_eq!(again, Ok(TransferVerdict::Repeated));
        for other in [
            new(TransferKind::Withdrawal, 250, "a"),
            new(TransferKind::Deposit, 251, "a"),
            NewTransfer {
                mobile: "7654321".parse().unwrap(),
                ..asked.clone()
            },
        ] {
            assert_eq!(decide(&world, &other, Some(&row)), used);
        }
        // The id comes before the user.
        let nobody = Err(UserRefusal::UserUnknown);
        let refused = decide_transfer(&asked, &world.partner, None, nobody);
        assert_eq!(refused, Err(UserRefusal::UserUnknown));
        let other = new(TransferKind::Deposit, 9, "a");
        let refused = decide_transfer(&other, &world.partner, Some(&row), nobody);
        assert_eq!(refused, used);
    }
}
