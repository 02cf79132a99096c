//! What can go wrong with a journal, and what to do about it.

use std::fmt;
use std::io;

use super::Head;
use crate::bytes::CodecError;
use crate::disk;
use crate::id::Seq;

/// Why the journal did not do what was asked. `Display` says what to do; the source, where
/// there is one, says what the machine or redb said.
#[derive(Debug)]
pub enum JournalError {
    /// A file could not be read or written.
    Disk {
        /// Which one.
        file: String,
        /// What the machine said.
        source: io::Error,
    },
    /// The database in a file could not be read or written.
    Database {
        /// Which file.
        file: String,
        /// What redb said.
        source: Box<redb::Error>,
    },
    /// Something was written earlier and failed: this handle writes no more.
    Latched,
    /// The journal ends elsewhere than whoever appends believes.
    HeadMismatch {
        /// Where it was believed to end.
        expected: Head,
        /// Where it ends.
        actual: Head,
    },
    /// The entry was trimmed off.
    Trimmed {
        /// The entry asked for.
        wanted: Seq,
        /// The first that is still there.
        first: Seq,
    },
    /// A batch cannot be what was once written.
    Damaged {
        /// Which file it is in.
        file: String,
        /// The first entry of the batch.
        first: Seq,
        /// What is wrong with it.
        source: CodecError,
    },
    /// Two batches do not follow upon each other.
    Gap {
        /// Which file the batch after is in.
        file: String,
        /// Where the batch before ended.
        previous: Head,
        /// The end that the batch after was written upon.
        found: Head,
    },
    /// The journal ends before its known end.
    Shortened {
        /// Which file breaks off.
        file: String,
        /// Its known end.
        expected: Head,
        /// The last batch found.
        found: Head,
    },
    /// What lies in the data directory is not what a coffer may start on.
    Refused(StartRefusal),
}

/// Why a data directory is not started on. `Display` says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartRefusal {
    /// A file was written by a later version.
    Newer {
        /// Which file.
        file: String,
        /// The format found.
        format: u64,
    },
    /// Another process has the data directory.
    InUse,
    /// `storage.must_exist` is set and there is no coffer in the directory.
    NoCoffer,
    /// A file that must be there is not, or is empty.
    Missing {
        /// Which file.
        file: String,
        /// Whether the name is there, with nothing in it.
        emptied: bool,
    },
    /// A file does not hold what coffer wrote into it.
    Unreadable {
        /// Which file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// There are files of a coffer but no manifest.
    NoManifest,
    /// A file belongs to another coffer.
    Foreign {
        /// Which file.
        file: String,
    },
    /// `secret.key` is not the key that the secrets in the journal were sealed with.
    WrongSecretKey,
    /// The journal ends before what of it had gone to history already.
    BehindHistory {
        /// The last file of history.
        file: String,
        /// Its end.
        history: Head,
        /// The journal's own end.
        journal: Head,
    },
    /// The journal ends before, or elsewhere than, what was written down after its last commit.
    BehindWitness {
        /// The end that was written down.
        witness: Head,
        /// The journal's own end.
        journal: Head,
    },
}

impl From<StartRefusal> for JournalError {
    fn from(refusal: StartRefusal) -> JournalError {
        JournalError::Refused(refusal)
    }
}

impl JournalError {
    /// For `map_err`: what the machine said about `file`.
    pub(super) fn disk(file: &str) -> impl Fn(io::Error) -> JournalError {
        move |source| JournalError::Disk {
            file: file.into(),
            source,
        }
    }

    /// Whether all that failed was that the disk had no room.
    pub fn is_disk_full(&self) -> bool {
        match self {
            JournalError::Disk { source, .. } => disk::is_full(source),
            JournalError::Database { source, .. } => {
                matches!(&**source, redb::Error::Io(source) if disk::is_full(source))
            }
            _ => false,
        }
    }

    /// What redb said about `file`.
    pub(super) fn database(file: &str, source: impl Into<redb::Error>) -> JournalError {
        JournalError::Database {
            file: file.into(),
            source: Box::new(source.into()),
        }
    }
}

