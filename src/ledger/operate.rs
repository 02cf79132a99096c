//! Operators' commands: judged under the locks of their documents and players, taken down.

use std::sync::Arc;

use super::partners::PartnerRow;
use super::report::{PlayerView, SessionState};
use super::{Ledger, Observed, OperatorError, Space};
use crate::engine::command::{AccountName, NewAdjustment, NewPartner, NewSession, PartnerChange};
use crate::engine::document::{Document, PartnerSecrets, Session};
use crate::engine::entry::{Body, Entry, Record};
use crate::engine::holdings::PlayerKey;
use crate::engine::operate;
use crate::engine::refusal::OperatorRefusal;
use crate::id::{Code, PartnerNumber, PlayerId, Seq};
use crate::journal::Permit;
use crate::money::Amount;

/// An adjustment that is on the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjusted {
    /// What the account holds now.
    pub balance: Amount,
    /// It was there already, with equal content; nothing moved.
    pub repeated: bool,
}

impl Ledger {
    /// Creates a partner (operations.md, `partner create`).
    ///
    /// # Errors
    /// Refused where the wallet token is another's.
    pub fn create_partner(
        &self,
        new: NewPartner,
        secrets: PartnerSecrets,
    ) -> Result<Observed<Arc<PartnerRow>>, OperatorError> {
        let permit = self.permit()?;
        let _one_at_a_time = self.partner_changes.lock();
        if let Some(holder) = self.partners.by_token(new.wallet_token.as_str()) {
            return Err(refused(OperatorRefusal::WalletTokenUsed, holder.changed));
        }
        let (number, id_space) = (
            self.partners.next_number(),
            self.partners.id_space(&new.id_space),
        );
        let record = operate::decide_partner(new, number, id_space, secrets, self.sequencer.now());
        Ok(self.take_partner_down(permit, record))
    }

    /// Changes a partner's settings or state (operations.md, `partner update|disable|enable`).
    /// Where all is so already nothing is taken down.
    ///
    /// # Errors
    /// Refused where there is no such partner.
    pub fn change_partner(
        &self,
        number: PartnerNumber,
        change: PartnerChange,
    ) -> Result<Observed<Arc<PartnerRow>>, OperatorError> {
        let permit = self.permit()?;
        let _one_at_a_time = self.partner_changes.lock();
        let row = self.known_partner(number)?;
        match operate::decide_partner_change(&row, change) {
            Some(record) => Ok(self.take_partner_down(permit, record)),
            None => Ok(Observed {
                seq: row.changed,
                value: row,
            }),
        }
    }

    fn take_partner_down(&self, permit: Permit<'_>, record: Record) -> Observed<Arc<PartnerRow>> {
        let entry = self.push(permit, record);
        let mut documents = entry.documents();
        let Some(Document::Partner(partner)) = documents.next() else {
            unreachable!("a partner's record bears the partner")
        };
        Observed {
            value: self.partners.apply(partner, entry.seq),
            seq: entry.seq,
        }
    }

    /// Creates a player, or a player's account in a further currency, with a balance
    /// (operations.md, `player create`).
    ///
    /// # Errors
    /// Refused where there is no such partner or the account is there already.
    pub fn create_player(
        &self,
        name: &AccountName,
        balance: Amount,
    ) -> Result<Observed<Amount>, OperatorError> {
        let permit = self.permit()?;
        let partner = self.known_partner(name.partner)?;
        let key = name.player_key();
        let mut holdings = self.shards.holdings.lock(&key);
        let number = self.sequencer.next_account();
        let record = operate::decide_player(&holdings, name, partner.id_space, number, balance)
            .map_err(|refusal| {
                let there = holdings.account_in(&key, name.currency);
                refused(refusal, there.map_or(Seq::NONE, |row| row.changed))
            })?;
        let entry = self.push(permit, record);
        holdings.apply(&entry);
        Ok(Observed {
            value: balance,
            seq: entry.seq,
        })
    }

    /// Blocks or unblocks a player over all currencies (operations.md, `player block`).
    ///
    /// # Errors
    /// Refused where there is no such player.
    pub fn set_blocked(
        &self,
        partner: PartnerNumber,
        player_id: &PlayerId,
        blocked: bool,
    ) -> Result<Observed<PlayerView>, OperatorError> {
        let permit = self.permit()?;
        let key: PlayerKey = (partner, player_id.clone());
        let mut holdings = self.shards.holdings.lock(&key);
        let record = operate::decide_block(&holdings, &key, blocked)
            .map_err(|refusal| refused(refusal, Seq::NONE))?;
        if let Some(record) = record {
            let entry = self.push(permit, record);
            holdings.apply(&entry);
        }
        let view = PlayerView::of(&holdings, &key, self.sequencer.now());
        Ok(view.expect("the player was judged under this lock"))
    }

