//! Many threads on few accounts and few ids (reliability.md, T8): whatever happened at once, the
//! journal's order explains every answer, and agrees with real time.
//!
//! Each thread notes a ticket before a request and another after its answer. Afterwards the model
//! replays the requests in the order of the entries that they made or rest on: each must answer
//! what was answered. And what had ended before another began must stand before it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use coffer::engine::command::{AccountName, CancelOf, Command, NewSession, Transaction};
use coffer::engine::entry::Body;
use coffer::id::{Code, GameNumber, Lang, PartnerNumber, RoundId, Seq, TransactionId};
use coffer::journal::Journal;
use coffer::ledger::Ledger;
use coffer::money::Amount;
use coffer::sim::{Model, Operation, Workload};
use coffer::time::{Clock, Span};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::on_disk::OnDisk;
use crate::world::{Replay, Told, clock, differences, number, perform, rules};

const THREADS: u64 = 32;
const PLAYERS: u64 = 6;

/// One request and its answer.
struct Line {
    began: u64,
    ended: u64,
    player: u64,
    operation: Operation,
    told: Told,
    seq: Seq,
}

/// What every thread plays against.
struct Field<'a> {
    ledger: &'a Ledger,
    tickets: AtomicU64,
    next_id: AtomicU64,
}

fn code(player: u64) -> Code {
    format!("hot_{player}").parse().unwrap()
}

fn opening() -> Vec<Operation> {
    let mut operations = Workload::partners();
    for player in 0..PLAYERS {
        let account = AccountName {
            partner: PartnerNumber(1),
            player_id: format!("player{player}").parse().unwrap(),
            currency: "USD".parse().unwrap(),
        };
        operations.push(Operation::CreatePlayer {
            account: account.clone(),
            balance: Amount::from_cents(20_000).unwrap(),
        });
        operations.push(Operation::OpenSession(NewSession {
            account,
            code: code(player),
            game: None,
            lang: Lang::EN,
            ttl: Span::from_seconds(3600),
        }));
    }
    operations
}

impl Field<'_> {
    /// A request under one of the newest ids, which every other thread uses too.
    fn draw(&self, random: &mut ChaCha8Rng) -> Command {
        let newest = self
            .next_id
            .fetch_add(u64::from(random.random_ratio(1, 2)), Ordering::Relaxed);
        let id = newest.saturating_sub(random.random_range(0..6));
        let content = |round, cents| Transaction {
            id: TransactionId(id),
            round: Some(RoundId(round)),
            game: GameNumber(1),
            amount: Amount::from_cents(cents).unwrap(),
        };
        match random.random_range(0..20) {
            0..9 => Command::Bet(content(id / 4, random.random_range(90..92))),
            9..13 => Command::Win(content(id / 4, random.random_range(0..2) * 90)),
            13..17 => Command::Cancel(CancelOf {
                id: TransactionId(id),
                round: None,
            }),
            _ => Command::Credit,
        }
    }

    fn play(&self, seed: u64, count: u64) -> Vec<Line> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let clock = clock();
        let lines = (0..count).map(|_| {
            let player = random.random_range(0..PLAYERS);
            let operation = Operation::Play {
                partner: PartnerNumber(1),
                code: code(player),
                command: self.draw(&mut random),
            };
            let began = self.tickets.fetch_add(1, Ordering::SeqCst);
            let (told, seq) = loop {
                match perform(self.ledger, &clock, &operation) {
                    Ok(answer) => break answer,
                    Err(_) => std::thread::yield_now(),
                }
            };
            Line {
                began,
                ended: self.tickets.fetch_add(1, Ordering::SeqCst),
                player,
                operation,
                told,
                seq,
            }
        });
        lines.collect()
    }
}

/// The id that each play's entry took or changed, and as what.
fn entries(journal: &dyn Journal) -> BTreeMap<Seq, (&'static str, TransactionId)> {
    let batches = journal.read_from(Seq::NONE.next()).unwrap();
    let all = batches.flat_map(|batch| batch.unwrap().entries);
    let play = |body: &Body| match body {
        Body::Bet(play) => Some(("bet", play.id)),
        Body::Win(play) => Some(("win", play.id)),
        Body::Cancel(cancel) => Some(("cancel", cancel.id)),
        Body::Void(void) => Some(("void", void.id)),
        Body::Record(_) => None,
    };
    all.filter_map(|entry| Some((entry.seq, play(&entry.body)?)))
        .collect()
}

