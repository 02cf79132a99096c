//! Starting on a data directory: a first start goes on wherever it was interrupted, and whatever
//! has been lost, emptied, shortened, swapped or rolled back is refused by name.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use coffer::disk::{Disk, RealDisk};
use coffer::id::Seq;
use coffer::journal::{
    Head, Journal, JournalError, Options, Warning, encode_batch, open, secret_key,
};
use coffer::sim::disk::{Cut, Fault, Image, SimDisk};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::journal::{append, entries, options, read_all, start};

/// What a coffer with three batches of ten entries leaves when it is killed.
fn used() -> Image {
    let disk = SimDisk::new();
    let opened = start(&disk).unwrap();
    assert!(opened.created && opened.warning.is_none());
    for _ in 0..3 {
        append(&opened.journal, 10).unwrap();
    }
    disk.image()
}

fn refusal(image: Image) -> String {
    match start(&SimDisk::from_image(image)) {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} in {text:?}");
    }
}

#[test]
fn a_first_start_goes_on_wherever_power_was_lost() {
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for count in 0.. {
            let disk = SimDisk::new();
            disk.cut_after(count);
            let complete = start(&disk).is_ok() && !disk.is_cut();
            let disk = disk.cut(Cut::any(&mut rng), &mut rng);
            let opened =
                start(&disk).unwrap_or_else(|error| panic!("seed {seed}, {count}: {error}"));
            assert_eq!(opened.journal.head().seq, Seq::NONE);
            append(&opened.journal, 2).unwrap();
            drop(opened);
            let opened = start(&disk).unwrap();
            assert!(!opened.created);
            assert_eq!(read_all(&opened.journal).unwrap().len(), 2);
            if complete {
                assert!(
                    count > 40,
                    "a first start takes more than {count} operations"
                );
                break;
            }
        }
    }
}

#[test]
fn a_first_start_that_failed_succeeds_the_next_time() {
    for kind in [io::ErrorKind::Other, io::ErrorKind::StorageFull] {
        for after in 0.. {
            let disk = SimDisk::new();
            disk.plant(Fault {
                operation: None,
                after,
                kind,
                lasting: true,
            });
            let complete = start(&disk).is_ok() && disk.operations() <= after;
            let disk = SimDisk::from_image(disk.image());
            let opened = start(&disk).unwrap_or_else(|error| panic!("{after}: {error}"));
            append(&opened.journal, 2).unwrap();
            if complete {
                break;
            }
        }
    }
}

#[test]
fn what_is_there_is_opened_again_with_every_entry() {
    let disk = SimDisk::from_image(used());
    let opened = start(&disk).unwrap();
    assert!(!opened.created && opened.warning.is_none());
    assert_eq!(opened.id, [1; 16]);
    assert_eq!(
        read_all(&opened.journal).unwrap(),
        entries(Seq::NONE, 30, 0)
    );
    assert_says(
        &start(&disk).unwrap_err().to_string(),
        &["another coffer is running"],
    );
    drop(opened);
    start(&disk).unwrap();
}

#[test]
fn a_lost_or_emptied_file_is_refused_by_name() {
    for name in ["journal.redb", "witness", "secret.key"] {
        let mut image = used();
        image.remove(name).unwrap();
        assert_says(&refusal(image), &[name, "missing", "restore", "mounted"]);
    }
    for name in ["journal.redb", "witness", "secret.key", "manifest.json"] {
        let mut image = used();
        image.get_mut(name).unwrap().clear();
        assert_says(&refusal(image), &[name, "empty", "restore", "mounted"]);
    }
    let mut image = used();
    image.remove("manifest.json").unwrap();
    assert_says(&refusal(image.clone()), &["manifest.json is missing"]);
    image.insert("journal.redb".into(), Vec::new());
    assert_says(&refusal(image.clone()), &["manifest.json is missing"]);
    // However much is lost, what is left tells that this is no first start.
    for name in ["journal.redb", "witness"] {
        image.remove(name).unwrap();
        assert_says(&refusal(image.clone()), &["manifest.json is missing"]);
    }
    assert!(image.contains_key("secret.key"));
}

