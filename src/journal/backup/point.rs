//! What the small files of a backup directory say, each with a hash of its own words.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::error::BackupError;
use crate::disk::Disk;
use crate::id::{Seq, as_text, parse_from};
use crate::journal::{Head, segment};
use crate::secret::{hex_decode, hex_encode};
use crate::time::Timestamp;

pub(in crate::journal) const FORMAT: u64 = 1;

/// A point names one file for each segment: a year of them is some tens of thousands.
const LEN_MAX: usize = 64 * 1024 * 1024;

/// Whose backups lie in a directory: what its coffer's manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Owner {
    pub(super) format: u64,
    #[serde(with = "hex")]
    pub(super) id: [u8; 16],
    #[serde(serialize_with = "as_text", deserialize_with = "parse_from")]
    pub(super) created_at: Timestamp,
    /// The fingerprint of the secret key.
    pub(super) secret_key: String,
}

/// One backup: everything up to an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Point {
    pub(super) format: u64,
    #[serde(with = "hex")]
    pub(super) id: [u8; 16],
    #[serde(serialize_with = "as_text", deserialize_with = "parse_from")]
    pub(super) made_at: Timestamp,
    /// Sealed segments, from the first entry on.
    pub(super) segments: Vec<Part>,
    /// What came after them.
    pub(super) tail: Option<Part>,
}

/// One file of entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    pub(super) first: u64,
    pub(super) last: u64,
    /// The chain's hash at the last entry.
    #[serde(with = "hex")]
    pub(super) hash: [u8; 32],
    /// When the last entry was made.
    #[serde(serialize_with = "as_text", deserialize_with = "parse_from")]
    pub(super) at: Timestamp,
    /// The file's length.
    pub(super) bytes: u64,
    /// BLAKE3 of all its bytes.
    #[serde(with = "hex")]
    pub(super) check: [u8; 32],
}

/// What a part is, and so where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A copy of a sealed segment of history.
    Segment,
    /// Batches one after the other, each behind its length.
    Tail,
}

impl Part {
    pub(super) fn head(&self) -> Head {
        Head {
            seq: Seq(self.last),
            hash: self.hash,
        }
    }

    /// The name within its directory.
    pub(super) fn name(&self, kind: Kind) -> String {
        match kind {
            Kind::Segment => segment::name(Seq(self.first)),
            Kind::Tail => tail_name(Seq(self.first), Seq(self.last)),
        }
    }
}

/// The name of a tail within its directory.
pub(super) fn tail_name(first: Seq, last: Seq) -> String {
    format!("{:020}-{:020}.batches", first.0, last.0)
}

impl Kind {
    /// Whether such a part could have the name, whole or not.
    pub(super) fn is_ours(self, name: &str) -> bool {
        let name = name.strip_suffix(".new").unwrap_or(name);
        match self {
            Kind::Segment => segment::first_of(name).is_some(),
            Kind::Tail => name.ends_with(".batches"),
        }
    }

    /// The directory that such parts lie in.
    pub(super) fn directory(self) -> &'static str {
        match self {
            Kind::Segment => "history",
            Kind::Tail => "tails",
        }
    }

    /// A part's file as messages name it.
    pub(super) fn path(self, name: &str) -> String {
        format!("{}/{name}", self.directory())
    }
}

impl Point {
    /// Its files, in the order of what they hold.
    pub(super) fn parts(&self) -> impl DoubleEndedIterator<Item = (Kind, &Part)> {
        let segments = self.segments.iter().map(|part| (Kind::Segment, part));
        segments.chain(self.tail.iter().map(|part| (Kind::Tail, part)))
    }

    /// The last entry, and the chain's hash there.
    pub(super) fn head(&self) -> Head {
        let last = self.parts().next_back();
        last.map_or(Head::EMPTY, |(_, part)| part.head())
    }

    /// The name within its directory: in order of the entries.
    pub(super) fn name(&self) -> String {
        let time = self.made_at.to_string().replace(['-', ':'], "");
        format!("{:020}-{time}.json", self.head().seq.0)
    }

    /// Whether its parts follow upon each other from the first entry on.
    pub(super) fn is_whole(&self) -> bool {
        let mut next = Seq::NONE.next().0;
        self.parts().all(|(_, part)| {
            let follows = part.first == next && part.last >= part.first && part.last < u64::MAX;
            next = part.last.saturating_add(1);
            follows
        })
    }
}

