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
        let mut state = self.state.lock();
        state.begin(Operation::Look)?;
        let here = state.names.keys().filter(|name| self.holds(name));
        let files = here.filter(|name| !name.ends_with('/'));
        Ok(files
            .map(|name| name[self.directory.len()..].to_owned())
            .collect())
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        let mut state = self.state.lock();
        state.begin(Operation::Look)?;
        Ok(state.names.contains_key(&self.whole(name)))
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
        self.with(Operation::Write, |content| {
            content.alter(write);
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(Operation::SetLen, |content| {
            content.alter(Alteration::SetLen(len));
            Ok(())
        })
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
            content.drop_forgotten();
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
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn rng(seed: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(seed)
    }

    /// A synced file of two sectors, then a write over both and a growth that are not.
    fn unsynced() -> (SimDisk, Box<dyn File>) {
        let disk = SimDisk::new();
        disk.write_new("a", &[1; 1024]).unwrap();
        let file = disk.open("a").unwrap();
        file.write_at(0, &[2; 1024]).unwrap();
        file.set_len(2048).unwrap();
        (disk, file)
    }

    #[test]
    fn what_is_synced_outlives_every_cut() {
        for seed in 0..100 {
            let (disk, file) = unsynced();
            file.sync().unwrap();
            let left = disk.cut(Cut::any(&mut rng(seed)), &mut rng(seed));
            assert_eq!(left.image()["a"], [[2; 1024], [0; 1024]].concat());
            assert!(file.sync().is_err(), "the old disk is gone");
        }
    }

    #[test]
    fn what_is_not_synced_stays_goes_or_tears_as_the_cut_says() {
        let seen = |cut| {
            let mut images = std::collections::BTreeSet::new();
            for seed in 0..200 {
                let (disk, _file) = unsynced();
                images.insert(disk.cut(cut, &mut rng(seed)).image()["a"].clone());
            }
            images
        };
        let (old, new) = (vec![1; 1024], vec![2; 1024]);
        let grown = |bytes: &[u8]| [bytes, &[0; 1024]].concat();
        let torn = [[1; 512], [2; 512]].concat();
        assert_eq!(seen(Cut::None), [old.clone()].into());
        assert_eq!(seen(Cut::All), [grown(&new)].into());
        let prefixes = [old.clone(), new.clone(), grown(&new)];
        assert_eq!(seen(Cut::Prefix), prefixes.into());
        let suffixes = [old.clone(), grown(&old), grown(&new)];
        assert_eq!(seen(Cut::Suffix), suffixes.into());
        let subsets = [old.clone(), new.clone(), grown(&old), grown(&new)];
        assert_eq!(seen(Cut::Subset), subsets.into());
        assert!(seen(Cut::TornSectors).contains(&torn));
        assert_eq!(seen(Cut::TornSectors).len(), 8);
        assert!(seen(Cut::TornByte).len() > 50);
    }

    #[test]
    fn a_name_is_lost_until_its_directory_is_synced() {
        let disk = SimDisk::new();
        disk.write_new("a", b"one").unwrap();
        let file = disk.create("b").unwrap();
        file.write_at(0, b"two").unwrap();
        file.sync().unwrap();
        disk.remove("a").unwrap();
        assert_eq!(disk.list().unwrap(), ["b"]);
        let left = disk.cut(Cut::None, &mut rng(0));
        assert_eq!(left.list().unwrap(), ["a"]);
    }

    #[test]
    fn a_directory_within_is_synced_by_itself_and_its_own_name_by_its_parent() {
        let left = |sync: &dyn Fn(&dyn Disk, &dyn Disk)| {
            let disk = SimDisk::new();
            let within = disk.directory("d").unwrap();
            let file = within.create("a").unwrap();
            file.write_at(0, b"x").unwrap();
            file.sync().unwrap();
            disk.create("b").unwrap().sync().unwrap();
            assert_eq!(
                (disk.list().unwrap(), within.list().unwrap()),
                (vec!["b".into()], vec!["a".into()])
            );
            sync(&disk, &*within);
            let left = disk.cut(Cut::None, &mut rng(0));
            left.image().into_keys().collect::<Vec<_>>()
        };
        assert!(left(&|_, within| within.sync_directory().unwrap()).is_empty());
        assert_eq!(left(&|disk, _| disk.sync_directory().unwrap()), ["b", "d/"]);
        let both = left(&|disk, within| {
            within.sync_directory().unwrap();
            disk.sync_directory().unwrap();
        });
        assert_eq!(both, ["b", "d/", "d/a"]);
    }

    #[test]
    fn faults_come_when_they_are_due_and_go_unless_they_last() {
        let (disk, file) = unsynced();
        let fault = |operation, lasting| Fault {
            operation: Some(operation),
            after: 1,
            kind: io::ErrorKind::StorageFull,
            lasting,
        };
        disk.plant(fault(Operation::Write, false));
        disk.plant(fault(Operation::Read, true));
        let writes = [0; 3].map(|_| file.write_at(0, b"x").is_ok());
        assert_eq!(writes, [true, false, true]);
        let reads = [0; 3].map(|_| file.read_at(0, &mut [0]).is_ok());
        assert_eq!(reads, [true, false, false]);
    }

    #[test]
    fn after_a_failed_sync_a_second_one_proves_nothing() {
        let (disk, file) = unsynced();
        disk.plant(Fault {
            operation: Some(Operation::Sync),
            after: 0,
            kind: io::ErrorKind::Other,
            lasting: false,
        });
        assert!(file.sync().is_err());
        file.sync().unwrap();
        assert_eq!(disk.image()["a"].len(), 2048, "it is seen all the same");
        file.distrust_cache().unwrap();
        assert_eq!(disk.image()["a"], [1; 1024]);
        let left = disk.cut(Cut::None, &mut rng(0));
        assert_eq!(left.image()["a"], [1; 1024]);
    }

    #[test]
    fn power_is_lost_at_the_operation_that_was_named() {
        let (disk, file) = unsynced();
        disk.cut_after(1);
        file.write_at(0, b"x").unwrap();
        assert!(!disk.is_cut());
        assert!(file.write_at(0, b"x").is_err());
        assert!(disk.is_cut() && disk.list().is_err());
    }
}
