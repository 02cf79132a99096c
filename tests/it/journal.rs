//! The journal over a disk that loses power and fails: what was acknowledged is there, what was
//! not is there whole or not at all, and nothing is believed after a failed write.

use std::io;
use std::sync::Arc;

use coffer::disk::Disk;
use coffer::engine::entry::{Body, Entry, Void};
use coffer::id::{AccountNumber, Seq, SessionNumber, TransactionId};
use coffer::journal::{
    CommitMode, Head, Journal, JournalError, Opened, Options, SEGMENT_SIZE, open, secret_key,
};
use coffer::sim::disk::{Cut, Fault, Operation, SimDisk};
use coffer::time::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) fn options(disk: &dyn Disk) -> Result<Options, JournalError> {
    let key = secret_key(disk, false, &[7; 32])?;
    Ok(Options {
        commit: CommitMode::OnePhase,
        must_exist: false,
        segment_size: SEGMENT_SIZE,
        new_id: [1; 16],
        fingerprint: key.fingerprint(),
        now: Timestamp::from_micros(1_795_000_000_000_000),
    })
}

pub(crate) fn start(disk: &SimDisk) -> Result<Opened, JournalError> {
    start_with(disk, CommitMode::OnePhase)
}

fn start_with(disk: &SimDisk, commit: CommitMode) -> Result<Opened, JournalError> {
    let options = Options {
        commit,
        ..options(disk)?
    };
    open(Arc::new(disk.clone()), options)
}

/// `count` entries after `after`; `salt` tells them from others with the same numbers.
pub(crate) fn entries(after: Seq, count: u64, salt: u64) -> Vec<Entry> {
    let entry = |seq| Entry {
        seq: Seq(seq),
        at: Timestamp::from_micros(1_795_000_000_000_000 + seq),
        body: Body::Void(Void {
            account: AccountNumber(seq % 10),
            session: SessionNumber(seq % 100),
            id: TransactionId(seq ^ salt << 20),
        }),
    };
    (after.0 + 1..=after.0 + count).map(entry).collect()
}

pub(crate) fn append(journal: &dyn Journal, count: u64) -> Result<Head, JournalError> {
    let head = journal.head();
    journal.append(head, &entries(head.seq, count, 0))
}

pub(crate) fn read_all(journal: &dyn Journal) -> Result<Vec<Entry>, JournalError> {
    let mut all = Vec::new();
    for batch in journal.read_from(Seq(1))? {
        all.extend(batch?.entries);
    }
    Ok(all)
}

/// One life of a disk after the other, each ended by a loss of power, some while starting.
fn lives(seed: u64, commit: CommitMode) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut disk = SimDisk::new();
    let mut acknowledged: Vec<Entry> = Vec::new();
    let mut in_flight: Vec<Entry> = Vec::new();
    for life in 0..7 {
        disk.cut_after(rng.random_range(0..if life % 3 == 2 { 40 } else { 400 }));
        if let Ok(opened) = start_with(&disk, commit) {
            let journal = opened.journal;
            if let Ok(found) = read_all(&journal) {
                check(&found, &acknowledged, &in_flight, seed);
                acknowledged = found;
                in_flight.clear();
            }
            while !disk.is_cut() {
                let head = journal.head();
                if !in_flight.is_empty() {
                    break;
                }
                let batch = entries(head.seq, rng.random_range(1..=60), seed + life);
                match journal.append(head, &batch) {
                    Ok(_) => acknowledged.extend(batch),
                    Err(_) => in_flight = batch,
                }
            }
        } else {
            assert!(disk.is_cut(), "seed {seed}: refused with power on");
        }
        disk = disk.cut(Cut::any(&mut rng), &mut rng);
    }
    let opened = start_with(&disk, commit).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let found = read_all(&opened.journal).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    check(&found, &acknowledged, &in_flight, seed);
}

fn check(found: &[Entry], acknowledged: &[Entry], in_flight: &[Entry], seed: u64) {
    let with = [acknowledged, in_flight].concat();
    assert!(
        found == acknowledged || found == with,
        "seed {seed}: {} entries found, {} acknowledged, {} in flight",
        found.len(),
        acknowledged.len(),
        in_flight.len()
    );
}

#[test]
fn no_loss_of_power_takes_what_was_acknowledged() {
    for seed in 0..200 {
        lives(seed, CommitMode::OnePhase);
        lives(seed, CommitMode::TwoPhase);
    }
}

#[test]
fn a_failed_write_or_sync_is_the_last_word_of_a_handle() {
    for operation in [Operation::Write, Operation::SetLen, Operation::Sync] {
        for kind in [io::ErrorKind::Other, io::ErrorKind::StorageFull] {
            for after in 0..30 {
                let disk = SimDisk::new();
                let opened = start(&disk).unwrap();
                disk.plant(Fault {
                    operation: Some(operation),
                    after,
                    kind,
                    lasting: false,
                });
                let mut last = Head::EMPTY;
                let failed = (0..200).any(|_| match append(&opened.journal, 50) {
                    Ok(head) => {
                        last = head;
                        false
                    }
                    Err(_) => true,
                });
                if !failed {
                    assert_eq!(operation, Operation::SetLen, "few of these come");
                    continue;
                }
                assert!(matches!(
                    append(&opened.journal, 1),
                    Err(JournalError::Latched)
                ));
                assert!(matches!(
                    opened.journal.trim(last.seq),
                    Err(JournalError::Latched)
                ));
                drop(opened);
                let opened = start(&disk).unwrap();
                let found = read_all(&opened.journal).unwrap();
                let flying = entries(last.seq, 50, 0);
                check(&found, &entries(Seq::NONE, last.seq.0, 0), &flying, after);
                append(&opened.journal, 1).unwrap();
            }
        }
    }
}

#[test]
fn whoever_expects_another_end_writes_nothing() {
    let disk = SimDisk::new();
    let journal = start(&disk).unwrap().journal;
    let head = append(&journal, 3).unwrap();
    let elsewhere = Head {
        hash: [9; 32],
        ..head
    };
    for expected in [Head::EMPTY, elsewhere] {
        let refused = journal.append(expected, &entries(expected.seq, 1, 0));
        match refused {
            Err(JournalError::HeadMismatch { actual, .. }) => assert_eq!(actual, head),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(journal.head(), head);
    append(&journal, 1).unwrap();
}

#[test]
fn reading_begins_with_the_batch_that_contains_the_seq() {
    let disk = SimDisk::new();
    let journal = start(&disk).unwrap().journal;
    for count in [3, 1, 4] {
        append(&journal, count).unwrap();
    }
    let firsts = |seq| -> Vec<u64> {
        let batches = journal.read_from(Seq(seq)).unwrap();
        batches
            .map(|batch| batch.unwrap().entries[0].seq.0)
            .collect()
    };
    for (seq, expected) in [
        (0, &[1, 4, 5][..]),
        (1, &[1, 4, 5]),
        (3, &[1, 4, 5]),
        (4, &[4, 5]),
        (8, &[5]),
        (9, &[]),
    ] {
        assert_eq!(firsts(seq), expected);
    }
}

#[test]
fn nothing_is_trimmed_that_history_does_not_hold() {
    let disk = SimDisk::new();
    let journal = start(&disk).unwrap().journal;
    for _ in 0..200 {
        append(&journal, 3).unwrap();
    }
    journal.trim(Seq(u64::MAX)).unwrap();
    assert_eq!(read_all(&journal).unwrap(), entries(Seq::NONE, 600, 0));
}
