//! Postbacks to receivers of every kind of ill will, over three days of a clock that is moved by
//! hand, by a sender that is killed again and again (paykassma-api.md, Postbacks; reliability.md,
//! T16).

use std::collections::BTreeMap;

use coffer::engine::postback::{Answer, DeliveryState, PostbackKind, PostbackOf, PostbackRules};
use coffer::engine::withdrawal::WithdrawalWord;
use coffer::http::sender::{Came, Lane, Places, Plan};
use coffer::id::PartnerNumber;
use coffer::ledger::{DuePostback, PostbacksAsked};
use coffer::time::{Clock, Span, Timestamp};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::merchants::{Coffer, withdrawal};
use crate::world::{Replay, number, start};

const HOUR: u32 = 3600;

/// How a receiver behaves until it mends its ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ill {
    /// Nobody is there.
    Down,
    /// It takes the postback, and answers too late.
    Slow,
    /// It fails.
    Fails,
    /// It leads elsewhere.
    Redirects,
    /// It answers without an end.
    Endless,
    /// It takes the postback and breaks off.
    Resets,
    /// It says something else than ok.
    SaysElse,
    /// It says nothing at all, in a whole answer.
    SaysNothing,
    /// Nothing is wrong with it.
    Well,
}

pub(crate) const ILLS: [Ill; 9] = [
    Ill::Down,
    Ill::Slow,
    Ill::Fails,
    Ill::Redirects,
    Ill::Endless,
    Ill::Resets,
    Ill::SaysElse,
    Ill::SaysNothing,
    Ill::Well,
];

/// A receiver, and what reached it.
struct Receiver {
    ill: Ill,
    /// From then on it takes everything.
    well_from: Timestamp,
    /// Each postback with its bytes, and how often it came.
    reached: BTreeMap<PostbackOf, (String, u32)>,
}

