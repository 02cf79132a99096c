//! A disk in memory that loses power and fails at will.
//!
//! Every change waits in an ordered list until it is synced: a file's until the file is, a name's
//! until the directory is. [`SimDisk::cut`] is the loss of power: of what waits, some reached the
//! disk and some did not, as [`Cut`] says, and the rest of the world goes on with the disk that is
//! left. All chance comes from the caller's generator, so that a seed replays a run.
//!
//! Not simulated: bytes that rot where they lie. Tests alter the bytes of an [`Image`] for that.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::Rng;

use super::cut::{Alteration, Content, Naming, survivors, to_usize};
use crate::disk::{Disk, File};

pub use super::cut::Cut;

/// What is written and synced as one, in bytes.
const PAGE_BYTES: u64 = 4096;

/// What lies on a disk: names and bytes. A directory is a name that ends with `/`, without bytes;
/// the names of what lies in it begin with that.
pub type Image = BTreeMap<String, Vec<u8>>;

/// What a disk is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Opening a file.
    Open,
    /// Creating a file.
    Create,
    /// Renaming a file.
    Rename,
    /// Removing a name.
    Remove,
    /// Asking for names, sizes or modes.
    Look,
    /// Reading bytes.
    Read,
    /// Writing bytes.
    Write,
    /// Setting a file's length.
    SetLen,
    /// Taking room for a file.
    Allocate,
    /// Syncing a file.
    Sync,
    /// Syncing the directory.
    SyncDirectory,
}

/// A fault to come.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// What fails; anything where it is `None`.
    pub operation: Option<Operation>,
    /// How many such operations succeed before.
    pub after: u64,
    /// What the machine says: [`io::ErrorKind::StorageFull`] for a full disk, anything else for
    /// a broken one.
    pub kind: io::ErrorKind,
    /// Whether all such operations fail from then on.
    pub lasting: bool,
}

/// A disk in memory. Clones are the same disk.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    /// The directory that this one shows: empty for the whole disk, otherwise it ends with `/`.
    directory: String,
}

#[derive(Default)]
struct State {
    /// The names as all see them, and as they lie on the disk.
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    /// Changes of names that wait for a sync.
    waiting: Vec<Naming>,
    contents: Vec<Content>,
    operations: u64,
    /// Power is lost at this operation.
    cut_at: Option<u64>,
    faults: Vec<Fault>,
    handles: u64,
    /// Bytes that all files may take, in blocks; no bound where it is `None`.
    capacity: Option<u64>,
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> SimDisk {
        SimDisk::from_image(Image::new())
    }

    /// A disk on which `image` lies, all synced.
    pub fn from_image(image: Image) -> SimDisk {
        let mut state = State::default();
        for (name, bytes) in image {
            state.names.insert(name, state.contents.len());
            state.contents.push(Content::synced(bytes));
        }
        state.synced_names = state.names.clone();
        SimDisk {
            state: Arc::new(Mutex::new(state)),
            directory: String::new(),
        }
    }

    /// What all see, synced or not: what a process that is killed leaves behind.
    pub fn image(&self) -> Image {
        let state = self.state.lock();
        let bytes = |&content: &usize| state.contents[content].bytes.clone();
        (state.names.iter())
            .map(|(name, content)| (name.clone(), bytes(content)))
            .collect()
    }

    /// Bounds the bytes that all files may take, in blocks of 4 KiB: less than they take is as if
    /// others had filled the disk. What would need more fails with
    /// [`io::ErrorKind::StorageFull`]; writing over what has its place never does.
    pub fn set_capacity(&self, bytes: u64) {
        self.state.lock().capacity = Some(bytes);
    }

    /// How many operations it was asked for so far.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Loses power `count` operations from now: that one and all later ones fail, the world has
    /// only to notice. [`SimDisk::cut`] then tells what is left.
    pub fn cut_after(&self, count: u64) {
        let mut state = self.state.lock();
        state.cut_at = Some(state.operations + count);
    }

    /// Whether power is lost.
    pub fn is_cut(&self) -> bool {
        let state = self.state.lock();
        state.cut_at.is_some_and(|cut_at| state.operations > cut_at)
    }

    /// Adds a fault.
    pub fn plant(&self, fault: Fault) {
        self.state.lock().faults.push(fault);
    }

    /// Takes all faults away. What a failed sync has lost stays lost.
    pub fn mend(&self) {
        self.state.lock().faults.clear();
    }

