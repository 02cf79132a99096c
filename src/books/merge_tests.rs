//! Runs on a simulated disk: whatever is done to them, every id is found as it was written last.
#![cfg(test)]

use std::collections::BTreeMap;

use super::runs::Kind;
use super::{Books, Checkpoints, NewRun, Tidying, create};
use crate::engine::ids::{IdKey, IdRow, IdState};
use crate::id::{AccountNumber, GameNumber, IdSpaceNumber, Seq, TransactionId};
use crate::money::{Amount, Currency};
use crate::sim::disk::{Cut, SimDisk};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const BY: Checkpoints = Checkpoints {
    entries: 0,
    interval: crate::time::Span::from_seconds(0),
    resident_bytes: 0,
    slice_rows: 7,
    scattered_rows: 5,
    merged_runs: 2,
};

fn place() -> (IdSpaceNumber, Currency) {
    (IdSpaceNumber(0), "USD".parse().unwrap())
}

fn key(id: u64) -> IdKey {
    let (space, currency) = place();
    IdKey {
        space,
        currency,
        id: TransactionId(id),
    }
}

fn row(changed: u64) -> IdRow {
    IdRow {
        state: IdState::Bet,
        account: AccountNumber(1),
        amount: Amount::ZERO,
        game: Some(GameNumber(1)),
        round: None,
        taken: Seq(1),
        changed: Seq(changed),
    }
}

/// Books, and what should be in them.
struct Written {
    disk: SimDisk,
    books: Books,
    tidying: Tidying,
    rows: BTreeMap<u64, u64>,
}

impl Written {
    fn new() -> Written {
        let disk = SimDisk::new();
        create(&disk, [7; 16]).unwrap();
        let books = Books::open(&disk, [7; 16]).unwrap();
        Written {
            disk,
            books,
            tidying: Tidying::default(),
            rows: BTreeMap::new(),
        }
    }

    /// Writes ids as the flush of that number would; whether they went into a run.
    fn flush(&mut self, ids: impl Iterator<Item = u64>, changed: u64) -> bool {
        let rows: BTreeMap<u64, u64> = ids.map(|id| (id, changed)).collect();
        let view = self.books.view().unwrap();
        let numbers = rows.keys().copied();
        let few = BY.scattered_rows;
        let scattered = view.are_scattered(Kind::Ids, place(), numbers, few);
        let scattered = scattered.unwrap();
        let rows: Vec<_> = rows.into_iter().collect();
        let pairs: Vec<_> = rows.iter().map(|(id, at)| (key(*id), row(*at))).collect();
        let mut run: Option<NewRun> = None;
        if scattered {
            let mut slice = self.books.begin().unwrap();
            let keys = pairs.iter().map(|(key, _)| key);
            run = Some(slice.begin_run_of_ids(keys).unwrap());
            slice.commit().unwrap();
        }
        for pairs in pairs.chunks(BY.slice_rows) {
            let pairs: Vec<_> = pairs.iter().map(|(key, row)| (key, row)).collect();
            let mut slice = self.books.begin().unwrap();
            slice.ids(&pairs, run.as_ref()).unwrap();
            slice.commit().unwrap();
        }
        self.rows.extend(rows);
        scattered
    }

    fn tidy(&mut self) -> bool {
        self.books.tidy(&mut self.tidying, &BY).unwrap()
    }

    fn runs(&self) -> usize {
        let view = self.books.view().unwrap();
        view.layers(Kind::Ids).list.runs.len()
    }

    /// Opens what a power cut leaves now.
    fn open_again(self) -> Written {
        let random = &mut ChaCha8Rng::seed_from_u64(1);
        let disk = self.disk.cut(Cut::None, random);
        let books = Books::open(&disk, [7; 16]).unwrap();
        Written {
            disk,
            books,
            tidying: Tidying::default(),
            rows: self.rows,
        }
    }

