//! The transactions of a fill: rounds of many players at once, each with its bets and its end.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::plan::Plan;
use crate::engine::command::{CancelOf, Command, Transaction};
use crate::id::{GameNumber, RoundId, TransactionId};
use crate::money::Amount;

/// Rounds that are open at the same time, at most.
const AT_ONCE: u64 = 4096;

/// The largest stake, in cents.
const STAKE_MAX: u64 = 500;

/// Games that are played: any numbers do.
const GAMES: [GameNumber; 3] = [GameNumber(1012), GameNumber(1014), GameNumber(1053)];

/// One transaction of one account's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Play {
    /// Whose, counted from 0.
    pub account: u64,
    /// What.
    pub command: Command,
}

/// The stream of a plan. Accounts are drawn evenly, which is the hardest on every cache. When it
/// ends each round is closed, but one where a single transaction was left over.
#[derive(Clone, Debug)]
pub struct Plays {
    plan: Plan,
    random: ChaCha8Rng,
    /// How many ids were used.
    numbered: u64,
    left: u64,
    open: Vec<Round>,
}

/// A round with a stake on the table.
#[derive(Clone, Copy, Debug)]
struct Round {
    account: u64,
    game: GameNumber,
    first: TransactionId,
    bets: u32,
    staked: u64,
}

impl Plays {
    /// The plan's transactions, from the first.
    pub fn of(plan: Plan) -> Plays {
        Plays {
            plan,
            random: ChaCha8Rng::seed_from_u64(plan.chance(3)),
            numbered: 0,
            left: plan.order.transactions,
            open: Vec::new(),
        }
    }

    fn begin(&mut self) -> Play {
        let account = self.random.random_range(0..self.plan.order.accounts);
        let round = Round {
            account,
            game: GAMES[self.random.random_range(0..GAMES.len())],
            first: self.plan.id(self.numbered),
            bets: 0,
            staked: 0,
        };
        self.open.push(round);
        self.bet(self.open.len() - 1)
    }

    fn bet(&mut self, place: usize) -> Play {
        let stake = self.random.random_range(1..=STAKE_MAX);
        let id = self.id();
        let round = &mut self.open[place];
        round.bets += 1;
        round.staked += stake;
        round.plays(Command::Bet(round.transaction(id, stake)))
    }

    /// Most rounds are lost, some give the stakes back, a few give more.
    fn win(&mut self, place: usize) -> Play {
        let round = self.open.swap_remove(place);
        let won = match self.random.random_range(0..100_u32) {
            0..60 => 0,
            60..80 => round.staked,
            _ => round.staked * self.random.random_range(2..=5),
        };
        let id = self.id();
        round.plays(Command::Win(round.transaction(id, won)))
    }

    /// A round of one bet whose game could not start.
    fn cancel(&mut self, place: usize) -> Play {
        let round = self.open.swap_remove(place);
        round.plays(Command::Cancel(CancelOf {
            id: round.first,
            round: Some(RoundId(round.first.0)),
        }))
    }

    /// A further bet, as on a split or a raise, or the end.
    fn go_on(&mut self, place: usize) -> Play {
        let bets = self.open[place].bets;
        match self.random.random_range(0..100_u32) {
            0..15 if bets < 4 => self.bet(place),
            15..17 if bets == 1 => self.cancel(place),
            _ => self.win(place),
        }
    }

    fn id(&mut self) -> TransactionId {
        let id = self.plan.id(self.numbered);
        self.numbered += 1;
        id
    }
}

impl Iterator for Plays {
    type Item = Play;

    fn next(&mut self) -> Option<Play> {
        let open = self.open.len() as u64;
        // What is left is kept for closing what is open.
        let (may_begin, must_close) = (self.left > open + 1 || open == 0, self.left <= open);
        self.left = self.left.checked_sub(1)?;
        let places = if may_begin { AT_ONCE.max(open) } else { open };
        let place = self.random.random_range(0..places);
        let place = usize::try_from(place).expect("few rounds are open at once");
        Some(match place < self.open.len() {
            true if must_close => self.win(place),
            true => self.go_on(place),
            false => self.begin(),
        })
    }
}

impl Round {
    fn plays(&self, command: Command) -> Play {
        let account = self.account;
        Play { account, command }
    }

    fn transaction(&self, id: TransactionId, cents: u64) -> Transaction {
        Transaction {
            id,
            round: Some(RoundId(self.first.0)),
            game: self.game,
            amount: Amount::from_cents(cents).expect("a few stakes are little money"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::plan::{Ids, Order};
    use super::*;

    fn plan(seed: u64, transactions: u64, ids: Ids) -> Plan {
        let order = Order {
            seed,
            transactions,
            accounts: 50,
            ids,
        };
        Plan { run: 1, order }
    }

    #[test]
    fn the_same_plan_gives_the_same_transactions_and_another_gives_others() {
        for ids in [Ids::Rising, Ids::Random] {
            let plays = |seed| Plays::of(plan(seed, 2000, ids)).collect::<Vec<_>>();
            assert_eq!(plays(1), plays(1));
            assert_ne!(plays(1), plays(2));
        }
    }

    #[test]
    fn every_round_is_closed_once_and_no_id_serves_twice() {
        for count in [0, 1, 2, 3, 100, 30_000] {
            let (mut ids, mut open) = (BTreeSet::new(), BTreeMap::new());
            let (mut bets, mut wins, mut cancels) = (0, 0, 0);
            for play in Plays::of(plan(3, count, Ids::Random)) {
                assert!(play.account < 50);
                match play.command {
                    Command::Bet(bet) => {
                        let round = bet.round.unwrap();
                        assert!(ids.insert(bet.id));
                        let account = open.entry(round).or_insert(play.account);
                        assert_eq!(*account, play.account);
                        bets += 1;
                    }
                    Command::Win(win) => {
                        assert!(ids.insert(win.id));
                        assert_eq!(open.remove(&win.round.unwrap()), Some(play.account));
                        wins += 1;
                    }
                    Command::Cancel(of) => {
                        assert_eq!(of.round, Some(RoundId(of.id.0)));
                        assert_eq!(open.remove(&of.round.unwrap()), Some(play.account));
                        cancels += 1;
                    }
                    Command::Credit => panic!("a balance is no transaction"),
                }
            }
            assert_eq!(bets + wins + cancels, count);
            assert!(open.len() <= 1, "{count}: {open:?}");
            if count == 30_000 {
                // Some rounds have several bets, most end with a win, a few are cancelled.
                assert!(bets > wins + cancels + 1000 && cancels > 100 && wins > 20 * cancels);
            }
        }
    }
}
