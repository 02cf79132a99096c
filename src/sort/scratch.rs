//! A place for files that are of use to one process and to nobody after it.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Disk, File};

/// The directory's name.
pub const SCRATCH: &str = "verify.tmp";

const LOCK: &str = "lock";

/// A directory within another that comes into being with its first file, and goes with this value.
/// What a process that was killed left in it is removed by the next.
#[derive(Debug)]
pub struct Scratch {
    parent: Arc<dyn Disk>,
    opened: Mutex<Option<Opened>>,
}

#[derive(Debug)]
struct Opened {
    disk: Arc<dyn Disk>,
    /// How many files were made: the next one's name.
    made: u64,
    /// Tells others that somebody is at work here.
    _lock: Box<dyn File>,
}

impl Scratch {
    /// A place within `parent`. Nothing is made yet; what was left over is removed.
    ///
    /// # Errors
    /// What the machine says; `ResourceBusy` where another process is at work there.
    pub fn new(parent: Arc<dyn Disk>) -> io::Result<Scratch> {
        if parent.exists(SCRATCH)? {
            let disk = parent.directory(SCRATCH)?;
            let lock = disk.exists(LOCK)?.then(|| disk.open(LOCK)).transpose()?;
            if let Some(lock) = &lock {
                take(&**lock)?;
            }
            clear(&*parent, &*disk)?;
        }
        Ok(Scratch {
            parent,
            opened: Mutex::new(None),
        })
    }

    /// A new empty file, and the name that [`Scratch::remove`] knows it by.
    pub(super) fn create(&self) -> io::Result<(String, Box<dyn File>)> {
        let mut opened = self.opened.lock();
        let opened = match &mut *opened {
            Some(opened) => opened,
            none => none.insert(self.open()?),
        };
        opened.made += 1;
        let name = opened.made.to_string();
        let file = opened.disk.create(&name)?;
        Ok((name, file))
    }

    fn open(&self) -> io::Result<Opened> {
        let disk = self.parent.directory(SCRATCH)?;
        let lock = disk.create(LOCK)?;
        take(&*lock)?;
        Ok(Opened {
            disk,
            made: 0,
            _lock: lock,
        })
    }

    /// Gives back the room that a file takes.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        let opened = self.opened.lock();
        let opened = opened.as_ref().expect("a file's directory is there");
        opened.disk.remove(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(opened) = self.opened.get_mut() {
            // What stays all the same is removed the next time.
            drop(clear(&*self.parent, &*opened.disk));
        }
    }
}

fn take(lock: &dyn File) -> io::Result<()> {
    if lock.try_lock()? {
        Ok(())
    } else {
        let why = format!("another process is at work in {SCRATCH}");
        Err(io::Error::new(io::ErrorKind::ResourceBusy, why))
    }
}

/// Removes every file, the lock last, and the directory.
fn clear(parent: &dyn Disk, disk: &dyn Disk) -> io::Result<()> {
    let mut names = disk.list()?;
    names.sort_by_key(|name| name == LOCK);
    for name in names {
        disk.remove(&name)?;
    }
    parent.remove_directory(SCRATCH)
}
