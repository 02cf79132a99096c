//! A seeded, endless stream of [`Operation`]s: mostly what a healthy world does, and far more of
//! what goes wrong than a healthy world would.
//!
//! Bets, wins, cancels and reads of several players at several partners in two id spaces and four
//! currencies; repetitions, conflicts, voids, late bets, sessions that end, players blocked,
//! partners disabled, money that runs out and is topped up. More than half is accepted. The
//! workload keeps only rough guesses of the world (purses, expiries) to aim by: it judges nothing,
//! and the same seed and shape give the same stream whatever anyone answers.

use std::collections::{BTreeSet, VecDeque};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Operation;
use super::deposits::Deposits;
use super::orders::Orders;
use super::users::Users;
use crate::engine::command::{
    AccountName, Command, NewAdjustment, NewPartner, NewPayment, NewSession, PartnerChange,
    Transaction,
};
use crate::engine::settings::PartnerSettings;
use crate::engine::withdrawal::NewWithdrawal;
use crate::id::{Code, GameNumber, Lang, PartnerNumber, PlayerId, RoundId, TransactionId};
use crate::money::{Amount, Currency, Sum};
use crate::time::Span;

/// The largest amount on the wire: 10^15 cents (wallet-api.md, Requests).
const WIRE_MAX: u64 = 1_000_000_000_000_000;

/// How many requests are remembered for repetition.
const REMEMBERED: usize = 4096;

/// Sessions of an account that are played in: more than its player's row lists.
const SEATS: usize = 12;

/// Partners that number their transactions together share an id space.
const PARTNERS: [(&str, &str); 4] = [
    ("w1", "default"),
    ("w2", "default"),
    ("w3", "second"),
    ("w4", "second"),
];

const CURRENCIES: [&str; 4] = ["USD", "EUR", "INR", "XTS"];

/// What part of a world one workload plays. Workloads of different lanes touch no player, id, code
/// or reference of each other, and share partners and currencies.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Which lane, below 256.
    pub lane: u8,
    /// How many accounts to grow to.
    pub accounts: usize,
    /// The configured limit of a bet, so that some go over it.
    pub bet_max: Amount,
    /// Whether time moves, partners are disabled and enabled, and users are registered, who are
    /// numbered together: every lane would feel it.
    pub alone: bool,
    /// Whether most ids are drawn rather than counted.
    pub scattered: bool,
    /// Whether half of all that happens is merchants' deposits and withdrawals.
    pub merchants: bool,
}

/// A game server's request that may be sent again.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) holder: usize,
    pub(super) code: Code,
    pub(super) command: Command,
}

/// A session as the workload guesses it to be.
pub(super) struct Seat {
    pub(super) code: Code,
    ttl: u32,
    expires_at: u64,
}

/// An account as the workload guesses it to be.
pub(super) struct Holder {
    pub(super) name: AccountName,
    pub(super) seats: Vec<Seat>,
    pub(super) purse: i128,
    round: Option<RoundId>,
    names_rounds: bool,
    /// Ids that rounds were named by before there was a bet under them.
    promised: Vec<TransactionId>,
}

/// The stream. See the module.
pub struct Workload {
    pub(super) random: ChaCha8Rng,
    pub(super) shape: Shape,
    pub(super) holders: Vec<Holder>,
    pub(super) queue: VecDeque<Operation>,
    pub(super) sent: Vec<Sent>,
    pub(super) adjusted: Vec<NewAdjustment>,
    pub(super) received: Vec<NewPayment>,
    pub(super) withdrawn: Vec<(PartnerNumber, NewWithdrawal)>,
    blocked: BTreeSet<(PartnerNumber, PlayerId)>,
    disabled: BTreeSet<PartnerNumber>,
    pub(super) seconds: u64,
    pub(super) users: Users,
    pub(super) orders: Orders,
    pub(super) deposits: Deposits,
    next_id: u64,
    next_word: u64,
}

/// Half of the merchants may withdraw more than they have, and half are told of it.
fn merchant(token: &str) -> PartnerSettings {
    let url = "https://shop.example.com/postback".parse();
    PartnerSettings {
        check_withdrawal_funds: token > "w2",
        withdrawal_postback_url: (token != "w2").then(|| url.clone().expect("an address")),
        deposit_postback_url: (token != "w3").then(|| url.expect("an address")),
        ..PartnerSettings::default()
    }
}

impl Workload {
    /// The operations that must come before any workload's: four partners, `p1` to `p4`.
    pub fn partners() -> Vec<Operation> {
        let partner = |(token, space): (&str, &str)| NewPartner {
            name: token.parse().expect("a name"),
            currency: "USD".parse().expect("a currency"),
            wallet_token: token.parse().expect("a token"),
            id_space: space.parse().expect("an id space"),
            game_server_addresses: Vec::new(),
            settings: merchant(token),
            expires_at: None,
        };
        PARTNERS
            .into_iter()
            .map(|each| Operation::CreatePartner(partner(each)))
            .collect()
    }

