//! History: read without a gap while the archiver moves its border, and refused by name where a
//! segment was lost, emptied, shortened, swapped, rolled back or belongs to another coffer.

use std::sync::Arc;

use coffer::engine::command::Rules;
use coffer::id::Seq;
use coffer::journal::{
    Archiver, ArchiverStop, Head, Journal, JournalError, Options, Pace, RedbJournal, open,
    secret_key,
};
use coffer::ledger::{Committer, Ledger};
use coffer::sim::disk::{Image, SimDisk};

use crate::journal::{append, entries, options, read_all};
use crate::on_disk::{new_books, recover};
use crate::world;

/// Four batches of ten void entries fill a segment.
const SEGMENT_SIZE: u64 = 500;

/// A journal, and its archiver to drive by hand.
pub(crate) struct Life {
    pub(crate) journal: Arc<RedbJournal>,
    archiver: Archiver,
    _stop: ArchiverStop,
    rest: (Arc<Ledger>, Committer),
}

pub(crate) fn begin(disk: &SimDisk, id: u8) -> Result<Life, JournalError> {
    let key = secret_key(disk, false, &[7; 32])?;
    let options = Options {
        segment_size: SEGMENT_SIZE,
        new_id: [id; 16],
        fingerprint: key.fingerprint(),
        ..options(disk)?
    };
    let journal = Arc::new(open(Arc::new(disk.clone()), options)?.journal);
    // Its entries mean nothing to a ledger: the archiver is given one of another journal.
    let nothing: Arc<dyn Journal> = Arc::new(open_empty());
    let clock = world::clock();
    let rest = recover(&nothing, new_books(), &clock, Rules::default(), 1_000).unwrap();
    let (archiver, stop) = Archiver::new(Arc::clone(&journal), &rest.1, Pace::default());
    Ok(Life {
        journal,
        archiver,
        _stop: stop,
        rest,
    })
}

fn open_empty() -> RedbJournal {
    let disk = SimDisk::new();
    let options = options(&disk).unwrap();
    open(Arc::new(disk), options).unwrap().journal
}

impl Life {
    pub(crate) fn archive_all(&mut self) {
        while self.archiver.step().unwrap() > 0 {}
    }
}

/// What a coffer leaves whose twelve batches of ten are in history, the last one in the journal
/// too, the last segment unsealed.
pub(crate) fn used_by(id: u8, batches: u64) -> SimDisk {
    let disk = SimDisk::new();
    let mut life = begin(&disk, id).unwrap();
    for _ in 0..batches {
        append(&*life.journal, 10).unwrap();
    }
    life.archive_all();
    disk
}

pub(crate) fn image() -> Image {
    let disk = used_by(1, 14);
    assert_eq!(segments(&disk.image()).len(), 4, "three sealed, one not");
    disk.image()
}

pub(crate) fn segments(image: &Image) -> Vec<String> {
    let names = image.keys().filter(|name| name.ends_with(".redb"));
    let segments = names.filter(|name| name.starts_with("history/"));
    segments.cloned().collect()
}

#[track_caller]
fn assert_refused(image: Image, words: &[&str]) {
    let error = match begin(&SimDisk::from_image(image), 1) {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    };
    for word in words {
        assert!(error.contains(word), "{word:?} in {error:?}");
    }
}

#[test]
fn batches_go_to_history_and_are_read_as_before() {
    let disk = SimDisk::from_image(image());
    let mut life = begin(&disk, 1).unwrap();
    append(&*life.journal, 10).unwrap();
    assert_eq!(life.journal.archived(), Seq(140));
    assert_eq!(
        read_all(&*life.journal).unwrap(),
        entries(Seq::NONE, 150, 0)
    );
    life.archive_all();
    assert_eq!(life.journal.archived(), Seq(150));
    for seq in 1..=150 {
        let batch = life.journal.read_from(Seq(seq)).unwrap().next().unwrap();
        let batch = batch.unwrap();
        assert!(batch.previous.seq < Seq(seq) && Seq(seq) <= batch.head.seq);
    }
    drop(life);
    let sealed = |image: &Image| {
        let names = segments(image);
        names[..3]
            .iter()
            .map(|name| image[name].clone())
            .collect::<Vec<_>>()
    };
    assert!(
        sealed(&disk.image()) == sealed(&image()),
        "nobody wrote to them"
    );
}

