//! Files that belong to documents: pictures of payments, in `{data}/attachments`, each under its
//! hash (design.md, Entry).
//!
//! A file is on the disk before the entry that names it. One that no entry came to name is removed
//! again, unless the process ends before: then it lies there and is nobody's.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Piece;
use crate::disk::{Disk, File};
use crate::engine::entry::Entry;

/// The directory, within that of the data or of a backup.
pub(super) const ATTACHMENTS: &str = "attachments";

/// What is wrong with a file that has other bytes than its name says.
pub(super) const CHANGED: &str = "is not what was kept under its name";

/// What is read of a file at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Where they lie.
pub struct Attachments {
    data: Arc<dyn Disk>,
    /// Held by whoever writes: nobody else takes or leaves the same file meanwhile.
    writing: Mutex<()>,
}

impl Attachments {
    /// Within the data directory `data`. What an end of the process left unfinished is removed;
    /// nothing is made before there is something to keep.
    ///
    /// # Errors
    /// What the machine says.
    pub fn open(data: Arc<dyn Disk>) -> io::Result<Attachments> {
        if let Some(directory) = found(&*data)? {
            for name in directory.list()? {
                if name.strip_suffix(".new").is_some_and(is_hash) {
                    directory.remove(&name)?;
                }
            }
            directory.sync_directory()?;
        }
        let writing = Mutex::default();
        Ok(Attachments { data, writing })
    }

    /// Keeps a file durably and hands its hash to `name`, which says whether an entry names it now.
    ///
    /// # Errors
    /// What the machine says: then `name` was not asked, or a file lies there for nothing.
    pub fn keep<T>(&self, bytes: &[u8], name: impl FnOnce(String) -> (T, bool)) -> io::Result<T> {
        let _writing = self.writing.lock();
        let directory = self.data.directory(ATTACHMENTS)?;
        self.data.sync_directory()?;
        let hash = blake3::hash(bytes).to_hex().to_string();
        let is_new = !directory.exists(&hash)?;
        if is_new || hash_of(&*directory.open(&hash)?)? != hash {
            directory.replace(&hash, bytes)?;
        } else {
            // Whoever put it there may have met a failure before its name was durable.
            directory.sync_directory()?;
        }
        let (named, is_named) = name(hash.clone());
        if is_new && !is_named {
            directory.remove(&hash)?;
            directory.sync_directory()?;
        }
        Ok(named)
    }

    /// A file that an entry names.
    ///
    /// # Errors
    /// What the machine says; `InvalidData` where it is not what was kept, or longer than
    /// `len_max`.
    pub fn read(&self, hash: &str, len_max: usize) -> io::Result<Vec<u8>> {
        let bytes = self.data.directory(ATTACHMENTS)?.read(hash, len_max)?;
        if blake3::hash(&bytes).to_hex().as_str() != hash {
            return Err(io::Error::new(io::ErrorKind::InvalidData, CHANGED));
        }
        Ok(bytes)
    }
}

/// The directory, where there is one: nothing is made.
pub(super) fn found(data: &dyn Disk) -> io::Result<Option<Arc<dyn Disk>>> {
    match data.exists(ATTACHMENTS)? {
        true => data.directory(ATTACHMENTS).map(Some),
        false => Ok(None),
    }
}

/// A file as messages name it.
pub(super) fn path(name: &str) -> String {
    format!("{ATTACHMENTS}/{name}")
}

/// Whether a file could have this name.
pub(super) fn is_hash(name: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    name.len() == 64 && name.bytes().all(is_digit)
}

