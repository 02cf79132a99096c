//! `verify`: everything read, its chain checked, and every entry audited, in memory that does not
//! grow with history.
//!
//! The audit wants what entries say in two orders besides their own: by account, session, round
//! and name, and by transaction id. Each is a [`Sorter`], which spills to a scratch directory:
//! about 140 bytes an entry for the first and 70 for the second.

use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;

use crossbeam_channel::bounded;

use crate::books::{self, BOOKS, BooksError};
use crate::engine::audit::{Audit, Facts};
use crate::id::Seq;
use crate::journal::{Head, JournalError, Offline, Piece, READER, described};
use crate::sort::{Scratch, Sorted, Sorter};

/// Memory for sorting, unless somebody says otherwise: a run for every 300,000 entries or so.
pub const VERIFY_MEMORY: usize = 64 * 1024 * 1024;

/// Pieces that may wait for the audit: some megabytes, where batches are full.
const WAITING_MAX: usize = 32;

/// What a verification came to (operations.md, `verify`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Entries read.
    pub entries: u64,
    /// The last entry and the chain's hash there, as far as the journal could be read.
    pub head: Head,
    /// What is wrong; nothing where empty.
    pub findings: Vec<String>,
    /// What is not wrong and worth to know.
    pub notes: Vec<String>,
}

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Entries read.
    Read(u64),
    /// Facts judged, and how many there are in this order.
    Judged(u64, u64),
}

/// Why a verification came to nothing.
#[derive(Debug)]
pub enum VerifyError {
    /// The data directory could not be read.
    Journal(JournalError),
    /// A later version wrote the books, or they could not be read.
    Books(BooksError),
    /// What was to be sorted could not be written down.
    Scratch(io::Error),
}

impl std::fmt::Display for VerifyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            VerifyError::Journal(error) => error.fmt(f),
            VerifyError::Books(error) => error.fmt(f),
            VerifyError::Scratch(_) => f.write_str(
                "the scratch directory could not be used: --scratch names another, with room \
                 for some 300 bytes an entry",
            ),
        }
    }
}

impl std::error::Error for VerifyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            VerifyError::Journal(error) => error.source(),
            VerifyError::Books(error) => error.source(),
            VerifyError::Scratch(error) => Some(error),
        }
    }
}

impl From<io::Error> for VerifyError {
    fn from(error: io::Error) -> VerifyError {
        VerifyError::Scratch(error)
    }
}

/// Verifies a data directory. It is read in a thread of its own, named [`READER`].
///
/// # Errors
/// [`VerifyError`]. What is wrong with what could be read is among the findings instead.
///
/// # Panics
/// Where the reading did.
pub fn verify_offline(
    offline: Offline,
    scratch: Arc<Scratch>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Verified, VerifyError> {
    let (pieces, taken) = bounded(WAITING_MAX);
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().name(READER.into());
        // Nobody takes them where sorting failed.
        let read = move || {
            let books = check_books(&offline)?;
            let read = offline.read(&mut |piece| pieces.send(piece).is_ok());
            read.map(|()| books).map_err(VerifyError::Journal)
        };
        let reader = reader.spawn_scoped(scope, read)?;
        let verified = verify(taken.iter(), scratch, VERIFY_MEMORY, progress);
        drop(taken);
        let books = match reader.join() {
            Ok(read) => read?,
            Err(panic) => resume_unwind(panic),
        };
        let mut verified = verified?;
        verified.add(books);
        Ok(verified)
    })
}

/// What reading the books came to: the last entry in them, or what is wrong with them. `None`
/// where there are none to be read.
fn check_books(offline: &Offline) -> Result<Option<Result<Seq, BooksError>>, VerifyError> {
    let disk = offline.disk();
    let there = disk.exists(BOOKS);
    let there = there.map_err(|error| VerifyError::Books(BooksError::Disk(error)))?;
    let Some(id) = offline.owner_of(BOOKS).filter(|_| there) else {
        return Ok(None);
    };
    match books::check(disk, id) {
        Err(error @ (BooksError::Newer(_) | BooksError::Disk(_))) => Err(VerifyError::Books(error)),
        checked => Ok(Some(checked.map(|applied| applied.seq))),
    }
}

impl Verified {
    /// Takes what reading the books came to among the rest.
    fn add(&mut self, books: Option<Result<Seq, BooksError>>) {
        match books {
            None => {}
            Some(Err(older @ BooksError::Older(_))) => self.notes.push(older.to_string()),
            Some(Err(error)) => self.findings.push(described(&error)),
            Some(Ok(applied)) if applied > self.head.seq && self.findings.is_empty() => {
                let journal = self.head.seq;
                let books = applied;
                let ahead = BooksError::Ahead { books, journal };
                self.findings.push(ahead.to_string());
            }
            Some(Ok(_)) => {}
        }
    }
}

/// Verifies what is read from anywhere, in `memory` bytes and some megabytes.
///
/// # Errors
/// The scratch directory could not be used.
pub fn verify(
    pieces: impl Iterator<Item = Piece>,
    scratch: Arc<Scratch>,
    memory: usize,
    progress: &mut dyn FnMut(Progress),
) -> io::Result<Verified> {
    let mut audit = Audit::default();
    let mut facts = Facts::default();
    let mut by_account = Sorter::new(Arc::clone(&scratch), memory / 2);
    let (mut entries, mut head, mut notes) = (0, Head::EMPTY, Vec::new());
    for piece in pieces {
        match piece {
            Piece::Batch(batch) => {
                for entry in &batch.entries {
                    audit.read(entry, &mut facts);
                    push(&mut facts, &mut by_account)?;
                }
                entries += batch.entries.len() as u64;
                head = batch.head;
                progress(Progress::Read(entries));
            }
            Piece::Unread { first, last } => audit.unread(first, last),
            Piece::Finding(finding) => audit.find(finding),
            Piece::Note(note) => notes.push(note),
        }
    }
    let mut by_id = Sorter::new(scratch, memory / 2);
    judge(by_account.finish()?, &mut audit, progress, |facts| {
        push(facts, &mut by_id)
    })?;
    judge(by_id.finish()?, &mut audit, progress, |_| Ok(()))?;
    Ok(Verified {
        entries,
        head,
        findings: audit.finish(),
        notes,
    })
}

fn push(facts: &mut Facts, sorter: &mut Sorter) -> io::Result<()> {
    facts.iter().try_for_each(|fact| sorter.push(fact))?;
    facts.clear();
    Ok(())
}

fn judge(
    mut sorted: Sorted,
    audit: &mut Audit,
    progress: &mut dyn FnMut(Progress),
    mut gained: impl FnMut(&mut Facts) -> io::Result<()>,
) -> io::Result<()> {
    /// Facts between two steps of the progress.
    const STEP: u64 = 4096;
    let (mut facts, mut count, all) = (Facts::default(), 0, sorted.count());
    while let Some(fact) = sorted.next_record()? {
        audit.judge(fact, &mut facts);
        gained(&mut facts)?;
        count += 1;
        if count % STEP == 0 {
            progress(Progress::Judged(count, all));
        }
    }
    Ok(())
}
