//! What the workload does next, and what goes wrong in it: repetitions, conflicts, cancels of
//! every kind, operators' mistakes, and short scripts for states that chance alone seldom reaches.

use rand::RngExt;

use super::{Operation, Workload};
use crate::engine::command::{AccountName, CancelOf, Command, NewSession, Transaction};
use crate::id::{Code, GameNumber, Lang, PartnerNumber, PlayerId, RoundId};
use crate::money::{Amount, Currency, Sum};
use crate::time::Span;

/// The most that an account holds, in cents.
const BRIM: i64 = (1 << 53) - 1;

impl Iterator for Workload {
    type Item = Operation;

    fn next(&mut self) -> Option<Operation> {
        while self.queue.is_empty() {
            self.draw();
        }
        self.queue.pop_front()
    }
}

impl Workload {
    fn draw(&mut self) {
        if self.shape.merchants && self.chance(2) {
            return match self.chance(3) {
                true => self.withdraw(),
                false => self.deposit_something(),
            };
        }
        match self.random.random_range(0..1000) {
            0..50 if self.shape.alone => self.call_of_a_partner(),
            0..440 => self.bet(),
            440..680 => self.win(),
            680..700 => self.order_something(),
            700..715 => self.deposit_something(),
            715..740 => self.read(),
            740..790 => self.repeat(),
            790..840 => self.conflict(),
            840..910 => self.cancel(),
            910..930 => self.script(),
            930..950 => self.cancel_nothing(),
            950..953 => self.unknown_code(),
            953..970 => self.operate(),
            970..974 => self.mistake(),
            974..980 => self.receive_payment(),
            980..988 => self.pass_time(),
            988..993 => self.withdraw(),
            _ if self.holders.len() < self.shape.accounts => {
                self.new_holder();
            }
            _ => {
                let holder = self.player();
                self.open_session(holder);
            }
        }
    }

    fn read(&mut self) {
        let holder = self.player();
        let code = self.seat(holder);
        let partner = self.holders[holder].name.partner;
        self.queue.push_back(Operation::Play {
            partner,
            code,
            command: Command::Credit,
        });
    }

    /// Sends a remembered request again, word for word or in another session of its account.
    fn repeat(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let place = self.index(self.sent.len());
        let sent = self.sent[place].clone();
        let code = if self.chance(4) {
            self.seat(sent.holder)
        } else {
            sent.code
        };
        self.send(sent.holder, code, sent.command);
    }

    /// Uses a remembered id for something else.
    fn conflict(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let place = self.index(self.sent.len());
        let sent = self.sent[place].clone();
        let other = self.player();
        let way = self.random.random_range(0..8);
        if way < 2 {
            let code = self.seat(other);
            return self.send(other, code, sent.command);
        }
        let vary = |content: Transaction| Transaction {
            id: content.id,
            amount: match way {
                2 => Amount::from_cents(content.amount.cents() ^ 1).expect("one cent more or less"),
                _ => content.amount,
            },
            game: match way {
                3 => GameNumber(content.game.0 ^ 1),
                _ => content.game,
            },
            round: match (way, content.round) {
                (4, _) => Some(RoundId(content.id.0 ^ 1)),
                (5, Some(_)) => None,
                (_, round) => round,
            },
        };
        let command = match (sent.command, way) {
            (Command::Bet(content), 6..) => Command::Win(content),
            (Command::Win(content), 6..) => Command::Bet(content),
            (Command::Bet(content), _) => Command::Bet(vary(content)),
            (Command::Win(content), _) => Command::Win(vary(content)),
            (Command::Cancel(cancel), 4) => Command::Cancel(CancelOf {
                id: cancel.id,
                round: Some(RoundId(cancel.id.0 ^ 1)),
            }),
            (command, _) => command,
        };
        self.send(sent.holder, sent.code, command);
    }

    /// Cancels something remembered: mostly a bet, with its round, none, or another.
    fn cancel(&mut self) {
        for _ in 0..4 {
            if self.sent.is_empty() {
                return;
            }
            let place = self.index(self.sent.len());
            let sent = self.sent[place].clone();
            let wins_too = self.chance(6);
            let content = match sent.command {
                Command::Bet(content) => content,
                Command::Win(content) if wins_too => content,
                _ => continue,
            };
            let round = match self.random.random_range(0..12) {
                0 => Some(RoundId(content.id.0 ^ 1)),
                1..4 => None,
                _ => content.round,
            };
            let cancel = CancelOf {
                id: content.id,
                round,
            };
            return self.send(sent.holder, sent.code, Command::Cancel(cancel));
        }
    }

    /// Cancels an id that nothing came under, and mostly sends its bet late.
    fn cancel_nothing(&mut self) {
        let (holder, id, game) = (self.player(), self.fresh_id(), self.game());
        let code = self.seat(holder);
        let cancel = Command::Cancel(CancelOf { id, round: None });
        self.send(holder, code.clone(), cancel);
        if !self.chance(3) {
            let content = Transaction {
                id,
                round: Some(RoundId(id.0)),
                game,
                amount: Amount::ZERO,
            };
            self.send(holder, code, Command::Bet(content));
        }
    }

