//! A data directory that no server runs on, read from its first entry to its last as it lies
//! there, past everything that is broken.
//!
//! A start refuses at the first thing that is wrong, and sets right what a kill has left. Here
//! nothing is set right: the lock is taken, and no byte of the coffer is written.
//!
//! # Why
//! *Why is a panic taken for a finding?* redb panics on some pages that have rotted
//! ([`guarded`]). That is caught around the reading of one file, so that the other files are
//! read all the same; the release profile unwinds for it. `serve` ends the process in the hook of
//! every other panic.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use redb::Database;

use super::attachments::{ATTACHMENTS, Beside};
use super::error::unreadable;
use super::history::{HISTORY, ends_early, incomplete};
use super::log::{self, JOURNAL};
use super::manifest::{MANIFEST, Manifest};
use super::rows::{COFFER, Row, about, extent, guarded, open_untouched, rows_at};
use super::segment::{self, Segment};
use super::start::{self, SECRET_KEY, Warning, secret_key};
use super::walk::Walk;
use super::witness::{WITNESS, Witness};
use super::{Batch, Head, JournalError, StartRefusal};
use crate::disk::{Disk, File};
use crate::id::Seq;

/// What is read at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// What a reading comes across, in the order of the entries.
#[derive(Debug)]
pub enum Piece {
    /// The next batch, verified by its own hash.
    Batch(Batch),
    /// Entries that cannot be read; why is found before.
    Unread {
        /// The first of them.
        first: Seq,
        /// The last.
        last: Seq,
    },
    /// Something that is wrong.
    Finding(String),
    /// Something that is not wrong and worth to know, such as what a kill has left.
    Note(String),
}

/// A data directory that is locked against servers.
#[derive(Debug)]
pub struct Offline {
    disk: Arc<dyn Disk>,
    manifest: Option<Manifest>,
    findings: Vec<JournalError>,
    witness: Option<Head>,
    witness_unreadable: bool,
    _lock: Box<dyn File>,
}

impl Offline {
    /// Takes the directory, and looks at its small files.
    ///
    /// # Errors
    /// There is no coffer, a server runs on it, a later version made it, or the directory cannot
    /// be read. What is wrong with its files is for [`Offline::read`] to tell.
    pub fn open(disk: Arc<dyn Disk>) -> Result<Offline, JournalError> {
        let mut findings = Vec::new();
        let mut found = |error| match is_damage(&error) {
            true => {
                findings.push(error);
                Ok(())
            }
            false => Err(error),
        };
        // Nothing comes into being here, so that this key is never used.
        let fingerprint = match secret_key(&*disk, true, &[0; 32]) {
            Ok(key) => Some(key.fingerprint()),
            Err(error) => {
                found(error)?;
                None
            }
        };
        let lock = start::lock(&*disk)?;
        let manifest = if disk
            .exists(MANIFEST)
            .map_err(JournalError::disk(MANIFEST))?
        {
            let read = Manifest::read(&*disk);
            read.map_or_else(
                |error| found(error).map(|()| None),
                |manifest| Ok(Some(manifest)),
            )?
        } else {
            None
        };
        let (mut witness, mut witness_unreadable) = (None, false);
        if let Some(manifest) = &manifest {
            if fingerprint.is_some_and(|fingerprint| fingerprint != manifest.secret_key) {
                found(StartRefusal::WrongSecretKey.into())?;
            }
            for name in &manifest.files {
                if ![SECRET_KEY, JOURNAL, WITNESS].contains(&&**name) {
                    // Whoever added it tells of it.
                } else if !disk.exists(name).map_err(JournalError::disk(name))? {
                    found(start::missing(name, false).into())?;
                } else if name == WITNESS {
                    match Witness::open(&*disk, manifest.id) {
                        Ok((_, known)) => (witness, witness_unreadable) = (known, known.is_none()),
                        Err(error) => found(error)?,
                    }
                }
            }
        }
        Ok(Offline {
            disk,
            manifest,
            findings,
            witness,
            witness_unreadable,
            _lock: lock,
        })
    }

