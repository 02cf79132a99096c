//! A redb file on a [`File`] of ours.

use std::io;
use std::ops::Bound;

use redb::{BackendError, StorageBackend};

use super::File;

/// What redb reads and writes through.
///
/// It locks the file as a whole and no part of it, which is the second of the levels that
/// redb's `StorageBackend` allows: enough for one process that reads and writes.
#[derive(Debug)]
pub struct RedbBackend(Box<dyn File>);

impl RedbBackend {
    /// A backend on an open file.
    ///
    /// Beware: redb makes a new database of an empty file without a word. Whoever opens a file
    /// that should hold something looks at its size first.
    pub fn new(file: Box<dyn File>) -> RedbBackend {
        RedbBackend(file)
    }
}

fn is_whole(start: Bound<u64>, end: Bound<u64>) -> bool {
    matches!(start, Bound::Unbounded | Bound::Included(0)) && end == Bound::Unbounded
}

impl StorageBackend for RedbBackend {
    fn len(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.unlock()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        if is_whole(start, end) {
            Ok(self.0.try_lock()?)
        } else {
            Err(BackendError::Unsupported)
        }
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        if is_whole(start, end) {
            Ok(self.0.unlock()?)
        } else {
            Err(BackendError::Unsupported)
        }
    }
}
