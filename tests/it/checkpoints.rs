//! Checkpoints while all goes on: what the books get is of one moment, and so is what is reported.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coffer::engine::command::{AccountName, CancelOf, Command, NewSession};
use coffer::id::{Code, Lang, PartnerNumber, TransactionId};
use coffer::journal::{CommitMode, Journal, RedbJournal};
use coffer::ledger::{Checkpointer, Ledger, OperatorError};
use coffer::money::{Amount, Sum};
use coffer::sim::Workload;
use coffer::sim::disk::{Cut, SimDisk};
use coffer::time::Span;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::on_disk::{OnDisk, open_disk, recover};
use crate::world::{clock, perform, rules};

#[test]
fn what_comes_after_a_turn_does_not_go_to_the_books_with_it() {
    let (disk, clock) = (SimDisk::new(), clock());
    let open = |disk: &SimDisk| {
        let opened = open_disk(Arc::new(disk.clone()), CommitMode::OnePhase, 1 << 20);
        let (redb, books) = opened.unwrap();
        let journal: Arc<dyn Journal> = Arc::<RedbJournal>::clone(&redb);
        recover(&journal, books, &clock, rules(), 40).unwrap()
    };
    let (ledger, mut committer) = open(&disk);
    let partners = Workload::partners();
    perform(&ledger, &clock, &partners[0]).unwrap();
    committer.step(usize::MAX).unwrap();
    let (mut checkpointer, _stop) = Checkpointer::new(Arc::clone(&ledger));
    let turn = checkpointer.turn().unwrap();
    perform(&ledger, &clock, &partners[1]).unwrap();
    checkpointer.write(turn, &mut || {}).unwrap();
    drop((checkpointer, committer, ledger));

    let cut = disk.cut(Cut::None, &mut ChaCha8Rng::seed_from_u64(1));
    let (again, _committer) = open(&cut);
    assert_eq!(again.partners().value.len(), 1, "the second was not synced");
    let (told, _) = perform(&again, &clock, &partners[1]).unwrap();
    assert!(matches!(told, crate::world::Told::Done { .. }), "{told:?}");
}

fn account(text: &str) -> AccountName {
    AccountName {
        partner: PartnerNumber(1),
        player_id: text.parse().unwrap(),
        currency: "USD".parse().unwrap(),
    }
}

/// Players that a thread creates at most.
const PLAYERS: u64 = 2_000;

/// Creates players with money and cancels what never was, until `done`.
fn create_players(ledger: &Ledger, thread: u64, done: &AtomicBool) {
    let partner = ledger.partner(PartnerNumber(1)).unwrap().value;
    let code: Code = format!("code{thread}").parse().unwrap();
    let new = NewSession {
        account: account(&format!("player{thread}")),
        code: code.clone(),
        game: None,
        lang: Lang::EN,
        ttl: Span::from_seconds(3600),
    };
    ledger.open_session(new).unwrap();
    for number in 0..PLAYERS {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let balance = Amount::from_cents(100).unwrap();
        match ledger.create_player(&account(&format!("t{thread}n{number}")), balance) {
            Ok(_) | Err(OperatorError::Unavailable) => {}
            Err(error) => panic!("{error}"),
        }
        let id = TransactionId(thread << 32 | number);
        let cancel = Command::Cancel(CancelOf { id, round: None });
        let played = ledger.play(&partner, code.as_str(), &cancel);
        // Where the queue is full nothing is done, which is all the same here.
        assert!(played.is_ok() || !ledger.is_latched());
    }
}

#[test]
fn every_trial_balance_is_of_one_moment_while_players_come() {
    const THREADS: u64 = 3;
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let books = OnDisk::on_directory(folder.path(), clock.clone());
    for operation in Workload::partners() {
        perform(&books.ledger, &clock, &operation).unwrap();
    }
    let done = AtomicBool::new(false);
    let mut wrong = Vec::new();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (ledger, done) = (&books.ledger, &done);
            scope.spawn(move || create_players(ledger, thread, done));
        }
        for _ in 0..40 {
            match books.ledger.trial_balance(true) {
                Ok(seen) => {
                    for (currency, book) in seen.value.currencies {
                        let sum = book.accounts.values().copied().fold(Sum::ZERO, Sum::plus);
                        if !sum.is_zero() || !book.sum.is_zero() {
                            wrong.push(format!("{}: {currency} sums to {sum}", seen.seq));
                        }
                    }
                }
                Err(error) => wrong.push(error.to_string()),
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    books.close();
    assert!(
        wrong.is_empty(),
        "{} wrong: {:?}",
        wrong.len(),
        wrong.first()
    );
}
