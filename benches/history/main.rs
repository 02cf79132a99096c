//! Whether coffer stays as quick as its history grows: the real server on data directories that
//! hold more and more, side by side.
//!
//! `COFFER_BENCH_DIRS="a b c"` names directories that `coffer demo --fill N` has filled; without it
//! small ones are made. A server of its own runs on each. In each round every directory gets the
//! same number of bets and wins over 64 connections kept open, each in a session of an account
//! drawn at random, with ids that no fill has used; the order takes turns. Then each is played on for
//! longer than a checkpoint is apart from the next, and what was answered while one was being
//! written is told apart from the rest. Then, several times, each server is ended with `kill -9` just after such play, started again and asked for the balance of
//! one account. At last the first id of the directory's first fill is sent once more, as it was and
//! with another amount.
//!
//! `COFFER_BENCH_ROUNDS` (default 15), `COFFER_BENCH_KILLS` (default 5) and `COFFER_BENCH_LONG`
//! (transactions that are played on end, default 2,500,000) set how often and how much. On
//! standard output stands one JSON object a directory, then a table. Times are of one machine on
//! which servers and clients share the cores, and starts read files that may still be in the
//! machine's memory.

#![allow(clippy::unwrap_used, reason = "a bench may stop at once")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use coffer::disk::RESERVE;
use coffer::engine::command::Command;
use coffer::id::PartnerNumber;
use coffer::sim::fill::{Plan, Play, Plays};
use coffer::time::{Clock, SystemClock};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

#[path = "../client/mod.rs"]
mod client;
mod during;
#[path = "../../tests/it/process.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod process;

use client::{Connection, Load, Player, TIME, median, runtime};
use during::During;
use process::{Process, http};

/// Connections to each server.
const CONNECTIONS: u64 = 64;

/// Directories that are made here have so many accounts each.
const OWN_ACCOUNTS: &str = "10000";

