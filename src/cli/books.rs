//! The data directory opened for serving: keys, journal, ledger.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::failure::{Failure, described};
use super::key::admin_key;
use crate::config::{Config, Storage};
use crate::disk::{Disk, RESERVE, RealDisk};
use crate::id::Seq;
use crate::journal::{
    self, Archiver, ArchiverStop, Backups, Committer, Journal, JournalError, Pace, RedbJournal,
};
use crate::ledger::{
    self, Checkpointer, CheckpointerStop, Ledger, Marks, RecoverError, Scrubber, ScrubberStop,
    SpaceWatch,
};
use crate::secret::{Secret, SecretKey, fill_random};
use crate::time::{Clock, SystemClock};

/// A coffer's books, ready to serve.
pub(super) struct Books {
    pub(super) ledger: Arc<Ledger>,
    /// To be run in a thread of its own.
    pub(super) committer: Committer,
    /// As well.
    pub(super) archiver: (Archiver, ArchiverStop),
    /// As well.
    pub(super) checkpointer: (Checkpointer, CheckpointerStop),
    /// As well.
    pub(super) scrubber: (Scrubber, ScrubberStop),
    pub(super) backups: Arc<Backups>,
    pub(super) secret_key: Arc<SecretKey>,
    /// The data directory.
    pub(super) data: Arc<dyn Disk>,
    pub(super) admin_key: Secret,
    /// Whether they came into being now.
    pub(super) created: bool,
}

impl Books {
    /// Opens what lies in `storage.data`; creates it where nothing is lost by that. The watch
    /// over the room on its disk has not looked yet.
    pub(super) fn open(
        config: &Config,
        clock: Arc<dyn Clock>,
    ) -> Result<(Books, SpaceWatch), Failure> {
        let storage = &config.storage;
        let disk: Arc<dyn Disk> = Arc::new(directory(&storage.data, storage.must_exist)?);
        let in_directory = |reason: String| {
            Failure::Refused(format!(
                "data directory {}: {reason}",
                storage.data.display()
            ))
        };
        let failed = |error: JournalError| in_directory(described(&error));
        let mut new_key = zeroize::Zeroizing::new([0; 32]);
        fill_random(&mut *new_key);
        let secret_key =
            journal::secret_key(&*disk, storage.must_exist, &new_key).map_err(failed)?;
        ledger::refuse_newer_books(&*disk).map_err(|error| in_directory(described(&error)))?;
        let admin_key = admin_key(&*disk).map_err(in_directory)?;
        let mut new_id = [0; 16];
        fill_random(&mut new_id);
        let options = journal::Options {
            commit: storage.commit,
            must_exist: storage.must_exist,
            segment_size: storage.segment_size,
            new_id,
            fingerprint: secret_key.fingerprint(),
            now: clock.now(),
        };
        let opened = journal::open(Arc::clone(&disk), options).map_err(failed)?;
        if let Some(warning) = opened.warning {
            tracing::warn!("{warning}");
        }
        let created = opened.created;
        let (journal, ledger, committer) = recover(config, &*disk, opened, Arc::clone(&clock))
            .map_err(|error| in_directory(described(&error)))?;
        let archiver = Archiver::new(Arc::clone(&journal), &committer, pace(storage.checkpoints));
        let checkpointer = Checkpointer::new(Arc::clone(&ledger));
        let scrubber = Scrubber::new(
            Arc::clone(&disk),
            Arc::clone(&ledger),
            Arc::clone(&journal),
            Arc::clone(&clock),
            storage.scrub,
        );
        // Where the backups lie on the same disk, they must not be what stops the bets.
        let backups = Backups::new(journal, clock, storage.free_low);
        let marks = Marks {
            low: storage.free_low,
            stop: storage.free_stop,
        };
        let data = Arc::clone(&disk);
        let space = SpaceWatch::new(disk, Arc::clone(&ledger), marks, storage.reserve_size)
            .map_err(|error| in_directory(format!("{RESERVE}: {error}")))?;
        let books = Books {
            ledger,
            committer,
            archiver,
            checkpointer,
            scrubber,
            backups: Arc::new(backups),
            secret_key: Arc::new(secret_key),
            data,
            admin_key,
            created,
        };
        Ok((books, space))
    }
}

/// How often the archiver works: at least as often as checkpoints are made.
fn pace(checkpoints: crate::books::Checkpoints) -> Pace {
    Pace {
        entries: checkpoints.entries.min(Pace::default().entries),
        interval: checkpoints.interval,
    }
}

/// Brings the ledger back to life, and says in the log how far it is where that takes a while.
fn recover(
    config: &Config,
    disk: &dyn Disk,
    opened: journal::Opened,
    clock: Arc<dyn Clock>,
) -> Result<(Arc<RedbJournal>, Arc<Ledger>, Committer), RecoverError> {
    let settings = ledger::Settings {
        rules: config.wallet.rules,
        queue_entries_max: config.limits.queue_entries_max,
        checkpoints: config.storage.checkpoints,
    };
    let books = ledger::open_books(disk, &opened, false)?;
    let journal = Arc::new(opened.journal);
    let (applied, head) = (books.applied().seq, journal.head().seq);
    let lacking = head.0.saturating_sub(applied.0);
    let long = lacking > settings.checkpoints.entries.saturating_mul(2);
    if long {
        tracing::info!(lacking, "the books lack entries, and catch up from history");
    }
    let of = Arc::<RedbJournal>::clone(&journal);
    let mut told = |booked: Seq| tracing::info!(booked = booked.0, of = head.0, "catching up");
    let recovered = Ledger::recover_telling(of, books, clock, settings, &mut told)?;
    if long {
        tracing::info!("the books have caught up");
    }
    Ok((journal, recovered.0, recovered.1))
}

/// Opens what lies in a data directory; makes nothing.
pub(super) fn open_journal(
    disk: Arc<dyn Disk>,
    storage: &Storage,
) -> Result<journal::Opened, JournalError> {
    // Nothing comes into being here, so that neither key nor id is ever used.
    let secret_key = journal::secret_key(&*disk, true, &[0; 32])?;
    let options = journal::Options {
        commit: storage.commit,
        must_exist: true,
        segment_size: storage.segment_size,
        new_id: [0; 16],
        fingerprint: secret_key.fingerprint(),
        now: SystemClock.now(),
    };
    journal::open(disk, options)
}

fn directory(path: &Path, must_exist: bool) -> Result<RealDisk, Failure> {
    let opened = if must_exist {
        RealDisk::open(path)
    } else {
        RealDisk::open_or_create(path)
    };
    opened.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound if must_exist => " (storage.must_exist is set)",
            io::ErrorKind::NotFound => " (its parent must exist)",
            _ => "",
        };
        let path = path.display();
        Failure::Refused(format!("data directory {path}{hint}: {error}"))
    })
}
