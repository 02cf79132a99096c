//! What the simulation's tests share: doing an [`Operation`] to a ledger, and comparing a whole
//! ledger with the naive model. Orders and payments are in `world_orders`,
//! deposits in `world_deposits`.

use std::collections::BTreeMap;
use std::sync::Arc;

use coffer::engine::command::{Command, NewTransfer, NewUser, Rules};
use coffer::engine::document::PaymentState;
use coffer::engine::entry::Body;
use coffer::engine::refusal::{
    DepositRefusal, OperatorRefusal, OrderRefusal, PlayRefusal, UserRefusal, WithdrawalRefusal,
};
use coffer::engine::withdrawal::WithdrawalState;
use coffer::id::{
    Code, DepositReference, GameNumber, OrderReference, PartnerNumber, Seq, Utr, WithdrawalId,
};
use coffer::journal::Journal;
use coffer::ledger::{
    Ledger, Observed, OperatorError, Outcome, SessionState, Unavailable, UserError,
};
use coffer::money::{Amount, Sum};
use coffer::sim::model::{AccountKey, Model, Round};
use coffer::sim::{Expected, ManualClock, Operation, Shape, sample};
use coffer::time::{Clock, Day, Timestamp};

use crate::{merchants, world_deposits, world_orders};

/// The largest stake that the simulated rules allow.
pub(crate) const BET_MAX: u64 = 5_000_000;

pub(crate) fn rules() -> Rules {
    Rules {
        bet_max: Amount::from_cents(BET_MAX),
        ..Rules::default()
    }
}

/// One lane of a world under [`rules`]. Every other lane's ids go into runs.
pub(crate) fn shape(lane: u8, accounts: usize) -> Shape {
    Shape {
        lane,
        accounts,
        bet_max: Amount::from_cents(BET_MAX).unwrap(),
        alone: false,
        scattered: lane % 2 == 1,
        merchants: false,
    }
}

/// When every simulated world begins.
pub(crate) fn start() -> Timestamp {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

/// A number from the environment, or what stands here.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        let digits = text.replace('_', "");
        digits
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number"))
    })
}

/// Says how to have a failed run again.
pub(crate) struct Replay(pub(crate) u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay this with SIM_SEED={}", self.0);
        }
    }
}

/// What a ledger answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Answer {
        result: u8,
        credit: Option<u64>,
    },
    Done {
        balance: Option<u64>,
        repeated: bool,
    },
    Refused(OperatorRefusal),
    Registered(u64),
    Transferred {
        balance_after: u64,
        at: Timestamp,
    },
    NotForUser(UserRefusal),
    Received {
        state: PaymentState,
        repeated: bool,
    },
    Ordered {
        reference: OrderReference,
        state: &'static str,
        utr: Option<Utr>,
    },
    NotForOrder(OrderRefusal),
    Deposited(DepositReference, &'static str),
    Given(String),
    NotDeposited(DepositRefusal),
    Withdrawn(WithdrawalId, WithdrawalState),
    NotWithdrawn(WithdrawalRefusal),
}

impl Told {
    pub(crate) fn agrees(&self, expected: &Expected) -> bool {
        match (self, expected) {
            (
                Told::Answer { result, credit },
                Expected::Answer {
                    result: r,
                    credit: c,
                },
            ) => (result, credit) == (r, c),
            (
                Told::Done { balance, repeated },
                Expected::Done {
                    balance: b,
                    repeated: r,
                },
            ) => (balance, repeated) == (b, r),
            (Told::Refused(refusal), Expected::Refused(reasons)) => reasons.contains(refusal),
            (Told::Registered(number), Expected::Registered(due)) => number == due,
            (
                Told::Transferred { balance_after, at },
                Expected::Transferred {
                    balance_after: b,
                    at: due,
                },
            ) => (balance_after, at) == (b, due),
            (Told::NotForUser(refusal), Expected::NotForUser(due)) => refusal == due,
            (
                Told::Received { state, repeated },
                Expected::Received {
                    state: s,
                    repeated: r,
                },
            ) => (state, repeated) == (s, r),
            (
                Told::Ordered {
                    reference,
                    state,
                    utr,
                },
                Expected::Ordered {
                    reference: r,
                    state: s,
                    utr: u,
                },
            ) => (reference, state, utr) == (r, s, u),
            (Told::NotForOrder(refusal), Expected::NotForOrder(due)) => refusal == due,
            (Told::Deposited(of, state), Expected::Deposited(o, s)) => (of, state) == (o, s),
            (Told::Given(identifier), Expected::Given(due)) => identifier == due,
            (Told::NotDeposited(refusal), Expected::NotDeposited(due)) => refusal == due,
            (Told::Withdrawn(id, state), Expected::Withdrawn(i, s)) => (id, state) == (i, s),
            (Told::NotWithdrawn(refusal), Expected::NotWithdrawn(due)) => refusal == due,
            _ => false,
        }
    }
}

