//! Deposits in simulated worlds: what merchants, the bank and operators do at random, compared with
//! a naive reading of paykassma-api.md after each step, through losses of power and checkpoints.

use std::collections::BTreeMap;
use std::sync::Arc;

use coffer::engine::activation::{DepositWord, NewDeposit};
use coffer::engine::catalogue::{Catalogue, PaymentSystem};
use coffer::engine::command::NewPayment;
use coffer::engine::deposit::{DepositSeen, Way};
use coffer::engine::refusal::DepositRefusal;
use coffer::id::{DepositReference, PartnerNumber, Seq};
use coffer::journal::{CommitMode, Committer, Journal, SEGMENT_SIZE};
use coffer::ledger::{Checkpointer, CheckpointerStop, DepositError, DepositRules, Ledger};
use coffer::money::{Amount, Sum};
use coffer::sim::disk::{Cut, SimDisk};
use coffer::sim::{ManualClock, sample};
use coffer::time::Span;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::anew::rows_unlike_anew;
use crate::on_disk::{open_disk, recover, verify_journal};
use crate::support::secrets;
use crate::world::{Replay, clock, number, rules};
use crate::world_orders::rules as payment_rules;

const HOUR: u32 = 3600;
const TTL_HOURS: u64 = 5;
const MINIMUM: u64 = 200;
const TYPES: [&str; 2] = ["upi", "paytm"];

/// One thing that somebody does.
#[derive(Clone, Debug)]
enum Act {
    Receive(usize, u64),
    Activate {
        reference: String,
        partner: u32,
        system: usize,
        key1: u64,
        label: u64,
        name: u64,
        amount: Option<u64>,
    },
    Approve(usize),
    Reject(usize),
    Pass(u64),
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Came {
    Received,
    Seen(DepositSeen),
    Refused(DepositRefusal),
    Nothing,
}

/// What a payment is said to be: by its number, so that it is told in one way alone.
fn payment(key1: u64) -> (u64, bool) {
    ([60, 100, 150, 200, 500][(key1 % 5) as usize], key1 % 7 == 3)
}

#[derive(Clone, Debug)]
struct Deposit {
    reference: String,
    of: (u32, u64, usize),
    key1: u64,
    name: u64,
    amount: Option<u64>,
    expires: u64,
    state: DepositSeen,
    got: u64,
    lacks_payment: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Nobody,
    Waits,
    Taken,
}

/// The naive reading.
#[derive(Clone, Debug, Default)]
struct Model {
    hours: u64,
    payments: BTreeMap<(usize, u64), Whose>,
    deposits: Vec<Deposit>,
    piles: BTreeMap<(u32, u64, usize), Vec<usize>>,
    merchants: BTreeMap<(u32, usize), u64>,
}

impl Model {
    fn seen(&self, place: usize) -> DepositSeen {
        let deposit = &self.deposits[place];
        match deposit.state {
            DepositSeen::Possible if self.hours >= deposit.expires => DepositSeen::Expired,
            state => state,
        }
    }

    fn with(&self, key: (usize, u64)) -> Option<usize> {
        self.deposits
            .iter()
            .position(|of| (of.of.2, of.key1) == key)
    }

    /// "Activated payments below the payment system's minimum deposit are saved up."
    fn activate(&mut self, place: usize, got: u64, by_word: bool) {
        let of = self.deposits[place].of;
        let minimum = [0, MINIMUM][of.2];
        let deposit = &mut self.deposits[place];
        (deposit.got, deposit.lacks_payment) = (got, by_word);
        deposit.state = DepositSeen::Credited;
        if got >= minimum {
            *self.merchants.entry((of.0, of.2)).or_default() += got;
            return;
        }
        let pile = self.piles.entry(of).or_default();
        pile.push(place);
        let sum: u64 = pile.iter().map(|place| self.deposits[*place].got).sum();
        let enough = sum >= minimum;
        for place in pile.clone() {
            self.deposits[place].state = match enough {
                true => DepositSeen::Credited,
                false => DepositSeen::Saved,
            };
        }
        if enough {
            self.piles.remove(&of);
            *self.merchants.entry((of.0, of.2)).or_default() += sum;
        }
    }