    /// The directory. It is locked.
    pub fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// The last entry, as far as is known before reading.
    pub fn last(&self) -> Seq {
        self.witness.map_or(Seq::NONE, |head| head.seq)
    }

    /// Reads everything; each piece goes to `take`, which says whether more is wanted.
    ///
    /// # Errors
    /// A later version wrote some of it, or the directory cannot be read.
    pub fn read(&self, take: &mut dyn FnMut(Piece) -> bool) -> Result<(), JournalError> {
        let beside = Beside::list(&*self.disk);
        let mut beside = beside.map_err(JournalError::disk(ATTACHMENTS))?;
        let mut passed = |piece| beside.pass(piece, take);
        let mut walk = Walk::new(&mut passed, self.witness);
        for error in &self.findings {
            walk.tell(error);
        }
        if self.witness_unreadable {
            walk.note(Warning::WitnessUnreadable.to_string());
        }
        let mut last = None;
        if self
            .disk
            .exists(HISTORY)
            .map_err(JournalError::disk(HISTORY))?
        {
            last = self.history(&mut walk)?;
        }
        self.journal(&mut walk, last.as_ref())?;
        walk.end();
        beside.notes().into_iter().map(Piece::Note).all(take);
        Ok(())
    }

    /// The coffer's id, where the manifest can be read.
    pub fn id(&self) -> Option<[u8; 16]> {
        self.manifest.as_ref().map(|manifest| manifest.id)
    }

    /// Whether the manifest names a file: it must be there.
    pub fn names(&self, file: &str) -> bool {
        let manifest = self.manifest.as_ref();
        manifest.is_some_and(|manifest| manifest.files.iter().any(|name| name == file))
    }

    /// Reads every segment; the last one.
    fn history(&self, walk: &mut Walk<'_>) -> Result<Option<Last>, JournalError> {
        let failed = JournalError::disk(HISTORY);
        let disk = self.disk.directory(HISTORY).map_err(&failed)?;
        let mut firsts = Vec::new();
        for name in disk.list().map_err(&failed)? {
            firsts.extend(segment::first_of(&name));
            if name
                .strip_suffix(".new")
                .and_then(segment::first_of)
                .is_some()
            {
                walk.note(format!(
                    "{HISTORY}/{name} was not finished: the next start removes it"
                ));
            }
        }
        let mut last = None;
        for (place, &first) in firsts.iter().enumerate() {
            if walk.is_done() {
                break;
            }
            let path = segment::path(first);
            if first < walk.next() {
                let why = format!("holds entries from {first} on, as the file before does");
                walk.tell(&unreadable(&path, why));
            }
            walk.begin(first);
            let after = firsts.get(place + 1).copied();
            let mut sealed = true;
            let read = self.segment(&*disk, (first, after), &mut sealed, walk);
            settle(read, &path, walk)?;
            last = Some(Last { path, sealed });
        }
        Ok(last)
    }

    fn segment(
        &self,
        disk: &dyn Disk,
        (first, after): (Seq, Option<Seq>),
        sealed: &mut bool,
        walk: &mut Walk<'_>,
    ) -> Result<(), JournalError> {
        let path = segment::path(first);
        distrust(disk, &segment::name(first), &path)?;
        let segment = guarded(&path, || Segment::open_untouched(disk, first))?;
        // What panicked is not to be closed: that could panic again.
        let mut segment = ManuallyDrop::new(segment);
        let sound = check(&path, walk, || segment.database().check_integrity());
        let id = self.id();
        match guarded(&path, || segment.inspect(id.unwrap_or_default())) {
            Ok(ends) if !ends.sealed && after.is_some() => walk.tell(&incomplete(&path)),
            // Without a manifest nobody knows whose it should be.
            Err(JournalError::Refused(StartRefusal::Foreign { .. })) if id.is_none() => {}
            Err(error @ JournalError::Refused(StartRefusal::Foreign { .. })) => return Err(error),
            // Each batch is told when it is read.
            Ok(ends) => *sealed = ends.sealed,
            Err(JournalError::Damaged { .. }) => {}
            Err(error) if sound || is_damage(&error) => found(error, walk)?,
            Err(error) => walk.tell(&error),
        }
        let end = after.map_or(Seq(u64::MAX), |after| Seq(after.0 - 1));
        rows(segment.database(), &path, end, walk);
        close(&path, segment, sound, walk)
    }