/// The err_code of wallet-api.md, Answers, read from that table and not from the product.
fn err_code(refusal: PlayRefusal) -> u8 {
    match refusal {
        PlayRefusal::SessionUnknown => 2,
        PlayRefusal::SessionExpired => 3,
        PlayRefusal::InsufficientFunds => 4,
        PlayRefusal::IdUsed => 5,
        PlayRefusal::IdVoided => 6,
        PlayRefusal::PlayerBlocked => 8,
        PlayRefusal::LimitExceeded => 9,
        PlayRefusal::RoundMismatch => 11,
        PlayRefusal::NotABet => 12,
        PlayRefusal::BalanceOutOfRange => 13,
        PlayRefusal::RoundPaid => 14,
    }
}

/// Does one thing to a ledger; what it answered and the seq that the answer rests on.
pub(crate) fn perform(
    ledger: &Ledger,
    clock: &ManualClock,
    operation: &Operation,
) -> Result<(Told, Seq), Unavailable> {
    let done = |balance: Option<Amount>, repeated, seq| {
        let balance = balance.map(Amount::cents);
        Ok((Told::Done { balance, repeated }, seq))
    };
    let result = match operation {
        Operation::Play {
            partner,
            code,
            command,
        } => {
            return play(ledger, *partner, code, command);
        }
        Operation::Advance(span) => {
            clock.advance(*span);
            return done(None, false, Seq::NONE);
        }
        Operation::Register { partner, new } => return register(ledger, *partner, new),
        Operation::Transfer { partner, new } => return transfer(ledger, *partner, new),
        Operation::Deposit(operation) => return world_deposits::perform(ledger, operation),
        Operation::Withdraw { .. }
        | Operation::DecideWithdrawal { .. }
        | Operation::TryPostback { .. } => return merchants::perform(ledger, operation),
        Operation::CreatePartner(new) => {
            let created = ledger.create_partner(new.clone(), sample::secrets());
            created.map(|seen| (None, false, seen.seq))
        }
        Operation::ChangePartner(number, change) => {
            let changed = ledger.change_partner(*number, change.clone());
            changed.map(|seen| (None, false, seen.seq))
        }
        Operation::CreatePlayer { account, balance } => {
            let created = ledger.create_player(account, *balance);
            created.map(|seen| (Some(seen.value), false, seen.seq))
        }
        Operation::SetBlocked {
            partner,
            player_id,
            blocked,
        } => {
            let view = ledger.set_blocked(*partner, player_id, *blocked);
            view.map(|seen| (None, false, seen.seq))
        }
        Operation::Adjust(new) => ledger
            .adjust(new)
            .map(|seen| (Some(seen.value.balance), seen.value.repeated, seen.seq)),
        Operation::Order(operation) => return world_orders::perform(ledger, operation),
        Operation::Receive(new) => match world_orders::receive(ledger, new) {
            Ok(received) => return Ok(received),
            Err(error) => Err(error),
        },
        Operation::OpenSession(new) => {
            let opened = ledger.open_session(new.clone());
            opened.map(|seen| (None, false, seen.seq))
        }
        Operation::CloseSession(code) => ledger
            .close_session(code)
            .map(|seen| (None, false, seen.seq)),
    };
    match result {
        Ok((balance, repeated, seq)) => done(balance, repeated, seq),
        Err(OperatorError::Refused(refusal, seq)) => Ok((Told::Refused(refusal), seq)),
        Err(OperatorError::Unavailable) => Err(Unavailable),
        Err(OperatorError::Journal(error)) => panic!("the journal could not be read: {error}"),
    }
}

