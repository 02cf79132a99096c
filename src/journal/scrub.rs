//! Reading sealed segments again while a server runs, so that what rots is known before it is
//! needed.

use std::mem::ManuallyDrop;

use super::error::unreadable;
use super::record::decode_batch;
use super::rows::{decode, guarded, rows_at};
use super::segment::{self, Segment};
use super::whole::follows;
use super::{Head, JournalError, RedbJournal};
use crate::id::Seq;

/// What is read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// A sealed segment that was read to its end, or as far as was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reread {
    /// The end of its last batch.
    pub head: Head,
    /// Entries read.
    pub entries: u64,
}

impl RedbJournal {
    /// The first entries of the segments that are sealed, in order.
    pub fn sealed(&self) -> Vec<Seq> {
        self.history().sealed_firsts()
    }

    /// Reads the sealed segment of `first` from the disk and checks every batch: its own hash, and
    /// that it follows upon the one before; the first one upon `before`, where that is known.
    /// `read` hears of the bytes of each step and says whether more is wanted; `None` where not.
    ///
    /// Nobody else's reading is touched by a page over which redb stops.
    ///
    /// # Errors
    /// What cannot be read or verified.
    pub fn reread(
        &self,
        first: Seq,
        before: Option<Head>,
        read: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Option<Reread>, JournalError> {
        let path = segment::path(first);
        let file = self.history().sealed_file(first)?;
        file.distrust_cache().map_err(JournalError::disk(&path))?;
        drop(file);
        let opened = guarded(&path, || self.history().open_anew(first))?;
        // What panicked is not to be closed: that could panic again.
        let mut segment = ManuallyDrop::new(opened);
        let reread = self.check(&path, &mut segment, before, read)?;
        guarded(&path, || {
            drop(ManuallyDrop::into_inner(segment));
            Ok(reread)
        })
    }

    fn check(
        &self,
        path: &str,
        segment: &mut Segment,
        before: Option<Head>,
        read: &mut dyn FnMut(u64) -> bool,
    ) -> Result<Option<Reread>, JournalError> {
        let said = |error| JournalError::database(path, error);
        let (mut before, mut next, mut entries) = (before, segment.first(), 0);
        loop {
            let database = segment.database();
            let rows = guarded(path, || rows_at(database, next, CHUNK_BYTES).map_err(said))?;
            let Some(last) = rows.last().map(|row| row.first) else {
                break;
            };
            let mut bytes = 0;
            for row in &rows {
                let batch = decode(path, row.first, decode_batch(&row.bytes))?;
                let expected = before.unwrap_or(batch.previous);
                let heads = (batch.previous, batch.head);
                before = Some(follows(path, expected, row.first, heads)?);
                entries += batch.entries.len() as u64;
                bytes += row.bytes.len() as u64;
            }
            if !read(bytes) {
                return Ok(None);
            }
            next = last.next();
        }
        let ends = guarded(path, || segment.inspect(self.history().id()))?;
        match before.filter(|head| ends.head == *head && ends.sealed) {
            Some(head) => Ok(Some(Reread { head, entries })),
            None => Err(unreadable(path, "does not end where it was ended".into())),
        }
    }
}
