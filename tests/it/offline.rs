//! A damaged data directory read offline: every finding names its file and entries, nothing that
//! can be read is left out, and no byte is changed.

use std::sync::Arc;

use coffer::id::Seq;
use coffer::journal::{Journal, Offline, Piece};
use coffer::sim::disk::{Image, SimDisk};
use redb::{Database, TableDefinition};

use crate::history::{begin, image, segments, used_by};
use crate::journal::{append, entries};

/// What a reading came across.
#[derive(Debug, Default)]
struct Told {
    entries: u64,
    unread: Vec<(u64, u64)>,
    findings: Vec<String>,
    notes: Vec<String>,
}

fn read(image: Image) -> Told {
    let disk = SimDisk::from_image(image.clone());
    let mut told = Told::default();
    let offline = Offline::open(Arc::new(disk.clone())).unwrap();
    let mut last = Seq::NONE;
    let read = offline.read(&mut |piece| {
        match piece {
            Piece::Batch(batch) => {
                assert_eq!(batch.previous.seq, last, "in order");
                last = batch.head.seq;
                told.entries += batch.entries.len() as u64;
            }
            Piece::Unread { first, last: to } => {
                assert_eq!(first, last.next(), "in order");
                last = to;
                told.unread.push((first.0, to.0));
            }
            Piece::Finding(finding) => told.findings.push(finding),
            Piece::Note(note) => told.notes.push(note),
        }
        true
    });
    read.unwrap();
    assert!(disk.image() == image, "nothing is written");
    told
}

/// Damaged so that all but `unread` is read, and one of the findings holds each of the words.
#[track_caller]
fn assert_found(image: Image, unread: &[(u64, u64)], words: &[&str]) {
    let told = read(image);
    assert_eq!(told.unread, unread, "{told:#?}");
    let missing: u64 = unread.iter().map(|(first, last)| last - first + 1).sum();
    let last = told.entries + missing;
    assert_eq!(last, 140, "{told:#?}");
    for word in words {
        let found = told.findings.iter().any(|finding| finding.contains(word));
        assert!(found, "{word:?} in {told:#?}");
    }
    assert!(told.notes.is_empty(), "{told:#?}");
}

/// Alters every copy of the batch whose first of ten entries is `first`.
fn rot(bytes: &mut [u8], first: u64) {
    let header = [&first.to_le_bytes()[..], &10_u32.to_le_bytes()].concat();
    let places: Vec<usize> = (0..bytes.len() - 100)
        .filter(|&at| bytes[at..at + 12] == header)
        .collect();
    assert!(!places.is_empty(), "the batch is there");
    for place in places {
        bytes[place + 40] ^= 1;
    }
}

#[test]
fn what_is_whole_is_read_without_a_word() {
    let told = read(image());
    assert_eq!((told.entries, told.findings.len()), (140, 0), "{told:#?}");
    // With some of the entries in the journal alone, and after a kill.
    let disk = used_by(1, 13);
    let life = begin(&disk, 1).unwrap();
    append(&*life.journal, 10).unwrap();
    let told = read(disk.image());
    assert_eq!((told.entries, told.findings.len()), (140, 0), "{told:#?}");
}

#[test]
fn rotten_batches_hide_nothing_of_what_is_around_them() {
    let names = segments(&image());
    let mut image = image();
    rot(image.get_mut(&names[1]).unwrap(), 51);
    rot(image.get_mut(&names[2]).unwrap(), 81);
    rot(image.get_mut(&names[3]).unwrap(), 121);
    rot(image.get_mut(&names[3]).unwrap(), 131);
    let words = [
        &format!("the batch at entry 51 in {} is damaged", names[1])[..],
        &format!("the batch at entry 81 in {} is damaged", names[2]),
        &format!("the batch at entry 121 in {} is damaged", names[3]),
        &format!("the batch at entry 131 in {} is damaged", names[3]),
        &format!("the database in {} could not be read", names[1]),
        "entries 51 to 60 could not be read",
        "entries 81 to 90 could not be read",
    ];
    // The journal still has the last batch.
    assert_found(image.clone(), &[(51, 60), (81, 90), (121, 130)], &words);
    rot(image.get_mut("journal.redb").unwrap(), 131);
    let words = ["the batch at entry 131 in journal.redb is damaged"];
    assert_found(image, &[(51, 60), (81, 90), (121, 130), (131, 140)], &words);
}

