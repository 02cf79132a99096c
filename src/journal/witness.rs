//! The witness: where the journal ended after its last commit, told by another file.
//!
//! redb rolls back to the commit before when the newest one cannot be verified at a start, and a
//! file can be replaced by an older copy. Neither is seen from within the journal; a start that
//! finds the journal behind its witness refuses. The file is written after each commit without a
//! sync, so it holds after a kill, and may be stale after a loss of power: then it proves less,
//! and never says anything false.
//!
//! Two slots of 96 bytes, at 0 and at 4096 of a file of 8192 bytes, written in turn:
//!
//! ```text
//!   0   8  `cofferw` and the version, 1
//!   8  16  the coffer's id
//!  24   8  seq of the last entry, little-endian
//!  32  32  hash of the last batch
//!  64  32  BLAKE3 of the 64 bytes before
//! ```
//!
//! Later versions have their number at the same place, and a hash of the first 64 bytes behind them.
//!
//! A loss of power tears at most what was being written, within one sector and one slot on the
//! disks that are made; that slot is passed over. Where both are unreadable nothing is known: the
//! journal's own checks have to do, and whoever starts it is warned.

use super::{Head, JournalError, StartRefusal};
use crate::bytes::{Bytes, CodecError};
use crate::disk::{Disk, File};
use crate::id::Seq;

/// The file's name.
pub(super) const WITNESS: &str = "witness";

/// The version of the file.
pub(super) const FORMAT: u64 = 1;

const MAGIC: &[u8; 8] = b"cofferw1";
const VERSION_AT: usize = 7;
const SLOT_SIZE: usize = 96;
const SLOTS: [u64; 2] = [0, 4096];
const FILE_SIZE: usize = 8192;

/// The open file.
#[derive(Debug)]
pub(super) struct Witness {
    file: Box<dyn File>,
    id: [u8; 16],
    /// Which slot the next write goes to.
    turn: usize,
}

/// Writes the file of a journal that ends at `head`.
pub(super) fn create(disk: &dyn Disk, id: [u8; 16], head: Head) -> Result<(), JournalError> {
    let mut bytes = vec![0; FILE_SIZE];
    for place in [0, 4096] {
        bytes[place..place + SLOT_SIZE].copy_from_slice(&encode(id, head));
    }
    disk.write_new(WITNESS, &bytes)
        .map_err(JournalError::disk(WITNESS))
}

impl Witness {
    /// Opens the file and tells the newest end that it knows, if it knows any.
    pub(super) fn open(
        disk: &dyn Disk,
        id: [u8; 16],
    ) -> Result<(Witness, Option<Head>), JournalError> {
        let failed = JournalError::disk(WITNESS);
        let file = disk.open(WITNESS).map_err(&failed)?;
        if file.size().map_err(&failed)? < FILE_SIZE as u64 {
            return Err(StartRefusal::Unreadable {
                file: WITNESS.into(),
                why: "is shorter than it was made".into(),
            }
            .into());
        }
        let mut newest: Option<(Head, usize)> = None;
        for (slot, offset) in SLOTS.into_iter().enumerate() {
            let mut bytes = [0; SLOT_SIZE];
            file.read_at(offset, &mut bytes).map_err(&failed)?;
            let Some((owner, head)) = decode(&bytes)? else {
                continue;
            };
            if owner != id {
                return Err(StartRefusal::Foreign {
                    file: WITNESS.into(),
                }
                .into());
            }
            if newest.is_none_or(|(newest, _)| head.seq > newest.seq) {
                newest = Some((head, slot));
            }
        }
        let turn = newest.map_or(0, |(_, slot)| 1 - slot);
        let witness = Witness { file, id, turn };
        Ok((witness, newest.map(|(head, _)| head)))
    }

    /// Notes the journal's end, without a sync.
    pub(super) fn note(&mut self, head: Head) -> Result<(), JournalError> {
        self.file
            .write_at(SLOTS[self.turn], &encode(self.id, head))
            .map_err(JournalError::disk(WITNESS))?;
        self.turn = 1 - self.turn;
        Ok(())
    }

    /// Notes the journal's end in both slots and syncs: at a start, when all was compared.
    pub(super) fn settle(&mut self, head: Head) -> Result<(), JournalError> {
        self.note(head)?;
        self.note(head)?;
        self.file.sync().map_err(JournalError::disk(WITNESS))
    }
}

fn encode(id: [u8; 16], head: Head) -> [u8; SLOT_SIZE] {
    let mut bytes = [0; SLOT_SIZE];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..24].copy_from_slice(&id);
    bytes[24..32].copy_from_slice(&head.seq.0.to_le_bytes());
    bytes[32..64].copy_from_slice(&head.hash);
    let check = blake3::hash(&bytes[..64]);
    bytes[64..].copy_from_slice(check.as_bytes());
    bytes
}

/// Whose slot it is and the end that it tells, unless it is torn.
fn decode(bytes: &[u8; SLOT_SIZE]) -> Result<Option<([u8; 16], Head)>, StartRefusal> {
    let (said, check) = bytes.split_at(64);
    if blake3::hash(said).as_bytes() != check || said[..VERSION_AT] != MAGIC[..VERSION_AT] {
        return Ok(None);
    }
    let version = said[VERSION_AT];
    if version > MAGIC[VERSION_AT] {
        return Err(StartRefusal::Newer {
            file: WITNESS.into(),
            format: u64::from(version - b'0'),
        });
    }
    let mut rest = Bytes(&said[VERSION_AT + 1..]);
    let mut told = || -> Result<_, CodecError> {
        let id = rest.array()?;
        let seq = Seq(u64::from_le_bytes(rest.array()?));
        let hash = rest.array()?;
        Ok((id, Head { seq, hash }))
    };
    Ok(told().ok().filter(|_| version == MAGIC[VERSION_AT]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    fn head(seq: u64) -> Head {
        Head {
            seq: Seq(seq),
            hash: [seq as u8; 32],
        }
    }

    #[test]
    fn the_newest_slot_counts_and_a_torn_one_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(directory.path()).unwrap();
        create(&disk, [1; 16], Head::EMPTY).unwrap();
        let newest = || Witness::open(&disk, [1; 16]).unwrap().1;
        assert_eq!(newest(), Some(Head::EMPTY));
        let (mut witness, _) = Witness::open(&disk, [1; 16]).unwrap();
        for seq in 1..=5 {
            witness.note(head(seq)).unwrap();
            assert_eq!(newest(), Some(head(seq)));
        }
        // A write that tears hits the older of the two.
        let (witness, _) = Witness::open(&disk, [1; 16]).unwrap();
        let torn = SLOTS[witness.turn];
        witness.file.write_at(torn + 24, &[9; 10]).unwrap();
        assert_eq!(newest(), Some(head(5)));
        witness.file.write_at(4096 - torn + 95, &[9]).unwrap();
        assert_eq!(newest(), None);
    }

    #[test]
    fn anothers_witness_and_a_shortened_one_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(directory.path()).unwrap();
        create(&disk, [1; 16], Head::EMPTY).unwrap();
        let refused = |id| Witness::open(&disk, id).unwrap_err().to_string();
        assert!(refused([2; 16]).contains("witness belongs to another coffer"));
        disk.open(WITNESS).unwrap().set_len(8191).unwrap();
        assert!(refused([1; 16]).contains("witness is shorter"));
    }
}