#[test]
fn a_directory_from_before_history_gets_one() {
    let mut image = {
        let disk = SimDisk::new();
        let life = begin(&disk, 1).unwrap();
        for _ in 0..9 {
            append(&*life.journal, 10).unwrap();
        }
        disk.image()
    };
    image.remove("history/").unwrap();
    let disk = SimDisk::from_image(image);
    let mut life = begin(&disk, 1).unwrap();
    life.archive_all();
    assert_eq!(life.journal.archived(), Seq(90));
    assert_eq!(read_all(&*life.journal).unwrap().len(), 90);
}

#[test]
fn a_segment_left_unfinished_is_removed() {
    let mut image = image();
    let name = "history/00000000000000000141.redb.new";
    image.insert(name.into(), vec![1; 100]);
    let disk = SimDisk::from_image(image);
    let mut life = begin(&disk, 1).unwrap();
    assert!(!disk.image().contains_key(name));
    append(&*life.journal, 10).unwrap();
    life.archive_all();
}

#[test]
fn a_lost_or_emptied_segment_is_refused_by_name() {
    let names = segments(&image());
    for name in &names {
        let mut lost = image();
        lost.remove(name).unwrap();
        assert_refused(lost, &[name, "missing", "restore"]);
        let mut emptied = image();
        emptied.get_mut(name).unwrap().clear();
        assert_refused(emptied, &[name, "empty", "restore"]);
    }
    // A journal that was trimmed, without its history.
    let mut without = image();
    without.retain(|name, _| !name.starts_with("history/"));
    assert_refused(without, &[&names[0], "missing", "restore"]);
    let mut without_manifest = image();
    without_manifest.remove("manifest.json").unwrap();
    assert_refused(without_manifest.clone(), &["manifest.json is missing"]);
    without_manifest.remove("journal.redb").unwrap();
    assert_refused(without_manifest, &["manifest.json is missing"]);
}

#[test]
fn a_shortened_segment_is_refused_by_name() {
    for name in segments(&image()) {
        let whole = image()[&name].len();
        for len in [1, 100, 4096, whole / 2] {
            let mut image = image();
            image.get_mut(&name).unwrap().truncate(len);
            assert_refused(image, &[&name, "restore"]);
        }
    }
}

#[test]
fn swapped_and_renamed_segments_are_refused_by_name() {
    let names = segments(&image());
    let mut swapped = image();
    let (first, second) = (swapped[&names[0]].clone(), swapped[&names[1]].clone());
    swapped.insert(names[0].clone(), second);
    swapped.insert(names[1].clone(), first);
    assert_refused(swapped, &[&names[0], "begins with entry 41", "restore"]);

    // The same numbers with other entries in them.
    let other = SimDisk::new();
    let mut life = begin(&other, 1).unwrap();
    for _ in 0..14 {
        let head = life.journal.head();
        life.journal
            .append(head, &entries(head.seq, 10, 7))
            .unwrap();
    }
    life.archive_all();
    for (place, word) in [(0, "before"), (1, "before"), (3, "before")] {
        let mut image = image();
        image.insert(names[place].clone(), other.image()[&names[place]].clone());
        let blamed = &names[place.max(1)];
        assert_refused(image, &[blamed, word, "replaced", "restore"]);
    }
    let mut image = image();
    for name in &names {
        image.insert(name.clone(), other.image()[name].clone());
    }
    assert_refused(image, &[&names[3], "journal.redb", "different entries"]);
}

#[test]
fn an_older_copy_of_a_segment_is_refused_unless_nothing_is_lost_by_it() {
    let disk = used_by(1, 13);
    let names = segments(&disk.image());
    let mut life = begin(&disk, 1).unwrap();
    let old = disk.image()[&names[3]].clone();
    append(&*life.journal, 10).unwrap();
    append(&*life.journal, 10).unwrap();
    // The journal still has what followed.
    let mut held = disk.image();
    held.insert(names[3].clone(), old.clone());
    begin(&SimDisk::from_image(held), 1).unwrap();
    life.archive_all();
    let mut trimmed = disk.image();
    trimmed.insert(names[3].clone(), old.clone());
    assert_refused(
        trimmed,
        &[&names[3], "ends at entry 130", "older copy", "restore"],
    );
    // Sealed since, and followed by another.
    for _ in 0..4 {
        append(&*life.journal, 10).unwrap();
        life.archive_all();
    }
    let mut sealed = disk.image();
    assert_eq!(segments(&sealed).len(), 5);
    sealed.insert(names[3].clone(), old);
    assert_refused(
        sealed,
        &[&names[3], "not complete", "older copy", "restore"],
    );
}