    fn unknown_code(&mut self) {
        let (holder, id, game) = (self.player(), self.fresh_id(), self.game());
        let partner = self.holders[holder].name.partner;
        let (partner, code): (_, Code) = if self.chance(2) {
            (partner, "never_opened".parse().expect("a word is a code"))
        } else {
            (PartnerNumber(partner.0 % 4 + 1), self.seat(holder))
        };
        let content = Transaction {
            id,
            round: None,
            game,
            amount: Amount::ZERO,
        };
        let way = self.random.random_range(0..4);
        let command = match way {
            0 => Command::Credit,
            1 => Command::Bet(content),
            2 => Command::Win(content),
            _ => Command::Cancel(CancelOf { id, round: None }),
        };
        self.queue.push_back(Operation::Play {
            partner,
            code,
            command,
        });
    }

    fn pass_time(&mut self) {
        if !self.shape.alone {
            return;
        }
        let seconds = if self.chance(40) {
            100_000
        } else {
            self.random.random_range(1..900)
        };
        self.seconds += u64::from(seconds);
        let span = Span::from_seconds(seconds);
        self.queue.push_back(Operation::Advance(span));
    }

    /// What an operator does on a good day.
    fn operate(&mut self) {
        let holder = self.index(self.holders.len());
        let name = self.holders[holder].name.clone();
        match self.random.random_range(0..12) {
            0..4 => self.adjust(holder, 50_000),
            4..6 => self.adjust(holder, -300),
            6..8 => {
                let code = self.seat(holder);
                self.queue.push_back(Operation::CloseSession(code));
            }
            8..10 => self.set_blocked(name.partner, name.player_id, true),
            10 if self.shape.alone => self.set_disabled(name.partner, true),
            _ if !self.adjusted.is_empty() => {
                let place = self.index(self.adjusted.len());
                let again = self.adjusted[place].clone();
                self.queue.push_back(Operation::Adjust(again));
            }
            _ => {}
        }
    }

    /// What an operator types on a bad one: each is refused.
    fn mistake(&mut self) {
        let holder = self.index(self.holders.len());
        let account = self.holders[holder].name.clone();
        let nobody: PlayerId = "nobody".parse().expect("a name");
        let partner = PartnerNumber(99);
        let way = self.random.random_range(0..9);
        if way < 3 {
            return self.adjust(holder, [0, -BRIM, BRIM][way]);
        }
        let operation = match way {
            3 if !self.adjusted.is_empty() => {
                let place = self.index(self.adjusted.len());
                let mut other = self.adjusted[place].clone();
                other.amount = other.amount.plus(Sum::from(1));
                Operation::Adjust(other)
            }
            4 => Operation::SetBlocked {
                partner: account.partner,
                player_id: nobody,
                blocked: true,
            },
            5 => Operation::CloseSession("never_opened".parse().expect("a word is a code")),
            6 => Operation::SetBlocked {
                partner,
                player_id: nobody,
                blocked: false,
            },
            7 => Operation::OpenSession(NewSession {
                code: self.seat(holder),
                account,
                game: None,
                lang: Lang::EN,
                ttl: Span::from_seconds(60),
            }),
            _ => Operation::CreatePlayer {
                account: AccountName { partner, ..account },
                balance: Amount::ZERO,
            },
        };
        self.queue.push_back(operation);
    }

    /// A state that chance alone seldom reaches, step by step.
    fn script(&mut self) {
        let holder = self.player();
        let code = self.seat(holder);
        let (first, second, third) = (self.fresh_id(), self.fresh_id(), self.fresh_id());
        let game = self.game();
        let with = |id, amount| Transaction {
            id,
            round: Some(RoundId(first.0)),
            game,
            amount,
        };
        let small = Amount::from_cents(100).expect("below the limit");
        let cancel = |id| {
            Command::Cancel(CancelOf {
                id,
                round: Some(RoundId(first.0)),
            })
        };
        let (bet, win) = (Command::Bet(with(first, small)), Command::Win);
        let again = Command::Bet(with(second, small));
        let steps = match self.random.random_range(0..6) {
            // Cancelled, repeated, won under, cancelled again.
            0 => vec![
                bet,
                cancel(first),
                bet,
                win(with(first, small)),
                cancel(first),
            ],
            // Every bet of the round cancelled, then a bet reopens it.
            1 => vec![
                bet,
                again,
                cancel(second),
                cancel(first),
                Command::Bet(with(third, small)),
            ],
            // Closed by a win of nothing: still cancelled. Paid: no longer.
            2 => vec![
                bet,
                again,
                win(with(third, Amount::ZERO)),
                cancel(second),
                cancel(first),
            ],
            3 => vec![
                bet,
                again,
                win(with(third, small)),
                cancel(first),
                again,
                cancel(second),
            ],
            // More sessions than its player's row lists.
            4 => {
                for _ in 0..9 {
                    self.open_session(holder);
                }
                vec![bet, win(with(second, small))]
            }
            _ => return self.fill_up(),
        };
        self.adjust(holder, 1000);
        for command in steps {
            self.send(holder, code.clone(), command);
        }
    }

