//! The scrubber: what has rotted in history is told, and the server goes on serving; where the
//! books are damaged it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coffer::books::BOOKS;
use coffer::disk::Disk;
use coffer::journal::{CommitMode, Journal, RedbJournal};
use coffer::ledger::{Checkpointer, Scrubber};
use coffer::sim::disk::SimDisk;
use coffer::sim::{ManualClock, Workload};
use redb::{Database, TableDefinition};
use serde_json::Value;
use tempfile::tempdir;

use crate::on_disk::{open_disk, recover};
use crate::process::{Process, await_sight, http, run, serve_in_vain};
use crate::world::{clock, perform, rules, shape};

/// So small that there are segments that are finished, and books that have rows.
const TINY: [(&str, &str); 2] = [
    ("COFFER_STORAGE_SEGMENT_SIZE", "64KiB"),
    ("COFFER_STORAGE_CHECKPOINT_ENTRIES", "500"),
];

/// A directory that was played on, with finished segments.
fn played() -> tempfile::TempDir {
    let folder = tempdir().unwrap();
    let demo = Process::start(folder.path(), &["demo", "--fill", "12000"], &TINY);
    await_sight("a third segment", || {
        (segments(folder.path()).len() >= 3).then_some(())
    });
    assert!(demo.end("TERM").success());
    folder
}

/// The files of a folder's history, the oldest first.
pub(crate) fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join("coffer-data/history"));
    let files = files.into_iter().flatten().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|end| end == "redb"))
        .collect();
    files.sort();
    files
}

fn serve(folder: &Path) -> Process {
    Process::start(folder, &["serve"], &TINY)
}

/// The report once a round has ended.
fn scrubbed(server: &Process) -> Value {
    await_sight("the end of a round", || {
        let report = server.ask(&["report", "integrity"]).json();
        (!report["scrub"].is_null()).then_some(report)
    })
}

fn ready(server: &Process) -> (u16, String) {
    let answer = http(server.admin(), "GET", "/readyz", &[], "");
    (answer.status, answer.body)
}

