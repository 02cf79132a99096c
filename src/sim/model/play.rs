//! The naive model's reading of the game servers' requests: wallet-api.md, Money rules and Small
//! print, in the order of judgement that stands there.

use super::{AccountKey, Expected, Kind, Model, Seat, Used, answer, cents, count};
use super::{BALANCE_MAX, Round};
use crate::engine::command::{CancelAfterWin, CancelOf, Command, Transaction};
use crate::id::{Code, IdSpaceName, PartnerNumber, PlayerId};
use crate::money::Currency;
use crate::time::Timestamp;

/// One request's place in the world.
struct Place {
    code: Code,
    seat: Seat,
    player: (PartnerNumber, PlayerId),
    id_key: (IdSpaceName, Currency, u64),
}

impl Model {
    pub(super) fn play(
        &mut self,
        partner: PartnerNumber,
        code: &Code,
        command: &Command,
        now: Timestamp,
    ) -> Expected {
        // "2: no such code under this wallet token."
        let seat = self
            .seats
            .get(code)
            .filter(|seat| seat.account.0 == partner);
        let Some(seat) = seat.cloned() else {
            return Expected::Answer {
                result: 2,
                credit: None,
            };
        };
        let id = match command {
            Command::Credit => return answer(1, self.balances[&seat.account]),
            Command::Bet(content) | Command::Win(content) => content.id.0,
            Command::Cancel(cancel) => cancel.id.0,
        };
        let agent = self.agent(partner).expect("a session has a partner");
        let account = &seat.account;
        let place = Place {
            code: code.clone(),
            player: (account.0, account.1.clone()),
            id_key: (agent.id_space.clone(), account.2, id),
            seat,
        };
        let used = self.ids.get(&place.id_key).cloned();
        let result = match command {
            Command::Credit => 1,
            Command::Bet(bet) => self.bet(&place, used, bet, now),
            Command::Win(win) => self.win(&place, used, win, now),
            Command::Cancel(cancel) => self.cancel(&place, used, cancel, now),
        };
        answer(result, self.balances[&place.seat.account])
    }

    fn bet(&mut self, place: &Place, used: Option<Used>, bet: &Transaction, now: Timestamp) -> u8 {
        if let Some(used) = used {
            let own = used.player == place.player;
            return match used.kind {
                Kind::Bet if own && used.content == Some(*bet) => 1,
                // "6 whatever its content, unless the cancelled bet or the void is another player's"
                Kind::CancelledBet | Kind::Void if own => 6,
                _ => 5,
            };
        }
        let balance = self.balances[&place.seat.account];
        if self.is_over(place, now) {
            return 3;
        }
        if self.blocked[&place.player] {
            return 8;
        }
        if self.rules.bet_max.is_some_and(|most| bet.amount > most) {
            return 9;
        }
        if cents(bet.amount) > balance {
            return 4;
        }
        self.take(place, "bet", -cents(bet.amount), now);
        self.bind(place, Kind::Bet, Some(*bet));
        if let Some(round) = self.round(place, bet.round.map(|round| round.0), bet.game.0, now) {
            count(&mut round.bets, cents(bet.amount));
            round.open = true;
        }
        // "--ttl counts from opening and anew from each accepted bet."
        let seat = self.seats.get_mut(&place.code).expect("just read");
        seat.expires_at = now.plus(seat.ttl);
        1
    }

    fn win(&mut self, place: &Place, used: Option<Used>, win: &Transaction, now: Timestamp) -> u8 {
        if let Some(used) = used {
            let equal = used.kind == Kind::Win && used.content == Some(*win);
            return if equal && used.player == place.player {
                1
            } else {
                5
            };
        }
        if self.balances[&place.seat.account] + cents(win.amount) > BALANCE_MAX {
            return 13;
        }
        if self.is_over(place, now) {
            self.report("win_on_expired_session");
        }
        if self.blocked[&place.player] {
            self.report("win_for_blocked_player");
        }
        self.take(place, "win", cents(win.amount), now);
        self.bind(place, Kind::Win, Some(*win));
        if let Some(round) = self.round(place, win.round.map(|round| round.0), win.game.0, now) {
            let unseen = round.bets.0 == 0;
            count(&mut round.wins, cents(win.amount));
            round.open = false;
            if unseen {
                self.report("win_without_bet");
            }
        }
        1
    }

