//! The start: the books, and the journal's entries beyond them.
//!
//! What those entries change is not applied right away, which would mean to read every player
//! they are about. Ids, totals and documents follow from the entries alone and are there at once;
//! a player's entries are kept by the player, and applied when the player is touched first, or by
//! the checkpointer behind the start. So a start takes as long as the tail is, whatever lies
//! before it.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;

use super::checkpoint::Base;
use super::checkpoint_error::CheckpointError;
use super::index::{Index, Places};
use super::partners::Partners;
use super::postbacks::Bell;
use super::recent::{Place, word};
use super::sequencer::Sequencer;
use super::shard::Shards;
use super::space::SpaceCell;
use super::{Ledger, Settings, Unavailable};
use crate::books::{Books, BooksError, Greatest};
use crate::engine::document::Document;
use crate::engine::entry::{Body, Entry};
use crate::engine::ids::IdKey;
use crate::id::{AccountNumber, Seq};
use crate::journal::{Committer, Durable, Journal, JournalError, Queue};
use crate::meter::Durations;
use crate::time::Clock;

/// Most entries that one sync may carry.
const BATCH_ENTRIES_MAX: usize = 1024;

/// Ids of each space that are read back from the books' edge, so that what comes next is known to
/// be new.
const IDS_READ_BACK: usize = 65_536;

/// Foreign rounds of each space, likewise; every shard notes them.
const ROUNDS_READ_BACK: usize = 512;

/// Why a ledger does not start.
#[derive(Debug)]
pub enum RecoverError {
    /// The journal could not be read, or is damaged.
    Journal(JournalError),
    /// The books could not be read or written, are damaged, or are not this journal's.
    Books(BooksError),
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecoverError::Journal(error) => error.fmt(f),
            RecoverError::Books(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RecoverError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RecoverError::Journal(error) => error.source(),
            RecoverError::Books(error) => error.source(),
        }
    }
}

impl RecoverError {
    /// Whether there was no room on the disk.
    pub(super) fn is_disk_full(&self) -> bool {
        match self {
            RecoverError::Journal(error) => error.is_disk_full(),
            RecoverError::Books(error) => error.is_disk_full(),
        }
    }
}

impl From<CheckpointError> for RecoverError {
    fn from(error: CheckpointError) -> RecoverError {
        match error {
            CheckpointError::Books(error) => error.into(),
            CheckpointError::Journal(error) => error.into(),
            CheckpointError::Latched | CheckpointError::Stopped => JournalError::Latched.into(),
        }
    }
}

impl From<JournalError> for RecoverError {
    fn from(error: JournalError) -> RecoverError {
        RecoverError::Journal(error)
    }
}

impl From<BooksError> for RecoverError {
    fn from(error: BooksError) -> RecoverError {
        RecoverError::Books(error)
    }
}

/// Entries beyond the books, and for each the one before it about the same player, counted from 1.
#[derive(Debug, Default)]
pub(super) struct Tail {
    entries: Vec<Entry>,
    previous: Vec<u32>,
}

impl Tail {
    /// The entries about one player, in order; `last` is the number of the last one.
    pub(super) fn chain(&self, mut last: u32) -> Vec<Entry> {
        let mut entries = Vec::new();
        while let Some(place) = last.checked_sub(1) {
            let place = place as usize;
            entries.push(self.entries[place].clone());
            last = self.previous[place];
        }
        entries.reverse();
        entries
    }
}

