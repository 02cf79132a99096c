//! `history/`: everything that ever happened, in segments that follow upon each other.
//!
//! The last segment is appended to until its rows pass a size; then it is sealed and never written
//! again, and the next batch begins a new one. A segment comes into being as `NAME.new` with its
//! first rows in it, so that each has some, and is sealed in the commit that fills it, so that
//! only the last can be unsealed. Whatever moment a process ends at, the next start goes on from
//! what is there.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::error::unreadable;
use super::log::JOURNAL;
use super::rows::{Row, guarded};
use super::segment::{self, Segment, Slice, first_of, path};
use super::{Head, JournalError, StartRefusal};
use crate::disk::{Disk, File};
use crate::id::Seq;

/// The directory's name.
pub(super) const HISTORY: &str = "history";

/// Sealed segments that are kept open: those read last.
const OPENED_MAX: usize = 8;

/// The segments of one coffer.
#[derive(Debug)]
pub(super) struct History {
    disk: Arc<dyn Disk>,
    id: [u8; 16],
    /// Bytes of rows from which on a segment is sealed.
    segment_size: u64,
    /// Held by whoever appends; whether that has failed.
    latched: Mutex<bool>,
    /// The last segment, unless it is sealed. Only whoever appends replaces it, which waits for
    /// those who read it: so readers take what they need and let go.
    open: RwLock<Option<Segment>>,
    sealed: Mutex<Sealed>,
    end: Mutex<Head>,
}

#[derive(Debug)]
struct Sealed {
    /// The first entries of all, in order.
    firsts: Vec<Seq>,
    /// Those read last, the latest at the end.
    opened: VecDeque<Arc<Segment>>,
}

/// The rows of one file.
pub(super) struct Chunk {
    pub(super) file: String,
    pub(super) rows: Vec<Row>,
}

impl History {
    /// Looks through the directory: every segment is there, says that it is whole, and follows
    /// upon the one before. What was left unfinished is removed.
    pub(super) fn find(
        disk: Arc<dyn Disk>,
        id: [u8; 16],
        segment_size: u64,
    ) -> Result<History, JournalError> {
        let failed = JournalError::disk(HISTORY);
        let mut firsts = Vec::new();
        for name in disk.list().map_err(&failed)? {
            firsts.extend(first_of(&name));
            if name.strip_suffix(".new").and_then(first_of).is_some() {
                disk.remove(&name).map_err(&failed)?;
            }
        }
        // The process before may have ended by a failed sync, of the directory or of the segment
        // that it appended to: what is seen of them may not lie on the disk.
        disk.sync_directory().map_err(&failed)?;
        if let Some(&last) = firsts.last() {
            disk.open(&segment::name(last))
                .and_then(|file| file.distrust_cache())
                .map_err(JournalError::disk(&path(last)))?;
        }
        let mut end = Head::EMPTY;
        let mut open = None;
        for (place, &first) in firsts.iter().enumerate() {
            let inspect = || Segment::open_untouched(&*disk, first)?.inspect(id);
            let ends = guarded(&path(first), inspect)?;
            let last = place + 1 == firsts.len();
            follows(first, ends.previous, end)?;
            if !ends.sealed && !last {
                return Err(incomplete(&path(first)));
            }
            end = ends.head;
            open = (!ends.sealed).then_some(first);
        }
        if open.is_some() {
            firsts.pop();
        }
        let open = open.map(|first| guarded(&path(first), || Segment::open(&*disk, first)));
        let open = open.transpose()?;
        let sealed = Sealed {
            firsts,
            opened: VecDeque::new(),
        };
        Ok(History {
            disk,
            id,
            segment_size,
            latched: Mutex::new(false),
            open: RwLock::new(open),
            sealed: Mutex::new(sealed),
            end: Mutex::new(end),
        })
    }

    /// The last entry that is synced here.
    pub(super) fn end(&self) -> Head {
        *self.end.lock()
    }

    /// The first entries of the sealed segments, in order.
    pub(super) fn sealed_firsts(&self) -> Vec<Seq> {
        self.sealed.lock().firsts.clone()
    }

