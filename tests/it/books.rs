//! What a test server keeps: a journal in memory that stalls and fails on demand.

use std::sync::Arc;
use std::thread::JoinHandle;

use coffer::engine::command::Rules;
use coffer::engine::entry::Entry;
use coffer::id::Seq;
use coffer::journal::{Batch, Batches, Head, Journal, JournalError};
use coffer::ledger::{Ledger, Settings};
use coffer::time::Clock;
use parking_lot::{Condvar, Mutex};

/// One coffer's journal, which outlives its servers.
pub(crate) struct Books(Arc<MemoryJournal>);

#[derive(Default)]
struct MemoryJournal {
    batches: Mutex<Vec<Batch>>,
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
        Books(Arc::default())
    }

    /// Opens the ledger and lets its committer run.
    pub(crate) fn open(
        &self,
        clock: Arc<dyn Clock>,
        rules: Rules,
    ) -> (Arc<Ledger>, JoinHandle<()>) {
        let journal = Arc::clone(&self.0) as Arc<dyn Journal>;
        let settings = Settings {
            rules,
            queue_entries_max: 4096,
        };
        let (ledger, committer) = Ledger::recover(journal, clock, settings).unwrap();
        // A failed commit latches the ledger, which is what the test looks at.
        let committing = std::thread::spawn(move || drop(committer.run()));
        (ledger, committing)
    }

    /// From now on commits wait for [`Books::work`] or [`Books::fail`].
    pub(crate) fn stall(&self) {
        self.0.set(Mood::Stalled);
    }

    pub(crate) fn work(&self) {
        self.0.set(Mood::Working);
    }

    /// From now on, commits under way included, nothing reaches the disk.
    pub(crate) fn fail(&self) {
        self.0.set(Mood::Failing);
    }
}

impl MemoryJournal {
    fn set(&self, mood: Mood) {
        *self.mood.lock() = mood;
        self.changed.notify_all();
    }
}

impl Journal for MemoryJournal {
    fn append(&self, expected: Head, entries: &[Entry]) -> Result<Head, JournalError> {
        let mut mood = self.mood.lock();
        self.changed
            .wait_while(&mut mood, |mood| *mood == Mood::Stalled);
        if *mood == Mood::Failing {
            return Err(JournalError::Latched);
        }
        let head = Head {
            seq: entries.last().unwrap().seq,
            hash: [1; 32],
        };
        self.batches.lock().push(Batch {
            previous: expected,
            head,
            entries: entries.to_vec(),
        });
        Ok(head)
    }

    fn read_from(&self, seq: Seq) -> Result<Batches<'_>, JournalError> {
        let batches = self.batches.lock().clone();
        Ok(Box::new(
            batches
                .into_iter()
                .filter(move |batch| batch.head.seq >= seq)
                .map(Ok),
        ))
    }

    fn head(&self) -> Head {
        self.batches
            .lock()
            .last()
            .map_or(Head::EMPTY, |batch| batch.head)
    }

    fn trim(&self, _: Seq) -> Result<(), JournalError> {
        Ok(())
    }
}
