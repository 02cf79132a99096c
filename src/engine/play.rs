//! Bets, wins and cancels judged (wallet-api.md, Money rules and Small print).
//!
//! Refusals are tested in the order that the Small print's "Order of judgement" gives; the first
//! that holds is told. A refusal changes nothing and uses up no id.

use super::command::{CancelAfterWin, CancelOf, Rules, Transaction};
use super::entry::{Anomalies, Anomaly, Body, Cancel, Link, Play, Void};
use super::holdings::{AccountRow, PlayerRow, SessionRow};
use super::ids::{IdRow, IdState};
use super::refusal::PlayRefusal;
use super::round::Round;
use crate::id::{Lang, Seq};
use crate::money::Amount;
use crate::time::Timestamp;

/// What the judgement of one play comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// To be taken down.
    Accepted(Body),
    /// Done before: success, and nothing moves.
    Repeated,
    /// Not to be done.
    Refused(PlayRefusal),
}

/// All that one play is judged by: the player's side as it is, and what the caller found.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    player: &'a PlayerRow,
    session: &'a SessionRow,
    account: &'a AccountRow,
    id: Option<&'a IdRow>,
    round: Option<&'a Round>,
    partner_is_live: bool,
    now: Timestamp,
}

impl<'a> Table<'a> {
    /// Sets the table for a play of `player` in `session`, or `None` where the session's account
    /// is not the player's.
    ///
    /// `id` is the row of the play's id, `round` that of its round (a cancel's is its bet's),
    /// `partner_is_live` whether the session's partner is enabled and not past its end.
    pub fn new(
        player: &'a PlayerRow,
        session: &'a SessionRow,
        (id, round): (Option<&'a IdRow>, Option<&'a Round>),
        partner_is_live: bool,
        now: Timestamp,
    ) -> Option<Table<'a>> {
        let account = player.account(session.session.account)?;
        Some(Table {
            player,
            session,
            account,
            id,
            round,
            partner_is_live,
            now,
        })
    }

    /// The account's balance as it is.
    pub fn balance(&self) -> Amount {
        self.account.balance
    }

    /// The session's account.
    pub fn account(&self) -> &'a AccountRow {
        self.account
    }

    /// The session's language.
    pub fn lang(&self) -> Lang {
        self.session.session.lang
    }

    /// The newest entry that any judgement at this table rests on.
    pub fn newest(&self) -> Seq {
        let round = self.round.map_or(Seq::NONE, |round| round.last);
        let id = self.id.map_or(Seq::NONE, |row| row.changed);
        self.session
            .changed
            .max(self.account.last)
            .max(self.account.changed)
            .max(self.player.changed)
            .max(id)
            .max(round)
    }

    fn is_own(&self, row: &IdRow) -> bool {
        row.account == self.account.opened.number
    }

    fn is_over(&self) -> bool {
        self.session.is_over(self.now) || !self.partner_is_live
    }

    fn play(&self, of: &Transaction, balance_after: Amount, anomalies: Anomalies) -> Play {
        Play {
            account: self.account.opened.number,
            session: self.session.session.number,
            id: of.id,
            round: of.round,
            game: of.game,
            amount: of.amount,
            link: Link {
                previous: self.account.last,
                balance_after,
            },
            anomalies,
        }
    }

    /// Judges a bet: repetition, 6, 5, 3, 8, 9, 4.
    pub fn decide_bet(&self, bet: &Transaction, rules: &Rules) -> Verdict {
        if let Some(row) = self.id {
            return match row.state {
                IdState::Bet if self.is_own(row) && row.repeats(bet) => Verdict::Repeated,
                IdState::Cancelled | IdState::Voided if self.is_own(row) => {
                    Verdict::Refused(PlayRefusal::IdVoided)
                }
                _ => Verdict::Refused(PlayRefusal::IdUsed),
            };
        }
        if self.is_over() {
            return Verdict::Refused(PlayRefusal::SessionExpired);
        }
        if self.player.blocked {
            return Verdict::Refused(PlayRefusal::PlayerBlocked);
        }
        if rules.bet_max.is_some_and(|most| bet.amount > most) {
            return Verdict::Refused(PlayRefusal::LimitExceeded);
        }
        match self.account.balance.minus(bet.amount) {
            Some(left) => Verdict::Accepted(Body::Bet(self.play(bet, left, Anomalies::NONE))),
            None => Verdict::Refused(PlayRefusal::InsufficientFunds),
        }
    }

    /// Judges a win: repetition, 5, 13. All else is taken, and what is odd about it noted.
    pub fn decide_win(&self, win: &Transaction) -> Verdict {
        if let Some(row) = self.id {
            return match row.state {
                IdState::Win if self.is_own(row) && row.repeats(win) => Verdict::Repeated,
                _ => Verdict::Refused(PlayRefusal::IdUsed),
            };
        }
        let Some(after) = self.account.balance.plus(win.amount) else {
            return Verdict::Refused(PlayRefusal::BalanceOutOfRange);
        };
        let without_bet =
            win.round.is_some() && self.round.is_none_or(|round| round.bets.count == 0);
        let anomalies = Anomalies::NONE
            .with(Anomaly::WinWithoutBet, without_bet)
            .with(Anomaly::WinOnExpiredSession, self.is_over())
            .with(Anomaly::WinForBlockedPlayer, self.player.blocked);
        Verdict::Accepted(Body::Win(self.play(win, after, anomalies)))
    }

    /// Judges a cancel: 5, 12, cancelled already (success), 11, 14, 13. An unknown id is voided.
    pub fn decide_cancel(&self, of: &CancelOf, rules: &Rules) -> Verdict {
        let (account, session) = (self.account.opened.number, self.session.session.number);
        let Some(row) = self.id else {
            return Verdict::Accepted(Body::Void(Void {
                account,
                session,
                id: of.id,
            }));
        };
        if !self.is_own(row) {
            return Verdict::Refused(PlayRefusal::IdUsed);
        }
        match row.state {
            IdState::Win => return Verdict::Refused(PlayRefusal::NotABet),
            IdState::Cancelled | IdState::Voided => return Verdict::Repeated,
            IdState::Bet => {}
        }
        // Where only one side names a round there is nothing that differs.
        if of
            .round
            .zip(row.round)
            .is_some_and(|(named, bet)| named != bet)
        {
            return Verdict::Refused(PlayRefusal::RoundMismatch);
        }
        let paid = self.round.is_some_and(Round::has_paid);
        if paid && rules.cancel_after_win == CancelAfterWin::Refuse {
            return Verdict::Refused(PlayRefusal::RoundPaid);
        }
        let Some(balance_after) = self.account.balance.plus(row.amount) else {
            return Verdict::Refused(PlayRefusal::BalanceOutOfRange);
        };
        Verdict::Accepted(Body::Cancel(Cancel {
            account,
            session,
            id: of.id,
            bet: row.taken,
            round: row.round,
            game: row.game.expect("a bet has a game"),
            amount: row.amount,
            link: Link {
                previous: self.account.last,
                balance_after,
            },
            anomalies: Anomalies::NONE.with(Anomaly::CancelAfterWin, paid),
        }))
    }
}

