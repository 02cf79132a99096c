//! A walk along the chain that goes on past what is broken: batches as they come from one file
//! after the other, with everything told that does not fit.

use super::error::{RESTORE, unreadable};
use super::record::decode_batch;
use super::rows::{Row, decode};
use super::segment;
use super::{Batch, Head, JournalError, Piece, StartRefusal};
use crate::id::Seq;

/// Where the walk is.
pub(super) struct Walk<'a> {
    take: &'a mut dyn FnMut(Piece) -> bool,
    /// Whether nobody wants more.
    done: bool,
    /// The end of the batch before; `None` where that could not be read.
    before: Option<Head>,
    /// The entry that comes next.
    next: Seq,
    /// Whether something was told that explains why entries are missing from here on.
    broken: bool,
    /// The last batch of the file that is being read.
    own: Option<Head>,
    /// What the witness knows, until the walk has been there.
    witness: Option<Head>,
    /// A batch of a format that a later version may have written.
    newer: Option<StartRefusal>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(take: &'a mut dyn FnMut(Piece) -> bool, witness: Option<Head>) -> Walk<'a> {
        Walk {
            take,
            done: false,
            before: Some(Head::EMPTY),
            next: Seq::NONE.next(),
            broken: false,
            own: None,
            witness: witness.filter(|head| head.seq > Seq::NONE),
            newer: None,
        }
    }

    /// Whether nobody wants more: the walk need not go on.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    fn give(&mut self, piece: Piece) {
        self.done = self.done || !(self.take)(piece);
    }

    pub(super) fn next(&self) -> Seq {
        self.next
    }

    /// The last batch of the file that is being read.
    pub(super) fn own(&self) -> Option<Head> {
        self.own
    }

    /// A batch of a later format, if there was one in the file that is being read.
    pub(super) fn newer(&mut self) -> Option<StartRefusal> {
        self.newer.take()
    }

    pub(super) fn tell(&mut self, error: &JournalError) {
        self.say(told(error));
    }

    pub(super) fn say(&mut self, finding: String) {
        self.give(Piece::Finding(finding));
    }

    pub(super) fn note(&mut self, note: String) {
        self.give(Piece::Note(note));
    }

    /// Something was told for which entries may be missing from here on.
    pub(super) fn lose(&mut self) {
        self.broken = true;
    }

    /// Whether entries before `first` are missing, and nothing was told that explains it.
    pub(super) fn lacks(&self, first: Seq) -> bool {
        first > self.next && !self.broken
    }

    /// A file begins that holds nothing.
    pub(super) fn begin_empty(&mut self) {
        self.own = Some(Head::EMPTY);
    }

    /// A file begins that should go on with entry `first` at the latest.
    pub(super) fn begin(&mut self, first: Seq) {
        self.own = None;
        if self.lacks(first) {
            let file = segment::path(self.next);
            self.tell(
                &StartRefusal::Missing {
                    file,
                    emptied: false,
                }
                .into(),
            );
            self.broken = true;
        }
        self.reach(first, None);
    }

    /// Entries before `first` that were not read are not to be had.
    fn reach(&mut self, first: Seq, file: Option<&str>) {
        if first > self.next {
            let (from, to) = (self.next, Seq(first.0 - 1));
            self.say(match file.filter(|_| !self.broken) {
                Some(file) => format!("{file} lacks the entries {from} to {to}: {RESTORE}"),
                None => format!("entries {from} to {to} could not be read"),
            });
            self.give(Piece::Unread {
                first: from,
                last: to,
            });
            (self.next, self.before) = (first, None);
            // Nobody knows any more.
            self.witness.take_if(|witness| witness.seq < first);
        }
        self.broken = false;
    }

    /// Takes the next row of `file`.
    pub(super) fn row(&mut self, file: &str, row: &Row) {
        let batch = match decode(file, row.first, decode_batch(&row.bytes)) {
            Ok(batch) => batch,
            Err(error) => {
                if let JournalError::Refused(newer) = &error {
                    self.newer.get_or_insert(newer.clone());
                }
                self.tell(&error);
                (self.broken, self.own) = (true, None);
                return;
            }
        };
        let follows = self.own.is_none_or(|own| own == batch.previous);
        if batch.previous.seq.next() != row.first || !follows {
            self.gap(file, self.own, batch.previous);
        }
        let head = batch.head;
        self.own = Some(head);
        if head.seq < self.next {
            let end = self.before.filter(|end| end.seq == head.seq);
            if end.is_some_and(|end| end != head) {
                self.differ(file);
            }
        } else if batch.previous.seq.next() < self.next {
            self.differ(file);
        } else {
            self.batch(file, batch, follows);
        }
    }

    fn batch(&mut self, file: &str, batch: Batch, follows: bool) {
        self.reach(batch.previous.seq.next(), Some(file));
        if self.before.is_some_and(|before| before != batch.previous) && follows {
            self.gap(file, self.before, batch.previous);
        }
        let head = batch.head;
        self.give(Piece::Batch(batch));
        (self.before, self.next) = (Some(head), head.seq.next());
        if let Some(witness) = self.witness.take_if(|witness| witness.seq <= head.seq)
            && witness != head
        {
            self.behind(witness, head);
        }
    }

    fn gap(&mut self, file: &str, before: Option<Head>, found: Head) {
        let gap = JournalError::Gap {
            file: file.into(),
            previous: before.unwrap_or(Head::EMPTY),
            found,
        };
        self.tell(&gap);
    }

    fn differ(&mut self, file: &str) {
        let why = format!(
            "and what is before it hold different entries up to {}: one of them was replaced",
            self.next.0 - 1
        );
        self.tell(&unreadable(file, why));
    }

    fn behind(&mut self, witness: Head, journal: Head) {
        self.tell(&StartRefusal::BehindWitness { witness, journal }.into());
    }

    /// Ends the walk.
    pub(super) fn end(mut self) {
        let head = self.before.unwrap_or(Head {
            seq: Seq(self.next.0 - 1),
            hash: [0; 32],
        });
        let last = self.witness.map_or(Seq::NONE, |witness| witness.seq);
        if self.broken && last >= self.next {
            self.reach(last.next(), None);
        } else if let Some(witness) = self.witness {
            self.behind(witness, head);
        }
    }
}

/// An error with its causes, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