    fn cancel(
        &mut self,
        place: &Place,
        used: Option<Used>,
        cancel: &CancelOf,
        now: Timestamp,
    ) -> u8 {
        let Some(used) = used else {
            self.bind(place, Kind::Void, None);
            return 1;
        };
        if used.player != place.player {
            return 5;
        }
        let bet = match (used.kind, used.content) {
            (Kind::Win, _) => return 12,
            (Kind::CancelledBet | Kind::Void, _) | (Kind::Bet, None) => return 1,
            (Kind::Bet, Some(bet)) => bet,
        };
        // "A cancel that brings a round_id where the bet had none, or none where it had one, is
        // taken."
        if let (Some(named), Some(own)) = (cancel.round, bet.round)
            && named != own
        {
            return 11;
        }
        let round = bet.round.map(|round| round.0);
        let paid = round.is_some_and(|round| {
            let kept = self.rounds.get(&(place.seat.account.clone(), round));
            kept.is_some_and(|round| round.wins.1 > 0)
        });
        if paid && self.rules.cancel_after_win == CancelAfterWin::Refuse {
            return 14;
        }
        if self.balances[&place.seat.account] + cents(bet.amount) > BALANCE_MAX {
            return 13;
        }
        if paid {
            self.report("cancel_after_win");
        }
        self.take(place, "cancel", cents(bet.amount), now);
        self.bind(place, Kind::CancelledBet, Some(bet));
        if let Some(round) = self.round(place, round, bet.game.0, now) {
            count(&mut round.cancels, cents(bet.amount));
            // "A round whose bets are all cancelled is closed."
            round.open = round.open && round.cancels.0 < round.bets.0;
        }
        1
    }

    /// Whether code 3 holds: the session is closed or past its life, or its partner's (partner-api.md,
    /// "bets in its sessions get code 3, wins and cancels are taken").
    fn is_over(&self, place: &Place, now: Timestamp) -> bool {
        let ended = place.seat.closed || now >= place.seat.expires_at;
        ended || !self.is_live(place.player.0, now)
    }

    /// Moves cents between the player and the house of their partner.
    fn take(&mut self, place: &Place, kind: &'static str, cents: i128, now: Timestamp) {
        let account: &AccountKey = &place.seat.account;
        *self.house.entry((account.0, account.2)).or_default() -= cents;
        self.shift(account, kind, cents, now);
    }

    fn bind(&mut self, place: &Place, kind: Kind, content: Option<Transaction>) {
        let used = Used {
            kind,
            player: place.player.clone(),
            content,
        };
        self.ids.insert(place.id_key.clone(), used);
        self.taken += 1;
    }

    /// The round that a transaction just taken belongs to, if it belongs to one.
    fn round(
        &mut self,
        place: &Place,
        number: Option<u64>,
        game: u32,
        now: Timestamp,
    ) -> Option<&mut Round> {
        let key = (place.seat.account.clone(), number?);
        let fresh = Round {
            game,
            first_at: now,
            ..Round::default()
        };
        let round = self.rounds.entry(key).or_insert(fresh);
        round.last_at = now;
        Some(round)
    }

