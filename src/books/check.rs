//! Whether every page of the file is as it was written.
//!
//! redb keeps a checksum of each page in the page above it and looks at none of them when it
//! reads. A row that has rotted is known by its own checksum; that a row is missing is known by
//! nothing but the pages. So they are all looked at: before anything is served where the file is
//! small, and otherwise behind the start, as they were at one moment between two commits.

use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{BackendError, Builder, Database, StorageBackend};

use super::{BOOKS, Books, BooksError};
use crate::disk::{AsItWas, Disk, UntouchedBackend, caught};

/// Files up to this size are looked at by a start: half a second's reading where the disk is the
/// machine's own.
const AT_START_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What may be overwritten while a look goes on: more, and it is broken off. It is kept in memory
/// until then.
const OVERWRITTEN_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Every page is read once or twice, and few again.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// The name that damaged books get.
pub(super) const SET_ASIDE: &str = "books.redb.damaged";

/// Lets redb read books that may have rotted: its panics are errors.
///
/// # Errors
/// What was read, or [`BooksError::Stopped`].
pub fn sound<T>(read: impl FnOnce() -> Result<T, BooksError>) -> Result<T, BooksError> {
    caught(read).unwrap_or_else(|why| Err(BooksError::Stopped(why)))
}

/// redb's own look at every page of a file that nobody else uses.
pub(super) fn pages(database: &mut Database) -> Result<(), BooksError> {
    match database.check_integrity() {
        Ok(true) => Ok(()),
        Ok(false) => Err(BooksError::Unreadable(
            "does not pass the database's own check",
        )),
        Err(error) => Err(error.into()),
    }
}

/// Refuses small books of which a page is not as it was written, before they are opened to be
/// written. The file stays as it is.
pub(super) fn at_start(disk: &dyn Disk, id: [u8; 16], size: u64) -> Result<(), BooksError> {
    if size > AT_START_BYTES_MAX {
        return Ok(());
    }
    sound(|| {
        let file = disk.open(BOOKS).map_err(BooksError::Disk)?;
        Books::untouched(file, id)?.check()
    })
}

/// Gives books that were found damaged another name, so that no start serves from them. Whoever
/// has them open is latched.
///
/// # Errors
/// [`BooksError::Disk`].
pub fn set_aside_damaged(disk: &dyn Disk) -> Result<(), BooksError> {
    disk.rename(BOOKS, SET_ASIDE)
        .and_then(|()| disk.sync_directory())
        .map_err(BooksError::Disk)
}

/// What a look at all pages came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// Every page is as it was written.
    Whole,
    /// It was broken off: too much was written meanwhile, or nobody wanted to know any more.
    BrokenOff,
}

impl Books {
    /// Looks at every page as it lies on the disk between two commits, through a database of its
    /// own, so that nobody's reading is touched by a page over which redb stops. `read` hears of
    /// the bytes of each reading, may take its time, and says whether to go on. Flushes go on
    /// meanwhile.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn look(
        &self,
        disk: &dyn Disk,
        read: impl Fn(u64) -> bool + Send + Sync + 'static,
    ) -> Result<Looked, BooksError> {
        let file = disk.open(BOOKS).map_err(BooksError::Disk)?;
        let between_commits = self.writing.lock();
        let file = AsItWas::new(file, Arc::clone(&self.before), OVERWRITTEN_BYTES_MAX)
            .map_err(BooksError::Disk)?;
        drop(between_commits);
        let broken_off = Arc::new(AtomicBool::new(false));
        let backend = LookedThrough {
            file: UntouchedBackend::new(Box::new(file)).map_err(BooksError::Disk)?,
            read: Box::new(read),
            broken_off: Arc::clone(&broken_off),
        };
        let looked = sound(|| {
            let mut database = Builder::new()
                .set_cache_size(CACHE_BYTES)
                .create_with_backend(backend)?;
            pages(&mut database)
        });
        // Whatever became of the database that looked.
        self.before.forget();
        if broken_off.load(Ordering::Acquire) {
            return Ok(Looked::BrokenOff);
        }
        looked.map(|()| Looked::Whole)
    }
}

/// A file that is read as long as somebody wants it.
struct LookedThrough {
    file: UntouchedBackend,
    read: Box<dyn Fn(u64) -> bool + Send + Sync>,
    broken_off: Arc<AtomicBool>,
}

impl std::fmt::Debug for LookedThrough {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.file.fmt(f)
    }
}

impl StorageBackend for LookedThrough {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if !(self.read)(out.len() as u64) {
            self.broken_off.store(true, Ordering::Release);
            return Err(io::ErrorKind::Interrupted.into());
        }
        let done = self.file.read(offset, out);
        if matches!(&done, Err(error) if error.kind() == io::ErrorKind::Interrupted) {
            self.broken_off.store(true, Ordering::Release);
        }
        done
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::super::{Applied, Closing, create};
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::id::{AccountNumber, IdSpaceNumber, Seq};
    use crate::sim::disk::SimDisk;

