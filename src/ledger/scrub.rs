//! The scrubber: reads the books and sealed history again and again, while bets are played, so
//! that what has rotted is known before anybody needs it.
//!
//! What has rotted in old history is told, and makes no verdict wrong. Of the books verdicts are
//! made: where they are damaged nothing is answered any more, and they are set aside, so that no
//! start answers from them either.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;

use super::Ledger;
use super::niceness::{READS_ASIDE, give_way};
use crate::books::{BooksError, Looked, Place, set_aside_damaged, sound};
use crate::disk::Disk;
use crate::journal::{RedbJournal, Reread, described};
use crate::time::{Clock, Timestamp};

/// Between the end of one round and the next.
const REST: Duration = Duration::from_secs(600);

/// Rows of the books that are read at once: no page stays in use for longer than that takes.
const ROWS: usize = 1000;

/// Bytes a second that a look at the pages of the books takes at most: what flushes overwrite
/// meanwhile is kept in memory.
const LOOK_PACE: u64 = 256 * 1024 * 1024;

/// So long a look reads on before it rests: to rest after each page would cost more than to read it.
const AHEAD: Duration = Duration::from_millis(4);

/// How often a look begins that flushes break off, and what lies between.
const LOOKS_MAX: usize = 3;
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// Findings that are kept of one round.
const FINDINGS_MAX: usize = 100;

/// What one round came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrub {
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Whether every page of the books was looked at; not where flushes overwrote too much
    /// meanwhile.
    pub pages: bool,
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
    disk: Arc<dyn Disk>,
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

/// The round was stopped, or the books are damaged.
struct Stopped;

impl Scrubber {
    /// A scrubber of the ledger in `journal`, both on `disk`, which reads `pace` bytes a second at
    /// most.
    pub fn new(
        disk: Arc<dyn Disk>,
        ledger: Arc<Ledger>,
        journal: Arc<RedbJournal>,
        clock: Arc<dyn Clock>,
        pace: u64,
    ) -> (Scrubber, ScrubberStop) {
        let (gone, stopped) = bounded(0);
        let scrubber = Scrubber {
            disk,
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

    /// Goes round and round until it is stopped, or the books are damaged.
    pub fn run(self) {
        if self.pace == 0 {
            return;
        }
        give_way(READS_ASIDE);
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
                pages: false,
                segments: 0,
                entries: 0,
                rows: 0,
                bytes: 0,
                findings: Vec::new(),
            },
            began: Instant::now(),
        };
        // Those first of which verdicts are made.
        self.pages(&mut round)?;
        self.books(&mut round)?;
        self.history(&mut round)?;
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

    /// Looks at every page of the books.
    fn pages(&self, round: &mut Round) -> Result<(), Stopped> {
        for _ in 0..LOOKS_MAX {
            let (stopped, began) = (self.stopped.clone(), Instant::now());
            let done = AtomicU64::new(0);
            let read = move |bytes: u64| {
                let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
                let ahead = due(done, LOOK_PACE).saturating_sub(began.elapsed());
                let rest = if ahead < AHEAD { Duration::ZERO } else { ahead };
                wait(&stopped, rest).is_ok()
            };
            match self.ledger.books.look(&*self.disk, read) {
                Ok(Looked::Whole) => {
                    round.scrub.pages = true;
                    return Ok(());
                }
                Ok(Looked::BrokenOff) => self.wait(BETWEEN_LOOKS)?,
                Err(error) => return self.found_in_books(round, error),
            }
        }
        Ok(())
    }

    /// Reads every row of the books.
    fn books(&self, round: &mut Round) -> Result<(), Stopped> {
        let mut place = Place::default();
        match sound(|| self.ledger.books.view()?.counts()) {
            Ok(counts) => {
                for (table, there, known) in counts.into_iter().filter(|of| of.1 != of.2) {
                    let count = BooksError::Count {
                        table,
                        there,
                        known,
                    };
                    self.found_in_books(round, count)?;
                }
            }
            Err(error) => self.found_in_books(round, error)?,
        }
        loop {
            let mut found = Vec::new();
            let read = sound(|| {
                let view = self.ledger.books.view()?;
                view.check_rows(&mut place, ROWS, &mut found)
            });
            for error in found {
                self.found_in_books(round, error)?;
            }
            match read {
                Ok(Some((rows, bytes))) => {
                    round.scrub.rows += rows;
                    self.read(round, bytes)?;
                }
                Ok(None) => return Ok(()),
                Err(error) => return self.found_in_books(round, error),
            }
        }
    }

    /// Ends everything where the books are damaged; where they could not be read, tells it.
    fn found_in_books(&self, round: &mut Round, error: BooksError) -> Result<(), Stopped> {
        round.find(described(&error));
        if !error.is_damage() {
            return Ok(());
        }
        *self.scrubs.0.lock() = Some(Arc::new(round.scrub.clone()));
        self.ledger.fail(error);
        if let Err(error) = set_aside_damaged(&*self.disk) {
            tracing::error!(
                "the damaged books could not be set aside: {}",
                described(&error)
            );
        }
        Err(Stopped)
    }

    /// Takes note of bytes read, and waits as long as they may take.
    fn read(&self, round: &mut Round, bytes: u64) -> Result<(), Stopped> {
        round.scrub.bytes += bytes;
        self.wait(due(round.scrub.bytes, self.pace).saturating_sub(round.began.elapsed()))
    }

    fn wait(&self, time: Duration) -> Result<(), Stopped> {
        wait(&self.stopped, time)
    }
}

/// How long bytes may take at a pace of so many a second.
fn due(bytes: u64, pace: u64) -> Duration {
    let micros = u128::from(bytes) * 1_000_000 / u128::from(pace);
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

fn wait(stopped: &Receiver<()>, time: Duration) -> Result<(), Stopped> {
    match stopped.recv_timeout(time) {
        Err(RecvTimeoutError::Timeout) => Ok(()),
        _ => Err(Stopped),
    }
}

impl Round {
    fn find(&mut self, finding: String) {
        tracing::error!("{finding}");
        if self.scrub.findings.len() < FINDINGS_MAX {
            self.scrub.findings.push(finding);
        }
    }
}
