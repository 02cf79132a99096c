//! What judging costs: one play decided and applied, in one thread and without locks, journal or
//! sockets. Beside each stands what it should cost on paper, written before it was measured.
//!
//! All tables are warm and small (64 players, 2,048 ids): what a larger table costs besides is its
//! misses of the cache, some 60 to 100 ns each where it lies in memory.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use coffer::engine::command::{AccountName, CancelOf, NewSession, Rules, Transaction};
use coffer::engine::document::{Document, Partner};
use coffer::engine::entry::{Body, Entry, Record};
use coffer::engine::holdings::Holdings;
use coffer::engine::ids::{IdKey, IdRow};
use coffer::engine::operate::{decide_partner, decide_player, decide_session};
use coffer::engine::play::{Table, Verdict};
use coffer::engine::round::RoundKey;
use coffer::id::{
    AccountNumber, GameNumber, IdSpaceNumber, Lang, PartnerNumber, RoundId, Seq, SessionNumber,
    TransactionId,
};
use coffer::money::{Amount, Currency};
use coffer::sim::sample;
use coffer::time::{Span, Timestamp};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const PLAYERS: u64 = 64;
/// Plays in one measurement, each of another player than the one before.
const PLAYS: u64 = 1_024;
const STAKE: u64 = 100;
/// What each player has at first.
const PURSE: u64 = 1_000_000;

/// One shard's tables and what the ledger keeps beside them.
struct Desk {
    holdings: Holdings,
    ids: HashMap<IdKey, IdRow, ahash::RandomState>,
    rules: Rules,
    currency: Currency,
    now: Timestamp,
    seq: Seq,
}

fn cents(cents: u64) -> Amount {
    Amount::from_cents(cents).expect("little money")
}

fn partner(currency: Currency, now: Timestamp) -> Partner {
    let (new, number) = (sample::partner("bench", currency), PartnerNumber(1));
    let record = decide_partner(new, number, IdSpaceNumber(0), sample::secrets(), now);
    let record = record.expect("its settings go together");
    match record.documents.into_iter().next() {
        Some(Document::Partner(partner)) => *partner,
        other => panic!("a partner comes into being, not {other:?}"),
    }
}

impl Desk {
    /// Players with a purse and an open session each.
    fn new() -> Desk {
        let currency: Currency = "USD".parse().expect("a currency");
        let now = Timestamp::from_micros(1_795_000_000_000_000);
        let mut desk = Desk {
            holdings: Holdings::default(),
            ids: HashMap::default(),
            rules: Rules::default(),
            currency,
            now,
            seq: Seq::NONE,
        };
        let partner = partner(currency, now);
        for number in 1..=PLAYERS {
            let account = AccountName {
                partner: partner.number,
                player_id: format!("player{number}").parse().expect("a player"),
                currency,
            };
            let (space, owned) = (IdSpaceNumber(0), AccountNumber(number));
            let player = decide_player(None, &account, space, owned, cents(PURSE));
            desk.record(owned, player.expect("a new player"));
            let new = NewSession {
                account,
                code: format!("bench{number}").parse().expect("a code"),
                game: None,
                lang: Lang::EN,
                ttl: Span::from_seconds(86_400),
            };
            let numbers = (SessionNumber(number), AccountNumber(number));
            let player = desk.holdings.players.row(&owned);
            let opened = decide_session(player, &partner, new, numbers, now);
            desk.record(owned, opened.expect("a new session").0);
        }
        desk
    }

    fn record(&mut self, home: AccountNumber, record: Record) {
        self.take(home, Body::Record(Arc::new(record)), None);
    }

    fn take(&mut self, home: AccountNumber, body: Body, key: Option<IdKey>) {
        self.seq = self.seq.next();
        let entry = Entry {
            seq: self.seq,
            at: self.now,
            body,
        };
        if let Some(key) = key {
            let row = IdRow::apply(self.ids.get(&key), &entry).expect("a play takes an id");
            self.ids.insert(key, row);
        }
        self.holdings.apply(home, &entry);
    }

