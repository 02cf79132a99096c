//! `journal.redb`: the journal's batches, one row each.
//!
//! ```text
//! table    key                          value
//! batches  seq of the first entry, u64  the batch, as `record` has it
//! about    "coffer"                     the coffer's id, 16 bytes
//! ```
//!
//! redb's own checksums are not looked at when it reads, and its ordering of commits is trusted
//! only as far as the witness goes: each batch is verified by its own hash, each reading follows
//! the chain, and each reading arrives at the end that was there when it began.

use parking_lot::{Mutex, MutexGuard};
use redb::{
    Builder, Database, DatabaseError, Range, ReadableDatabase, ReadableTable, TableDefinition,
    WriteTransaction,
};

use super::bytes::CodecError;
use super::record::{decode_batch, decode_heads, encode_batch};
use super::witness::Witness;
use super::{Batch, Batches, Head, Journal, JournalError, StartRefusal};
use crate::disk::{Disk, File, RedbBackend, unfinished};
use crate::engine::entry::Entry;
use crate::id::Seq;

/// The file's name.
pub(super) const JOURNAL: &str = "journal.redb";

const BATCHES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("batches");
const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");
const COFFER: &str = "coffer";

/// Rows are written once, in order, and read once, in order: little is worth keeping.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// How many batches one step of trimming removes: some pages, so that the appends between two
/// steps hardly notice.
const TRIM_STEP: usize = 64;

/// How a commit reaches the disk (operations.md, Configuration, `storage.commit`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CommitMode {
    /// One sync. A last commit that cannot be read back at a start is rolled back; the witness
    /// tells, unless power was lost.
    #[default]
    OnePhase,
    /// Two syncs: a commit that was answered is never rolled back.
    TwoPhase,
}

/// The journal in one redb file. It has the data directory to itself as long as it lives.
#[derive(Debug)]
pub struct RedbJournal {
    writer: Mutex<Writer>,
    /// Apart from the writer, so that asking for it does not wait for a sync.
    head: Mutex<Head>,
    database: Database,
    commit: CommitMode,
    /// Given back last.
    _lock: Box<dyn File>,
}

#[derive(Debug)]
struct Writer {
    buffer: Vec<u8>,
    witness: Witness,
    latched: bool,
}

/// Makes the file of a coffer that has no entries yet.
pub(super) fn create(disk: &dyn Disk, id: [u8; 16]) -> Result<(), JournalError> {
    let failed = JournalError::disk(JOURNAL);
    let new = unfinished(JOURNAL);
    let file = disk.create(&new).map_err(&failed)?;
    let database = Builder::new()
        .create_with_backend(RedbBackend::new(file))
        .map_err(|error| JournalError::database(JOURNAL, error))?;
    introduce(&database, id).map_err(|error| JournalError::database(JOURNAL, error))?;
    drop(database);
    // redb does not tell whether its closing went well: nothing rests on it, and whoever opens
    // the file reads it afresh from the disk.
    disk.rename(&new, JOURNAL)
        .and_then(|()| disk.sync_directory())
        .map_err(failed)
}

fn introduce(database: &Database, id: [u8; 16]) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(BATCHES)?;
    transaction.open_table(ABOUT)?.insert(COFFER, &id[..])?;
    transaction.commit()?;
    Ok(())
}

/// An opened file that nobody appends to yet.
pub(super) struct Found {
    database: Database,
    pub(super) id: [u8; 16],
    pub(super) head: Head,
}

/// Opens a file that holds a journal, and verifies its last batch.
pub(super) fn find(disk: &dyn Disk) -> Result<Found, JournalError> {
    let failed = JournalError::disk(JOURNAL);
    let file = disk.open(JOURNAL).map_err(&failed)?;
    // redb would make an empty file a new database.
    if file.size().map_err(&failed)? == 0 {
        return Err(StartRefusal::Missing {
            file: JOURNAL.into(),
            emptied: true,
        }
        .into());
    }
    // An earlier start may have ended by a failed sync.
    file.distrust_cache().map_err(&failed)?;
    let database = Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(RedbBackend::new(file))
        .map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StartRefusal::InUse.into(),
            error => JournalError::database(JOURNAL, error),
        })?;
    let id = read_id(&database).map_err(|error| JournalError::database(JOURNAL, error))?;
    let id = id.ok_or_else(|| StartRefusal::Unreadable {
        file: JOURNAL.into(),
        why: "does not say whose it is".into(),
    })?;
    let head = read_head(&database)?;
    Ok(Found { database, id, head })
}

fn read_id(database: &Database) -> Result<Option<[u8; 16]>, redb::Error> {
    let about = database.begin_read()?.open_table(ABOUT)?;
    let id = about.get(COFFER)?;
    Ok(id.and_then(|id| id.value().try_into().ok()))
}

