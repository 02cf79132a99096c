//! Durable bets over HTTP beside a server that does nothing, in one run on one machine.
//!
//! Both servers are hyper on two tokio threads of their own; the same clients, on two more,
//! send both the same bytes and read answers of the same shape. What differs is all that coffer
//! does: deadlines, decoding, locks, the journal's sync, encoding.
//!
//! Expected on paper for one bet: about 200 bytes in and 180 out through the kernel twice (the
//! no-op's whole cost), 2 us of decode, locks and encode, 40 bytes of journal, and its share of
//! one sync; at 64 connections a sync carries up to 64 bets.
//!
//! After criterion's cases the ratios are printed: rounds that take turns, medians over rounds.
//! `COFFER_BENCH_ROUNDS` sets how many (default 15).

#![allow(clippy::unwrap_used, reason = "a bench may stop at once")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

mod client;
mod server;
mod turns;

use client::{Connection, Load, Player, TIME, runtime};
use turns::take_turns;

/// Bets of a round, over all its connections together.
const ROUND_BETS: u64 = 20_000;

/// Reads the body and answers as a bet is answered.
async fn no_op(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request
        .into_body()
        .collect()
        .await
        .map(|body| body.to_bytes());
    assert!(body.is_ok_and(|body| !body.is_empty()));
    let answer =
        Bytes::from_static(br#"{"credit":99999999,"result":1,"time":"21-09-2023 03:23:23"}"#);
    let reply = Response::builder().header("content-type", "application/json");
    Ok(reply.body(Full::new(answer)).unwrap())
}

fn start_no_op(runtime: &Runtime) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(no_op));
            tokio::spawn(connection);
        }
    });
    address
}

/// One game server's connection: its own session, ids from a counter that all share.
struct Client {
    connection: Connection,
    code: String,
    ids: Arc<AtomicU64>,
}

impl Player for Client {
    async fn play(&mut self) {
        let (code, id) = (&self.code, self.ids.fetch_add(1, Ordering::Relaxed));
        let body = format!(
            r#"{{"bet":1,"code":"{code}","game":1012,"id":{id},"round_id":{id},"type":"bet","time":"{TIME}"}}"#
        );
        self.connection.post("bench", &body).await;
    }
}

fn connect(
    runtime: &Runtime,
    address: SocketAddr,
    count: usize,
    ids: &Arc<AtomicU64>,
) -> Load<Client> {
    let players = runtime.block_on(async {
        let mut players = Vec::new();
        for number in 0..count {
            players.push(Client {
                connection: Connection::open(address).await,
                code: server::code(number),
                ids: Arc::clone(ids),
            });
        }
        players
    });
    Load { players }
}

fn main() {
    let (serving, idling, clients) = (runtime("coffer"), runtime("no-op"), runtime("client"));
    let coffer = server::start(&serving);
    let addresses = [("bet", coffer.address), ("no_op", start_no_op(&idling))];
    let ids = Arc::new(AtomicU64::new(1));

    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group("http");
    group.throughput(Throughput::Elements(1));
    for count in [1, 32, 128] {
        for (name, address) in addresses {
            group.bench_function(format!("{name}/connections_{count}"), |bencher| {
                let mut load = connect(&clients, address, count, &ids);
                bencher.iter_custom(|bets| load.play(&clients, bets));
            });
        }
    }
    group.finish();
    criterion.final_summary();
    // `cargo test --benches` runs each case once and has no use for ratios.
    if !std::env::args().any(|argument| argument == "--test") {
        ratios(&clients, addresses.map(|(_, address)| address), &ids);
    }
    coffer.stop(&serving);
}

/// Bets as a share of the no-op's requests, in whole percent: rounds that take turns, medians.
fn ratios(clients: &Runtime, [bet, no_op]: [SocketAddr; 2], ids: &Arc<AtomicU64>) {
    for count in [64, 256] {
        let loads = [bet, no_op].map(|address| connect(clients, address, count, ids));
        let ([bets, no_ops], rounds) = take_turns(clients, loads, ROUND_BETS);
        let per_second = |micros: u128| u128::from(ROUND_BETS) * 1_000_000 / micros;
        println!(
            "{count} connections: {} durable bets/s, {} no-op/s: {} % (medians of {rounds} rounds of {ROUND_BETS})",
            per_second(bets),
            per_second(no_ops),
            100 * no_ops / bets,
        );
    }
}