    /// The file of a sealed segment, which nobody writes.
    pub(super) fn sealed_file(&self, first: Seq) -> Result<Box<dyn File>, JournalError> {
        let opened = self.disk.open(&segment::name(first));
        opened.map_err(JournalError::disk(&path(first)))
    }

    /// A sealed segment, opened for one reader alone.
    pub(super) fn open_anew(&self, first: Seq) -> Result<Segment, JournalError> {
        Segment::open_untouched(&*self.disk, first)
    }

    /// Whose segments they are.
    pub(super) fn id(&self) -> [u8; 16] {
        self.id
    }

    /// The last segment as messages name it, and whether it is sealed; `None` where there is none.
    pub(super) fn last(&self) -> Option<(String, bool)> {
        let open = self.open.read();
        let open = open.as_ref().map(|open| (open.file().to_owned(), false));
        open.or_else(|| Some((path(*self.sealed.lock().firsts.last()?), true)))
    }

    /// Appends the first of these rows, as many as the last segment has room for, and syncs them;
    /// the new end.
    ///
    /// # Errors
    /// The rows do not follow, or could not be written. After that nothing is written here again.
    pub(super) fn append(&self, rows: &[Row]) -> Result<Head, JournalError> {
        let mut latched = self.latched.lock();
        if *latched {
            return Err(JournalError::Latched);
        }
        let appended = self.append_some(rows);
        *latched = appended.is_err();
        appended
    }

    fn append_some(&self, rows: &[Row]) -> Result<Head, JournalError> {
        let open = self.open.read();
        let filled = open.as_ref().map(Segment::size).transpose()?;
        let slice = self.slice(rows, filled.map_or(0, |(_, bytes)| bytes))?;
        let head = slice.head;
        let first = match &*open {
            Some(segment) => {
                segment.append(&slice)?;
                segment.first()
            }
            None => {
                segment::create(&*self.disk, self.id, &slice)?;
                rows[0].first
            }
        };
        let unopened = open.is_none();
        drop(open);
        if slice.seals {
            let mut open = self.open.write();
            if let Some(segment) = open.take() {
                segment.close()?;
            }
            self.sealed.lock().firsts.push(first);
        } else if unopened {
            *self.open.write() = Some(Segment::open(&*self.disk, first)?);
        }
        *self.end.lock() = head;
        Ok(head)
    }

    /// As many of the rows as go into a segment that holds `bytes` already.
    fn slice<'a>(&self, rows: &'a [Row], mut bytes: u64) -> Result<Slice<'a>, JournalError> {
        let mut head = self.end();
        let mut count = 0;
        while let Some(row) = rows.get(count).filter(|_| bytes < self.segment_size) {
            let (found, next) = row.heads(JOURNAL)?;
            if found != head || row.first != head.seq.next() {
                return Err(JournalError::Gap {
                    file: JOURNAL.into(),
                    previous: head,
                    found,
                });
            }
            head = next;
            bytes += row.bytes.len() as u64;
            count += 1;
        }
        Ok(Slice {
            rows: &rows[..count],
            head,
            seals: bytes >= self.segment_size,
        })
    }

    /// The rows from the one that contains `seq` on, of one segment.
    pub(super) fn rows_from(&self, seq: Seq, bytes_max: usize) -> Result<Chunk, JournalError> {
        let read = |segment: &Segment| {
            Ok(Chunk {
                file: segment.file().to_owned(),
                rows: segment.rows_from(seq, bytes_max)?,
            })
        };
        self.with(seq, read)
    }

    /// The end of the batch that contains `seq`; of the last before it where none does.
    pub(super) fn head_at(&self, seq: Seq) -> Result<Option<Head>, JournalError> {
        if seq == Seq::NONE || self.end() == Head::EMPTY {
            return Ok((seq == Seq::NONE).then_some(Head::EMPTY));
        }
        self.with(seq, |segment| segment.head_at(seq))
    }

    /// Reads the segment that `seq` would be in.
    fn with<T>(
        &self,
        seq: Seq,
        read: impl FnOnce(&Segment) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        {
            let open = self.open.read();
            if let Some(segment) = open.as_ref().filter(|open| open.first() <= seq) {
                return guarded(segment.file(), || read(segment));
            }
        }
        // What was sealed meanwhile is among the sealed.
        let segment = self.sealed(seq)?;
        let mut stopped = true;
        let done = guarded(segment.file(), || {
            let done = read(&segment);
            stopped = false;
            done
        });
        if stopped {
            self.abandon(segment);
        }
        done
    }

    /// Lets go of a segment over which its database panicked: it is neither used nor closed again,
    /// which could panic in its turn. The next reader opens the file anew.
    fn abandon(&self, segment: Arc<Segment>) {
        let mut sealed = self.sealed.lock();
        let opened = sealed.opened.drain(..);
        let (same, others): (VecDeque<_>, _) = opened.partition(|of| Arc::ptr_eq(of, &segment));
        sealed.opened = others;
        std::mem::forget((same, segment));
    }

    fn sealed(&self, seq: Seq) -> Result<Arc<Segment>, JournalError> {
        let mut sealed = self.sealed.lock();
        let after = sealed.firsts.partition_point(|first| *first <= seq);
        // The first segment begins with the first entry.
        let first = sealed.firsts[after.saturating_sub(1)];
        let place = (sealed.opened.iter()).position(|opened| opened.first() == first);
        let segment = match place.and_then(|place| sealed.opened.remove(place)) {
            Some(segment) => segment,
            None => Arc::new(guarded(&path(first), || self.open_anew(first))?),
        };
        sealed.opened.push_back(Arc::clone(&segment));
        if sealed.opened.len() > OPENED_MAX {
            sealed.opened.pop_front();
        }
        Ok(segment)
    }
}

