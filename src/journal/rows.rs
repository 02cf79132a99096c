//! Batches as rows of a redb file: what `journal.redb` and the segments of `history/` share.
//!
//! redb's own checksums are not looked at when it reads: each batch is verified by its own hash,
//! and each reading follows the chain.

use redb::{
    Builder, Database, ReadOnlyTable, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition,
};

use super::error::unreadable;
use super::record::decode_heads;
use super::{Head, JournalError, StartRefusal};
use crate::bytes::CodecError;
use crate::disk::{Disk, UntouchedBackend, caught};
use crate::id::Seq;

/// Batches by the seq of their first entry, as `record` has them.
pub(super) const BATCHES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("batches");

/// What the file says about itself.
pub(super) const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");

/// The key in [`ABOUT`] of the coffer's id, 16 bytes.
pub(super) const COFFER: &str = "coffer";

/// The key in [`ABOUT`] of the file's format, u64, little-endian.
pub(super) const FORMAT_KEY: &str = "format";

/// One batch, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) first: Seq,
    pub(super) bytes: Vec<u8>,
}

/// Opens the database in the file `name` to read it; the file, `path` in messages, stays as it is.
pub(super) fn open_untouched(
    disk: &dyn Disk,
    name: &str,
    path: &str,
    cache_bytes: usize,
) -> Result<Database, JournalError> {
    let failed = JournalError::disk(path);
    let file = disk.open(name).map_err(&failed)?;
    // redb would make an empty file a new database.
    if file.size().map_err(&failed)? == 0 {
        return Err(StartRefusal::Missing {
            file: path.into(),
            emptied: true,
        }
        .into());
    }
    let backend = UntouchedBackend::new(file).map_err(failed)?;
    Builder::new()
        .set_cache_size(cache_bytes)
        .create_with_backend(backend)
        .map_err(|error| JournalError::database(path, error))
}

/// A value of the table [`ABOUT`].
pub(super) fn about<const N: usize>(
    database: &Database,
    key: &str,
) -> Result<Option<[u8; N]>, redb::Error> {
    let about = database.begin_read()?.open_table(ABOUT)?;
    let value = about.get(key)?;
    Ok(value.and_then(|value| value.value().try_into().ok()))
}

/// The first row's number and how many rows there are.
pub(super) fn extent(database: &Database) -> Result<Option<(Seq, u64)>, redb::Error> {
    let batches = database.begin_read()?.open_table(BATCHES)?;
    let first = batches.first()?.map(|(first, _)| Seq(first.value()));
    Ok(first.zip(Some(batches.len()?)))
}

/// The rows from the one that contains `seq` on, or from the next after it; at least one where
/// there is one, and no more once they hold `bytes_max` bytes. `None` where all begin after `seq`.
pub(super) fn rows_from(
    database: &Database,
    seq: Seq,
    bytes_max: usize,
) -> Result<Option<Vec<Row>>, redb::Error> {
    let batches = database.begin_read()?.open_table(BATCHES)?;
    let Some((first, bytes)) = batches.range(..=seq.0)?.next_back().transpose()? else {
        return Ok(None);
    };
    let first = Seq(first.value());
    // A damaged one is for its reader to find.
    let before = first < seq && decode_heads(bytes.value()).is_ok_and(|(_, head)| head.seq < seq);
    gather(&batches, if before { seq } else { first }, bytes_max).map(Some)
}

/// The rows whose batches begin at `seq` or later; at least one where there is one, and no more
/// once they hold `bytes_max` bytes.
pub(super) fn rows_at(
    database: &Database,
    seq: Seq,
    bytes_max: usize,
) -> Result<Vec<Row>, redb::Error> {
    gather(&database.begin_read()?.open_table(BATCHES)?, seq, bytes_max)
}

fn gather(
    batches: &ReadOnlyTable<u64, &[u8]>,
    seq: Seq,
    bytes_max: usize,
) -> Result<Vec<Row>, redb::Error> {
    let (mut rows, mut size) = (Vec::new(), 0);
    for row in batches.range(seq.0..)? {
        let (first, bytes) = row?;
        let bytes = bytes.value().to_vec();
        size += bytes.len();
        rows.push(Row {
            first: Seq(first.value()),
            bytes,
        });
        if size >= bytes_max {
            break;
        }
    }
    Ok(rows)
}

/// The row of the last batch that begins at `seq` or before.
pub(super) fn last_up_to(database: &Database, seq: Seq) -> Result<Option<Row>, redb::Error> {
    let batches = database.begin_read()?.open_table(BATCHES)?;
    let last = batches.range(..=seq.0)?.next_back().transpose()?;
    Ok(last.map(|(first, bytes)| Row {
        first: Seq(first.value()),
        bytes: bytes.value().to_vec(),
    }))
}

impl Row {
    /// Where the batch begins and ends.
    pub(super) fn heads(&self, file: &str) -> Result<(Head, Head), JournalError> {
        decode(file, self.first, decode_heads(&self.bytes))
    }
}

/// Words what is wrong with the batch at `first`.
pub(super) fn decode<T>(
    file: &str,
    first: Seq,
    decoded: Result<T, CodecError>,
) -> Result<T, JournalError> {
    decoded.map_err(|source| match source {
        CodecError::Newer(format) => StartRefusal::Newer {
            file: file.into(),
            format: format.into(),
        }
        .into(),
        source => JournalError::Damaged {
            file: file.into(),
            first,
            source,
        },
    })
}

/// Lets redb read a file that may have rotted: its panics are errors that name the file.
pub(super) fn guarded<T>(
    file: &str,
    read: impl FnOnce() -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    caught(read).unwrap_or_else(|why| {
        Err(unreadable(
            file,
            format!("is damaged, so that its database stopped over it ({why})"),
        ))
    })
}