/// What was said, and its hash.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checked<T> {
    said: T,
    check: String,
}

fn check_of(said: &impl Serialize) -> String {
    let bytes = serde_json::to_vec(said).expect("it is made of texts and numbers");
    hex_encode(blake3::hash(&bytes).as_bytes())
}

/// Writes a small file that must not exist yet.
pub(super) fn write(
    disk: &dyn Disk,
    name: &str,
    path: &str,
    said: &impl Serialize,
) -> Result<(), BackupError> {
    let check = check_of(said);
    let mut bytes = serde_json::to_vec(&Checked { said, check }).expect("it is made of texts");
    bytes.push(b'\n');
    disk.write_new(name, &bytes)
        .map_err(BackupError::disk(path))
}

/// Reads a file that [`write`] wrote.
pub(super) fn read<T: Serialize + DeserializeOwned>(
    disk: &dyn Disk,
    name: &str,
    path: &str,
) -> Result<T, BackupError> {
    let bytes = disk.read(name, LEN_MAX).map_err(BackupError::disk(path))?;
    let wrong = || BackupError::damaged(path, "is not what was once written");
    // The number first: what a later version says besides may have any shape.
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    if let Some(format) = value["said"]["format"]
        .as_u64()
        .filter(|&found| found > FORMAT)
    {
        let file = path.to_owned();
        return Err(BackupError::Newer { file, format });
    }
    let Checked::<T> { said, check } = serde_json::from_value(value).map_err(|_| wrong())?;
    if check == check_of(&said) {
        Ok(said)
    } else {
        Err(wrong())
    }
}

/// Bytes as hex digits.
mod hex {
    use super::{Deserializer, FromStr, Serializer, hex_decode, hex_encode, parse_from};

    struct Bytes<const N: usize>([u8; N]);

    impl<const N: usize> FromStr for Bytes<N> {
        type Err = String;

        fn from_str(text: &str) -> Result<Bytes<N>, String> {
            let bytes = hex_decode(text).and_then(|bytes| bytes.try_into().ok());
            let wrong = || format!("must be {N} bytes in hex digits");
            bytes.map(Bytes).ok_or_else(wrong)
        }
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex_encode(bytes))
    }

    pub(super) fn deserialize<'de, const N: usize, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        parse_from(deserializer).map(|Bytes(bytes)| bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    fn point() -> Point {
        let part = |first, last| Part {
            first,
            last,
            hash: [7; 32],
            at: "2026-11-21T03:23:23.5Z".parse().unwrap(),
            bytes: 3,
            check: [8; 32],
        };
        Point {
            format: FORMAT,
            id: [1; 16],
            made_at: "2026-11-21T03:23:24Z".parse().unwrap(),
            segments: vec![part(1, 9), part(10, 20)],
            tail: Some(part(21, 25)),
        }
    }

    #[test]
    fn a_point_is_named_by_its_last_entry_and_its_time_and_reads_back() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(directory.path()).unwrap();
        let point = point();
        let name = point.name();
        assert_eq!(name, "00000000000000000025-20261121T032324.000000Z.json");
        write(&disk, &name, &name, &point).unwrap();
        assert_eq!(read::<Point>(&disk, &name, &name).unwrap(), point);
        assert!(point.is_whole());
        let mut gap = point;
        gap.segments.pop();
        assert!(!gap.is_whole());
    }

    #[test]
    fn no_byte_of_a_point_changes_unseen() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(directory.path()).unwrap();
        write(&disk, "p", "points/p", &point()).unwrap();
        let good = disk.read("p", LEN_MAX).unwrap();
        for place in 0..good.len() {
            let mut bytes = good.clone();
            bytes[place] ^= 1;
            disk.remove("p").unwrap();
            disk.write_new("p", &bytes).unwrap();
            match read::<Point>(&disk, "p", "points/p") {
                Err(error) => assert!(error.to_string().starts_with("points/p "), "{error}"),
                // A line end that has become another kind of space says the same.
                Ok(read) => assert_eq!((read, place), (point(), good.len() - 1)),
            }
        }
    }
}