    fn receive(&mut self, key: (usize, u64)) -> Came {
        if self.payments.contains_key(&key) {
            return Came::Received;
        }
        let (amount, suspicious) = payment(key.1);
        let place = self.with(key);
        let whose = match place.map(|place| (place, self.seen(place))) {
            None | Some((_, DepositSeen::Rejected)) => Whose::Nobody,
            Some((_, DepositSeen::Expired)) => Whose::Waits,
            Some((place, DepositSeen::Saved | DepositSeen::Credited)) => {
                let deposit = &mut self.deposits[place];
                deposit.lacks_payment = deposit.got != amount;
                match deposit.lacks_payment {
                    true => Whose::Waits,
                    false => Whose::Taken,
                }
            }
            Some((place, _)) => self.meet(place, amount, suspicious),
        };
        self.payments.insert(key, whose);
        Came::Received
    }

    /// A deposit that waits for it and its payment.
    fn meet(&mut self, place: usize, amount: u64, suspicious: bool) -> Whose {
        let said = self.deposits[place].amount;
        if suspicious || said.is_some_and(|said| said != amount) {
            self.deposits[place].state = DepositSeen::Waiting;
            return Whose::Waits;
        }
        self.activate(place, amount, false);
        Whose::Taken
    }

    fn ask(&mut self, new: Deposit) -> Came {
        let key = (new.of.2, new.key1);
        if let Some(place) = self.with(key) {
            let before = &self.deposits[place];
            let same = before.of == new.of && before.name == new.name;
            return match same {
                true => Came::Seen(self.seen(place)),
                false => Came::Refused(DepositRefusal::Key1Used),
            };
        }
        let names = |of: &Deposit| (of.of.0, of.name) == (new.of.0, new.name);
        if self.deposits.iter().any(names) {
            return Came::Refused(DepositRefusal::CustomIdUsed);
        }
        self.deposits.push(new);
        let place = self.deposits.len() - 1;
        if self.payments.contains_key(&key) {
            let (amount, suspicious) = payment(key.1);
            let whose = self.meet(place, amount, suspicious);
            self.payments.insert(key, whose);
        }
        Came::Seen(self.seen(place))
    }

    fn approve(&mut self, place: usize) -> Came {
        let key = (self.deposits[place].of.2, self.deposits[place].key1);
        match self.seen(place) {
            DepositSeen::Rejected => return Came::Refused(DepositRefusal::Rejected),
            DepositSeen::Saved | DepositSeen::Credited => {
                if self.deposits[place].lacks_payment && self.payments.contains_key(&key) {
                    self.join(place, payment(key.1).0);
                    self.payments.insert(key, Whose::Taken);
                }
                return Came::Seen(self.seen(place));
            }
            _ => {}
        }
        if self.payments.contains_key(&key) {
            self.activate(place, payment(key.1).0, false);
            self.payments.insert(key, Whose::Taken);
        } else {
            let Some(said) = self.deposits[place].amount else {
                return Came::Refused(DepositRefusal::AmountUnknown);
            };
            self.activate(place, said, true);
        }
        Came::Seen(self.seen(place))
    }

    /// What was received takes the place of an operator's word.
    fn join(&mut self, place: usize, received: u64) {
        let before = self.deposits[place].got;
        if self.seen(place) == DepositSeen::Saved {
            let pile = self.piles.get_mut(&self.deposits[place].of).unwrap();
            pile.retain(|of| *of != place);
            let others: u64 = pile.iter().map(|place| self.deposits[*place].got).sum();
            // As if it had come just now; a large one is credited with what is saved up, too.
            if others + received >= MINIMUM {
                let of = self.deposits[place].of;
                *self.merchants.entry((of.0, of.2)).or_default() += others + received;
                for place in self.piles.remove(&of).unwrap().into_iter().chain([place]) {
                    self.deposits[place].state = DepositSeen::Credited;
                }
            } else {
                pile.push(place);
            }
        } else {
            let of = self.deposits[place].of;
            let held = self.merchants.get_mut(&(of.0, of.2)).unwrap();
            *held = *held - before + received;
        }
        let deposit = &mut self.deposits[place];
        (deposit.got, deposit.lacks_payment) = (received, false);
    }

