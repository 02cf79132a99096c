//! The tail at a start: what follows from its entries alone is there at once, the rest is kept by
//! player until somebody touches the player.

use std::collections::HashMap;

use super::Ledger;
use super::load::LOST_ACCOUNT;
use crate::books::{AccountPlace, BooksError, SessionPlace};
use crate::engine::document::{AccountOpened, Document};
use crate::engine::entry::{AccountRef, Body, Entry, Record};
use crate::engine::held::Held;
use crate::engine::ids::{IdKey, IdRow};
use crate::id::{AccountNumber, PartnerNumber, PlayerId, SessionNumber};

/// Where the players of accounts are.
pub(super) type Places = HashMap<AccountNumber, AccountPlace, ahash::RandomState>;

/// Takes in the entries of the tail, one after the other.
pub(super) struct Index<'a> {
    ledger: &'a Ledger,
    places: Places,
    previous: Vec<u32>,
}

impl Index<'_> {
    /// `places` has all accounts that the entries name and do not open.
    pub(super) fn new(ledger: &Ledger, places: Places) -> Index<'_> {
        Index {
            ledger,
            places,
            previous: Vec::new(),
        }
    }

    /// For each entry the one before it about the same player, counted from 1.
    pub(super) fn previous(self) -> Vec<u32> {
        self.previous
    }

    pub(super) fn take(&mut self, entry: &Entry) -> Result<(), BooksError> {
        let place = match &entry.body {
            Body::Record(record) => self.record(entry, record)?,
            body => {
                let (account, id) = body.id().expect("a play has an id");
                let place = *self
                    .places
                    .get(&account)
                    .expect("a play names an open account");
                let key = IdKey {
                    space: place.id_space,
                    currency: place.currency,
                    id,
                };
                let row = IdRow::of(entry).expect("a play has an id");
                let mut ids = self.ledger.shards.ids_of(&key);
                ids.recent.note(key.place(), id.0);
                ids.rows.put(key, row);
                Some(place)
            }
        };
        let mut before = 0;
        if let Some(place) = place {
            let mut players = self.ledger.shards.players.lock(&place.home);
            players.holdings.count(entry, place.partner, place.currency);
            players.note_foreign(entry, (place.id_space, place.currency));
            if !matches!(entry.body, Body::Void(_)) {
                let number = u32::try_from(self.previous.len() + 1);
                let number = number.expect("a tail has fewer than 2^32 entries");
                before = players.pending.insert(place.home, number).unwrap_or(0);
            }
        }
        self.previous.push(before);
        Ok(())
    }

    /// The place of the account of a record about a player: the one that it opens, or any.
    fn record(
        &mut self,
        entry: &Entry,
        record: &Record,
    ) -> Result<Option<AccountPlace>, BooksError> {
        let seq = entry.seq;
        let shards = &self.ledger.shards;
        let (mut found, mut is_paying, mut is_gateway) = (None, false, false);
        for document in &record.documents {
            match document {
                Document::Partner(partner) => {
                    self.ledger.partners.apply(partner, seq);
                }
                Document::Player(player) if !record.creates_player() => {
                    let home = self.home(player.partner, &player.player_id)?;
                    found = Some(self.place(home)?);
                }
                Document::Player(_) => {}
                Document::Account(opened) => found = Some(self.opened(opened, record)?),
                Document::Session(session) => {
                    let place = self.place(session.account)?;
                    self.ledger.sequencer.pass(AccountNumber(0), session.number);
                    if record.kind.begins_session() {
                        let of = SessionPlace::new(session, &place, seq);
                        let mut codes = shards.codes.lock(session.code.as_str());
                        codes.put(session.code.clone(), of);
                    }
                    found = Some(place);
                }
                Document::Adjustment(adjustment) => {
                    let key = (adjustment.partner, adjustment.reference.clone());
                    let mut references = shards.references.lock(&key);
                    references.put(key, (adjustment.clone(), seq));
                    found = Some(self.place(adjustment.account)?);
                }
                Document::User(user) => self.ledger.index_user(user, seq)?,
                Document::ReceivedPayment(_) | Document::Order(_) => is_paying = true,
                Document::Gateway(_) => is_gateway = true,
                Document::Transfer(transfer) => {
                    self.ledger.index_transfer(entry);
                    found = Some(self.place(transfer.account)?);
                }
            }
        }
        if is_paying {
            self.ledger.index_paying(entry, record)?;
            found = self.wallet(record)?;
        }
        if is_gateway {
            self.ledger.index_gateway(entry)?;
        }
        if found.is_none() {
            self.ledger.count_for_nobody(entry, record);
        }
        Ok(found)
    }

    /// The place of an account that a record opens.
    fn opened(
        &mut self,
        opened: &AccountOpened,
        record: &Record,
    ) -> Result<AccountPlace, BooksError> {
        let shards = &self.ledger.shards;
        let key = (opened.partner, opened.player_id.clone());
        let home = if record.creates_player() {
            shards.names.lock(&key).put(key.clone(), opened.number);
            opened.number
        } else {
            self.home(opened.partner, &opened.player_id)?
        };
        let place = AccountPlace {
            home,
            partner: opened.partner,
            currency: opened.currency,
            id_space: opened.id_space,
        };
        (self.ledger.sequencer).pass(opened.number, SessionNumber(0));
        self.places.insert(opened.number, place);
        let mut accounts = shards.accounts.lock(&opened.number);
        accounts.put(opened.number, place);
        Ok(place)
    }

    /// The place of the wallet that an order's money went to.
    fn wallet(&mut self, record: &Record) -> Result<Option<AccountPlace>, BooksError> {
        let posted = record.postings.iter().find_map(|leg| match leg.account {
            AccountRef::Player(account) => Some(account),
            _ => None,
        });
        posted.map(|account| self.place(account)).transpose()
    }

    fn place(&mut self, account: AccountNumber) -> Result<AccountPlace, BooksError> {
        if let Some(place) = self.places.get(&account) {
            return Ok(*place);
        }
        let place = self
            .ledger
            .find_account(&self.ledger.view.load(), account)?;
        let place = place.ok_or(LOST_ACCOUNT)?;
        self.places.insert(account, place);
        Ok(place)
    }

    fn home(&self, partner: PartnerNumber, id: &PlayerId) -> Result<AccountNumber, BooksError> {
        let key = (partner, id.clone());
        let mut names: parking_lot::MutexGuard<'_, Held<_, _>> =
            self.ledger.shards.names.lock(&key);
        if let Some(home) = names.keep(&key) {
            return Ok(*home);
        }
        let home = self.ledger.view.load().home(&key)?;
        home.ok_or(BooksError::Unreadable("lacks a player that it names"))
    }
}