fn kind(operation: &Operation) -> Option<(&'static str, TransactionId)> {
    match operation {
        Operation::Play { command, .. } => match command {
            Command::Bet(bet) => Some(("bet", bet.id)),
            Command::Win(win) => Some(("win", win.id)),
            Command::Cancel(of) => Some(("cancel", of.id)),
            Command::Credit => None,
        },
        _ => None,
    }
}

/// What a line made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    Nothing,
    /// An entry that touches no account: nobody's balance rests on it.
    Void,
    Money,
}

/// Replays the lines in the order of the journal; what each of them made.
fn replay(model: &mut Model, lines: &mut [Line], journal: &dyn Journal) -> Vec<Made> {
    let entries = entries(journal);
    let is_entry = |line: &Line| {
        let made = entries.get(&line.seq);
        let accepted = matches!(line.told, Told::Answer { result: 1, .. });
        let asked = kind(&line.operation).filter(|_| accepted);
        made.zip(asked).is_some_and(|(made, asked)| {
            made.1 == asked.1 && (made.0 == asked.0 || (made.0, asked.0) == ("void", "cancel"))
        })
    };
    lines.sort_by_key(|line| (line.seq, !is_entry(line), line.began));
    let mut made = Vec::new();
    let mut last = Seq::NONE;
    for line in lines.iter() {
        let taken = model.taken();
        let expected = model.judge(&line.operation, clock().now());
        let (told, operation) = (&line.told, &line.operation);
        assert!(
            told.agrees(&expected),
            "{}: {operation:?}: {told:?}, not {expected:?}",
            line.seq
        );
        let took = model.taken() > taken;
        assert!(
            !took || line.seq > last,
            "{}: {operation:?} took what was taken",
            line.seq
        );
        made.push(match entries.get(&line.seq) {
            Some(("void", _)) if took => Made::Void,
            _ if took => Made::Money,
            _ => Made::Nothing,
        });
        last = line.seq;
    }
    let count = made.iter().filter(|made| **made != Made::Nothing).count();
    assert_eq!(count, entries.len(), "every entry has its request");
    made
}

/// What had ended before a line began stands before it.
fn agrees_with_real_time(lines: &[Line], made: &[Made]) {
    let mut began: Vec<_> = (0..lines.len()).collect();
    let mut ended = began.clone();
    began.sort_by_key(|&place| lines[place].began);
    ended.sort_by_key(|&place| lines[place].ended);
    let mut ended = ended.into_iter().peekable();
    let mut seen = Seq::NONE;
    let mut of_player = [Seq::NONE; PLAYERS as usize];
    for place in began {
        let line = &lines[place];
        while let Some(earlier) = ended.next_if(|&earlier| lines[earlier].ended < line.began) {
            let before = &lines[earlier];
            seen = seen.max(before.seq);
            if made[earlier] == Made::Money {
                let own = &mut of_player[before.player as usize];
                *own = before.seq.max(*own);
            }
        }
        let (seq, own) = (line.seq, of_player[line.player as usize]);
        if made[place] != Made::Nothing {
            assert!(seq > seen, "entry {seq} began after {seen} was told");
        }
        assert!(
            seq >= own,
            "{seq} does not know of {own}: {:?}",
            line.operation
        );
    }
}

#[test]
fn the_journals_order_explains_every_answer_on_hot_accounts() {
    let count = number("SIM_HOT_OPS", 200_000).div_ceil(THREADS);
    let seed = number("SIM_SEED", 1);
    let _replay = Replay(seed);
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let books = OnDisk::on_directory(folder.path(), clock.clone());
    let mut model = Model::new(rules());
    for operation in opening() {
        perform(&books.ledger, &clock, &operation).unwrap();
        model.judge(&operation, clock.now());
    }
    let field = Field {
        ledger: &books.ledger,
        tickets: AtomicU64::new(0),
        next_id: AtomicU64::new(10),
    };
    let mut lines = Vec::new();
    std::thread::scope(|scope| {
        let field = &field;
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || field.play(seed * THREADS + thread, count)))
            .collect();
        for thread in threads {
            lines.extend(thread.join().unwrap());
        }
    });
    let (ledger, journal) = (books.ledger.clone(), books.journal.clone());
    books.close();
    let made = replay(&mut model, &mut lines, &*journal);
    agrees_with_real_time(&lines, &made);
    let found = differences(&ledger, &[&model], &clock);
    assert!(found.is_empty(), "{found:#?}");
    let fresh = made.iter().filter(|made| **made != Made::Nothing);
    println!("{} requests, {} entries", lines.len(), fresh.count());
}
