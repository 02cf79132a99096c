//! The same id from 64 connections at once (wallet-api.md, Money rules 1 to 4): whatever comes
//! first, exactly one thing happens, everybody is told of that one, and the books balance.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Barrier, Mutex};

use coffer::engine::command::{AccountName, CancelOf, Command, NewSession, Transaction};
use coffer::id::{Code, GameNumber, Lang, PartnerNumber, RoundId, TransactionId};
use coffer::ledger::Ledger;
use coffer::money::Amount;
use coffer::sim::{Operation, Workload};
use coffer::time::Span;

use crate::on_disk::OnDisk;
use crate::wire::{Answer, GameServer, InProcess};
use crate::world::{clock, number, perform};

const CONNECTIONS: usize = 64;
const PLAYERS: usize = 4;
/// What every player has before a race.
const PURSE: u64 = 1_000_000;

/// 64 game servers that wait for the word, ask at once, and tell what they heard.
struct Field {
    asked: Mutex<Vec<(usize, Command)>>,
    heard: Mutex<Vec<Answer>>,
    ready: Barrier,
    done: Barrier,
}

impl Field {
    fn new() -> Field {
        Field {
            asked: Mutex::new(Vec::new()),
            heard: Mutex::new(vec![(0, None); CONNECTIONS]),
            ready: Barrier::new(CONNECTIONS + 1),
            done: Barrier::new(CONNECTIONS + 1),
        }
    }

    fn run(&self, address: SocketAddr, place: usize) {
        let mut connection = GameServer::connect(address).unwrap();
        loop {
            self.ready.wait();
            let Some((player, command)) = self.asked.lock().unwrap().get(place).copied() else {
                return;
            };
            // A panic here would leave the others waiting: 0 is no result, and fails the race.
            let asked = catch_unwind(AssertUnwindSafe(|| {
                connection.ask("w1", &code(player), &command)
            }));
            let answer = asked.ok().and_then(Result::ok).unwrap_or((0, None));
            self.heard.lock().unwrap()[place] = answer;
            self.done.wait();
        }
    }

    /// Sends what `asks` gives for each connection, all at once; the answers in their order.
    fn race(&self, asks: impl Fn(usize) -> (usize, Command)) -> Vec<Answer> {
        *self.asked.lock().unwrap() = (0..CONNECTIONS).map(asks).collect();
        self.ready.wait();
        self.done.wait();
        self.heard.lock().unwrap().clone()
    }

    fn end(&self) {
        self.asked.lock().unwrap().clear();
        self.ready.wait();
    }
}

fn code(player: usize) -> String {
    format!("race_{player}")
}

fn account(player: usize) -> AccountName {
    AccountName {
        partner: PartnerNumber(1),
        player_id: format!("player{player}").parse().unwrap(),
        currency: "USD".parse().unwrap(),
    }
}

fn open_world(books: &OnDisk) {
    let clock = clock();
    for operation in Workload::partners() {
        perform(&books.ledger, &clock, &operation).unwrap();
    }
    for player in 0..PLAYERS {
        let code: Code = code(player).parse().unwrap();
        let create = Operation::CreatePlayer {
            account: account(player),
            balance: Amount::from_cents(PURSE).unwrap(),
        };
        let open = Operation::OpenSession(NewSession {
            account: account(player),
            code,
            game: None,
            lang: Lang::EN,
            ttl: Span::from_seconds(86_400),
        });
        for operation in [create, open] {
            perform(&books.ledger, &clock, &operation).unwrap();
        }
    }
}

fn content(id: u64, round: u64, cents: u64) -> Transaction {
    Transaction {
        id: TransactionId(id),
        round: Some(RoundId(round)),
        game: GameNumber(1),
        amount: Amount::from_cents(cents).unwrap(),
    }
}

fn bet(id: u64, cents: u64) -> Command {
    Command::Bet(content(id, id, cents))
}

fn cancel(id: u64) -> Command {
    Command::Cancel(CancelOf {
        id: TransactionId(id),
        round: None,
    })
}

fn balance(ledger: &Ledger, player: usize) -> u64 {
    let name = account(player);
    let view = ledger.player(name.partner, &name.player_id).unwrap().value;
    view.balances[0].1.cents()
}

