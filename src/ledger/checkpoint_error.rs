//! Why a checkpoint ended before all was written.

use std::fmt;

use crate::books::BooksError;
use crate::journal::JournalError;

/// Why a checkpoint ended.
#[derive(Debug)]
pub enum CheckpointError {
    /// The books could not be read or written.
    Books(BooksError),
    /// The journal could not be read.
    Journal(JournalError),
    /// The journal failed: nothing is written any more.
    Latched,
    /// It was stopped before all was written, which the next start makes up for.
    Stopped,
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckpointError::Books(error) => error.fmt(f),
            CheckpointError::Journal(error) => error.fmt(f),
            CheckpointError::Latched => super::Latched.fmt(f),
            CheckpointError::Stopped => f.write_str("the checkpoint was stopped"),
        }
    }
}

impl std::error::Error for CheckpointError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CheckpointError::Books(error) => error.source(),
            CheckpointError::Journal(error) => error.source(),
            CheckpointError::Latched | CheckpointError::Stopped => None,
        }
    }
}

impl CheckpointError {
    /// Whether there was no room on the disk.
    pub(super) fn is_disk_full(&self) -> bool {
        matches!(self, CheckpointError::Books(error) if error.is_disk_full())
    }
}

impl From<BooksError> for CheckpointError {
    fn from(error: BooksError) -> CheckpointError {
        CheckpointError::Books(error)
    }
}

impl From<JournalError> for CheckpointError {
    fn from(error: JournalError) -> CheckpointError {
        CheckpointError::Journal(error)
    }
}
