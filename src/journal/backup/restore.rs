//! Making a data directory of a backup.
//!
//! The witness is written first and the manifest last, and a start refuses a directory that has
//! the one without the other: so a restore that broke off is taken neither for a coffer nor for
//! an empty directory.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use super::attached::Taking;
use super::error::BackupError;
use super::files::{PartReader, Written, check, copy, write_whole};
use super::folder::{Found, find};
use super::point::{Kind, Owner, Part, Point};
use super::progress::Progress;
use crate::disk::{Disk, File};
use crate::engine::entry::Entry;
use crate::id::Seq;
use crate::journal::attachments::ATTACHMENTS;
use crate::journal::history::{HISTORY, History};
use crate::journal::log::{self, JOURNAL};
use crate::journal::manifest::Manifest;
use crate::journal::record::{decode_batch, encode_batch};
use crate::journal::rows::{Row, decode};
use crate::journal::segment::{self, Segment, Slice};
use crate::journal::start::{self, SEGMENT_SIZE};
use crate::journal::{CommitMode, Head, Journal, JournalError, Options, witness};
use crate::time::Timestamp;

/// Where a restore ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// With this entry.
    Seq(Seq),
    /// With the last entry that was made no later.
    Time(Timestamp),
}

impl FromStr for Until {
    type Err = &'static str;

    /// An entry's number, or an RFC 3339 time.
    fn from_str(text: &str) -> Result<Until, &'static str> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let seq = text.parse().ok().filter(|&seq| seq > 0).map(Seq);
            return seq
                .map(Until::Seq)
                .ok_or("must be an entry's number from 1 on");
        }
        let wrong = "must be an entry's number or a time such as 2026-11-21T00:00:00Z";
        text.parse().map(Until::Time).map_err(|_| wrong)
    }
}

impl Until {
    fn includes(self, seq: Seq, at: Timestamp) -> bool {
        match self {
            Until::Seq(last) => seq <= last,
            Until::Time(last) => at <= last,
        }
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Until::Seq(seq) => write!(f, "entry {seq}"),
            Until::Time(time) => time.fmt(f),
        }
    }
}

/// The backups in a directory, which is only read.
pub struct Backup {
    pub(super) disk: Arc<dyn Disk>,
    owner: Owner,
    pub(super) points: Vec<Point>,
}

/// What there is to be restored.
struct Plan {
    /// Segments that are restored as they are.
    whole: Vec<Part>,
    /// What is written anew behind them.
    cut: Option<Cut>,
    head: Head,
    /// When the last entry was made.
    at: Timestamp,
}

/// A part whose entries are restored up to one of them.
struct Cut {
    kind: Kind,
    part: Part,
    /// What it was written upon.
    before: Head,
    last: Seq,
}

/// A data directory that lacks nothing but its manifest: until [`Restored::finish`] nothing starts
/// on it.
#[must_use = "a restored directory is complete when it is finished"]
pub struct Restored {
    disk: Arc<dyn Disk>,
    manifest: Manifest,
    _lock: Box<dyn File>,
    /// The last entry, and the chain's hash there.
    pub head: Head,
    /// When that was made.
    pub at: Timestamp,
    /// Bytes of entries and attachments that were written.
    pub bytes: u64,
    /// Files that entries name and the backup does not have as they were, each with the reason.
    pub lacking: Vec<String>,
}

impl Backup {
    /// Looks through a backup directory.
    ///
    /// # Errors
    /// There is no complete backup in it, or what it says about itself is damaged.
    pub fn open(disk: Arc<dyn Disk>) -> Result<Backup, BackupError> {
        let Found { owner, points } = find(&*disk)?;
        if points.is_empty() {
            return Err(BackupError::NoBackup);
        }
        Ok(Backup {
            disk,
            owner,
            points,
        })
    }

    /// When the newest was made.
    ///
    /// # Panics
    /// Never: there is one.
    pub fn made_at(&self) -> Timestamp {
        let newest = self.points.last();
        newest.expect("one at least was found").made_at
    }

