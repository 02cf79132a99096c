//! `coffer verify` as it is shipped: whatever bit rots is found or was of no use, each file's
//! damage is told beside the others', and the directory stays as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use coffer::sim::{Operation, Workload};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::on_disk::{OnDisk, write_admin_key};
use crate::process::{Ran, run};
use crate::world::{Replay, clock, number, perform, shape};

const OPERATIONS: usize = 20_000;

/// A directory whose `coffer-data` has been played with and closed.
fn played() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("coffer-data");
    fs::create_dir(&data).unwrap();
    let clock = clock();
    let books = OnDisk::on_directory(&data, clock.clone());
    let play = |operations: &mut dyn Iterator<Item = Operation>| {
        for operation in operations {
            perform(&books.ledger, &clock, &operation).unwrap();
        }
    };
    let mut plays = Workload::new(1, shape(0, 40));
    play(&mut Workload::partners().into_iter());
    play(&mut plays.by_ref().take(OPERATIONS));
    // There is enough for the archiver to fill more of them.
    while databases(folder.path()).len() < 5 {
        std::thread::yield_now();
    }
    play(&mut plays.take(100));
    books.close();
    write_admin_key(&data);
    folder
}

fn databases(folder: &Path) -> Vec<PathBuf> {
    let data = folder.join("coffer-data");
    let segments = fs::read_dir(data.join("history")).unwrap();
    let mut files: Vec<PathBuf> = segments.map(|entry| entry.unwrap().path()).collect();
    files.push(data.join("journal.redb"));
    files.sort();
    files
}

/// Every file below a directory.
pub(crate) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
            files.insert(path, Vec::new());
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

fn verified(folder: &Path, more: &[&str]) -> (Ran, Value) {
    let ran = run(folder, &[&["verify", "--json"], more].concat(), &[]);
    let told = serde_json::from_str(&ran.out).unwrap_or(Value::Null);
    (ran, told)
}

/// A place in a page that has ever been written.
fn used_byte(bytes: &[u8], random: &mut ChaCha8Rng) -> usize {
    loop {
        let place = random.random_range(0..bytes.len());
        let page = bytes.chunks(4096).nth(place / 4096).unwrap();
        if page.iter().any(|&byte| byte != 0) {
            return place;
        }
    }
}

#[test]
fn a_bit_that_flips_is_found_or_changes_nothing() {
    let flips = number("SIM_FLIPS", 200);
    let seed = number("SIM_SEED", 1);
    let _replay = Replay(seed);
    let folder = played();
    let (ran, whole) = verified(folder.path(), &[]);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    let files = databases(folder.path());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut harmless = 0;
    for _ in 0..flips {
        let file = &files[random.random_range(0..files.len())];
        let good = fs::read(file).unwrap();
        let mut bad = good.clone();
        let place = used_byte(&bad, &mut random);
        bad[place] ^= 1 << random.random_range(0..8);
        fs::write(file, bad).unwrap();
        let (ran, told) = verified(folder.path(), &[]);
        let what = format!("{file:?} at {place}: {} {}", ran.out, ran.err);
        assert_eq!(ran.err, "", "{what}");
        if ran.code == 0 {
            assert_eq!(told, whole, "{what}");
            harmless += 1;
        } else {
            assert_eq!(ran.code, 4, "{what}");
            let name = file.file_name().unwrap().to_str().unwrap();
            let findings = told["findings"].as_array().unwrap();
            let named = |finding: &Value| finding.as_str().unwrap().contains(name);
            assert!(findings.iter().any(named), "{what}");
        }
        fs::write(file, good).unwrap();
    }
    assert!(harmless < flips, "some flips matter");
    println!("{flips} flips, {harmless} of them harmless");
}

#[test]
fn every_file_that_is_damaged_is_told_in_one_run() {
    let folder = played();
    let files = databases(folder.path());
    let damaged = [&files[0], &files[3]];
    for file in damaged {
        let mut bytes = fs::read(file).unwrap();
        let half = bytes.len() / 2;
        bytes[half..].fill(0x55);
        fs::write(file, bytes).unwrap();
    }
    fs::remove_file(&files[2]).unwrap();
    let before = contents(folder.path());
    let ran = run(folder.path(), &["verify"], &[]);
    assert_eq!((ran.code, &*ran.err), (4, ""), "{}", ran.out);
    assert!(ran.out.starts_with("DAMAGED: "), "{}", ran.out);
    for file in [&files[0], &files[2], &files[3]] {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(ran.out.contains(name), "{name} in {}", ran.out);
    }
    assert!(contents(folder.path()) == before, "nothing was touched");
}

#[test]
fn what_is_sorted_elsewhere_leaves_nothing_and_takes_left_overs_along() {
    let folder = played();
    let before = contents(folder.path());
    let left = folder.path().join("coffer-data/verify.tmp");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("17"), "what a killed one left").unwrap();
    let (ran, _) = verified(folder.path(), &[]);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    assert!(
        contents(folder.path()) == before,
        "nothing else was touched"
    );
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().to_str().unwrap();
    let (ran, _) = verified(folder.path(), &["--scratch", path]);
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    assert_eq!(contents(elsewhere.path()).len(), 0);
    let nowhere = run(folder.path(), &["verify", "--scratch", "nowhere"], &[]);
    assert!(nowhere.failed(1).contains("scratch directory nowhere"));
}