impl IdRow {
    /// Whether `of` says again what the row's entry said: same amount, game and round.
    fn repeats(&self, of: &Transaction) -> bool {
        self.amount == of.amount && self.game == Some(of.game) && self.round == of.round
    }
}

#[cfg(test)]
mod tests {
    use super::super::operate;
    use super::super::round::RoundKey;
    use super::super::world::{ANN, BEN, World, account_name, cents, play};
    use super::*;
    use crate::id::{AccountNumber, RoundId};
    use crate::time::Span;

    fn refused(verdict: &Verdict) -> Option<PlayRefusal> {
        match verdict {
            Verdict::Refused(refusal) => Some(*refusal),
            Verdict::Accepted(_) | Verdict::Repeated => None,
        }
    }

    fn anomalies(verdict: &Verdict) -> Vec<Anomaly> {
        match verdict {
            Verdict::Accepted(Body::Win(play)) => play.anomalies.iter().collect(),
            Verdict::Accepted(Body::Cancel(cancel)) => cancel.anomalies.iter().collect(),
            other => panic!("not taken: {other:?}"),
        }
    }

    fn block(world: &mut World) {
        let key = account_name("ann").player_key();
        let record = operate::decide_block(world.player("ann"), &key, true)
            .unwrap()
            .unwrap();
        world.operate(record);
    }

    #[test]
    fn a_repetition_moves_nothing_and_a_conflict_is_refused() {
        let mut world = World::new();
        assert!(matches!(
            world.bet(ANN, play(3, 500, Some(3))),
            Verdict::Accepted(_)
        ));
        assert_eq!(world.bet(ANN, play(3, 500, Some(3))), Verdict::Repeated);
        assert_eq!(world.balance(ANN), 500);
        let other_game = Transaction {
            game: crate::id::GameNumber(1),
            ..play(3, 500, Some(3))
        };
        for conflict in [
            play(3, 501, Some(3)),
            play(3, 500, Some(4)),
            play(3, 500, None),
            other_game,
        ] {
            assert_eq!(
                refused(&world.bet(ANN, conflict)),
                Some(PlayRefusal::IdUsed),
                "{conflict:?}"
            );
        }
        assert_eq!(
            refused(&world.bet(BEN, play(3, 500, Some(3)))),
            Some(PlayRefusal::IdUsed)
        );
        assert_eq!(
            refused(&world.win(ANN, play(3, 500, Some(3)))),
            Some(PlayRefusal::IdUsed)
        );
        assert_eq!((world.balance(ANN), world.balance(BEN)), (500, 1000));
    }

