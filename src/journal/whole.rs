//! The journal as a whole: history's segments, and the newest batches in `journal.redb`.
//!
//! A reading goes through both without a gap. It takes chunks, each from wherever its rows are by
//! then, so that it holds nobody up and does not care how far history has come meanwhile; each
//! batch is verified by its own hash and by the one before, also across every border.

use std::vec::IntoIter;

use std::sync::Arc;

use super::history::{Chunk, History};
use super::log::{JOURNAL, Log};
use super::manifest::Manifest;
use super::record::decode_batch;
use super::rows::{Row, decode};
use super::{Batch, Batches, Head, Journal, JournalError};
use crate::disk::Disk;
use crate::engine::entry::Entry;
use crate::id::Seq;

/// What is read at once, but for the first batch, which is often the only one wanted.
const CHUNK_BYTES: usize = 256 * 1024;

/// The journal in the files of one data directory, which it has to itself as long as it lives.
#[derive(Debug)]
pub struct RedbJournal {
    data: Arc<dyn Disk>,
    manifest: Manifest,
    history: History,
    // Dropped last: it holds the lock.
    log: Log,
}

impl RedbJournal {
    pub(super) fn new(
        data: Arc<dyn Disk>,
        manifest: Manifest,
        log: Log,
        history: History,
    ) -> RedbJournal {
        RedbJournal {
            data,
            manifest,
            history,
            log,
        }
    }

    /// The directory that it lies in.
    pub(super) fn data(&self) -> &dyn Disk {
        &*self.data
    }

    /// Whose journal it is.
    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What of it lies in history.
    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// The end of the batch that contains `seq`, which is no later than the journal's end.
    ///
    /// # Errors
    /// It could not be read.
    pub(super) fn head_at(&self, seq: Seq) -> Result<Head, JournalError> {
        if seq == Seq::NONE {
            return Ok(Head::EMPTY);
        }
        let Chunk { file, rows } = self.rows_from(seq, 1)?;
        match rows.first() {
            Some(row) => Ok(row.heads(&file)?.1),
            None => Err(JournalError::Shortened {
                file,
                expected: self.head(),
                found: Head::EMPTY,
            }),
        }
    }

    /// As [`Journal::read_from`], the batches as they are written; `None` where `seq` is past the
    /// end.
    ///
    /// # Errors
    /// As there.
    pub(super) fn rows(&self, seq: Seq) -> Result<Option<Reading<'_>>, JournalError> {
        // What is read below holds at least this much.
        let end = self.head();
        let wanted = seq.max(Seq::NONE.next());
        if wanted > end.seq {
            return Ok(None);
        }
        Reading::start(self, wanted, end).map(Some)
    }

    /// The last entry that history holds: what lies up to it can be trimmed.
    pub fn archived(&self) -> Seq {
        self.history.end().seq
    }

    /// Takes the oldest batches that history lacks into it, some `bytes_max` bytes of them; how
    /// many entries.
    ///
    /// # Errors
    /// They could not be read, verified or written. Then history is not written again.
    pub(super) fn archive(&self, bytes_max: usize) -> Result<u64, JournalError> {
        let durable = self.log.head();
        let before = self.history.end();
        if before.seq >= durable.seq {
            return Ok(0);
        }
        let mut rows = self.log.rows_from(before.seq.next(), bytes_max)?;
        // A commit under way may be seen already, and is not yet durable.
        rows.retain(|row| row.first <= durable.seq);
        if rows.is_empty() {
            return Err(JournalError::Shortened {
                file: JOURNAL.into(),
                expected: durable,
                found: before,
            });
        }
        let head = self.history.append(&rows)?;
        Ok(head.seq.0 - before.seq.0)
    }

    /// The rows from the one that contains `seq` on, from the file that has it.
    fn rows_from(&self, seq: Seq, bytes_max: usize) -> Result<Chunk, JournalError> {
        if seq > self.archived() {
            match self.log.rows_from(seq, bytes_max) {
                // It has gone to history since.
                Err(JournalError::Trimmed { .. }) if seq <= self.archived() => {}
                rows => {
                    return Ok(Chunk {
                        file: JOURNAL.into(),
                        rows: rows?,
                    });
                }
            }
        }
        self.history.rows_from(seq, bytes_max)
    }
}

