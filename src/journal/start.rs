//! Starting on a data directory: making what is not there yet, refusing what has been lost.
//!
//! The files of a first start come into being one after the other, each whole and durable before
//! the next: `secret.key`, `journal.redb`, `witness`, and last `manifest.json`. So a directory
//! without a manifest and without entries is a first start that was interrupted, at whatever
//! moment, and goes on; a directory with a manifest has everything that it names, or has lost it.
//!
//! `reserve` is room kept back ([`crate::disk::Reserve`]). The manifest does not name it, since
//! nothing is lost with it. A start that the full disk stops gives the reserve back, and tries
//! once more.
//!
//! `history/` is no part of that: its segments come as entries go to it, and what must be there
//! follows from the hash chain, which begins with the first entry and leads into `journal.redb`.
//!
//! `lock` is an empty file that whoever starts has locked, so that nobody else looks at a
//! directory that is being made.

use std::fmt;
use std::io;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::history::{self, HISTORY, History, joins};
use super::log::{self, CommitMode, Found, JOURNAL};
use super::manifest::{MANIFEST, Manifest};
use super::whole::RedbJournal;
use super::witness::{self, WITNESS, Witness};
use super::{Head, JournalError, StartRefusal};
use crate::disk::{Disk, File, closed, release_reserve, unfinished};
use crate::id::Seq;
use crate::secret::{SecretKey, hex_decode, hex_encode};
use crate::time::Timestamp;

/// The name of the file that holds the key behind all secrets.
pub const SECRET_KEY: &str = "secret.key";
pub(super) const LOCK: &str = "lock";

/// An empty file that is there from before a first start's first file until after its last.
const STARTING: &str = "starting";

/// Where a segment of history is sealed unless somebody says otherwise: large enough to be few,
/// small enough to copy.
pub const SEGMENT_SIZE: u64 = 256 * 1024 * 1024;

/// How to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// How commits reach the disk.
    pub commit: CommitMode,
    /// Whether to refuse where there is no coffer yet (operations.md, Configuration,
    /// `storage.must_exist`).
    pub must_exist: bool,
    /// Bytes of batches after which a segment of history is sealed (operations.md,
    /// Configuration, `storage.segment_size`).
    pub segment_size: u64,
    /// The id of a coffer that comes into being.
    pub new_id: [u8; 16],
    /// [`SecretKey::fingerprint`] of the key that [`secret_key`] gave.
    pub fingerprint: String,
    /// The present, for a coffer that comes into being.
    pub now: Timestamp,
}

/// A journal that is ready.
#[derive(Debug)]
pub struct Opened {
    /// The journal. It has the data directory to itself.
    pub journal: RedbJournal,
    /// The coffer's id.
    pub id: [u8; 16],
    /// When the coffer came into being.
    pub created_at: Timestamp,
    /// Whether that was now.
    pub created: bool,
    /// What an operator should hear of.
    pub warning: Option<Warning>,
}

/// Something odd that does not stand in the way of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Both slots of the witness are unreadable.
    WitnessUnreadable,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Warning::WitnessUnreadable => {
                "the file witness was unreadable: this start could not tell whether journal.redb \
                 was rolled back or replaced. After a loss of power compare the newest entries \
                 with the game servers; otherwise look after the disk"
            }
        })
    }
}

/// The key behind all secrets: `{data}/secret.key`, 64 hex digits. `new` becomes the key of a
/// coffer that comes into being.
///
/// # Errors
/// [`JournalError`], where the key is lost, malformed or open to others, another coffer is
/// running here, or `must_exist` is set and there is none.
pub fn secret_key(
    disk: &dyn Disk,
    must_exist: bool,
    new: &[u8; 32],
) -> Result<SecretKey, JournalError> {
    let failed = JournalError::disk(SECRET_KEY);
    let completed = must_exist_already(disk, must_exist)?;
    let _lock = lock(disk)?;
    if completed {
        // The key has no version of its own.
        let_pass_but_newer(Manifest::read(disk).map(drop))?;
    } else {
        mark_first_start(disk)?;
    }
    if !disk.exists(SECRET_KEY).map_err(&failed)? {
        // It is older than every other file.
        if completed || disk.exists(JOURNAL).map_err(JournalError::disk(JOURNAL))? {
            return Err(missing(SECRET_KEY, false).into());
        }
        let text = Zeroizing::new(hex_encode(new) + "\n");
        disk.write_new(SECRET_KEY, text.as_bytes())
            .map_err(&failed)?;
    }
    let text = Zeroizing::new(disk.read_private(SECRET_KEY, 1024).map_err(&failed)?);
    if text.is_empty() {
        return Err(missing(SECRET_KEY, true).into());
    }
    secret_key_in(&text).ok_or_else(|| {
        let refusal = StartRefusal::Unreadable {
            file: SECRET_KEY.into(),
            why: "does not hold 64 small hex digits".into(),
        };
        refusal.into()
    })
}

