//! Files that belong to documents: pictures of payments, in `{data}/attachments`, each under its
//! hash (design.md, Entry).
//!
//! A file is on the disk before the entry that names it. One that no entry came to name is removed
//! again, unless the process ends before: then it lies there and is nobody's.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::Disk;

/// The directory, within that of the data.
const DIRECTORY: &str = "attachments";

/// Where they lie.
pub struct Attachments {
    data: Arc<dyn Disk>,
    /// Held by whoever writes: nobody else takes or leaves the same file meanwhile.
    writing: Mutex<()>,
}

impl Attachments {
    /// Within the data directory `data`; nothing is made before there is something to keep.
    pub fn new(data: Arc<dyn Disk>) -> Attachments {
        let writing = Mutex::default();
        Attachments { data, writing }
    }

    /// Keeps a file durably and hands its hash to `name`, which says whether an entry names it now.
    ///
    /// # Errors
    /// What the machine says: then `name` was not asked, or a file lies there for nothing.
    pub(super) fn keep<T>(
        &self,
        bytes: &[u8],
        name: impl FnOnce(String) -> (T, bool),
    ) -> io::Result<T> {
        let _writing = self.writing.lock();
        let directory = self.data.directory(DIRECTORY)?;
        self.data.sync_directory()?;
        let hash = blake3::hash(bytes).to_hex().to_string();
        let is_new = !directory.exists(&hash)?;
        if is_new {
            directory.replace(&hash, bytes)?;
        }
        let (named, is_named) = name(hash.clone());
        if is_new && !is_named {
            directory.remove(&hash)?;
            directory.sync_directory()?;
        }
        Ok(named)
    }

    /// A file that an entry names.
    ///
    /// # Errors
    /// What the machine says; `InvalidData` where it is not what was kept, or longer than
    /// `len_max`.
    pub(super) fn read(&self, hash: &str, len_max: usize) -> io::Result<Vec<u8>> {
        let bytes = self.data.directory(DIRECTORY)?.read(hash, len_max)?;
        if blake3::hash(&bytes).to_hex().as_str() != hash {
            let damaged = "is not what was kept under its name";
            return Err(io::Error::new(io::ErrorKind::InvalidData, damaged));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::disk::SimDisk;

    #[test]
    fn a_file_stays_if_something_names_it_and_is_checked_when_it_is_read() {
        let disk = SimDisk::new();
        let attachments = Attachments::new(Arc::new(disk.clone()));
        let keep = |bytes: &[u8], is_named| attachments.keep(bytes, |hash| (hash, is_named));
        let kept = keep(b"%PDF-1", true).unwrap();
        assert_eq!(attachments.read(&kept, 9).unwrap(), b"%PDF-1");
        let gone = keep(b"%PDF-2", false).unwrap();
        assert!(attachments.read(&gone, 9).is_err());
        // What another entry names stays, whatever comes of this one.
        keep(b"%PDF-1", false).unwrap();
        assert!(attachments.read(&kept, 9).is_ok());
        let directory = disk.directory(DIRECTORY).unwrap();
        directory.open(&kept).unwrap().write_at(0, b"x").unwrap();
        let fault = attachments.read(&kept, 9).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::InvalidData);
    }
}
