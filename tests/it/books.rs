//! What a test server keeps: the real journal on a simulated disk, with commits that stall and
//! fail on demand.

use std::sync::Arc;
use std::thread::JoinHandle;

use coffer::books::Checkpoints;
use coffer::disk::Disk;
use coffer::engine::command::Rules;
use coffer::engine::entry::Entry;
use coffer::id::Seq;
use coffer::journal::{
    Batches, CommitMode, Head, Journal, JournalError, Options, RedbJournal, SEGMENT_SIZE,
};
use coffer::ledger::{Ledger, Settings, open_books};
use coffer::sim::disk::SimDisk;
use coffer::time::Clock;
use parking_lot::{Condvar, Mutex};

/// One coffer's disk, which outlives its servers.
pub(crate) struct Books {
    disk: SimDisk,
    commits: Arc<Commits>,
}

/// How commits go from now on.
#[derive(Default)]
struct Commits {
    mood: Mutex<Mood>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Working,
    Stalled,
    Failing,
}

impl Books {
    pub(crate) fn new() -> Books {
        Books {
            disk: SimDisk::new(),
            commits: Arc::default(),
        }
    }

    /// What they lie on.
    pub(crate) fn disk(&self) -> SimDisk {
        self.disk.clone()
    }

    /// Opens the ledger and lets its committer run.
    pub(crate) fn open(
        &self,
        clock: Arc<dyn Clock>,
        rules: Rules,
    ) -> (Arc<Ledger>, JoinHandle<()>) {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let key = coffer::journal::secret_key(&*disk, false, &[7; 32]).unwrap();
        let options = Options {
            commit: CommitMode::OnePhase,
            must_exist: false,
            segment_size: SEGMENT_SIZE,
            new_id: [7; 16],
            fingerprint: key.fingerprint(),
            now: clock.now(),
        };
        let opened = coffer::journal::open(Arc::clone(&disk), options).unwrap();
        let books = open_books(&*disk, &opened, false).unwrap();
        let journal = Arc::new(MoodyJournal {
            journal: opened.journal,
            commits: Arc::clone(&self.commits),
        });
        let settings = Settings {
            rules,
            queue_entries_max: 4096,
            checkpoints: Checkpoints::default(),
        };
        let (ledger, committer) = Ledger::recover(journal, books, clock, settings).unwrap();
        // A failed commit latches the ledger, which is what the test looks at.
        let committing = std::thread::spawn(move || drop(committer.run()));
        (ledger, committing)
    }

    /// From now on commits wait for [`Books::work`] or [`Books::fail`].
    pub(crate) fn stall(&self) {
        self.commits.set(Mood::Stalled);
    }

    pub(crate) fn work(&self) {
        self.commits.set(Mood::Working);
    }

    /// From now on, commits under way included, nothing reaches the disk.
    pub(crate) fn fail(&self) {
        self.commits.set(Mood::Failing);
    }
}

impl Commits {
    fn set(&self, mood: Mood) {
        *self.mood.lock() = mood;
        self.changed.notify_all();
    }

    /// Waits while commits are stalled; whether they work then.
    fn work(&self) -> bool {
        let mut mood = self.mood.lock();
        let stalled = |mood: &mut Mood| *mood == Mood::Stalled;
        self.changed.wait_while(&mut mood, stalled);
        *mood == Mood::Working
    }
}

struct MoodyJournal {
    journal: RedbJournal,
    commits: Arc<Commits>,
}

impl Journal for MoodyJournal {
    fn append(&self, expected: Head, entries: &[Entry]) -> Result<Head, JournalError> {
        if self.commits.work() {
            self.journal.append(expected, entries)
        } else {
            Err(JournalError::Latched)
        }
    }

    fn read_from(&self, seq: Seq) -> Result<Batches<'_>, JournalError> {
        self.journal.read_from(seq)
    }

    fn head(&self) -> Head {
        self.journal.head()
    }

    fn trim(&self, below: Seq) -> Result<(), JournalError> {
        self.journal.trim(below)
    }
}