    const PAGE: usize = 4096;

    fn books() -> (SimDisk, Books) {
        let disk = SimDisk::new();
        create(&disk, [7; 16]).unwrap();
        let books = Books::open(&disk, [7; 16]).unwrap();
        (disk, books)
    }

    /// Writes one slice of the flush up to `seq`, the last one where `closes`.
    fn slice(books: &Books, seq: u64, closes: bool) {
        let applied = Applied {
            seq: Seq(seq),
            ..Applied::NOTHING
        };
        let places: Vec<_> = (1..400)
            .map(|number| crate::books::AccountPlace {
                home: AccountNumber(number),
                partner: crate::id::PartnerNumber(1),
                currency: "USD".parse().unwrap(),
                id_space: IdSpaceNumber(1),
            })
            .collect();
        let rows: Vec<_> = places.iter().map(|place| (place.home, place)).collect();
        let mut slice = books.begin().unwrap();
        slice.mark(&applied).unwrap();
        slice.accounts(&rows).unwrap();
        if closes {
            let closing = Closing {
                applied,
                sums: Vec::new(),
                days: Vec::new(),
                partners: Vec::new(),
            };
            slice.close(&closing).unwrap();
        }
        slice.commit().unwrap();
    }

    #[test]
    fn a_page_that_rots_beneath_open_books_is_found_and_the_others_are_not_touched() {
        let (disk, books) = books();
        slice(&books, 5, true);
        assert_eq!(books.look(&disk, |_| true).unwrap(), Looked::Whole);
        let file = disk.open(BOOKS).unwrap();
        let size = file.size().unwrap() as usize;
        let (mut found, mut passed) = (0, 0);
        for place in (PAGE..size.min(100 * PAGE)).step_by(PAGE) {
            let mut good = [0; 8];
            file.read_at(place as u64, &mut good).unwrap();
            let mut bad = good;
            bad[2] ^= 0xff;
            file.write_at(place as u64, &bad).unwrap();
            match books.look(&disk, |_| true) {
                Ok(looked) => {
                    assert_eq!(looked, Looked::Whole);
                    passed += 1;
                }
                Err(error) => {
                    assert!(error.is_damage(), "{error}");
                    found += 1;
                }
            }
            file.write_at(place as u64, &good).unwrap();
        }
        assert!(found > 10 && passed > 10, "{found}, {passed}");
        assert_eq!(books.look(&disk, |_| true).unwrap(), Looked::Whole);
        slice(&books, 9, true);
        assert_eq!(books.view().unwrap().applied().unwrap().seq, Seq(9));
    }

    #[test]
    fn a_look_goes_on_while_flushes_write_and_sees_the_file_as_it_was() {
        let (disk, books) = books();
        slice(&books, 5, true);
        let reads = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&reads);
        let count = move |_| {
            read.fetch_add(1, Ordering::Relaxed);
            true
        };
        assert_eq!(books.look(&disk, count).unwrap(), Looked::Whole);
        // In its middle: some pages were read before, and some are read after.
        let middle = reads.load(Ordering::Relaxed) / 2;
        let (began, beginning) = unbounded();
        let (wrote, writing) = unbounded::<()>();
        let read = AtomicU64::new(0);
        let read = move |_| {
            if read.fetch_add(1, Ordering::Relaxed) == middle {
                began.send(()).unwrap();
                writing.recv().unwrap();
            }
            true
        };
        std::thread::scope(|scope| {
            let look = scope.spawn(|| books.look(&disk, read));
            beginning.recv().unwrap();
            for seq in 6..20 {
                slice(&books, seq, seq % 2 == 0);
            }
            wrote.send(()).unwrap();
            assert_eq!(look.join().unwrap().unwrap(), Looked::Whole);
        });
        assert_eq!(books.view().unwrap().applied().unwrap().seq, Seq(18));
        assert_eq!(books.look(&disk, |_| true).unwrap(), Looked::Whole);
    }

    #[test]
    fn rot_is_found_in_the_middle_of_a_flush() {
        let (disk, books) = books();
        slice(&books, 5, false);
        assert_eq!(books.look(&disk, |_| true).unwrap(), Looked::Whole);
        let file = disk.open(BOOKS).unwrap();
        let mut found = 0;
        for place in (PAGE..100 * PAGE).step_by(PAGE) {
            let mut byte = [0];
            file.read_at(place as u64 + 9, &mut byte).unwrap();
            file.write_at(place as u64 + 9, &[!byte[0]]).unwrap();
            found += usize::from(books.look(&disk, |_| true).is_err());
            file.write_at(place as u64 + 9, &byte).unwrap();
        }
        assert!(found > 10, "{found}");
    }

    #[test]
    fn a_look_ends_where_nobody_wants_it() {
        let (disk, books) = books();
        slice(&books, 5, true);
        assert_eq!(books.look(&disk, |_| false).unwrap(), Looked::BrokenOff);
        assert_eq!(books.look(&disk, |_| true).unwrap(), Looked::Whole);
    }
}