fn read_head(database: &Database) -> Result<Head, JournalError> {
    match last_up_to(database, Seq(u64::MAX))? {
        Some((first, bytes)) => Ok(decode(first, decode_batch(&bytes))?.head),
        None => Ok(Head::EMPTY),
    }
}

/// The row of the last batch that begins at `seq` or before.
fn last_up_to(database: &Database, seq: Seq) -> Result<Option<(Seq, Vec<u8>)>, JournalError> {
    let read = || -> Result<_, redb::Error> {
        let batches = database.begin_read()?.open_table(BATCHES)?;
        let last = batches.range(..=seq.0)?.next_back().transpose()?;
        Ok(last.map(|(first, bytes)| (Seq(first.value()), bytes.value().to_vec())))
    };
    read().map_err(|error| JournalError::database(JOURNAL, error))
}

/// Words what is wrong with the batch at `first`.
fn decode<T>(first: Seq, decoded: Result<T, CodecError>) -> Result<T, JournalError> {
    decoded.map_err(|source| match source {
        CodecError::Newer(format) => StartRefusal::Newer {
            file: JOURNAL.into(),
            format: format.into(),
        }
        .into(),
        source => JournalError::Damaged { first, source },
    })
}

impl Found {
    /// Whether the journal has been where the witness says. Where the entry was trimmed off,
    /// nobody can say.
    pub(super) fn has_been_at(&self, witness: Head) -> Result<bool, JournalError> {
        if witness.seq > self.head.seq {
            return Ok(false);
        }
        match last_up_to(&self.database, witness.seq)? {
            Some((first, bytes)) => Ok(decode(first, decode_heads(&bytes))?.1 == witness),
            None => Ok(true),
        }
    }

    /// Begins to append.
    pub(super) fn into_journal(
        self,
        commit: CommitMode,
        witness: Witness,
        lock: Box<dyn File>,
    ) -> RedbJournal {
        RedbJournal {
            writer: Mutex::new(Writer {
                buffer: Vec::new(),
                witness,
                latched: false,
            }),
            head: Mutex::new(self.head),
            database: self.database,
            commit,
            _lock: lock,
        }
    }
}

impl RedbJournal {
    fn begin_write(&self) -> Result<WriteTransaction, redb::Error> {
        // Its durability is `Immediate` unless somebody says otherwise.
        let mut transaction = self.database.begin_write()?;
        transaction.set_two_phase_commit(self.commit == CommitMode::TwoPhase);
        Ok(transaction)
    }

    fn insert(&self, first: Seq, batch: &[u8]) -> Result<(), redb::Error> {
        let transaction = self.begin_write()?;
        let before = (transaction.open_table(BATCHES)?)
            .insert(first.0, batch)?
            .is_some();
        assert!(!before, "what is written is never replaced");
        transaction.commit()?;
        Ok(())
    }

    /// Removes some batches that lie below `below`; whether there are more.
    fn trim_step(&self, below: Seq) -> Result<bool, redb::Error> {
        let transaction = self.begin_write()?;
        let removed = {
            let mut batches = transaction.open_table(BATCHES)?;
            let mut firsts = Vec::new();
            for row in batches.range(..=below.0)?.take(TRIM_STEP + 1) {
                firsts.push(row?.0.value());
            }
            // A batch lies below when the next one begins at `below` or before.
            firsts.pop();
            for first in &firsts {
                batches.remove(first)?;
            }
            firsts.len()
        };
        transaction.commit()?;
        Ok(removed == TRIM_STEP)
    }

    fn writer(&self) -> Result<MutexGuard<'_, Writer>, JournalError> {
        let writer = self.writer.lock();
        if writer.latched {
            Err(JournalError::Latched)
        } else {
            Ok(writer)
        }
    }
}

impl Journal for RedbJournal {
    fn append(&self, expected: Head, entries: &[Entry]) -> Result<Head, JournalError> {
        let mut guard = self.writer()?;
        let writer = &mut *guard;
        let actual = self.head();
        if expected != actual {
            return Err(JournalError::HeadMismatch { expected, actual });
        }
        let head = encode_batch(expected, entries, &mut writer.buffer);
        let written = self
            .insert(expected.seq.next(), &writer.buffer)
            .map_err(|error| JournalError::database(JOURNAL, error))
            .and_then(|()| writer.witness.note(head));
        match written {
            Ok(()) => {
                *self.head.lock() = head;
                Ok(head)
            }
            Err(error) => {
                writer.latched = true;
                Err(error)
            }
        }
    }

