//! A redb file on a [`File`] of ours.

use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{BackendError, StorageBackend};

use super::{Before, File};

/// What redb reads and writes through.
///
/// It locks the file as a whole and no part of it, which is the second of the levels that
/// redb's `StorageBackend` allows: enough for one process that reads and writes.
#[derive(Debug)]
pub struct RedbBackend {
    file: Box<dyn File>,
    failed: Failed,
    before: Arc<Before>,
}

/// Whether anything that was asked of the file has failed. redb says so to whoever commits, and
/// to nobody where it fails as the database is closed.
#[derive(Clone, Debug, Default)]
pub struct Failed(Arc<AtomicBool>);

impl Failed {
    /// Whether it has.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn note<T>(&self, done: io::Result<T>) -> io::Result<T> {
        if done.is_err() {
            self.0.store(true, Ordering::Release);
        }
        done
    }
}

impl RedbBackend {
    /// A backend on an open file.
    ///
    /// Beware: redb makes a new database of an empty file without a word. Whoever opens a file
    /// that should hold something looks at its size first.
    pub fn new(file: Box<dyn File>) -> RedbBackend {
        RedbBackend {
            file,
            failed: Failed::default(),
            before: Arc::default(),
        }
    }

    /// Tells of failures, also when the database is closed.
    pub fn failed(&self) -> Failed {
        self.failed.clone()
    }

    /// Keeps what is overwritten, for whoever reads the file as it was.
    pub fn before(&self) -> Arc<Before> {
        Arc::clone(&self.before)
    }
}

fn is_whole(start: Bound<u64>, end: Bound<u64>) -> bool {
    matches!(start, Bound::Unbounded | Bound::Included(0)) && end == Bound::Unbounded
}

impl StorageBackend for RedbBackend {
    fn len(&self) -> io::Result<u64> {
        self.failed.note(self.file.size())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.failed.note(self.file.read_at(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        // All that may be cut off.
        self.before.keep(&*self.file, len, u64::MAX - len);
        self.failed.note(self.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.failed.note(self.file.sync())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.before.keep(&*self.file, offset, data.len() as u64);
        self.failed.note(self.file.write_at(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.file.unlock()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        if is_whole(start, end) {
            Ok(self.file.try_lock()?)
        } else {
            Err(BackendError::Unsupported)
        }
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        if is_whole(start, end) {
            Ok(self.file.unlock()?)
        } else {
            Err(BackendError::Unsupported)
        }
    }
}
