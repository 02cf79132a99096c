//! `coffer verify` over the books: every row is compared with what entries say, whatever the row's
//! own checksum says; books that are behind are as good as those that are not.

use std::fs;
use std::path::Path;

use redb::{Database, ReadableTable, TableDefinition};
use serde_json::Value;

use crate::on_disk::{OnDisk, write_admin_key};
use crate::process::{Ran, run};
use crate::world::{clock, perform, shape};
use coffer::sim::{Shape, Workload};

const OPERATIONS: usize = 30_000;

type Rows = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// Every table with rows of entries.
const TABLES: [&str; 25] = [
    "partners",
    "accounts",
    "names",
    "players",
    "past_sessions",
    "codes",
    "references",
    "ids",
    "rounds",
    "foreign_rounds",
    "open_rounds",
    "odd_plays",
    "sums",
    "days",
    "payments",
    "listed_payments",
    "unlisted_sessions",
    "users",
    "transfers",
    "orders",
    "order_ids",
    "listed_orders",
    "claims",
    "gateway",
    "gateway_marks",
];

/// Plays on a directory's `coffer-data`, and a copy of its books from about the middle.
fn played() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("coffer-data");
    fs::create_dir(&data).unwrap();
    write_admin_key(&data);
    let shape = Shape {
        alone: true,
        ..shape(20, 30)
    };
    let mut plays = Workload::new(6, shape);
    for (first, copy) in [(true, "old.redb"), (false, "new.redb")] {
        let clock = clock();
        let books = OnDisk::on_directory(&data, clock.clone());
        if first {
            for operation in Workload::partners() {
                perform(&books.ledger, &clock, &operation).unwrap();
            }
        }
        for operation in plays.by_ref().take(OPERATIONS) {
            perform(&books.ledger, &clock, &operation).unwrap();
        }
        books.close();
        // Up to the last entry.
        assert_eq!(run(folder.path(), &["rebuild"], &[]).code, 0);
        fs::copy(data.join("books.redb"), folder.path().join(copy)).unwrap();
    }
    folder
}

fn books(folder: &Path) -> std::path::PathBuf {
    folder.join("coffer-data/books.redb")
}

/// Puts the sound books back.
fn mend(folder: &Path) {
    fs::copy(folder.join("new.redb"), books(folder)).unwrap();
}

fn verified(folder: &Path) -> (Ran, Vec<String>) {
    let ran = run(folder, &["verify", "--json"], &[]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    let findings = told["findings"].as_array().unwrap().iter();
    let findings = findings.map(|finding| finding.as_str().unwrap().to_owned());
    let findings: Vec<_> = findings.collect();
    assert_eq!(ran.code, if findings.is_empty() { 0 } else { 4 });
    (ran, findings)
}

#[track_caller]
fn assert_found(folder: &Path, words: &str) {
    assert_found_among(folder, words, 10);
}

/// Among fewer than `few` findings.
fn assert_found_among(folder: &Path, words: &str, few: usize) {
    let (_, findings) = verified(folder);
    let told = findings.iter().any(|finding| finding.contains(words));
    assert!(told, "{words:?} in {findings:#?}");
    assert!(findings.len() < few, "{findings:#?}");
    mend(folder);
}

/// Every row of a table.
fn rows(path: &Path, table: &'static str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let database = Database::open(path).unwrap();
    let transaction = redb::ReadableDatabase::begin_read(&database).unwrap();
    let table = transaction.open_table(Rows::new(table)).unwrap();
    let rows = table.range::<&[u8]>(..).unwrap().map(|row| {
        let (key, row) = row.unwrap();
        (key.value().to_vec(), row.value().to_vec())
    });
    rows.collect()
}

/// Writes a row as it is, or removes it, and counts the table's rows anew.
fn put(folder: &Path, table: &'static str, key: &[u8], row: Option<&[u8]>) {
    let database = Database::open(books(folder)).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut rows = transaction.open_table(Rows::new(table)).unwrap();
        match row {
            Some(row) => drop(rows.insert(key, row).unwrap()),
            None => drop(rows.remove(key).unwrap()),
        }
        let count = rows.iter().unwrap().count() as u64;
        let counts: TableDefinition<'_, &str, u64> = TableDefinition::new("counts");
        let mut counts = transaction.open_table(counts).unwrap();
        counts.insert(table, count).unwrap();
    }
    transaction.commit().unwrap();
}

/// A row's bytes with the checksum that the product gives them.
fn sealed(table: &str, key: &[u8], value: &[u8]) -> Vec<u8> {
    let hash = blake3::hash(&[table.as_bytes(), &[0], key, value].concat());
    [value, &hash.as_bytes()[..4]].concat()
}

/// The greatest row whose bytes satisfy something.
fn last_row(folder: &Path, table: &'static str) -> (Vec<u8>, Vec<u8>) {
    let rows = rows(&books(folder), table);
    rows.last().unwrap_or_else(|| panic!("no {table}")).clone()
}

