//! `journal.redb`: the newest batches, one row each; older ones go to history and are trimmed off.
//!
//! ```text
//! table    key                          value
//! batches  seq of the first entry, u64  the batch, as `record` has it
//! about    "coffer"                     the coffer's id, 16 bytes
//!          "format"                     1, u64; a file that does not say is of format 1
//! ```
//!
//! redb's ordering of commits is trusted only as far as the witness goes.

use parking_lot::{Mutex, MutexGuard};
use redb::{Builder, Database, DatabaseError, ReadableTable, WriteTransaction};

use super::record::encode_batch;
use super::rows::{
    ABOUT, BATCHES, COFFER, FORMAT_KEY, Row, about, extent, guarded, last_up_to, open_untouched,
    rows_from,
};
use super::witness::Witness;
use super::{Head, JournalError, StartRefusal};
use crate::disk::{Disk, File, RedbBackend, unfinished};
use crate::engine::entry::Entry;
use crate::id::Seq;

/// The file's name.
pub(super) const JOURNAL: &str = "journal.redb";

/// The version of the file; each batch bears one of its own.
pub(super) const FORMAT: u64 = 1;

/// Rows are written once, in order, and read once, in order: little is worth keeping.
pub(super) const CACHE_BYTES: usize = 16 * 1024 * 1024;

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

/// The open file. It has the data directory to itself as long as it lives.
#[derive(Debug)]
pub(super) struct Log {
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

/// Makes the file of a coffer whose entries all lie in history, and of which `last` is the last
/// batch; of one that has no entries yet where there is none.
pub(super) fn create(
    disk: &dyn Disk,
    id: [u8; 16],
    last: Option<&Row>,
) -> Result<(), JournalError> {
    let failed = JournalError::disk(JOURNAL);
    let new = unfinished(JOURNAL);
    let file = disk.create(&new).map_err(&failed)?;
    let database = Builder::new()
        .create_with_backend(RedbBackend::new(file))
        .map_err(|error| JournalError::database(JOURNAL, error))?;
    introduce(&database, id, last).map_err(|error| JournalError::database(JOURNAL, error))?;
    drop(database);
    // redb does not tell whether its closing went well: nothing rests on it, and whoever opens
    // the file reads it afresh from the disk.
    disk.rename(&new, JOURNAL)
        .and_then(|()| disk.sync_directory())
        .map_err(failed)
}

fn introduce(database: &Database, id: [u8; 16], last: Option<&Row>) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    let mut batches = transaction.open_table(BATCHES)?;
    if let Some(row) = last {
        batches.insert(row.first.0, row.bytes.as_slice())?;
    }
    drop(batches);
    let mut about = transaction.open_table(ABOUT)?;
    about.insert(COFFER, &id[..])?;
    about.insert(FORMAT_KEY, &FORMAT.to_le_bytes()[..])?;
    drop(about);
    transaction.commit()?;
    Ok(())
}

/// Refuses a file that a later version wrote, and leaves it as it is: redb writes to a file as
/// soon as it opens it.
pub(super) fn refuse_newer(disk: &dyn Disk) -> Result<(), JournalError> {
    guarded(JOURNAL, || {
        let database = open_untouched(disk, JOURNAL, JOURNAL, CACHE_BYTES)?;
        known_format(&database)?;
        let last = last_up_to(&database, Seq(u64::MAX)).map_err(failed_in_redb)?;
        last.map_or(Ok(()), |row| head_of(&row).map(drop))
    })
}

/// Checks that the file is of a format that this version knows.
pub(super) fn known_format(database: &Database) -> Result<(), JournalError> {
    match about(database, FORMAT_KEY)
        .map_err(failed_in_redb)?
        .map(u64::from_le_bytes)
    {
        None | Some(FORMAT) => Ok(()),
        Some(format) if format > FORMAT => Err(StartRefusal::Newer {
            file: JOURNAL.into(),
            format,
        }
        .into()),
        Some(_) => Err(StartRefusal::Unreadable {
            file: JOURNAL.into(),
            why: "is of no format that ever was".into(),
        }
        .into()),
    }
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
    guarded(JOURNAL, || find_in(file))
}