/// The key that the text of a `secret.key` holds; `None` where it is no such text.
pub fn secret_key_in(text: &[u8]) -> Option<SecretKey> {
    let bytes = std::str::from_utf8(text.trim_ascii_end()).ok();
    let bytes = bytes.and_then(hex_decode).map(Zeroizing::new)?;
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(bytes.as_slice().try_into().ok()?);
    Some(SecretKey::new(&key))
}

/// Opens the journal of the coffer in a data directory; makes one where there is none.
///
/// # Errors
/// [`JournalError`]: [`JournalError::Refused`] where something was lost, emptied, shortened,
/// swapped or rolled back, with the file's name and what to do.
pub fn open(disk: Arc<dyn Disk>, options: Options) -> Result<Opened, JournalError> {
    let data = Arc::clone(&disk);
    let disk = &*disk;
    let completed = must_exist_already(disk, options.must_exist)?;
    let lock = lock(disk)?;
    let started = match start(disk, &options) {
        Err(error) if error.is_disk_full() => match release_reserve(disk) {
            Ok(true) => start(disk, &options),
            _ => Err(error),
        },
        started => started,
    };
    let started = started?;
    Ok(Opened {
        id: started.manifest.id,
        created_at: started.manifest.created_at,
        created: !completed,
        warning: started.warning,
        journal: started.into_journal(data, options.commit, lock),
    })
}

/// Refuses a directory of which a later version wrote anything, before anything in it is changed.
fn refuse_newer(disk: &dyn Disk, manifest: &Manifest) -> Result<(), JournalError> {
    let exists = |name| disk.exists(name).map_err(JournalError::disk(name));
    if exists(WITNESS)? {
        let_pass_but_newer(Witness::open(disk, manifest.id).map(drop))?;
    }
    if exists(JOURNAL)? {
        let_pass_but_newer(log::refuse_newer(disk))?;
    }
    if exists(HISTORY)? {
        let directory = disk
            .directory(HISTORY)
            .map_err(JournalError::disk(HISTORY))?;
        let_pass_but_newer(history::refuse_newer(&*directory, manifest.id))?;
    }
    Ok(())
}

/// Whatever else is wrong is told by whoever reads the file to use it.
fn let_pass_but_newer(looked: Result<(), JournalError>) -> Result<(), JournalError> {
    match looked {
        Err(error @ JournalError::Refused(StartRefusal::Newer { .. })) => Err(error),
        _ => Ok(()),
    }
}

/// Keeps a data directory of which no server is running for the caller until what is returned is
/// dropped; [`open`] takes it by itself.
///
/// # Errors
/// [`StartRefusal::InUse`], or the disk's own.
pub fn occupy(disk: &dyn Disk) -> Result<Box<dyn File>, JournalError> {
    lock(disk)
}

/// Whether a file is among those that must be there at every start.
///
/// # Errors
/// [`JournalError`].
pub fn has_file(disk: &dyn Disk, name: &str) -> Result<bool, JournalError> {
    Ok(Manifest::read(disk)?.files.iter().any(|file| file == name))
}

/// Adds a file to those that must be there at every start. It is durable already, and the caller
/// has the data directory to itself.
///
/// # Errors
/// [`JournalError::Disk`].
pub fn add_file(disk: &dyn Disk, name: &str) -> Result<(), JournalError> {
    let mut manifest = Manifest::read(disk)?;
    manifest.files.push(name.to_owned());
    manifest.replace(disk)
}