    /// The stream of `seed` in `shape`.
    pub fn new(seed: u64, shape: Shape) -> Workload {
        let mut workload = Workload {
            random: ChaCha8Rng::seed_from_u64(seed),
            shape,
            holders: Vec::new(),
            queue: VecDeque::new(),
            sent: Vec::new(),
            adjusted: Vec::new(),
            received: Vec::new(),
            withdrawn: Vec::new(),
            blocked: BTreeSet::new(),
            disabled: BTreeSet::new(),
            seconds: 0,
            users: Users::default(),
            orders: Orders::default(),
            deposits: Deposits::default(),
            next_id: 1,
            next_word: 1,
        };
        for _ in 0..(shape.accounts / 2).max(2) {
            workload.new_holder();
        }
        workload
    }

    pub(super) fn chance(&mut self, one_in: u32) -> bool {
        self.random.random_ratio(1, one_in)
    }

    pub(super) fn index(&mut self, length: usize) -> usize {
        self.random.random_range(0..length)
    }

    /// A word that no other lane and no earlier call gives.
    pub(super) fn word(&mut self) -> String {
        self.next_word += 1;
        format!("L{}_{}", self.shape.lane, self.next_word)
    }

    /// An id of this lane, mostly rising, that is most likely unused.
    pub(super) fn fresh_id(&mut self) -> TransactionId {
        let lane = u64::from(self.shape.lane) << 56;
        if self.shape.lane == 0 && self.chance(4000) {
            return TransactionId(if self.chance(2) { 0 } else { u64::MAX });
        }
        if self.chance(12) {
            return TransactionId(lane | self.random.random_range(0..1 << 55));
        }
        self.next_id += 1;
        if self.shape.scattered {
            // An odd factor gives each number another place, far from its neighbours'.
            let place = self.next_id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            return TransactionId(lane | (place & ((1 << 55) - 1)));
        }
        TransactionId(lane | self.next_id)
    }

    pub(super) fn game(&mut self) -> GameNumber {
        GameNumber(self.random.random_range(1000..1006))
    }

    fn stake(&mut self) -> Amount {
        let cents = match self.random.random_range(0..400) {
            0..20 => 0,
            20..26 => self.shape.bet_max.cents().saturating_add(1),
            26..30 => self.random.random_range(0..=WIRE_MAX),
            30..36 => self.shape.bet_max.cents(),
            _ => {
                let most = self.random.random_range(1..=20_000);
                self.random.random_range(1..=most)
            }
        };
        Amount::from_cents(cents.min(WIRE_MAX)).expect("10^15 is below the limit")
    }

    /// Creates an account, perhaps a further currency of a known player, and a session on it.
    pub(super) fn new_holder(&mut self) -> usize {
        let known = (!self.holders.is_empty() && self.chance(3)).then(|| {
            let holder = self.index(self.holders.len());
            let name = &self.holders[holder].name;
            (name.partner, name.player_id.clone())
        });
        let (partner, player_id) = known.unwrap_or_else(|| {
            let number = self.random.random_range(1..=4);
            let player_id = self.word().parse().expect("a word names a player");
            (PartnerNumber(number), player_id)
        });
        let letters = CURRENCIES[self.index(CURRENCIES.len())];
        let currency: Currency = letters.parse().expect("a currency");
        let cents = [0, 500, 100_000, 10_000_000][self.index(4)];
        let name = AccountName {
            partner,
            player_id,
            currency,
        };
        if cents > 0 {
            self.queue.push_back(Operation::CreatePlayer {
                account: name.clone(),
                balance: Amount::from_cents(cents).expect("below the limit"),
            });
        }
        self.seat_holder(name, cents)
    }

    /// Lets an account that holds so much be played on.
    pub(super) fn seat_holder(&mut self, name: AccountName, cents: u64) -> usize {
        self.holders.push(Holder {
            name,
            seats: Vec::new(),
            purse: i128::from(cents),
            round: None,
            promised: Vec::new(),
            names_rounds: !self.random.random_ratio(1, 5),
        });
        let holder = self.holders.len() - 1;
        self.open_session(holder);
        holder
    }

    pub(super) fn open_session(&mut self, holder: usize) -> Code {
        let code: Code = self.word().parse().expect("a word is a code");
        let ttl = [3600, 10_800, 86_400][self.index(3)];
        let new = NewSession {
            account: self.holders[holder].name.clone(),
            code: code.clone(),
            game: None,
            lang: Lang::EN,
            ttl: Span::from_seconds(ttl),
        };
        self.queue.push_back(Operation::OpenSession(new));
        let seats = &mut self.holders[holder].seats;
        if seats.len() == SEATS {
            seats.remove(0);
        }
        seats.push(Seat {
            code: code.clone(),
            ttl,
            expires_at: self.seconds + u64::from(ttl),
        });
        code
    }

    /// An account to play on; what keeps it from playing is mostly put right first.
    pub(super) fn player(&mut self) -> usize {
        let holder = self.index(self.holders.len());
        let name = self.holders[holder].name.clone();
        let player = (name.partner, name.player_id.clone());
        if self.disabled.contains(&name.partner) && self.chance(8) {
            self.set_disabled(name.partner, false);
        }
        if self.blocked.contains(&player) && self.chance(4) {
            self.set_blocked(player.0, player.1, false);
        }
        holder
    }

