//! A second reading of the rules: a naive model in sorted maps and 128-bit sums, written from
//! wallet-api.md, partner-api.md and operations.md alone and sharing no rule with the engine.
//!
//! It is slow, keeps everything, and knows neither entries nor shards; whatever it and the ledger
//! answer differently is a fault of one of them. Operators' refusals have no stated order, so the
//! model names every reason that holds and the ledger must give one of them. Operators' calls and
//! the reads are here, game servers' requests in `play`, partners' in `users`, received payments
//! in `payments`, the orders and deposits that they are for in `orders` and `deposits`.

mod deposits;
mod hosted;
mod orders;
mod payments;
mod play;
mod users;
mod withdrawals;

use std::collections::BTreeMap;

pub use self::deposits::Deposited;
use self::deposits::Deposits;
use self::hosted::Hosted;
pub use self::orders::Ordered;
use self::orders::Orders;
use self::payments::Payments;
use self::users::Users;
use self::withdrawals::Withdrawals;
pub use self::withdrawals::Withdrawn;
use super::Operation;
use crate::engine::command::{
    AccountName, NewAdjustment, NewSession, PartnerChange, Rules, Transaction,
};
use crate::engine::document::PaymentState;
use crate::engine::refusal::{
    DepositRefusal, OperatorRefusal, OrderRefusal, UserRefusal, WithdrawalRefusal,
};
use crate::engine::settings::OnRepeat;
use crate::engine::withdrawal::WithdrawalState;
use crate::id::{
    Code, DepositReference, IdSpaceName, OrderReference, PartnerNumber, PlayerId, Reference, Utr,
    WalletToken, WithdrawalId,
};
use crate::money::{Amount, Currency, Sum};
use crate::time::{Span, Timestamp};

/// What an account may hold at most (Money rules 7).
const BALANCE_MAX: i128 = 9_007_199_254_740_991;

/// (partner, player, currency).
pub type AccountKey = (PartnerNumber, PlayerId, Currency);

/// What the ledger must answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// To a game server: the `result` and, where the session is known, the `credit` in cents.
    Answer {
        /// 1 or the err_code.
        result: u8,
        /// The balance afterwards.
        credit: Option<u64>,
    },
    /// To an operator: done.
    Done {
        /// The balance afterwards, where the call answers with one.
        balance: Option<u64>,
        /// Whether an adjustment was there already.
        repeated: bool,
    },
    /// To an operator: refused, for one of these reasons.
    Refused(Vec<OperatorRefusal>),
    /// To a partner: the user's number.
    Registered(u64),
    /// To a partner: done, or done before.
    Transferred {
        /// The balance after it was done.
        balance_after: u64,
        /// When it was done.
        at: Timestamp,
    },
    /// To a partner: refused, for this reason.
    NotForUser(UserRefusal),
    /// To an operator: a payment is taken down, or was before.
    Received {
        /// Whose it is.
        state: PaymentState,
        /// Whether it was there already.
        repeated: bool,
    },
    /// Of an order: how it is now.
    Ordered {
        /// What its page is found by.
        reference: OrderReference,
        /// Its state as the Partner API names it.
        state: &'static str,
        /// The UTR that is named for it.
        utr: Option<Utr>,
    },
    /// Of an order: refused, for this reason.
    NotForOrder(OrderRefusal),
    /// Of a deposit: which, and its state as operators see it.
    Deposited(DepositReference, &'static str),
    /// Of what a payer is to pay to: that.
    Given(String),
    /// Of a deposit, or of a name that is left for one: refused, for this reason.
    NotDeposited(DepositRefusal),
    /// To a merchant or about it: the withdrawal and what has become of it.
    Withdrawn(WithdrawalId, WithdrawalState),
    /// The same: refused, for this reason.
    NotWithdrawn(WithdrawalRefusal),
}

/// One line of an account's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// `bet`, `win`, `cancel`, `deposit`, `withdrawal`, `payment` or `adjustment`.
    pub kind: &'static str,
    /// Cents on (positive) or off (negative).
    pub cents: i128,
    /// What the account held afterwards.
    pub balance_after: i128,
    /// When.
    pub at: Timestamp,
}

/// Count and cents.
pub type Tally = (u64, i128);

/// What is kept of a round (Money rules 6).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Round {
    /// The game of its first transaction.
    pub game: u32,
    /// Bets, cancelled ones too.
    pub bets: Tally,
    /// Wins.
    pub wins: Tally,
    /// Cancelled bets.
    pub cancels: Tally,
    /// Whether it is listed as open.
    pub open: bool,
    /// Its first transaction's time.
    pub first_at: Timestamp,
    /// Its last transaction's time.
    pub last_at: Timestamp,
}

