//! Reads: what players hold, what moved it, and what it all adds up to. Each tells the newest
//! entry that it rests on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::load::LOST_ACCOUNT;
use super::operate::refused;
use super::partners::PartnerRow;
use super::{Ledger, Observed, OperatorError, Snapshot};
use crate::books::SessionPlace;
use crate::engine::document::{AccountOpened, Session};
use crate::engine::entry::Anomaly;
use crate::engine::holdings::{Holdings, PlayerKey, SessionRow};
use crate::engine::refusal::OperatorRefusal;
use crate::engine::round::{OddPlay, Round, RoundKey};
use crate::engine::totals::{SumOf, Totals};
use crate::id::{AccountNumber, Code, PartnerNumber, PlayerId, RoundId, Seq, SessionNumber};
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

    /// The partner that an API key names, a disabled one too. Takes no lock.
    pub fn partner_by_api_key(&self, key: &str) -> Option<Arc<PartnerRow>> {
        self.partners.by_api_key(key)
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
        self.view_player(&(partner, player_id.clone()))
    }

    pub(super) fn view_player(
        &self,
        key: &PlayerKey,
    ) -> Result<Observed<PlayerView>, OperatorError> {
        loop {
            let home = match self.named(key)?.player {
                Some((home, _)) => home,
                None => return Err(refused(OperatorRefusal::PlayerUnknown, Seq::NONE)),
            };
            let sight = self.look(|view| view.unlisted_sessions(home).map(Some))?;
            let players = self.player_at(home)?;
            if self.is_fresh(&sight) {
                let unlisted = sight.found.unwrap_or_default();
                let now = self.sequencer.now();
                return Ok(PlayerView::of(&players.holdings, home, unlisted, now));
            }
        }
    }

    /// A session and whether it takes bets (operations.md, `session show`).
    ///
    /// # Errors
    /// Refused where no session has this code.
    pub fn session(&self, code: &Code) -> Result<Observed<(Session, SessionState)>, OperatorError> {
        let place = self.known_place(code)?;
        let players = self.session_at(&place)?;
        Ok(self.view_session(&players.holdings, &place))
    }

    pub(super) fn known_place(&self, code: &Code) -> Result<SessionPlace, OperatorError> {
        let place = self.place_of(code.as_str())?;
        place.ok_or_else(|| refused(OperatorRefusal::SessionUnknown, Seq::NONE))
    }

    /// The session, which is in memory.
    pub(super) fn view_session(
        &self,
        holdings: &Holdings,
        place: &SessionPlace,
    ) -> Observed<(Session, SessionState)> {
        let row = holdings.session(place.home, place.number);
        let row = row.expect("it was brought into memory");
        let player = holdings.players.row(&place.home);
        let account = player.and_then(|player| player.account(place.account));
        let account = account.expect("a session is on an open account");
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

    /// The trial balance of one moment: every account ever touched; with `all` each player's by
    /// itself (operations.md, `report trial-balance`). With `all` it reads the disk and waits for
    /// it: not for a thread that serves.
    ///
    /// # Errors
    /// Books or journal could not be read.
    pub fn trial_balance(
        self: &Arc<Ledger>,
        all: bool,
    ) -> Result<Observed<TrialBalance>, OperatorError> {
        let (seq, totals) = self.totals();
        let mut currencies: BTreeMap<Currency, CurrencyBalance> = BTreeMap::new();
        for (currency, of, sum) in totals.sums() {
            let book = currencies.entry(currency).or_default();
            book.sum = book.sum.plus(sum);
            let name = match of {
                SumOf::Players(_) if all => continue,
                SumOf::Players(partner) => format!("players/{partner}"),
                SumOf::Account(account) => {
                    let named = account.named();
                    named.expect("players have rows of their own").0
                }
            };
            let account = book.accounts.entry(name).or_default();
            *account = account.plus(sum);
        }
        if all {
            let mut players = Snapshot::of(self, seq)?;
            while let Some(accounts) = players.read()? {
                for account in accounts {
                    let opened = &account.opened;
                    let book = currencies.entry(opened.currency).or_default();
                    let name = format!("player/{}/{}", opened.partner, opened.player_id);
                    book.accounts.insert(name, Sum::from(account.balance));
                }
            }
        }
        Ok(Observed {
            value: TrialBalance { currencies },
            seq,
        })
    }

    /// What everything adds up to, days left out, and the entry that it is of.
    fn totals(&self) -> (Seq, Totals) {
        let base = self.base.lock();
        let players = self.shards.players.all();
        let seq = self.sequencer.last();
        let mut totals = base.totals.clone();
        for players in &players {
            for (currency, of, sum) in players.holdings.totals.sums() {
                totals.add(currency, of, sum);
            }
        }
        (seq, totals)
    }

    /// Rounds that wait for their win, oldest first; `after` is the last page's `next`. Reads the
    /// disk.
    ///
    /// # Errors
    /// The books could not be read.
    pub fn open_rounds(
        &self,
        after: Option<Seq>,
        limit: usize,
    ) -> Result<Observed<Page<RoundView>>, OperatorError> {
        self.apply_tail()?;
        let from = after.unwrap_or(Seq::NONE).next();
        let (mut found, seq) = loop {
            let sight = self.look(|view| view.open_rounds(from, limit + 1).map(Some))?;
            let rows = sight.found.as_deref().unwrap_or_default();
            // What lies beyond the rows that were read is for the next page.
            let end = rows.get(limit).map_or(Seq(u64::MAX), |(seq, _)| *seq);
            let mut found: BTreeMap<Seq, Option<RoundKey>> = BTreeMap::new();
            for players in self.shards.players.each() {
                let noted = players.holdings.open_rounds.since(from, usize::MAX);
                for (seq, open) in noted.filter(|(seq, _)| *seq <= end) {
                    found.entry(seq).or_insert(*open);
                }
            }
            for (seq, key) in rows {
                found.entry(*seq).or_insert(Some(*key));
            }
            if self.is_fresh(&sight) {
                let open = found
                    .into_iter()
                    .filter_map(|(seq, open)| Some((seq, open?)));
                // Where rows of the books were closed since, the page is shorter.
                let end = rows.get(limit).map(|(seq, _)| *seq);
                break ((open.collect::<Vec<_>>(), end), self.sequencer.last());
            }
        };
        let next = cut(&mut found.0, limit, found.1);
        let mut items = Vec::new();
        for (first, key) in found.0 {
            let round = self.round_view(key)?;
            items.extend(round.filter(|view| view.round.open && view.round.first == first));
        }
        let value = Page { items, next };
        Ok(Observed { value, seq })
    }

    /// Transactions that were taken although something about them was odd, oldest first. Reads
    /// the disk.
    ///
    /// # Errors
    /// The books could not be read.
    pub fn anomalies(
        &self,
        after: Option<Seq>,
        limit: usize,
    ) -> Result<Observed<Page<AnomalyView>>, OperatorError> {
        self.apply_tail()?;
        let from = after.unwrap_or(Seq::NONE).next();
        let (mut found, seq) = loop {
            let sight = self.look(|view| view.odd_plays(from, limit + 1).map(Some))?;
            let rows = sight.found.iter().flatten().copied();
            let mut found: BTreeMap<Seq, OddPlay> = rows.collect();
            for players in self.shards.players.each() {
                let noted = players.holdings.odd_plays.since(from, limit + 1);
                found.extend(noted.map(|(seq, odd)| (seq, *odd)));
            }
            if self.is_fresh(&sight) {
                break (found.into_iter().collect::<Vec<_>>(), self.sequencer.last());
            }
        };
        let next = cut(&mut found, limit, None);
        let mut items = Vec::new();
        for (seq, odd) in found {
            let (holder, round) = (self.holder(odd.account)?, odd.round);
            let account = odd.account;
            let round = match round.map(|round| RoundKey { account, round }) {
                Some(key) => self.round_view(key)?,
                None => None,
            };
            items.extend(odd.anomalies.iter().map(|kind| AnomalyView {
                seq,
                kind,
                partner: holder.partner,
                player_id: holder.player_id.clone(),
                currency: holder.currency,
                play: odd,
                round: round.clone(),
            }));
        }
        let value = Page { items, next };
        Ok(Observed { value, seq })
    }

    /// Whose an account is.
    fn holder(&self, account: AccountNumber) -> Result<AccountOpened, OperatorError> {
        let place = self.account_place(account)?;
        let lost = || self.fail(LOST_ACCOUNT);
        let players = self.player_at(place.ok_or_else(lost)?.home)?;
        let row = (players.holdings.players).row(&place.ok_or_else(lost)?.home);
        let opened = row
            .and_then(|row| row.account(account))
            .map(|row| row.opened.clone());
        Ok(opened.ok_or_else(lost)?)
    }

    fn round_view(&self, key: RoundKey) -> Result<Option<RoundView>, OperatorError> {
        let holder = self.holder(key.account)?;
        let round = loop {
            let sight = self.look(|view| view.round(holder.id_space, holder.currency, key))?;
            let place = self.account_place(key.account)?;
            let home = place.map_or(key.account, |place| place.home);
            let players = self.player_at(home)?;
            if let Some(round) = players.holdings.rounds.row(&key) {
                break Some(*round);
            }
            if self.is_fresh(&sight) {
                break sight.found;
            }
        };
        Ok(round.map(|round| RoundView {
            partner: holder.partner,
            player_id: holder.player_id,
            currency: holder.currency,
            round_id: key.round,
            round,
        }))
    }
}