    fn reject(&mut self, place: usize) -> Came {
        let key = (self.deposits[place].of.2, self.deposits[place].key1);
        if matches!(self.seen(place), DepositSeen::Saved | DepositSeen::Credited) {
            return Came::Refused(DepositRefusal::Activated);
        }
        self.deposits[place].state = DepositSeen::Rejected;
        if let Some(whose) = self.payments.get_mut(&key) {
            *whose = Whose::Nobody;
        }
        Came::Seen(DepositSeen::Rejected)
    }

    fn act(&mut self, act: &Act) -> Came {
        match act {
            Act::Receive(system, key1) => self.receive((*system, *key1)),
            Act::Approve(place) => self.approve(*place),
            Act::Reject(place) => self.reject(*place),
            Act::Pass(hours) => {
                self.hours += hours;
                Came::Nothing
            }
            Act::Activate {
                reference,
                partner,
                system,
                key1,
                label,
                name,
                amount,
            } => self.ask(Deposit {
                reference: reference.clone(),
                of: (*partner, *label, *system),
                key1: *key1,
                name: *name,
                amount: *amount,
                expires: self.hours + TTL_HOURS,
                state: DepositSeen::Possible,
                got: 0,
                lacks_payment: false,
            }),
        }
    }
}

fn cents(cents: u64) -> Amount {
    Amount::from_cents(cents).unwrap()
}

fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    let shipped = coffer::config::Config::default().paykassma.catalogue;
    for (name, minimum) in TYPES.iter().zip([0, MINIMUM]) {
        let system = PaymentSystem {
            minimum_deposit: cents(minimum),
            ..shipped.of_type(name).next().unwrap().clone()
        };
        catalogue.add(system).unwrap();
    }
    catalogue
}

/// A ledger that was started, driven by hand.
struct Running {
    journal: Arc<dyn Journal>,
    ledger: Arc<Ledger>,
    committer: Committer,
    checkpointer: Checkpointer,
    _stop: CheckpointerStop,
}

impl Running {
    fn open(disk: &SimDisk, clock: &Arc<ManualClock>) -> Running {
        let opened = open_disk(Arc::new(disk.clone()), CommitMode::OnePhase, SEGMENT_SIZE);
        let (journal, books) = opened.unwrap();
        let journal: Arc<dyn Journal> = journal;
        let (ledger, committer) = recover(&journal, books, clock, rules(), 20).unwrap();
        let (checkpointer, stop) = Checkpointer::new(Arc::clone(&ledger));
        Running {
            journal,
            ledger,
            committer,
            checkpointer,
            _stop: stop,
        }
    }

