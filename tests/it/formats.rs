//! Versions of what lies in the data directory: what a later version wrote is refused by its name
//! and left alone; books of an earlier one are kept aside and made anew.

use std::fs;
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::fixtures::{assert_answers, refused, served, unpacked, verified};
use crate::process::run;
use crate::verify::contents;

const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");
const BATCHES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("batches");

const FIXTURE: &str = "format-2";

/// Makes a database say that it is of a format.
fn set_format(path: &Path, format: u64) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut about = transaction.open_table(ABOUT).unwrap();
    about.insert("format", &format.to_le_bytes()[..]).unwrap();
    drop(about);
    transaction.commit().unwrap();
}

fn format(path: &Path) -> u64 {
    let database = Database::open(path).unwrap();
    let about = database.begin_read().unwrap().open_table(ABOUT).unwrap();
    let format = about.get("format").unwrap().unwrap().value().to_vec();
    u64::from_le_bytes(format.try_into().unwrap())
}

/// Raises the version of the last batch in a database.
fn raise_batch(path: &Path) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut batches = transaction.open_table(BATCHES).unwrap();
    let (first, mut batch) = {
        let mut all = batches.range(0..).unwrap();
        let (first, batch) = all.next_back().unwrap().unwrap();
        (first.value(), batch.value().to_vec())
    };
    batch[0] += 1;
    batches.insert(first, batch.as_slice()).unwrap();
    drop(batches);
    transaction.commit().unwrap();
}

fn raise_manifest(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    fs::write(path, text.replace("\"format\":1", "\"format\":2")).unwrap();
}

fn raise_witness(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    for slot in [0, 4096] {
        bytes[slot + 7] += 1;
        let check = blake3::hash(&bytes[slot..slot + 64]);
        bytes[slot + 64..slot + 96].copy_from_slice(check.as_bytes());
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn each_file_of_a_later_version_is_refused_by_its_name_and_left_alone() {
    let newest = "history/00000000000000000121.redb";
    type Raise<'a> = (&'a str, u64, &'a dyn Fn(&Path));
    let raises: [Raise<'_>; 7] = [
        ("manifest.json", 2, &raise_manifest),
        ("witness", 2, &raise_witness),
        ("journal.redb", 2, &|path| set_format(path, 2)),
        ("journal.redb", 2, &raise_batch),
        (newest, 2, &|path| set_format(path, 2)),
        (newest, 2, &raise_batch),
        ("books.redb", 3, &|path| set_format(path, 3)),
    ];
    for (name, later, raise) in raises {
        let folder = unpacked(FIXTURE);
        raise(&folder.path().join("coffer-data").join(name));
        let before = contents(&folder.path().join("coffer-data"));
        let due = format!("{name} has format {later}, which this version does not know");
        let why = refused(folder.path());
        assert!(why.contains(&due) && why.contains("use that one"), "{why}");
        let verified = verified(folder.path());
        let why = verified.failed(1);
        assert!(why.contains(&due) && why.contains("use that one"), "{why}");
        let after = contents(&folder.path().join("coffer-data"));
        let changed = after
            .iter()
            .find(|(name, bytes)| before.get(*name) != Some(bytes));
        assert_eq!(changed.map(|(name, _)| name), None, "{due}");
    }
}

#[test]
fn a_backup_of_a_later_version_is_refused_by_its_name() {
    let folder = unpacked(FIXTURE);
    let data = ["--data", "coffer-data"];
    let made = run(
        folder.path(),
        &[&["backup", "--to", "safe"], &data[..]].concat(),
        &[],
    );
    assert_eq!(made.code, 0, "{}", made.err);
    let points = fs::read_dir(folder.path().join("safe/points")).unwrap();
    for point in points {
        raise_manifest(&point.unwrap().path());
    }
    let restored = run(
        folder.path(),
        &["restore", "--from", "safe", "--data", "new"],
        &[],
    );
    let why = restored.failed(1);
    assert!(
        why.contains("points/") && why.contains("has format 2"),
        "{why}"
    );
    assert!(why.contains("use that one"), "{why}");
}

#[test]
fn books_of_an_older_format_are_kept_aside_and_made_anew() {
    let folder = unpacked(FIXTURE);
    let data = folder.path().join("coffer-data");
    set_format(&data.join("books.redb"), 1);
    let before = verified(folder.path());
    assert_eq!(before.code, 0, "{}", before.out);
    assert!(before.err.contains("format 1"), "{}", before.err);
    for start in ["the upgrade", "the next"] {
        let server = served(folder.path());
        let log = fs::read_to_string(folder.path().join("stderr")).unwrap();
        assert_eq!(
            log.contains("books.redb.1.bak"),
            start == "the upgrade",
            "{log}"
        );
        assert_answers(&server, FIXTURE);
        assert!(server.end("TERM").success());
    }
    assert_eq!(format(&data.join("books.redb.1.bak")), 1);
    assert_eq!(format(&data.join("books.redb")), 2);
    assert_eq!(verified(folder.path()).code, 0);
}

#[test]
fn an_upgrade_of_the_books_that_was_interrupted_goes_on() {
    for renamed in [false, true] {
        let folder = unpacked(FIXTURE);
        let data = folder.path().join("coffer-data");
        let books = data.join("books.redb");
        set_format(&books, 1);
        let manifest = data.join("manifest.json");
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, text.replace(",\"books.redb\"", "")).unwrap();
        if renamed {
            fs::rename(&books, data.join("books.redb.1.bak")).unwrap();
        }
        let server = served(folder.path());
        assert_answers(&server, FIXTURE);
        assert!(server.end("TERM").success());
        assert_eq!(format(&data.join("books.redb.1.bak")), 1);
        assert_eq!(format(&books), 2);
        assert!(
            fs::read_to_string(&manifest)
                .unwrap()
                .contains("books.redb")
        );
    }
}
