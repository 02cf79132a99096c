//! Partners' calls about their users: registered, looked up, paid and drawn on (partner-api.md,
//! Users and Wallet).

use std::fmt;

use parking_lot::MutexGuard;

use super::partners::PartnerRow;
use super::{Ledger, Observed, Space, Unavailable};
use crate::books::{BooksError, View};
use crate::engine::command::{NewTransfer, NewUser};
use crate::engine::document::{Document, User};
use crate::engine::entry::Entry;
use crate::engine::held::Held;
use crate::engine::refusal::UserRefusal;
use crate::engine::transfer::{TransferKey, TransferRow, TransferVerdict, decide_transfer};
use crate::engine::user::{Registered, UserPlace, decide_registration};
use crate::id::{Mobile, Seq, TransferId, UserNumber};
use crate::money::Amount;

/// Why a partner's call about a user did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserError {
    /// The rules say no; it may be told when the seq is durable.
    Refused(UserRefusal, Seq),
    /// Nothing was touched.
    Unavailable,
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UserError::Refused(refusal, _) => write!(f, "refused: {refusal:?}"),
            UserError::Unavailable => Unavailable.fmt(f),
        }
    }
}

impl std::error::Error for UserError {}

impl From<Unavailable> for UserError {
    fn from(_: Unavailable) -> UserError {
        UserError::Unavailable
    }
}

type Users<'a> = MutexGuard<'a, Held<Mobile, Registered>>;

impl Ledger {
    /// Registers a user (partner-api.md, Users): its number, one after the other in the order of
    /// their entries. A number whose `usr-` name the partner has given to a player is passed over.
    ///
    /// # Errors
    /// Refused where the partner has a user of this mobile number.
    pub fn register_user(
        &self,
        partner: &PartnerRow,
        new: &NewUser,
    ) -> Result<Observed<UserNumber>, UserError> {
        let permit = self.reserve().ok_or(Unavailable)?;
        let _one_at_a_time = self.registrations.lock();
        let mut number = self.sequencer.last_user().next();
        loop {
            let key = (partner.number, number.player_id());
            // So that it is in memory by the time that the mobile number is locked.
            if self.named(&key)?.player.is_some() {
                number = number.next();
                continue;
            }
            let mut users = self.users_of(&new.mobile)?;
            let mut named = self.named(&key)?;
            if named.player.is_some() {
                continue;
            }
            let registered = users.row(&new.mobile);
            let seen = Registered::newest(registered).max(partner.changed);
            let account = || self.sequencer.next_account();
            let record = decide_registration(registered, partner, new, number, account)
                .map_err(|refusal| UserError::Refused(refusal, seen))?;
            if self.space() < Space::Ample {
                return Err(UserError::Unavailable);
            }
            self.lock_created(&mut named, &record);
            let entry = self.push(permit, record);
            self.apply_record(&mut named, &entry);
            self.sequencer.pass_user(number);
            let mut now = registered.cloned().unwrap_or_default();
            for user in entry.users() {
                now.add(user, entry.seq);
            }
            users.put(new.mobile.clone(), now);
            return Ok(Observed {
                value: number,
                seq: entry.seq,
            });
        }
    }

    /// The user that a partner means by a mobile number.
    ///
    /// # Errors
    /// Refused where the partner has none.
    pub fn user(
        &self,
        partner: &PartnerRow,
        mobile: &Mobile,
    ) -> Result<Observed<UserPlace>, UserError> {
        let users = self.users_of(mobile)?;
        let registered = users.row(mobile);
        let seq = Registered::newest(registered).max(partner.changed);
        let value = Registered::locate(registered, partner.number)
            .map_err(|refusal| UserError::Refused(refusal, seq))?;
        Ok(Observed { value, seq })
    }

    /// What a user's wallet holds (partner-api.md, Wallet, `balance`).
    ///
    /// # Errors
    /// As [`Ledger::user`].
    pub fn user_balance(
        &self,
        partner: &PartnerRow,
        mobile: &Mobile,
    ) -> Result<Observed<Amount>, UserError> {
        let user = self.user(partner, mobile)?;
        let home = user.value.account;
        let players = self.player_at(home)?;
        let row = players.holdings.players.row(&home);
        let account = row.and_then(|row| row.account(home));
        let account = account.expect("a user's wallet is its player's first account");
        Ok(Observed {
            value: account.balance,
            seq: user.seq.max(account.last),
        })
    }