/// A session's state as a report tells it.
#[derive(Clone, Debug)]
pub struct Seat {
    /// What it plays on.
    pub account: AccountKey,
    /// When its life is over.
    pub expires_at: Timestamp,
    /// Whether it was closed.
    pub closed: bool,
    ttl: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Bet,
    CancelledBet,
    Win,
    Void,
}

/// What stands under an id. A void has no content.
#[derive(Clone, Debug)]
struct Used {
    kind: Kind,
    player: (PartnerNumber, PlayerId),
    content: Option<Transaction>,
}

#[derive(Clone, Debug)]
struct Agent {
    token: WalletToken,
    currency: Currency,
    replays: bool,
    /// Whether payments go to its users.
    credits: bool,
    checks_funds: bool,
    id_space: IdSpaceName,
    disabled: bool,
    expires_at: Option<Timestamp>,
}

/// The books of a simulated world.
#[derive(Clone, Debug)]
pub struct Model {
    rules: Rules,
    agents: Vec<Agent>,
    blocked: BTreeMap<(PartnerNumber, PlayerId), bool>,
    balances: BTreeMap<AccountKey, i128>,
    histories: BTreeMap<AccountKey, Vec<Movement>>,
    seats: BTreeMap<Code, Seat>,
    ids: BTreeMap<(IdSpaceName, Currency, u64), Used>,
    rounds: BTreeMap<(AccountKey, u64), Round>,
    house: BTreeMap<(PartnerNumber, Currency), i128>,
    adjustments: BTreeMap<Currency, i128>,
    references: BTreeMap<(PartnerNumber, Reference), (AccountKey, Sum)>,
    users: Users,
    payments: Payments,
    orders: Orders,
    deposits: Deposits,
    withdrawals: Withdrawals,
    anomalies: BTreeMap<&'static str, u64>,
    hosted: Hosted,
    taken: u64,
}

fn answer(result: u8, balance: i128) -> Expected {
    let credit = u64::try_from(balance).expect("a player's balance is never negative");
    Expected::Answer {
        result,
        credit: Some(credit),
    }
}

fn cents(amount: Amount) -> i128 {
    i128::from(amount.cents())
}

fn key_of(name: &AccountName) -> AccountKey {
    (name.partner, name.player_id.clone(), name.currency)
}

fn count(tally: &mut Tally, amount: i128) {
    *tally = (tally.0 + 1, tally.1 + amount);
}

impl Model {
    /// Empty books under `rules`.
    pub fn new(rules: Rules) -> Model {
        Model {
            rules,
            agents: Vec::new(),
            blocked: BTreeMap::new(),
            balances: BTreeMap::new(),
            histories: BTreeMap::new(),
            seats: BTreeMap::new(),
            ids: BTreeMap::new(),
            rounds: BTreeMap::new(),
            house: BTreeMap::new(),
            adjustments: BTreeMap::new(),
            references: BTreeMap::new(),
            users: Users::default(),
            payments: Payments::default(),
            orders: Orders::default(),
            deposits: Deposits::default(),
            withdrawals: Withdrawals::default(),
            anomalies: BTreeMap::new(),
            hosted: Hosted::default(),
            taken: 0,
        }
    }

    /// Judges an operation, takes down what it changes, and tells the answer.
    pub fn judge(&mut self, operation: &Operation, now: Timestamp) -> Expected {
        let done = Expected::Done {
            balance: None,
            repeated: false,
        };
        match operation {
            Operation::Play {
                partner,
                code,
                command,
            } => return self.play(*partner, code, command, now),
            Operation::CreatePartner(new) => {
                if self
                    .agents
                    .iter()
                    .any(|agent| agent.token == new.wallet_token)
                {
                    return Expected::Refused(vec![OperatorRefusal::WalletTokenUsed]);
                }
                self.agents.push(Agent {
                    token: new.wallet_token.clone(),
                    currency: new.currency,
                    replays: new.settings.on_repeat == OnRepeat::Replay,
                    credits: new.settings.credit_on_payment,
                    checks_funds: new.settings.check_withdrawal_funds,
                    id_space: new.id_space.clone(),
                    disabled: false,
                    expires_at: new.expires_at,
                });
            }
            Operation::ChangePartner(number, change) => {
                return self.change_partner(*number, change);
            }
            Operation::CreatePlayer { account, balance } => {
                return self.create_player(&key_of(account), *balance, now);
            }
            Operation::SetBlocked {
                partner,
                player_id,
                blocked,
            } => {
                match self.blocked.get_mut(&(*partner, player_id.clone())) {
                    Some(state) => *state = *blocked,
                    // An unknown partner has no such player either: both reasons hold.
                    None => {
                        let partner = OperatorRefusal::PartnerUnknown(*partner);
                        return Expected::Refused(vec![partner, OperatorRefusal::PlayerUnknown]);
                    }
                }
            }
            Operation::Adjust(new) => return self.adjust(new, now),
            Operation::OpenSession(new) => return self.open_session(new, now),
            Operation::CloseSession(code) => match self.seats.get_mut(code) {
                Some(seat) => seat.closed = true,
                None => return Expected::Refused(vec![OperatorRefusal::SessionUnknown]),
            },
            Operation::Register { partner, new } => return self.register(*partner, new),
            Operation::Transfer { partner, new } => return self.transfer(*partner, new, now),
            Operation::Receive(new) => return self.receive(new, now),
            Operation::Order(operation) => return self.judge_order(operation, now),
            Operation::Deposit(operation) => return self.judge_deposit(operation, now),
            Operation::Withdraw { .. }
            | Operation::DecideWithdrawal { .. }
            | Operation::TryPostback { .. } => return self.judge_withdrawal(operation),
            Operation::Advance(_) => {}
        }
        done
    }

