//! A flush that a kill has cut short leaves rows in the books that `applied` does not tell of. With
//! the journal that they were written from they are completed; with an older one, or another, that
//! lies there in its place, they are money that nobody has moved.

use std::sync::Arc;

use coffer::books::BOOKS;
use coffer::journal::{Archiver, CommitMode, Journal, Offline, Pace, RedbJournal};
use coffer::ledger::{Checkpointer, open_books, verify_offline};
use coffer::sim::disk::{Image, SimDisk};
use coffer::sim::{ManualClock, Operation, Workload};
use coffer::sort::Scratch;

use crate::on_disk::{open_disk, recover};
use crate::world::{clock, perform, rules, shape};

/// A checkpoint writes a tenth as many rows at once.
const CHECKPOINT_ENTRIES: u64 = 1000;

fn operations(seed: u64) -> Vec<Operation> {
    let plays = Workload::new(seed, shape(0, 20)).take(900);
    Workload::partners().into_iter().chain(plays).collect()
}

/// Plays on in a directory, takes everything to history, and makes a checkpoint; what lay there
/// between each two of its slices. Where `closes` is false it is cut short after them.
fn play(
    disk: &SimDisk,
    clock: &Arc<ManualClock>,
    operations: &[Operation],
    is_flushed: bool,
) -> Vec<Image> {
    let opened = open_disk(Arc::new(disk.clone()), CommitMode::OnePhase, 1 << 20);
    let (redb, books) = opened.unwrap();
    let journal: Arc<dyn Journal> = Arc::<RedbJournal>::clone(&redb);
    let recovered = recover(&journal, books, clock, rules(), CHECKPOINT_ENTRIES);
    let (ledger, mut committer) = recovered.unwrap();
    for operation in operations {
        perform(&ledger, clock, operation).unwrap();
    }
    while committer.step(50).unwrap() > 0 {}
    let mut images = Vec::new();
    if is_flushed {
        let (mut archiver, _stop) = Archiver::new(redb, &committer, Pace::default());
        while archiver.step().unwrap() > 0 {}
        let (mut checkpointer, _stop) = Checkpointer::new(Arc::clone(&ledger));
        let turn = checkpointer.turn().unwrap();
        checkpointer
            .write(turn, &mut || images.push(disk.image()))
            .unwrap();
    }
    images
}

/// Everything of one image but the books, which are another's.
fn with_books_of(books: &Image, others: &Image) -> Image {
    let mut image = others.clone();
    image.insert(BOOKS.to_owned(), books[BOOKS].clone());
    image
}

fn start(image: Image) -> Result<(), String> {
    let disk = SimDisk::from_image(image);
    let opened = open_disk(Arc::new(disk), CommitMode::OnePhase, 1 << 20);
    let (journal, books) = opened.map_err(|error| error.to_string())?;
    let journal: Arc<dyn Journal> = journal;
    recover(&journal, books, &clock(), rules(), CHECKPOINT_ENTRIES)
        .map(drop)
        .map_err(|error| error.to_string())
}

#[test]
fn what_a_flush_has_begun_to_write_is_not_served_with_an_older_journal_or_another() {
    let (disk, clock) = (SimDisk::new(), clock());
    let operations = operations(1);
    let (early, late) = operations.split_at(400);
    play(&disk, &clock, early, true);
    let older = disk.image();
    let cut_short = play(&disk, &clock, late, true);
    assert!(cut_short.len() > 8, "{}", cut_short.len());
    // As long as the one that was lost, and not the same.
    let another = SimDisk::from_image(older.clone());
    play(&another, &clock, &self::operations(2)[3..], false);
    for (place, books) in cut_short.iter().enumerate() {
        assert_eq!(start(books.clone()), Ok(()), "{place}");
        for others in [&older, &another.image()] {
            let image = with_books_of(books, others);
            let refusal = start(image.clone()).expect_err("it has rows of lost entries");
            for word in [
                "books.redb",
                "journal.redb",
                "rolled back",
                "coffer rebuild",
            ] {
                assert!(refusal.contains(word), "{place}: {refusal}");
            }
            let found = verified(image.clone());
            assert!(
                found.iter().any(|finding| finding.contains("books.redb")),
                "{place}: {found:?}"
            );
            assert_eq!(start(rebuilt(image)), Ok(()), "{place}");
        }
    }
}

fn verified(image: Image) -> Vec<String> {
    let offline = Offline::open(Arc::new(SimDisk::from_image(image))).unwrap();
    let scratch = Arc::new(Scratch::new(Arc::new(SimDisk::new())).unwrap());
    let verified = verify_offline(offline, scratch, &mut |_| {}).unwrap();
    verified.findings
}

/// As `coffer rebuild` begins.
fn rebuilt(image: Image) -> Image {
    let disk = SimDisk::from_image(image);
    let shared: Arc<dyn coffer::disk::Disk> = Arc::new(disk.clone());
    let options = coffer::journal::Options {
        commit: CommitMode::OnePhase,
        must_exist: true,
        segment_size: 1 << 20,
        new_id: [7; 16],
        fingerprint: coffer::journal::secret_key(&disk, true, &[7; 32])
            .unwrap()
            .fingerprint(),
        now: crate::world::start(),
    };
    let opened = coffer::journal::open(Arc::clone(&shared), options).unwrap();
    drop(open_books(&*shared, &opened, true).unwrap());
    drop(opened);
    disk.image()
}