#[test]
fn a_lost_segment_is_told_and_the_others_are_read() {
    let names = segments(&image());
    for (place, name) in names.iter().enumerate() {
        let first = place as u64 * 40 + 1;
        // The journal has the last batch.
        let unread = [(first, (first + 39).min(130))];
        let mut lost = image();
        lost.remove(name).unwrap();
        assert_found(lost, &unread, &[&format!("{name} is missing")]);
        let mut emptied = image();
        emptied.get_mut(name).unwrap().clear();
        assert_found(emptied, &unread, &[&format!("{name} is empty")]);
        let mut shortened = image();
        shortened.get_mut(name).unwrap().truncate(100);
        assert_found(shortened, &unread, &[name]);
        let mut foreign = image();
        let other = used_by(2, 14).image();
        foreign.insert(name.clone(), other[name].clone());
        let words = [&format!("{name} belongs to another coffer")[..]];
        assert_found(foreign, &unread, &words);
    }
    let mut all = image();
    all.retain(|name, _| !name.starts_with("history/"));
    assert_found(
        all,
        &[(1, 130)],
        &["history/00000000000000000001.redb is missing"],
    );
}

#[test]
fn a_lost_journal_is_told_and_history_is_read() {
    let disk = used_by(1, 13);
    let life = begin(&disk, 1).unwrap();
    append(&*life.journal, 10).unwrap();
    let image = disk.image();
    let unread = [(131, 140)];
    let mut lost = image.clone();
    lost.remove("journal.redb").unwrap();
    assert_found(lost, &unread, &["journal.redb is missing"]);
    let mut emptied = image.clone();
    emptied.get_mut("journal.redb").unwrap().clear();
    assert_found(emptied, &unread, &["journal.redb is empty"]);
    let mut foreign = image.clone();
    let other = used_by(2, 14).image();
    foreign.insert("journal.redb".into(), other["journal.redb"].clone());
    assert_found(
        foreign,
        &unread,
        &["journal.redb belongs to another coffer"],
    );
    // Without the witness nobody knows that there was more.
    let mut without = image;
    without.remove("journal.redb").unwrap();
    without.remove("witness").unwrap();
    let told = read(without);
    assert_eq!(told.entries, 130);
    assert!(
        told.findings
            .iter()
            .any(|one| one.contains("witness is missing"))
    );
}

#[test]
fn what_was_replaced_or_rolled_back_is_told() {
    let names = segments(&image());
    let other = SimDisk::new();
    let mut life = begin(&other, 1).unwrap();
    for _ in 0..14 {
        let head = life.journal.head();
        life.journal
            .append(head, &entries(head.seq, 10, 7))
            .unwrap();
    }
    life.archive_all();
    let other = other.image();
    // The same numbers with other entries in them.
    for (place, after) in [(0, 1), (1, 2), (2, 3)] {
        let mut image = image();
        image.insert(names[place].clone(), other[&names[place]].clone());
        let words = [&format!("the batch in {} after entry", names[after])[..]];
        assert_found(image, &[], &words);
    }
    let mut all = image();
    for name in &names {
        all.insert(name.clone(), other[name].clone());
    }
    assert_found(
        all,
        &[],
        &["journal.redb and what is before it hold different"],
    );
    let mut swapped = image();
    let (first, second) = (swapped[&names[0]].clone(), swapped[&names[1]].clone());
    swapped.insert(names[0].clone(), second);
    swapped.insert(names[1].clone(), first);
    let words = [
        &format!("{} begins with entry 41", names[0])[..],
        &format!("{} begins with entry 1:", names[1]),
    ];
    assert_found(swapped, &[(1, 40)], &words);
    // An older copy of the journal, and one that holds nothing.
    let old = used_by(1, 13).image();
    let mut back = image();
    back.insert("journal.redb".into(), old["journal.redb"].clone());
    let words = ["journal.redb ends at entry 130, but", "rolled back"];
    assert_found(back, &[], &words);
    let mut new = image();
    let fresh = used_by(1, 0).image();
    new.insert("journal.redb".into(), fresh["journal.redb"].clone());
    assert_found(
        new,
        &[],
        &["journal.redb ends at entry 0, but", "rolled back"],
    );
    // A witness of the same entry with another hash, and one of a later entry.
    let mut image = image();
    image.insert("witness".into(), other["witness"].clone());
    let words = ["entry 140 with hash", "says the file witness"];
    assert_found(image.clone(), &[], &words);
    let later = used_by(1, 15).image();
    image.insert("witness".into(), later["witness"].clone());
    assert_found(image, &[], &["but entry 150 with hash"]);
}