    fn change_partner(&mut self, number: PartnerNumber, change: &PartnerChange) -> Expected {
        let Some(agent) = self.agent_mut(number) else {
            return Expected::Refused(vec![OperatorRefusal::PartnerUnknown(number)]);
        };
        agent.disabled = change.disabled.unwrap_or(agent.disabled);
        if let Some(on_repeat) = change.settings.on_repeat {
            agent.replays = on_repeat == OnRepeat::Replay;
        }
        let credits = change.settings.credit_on_payment;
        agent.credits = credits.unwrap_or(agent.credits);
        agent.expires_at = change.expires_at.unwrap_or(agent.expires_at);
        Expected::Done {
            balance: None,
            repeated: false,
        }
    }

    fn agent(&self, number: PartnerNumber) -> Option<&Agent> {
        let index = usize::try_from(number.0).ok()?.checked_sub(1)?;
        self.agents.get(index)
    }

    fn agent_mut(&mut self, number: PartnerNumber) -> Option<&mut Agent> {
        let index = usize::try_from(number.0).ok()?.checked_sub(1)?;
        self.agents.get_mut(index)
    }

    fn is_live(&self, number: PartnerNumber, now: Timestamp) -> bool {
        self.agent(number)
            .is_some_and(|agent| !agent.disabled && agent.expires_at.is_none_or(|end| now < end))
    }

    fn create_player(&mut self, key: &AccountKey, balance: Amount, now: Timestamp) -> Expected {
        if self.agent(key.0).is_none() {
            return Expected::Refused(vec![OperatorRefusal::PartnerUnknown(key.0)]);
        }
        if self.balances.contains_key(key) {
            return Expected::Refused(vec![OperatorRefusal::AccountExists]);
        }
        self.blocked.entry((key.0, key.1.clone())).or_insert(false);
        self.balances.insert(key.clone(), 0);
        self.taken += 1;
        if !balance.is_zero() {
            *self.adjustments.entry(key.2).or_default() -= cents(balance);
            self.shift(key, "adjustment", cents(balance), now);
        }
        Expected::Done {
            balance: Some(balance.cents()),
            repeated: false,
        }
    }

    fn adjust(&mut self, new: &NewAdjustment, now: Timestamp) -> Expected {
        let key = key_of(&new.account);
        let amount = new.amount.cents();
        let mut reasons = Vec::new();
        if self.agent(key.0).is_none() {
            reasons.push(OperatorRefusal::PartnerUnknown(key.0));
        }
        if !self.blocked.contains_key(&(key.0, key.1.clone())) {
            reasons.push(OperatorRefusal::PlayerUnknown);
        }
        if !self.balances.contains_key(&key) {
            reasons.push(OperatorRefusal::AccountUnknown);
        }
        if amount == 0 {
            reasons.push(OperatorRefusal::AmountZero);
        }
        let balance = self.balances.get(&key).copied().unwrap_or(0);
        let reference = (key.0, new.reference.clone());
        match self.references.get(&reference) {
            Some(content) if *content == (key.clone(), new.amount) => {
                return Expected::Done {
                    balance: u64::try_from(balance).ok(),
                    repeated: true,
                };
            }
            Some(_) => reasons.push(OperatorRefusal::ReferenceUsed),
            None => {}
        }
        if balance + amount < 0 {
            reasons.push(OperatorRefusal::InsufficientFunds);
        }
        if balance + amount > BALANCE_MAX {
            reasons.push(OperatorRefusal::BalanceOutOfRange);
        }
        if !reasons.is_empty() {
            return Expected::Refused(reasons);
        }
        self.references.insert(reference, (key.clone(), new.amount));
        *self.adjustments.entry(key.2).or_default() -= amount;
        self.shift(&key, "adjustment", amount, now);
        Expected::Done {
            balance: u64::try_from(balance + amount).ok(),
            repeated: false,
        }
    }

