//! The one who takes durable batches from `journal.redb` to history, and trims them off it.
//!
//! A batch is trimmed when history holds it, synced; the other way round never. The committer has
//! the disk to itself most of the time: a slice is small, and between two slices it has its turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::committer::Committer;
use super::durable::Durable;
use super::whole::RedbJournal;
use super::{Journal, JournalError};
use crate::id::Seq;
use crate::time::Span;

/// What goes to history at once. Its sync holds up the journal's own for some milliseconds, and
/// each costs a few pages besides: a mebibyte is some 30,000 bets.
const SLICE_BYTES: usize = 1024 * 1024;

/// Between two looks whether to stop.
const LOOK: Duration = Duration::from_millis(100);

/// When batches go to history (operations.md, Configuration, `storage.checkpoint_entries` and
/// `storage.checkpoint_interval`): at whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// So many entries wait.
    pub entries: u64,
    /// So long ago was the last time.
    pub interval: Span,
}

/// As many entries as make a slice or two, so that the commits are few and `journal.redb` stays at
/// some megabytes under any load; and what is idle is moved within half a minute.
impl Default for Pace {
    fn default() -> Pace {
        Pace {
            entries: 50_000,
            interval: Span::from_seconds(30),
        }
    }
}

/// Moves batches to history. One for each journal.
pub struct Archiver {
    journal: Arc<RedbJournal>,
    durable: Arc<Durable>,
    pace: Pace,
    stopped: Receiver<()>,
}

/// Dropping it stops an archiver that runs, after the slice that it is at.
#[derive(Debug)]
pub struct ArchiverStop {
    _gone: Sender<()>,
}

impl Archiver {
    /// The archiver of the journal that `committer` appends to.
    pub fn new(
        journal: Arc<RedbJournal>,
        committer: &Committer,
        pace: Pace,
    ) -> (Archiver, ArchiverStop) {
        let (gone, stopped) = bounded(0);
        let archiver = Archiver {
            journal,
            durable: Arc::clone(committer.durable()),
            pace,
            stopped,
        };
        (archiver, ArchiverStop { _gone: gone })
    }

    /// Moves one slice, and trims off the journal what history holds; how many entries were moved.
    /// A simulation drives this in its own thread.
    ///
    /// # Errors
    /// What the journal said; everybody who waits for it has been told before.
    pub fn step(&mut self) -> Result<u64, JournalError> {
        if self.durable.is_latched() {
            return Err(JournalError::Latched);
        }
        let moved = self.journal.archive(SLICE_BYTES).and_then(|moved| {
            self.journal.trim(self.journal.archived().next())?;
            Ok(moved)
        });
        if moved.is_err() {
            self.durable.latch();
        }
        moved
    }

    /// Moves what is due until it is stopped or the journal fails. A thread of its own runs this.
    ///
    /// # Errors
    /// As [`Archiver::step`], but not where a commit failed: the committer tells of that.
    pub fn run(mut self) -> Result<(), JournalError> {
        let mut last = Instant::now();
        while !self.is_stopped() {
            let due = Seq(self.journal.archived().0.saturating_add(self.pace.entries));
            let many = match self.durable.wait_at_most(due, LOOK) {
                Some(Ok(())) => true,
                Some(Err(_)) => return Ok(()),
                None => false,
            };
            if !many && last.elapsed() < self.pace.interval.duration() {
                continue;
            }
            while !self.is_stopped() {
                match self.step() {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(JournalError::Latched) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
            last = Instant::now();
        }
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.stopped.try_recv() == Err(TryRecvError::Disconnected)
    }
}

/// An archiver that fell over a broken invariant must not be outlived by verdicts.
impl Drop for Archiver {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.durable.latch();
        }
    }
}