impl Journal for RedbJournal {
    fn append(&self, expected: Head, entries: &[Entry]) -> Result<Head, JournalError> {
        self.log.append(expected, entries)
    }

    fn read_from(&self, seq: Seq) -> Result<Batches<'_>, JournalError> {
        Ok(match self.rows(seq)? {
            Some(reading) => Box::new(reading),
            None => Box::new(std::iter::empty()),
        })
    }

    fn head(&self) -> Head {
        self.log.head()
    }

    fn trim(&self, below: Seq) -> Result<(), JournalError> {
        self.log.trim(below.min(self.archived().next()))
    }
}

/// Reads batches in order and verifies them.
pub(super) struct Reading<'a> {
    journal: &'a RedbJournal,
    file: String,
    rows: IntoIter<Row>,
    /// The end of the batch before.
    before: Head,
    /// Where the journal ended when the reading began.
    end: Head,
    done: bool,
}

impl Reading<'_> {
    fn start(journal: &RedbJournal, wanted: Seq, end: Head) -> Result<Reading<'_>, JournalError> {
        let Chunk { file, rows } = journal.rows_from(wanted, 1)?;
        let shortened = |file, found| JournalError::Shortened {
            file,
            expected: end,
            found,
        };
        let Some(first) = rows.first().map(|row| row.first) else {
            return Err(shortened(file, Head::EMPTY));
        };
        let mut before = Head::EMPTY;
        if first > Seq::NONE.next() {
            let earlier = journal.rows_from(Seq(first.0 - 1), 1)?;
            let row = earlier.rows.first();
            let row = row.ok_or_else(|| shortened(earlier.file.clone(), Head::EMPTY))?;
            (_, before) = row.heads(&earlier.file)?;
        }
        Ok(Reading {
            journal,
            file,
            rows: rows.into_iter(),
            before,
            end,
            done: false,
        })
    }

    /// The next row, from the next chunk where this one is at its end.
    fn row(&mut self) -> Result<Option<Row>, JournalError> {
        if let Some(row) = self.rows.next() {
            return Ok(Some(row));
        }
        if self.before.seq >= self.end.seq {
            return Ok(None);
        }
        let chunk = (self.journal).rows_from(self.before.seq.next(), CHUNK_BYTES)?;
        (self.file, self.rows) = (chunk.file, chunk.rows.into_iter());
        match self.rows.next() {
            Some(row) => Ok(Some(row)),
            None => Err(JournalError::Shortened {
                file: self.file.clone(),
                expected: self.end,
                found: self.before,
            }),
        }
    }

    fn verify(&mut self, row: &Row) -> Result<Batch, JournalError> {
        let batch = decode(&self.file, row.first, decode_batch(&row.bytes))?;
        self.before = follows(
            &self.file,
            self.before,
            row.first,
            (batch.previous, batch.head),
        )?;
        Ok(batch)
    }

    /// Where the journal ended when the reading began.
    pub(super) fn end(&self) -> Head {
        self.end
    }

    /// The end of what was read so far.
    pub(super) fn before(&self) -> Head {
        self.before
    }

    /// The next batch as it is written, verified; `None` after the one that was the last when the
    /// reading began.
    pub(super) fn next_row(&mut self) -> Result<Option<Row>, JournalError> {
        if self.before.seq >= self.end.seq {
            return Ok(None);
        }
        let row = self.row()?;
        if let Some(row) = &row {
            let heads = row.heads(&self.file)?;
            self.before = follows(&self.file, self.before, row.first, heads)?;
        }
        Ok(row)
    }
}

