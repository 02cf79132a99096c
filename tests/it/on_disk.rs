//! Opening a ledger over a disk, real or simulated, as `serve` does: the one place among the
//! simulation's tests that knows how.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use coffer::disk::{Disk, RealDisk};
use coffer::engine::command::Rules;
use coffer::id::Seq;
use coffer::journal::{
    Archiver, ArchiverStop, CommitMode, Journal, JournalError, Options, Pace, Piece, RedbJournal,
    secret_key,
};
use coffer::ledger::{Committer, Ledger, Settings, Verified, verify};
use coffer::sim::ManualClock;
use coffer::sim::disk::SimDisk;
use coffer::sort::Scratch;

use crate::world;

/// Entries that may wait for the disk.
const QUEUE_ENTRIES_MAX: usize = 65_536;

/// Bytes of a segment of a history in a real directory: small, so that there are many.
const SEGMENT_SIZE: u64 = 64 * 1024;

/// The journal on a disk; a new one where there is none.
///
/// # Errors
/// What the journal said.
pub(crate) fn open_journal(
    disk: Arc<dyn Disk>,
    commit: CommitMode,
    segment_size: u64,
) -> Result<Arc<RedbJournal>, JournalError> {
    let key = secret_key(&*disk, false, &[7; 32])?;
    let options = Options {
        commit,
        must_exist: false,
        segment_size,
        new_id: [7; 16],
        fingerprint: key.fingerprint(),
        now: world::start(),
    };
    Ok(Arc::new(coffer::journal::open(disk, options)?.journal))
}

/// The ledger of a journal, and its committer to drive by hand.
///
/// # Errors
/// What the journal said.
pub(crate) fn recover(
    journal: &Arc<dyn Journal>,
    clock: &Arc<ManualClock>,
    rules: Rules,
) -> Result<(Arc<Ledger>, Committer), JournalError> {
    let settings = Settings {
        rules,
        queue_entries_max: QUEUE_ENTRIES_MAX,
    };
    let clock = Arc::<ManualClock>::clone(clock);
    Ledger::recover(Arc::clone(journal), clock, settings)
}

/// Memory for a verification: so little that it sorts on a disk too.
pub(crate) const VERIFY_MEMORY: usize = 64 * 1024;

/// Verifies what a journal reads back.
pub(crate) fn verify_journal(journal: &dyn Journal) -> Verified {
    let pieces = match journal.read_from(Seq::NONE.next()) {
        Ok(batches) => batches,
        Err(error) => Box::new(std::iter::once(Err(error))),
    };
    let pieces = pieces.map(|batch| match batch {
        Ok(batch) => Piece::Batch(batch),
        Err(error) => Piece::Finding(error.to_string()),
    });
    let scratch = Arc::new(Scratch::new(Arc::new(SimDisk::new())).unwrap());
    verify(pieces, scratch, VERIFY_MEMORY, &mut |_| {}).unwrap()
}

/// A ledger in a real directory whose committer and archiver run in threads of their own.
pub(crate) struct OnDisk {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) journal: Arc<dyn Journal>,
    committer: JoinHandle<Result<(), JournalError>>,
    archiver: JoinHandle<Result<(), JournalError>>,
    stop: ArchiverStop,
}

impl OnDisk {
    pub(crate) fn on_directory(path: &Path, clock: Arc<ManualClock>) -> OnDisk {
        OnDisk::under(path, &clock, world::rules())
    }

    pub(crate) fn under(path: &Path, clock: &Arc<ManualClock>, rules: Rules) -> OnDisk {
        let disk = RealDisk::open(path).unwrap();
        let redb = open_journal(Arc::new(disk), CommitMode::OnePhase, SEGMENT_SIZE).unwrap();
        let journal: Arc<dyn Journal> = Arc::<RedbJournal>::clone(&redb);
        let (ledger, committer) = recover(&journal, clock, rules).unwrap();
        let pace = Pace {
            entries: 500,
            ..Pace::default()
        };
        let (archiver, stop) = Archiver::new(redb, &committer, pace);
        OnDisk {
            ledger,
            journal,
            committer: std::thread::spawn(|| committer.run()),
            archiver: std::thread::spawn(|| archiver.run()),
            stop,
        }
    }

    /// Syncs what is queued, and checks the journal from its first entry to its last.
    pub(crate) fn close(self) {
        self.ledger.shut_down();
        self.committer.join().unwrap().unwrap();
        drop(self.stop);
        self.archiver.join().unwrap().unwrap();
        let verified = verify_journal(&*self.journal);
        assert_eq!(verified.findings, Vec::<String>::new());
        assert_eq!(verified.head, self.journal.head());
    }
}
