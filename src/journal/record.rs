//! One batch as the value of one row.
//!
//! ```text
//!   0   1  version of this header: 1
//!   1  32  hash of all other bytes in their order
//!  33  32  hash of the batch before, zeros before the first
//!  65   8  seq of the first entry, little-endian, and the row's key
//!  73   4  number of entries, little-endian, at least 1
//!  77   8  base time, microseconds since 1970, little-endian: when the first entry was made
//!  85      the entries, one after the other, as `codec` has them
//! ```
//!
//! The hash is BLAKE3. It covers the hash before, so that the newest one stands for every byte
//! ever written.

use super::codec::{decode_entry, encode_entry};
use super::{Batch, Head};
use crate::bytes::{Bytes, CodecError};
use crate::engine::entry::Entry;
use crate::id::Seq;
use crate::time::Timestamp;

pub(super) const VERSION: u8 = 1;
const HASH_AT: usize = 1;
const PREVIOUS_AT: usize = 33;
const HEADER: usize = 85;

/// A batch of `entries` after `previous` as the bytes of a row, in place of whatever is in
/// `out`; the journal's end with it.
///
/// # Panics
/// Where there is no entry, they do not number on from `previous.seq`, or time runs back.
pub fn encode_batch(previous: Head, entries: &[Entry], out: &mut Vec<u8>) -> Head {
    let first = entries.first().expect("a batch has at least one entry");
    let count = u32::try_from(entries.len()).expect("a batch has less than 2^32 entries");
    out.clear();
    out.push(VERSION);
    out.extend_from_slice(&[0; 32]);
    out.extend_from_slice(&previous.hash);
    out.extend_from_slice(&first.seq.0.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&first.at.micros().to_le_bytes());
    let (mut seq, mut at) = (previous.seq, first.at);
    for entry in entries {
        assert_eq!(entry.seq, seq.next(), "entries are numbered without gaps");
        assert!(
            entry.at >= at,
            "entry {} is older than the one before",
            entry.seq
        );
        (seq, at) = (entry.seq, entry.at);
        encode_entry(entry, first.at, out);
    }
    let hash = hash(out);
    out[HASH_AT..PREVIOUS_AT].copy_from_slice(&hash);
    Head { seq, hash }
}

/// Reads a row's bytes. Its hash is verified; that it follows upon the row before is for
/// whoever has both.
///
/// # Errors
/// [`CodecError`]. Any bytes are fit to be asked about.
pub fn decode_batch(bytes: &[u8]) -> Result<Batch, CodecError> {
    let header = decode_header(bytes)?;
    let mut rest = Bytes(&bytes[HEADER..]);
    // An entry takes more than a byte: a false count makes no room for more than there is.
    let mut entries = Vec::with_capacity(rest.0.len().min(header.count));
    let mut seq = header.previous.seq;
    for _ in 0..header.count {
        seq = seq.next();
        let entry = decode_entry(&mut rest, seq, header.base)?;
        if entries.last().map_or(header.base, |last: &Entry| last.at) > entry.at {
            return Err(CodecError::OutOfRange);
        }
        entries.push(entry);
    }
    if rest.0.is_empty() {
        Ok(Batch {
            previous: header.previous,
            head: header.head,
            entries,
        })
    } else {
        Err(CodecError::Trailing)
    }
}

/// Where a row's batch begins and ends; its hash is verified.
///
/// # Errors
/// As [`decode_batch`].
pub(super) fn decode_heads(bytes: &[u8]) -> Result<(Head, Head), CodecError> {
    decode_header(bytes).map(|header| (header.previous, header.head))
}

struct Header {
    previous: Head,
    head: Head,
    count: usize,
    base: Timestamp,
}