impl Ledger {
    /// Brings the state of books and journal back to life. The committer takes what is queued to
    /// the journal: it must run, in a thread of its own, for anything to become durable.
    ///
    /// Where the books lack more than two checkpoints' worth of entries, they are written here.
    ///
    /// # Errors
    /// [`RecoverError`].
    ///
    /// # Panics
    /// Where an entry contradicts those before it although its checksum is right: nothing
    /// may be served from such a journal.
    pub fn recover(
        journal: Arc<dyn Journal>,
        books: Books,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Result<(Arc<Ledger>, Committer), RecoverError> {
        Ledger::recover_telling(journal, books, clock, settings, &mut |_| {})
    }

    /// As [`Ledger::recover`]; each time that the books have caught up with another part of what
    /// they lack, `told` hears the last entry in them.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    pub fn recover_telling(
        journal: Arc<dyn Journal>,
        books: Books,
        clock: Arc<dyn Clock>,
        settings: Settings,
        told: &mut dyn FnMut(Seq),
    ) -> Result<(Arc<Ledger>, Committer), RecoverError> {
        let applied = books.applied();
        belongs(&books, &*journal)?;
        let (queue, receiver) = Queue::new(settings.queue_entries_max);
        let durable = Arc::new(Durable::new(journal.head().seq));
        let committer = Committer::new(
            receiver,
            Arc::clone(&journal),
            Arc::clone(&durable),
            BATCH_ENTRIES_MAX,
        );
        let last = (applied.seq, applied.at);
        let numbers = (applied.accounts, applied.sessions, applied.users);
        let sequencer = Sequencer::new(queue, clock, last, numbers);
        let view = books.view()?;
        let mut base = Base::default();
        for (currency, of, sum) in view.sums()? {
            base.totals.add(currency, of, sum);
        }
        let partners = Partners::default();
        for (partner, changed) in view.partners()? {
            partners.apply(&partner, changed);
        }
        let shards = Shards::new();
        remember(&shards, &view.greatest_ids(IDS_READ_BACK)?, true);
        remember(
            &shards,
            &view.greatest_foreign_rounds(ROUNDS_READ_BACK)?,
            false,
        );
        let ledger = Arc::new(Ledger {
            shards,
            partners,
            partner_changes: Mutex::new(()),
            registrations: Mutex::new(()),
            sequencer,
            durable,
            journal,
            rules: settings.rules,
            space: SpaceCell::new(),
            books,
            view: ArcSwap::from_pointee(view),
            forgotten: AtomicU64::new(0),
            base: Mutex::new(base),
            tail: ArcSwapOption::empty(),
            unwritten: Mutex::new(None),
            failure: Mutex::new(None),
            pressed: AtomicBool::new(false),
            stayed_bytes: AtomicU64::new(0),
            checkpoint_times: Durations::default(),
            postback_tries: Default::default(),
            checkpoints: settings.checkpoints,
            bell: Bell::default(),
        });
        ledger.take_tail(applied.seq, told)?;
        Ok((ledger, committer))
    }

    /// Reads all entries after `applied`.
    fn take_tail(&self, applied: Seq, told: &mut dyn FnMut(Seq)) -> Result<(), RecoverError> {
        // A kill in the middle of a checkpoint leaves up to two of them: those wait in memory.
        let many = self.checkpoints.entries.saturating_mul(2);
        let many = usize::try_from(many).unwrap_or(usize::MAX);
        let mut entries: Vec<Entry> = Vec::new();
        let mut last = applied;
        for batch in self.journal.read_from(applied.next())? {
            let batch = batch?;
            if entries.len() >= many {
                self.index(std::mem::take(&mut entries))?;
                self.catch_up()?;
                told(self.booked_seq());
            }
            for entry in batch.entries {
                // The books may end within a batch.
                if entry.seq > applied {
                    assert_eq!(entry.seq, last.next(), "entries are numbered without gaps");
                    last = entry.seq;
                    entries.push(entry);
                }
            }
        }
        assert_eq!(last, self.journal.head().seq, "the head is the last entry");
        self.index(entries)
    }

    /// Writes what was indexed to the books; where the disk has no room for that, it stays in
    /// memory, as much as may be there, so that what was answered can at least be told again.
    fn catch_up(&self) -> Result<(), RecoverError> {
        let mut unwritten = self.unwritten.lock();
        if unwritten.is_some() {
            return match self.resident_bytes() <= self.checkpoints.resident_bytes {
                true => Ok(()),
                false => Err(BooksError::Disk(io::ErrorKind::StorageFull.into()).into()),
            };
        }
        self.apply_tail().map_err(|_| self.why_unavailable())?;
        let mut turn = self.turn();
        match self.write(&mut turn, &mut || Ok(())) {
            Err(error) if error.is_disk_full() => {
                *unwritten = Some(turn);
                Ok(())
            }
            written => Ok(written?),
        }
    }

    fn why_unavailable(&self) -> RecoverError {
        match self.failure.lock().take() {
            Some(error) => error.into(),
            None => JournalError::Latched.into(),
        }
    }

    /// Applies what follows from the entries alone, and keeps the rest by player.
    fn index(&self, entries: Vec<Entry>) -> Result<(), RecoverError> {
        let Some(newest) = entries.last().map(|entry| (entry.seq, entry.at)) else {
            return Ok(());
        };
        self.apply_tail().map_err(|_| self.why_unavailable())?;
        let mut index = Index::new(self, self.places(&entries)?);
        for entry in &entries {
            index.take(entry)?;
        }
        let previous = index.previous();
        self.tail.store(Some(Arc::new(Tail { entries, previous })));
        self.sequencer.resume(newest.0, newest.1);
        Ok(())
    }