    fn report(&mut self, kind: &'static str) {
        *self.anomalies.entry(kind).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::command::{AccountName, NewPartner, NewSession, Rules};
    use crate::id::{GameNumber, Lang, RoundId, TransactionId};
    use crate::money::Amount;
    use crate::sim::Operation;
    use crate::time::Span;

    use super::*;
    use crate::engine::settings::PartnerSettings;

    const START: u64 = 1_000_000_000;

    /// Two players of one partner with 10.00 each, in sessions `a` and `b` that live one hour.
    fn world() -> Model {
        let mut model = Model::new(Rules {
            bet_max: Amount::from_cents(900),
            ..Rules::default()
        });
        let now = Timestamp::from_micros(START);
        let partner = Operation::CreatePartner(NewPartner {
            name: "one".parse().unwrap(),
            currency: "USD".parse().unwrap(),
            wallet_token: "w1".parse().unwrap(),
            id_space: "default".parse().unwrap(),
            game_server_addresses: Vec::new(),
            settings: PartnerSettings::default(),
            expires_at: None,
        });
        model.judge(&partner, now);
        for code in ["a", "b"] {
            let account = AccountName {
                partner: PartnerNumber(1),
                player_id: code.parse().unwrap(),
                currency: "USD".parse().unwrap(),
            };
            let balance = Amount::from_cents(1000).unwrap();
            model.judge(
                &Operation::CreatePlayer {
                    account: account.clone(),
                    balance,
                },
                now,
            );
            let session = NewSession {
                account,
                code: code.parse().unwrap(),
                game: None,
                lang: Lang::EN,
                ttl: Span::from_seconds(3600),
            };
            model.judge(&Operation::OpenSession(session), now);
        }
        model
    }

    fn transaction(id: u64, round: u64, cents: u64) -> Transaction {
        Transaction {
            id: TransactionId(id),
            round: (round > 0).then_some(RoundId(round)),
            game: GameNumber(7),
            amount: Amount::from_cents(cents).unwrap(),
        }
    }

    fn bet(id: u64, round: u64, cents: u64) -> Command {
        Command::Bet(transaction(id, round, cents))
    }

    fn win(id: u64, round: u64, cents: u64) -> Command {
        Command::Win(transaction(id, round, cents))
    }

    fn cancel(id: u64, round: u64) -> Command {
        Command::Cancel(CancelOf {
            id: TransactionId(id),
            round: (round > 0).then_some(RoundId(round)),
        })
    }

    #[test]
    fn the_order_of_judgement_is_the_specifications() {
        let mut model = world();
        let (late, soon) = (3_600_000_000, 0);
        for (line, code, after, command, result, credit) in [
            (1, "a", soon, bet(1, 1, 100), 1, 900),
            (2, "a", late, bet(1, 1, 100), 1, 900),
            (3, "a", late, bet(1, 1, 101), 5, 900),
            (4, "a", late, bet(2, 1, 5000), 3, 900),
            (5, "b", soon, bet(1, 1, 100), 5, 1000),
            (6, "b", soon, cancel(1, 1), 5, 1000),
            (7, "a", soon, bet(2, 1, 901), 9, 900),
            (8, "a", soon, bet(2, 1, 900), 1, 0),
            (9, "a", soon, bet(3, 1, 1), 4, 0),
            (10, "a", soon, cancel(2, 9), 11, 0),
            (11, "a", soon, cancel(2, 0), 1, 900),
            (12, "a", late, cancel(2, 9), 1, 900),
            (13, "a", late, bet(2, 1, 900), 6, 900),
            (14, "b", soon, bet(2, 1, 900), 5, 1000),
            (15, "a", late, win(3, 1, 50), 1, 950),
            (16, "a", soon, cancel(3, 1), 12, 950),
            (17, "a", soon, cancel(1, 1), 14, 950),
            (18, "a", soon, cancel(9, 1), 1, 950),
            (19, "a", soon, bet(9, 1, 1), 6, 950),
            (20, "a", soon, win(9, 1, 1), 5, 950),
            (21, "b", soon, bet(9, 1, 1), 5, 1000),
            (22, "b", soon, win(10, 5, 0), 1, 1000),
            (23, "b", soon, win(11, 0, Amount::MAX.cents()), 13, 1000),
        ] {
            let code: Code = code.parse().unwrap();
            let now = Timestamp::from_micros(START + after);
            let expected = Expected::Answer {
                result,
                credit: Some(credit),
            };
            assert_eq!(
                model.play(PartnerNumber(1), &code, &command, now),
                expected,
                "line {line}"
            );
        }
        let reported: Vec<_> = model.anomalies().iter().map(|(&k, &n)| (k, n)).collect();
        assert_eq!(
            reported,
            [("win_on_expired_session", 1), ("win_without_bet", 1)]
        );
    }

    #[test]
    fn codes_of_other_partners_are_unknown() {
        let mut model = world();
        let unknown = Expected::Answer {
            result: 2,
            credit: None,
        };
        let now = Timestamp::from_micros(START);
        let code: Code = "a".parse().unwrap();
        assert_eq!(
            model.play(PartnerNumber(2), &code, &Command::Credit, now),
            unknown
        );
        let code: Code = "zz".parse().unwrap();
        assert_eq!(
            model.play(PartnerNumber(1), &code, &win(1, 1, 1), now),
            unknown
        );
    }
}