/// How much is done.
struct Extent {
    rounds: usize,
    kills: usize,
    /// Bets and wins of a round, and before each kill.
    transactions: u64,
    /// Bets and wins on end.
    long: u64,
    /// The histories of directories that are made here.
    own: [&'static str; 2],
}

impl Extent {
    /// `cargo test --benches` runs a little of everything.
    fn wanted() -> Extent {
        if !std::env::args().any(|argument| argument == "--bench") {
            return Extent {
                rounds: 1,
                kills: 1,
                transactions: 200,
                long: 1000,
                own: ["0", "1000"],
            };
        }
        let number = |name, usual| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
        Extent {
            rounds: number("COFFER_BENCH_ROUNDS", 15),
            kills: number("COFFER_BENCH_KILLS", 5),
            transactions: 20_000,
            long: u64::try_from(number("COFFER_BENCH_LONG", 2_500_000)).unwrap(),
            own: ["0", "1000000"],
        }
    }
}

/// A data directory, the server on it, and what was measured of it.
struct Directory {
    data: PathBuf,
    /// Where the server was started, and leaves its log.
    home: TempDir,
    server: Process,
    plan: Plan,
    /// The number of the partner of the plan's first account.
    partner: String,
    numbers: Arc<AtomicU64>,
    load: Load<Seat>,
    rounds: Vec<Duration>,
    /// Of every answer in those rounds, in microseconds.
    latencies: Vec<u64>,
    /// With and without a checkpoint.
    during: Option<During>,
    /// After them.
    resident_mib: Value,
    starts: Vec<Duration>,
}

/// One connection's play: a bet on an account drawn at random, then the win that closes its round.
struct Seat {
    connection: Connection,
    random: ChaCha8Rng,
    plan: Plan,
    numbers: Arc<AtomicU64>,
    /// Account and id of a bet that waits for its win.
    open: Option<(u64, u64)>,
    answers: Vec<Answered>,
}

/// When an answer came, and how long it took in microseconds.
#[derive(Clone, Copy)]
struct Answered {
    at: Instant,
    took: u64,
}

impl Player for Seat {
    async fn play(&mut self) {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let id = self.plan.id(number).0;
        let (account, what, round) = match self.open.take() {
            Some((account, bet)) => (account, r#""type":"win","win":1"#, bet),
            None => {
                let account = self.random.random_range(0..self.plan.order.accounts);
                self.open = Some((account, id));
                (account, r#""type":"bet","bet":1"#, id)
            }
        };
        let token = self.plan.wallet_token(self.plan.partner_of(account));
        let code = self.plan.code(account);
        let body = format!(
            r#"{{"code":"{code}","game":1012,"id":{id},"round_id":{round},{what},"time":"{TIME}"}}"#
        );
        let sent = Instant::now();
        self.connection.post(token.as_str(), &body).await;
        let at = Instant::now();
        let took = micros(at - sent);
        self.answers.push(Answered { at, took });
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap()
}

fn serve(home: &Path, data: &Path) -> Process {
    Process::start(home, &["serve", "--data", data.to_str().unwrap()], &[])
}

/// The answer of the Wallet URL to an account's request.
fn ask(server: &Process, plan: Plan, account: u64, members: &str) -> Value {
    let path = format!("/wallet/{}", plan.wallet_token(plan.partner_of(account)));
    let code = plan.code(account);
    let body = format!(r#"{{"code":"{code}",{members},"time":"{TIME}"}}"#);
    serde_json::from_str(&http(server.public(), "POST", &path, &[], &body).body).unwrap()
}

fn credit(server: &Process, plan: Plan, account: u64) -> Value {
    let told = ask(server, plan, account, r#""type":"credit""#);
    assert_eq!(told["result"], 1, "{told}");
    told["credit"].clone()
}

/// The first fill that the directory has seen, and the number of its first partner.
fn first_fill(server: &Process) -> (Plan, String) {
    let told = server.ask(&["partner", "list", "--limit", "1000"]).json();
    let partners = told["items"].as_array().unwrap().iter();
    let mut fills = partners.filter_map(|partner| {
        let plan = partner["name"].as_str().unwrap().parse().ok()?;
        Some((plan, partner["partner"].as_str().unwrap().to_owned()))
    });
    fills.next().expect("the directory was filled")
}

impl Directory {
    fn open(data: PathBuf) -> Directory {
        let home = tempfile::tempdir().unwrap();
        let server = serve(home.path(), &data);
        let (plan, partner) = first_fill(&server);
        // Microseconds since 1970 are far above what any fill or earlier bench has used.
        let numbers = Arc::new(AtomicU64::new(SystemClock.now().micros()));
        Directory {
            data,
            home,
            server,
            plan,
            partner,
            numbers,
            load: Load {
                players: Vec::new(),
            },
            rounds: Vec::new(),
            latencies: Vec::new(),
            during: None,
            resident_mib: Value::Null,
            starts: Vec::new(),
        }
    }

    /// Connects every seat, just before it plays: what is idle for long is closed by the server.
    fn connect(&mut self, clients: &Runtime) {
        let address = self.server.public().strip_prefix("http://").unwrap();
        let address = address.parse().unwrap();
        let first = self.numbers.load(Ordering::Relaxed);
        self.load.players = clients.block_on(async {
            let mut players = Vec::new();
            for seat in 0..CONNECTIONS {
                players.push(Seat {
                    connection: Connection::open(address).await,
                    random: ChaCha8Rng::seed_from_u64(first + seat),
                    plan: self.plan,
                    numbers: Arc::clone(&self.numbers),
                    open: None,
                    answers: Vec::new(),
                });
            }
            players
        });
    }

    fn take_answers(&mut self) -> Vec<Answered> {
        let seats = self.load.players.iter_mut();
        seats
            .flat_map(|seat| std::mem::take(&mut seat.answers))
            .collect()
    }

    /// Kills the server just after `transactions`, and starts it again; from there to its first
    /// answer is one start.
    fn kill(mut self, clients: &Runtime, transactions: u64) -> Directory {
        self.connect(clients);
        self.load.play(clients, transactions);
        self.load.players.clear();
        self.server.end("KILL");
        let begun = Instant::now();
        self.server = serve(self.home.path(), &self.data);
        credit(&self.server, self.plan, 0);
        self.starts.push(begun.elapsed());
        self
    }

    /// What the first id of all is answered with: sent again, and sent with another amount. None
    /// where the fill was of accounts alone.
    fn first_id(&self) -> Option<[u64; 2]> {
        let Play { account, command } = Plays::of(self.plan).next()?;
        let Command::Bet(bet) = command else {
            panic!("a fill begins with a bet");
        };
        let before = credit(&self.server, self.plan, account);
        let told = [bet.amount.cents(), bet.amount.cents() + 1].map(|cents| {
            let (id, game) = (bet.id, bet.game);
            let again =
                format!(r#""type":"bet","id":{id},"round_id":{id},"game":{game},"bet":{cents}"#);
            let told = ask(&self.server, self.plan, account, &again);
            assert_eq!(told["credit"], before, "nothing moves: {told}");
            told["result"].as_u64().unwrap()
        });
        Some(told)
    }

    /// How many entries the journal has, nearly: the number of the newest.
    fn entries(&self) -> u64 {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let id = self.plan.id(number);
        let bet = format!(r#""type":"bet","id":{id},"round_id":{id},"game":1012,"bet":1"#);
        assert_eq!(ask(&self.server, self.plan, 0, &bet)["result"], 1);
        let player = self.plan.account(PartnerNumber(1), 0).player_id;
        let of = ["--partner", &self.partner, "--player-id", player.as_str()];
        let what = ["--currency", "USD", "--limit", "1"];
        let told = self
            .server
            .ask(&[&["player", "history"][..], &of, &what].concat());
        told.json()["items"][0]["seq"].as_u64().unwrap()
    }

    /// What is known when all is done, and the figures by their names.
    fn report(&self, transactions: u64) -> Value {
        let during = self.during.as_ref().map(During::report);
        let took = micros(median(self.rounds.clone())).max(1);
        let (entries, bytes) = (self.entries(), bytes_in(&self.data));
        json!({
            "directory": self.data,
            "fill": self.plan.to_string(),
            "transactions_per_second": transactions * 1_000_000 / took,
            "latency_us": percentiles(&self.latencies),
            "long": during,
            "start_ms": {
                "median": micros(median(self.starts.clone())) / 1000,
                "worst": micros(*self.starts.iter().max().unwrap()) / 1000,
            },
            "resident_mib": self.resident_mib,
            "entries": entries,
            "bytes": bytes,
            "bytes_per_entry": bytes / entries,
            "first_id": self.first_id(),
        })
    }
}

/// Some of the latencies, which are sorted.
fn percentiles(latencies: &[u64]) -> Value {
    let Some(last) = latencies.len().checked_sub(1) else {
        return Value::Null;
    };
    let of = |part: usize| latencies[last * part / 1000];
    json!({"p50": of(500), "p99": of(990), "p999": of(999), "max": of(1000)})
}

/// What the process has of the machine's memory, now and at most, in MiB.
fn resident_mib(server: &Process) -> Value {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.unwrap().split_whitespace().next().unwrap();
        number.parse::<u64>().unwrap() / 1024
    };
    json!({"now": mib("VmRSS:"), "most": mib("VmHWM:")})
}

/// What all files hold together, the room that is only kept back aside.
fn bytes_in(directory: &Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let of = entry.metadata().unwrap();
        if of.is_dir() {
            bytes += bytes_in(&entry.path());
        } else if entry.file_name() != RESERVE {
            bytes += of.len();
        }
    }
    bytes
}

/// Directories for the occasion, filled by the program itself.
fn filled(home: &Path, transactions: &str) -> PathBuf {
    let data = home.join(transactions);
    let place = data.to_str().unwrap();
    let arguments = [
        "demo",
        "--data",
        place,
        "--fill",
        transactions,
        "--fill-accounts",
        OWN_ACCOUNTS,
    ];
    assert!(Process::start(home, &arguments, &[]).end("TERM").success());
    data
}

fn main() {
    let extent = Extent::wanted();
    // Beside the build, so that it lies on a real disk and not on one in memory.
    let home = tempfile::tempdir_in(concat!(env!("CARGO_MANIFEST_DIR"), "/target")).unwrap();
    let given = std::env::var("COFFER_BENCH_DIRS").unwrap_or_default();
    let mut places: Vec<PathBuf> = Vec::new();
    for place in given.split_whitespace() {
        places.push(std::fs::canonicalize(place).unwrap());
    }
    if places.is_empty() {
        places.extend(
            extent
                .own
                .map(|transactions| filled(home.path(), transactions)),
        );
    }
    let clients = runtime("client");
    let mut directories: Vec<Directory> = Vec::new();
    for place in places {
        directories.push(Directory::open(place));
    }
    for directory in &mut directories {
        directory.connect(&clients);
    }
    // The first round warms up.
    for round in 0..=extent.rounds {
        let first = round % directories.len();
        directories.rotate_left(first);
        for directory in &mut directories {
            let took = directory.load.play(&clients, extent.transactions);
            let answers = directory.take_answers();
            if round > 0 {
                let latencies = answers.iter().map(|answer| answer.took);
                directory.latencies.extend(latencies);
                directory.rounds.push(took);
            }
        }
        directories.rotate_right(first);
    }
    for directory in &mut directories {
        directory.latencies.sort_unstable();
        directory.connect(&clients);
        let played = during::play(directory, &clients, extent.long);
        directory.during = Some(played);
        directory.resident_mib = resident_mib(&directory.server);
    }
    for _ in 0..extent.kills {
        let kill = |directory: Directory| directory.kill(&clients, extent.transactions);
        directories = directories.into_iter().map(kill).collect();
    }
    let reports: Vec<Value> = directories
        .iter()
        .map(|directory| directory.report(extent.transactions))
        .collect();
    for report in &reports {
        println!("{report}");
    }
    tell(&reports);
}

/// The figures side by side, the first directory's speed as the measure of the others'.
fn tell(reports: &[Value]) {
    let of = |report: &Value, place: &str| report.pointer(place).unwrap().to_string();
    let first = reports[0]["transactions_per_second"].as_u64().unwrap();
    println!(
        "\n{:>9} {:>5} {:>7} {:>7} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8} {:>6}  first id  fill",
        "tx/s",
        "%",
        "p50 us",
        "p99",
        "p99.9",
        "max",
        "start ms",
        "worst",
        "RSS MiB",
        "most",
        "B/entry",
    );
    for report in reports {
        let speed = report["transactions_per_second"].as_u64().unwrap();
        println!(
            "{:>9} {:>5} {:>7} {:>7} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8} {:>6}  {:<8}  {}",
            speed,
            100 * speed / first,
            of(report, "/latency_us/p50"),
            of(report, "/latency_us/p99"),
            of(report, "/latency_us/p999"),
            of(report, "/latency_us/max"),
            of(report, "/start_ms/median"),
            of(report, "/start_ms/worst"),
            of(report, "/resident_mib/now"),
            of(report, "/resident_mib/most"),
            of(report, "/bytes_per_entry"),
            of(report, "/first_id"),
            report["fill"].as_str().unwrap(),
        );
    }
}
