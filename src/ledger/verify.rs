//! `verify`: everything read, its chain checked, and every entry audited, in memory that does not
//! grow with history.
//!
//! The audit wants what entries say in two orders besides their own: by account, session, round
//! and name, and by transaction id. Each is a [`Sorter`], which spills to a scratch directory. The
//! rows of the books go through the same sorters, so that a row meets the entries that explain it.

use std::io;
use std::mem::ManuallyDrop;
use std::panic::resume_unwind;
use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};

use crate::books::{Applied, BOOKS, Books, BooksError, Scanned, sound};
use crate::engine::audit::{Audit, Booked, Facts};
use crate::journal::{Backup, BackupError, Batch, Head, JournalError, Offline, Piece, described};
use crate::sort::{Scratch, Sorted, Sorter};

/// Memory for sorting, unless somebody says otherwise: a run for every 300,000 entries or so.
pub const VERIFY_MEMORY: usize = 64 * 1024 * 1024;

/// Pieces that may wait for the audit: some megabytes, where batches are full.
const WAITING_MAX: usize = 32;

/// Rows of the books that are handed over at once.
const ROWS: usize = 1024;

/// What is read of a data directory: the books before the journal, if there are any.
#[derive(Debug)]
pub enum Read {
    /// How far the books are, which are read from here on.
    Books(Applied),
    /// Rows of the books.
    Rows(Vec<Booked>),
    /// Something that is wrong with the books.
    BooksFinding(String),
    /// Of the journal.
    Journal(Piece),
}

impl From<Piece> for Read {
    fn from(piece: Piece) -> Read {
        Read::Journal(piece)
    }
}

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
    /// Rows of the books read.
    Booked(u64),
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
    /// The backup directory could not be read.
    Backup(BackupError),
    /// What was to be sorted could not be written down.
    Scratch(io::Error),
}

impl std::fmt::Display for VerifyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            VerifyError::Journal(error) => error.fmt(f),
            VerifyError::Books(error) => error.fmt(f),
            VerifyError::Backup(error) => error.fmt(f),
            VerifyError::Scratch(_) => f.write_str(
                "the scratch directory could not be used: --scratch names another, with room \
                 for some 400 bytes an entry",
            ),
        }
    }
}

impl std::error::Error for VerifyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            VerifyError::Journal(error) => error.source(),
            VerifyError::Books(error) => error.source(),
            VerifyError::Backup(error) => error.source(),
            VerifyError::Scratch(error) => Some(error),
        }
    }
}

impl From<io::Error> for VerifyError {
    fn from(error: io::Error) -> VerifyError {
        VerifyError::Scratch(error)
    }
}

/// Verifies a data directory. It is read in a thread of its own.
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
    verify_read(scratch, progress, |pieces| {
        let note = read_books(&offline, pieces)?;
        let read = offline.read(&mut |piece| pieces.send(piece.into()).is_ok());
        read.map(|()| note).map_err(VerifyError::Journal)
    })
}

/// Verifies a backup directory: all files in it, and what the newest backup holds. It is read in a
/// thread of its own.
///
/// # Errors
/// [`VerifyError`]. What is wrong with what could be read is among the findings instead.
///
/// # Panics
/// Where the reading did.
pub fn verify_backup(
    backup: &Backup,
    scratch: Arc<Scratch>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Verified, VerifyError> {
    verify_read(scratch, progress, |pieces| {
        let read = backup.read(&mut |piece| pieces.send(piece.into()).is_ok());
        read.map(|()| None).map_err(VerifyError::Backup)
    })
}

/// Verifies what `read` gives, which may also return what is worth to know.
fn verify_read(
    scratch: Arc<Scratch>,
    progress: &mut dyn FnMut(Progress),
    read: impl FnOnce(&Sender<Read>) -> Result<Option<String>, VerifyError> + Send,
) -> Result<Verified, VerifyError> {
    let (pieces, taken) = bounded(WAITING_MAX);
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().name("reader".into());
        // Nobody takes them where sorting failed.
        let reader = reader.spawn_scoped(scope, move || read(&pieces))?;
        let verified = verify(taken.iter(), scratch, VERIFY_MEMORY, progress);
        drop(taken);
        let note = match reader.join() {
            Ok(read) => read?,
            Err(panic) => resume_unwind(panic),
        };
        let mut verified = verified?;
        verified.notes.extend(note);
        Ok(verified)
    })
}

/// Reads the books as they lie there; what is wrong with them is among what is read. What is
/// returned is worth to know and not wrong.
fn read_books(offline: &Offline, read: &Sender<Read>) -> Result<Option<String>, VerifyError> {
    let there = offline.disk().exists(BOOKS);
    if !offline.names(BOOKS) && !matches!(there, Ok(true)) {
        // Before the first start with books, and in what is restored without them.
        return Ok(None);
    }
    let Some(id) = offline.id() else {
        return Ok(None);
    };
    let opened = match sound(|| Books::open_untouched(offline.disk(), id)) {
        Err(error @ (BooksError::Newer(_) | BooksError::Disk(_))) => {
            return Err(VerifyError::Books(error));
        }
        Err(older @ BooksError::Older(_)) => return Ok(Some(older.to_string())),
        opened => opened.map_err(|error| described(&error)),
    };
    let read_all = opened.and_then(|books| {
        // What panicked is not to be closed: that could panic again.
        let mut books = ManuallyDrop::new(books);
        guarded(|| books.check())?;
        guarded(|| rows(&books, read))?;
        guarded(|| {
            drop(ManuallyDrop::into_inner(books));
            Ok(())
        })
    });
    if let Err(finding) = read_all {
        // Nobody takes it where sorting failed.
        drop(read.send(Read::BooksFinding(finding)));
    }
    Ok(None)
}