fn play(
    ledger: &Ledger,
    partner: PartnerNumber,
    code: &Code,
    command: &Command,
) -> Result<(Told, Seq), Unavailable> {
    let partner = ledger.partner(partner).unwrap().value;
    let played = ledger.play(&partner, code.as_str(), command)?;
    let (result, balance) = match played.outcome {
        Outcome::Balance { balance, .. } | Outcome::Done { balance } => (1, Some(balance)),
        Outcome::Refused {
            refusal, balance, ..
        } => (err_code(refusal), balance),
    };
    let credit = balance.map(Amount::cents);
    Ok((Told::Answer { result, credit }, played.seq))
}

fn register(
    ledger: &Ledger,
    partner: PartnerNumber,
    new: &NewUser,
) -> Result<(Told, Seq), Unavailable> {
    let partner = ledger.partner(partner).unwrap().value;
    let registered = ledger.register_user(&partner, new);
    for_user(registered.map(|user| (Told::Registered(user.value.0), user.seq)))
}

fn transfer(
    ledger: &Ledger,
    partner: PartnerNumber,
    new: &NewTransfer,
) -> Result<(Told, Seq), Unavailable> {
    let partner = ledger.partner(partner).unwrap().value;
    let transferred = ledger.transfer(&partner, new);
    for_user(transferred.map(|Observed { value, seq }| {
        let (balance_after, at) = (value.balance_after.cents(), value.at);
        (Told::Transferred { balance_after, at }, seq)
    }))
}

fn for_user(done: Result<(Told, Seq), UserError>) -> Result<(Told, Seq), Unavailable> {
    match done {
        Ok(told) => Ok(told),
        Err(UserError::Refused(refusal, seq)) => Ok((Told::NotForUser(refusal), seq)),
        Err(UserError::Unavailable) => Err(Unavailable),
    }
}

/// Everything in which a ledger and the models of its lanes differ; nothing where empty.
pub(crate) fn differences(
    ledger: &Arc<Ledger>,
    models: &[&Model],
    clock: &ManualClock,
) -> Vec<String> {
    let mut found = Vec::new();
    for model in models {
        compare_players(ledger, model, clock.now(), &mut found);
        compare_sessions(ledger, model, clock.now(), &mut found);
        compare_users(ledger, model, &mut found);
        merchants::compare(ledger, model, &mut found);
    }
    world_orders::compare(ledger, models, clock.now(), &mut found);
    world_deposits::compare(ledger, models, clock.now(), &mut found);
    merchants::compare_lists(ledger, models, &mut found);
    compare_sums(ledger, models, &mut found);
    compare_rounds(ledger, models, &mut found);
    compare_anomalies(ledger, models, &mut found);
    found
}

fn compare_players(ledger: &Ledger, model: &Model, now: Timestamp, found: &mut Vec<String>) {
    let mut balances: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for ((partner, player_id, currency), balance) in model.balances() {
        let player = (*partner, player_id.clone());
        balances
            .entry(player)
            .or_default()
            .insert(*currency, balance);
    }
    let mut open: BTreeMap<_, usize> = BTreeMap::new();
    for (_, seat) in model.sessions() {
        let player = (seat.account.0, seat.account.1.clone());
        *open.entry(player).or_default() += usize::from(!seat.closed && now < seat.expires_at);
    }
    for (player, blocked) in model.players() {
        let view = match ledger.player(player.0, &player.1) {
            Ok(seen) => seen.value,
            Err(error) => {
                found.push(format!("{player:?}: {error}"));
                continue;
            }
        };
        let held: BTreeMap<_, _> = view
            .balances
            .iter()
            .map(|&(currency, balance)| (currency, balance.cents()))
            .collect();
        if held != balances[player] {
            found.push(format!(
                "{player:?} holds {held:?}, not {:?}",
                balances[player]
            ));
        }
        if view.blocked != blocked {
            found.push(format!("{player:?} is blocked: {}", view.blocked));
        }
        let expected = open.get(player).copied().unwrap_or(0);
        if view.open_sessions != expected {
            let seen = view.open_sessions;
            found.push(format!(
                "{player:?} has {seen} open sessions, not {expected}"
            ));
        }
    }
}