#[test]
fn another_coffers_segment_is_refused_by_name() {
    let other = used_by(2, 14).image();
    for name in segments(&image()) {
        let mut image = image();
        image.insert(name.clone(), other[&name].clone());
        assert_refused(image, &[&name, "belongs to another coffer", "restore"]);
    }
}

#[test]
fn a_journal_behind_its_history_is_refused() {
    let disk = used_by(1, 13);
    let old = disk.image();
    let mut life = begin(&disk, 1).unwrap();
    append(&*life.journal, 10).unwrap();
    life.archive_all();
    let mut image = disk.image();
    for name in ["journal.redb", "witness"] {
        image.insert(name.into(), old[name].clone());
    }
    let words = [
        "journal.redb ends at entry 130",
        "goes to entry 140",
        "rolled back",
    ];
    assert_refused(image, &words);
}

#[test]
fn a_witness_of_what_was_trimmed_is_looked_up_in_history() {
    let disk = SimDisk::from_image(image());
    let mut life = begin(&disk, 1).unwrap();
    let old = disk.image()["witness"].clone();
    append(&*life.journal, 10).unwrap();
    append(&*life.journal, 10).unwrap();
    life.archive_all();
    let mut image = disk.image();
    image.insert("witness".into(), old.clone());
    begin(&SimDisk::from_image(image.clone()), 1).unwrap();

    // A witness of the same entry with another hash.
    let other = SimDisk::new();
    let life = begin(&other, 1).unwrap();
    let head = life
        .journal
        .append(Head::EMPTY, &entries(Seq::NONE, 140, 9));
    assert_eq!(head.unwrap().seq, Seq(140));
    image.insert("witness".into(), other.image()["witness"].clone());
    assert_refused(image, &["entry 140", "witness", "rolled back or replaced"]);
}

#[test]
fn a_reading_has_no_gap_while_the_archiver_moves_the_border() {
    let disk = SimDisk::new();
    let mut life = begin(&disk, 1).unwrap();
    append(&*life.journal, 10).unwrap();
    let journal = Arc::clone(&life.journal);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for start in [1, 500] {
            let (journal, done) = (&journal, &done);
            scope.spawn(move || {
                let mut readings = 0;
                while !done.load(std::sync::atomic::Ordering::Relaxed) || readings == 0 {
                    let end = journal.head().seq;
                    let mut next = start.min(end.0);
                    for batch in journal.read_from(Seq(next)).unwrap() {
                        let batch = batch.unwrap();
                        assert!(batch.previous.seq.0 < next);
                        next = batch.head.seq.0 + 1;
                    }
                    assert!(Seq(next) > end);
                    readings += 1;
                }
            });
        }
        for _ in 0..150 {
            for _ in 0..3 {
                append(&*life.journal, 10).unwrap();
            }
            life.archiver.step().unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(segments(&disk.image()).len() > 50);
}

#[test]
fn a_history_that_cannot_be_written_latches_everybody() {
    let disk = SimDisk::from_image(image());
    let mut life = begin(&disk, 1).unwrap();
    append(&*life.journal, 10).unwrap();
    disk.plant(coffer::sim::disk::Fault {
        operation: Some(coffer::sim::disk::Operation::Sync),
        after: 0,
        kind: std::io::ErrorKind::StorageFull,
        lasting: false,
    });
    assert!(life.archiver.step().is_err());
    assert!(life.rest.0.is_latched());
    assert!(matches!(life.archiver.step(), Err(JournalError::Latched)));
    drop(life);
    let mut life = begin(&disk, 1).unwrap();
    life.archive_all();
    assert_eq!(read_all(&*life.journal).unwrap().len(), 150);
}
