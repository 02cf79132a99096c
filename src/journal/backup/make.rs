//! Making a backup of a journal that is appended to meanwhile.

use std::sync::Arc;

use super::attached::Taking;
use super::error::{BackupError, joins};
use super::files::{PartReader, Written, copy, put_row, write_whole};
use super::folder::Folder;
use super::point::{FORMAT, Kind, Owner, Part, Point, tail_name};
use super::progress::Progress;
use crate::disk::Disk;
use crate::id::Seq;
use crate::journal::attachments::ATTACHMENTS;
use crate::journal::rows::guarded;
use crate::journal::segment::{self, Segment};
use crate::journal::whole::RedbJournal;
use crate::journal::{Head, Journal, JournalError};
use crate::time::{Span, Timestamp};

/// What an entry takes, about: for the progress alone.
const ENTRY_BYTES: u64 = 64;

/// A backup that is complete, durable and verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Its last entry, and the chain's hash there.
    pub head: Head,
    /// When it was made.
    pub made_at: Timestamp,
    /// Bytes of entries and attachments that were copied for it: the others were there already.
    pub copied_bytes: u64,
    /// Files that were copied for it.
    pub copied_files: u64,
}

/// Backs a journal up to a directory: everything that was durable when this was called, copying
/// only what is not there from earlier backups. `keep` is how many backups stay restorable, all
/// where it is `None`. At any moment that it breaks off at, the earlier backups are as they were.
///
/// # Errors
/// [`BackupError`]. The journal is only read, and is not harmed by any of them.
pub fn back_up(
    journal: &RedbJournal,
    to: Arc<dyn Disk>,
    keep: Option<u32>,
    now: Timestamp,
    progress: &Progress,
) -> Result<Done, BackupError> {
    let manifest = journal.manifest();
    let owner = Owner {
        format: FORMAT,
        id: manifest.id,
        created_at: manifest.created_at,
        secret_key: manifest.secret_key.clone(),
    };
    let folder = Folder::open(to, &owner)?;
    let to = Arc::clone(&folder.attachments);
    let mut points = folder.points(&owner)?;
    let newest = points.last();
    if let Some(newest) = newest {
        let (backup, end) = (newest.head(), journal.head());
        let found = journal.head_at(backup.seq.min(end.seq))?;
        joins(backup, end, found)?;
    }
    let taking = Taking::new(journal.data(), to, BackupError::of_disk, progress);
    let taking = taking.map_err(|error| BackupError::of_data(ATTACHMENTS, error))?;
    let mut copying = Copying {
        journal,
        id: owner.id,
        folder: &folder,
        progress,
        head: Head::EMPTY,
        taking,
        copied_bytes: 0,
        copied_files: 0,
    };
    let segments = copying.segments(newest.map_or(&[], |newest| &newest.segments))?;
    let tail = copying.tail(newest.and_then(|newest| newest.tail.as_ref()))?;
    // All that is named so far lies there by now.
    copying.taking.rest()?;
    let after = |point: &Point| point.made_at.plus(Span::MICROSECOND);
    let point = Point {
        format: FORMAT,
        id: owner.id,
        // In the order of the entries also where the clock was set back.
        made_at: points.iter().map(after).fold(now, Timestamp::max),
        segments,
        tail,
    };
    let done = Done {
        head: copying.head,
        made_at: point.made_at,
        copied_bytes: copying.copied_bytes + copying.taking.bytes,
        copied_files: copying.copied_files + copying.taking.files,
    };
    let lacking = copying.taking.lacking();
    folder.add(&point)?;
    points.push(point);
    folder.retain(&retained(&points, keep), &points)?;
    match lacking.is_empty() {
        true => Ok(done),
        false => Err(BackupError::Lacks { files: lacking }),
    }
}

/// The newest `keep` of the points; of two that hold the same, the later.
fn retained(points: &[Point], keep: Option<u32>) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::new();
    for point in points {
        kept.retain(|before| before.head() != point.head());
        kept.push(point.clone());
    }
    let most = keep.map_or(usize::MAX, |keep| {
        usize::try_from(keep).unwrap_or(usize::MAX)
    });
    kept.split_off(kept.len().saturating_sub(most))
}

/// A backup under way.
struct Copying<'a> {
    journal: &'a RedbJournal,
    id: [u8; 16],
    folder: &'a Folder,
    progress: &'a Progress,
    /// The end of what is there so far.
    head: Head,
    taking: Taking<'a>,
    copied_bytes: u64,
    copied_files: u64,
}