fn compare_sessions(ledger: &Ledger, model: &Model, now: Timestamp, found: &mut Vec<String>) {
    for (code, seat) in model.sessions() {
        let state = if seat.closed {
            SessionState::Closed
        } else if now < seat.expires_at {
            SessionState::Open
        } else {
            SessionState::Expired
        };
        match ledger.session(code) {
            Ok(seen) if seen.value.1 == state && seen.value.0.expires_at == seat.expires_at => {}
            Ok(seen) => {
                let (session, seen) = seen.value;
                let (at, due) = (session.expires_at, seat.expires_at);
                found.push(format!(
                    "session {code} is {seen:?} until {at}, not {state:?} {due}"
                ));
            }
            Err(error) => found.push(format!("session {code}: {error}")),
        }
    }
}

fn compare_users(ledger: &Ledger, model: &Model, found: &mut Vec<String>) {
    for ((partner, mobile), number) in model.users() {
        let partner = ledger.partner(*partner).unwrap().value;
        let seen = ledger.user(&partner, mobile);
        let seen = seen.map(|seen| seen.value.number.0);
        if seen != Ok(number) {
            found.push(format!("user {number} of {mobile} is {seen:?}"));
        }
    }
    for ((partner, id), done) in model.transfers() {
        let partner = ledger.partner(*partner).unwrap().value;
        let row = ledger.known_transfer(&partner, id).unwrap().value;
        let is_so = row.as_ref().is_some_and(|row| {
            let of = &row.transfer;
            let asked = &done.asked;
            (of.kind, &of.mobile, of.amount) == (asked.kind, &asked.mobile, asked.amount)
                && (row.balance_after.cents(), row.at) == (done.balance_after, done.at)
        });
        if !is_so {
            found.push(format!("transfer {id} is {row:?}, not {done:?}"));
        }
    }
}

fn compare_sums(ledger: &Arc<Ledger>, models: &[&Model], found: &mut Vec<String>) {
    let mut expected = BTreeMap::new();
    for (name, sum) in models.iter().flat_map(|model| model.trial_balance()) {
        *expected.entry(name).or_insert(0) += sum;
    }
    let mut seen = BTreeMap::new();
    for all in [false, true] {
        for (currency, book) in ledger.trial_balance(all).unwrap().value.currencies {
            let sum = book.accounts.values().copied().fold(Sum::ZERO, Sum::plus);
            if !sum.is_zero() || !book.sum.is_zero() {
                found.push(format!(
                    "{currency} sums to {sum} and {} (all: {all})",
                    book.sum
                ));
            }
            if !all {
                let lines = book.accounts.into_iter();
                seen.extend(lines.map(|(name, sum)| ((currency, name), sum.cents())));
            }
        }
    }
    // Whether an account that nothing ever touched is listed is nobody's business here.
    seen.retain(|_, sum| *sum != 0);
    expected.retain(|_, sum| *sum != 0);
    if seen != expected {
        found.push(format!("trial balance {seen:?}, not {expected:?}"));
    }
}

