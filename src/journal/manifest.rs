//! `manifest.json`: whose data directory this is and what must lie in it.
//!
//! Written last in the first start, and again only to name a further file: where it stands, the
//! first start was completed, and each file that it names is there or has been lost.
//!
//! ```json
//! {"format":1,"id":"00112233445566778899aabbccddeeff","created_at":"2026-11-21T03:23:23.000000Z",
//!  "secret_key":"0011223344556677","files":["journal.redb","witness"]}
//! ```
//!
//! `format` is that of the whole directory: a version that does not know it starts nothing.
//! `secret_key` is the fingerprint of the key that seals the partners' secrets.

use serde::{Deserialize, Serialize};

use super::log::JOURNAL;
use super::witness::WITNESS;
use super::{JournalError, StartRefusal};
use crate::disk::Disk;
use crate::secret::{hex_decode, hex_encode};
use crate::time::Timestamp;

/// The file's name.
pub const MANIFEST: &str = "manifest.json";

pub(super) const FORMAT: u64 = 1;
const LEN_MAX: usize = 64 * 1024;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) id: [u8; 16],
    pub(super) created_at: Timestamp,
    pub(super) secret_key: String,
    pub(super) files: Vec<String>,
}

#[derive(Deserialize)]
struct Format {
    format: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    format: u64,
    id: String,
    created_at: String,
    secret_key: String,
    files: Vec<String>,
}

impl Manifest {
    /// What a coffer's manifest says whose files are all there.
    pub(super) fn new(id: [u8; 16], created_at: Timestamp, secret_key: String) -> Manifest {
        Manifest {
            id,
            created_at,
            secret_key,
            files: vec![JOURNAL.into(), WITNESS.into()],
        }
    }

    pub(super) fn write(&self, disk: &dyn Disk) -> Result<(), JournalError> {
        disk.write_new(MANIFEST, &self.encode())
            .map_err(JournalError::disk(MANIFEST))
    }

    /// Writes it in place of the one that is there.
    pub(super) fn replace(&self, disk: &dyn Disk) -> Result<(), JournalError> {
        disk.replace(MANIFEST, &self.encode())
            .map_err(JournalError::disk(MANIFEST))
    }

    fn encode(&self) -> Vec<u8> {
        let text = Text {
            format: FORMAT,
            id: hex_encode(&self.id),
            created_at: self.created_at.to_string(),
            secret_key: self.secret_key.clone(),
            files: self.files.clone(),
        };
        let mut bytes = serde_json::to_vec(&text).expect("a manifest is plain text");
        bytes.push(b'\n');
        bytes
    }

    pub(super) fn read(disk: &dyn Disk) -> Result<Manifest, JournalError> {
        let bytes = disk
            .read(MANIFEST, LEN_MAX)
            .map_err(JournalError::disk(MANIFEST))?;
        if bytes.is_empty() {
            return Err(StartRefusal::Missing {
                file: MANIFEST.into(),
                emptied: true,
            }
            .into());
        }
        let wrong = || StartRefusal::Unreadable {
            file: MANIFEST.into(),
            why: "is not what was once written".into(),
        };
        // The number first: what a later version says besides may have any shape.
        let Format { format } = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
        if format > FORMAT {
            return Err(StartRefusal::Newer {
                file: MANIFEST.into(),
                format,
            }
            .into());
        }
        let text: Text = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
        let id = hex_decode(&text.id).and_then(|id| id.try_into().ok());
        Ok(Manifest {
            id: id.ok_or_else(wrong)?,
            created_at: text.created_at.parse().map_err(|_| wrong())?,
            secret_key: text.secret_key,
            files: text.files,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn a_manifest_round_trips_and_others_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(directory.path()).unwrap();
        let manifest = Manifest {
            id: *b"0123456789abcdef",
            created_at: "2026-11-21T03:23:23Z".parse().unwrap(),
            secret_key: "0011223344556677".into(),
            files: vec!["journal.redb".into(), "witness".into()],
        };
        manifest.write(&disk).unwrap();
        assert_eq!(Manifest::read(&disk).unwrap(), manifest);
        let good = String::from_utf8(disk.read(MANIFEST, LEN_MAX).unwrap()).unwrap();
        assert_eq!(
            good,
            "{\"format\":1,\"id\":\"30313233343536373839616263646566\",\
             \"created_at\":\"2026-11-21T03:23:23.000000Z\",\
             \"secret_key\":\"0011223344556677\",\"files\":[\"journal.redb\",\"witness\"]}\n"
        );
        for (text, expected) in [
            (String::new(), "manifest.json is empty"),
            (good[..60].into(), "manifest.json is not what"),
            (good.replace("3031", "30"), "manifest.json is not what"),
            (good.replace("files", "fools"), "manifest.json is not what"),
            (
                "{\"format\":2,\"all\":\"new\"}".into(),
                "manifest.json has format 2",
            ),
        ] {
            disk.remove(MANIFEST).unwrap();
            disk.write_new(MANIFEST, text.as_bytes()).unwrap();
            let refused = Manifest::read(&disk).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        }
    }
}
