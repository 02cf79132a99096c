//! The data directory: the one door through which the product touches files.
//!
//! [`Disk`] is one directory, perhaps with others in it, and [`File`] one open file in it. The machine's directory is
//! [`RealDisk`]; a simulation puts its own in, which loses power and fails at will. Nothing here
//! knows what the files hold. Every file is its owner's alone (mode 0600).
//!
//! What is promised: a file's bytes are durable after [`File::sync`], its name after
//! [`Disk::sync_directory`], and neither before. A call that failed may have done all, part or
//! none of its work.

mod backend;
mod before;
mod caught;
mod real;
mod reserve;
mod untouched;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

pub use backend::{Failed, RedbBackend};
pub use before::{AsItWas, Before};
pub use caught::{caught, closed, is_caught};
pub use real::RealDisk;
pub use reserve::{RESERVE, Reserve, release_reserve};
pub use untouched::UntouchedBackend;

/// One data directory. Names are plain file names, without any separator.
pub trait Disk: Debug + Send + Sync {
    /// Opens a file that exists, to read and write.
    ///
    /// # Errors
    /// What the machine says; `NotFound` where there is no such file.
    fn open(&self, name: &str) -> io::Result<Box<dyn File>>;

    /// Creates an empty file with mode 0600.
    ///
    /// # Errors
    /// What the machine says; `AlreadyExists` where the name is taken.
    fn create(&self, name: &str) -> io::Result<Box<dyn File>>;

    /// Gives a file another name, in place of whatever has that name.
    ///
    /// # Errors
    /// What the machine says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name.
    ///
    /// # Errors
    /// What the machine says; `NotFound` where there is no such file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names of all files, in alphabetical order.
    ///
    /// # Errors
    /// What the machine says.
    fn list(&self) -> io::Result<Vec<String>>;

    /// The names of everything that lies here, whatever it is and whoever put it there;
    /// directories end with `/`.
    ///
    /// # Errors
    /// What the machine says.
    fn contents(&self) -> io::Result<Vec<String>>;

    /// Whether a file, or a directory within this one, has this name.
    ///
    /// # Errors
    /// What the machine says.
    fn exists(&self, name: &str) -> io::Result<bool>;

    /// A directory within this one, made with mode 0700 where there is none. Its own name is
    /// durable after this one's [`Disk::sync_directory`], the names in it after its own.
    ///
    /// # Errors
    /// What the machine says.
    fn directory(&self, name: &str) -> io::Result<Arc<dyn Disk>>;

    /// Removes an empty directory within this one.
    ///
    /// # Errors
    /// What the machine says; `NotFound` where there is no such directory, `DirectoryNotEmpty`
    /// where something lies in it.
    fn remove_directory(&self, name: &str) -> io::Result<()>;

    /// The permission bits of a file: `0o600` is its owner's alone.
    ///
    /// # Errors
    /// What the machine says; `NotFound` where there is no such file.
    fn mode(&self, name: &str) -> io::Result<u32>;

    /// Makes all creations, renames and removals durable.
    ///
    /// # Errors
    /// What the machine says: then nothing is known about them.
    fn sync_directory(&self) -> io::Result<()>;

    /// Bytes that can still be written to the file system that holds the directory, by us and by
    /// everybody else.
    ///
    /// # Errors
    /// What the machine says.
    fn free(&self) -> io::Result<u64>;

    /// All bytes of a small file.
    ///
    /// # Errors
    /// What the machine says; `InvalidData` above `len_max` bytes.
    fn read(&self, name: &str, len_max: usize) -> io::Result<Vec<u8>> {
        let file = self.open(name)?;
        let len = usize::try_from(file.size()?).unwrap_or(usize::MAX);
        if len > len_max {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("is larger than {len_max} bytes"),
            ));
        }
        let mut bytes = vec![0; len];
        file.read_at(0, &mut bytes)?;
        Ok(bytes)
    }

    /// As [`Disk::read`], for a file that holds a secret.
    ///
    /// # Errors
    /// As there; `PermissionDenied` where anyone but the owner may touch it.
    fn read_private(&self, name: &str, len_max: usize) -> io::Result<Vec<u8>> {
        let mode = self.mode(name)?;
        if mode & 0o077 != 0 {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("others may read or write it (mode {mode:03o}): chmod 600 it"),
            ));
        }
        self.read(name, len_max)
    }

    /// Writes a small file that must not exist yet, whole or not at all: as `NAME.new`, synced,
    /// renamed, and the directory synced. A left-over `NAME.new` is replaced.
    ///
    /// # Errors
    /// What the machine says; `AlreadyExists` where the name is taken.
    fn write_new(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if self.exists(name)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.replace(name, bytes)
    }

    /// As [`Disk::write_new`], in place of whatever has that name.
    ///
    /// # Errors
    /// What the machine says.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = unfinished(name);
        if self.exists(&new)? {
            self.remove(&new)?;
        }
        let file = self.create(&new)?;
        file.write_at(0, bytes)?;
        file.sync()?;
        self.rename(&new, name)?;
        self.sync_directory()
    }
}

/// Whether there was no room for what was asked: on the disk, or in what its owner may use of it.
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// The name that a file bears until it is whole.
pub fn unfinished(name: &str) -> String {
    format!("{name}.new")
}

/// One open file. Dropping it closes it.
pub trait File: Debug + Send + Sync {
    /// How many bytes it holds.
    ///
    /// # Errors
    /// What the machine says.
    fn size(&self) -> io::Result<u64>;

    /// Fills all of `out` with the bytes from `offset` on.
    ///
    /// # Errors
    /// What the machine says; `UnexpectedEof` where the file ends before.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`; a gap before it becomes zeros.
    ///
    /// # Errors
    /// What the machine says.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file off at `len`, or lengthens it with zeros.
    ///
    /// # Errors
    /// What the machine says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes the file at least `len` bytes long, and takes a place on the disk for each of its
    /// bytes up to there: writing over them later finds room. New ones are zeros.
    ///
    /// # Errors
    /// What the machine says: then some of the room may be taken.
    fn allocate(&self, len: u64) -> io::Result<()>;

    /// Makes all that was written durable. After an error nothing is known about any write since
    /// the last success, and syncing again proves nothing: open the file afresh.
    ///
    /// # Errors
    /// What the machine says.
    fn sync(&self) -> io::Result<()>;

    /// Makes everything that is read from now on come from the disk: syncs, then drops what the
    /// machine remembers of the file.
    ///
    /// A machine calls pages clean whose write has failed. It goes on showing them, also to the
    /// next process, and no sync ever writes them: whoever built on them would lose it all with
    /// the power. So whoever starts on a file looks at it through this.
    ///
    /// # Errors
    /// What the machine says.
    fn distrust_cache(&self) -> io::Result<()>;

    /// As [`File::distrust_cache`], of the file's first page, and of little else: what that takes
    /// does not grow with the file. It suffices where no first page was ever written before all
    /// that it points to was synced.
    ///
    /// # Errors
    /// What the machine says.
    fn distrust_first_page(&self) -> io::Result<()>;

    /// Takes the file for this handle alone; `false` where another handle has it, in whatever
    /// process. Held until the handle is closed.
    ///
    /// # Errors
    /// What the machine says.
    fn try_lock(&self) -> io::Result<bool>;

    /// Gives the lock back.
    ///
    /// # Errors
    /// What the machine says.
    fn unlock(&self) -> io::Result<()>;
}