#[test]
fn a_shortened_file_is_refused_by_name() {
    for name in ["journal.redb", "witness", "secret.key", "manifest.json"] {
        let whole = used()[name].len();
        for len in [1, 100, 4096, whole / 2, whole - 2] {
            let mut image = used();
            if len < whole {
                image.get_mut(name).unwrap().truncate(len);
                assert_says(&refusal(image), &[name, "restore"]);
            }
        }
    }
}

#[test]
fn another_coffers_file_is_refused_by_name() {
    let other = SimDisk::new();
    let key = secret_key(&other, false, &[8; 32]).unwrap();
    let options = Options {
        new_id: [2; 16],
        fingerprint: key.fingerprint(),
        ..options(&other).unwrap()
    };
    let opened = open(Arc::new(other.clone()), options).unwrap();
    append(&opened.journal, 40).unwrap();
    for (name, words) in [
        ("journal.redb", &["journal.redb belongs to another"]),
        ("witness", &["witness belongs to another"]),
        ("secret.key", &["secret.key is not the one"]),
        ("manifest.json", &["secret.key is not the one"]),
    ] {
        let mut image = used();
        image.insert(name.into(), other.image()[name].clone());
        assert_says(&refusal(image), words);
    }
}

#[test]
fn a_journal_behind_its_witness_is_refused() {
    let disk = SimDisk::from_image(used());
    let opened = start(&disk).unwrap();
    let old = disk.image()["journal.redb"].clone();
    append(&opened.journal, 5).unwrap();
    let mut image = disk.image();
    let new = image.insert("journal.redb".into(), old).unwrap();
    let text = refusal(image.clone());
    assert_says(
        &text,
        &["ends at entry 30", "entry 35", "rolled back", "backup"],
    );

    // The same numbers with other entries in them, and more of them, are found out too.
    for more in [0, 3] {
        let disk = SimDisk::from_image(used());
        let journal = start(&disk).unwrap().journal;
        let head = journal.head();
        let head = journal.append(head, &entries(head.seq, 5, 77)).unwrap();
        if more > 0 {
            journal.append(head, &entries(head.seq, more, 77)).unwrap();
        }
        image.insert("journal.redb".into(), disk.image()["journal.redb"].clone());
        assert_says(&refusal(image.clone()), &["entry 35", "replaced"]);
    }
    image.insert("journal.redb".into(), new);
    start(&SimDisk::from_image(image)).unwrap();
}

#[test]
fn a_torn_witness_is_passed_over_and_two_are_told_of() {
    let mut image = used();
    image.get_mut("witness").unwrap()[30] ^= 1;
    let opened = start(&SimDisk::from_image(image.clone())).unwrap();
    assert_eq!(opened.warning, None);
    image.get_mut("witness").unwrap()[4096 + 30] ^= 1;
    let disk = SimDisk::from_image(image);
    let opened = start(&disk).unwrap();
    assert_eq!(opened.warning, Some(Warning::WitnessUnreadable));
    drop(opened);
    assert_eq!(start(&disk).unwrap().warning, None, "it is written afresh");
}

#[test]
fn a_directory_that_must_hold_a_coffer_is_left_alone_without_one() {
    let disk = SimDisk::new();
    let refused = secret_key(&disk, true, &[7; 32]).unwrap_err();
    assert_says(&refused.to_string(), &["there is no coffer", "mounted"]);
    let options = Options {
        must_exist: true,
        ..options(&SimDisk::new()).unwrap()
    };
    let refused = open(Arc::new(disk.clone()), options.clone()).unwrap_err();
    assert_says(&refused.to_string(), &["there is no coffer"]);
    assert!(disk.image().is_empty());
    let disk = SimDisk::from_image(used());
    open(Arc::new(disk), options).unwrap();
}