    fn rules<T>(judge: impl FnOnce(&DepositRules<'_>) -> T) -> T {
        judge(&DepositRules {
            catalogue: &catalogue(),
            possible_ttl: Span::from_seconds(TTL_HOURS as u32 * HOUR),
            tell: &|credited| format!("[{}]", credited.deposits.len()),
        })
    }

    /// Does it; what came of it, and the newest entry that it made or saw.
    fn act(&self, act: &Act, model: &Model, clock: &ManualClock) -> (Came, Seq) {
        match act {
            Act::Receive(system, key1) => {
                let (amount, suspicious) = payment(*key1);
                let new = NewPayment {
                    wallet_type: TYPES[*system].parse().unwrap(),
                    reference: format!("K{key1}").parse().unwrap(),
                    amount: cents(amount),
                    currency: "INR".parse().unwrap(),
                    account: None,
                    received_at: None,
                    payer: None,
                    note: None,
                    suspicious,
                };
                let received =
                    Running::rules(|of| self.ledger.receive_payment(&new, &payment_rules(), of));
                (Came::Received, received.unwrap().seq)
            }
            Act::Activate { .. } => self.activate(act),
            Act::Approve(place) => self.decide(&model.deposits[*place], &DepositWord::Approve),
            Act::Reject(place) => {
                let word = DepositWord::Reject("no".parse().unwrap());
                self.decide(&model.deposits[*place], &word)
            }
            Act::Pass(hours) => {
                clock.advance(Span::from_seconds(*hours as u32 * HOUR));
                (Came::Nothing, Seq::NONE)
            }
        }
    }

    fn activate(&self, act: &Act) -> (Came, Seq) {
        let Act::Activate {
            reference,
            partner,
            system,
            key1,
            label,
            name,
            amount,
        } = act
        else {
            panic!("{act:?}");
        };
        let new = NewDeposit {
            reference: reference.parse().unwrap(),
            wallet_type: TYPES[*system].parse().unwrap(),
            currency: "INR".parse().unwrap(),
            label: label.to_string().parse().unwrap(),
            key1: format!("K{key1}").parse().unwrap(),
            amount: amount.map(cents),
            custom_transaction_id: Some(format!("N{name}").parse().unwrap()),
            way: Way::Code,
        };
        let partner = self.ledger.partner(PartnerNumber(*partner)).unwrap().value;
        let made = Running::rules(|of| {
            (self.ledger).activate_deposit(&partner, &new, &payment_rules(), of)
        });
        match made {
            Ok(made) => {
                let seen = made.value.document.seen(self.ledger.now());
                (Came::Seen(seen), made.seq)
            }
            Err(error) => refused(error),
        }
    }

    fn decide(&self, deposit: &Deposit, word: &DepositWord) -> (Came, Seq) {
        let reference: DepositReference = deposit.reference.parse().unwrap();
        let decided = Running::rules(|of| {
            (self.ledger).decide_on_deposit(&reference, word, &payment_rules(), of)
        });
        match decided {
            Ok(decided) => {
                let seen = decided.value.deposit.document.seen(self.ledger.now());
                (Came::Seen(seen), decided.seq)
            }
            Err(error) => refused(error),
        }
    }

    fn compare(&self, model: &Model) {
        for (place, expected) in model.deposits.iter().enumerate() {
            let reference = expected.reference.parse().unwrap();
            let found = self
                .ledger
                .deposit(&reference, &payment_rules())
                .unwrap()
                .value;
            let deposit = found.deposit.document;
            assert_eq!(
                deposit.seen(self.ledger.now()),
                model.seen(place),
                "{expected:?}"
            );
            assert_eq!(
                deposit.lacks_payment(),
                expected.lacks_payment,
                "{expected:?}"
            );
            let got = deposit.activated.map_or(0, |of| of.amount.cents());
            assert_eq!(got, expected.got, "{expected:?}");
            let known = model.payments.get(&(expected.of.2, expected.key1));
            assert_eq!(found.payment.is_some(), known.is_some(), "{expected:?}");
        }
        let book = self.ledger.trial_balance(false).unwrap().value;
        let rupees = book.currencies.get(&"INR".parse().unwrap());
        assert!(rupees.is_none_or(|book| book.sum.is_zero()));
        for ((partner, system), held) in &model.merchants {
            let account = format!("merchant/p{partner}/{}", TYPES[*system]);
            let found = rupees.and_then(|book| book.accounts.get(&account).copied());
            let expected = Sum::from(cents(*held));
            assert_eq!(found.unwrap_or(Sum::ZERO), expected, "{account}");
        }
    }
}

fn refused(error: DepositError) -> (Came, Seq) {
    match error {
        DepositError::Refused(refusal, seq) => (Came::Refused(refusal), seq),
        DepositError::Unavailable => panic!("{error}"),
    }
}

struct World {
    random: ChaCha8Rng,
    clock: Arc<ManualClock>,
    disk: SimDisk,
    /// All that was done, each with the newest entry by then, and what came before is certain.
    done: Vec<(Act, Seq)>,
    made: u64,
}

impl World {
    fn any_act(&mut self, model: &Model) -> Act {
        let random = &mut self.random;
        let deposits = model.deposits.len();
        match random.random_range(0..20) {
            0..7 => Act::Receive(random.random_range(0..2), random.random_range(0..60)),
            16..18 if deposits > 0 => Act::Approve(random.random_range(0..deposits)),
            18 if deposits > 0 => Act::Reject(random.random_range(0..deposits)),
            19 => Act::Pass(random.random_range(0..3)),
            _ => {
                self.made += 1;
                let key1 = random.random_range(0..60);
                let said = [None, Some(payment(key1).0), Some(77)];
                Act::Activate {
                    reference: format!("r{}", self.made),
                    partner: random.random_range(1..3),
                    system: random.random_range(0..2),
                    key1,
                    label: random.random_range(0..2),
                    // Mostly one name for one number, so that requests are repeated, too.
                    name: [key1, random.random_range(0..60)][random.random_range(0..5) / 4],
                    amount: said[random.random_range(0..3)],
                }
            }
        }
    }