    /// Puts money on a user's wallet or takes it off (partner-api.md, Wallet). Where the partner is
    /// set so, an exact repetition gives what the first one gave.
    ///
    /// # Errors
    /// Refused where the id was used, the partner has no such user, or the balance would leave its
    /// range.
    pub fn transfer(
        &self,
        partner: &PartnerRow,
        new: &NewTransfer,
    ) -> Result<Observed<TransferRow>, UserError> {
        let permit = self.reserve().ok_or(Unavailable)?;
        let (user, seen) = match self.user(partner, &new.mobile) {
            Ok(user) => (Ok(user.value.account), user.seq),
            Err(UserError::Refused(refusal, seq)) => (Err(refusal), seq),
            Err(UserError::Unavailable) => return Err(UserError::Unavailable),
        };
        let key = (partner.number, new.id.clone());
        loop {
            // So that it is in memory by the time that the id is locked.
            if let Ok(home) = user {
                drop(self.player_at(home)?);
            }
            let mut transfers = self.transfers_of(&key)?;
            let mut wallet = user.map(|home| (home, self.shards.players.lock(&home)));
            if let Ok((home, players)) = &mut wallet
                && !players.keep(*home)
            {
                continue;
            }
            let account = wallet.as_ref().map(|(home, players)| {
                let row = players.holdings.players.row(home);
                let account = row.and_then(|row| row.account(*home));
                account.expect("a user's wallet is its player's first account")
            });
            let account = account.map_err(|refusal| *refusal);
            let before = transfers.row(&key);
            let looked_at = before.map_or(Seq::NONE, |row| row.seq);
            let moved = account.map_or(Seq::NONE, |account| account.last);
            let seq = seen.max(looked_at).max(moved);
            let verdict = decide_transfer(new, partner, before, account)
                .map_err(|refusal| UserError::Refused(refusal, seq))?;
            let record = match verdict {
                TransferVerdict::Accepted(record) => record,
                TransferVerdict::Repeated => {
                    let value = before.cloned().expect("what is repeated was there before");
                    return Ok(Observed { value, seq });
                }
            };
            if self.space() < Space::Ample {
                return Err(UserError::Unavailable);
            }
            let entry = self.push(permit, record);
            let (home, players) = wallet.as_mut().expect("money moves on a wallet");
            players.holdings.apply(*home, &entry);
            let value = TransferRow::of(&entry).expect("it was decided a moment ago");
            transfers.put(key, value.clone());
            let seq = entry.seq;
            return Ok(Observed { value, seq });
        }
    }

    /// What a partner did under a transaction id, if anything.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn known_transfer(
        &self,
        partner: &PartnerRow,
        id: &TransferId,
    ) -> Result<Observed<Option<TransferRow>>, Unavailable> {
        let key = (partner.number, id.clone());
        let value = self.transfers_of(&key)?.row(&key).cloned();
        let seq = value.as_ref().map_or(Seq::NONE, |row| row.seq);
        Ok(Observed {
            value,
            seq: seq.max(partner.changed),
        })
    }

    fn users_of(&self, mobile: &Mobile) -> Result<Users<'_>, Unavailable> {
        let read = |view: &View| view.registered(mobile);
        self.piece(&self.shards.users, mobile, read)
    }

    fn transfers_of(
        &self,
        key: &TransferKey,
    ) -> Result<MutexGuard<'_, Held<TransferKey, TransferRow>>, Unavailable> {
        self.piece(&self.shards.transfers, key, |view: &View| {
            view.transfer(key)
        })
    }

    /// Takes in a registration of the tail. What the books say of the mobile number comes first:
    /// another partner may have a user of it.
    pub(super) fn index_user(&self, user: &User, seq: Seq) -> Result<(), BooksError> {
        let mut users = self.shards.users.lock(&user.mobile);
        let known = match users.row(&user.mobile) {
            Some(known) => Some(known.clone()),
            None => self.view.load().registered(&user.mobile)?,
        };
        let mut registered = known.unwrap_or_default();
        registered.add(user, seq);
        users.put(user.mobile.clone(), registered);
        self.sequencer.pass_user(user.number);
        Ok(())
    }

    /// Takes in a transfer of the tail.
    pub(super) fn index_transfer(&self, entry: &Entry) {
        let row = TransferRow::of(entry).expect("a transfer moves money of its account");
        let key = row.key();
        self.shards.transfers.lock(&key).put(key.clone(), row);
    }
}

impl Entry {
    /// The users that it registers.
    fn users(&self) -> impl Iterator<Item = &User> {
        self.documents().filter_map(|document| match document {
            Document::User(user) => Some(&**user),
            _ => None,
        })
    }
}