/// How often each result was heard.
fn results(heard: &[Answer]) -> Vec<(u8, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for (result, _) in heard {
        *counts.entry(*result).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

struct Race<'a> {
    field: &'a Field,
    ledger: &'a Ledger,
    id: u64,
}

impl Race<'_> {
    /// The same bet 64 times: one is taken, all are told so.
    fn same_content(&self) {
        let before = balance(self.ledger, 0);
        let heard = self.field.race(|_| (0, bet(self.id, 3)));
        assert_eq!(
            heard,
            [(1, Some(before - 3)); CONNECTIONS],
            "id {}",
            self.id
        );
        assert_eq!(balance(self.ledger, 0), before - 3);
    }

    /// 64 amounts under one id: one is taken, the others are conflicts.
    fn other_amounts(&self) {
        let before = balance(self.ledger, 0);
        let heard = self.field.race(|place| (0, bet(self.id, place as u64 + 1)));
        let winner = heard
            .iter()
            .position(|(result, _)| *result == 1)
            .expect("one is taken");
        let after = before - (winner as u64 + 1);
        assert_eq!(
            results(&heard),
            [(1, 1), (5, CONNECTIONS - 1)],
            "id {}",
            self.id
        );
        assert!(
            heard.iter().all(|(_, credit)| *credit == Some(after)),
            "{heard:?}"
        );
        assert_eq!(balance(self.ledger, 0), after);
    }

    /// Four players under one id: one of them bets, the others meet a used id.
    fn other_players(&self) {
        let before: Vec<_> = (0..PLAYERS)
            .map(|player| balance(self.ledger, player))
            .collect();
        let heard = self.field.race(|place| (place % PLAYERS, bet(self.id, 7)));
        let each = CONNECTIONS / PLAYERS;
        assert_eq!(
            results(&heard),
            [(1, each), (5, CONNECTIONS - each)],
            "id {}",
            self.id
        );
        let winner = heard.iter().position(|(result, _)| *result == 1).unwrap() % PLAYERS;
        for (player, before) in before.into_iter().enumerate() {
            let after = before - if player == winner { 7 } else { 0 };
            assert_eq!(balance(self.ledger, player), after, "id {}", self.id);
            let credits = heard.iter().skip(player).step_by(PLAYERS);
            let told: Vec<_> = credits.copied().collect();
            let result = if player == winner { 1 } else { 5 };
            assert_eq!(told, vec![(result, Some(after)); each], "id {}", self.id);
        }
    }

    /// A bet against its cancel: the cancel is always heard, and no money is gone in the end.
    fn cancel_against_bet(&self) {
        let before = balance(self.ledger, 0);
        let heard = self.field.race(|place| match place % 2 {
            0 => (0, bet(self.id, 11)),
            _ => (0, cancel(self.id)),
        });
        for (place, (result, credit)) in heard.iter().enumerate() {
            let right = match (place % 2, result) {
                (0, 1) => credit == &Some(before - 11),
                (0, 6) | (1, 1) => credit == &Some(before),
                _ => false,
            };
            assert!(right, "id {}: {place} heard {result} {credit:?}", self.id);
        }
        assert_eq!(balance(self.ledger, 0), before);
        let late = self.field.race(|_| (0, bet(self.id, 11)));
        assert_eq!(late, [(6, Some(before)); CONNECTIONS]);
    }

    /// A win against the cancel of its round's bet: both if the cancel was first, the win alone
    /// if not, and every cancel is told the same.
    fn win_against_cancel(&self) {
        let before = balance(self.ledger, 0);
        self.field.race(|_| (0, bet(self.id, 13)));
        let win = Command::Win(content(self.id + 1, self.id, 5));
        let heard = self.field.race(|place| match place % 2 {
            0 => (0, win),
            _ => (0, cancel(self.id)),
        });
        let cancels: Vec<_> = heard.iter().skip(1).step_by(2).copied().collect();
        assert!(
            heard.iter().step_by(2).all(|(result, _)| *result == 1),
            "{heard:?}"
        );
        let after = match results(&cancels)[..] {
            [(1, _)] => before + 5,
            [(14, _)] => before - 13 + 5,
            _ => panic!("id {}: the cancels heard {cancels:?}", self.id),
        };
        assert_eq!(balance(self.ledger, 0), after, "id {}", self.id);
    }
}

#[test]
fn one_id_from_64_connections_has_one_effect() {
    let folder = tempfile::tempdir().unwrap();
    let books = OnDisk::on_directory(folder.path(), clock());
    open_world(&books);
    let server = InProcess::over(books.ledger.clone(), clock());
    let rounds = number("SIM_RACES", 5000).div_ceil(5);
    let field = Field::new();
    std::thread::scope(|scope| {
        for place in 0..CONNECTIONS {
            let (field, address) = (&field, server.public);
            scope.spawn(move || field.run(address, place));
        }
        let race = |id| Race {
            field: &field,
            ledger: &books.ledger,
            id,
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            for id in (1..=rounds).map(|round| round * 10) {
                race(id).same_content();
                race(id + 1).other_amounts();
                race(id + 2).other_players();
                race(id + 3).cancel_against_bet();
                race(id + 4).win_against_cancel();
            }
        }));
        field.end();
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    });
    let book = books.ledger.trial_balance(false).unwrap().value;
    assert!(book.currencies.values().all(|book| book.sum.is_zero()));
    drop(server);
    books.close();
}