    fn open_session(&mut self, new: &NewSession, now: Timestamp) -> Expected {
        let key = key_of(&new.account);
        let player = (key.0, key.1.clone());
        let mut reasons = Vec::new();
        if self.agent(key.0).is_none() {
            reasons.push(OperatorRefusal::PartnerUnknown(key.0));
        } else if !self.is_live(key.0, now) {
            reasons.push(OperatorRefusal::PartnerNotLive);
        }
        if self.blocked.get(&player) == Some(&true) {
            reasons.push(OperatorRefusal::PlayerBlocked);
        }
        if self.seats.contains_key(&new.code) {
            reasons.push(OperatorRefusal::CodeUsed);
        }
        if !reasons.is_empty() {
            return Expected::Refused(reasons);
        }
        self.blocked.entry(player).or_insert(false);
        self.balances.entry(key.clone()).or_insert(0);
        self.taken += 1;
        let seat = Seat {
            account: key,
            expires_at: now.plus(new.ttl),
            closed: false,
            ttl: new.ttl,
        };
        self.seats.insert(new.code.clone(), seat);
        Expected::Done {
            balance: None,
            repeated: false,
        }
    }

    /// Puts cents on a player's account or takes them off.
    fn shift(&mut self, key: &AccountKey, kind: &'static str, cents: i128, at: Timestamp) {
        let balance = self.balances.get_mut(key).expect("the account is there");
        *balance += cents;
        self.taken += 1;
        assert!(
            (0..=BALANCE_MAX).contains(balance),
            "the model let {key:?} reach {balance}"
        );
        let line = Movement {
            kind,
            cents,
            balance_after: *balance,
            at,
        };
        self.histories.entry(key.clone()).or_default().push(line);
    }

    /// Every player's account and its balance.
    pub fn balances(&self) -> impl Iterator<Item = (&AccountKey, u64)> {
        let whole = |balance: i128| u64::try_from(balance).expect("never negative");
        self.balances
            .iter()
            .map(move |(key, &balance)| (key, whole(balance)))
    }

    /// Everything that moved an account, oldest first.
    pub fn history(&self, key: &AccountKey) -> &[Movement] {
        self.histories.get(key).map_or(&[], Vec::as_slice)
    }

    /// Every player and whether they are blocked.
    pub fn players(&self) -> impl Iterator<Item = (&(PartnerNumber, PlayerId), bool)> {
        self.blocked
            .iter()
            .map(|(player, &blocked)| (player, blocked))
    }

    /// Every session.
    pub fn sessions(&self) -> impl Iterator<Item = (&Code, &Seat)> {
        self.seats.iter()
    }

    /// Every round, open or closed, under its account and number.
    pub fn rounds(&self) -> impl Iterator<Item = (&(AccountKey, u64), &Round)> {
        self.rounds.iter()
    }

    /// How often each kind of anomaly was reported.
    pub fn anomalies(&self) -> &BTreeMap<&'static str, u64> {
        &self.anomalies
    }

    /// How often something new was taken down: money moved, an id bound, an account opened. A
    /// repetition and a refusal take nothing.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// How many ids are bound for ever.
    pub fn ids_used(&self) -> usize {
        self.ids.len()
    }

    /// The sums of the trial balance by (currency, account), as `report trial-balance` names them.
    pub fn trial_balance(&self) -> BTreeMap<(Currency, String), i128> {
        let mut sums = BTreeMap::new();
        for (key, &balance) in &self.balances {
            *sums
                .entry((key.2, format!("players/{}", key.0)))
                .or_default() += balance;
        }
        for (&(partner, currency), &sum) in &self.house {
            sums.insert((currency, format!("house/{partner}")), sum);
        }
        for (&currency, &sum) in &self.adjustments {
            sums.insert((currency, "adjustments".to_owned()), sum);
        }
        for (&(partner, currency), &sum) in &self.users.partners {
            sums.insert((currency, format!("partner/{partner}")), sum);
        }
        self.add_payments(&mut sums);
        self.add_orders(&mut sums);
        self.add_deposits(&mut sums);
        self.add_withdrawals(&mut sums);
        sums
    }
}
