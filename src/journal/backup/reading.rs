//! Reading the backups of a directory from the first byte to the last, past everything that is
//! broken.

use std::collections::HashSet;

use super::error::BackupError;
use super::folder::{self, Found, find};
use super::point::{Kind, Part, Point};
use super::progress::Progress;
use super::restore::Backup;
use crate::disk::Disk;
use crate::id::Seq;
use crate::journal::attachments::{ATTACHMENTS, Beside};
use crate::journal::record::decode_batch;
use crate::journal::rows::decode;
use crate::journal::{Head, Piece, described};

impl Backup {
    /// Whether a directory says that backups lie in it.
    ///
    /// # Errors
    /// What the machine says.
    pub fn is_in(disk: &dyn Disk) -> std::io::Result<bool> {
        disk.exists(folder::OWNER)
    }

    /// The last entry of the newest.
    pub fn last(&self) -> Seq {
        self.points
            .last()
            .map_or(Seq::NONE, |newest| newest.head().seq)
    }

    /// Reads each file of each backup once, and compares all its bytes with what was once written,
    /// and each attachment with its name. The entries of the newest backup go to `take`, in order, which says whether more is wanted;
    /// and so does whatever is wrong with any of them. No backup is made meanwhile.
    ///
    /// # Errors
    /// A backup is being made, or what the backups say about themselves cannot be read.
    pub fn read(&self, take: &mut dyn FnMut(Piece) -> bool) -> Result<(), BackupError> {
        let _lock = folder::lock(&*self.disk)?;
        let Found { points, .. } = find(&*self.disk)?;
        let beside = Beside::list(&*self.disk);
        let mut beside = beside.map_err(BackupError::disk(ATTACHMENTS))?;
        let mut passed = |piece| beside.pass(piece, take);
        let mut reading = Reading {
            backup: self,
            take: &mut passed,
            seen: HashSet::new(),
            next: Seq::NONE.next(),
        };
        let (Some(newest), all) = (points.last(), points.len()) else {
            return Err(BackupError::NoBackup);
        };
        let made_at = newest.made_at;
        reading.give(Piece::Note(format!(
            "the entries of the newest backup are verified, made at {made_at}, and all files of \
             {all}"
        )));
        let mut is_newest = true;
        for point in points.iter().rev() {
            if !reading.point(point, is_newest) {
                break;
            }
            is_newest = false;
        }
        beside.notes().into_iter().map(Piece::Note).all(take);
        Ok(())
    }
}

struct Reading<'a> {
    backup: &'a Backup,
    take: &'a mut dyn FnMut(Piece) -> bool,
    /// Files that were read, by name and what they should hold.
    seen: HashSet<(String, [u8; 32])>,
    /// The entry that comes next.
    next: Seq,
}

impl Reading<'_> {
    fn give(&mut self, piece: Piece) -> bool {
        (self.take)(piece)
    }

    /// Reads what was not read yet of a backup's files; whether more is wanted.
    fn point(&mut self, point: &Point, is_newest: bool) -> bool {
        let mut before = Head::EMPTY;
        for (kind, part) in point.parts() {
            let path = kind.path(&part.name(kind));
            if self.seen.insert((path.clone(), part.check)) {
                match self.part((kind, part, &path), before, is_newest) {
                    Ok(true) => {}
                    Ok(false) => return false,
                    Err(error) => {
                        let told = self.give(Piece::Finding(described(&error)));
                        if !told || is_newest && !self.lose(Seq(part.last)) {
                            return false;
                        }
                    }
                }
            }
            before = part.head();
        }
        true
    }

    /// The entries up to `last` that were not read are not to be had.
    fn lose(&mut self, last: Seq) -> bool {
        let first = self.next;
        self.next = last.next();
        first > last || self.give(Piece::Unread { first, last })
    }

    fn part(
        &mut self,
        (kind, part, path): (Kind, &Part, &str),
        before: Head,
        is_newest: bool,
    ) -> Result<bool, BackupError> {
        let wrong = BackupError::in_backup(path);
        let mut reader = self.backup.reader(kind, part, before, &Progress::new())?;
        let mut end = before;
        loop {
            let rows = reader.read().map_err(&wrong)?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let batch = decode(path, row.first, decode_batch(&row.bytes)).map_err(&wrong)?;
                end = batch.head;
                if !is_newest {
                    continue;
                }
                self.next = end.seq.next();
                if !self.give(Piece::Batch(batch)) {
                    return Ok(false);
                }
            }
        }
        if end == part.head() {
            return Ok(true);
        }
        Err(BackupError::damaged(
            path,
            "does not end where it was ended",
        ))
    }
}
