//! How a file was at one moment, while somebody goes on writing it.
//!
//! What is about to be overwritten is kept in memory first. Whoever reads sees that over the file,
//! and so the file as it was, however long it takes; where more would be kept than there is room
//! for, the reader is given up, and never the writer held back.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::File;

const PAGE: u64 = 4096;

/// What of one file was overwritten since the moment that somebody reads.
#[derive(Debug, Default)]
pub struct Before(Mutex<Kept>);

#[derive(Debug, Default)]
enum Kept {
    /// Nobody reads.
    #[default]
    Nothing,
    Pages {
        /// How long the file was.
        len: u64,
        /// Nothing for a page of zeros, of which files have many that were lengthened.
        pages: BTreeMap<u64, Option<Box<[u8]>>>,
        /// So many more pages that are no zeros may be kept.
        room: u64,
    },
    /// More was overwritten than there was room for.
    GivenUp,
}

/// Bytes of the page at `number` in a file of `len`.
fn page_len(number: u64, len: u64) -> usize {
    let rest = len.saturating_sub(number * PAGE).min(PAGE);
    usize::try_from(rest).expect("at most a page")
}

impl Before {
    /// Keeps what of `bytes` bytes from `offset` on is not kept yet. They are about to be written.
    pub(super) fn keep(&self, file: &dyn File, offset: u64, bytes: u64) {
        let mut kept = self.0.lock();
        if kept.add(file, offset, bytes).is_none() {
            *kept = Kept::GivenUp;
        }
    }

    /// Keeps nothing any more, and forgets what was kept.
    pub fn forget(&self) {
        *self.0.lock() = Kept::Nothing;
    }

    /// Puts what was overwritten since over what was read from the file.
    ///
    /// # Errors
    /// `Interrupted` where it was given up.
    fn restore(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let kept = self.0.lock();
        let Kept::Pages { pages, .. } = &*kept else {
            return Err(io::ErrorKind::Interrupted.into());
        };
        let end = offset + out.len() as u64;
        for (number, page) in pages.range(offset / PAGE..end.div_ceil(PAGE)) {
            let start = number * PAGE;
            let (from, to) = (start.max(offset), end.min(start + PAGE));
            let place = |at: u64, base: u64| usize::try_from(at - base).expect("within a buffer");
            let out = &mut out[place(from, offset)..place(to, offset)];
            match page {
                Some(page) => out.copy_from_slice(&page[place(from, start)..place(to, start)]),
                None => out.fill(0),
            }
        }
        Ok(())
    }
}

impl Kept {
    /// `None` where there is no room, or the file cannot be read.
    fn add(&mut self, file: &dyn File, offset: u64, bytes: u64) -> Option<()> {
        let Kept::Pages { len, pages, room } = self else {
            return Some(());
        };
        let end = offset.saturating_add(bytes).min(*len);
        for number in offset / PAGE..end.div_ceil(PAGE) {
            if pages.contains_key(&number) {
                continue;
            }
            let mut page = vec![0; page_len(number, *len)].into_boxed_slice();
            file.read_at(number * PAGE, &mut page).ok()?;
            let is_zeros = page.iter().all(|byte| *byte == 0);
            if !is_zeros {
                *room = room.checked_sub(1)?;
            }
            pages.insert(number, (!is_zeros).then_some(page));
        }
        Some(())
    }
}

/// A file as it was when this was made, to be read until [`Before::forget`]. One at a time for each
/// [`Before`].
#[derive(Debug)]
pub struct AsItWas {
    file: Box<dyn File>,
    len: u64,
    before: Arc<Before>,
}

impl AsItWas {
    /// The file as it is now. Nobody writes it until this returns; whoever writes it then asks
    /// `before` to keep what is overwritten, `bytes_max` bytes at most.
    ///
    /// # Errors
    /// What the machine says when it is asked for the file's size.
    pub fn new(file: Box<dyn File>, before: Arc<Before>, bytes_max: u64) -> io::Result<AsItWas> {
        let len = file.size()?;
        *before.0.lock() = Kept::Pages {
            len,
            pages: BTreeMap::new(),
            room: bytes_max / PAGE,
        };
        Ok(AsItWas { file, len, before })
    }
}