    /// The fingerprint of the secret key that belongs to what is restored.
    pub fn secret_key(&self) -> &str {
        &self.owner.secret_key
    }

    /// Restores everything, or what there was up to some point, to an empty directory. Where the
    /// point lies within a batch, that batch is written anew with the entries up to there: the
    /// chain's hash is another one from it on.
    ///
    /// # Errors
    /// [`BackupError`]: the directory holds something, the backup does not reach so far, or a
    /// file of it is damaged. What was written to the directory then never starts.
    pub fn restore(
        &self,
        to: Arc<dyn Disk>,
        until: Option<Until>,
        progress: &Progress,
    ) -> Result<Restored, BackupError> {
        let data = |error| BackupError::Data(JournalError::disk(".")(error));
        if let Some(found) = to.contents().map_err(data)?.into_iter().next() {
            return Err(BackupError::NotEmpty { found });
        }
        let plan = self.plan(until, progress)?;
        let cut = plan.cut.iter().map(|cut| &cut.part);
        let all = plan.whole.iter().chain(cut).map(|part| part.bytes);
        // Each is written and read back.
        progress.add_total(all.sum::<u64>().saturating_mul(2));
        let lock = start::lock(&*to)?;
        witness::create(&*to, self.owner.id, plan.head)?;
        let history = to.directory(HISTORY).map_err(data)?;
        to.sync_directory().map_err(data)?;
        let mut bytes = 0;
        for part in &plan.whole {
            bytes += self.copy(part, &*history, progress)?;
        }
        if let Some(cut) = &plan.cut {
            bytes += self.rewrite(cut, &*history, progress)?;
        }
        let last = last_row(history, self.owner.id)?;
        log::create(&*to, self.owner.id, last.as_ref())?;
        let owner = &self.owner;
        let manifest = Manifest::new(owner.id, owner.created_at, owner.secret_key.clone());
        let attachments = to.directory(ATTACHMENTS).map_err(data)?;
        to.sync_directory().map_err(data)?;
        let mut taking = Taking::new(&*self.disk, attachments, BackupError::of_data, progress)
            .map_err(BackupError::disk(ATTACHMENTS))?;
        let lock = verify(&to, &manifest, (plan.head, lock), &mut taking, progress)?;
        Ok(Restored {
            disk: to,
            manifest,
            _lock: lock,
            head: plan.head,
            at: plan.at,
            bytes: bytes + taking.bytes,
            lacking: taking.lacking(),
        })
    }

    /// What there is to be written, and where it ends.
    fn plan(&self, until: Option<Until>, progress: &Progress) -> Result<Plan, BackupError> {
        let mut plan = Plan {
            whole: Vec::new(),
            cut: None,
            head: Head::EMPTY,
            at: Timestamp::EPOCH,
        };
        for (kind, part) in self.point(until)?.parts() {
            let all = until.is_none_or(|until| until.includes(Seq(part.last), part.at));
            if all && kind == Kind::Segment {
                (plan.head, plan.at) = (part.head(), part.at);
                plan.whole.push(part.clone());
                continue;
            }
            let end = match until.filter(|_| !all) {
                None => Some((part.head(), part.at)),
                Some(until) => self.end_in(kind, part, plan.head, until, progress)?,
            };
            if let Some((head, at)) = end {
                plan.cut = Some(Cut {
                    kind,
                    part: part.clone(),
                    before: plan.head,
                    last: head.seq,
                });
                (plan.head, plan.at) = (head, at);
            }
            break;
        }
        match until {
            Some(until) if plan.head == Head::EMPTY => Err(BackupError::NothingYet { until }),
            _ => Ok(plan),
        }
    }

