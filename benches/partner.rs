//! Durable deposits over the Partner API beside durable bets over the Wallet API, in one run on one
//! machine.
//!
//! One server on two tokio threads of its own; the same clients, on two more, send both. A deposit
//! costs more than a bet: a keyed hash of the secret, 500 bytes of JSON in the journal instead of 40
//! in the codec's own form, a look into the books for an id that was never used, 350 bytes of
//! answer. The sync is the same, and is nearly all there is to either on one connection.
//!
//! Expected on paper: on one connection as many as bets, within a tenth; on 32, where a sync
//! carries up to 32 of them, what takes the processor's time tells, and two thirds are left.
//!
//! After criterion's cases the ratio is printed: rounds that take turns, medians over rounds.
//! `COFFER_BENCH_ROUNDS` sets how many (default 15).

#![allow(clippy::unwrap_used, reason = "a bench may stop at once")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{Criterion, Throughput};
use tokio::runtime::Runtime;

mod client;
mod server;
mod turns;

use client::{Connection, Load, Player, TIME, runtime};
use turns::take_turns;

/// Requests of a round, over all its connections together.
const ROUND: u64 = 5_000;

const CONNECTIONS: [usize; 2] = [1, 32];

/// What a connection sends, one after the other; ids are from a counter that all share.
#[derive(Clone, Copy)]
enum Sends {
    Bets,
    Deposits,
}

struct Client {
    connection: Connection,
    sends: Sends,
    number: usize,
    ids: Arc<AtomicU64>,
}

const DEPOSIT: &str = "POST /v2/partner/wallet/deposit HTTP/1.1\r\nHost: bench\r\n\
    X-API-Key: simulated\r\nX-API-Secret: simulated\r\nContent-Type: application/json\r\n";

impl Player for Client {
    async fn play(&mut self) {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        match self.sends {
            Sends::Bets => {
                let code = server::code(self.number);
                let body = format!(
                    r#"{{"bet":1,"code":"{code}","game":1012,"id":{id},"round_id":{id},"type":"bet","time":"{TIME}"}}"#
                );
                self.connection.post("bench", &body).await;
            }
            Sends::Deposits => {
                let mobile = server::mobile(self.number);
                let body = format!(
                    r#"{{"mobile":"{mobile}","amount":0.01,"transaction_id":"PARTNER_UNIQUE_DEPOSIT_ID_{id}"}}"#
                );
                let accepted = br#""message":"Deposit successful.""#;
                self.connection.ask(DEPOSIT, &body, accepted).await;
            }
        }
    }
}

fn connect(
    runtime: &Runtime,
    address: SocketAddr,
    sends: Sends,
    count: usize,
    ids: &Arc<AtomicU64>,
) -> Load<Client> {
    let players = runtime.block_on(async {
        let mut players = Vec::new();
        for number in 0..count {
            players.push(Client {
                connection: Connection::open(address).await,
                sends,
                number,
                ids: Arc::clone(ids),
            });
        }
        players
    });
    Load { players }
}

fn main() {
    let (serving, clients) = (runtime("coffer"), runtime("client"));
    let coffer = server::start(&serving);
    let ids = Arc::new(AtomicU64::new(1));
    let both = [("deposit", Sends::Deposits), ("bet", Sends::Bets)];

    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group("partner");
    group.throughput(Throughput::Elements(1));
    for count in CONNECTIONS {
        for (name, sends) in both {
            group.bench_function(format!("{name}/connections_{count}"), |bencher| {
                let mut load = connect(&clients, coffer.address, sends, count, &ids);
                bencher.iter_custom(|requests| load.play(&clients, requests));
            });
        }
    }
    group.finish();
    criterion.final_summary();
    // `cargo test --benches` runs each case once and has no use for ratios.
    if !std::env::args().any(|argument| argument == "--test") {
        ratios(&clients, coffer.address, &ids);
    }
    coffer.stop(&serving);
}

/// Deposits as a share of the bets, in whole percent: rounds that take turns, medians.
fn ratios(clients: &Runtime, address: SocketAddr, ids: &Arc<AtomicU64>) {
    for count in CONNECTIONS {
        let loads = [Sends::Deposits, Sends::Bets]
            .map(|sends| connect(clients, address, sends, count, ids));
        let ([deposits, bets], rounds) = take_turns(clients, loads, ROUND);
        let per_second = |micros: u128| u128::from(ROUND) * 1_000_000 / micros;
        println!(
            "{count} connections: {} durable deposits/s, {} durable bets/s: {} % (medians of {rounds} rounds of {ROUND})",
            per_second(deposits),
            per_second(bets),
            100 * bets / deposits,
        );
    }
}