#[test]
fn an_older_copy_of_a_segment_is_told() {
    let old = used_by(1, 13).image();
    let name = &segments(&old)[3];
    // Its journal begins after its end: the batch between is nowhere.
    let disk = used_by(1, 13);
    let mut life = begin(&disk, 1).unwrap();
    append(&*life.journal, 10).unwrap();
    append(&*life.journal, 10).unwrap();
    life.archive_all();
    drop(life);
    let mut trimmed = disk.image();
    trimmed.insert(name.clone(), old[name].clone());
    let told = read(trimmed);
    assert_eq!(told.unread, [(131, 140)]);
    let words = format!("{name} ends at entry 130, and journal.redb begins after 140");
    assert!(told.findings[0].contains(&words), "{told:#?}");
}

/// redb can lose rows without a word, and a hand can take them out.
#[test]
fn rows_that_are_missing_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("segment");
    let name = &segments(&image())[1];
    std::fs::write(&path, &image()[name]).unwrap();
    let batches: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("batches");
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut table = transaction.open_table(batches).unwrap();
    drop(table.remove(61).unwrap());
    drop(table);
    transaction.commit().unwrap();
    drop(database);
    let mut image = image();
    image.insert(name.clone(), std::fs::read(&path).unwrap());
    let words = [
        &format!("{name} lacks the entries 61 to 70")[..],
        &format!("{name} does not end where it was ended"),
    ];
    assert_found(image, &[(61, 70)], &words);
}

#[test]
fn what_a_kill_leaves_unfinished_is_a_note_and_no_finding() {
    let mut image = image();
    let name = "history/00000000000000000141.redb.new";
    image.insert(name.into(), vec![1; 100]);
    let told = read(image);
    assert_eq!((told.entries, told.findings.len()), (140, 0));
    assert!(told.notes[0].contains(name), "{told:#?}");
}

#[test]
fn small_files_that_are_lost_are_told_and_the_entries_are_read() {
    for (name, words) in [
        ("manifest.json", "manifest.json is missing"),
        ("witness", "witness is missing"),
        ("secret.key", "secret.key is missing"),
    ] {
        let mut image = image();
        image.remove(name).unwrap();
        assert_found(image, &[], &[words]);
    }
    let mut image = image();
    image.get_mut("witness").unwrap().fill(0);
    let told = read(image);
    assert_eq!((told.entries, told.findings.len()), (140, 0));
    assert!(
        told.notes[0].contains("witness was unreadable"),
        "{told:#?}"
    );
}

#[test]
fn a_reading_that_nobody_wants_ends() {
    let offline = Offline::open(Arc::new(SimDisk::from_image(image()))).unwrap();
    let mut batches = 0;
    let read = offline.read(&mut |piece| {
        batches += u32::from(matches!(piece, Piece::Batch(_)));
        batches < 6
    });
    read.unwrap();
    // What had been read with the sixth is given all the same.
    assert!((6..=8).contains(&batches), "{batches}");
}