fn rows(books: &Books, read: &Sender<Read>) -> Result<(), BooksError> {
    let mut rows = Vec::with_capacity(ROWS);
    let give = |read_now: Read| read.send(read_now).is_ok();
    if !give(Read::Books(books.applied())) {
        return Ok(());
    }
    books.view()?.scan(&mut |row: Scanned| match row {
        Ok(row) => {
            rows.push(row);
            rows.len() < ROWS || give(Read::Rows(std::mem::take(&mut rows)))
        }
        Err(error) => give(Read::BooksFinding(described(&error))),
    })?;
    give(Read::Rows(rows));
    Ok(())
}

/// Lets redb read books that may have rotted.
fn guarded<T>(read: impl FnOnce() -> Result<T, BooksError>) -> Result<T, String> {
    sound(read).map_err(|error| described(&error))
}

/// Verifies what is read from anywhere, in `memory` bytes and some megabytes.
///
/// # Errors
/// The scratch directory could not be used.
pub fn verify(
    read: impl Iterator<Item = impl Into<Read>>,
    scratch: Arc<Scratch>,
    memory: usize,
    progress: &mut dyn FnMut(Progress),
) -> io::Result<Verified> {
    let mut verifying = Verifying {
        audit: Audit::default(),
        facts: Facts::default(),
        by_account: Sorter::new(Arc::clone(&scratch), memory / 2),
        by_id: Sorter::new(scratch, memory / 2),
        applied: None,
        rows: 0,
        entries: 0,
        head: Head::EMPTY,
        notes: Vec::new(),
    };
    for read in read {
        verifying.take(read.into(), progress)?;
    }
    verifying.finish(progress)
}

/// A verification under way.
struct Verifying {
    audit: Audit,
    facts: Facts,
    by_account: Sorter,
    by_id: Sorter,
    /// What the books are up to, until the entry was read.
    applied: Option<Applied>,
    rows: u64,
    entries: u64,
    head: Head,
    notes: Vec<String>,
}

impl Verifying {
    fn take(&mut self, read: Read, progress: &mut dyn FnMut(Progress)) -> io::Result<()> {
        match read {
            Read::Books(applied) => self.applied = Some(applied),
            Read::Rows(rows) => {
                self.rows += rows.len() as u64;
                for row in rows {
                    self.audit.book(row, &mut self.facts);
                    self.push()?;
                }
                progress(Progress::Booked(self.rows));
            }
            Read::BooksFinding(finding) => self.audit.find(finding),
            Read::Journal(Piece::Batch(batch)) => {
                self.belongs(&batch);
                for entry in &batch.entries {
                    self.audit.read(entry, &mut self.facts);
                    self.push()?;
                }
                self.entries += batch.entries.len() as u64;
                self.head = batch.head;
                progress(Progress::Read(self.entries));
            }
            Read::Journal(Piece::Unread { first, last }) => {
                self.audit.unread(first, last);
                let lost = |applied: &mut Applied| applied.seq >= first && applied.seq <= last;
                self.applied.take_if(lost);
            }
            Read::Journal(Piece::Finding(finding)) => self.audit.find(finding),
            Read::Journal(Piece::Note(note)) => self.notes.push(note),
        }
        Ok(())
    }

    /// Whether the batch that holds the books' last entry is the one that they were written after.
    fn belongs(&mut self, batch: &Batch) {
        let reached = |applied: &mut Applied| applied.seq <= batch.head.seq;
        if let Some(applied) = self.applied.take_if(reached)
            && applied.seq > batch.previous.seq
            && applied.hash != batch.head.hash
        {
            self.foreign(applied, batch.head);
        }
    }

    fn foreign(&mut self, applied: Applied, head: Head) {
        let (books, journal) = (applied.seq, head.seq);
        (self.audit).find(BooksError::Ahead { books, journal }.to_string());
        self.audit.forget_books();
    }

    fn push(&mut self) -> io::Result<()> {
        for fact in self.facts.iter() {
            match Facts::is_late(fact) {
                true => self.by_id.push(fact)?,
                false => self.by_account.push(fact)?,
            }
        }
        self.facts.clear();
        Ok(())
    }

    fn finish(mut self, progress: &mut dyn FnMut(Progress)) -> io::Result<Verified> {
        if let Some(applied) = self.applied.take()
            && applied.seq > self.head.seq
        {
            self.foreign(applied, self.head);
        }
        let (mut audit, mut by_id) = (self.audit, self.by_id);
        judge(self.by_account.finish()?, &mut audit, progress, |facts| {
            facts.iter().try_for_each(|fact| by_id.push(fact))?;
            facts.clear();
            Ok(())
        })?;
        judge(by_id.finish()?, &mut audit, progress, |_| Ok(()))?;
        audit.settle();
        let mut notes = self.notes;
        if audit.are_books_false() {
            notes.push(format!(
                "{BOOKS} holds nothing that the journal does not say: coffer rebuild makes it anew"
            ));
        }
        Ok(Verified {
            entries: self.entries,
            head: self.head,
            findings: audit.finish(),
            notes,
        })
    }
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
