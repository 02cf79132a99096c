//! Looking at the file and leaving it as it is.

use redb::{Builder, Database};

use super::{BOOKS, BooksError, CACHE_BYTES, inspect, sound};
use crate::disk::{Disk, UntouchedBackend};

/// Refuses a file that a later version wrote, before anything in the directory is changed. What
/// else is wrong with it, or that there is none, is for [`super::Books::open`] to tell.
///
/// # Errors
/// [`BooksError::Newer`].
pub fn refuse_newer(disk: &dyn Disk, id: [u8; 16]) -> Result<(), BooksError> {
    // A file that has rotted is not opened here: whatever redb stops over is told later too.
    match sound(|| open(disk).and_then(|database| inspect(&database, id))) {
        Err(error @ BooksError::Newer(_)) => Err(error),
        _ => Ok(()),
    }
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
