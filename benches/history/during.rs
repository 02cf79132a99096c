//! Long play on one directory: what was answered while a checkpoint was being written, and what
//! between them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::process::{Process, http};
use crate::{Answered, Directory, percentiles};

/// Between two looks at the server's metrics.
const LOOK: Duration = Duration::from_millis(20);

/// The answers apart from each other.
pub(crate) struct During {
    /// How long the checkpoints took, in order.
    checkpoints: Vec<Duration>,
    /// How long all of it took, and how much of that checkpoints did.
    took: Duration,
    of_that: Duration,
    /// Microseconds that answers took, sorted: while there was one, and while there was none.
    with: Vec<u64>,
    without: Vec<u64>,
}

/// Checkpoints that the server has written, and how long all took.
fn so_far(server: &Process) -> (u64, Duration) {
    let key = format!("Authorization: Bearer {}", server.key());
    let page = http(server.admin(), "GET", "/metrics", &[&key], "");
    let of = |name: &str| {
        let name = format!("coffer_checkpoint_duration_seconds_{name} ");
        let line = page.body.lines().find_map(|line| line.strip_prefix(&name));
        line.expect("it is told").to_owned()
    };
    (of("count").parse().unwrap(), duration(&of("sum")))
}

/// Seconds with decimals.
fn duration(seconds: &str) -> Duration {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, ""));
    let nanos: String = part.chars().chain("000000000".chars()).take(9).collect();
    Duration::new(whole.parse().unwrap(), nanos.parse().unwrap())
}

/// From when to when there were checkpoints, as far as looking now and then tells.
fn watch(server: &Process, done: &AtomicBool) -> Vec<(Instant, Instant)> {
    let mut found = Vec::new();
    let mut before = so_far(server);
    while !done.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK);
        let now = so_far(server);
        if now.0 > before.0 {
            let ended = Instant::now();
            let took = now.1 - before.1;
            found.push((ended - took - LOOK, ended));
            before = now;
        }
    }
    found
}

/// Plays on end.
pub(crate) fn play(directory: &mut Directory, clients: &Runtime, transactions: u64) -> During {
    let done = AtomicBool::new(false);
    let server = &directory.server;
    let load = &mut directory.load;
    let (took, found) = std::thread::scope(|scope| {
        let watching = scope.spawn(|| watch(server, &done));
        let took = load.play(clients, transactions);
        done.store(true, Ordering::Relaxed);
        (took, watching.join().unwrap())
    });
    let answers = directory.take_answers();
    let first = answers.iter().map(|answer| answer.at).min();
    let is_with = |answer: &Answered| {
        let sent = answer.at - Duration::from_micros(answer.took);
        found
            .iter()
            .any(|(from, to)| sent <= *to && answer.at >= *from)
    };
    let (with, without): (Vec<Answered>, Vec<Answered>) = answers.into_iter().partition(is_with);
    let sorted = |answers: Vec<Answered>| {
        let mut times: Vec<u64> = answers.into_iter().map(|answer| answer.took).collect();
        times.sort_unstable();
        times
    };
    let lengths = found.iter().map(|(from, to)| {
        // One may have begun before the play.
        *to - first.map_or(*from, |first| first.max(*from))
    });
    During {
        of_that: lengths.clone().sum(),
        checkpoints: lengths.collect(),
        took,
        with: sorted(with),
        without: sorted(without),
    }
}

impl During {
    /// The figures by their names.
    pub(crate) fn report(&self) -> Value {
        let per_second = |answers: &[u64], took: Duration| {
            let micros = u64::try_from(took.as_micros()).unwrap();
            answers.len() as u64 * 1_000_000 / micros.max(1)
        };
        let lengths = self.checkpoints.iter();
        let lengths: Vec<u64> = lengths
            .map(|took| u64::try_from(took.as_millis()).unwrap())
            .collect();
        json!({
            "checkpoints_ms": lengths,
            "with": {
                "transactions_per_second": per_second(&self.with, self.of_that),
                "latency_us": percentiles(&self.with),
            },
            "without": {
                "transactions_per_second":
                    per_second(&self.without, self.took.saturating_sub(self.of_that)),
                "latency_us": percentiles(&self.without),
            },
        })
    }
}
