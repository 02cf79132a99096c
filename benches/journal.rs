//! What writing entries down costs. Beside each stands what it should cost on paper, written
//! before it was measured.

use std::hint::black_box;
use std::sync::Arc;

use coffer::disk::RealDisk;
use coffer::engine::entry::{Anomalies, Body, Entry, Link, Play};
use coffer::id::{AccountNumber, GameNumber, RoundId, Seq, SessionNumber, TransactionId};
use coffer::journal::{
    CommitMode, Head, Journal, Options, SEGMENT_SIZE, decode_batch, encode_batch, open, secret_key,
};
use coffer::money::Amount;
use coffer::time::Timestamp;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// `count` bets after `after`.
fn bets(after: Seq, count: u64) -> Vec<Entry> {
    let bet = |seq: u64| Entry {
        seq: Seq(seq),
        at: Timestamp::from_micros(1_795_000_000_000_000 + seq * 10),
        body: Body::Bet(Play {
            account: AccountNumber(seq * 7_919 % 100_000),
            session: SessionNumber(seq * 7_919 % 1_000_000),
            id: TransactionId(3_000_000_000 + seq),
            round: Some(RoundId(3_000_000_000 + seq / 4 * 4)),
            game: GameNumber(1_014),
            amount: Amount::from_cents(1_000 + seq % 500).expect("little money"),
            link: Link {
                previous: Seq(seq / 2),
                balance_after: Amount::from_cents(1_000_000 + seq).expect("little money"),
            },
            anomalies: Anomalies::NONE,
        }),
    };
    (after.0 + 1..=after.0 + count).map(bet).collect()
}

/// On paper: 11 numbers of 1 to 5 bytes, some 28 bytes, 25 ns; their share of the hash, 1 byte a
/// cycle at the worst, 10 ns; of the header, nothing.
fn encode(criterion: &mut Criterion) {
    const COUNT: u64 = 1_024;
    let entries = bets(Seq(1_000_000), COUNT);
    let previous = Head {
        seq: Seq(1_000_000),
        hash: [7; 32],
    };
    let mut bytes = Vec::new();
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(COUNT));
    group.bench_function("encode/bet", |bencher| {
        bencher.iter(|| {
            let head = encode_batch(previous, black_box(&entries), &mut bytes);
            assert_eq!(head.seq, Seq(1_000_000 + COUNT));
        });
    });
    let each = bytes.len() as u64 / COUNT;
    assert!(each <= 40, "a bet takes {each} bytes");
    assert_eq!(
        decode_batch(&bytes).expect("it was encoded").entries,
        entries
    );
    group.finish();
}

/// On paper: one sync, 0.1 to 5 ms by the disk, beside which all else is small: some 10 pages of
/// 4 KiB that redb writes anew for each commit, and 28 bytes an entry. So a batch of 1024 costs
/// little more than a batch of 1, and an entry in it a thousandth.
fn append(criterion: &mut Criterion) {
    // Beside the build, on a real disk: a temporary directory may lie in memory.
    std::fs::create_dir_all("target").expect("the build has made it");
    let mut group = criterion.benchmark_group("journal");
    for count in [1, 16, 256, 1_024] {
        let directory = tempfile::tempdir_in("target").expect("there is room");
        let disk = Arc::new(RealDisk::open(directory.path()).expect("it was made"));
        let key = secret_key(&*disk, false, &[7; 32]).expect("an empty directory");
        let options = Options {
            commit: CommitMode::OnePhase,
            must_exist: false,
            segment_size: SEGMENT_SIZE,
            new_id: [1; 16],
            fingerprint: key.fingerprint(),
            now: Timestamp::EPOCH,
        };
        let journal = open(disk, options).expect("an empty directory").journal;
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("append/batch_{count}"), |bencher| {
            bencher.iter_batched(
                || bets(journal.head().seq, count),
                |entries| {
                    let before = journal.head();
                    let head = journal.append(before, &entries).expect("the disk is sound");
                    assert_eq!(head.seq, Seq(before.seq.0 + count));
                },
                BatchSize::PerIteration,
            );
        });
        let last = journal.read_from(journal.head().seq).expect("it is there");
        assert_eq!(last.count(), 1);
    }
    group.finish();
}

criterion_group!(benches, encode, append);
criterion_main!(benches);
