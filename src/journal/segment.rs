//! One file of `history/`: batches in order, appended in bulk until it is sealed.
//!
//! ```text
//! table    key       value
//! batches  as in journal.redb, the bytes unchanged
//! about    "coffer"  the coffer's id, 16 bytes
//!          "format"  1, u64
//!          "rows"    how many rows there are and how many bytes they hold, u64 each
//!          "sealed"  only when sealed: seq of the last entry, u64; hash of the last batch, 32
//!                    bytes; number of rows, u64
//! ```
//!
//! Numbers are little-endian. The name is the seq of the first entry in 20 digits. Each commit
//! keeps what redb needs to open the file at once after a kill (quick-repair); that the pages are
//! whole is seen by the hash chain as they are read.

use redb::{Builder, Database};

use super::rows::{
    ABOUT, BATCHES, COFFER, FORMAT_KEY, Row, about, extent, last_up_to, open_untouched, rows_from,
};
use super::{Head, JournalError, StartRefusal};
use crate::disk::{Disk, Failed, RedbBackend, unfinished};
use crate::id::Seq;

pub(super) const FORMAT: u64 = 1;

const ROWS: &str = "rows";
const SEALED: &str = "sealed";

/// Read in order and seldom twice; several are open at once.
const CACHE_BYTES: usize = 2 * 1024 * 1024;

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment {
    /// As messages name it.
    file: String,
    first: Seq,
    database: Database,
    failed: Failed,
}

/// Where a segment begins and ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) previous: Head,
    pub(super) head: Head,
    pub(super) sealed: bool,
}

/// Rows to be written, and what the segment is with them.
pub(super) struct Slice<'a> {
    pub(super) rows: &'a [Row],
    pub(super) head: Head,
    /// Whether nothing follows in this segment.
    pub(super) seals: bool,
}

/// The name within `history/`.
pub(super) fn name(first: Seq) -> String {
    format!("{:020}.redb", first.0)
}

/// The first entry that a name tells of; `None` where it is no segment's.
pub(super) fn first_of(name: &str) -> Option<Seq> {
    let digits = name.strip_suffix(".redb")?;
    let seq = Seq(digits.parse().ok()?);
    (self::name(seq) == name && seq != Seq::NONE).then_some(seq)
}

/// The file as messages name it.
pub(super) fn path(first: Seq) -> String {
    format!("history/{}", name(first))
}

/// Makes a segment with its first rows in it, whole or not at all.
pub(super) fn create(disk: &dyn Disk, id: [u8; 16], slice: &Slice<'_>) -> Result<(), JournalError> {
    let first = slice
        .rows
        .first()
        .expect("a segment begins with a row")
        .first;
    let (name, path) = (name(first), path(first));
    let failed = JournalError::disk(&path);
    let new = unfinished(&name);
    let backend = RedbBackend::new(disk.create(&new).map_err(&failed)?);
    let told = backend.failed();
    let database = Builder::new()
        .create_with_backend(backend)
        .map_err(|error| JournalError::database(&path, error))?;
    let segment = Segment {
        file: path.clone(),
        first,
        database,
        failed: told,
    };
    segment.insert(Some(id), slice, (0, 0))?;
    segment.close()?;
    disk.open(&new)
        .and_then(|file| file.sync())
        .and_then(|()| disk.rename(&new, &name))
        .and_then(|()| disk.sync_directory())
        .map_err(failed)
}

impl Segment {
    /// Opens a segment to append to it.
    pub(super) fn open(disk: &dyn Disk, first: Seq) -> Result<Segment, JournalError> {
        let path = path(first);
        let failed = JournalError::disk(&path);
        let backend = RedbBackend::new(disk.open(&name(first)).map_err(failed)?);
        let failed = backend.failed();
        let database = Builder::new()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(backend)
            .map_err(|error| JournalError::database(&path, error))?;
        Ok(Segment {
            file: path,
            first,
            database,
            failed,
        })
    }

    /// Opens a segment to read it; the file stays as it is.
    pub(super) fn open_untouched(disk: &dyn Disk, first: Seq) -> Result<Segment, JournalError> {
        let path = path(first);
        let database = open_untouched(disk, &name(first), &path, CACHE_BYTES)?;
        Ok(Segment {
            file: path,
            first,
            database,
            failed: Failed::default(),
        })
    }

    /// The database in the file.
    pub(super) fn database(&mut self) -> &mut Database {
        &mut self.database
    }

    pub(super) fn file(&self) -> &str {
        &self.file
    }

    pub(super) fn first(&self) -> Seq {
        self.first
    }

    /// As [`rows_from`]; nothing where there is nothing.
    pub(super) fn rows_from(&self, seq: Seq, bytes_max: usize) -> Result<Vec<Row>, JournalError> {
        let rows = rows_from(&self.database, seq, bytes_max).map_err(|error| self.said(error))?;
        Ok(rows.unwrap_or_default())
    }

    /// The end of the batch that contains `seq`, or of the last before it.
    pub(super) fn head_at(&self, seq: Seq) -> Result<Option<Head>, JournalError> {
        let row = last_up_to(&self.database, seq).map_err(|error| self.said(error))?;
        let head = row.map(|row| row.heads(&self.file)).transpose()?;
        Ok(head.map(|(_, head)| head))
    }

