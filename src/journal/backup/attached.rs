//! Attachments on their way from one directory to another, whole or not at all.
//!
//! What entries name is taken over as they are followed, and everything else that lies there with
//! a backup: so a copy that was lost comes back. A file that is not to be had harms no other, and
//! is told of in the end: books are worth more than pictures.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::error::BackupError;
use super::files::{copy, write_whole};
use super::progress::Progress;
use crate::disk::Disk;
use crate::engine::entry::Entry;
use crate::journal::attachments::{CHANGED, found, hash_of, is_hash, path};
use crate::secret::hex_encode;

/// For errors: what the machine said about a file that is written.
type Failed = fn(&str, io::Error) -> BackupError;

/// What is taken over, and what could not be.
pub(super) struct Taking<'a> {
    from: Option<Arc<dyn Disk>>,
    to: Arc<dyn Disk>,
    failed: Failed,
    progress: &'a Progress,
    /// Why a file is not there, by its name.
    lacking: BTreeMap<String, String>,
    pub(super) bytes: u64,
    pub(super) files: u64,
}

impl<'a> Taking<'a> {
    /// From the attachments of the directory `data`, if it has any, to the directory `to`.
    ///
    /// # Errors
    /// What the machine says.
    pub(super) fn new(
        data: &dyn Disk,
        to: Arc<dyn Disk>,
        failed: Failed,
        progress: &'a Progress,
    ) -> io::Result<Taking<'a>> {
        Ok(Taking {
            from: found(data)?,
            to,
            failed,
            progress,
            lacking: BTreeMap::new(),
            bytes: 0,
            files: 0,
        })
    }

    /// Takes what an entry names.
    pub(super) fn entry(&mut self, entry: &Entry) -> Result<(), BackupError> {
        entry.attachments().try_for_each(|name| self.take(name))
    }

    /// Takes everything else.
    pub(super) fn rest(&mut self) -> Result<(), BackupError> {
        let Some(from) = &self.from else {
            return Ok(());
        };
        let list = |disk: &dyn Disk| -> Result<BTreeSet<String>, BackupError> {
            let names = disk
                .list()
                .map_err(|error| (self.failed)(&path(""), error))?;
            Ok(names.into_iter().filter(|name| is_hash(name)).collect())
        };
        let (from, to) = (list(&**from)?, list(&*self.to)?);
        for name in from.difference(&to) {
            match self.copy(name)? {
                // Whoever put it there took it away again.
                Some(Lack::Missing) | None => {}
                Some(lack) => self.lacks(name, lack),
            }
        }
        Ok(())
    }

    /// What is not there and should be, with the reason.
    pub(super) fn lacking(self) -> Vec<String> {
        let lacking = self.lacking.into_iter();
        lacking
            .map(|(name, why)| format!("{} {why}", path(&name)))
            .collect()
    }

    fn take(&mut self, name: &str) -> Result<(), BackupError> {
        let there = self.to.exists(name);
        if there.map_err(|error| (self.failed)(&path(name), error))? {
            return Ok(());
        }
        if let Some(lack) = self.copy(name)? {
            self.lacks(name, lack);
        }
        Ok(())
    }

    fn lacks(&mut self, name: &str, lack: Lack) {
        let why = match lack {
            Lack::Missing => "is missing".to_owned(),
            Lack::Changed => CHANGED.to_owned(),
            Lack::Unread(error) => format!("could not be read ({error})"),
        };
        self.lacking.insert(name.to_owned(), why);
    }

    /// Copies a file; why there is nothing to copy.
    fn copy(&mut self, name: &str) -> Result<Option<Lack>, BackupError> {
        let Some(from) = self.from.as_ref().filter(|_| is_hash(name)) else {
            return Ok(Some(Lack::Missing));
        };
        let source = match from.open(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some(Lack::Missing));
            }
            Err(error) => return Ok(Some(Lack::Unread(error))),
            Ok(source) => source,
        };
        // Before anything bears its name.
        match hash_of(&*source) {
            Ok(hash) if hash == name => {}
            Ok(_) => return Ok(Some(Lack::Changed)),
            Err(error) => return Ok(Some(Lack::Unread(error))),
        }
        let failed = |error| (self.failed)(&path(name), error);
        let size = source.size().map_err(failed)?;
        self.progress.add_total(size.saturating_mul(2));
        let written = write_whole(&*self.to, name, &failed, self.progress, |writer| {
            copy(&*source, &failed, writer)
        })?;
        if hex_encode(&written.check) != name {
            self.to.remove(name).map_err(failed)?;
            return Ok(Some(Lack::Changed));
        }
        self.bytes += written.bytes;
        self.files += 1;
        Ok(None)
    }
}

enum Lack {
    Missing,
    Changed,
    Unread(io::Error),
}
