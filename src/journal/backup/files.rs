//! Files that are written whole or not at all and read back before they are believed, and the
//! batches in them.

use std::io;
use std::time::Instant;

use super::error::BackupError;
use super::point::{Kind, Part};
use super::progress::{PIECE_BYTES, Progress};
use crate::disk::{Disk, File, unfinished};
use crate::engine::entry::Entry;
use crate::id::Seq;
use crate::journal::rows::{Row, decode, guarded};
use crate::journal::segment::Segment;
use crate::journal::whole::follows;
use crate::journal::{Head, JournalError, decode_batch, record};
use crate::time::Timestamp;

/// What is read of a file of batches at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// For errors: what the machine said about the file that is written or read.
pub(super) type Failed<'a> = dyn Fn(io::Error) -> BackupError + 'a;

/// A file's length and the hash of all its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) check: [u8; 32],
}

/// A file that comes into being.
pub(super) struct Writer<'a> {
    disk: &'a dyn Disk,
    file: Box<dyn File>,
    failed: &'a Failed<'a>,
    progress: &'a Progress,
    buffer: Vec<u8>,
    hasher: blake3::Hasher,
    end: u64,
}

impl Writer<'_> {
    pub(super) fn put(&mut self, mut bytes: &[u8]) -> Result<(), BackupError> {
        while !bytes.is_empty() {
            let room = PIECE_BYTES - self.buffer.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == PIECE_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Writes and syncs what has gathered: many small syncs let a committer on the same disk
    /// through, one large one does not.
    fn flush(&mut self) -> Result<(), BackupError> {
        let begun = Instant::now();
        self.progress.room(self.disk, self.buffer.len())?;
        let written = self.file.write_at(self.end, &self.buffer);
        written
            .and_then(|()| self.file.sync())
            .map_err(self.failed)?;
        self.hasher.update(&self.buffer);
        self.end += self.buffer.len() as u64;
        self.progress.piece(self.buffer.len(), begun)?;
        self.buffer.clear();
        Ok(())
    }
}

/// Writes a file in place of whatever has its name: as `NAME.new`, synced, read back from the
/// disk, renamed, and the directory synced.
pub(super) fn write_whole(
    disk: &dyn Disk,
    name: &str,
    failed: &Failed<'_>,
    progress: &Progress,
    fill: impl FnOnce(&mut Writer<'_>) -> Result<(), BackupError>,
) -> Result<Written, BackupError> {
    let new = unfinished(name);
    if disk.exists(&new).map_err(failed)? {
        disk.remove(&new).map_err(failed)?;
    }
    let written = write_new(disk, &new, failed, progress, fill).and_then(|written| {
        disk.rename(&new, name)
            .and_then(|()| disk.sync_directory())
            .map_err(failed)?;
        Ok(written)
    });
    if written.is_err() {
        // The reason is being told; what is left only takes room, which somebody may need.
        drop(disk.remove(&new));
    }
    written
}

fn write_new(
    disk: &dyn Disk,
    new: &str,
    failed: &Failed<'_>,
    progress: &Progress,
    fill: impl FnOnce(&mut Writer<'_>) -> Result<(), BackupError>,
) -> Result<Written, BackupError> {
    let mut writer = Writer {
        disk,
        file: disk.create(new).map_err(failed)?,
        failed,
        progress,
        buffer: Vec::with_capacity(PIECE_BYTES),
        hasher: blake3::Hasher::new(),
        end: 0,
    };
    fill(&mut writer)?;
    if !writer.buffer.is_empty() {
        writer.flush()?;
    }
    let written = Written {
        bytes: writer.end,
        check: *writer.hasher.finalize().as_bytes(),
    };
    drop(writer);
    let file = disk.open(new).map_err(failed)?;
    file.distrust_cache().map_err(failed)?;
    if check(&*file, failed, progress)? == written {
        return Ok(written);
    }
    let reason = "it does not read back as it was written: mend the disk";
    Err(failed(io::Error::other(reason)))
}

/// Copies all bytes of a file.
pub(super) fn copy(
    from: &dyn File,
    from_failed: &Failed<'_>,
    to: &mut Writer<'_>,
) -> Result<(), BackupError> {
    pieces(from, from_failed, |piece| to.put(piece))
}

/// Reads a file from its first byte to its last.
pub(super) fn check(
    file: &dyn File,
    failed: &Failed<'_>,
    progress: &Progress,
) -> Result<Written, BackupError> {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    let mut begun = Instant::now();
    pieces(file, failed, |piece| {
        hasher.update(piece);
        bytes += piece.len() as u64;
        progress.piece(piece.len(), begun)?;
        begun = Instant::now();
        Ok(())
    })?;
    let check = *hasher.finalize().as_bytes();
    Ok(Written { bytes, check })
}

fn pieces(
    file: &dyn File,
    failed: &Failed<'_>,
    mut take: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    let size = file.size().map_err(failed)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    while at < size {
        let length = (size - at).min(PIECE_BYTES as u64);
        let piece = &mut piece[..usize::try_from(length).expect("at most a piece")];
        file.read_at(at, piece).map_err(failed)?;
        take(piece)?;
        at += length;
    }
    Ok(())
}

/// The batches of one file, each verified by its own hash and by the one before.
pub(super) struct PartReader {
    /// As messages name it.
    file: String,
    source: Source,
    before: Head,
    last: Seq,
    at: Timestamp,
}

enum Source {
    Segment(Segment),
    Tail { file: Box<dyn File>, next: u64 },
}

impl PartReader {
    /// `directory` is the one that such parts lie in; the part is written upon `before`.
    pub(super) fn open(
        directory: &dyn Disk,
        kind: Kind,
        part: &Part,
        before: Head,
    ) -> Result<PartReader, JournalError> {
        let name = part.name(kind);
        let file = kind.path(&name);
        let source = match kind {
            Kind::Segment => {
                let open = || Segment::open_untouched(directory, Seq(part.first));
                Source::Segment(guarded(&file, open)?)
            }
            Kind::Tail => Source::Tail {
                file: directory.open(&name).map_err(JournalError::disk(&file))?,
                next: 0,
            },
        };
        Ok(PartReader {
            file,
            source,
            before,
            last: Seq(part.last),
            at: Timestamp::EPOCH,
        })
    }

    /// Some more batches as they are written; none after the last.
    pub(super) fn read(&mut self) -> Result<Vec<Row>, JournalError> {
        if self.before.seq >= self.last {
            return Ok(Vec::new());
        }
        let next = self.before.seq.next();
        let rows = match &mut self.source {
            Source::Segment(segment) => {
                guarded(&self.file, || segment.rows_from(next, CHUNK_BYTES))?
            }
            Source::Tail { file, next: offset } => {
                let failed = JournalError::disk(&self.file);
                tail_rows(&**file, offset, next).map_err(failed)?
            }
        };
        for row in &rows {
            let heads = row.heads(&self.file)?;
            self.before = follows(&self.file, self.before, row.first, heads)?;
        }
        match rows.last() {
            Some(row) => self.at = time_of(&self.file, row)?,
            None => {
                return Err(JournalError::Shortened {
                    file: self.file.clone(),
                    expected: Head {
                        seq: self.last,
                        ..self.before
                    },
                    found: self.before,
                });
            }
        }
        Ok(rows)
    }

    /// Reads to the end, in turn with others, and gives each entry to `take`; where it ends and
    /// when its last entry was made.
    pub(super) fn follow(
        mut self,
        progress: &Progress,
        take: &mut dyn FnMut(&Entry) -> Result<(), BackupError>,
    ) -> Result<(Head, Timestamp), BackupError> {
        loop {
            let begun = Instant::now();
            let rows = self.read()?;
            if rows.is_empty() {
                return Ok((self.before, self.at));
            }
            for row in rows {
                let batch = decode(&self.file, row.first, decode_batch(&row.bytes))?;
                batch.entries.iter().try_for_each(&mut *take)?;
            }
            progress.piece(0, begun)?;
        }
    }
}

/// When the last entry of a batch was made.
fn time_of(file: &str, row: &Row) -> Result<Timestamp, JournalError> {
    let batch = decode(file, row.first, decode_batch(&row.bytes))?;
    let last = batch.entries.last().expect("a batch has an entry");
    Ok(last.at)
}

/// Puts a batch behind its length.
pub(super) fn put_row(to: &mut Writer<'_>, row: &Row) -> Result<(), BackupError> {
    let length = u32::try_from(row.bytes.len()).expect("a batch is less than 4 GiB");
    to.put(&length.to_le_bytes())?;
    to.put(&row.bytes)
}

/// Batches from `offset` on, the first of which begins with `next`; moves the offset on.
fn tail_rows(file: &dyn File, offset: &mut u64, next: Seq) -> io::Result<Vec<Row>> {
    let size = file.size()?;
    let (mut rows, mut read, mut first) = (Vec::new(), 0, next);
    while *offset < size && read < CHUNK_BYTES {
        let mut length = [0; 4];
        file.read_at(*offset, &mut length)?;
        let length = u32::from_le_bytes(length);
        if u64::from(length) > size - *offset {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; usize::try_from(length).expect("it is in the file")];
        file.read_at(*offset + 4, &mut bytes)?;
        *offset += 4 + u64::from(length);
        read += bytes.len();
        // What is damaged is for whoever verifies it.
        let last = record::decode_heads(&bytes).map_or(first, |(_, head)| head.seq);
        rows.push(Row { first, bytes });
        first = last.next();
    }
    Ok(rows)
}
