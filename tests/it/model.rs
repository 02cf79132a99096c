//! The ledger against the naive model (reliability.md, T10): every answer of a long seeded stream,
//! and at its end everything that either of them holds.

use std::sync::Arc;

use coffer::engine::command::{CancelAfterWin, Rules};
use coffer::ledger::Ledger;
use coffer::sim::{ManualClock, Model, Operation, Shape, Workload};
use coffer::time::{Clock, Span};

use crate::on_disk::{OnDisk, new_books, recover};
use crate::wire::{GameServer, InProcess};
use crate::world::{
    Replay, Told, clock, compare_histories, differences, number, perform, rules, shape,
};

/// Plays until it is taken: a full queue turns requests away untouched.
fn insist(ledger: &Ledger, clock: &ManualClock, operation: &Operation) -> Told {
    loop {
        if let Ok((told, _)) = perform(ledger, clock, operation) {
            return told;
        }
        std::thread::yield_now();
    }
}

fn equal(ledger: &Arc<Ledger>, models: &[&Model], clock: &ManualClock) {
    let found = differences(ledger, models, clock);
    assert!(
        found.is_empty(),
        "{} differences: {:#?}",
        found.len(),
        &found[..found.len().min(10)]
    );
}

/// Plays `count` operations of one stream to a ledger and the model.
fn play(seed: u64, count: usize, rules: Rules) {
    let _replay = Replay(seed);
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let books = OnDisk::under(folder.path(), &clock, rules);
    let mut model = Model::new(rules);
    let shape = Shape {
        alone: true,
        scattered: seed % 2 == 1,
        ..shape(0, 600)
    };
    let stream = Workload::partners()
        .into_iter()
        .chain(Workload::new(seed, shape));
    let mut accepted = 0;
    let mut sample = Vec::new();
    for (place, operation) in stream.take(count).enumerate() {
        let told = insist(&books.ledger, &clock, &operation);
        let expected = model.judge(&operation, clock.now());
        assert!(
            told.agrees(&expected),
            "{place}: {operation:?}: {told:?}, not {expected:?}"
        );
        accepted += usize::from(!matches!(told, Told::Answer { result: 2.., .. }));
        if place % 97 == 0 && matches!(operation, Operation::Play { .. }) {
            sample.push(operation);
        }
    }
    assert!(accepted * 2 > count, "{accepted} of {count} were accepted");
    books.ledger.shut_down();
    let journal = Arc::clone(&books.journal);
    equal(&books.ledger, &[&model], &clock);
    let (live, entries) = (Arc::clone(&books.ledger), journal.head().seq);
    books.close();
    assert!(journal.head().seq >= entries);

    // A second ledger from the same journal equals the first.
    let (again, _committer) = recover(&journal, new_books(), &clock, rules, 100_000).unwrap();
    equal(&again, &[&model], &clock);
    let balance = |ledger: &Arc<Ledger>| ledger.trial_balance(true).unwrap();
    assert_eq!(balance(&again), balance(&live));
    let found = compare_histories(&again, &model, 40);
    assert!(found.is_empty(), "{found:#?}");
    for operation in sample {
        let told = insist(&again, &clock, &operation);
        let expected = model.judge(&operation, clock.now());
        assert!(
            told.agrees(&expected),
            "again: {operation:?}: {told:?}, not {expected:?}"
        );
    }
}

#[test]
fn a_million_operations_are_answered_as_the_model_answers() {
    let count = usize::try_from(number("SIM_OPS", 1_000_000)).unwrap() / 2;
    let seed = number("SIM_SEED", 1);
    play(seed, count, rules());
    let accept = Rules {
        cancel_after_win: CancelAfterWin::Accept,
        ..rules()
    };
    play(seed + 1000, count, accept);
}

/// One connection's part of the world, and what it must hear.
struct Lane {
    workload: Workload,
    model: Model,
}

const LANES: u8 = 16;

impl Lane {
    /// Plays `count` operations: requests on the wire, the operator's in process.
    fn play(
        &mut self,
        count: usize,
        connection: &mut GameServer,
        ledger: &Ledger,
        clock: &ManualClock,
    ) {
        for operation in self.workload.by_ref().take(count) {
            let expected = self.model.judge(&operation, clock.now());
            let told = match &operation {
                Operation::Play {
                    partner,
                    code,
                    command,
                } => {
                    let token = format!("w{}", partner.0);
                    let (result, credit) = connection.ask(&token, code.as_str(), command).unwrap();
                    Told::Answer { result, credit }
                }
                _ => insist(ledger, clock, &operation),
            };
            assert!(
                told.agrees(&expected),
                "{operation:?}: {told:?}, not {expected:?}"
            );
        }
    }
}

#[test]
fn sixteen_connections_are_answered_as_the_model_answers() {
    let count = usize::try_from(number("SIM_HTTP_OPS", 50_000)).unwrap();
    let seed = number("SIM_SEED", 1);
    let _replay = Replay(seed);
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let books = OnDisk::under(folder.path(), &clock, rules());
    let mut lanes: Vec<_> = (0..LANES)
        .map(|lane| Lane {
            workload: Workload::new(seed * 256 + u64::from(lane), shape(lane, 12)),
            model: Model::new(rules()),
        })
        .collect();
    for operation in Workload::partners() {
        insist(&books.ledger, &clock, &operation);
        for lane in &mut lanes {
            lane.model.judge(&operation, clock.now());
        }
    }
    let server = InProcess::over(Arc::clone(&books.ledger), Arc::<ManualClock>::clone(&clock));
    let mut connections: Vec<_> = (0..LANES)
        .map(|_| GameServer::connect(server.public).unwrap())
        .collect();
    // Time moves between the bouts, while nobody plays: sessions end in some of them.
    const BOUTS: usize = 10;
    for bout in 0..BOUTS {
        std::thread::scope(|scope| {
            for (lane, connection) in lanes.iter_mut().zip(&mut connections) {
                let (ledger, clock) = (&books.ledger, &clock);
                let share = count.div_ceil(BOUTS * usize::from(LANES));
                scope.spawn(move || lane.play(share, connection, ledger, clock));
            }
        });
        clock.advance(Span::from_seconds(if bout == 6 { 90_000 } else { 700 }));
    }
    let models: Vec<_> = lanes.iter().map(|lane| &lane.model).collect();
    equal(&books.ledger, &models, &clock);
    drop(connections);
    drop(server);
    let journal = Arc::clone(&books.journal);
    books.close();
    let (again, _committer) = recover(&journal, new_books(), &clock, rules(), 10_000).unwrap();
    equal(&again, &models, &clock);
}
