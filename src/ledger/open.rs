//! Opening the books of a coffer: those that are there, new ones for who never had any, and new
//! ones in place of those that an earlier version wrote.
//!
//! Books of an older format are set aside under another name, [`set_aside_name`], and made anew
//! from history. The manifest forgets them first: from then on this is a coffer that never had any
//! books, at whatever moment the upgrade is interrupted.

use super::RecoverError;
use crate::books::{BOOKS, Books, BooksError, create, refuse_newer};
use crate::disk::{Disk, release_reserve};
use crate::journal;

/// Refuses books that a later version wrote, before anything in the directory is changed.
///
/// # Errors
/// [`RecoverError`]; also where another process has the directory.
pub fn refuse_newer_books(disk: &dyn Disk) -> Result<(), RecoverError> {
    let _lock = journal::occupy(disk)?;
    // Whose they are is looked at later, and does not matter here.
    Ok(refuse_newer(disk, [0; 16])?)
}

/// Opens the books of a coffer that was opened; makes them where it never had any, where those
/// that are there are of an older format, or where `anew` says so, for the ledger's recovery to
/// fill them from history.
///
/// # Errors
/// [`RecoverError`].
pub fn open_books(
    disk: &dyn Disk,
    opened: &journal::Opened,
    anew: bool,
) -> Result<Books, RecoverError> {
    match try_to_open(disk, opened, anew) {
        Err(error) if error.is_disk_full() => match release_reserve(disk) {
            Ok(true) => try_to_open(disk, opened, anew),
            _ => Err(error),
        },
        books => books,
    }
}

/// It may be done again when it failed.
fn try_to_open(
    disk: &dyn Disk,
    opened: &journal::Opened,
    anew: bool,
) -> Result<Books, RecoverError> {
    // Not what `opened` says: an attempt before may have changed it.
    let mut named = journal::has_file(disk, BOOKS)?;
    if named && !anew {
        match Books::open(disk, opened.id) {
            Err(BooksError::Older(_)) => {
                journal::remove_file(disk, BOOKS)?;
                named = false;
            }
            books => return Ok(books?),
        }
    }
    // What is to be made anew may be rotten: nobody opens it.
    if !anew {
        set_aside(disk, opened.id)?;
    }
    create(disk, opened.id)?;
    if !named {
        journal::add_file(disk, BOOKS)?;
    }
    Ok(Books::open(disk, opened.id)?)
}

/// Gives books of an older format another name. What else lies under theirs was never finished.
fn set_aside(disk: &dyn Disk, id: [u8; 16]) -> Result<(), BooksError> {
    let Err(BooksError::Older(format)) = Books::open(disk, id) else {
        return Ok(());
    };
    let name = set_aside_name(format);
    disk.rename(BOOKS, &name)
        .and_then(|()| disk.sync_directory())
        .map_err(BooksError::Disk)?;
    tracing::info!(
        kept = name,
        "{BOOKS} has format {format}, which an earlier version wrote: it is kept under another \
         name, and made anew from history"
    );
    Ok(())
}

/// The name that books of an older format get.
fn set_aside_name(format: u64) -> String {
    format!("{BOOKS}.{format}.bak")
}