/// Leaves `limit` items; the seq of the last one where there are more. `more` is the seq from
/// which on nobody has looked, where that is so.
fn cut<T>(items: &mut Vec<(Seq, T)>, limit: usize, more: Option<Seq>) -> Option<Seq> {
    let left = items.len() > limit;
    items.truncate(limit);
    let last = items.last().map(|(seq, _)| *seq);
    if left { last } else { more }
}

impl PlayerView {
    /// Of a player in memory; `unlisted` are its sessions that the books say were open when they
    /// left its row.
    fn of(
        holdings: &Holdings,
        home: AccountNumber,
        unlisted: Vec<SessionRow>,
        now: Timestamp,
    ) -> Observed<PlayerView> {
        let player = holdings.players.row(&home).expect("it is in memory");
        let accounts = player.accounts.iter();
        let mut seq = player.changed;
        let mut balances = Vec::new();
        for account in accounts {
            seq = seq.max(account.last).max(account.changed);
            balances.push((account.opened.currency, account.balance));
        }
        let mut sessions: BTreeMap<SessionNumber, SessionRow> = (unlisted.into_iter())
            .map(|row| (row.session.number, row))
            .collect();
        for row in holdings.past_of(home) {
            sessions.insert(row.session.number, row.clone());
        }
        let listed = player.sessions.iter().chain(sessions.values());
        let open_sessions = listed
            .inspect(|row| seq = seq.max(row.changed))
            .filter(|row| !row.is_over(now))
            .count();
        let value = PlayerView {
            partner: player.partner,
            player_id: player.player_id.clone(),
            blocked: player.blocked,
            balances,
            open_sessions,
        };
        Observed { value, seq }
    }
}