/// The end of a batch of `file` whose number is `first`, if it follows upon `before`.
pub(super) fn follows(
    file: &str,
    before: Head,
    first: Seq,
    (previous, head): (Head, Head),
) -> Result<Head, JournalError> {
    if previous == before && before.seq.next() == first {
        return Ok(head);
    }
    Err(JournalError::Gap {
        file: file.into(),
        previous: before,
        found: previous,
    })
}

impl Iterator for Reading<'_> {
    type Item = Result<Batch, JournalError>;

    fn next(&mut self) -> Option<Result<Batch, JournalError>> {
        if self.done {
            return None;
        }
        let row = self.row().transpose();
        let read = row.map(|row| row.and_then(|row| self.verify(&row)));
        self.done = !matches!(read, Some(Ok(_)));
        read
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::samples::{at, void};
    use super::super::{CommitMode, Options, SEGMENT_SIZE, open, secret_key};
    use super::*;
    use crate::disk::RealDisk;

    /// A journal of 200 batches of three entries in a directory of its own.
    fn journal() -> (tempfile::TempDir, RedbJournal) {
        let directory = tempfile::tempdir().unwrap();
        let disk = Arc::new(RealDisk::open(directory.path()).unwrap());
        let key = secret_key(&*disk, false, &[7; 32]).unwrap();
        let options = Options {
            commit: CommitMode::OnePhase,
            must_exist: false,
            segment_size: SEGMENT_SIZE,
            new_id: [1; 16],
            fingerprint: key.fingerprint(),
            now: at(0),
        };
        let journal = open(disk, options).unwrap().journal;
        let mut head = journal.head();
        for _ in 0..200 {
            let next = head.seq.0 + 1;
            head = journal
                .append(head, &[void(next), void(next + 1), void(next + 2)])
                .unwrap();
        }
        (directory, journal)
    }

    #[test]
    fn trimming_takes_whole_batches_that_history_holds_and_never_the_last() {
        let (_directory, journal) = journal();
        let begins = || {
            let rows = journal.log.rows_from(journal.head().seq, 1).unwrap();
            let last = rows[0].first;
            let first = (1..)
                .map(Seq)
                .find(|seq| journal.log.rows_from(*seq, 1).is_ok());
            (first.unwrap().0, last.0)
        };
        journal.trim(Seq(u64::MAX)).unwrap();
        assert_eq!(begins(), (1, 598), "history holds nothing yet");
        assert_eq!(journal.archive(1).unwrap(), 3);
        journal.trim(Seq(u64::MAX)).unwrap();
        assert_eq!(begins(), (4, 598));
        assert_eq!(journal.archive(usize::MAX).unwrap(), 597);
        assert_eq!(journal.archive(usize::MAX).unwrap(), 0);
        for (below, first) in [(6, 4), (402, 400), (u64::MAX, 598)] {
            journal.trim(Seq(below)).unwrap();
            assert_eq!(begins(), (first, 598));
        }
        match journal.log.rows_from(Seq(597), 1) {
            Err(JournalError::Trimmed { first, .. }) => assert_eq!(first, Seq(598)),
            other => panic!("{other:?}"),
        }
        assert_eq!(journal.read_from(Seq(1)).unwrap().count(), 200);
    }

    /// redb can lose rows without a word where their pages rot.
    #[test]
    fn a_reading_that_ends_early_says_so() {
        let (_directory, journal) = journal();
        let end = Head {
            seq: Seq(601),
            ..journal.head()
        };
        let mut reading = Reading::start(&journal, Seq(598), end).unwrap();
        assert_eq!(reading.next().unwrap().unwrap().head, journal.head());
        match reading.next() {
            Some(Err(JournalError::Shortened {
                expected, found, ..
            })) => {
                assert_eq!((expected, found), (end, journal.head()));
            }
            other => panic!("{other:?}"),
        }
        assert!(reading.next().is_none());
    }
}
