//! A page that has rotted where a start comes across it, or a backup without a server: the command
//! ends with 1, and says which file it is and what to do, in words that are not the database's.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::process::{Process, Ran, await_sight, run};
use crate::scrub::segments;

const SMALL: [(&str, &str); 3] = [
    ("COFFER_STORAGE_SEGMENT_SIZE", "64KiB"),
    ("COFFER_STORAGE_CHECKPOINT_ENTRIES", "500"),
    ("COFFER_STORAGE_RESERVE_SIZE", "0B"),
];

const PAGE: usize = 4096;

/// Pages of a file that are tried.
const PAGES_MAX: usize = 25;

/// A directory that was played on. What a kill leaves redb looks through by itself.
fn played() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let demo = Process::start(folder.path(), &["demo", "--fill", "3000"], &SMALL);
    await_sight("a second segment", || {
        (segments(folder.path()).len() >= 2).then_some(())
    });
    assert!(demo.end("TERM").success());
    folder
}

fn copied(from: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (from.join("coffer-data"), folder.path().join("coffer-data"));
    for within in ["", "history"] {
        fs::create_dir(to.join(within)).unwrap();
        for file in fs::read_dir(from.join(within)).unwrap() {
            let file = file.unwrap();
            if file.path().is_file() {
                fs::copy(file.path(), to.join(within).join(file.file_name())).unwrap();
            }
        }
    }
    folder
}

/// Places of pages of a tree, some of them.
fn tree_pages(bytes: &[u8]) -> Vec<usize> {
    let places = (PAGE..bytes.len()).step_by(PAGE);
    let all: Vec<_> = places
        .filter(|&place| [1, 2].contains(&bytes[place]))
        .collect();
    let step = all.len().div_ceil(PAGES_MAX);
    all.into_iter().step_by(step).collect()
}

/// Whether the text of a refusal names the file and says what to do.
#[track_caller]
fn assert_clear(ran: &Ran, name: &str, remedy: &str) {
    let told = &ran.err;
    assert_eq!(ran.code, 1, "{name}: {told}");
    let reason = told.lines().last().unwrap_or_default();
    assert!(
        reason.contains(name) && reason.contains(remedy),
        "{name}: {told}"
    );
    assert!(!told.contains("panicked"), "{name}: {told}");
}

/// How often `command` is refused over the pages of `file`, and how often because redb stopped.
fn refusals(
    played: &Path,
    file: &Path,
    remedy: &str,
    command: &dyn Fn(&Path) -> Option<Ran>,
) -> (usize, usize) {
    let name = file.file_name().unwrap().to_str().unwrap();
    let good = fs::read(file).unwrap();
    let (mut refused, mut stopped) = (0, 0);
    for place in tree_pages(&good) {
        let mut bad = good.clone();
        // How many rows it has.
        bad[place + 2..place + 4].fill(0xff);
        let folder = copied(played);
        fs::write(folder.path().join(file.strip_prefix(played).unwrap()), bad).unwrap();
        if let Some(ran) = command(folder.path()) {
            assert_clear(&ran, name, remedy);
            refused += 1;
            stopped += usize::from(ran.err.contains("stopped over it"));
        }
    }
    (refused, stopped)
}

fn serve(folder: &Path) -> Option<Ran> {
    let ports = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ];
    Process::tried(folder, &ports, &SMALL).err()
}

fn backup(folder: &Path) -> Option<Ran> {
    let (data, to) = (folder.join("coffer-data"), folder.join("copy"));
    let (data, to) = (data.to_str().unwrap(), to.to_str().unwrap());
    let nobody = ["--admin", "http://127.0.0.1:1", "--data", data];
    let ran = run(
        folder,
        &[&["backup", "--to", to], &nobody[..]].concat(),
        &SMALL,
    );
    (ran.code != 0).then_some(ran)
}

const RESTORE: &str = "restore the directory from a backup";

#[test]
fn a_start_over_a_rotten_page_is_refused_by_name() {
    let played = played();
    let data = played.path().join("coffer-data");
    let journal = refusals(played.path(), &data.join("journal.redb"), RESTORE, &serve);
    let last = segments(played.path()).pop().unwrap();
    let history = refusals(played.path(), &last, RESTORE, &serve);
    let books = data.join("books.redb");
    let books = refusals(played.path(), &books, "coffer rebuild", &serve);
    println!("refused, and because redb stopped: {journal:?}, {history:?}, {books:?}");
    assert!(journal.1 > 0 && history.1 > 0 && books.0 > 0);
}

#[test]
fn a_backup_without_a_server_over_a_rotten_page_is_refused_by_name() {
    let played = played();
    let data = played.path().join("coffer-data");
    let journal = refusals(played.path(), &data.join("journal.redb"), RESTORE, &backup);
    let first = segments(played.path()).remove(0);
    let history = refusals(played.path(), &first, RESTORE, &backup);
    println!("refused, and because redb stopped: {journal:?}, {history:?}");
    assert!(journal.1 > 0 && history.1 > 0);
}
