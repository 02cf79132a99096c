//! Receivers that mean ill, on real sockets, through 72 hours of a clock that is moved by hand, and
//! a sender that is killed a hundred times: each postback reaches its own receiver, with the same
//! bytes every time, and nobody else (paykassma-api.md, Postbacks; reliability.md, T16).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use coffer::engine::activation::NewDeposit;
use coffer::engine::command::NewPayment;
use coffer::engine::deposit::Way;
use coffer::engine::postback::{DeliveryState, PostbackKind, PostbackOf, PostbackRules};
use coffer::engine::settings::SettingsChange;
use coffer::engine::withdrawal::WithdrawalWord;
use coffer::http::sender::{Came, Lane, Places, Plan, Teller, web_roots};
use coffer::id::PartnerNumber;
use coffer::ledger::{DepositRules, DuePostback};
use coffer::money::Amount;
use coffer::time::{Clock, Span, Timestamp};
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::runtime::Runtime;

use crate::merchants::{Coffer, withdrawal};
use crate::postbacks::{ILLS, Ill};
use crate::process::await_sight;
use crate::world::{Replay, number, start};
use crate::world_orders::rules as payment_rules;

const HOUR: u32 = 3600;

/// Nobody mends later than this, so that the last hours are left for what waits.
const MENDED: u32 = 48;

/// Longer than an answer takes that comes, mostly: one that does not come in time is asked for
/// again.
const PATIENCE: Duration = Duration::from_millis(40);

/// What reached a receiver: each body, and how often.
type Reached = Arc<Mutex<BTreeMap<String, u32>>>;

/// A receiver at an address of its own, until it is dropped.
struct Receiver {
    at: SocketAddr,
    over: Arc<AtomicBool>,
    serving: Option<std::thread::JoinHandle<()>>,
}

impl Receiver {
    fn open(at: SocketAddr, ill: Ill, elsewhere: SocketAddr, reached: &Reached) -> Receiver {
        // A process that another test begins has it open for a moment longer.
        let bound = || TcpListener::bind(at).ok();
        let listener = await_sight("an address of its own", bound);
        let at = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let (is_over, reached) = (Arc::clone(&over), Arc::clone(reached));
        let serving = std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let reached = Arc::clone(&reached);
                // One that is slow holds up no other.
                std::thread::spawn(move || serve(stream, at, (ill, elsewhere), &reached));
            }
        });
        Receiver {
            at,
            over,
            serving: Some(serving),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.at));
        self.serving.take().unwrap().join().unwrap();
    }
}

/// Reads a whole request; `None` where it breaks off.
fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut more = [0; 4096];
    loop {
        let text = String::from_utf8(bytes.clone()).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let is_it = name.eq_ignore_ascii_case("content-length");
                is_it.then(|| value.trim().parse::<usize>().unwrap())
            });
            if length == Some(body.len()) {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        match stream.read(&mut more) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&more[..count]),
            _ => return None,
        }
    }
}