#[test]
fn sound_books_are_found_sound_whatever_they_lack_of_the_journal() {
    let folder = played();
    assert_eq!(verified(folder.path()).1, Vec::<String>::new());
    fs::copy(folder.path().join("old.redb"), books(folder.path())).unwrap();
    assert_eq!(verified(folder.path()).1, Vec::<String>::new());
    for table in TABLES {
        let path = folder.path().join("new.redb");
        assert!(!rows(&path, table).is_empty(), "{table} is compared");
    }
}

#[test]
fn a_row_that_is_missing_is_found_in_every_table() {
    let folder = played();
    for table in &TABLES {
        let (key, _) = last_row(folder.path(), table);
        put(folder.path(), table, &key, None);
        let words = match *table {
            "foreign_rounds" => "contradicts foreign_rounds",
            "open_rounds" => "is not listed in open_rounds",
            "past_sessions" => "past_sessions",
            table => table,
        };
        assert_found(folder.path(), words);
    }
}

#[test]
fn a_row_of_older_books_is_found_in_every_table_that_changes() {
    let folder = played();
    for table in [
        "players", "rounds", "ids", "sums", "days", "orders", "payments",
    ] {
        let old = rows(&folder.path().join("old.redb"), table);
        let new = rows(&books(folder.path()), table);
        let older = old.iter().find(|row| {
            let key = &row.0;
            new.iter().any(|new| new.0 == *key && new.1 != row.1)
        });
        let (key, row) = older.unwrap_or_else(|| panic!("nothing of {table} changed"));
        put(folder.path(), table, key, Some(row));
        // A player's sessions are compared at the entry that the player's row is as of.
        let few = if table == "players" { 1_000 } else { 10 };
        assert_found_among(folder.path(), table, few);
    }
}

#[test]
fn a_row_that_says_otherwise_under_a_right_checksum_is_found() {
    let folder = played();
    for table in TABLES {
        let (key, row) = last_row(folder.path(), table);
        let value = &row[..row.len() - 4];
        // Each bit of the row's middle byte, as far as the row can still be read.
        for bit in 0..8 {
            let mut value = value.to_vec();
            let middle = value.len() / 2;
            value[middle] ^= 1 << bit;
            put(
                folder.path(),
                table,
                &key,
                Some(&sealed(table, &key, &value)),
            );
            let (ran, findings) = verified(folder.path());
            assert!(!findings.is_empty(), "{table} bit {bit}: {}", ran.out);
            mend(folder.path());
        }
    }
}

#[test]
fn a_row_that_no_entry_explains_is_found() {
    let folder = played();
    for table in [
        "ids",
        "rounds",
        "accounts",
        "codes",
        "names",
        "odd_plays",
        "order_ids",
        "claims",
    ] {
        let (key, row) = last_row(folder.path(), table);
        let mut other = key.clone();
        *other.last_mut().unwrap() ^= 1;
        let value = &row[..row.len() - 4];
        put(
            folder.path(),
            table,
            &other,
            Some(&sealed(table, &other, value)),
        );
        assert_found(folder.path(), table);
    }
}

#[test]
fn a_row_that_is_not_as_it_was_written_is_found() {
    let folder = played();
    let (key, mut row) = last_row(folder.path(), "ids");
    row[0] ^= 1;
    put(folder.path(), "ids", &key, Some(&row));
    assert_found(folder.path(), "table ids, row");
}

#[test]
fn books_that_claim_another_entry_are_found() {
    let folder = played();
    let about: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");
    // How far they are, one number further or back; and the hash there.
    for (place, words) in [
        (0, "written from a journal"),
        (32, "written from a journal"),
        (16, "about:"),
    ] {
        let database = Database::open(books(folder.path())).unwrap();
        let transaction = database.begin_write().unwrap();
        {
            let mut about = transaction.open_table(about).unwrap();
            let mut applied = about.get("applied").unwrap().unwrap().value().to_vec();
            let seq = u64::from_le_bytes(applied[..8].try_into().unwrap());
            match place {
                0 => applied[..8].copy_from_slice(&(seq + 100_000).to_le_bytes()),
                16 => applied[16..24].fill(0),
                place => applied[place] ^= 1,
            }
            about.insert("applied", applied.as_slice()).unwrap();
        }
        transaction.commit().unwrap();
        drop(database);
        assert_found(folder.path(), words);
    }
}

#[test]
fn books_that_are_lost_or_rotten_are_found_and_rebuilt() {
    let folder = played();
    fs::remove_file(books(folder.path())).unwrap();
    let (_, findings) = verified(folder.path());
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert!(
        findings[0].contains("books.redb is missing") && findings[0].contains("coffer rebuild")
    );
    let mut bytes = fs::read(folder.path().join("new.redb")).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 40_000].fill(0x55);
    fs::write(books(folder.path()), bytes).unwrap();
    let (ran, findings) = verified(folder.path());
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert!(findings[0].contains("books.redb"), "{findings:#?}");
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    assert_eq!(run(folder.path(), &["rebuild"], &[]).code, 0);
    assert_eq!(verified(folder.path()).1, Vec::<String>::new());
}
