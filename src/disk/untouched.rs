//! A redb file that is read and never written.
//!
//! redb writes when it opens a database and when it closes one, whoever asks for nothing but
//! reading. Here such writes stay in memory, over the file, and are forgotten in the end.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;

use parking_lot::RwLock;
use redb::{BackendError, StorageBackend};

use super::File;

const PAGE: u64 = 4096;

/// What redb reads a finished file through. The file is not locked: nobody writes it.
#[derive(Debug)]
pub struct UntouchedBackend {
    file: Box<dyn File>,
    over: RwLock<Over>,
}

/// What was written over the file.
#[derive(Debug)]
struct Over {
    len: u64,
    /// What of the file is still seen; zeros follow.
    file_len: u64,
    pages: BTreeMap<u64, Box<[u8]>>,
}

impl UntouchedBackend {
    /// A backend over an open file.
    ///
    /// # Errors
    /// What the machine says when it is asked for the file's size.
    pub fn new(file: Box<dyn File>) -> io::Result<UntouchedBackend> {
        let len = file.size()?;
        let over = RwLock::new(Over {
            len,
            file_len: len,
            pages: BTreeMap::new(),
        });
        Ok(UntouchedBackend { file, over })
    }

    /// Reads what the file itself still shows at `offset`, and zeros behind it.
    fn read_file(&self, file_len: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = usize::try_from(file_len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (from_file, zeros) = out.split_at_mut(there.min(out.len()));
        zeros.fill(0);
        if from_file.is_empty() {
            return Ok(());
        }
        self.file.read_at(offset, from_file)
    }
}

/// The parts of `len` bytes from `offset` on by pages: page, place in it, place in the bytes,
/// length.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let place = usize::try_from(at % PAGE).expect("less than a page");
        let length = (len - done).min(PAGE as usize - place);
        let part = (at / PAGE, place, done, length);
        done += length;
        (length > 0).then_some(part)
    })
}

impl StorageBackend for UntouchedBackend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.over.read().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let over = self.over.read();
        if offset.saturating_add(out.len() as u64) > over.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_file(over.file_len, offset, out)?;
        for (page, place, done, length) in parts(offset, out.len()) {
            if let Some(bytes) = over.pages.get(&page) {
                out[done..done + length].copy_from_slice(&bytes[place..place + length]);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut over = self.over.write();
        if len < over.len {
            over.file_len = over.file_len.min(len);
            over.pages.split_off(&len.div_ceil(PAGE));
            if let Some(last) = over.pages.get_mut(&(len / PAGE)) {
                let place = usize::try_from(len % PAGE).expect("less than a page");
                last[place..].fill(0);
            }
        }
        over.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut over = self.over.write();
        for (page, place, done, length) in parts(offset, data.len()) {
            if !over.pages.contains_key(&page) {
                let mut bytes = vec![0; PAGE as usize].into_boxed_slice();
                self.read_file(over.file_len, page * PAGE, &mut bytes)?;
                over.pages.insert(page, bytes);
            }
            let bytes = over.pages.get_mut(&page).expect("it was just put there");
            bytes[place..place + length].copy_from_slice(&data[done..done + length]);
        }
        over.len = over.len.max(offset + data.len() as u64);
        Ok(())
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Err(BackendError::Unsupported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, RealDisk};

    #[test]
    fn writes_are_seen_and_the_file_stays_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(directory.path()).unwrap();
        disk.write_new("a", &[1; 5000]).unwrap();
        let backend = UntouchedBackend::new(disk.open("a").unwrap()).unwrap();
        let mut expected = vec![1; 5000];
        let seen = || {
            let mut out = vec![9; usize::try_from(backend.len().unwrap()).unwrap()];
            backend.read(0, &mut out).unwrap();
            out
        };
        assert_eq!(seen(), expected);
        backend.write(4000, &[2; 200]).unwrap();
        expected[4000..4200].fill(2);
        assert_eq!(seen(), expected);
        backend.set_len(4100).unwrap();
        backend.set_len(9000).unwrap();
        expected.truncate(4100);
        expected.resize(9000, 0);
        assert_eq!(seen(), expected);
        backend.write(8990, &[3; 20]).unwrap();
        expected.resize(9010, 0);
        expected[8990..].fill(3);
        assert_eq!(seen(), expected);
        assert!(backend.read(9009, &mut [0; 2]).is_err());
        assert_eq!(disk.read("a", 9999).unwrap(), [1; 5000]);
    }
}