fn serve(mut stream: TcpStream, at: SocketAddr, (ill, elsewhere): (Ill, SocketAddr), to: &Reached) {
    let Some((head, body)) = request(&mut stream) else {
        return;
    };
    assert!(head.starts_with("POST /postback HTTP/1.1\r\n"), "{head}");
    let host = format!("host: {at}");
    assert!(head.lines().any(|line| line.eq_ignore_ascii_case(&host)));
    *to.lock().entry(body).or_default() += 1;
    let whole = |status: &str, more: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\n\r\n{body}")
    };
    let answer = match ill {
        Ill::Down => unreachable!("nobody is there"),
        Ill::Slow => {
            // Until it is given up.
            drop(stream.read(&mut [0]));
            return;
        }
        Ill::Fails => whole("500 No", "", "sorry"),
        Ill::Redirects => {
            let leads = format!("Location: http://{elsewhere}/postback\r\n");
            whole("307 There", &leads, r#"{"status":"ok"}"#)
        }
        Ill::Endless => {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let mut answer = head.to_owned() + "f\r\n{\"status\":\"ok\"}\r\n";
            while stream.write_all(answer.as_bytes()).is_ok() {
                answer = format!("400\r\n{}\r\n", " ".repeat(0x400));
            }
            return;
        }
        Ill::Resets => "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\"".to_owned(),
        Ill::SaysElse => whole("200 OK", "", r#"{"status":"fail"}"#),
        Ill::SaysNothing => whole("200 OK", "", ""),
        Ill::Well => whole("200 OK", "", r#"{"status":"OK","more":1}"#),
    };
    // What is killed meanwhile hears nothing of it.
    drop(stream.write_all(answer.as_bytes()));
}

/// A merchant with its receiver.
struct Shop {
    ill: Ill,
    mends_at: Timestamp,
    at: SocketAddr,
    receiver: Option<Receiver>,
    reached: Reached,
    /// What was credited or decided and synced, so that it must be told.
    promised: Vec<PostbackOf>,
}

struct Days {
    coffer: Coffer,
    random: ChaCha8Rng,
    runtime: Runtime,
    teller: Teller,
    plan: Plan,
    shops: BTreeMap<PartnerNumber, Shop>,
    /// Where a redirect leads.
    elsewhere: (Receiver, Reached),
    made: u32,
    kills: u32,
    /// Kills while something was under way.
    midway: u32,
}

fn plan() -> Plan {
    Plan::new(Places::default(), PostbackRules::default().longest())
}

/// An address that nobody else on this machine uses.
fn own_address(place: u8) -> SocketAddr {
    SocketAddr::from(([127, 77, 0, place], 0))
}

impl Days {
    fn new(seed: u64) -> Days {
        let coffer = Coffer::new();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let trapped = Reached::default();
        let trap = Receiver::open(own_address(200), Ill::Well, own_address(200), &trapped);
        let mut shops = BTreeMap::new();
        for (place, ill) in (1_u8..).zip(ILLS) {
            let reached = Reached::default();
            let receiver = Receiver::open(own_address(place), ill, trap.at, &reached);
            let url = format!("http://{}/postback", receiver.at);
            let merchant = coffer.merchant(&format!("m{place}"), Some(&url));
            let change = SettingsChange {
                deposit_postback_url: Some(Some(url.parse().unwrap())),
                ..SettingsChange::default()
            };
            coffer.set(merchant, change);
            let hours = random.random_range(1..MENDED);
            let shop = Shop {
                ill,
                mends_at: start().plus(Span::from_seconds(hours * HOUR)),
                at: receiver.at,
                receiver: Some(receiver).filter(|_| ill != Ill::Down),
                reached,
                promised: Vec::new(),
            };
            shops.insert(merchant, shop);
        }
        let threads = tokio::runtime::Builder::new_multi_thread();
        Days {
            coffer,
            random,
            runtime: { threads }.worker_threads(2).enable_all().build().unwrap(),
            teller: Teller::new(true, PATIENCE, web_roots()),
            plan: plan(),
            shops,
            elsewhere: (trap, trapped),
            made: 0,
            kills: 0,
            midway: 0,
        }
    }

    /// A withdrawal is decided, or a deposit credited; then it is synced.
    fn promise(&mut self) {
        self.made += 1;
        let merchants: Vec<_> = self.shops.keys().copied().collect();
        let merchant = merchants[self.made as usize % merchants.len()];
        let name = format!("n{}", self.made);
        let kind = match self.random.random_range(0..2) {
            0 => {
                self.withdraw(merchant, &name);
                PostbackKind::Withdrawal
            }
            _ => {
                self.deposit(merchant, &name);
                PostbackKind::Deposit
            }
        };
        self.coffer.sync();
        let promised = PostbackOf {
            partner: merchant,
            kind,
            name: name.parse().unwrap(),
        };
        let shop = self.shops.get_mut(&merchant);
        shop.unwrap().promised.push(promised);
    }

    fn withdraw(&mut self, merchant: PartnerNumber, name: &str) {
        let new = withdrawal(Some(name), "upi_ib", 100);
        let number = self.coffer.ask(merchant, &new).unwrap().value.created;
        let word = match self.random.random_range(0..2) {
            0 => WithdrawalWord::Approve(None),
            _ => WithdrawalWord::Reject("no".parse().unwrap()),
        };
        self.coffer.decide(number, &word).unwrap();
    }

    fn deposit(&mut self, merchant: PartnerNumber, name: &str) {
        let ledger = self.coffer.ledger();
        let amount = Amount::from_cents(500).unwrap();
        let new = NewDeposit {
            reference: name.parse().unwrap(),
            wallet_type: "upi".parse().unwrap(),
            currency: "INR".parse().unwrap(),
            label: "55".parse().unwrap(),
            key1: name.parse().unwrap(),
            amount: None,
            custom_transaction_id: Some(name.parse().unwrap()),
            way: Way::Code,
        };
        let payment = NewPayment {
            wallet_type: new.wallet_type,
            reference: new.key1.clone(),
            amount,
            currency: new.currency,
            account: None,
            received_at: None,
            payer: None,
            note: None,
            suspicious: false,
        };
        let rules = DepositRules {
            catalogue: &coffer::config::Config::default().paykassma.catalogue,
            possible_ttl: Span::from_seconds(HOUR),
            tell: &|credited| {
                let name = &credited.deposits[0].custom_transaction_id;
                format!(r#"{{"deposit":"{name}","at":"{}"}}"#, credited.now)
            },
        };
        let partner = self.coffer.partner(merchant);
        let asked = ledger.activate_deposit(&partner, &new, &payment_rules(), &rules);
        asked.unwrap();
        let received = ledger.receive_payment(&payment, &payment_rules(), &rules);
        received.unwrap();
    }

    /// Those whose time has come mend their ways.
    fn mend(&mut self) {
        let now = self.coffer.clock.now();
        let elsewhere = self.elsewhere.0.at;
        for shop in self.shops.values_mut() {
            if shop.ill != Ill::Well && now >= shop.mends_at {
                shop.ill = Ill::Well;
                drop(shop.receiver.take());
                shop.receiver = Some(Receiver::open(shop.at, Ill::Well, elsewhere, &shop.reached));
            }
        }
    }

    /// Sends what is due and takes down what came of it; when there is something to do next.
    fn send(&mut self) -> Option<Timestamp> {
        let now = self.coffer.clock.now();
        let kinds = PostbackKind::ALL;
        let lanes: Vec<Lane> = (self.shops.keys())
            .flat_map(|partner| kinds.map(|kind| (*partner, kind)))
            .collect();
        let ledger = self.coffer.ledger();
        let due = |(partner, kind), at_most| ledger.due_postbacks(partner, kind, at_most);
        let (begun, wake) = self.plan.next(&lanes, now, due).unwrap();
        if begun.is_empty() {
            return wake;
        }
        let tries: Vec<_> = begun.iter().map(|due| self.begin(due)).collect();
        if self.random.random_range(0..4) == 0 {
            // With requests that nobody knows the end of.
            let micros = self.random.random_range(0..3000);
            std::thread::sleep(Duration::from_micros(micros));
            tries.iter().for_each(tokio::task::JoinHandle::abort);
            self.midway += 1;
            self.kill();
            return Some(now);
        }
        for (due, told) in begun.into_iter().zip(tries) {
            let answer = self.runtime.block_on(told).unwrap();
            let came = match answer.taken {
                true => Came::Taken,
                false => Came::NotTaken,
            };
            let shop = &self.shops[&due.of.partner];
            assert!(!answer.taken || shop.ill == Ill::Well, "{:?}", shop.ill);
            let url = format!("http://{}/postback", shop.at).parse().unwrap();
            let (ledger, rules) = (self.coffer.ledger(), PostbackRules::default());
            let sent = ledger.postback_of(&due.of).unwrap().unwrap();
            let sent = sent.value.postback;
            ledger.postback_tried(&sent, url, answer, &rules).unwrap();
            // Killed with the try in the queue, or on the disk; those beside it are nobody's.
            match self.random.random_range(0..80) {
                0 => {
                    self.kill();
                    return Some(now);
                }
                1 => {
                    self.coffer.sync();
                    self.kill();
                    return Some(now);
                }
                2 => self.coffer.checkpoint(),
                _ => self.coffer.sync(),
            }
            self.plan.done(&due.of, came, now);
        }
        Some(now)
    }

    fn begin(
        &self,
        due: &DuePostback,
    ) -> tokio::task::JoinHandle<coffer::engine::postback::Answer> {
        let ledger = self.coffer.ledger();
        assert!(
            due.changed <= ledger.durable_seq(),
            "told before it was durable"
        );
        let body = ledger.postback_of(&due.of).unwrap().unwrap().value;
        let url = format!("http://{}/postback", self.shops[&due.of.partner].at);
        let (teller, url) = (self.teller.clone(), url.parse().unwrap());
        let told = async move { teller.tell(&url, &body.postback.body).await };
        self.runtime.spawn(told)
    }

    fn kill(&mut self) {
        self.kills += 1;
        self.coffer.kill();
        self.plan = plan();
    }

    fn until(&mut self, hours: u32) {
        let end = start().plus(Span::from_seconds(hours * HOUR));
        loop {
            self.mend();
            let now = self.coffer.clock.now();
            let Some(next) = self.send().filter(|next| *next <= end) else {
                self.coffer.clock.set(end);
                return;
            };
            self.coffer.clock.set(next.max(now));
        }
    }
}

#[test]
fn receivers_of_every_ill_will_get_each_postback_though_the_sender_is_killed_a_hundred_times() {
    let seed = number("SIM_SEED", 5);
    let _replay = Replay(seed);
    let promises = u32::try_from(number("HOSTILE_POSTBACKS", 180)).unwrap();
    let mut days = Days::new(seed);
    for hour in 1..=72 {
        while days.made < promises && days.made < promises * hour / 24 {
            days.promise();
        }
        days.until(hour);
    }
    println!(
        "{} kills, {} midway, {} promised",
        days.kills, days.midway, days.made
    );
    assert!(days.kills >= 100 && days.midway >= 50, "{}", days.kills);
    let mut tries = AtomicU64::new(0);
    for (partner, shop) in &days.shops {
        let mut bodies = BTreeSet::new();
        for of in &shop.promised {
            let ledger = days.coffer.ledger();
            let view = ledger.postback_of(of).unwrap().expect("none is lost").value;
            let delivery = view.delivery.document;
            assert_eq!(delivery.state, DeliveryState::Delivered, "{of:?}");
            let attempts = ledger.attempts(&delivery, 1000).unwrap();
            let url = format!("http://{}/postback", shop.at);
            let mut urls = attempts.iter().map(|tried| tried.document.url.as_str());
            assert!(urls.all(|told_at| told_at == url));
            assert!(bodies.insert(view.postback.body), "each has its own bytes");
        }
        let reached = shop.reached.lock();
        *tries.get_mut() += reached.values().map(|times| u64::from(*times)).sum::<u64>();
        // Each came at least once; nothing else came, and so each time with the same bytes.
        let came: BTreeSet<String> = reached.keys().cloned().collect();
        assert_eq!(came, bodies, "{partner}");
    }
    assert!(
        days.elsewhere.1.lock().is_empty(),
        "a redirect was followed"
    );
    println!("{} requests", tries.get_mut());
    days.coffer.checkpoint();
    assert_eq!(days.coffer.verified(), Vec::<String>::new());
}
