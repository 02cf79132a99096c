//! Why there is no backup, or nothing was restored.

use std::fmt;
use std::io;

use super::restore::Until;
use crate::id::Seq;
use crate::journal::{Head, JournalError};
use crate::time::Timestamp;

/// How many files are named in one message.
const LISTED_MAX: usize = 5;

/// Why a backup or a restore did not do what was asked. `Display` says what to do; the source,
/// where there is one, says what the machine or redb said.
#[derive(Debug)]
pub enum BackupError {
    /// A file of the data directory: read by a backup, written by a restore.
    Data(JournalError),
    /// A file of the backup directory could not be read or written.
    Disk {
        /// Which one.
        file: String,
        /// What the machine said.
        source: io::Error,
    },
    /// A file of the backup directory is not what was once written there.
    Damaged {
        /// Which one.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file of the backup directory was written by a later version.
    Newer {
        /// Which one.
        file: String,
        /// The format found.
        format: u64,
    },
    /// Another process writes to the backup directory.
    InUse,
    /// The directory to write to holds other things.
    NotABackup {
        /// One of them.
        found: String,
    },
    /// There is no complete backup in the directory.
    NoBackup,
    /// The backups in the directory are of another coffer.
    Foreign,
    /// The backups hold entries that the journal does not have.
    Ahead {
        /// The newest entry that was backed up.
        backup: Seq,
        /// The journal's last.
        journal: Seq,
    },
    /// The backups hold other entries than the journal.
    Diverged {
        /// The newest entry that was backed up.
        backup: Seq,
    },
    /// So little is free where the backup is written that it would harm others.
    NoRoom {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must stay free.
        leave: u64,
    },
    /// The backup is made, or the directory restored, without files that entries name.
    Lacks {
        /// Which ones, each with the reason.
        files: Vec<String>,
    },
    /// It was asked to stop.
    Stopped,
    /// The directory to restore to holds something.
    NotEmpty {
        /// One of the things.
        found: String,
    },
    /// The backups end before what was asked for.
    NotReached {
        /// What was asked for.
        until: Until,
        /// The newest entry that was backed up.
        seq: Seq,
        /// When that was.
        made_at: Timestamp,
    },
    /// Nothing had happened yet.
    NothingYet {
        /// What was asked for.
        until: Until,
    },
}

impl From<JournalError> for BackupError {
    fn from(error: JournalError) -> BackupError {
        BackupError::Data(error)
    }
}

impl BackupError {
    /// For `map_err`: what the machine said about a file of the backup directory.
    pub(super) fn disk(file: &str) -> impl Fn(io::Error) -> BackupError {
        move |source| BackupError::Disk {
            file: file.into(),
            source,
        }
    }

    /// What the machine said about a file of the backup directory.
    pub(super) fn of_disk(file: &str, error: io::Error) -> BackupError {
        BackupError::disk(file)(error)
    }

    /// What the machine said about a file of the data directory.
    pub(super) fn of_data(file: &str, error: io::Error) -> BackupError {
        BackupError::Data(JournalError::disk(file)(error))
    }

    pub(super) fn damaged(file: &str, why: impl Into<String>) -> BackupError {
        BackupError::Damaged {
            file: file.into(),
            why: why.into(),
        }
    }

    /// A file of the backup directory that cannot be what was written, says `error`.
    pub(super) fn in_backup(file: &str) -> impl Fn(JournalError) -> BackupError {
        move |error| BackupError::damaged(file, format!("is damaged ({error})"))
    }
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupError::Data(error) => fmt::Display::fmt(error, f),
            BackupError::Disk { file, .. } => {
                write!(f, "{file} of the backup could not be read or written")
            }
            BackupError::Damaged { file, why } => write!(
                f,
                "{file} of the backup {why}: use another copy of it, or another backup"
            ),
            BackupError::Newer { file, format } => write!(
                f,
                "{file} of the backup has format {format}, which this version does not know: a \
                 later version wrote it, use that one"
            ),
            BackupError::InUse => f.write_str("something else is writing to this backup directory"),
            BackupError::NotABackup { found } => write!(
                f,
                "the directory is no backup directory, and not empty (there is {found}): name an \
                 empty or a new one"
            ),
            BackupError::NoBackup => f.write_str("there is no complete backup in this directory"),
            BackupError::Foreign => f.write_str(
                "the directory holds the backups of another coffer: each needs its own directory",
            ),
            BackupError::Ahead { backup, journal } => write!(
                f,
                "the directory holds entries up to {backup}, and this coffer ends at {journal}: it \
                 was restored from an older backup or rolled back. Keep the directory, and back \
                 up to another"
            ),
            BackupError::Diverged { backup } => write!(
                f,
                "the directory holds another history up to entry {backup} than this coffer: they \
                 parted at an earlier restore. Keep the directory, and back up to another"
            ),
            BackupError::NoRoom { free, leave } => write!(
                f,
                "only {free} bytes are free where the backup is written, and {leave} must stay free"
            ),
            BackupError::Lacks { files } => {
                let (all, some) = (files.len(), &files[..files.len().min(LISTED_MAX)]);
                write!(
                    f,
                    "all entries are there, and {all} of the files that they name are not: {}",
                    some.join("; ")
                )
            }
            BackupError::Stopped => f.write_str("it was stopped before its end"),
            BackupError::NotEmpty { found } => write!(
                f,
                "the directory is not empty (there is {found}): name an empty or a new one, nothing \
                 is ever restored over something"
            ),
            BackupError::NotReached {
                until,
                seq,
                made_at,
            } => write!(
                f,
                "the newest backup ends at entry {seq} and was made at {made_at}: nothing is known \
                 of {until}"
            ),
            BackupError::NothingYet { until } => {
                write!(f, "nothing had happened yet at {until}")
            }
        }
    }
}

impl std::error::Error for BackupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BackupError::Data(error) => error.source(),
            BackupError::Disk { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Whether the journal goes on where a backup ends.
pub(super) fn joins(backup: Head, journal: Head, found: Head) -> Result<(), BackupError> {
    if backup.seq > journal.seq {
        return Err(BackupError::Ahead {
            backup: backup.seq,
            journal: journal.seq,
        });
    }
    if found == backup {
        Ok(())
    } else {
        Err(BackupError::Diverged { backup: backup.seq })
    }
}