    /// Fills an account to its brim, where wins and cancels no longer fit.
    fn fill_up(&mut self) {
        let player_id: PlayerId = self.word().parse().expect("a word names a player");
        let currency: Currency = "XTS".parse().expect("a currency");
        let account = AccountName {
            partner: PartnerNumber(self.random.random_range(1..=4)),
            player_id,
            currency,
        };
        let code: Code = self.word().parse().expect("a word is a code");
        self.queue.push_back(Operation::CreatePlayer {
            account: account.clone(),
            balance: Amount::MAX,
        });
        let partner = account.partner;
        self.queue.push_back(Operation::OpenSession(NewSession {
            account,
            code: code.clone(),
            game: None,
            lang: Lang::EN,
            ttl: Span::from_seconds(3600),
        }));
        let (one, two, three) = (self.fresh_id(), self.fresh_id(), self.fresh_id());
        let game = self.game();
        let content = |id, cents| Transaction {
            id,
            round: None,
            game,
            amount: Amount::from_cents(cents).expect("below the limit"),
        };
        let cancel = |id| Command::Cancel(CancelOf { id, round: None });
        for command in [
            Command::Win(content(one, 1)),
            Command::Bet(content(one, 70)),
            Command::Win(content(two, 71)),
            Command::Win(content(two, 70)),
            cancel(one),
            Command::Bet(content(three, 70)),
            cancel(one),
            cancel(three),
            Command::Win(content(two, 70)),
        ] {
            self.queue.push_back(Operation::Play {
                partner,
                code: code.clone(),
                command,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::seen::SHAPE;
    use super::super::{Expected, ManualClock, Model, Shape};
    use super::*;
    use crate::engine::command::Rules;
    use crate::time::{Clock, Timestamp};

    /// A model after `count` operations of `seed`, and how often it gave each result.
    fn played(seed: u64, count: usize, bet_max: u64) -> (Model, BTreeMap<u8, u64>) {
        let bet_max = Amount::from_cents(bet_max);
        let mut model = Model::new(Rules {
            bet_max,
            ..Rules::default()
        });
        let clock = ManualClock::new(Timestamp::from_micros(1_000_000_000));
        let shape = Shape {
            bet_max: bet_max.unwrap_or(Amount::MAX),
            ..SHAPE
        };
        let mut results = BTreeMap::new();
        let stream = Workload::partners()
            .into_iter()
            .chain(Workload::new(seed, shape));
        for operation in stream.take(count) {
            if let Operation::Advance(span) = operation {
                clock.advance(span);
            }
            if let Expected::Answer { result, .. } = model.judge(&operation, clock.now()) {
                *results.entry(result).or_default() += 1;
            }
        }
        (model, results)
    }

    #[test]
    fn every_result_comes_up_and_most_are_accepted() {
        let (_, results) = played(1, 60_000, 5_000_000);
        let all: u64 = results.values().sum();
        for result in [1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14] {
            let times = results.get(&result).copied().unwrap_or(0);
            assert!(
                times >= 20,
                "result {result} came up {times} times of {all}: {results:?}"
            );
        }
        assert!(results[&1] * 100 > all * 60, "{results:?}");
    }

    #[test]
    fn one_seed_is_one_stream() {
        let text = |seed, lane| {
            let stream = Workload::new(seed, Shape { lane, ..SHAPE });
            format!("{:?}", stream.take(5000).collect::<Vec<_>>())
        };
        assert_eq!(text(7, 0), text(7, 0));
        assert_ne!(text(7, 0), text(8, 0));
        assert_ne!(text(7, 0), text(7, 1));
    }

    #[test]
    fn the_models_books_balance() {
        let (model, _) = played(3, 30_000, 5_000_000);
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for ((currency, _), sum) in model.trial_balance() {
            *sums.entry(currency).or_default() += sum;
        }
        // The players' four, and the one that this lane's merchants withdraw in.
        assert_eq!(sums.len(), 5);
        assert!(sums.values().all(|&sum| sum == 0), "{sums:?}");
        for (key, balance) in model.balances() {
            let last = model
                .history(key)
                .last()
                .map_or(0, |line| line.balance_after);
            assert_eq!(last, i128::from(balance), "{key:?}");
        }
        assert!(model.rounds().any(|(_, round)| round.open));
        assert!(model.anomalies().len() >= 3, "{:?}", model.anomalies());
        assert!(model.ids_used() > 10_000);
    }
}
