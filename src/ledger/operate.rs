//! Operators' commands: judged under the locks of their documents and players, taken down.

use std::sync::Arc;

use parking_lot::MutexGuard;

use super::load::Named;
use super::partners::PartnerRow;
use super::report::{PlayerView, SessionState};
use super::{Ledger, Observed, OperatorError, Space};
use crate::books::{AccountPlace, SessionPlace, View};
use crate::engine::command::{AccountName, NewAdjustment, NewPartner, NewSession, PartnerChange};
use crate::engine::document::{Adjustment, Document, PartnerSecrets, Session};
use crate::engine::entry::{Body, Entry, Record};
use crate::engine::held::Held;
use crate::engine::holdings::PlayerKey;
use crate::engine::link::{NewLink, decide_link};
use crate::engine::operate;
use crate::engine::refusal::OperatorRefusal;
use crate::engine::rotation::NewSecrets;
use crate::id::{Code, PartnerNumber, PlayerId, Reference, Seq};
use crate::journal::Permit;
use crate::money::Amount;
use crate::time::Span;

type Codes<'a> = MutexGuard<'a, Held<Code, SessionPlace>>;
type References<'a> = MutexGuard<'a, Held<(PartnerNumber, Reference), (Adjustment, Seq)>>;

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
    /// Refused where the wallet token is another's or the settings do not go together.
    pub fn create_partner(
        &self,
        new: NewPartner,
        secrets: PartnerSecrets,
    ) -> Result<Observed<Arc<PartnerRow>>, OperatorError> {
        let permit = self.permit();
        let _one_at_a_time = self.partner_changes.lock();
        if let Some(holder) = self.partners.by_token(new.wallet_token.as_str()) {
            return Err(refused(OperatorRefusal::WalletTokenUsed, holder.changed));
        }
        let (number, id_space) = (
            self.partners.next_number(),
            self.partners.id_space(&new.id_space),
        );
        let now = self.sequencer.now();
        let record = operate::decide_partner(new, number, id_space, secrets, now)
            .map_err(|refusal| refused(refusal, Seq::NONE))?;
        Ok(self.take_partner_down(permit?, record))
    }

    /// Changes a partner's settings or state (operations.md, `partner update|disable|enable`).
    /// Where all is so already nothing is taken down.
    ///
    /// # Errors
    /// Refused where there is no such partner or the settings do not go together.
    pub fn change_partner(
        &self,
        number: PartnerNumber,
        change: PartnerChange,
    ) -> Result<Observed<Arc<PartnerRow>>, OperatorError> {
        let permit = self.permit();
        let _one_at_a_time = self.partner_changes.lock();
        let row = self.known_partner(number)?;
        let decided = operate::decide_partner_change(&row, change)
            .map_err(|refusal| refused(refusal, row.changed))?;
        match decided {
            Some(record) => Ok(self.take_partner_down(permit?, record)),
            None => Ok(Observed {
                seq: row.changed,
                value: row,
            }),
        }
    }

    /// Exchanges some of a partner's secrets for new ones; those before open for `grace` on
    /// (operations.md, `partner rotate-secret`).
    ///
    /// # Errors
    /// Refused where there is no such partner.
    pub fn rotate_secret(
        &self,
        number: PartnerNumber,
        new: NewSecrets,
        grace: Span,
    ) -> Result<Observed<Arc<PartnerRow>>, OperatorError> {
        let permit = self.permit()?;
        let _one_at_a_time = self.partner_changes.lock();
        let row = self.known_partner(number)?;
        let record = operate::decide_rotation(&row, new, grace, self.sequencer.now());
        Ok(self.take_partner_down(permit, record))
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
        let permit = self.permit();
        let partner = self.known_partner(name.partner)?;
        let key = name.player_key();
        let mut named = self.named(&key)?;
        let number = self.sequencer.next_account();
        let row = named.row();
        let record = operate::decide_player(row, name, partner.id_space, number, balance).map_err(
            |refusal| {
                let there = row.and_then(|row| row.account_in(name.currency));
                let seen = there.map_or(Seq::NONE, |account| account.changed);
                refused(refusal, seen)
            },
        )?;
        self.lock_created(&mut named, &record);
        let entry = self.push(permit?, record);
        self.apply_record(&mut named, &entry);
        Ok(Observed {
            value: balance,
            seq: entry.seq,
        })
    }

    /// Locks the piece of a player who comes into being with a record, before that is pushed: who
    /// looks through all pieces at an entry finds all that is up to it.
    pub(super) fn lock_created<'a>(&'a self, named: &mut Named<'a>, record: &Record) {
        let opened = record.opened().next();
        if let Some(opened) = opened.filter(|_| record.creates_player()) {
            let players = self.shards.players.lock(&opened.number);
            named.player = Some((opened.number, players));
        }
    }

    /// Applies a record about the player of a name that is locked, as is the player's piece.
    pub(super) fn apply_record<'a>(&'a self, named: &mut Named<'a>, entry: &Entry) {
        let Body::Record(record) = &entry.body else {
            unreachable!("operators' commands become records")
        };
        let opened = record.opened().next();
        let Named { names, player } = named;
        if let Some(opened) = opened.filter(|_| record.creates_player()) {
            names.put((opened.partner, opened.player_id.clone()), opened.number);
        }
        let (home, players) = player.as_mut().expect("a record is about a player");
        players.holdings.apply(*home, entry);
        for opened in record.opened() {
            let place = AccountPlace {
                home: *home,
                partner: opened.partner,
                currency: opened.currency,
                id_space: opened.id_space,
            };
            let mut accounts = self.shards.accounts.lock(&opened.number);
            accounts.put(opened.number, place);
        }
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
        let permit = self.permit();
        let key: PlayerKey = (partner, player_id.clone());
        {
            let mut named = self.named(&key)?;
            let record = operate::decide_block(named.row(), &key, blocked)
                .map_err(|refusal| refused(refusal, Seq::NONE))?;
            if let Some(record) = record {
                let entry = self.push(permit?, record);
                self.apply_record(&mut named, &entry);
            }
        }
        self.view_player(&key)
    }

    /// Puts money on a player's account or takes it off (operations.md, `player adjust`).
    ///
    /// # Errors
    /// Refused where there is no such account, the reference has other content, or the balance
    /// would leave its range.
    pub fn adjust(&self, new: &NewAdjustment) -> Result<Observed<Adjusted>, OperatorError> {
        let permit = self.permit();
        self.known_partner(new.account.partner)?;
        let key = new.account.player_key();
        // So that it is in memory by the time that the reference is locked.
        drop(self.named(&key)?);
        let (mut references, before) = self.reference(new)?;
        let mut named = self.named(&key)?;
        let account = named
            .row()
            .and_then(|row| row.account_in(new.account.currency));
        let changed = named.row().map_or(Seq::NONE, |row| row.changed);
        let seen = account.map_or(changed, |row| row.last.max(row.changed).max(changed));
        let seen = seen.max(before.as_ref().map_or(Seq::NONE, |(_, seq)| *seq));
        let before = before.as_ref().map(|(adjustment, _)| adjustment);
        let decided = operate::decide_adjustment(account, before, new);
        let balance = account.map_or(Amount::ZERO, |row| row.balance);
        let Some(record) = decided.map_err(|refusal| refused(refusal, seen))? else {
            let repeated = true;
            return Ok(Observed {
                value: Adjusted { balance, repeated },
                seq: seen,
            });
        };
        let entry = self.push(permit?, record);
        self.apply_record(&mut named, &entry);
        for document in entry.documents() {
            if let Document::Adjustment(adjustment) = document {
                let key = (adjustment.partner, adjustment.reference.clone());
                references.put(key, (adjustment.clone(), entry.seq));
            }
        }
        let account = named
            .row()
            .and_then(|row| row.account_in(new.account.currency));
        let balance = account.expect("it was adjusted under this lock").balance;
        let repeated = false;
        Ok(Observed {
            value: Adjusted { balance, repeated },
            seq: entry.seq,
        })
    }

    /// Opens a session (operations.md, `session open`).
    ///
    /// # Errors
    /// Refused where there is no such partner, it is not live, the player is blocked, or the
    /// code was ever used.
    pub fn open_session(&self, new: NewSession) -> Result<Observed<Session>, OperatorError> {
        self.begin_session(self.permit(), new, None)
    }

    /// Opens a session, or makes the link that will open it.
    pub(super) fn begin_session(
        &self,
        permit: Result<Permit<'_>, OperatorError>,
        new: NewSession,
        link: Option<NewLink>,
    ) -> Result<Observed<Session>, OperatorError> {
        let partner = self.known_partner(new.account.partner)?;
        let key = new.account.player_key();
        let code = new.code.clone();
        // So that it is in memory by the time that the code is locked.
        drop(self.named(&key)?);
        let mut codes = self.unused_code(&code)?;
        let mut named = self.named(&key)?;
        let numbers = (self.sequencer.next_session(), self.sequencer.next_account());
        let now = self.sequencer.now();
        let decided = match link {
            None => operate::decide_session(named.row(), &partner, new, numbers, now),
            Some(link) => decide_link(named.row(), &partner, (new, link), numbers, now),
        };
        let seen = named.row().map_or(Seq::NONE, |row| row.changed);
        let (record, session) =
            decided.map_err(|refusal| refused(refusal, seen.max(partner.changed)))?;
        self.lock_created(&mut named, &record);
        let entry = self.push(permit?, record);
        self.apply_record(&mut named, &entry);
        let row = named.row().expect("it was applied under this lock");
        let account = row
            .account(session.account)
            .expect("a session is on an account");
        let account = AccountPlace {
            home: row.home(),
            partner: row.partner,
            currency: session.currency,
            id_space: account.opened.id_space,
        };
        codes.put(code, SessionPlace::new(&session, &account, entry.seq));
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
        let permit = self.permit();
        let place = self.known_place(code)?;
        let mut players = self.session_at(&place)?;
        let row = players.holdings.session(place.home, place.number);
        let row = row.expect("it was brought into memory");
        if let Some(record) = operate::decide_close(row) {
            let entry = self.push(permit?, record);
            players.holdings.apply(place.home, &entry);
        }
        Ok(self.view_session(&players.holdings, &place))
    }

    /// The piece of the codes that a code lies in, which nobody has ever used.
    fn unused_code(&self, code: &Code) -> Result<Codes<'_>, OperatorError> {
        let mut sight = None;
        loop {
            let codes = self.shards.codes.lock(code.as_str());
            let used = codes.row(code.as_str()).copied();
            let fresh = sight.take().filter(|sight| self.is_fresh(sight));
            if let Some(place) = used.or_else(|| fresh.as_ref().and_then(|sight| sight.found)) {
                return Err(refused(OperatorRefusal::CodeUsed, place.opened));
            }
            if fresh.is_some() {
                return Ok(codes);
            }
            drop(codes);
            sight = Some(self.look(|view| view.code(code.as_str()))?);
        }
    }

    /// The piece of the references that an adjustment's lies in, and what it stands for.
    fn reference(
        &self,
        new: &NewAdjustment,
    ) -> Result<(References<'_>, Option<(Adjustment, Seq)>), OperatorError> {
        let key = (new.account.partner, new.reference.clone());
        let read = |view: &View| view.adjustment(key.0, &key.1);
        let references = self.piece(&self.shards.references, &key, read)?;
        let row = references.row(&key).cloned();
        Ok((references, row))
    }

    pub(super) fn push(&self, permit: Permit<'_>, record: Record) -> Entry {
        self.sequencer.push(permit, Body::Record(Arc::new(record)))
    }

    /// The right to take something down, asked for before any lock and needed only where something
    /// is. While there is little room operators have it still: their commands are few, and may be
    /// what puts things right.
    pub(super) fn permit(&self) -> Result<Permit<'_>, OperatorError> {
        if self.space() == Space::Full {
            return Err(OperatorError::Unavailable);
        }
        self.reserve().ok_or(OperatorError::Unavailable)
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