/// What is wrong with a file.
pub(super) fn unreadable(file: &str, why: String) -> JournalError {
    StartRefusal::Unreadable {
        file: file.into(),
        why,
    }
    .into()
}

/// What to do where something was lost.
pub(super) const RESTORE: &str =
    "check that the right disk is mounted, or restore the directory from a backup";

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JournalError::Disk { file, .. } => write!(f, "{file} could not be read or written"),
            JournalError::Database { file, .. } => write!(
                f,
                "the database in {file} could not be read or written; where it is damaged or \
                 shortened, {RESTORE}"
            ),
            JournalError::Latched => f.write_str(
                "the journal refuses since a write failed: mend the disk and start again",
            ),
            JournalError::HeadMismatch { expected, actual } => write!(
                f,
                "the journal ends at entry {}, not at {} as expected: something else writes to it",
                actual.seq, expected.seq
            ),
            JournalError::Trimmed { wanted, first } => write!(
                f,
                "entry {wanted} is in the journal no more, which begins at {first}"
            ),
            JournalError::Damaged { file, first, .. } => write!(
                f,
                "the batch at entry {first} in {file} is damaged: {RESTORE}"
            ),
            JournalError::Gap {
                file,
                previous,
                found,
            } => write!(
                f,
                "the batch in {file} after entry {} was written upon another history, that ended \
                 at {}: {RESTORE}",
                previous.seq, found.seq
            ),
            JournalError::Shortened {
                file,
                expected,
                found,
            } => write!(
                f,
                "{file} breaks off at entry {} before the journal's end at {}: {RESTORE}",
                found.seq, expected.seq
            ),
            JournalError::Refused(refusal) => fmt::Display::fmt(refusal, f),
        }
    }
}

impl fmt::Display for StartRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartRefusal::Newer { file, format } => write!(
                f,
                "{file} has format {format}, which this version does not know: a later version \
                 wrote it, use that one"
            ),
            StartRefusal::InUse => {
                f.write_str("another coffer is running on this data directory: stop it first")
            }
            StartRefusal::NoCoffer => f.write_str(
                "there is no coffer in the data directory, and none is to be made here: check that \
                 the right disk is mounted",
            ),
            StartRefusal::Missing { file, emptied } => write!(
                f,
                "{file} is {}: {RESTORE}",
                if *emptied { "empty" } else { "missing" }
            ),
            StartRefusal::Unreadable { file, why } => {
                write!(f, "{file} {why}: {RESTORE}")
            }
            StartRefusal::NoManifest => write!(
                f,
                "the data directory holds files of a coffer but manifest.json is missing: {RESTORE}"
            ),
            StartRefusal::Foreign { file } => write!(
                f,
                "{file} belongs to another coffer than manifest.json: {RESTORE}"
            ),
            StartRefusal::WrongSecretKey => f.write_str(
                "secret.key is not the one that this coffer was made with: put the right one back",
            ),
            StartRefusal::BehindHistory {
                file,
                history,
                journal,
            } => write!(
                f,
                "journal.redb ends at entry {}, but {file} goes to entry {}: journal.redb was \
                 rolled back or replaced. Put the newest journal.redb back, or restore the whole \
                 directory from a backup",
                journal.seq, history.seq
            ),
            StartRefusal::BehindWitness { witness, journal } => write!(
                f,
                "journal.redb ends at entry {} with hash {}, but entry {} with hash {} was \
                 committed (says the file witness): journal.redb was rolled back or replaced. \
                 Put the newest journal.redb back, or restore the whole directory from a backup",
                journal.seq,
                short(journal),
                witness.seq,
                short(witness)
            ),
        }
    }
}

/// An error with its causes, in one line.
pub fn described(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Enough of a hash for people to compare.
fn short(head: &Head) -> String {
    crate::secret::hex_encode(&head.hash[..8])
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            JournalError::Disk { source, .. } => Some(source),
            JournalError::Database { source, .. } => Some(source),
            JournalError::Damaged { source, .. } => Some(source),
            _ => None,
        }
    }
}