    #[test]
    fn the_first_refusal_that_holds_is_told() {
        // Over its life, blocked, over the limit and over the balance at once: 3, then 8, 9, 4.
        let mut world = World::new();
        block(&mut world);
        let later = world.now.plus(Span::from_seconds(3600));
        let start = std::mem::replace(&mut world.now, later);
        assert_eq!(
            refused(&world.bet(ANN, play(1, 6000, None))),
            Some(PlayRefusal::SessionExpired)
        );
        world.now = start;
        assert_eq!(
            refused(&world.bet(ANN, play(1, 6000, None))),
            Some(PlayRefusal::PlayerBlocked)
        );
        assert_eq!(
            refused(&world.bet(BEN, play(1, 6000, None))),
            Some(PlayRefusal::LimitExceeded)
        );
        assert_eq!(
            refused(&world.bet(BEN, play(1, 5000, None))),
            Some(PlayRefusal::InsufficientFunds)
        );
        assert!(world.ids.is_empty(), "refusals leave no trace");
        assert!(matches!(
            world.bet(BEN, play(1, 1000, None)),
            Verdict::Accepted(_)
        ));
    }

    #[test]
    fn an_accepted_bet_lengthens_its_session() {
        let mut world = World::new();
        world.now = world.now.plus(Span::from_seconds(3599));
        assert!(matches!(
            world.bet(ANN, play(1, 1, None)),
            Verdict::Accepted(_)
        ));
        world.now = world.now.plus(Span::from_seconds(3599));
        assert!(matches!(
            world.bet(ANN, play(2, 1, None)),
            Verdict::Accepted(_)
        ));
        assert_eq!(
            refused(&world.bet(BEN, play(3, 1, None))),
            Some(PlayRefusal::SessionExpired)
        );
    }

    #[test]
    fn a_disabled_partner_ends_bets_and_nothing_else() {
        let mut world = World::new();
        assert!(matches!(
            world.bet(ANN, play(1, 500, None)),
            Verdict::Accepted(_)
        ));
        world.partner.disabled = true;
        assert_eq!(
            refused(&world.bet(ANN, play(2, 1, None))),
            Some(PlayRefusal::SessionExpired)
        );
        assert_eq!(world.bet(ANN, play(1, 500, None)), Verdict::Repeated);
        assert_eq!(
            anomalies(&world.win(ANN, play(3, 5, None))),
            [Anomaly::WinOnExpiredSession]
        );
        assert!(matches!(world.cancel(ANN, 1, None), Verdict::Accepted(_)));
        assert_eq!(world.balance(ANN), 1005);
    }

    #[test]
    fn wins_are_taken_and_what_is_odd_is_noted() {
        let mut world = World::new();
        assert_eq!(anomalies(&world.win(ANN, play(1, 5, None))), []);
        assert_eq!(
            anomalies(&world.win(ANN, play(2, 5, Some(9)))),
            [Anomaly::WinWithoutBet]
        );
        assert_eq!(
            anomalies(&world.win(ANN, play(8, 5, Some(9)))),
            [Anomaly::WinWithoutBet],
            "a win makes a round, but no bet of it"
        );
        assert!(matches!(
            world.bet(ANN, play(3, 5, Some(3))),
            Verdict::Accepted(_)
        ));
        assert_eq!(anomalies(&world.win(ANN, play(4, 0, Some(3)))), []);
        block(&mut world);
        assert_eq!(
            anomalies(&world.win(ANN, play(5, 5, None))),
            [Anomaly::WinForBlockedPlayer]
        );
        let all = Amount::MAX
            .minus(cents(world.balance(BEN)))
            .unwrap()
            .cents();
        assert_eq!(anomalies(&world.win(BEN, play(6, all, None))), []);
        assert_eq!(
            refused(&world.win(BEN, play(7, 1, None))),
            Some(PlayRefusal::BalanceOutOfRange)
        );
        assert_eq!(world.win(BEN, play(6, all, None)), Verdict::Repeated);
    }