    /// Judges one play and applies it where it is taken; whether it was.
    fn play(
        &mut self,
        player: u64,
        (id, round): (u64, u64),
        decide: impl FnOnce(&Table<'_>, &Rules) -> Verdict,
    ) -> bool {
        let key = IdKey {
            space: IdSpaceNumber(0),
            currency: self.currency,
            id: TransactionId(id),
        };
        let home = AccountNumber(player);
        let held = self
            .holdings
            .players
            .row(&home)
            .expect("the player is there");
        let session = held
            .session(SessionNumber(player))
            .expect("the session is open");
        let row = self.ids.get(&key);
        let round = RoundKey {
            account: home,
            round: RoundId(round),
        };
        let round = self.holdings.rounds.row(&round);
        let table = Table::new(held, session, (row, round), true, self.now);
        match decide(&table.expect("the session is on the account"), &self.rules) {
            Verdict::Accepted(body) => {
                self.take(home, body, Some(key));
                true
            }
            Verdict::Repeated => false,
            Verdict::Refused(refusal) => panic!("refused: {refusal:?}"),
        }
    }

    /// `PLAYS` plays of one kind; how many were taken.
    fn run(&mut self, play: fn(&mut Desk, u64, u64) -> bool) -> u64 {
        let plays = 0..black_box(PLAYS);
        plays
            .map(|nth| u64::from(play(self, nth % PLAYERS + 1, nth)))
            .sum()
    }

    fn total(&self) -> u64 {
        let held = (1..=PLAYERS).map(|number| {
            let number = AccountNumber(number);
            let player = self.holdings.players.row(&number).expect("it is there");
            player.account(number).expect("it is open").balance.cents()
        });
        held.sum()
    }
}

fn content(id: u64, round: u64, amount: u64) -> Transaction {
    Transaction {
        id: TransactionId(id),
        round: Some(RoundId(round)),
        game: GameNumber(1_014),
        amount: cents(amount),
    }
}

fn bet(desk: &mut Desk, player: u64, nth: u64) -> bool {
    desk.play(player, (nth, nth), |table, rules| {
        table.decide_bet(&content(nth, nth, STAKE), rules)
    })
}

/// The win of the `nth` bet's round.
fn win(desk: &mut Desk, player: u64, nth: u64) -> bool {
    let content = content(PLAYS + nth, nth, STAKE / 2);
    desk.play(player, (PLAYS + nth, nth), |table, _| {
        table.decide_win(&content)
    })
}

fn cancel(desk: &mut Desk, player: u64, nth: u64) -> bool {
    let of = CancelOf {
        id: TransactionId(nth),
        round: Some(RoundId(nth)),
    };
    desk.play(player, (nth, nth), |table, rules| {
        table.decide_cancel(&of, rules)
    })
}

/// A desk where every bet that [`Desk::run`] makes is made.
fn after_bets() -> Desk {
    let mut desk = Desk::new();
    assert_eq!(desk.run(bet), PLAYS);
    desk
}

/// Measures `PLAYS` plays at a time and checks what they came to.
fn measure(
    criterion: &mut Criterion,
    name: &str,
    desk: fn() -> Desk,
    play: fn(&mut Desk, u64, u64) -> bool,
    (taken, total): (u64, u64),
) {
    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Elements(PLAYS));
    group.bench_function(name, |bencher| {
        bencher.iter_batched_ref(
            desk,
            |desk| {
                assert_eq!(desk.run(play), taken);
                assert_eq!(desk.total(), total);
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

const FULL: u64 = PLAYERS * PURSE;
const STAKED: u64 = FULL - PLAYS * STAKE;

/// On paper: to decide, 3 look-ups (session, account, id: 15 ns each where warm); to apply, the
/// same again, an id and a round inserted (50 ns each, growing included), the round into the
/// sorted list of open ones (50 ns), two sums (10 ns each). Some 250 ns.
fn bet_accepted(criterion: &mut Criterion) {
    measure(criterion, "bet/accepted", Desk::new, bet, (PLAYS, STAKED));
}

/// On paper: the 3 look-ups and a comparison; nothing is applied. Some 50 ns.
fn bet_repeated(criterion: &mut Criterion) {
    measure(criterion, "bet/repeated", after_bets, bet, (0, STAKED));
}

/// On paper: as a bet, but the round is found instead of inserted, and leaves the list. 220 ns.
fn wins(criterion: &mut Criterion) {
    let total = STAKED + PLAYS * STAKE / 2;
    measure(criterion, "win", after_bets, win, (PLAYS, total));
}

/// On paper: as a win, but the id is found instead of inserted. 200 ns.
fn cancels(criterion: &mut Criterion) {
    measure(criterion, "cancel", after_bets, cancel, (PLAYS, FULL));
}

criterion_group!(benches, bet_accepted, bet_repeated, wins, cancels);
criterion_main!(benches);