    pub(super) fn set_disabled(&mut self, partner: PartnerNumber, disabled: bool) {
        if disabled {
            self.disabled.insert(partner);
        } else {
            self.disabled.remove(&partner);
        }
        let change = PartnerChange {
            disabled: Some(disabled),
            ..PartnerChange::default()
        };
        self.queue
            .push_back(Operation::ChangePartner(partner, change));
    }

    pub(super) fn set_blocked(
        &mut self,
        partner: PartnerNumber,
        player_id: PlayerId,
        blocked: bool,
    ) {
        if blocked {
            self.blocked.insert((partner, player_id.clone()));
        } else {
            self.blocked.remove(&(partner, player_id.clone()));
        }
        self.queue.push_back(Operation::SetBlocked {
            partner,
            player_id,
            blocked,
        });
    }

    /// One of the account's sessions, alive as far as the workload knows unless chance will not
    /// have it.
    pub(super) fn seat(&mut self, holder: usize) -> Code {
        let seats = &self.holders[holder].seats;
        let live = seats
            .iter()
            .rev()
            .find(|seat| seat.expires_at > self.seconds);
        let (live, any) = (live.map(|seat| seat.code.clone()), seats.len());
        if any > 0 && self.chance(4) {
            let seat = self.index(any);
            return self.holders[holder].seats[seat].code.clone();
        }
        match live {
            Some(code) => code,
            None => self.open_session(holder),
        }
    }

    /// Queues a request and remembers it.
    pub(super) fn send(&mut self, holder: usize, code: Code, command: Command) {
        let partner = self.holders[holder].name.partner;
        let sent = Sent {
            holder,
            code: code.clone(),
            command,
        };
        if self.sent.len() < REMEMBERED {
            self.sent.push(sent);
        } else {
            let place = self.index(REMEMBERED);
            self.sent[place] = sent;
        }
        self.queue.push_back(Operation::Play {
            partner,
            code,
            command,
        });
    }

    pub(super) fn bet(&mut self) {
        let holder = self.player();
        let code = self.seat(holder);
        let (mut id, game, amount) = (self.fresh_id(), self.game(), self.stake());
        let stake = i128::from(amount.cents());
        if self.holders[holder].purse < stake && stake <= 20_000 && !self.chance(5) {
            self.top_up(holder, amount);
        }
        let way = self.random.random_range(0..10);
        let promise = (way == 9).then(|| self.fresh_id());
        let seconds = self.seconds;
        let own = &mut self.holders[holder];
        if way == 8
            && let Some(promised) = own.promised.pop()
        {
            id = promised;
        }
        let promise = promise.filter(|_| own.names_rounds);
        own.promised.extend(promise);
        let round = match (own.names_rounds, way) {
            (false, _) | (_, 0) => None,
            (_, 9) => promise.map(|id| RoundId(id.0)),
            (_, 1..4) if own.round.is_some() => own.round,
            _ => Some(RoundId(id.0)),
        };
        own.round = round.or(own.round);
        if own.purse >= stake {
            own.purse -= stake;
        }
        if let Some(seat) = own.seats.iter_mut().find(|seat| seat.code == code)
            && seat.expires_at > seconds
        {
            seat.expires_at = seconds + u64::from(seat.ttl);
        }
        let content = Transaction {
            id,
            round,
            game,
            amount,
        };
        self.send(holder, code, Command::Bet(content));
    }

    pub(super) fn win(&mut self) {
        let holder = self.player();
        let code = self.seat(holder);
        let (id, game) = (self.fresh_id(), self.game());
        let cents = match self.random.random_range(0..4000) {
            0..1600 => 0,
            1600 => self.random.random_range(0..=WIRE_MAX),
            _ => self.random.random_range(1..=30_000),
        };
        let stray = self.chance(25);
        let own = &mut self.holders[holder];
        own.purse += i128::from(cents);
        let round = if stray {
            Some(RoundId(id.0))
        } else {
            own.round
        };
        let content = Transaction {
            id,
            round: round.filter(|_| own.names_rounds),
            game,
            amount: Amount::from_cents(cents).expect("10^15 is below the limit"),
        };
        self.send(holder, code, Command::Win(content));
    }

    fn top_up(&mut self, holder: usize, amount: Amount) {
        let factor = self.random.random_range(2..60);
        let cents = (amount.cents() + 1).saturating_mul(factor).min(WIRE_MAX);
        self.adjust(holder, i64::try_from(cents).expect("10^15 fits"));
    }

    pub(super) fn adjust(&mut self, holder: usize, cents: i64) {
        let new = NewAdjustment {
            account: self.holders[holder].name.clone(),
            amount: Sum::from(cents),
            reference: self.word().parse().expect("a word is a reference"),
            reason: "simulated".parse().expect("a reason"),
        };
        self.holders[holder].purse += i128::from(cents);
        if self.adjusted.len() < 64 {
            self.adjusted.push(new.clone());
        } else {
            let place = self.index(64);
            self.adjusted[place] = new.clone();
        }
        self.queue.push_back(Operation::Adjust(new));
    }
}
