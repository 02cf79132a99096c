//! What players hold: accounts, sessions, rounds, and the sums on the other side of their
//! entries. One [`Holdings`] is one shard; a player lies wholly in one.

use std::collections::{BTreeMap, HashMap};

use super::document::{AccountOpened, Document, Player, Session};
use super::entry::{AccountRef, Anomalies, Body, Entry, Link, Record};
use super::round::{OddPlay, Round, RoundChange, RoundKey};
use crate::id::{
    AccountNumber, GameNumber, PartnerNumber, PlayerId, RoundId, Seq, SessionNumber, TransactionId,
};
use crate::money::{Amount, Currency, Sum};
use crate::time::Timestamp;

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

/// A player's name in the whole coffer.
pub type PlayerKey = (PartnerNumber, PlayerId);

/// A player, over all currencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayerRow {
    /// No bets and no new sessions while true.
    pub blocked: bool,
    /// The accounts, in the order of their opening.
    pub accounts: Vec<(Currency, AccountNumber)>,
    /// Sessions not closed, among them those past their life.
    pub sessions: Vec<SessionNumber>,
    /// The entry that changed the player last.
    pub changed: Seq,
}

/// A player's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Whose, in which currency, in which id space.
    pub opened: AccountOpened,
    /// When that was.
    pub opened_at: Timestamp,
    /// What it holds.
    pub balance: Amount,
    /// The newest entry that moved it, or [`Seq::NONE`].
    pub last: Seq,
    /// Its player is blocked.
    pub blocked: bool,
    /// The entry that opened it or that blocked or unblocked its player last.
    pub changed: Seq,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// As it is now.
    pub session: Session,
    /// The entry that opened or closed it.
    pub changed: Seq,
}

/// What a sum is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SumOf {
    /// All players of a partner.
    Players(PartnerNumber),
    /// An account that has no chain.
    Account(AccountRef),
}

/// One shard's players and the sums on the other side.
#[derive(Debug, Default)]
pub struct Holdings {
    players: Map<PlayerKey, PlayerRow>,
    accounts: Map<AccountNumber, AccountRow>,
    sessions: Map<SessionNumber, SessionRow>,
    rounds: Map<RoundKey, Round>,
    open_rounds: BTreeMap<Seq, RoundKey>,
    odd_plays: BTreeMap<Seq, OddPlay>,
    sums: BTreeMap<(Currency, SumOf), Sum>,
}

impl Holdings {
    /// The player of that name.
    pub fn player(&self, key: &PlayerKey) -> Option<&PlayerRow> {
        self.players.get(key)
    }

    /// The account of that number.
    pub fn account(&self, number: AccountNumber) -> Option<&AccountRow> {
        self.accounts.get(&number)
    }

    /// A player's account in a currency.
    pub fn account_in(&self, key: &PlayerKey, currency: Currency) -> Option<&AccountRow> {
        let player = self.players.get(key)?;
        let (_, number) = player.accounts.iter().find(|(held, _)| *held == currency)?;
        self.accounts.get(number)
    }

    /// The session of that number.
    pub fn session(&self, number: SessionNumber) -> Option<&SessionRow> {
        self.sessions.get(&number)
    }

    /// The round of that name.
    pub fn round(&self, key: RoundKey) -> Option<&Round> {
        self.rounds.get(&key)
    }

    /// Open rounds by the entry that began them, after `after`.
    pub fn open_rounds(&self, after: Seq) -> impl Iterator<Item = (RoundKey, &Round)> {
        let later = self.open_rounds.range(after.next()..);
        later.map(|(_, key)| {
            (
                *key,
                self.rounds.get(key).expect("an open round is a round"),
            )
        })
    }

    /// Odd transactions by their entry, after `after`.
    pub fn odd_plays(&self, after: Seq) -> impl Iterator<Item = (Seq, &OddPlay)> {
        self.odd_plays
            .range(after.next()..)
            .map(|(seq, odd)| (*seq, odd))
    }

    /// Every sum, by currency.
    pub fn sums(&self) -> impl Iterator<Item = (Currency, SumOf, Sum)> {
        self.sums
            .iter()
            .map(|(&(currency, of), &sum)| (currency, of, sum))
    }