    fn journal(&self, walk: &mut Walk<'_>, last: Option<&Last>) -> Result<(), JournalError> {
        let name = JOURNAL;
        if !self.disk.exists(name).map_err(JournalError::disk(name))? {
            walk.lose();
            return Ok(());
        }
        let read = self.log(walk, last);
        settle(read, name, walk)
    }

    fn log(&self, walk: &mut Walk<'_>, last: Option<&Last>) -> Result<(), JournalError> {
        let path = JOURNAL;
        let disk = &*self.disk;
        distrust(disk, path, path)?;
        let database = guarded(path, || open_untouched(disk, path, path, log::CACHE_BYTES))?;
        let mut database = ManuallyDrop::new(database);
        let sound = check(path, walk, || database.check_integrity());
        let history = Seq(walk.next().0 - 1);
        let said = |error| JournalError::database(path, error);
        let whose = guarded(path, || about(&database, COFFER).map_err(said));
        match (whose, self.id()) {
            (Ok(Some(id)), Some(wanted)) if id != wanted => {
                return Err(StartRefusal::Foreign { file: path.into() }.into());
            }
            (Ok(Some(_)), _) => {}
            (Ok(None), _) => walk.tell(&unreadable(path, "does not say whose it is".into())),
            (Err(error), _) => walk.tell(&error),
        }
        match guarded(path, || log::known_format(&database)) {
            Ok(()) => {}
            Err(error) if sound || is_damage(&error) => found(error, walk)?,
            Err(error) => walk.tell(&error),
        }
        match guarded(path, || extent(&database).map_err(said)) {
            Ok(Some((first, _))) => {
                if let Some(last) = last.filter(|last| !last.sealed && walk.lacks(first)) {
                    walk.tell(&ends_early(&last.path, history, Seq(first.0 - 1)));
                    walk.lose();
                }
                walk.begin(first);
            }
            Ok(None) => walk.begin_empty(),
            Err(error) => walk.tell(&error),
        }
        rows(&database, path, Seq(u64::MAX), walk);
        if let (Some(last), Some(journal)) = (last, walk.own())
            && journal.seq < history
        {
            let history = Head {
                seq: history,
                hash: [0; 32],
            };
            let behind = StartRefusal::BehindHistory {
                file: last.path.clone(),
                history,
                journal,
            };
            walk.tell(&behind.into());
        }
        close(path, database, sound, walk)
    }
}

/// The last segment.
struct Last {
    path: String,
    sealed: bool,
}

/// redb's own look at every page; whether it found nothing.
fn check(
    path: &str,
    walk: &mut Walk<'_>,
    check: impl FnOnce() -> Result<bool, redb::DatabaseError>,
) -> bool {
    let checked = guarded(path, || {
        check().map_err(|error| JournalError::database(path, error))
    });
    match checked {
        Ok(true) => return true,
        Ok(false) => walk.tell(&unreadable(
            path,
            "does not pass the database's own check: some of it is not as it was written".into(),
        )),
        Err(error) => walk.tell(&error),
    }
    false
}

/// Lets what is read of the file come from the disk and not from the machine's memory of it.
fn distrust(disk: &dyn Disk, name: &str, path: &str) -> Result<(), JournalError> {
    let file = disk.open(name).map_err(JournalError::disk(path))?;
    file.distrust_cache().map_err(JournalError::disk(path))
}

