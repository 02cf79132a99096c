//! Bets, wins and cancels judged (wallet-api.md, Money rules and Small print).
//!
//! Refusals are tested in the order that the Small print's "Order of judgement" gives; the first
//! that holds is told. A refusal changes nothing and uses up no id.

use super::command::{CancelAfterWin, CancelOf, Rules, Transaction};
use super::entry::{Anomalies, Anomaly, Body, Cancel, Link, Play, Void};
use super::holdings::{AccountRow, Holdings, SessionRow};
use super::ids::{IdRow, IdState};
use super::refusal::PlayRefusal;
use crate::id::{Lang, RoundId, Seq, SessionNumber};
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
    holdings: &'a Holdings,
    session: &'a SessionRow,
    account: &'a AccountRow,
    id: Option<&'a IdRow>,
    partner_is_live: bool,
    now: Timestamp,
}

impl<'a> Table<'a> {
    /// Sets the table for a play in `session`, or `None` where these holdings have no such one.
    ///
    /// `id` is the row of the play's id, `partner_is_live` whether the session's partner is
    /// enabled and not past its end.
    pub fn new(
        holdings: &'a Holdings,
        session: SessionNumber,
        id: Option<&'a IdRow>,
        partner_is_live: bool,
        now: Timestamp,
    ) -> Option<Table<'a>> {
        let session = holdings.session(session)?;
        let account = holdings.account(session.session.account)?;
        Some(Table {
            holdings,
            session,
            account,
            id,
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

    /// The newest entry that any judgement at this table rests on; `round` is the play's.
    pub fn newest(&self, round: Option<RoundId>) -> Seq {
        let round = self.round(round).map_or(Seq::NONE, |round| round.last);
        let id = self.id.map_or(Seq::NONE, |row| row.changed);
        self.session
            .changed
            .max(self.account.last)
            .max(self.account.changed)
            .max(id)
            .max(round)
    }

    fn round(&self, round: Option<RoundId>) -> Option<&'a super::round::Round> {
        round.and_then(|round| self.holdings.round((self.account.opened.number, round)))
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
        if self.account.blocked {
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
        let without_bet = win.round.is_some()
            && self
                .round(win.round)
                .is_none_or(|round| round.bets.count == 0);
        let anomalies = Anomalies::NONE
            .with(Anomaly::WinWithoutBet, without_bet)
            .with(Anomaly::WinOnExpiredSession, self.is_over())
            .with(Anomaly::WinForBlockedPlayer, self.account.blocked);
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
        let paid = self
            .round(row.round)
            .is_some_and(super::round::Round::has_paid);
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
