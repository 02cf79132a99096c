//! A backup directory that is written to: whose it is, which points it holds, what none of them
//! needs.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use super::error::BackupError;
use super::point::{self, Kind, Owner, Point};
use crate::disk::{Disk, File, unfinished};
use crate::journal::attachments::{ATTACHMENTS, is_hash};
use crate::journal::start::LOCK;
use crate::journal::{JournalError, StartRefusal, start};

/// The file that says whose backups these are, written before any other.
pub(super) const OWNER: &str = "backup.json";

const POINTS: &str = "points";

/// How the names of points end.
const JSON: &str = ".json";

/// The directory of one coffer's backups, taken by this process.
pub(super) struct Folder {
    disk: Arc<dyn Disk>,
    points: Arc<dyn Disk>,
    history: Arc<dyn Disk>,
    tails: Arc<dyn Disk>,
    pub(super) attachments: Arc<dyn Disk>,
    _lock: Box<dyn File>,
}

/// The points of a directory, oldest first, and the directories that its parts lie in.
pub(super) struct Found {
    pub(super) owner: Owner,
    pub(super) points: Vec<Point>,
}

impl Folder {
    /// Opens the directory of a coffer's backups; makes one of an empty directory.
    pub(super) fn open(disk: Arc<dyn Disk>, owner: &Owner) -> Result<Folder, BackupError> {
        let here = BackupError::disk("the directory");
        let contents = disk.contents().map_err(&here)?;
        if !contents.iter().any(|name| name == OWNER) {
            let first = [LOCK.to_owned(), unfinished(OWNER)];
            if let Some(found) = contents.into_iter().find(|name| !first.contains(name)) {
                return Err(BackupError::NotABackup { found });
            }
        }
        let lock = lock(&*disk)?;
        // An earlier process may have ended by a failed sync of a directory: what it named is
        // seen, and may yet be lost.
        disk.sync_directory().map_err(&here)?;
        if !disk.exists(OWNER).map_err(BackupError::disk(OWNER))? {
            point::write(&*disk, OWNER, OWNER, owner)?;
        } else if point::read::<Owner>(&*disk, OWNER, OWNER)? != *owner {
            return Err(BackupError::Foreign);
        }
        let directory = |name| disk.directory(name).map_err(BackupError::disk(name));
        let folder = Folder {
            points: directory(POINTS)?,
            history: directory(Kind::Segment.directory())?,
            tails: directory(Kind::Tail.directory())?,
            attachments: directory(ATTACHMENTS)?,
            disk: Arc::clone(&disk),
            _lock: lock,
        };
        let own = [&folder.history, &folder.tails, &folder.attachments];
        for within in [&folder.disk, &folder.points].into_iter().chain(own) {
            within.sync_directory().map_err(&here)?;
        }
        Ok(folder)
    }

    /// The directory that such parts lie in.
    pub(super) fn of(&self, kind: Kind) -> &dyn Disk {
        match kind {
            Kind::Segment => &*self.history,
            Kind::Tail => &*self.tails,
        }
    }

    /// The points that are there, oldest first.
    pub(super) fn points(&self, owner: &Owner) -> Result<Vec<Point>, BackupError> {
        points(&*self.points, owner)
    }

    /// Makes a backup one: from now on it can be restored.
    pub(super) fn add(&self, point: &Point) -> Result<(), BackupError> {
        let name = point.name();
        point::write(&*self.points, &name, &point_path(&name), point)
    }

    /// Forgets all points but `kept`, then removes what none of these needs. What was never ours
    /// stays.
    pub(super) fn retain(&self, kept: &[Point], all: &[Point]) -> Result<(), BackupError> {
        let stays: HashSet<String> = kept.iter().map(Point::name).collect();
        for name in all.iter().map(Point::name) {
            if !stays.contains(&name) {
                discard(&*self.points, &name, POINTS)?;
            }
        }
        for name in self.points.list().map_err(BackupError::disk(POINTS))? {
            if name.ends_with(&unfinished(JSON)) {
                discard(&*self.points, &name, POINTS)?;
            }
        }
        // Not before: a point whose files are gone would be a trap.
        (self.points.sync_directory()).map_err(BackupError::disk(POINTS))?;
        for kind in [Kind::Segment, Kind::Tail] {
            let needed: HashSet<String> = (kept.iter().flat_map(Point::parts))
                .filter(|(of, _)| *of == kind)
                .map(|(_, part)| part.name(kind))
                .collect();
            let names = self.of(kind).list();
            for name in names.map_err(BackupError::disk(kind.directory()))? {
                if kind.is_ours(&name) && !needed.contains(&name) {
                    discard(self.of(kind), &name, kind.directory())?;
                }
            }
        }
        let names = self.attachments.list();
        for name in names.map_err(BackupError::disk(ATTACHMENTS))? {
            if name.strip_suffix(".new").is_some_and(is_hash) {
                discard(&*self.attachments, &name, ATTACHMENTS)?;
            }
        }
        Ok(())
    }
}

/// Takes a backup directory, so that nobody else writes to it.
pub(super) fn lock(disk: &dyn Disk) -> Result<Box<dyn File>, BackupError> {
    start::lock(disk).map_err(|error| match error {
        JournalError::Refused(StartRefusal::InUse) => BackupError::InUse,
        JournalError::Disk { file, source } => BackupError::Disk { file, source },
        error => BackupError::Data(error),
    })
}

fn discard(disk: &dyn Disk, name: &str, directory: &str) -> Result<(), BackupError> {
    match disk.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(BackupError::disk(&format!("{directory}/{name}"))(error))
        }
        _ => Ok(()),
    }
}

fn point_path(name: &str) -> String {
    format!("{POINTS}/{name}")
}

/// Looks through a directory that is only read.
pub(super) fn find(disk: &dyn Disk) -> Result<Found, BackupError> {
    if !disk.exists(OWNER).map_err(BackupError::disk(OWNER))? {
        return Err(BackupError::NoBackup);
    }
    let owner: Owner = point::read(disk, OWNER, OWNER)?;
    let within = disk.directory(POINTS).map_err(BackupError::disk(POINTS))?;
    let points = points(&*within, &owner)?;
    Ok(Found { owner, points })
}

fn points(disk: &dyn Disk, owner: &Owner) -> Result<Vec<Point>, BackupError> {
    let mut points = Vec::new();
    for name in disk.list().map_err(BackupError::disk(POINTS))? {
        if !name.ends_with(JSON) {
            continue;
        }
        let path = point_path(&name);
        let point: Point = point::read(disk, &name, &path)?;
        if point.id != owner.id || point.name() != name || !point.is_whole() {
            return Err(BackupError::damaged(
                &path,
                "does not say what it once said",
            ));
        }
        points.push(point);
    }
    Ok(points)
}