/// Closes a database that is sound; one that is not may panic, and is left.
fn close<T>(
    path: &str,
    database: ManuallyDrop<T>,
    sound: bool,
    walk: &mut Walk<'_>,
) -> Result<(), JournalError> {
    if sound {
        let database = ManuallyDrop::into_inner(database);
        guarded(path, || {
            drop(database);
            Ok(())
        })?;
    }
    match walk.newer() {
        Some(newer) if sound => Err(newer.into()),
        _ => Ok(()),
    }
}

/// What the reading of a file came to. What is wrong with it is told, and the others are read.
fn settle(
    read: Result<(), JournalError>,
    file: &str,
    walk: &mut Walk<'_>,
) -> Result<(), JournalError> {
    match read {
        Err(JournalError::Disk { source, .. }) => {
            walk.lose();
            walk.say(format!("{file} could not be read: {source}"));
            Ok(())
        }
        Err(error) => {
            walk.lose();
            found(error, walk)
        }
        Ok(()) => Ok(()),
    }
}

fn found(error: JournalError, walk: &mut Walk<'_>) -> Result<(), JournalError> {
    if is_damage(&error) {
        walk.tell(&error);
        Ok(())
    } else {
        Err(error)
    }
}

/// Reads all rows of a file, those before `end`, past those that cannot be read.
fn rows(database: &Database, path: &str, end: Seq, walk: &mut Walk<'_>) {
    let chunk = |seq: Seq, bytes_max| {
        guarded(path, || {
            rows_at(database, seq, bytes_max).map_err(|error| JournalError::database(path, error))
        })
    };
    let (mut seq, mut bytes_max) = (Seq::NONE, CHUNK_BYTES);
    while !walk.is_done() {
        let read = match chunk(seq, bytes_max) {
            Ok(rows) => rows,
            // One by one up to the one that cannot be read.
            Err(_) if bytes_max > 1 => {
                bytes_max = 1;
                continue;
            }
            Err(error) => {
                walk.tell(&error);
                walk.lose();
                bytes_max = CHUNK_BYTES;
                past(seq.max(walk.next()), end, chunk).unwrap_or_default()
            }
        };
        let Some(last) = read.iter().map(|row| row.first).max() else {
            return;
        };
        for row in &read {
            walk.row(path, row);
        }
        if last < seq {
            // Pages that have changed places lead back to rows before, for ever.
            walk.lose();
            return;
        }
        seq = last.next();
    }
}

/// The first row that can be read after those that cannot, or one at most as far again from it.
fn past(
    seq: Seq,
    end: Seq,
    chunk: impl Fn(Seq, usize) -> Result<Vec<Row>, JournalError>,
) -> Option<Vec<Row>> {
    let steps = (0..u64::BITS).map_while(|power| seq.0.checked_add(1 << power));
    let mut places = steps.take_while(|&place| place <= end.0);
    places.find_map(|place| chunk(Seq(place), 1).ok().filter(|rows| !rows.is_empty()))
}

/// Whether an error tells of what lies on the disk, and not of the way to it.
fn is_damage(error: &JournalError) -> bool {
    match error {
        JournalError::Database { .. }
        | JournalError::Damaged { .. }
        | JournalError::Gap { .. }
        | JournalError::Shortened { .. }
        | JournalError::Trimmed { .. }
        | JournalError::HeadMismatch { .. } => true,
        JournalError::Disk { .. } | JournalError::Latched => false,
        JournalError::Refused(refusal) => match refusal {
            StartRefusal::InUse | StartRefusal::NoCoffer | StartRefusal::Newer { .. } => false,
            StartRefusal::Missing { .. }
            | StartRefusal::Unreadable { .. }
            | StartRefusal::NoManifest
            | StartRefusal::Foreign { .. }
            | StartRefusal::WrongSecretKey
            | StartRefusal::BehindHistory { .. }
            | StartRefusal::BehindWitness { .. } => true,
        },
    }
}