    /// The disk after a loss of power now, or when it was lost. This one fails from now on.
    pub fn cut(&self, cut: Cut, rng: &mut impl Rng) -> SimDisk {
        let mut state = self.state.lock();
        let now = state.operations;
        state.cut_at.get_or_insert(now);
        let mut names = state.synced_names.clone();
        for (naming, _) in survivors(&state.waiting, cut, rng) {
            naming.apply(&mut names);
        }
        let directories: Vec<String> = names
            .keys()
            .filter(|name| name.ends_with('/'))
            .cloned()
            .collect();
        names.retain(|name, _| {
            let within = name.trim_end_matches('/').rsplit_once('/');
            within.is_none_or(|(directory, _)| directories.contains(&format!("{directory}/")))
        });
        let contents: Vec<Vec<u8>> = (state.contents.iter())
            .map(|content| content.after(cut, rng))
            .collect();
        let image = names.into_iter();
        SimDisk::from_image(
            image
                .map(|(name, content)| (name, contents[content].clone()))
                .collect(),
        )
    }
}

impl Default for SimDisk {
    fn default() -> SimDisk {
        SimDisk::new()
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimDisk(..)")
    }
}

impl State {
    /// Counts an operation, and fails it where that is planned.
    fn begin(&mut self, operation: Operation) -> io::Result<()> {
        self.operations += 1;
        if self.cut_at.is_some_and(|cut_at| self.operations > cut_at) {
            return Err(io::Error::other("power is lost"));
        }
        let mut failed = None;
        self.faults.retain_mut(|fault| {
            if fault.operation.is_some_and(|planned| planned != operation) {
                return true;
            }
            if fault.after > 0 {
                fault.after -= 1;
                return true;
            }
            failed = Some(fault.kind);
            fault.lasting
        });
        failed.map_or(Ok(()), |kind| Err(kind.into()))
    }

    /// Bytes that no file has taken.
    fn free(&self) -> u64 {
        let taken: u64 = (self.names.values())
            .map(|&content| self.contents[content].taken())
            .sum();
        (self.capacity.unwrap_or(u64::MAX)).saturating_sub(taken)
    }

