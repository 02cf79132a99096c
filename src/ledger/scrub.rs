//! The scrubber: reads sealed history and the books again and again, slowly, while bets are
//! played, so that what has rotted is known before anybody needs it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;

use super::Ledger;
use crate::books::{BOOKS, BooksError, Place};
use crate::disk::caught;
use crate::journal::{RedbJournal, Reread, described};
use crate::time::{Clock, Timestamp};

/// Between the end of one round and the next.
const REST: Duration = Duration::from_secs(600);

/// Rows of the books that are read at once: no page stays in use for longer than that takes.
const ROWS: usize = 1000;

/// Findings that are kept of one round.
const FINDINGS_MAX: usize = 100;

/// What one round came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrub {
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Sealed segments of history read.
    pub segments: u64,
    /// Entries in them.
    pub entries: u64,
    /// Rows of the books read.
    pub rows: u64,
    /// Bytes of all that.
    pub bytes: u64,
    /// What is wrong; nothing where empty.
    pub findings: Vec<String>,
}

/// What the last round came to, for everybody.
#[derive(Debug, Default)]
pub struct Scrubs(Mutex<Option<Arc<Scrub>>>);

impl Scrubs {
    /// The last round that has ended, since the start.
    pub fn last(&self) -> Option<Arc<Scrub>> {
        self.0.lock().clone()
    }

    /// Whether it found something.
    pub fn found(&self) -> bool {
        (self.last()).is_some_and(|scrub| !scrub.findings.is_empty())
    }
}

/// The one who reads. A thread of its own runs it.
pub struct Scrubber {
    ledger: Arc<Ledger>,
    journal: Arc<RedbJournal>,
    clock: Arc<dyn Clock>,
    /// Bytes a second at most.
    pace: u64,
    scrubs: Arc<Scrubs>,
    stopped: Receiver<()>,
}

/// Dropping it stops a scrubber.
#[derive(Debug)]
pub struct ScrubberStop {
    _gone: Sender<()>,
}

/// One round under way.
struct Round {
    scrub: Scrub,
    began: Instant,
}

/// The round was stopped.
struct Stopped;

impl Scrubber {
    /// A scrubber of the ledger in `journal`, which reads `pace` bytes a second at most.
    pub fn new(
        ledger: Arc<Ledger>,
        journal: Arc<RedbJournal>,
        clock: Arc<dyn Clock>,
        pace: u64,
    ) -> (Scrubber, ScrubberStop) {
        let (gone, stopped) = bounded(0);
        let scrubber = Scrubber {
            ledger,
            journal,
            clock,
            pace,
            scrubs: Arc::default(),
            stopped,
        };
        (scrubber, ScrubberStop { _gone: gone })
    }

    /// Where the last result is to be found.
    pub fn scrubs(&self) -> Arc<Scrubs> {
        Arc::clone(&self.scrubs)
    }

    /// Goes round and round until it is stopped. Whatever it finds, nobody else is held up: what
    /// has rotted in old history does not make a verdict wrong.
    pub fn run(self) {
        if self.pace == 0 {
            return;
        }
        while let Ok(scrub) = self.round() {
            if scrub.findings.is_empty() {
                tracing::debug!(bytes = scrub.bytes, "history and books are as written");
            }
            *self.scrubs.0.lock() = Some(Arc::new(scrub));
            if self.wait(REST).is_err() {
                return;
            }
        }
    }

    fn round(&self) -> Result<Scrub, Stopped> {
        let now = self.clock.now();
        let mut round = Round {
            scrub: Scrub {
                began_at: now,
                ended_at: now,
                segments: 0,
                entries: 0,
                rows: 0,
                bytes: 0,
                findings: Vec::new(),
            },
            began: Instant::now(),
        };
        self.history(&mut round)?;
        self.books(&mut round)?;
        round.scrub.ended_at = self.clock.now();
        Ok(round.scrub)
    }

    fn history(&self, round: &mut Round) -> Result<(), Stopped> {
        let mut before = None;
        for first in self.journal.sealed() {
            let mut stopped = false;
            let reread = self.journal.reread(first, before, &mut |bytes| {
                stopped = self.read(round, bytes).is_err();
                !stopped
            });
            match reread {
                Ok(Some(Reread { head, entries })) => {
                    before = Some(head);
                    round.scrub.segments += 1;
                    round.scrub.entries += entries;
                }
                Ok(None) => return Err(Stopped),
                Err(error) => {
                    before = None;
                    round.find(described(&error));
                }
            }
        }
        Ok(())
    }

    fn books(&self, round: &mut Round) -> Result<(), Stopped> {
        let mut place = Place::default();
        let counts = self.reading(|| self.ledger.books.view()?.counts());
        for (table, there, known) in round.take(counts).unwrap_or_default() {
            if there != known {
                let count = BooksError::Count {
                    table,
                    there,
                    known,
                };
                round.find(count.to_string());
            }
        }
        loop {
            let mut found = Vec::new();
            let read = self.reading(|| {
                let view = self.ledger.books.view()?;
                view.check_rows(&mut place, ROWS, &mut found)
            });
            for error in found {
                round.find(described(&error));
            }
            let Some(Some((rows, bytes))) = round.take(read) else {
                return Ok(());
            };
            round.scrub.rows += rows;
            self.read(round, bytes)?;
        }
    }

    /// Lets redb read what may have rotted.
    fn reading<T>(&self, read: impl FnOnce() -> Result<T, BooksError>) -> Result<T, String> {
        match caught(read) {
            Ok(read) => read.map_err(|error| described(&error)),
            Err(why) => Err(format!(
                "{BOOKS} is damaged, so that its database stopped over it ({why})"
            )),
        }
    }

    /// Takes note of bytes read, and waits as long as they may take.
    fn read(&self, round: &mut Round, bytes: u64) -> Result<(), Stopped> {
        round.scrub.bytes += bytes;
        let micros = u128::from(round.scrub.bytes) * 1_000_000 / u128::from(self.pace);
        let due = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        self.wait(due.saturating_sub(round.began.elapsed()))
    }

    fn wait(&self, time: Duration) -> Result<(), Stopped> {
        match self.stopped.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            _ => Err(Stopped),
        }
    }
}

impl Round {
    fn find(&mut self, finding: String) {
        tracing::error!("{finding}");
        if self.scrub.findings.len() < FINDINGS_MAX {
            self.scrub.findings.push(finding);
        }
    }

    fn take<T>(&mut self, read: Result<T, String>) -> Option<T> {
        read.map_err(|finding| self.find(finding)).ok()
    }
}