#[test]
fn what_is_whole_is_read_and_reported() {
    let folder = played();
    let server = serve(folder.path());
    let report = scrubbed(&server);
    let scrub = &report["scrub"];
    assert_eq!(scrub["ok"], true, "{report}");
    assert_eq!(scrub["findings"], Value::Array(Vec::new()));
    assert_eq!(scrub["pages"], true);
    for count in ["segments", "entries", "rows", "bytes"] {
        assert!(scrub[count].as_u64().unwrap() > 2, "{count} in {report}");
    }
    assert!(report["head"]["seq"].as_u64().unwrap() >= scrub["entries"].as_u64().unwrap());
    assert_eq!(report["head"]["hash"].as_str().unwrap().len(), 64);
    assert!(report["backup"].is_null());
    assert_eq!(ready(&server), (200, r#"{"ready":true}"#.to_owned()));
    let told = ["report", "integrity", "--admin", server.admin()];
    let data = folder.path().join("coffer-data");
    let data = ["--data", data.to_str().unwrap()];
    let told = run(folder.path(), &[&told[..], &data].concat(), &[]);
    assert!(told.out.contains("scrub    all is well"), "{}", told.out);
    assert!(server.end("TERM").success());
}

#[test]
fn a_scrubber_that_is_turned_off_reads_nothing() {
    let folder = tempdir().unwrap();
    let off = [("COFFER_STORAGE_SCRUB", "0")];
    let server = Process::start(folder.path(), &["serve"], &off);
    let report = server.ask(&["report", "integrity"]).json();
    assert!(report["scrub"].is_null(), "{report}");
    assert!(server.end("TERM").success());
}

/// Spoils a page of `file` over which its database panics, as `coffer verify` tells.
fn spoil(folder: &Path, file: &Path) {
    let good = fs::read(file).unwrap();
    let pages = good.len() / 4096;
    for page in (1..pages).map(|page| page * 4096) {
        // A leaf of a tree.
        if good[page] != 1 {
            continue;
        }
        let mut bad = good.clone();
        // How many rows it has.
        bad[page + 2..page + 4].fill(0xff);
        fs::write(file, bad).unwrap();
        let told = run(folder, &["verify", "--json"], &[]);
        // One in the middle, so that the next start does not come across it.
        let middle = told.out.contains("was written upon another history");
        if middle && told.out.contains("stopped over it") {
            return;
        }
    }
    panic!("no page of {} stops its database", file.display());
}

#[test]
fn a_page_that_panics_is_told_and_the_server_goes_on() {
    let folder = played();
    // So that a start does not read it.
    assert_eq!(run(folder.path(), &["rebuild"], &[]).code, 0);
    let spoiled = segments(folder.path())[1].clone();
    spoil(folder.path(), &spoiled);
    let name = spoiled.file_name().unwrap().to_str().unwrap();
    let server = serve(folder.path());
    let report = scrubbed(&server);
    let findings = report["scrub"]["findings"].as_array().unwrap();
    assert_eq!(
        (findings.len(), &report["scrub"]["ok"]),
        (1, &Value::Bool(false))
    );
    assert!(findings[0].as_str().unwrap().contains(name), "{report}");
    let damaged = r#"{"ready":true,"integrity":"damaged"}"#.to_owned();
    assert_eq!(ready(&server), (200, damaged));
    let log = fs::read_to_string(folder.path().join("stderr")).unwrap();
    let told = |line: &str| line.contains("ERROR") && line.contains(name);
    assert!(log.lines().any(told), "{log}");
    // Whoever else comes across it is refused, again and again, and harms nobody.
    for _ in 0..2 {
        let output = folder.path().join("exported");
        let export = ["export", "journal", "--output", output.to_str().unwrap()];
        assert_ne!(server.ask(&export).code, 0);
        let copy = folder.path().join("copy");
        let backup = ["backup", "--to", copy.to_str().unwrap()];
        assert_ne!(server.ask(&backup).code, 0);
    }
    let partner = [
        "partner",
        "create",
        "--name",
        "after",
        "--wallet-token",
        "after",
    ];
    server.ask(&partner).json();
    assert!(server.end("TERM").success());
}

/// Puts a row into the books that no flush has written.
fn plant(folder: &Path) {
    let books = folder.join("coffer-data/books.redb");
    let database = Database::open(books).unwrap();
    let transaction = database.begin_write().unwrap();
    let names: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("names");
    let mut table = transaction.open_table(names).unwrap();
    drop(
        table
            .insert(&b"\0\0\0\x09mister"[..], &b"\0\0\0\0\0\0"[..])
            .unwrap(),
    );
    drop(table);
    transaction.commit().unwrap();
}

#[test]
fn nobody_is_served_from_books_that_are_found_damaged_until_they_are_made_anew() {
    let folder = played();
    plant(folder.path());
    let ended = serve(folder.path()).ended();
    assert_eq!(ended.code(), Some(1));
    let log = fs::read_to_string(folder.path().join("stderr")).unwrap();
    assert!(log.contains("table names has"), "{log}");
    let reason = log.lines().last().unwrap();
    assert!(
        reason.contains("books.redb") && reason.contains("coffer rebuild"),
        "{log}"
    );
    // A start that looked at nothing would serve from them again.
    let refused = serve_in_vain(folder.path(), &TINY);
    assert_eq!(refused.code, 1, "{}", refused.err);
    for word in ["books.redb.damaged", "coffer rebuild"] {
        assert!(refused.err.contains(word), "{}", refused.err);
    }
    let found = run(folder.path(), &["verify"], &[]);
    assert_eq!(found.code, 4, "{} {}", found.out, found.err);
    assert_eq!(run(folder.path(), &["rebuild"], &[]).code, 0);
    let server = serve(folder.path());
    assert_eq!(scrubbed(&server)["scrub"]["ok"], true);
    assert!(server.end("TERM").success());
}

#[test]
fn a_page_of_the_books_that_rots_while_they_are_served_from_ends_that() {
    let (disk, clock) = (SimDisk::new(), clock());
    let open = || open_disk(Arc::new(disk.clone()), CommitMode::OnePhase, 1 << 20);
    let (journal, books) = open().unwrap();
    let seen: Arc<dyn Journal> = Arc::<RedbJournal>::clone(&journal);
    let (ledger, mut committer) = recover(&seen, books, &clock, rules(), 1000).unwrap();
    for operation in Workload::partners()
        .into_iter()
        .chain(Workload::new(1, shape(0, 20)).take(500))
    {
        perform(&ledger, &clock, &operation).unwrap();
    }
    while committer.step(100).unwrap() > 0 {}
    let (mut checkpointer, stop) = Checkpointer::new(Arc::clone(&ledger));
    checkpointer.checkpoint().unwrap();
    let file = disk.open(BOOKS).unwrap();
    for page in (4096..file.size().unwrap()).step_by(4096) {
        let mut row = [0; 1];
        file.read_at(page + 2000, &mut row).unwrap();
        file.write_at(page + 2000, &[row[0] ^ 1]).unwrap();
    }
    let (scrubber, scrubber_stop) = Scrubber::new(
        Arc::new(disk.clone()),
        Arc::clone(&ledger),
        Arc::clone(&journal),
        Arc::<ManualClock>::clone(&clock),
        u64::MAX,
    );
    let scrubs = scrubber.scrubs();
    scrubber.run();
    assert!(ledger.is_latched() && scrubs.found());
    let findings = &scrubs.last().unwrap().findings;
    assert!(
        findings[0].contains("books.redb") && findings[0].contains("coffer rebuild"),
        "{findings:?}"
    );
    drop((
        checkpointer,
        stop,
        scrubber_stop,
        committer,
        ledger,
        seen,
        journal,
    ));
    let refused = open().map(drop).unwrap_err().to_string();
    assert!(refused.contains("books.redb.damaged"), "{refused}");
}