    /// Every id is found, what is not there is not, and each table has the rows it should have.
    fn check(&self) {
        let view = self.books.view().unwrap();
        for (id, changed) in &self.rows {
            let found = view.id(&key(*id)).unwrap().map(|row| row.changed.0);
            assert_eq!(found, Some(*changed), "{id}");
            assert!(!view.lacks_id(&key(*id)), "{id}");
        }
        for id in self.rows.keys().map(|id| id ^ 1) {
            if !self.rows.contains_key(&id) {
                assert_eq!(view.id(&key(id)).unwrap(), None, "{id}");
            }
        }
        for (table, there, known) in view.counts().unwrap() {
            assert_eq!(there, known, "{table}");
        }
        let mut all = view.layers(Kind::Ids).all().unwrap();
        let mut seen = 0;
        while let Some((_, bytes)) = all.next().unwrap() {
            seen += 1;
            assert!(!bytes.is_empty());
        }
        assert_eq!(seen, self.rows.len(), "each once");
    }
}

/// Ids that lie far from each other, a different set for each `of`.
fn drawn(of: u64, many: u64) -> impl Iterator<Item = u64> + Clone {
    (0..many).map(move |number| (of * 1000 + number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

#[test]
fn rising_ids_stay_in_the_table_and_drawn_ones_go_into_runs() {
    let mut written = Written::new();
    assert!(!written.flush(1..100, 1));
    assert!(!written.flush(100..200, 2));
    // Times in microseconds are far from each other, and each behind none.
    assert!(!written.flush((0..50).map(|at| 1_700_000_000_000_000 + at * 40_000), 3));
    assert_eq!(written.runs(), 0);
    assert!(written.flush(drawn(1, 50), 4));
    assert!(written.flush(7..9, 5), "once scattered, for ever");
    assert_eq!(written.runs(), 2);
    written.check();

    let mut fresh = Written::new();
    assert!(!fresh.flush(drawn(1, 4), 1), "too few to tell");
    assert!(fresh.flush(drawn(2, 50), 2));
    fresh.check();
}

#[test]
fn whatever_is_done_between_flushes_every_id_is_found_as_written_last() {
    let mut written = Written::new();
    written.flush(1..60, 1);
    written.flush((1..60).map(|number| number << 40), 2);
    for flush in 1..12 {
        assert!(written.flush(drawn(flush, 30).chain(drawn(flush / 2, 5)), flush + 2));
        for _ in 0..flush * 2 {
            written.tidy();
            written.check();
        }
    }
    while written.tidy() {
        written.check();
    }
    assert!(written.runs() <= 4, "{} runs", written.runs());
    let view = written.books.view().unwrap();
    assert!(
        view.layers(Kind::Ids)
            .list
            .spaces
            .values()
            .all(|in_table| !in_table)
    );
    let absent = drawn(50, 1000)
        .filter(|id| view.lacks_id(&key(*id)))
        .count();
    assert!(absent > 950, "memory knew of {absent} of 1000");
}

#[test]
fn what_is_broken_off_is_done_again_and_leaves_nothing_behind() {
    let mut written = Written::new();
    written.flush(1..60, 1);
    for flush in 1..10 {
        written.flush(drawn(flush, 40).chain(drawn(flush - 1, 3)), flush + 1);
        for _ in 0..flush {
            written.tidy();
        }
        written = written.open_again();
        written.check();
    }
    while written.tidy() {}
    written.check();
    let tables = redb::ReadableDatabase::begin_read(&written.books.database).unwrap();
    let tables = tables.list_tables().unwrap();
    let there = tables.filter(|table| {
        let name = redb::TableHandle::name(table);
        Kind::Ids.number(name).is_some()
    });
    assert_eq!(there.count(), written.runs());
    // Filters that were kept are as good as those that were made.
    let before = written.books.filter_bytes();
    let again = written.open_again();
    assert_eq!(again.books.filter_bytes(), 0);
    while again.books.load_filter().unwrap() {}
    assert_eq!(again.books.filter_bytes(), before);
    again.check();
}

#[test]
fn a_flush_keeps_the_filters_of_its_runs() {
    let mut written = Written::new();
    assert!(written.flush(drawn(1, 50), 1));
    let again = written.open_again();
    while again.books.load_filter().unwrap() {}
    again.check();
    let view = again.books.view().unwrap();
    let absent = drawn(2, 1000).filter(|id| view.lacks_id(&key(*id)));
    let absent = absent.count();
    assert!(absent > 950, "memory knew of {absent} of 1000");
}
