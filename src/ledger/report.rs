//! Reads: what players hold, what moved it, and what it all adds up to. Each tells the newest
//! entry that it rests on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::operate::refused;
use super::partners::PartnerRow;
use super::shard::SessionPlace;
use super::{Ledger, Observed, OperatorError};
use crate::engine::document::Session;
use crate::engine::entry::{AccountRef, Anomaly};
use crate::engine::holdings::{Holdings, PlayerKey, SumOf};
use crate::engine::refusal::OperatorRefusal;
use crate::engine::round::{OddPlay, Round, RoundKey};
use crate::id::{Code, PartnerNumber, PlayerId, RoundId, Seq, SessionNumber};
use crate::money::{Amount, Currency, Sum};
use crate::time::Timestamp;

/// A player as `player show` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayerView {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// No bets and no new sessions while true.
    pub blocked: bool,
    /// What each account holds, in the order of their opening.
    pub balances: Vec<(Currency, Amount)>,
    /// Sessions that still take bets.
    pub open_sessions: usize,
}

/// Whether a session takes bets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// It does.
    Open,
    /// It was closed.
    Closed,
    /// It is past its life.
    Expired,
}

impl SessionState {
    /// The word in answers (operations.md, `session show`).
    pub fn name(self) -> &'static str {
        match self {
            SessionState::Open => "open",
            SessionState::Closed => "closed",
            SessionState::Expired => "expired",
        }
    }
}

/// Some items and where the next ones begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page, where there is one.
    pub next: Option<Seq>,
}

/// Every account's balance, and per currency the sum, which is zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialBalance {
    /// By currency.
    pub currencies: BTreeMap<Currency, CurrencyBalance>,
}

/// One currency's accounts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CurrencyBalance {
    /// By name, such as `players/p1` (operations.md, Shapes that scripts use).
    pub accounts: BTreeMap<String, Sum>,
    /// What they add up to.
    pub sum: Sum,
}

/// A round and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundView {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
    /// Its number.
    pub round_id: RoundId,
    /// What came in it.
    pub round: Round,
}

/// One kind of oddity of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnomalyView {
    /// The transaction's entry.
    pub seq: Seq,
    /// What was odd.
    pub kind: Anomaly,
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
    /// The transaction.
    pub play: OddPlay,
    /// Its round as it is now, where it has one.
    pub round: Option<RoundView>,
}

impl Ledger {
    /// The partner of a Wallet URL, a disabled one too. Takes no lock.
    pub fn partner_by_token(&self, token: &str) -> Option<Arc<PartnerRow>> {
        self.partners.by_token(token)
    }

    /// One partner.
    ///
    /// # Errors
    /// Refused where there is no such partner.
    pub fn partner(
        &self,
        number: PartnerNumber,
    ) -> Result<Observed<Arc<PartnerRow>>, OperatorError> {
        let row = self.known_partner(number)?;
        Ok(Observed {
            seq: row.changed,
            value: row,
        })
    }

    /// All partners, in the order of their numbers.
    pub fn partners(&self) -> Observed<Vec<Arc<PartnerRow>>> {
        let rows = self.partners.all();
        let seq = rows
            .iter()
            .map(|row| row.changed)
            .max()
            .unwrap_or(Seq::NONE);
        Observed { value: rows, seq }
    }

    /// A player (operations.md, `player show`).
    ///
    /// # Errors
    /// Refused where there is no such player.
    pub fn player(
        &self,
        partner: PartnerNumber,
        player_id: &PlayerId,
    ) -> Result<Observed<PlayerView>, OperatorError> {
        self.known_partner(partner)?;
        let key = (partner, player_id.clone());
        let holdings = self.shards.holdings.lock(&key);
        let view = PlayerView::of(&holdings, &key, self.sequencer.now());
        view.ok_or_else(|| refused(OperatorRefusal::PlayerUnknown, Seq::NONE))
    }

    /// A session and whether it takes bets (operations.md, `session show`).
    ///
    /// # Errors
    /// Refused where no session has this code.
    pub fn session(&self, code: &Code) -> Result<Observed<(Session, SessionState)>, OperatorError> {
        let place = self.known_place(code)?;
        let holdings = self.shards.holdings.lock_index(place.holdings);
        Ok(self.view_session(&holdings, place.number))
    }

    pub(super) fn known_place(&self, code: &Code) -> Result<SessionPlace, OperatorError> {
        let place = self.shards.codes.lock(code.as_str()).place(code.as_str());
        place.ok_or_else(|| refused(OperatorRefusal::SessionUnknown, Seq::NONE))
    }

    pub(super) fn view_session(
        &self,
        holdings: &Holdings,
        number: SessionNumber,
    ) -> Observed<(Session, SessionState)> {
        let row = holdings
            .session(number)
            .expect("a code leads to its session's shard");
        let account = holdings
            .account(row.session.account)
            .expect("a session is on an open account");
        let state = match row.session.closed {
            true => SessionState::Closed,
            false if row.is_over(self.sequencer.now()) => SessionState::Expired,
            false => SessionState::Open,
        };
        Observed {
            value: (row.session.clone(), state),
            seq: row.changed.max(account.last),
        }
    }