    /// Every account, in no order.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = &AccountRow> {
        self.accounts.values()
    }

    /// Makes the change of an entry about this shard's players. Partners, ids, codes and
    /// references are kept elsewhere.
    ///
    /// # Panics
    /// Where the entry contradicts what is held: then it was decided against another state.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.body {
            Body::Bet(play) => {
                self.play(entry, play.account, play.link);
                let session = self
                    .sessions
                    .get_mut(&play.session)
                    .expect("a bet names a session");
                session.session.expires_at = entry.at.plus(session.session.ttl);
                self.in_round(
                    entry,
                    (play.account, play.round),
                    play.game,
                    RoundChange::Bet,
                    play.amount,
                );
            }
            Body::Win(play) => {
                self.play(entry, play.account, play.link);
                self.in_round(
                    entry,
                    (play.account, play.round),
                    play.game,
                    RoundChange::Win,
                    play.amount,
                );
                self.note_odd(
                    entry,
                    true,
                    play.anomalies,
                    (play.account, play.id, play.amount, play.game, play.round),
                );
            }
            Body::Cancel(cancel) => {
                self.play(entry, cancel.account, cancel.link);
                let round = (cancel.account, cancel.round);
                self.in_round(
                    entry,
                    round,
                    cancel.game,
                    RoundChange::Cancel,
                    cancel.amount,
                );
                let (game, round) = (cancel.game, cancel.round);
                self.note_odd(
                    entry,
                    false,
                    cancel.anomalies,
                    (cancel.account, cancel.id, cancel.amount, game, round),
                );
            }
            Body::Void(_) => {}
            Body::Record(record) => self.record(entry.seq, entry.at, record),
        }
    }

    /// Moves a bet's, win's or cancel's money between player and house.
    fn play(&mut self, entry: &Entry, account: AccountNumber, link: Link) {
        let (_, moved, _) = entry.body.house_to_player().expect("a play moves money");
        let (partner, currency) = self.post(entry.seq, account, moved, link);
        let house = (currency, SumOf::Account(AccountRef::House(partner)));
        self.add(house, moved.negated());
    }

    /// One posting on a player's account.
    fn post(
        &mut self,
        seq: Seq,
        number: AccountNumber,
        moved: Sum,
        link: Link,
    ) -> (PartnerNumber, Currency) {
        let account = self
            .accounts
            .get_mut(&number)
            .expect("a posting names an open account");
        assert_eq!(
            account.last, link.previous,
            "entry {seq} was decided on another history of account {number}"
        );
        let after = Sum::from(account.balance).plus(moved);
        assert_eq!(
            after,
            Sum::from(link.balance_after),
            "entry {seq} was decided against another balance"
        );
        account.balance = link.balance_after;
        account.last = seq;
        let (partner, currency) = (account.opened.partner, account.opened.currency);
        self.add((currency, SumOf::Players(partner)), moved);
        (partner, currency)
    }

    fn add(&mut self, key: (Currency, SumOf), moved: Sum) {
        let sum = self.sums.entry(key).or_default();
        *sum = sum.plus(moved);
    }

    fn in_round(
        &mut self,
        entry: &Entry,
        (account, round): (AccountNumber, Option<RoundId>),
        game: GameNumber,
        change: RoundChange,
        amount: Amount,
    ) {
        let Some(round) = round else { return };
        let key = (account, round);
        let row = self
            .rounds
            .entry(key)
            .or_insert_with(|| Round::new(game, entry.seq, entry.at));
        let was_open = row.open;
        row.apply(change, amount, entry.seq, entry.at);
        match (was_open, row.open) {
            (false, true) => {
                self.open_rounds.insert(row.first, key);
            }
            (true, false) => {
                self.open_rounds.remove(&row.first);
            }
            _ => {}
        }
    }

    fn note_odd(
        &mut self,
        entry: &Entry,
        is_win: bool,
        anomalies: Anomalies,
        (account, id, amount, game, round): (
            AccountNumber,
            TransactionId,
            Amount,
            GameNumber,
            Option<RoundId>,
        ),
    ) {
        if anomalies != Anomalies::NONE {
            let odd = OddPlay {
                anomalies,
                at: entry.at,
                is_win,
                account,
                id,
                amount,
                game,
                round,
            };
            self.odd_plays.insert(entry.seq, odd);
        }
    }

    /// Documents first: a posting may be on an account that the same record opens.
    fn record(&mut self, seq: Seq, at: Timestamp, record: &Record) {
        for document in &record.documents {
            match document {
                Document::Player(player) => self.player_changed(seq, player),
                Document::Account(opened) => self.account_opened(seq, at, opened),
                Document::Session(session) => self.session_changed(seq, session),
                Document::Partner(_) | Document::Adjustment(_) => {}
            }
        }
        for posting in &record.postings {
            let moved = Sum::from(posting.cents);
            match posting.account {
                AccountRef::Player(number) => {
                    let link = posting
                        .link
                        .expect("a posting on a player's account bears its chain");
                    self.post(seq, number, moved, link);
                }
                AccountRef::House(_) | AccountRef::Adjustments => {
                    self.add((posting.currency, SumOf::Account(posting.account)), moved);
                }
            }
        }
    }

    fn player_changed(&mut self, seq: Seq, player: &Player) {
        let key = (player.partner, player.player_id.clone());
        let row = self.players.entry(key).or_insert_with(|| PlayerRow {
            blocked: false,
            accounts: Vec::new(),
            sessions: Vec::new(),
            changed: seq,
        });
        row.blocked = player.blocked;
        row.changed = seq;
        for (_, number) in &row.accounts {
            let account = self
                .accounts
                .get_mut(number)
                .expect("a player's accounts are open");
            account.blocked = player.blocked;
            account.changed = seq;
        }
    }

    fn account_opened(&mut self, seq: Seq, at: Timestamp, opened: &AccountOpened) {
        let key = (opened.partner, opened.player_id.clone());
        let player = self
            .players
            .get_mut(&key)
            .expect("an account is opened for a player");
        player.accounts.push((opened.currency, opened.number));
        let (balance, blocked) = (Amount::ZERO, player.blocked);
        let row = AccountRow {
            opened: opened.clone(),
            opened_at: at,
            balance,
            last: Seq::NONE,
            blocked,
            changed: seq,
        };
        let before = self.accounts.insert(opened.number, row);
        assert!(
            before.is_none(),
            "entry {seq} opens account {} again",
            opened.number
        );
        self.add((opened.currency, SumOf::Players(opened.partner)), Sum::ZERO);
    }

    fn session_changed(&mut self, seq: Seq, session: &Session) {
        let key = (session.partner, session.player_id.clone());
        let player = self.players.get_mut(&key).expect("a session is a player's");
        let row = SessionRow {
            session: session.clone(),
            changed: seq,
        };
        let before = self.sessions.insert(session.number, row);
        match (before.is_some(), session.closed) {
            (false, false) => player.sessions.push(session.number),
            (_, true) => player.sessions.retain(|number| *number != session.number),
            (true, false) => {}
        }
    }
}

impl SessionRow {
    /// Whether it was closed or is past its life: no bets then.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.session.closed || now >= self.session.expires_at
    }
}