    fn read_from(&self, seq: Seq) -> Result<Batches<'_>, JournalError> {
        // What is read below holds at least this much.
        let end = self.head();
        let wanted = seq.max(Seq::NONE.next());
        if wanted > end.seq {
            return Ok(Box::new(std::iter::empty()));
        }
        let start = Rows::start(&self.database, wanted, end)
            .map_err(|error| JournalError::database(JOURNAL, error))?;
        Ok(Box::new(start?))
    }

    fn head(&self) -> Head {
        *self.head.lock()
    }

    fn trim(&self, below: Seq) -> Result<(), JournalError> {
        loop {
            let mut writer = self.writer()?;
            match self.trim_step(below) {
                // The committer has its turn between two steps.
                Ok(true) => MutexGuard::unlock_fair(writer),
                Ok(false) => return Ok(()),
                Err(error) => {
                    writer.latched = true;
                    return Err(JournalError::database(JOURNAL, error));
                }
            }
        }
    }
}

/// Reads rows in order and verifies them.
struct Rows {
    rows: Range<'static, u64, &'static [u8]>,
    /// The end of the batch before, where that is still there.
    before: Option<Head>,
    /// Where the journal ended when the reading began.
    end: Head,
    done: bool,
}

impl Rows {
    fn start(
        database: &Database,
        wanted: Seq,
        end: Head,
    ) -> Result<Result<Rows, JournalError>, redb::Error> {
        let batches = database.begin_read()?.open_table(BATCHES)?;
        let mut back = batches.range(..=wanted.0)?.rev();
        let Some(containing) = back.next().transpose()? else {
            return Ok(Err(match batches.first()? {
                Some((first, _)) => JournalError::Trimmed {
                    wanted,
                    first: Seq(first.value()),
                },
                None => JournalError::Shortened {
                    expected: end,
                    found: Head::EMPTY,
                },
            }));
        };
        let first = Seq(containing.0.value());
        let before = match back.next().transpose()? {
            Some((before, bytes)) => match decode(Seq(before.value()), decode_heads(bytes.value()))
            {
                Ok((_, head)) => Some(head),
                Err(error) => return Ok(Err(error)),
            },
            None => (first == Seq::NONE.next()).then_some(Head::EMPTY),
        };
        Ok(Ok(Rows {
            rows: batches.range(first.0..)?,
            before,
            end,
            done: false,
        }))
    }

    fn verify(&mut self, first: Seq, bytes: &[u8]) -> Result<Batch, JournalError> {
        let batch = decode(first, decode_batch(bytes))?;
        let previous = self.before.unwrap_or(batch.previous);
        if batch.previous != previous || previous.seq.next() != first {
            return Err(JournalError::Gap {
                previous,
                found: batch.previous,
            });
        }
        self.before = Some(batch.head);
        Ok(batch)
    }
}

impl Iterator for Rows {
    type Item = Result<Batch, JournalError>;

    fn next(&mut self) -> Option<Result<Batch, JournalError>> {
        if self.done {
            return None;
        }
        let read = match self.rows.next() {
            Some(Ok((first, bytes))) => self.verify(Seq(first.value()), bytes.value()),
            Some(Err(error)) => Err(JournalError::database(JOURNAL, error)),
            None => {
                self.done = true;
                let found = self.before.unwrap_or(Head::EMPTY);
                if found.seq >= self.end.seq {
                    return None;
                }
                Err(JournalError::Shortened {
                    expected: self.end,
                    found,
                })
            }
        };
        self.done |= read.is_err();
        Some(read)
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::super::samples::void;
    use super::*;

    /// redb can lose rows without a word where their pages rot.
    #[test]
    fn a_reading_that_ends_early_says_so() {
        let database = Builder::new()
            .create_with_backend(InMemoryBackend::new())
            .unwrap();
        introduce(&database, [1; 16]).unwrap();
        let end = Head {
            seq: Seq(2),
            hash: [0; 32],
        };
        let shortened =
            |read| matches!(read, Err(JournalError::Shortened { expected, .. }) if expected == end);
        let read = Rows::start(&database, Seq(1), end).unwrap();
        assert!(shortened(read.map(|_| ())));

        let mut bytes = Vec::new();
        let head = encode_batch(Head::EMPTY, &[void(1)], &mut bytes);
        let transaction = database.begin_write().unwrap();
        let mut batches = transaction.open_table(BATCHES).unwrap();
        batches.insert(1, bytes.as_slice()).unwrap();
        drop(batches);
        transaction.commit().unwrap();
        let mut rows = Rows::start(&database, Seq(1), end).unwrap().unwrap();
        assert_eq!(rows.next().unwrap().unwrap().head, head);
        assert!(shortened(rows.next().unwrap().map(|_| ())));
        assert!(rows.next().is_none());
    }
}