    /// The trial balance: every account ever touched; with `all` each player's by itself
    /// (operations.md, `report trial-balance`). Shards are read one after the other; each adds
    /// up to zero by itself, so the whole does too.
    pub fn trial_balance(&self, all: bool) -> Observed<TrialBalance> {
        let mut currencies: BTreeMap<Currency, CurrencyBalance> = BTreeMap::new();
        for holdings in self.shards.holdings.each() {
            for (currency, of, sum) in holdings.sums() {
                let book = currencies.entry(currency).or_default();
                book.sum = book.sum.plus(sum);
                let name = match of {
                    SumOf::Players(_) if all => continue,
                    SumOf::Players(partner) => format!("players/{partner}"),
                    SumOf::Account(AccountRef::House(partner)) => format!("house/{partner}"),
                    SumOf::Account(AccountRef::Adjustments) => "adjustments".to_owned(),
                    SumOf::Account(AccountRef::Player(_)) => {
                        unreachable!("players have accounts of their own")
                    }
                };
                let account = book.accounts.entry(name).or_default();
                *account = account.plus(sum);
            }
            for account in holdings.accounts().filter(|_| all) {
                let opened = &account.opened;
                let book = currencies.entry(opened.currency).or_default();
                let name = format!("player/{}/{}", opened.partner, opened.player_id);
                book.accounts.insert(name, Sum::from(account.balance));
            }
        }
        Observed {
            value: TrialBalance { currencies },
            seq: self.sequencer.last(),
        }
    }

    /// Rounds that wait for their win, oldest first; `after` is the last page's `next`.
    pub fn open_rounds(&self, after: Option<Seq>, limit: usize) -> Observed<Page<RoundView>> {
        self.page(after, limit, |holdings, after, found| {
            let rounds = holdings.open_rounds(after).take(limit + 1);
            found.extend(
                rounds.map(|(key, round)| (round.first, RoundView::of(holdings, key, round))),
            );
        })
    }

    /// Transactions that were taken although something about them was odd, oldest first.
    pub fn anomalies(&self, after: Option<Seq>, limit: usize) -> Observed<Page<AnomalyView>> {
        self.page(after, limit, |holdings, after, found| {
            for (seq, odd) in holdings.odd_plays(after).take(limit + 1) {
                found.extend(
                    odd.anomalies
                        .iter()
                        .map(|kind| (seq, AnomalyView::of(holdings, seq, kind, odd))),
                );
            }
        })
    }

    /// Merges what the shards hold after `after`, in the order of entries. An entry's items stay
    /// on one page.
    fn page<T>(
        &self,
        after: Option<Seq>,
        limit: usize,
        read: impl Fn(&Holdings, Seq, &mut Vec<(Seq, T)>),
    ) -> Observed<Page<T>> {
        let mut found = Vec::new();
        for holdings in self.shards.holdings.each() {
            read(&holdings, after.unwrap_or(Seq::NONE), &mut found);
        }
        let newest = self.sequencer.last();
        found.sort_by_key(|(seq, _)| *seq);
        let mut seqs: Vec<Seq> = found.iter().map(|(seq, _)| *seq).collect();
        seqs.dedup();
        let last = if seqs.len() > limit {
            limit.checked_sub(1).map(|place| seqs[place])
        } else {
            None
        };
        let kept = found
            .into_iter()
            .filter(|(seq, _)| last.is_none_or(|last| *seq <= last));
        Observed {
            value: Page {
                items: kept.map(|(_, item)| item).collect(),
                next: last,
            },
            seq: newest,
        }
    }
}

impl PlayerView {
    pub(super) fn of(
        holdings: &Holdings,
        key: &PlayerKey,
        now: Timestamp,
    ) -> Option<Observed<PlayerView>> {
        let player = holdings.player(key)?;
        let mut seq = player.changed;
        let mut balances = Vec::new();
        for (currency, number) in &player.accounts {
            let account = holdings
                .account(*number)
                .expect("a player's accounts are open");
            seq = seq.max(account.last).max(account.changed);
            balances.push((*currency, account.balance));
        }
        let sessions = player
            .sessions
            .iter()
            .filter_map(|number| holdings.session(*number));
        let open_sessions = sessions
            .inspect(|row| seq = seq.max(row.changed))
            .filter(|row| !row.is_over(now))
            .count();
        let (partner, player_id) = key.clone();
        let value = PlayerView {
            partner,
            player_id,
            blocked: player.blocked,
            balances,
            open_sessions,
        };
        Some(Observed { value, seq })
    }
}

impl RoundView {
    fn of(holdings: &Holdings, (account, round_id): RoundKey, round: &Round) -> RoundView {
        let opened = &holdings
            .account(account)
            .expect("a round is on an open account")
            .opened;
        RoundView {
            partner: opened.partner,
            player_id: opened.player_id.clone(),
            currency: opened.currency,
            round_id,
            round: *round,
        }
    }
}

impl AnomalyView {
    fn of(holdings: &Holdings, seq: Seq, kind: Anomaly, odd: &OddPlay) -> AnomalyView {
        let opened = &holdings
            .account(odd.account)
            .expect("a transaction is on an open account")
            .opened;
        let key = odd.round.map(|round| (odd.account, round));
        let round = key.and_then(|key| {
            holdings
                .round(key)
                .map(|round| RoundView::of(holdings, key, round))
        });
        AnomalyView {
            seq,
            kind,
            partner: opened.partner,
            player_id: opened.player_id.clone(),
            currency: opened.currency,
            play: *odd,
            round,
        }
    }
}