fn find_in(file: Box<dyn File>) -> Result<Found, JournalError> {
    let database = Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(RedbBackend::new(file))
        .map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StartRefusal::InUse.into(),
            error => JournalError::database(JOURNAL, error),
        })?;
    known_format(&database)?;
    let id = about(&database, COFFER).map_err(failed_in_redb)?;
    let id = id.ok_or_else(|| StartRefusal::Unreadable {
        file: JOURNAL.into(),
        why: "does not say whose it is".into(),
    })?;
    let last = last_up_to(&database, Seq(u64::MAX)).map_err(failed_in_redb)?;
    let head = last.map_or(Ok(Head::EMPTY), |row| head_of(&row))?;
    Ok(Found { database, id, head })
}

/// For `map_err`: what redb said.
fn failed_in_redb(error: impl Into<redb::Error>) -> JournalError {
    JournalError::database(JOURNAL, error)
}

fn head_of(row: &Row) -> Result<Head, JournalError> {
    Ok(row.heads(JOURNAL)?.1)
}

impl Found {
    /// The end of the batch that contains `seq`, or of the last before it; `None` where that was
    /// trimmed off or never was.
    pub(super) fn head_at(&self, seq: Seq) -> Result<Option<Head>, JournalError> {
        guarded(JOURNAL, || {
            let row = last_up_to(&self.database, seq).map_err(failed_in_redb)?;
            row.map(|row| head_of(&row)).transpose()
        })
    }

    /// What the first batch that is still here was written upon.
    pub(super) fn begins_after(&self) -> Result<Head, JournalError> {
        guarded(JOURNAL, || {
            let Some((first, _)) = extent(&self.database).map_err(failed_in_redb)? else {
                return Ok(Head::EMPTY);
            };
            let row = last_up_to(&self.database, first).map_err(failed_in_redb)?;
            let row = row.expect("the first row is there");
            Ok(row.heads(JOURNAL)?.0)
        })
    }

    /// Begins to append.
    pub(super) fn into_log(self, commit: CommitMode, witness: Witness, lock: Box<dyn File>) -> Log {
        Log {
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

impl Log {
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
            if firsts.is_empty() {
                return Ok(false);
            }
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

    /// As [`super::Journal::append`].
    pub(super) fn append(&self, expected: Head, entries: &[Entry]) -> Result<Head, JournalError> {
        let mut guard = self.writer()?;
        let writer = &mut *guard;
        let actual = self.head();
        if expected != actual {
            return Err(JournalError::HeadMismatch { expected, actual });
        }
        let head = encode_batch(expected, entries, &mut writer.buffer);
        let written = self
            .insert(expected.seq.next(), &writer.buffer)
            .map_err(failed_in_redb)
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

    /// As [`rows_from`].
    ///
    /// # Errors
    /// [`JournalError::Trimmed`] where `seq` is here no more.
    pub(super) fn rows_from(&self, seq: Seq, bytes_max: usize) -> Result<Vec<Row>, JournalError> {
        guarded(JOURNAL, || {
            match rows_from(&self.database, seq, bytes_max).map_err(failed_in_redb)? {
                Some(rows) => Ok(rows),
                None => match extent(&self.database).map_err(failed_in_redb)? {
                    Some((first, _)) => Err(JournalError::Trimmed { wanted: seq, first }),
                    None => Ok(Vec::new()),
                },
            }
        })
    }

    pub(super) fn head(&self) -> Head {
        *self.head.lock()
    }

    /// Forgets whole batches that lie below `below`, never the last one, in small steps.
    pub(super) fn trim(&self, below: Seq) -> Result<(), JournalError> {
        loop {
            let mut writer = self.writer()?;
            match self.trim_step(below) {
                // The committer has its turn between two steps.
                Ok(true) => MutexGuard::unlock_fair(writer),
                Ok(false) => return Ok(()),
                Err(error) => {
                    writer.latched = true;
                    return Err(failed_in_redb(error));
                }
            }
        }
    }
}
