//! Room kept back: a file that holds nothing but its places on the disk.
//!
//! Whoever cannot even start for want of room gives it back with [`release_reserve`]; it is taken
//! again with [`Reserve::fill`] when there is room. Nothing is lost with the file.

use std::io;
use std::sync::Arc;

use super::Disk;

/// The file's name.
pub const RESERVE: &str = "reserve";

/// The room that is kept back in one data directory.
#[derive(Debug)]
pub struct Reserve {
    disk: Arc<dyn Disk>,
    /// Bytes to be kept back.
    size: u64,
    /// How many of them are.
    held: u64,
    /// Whether all of them surely are. The size that a file shows proves nothing: a copy of the
    /// directory may have left the zeros out.
    filled: bool,
}

impl Reserve {
    /// What is kept back of `size` bytes. Takes nothing yet; 0 is for no reserve.
    ///
    /// # Errors
    /// What the machine says.
    pub fn open(disk: Arc<dyn Disk>, size: u64) -> io::Result<Reserve> {
        let held = match disk.open(RESERVE) {
            Ok(file) => file.size()?.min(size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Reserve {
            disk,
            size,
            held,
            filled: false,
        })
    }

    /// Bytes to be kept back.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that are still to be taken.
    pub fn lacks(&self) -> u64 {
        self.size - self.held
    }

    /// Whether [`Reserve::fill`] has done its work.
    pub fn is_filled(&self) -> bool {
        self.filled
    }

    /// Takes what is lacking, and gives back what is too much.
    ///
    /// # Errors
    /// What the machine says: then nothing is kept back.
    pub fn fill(&mut self) -> io::Result<()> {
        if self.size == 0 {
            match self.disk.remove(RESERVE) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.filled = true,
            }
            return Ok(());
        }
        let file = match self.disk.create(RESERVE) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.disk.open(RESERVE)?
            }
            created => created?,
        };
        let taken = file.allocate(self.size).and_then(|()| {
            file.set_len(self.size)?;
            file.sync()?;
            self.disk.sync_directory()
        });
        if let Err(error) = taken {
            self.held = 0;
            file.set_len(0)?;
            return Err(error);
        }
        self.held = self.size;
        self.filled = true;
        Ok(())
    }
}

/// Gives the room back that is kept in a directory; whether there was any.
///
/// # Errors
/// What the machine says.
pub fn release_reserve(disk: &dyn Disk) -> io::Result<bool> {
    let file = match disk.open(RESERVE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    if file.size()? == 0 {
        return Ok(false);
    }
    // Cut off rather than removed: a name costs room in some directories, and this one stays.
    file.set_len(0)?;
    file.sync()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn a_reserve_is_taken_given_back_and_taken_again() {
        let directory = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(directory.path()).unwrap());
        let open = |size| Reserve::open(Arc::clone(&disk), size).unwrap();
        let blocks = || {
            use std::os::unix::fs::MetadataExt;
            let file = directory.path().join(RESERVE);
            file.metadata()
                .map(|told| (told.len(), told.blocks() * 512))
        };
        assert!(!release_reserve(&*disk).unwrap(), "there is none");
        let mut reserve = open(1 << 20);
        assert_eq!((reserve.lacks(), reserve.is_filled()), (1 << 20, false));
        reserve.fill().unwrap();
        assert_eq!((reserve.lacks(), reserve.is_filled()), (0, true));
        let (len, taken) = blocks().unwrap();
        assert!(len == 1 << 20 && taken >= len, "{len} bytes in {taken}");

        assert!(release_reserve(&*disk).unwrap());
        assert!(blocks().unwrap().1 < 1 << 16);
        assert!(!release_reserve(&*disk).unwrap(), "it is given back");
        assert_eq!(open(1 << 20).lacks(), 1 << 20);

        // A copy that left the zeros out shows its size, and has no place.
        disk.open(RESERVE).unwrap().set_len(1 << 20).unwrap();
        let mut copied = open(1 << 20);
        assert_eq!((copied.lacks(), copied.is_filled()), (0, false));
        copied.fill().unwrap();
        assert!(blocks().unwrap().1 >= 1 << 20);

        // Another size, and none.
        open(1 << 19).fill().unwrap();
        assert_eq!(blocks().unwrap().0, 1 << 19);
        open(0).fill().unwrap();
        assert!(blocks().is_err());
        open(0).fill().unwrap();
    }

    #[test]
    fn a_machine_tells_how_much_is_free() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(directory.path()).unwrap();
        assert!(disk.free().unwrap() > 1 << 16);
    }
}
