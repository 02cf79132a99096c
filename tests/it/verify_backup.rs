//! `coffer verify` on a backup directory: every byte of every backup, and the entries of the newest.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::tempdir;

use crate::process::{Process, await_sight, run};

/// So small that there are segments that are finished.
const TINY: [(&str, &str); 2] = [
    ("COFFER_STORAGE_SEGMENT_SIZE", "32KiB"),
    ("COFFER_STORAGE_CHECKPOINT_ENTRIES", "200"),
];

fn files(folder: &Path, within: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join(within)).into_iter().flatten();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// Two backups in `{folder}/copy`; what the newer one told.
fn backed_up(folder: &Path) -> Value {
    let copy = folder.join("copy");
    let server = Process::start(folder, &["demo", "--fill", "5000"], &TINY);
    await_sight("a third segment", || {
        (files(folder, "coffer-data/history").len() >= 3).then_some(())
    });
    let back_up = || {
        server
            .ask(&["backup", "--to", copy.to_str().unwrap()])
            .json()
    };
    let first = back_up();
    // The game server plays on.
    let last = await_sight("more entries", || {
        Some(back_up()).filter(|last| last["seq"] != first["seq"])
    });
    assert!(server.end("TERM").success());
    last
}

/// What is told of the backups, with the exit code that goes with it.
fn verified(folder: &Path) -> (Value, String) {
    let ran = run(folder, &["verify", "--data", "copy", "--json"], &[]);
    let told: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
    assert_eq!(ran.code, if told["ok"] == true { 0 } else { 4 });
    (told, ran.err)
}

/// Whether `words` are among the findings where `file` has another byte in its middle.
#[track_caller]
fn assert_spoiled_is_found(folder: &Path, file: &Path) -> Value {
    let good = fs::read(file).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    fs::write(file, bad).unwrap();
    let (told, _) = verified(folder);
    fs::write(file, good).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let findings = told["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{told}");
    let finding = findings[0].as_str().unwrap();
    assert!(
        finding.contains(name) && finding.contains("is not what was once written"),
        "{told}"
    );
    told
}

#[test]
fn every_byte_of_every_backup_and_the_entries_of_the_newest_are_verified() {
    let folder = tempdir().unwrap();
    let last = backed_up(folder.path());
    let (told, notes) = verified(folder.path());
    assert_eq!(told["ok"], true, "{told}");
    assert_eq!(told["entries"], last["seq"]);
    assert_eq!(told["head"]["seq"], last["seq"]);
    assert_eq!(told["head"]["hash"], last["hash"]);
    assert!(notes.contains("all files of"), "{notes}");
    let copy = folder.path().join("copy");
    assert!(!copy.join("verify.tmp").exists());

    let segments = files(&copy, "history");
    let tails = files(&copy, "tails");
    assert!(
        segments.len() >= 2 && tails.len() >= 2,
        "{segments:?} {tails:?}"
    );
    let told = assert_spoiled_is_found(folder.path(), &segments[1]);
    assert!(told["entries"].as_u64() < last["seq"].as_u64());
    assert_eq!(told["head"]["hash"], last["hash"], "what follows is read");
    // Of an older backup: the newest one's entries are all there.
    let told = assert_spoiled_is_found(folder.path(), &tails[0]);
    assert_eq!(told["entries"], last["seq"]);
    assert_spoiled_is_found(folder.path(), tails.last().unwrap());

    fs::remove_file(&segments[0]).unwrap();
    let (told, _) = verified(folder.path());
    let finding = told["findings"][0].as_str().unwrap();
    assert!(finding.contains("is missing"), "{told}");
}

#[test]
fn a_backup_directory_that_cannot_be_read_is_refused_with_its_name() {
    let folder = tempdir().unwrap();
    let copy = folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    fs::write(copy.join("backup.json"), "{}").unwrap();
    let ran = run(folder.path(), &["verify", "--data", "copy"], &[]);
    let reason = ran.failed(1);
    assert!(
        reason.contains("copy") && reason.contains("backup.json"),
        "{reason}"
    );
}