    fn take(&mut self, content: usize, offset: u64, len: u64) -> io::Result<()> {
        let free = self.free();
        if self.contents[content].take(offset, len, free) {
            Ok(())
        } else {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    fn find(&self, name: &str) -> io::Result<usize> {
        let content = self.names.get(name).copied();
        content.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Gives something new a name.
    fn name(&mut self, whole: String) -> io::Result<usize> {
        if self.names.contains_key(&whole) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = self.contents.len();
        self.contents.push(Content::default());
        self.rename(Naming {
            removed: None,
            named: Some((whole, content)),
        });
        Ok(content)
    }

    fn rename(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.waiting.push(naming);
    }
}

impl SimDisk {
    /// The name as it stands on the whole disk.
    fn whole(&self, name: &str) -> String {
        format!("{}{name}", self.directory)
    }

    /// Whether a whole name lies in this directory itself.
    fn holds(&self, whole: &str) -> bool {
        let name = whole.strip_prefix(&self.directory);
        name.is_some_and(|name| !name.trim_end_matches('/').contains('/') && !name.is_empty())
    }

    fn handle(&self, state: &mut State, content: usize) -> Box<dyn File> {
        state.handles += 1;
        Box::new(SimFile {
            disk: self.clone(),
            content,
            handle: state.handles,
        })
    }
}

impl Disk for SimDisk {
    fn open(&self, name: &str) -> io::Result<Box<dyn File>> {
        let mut state = self.state.lock();
        state.begin(Operation::Open)?;
        let content = state.find(&self.whole(name))?;
        Ok(self.handle(&mut state, content))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn File>> {
        let mut state = self.state.lock();
        state.begin(Operation::Create)?;
        let content = state.name(self.whole(name))?;
        Ok(self.handle(&mut state, content))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.begin(Operation::Rename)?;
        let content = state.find(&self.whole(from))?;
        state.rename(Naming {
            removed: Some(self.whole(from)),
            named: Some((self.whole(to), content)),
        });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.begin(Operation::Remove)?;
        state.find(&self.whole(name))?;
        state.rename(Naming {
            removed: Some(self.whole(name)),
            named: None,
        });
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = self.contents()?;
        names.retain(|name| !name.ends_with('/'));
        Ok(names)
    }

    fn contents(&self) -> io::Result<Vec<String>> {
        let mut state = self.state.lock();
        state.begin(Operation::Look)?;
        let here = state.names.keys().filter(|name| self.holds(name));
        Ok(here
            .map(|name| name[self.directory.len()..].to_owned())
            .collect())
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        let mut state = self.state.lock();
        state.begin(Operation::Look)?;
        let whole = self.whole(name);
        Ok(state.names.contains_key(&whole) || state.names.contains_key(&format!("{whole}/")))
    }

    fn directory(&self, name: &str) -> io::Result<Arc<dyn Disk>> {
        let mut state = self.state.lock();
        state.begin(Operation::Create)?;
        let directory = format!("{}/", self.whole(name));
        if !state.names.contains_key(&directory) {
            state.name(directory.clone())?;
        }
        Ok(Arc::new(SimDisk {
            state: Arc::clone(&self.state),
            directory,
        }))
    }

    fn remove_directory(&self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        state.begin(Operation::Remove)?;
        let directory = format!("{}/", self.whole(name));
        state.find(&directory)?;
        let mut within = state.names.range(directory.clone()..).skip(1);
        if within
            .next()
            .is_some_and(|(name, _)| name.starts_with(&directory))
        {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.rename(Naming {
            removed: Some(directory),
            named: None,
        });
        Ok(())
    }

    fn mode(&self, name: &str) -> io::Result<u32> {
        let mut state = self.state.lock();
        state.begin(Operation::Look)?;
        state.find(&self.whole(name)).map(|_| 0o600)
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.begin(Operation::SyncDirectory)?;
        let State {
            names,
            synced_names,
            waiting,
            ..
        } = &mut *state;
        synced_names.retain(|name, _| !self.holds(name));
        let here = names.iter().filter(|(name, _)| self.holds(name));
        synced_names.extend(here.map(|(name, content)| (name.clone(), *content)));
        waiting.retain(|naming| !naming.names().any(|name| self.holds(name)));
        Ok(())
    }

    fn free(&self) -> io::Result<u64> {
        let mut state = self.state.lock();
        state.begin(Operation::Look)?;
        Ok(state.free())
    }
}

/// An open file. It stays open when its name goes.
struct SimFile {
    disk: SimDisk,
    content: usize,
    handle: u64,
}

impl SimFile {
    fn with<T>(
        &self,
        operation: Operation,
        act: impl FnOnce(&mut Content) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.disk.state.lock();
        state.begin(operation)?;
        act(&mut state.contents[self.content])
    }

    fn release(&self) {
        let mut state = self.disk.state.lock();
        let content = &mut state.contents[self.content];
        content.locked_by.take_if(|by| *by == self.handle);
    }
}

impl File for SimFile {
    fn size(&self) -> io::Result<u64> {
        self.with(Operation::Look, |content| Ok(content.bytes.len() as u64))
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.with(Operation::Read, |content| {
            let start = to_usize(offset);
            let bytes = content.bytes.get(start..start + out.len());
            out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let write = Alteration::Write(offset, bytes.to_vec());
        let mut state = self.disk.state.lock();
        state.begin(Operation::Write)?;
        state.take(self.content, offset, bytes.len() as u64)?;
        state.contents[self.content].alter(write);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(Operation::SetLen, |content| {
            content.alter(Alteration::SetLen(len));
            Ok(())
        })
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        state.begin(Operation::Allocate)?;
        state.take(self.content, 0, len)?;
        let content = &mut state.contents[self.content];
        let longer = len.max(content.bytes.len() as u64);
        content.alter(Alteration::SetLen(longer));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        let begun = state.begin(Operation::Sync);
        let content = &mut state.contents[self.content];
        match &begun {
            Ok(()) => content.sync(),
            Err(_) => content.forget(),
        }
        begun
    }

    fn distrust_cache(&self) -> io::Result<()> {
        self.sync()?;
        self.with(Operation::Look, |content| {
            content.drop_forgotten(u64::MAX);
            Ok(())
        })
    }

    fn distrust_first_page(&self) -> io::Result<()> {
        self.sync()?;
        self.with(Operation::Look, |content| {
            content.drop_forgotten(PAGE_BYTES);
            Ok(())
        })
    }

    fn try_lock(&self) -> io::Result<bool> {
        let mut state = self.disk.state.lock();
        let content = &mut state.contents[self.content];
        Ok(*content.locked_by.get_or_insert(self.handle) == self.handle)
    }

    fn unlock(&self) -> io::Result<()> {
        self.release();
        Ok(())
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimFile({})", self.content)
    }
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
