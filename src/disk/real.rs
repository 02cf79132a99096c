//! The machine's own directory.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::{Disk, File};

/// Linux keeps a file in pieces of so many bytes at most, and drops only those that lie wholly in
/// what it is told of.
#[cfg(target_os = "linux")]
const PIECE_BYTES_MAX: u64 = 4 << 20;

/// A directory of the machine.
#[derive(Debug)]
pub struct RealDisk {
    path: PathBuf,
    /// Whether files may be written.
    writes: bool,
}

impl RealDisk {
    /// The directory at `path`, which exists.
    ///
    /// # Errors
    /// What the machine says; `NotFound` where there is nothing, `NotADirectory` where there is
    /// something else.
    pub fn open(path: &Path) -> io::Result<RealDisk> {
        if fs::metadata(path)?.is_dir() {
            Ok(RealDisk {
                path: path.into(),
                writes: true,
            })
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// The directory at `path`, which exists and is only read: it may belong to somebody else, or
    /// lie on what cannot be written.
    ///
    /// # Errors
    /// As [`RealDisk::open`].
    pub fn open_to_read(path: &Path) -> io::Result<RealDisk> {
        let disk = RealDisk::open(path)?;
        Ok(RealDisk {
            writes: false,
            ..disk
        })
    }

    /// The directory at `path`, made with mode 0700 where there is none; its parent must exist.
    ///
    /// # Errors
    /// As [`RealDisk::open`].
    pub fn open_or_create(path: &Path) -> io::Result<RealDisk> {
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {
                // Its name lies in its parent, and is durable only with that.
                let parent = path.parent().filter(|parent| *parent != Path::new(""));
                fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
                RealDisk::open(path)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => RealDisk::open(path),
            Err(error) => Err(error),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        debug_assert!(
            !name.contains('/'),
            "names stay within the directory: {name}"
        );
        self.path.join(name)
    }
}

impl Disk for RealDisk {
    fn open(&self, name: &str) -> io::Result<Box<dyn File>> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(self.writes)
            .open(self.file(name))?;
        Ok(Box::new(RealFile(file)))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn File>> {
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.file(name))?;
        Ok(Box::new(RealFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.file(from), self.file(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.file(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for item in fs::read_dir(&self.path)? {
            let item = item?;
            // Names that are no text are none of ours.
            if let (true, Ok(name)) = (item.file_type()?.is_file(), item.file_name().into_string())
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn contents(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for item in fs::read_dir(&self.path)? {
            let item = item?;
            let mut name = item.file_name().to_string_lossy().into_owned();
            if item.file_type()?.is_dir() {
                name.push('/');
            }
            names.push(name);
        }
        names.sort_unstable();
        Ok(names)
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.file(name).try_exists()
    }

    fn directory(&self, name: &str) -> io::Result<Arc<dyn Disk>> {
        let path = self.file(name);
        if !self.writes {
            return Ok(Arc::new(RealDisk::open_to_read(&path)?));
        }
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(Arc::new(RealDisk::open(&path)?)),
        }
    }

    fn remove_directory(&self, name: &str) -> io::Result<()> {
        fs::remove_dir(self.file(name))
    }

    fn mode(&self, name: &str) -> io::Result<u32> {
        Ok(fs::metadata(self.file(name))?.permissions().mode() & 0o777)
    }

    fn sync_directory(&self) -> io::Result<()> {
        fs::File::open(&self.path)?.sync_all()
    }

    fn free(&self) -> io::Result<u64> {
        let told = rustix::fs::statvfs(&self.path)?;
        Ok(told.f_bavail.saturating_mul(told.f_frsize))
    }
}

#[derive(Debug)]
struct RealFile(fs::File);

impl RealFile {
    /// Writes zeros from the end on, until the file has `len` bytes.
    fn write_zeros(&self, len: u64) -> io::Result<()> {
        let zeros = vec![0; 1 << 20];
        let mut end = self.size()?;
        while end < len {
            let step = (zeros.len() as u64).min(len - end);
            let bytes = usize::try_from(step).expect("at most all the zeros");
            self.write_at(end, &zeros[..bytes])?;
            end += step;
        }
        Ok(())
    }
}

impl File for RealFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        match fallocate(&self.0, FallocateFlags::empty(), 0, len) {
            // Some file systems cannot.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.write_zeros(len),
            done => Ok(done?),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn distrust_cache(&self) -> io::Result<()> {
        self.0.sync_data()?;
        #[cfg(target_os = "linux")]
        rustix::fs::fadvise(&self.0, 0, None, rustix::fs::Advice::DontNeed)?;
        Ok(())
    }

    fn distrust_first_page(&self) -> io::Result<()> {
        self.0.sync_data()?;
        #[cfg(target_os = "linux")]
        rustix::fs::fadvise(
            &self.0,
            0,
            std::num::NonZeroU64::new(PIECE_BYTES_MAX),
            rustix::fs::Advice::DontNeed,
        )?;
        Ok(())
    }

    fn try_lock(&self) -> io::Result<bool> {
        match self.0.try_lock() {
            Ok(()) => Ok(true),
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn unlock(&self) -> io::Result<()> {
        self.0.unlock()
    }
}

/// A lock ends with its handle, also where a program that is just being started has it still.
impl Drop for RealFile {
    fn drop(&mut self) {
        // Where that fails the lock ends with the last handle.
        drop(self.0.unlock());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> (tempfile::TempDir, RealDisk) {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open_or_create(&directory.path().join("data")).unwrap();
        (directory, disk)
    }

    #[test]
    fn a_new_file_is_its_owners_alone_and_never_replaces_another() {
        let (directory, disk) = disk();
        disk.write_new("a", b"one").unwrap();
        assert_eq!(disk.mode("a").unwrap(), 0o600);
        assert_eq!(disk.read_private("a", 3).unwrap(), b"one");
        assert_eq!(
            disk.write_new("a", b"two").unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(
            disk.read("a", 2).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        disk.create("b.new").unwrap();
        disk.write_new("b", b"two").unwrap();
        assert_eq!(disk.list().unwrap(), ["a", "b"]);

        let path = directory.path().join("data");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
        fs::set_permissions(path.join("a"), fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(
            disk.read_private("a", 3).unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
    }

    #[test]
    fn a_directory_within_is_its_owners_alone_and_is_made_once() {
        let (folder, disk) = disk();
        disk.directory("d").unwrap().write_new("a", b"x").unwrap();
        assert_eq!(disk.directory("d").unwrap().list().unwrap(), ["a"]);
        assert!(disk.list().unwrap().is_empty(), "it is no file");
        assert_eq!(disk.contents().unwrap(), ["d/"]);
        let mode = fs::metadata(folder.path().join("data").join("d")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o700);
        let removed = || disk.remove_directory("d").map_err(|error| error.kind());
        assert_eq!(removed(), Err(io::ErrorKind::DirectoryNotEmpty));
        disk.directory("d").unwrap().remove("a").unwrap();
        assert_eq!(removed(), Ok(()));
        assert_eq!(removed(), Err(io::ErrorKind::NotFound));
    }

    #[test]
    fn a_locked_file_is_refused_to_every_other_handle() {
        let (_directory, disk) = disk();
        let first = disk.create("a").unwrap();
        let second = disk.open("a").unwrap();
        assert!(first.try_lock().unwrap());
        assert!(!second.try_lock().unwrap());
        drop(first);
        assert!(second.try_lock().unwrap());
    }

    #[test]
    fn a_lock_ends_with_its_handle_whoever_else_has_the_file() {
        let (directory, disk) = disk();
        let name = directory.path().join("data/file");
        let held = RealFile(fs::File::create(name).unwrap());
        assert!(held.try_lock().unwrap());
        let inherited = held.0.try_clone().unwrap();
        drop(held);
        assert!(disk.open("file").unwrap().try_lock().unwrap());
        drop(inherited);
    }

    #[test]
    fn a_directory_that_is_only_read_is_left_as_it_is() {
        let (folder, disk) = disk();
        disk.write_new("a", b"x").unwrap();
        disk.directory("d").unwrap();
        let read = RealDisk::open_to_read(&folder.path().join("data")).unwrap();
        let file = read.open("a").unwrap();
        assert_eq!(read.read("a", 1).unwrap(), b"x");
        assert!(file.write_at(0, b"y").is_err());
        assert!(read.directory("d").is_ok());
        assert!(read.directory("e").is_err());
        assert_eq!(disk.contents().unwrap(), ["a", "d/"]);
    }

    #[test]
    fn reads_are_exact_and_gaps_are_zeros() {
        let (_directory, disk) = disk();
        let file = disk.create("a").unwrap();
        file.write_at(2, b"xy").unwrap();
        let mut out = [1; 4];
        file.read_at(0, &mut out).unwrap();
        assert_eq!(&out, b"\0\0xy");
        file.distrust_cache().unwrap();
        file.distrust_first_page().unwrap();
        file.read_at(0, &mut out).unwrap();
        assert_eq!(&out, b"\0\0xy");
        assert_eq!(
            file.read_at(1, &mut out).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        file.set_len(1).unwrap();
        assert_eq!(file.size().unwrap(), 1);
    }

    #[test]
    fn zeros_are_written_up_to_the_wanted_length_and_over_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, b"abc").unwrap();
        let file = RealFile(fs::OpenOptions::new().write(true).open(&path).unwrap());
        for (wanted, len) in [(2, 3), (10, 10), (10 + (1 << 20), 10 + (1 << 20))] {
            file.write_zeros(wanted).unwrap();
            let bytes = fs::read(&path).unwrap();
            assert_eq!(bytes.len(), len);
            assert!(bytes.starts_with(b"abc") && bytes[3..].iter().all(|&byte| byte == 0));
        }
    }
}