    /// Where the players of accounts are that the entries name and do not open.
    fn places(&self, entries: &[Entry]) -> Result<Places, BooksError> {
        let mut wanted = Vec::new();
        for entry in entries {
            wanted.extend(entry.body.id().map(|(account, _)| account));
            wanted.extend(entry.documents().filter_map(|document| match document {
                Document::Session(session) => Some(session.account),
                Document::Adjustment(adjustment) => Some(adjustment.account),
                Document::Transfer(transfer) => Some(transfer.account),
                Document::Partner(_)
                | Document::Player(_)
                | Document::Account(_)
                | Document::User(_)
                | Document::ReceivedPayment(_)
                | Document::Gateway(_)
                | Document::Order(_) => None,
            }));
        }
        wanted.sort_unstable();
        wanted.dedup();
        let found = self.view.load().accounts(&wanted)?;
        let mut places: HashMap<_, _, _> = found.into_iter().collect();
        for number in wanted {
            // What an earlier part of the tail has opened may not be in the books yet.
            if let Some(place) = self.shards.accounts.lock(&number).row(&number) {
                places.insert(number, *place);
            }
        }
        Ok(places)
    }

    /// Applies what is left of the tail. Reads the disk.
    pub(super) fn apply_tail(&self) -> Result<(), Unavailable> {
        if self.tail.load().is_none() {
            return Ok(());
        }
        let mut pending: Vec<AccountNumber> = Vec::new();
        for players in self.shards.players.each() {
            pending.extend(players.pending.keys());
        }
        pending.sort_unstable();
        for home in pending {
            drop(self.player_at(home)?);
        }
        self.tail.store(None);
        Ok(())
    }
}

/// Whether the journal is the one that the books were written from, also what a flush that was cut
/// short has written of them.
fn belongs(books: &Books, journal: &dyn Journal) -> Result<(), RecoverError> {
    let applied = books.applied();
    let begun = books.begun().map(|begun| (begun.seq, begun.hash));
    for (seq, hash) in [Some((applied.seq, applied.hash)), begun]
        .into_iter()
        .flatten()
    {
        let head = journal.head();
        let batch = match seq <= head.seq {
            true => journal.read_from(seq)?.next().transpose()?,
            false => None,
        };
        let is_of_it = batch.is_some_and(|batch| batch.head.hash == hash);
        if seq != Seq::NONE && !is_of_it {
            let (books, journal) = (seq, head.seq);
            return Err(BooksError::Ahead { books, journal }.into());
        }
    }
    Ok(())
}

/// Takes note of the greatest numbers of each space. Of `ids` each lies in one shard.
fn remember(shards: &Shards, greatest: &[Greatest], ids: bool) {
    for of in greatest {
        let place: Place = (of.id_space, of.currency);
        // Of the smallest one's word nobody knows whether it is whole.
        let floor = of
            .numbers
            .last()
            .filter(|_| of.more)
            .map(|number| word(*number) + 1);
        if ids {
            for &number in &of.numbers {
                let (space, currency) = place;
                let id = crate::id::TransactionId(number);
                let key = IdKey {
                    space,
                    currency,
                    id,
                };
                shards.ids_of(&key).recent.note(place, number);
            }
            for mut ids in shards.ids.each() {
                ids.recent.raise(place, floor.unwrap_or(0));
            }
        } else {
            for mut players in shards.players.each() {
                for &number in &of.numbers {
                    players.foreign.note(place, number);
                }
                players.foreign.raise(place, floor.unwrap_or(0));
            }
        }
    }
}

impl Entry {
    /// The documents of a record; none for bets, wins, cancels and voids.
    pub(super) fn documents(&self) -> impl Iterator<Item = &Document> {
        let record = match &self.body {
            Body::Record(record) => Some(record),
            Body::Bet(_) | Body::Win(_) | Body::Cancel(_) | Body::Void(_) => None,
        };
        record.into_iter().flat_map(|record| &record.documents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{IdSpaceNumber, TransactionId};

    #[test]
    fn of_what_was_not_read_back_nothing_is_known_to_be_new() {
        let shards = Shards::new();
        let (space, currency) = (IdSpaceNumber(3), "USD".parse().unwrap());
        let greatest = |more| Greatest {
            id_space: space,
            currency,
            numbers: vec![1000, 998, 700],
            more,
        };
        let is_new = |number| {
            let id = TransactionId(number);
            let key = IdKey {
                space,
                currency,
                id,
            };
            let id = shards.ids_of(&key).recent.is_new(key.place(), number);
            let mut players = shards.players.each();
            let round = players.all(|held| held.foreign.is_new(key.place(), number));
            (id, round)
        };
        for ids in [true, false] {
            remember(&shards, &[greatest(false)], ids);
        }
        assert_eq!((is_new(1000), is_new(3)), ((false, false), (true, true)));
        for ids in [true, false] {
            remember(&shards, &[greatest(true)], ids);
        }
        // 700 is in the word that ends with 703.
        for (number, new) in [(3, false), (701, false), (703, false), (704, true)] {
            assert_eq!(is_new(number), (new, new), "{number}");
        }
        assert_eq!((is_new(998), is_new(999)), ((false, false), (true, true)));
    }
}
