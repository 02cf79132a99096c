//! The real program, killed with signal 9 again and again while payments come and orders are paid
//! (reliability.md, T3): what was answered is there, and of what was under way each is there
//! wholly or not at all, money and documents together.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::process::{Process, run};
use crate::support::Client;
use crate::world::{Replay, number};

/// Desks that work side by side.
const DESKS: usize = 4;

/// Steps that an order goes through.
const STEPS: usize = 4;

/// So small that entries go to history and books all the time.
const TINY: [(&str, &str); 2] = [
    ("COFFER_STORAGE_SEGMENT_SIZE", "16KiB"),
    ("COFFER_STORAGE_CHECKPOINT_ENTRIES", "20"),
];

/// What proves who asks.
struct Keys {
    admin: String,
    token: String,
}

/// One after the other's orders, and how far the last one is.
struct Desk {
    place: usize,
    orders: usize,
    /// Steps of the last order that were answered.
    step: usize,
}

/// A running server, as a desk reaches it.
struct Lines<'a> {
    public: Client,
    admin: Client,
    keys: &'a Keys,
}

impl<'a> Lines<'a> {
    fn open(process: &Process, keys: &'a Keys) -> Lines<'a> {
        let to = |url: &str| url.strip_prefix("http://").unwrap().parse().unwrap();
        Lines {
            public: Client::connect(to(process.public())),
            admin: Client::connect(to(process.admin())),
            keys,
        }
    }

    /// The status and the body; `None` where the server was killed.
    fn ask(&mut self, call: &str, body: Value) -> Option<(u16, Value)> {
        let bearer = &self.keys.admin;
        let (client, head) = match call.starts_with("/admin") {
            true => (
                &mut self.admin,
                format!("Authorization: Bearer {bearer}\r\n"),
            ),
            false => (&mut self.public, String::new()),
        };
        let body = body.to_string();
        let request = format!(
            "POST {call} HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if !client.try_send(request.as_bytes()) {
            return None;
        }
        let answer = client.answer()?;
        Some((answer.status, serde_json::from_str(&answer.body).unwrap()))
    }
}

impl Desk {
    fn id(&self, order: usize) -> String {
        format!("{}-{order}", self.place)
    }

    fn utr(&self, order: usize) -> String {
        format!("{:04}{order:08}", self.place)
    }

    /// Does the next step, or the one again that nobody has answered.
    fn advance(&mut self, lines: &mut Lines<'_>) -> Option<()> {
        let (id, utr) = (self.id(self.orders), self.utr(self.orders));
        let token = &lines.keys.token;
        let name = format!("p1/{id}");
        let (call, body) = match self.step {
            0 => (
                "/v2/partner/payment_links",
                json!({ "token": token, "orderId": id, "txnAmount": "1.00" }),
            ),
            1 => (
                "/admin/v1/payments",
                json!({
                    "wallet_type": "upi", "reference": utr, "amount": "1.00", "currency": "INR",
                }),
            ),
            2 => (
                "/admin/v1/orders/approve",
                json!({ "id": name, "utr": utr }),
            ),
            _ => (
                "/v2/partner/order/status",
                json!({ "token": token, "orderId": id }),
            ),
        };
        let (status, told) = lines.ask(call, body)?;
        match (self.step, status) {
            // Done before the kill, and not answered.
            (2, 422) => assert_eq!(told["error"]["code"], "order_not_pending"),
            _ => assert_eq!(status, 200, "{call}: {told}"),
        }
        if self.step == 3 {
            assert_eq!(told["data"]["txnStatus"], "SUCCESS", "{id}");
            assert_eq!(told["data"]["utr"], utr, "{id}");
        }
        self.step = (self.step + 1) % STEPS;
        self.orders += usize::from(self.step == 0);
        Some(())
    }
}

/// What the accounts of rupees hold, in rupees.
fn held(process: &Process, account: &str) -> i64 {
    let report = process.ask(&["report", "trial-balance"]).json();
    let currencies = report["currencies"].as_array().unwrap();
    let Some(of) = currencies.iter().find(|of| of["currency"] == "INR") else {
        return 0;
    };
    assert_eq!(of["sum"], "0.00");
    let mut accounts = of["accounts"].as_array().unwrap().iter();
    let found = accounts.find(|line| line["account"] == account);
    found.map_or(0, |line| {
        let balance = line["balance"].as_str().unwrap();
        balance.strip_suffix(".00").unwrap().parse().unwrap()
    })
}

/// What is there is wholly there: money is where documents say that it is.
fn check(process: &Process, desks: &[Desk]) {
    let (mut received, mut paid) = (0, 0);
    for desk in desks {
        // The step under way may be there or not.
        for order in 0..=desk.orders {
            let show = process.ask(&["order", "show", &format!("p1/{}", desk.id(order))]);
            let is_done = order < desk.orders;
            if show.code != 0 {
                assert!(!is_done && desk.step == 0, "{} is lost", desk.id(order));
                continue;
            }
            let item = show.json();
            let is_paid = item["state"] == "SUCCESS";
            let settled = json!(format!("upi/{}", desk.utr(order)));
            assert_eq!(item["received_payment"] == settled, is_paid, "{item}");
            assert!(
                is_paid || !is_done && desk.step < 3,
                "{item} was answered as paid"
            );
            paid += i64::from(is_paid);
        }
        let all = process.ask(&["payment", "list", "--limit", "1000"]).json();
        let prefix = format!("{:04}", desk.place);
        let own = all["items"].as_array().unwrap().iter().filter(|item| {
            let reference = item["reference"].as_str().unwrap();
            reference.starts_with(&prefix)
        });
        received += i64::try_from(own.count()).unwrap();
    }
    assert_eq!(held(process, "outside/upi"), -received);
    assert_eq!(held(process, "partner/p1"), paid);
    assert_eq!(held(process, "received/upi"), received - paid);
}

fn open(directory: &Path) -> Keys {
    let process = Process::start(directory, &["serve"], &TINY);
    let create = ["partner", "create", "--name", "Shop", "--currency", "INR"];
    let created = process.ask(&create).json();
    let keys = Keys {
        admin: process.key(),
        token: created["payment_token"].as_str().unwrap().to_owned(),
    };
    assert!(process.end("TERM").success());
    keys
}

#[test]
fn orders_and_payments_are_whole_after_every_kill() {
    let seed = number("SIM_SEED", 1);
    let _replay = Replay(seed);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let keys = open(folder.path());
    let mut desks: Vec<_> = (0..DESKS)
        .map(|place| Desk {
            place,
            orders: 0,
            step: 0,
        })
        .collect();
    for _ in 0..number("SIM_ORDER_KILLS", 12) {
        let process = Process::start(folder.path(), &["serve"], &TINY);
        check(&process, &desks);
        let (answered, until) = (AtomicUsize::new(0), random.random_range(4..80));
        std::thread::scope(|scope| {
            for desk in &mut desks {
                let mut lines = Lines::open(&process, &keys);
                let answered = &answered;
                scope.spawn(move || {
                    while desk.advance(&mut lines).is_some() {
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            while answered.load(Ordering::SeqCst) < until {
                std::thread::yield_now();
            }
            assert!(!process.end("KILL").success());
        });
    }
    let process = Process::start(folder.path(), &["serve"], &TINY);
    check(&process, &desks);
    assert!(process.end("TERM").success());
    let verified = run(folder.path(), &["verify", "--json"], &[]).json();
    assert_eq!(verified["findings"], json!([]));
}
