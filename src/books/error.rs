//! What can go wrong with the books, and what to do about it.

use std::fmt;
use std::io;

use super::BOOKS;
use super::check::SET_ASIDE;
use crate::bytes::CodecError;
use crate::disk;
use crate::id::Seq;

/// Why the books did not do what was asked. `Display` says what to do; the source, where there is
/// one, says what the machine or redb said.
#[derive(Debug)]
pub enum BooksError {
    /// The file could not be read or written.
    Disk(io::Error),
    /// The database in the file could not be read or written.
    Database(Box<redb::Error>),
    /// A row is not what was once written.
    Damaged {
        /// The table that it is in.
        table: String,
        /// Its key.
        key: String,
        /// What is wrong with it.
        source: CodecError,
    },
    /// A table has more or fewer rows than were written.
    Count {
        /// The table.
        table: String,
        /// Rows that there are.
        there: u64,
        /// Rows that there should be.
        known: u64,
    },
    /// The file is not there, or there is nothing in it.
    Missing {
        /// Whether the name is there.
        emptied: bool,
    },
    /// The file was written by a later version.
    Newer(u64),
    /// The file was written by an earlier version, in a format that this one makes anew.
    Older(u64),
    /// The file belongs to another coffer.
    Foreign,
    /// The file was found damaged while it was served from, and has another name since.
    SetAside,
    /// redb panicked over the file, and said this.
    Stopped(String),
    /// The file does not say what it holds.
    Unreadable(&'static str),
    /// The journal is not the one that these books were written from: it ends before them, or has
    /// other entries where they end.
    Ahead {
        /// The last entry that the books have.
        books: Seq,
        /// The journal's last entry.
        journal: Seq,
    },
}

/// What an operator does about books that are not to be had: nothing is lost with them.
const ANEW: &str = "put it back, or make it anew from history with coffer rebuild";

impl fmt::Display for BooksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BooksError::Disk(_) => write!(f, "{BOOKS} could not be read or written"),
            BooksError::Database(_) => {
                write!(
                    f,
                    "{BOOKS} could not be read or written as a database; where it is damaged or \
                     shortened, {ANEW}"
                )
            }
            BooksError::Damaged { table, key, .. } => {
                write!(f, "{BOOKS}, table {table}, row {key} is damaged: {ANEW}")
            }
            BooksError::Count {
                table,
                there,
                known,
            } => write!(
                f,
                "{BOOKS}, table {table} has {there} rows, not {known} as were written: {ANEW}"
            ),
            BooksError::Missing { emptied: false } => write!(f, "{BOOKS} is missing: {ANEW}"),
            BooksError::Missing { emptied: true } => write!(f, "{BOOKS} is empty: {ANEW}"),
            BooksError::SetAside => write!(
                f,
                "{BOOKS} was found damaged and set aside as {SET_ASIDE}: make it anew from \
                 history with coffer rebuild"
            ),
            BooksError::Stopped(why) => write!(
                f,
                "{BOOKS} is damaged, so that its database stopped over it ({why}): {ANEW}"
            ),
            BooksError::Newer(format) => write!(
                f,
                "{BOOKS} has format {format}, which this version does not know: a later version \
                 wrote it, use that one"
            ),
            BooksError::Older(format) => write!(
                f,
                "{BOOKS} has format {format}, which an earlier version wrote: the next start makes \
                 it anew from history"
            ),
            BooksError::Foreign => write!(f, "{BOOKS} belongs to another coffer: {ANEW}"),
            BooksError::Unreadable(why) => write!(f, "{BOOKS} {why}: {ANEW}"),
            BooksError::Ahead { books, journal } => write!(
                f,
                "{BOOKS} was written from a journal that had other entries up to {books} than \
                 this one, which ends at {journal}: journal.redb or history was rolled back or \
                 replaced. Put back those that belong to it; where they are lost for good, make \
                 it anew from these with coffer rebuild"
            ),
        }
    }
}

impl std::error::Error for BooksError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BooksError::Disk(source) => Some(source),
            BooksError::Database(source) => Some(source),
            BooksError::Damaged { source, .. } => Some(source),
            BooksError::Missing { .. }
            | BooksError::Count { .. }
            | BooksError::Newer(_)
            | BooksError::Older(_)
            | BooksError::Foreign
            | BooksError::SetAside
            | BooksError::Stopped(_)
            | BooksError::Unreadable(_)
            | BooksError::Ahead { .. } => None,
        }
    }
}

impl<E: Into<redb::Error>> From<E> for BooksError {
    fn from(error: E) -> BooksError {
        BooksError::Database(Box::new(error.into()))
    }
}

impl BooksError {
    /// Whether it tells of what lies on the disk, and not of the way to it.
    pub fn is_damage(&self) -> bool {
        match self {
            BooksError::Disk(_) => false,
            BooksError::Database(error) => !matches!(
                **error,
                redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::DatabaseClosed
            ),
            _ => true,
        }
    }

    /// Whether there was no room on the disk.
    pub fn is_disk_full(&self) -> bool {
        match self {
            BooksError::Disk(error) => disk::is_full(error),
            BooksError::Database(error) => match &**error {
                redb::Error::Io(error) => disk::is_full(error),
                _ => false,
            },
            _ => false,
        }
    }
}
