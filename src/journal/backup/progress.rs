//! How far a backup or a restore has come, and what holds it back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::error::BackupError;
use crate::disk::Disk;

/// What is written and synced at once: the sync of so much holds up a commit by some
/// milliseconds.
pub(super) const PIECE_BYTES: usize = 1024 * 1024;

/// No pause is longer.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// Seen and steered by other threads.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    stopped: AtomicBool,
    /// Whether somebody else is to have half of the machine's time.
    gentle: bool,
    /// Bytes that must stay free where is written.
    leave_free: u64,
}

impl Progress {
    /// Of work that goes as fast as it can, to the last free byte.
    pub fn new() -> Progress {
        Progress::default()
    }

    /// Of work beside a server: after each piece it pauses for as long as the piece took, and it
    /// ends where less than `leave_free` bytes would stay free.
    pub fn gentle(leave_free: u64) -> Progress {
        Progress {
            gentle: true,
            leave_free,
            ..Progress::default()
        }
    }

    /// Bytes done, and how many there are in all as far as is known.
    pub fn bytes(&self) -> (u64, u64) {
        let done = self.done.load(Ordering::Relaxed);
        (done, self.total.load(Ordering::Relaxed).max(done))
    }

    /// Ends the work before its end, after the piece that it is at.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn add_total(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts a piece that was begun then; the others' turn.
    pub(super) fn piece(&self, bytes: usize, begun: Instant) -> Result<(), BackupError> {
        self.done.fetch_add(bytes as u64, Ordering::Relaxed);
        if self.stopped.load(Ordering::Relaxed) {
            return Err(BackupError::Stopped);
        }
        if self.gentle {
            std::thread::sleep(begun.elapsed().min(PAUSE_MAX));
        }
        Ok(())
    }

    /// Whether `bytes` more may be written to a disk.
    pub(super) fn room(&self, disk: &dyn Disk, bytes: usize) -> Result<(), BackupError> {
        let leave = self.leave_free;
        if leave == 0 {
            return Ok(());
        }
        let free = disk.free().map_err(BackupError::disk("the directory"))?;
        if free >= leave.saturating_add(bytes as u64) {
            Ok(())
        } else {
            Err(BackupError::NoRoom { free, leave })
        }
    }
}
