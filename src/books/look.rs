//! Looking at the file and leaving it as it is.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::{Builder, Database};

use super::{Applied, BOOKS, BooksError, CACHE_BYTES, inspect};
use crate::disk::{Disk, UntouchedBackend};

/// Refuses a file that a later version wrote, before anything in the directory is changed. What
/// else is wrong with it, or that there is none, is for [`super::Books::open`] to tell.
///
/// # Errors
/// [`BooksError::Newer`].
pub fn refuse_newer(disk: &dyn Disk, id: [u8; 16]) -> Result<(), BooksError> {
    match open(disk).and_then(|database| inspect(&database, id)) {
        Err(error @ BooksError::Newer(_)) => Err(error),
        _ => Ok(()),
    }
}

/// Reads every page of the file, compares it with the checksum that the page above has of it, and
/// looks at what the file says about itself; the entry that the books are up to.
///
/// What a page held earlier, or another page holds, is found too: the page above has another
/// checksum.
///
/// # Errors
/// [`BooksError`].
pub fn check(disk: &dyn Disk, id: [u8; 16]) -> Result<Applied, BooksError> {
    let file = disk.open(BOOKS).map_err(BooksError::Disk)?;
    file.distrust_cache().map_err(BooksError::Disk)?;
    drop(file);
    let checked = catch_unwind(AssertUnwindSafe(|| {
        // Closing what is rotten may panic.
        let mut database = ManuallyDrop::new(open(disk)?);
        let sound = database.check_integrity()?;
        let applied = inspect(&database, id)?;
        if sound {
            drop(ManuallyDrop::into_inner(database));
            return Ok(applied);
        }
        Err(BooksError::Unreadable(
            "does not pass the database's own check: some of it is not as it was written",
        ))
    }));
    checked.unwrap_or(Err(BooksError::Unreadable(
        "is damaged, so that its database stopped over it",
    )))
}

fn open(disk: &dyn Disk) -> Result<Database, BooksError> {
    let file = disk.open(BOOKS).map_err(BooksError::Disk)?;
    // redb would make an empty file a new database.
    if file.size().map_err(BooksError::Disk)? == 0 {
        return Err(BooksError::Missing { emptied: true });
    }
    let backend = UntouchedBackend::new(file).map_err(BooksError::Disk)?;
    let database = Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(backend)?;
    Ok(database)
}