/// The name that a file with these bytes has.
pub(super) fn hash_of(file: &dyn File) -> io::Result<String> {
    let size = file.size()?;
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    while at < size {
        let length = (size - at).min(PIECE_BYTES as u64);
        let piece = &mut piece[..usize::try_from(length).expect("at most a piece")];
        file.read_at(at, piece)?;
        hasher.update(piece);
        at += length;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// The files beside entries that are read from the first to the last: whether each that is named
/// is there and has its content, and which are nobody's.
pub(super) struct Beside {
    directory: Option<Arc<dyn Disk>>,
    /// Whether an entry names it, by file.
    files: BTreeMap<String, bool>,
    notes: Vec<String>,
}

impl Beside {
    /// Those in a data directory or in that of a backup.
    ///
    /// # Errors
    /// What the machine says.
    pub(super) fn list(disk: &dyn Disk) -> io::Result<Beside> {
        let directory = found(disk)?;
        let names = directory.as_ref().map(|directory| directory.list());
        let (mut files, mut notes) = (BTreeMap::new(), Vec::new());
        for name in names.transpose()?.unwrap_or_default() {
            if name.strip_suffix(".new").is_some_and(is_hash) {
                let path = path(&name);
                notes.push(format!(
                    "{path} was not finished: the next start removes it"
                ));
            } else {
                files.insert(name, false);
            }
        }
        Ok(Beside {
            directory,
            files,
            notes,
        })
    }

    /// Gives a piece on to `take`, and what is wrong with the files that its entries name.
    pub(super) fn pass(&mut self, piece: Piece, take: &mut dyn FnMut(Piece) -> bool) -> bool {
        let mut wrong = Vec::new();
        if let Piece::Batch(batch) = &piece {
            for entry in &batch.entries {
                self.look(entry, &mut wrong);
            }
        }
        take(piece) && wrong.into_iter().map(Piece::Finding).all(take)
    }

    fn look(&mut self, entry: &Entry, wrong: &mut Vec<String>) {
        for name in entry.attachments() {
            let why = match (self.files.get_mut(name), &self.directory) {
                (Some(true), _) => continue,
                (Some(named), Some(directory)) => {
                    *named = true;
                    fault(&**directory, name)
                }
                _ => Some("is missing".to_owned()),
            };
            let path = path(name);
            wrong.extend(why.map(|why| format!("{path} {why}: entry {} names it", entry.seq)));
        }
    }

    /// What is not wrong and worth to know, once all entries were read.
    pub(super) fn notes(mut self) -> Vec<String> {
        let nobodys: Vec<&String> = self
            .files
            .iter()
            .filter(|of| !of.1)
            .map(|of| of.0)
            .collect();
        if let Some(first) = nobodys.first() {
            let (count, path) = (nobodys.len(), path(first));
            self.notes.push(format!(
                "{count} files in {ATTACHMENTS} are named by no entry, {path} the first of them: \
                 they only take room"
            ));
        }
        self.notes
    }
}

/// What is wrong with a file that is there.
fn fault(directory: &dyn Disk, name: &str) -> Option<String> {
    let read = directory.open(name).and_then(|file| {
        file.distrust_cache()?;
        hash_of(&*file)
    });
    match read {
        Ok(hash) if hash == name => None,
        Ok(_) => Some(CHANGED.to_owned()),
        Err(error) => Some(format!("could not be read ({error})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::unfinished;
    use crate::sim::disk::SimDisk;

    #[test]
    fn a_file_stays_if_something_names_it_and_is_checked_when_it_is_read() {
        let disk = SimDisk::new();
        let attachments = Attachments::open(Arc::new(disk.clone())).unwrap();
        let keep = |bytes: &[u8], is_named| attachments.keep(bytes, |hash| (hash, is_named));
        let kept = keep(b"%PDF-1", true).unwrap();
        assert_eq!(attachments.read(&kept, 9).unwrap(), b"%PDF-1");
        let gone = keep(b"%PDF-2", false).unwrap();
        assert!(attachments.read(&gone, 9).is_err());
        // What another entry names stays, whatever comes of this one.
        keep(b"%PDF-1", false).unwrap();
        assert!(attachments.read(&kept, 9).is_ok());
        let directory = disk.directory(ATTACHMENTS).unwrap();
        directory.open(&kept).unwrap().write_at(0, b"x").unwrap();
        let fault = attachments.read(&kept, 9).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::InvalidData);
        // Who brings it again makes it whole.
        keep(b"%PDF-1", false).unwrap();
        assert_eq!(attachments.read(&kept, 9).unwrap(), b"%PDF-1");
    }

    #[test]
    fn a_start_removes_what_was_not_finished_and_nothing_else() {
        let disk = SimDisk::new();
        let data: Arc<dyn Disk> = Arc::new(disk.clone());
        Attachments::open(Arc::clone(&data)).unwrap();
        assert!(disk.contents().unwrap().is_empty(), "nothing is made");
        let directory = disk.directory(ATTACHMENTS).unwrap();
        let whole = "0".repeat(64);
        for name in [&whole, &unfinished(&whole), "mine.new"] {
            directory.write_new(name, b"x").unwrap();
        }
        Attachments::open(data).unwrap();
        assert_eq!(directory.list().unwrap(), [&whole, "mine.new"]);
    }
}