impl Receiver {
    /// What comes back, and after how long.
    fn takes(&mut self, of: &PostbackOf, body: &str, now: Timestamp) -> (Answer, Span) {
        let soon = Span::from_micros(20_000);
        let late = Span::from_seconds(10);
        let ill = if now >= self.well_from {
            Ill::Well
        } else {
            self.ill
        };
        if !matches!(ill, Ill::Down) {
            let (bytes, times) = self
                .reached
                .entry(of.clone())
                .or_insert_with(|| (body.to_owned(), 0));
            assert_eq!(bytes, body, "the same bytes on every attempt");
            *times += 1;
        }
        let none = |why| Answer::new(false, None, why);
        match ill {
            Ill::Down => (none("no connection"), soon),
            Ill::Slow => (none("no whole answer in time"), late),
            Ill::Fails => (Answer::new(false, Some(500), "sorry"), soon),
            Ill::Redirects => (Answer::new(false, Some(302), ""), soon),
            Ill::Endless => (Answer::new(false, Some(200), &"x".repeat(9999)), late),
            Ill::Resets => (none("connection reset"), soon),
            Ill::SaysElse => (Answer::new(false, Some(200), r#"{"status":"fail"}"#), soon),
            Ill::SaysNothing => (Answer::new(false, Some(200), ""), soon),
            Ill::Well => (Answer::new(true, Some(200), r#"{"status":"ok"}"#), soon),
        }
    }
}

/// One sender's memory, which a kill ends.
struct Sending {
    plan: Plan,
    /// What comes back, and when.
    under_way: BTreeMap<(Timestamp, PostbackOf), Answer>,
}

impl Sending {
    fn new() -> Sending {
        let longest = PostbackRules::default().longest();
        Sending {
            plan: Plan::new(Places::default(), longest),
            under_way: BTreeMap::new(),
        }
    }
}

struct Days {
    coffer: Coffer,
    random: ChaCha8Rng,
    sending: Sending,
    receivers: BTreeMap<PartnerNumber, Receiver>,
    /// What was decided and synced, so that it must be told.
    promised: Vec<PostbackOf>,
    kills: u32,
}

impl Days {
    fn new(seed: u64) -> Days {
        let coffer = Coffer::new();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut receivers = BTreeMap::new();
        for (place, ill) in ILLS.into_iter().enumerate() {
            let url = format!("https://m{place}.example.com/postback");
            let merchant = coffer.merchant(&format!("m{place}"), Some(&url));
            let hours = random.random_range(1..60);
            let receiver = Receiver {
                ill,
                well_from: start().plus(Span::from_seconds(hours * HOUR)),
                reached: BTreeMap::new(),
            };
            receivers.insert(merchant, receiver);
        }
        Days {
            coffer,
            random,
            sending: Sending::new(),
            receivers,
            promised: Vec::new(),
            kills: 0,
        }
    }

    fn url(partner: PartnerNumber) -> String {
        format!("https://m{}.example.com/postback", partner.0 - 1)
    }

    /// A withdrawal is asked for and decided.
    fn decide(&mut self, step: u32) {
        let merchants: Vec<_> = self.receivers.keys().copied().collect();
        let merchant = merchants[self.random.random_range(0..merchants.len())];
        let new = withdrawal(Some(&format!("w{step}")), "upi_ib", 100);
        let number = self.coffer.ask(merchant, &new).unwrap().value.created;
        let word = match self.random.random_range(0..2) {
            0 => WithdrawalWord::Approve(None),
            _ => WithdrawalWord::Reject("no".parse().unwrap()),
        };
        let decided = self.coffer.decide(number, &word).unwrap().value.document;
        self.coffer.sync();
        self.promised.push(PostbackOf {
            partner: merchant,
            kind: PostbackKind::Withdrawal,
            name: decided.postback_name(),
        });
    }

    /// Sends what is due; when there is something to do next.
    fn send(&mut self) -> Option<Timestamp> {
        let now = self.coffer.clock.now();
        let lanes: Vec<Lane> = self
            .receivers
            .keys()
            .map(|partner| (*partner, PostbackKind::Withdrawal))
            .collect();
        let ledger = self.coffer.ledger();
        let due = |(partner, kind), at_most| ledger.due_postbacks(partner, kind, at_most);
        let (begun, wake) = self.sending.plan.next(&lanes, now, due).unwrap();
        for DuePostback { of, changed, .. } in begun {
            assert!(
                changed <= ledger.durable_seq(),
                "told before it was durable"
            );
            let postback = ledger.postback_of(&of).unwrap().unwrap().value.postback;
            let receiver = self.receivers.get_mut(&of.partner).unwrap();
            let (answer, after) = receiver.takes(&of, &postback.body, now);
            let at = now.plus(after);
            self.sending.under_way.insert((at, of), answer);
        }
        let back = self.sending.under_way.keys().next().map(|(at, _)| *at);
        [wake, back].into_iter().flatten().min()
    }

    /// Takes down what has come back by now.
    fn take_down(&mut self) {
        let now = self.coffer.clock.now();
        while let Some(((at, of), _)) = self.sending.under_way.first_key_value() {
            if *at > now {
                return;
            }
            let of = of.clone();
            let answer = self.sending.under_way.pop_first().unwrap().1;
            let came = if answer.taken {
                Came::Taken
            } else {
                Came::NotTaken
            };
            let url = Days::url(of.partner).parse().unwrap();
            let rules = PostbackRules::default();
            let ledger = self.coffer.ledger();
            let sent = ledger.postback_of(&of).unwrap().unwrap().value.postback;
            ledger.postback_tried(&sent, url, answer, &rules).unwrap();
            // Killed with the try in memory, in the queue, or on the disk.
            match self.random.random_range(0..60) {
                0 => return self.kill(),
                1 => {
                    self.coffer.sync();
                    return self.kill();
                }
                2 => self.coffer.checkpoint(),
                _ => self.coffer.sync(),
            }
            self.sending.plan.done(&of, came, now);
        }
    }

    fn kill(&mut self) {
        self.kills += 1;
        self.coffer.kill();
        self.sending = Sending::new();
    }

    /// Plays until so many hours are over.
    fn until(&mut self, hours: u32) {
        let end = start().plus(Span::from_seconds(hours * HOUR));
        loop {
            self.take_down();
            let wake = self.send();
            let now = self.coffer.clock.now();
            let Some(next) = wake.filter(|next| *next <= end) else {
                self.coffer.clock.set(end);
                return;
            };
            self.coffer.clock.set(next.max(now));
        }
    }
}

#[test]
fn each_postback_reaches_its_receiver_with_the_same_bytes_through_three_days_and_many_kills() {
    let seed = number("SIM_SEED", 16);
    let _replay = Replay(seed);
    let mut days = Days::new(seed);
    let mut step = 0;
    for hour in 1..=73 {
        if hour <= 40 {
            for _ in 0..days.random.random_range(0..12) {
                days.decide(step);
                step += 1;
            }
        }
        // In the middle of whatever is under way.
        if days.random.next_u32().is_multiple_of(2) {
            days.kill();
        }
        days.until(hour);
    }
    // The last of those that came late wait for their hour.
    days.until(40 + 73);
    while days.kills < 100 {
        days.kill();
    }
    let ledger = days.coffer.ledger();
    assert!(days.promised.len() > 100, "{}", days.promised.len());
    for of in &days.promised {
        let view = ledger.postback_of(of).unwrap().expect("none is lost").value;
        let delivery = view.delivery.document;
        assert_eq!(delivery.state, DeliveryState::Delivered, "{of:?}");
        let receiver = &days.receivers[&of.partner];
        let (bytes, _) = receiver.reached.get(of).expect("it came at least once");
        assert_eq!(*bytes, view.postback.body);
        let url = Days::url(of.partner);
        let tries = ledger.attempts(&delivery, 1000).unwrap();
        assert_eq!(tries.len(), delivery.attempts as usize);
        assert!(tries.iter().all(|tried| tried.document.url.as_str() == url));
        assert!(tries[0].document.answer.taken);
    }
    // Nobody was told what is another's.
    for (partner, receiver) in &days.receivers {
        assert!(receiver.reached.keys().all(|of| of.partner == *partner));
        let told = receiver.reached.keys().all(|of| days.promised.contains(of));
        assert!(told, "something was told that nobody promised");
    }
    let open = PostbacksAsked {
        state: Some("due"),
        ..PostbacksAsked::default()
    };
    assert!(
        ledger
            .postbacks(open, None, 10)
            .unwrap()
            .value
            .items
            .is_empty()
    );
    days.coffer.checkpoint();
    assert_eq!(days.coffer.verified(), Vec::<String>::new());
}

#[test]
fn what_nobody_takes_for_three_days_waits_for_an_operator_and_is_sent_again_by_a_word() {
    let mut days = Days::new(1);
    for receiver in days.receivers.values_mut() {
        receiver.well_from = start().plus(Span::from_seconds(100 * HOUR));
    }
    for step in 0..16 {
        days.decide(step);
    }
    days.until(80);
    let waiting = PostbacksAsked {
        state: Some("waiting"),
        ..PostbacksAsked::default()
    };
    let found = days
        .coffer
        .ledger()
        .postbacks(waiting, None, 100)
        .unwrap()
        .value;
    let is_well = |of: &&PostbackOf| matches!(days.receivers[&of.partner].ill, Ill::Well);
    let well = days.promised.iter().filter(is_well).count();
    assert_eq!(found.items.len(), days.promised.len() - well);
    days.until(101);
    for of in &found.items {
        assert!(of.document.attempts > 70, "{of:?}");
        days.coffer.ledger().retry_postback(of.created).unwrap();
    }
    days.coffer.sync();
    days.until(102);
    let found = days
        .coffer
        .ledger()
        .postbacks(waiting, None, 100)
        .unwrap()
        .value;
    assert!(found.items.is_empty(), "{found:?}");
    let done = PostbacksAsked {
        state: Some("delivered"),
        ..PostbacksAsked::default()
    };
    let found = days
        .coffer
        .ledger()
        .postbacks(done, None, 100)
        .unwrap()
        .value;
    assert_eq!(found.items.len(), days.promised.len());
}
