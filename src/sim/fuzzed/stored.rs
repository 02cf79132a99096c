//! What is read from the disk: batches of the journal, and the configuration.

use std::path::Path;

use crate::config::Config;
use crate::engine::entry::{Body, Entry};
use crate::journal::{decode_batch, encode_batch};

/// What a batch begins with: its version, its own hash, the hash before (see `journal::record`).
const VERSION: u8 = 1;
const HASHES: usize = 1 + 2 * 32;
/// Behind the first seq and the number of entries stands the base time.
const BASE: usize = HASHES + 8 + 4;

/// A row of the journal from its first seq on, under a hash that is right: what can be read is
/// written again so that it is read as the same; and in the same bytes, where it holds no records
/// and its base is the first entry's time, as it is where we have written it.
///
/// # Panics
/// Where that does not hold.
pub fn check_batch(bytes: &[u8]) {
    let _any = decode_batch(bytes).is_ok();
    let mut row = vec![0; HASHES];
    row[0] = VERSION;
    row.extend_from_slice(bytes);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&row[..1]).update(&row[33..]);
    row[1..33].copy_from_slice(hasher.finalize().as_bytes());
    let Ok(batch) = decode_batch(&row) else {
        return;
    };
    let mut again = Vec::new();
    let head = encode_batch(batch.previous, &batch.entries, &mut again);
    let read = decode_batch(&again).map(|read| read.entries);
    assert_eq!(read.as_ref(), Ok(&batch.entries));
    let is_play = |entry: &Entry| !matches!(entry.body, Body::Record(_));
    let base = batch.entries[0].at.micros().to_le_bytes();
    if batch.entries.iter().all(is_play) && row[BASE..][..8] == base {
        assert_eq!((head, again), (batch.head, row));
    }
}

/// The text of a configuration file: it is taken, or its fault is told in one line.
///
/// # Panics
/// Where that does not hold.
pub fn check_config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let file = Some((Path::new("c.toml"), text));
    if let Err(fault) = Config::read(file, [], &[]) {
        let told = fault.to_string();
        assert!(!told.contains('\n'), "{told}");
    }
}