/// Takes a file from those that must be there. The caller has the data directory to itself.
///
/// # Errors
/// [`JournalError::Disk`].
pub fn remove_file(disk: &dyn Disk, name: &str) -> Result<(), JournalError> {
    let mut manifest = Manifest::read(disk)?;
    manifest.files.retain(|file| file != name);
    manifest.replace(disk)
}

/// A coffer whose files are all there and agree.
pub(super) struct Started {
    manifest: Manifest,
    found: Found,
    history: History,
    witness: Witness,
    warning: Option<Warning>,
}

impl Started {
    pub(super) fn into_journal(
        self,
        data: Arc<dyn Disk>,
        commit: CommitMode,
        lock: Box<dyn File>,
    ) -> RedbJournal {
        let log = self.found.into_log(commit, self.witness, lock);
        RedbJournal::new(data, self.manifest, log, self.history)
    }
}

/// Makes what is to be made, and checks what is there. It may be done again when it failed.
fn start(disk: &dyn Disk, options: &Options) -> Result<Started, JournalError> {
    // An earlier start may have ended by a failed sync of the directory: what it named is seen,
    // and may yet be lost.
    disk.sync_directory().map_err(JournalError::disk("."))?;
    for name in [SECRET_KEY, JOURNAL, WITNESS, MANIFEST] {
        discard(disk, &unfinished(name))?;
    }
    let manifest = if must_exist_already(disk, options.must_exist)? {
        let manifest = Manifest::read(disk)?;
        refuse_newer(disk, &manifest)?;
        manifest
    } else {
        first_start(disk, options)?
    };
    // The manifest is durable. Should the mark come back with a loss of power, it goes again.
    discard(disk, STARTING)?;
    check(disk, options, manifest)
}

/// Whether a first start was completed here.
fn must_exist_already(disk: &dyn Disk, must_exist: bool) -> Result<bool, JournalError> {
    let completed = disk
        .exists(MANIFEST)
        .map_err(JournalError::disk(MANIFEST))?;
    if completed || !must_exist {
        return Ok(completed);
    }
    let journal = disk.exists(JOURNAL).map_err(JournalError::disk(JOURNAL))?;
    Err(if journal {
        StartRefusal::NoManifest.into()
    } else {
        StartRefusal::NoCoffer.into()
    })
}

/// Tells a first start that was interrupted from a directory that has lost its manifest: only in
/// the former the mark is older than every other file.
fn mark_first_start(disk: &dyn Disk) -> Result<(), JournalError> {
    let exists = |name| disk.exists(name).map_err(JournalError::disk(name));
    if exists(STARTING)? {
        return Ok(());
    }
    for name in [SECRET_KEY, JOURNAL, WITNESS] {
        if exists(name)? {
            return Err(StartRefusal::NoManifest.into());
        }
    }
    let failed = JournalError::disk(STARTING);
    disk.create(STARTING).map_err(&failed)?;
    disk.sync_directory().map_err(failed)
}

pub(super) fn missing(file: &str, emptied: bool) -> StartRefusal {
    StartRefusal::Missing {
        file: file.into(),
        emptied,
    }
}

/// Takes a directory for this process alone.
pub(super) fn lock(disk: &dyn Disk) -> Result<Box<dyn File>, JournalError> {
    let failed = JournalError::disk(LOCK);
    let file = match disk.create(LOCK) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.open(LOCK),
        created => created,
    };
    let file = file.map_err(&failed)?;
    if file.try_lock().map_err(&failed)? {
        Ok(file)
    } else {
        Err(StartRefusal::InUse.into())
    }
}

/// Removes a file that may be there.
pub(super) fn discard(disk: &dyn Disk, name: &str) -> Result<(), JournalError> {
    match disk.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(JournalError::disk(name)),
    }
}

