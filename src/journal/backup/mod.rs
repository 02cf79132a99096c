//! Backups of a journal, and data directories made of them.
//!
//! ```text
//! backup.json                       whose backups these are; written first
//! points/{last entry}-{time}.json   one backup: the files that it consists of; written last
//! history/{first entry}.redb        sealed segments, byte by byte; copied once, for all points
//! tails/{first}-{last}.batches      what lay behind the sealed segments then: each batch as it
//!                                   is in the journal, behind its length, u32, little-endian
//! attachments/{hash}                the files that entries name, each copied once
//! lock                              taken by whoever writes here
//! ```
//!
//! A backup is complete when its point stands: written after all its files were synced, read back
//! from the disk and their chain followed. What no point names is what an interrupted backup left,
//! and goes with the next one. Each point names every one of its files with its length and the hash
//! of its bytes, so that a restore reads nothing that is not as it was written.
//!
//! Attachments are no part of a point: an entry that names one names it for ever, and later points
//! hold the entries of the earlier ones. Their names tell what they should hold.
//!
//! Balances and everything else follow from the entries. `secret.key` and `admin.key` are never
//! part of a backup: whoever finds one must not be able to use the secrets in it.

mod attached;
mod error;
mod files;
mod folder;
mod jobs;
mod make;
mod point;
mod progress;
mod reading;
mod restore;

pub use error::BackupError;
pub use jobs::{Backups, Busy, Job, Outcome, Status};
pub use make::{Done, back_up};
pub(super) use point::FORMAT;
pub use progress::Progress;
pub use restore::{Backup, Restored, Until};
