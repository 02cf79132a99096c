//! The one who writes entries down: takes what has gathered, appends it in one commit, tells
//! everybody.
//!
//! There is no timer and no lingering: while one batch syncs the next one gathers, so batches
//! grow with the load by themselves.

use std::sync::Arc;
use std::time::Instant;

use super::durable::Durable;
use super::queue::QueueReceiver;
use super::{Head, Journal, JournalError};
use crate::engine::entry::Entry;

/// Takes entries from the queue to the journal. One for each journal.
pub struct Committer {
    receiver: QueueReceiver,
    journal: Arc<dyn Journal>,
    durable: Arc<Durable>,
    entries_max: usize,
    head: Head,
    batch: Vec<Entry>,
}

impl Committer {
    /// A committer of batches of at most `entries_max` entries.
    ///
    /// # Panics
    /// Where `entries_max` is 0.
    pub fn new(
        receiver: QueueReceiver,
        journal: Arc<dyn Journal>,
        durable: Arc<Durable>,
        entries_max: usize,
    ) -> Committer {
        assert!(entries_max > 0, "a batch has room for something");
        Committer {
            head: journal.head(),
            receiver,
            journal,
            durable,
            entries_max,
            batch: Vec::with_capacity(entries_max),
        }
    }

    /// What tells everybody.
    pub(super) fn durable(&self) -> &Arc<Durable> {
        &self.durable
    }

    /// Writes until the queue has ended. A thread of its own runs this.
    ///
    /// # Errors
    /// What the journal said; everybody who waits has been told before.
    pub fn run(mut self) -> Result<(), JournalError> {
        while let Some(entry) = self.receiver.wait() {
            self.batch.push(entry);
            self.gather(self.entries_max);
            self.commit()?;
        }
        Ok(())
    }

    /// Writes one batch of what is there, at most `at_most` entries, and never waits; how many
    /// it was. A simulation drives this in its own thread.
    ///
    /// # Errors
    /// As [`Committer::run`].
    pub fn step(&mut self, at_most: usize) -> Result<usize, JournalError> {
        if self.durable.is_latched() {
            return Err(JournalError::Latched);
        }
        self.gather(at_most.min(self.entries_max));
        let count = self.batch.len();
        if count > 0 {
            self.commit()?;
        }
        Ok(count)
    }

    fn gather(&mut self, entries_max: usize) {
        while self.batch.len() < entries_max {
            match self.receiver.take() {
                Some(entry) => self.batch.push(entry),
                None => break,
            }
        }
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        if self.durable.is_latched() {
            return Err(JournalError::Latched);
        }
        let begun = Instant::now();
        match self.journal.append(self.head, &self.batch) {
            Ok(head) => {
                self.head = head;
                self.batch.clear();
                self.durable.publish(head.seq);
                self.durable.committed(begun.elapsed());
                Ok(())
            }
            Err(error) => {
                // First of all: whoever waits must not get a verdict from anything that follows.
                self.durable.latch();
                Err(error)
            }
        }
    }
}

/// A committer that fell over a broken invariant has left its waiters without a verdict.
impl Drop for Committer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.durable.latch();
        }
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::super::samples::void;
    use super::super::{Batches, Queue};
    use super::*;
    use crate::id::Seq;

    /// Notes the sizes of batches; fails from the batch on that begins at `fails_at`.
    #[derive(Default)]
    struct Notes {
        batches: Mutex<Vec<usize>>,
        fails_at: Option<Seq>,
    }

    impl Journal for Notes {
        fn append(&self, expected: Head, entries: &[Entry]) -> Result<Head, JournalError> {
            if self.fails_at.is_some_and(|seq| entries[0].seq >= seq) {
                return Err(JournalError::Latched);
            }
            assert_eq!(entries[0].seq, expected.seq.next());
            self.batches.lock().push(entries.len());
            Ok(Head {
                seq: entries.last().unwrap().seq,
                ..expected
            })
        }

        fn read_from(&self, _: Seq) -> Result<Batches<'_>, JournalError> {
            Ok(Box::new(std::iter::empty()))
        }

        fn head(&self) -> Head {
            Head::EMPTY
        }

        fn trim(&self, _: Seq) -> Result<(), JournalError> {
            Ok(())
        }
    }

    struct Bench {
        queue: Queue,
        journal: Arc<Notes>,
        durable: Arc<Durable>,
        committer: Committer,
    }

    fn bench(fails_at: Option<Seq>) -> Bench {
        let (queue, receiver) = Queue::new(64);
        let journal = Arc::new(Notes {
            fails_at,
            ..Notes::default()
        });
        let durable = Arc::new(Durable::new(Seq::NONE));
        let committer = Committer::new(
            receiver,
            Arc::<Notes>::clone(&journal),
            Arc::clone(&durable),
            4,
        );
        Bench {
            queue,
            journal,
            durable,
            committer,
        }
    }

    fn push(queue: &Queue, seqs: std::ops::RangeInclusive<u64>) {
        for seq in seqs {
            queue.push(queue.permit().unwrap(), void(seq));
        }
    }

    #[test]
    fn a_step_writes_one_batch_of_what_is_there() {
        let mut bench = bench(None);
        assert_eq!(bench.committer.step(usize::MAX).unwrap(), 0);
        push(&bench.queue, 1..=7);
        for (at_most, written, durable) in [(9, 4, 4), (1, 1, 5), (9, 2, 7), (9, 0, 7)] {
            assert_eq!(bench.committer.step(at_most).unwrap(), written);
            assert_eq!(bench.durable.seq(), Seq(durable));
        }
        assert_eq!(*bench.journal.batches.lock(), [4, 1, 2]);
    }

    #[test]
    fn a_run_ends_when_the_queue_has_ended_and_everything_is_written() {
        let bench = bench(None);
        push(&bench.queue, 1..=9);
        std::thread::scope(|scope| {
            let run = scope.spawn(|| bench.committer.run());
            bench.durable.wait_blocking(Seq(9)).unwrap();
            push(&bench.queue, 10..=10);
            bench.queue.close();
            run.join().unwrap().unwrap();
        });
        assert_eq!(bench.durable.wait_blocking(Seq(10)), Ok(()));
    }

    #[test]
    fn a_failed_append_latches_everybody() {
        let mut bench = bench(Some(Seq(5)));
        push(&bench.queue, 1..=6);
        assert_eq!(bench.committer.step(usize::MAX).unwrap(), 4);
        assert!(bench.committer.step(usize::MAX).is_err());
        assert!(bench.durable.is_latched());
        assert!(bench.durable.wait_blocking(Seq(1)).is_err());
        push(&bench.queue, 7..=7);
        assert!(bench.committer.step(usize::MAX).is_err());
        assert_eq!(
            *bench.journal.batches.lock(),
            [4],
            "nothing is written after"
        );
    }
}