/// Whether the segment of `first`, written upon `previous`, follows upon `end`.
fn follows(first: Seq, previous: Head, end: Head) -> Result<(), JournalError> {
    if first > end.seq.next() {
        return Err(missing(end));
    }
    if previous == end {
        return Ok(());
    }
    let why = format!(
        "does not follow upon what is before it, up to entry {}: it or the file before was replaced",
        end.seq
    );
    Err(unreadable(&path(first), why))
}

/// Looks at the last segment, the newest, for whether a later version wrote it.
pub(super) fn refuse_newer(disk: &dyn Disk, id: [u8; 16]) -> Result<(), JournalError> {
    let names = disk.list().map_err(JournalError::disk(HISTORY))?;
    match names.iter().rev().find_map(|name| first_of(name)) {
        Some(first) => guarded(&path(first), || {
            Segment::open_untouched(disk, first)?.inspect(id).map(drop)
        }),
        None => Ok(()),
    }
}

fn missing(end: Head) -> JournalError {
    StartRefusal::Missing {
        file: path(end.seq.next()),
        emptied: false,
    }
    .into()
}

/// A segment that was not sealed, and another after it.
pub(super) fn incomplete(file: &str) -> JournalError {
    let why = "is not complete, though others follow it: it is an older copy";
    unreadable(file, why.into())
}

/// A segment that was not sealed, and a journal that begins later.
pub(super) fn ends_early(file: &str, end: Seq, begins_after: Seq) -> JournalError {
    let why = format!(
        "ends at entry {end}, and {JOURNAL} begins after {begins_after}: it is an older copy"
    );
    unreadable(file, why)
}

/// Whether the journal goes on where history ends, or holds some of the same: it begins after
/// `begins_after`, ends at `head`, and has the batch at history's end if `at_end` says so.
pub(super) fn joins(
    history: &History,
    begins_after: Head,
    at_end: Option<Head>,
    head: Head,
) -> Result<(), JournalError> {
    let end = history.end();
    let last = history.last();
    if begins_after.seq > end.seq {
        return Err(match last {
            Some((file, false)) => ends_early(&file, end.seq, begins_after.seq),
            _ => missing(end),
        });
    }
    let Some((file, _)) = last else {
        return Ok(());
    };
    if head.seq < end.seq {
        return Err(StartRefusal::BehindHistory {
            file,
            history: end,
            journal: head,
        }
        .into());
    }
    // At least one batch of the journal is newer than `begins_after`, or ends with it.
    let same_end = begins_after.seq == end.seq || at_end == Some(end);
    if same_end && history.head_at(begins_after.seq)? == Some(begins_after) {
        return Ok(());
    }
    let why = format!(
        "and journal.redb hold different entries up to {}: one of them was replaced",
        end.seq
    );
    Err(unreadable(&file, why))
}