    /// One life, to its loss of power; the last entry that was durable in it.
    fn live(&mut self, mut running: Running, model: &mut Model, steps: usize) -> Seq {
        if self.random.random_ratio(1, 2) {
            self.disk.cut_after(self.random.random_range(0..400));
        }
        let mut last = running.ledger.head().seq;
        for _ in 0..steps {
            let act = self.any_act(model);
            let before = model.clone();
            let expected = model.act(&act);
            let (came, seq) = running.act(&act, &before, &self.clock);
            assert_eq!(came, expected, "{act:?}");
            last = last.max(seq);
            self.done.push((act, last));
            let commits = self.random.random_range(0..3);
            if (0..commits).any(|_| running.committer.step(4).is_err()) {
                break;
            }
            if self.random.random_ratio(1, 25) {
                let committed = running.committer.step(1000);
                if committed.is_err() || running.checkpointer.checkpoint().is_err() {
                    break;
                }
            }
        }
        let durable = running.ledger.durable_seq();
        drop(running);
        let cut = Cut::any(&mut self.random);
        self.disk = self.disk.cut(cut, &mut self.random);
        durable
    }

    /// What is left of what was done: all up to some entry.
    fn settle(&mut self, head: Seq) -> Model {
        self.done.retain(|(_, last)| *last <= head);
        let mut model = Model::default();
        for (act, _) in &self.done {
            model.act(act);
        }
        let now = crate::world::start();
        let passed = Span::from_seconds(u32::try_from(model.hours).unwrap() * HOUR);
        self.clock.set(now.plus(passed));
        model
    }
}

fn live_through(seed: u64, cuts: u64) -> usize {
    let _replay = Replay(seed);
    let mut world = World {
        random: ChaCha8Rng::seed_from_u64(seed),
        clock: clock(),
        disk: SimDisk::new(),
        done: Vec::new(),
        made: 0,
    };
    let mut running = Running::open(&world.disk, &world.clock);
    for token in ["one", "other"] {
        let new = sample::partner(token, "INR".parse().unwrap());
        running.ledger.create_partner(new, secrets(token)).unwrap();
    }
    while running.committer.step(1000).unwrap() > 0 {}
    let mut model = Model::default();
    for _ in 0..cuts {
        let durable = world.live(running, &mut model, 60);
        running = Running::open(&world.disk, &world.clock);
        let head = running.ledger.head().seq;
        assert!(
            head >= durable,
            "{head} is before {durable}, which was told"
        );
        model = world.settle(head);
        running.compare(&model);
    }
    while running.committer.step(1000).unwrap() > 0 {}
    running.checkpointer.checkpoint().unwrap();
    running.compare(&model);
    let journal = Arc::clone(&running.journal);
    drop(running);
    let verified = verify_journal(&*journal);
    assert_eq!(verified.findings, Vec::<String>::new());
    let unlike = rows_unlike_anew(&world.disk, &journal, &world.clock);
    assert_eq!(unlike, Vec::<String>::new());
    world.done.len()
}

#[test]
fn deposits_are_as_naively_read_through_losses_of_power() {
    let worlds = number("SIM_DEPOSIT_WORLDS", 12);
    let done: usize = (0..worlds).map(|seed| live_through(seed, 5)).sum();
    println!("{done} done in {worlds} worlds with 5 cuts each");
    assert!(done as u64 > worlds * 20, "{done}");
}
