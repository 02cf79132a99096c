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
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

mod server;

/// Bets of a round, over all its connections together.
const ROUND_BETS: u64 = 20_000;

fn runtime(name: &str) -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(2)
        .thread_name(name)
        .enable_all()
        .build()
        .unwrap()
}

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
    stream: TcpStream,
    code: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr, code: String) -> Client {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client {
            stream,
            code,
            request: Vec::new(),
            answer: vec![0; 1024],
        }
    }

    async fn bet(&mut self, id: u64) {
        let code = &self.code;
        let time = "21-09-2023 03:23:23";
        let body = format!(
            r#"{{"bet":1,"code":"{code}","game":1012,"id":{id},"round_id":{id},"type":"bet","time":"{time}"}}"#
        );
        let length = body.len();
        let head = format!(
            "POST /wallet/bench HTTP/1.1\r\nHost: bench\r\nContent-Length: {length}\r\n\r\n"
        );
        self.request.clear();
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(body.as_bytes());
        self.stream.write_all(&self.request).await.unwrap();
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.answer[filled..]).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            filled += read;
            // The answer is one flat object and nothing follows it.
            if self.answer[filled - 1] == b'}' {
                break;
            }
        }
        let accepted = self.answer[..filled]
            .windows(11)
            .any(|text| text == br#""result":1,"#);
        assert!(
            accepted,
            "{}",
            String::from_utf8_lossy(&self.answer[..filled])
        );
    }
}

/// Connections to one server, opened once.
struct Load {
    clients: Vec<Client>,
    ids: Arc<AtomicU64>,
}

impl Load {
    fn connect(runtime: &Runtime, address: SocketAddr, count: usize, ids: &Arc<AtomicU64>) -> Load {
        let clients = runtime.block_on(async {
            let mut clients = Vec::new();
            for number in 0..count {
                clients.push(Client::connect(address, server::code(number)).await);
            }
            clients
        });
        Load {
            clients,
            ids: Arc::clone(ids),
        }
    }

    /// How long `bets` take, each client sending its next when its last is answered.
    fn play(&mut self, runtime: &Runtime, bets: u64) -> Duration {
        let left = Arc::new(AtomicU64::new(bets));
        let start = Instant::now();
        runtime.block_on(async {
            let mut tasks = Vec::new();
            for mut client in self.clients.drain(..) {
                let (left, ids) = (Arc::clone(&left), Arc::clone(&self.ids));
                tasks.push(tokio::spawn(async move {
                    while left
                        .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                            left.checked_sub(1)
                        })
                        .is_ok()
                    {
                        client.bet(ids.fetch_add(1, Ordering::Relaxed)).await;
                    }
                    client
                }));
            }
            for task in tasks {
                self.clients.push(task.await.unwrap());
            }
        });
        start.elapsed()
    }
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
                let mut load = Load::connect(&clients, address, count, &ids);
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
    let rounds = std::env::var("COFFER_BENCH_ROUNDS").map_or(15, |text| text.parse().unwrap());
    for count in [64, 256] {
        let mut loads = [bet, no_op].map(|address| Load::connect(clients, address, count, ids));
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            for (load, times) in loads.iter_mut().zip(&mut times) {
                times.push(load.play(clients, ROUND_BETS).as_micros());
            }
        }
        let [bets, no_ops] = times.map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2]
        });
        let per_second = |micros: u128| u128::from(ROUND_BETS) * 1_000_000 / micros;
        println!(
            "{count} connections: {} durable bets/s, {} no-op/s: {} % (medians of {rounds} rounds of {ROUND_BETS})",
            per_second(bets),
            per_second(no_ops),
            100 * no_ops / bets,
        );
    }
}
