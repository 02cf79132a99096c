//! What the tests share that kill the real program with signal 9: clerks on its two addresses, who
//! work side by side until it is killed, and what its accounts hold then.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::process::{Process, run};
use crate::support::{Answer, Client};
use crate::world::{Replay, number};

/// So small that entries go to history and books all the time; and what payers pay to.
pub(crate) const TINY: [(&str, &str); 4] = [
    ("COFFER_PAYMENTS_UPI_ADDRESS", "shop@bank"),
    ("COFFER_PAYMENTS_UPI_NAME", "Shop"),
    ("COFFER_STORAGE_SEGMENT_SIZE", "16KiB"),
    ("COFFER_STORAGE_CHECKPOINT_ENTRIES", "20"),
];

/// A running server, as a clerk reaches it.
pub(crate) struct Lines<'a, K> {
    public: Client,
    admin: Client,
    bearer: &'a str,
    /// What proves who asks on the public address.
    pub(crate) keys: &'a K,
}

impl<'a, K> Lines<'a, K> {
    fn open(process: &Process, (bearer, keys): (&'a str, &'a K)) -> Lines<'a, K> {
        let to = |url: &str| url.strip_prefix("http://").unwrap().parse().unwrap();
        Lines {
            public: Client::connect(to(process.public())),
            admin: Client::connect(to(process.admin())),
            bearer,
            keys,
        }
    }

    /// The status and the body that a call such as `POST /admin/v1/payments` is answered with;
    /// `None` where the server was killed.
    pub(crate) fn ask(&mut self, call: &str, body: &str) -> Option<(u16, Value)> {
        let answer = self.answer(call, body)?;
        Some((answer.status, serde_json::from_str(&answer.body).unwrap()))
    }

    /// The same where the body is none of JSON.
    pub(crate) fn answer(&mut self, call: &str, body: &str) -> Option<Answer> {
        let (method, path) = call.split_once(' ').unwrap();
        let bearer = self.bearer;
        let (client, head) = match path.starts_with("/admin") {
            true => (
                &mut self.admin,
                format!("Authorization: Bearer {bearer}\r\n"),
            ),
            false => (&mut self.public, String::new()),
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if !client.try_send(request.as_bytes()) {
            return None;
        }
        client.answer()
    }
}

/// Lets all clerks take one step after the other, and kills the server once so many were answered;
/// so often, with a look at what is there after each start. In the end nothing is found wrong.
pub(crate) fn kill_again_and_again<K: Sync, D: Send>(
    (folder, kills): (&Path, u64),
    with: (&str, &K),
    clerks: &mut [D],
    step: impl Fn(&mut D, &mut Lines<'_, K>) -> Option<()> + Sync,
    check: impl Fn(&Process, &[D]),
) {
    let seed = number("SIM_SEED", 1);
    let _replay = Replay(seed);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..kills {
        let process = Process::start(folder, &["serve"], &TINY);
        check(&process, clerks);
        let until = random.random_range(4..80);
        kill_while(process, with, clerks, until, &step);
    }
    let process = Process::start(folder, &["serve"], &TINY);
    check(&process, clerks);
    assert!(process.end("TERM").success());
    let verified = run(folder, &["verify", "--json"], &[]).json();
    assert_eq!(verified["findings"], json!([]));
}

fn kill_while<K: Sync, D: Send>(
    process: Process,
    with: (&str, &K),
    clerks: &mut [D],
    until: usize,
    step: &(impl Fn(&mut D, &mut Lines<'_, K>) -> Option<()> + Sync),
) {
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let working = clerks.iter_mut().map(|clerk| {
            let mut lines = Lines::open(&process, with);
            let answered = &answered;
            scope.spawn(move || {
                while step(clerk, &mut lines).is_some() {
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        let working: Vec<_> = working.collect();
        // One that ends before the kill has met what must not be.
        let all_work = || working.iter().all(|clerk| !clerk.is_finished());
        while answered.load(Ordering::SeqCst) < until && all_work() {
            std::thread::yield_now();
        }
        assert!(!process.end("KILL").success());
    });
}

/// What the accounts in rupees hold; they add up to nothing.
pub(crate) fn rupees(process: &Process) -> BTreeMap<String, i64> {
    let report = process.ask(&["report", "trial-balance"]).json();
    let currencies = report["currencies"].as_array().unwrap();
    let Some(of) = currencies.iter().find(|of| of["currency"] == "INR") else {
        return BTreeMap::new();
    };
    assert_eq!(of["sum"], "0.00");
    let whole = |line: &Value| {
        let balance = line["balance"].as_str().unwrap();
        balance.strip_suffix(".00").unwrap().parse().unwrap()
    };
    let accounts = of["accounts"].as_array().unwrap().iter();
    let accounts = accounts.map(|line| (line["account"].as_str().unwrap().to_owned(), whole(line)));
    accounts.collect()
}