impl Copying<'_> {
    /// Takes over the segments that were copied earlier, and copies those sealed since.
    fn segments(&mut self, earlier: &[Part]) -> Result<Vec<Part>, BackupError> {
        let sealed = self.journal.history().sealed_firsts();
        let mut parts = Vec::with_capacity(sealed.len());
        for part in earlier {
            // A copy that was lost or shortened is made again.
            let kept = if self.is_there(Kind::Segment, part)? {
                part.clone()
            } else if sealed.contains(&Seq(part.first)) {
                self.segment(Seq(part.first))?
            } else {
                return Err(lost(Kind::Segment, part));
            };
            if kept.head() != part.head() {
                return Err(lost(Kind::Segment, part));
            }
            self.head = kept.head();
            parts.push(kept);
        }
        for first in sealed {
            if first == self.head.seq.next() {
                let part = self.segment(first)?;
                self.head = part.head();
                parts.push(part);
            }
        }
        Ok(parts)
    }

    /// Whether a part has the length that it was written with.
    fn is_there(&self, kind: Kind, part: &Part) -> Result<bool, BackupError> {
        let name = part.name(kind);
        match self.folder.of(kind).open(&name) {
            Ok(file) => {
                let size = file.size();
                let size = size.map_err(BackupError::disk(&kind.path(&name)))?;
                Ok(size == part.bytes)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(BackupError::disk(&kind.path(&name))(error)),
        }
    }

    /// Copies a sealed segment, and follows the chain through the copy.
    fn segment(&mut self, first: Seq) -> Result<Part, BackupError> {
        let (name, path) = (segment::name(first), segment::path(first));
        let source = self.journal.history().sealed_file(first)?;
        let unread = |error| BackupError::Data(JournalError::disk(&path)(error));
        let size = source.size().map_err(unread)?;
        // Written, and read back.
        self.progress.add_total(size.saturating_mul(2));
        let to = self.folder.of(Kind::Segment);
        let failed = BackupError::disk(&path);
        let written = write_whole(to, &name, &failed, self.progress, |writer| {
            copy(&*source, &unread, writer)
        })?;
        let inspect = || Segment::open_untouched(to, first)?.inspect(self.id);
        let ends = guarded(&path, inspect)?;
        self.verified(Kind::Segment, first, ends.head, written)
    }

    /// Writes down what lies behind the sealed segments, up to what is durable now.
    fn tail(&mut self, earlier: Option<&Part>) -> Result<Option<Part>, BackupError> {
        let first = self.head.seq.next();
        let Some(mut reading) = self.journal.rows(first)? else {
            return Ok(None);
        };
        let end = reading.end();
        if let Some(part) = earlier
            && (part.first, part.head()) == (first.0, end)
            && self.is_there(Kind::Tail, part)?
        {
            self.head = end;
            return Ok(Some(part.clone()));
        }
        let entries = end.seq.0 - self.head.seq.0;
        self.progress
            .add_total(entries.saturating_mul(2 * ENTRY_BYTES));
        let name = tail_name(first, end.seq);
        let path = Kind::Tail.path(&name);
        let failed = BackupError::disk(&path);
        let to = self.folder.of(Kind::Tail);
        let written = write_whole(to, &name, &failed, self.progress, |writer| {
            while let Some(row) = reading.next_row()? {
                put_row(writer, &row)?;
            }
            Ok(())
        })?;
        let part = self.verified(Kind::Tail, first, end, written)?;
        self.head = end;
        Ok(Some(part))
    }

    /// Follows the chain through a part that was just written.
    fn verified(
        &mut self,
        kind: Kind,
        first: Seq,
        end: Head,
        written: Written,
    ) -> Result<Part, BackupError> {
        let mut part = Part {
            first: first.0,
            last: end.seq.0,
            hash: end.hash,
            at: Timestamp::EPOCH,
            bytes: written.bytes,
            check: written.check,
        };
        let reader = PartReader::open(self.folder.of(kind), kind, &part, self.head)?;
        let (found, at) = reader.follow(self.progress, &mut |entry| self.taking.entry(entry))?;
        if found != end {
            return Err(BackupError::Data(JournalError::Gap {
                file: kind.path(&part.name(kind)),
                previous: found,
                found: end,
            }));
        }
        part.at = at;
        self.copied_bytes += written.bytes;
        self.copied_files += 1;
        Ok(part)
    }
}

fn lost(kind: Kind, part: &Part) -> BackupError {
    BackupError::damaged(
        &kind.path(&part.name(kind)),
        "is missing or shortened, and the coffer's own history has no such file any more",
    )
}
