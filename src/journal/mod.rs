//! The journal: every entry, in order, synced before anyone hears of it.
//!
//! [`Journal`] is what the ledger appends to and reads back. Its one implementation here,
//! [`RedbJournal`], writes one row per batch to `{data}/journal.redb`; entries enter it through a
//! [`Queue`], one [`Committer`] writes what has gathered in one commit, and [`Durable`] tells
//! everybody who waits. An [`Archiver`] moves batches on to `{data}/history/`, so that the file
//! that every commit writes to stays small. [`open`] checks that what lies in the data directory
//! is all of it.
//!
//! The journal knows bytes and order, and no rule about money.

mod archive;
mod attachments;
mod backup;
mod codec;
mod committer;
mod durable;
mod error;
mod history;
mod log;
mod manifest;
mod offline;
mod queue;
mod record;
mod rows;
#[cfg(test)]
mod samples;
mod scrub;
mod segment;
mod start;
mod walk;
mod whole;
mod witness;

pub use crate::bytes::CodecError;
pub use archive::{Archiver, ArchiverStop, Pace};
pub use attachments::Attachments;
pub use backup::{
    Backup, BackupError, Backups, Busy, Done, Job, Outcome, Progress, Restored, Status, Until,
    back_up,
};
pub use committer::Committer;
pub use durable::{Durable, Latched, Wait};
pub use error::{JournalError, StartRefusal, described};
pub use log::CommitMode;
pub use manifest::MANIFEST;
pub use offline::{Offline, Piece};
pub use queue::{Permit, Queue, QueueReceiver};
pub use record::{decode_batch, encode_batch};
pub use scrub::Reread;
pub use start::{
    Opened, Options, SECRET_KEY, SEGMENT_SIZE, Warning, add_file, has_file, occupy, open,
    remove_file, secret_key, secret_key_in,
};
pub use whole::RedbJournal;

use crate::engine::entry::Entry;
use crate::id::Seq;

/// The version of each form that is written to the data directory. Older ones are read for ever.
pub const FORMATS: [(&str, u64); 6] = [
    ("backup", backup::FORMAT),
    ("batch", record::VERSION as u64),
    ("history", segment::FORMAT),
    ("journal", log::FORMAT),
    ("manifest", manifest::FORMAT),
    ("witness", witness::FORMAT),
];

/// The end of a journal: its last entry and the hash that stands for everything up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last entry's number, or [`Seq::NONE`] in an empty journal.
    pub seq: Seq,
    /// The hash of the last batch, which covers the hash of the one before, and so on.
    pub hash: [u8; 32],
}

impl Head {
    /// The end of an empty journal.
    pub const EMPTY: Head = Head {
        seq: Seq::NONE,
        hash: [0; 32],
    };
}

/// What one commit wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The journal's end before it.
    pub previous: Head,
    /// The journal's end with it.
    pub head: Head,
    /// Its entries, at least one, numbered on from `previous.seq`.
    pub entries: Vec<Entry>,
}

/// A log of batches. Every call is about what is durable.
pub trait Journal: Send + Sync {
    /// Writes entries as one batch and syncs it; the new end.
    ///
    /// # Errors
    /// [`JournalError::HeadMismatch`] where the journal does not end at `expected`: nothing was
    /// written, somebody else writes too. After any other error nobody knows whether the entries
    /// are there until the journal is opened afresh, and this handle refuses for ever.
    ///
    /// # Panics
    /// Where there is no entry, they do not number on from `expected.seq`, or time runs back.
    fn append(&self, expected: Head, entries: &[Entry]) -> Result<Head, JournalError>;

    /// All batches from the one that contains `seq` to the end, each verified against its own
    /// hash and the one before. Nothing where `seq` is past the end.
    ///
    /// # Errors
    /// What cannot be read or verified, here or within the iterator.
    fn read_from(&self, seq: Seq) -> Result<Batches<'_>, JournalError>;

    /// The end of the journal.
    fn head(&self) -> Head;

    /// Takes whole batches that lie below `below` out of the place that appends go to, in small
    /// steps; never the last one, and none that is not safe elsewhere: they are read as before.
    ///
    /// # Errors
    /// As [`Journal::append`].
    fn trim(&self, below: Seq) -> Result<(), JournalError>;
}

/// Batches in order; nothing is promised after the first error.
pub type Batches<'a> = Box<dyn Iterator<Item = Result<Batch, JournalError>> + 'a>;