    /// Puts money on a player's account or takes it off (operations.md, `player adjust`).
    ///
    /// # Errors
    /// Refused where there is no such account, the reference has other content, or the balance
    /// would leave its range.
    pub fn adjust(&self, new: &NewAdjustment) -> Result<Observed<Adjusted>, OperatorError> {
        let permit = self.permit()?;
        self.known_partner(new.account.partner)?;
        let reference = (new.account.partner, new.reference.clone());
        let player = new.account.player_key();
        let mut references = self.shards.references.lock(&reference);
        let mut holdings = self.shards.holdings.lock(&player);
        let account = holdings.account_in(&player, new.account.currency);
        let before = references.row(&reference);
        let seen = account.map_or(Seq::NONE, |row| row.last.max(row.changed));
        let seen = seen.max(before.map_or(Seq::NONE, |(_, seq)| *seq));
        let decided =
            operate::decide_adjustment(account, before.map(|(adjustment, _)| adjustment), new);
        let balance = account.map_or(Amount::ZERO, |row| row.balance);
        let Some(record) = decided.map_err(|refusal| refused(refusal, seen))? else {
            return Ok(Observed {
                value: Adjusted {
                    balance,
                    repeated: true,
                },
                seq: seen,
            });
        };
        let entry = self.push(permit, record);
        holdings.apply(&entry);
        for document in entry.documents() {
            if let Document::Adjustment(adjustment) = document {
                references.apply(adjustment, entry.seq);
            }
        }
        let account = holdings
            .account_in(&player, new.account.currency)
            .expect("it was adjusted under this lock");
        Ok(Observed {
            value: Adjusted {
                balance: account.balance,
                repeated: false,
            },
            seq: entry.seq,
        })
    }

    /// Opens a session (operations.md, `session open`).
    ///
    /// # Errors
    /// Refused where there is no such partner, it is not live, the player is blocked, or the
    /// code was ever used.
    pub fn open_session(&self, new: NewSession) -> Result<Observed<Session>, OperatorError> {
        let permit = self.permit()?;
        let partner = self.known_partner(new.account.partner)?;
        let player = new.account.player_key();
        let code = new.code.clone();
        let mut codes = self.shards.codes.lock(code.as_str());
        if let Some(place) = codes.place(code.as_str()) {
            return Err(refused(OperatorRefusal::CodeUsed, place.opened));
        }
        let index = self.shards.holdings.index(&player);
        let mut holdings = self.shards.holdings.lock_index(index);
        let numbers = (self.sequencer.next_session(), self.sequencer.next_account());
        let decided =
            operate::decide_session(&holdings, &partner, new, numbers, self.sequencer.now());
        let seen = holdings
            .player(&player)
            .map_or(Seq::NONE, |row| row.changed)
            .max(partner.changed);
        let (record, session) = decided.map_err(|refusal| refused(refusal, seen))?;
        let entry = self.push(permit, record);
        holdings.apply(&entry);
        codes.apply(&session, partner.id_space, index, entry.seq);
        Ok(Observed {
            value: session,
            seq: entry.seq,
        })
    }

    /// Closes a session (operations.md, `session close`). Closing it again changes nothing.
    ///
    /// # Errors
    /// Refused where no session has this code.
    pub fn close_session(
        &self,
        code: &Code,
    ) -> Result<Observed<(Session, SessionState)>, OperatorError> {
        let permit = self.permit()?;
        let place = self.known_place(code)?;
        let mut holdings = self.shards.holdings.lock_index(place.holdings);
        let row = holdings
            .session(place.number)
            .expect("a code leads to its session's shard");
        if let Some(record) = operate::decide_close(row) {
            let entry = self.push(permit, record);
            holdings.apply(&entry);
        }
        Ok(self.view_session(&holdings, place.number))
    }

    fn push(&self, permit: Permit<'_>, record: Record) -> Entry {
        self.sequencer.push(permit, Body::Record(Arc::new(record)))
    }

    /// The right to take something down. While there is little room operators have it still:
    /// their commands are few, and may be what puts things right.
    fn permit(&self) -> Result<Permit<'_>, OperatorError> {
        if self.space() == Space::Full {
            return Err(OperatorError::Unavailable);
        }
        self.sequencer
            .queue()
            .permit()
            .ok_or(OperatorError::Unavailable)
    }

    pub(super) fn known_partner(
        &self,
        number: PartnerNumber,
    ) -> Result<Arc<PartnerRow>, OperatorError> {
        let unknown = || refused(OperatorRefusal::PartnerUnknown(number), Seq::NONE);
        self.partners.by_number(number).ok_or_else(unknown)
    }
}

pub(super) fn refused(refusal: OperatorRefusal, seq: Seq) -> OperatorError {
    OperatorError::Refused(refusal, seq)
}