fn decode_header(bytes: &[u8]) -> Result<Header, CodecError> {
    let mut rest = Bytes(bytes);
    let [version] = rest.array()?;
    let own: [u8; 32] = rest.array()?;
    let previous: [u8; 32] = rest.array()?;
    let first = u64::from_le_bytes(rest.array()?);
    let count = u32::from_le_bytes(rest.array()?);
    let base = u64::from_le_bytes(rest.array()?);
    // A later version may hash otherwise, so its number comes first; 0 was never one.
    match version {
        VERSION => {}
        0 => return Err(CodecError::Hash),
        _ => return Err(CodecError::Newer(version)),
    }
    if hash(bytes) != own {
        return Err(CodecError::Hash);
    }
    let last = (first.checked_sub(1)).and_then(|before| before.checked_add(count.into()));
    let (Some(last), false) = (last, count == 0 || base > Timestamp::MAX.micros()) else {
        return Err(CodecError::OutOfRange);
    };
    Ok(Header {
        previous: Head {
            seq: Seq(first - 1),
            hash: previous,
        },
        head: Head {
            seq: Seq(last),
            hash: own,
        },
        count: usize::try_from(count).map_err(|_| CodecError::OutOfRange)?,
        base: Timestamp::from_micros(base),
    })
}

/// The hash over everything but the place where it stands itself.
fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..HASH_AT]);
    hasher.update(&bytes[PREVIOUS_AT..]);
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn encoded() -> (Head, Vec<u8>) {
        let previous = Head {
            seq: Seq(6),
            hash: [7; 32],
        };
        let entries = [samples::bet(7), samples::win(8), samples::record(9)];
        let mut bytes = vec![1, 2, 3];
        let head = encode_batch(previous, &entries, &mut bytes);
        (head, bytes)
    }

    #[test]
    fn a_batch_round_trips_and_bears_both_its_ends() {
        let (head, bytes) = encoded();
        let batch = decode_batch(&bytes).unwrap();
        assert_eq!(batch.head, head);
        assert_eq!(batch.head.seq, Seq(9));
        assert_eq!(batch.previous.seq, Seq(6));
        assert_eq!(
            batch.entries,
            [samples::bet(7), samples::win(8), samples::record(9)]
        );
        assert_eq!(decode_heads(&bytes).unwrap(), (batch.previous, head));
    }

    #[test]
    fn a_batch_is_written_as_it_first_was() {
        let mut bytes = Vec::new();
        let head = encode_batch(Head::EMPTY, &[samples::void(1)], &mut bytes);
        assert_eq!(
            crate::secret::hex_encode(&bytes),
            "01015d53a4b9b4b8352c2e87bae4e07ab770fc93e6cf2bf6eae4e1140de0db6c490000000000000000000000000000000000000000000000000000000000000000010000000000000001000000fa305f018b6006000400f0a20480897a8194ebdc03"
        );
        assert_eq!(bytes[HASH_AT..PREVIOUS_AT], head.hash);
    }

    #[test]
    fn no_bit_of_a_batch_can_flip_unseen() {
        let (_, good) = encoded();
        for place in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[place] ^= 1 << bit;
                assert!(decode_batch(&bytes).is_err(), "byte {place} bit {bit}");
            }
        }
        for len in 0..good.len() {
            assert!(decode_batch(&good[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let (_, mut bytes) = encoded();
        bytes[0] = 2;
        assert_eq!(decode_batch(&bytes), Err(CodecError::Newer(2)));
        bytes[0] = VERSION;
        bytes[HEADER] = 9;
        assert_eq!(decode_batch(&bytes), Err(CodecError::Hash));
        let hash = hash(&bytes);
        bytes[HASH_AT..PREVIOUS_AT].copy_from_slice(&hash);
        assert_eq!(decode_batch(&bytes), Err(CodecError::Newer(9)));
    }

    #[test]
    #[should_panic(expected = "without gaps")]
    fn a_gap_between_entries_is_never_written() {
        encode_batch(Head::EMPTY, &[samples::bet(2)], &mut Vec::new());
    }
}