#[test]
fn a_later_versions_directory_is_told_from_damage() {
    let mut image = used();
    image.insert("manifest.json".into(), b"{\"format\":2}".to_vec());
    assert_says(
        &refusal(image),
        &["manifest.json", "format 2", "later version"],
    );
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(directory.path()).unwrap();
    let key = secret_key(&disk, false, &[7; 32]).unwrap();
    let again = secret_key(&disk, false, &[8; 32]).unwrap();
    assert_eq!(key.fingerprint(), again.fingerprint());
    let path = directory.path().join("secret.key");
    assert_eq!(fs::read_to_string(&path).unwrap(), "07".repeat(32) + "\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    match secret_key(&disk, false, &[7; 32]) {
        Err(JournalError::Disk { file, source }) => {
            assert_says(&file, &["secret.key"]);
            assert_says(&source.to_string(), &["mode 640", "chmod 600"]);
        }
        other => panic!("{other:?}"),
    }
}

const BATCHES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("batches");

/// A real directory with three batches, after `alter` had its way with the rows.
fn altered(alter: impl FnOnce(&mut redb::Table<'_, u64, &'static [u8]>)) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(directory.path()).unwrap();
    let options = options(&disk).unwrap();
    let opened = open(Arc::new(disk), options).unwrap();
    for _ in 0..3 {
        append(&opened.journal, 10).unwrap();
    }
    drop(opened);
    let database = Database::open(directory.path().join("journal.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    alter(&mut transaction.open_table(BATCHES).unwrap());
    transaction.commit().unwrap();
    directory
}

fn start_and_read(directory: &tempfile::TempDir) -> JournalError {
    let disk = RealDisk::open(directory.path()).unwrap();
    let options = options(&disk).unwrap();
    match open(Arc::new(disk), options) {
        Ok(opened) => read_all(&opened.journal).unwrap_err(),
        Err(error) => error,
    }
}

#[test]
fn rows_that_were_altered_moved_or_taken_are_found_out() {
    let error = start_and_read(&altered(|batches| {
        batches.remove(11).unwrap();
    }));
    assert!(matches!(error, JournalError::Gap { .. }), "{error}");

    let error = start_and_read(&altered(|batches| {
        batches.remove(21).unwrap();
    }));
    assert_says(&error.to_string(), &["ends at entry 20", "entry 30"]);

    let error = start_and_read(&altered(|batches| {
        let mut bytes = batches.get(11).unwrap().unwrap().value().to_vec();
        bytes[90] ^= 1;
        batches.insert(11, bytes.as_slice()).unwrap();
    }));
    match error {
        JournalError::Damaged { first, .. } => assert_eq!(first, Seq(11)),
        other => panic!("{other:?}"),
    }

    let error = start_and_read(&altered(|batches| {
        let elsewhere = Head {
            seq: Seq(10),
            hash: [9; 32],
        };
        let mut bytes = Vec::new();
        encode_batch(elsewhere, &entries(Seq(10), 10, 0), &mut bytes);
        batches.insert(11, bytes.as_slice()).unwrap();
    }));
    match error {
        JournalError::Gap { found, .. } => assert_eq!(found.hash, [9; 32]),
        other => panic!("{other:?}"),
    }

    let error = start_and_read(&altered(|batches| {
        let bytes = batches.get(11).unwrap().unwrap().value().to_vec();
        batches.insert(12, bytes.as_slice()).unwrap();
        batches.remove(11).unwrap();
    }));
    assert!(matches!(error, JournalError::Gap { .. }), "{error}");
}

#[test]
fn a_real_directory_holds_the_files_that_the_manifest_names() {
    let directory = altered(|_| {});
    let disk = RealDisk::open(directory.path()).unwrap();
    assert_eq!(
        disk.list().unwrap(),
        [
            "journal.redb",
            "lock",
            "manifest.json",
            "secret.key",
            "witness"
        ]
    );
    for name in disk.list().unwrap() {
        assert_eq!(disk.mode(&name).unwrap(), 0o600, "{name}");
    }
    let database = Database::open(directory.path().join("journal.redb")).unwrap();
    let batches = database.begin_read().unwrap().open_table(BATCHES).unwrap();
    assert_eq!(batches.iter().unwrap().count(), 3);
    drop((batches, database));
    let options = options(&disk).unwrap();
    let opened = open(Arc::new(disk), options).unwrap();
    assert_eq!(read_all(&opened.journal).unwrap().len(), 30);
}
