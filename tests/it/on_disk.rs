//! Opening a ledger over a disk, real or simulated, as `serve` does: the one place among the
//! simulation's tests that knows how.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use coffer::books::{Books, Checkpoints, create};
use coffer::disk::{Disk, RealDisk};
use coffer::engine::command::Rules;
use coffer::id::Seq;
use coffer::journal::{
    Archiver, ArchiverStop, CommitMode, Journal, JournalError, Options, Pace, Piece, RedbJournal,
    secret_key,
};
use coffer::ledger::{
    CheckpointError, Checkpointer, CheckpointerStop, Committer, Ledger, RecoverError, Settings,
    Verified, open_books, verify,
};
use coffer::sim::ManualClock;
use coffer::sim::disk::SimDisk;
use coffer::sort::Scratch;

use crate::world;

/// Entries that may wait for the disk.
const QUEUE_ENTRIES_MAX: usize = 65_536;

/// Entries after which a checkpoint is made in a real directory: so few that there are many, and that
/// most of what is held is not touched between two of them.
const CHECKPOINT_ENTRIES: u64 = 400;

/// Bytes of a segment of a history in a real directory: small, so that there are many.
const SEGMENT_SIZE: u64 = 64 * 1024;

/// Journal and books on a disk; new ones where there are none.
///
/// # Errors
/// What either said.
pub(crate) fn open_disk(
    disk: Arc<dyn Disk>,
    commit: CommitMode,
    segment_size: u64,
) -> Result<(Arc<RedbJournal>, Books), RecoverError> {
    let key = secret_key(&*disk, false, &[7; 32])?;
    let options = Options {
        commit,
        must_exist: false,
        segment_size,
        new_id: [7; 16],
        fingerprint: key.fingerprint(),
        now: world::start(),
    };
    let opened = coffer::journal::open(Arc::clone(&disk), options)?;
    let books = open_books(&*disk, &opened, false)?;
    Ok((Arc::new(opened.journal), books))
}

/// Empty books that nobody finds again.
pub(crate) fn new_books() -> Books {
    new_books_on(&SimDisk::new())
}

/// Empty books on a disk that has none.
pub(crate) fn new_books_on(disk: &SimDisk) -> Books {
    create(disk, [7; 16]).unwrap();
    Books::open(disk, [7; 16]).unwrap()
}

/// The ledger of a journal and its books, and its committer to drive by hand. A checkpoint takes
/// `entries`, and writes a tenth as many rows at once: a start that finds more makes some itself.
///
/// # Errors
/// What the journal or the books said.
pub(crate) fn recover(
    journal: &Arc<dyn Journal>,
    books: Books,
    clock: &Arc<ManualClock>,
    rules: Rules,
    entries: u64,
) -> Result<(Arc<Ledger>, Committer), RecoverError> {
    let settings = Settings {
        rules,
        queue_entries_max: QUEUE_ENTRIES_MAX,
        checkpoints: Checkpoints {
            entries,
            slice_rows: usize::try_from(entries / 10).unwrap(),
            scattered_rows: usize::try_from(entries / 10).unwrap(),
            merged_runs: 2,
            ..Checkpoints::default()
        },
    };
    let clock = Arc::<ManualClock>::clone(clock);
    Ledger::recover(Arc::clone(journal), books, clock, settings)
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

/// A ledger in a real directory whose committer, archiver and checkpointer run in threads of
/// their own.
pub(crate) struct OnDisk {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) journal: Arc<dyn Journal>,
    committer: JoinHandle<Result<(), JournalError>>,
    archiver: JoinHandle<Result<(), JournalError>>,
    checkpointer: JoinHandle<Result<(), CheckpointError>>,
    stops: (ArchiverStop, CheckpointerStop),
}

impl OnDisk {
    pub(crate) fn on_directory(path: &Path, clock: Arc<ManualClock>) -> OnDisk {
        OnDisk::under(path, &clock, world::rules())
    }

    pub(crate) fn under(path: &Path, clock: &Arc<ManualClock>, rules: Rules) -> OnDisk {
        let disk = Arc::new(RealDisk::open(path).unwrap());
        let (redb, books) = open_disk(disk, CommitMode::OnePhase, SEGMENT_SIZE).unwrap();
        let journal: Arc<dyn Journal> = Arc::<RedbJournal>::clone(&redb);
        let (ledger, committer) =
            recover(&journal, books, clock, rules, CHECKPOINT_ENTRIES).unwrap();
        let pace = Pace {
            entries: 500,
            ..Pace::default()
        };
        let (archiver, archiver_stop) = Archiver::new(redb, &committer, pace);
        let (checkpointer, checkpointer_stop) = Checkpointer::new(Arc::clone(&ledger));
        OnDisk {
            ledger,
            journal,
            committer: std::thread::spawn(|| committer.run()),
            archiver: std::thread::spawn(|| archiver.run()),
            checkpointer: std::thread::spawn(|| checkpointer.run()),
            stops: (archiver_stop, checkpointer_stop),
        }
    }

    /// Syncs what is queued, and checks the journal from its first entry to its last.
    pub(crate) fn close(self) {
        self.ledger.shut_down();
        self.committer.join().unwrap().unwrap();
        drop(self.stops);
        self.archiver.join().unwrap().unwrap();
        self.checkpointer.join().unwrap().unwrap();
        let verified = verify_journal(&*self.journal);
        assert_eq!(verified.findings, Vec::<String>::new());
        assert_eq!(verified.head, self.journal.head());
    }
}

/// Writes what `serve` finds or makes in every data directory besides.
pub(crate) fn write_admin_key(data: &Path) {
    let key = data.join("admin.key");
    fs::write(&key, "key_of_the_operator\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
}