fn is_read_only<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl File for AsItWas {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len)
    }

    /// Fails with `Interrupted` where the moment was given up.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset.saturating_add(out.len() as u64) > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // The file first: what is written meanwhile is kept before it is written.
        loop {
            let there = self.file.size()?.saturating_sub(offset);
            let there = usize::try_from(there).unwrap_or(usize::MAX).min(out.len());
            match self.file.read_at(offset, &mut out[..there]) {
                // It became shorter between the two; what was cut off is kept.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                read => break read?,
            }
        }
        self.before.restore(offset, out)
    }

    fn write_at(&self, _: u64, _: &[u8]) -> io::Result<()> {
        is_read_only()
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        is_read_only()
    }

    fn allocate(&self, _: u64) -> io::Result<()> {
        is_read_only()
    }

    fn sync(&self) -> io::Result<()> {
        is_read_only()
    }

    fn distrust_cache(&self) -> io::Result<()> {
        self.file.distrust_cache()
    }

    fn distrust_first_page(&self) -> io::Result<()> {
        self.file.distrust_first_page()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, RedbBackend};
    use crate::sim::disk::SimDisk;
    use redb::StorageBackend;

    /// A file of three pages and a bit, and what is written through.
    fn file(disk: &SimDisk) -> (RedbBackend, Vec<u8>) {
        let bytes: Vec<u8> = (0..3 * PAGE + 100).map(|at| (at % 251) as u8).collect();
        disk.write_new("a", &bytes).unwrap();
        (RedbBackend::new(disk.open("a").unwrap()), bytes)
    }

    fn as_it_was(disk: &SimDisk, written: &RedbBackend, pages_max: u64) -> AsItWas {
        AsItWas::new(disk.open("a").unwrap(), written.before(), pages_max * PAGE).unwrap()
    }

    fn seen(file: &AsItWas) -> Vec<u8> {
        let mut out = vec![9; usize::try_from(file.size().unwrap()).unwrap()];
        file.read_at(0, &mut out).unwrap();
        out
    }

    #[test]
    fn a_file_is_seen_as_it_was_whatever_is_written_cut_off_and_added() {
        let disk = SimDisk::new();
        let (written, bytes) = file(&disk);
        written.write(0, &[0; 7]).unwrap();
        written.set_len(5 * PAGE).unwrap();
        let mut expected = bytes;
        expected[..7].fill(0);
        expected.resize(5 * PAGE as usize, 0);
        let was = as_it_was(&disk, &written, 4);
        assert!(seen(&was) == expected);
        written.write(PAGE - 3, &[1; 6]).unwrap();
        assert!(seen(&was) == expected);
        written.write(PAGE - 1, &[2; 9]).unwrap();
        written.set_len(PAGE + 5).unwrap();
        assert!(seen(&was) == expected);
        written.write(3 * PAGE, &[3; 2 * PAGE as usize]).unwrap();
        assert!(seen(&was) == expected);
        let mut out = [0; 40];
        was.read_at(3 * PAGE + 50, &mut out).unwrap();
        assert_eq!(out, expected[3 * PAGE as usize + 50..][..40]);
        assert!(was.read_at(5 * PAGE - 10, &mut [0; 11]).is_err());
        written.before().forget();
        assert!(was.read_at(0, &mut out).is_err());
        let now = as_it_was(&disk, &written, 4);
        assert_eq!(now.size().unwrap(), 5 * PAGE);
        assert_eq!(seen(&now)[3 * PAGE as usize..], [3; 2 * PAGE as usize]);
    }

    #[test]
    fn where_there_is_no_room_the_reader_is_given_up_and_not_the_writer() {
        let disk = SimDisk::new();
        let (written, _) = file(&disk);
        let was = as_it_was(&disk, &written, 2);
        written.write(0, &[1; 8]).unwrap();
        written.write(4 * PAGE, &[1; 8]).unwrap();
        written.write(2 * PAGE, &[1; 8]).unwrap();
        assert!(was.read_at(0, &mut [0; 8]).is_ok());
        written.write(PAGE, &[1; 8]).unwrap();
        let error = was.read_at(0, &mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        let mut out = [0; 8];
        written.read(PAGE, &mut out).unwrap();
        assert_eq!(out, [1; 8]);
    }
}