    /// The oldest point that reaches so far.
    fn point(&self, until: Option<Until>) -> Result<&Point, BackupError> {
        let newest = self.points.last().ok_or(BackupError::NoBackup)?;
        let Some(until) = until else {
            return Ok(newest);
        };
        let is_reached = match until {
            Until::Seq(seq) => seq <= newest.head().seq,
            Until::Time(time) => time <= newest.made_at,
        };
        if !is_reached {
            return Err(BackupError::NotReached {
                until,
                seq: newest.head().seq,
                made_at: newest.made_at,
            });
        }
        let reaches = |point: &&Point| match until {
            Until::Seq(seq) => seq <= point.head().seq,
            // What was made then may have become durable only after the backup had begun.
            Until::Time(time) => point.parts().any(|(_, part)| part.at > time),
        };
        Ok(self.points.iter().find(reaches).unwrap_or(newest))
    }

    /// Where a part ends that is restored up to some point only; `None` where nothing of it is.
    fn end_in(
        &self,
        kind: Kind,
        part: &Part,
        before: Head,
        until: Until,
        progress: &Progress,
    ) -> Result<Option<(Head, Timestamp)>, BackupError> {
        let path = kind.path(&part.name(kind));
        let mut reader = self.reader(kind, part, before, progress)?;
        let mut end = None;
        loop {
            let rows = reader.read().map_err(BackupError::in_backup(&path))?;
            if rows.is_empty() {
                return Ok(end);
            }
            for mut row in rows {
                let batch = decode(&path, row.first, decode_batch(&row.bytes))
                    .map_err(BackupError::in_backup(&path))?;
                let within = |entry: &&Entry| until.includes(entry.seq, entry.at);
                let Some(last) = batch.entries.iter().take_while(within).last() else {
                    return Ok(end);
                };
                let head = shortened(&path, &mut row, last.seq)?;
                end = Some((head, last.at));
                if head != batch.head {
                    return Ok(end);
                }
            }
        }
    }

    fn copy(
        &self,
        part: &Part,
        history: &dyn Disk,
        progress: &Progress,
    ) -> Result<u64, BackupError> {
        let name = part.name(Kind::Segment);
        let path = Kind::Segment.path(&name);
        let source = self.source(&*self.within(Kind::Segment)?, Kind::Segment, part)?;
        let unread = BackupError::disk(&path);
        let failed = |error| BackupError::Data(JournalError::disk(&path)(error));
        let written = write_whole(history, &name, &failed, progress, |writer| {
            copy(&*source, &unread, writer)
        })?;
        expect(&path, part, written)?;
        Ok(written.bytes)
    }

    /// The directory that such parts lie in.
    fn within(&self, kind: Kind) -> Result<Arc<dyn Disk>, BackupError> {
        let within = self.disk.directory(kind.directory());
        within.map_err(BackupError::disk(kind.directory()))
    }

    /// A part's file, which has its length.
    fn source(
        &self,
        within: &dyn Disk,
        kind: Kind,
        part: &Part,
    ) -> Result<Box<dyn File>, BackupError> {
        let name = part.name(kind);
        let path = kind.path(&name);
        let file = match within.open(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::damaged(&path, "is missing"));
            }
            opened => opened.map_err(BackupError::disk(&path))?,
        };
        let size = file.size().map_err(BackupError::disk(&path))?;
        if size == part.bytes {
            return Ok(file);
        }
        let why = format!("has {size} bytes, not {}", part.bytes);
        Err(BackupError::damaged(&path, why))
    }

    /// Reads a part whose bytes are all as they were written.
    pub(super) fn reader(
        &self,
        kind: Kind,
        part: &Part,
        before: Head,
        progress: &Progress,
    ) -> Result<PartReader, BackupError> {
        let path = kind.path(&part.name(kind));
        let within = self.within(kind)?;
        let file = self.source(&*within, kind, part)?;
        expect(
            &path,
            part,
            check(&*file, &BackupError::disk(&path), progress)?,
        )?;
        PartReader::open(&*within, kind, part, before).map_err(BackupError::in_backup(&path))
    }

    /// Writes the entries of a part up to some entry as the segment that goes on.
    fn rewrite(
        &self,
        cut: &Cut,
        history: &dyn Disk,
        progress: &Progress,
    ) -> Result<u64, BackupError> {
        let path = cut.kind.path(&cut.part.name(cut.kind));
        let mut reader = self.reader(cut.kind, &cut.part, cut.before, progress)?;
        let mut head = cut.before;
        let mut open: Option<Segment> = None;
        let mut bytes = 0;
        while head.seq < cut.last {
            let mut rows = reader.read().map_err(BackupError::in_backup(&path))?;
            rows.retain(|row| row.first <= cut.last);
            if let Some(row) = rows.last_mut() {
                head = shortened(&path, row, cut.last)?;
            }
            let slice = Slice {
                rows: &rows,
                head,
                seals: false,
            };
            match &open {
                Some(segment) => segment.append(&slice)?,
                None => {
                    segment::create(history, self.owner.id, &slice)?;
                    open = Some(Segment::open(history, Seq(cut.part.first))?);
                }
            }
            let written: usize = rows.iter().map(|row| row.bytes.len()).sum();
            progress.piece(written, Instant::now())?;
            bytes += written as u64;
        }
        if let Some(segment) = open {
            segment.close()?;
        }
        Ok(bytes)
    }
}