    #[test]
    fn a_cancel_undoes_once_and_binds_unknown_ids() {
        let mut world = World::new();
        assert!(matches!(
            world.bet(ANN, play(1, 300, None)),
            Verdict::Accepted(_)
        ));
        assert_eq!(
            refused(&world.cancel(BEN, 1, None)),
            Some(PlayRefusal::IdUsed)
        );
        assert!(matches!(
            world.cancel(ANN, 1, Some(77)),
            Verdict::Accepted(Body::Cancel(_))
        ));
        assert_eq!(world.cancel(ANN, 1, None), Verdict::Repeated);
        assert_eq!(
            refused(&world.bet(ANN, play(1, 300, None))),
            Some(PlayRefusal::IdVoided)
        );
        assert!(matches!(
            world.cancel(ANN, 2, None),
            Verdict::Accepted(Body::Void(_))
        ));
        assert_eq!(world.cancel(ANN, 2, None), Verdict::Repeated);
        for (session, refusal) in [(ANN, PlayRefusal::IdVoided), (BEN, PlayRefusal::IdUsed)] {
            assert_eq!(
                refused(&world.bet(session, play(2, 1, None))),
                Some(refusal)
            );
            assert_eq!(
                refused(&world.win(session, play(2, 1, None))),
                Some(PlayRefusal::IdUsed)
            );
        }
        assert_eq!(
            refused(&world.cancel(BEN, 2, None)),
            Some(PlayRefusal::IdUsed)
        );
        assert_eq!((world.balance(ANN), world.balance(BEN)), (1000, 1000));
    }

    #[test]
    fn cancels_are_judged_by_the_bets_round() {
        let mut world = World::new();
        assert!(matches!(
            world.bet(ANN, play(1, 100, Some(1))),
            Verdict::Accepted(_)
        ));
        assert!(matches!(
            world.win(ANN, play(2, 50, Some(1))),
            Verdict::Accepted(_)
        ));
        assert_eq!(
            refused(&world.cancel(ANN, 2, None)),
            Some(PlayRefusal::NotABet)
        );
        assert_eq!(
            refused(&world.cancel(ANN, 1, Some(8))),
            Some(PlayRefusal::RoundMismatch)
        );
        assert_eq!(
            refused(&world.cancel(ANN, 1, None)),
            Some(PlayRefusal::RoundPaid)
        );
        world.rules.cancel_after_win = CancelAfterWin::Accept;
        assert_eq!(
            anomalies(&world.cancel(ANN, 1, Some(1))),
            [Anomaly::CancelAfterWin]
        );
        assert_eq!(world.balance(ANN), 1050);
        assert_eq!(
            world.cancel(ANN, 1, Some(8)),
            Verdict::Repeated,
            "cancelled stays success"
        );
    }

    #[test]
    fn a_refund_beyond_the_limit_waits_for_room() {
        let mut world = World::new();
        assert!(matches!(
            world.bet(ANN, play(1, 1000, None)),
            Verdict::Accepted(_)
        ));
        assert!(matches!(
            world.win(ANN, play(2, Amount::MAX.cents() - 999, None)),
            Verdict::Accepted(_)
        ));
        assert_eq!(
            refused(&world.cancel(ANN, 1, None)),
            Some(PlayRefusal::BalanceOutOfRange)
        );
        assert!(matches!(
            world.bet(ANN, play(3, 1, None)),
            Verdict::Accepted(_)
        ));
        assert!(matches!(world.cancel(ANN, 1, None), Verdict::Accepted(_)));
        assert_eq!(world.balance(ANN), Amount::MAX.cents());
    }

    #[test]
    fn rounds_open_with_bets_and_close_with_wins_or_when_all_is_cancelled() {
        let mut world = World::new();
        let (account, round) = (AccountNumber(ANN.0), RoundId(1));
        let key = RoundKey { account, round };
        let open = |world: &World| {
            let noted = world.holdings.open_rounds.since(Seq::NONE, usize::MAX);
            (
                world.holdings.rounds.row(&key).unwrap().open,
                noted.filter(|(_, open)| open.is_some()).count(),
            )
        };
        world.bet(ANN, play(1, 10, Some(1)));
        world.bet(ANN, play(2, 10, Some(1)));
        assert_eq!(open(&world), (true, 1));
        world.cancel(ANN, 1, Some(1));
        assert_eq!(open(&world), (true, 1));
        world.cancel(ANN, 2, Some(1));
        assert_eq!(open(&world), (false, 0));
        world.bet(ANN, play(3, 10, Some(1)));
        assert_eq!(open(&world), (true, 1), "a later bet opens it again");
        world.win(ANN, play(4, 0, Some(1)));
        assert_eq!(open(&world), (false, 0));
        let round = world.holdings.rounds.row(&key).unwrap();
        assert_eq!(
            (round.bets.count, round.wins.count, round.cancels.count),
            (3, 1, 2)
        );
    }
}