fn compare_rounds(ledger: &Ledger, models: &[&Model], found: &mut Vec<String>) {
    let mut expected: BTreeMap<&(AccountKey, u64), &Round> = BTreeMap::new();
    for model in models {
        expected.extend(model.rounds().filter(|(_, round)| round.open));
    }
    let mut after = None;
    loop {
        let page = ledger.open_rounds(after, 1000).unwrap().value;
        for view in page.items {
            let account = (view.partner, view.player_id, view.currency);
            let key = (account, view.round_id.0);
            let tally = |tally: coffer::engine::round::Tally| (tally.count, tally.amount.cents());
            let round = Round {
                game: view.round.game.0,
                bets: tally(view.round.bets),
                wins: tally(view.round.wins),
                cancels: tally(view.round.cancels),
                open: view.round.open,
                first_at: view.round.first_at,
                last_at: view.round.last_at,
            };
            match expected.remove(&key) {
                Some(due) if *due == round => {}
                due => found.push(format!("open round {key:?} is {round:?}, not {due:?}")),
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    found.extend(
        expected
            .keys()
            .map(|key| format!("open round {key:?} is missing")),
    );
}

fn compare_anomalies(ledger: &Ledger, models: &[&Model], found: &mut Vec<String>) {
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, times) in models.iter().flat_map(|model| model.anomalies()) {
        *expected.entry(kind).or_default() += times;
    }
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = ledger.anomalies(after, 1000).unwrap().value;
        for view in page.items {
            *seen.entry(view.kind.name()).or_default() += 1;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if seen != expected {
        found.push(format!("anomalies {seen:?}, not {expected:?}"));
    }
}

/// Compares the newest `lines` of each account's history, and whether there are more.
pub(crate) fn compare_histories(ledger: &Ledger, model: &Model, lines: usize) -> Vec<String> {
    let mut found = Vec::new();
    for (key, _) in model.balances() {
        let name = coffer::engine::command::AccountName {
            partner: key.0,
            player_id: key.1.clone(),
            currency: key.2,
        };
        let page = ledger.history(&name, None, lines).unwrap().value;
        let all = model.history(key);
        let due = all.iter().rev().take(lines);
        let same = page.items.len() == due.len()
            && page.next.is_some() == (all.len() > lines)
            && page.items.iter().zip(due).all(|(item, line)| {
                item.kind.name() == line.kind
                    && item.amount.cents() == line.cents
                    && i128::from(item.balance_after.cents()) == line.balance_after
                    && item.at == line.at
            });
        if !same {
            found.push(format!("history of {key:?} ends {:?}", page.items.first()));
        }
    }
    found
}

/// A clock that shows [`start`].
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(start()))
}

/// In what the days that a ledger tells differ from what its journal's entries add up to. Two
/// rows a page, so that pages end within a world's few days too.
pub(crate) fn compare_days(ledger: &Ledger, journal: &dyn Journal) -> Vec<String> {
    let mut expected: BTreeMap<(Day, GameNumber), [(u64, u64); 3]> = BTreeMap::new();
    for batch in journal.read_from(Seq::NONE.next()).unwrap() {
        for entry in batch.unwrap().entries {
            let (kind, game, amount) = match &entry.body {
                Body::Bet(play) => (0, play.game, play.amount),
                Body::Win(play) => (1, play.game, play.amount),
                Body::Cancel(cancel) => (2, cancel.game, cancel.amount),
                Body::Void(_) | Body::Record(_) => continue,
            };
            let day = expected.entry((Day::of(entry.at), game)).or_default();
            day[kind].0 += 1;
            day[kind].1 += amount.cents();
        }
    }
    let mut told: BTreeMap<(Day, GameNumber), [(u64, u64); 3]> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = ledger.days(after, 2).unwrap().value;
        for (key, totals) in page.days {
            let day = told.entry((key.day, key.game)).or_default();
            let tallies = [totals.bets, totals.wins, totals.cancels];
            for (sum, tally) in day.iter_mut().zip(tallies) {
                sum.0 += tally.count;
                sum.1 += u64::try_from(tally.amount.cents()).unwrap();
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if told == expected {
        Vec::new()
    } else {
        vec![format!("days {told:?}, not {expected:?}")]
    }
}