    /// Checks what the file says about itself, and its first and its last batch.
    pub(super) fn inspect(&self, id: [u8; 16]) -> Result<Ends, JournalError> {
        let wrong = |why: &str| StartRefusal::Unreadable {
            file: self.file.clone(),
            why: why.into(),
        };
        let silent = || wrong("does not say what it holds");
        match self.about(FORMAT_KEY)?.map(u64::from_le_bytes) {
            Some(FORMAT) => {}
            Some(format) if format > FORMAT => {
                return Err(StartRefusal::Newer {
                    file: self.file.clone(),
                    format,
                }
                .into());
            }
            _ => return Err(silent().into()),
        }
        if self.about(COFFER)?.ok_or_else(silent)? != id {
            return Err(StartRefusal::Foreign {
                file: self.file.clone(),
            }
            .into());
        }
        let extent = extent(&self.database).map_err(|error| self.said(error))?;
        let (first, count) = extent.ok_or_else(|| wrong("holds nothing"))?;
        if first != self.first {
            return Err(wrong(&format!("begins with entry {first}: its name was changed")).into());
        }
        let row = |seq| last_up_to(&self.database, seq).map_err(|error| self.said(error));
        let one = row(first)?.expect("the first row is there");
        let (previous, _) = one.heads(&self.file)?;
        let last = row(Seq(u64::MAX))?.expect("one row is the last");
        let (_, head) = last.heads(&self.file)?;
        let (rows, _) = self.size()?;
        let sealed = self.about(SEALED)?.map(|bytes: [u8; 48]| {
            let (seq, rest) = bytes.split_at(8);
            let (hash, rows) = rest.split_at(32);
            let at_end = seq == head.seq.0.to_le_bytes() && hash == head.hash;
            at_end && rows == count.to_le_bytes()
        });
        if sealed == Some(false) || rows != count {
            return Err(wrong("does not end where it was ended: it was altered").into());
        }
        Ok(Ends {
            previous,
            head,
            sealed: sealed.is_some(),
        })
    }

    /// How many rows there are, and how many bytes they hold.
    pub(super) fn size(&self) -> Result<(u64, u64), JournalError> {
        let bytes: [u8; 16] = self.about(ROWS)?.ok_or_else(|| StartRefusal::Unreadable {
            file: self.file.clone(),
            why: "does not say what it holds".into(),
        })?;
        let (rows, bytes) = bytes.split_at(8);
        let number = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("8 bytes"));
        Ok((number(rows), number(bytes)))
    }

    /// Writes rows after those that are there, and syncs them.
    pub(super) fn append(&self, slice: &Slice<'_>) -> Result<(), JournalError> {
        let size = self.size()?;
        self.insert(None, slice, size)
    }

    fn insert(
        &self,
        id: Option<[u8; 16]>,
        slice: &Slice<'_>,
        (rows, bytes): (u64, u64),
    ) -> Result<(), JournalError> {
        let written = slice.rows.iter().map(|row| row.bytes.len() as u64);
        let size = (rows + slice.rows.len() as u64, bytes + written.sum::<u64>());
        self.commit(id, slice, size)
            .map_err(|error| self.said(error))
    }

    fn commit(
        &self,
        id: Option<[u8; 16]>,
        slice: &Slice<'_>,
        (rows, bytes): (u64, u64),
    ) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_quick_repair(true);
        let mut batches = transaction.open_table(BATCHES)?;
        for row in slice.rows {
            let before = batches.insert(row.first.0, row.bytes.as_slice())?;
            assert!(before.is_none(), "what is written is never replaced");
        }
        let mut about = transaction.open_table(ABOUT)?;
        if let Some(id) = id {
            about.insert(COFFER, &id[..])?;
            about.insert(FORMAT_KEY, &FORMAT.to_le_bytes()[..])?;
        }
        let size = [rows.to_le_bytes(), bytes.to_le_bytes()].concat();
        about.insert(ROWS, size.as_slice())?;
        if slice.seals {
            let Head { seq, hash } = slice.head;
            let sealed = [&seq.0.to_le_bytes()[..], &hash, &rows.to_le_bytes()].concat();
            about.insert(SEALED, sealed.as_slice())?;
        }
        drop((batches, about));
        transaction.commit()?;
        Ok(())
    }

    /// Closes the file.
    ///
    /// # Errors
    /// It could not be closed in order. All that was committed is there.
    pub(super) fn close(self) -> Result<(), JournalError> {
        let Segment {
            file,
            database,
            failed,
            ..
        } = self;
        drop(database);
        if failed.is_set() {
            let source = std::io::Error::other("a write failed as the file was closed");
            return Err(JournalError::disk(&file)(source));
        }
        Ok(())
    }

    fn about<const N: usize>(&self, key: &str) -> Result<Option<[u8; N]>, JournalError> {
        about(&self.database, key).map_err(|error| self.said(error))
    }

    fn said(&self, error: redb::Error) -> JournalError {
        JournalError::database(&self.file, error)
    }
}