/// Makes what an interrupted first start has not made.
fn first_start(disk: &dyn Disk, options: &Options) -> Result<Manifest, JournalError> {
    let exists = |name| disk.exists(name).map_err(JournalError::disk(name));
    if !exists(SECRET_KEY)? {
        return Err(missing(SECRET_KEY, false).into());
    }
    let id = if exists(JOURNAL)? {
        let found = log::find(disk)?;
        if found.head != Head::EMPTY {
            return Err(StartRefusal::NoManifest.into());
        }
        found.id
    } else {
        options.new_id
    };
    let history = segments(disk, id, options.segment_size)?;
    if history.end() != Head::EMPTY {
        return Err(StartRefusal::NoManifest.into());
    }
    drop(history);
    if exists(WITNESS)? {
        // A witness of entries, and no journal to hold them, is a loss.
        let (_, known) = Witness::open(disk, id)?;
        if known.is_some_and(|head| head.seq > Seq::NONE) {
            return Err(StartRefusal::NoManifest.into());
        }
    }
    if !exists(JOURNAL)? {
        log::create(disk, id, None)?;
    }
    if !exists(WITNESS)? {
        witness::create(disk, id, Head::EMPTY)?;
    }
    let manifest = Manifest::new(id, options.now, options.fingerprint.clone());
    manifest.write(disk)?;
    Ok(manifest)
}

/// Checks that all is there that a coffer of this manifest has, and that it agrees.
pub(super) fn check(
    disk: &dyn Disk,
    options: &Options,
    manifest: Manifest,
) -> Result<Started, JournalError> {
    // Others are for those whose files they are.
    let ours = |name: &&String| [JOURNAL, WITNESS].contains(&name.as_str());
    for name in manifest.files.iter().filter(ours) {
        if !disk.exists(name).map_err(JournalError::disk(name))? {
            return Err(missing(name, false).into());
        }
        let file = disk.open(name).map_err(JournalError::disk(name))?;
        if file.size().map_err(JournalError::disk(name))? == 0 {
            return Err(missing(name, true).into());
        }
    }
    if manifest.secret_key != options.fingerprint {
        return Err(StartRefusal::WrongSecretKey.into());
    }
    let found = log::find(disk)?;
    if found.id != manifest.id {
        return Err(StartRefusal::Foreign {
            file: JOURNAL.into(),
        }
        .into());
    }
    let history = match segments(disk, manifest.id, options.segment_size) {
        Ok(history) => history,
        Err(error) => {
            closed(found);
            return Err(error);
        }
    };
    match agree(disk, manifest.id, &found, &history) {
        Ok((witness, warning)) => Ok(Started {
            manifest,
            found,
            witness,
            history,
            warning,
        }),
        Err(error) => {
            closed((found, history));
            Err(error)
        }
    }
}

/// Checks that the journal goes on where history ends, and has been where the witness says.
fn agree(
    disk: &dyn Disk,
    id: [u8; 16],
    found: &Found,
    history: &History,
) -> Result<(Witness, Option<Warning>), JournalError> {
    let at_end = found.head_at(history.end().seq)?;
    joins(history, found.begins_after()?, at_end, found.head)?;
    let (mut witness, known) = Witness::open(disk, id)?;
    if let Some(known) = known
        && !has_been_at(found, history, known)?
    {
        return Err(StartRefusal::BehindWitness {
            witness: known,
            journal: found.head,
        }
        .into());
    }
    witness.settle(found.head)?;
    Ok((
        witness,
        known.is_none().then_some(Warning::WitnessUnreadable),
    ))
}

/// Opens history; makes an empty one where there is none.
fn segments(disk: &dyn Disk, id: [u8; 16], segment_size: u64) -> Result<History, JournalError> {
    let failed = JournalError::disk(HISTORY);
    let directory = disk.directory(HISTORY).map_err(&failed)?;
    let history = History::find(directory, id, segment_size)?;
    if history.end() == Head::EMPTY {
        // It may have been made just now, or so that nobody synced it.
        disk.sync_directory().map_err(failed)?;
    }
    Ok(history)
}

/// Whether the journal has been where the witness says.
fn has_been_at(log: &Found, history: &History, witness: Head) -> Result<bool, JournalError> {
    if witness.seq > log.head.seq {
        return Ok(false);
    }
    let there = match log.head_at(witness.seq)? {
        None => history.head_at(witness.seq)?,
        there => there,
    };
    Ok(there == Some(witness))
}