impl Restored {
    /// Makes a coffer of the directory.
    ///
    /// # Errors
    /// The manifest could not be written.
    pub fn finish(self) -> Result<(), BackupError> {
        Ok(self.manifest.write(&*self.disk)?)
    }
}

/// Whether all bytes of a part are those that were once written.
fn expect(path: &str, part: &Part, found: Written) -> Result<(), BackupError> {
    let written = Written {
        bytes: part.bytes,
        check: part.check,
    };
    if found == written {
        return Ok(());
    }
    Err(BackupError::damaged(path, "is not what was once written"))
}

/// Takes the entries after `last` out of a batch; where it ends then.
fn shortened(path: &str, row: &mut Row, last: Seq) -> Result<Head, BackupError> {
    let batch =
        decode(path, row.first, decode_batch(&row.bytes)).map_err(BackupError::in_backup(path))?;
    if batch.head.seq <= last {
        return Ok(batch.head);
    }
    let count = batch.entries.partition_point(|entry| entry.seq <= last);
    let entries = &batch.entries[..count];
    Ok(encode_batch(batch.previous, entries, &mut row.bytes))
}

/// The last batch of a history.
fn last_row(history: Arc<dyn Disk>, id: [u8; 16]) -> Result<Option<Row>, BackupError> {
    let history = History::find(history, id, SEGMENT_SIZE)?;
    let end = history.end();
    if end == Head::EMPTY {
        return Ok(None);
    }
    Ok(history.rows_from(end.seq, 1)?.rows.into_iter().next())
}

/// Opens what was written as a start does, follows the chain from its first entry to its last, and
/// takes what they name; the directory's lock.
fn verify(
    to: &Arc<dyn Disk>,
    manifest: &Manifest,
    (head, lock): (Head, Box<dyn File>),
    taking: &mut Taking<'_>,
    progress: &Progress,
) -> Result<Box<dyn File>, BackupError> {
    let options = Options {
        commit: CommitMode::OnePhase,
        must_exist: true,
        segment_size: SEGMENT_SIZE,
        new_id: manifest.id,
        fingerprint: manifest.secret_key.clone(),
        now: manifest.created_at,
    };
    let started = start::check(&**to, &options, manifest.clone())?;
    let journal = started.into_journal(Arc::clone(to), options.commit, lock);
    if let Some(mut reading) = journal.rows(Seq::NONE.next())? {
        while let Some(row) = reading.next_row()? {
            let batch = decode(JOURNAL, row.first, decode_batch(&row.bytes))?;
            (batch.entries.iter()).try_for_each(|entry| taking.entry(entry))?;
            progress.piece(0, Instant::now())?;
        }
        assert_eq!(reading.before(), journal.head(), "it was read to its end");
    }
    if journal.head() != head {
        return Err(BackupError::Data(JournalError::Shortened {
            file: JOURNAL.into(),
            expected: head,
            found: journal.head(),
        }));
    }
    drop(journal);
    Ok(start::lock(&**to)?)
}
