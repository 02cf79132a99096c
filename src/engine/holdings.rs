//! What players hold: accounts, sessions, rounds, and the totals on the other side of their
//! entries. One [`Holdings`] is one shard; a player lies wholly in one.
//!
//! Not everybody is in memory: whoever judges or applies has seen to it before that the player,
//! the session and the round that it is about are, or are nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::document::{AccountOpened, Document, Player, Session};
use super::entry::{AccountRef, Anomalies, Body, Entry, Link, Record};
use super::held::{Bin, Generation, Held};
use super::round::{OddPlay, Round, RoundChange, RoundKey};
use super::totals::Totals;
use crate::id::{AccountNumber, PartnerNumber, PlayerId, Seq, SessionNumber};
use crate::money::{Amount, Currency, Sum};
use crate::time::Timestamp;

/// A player's name in the whole coffer.
pub type PlayerKey = (PartnerNumber, PlayerId);

/// Sessions that a player's row lists, the newest ones; older ones have rows of their own.
pub const SESSIONS_LISTED_MAX: usize = 8;

/// What a player's row refers to, in bytes, roughly: an account, a session, the room for more of
/// them, and names.
const PLAYER_BYTES: usize = 700;

/// What a past session's row refers to, with its key in a sorted set.
const PAST_BYTES: usize = 150;

/// What is noted of an entry, with its share of a sorted map.
const NOTED_BYTES: usize = 56;

/// A player, over all currencies. Its number is that of its first account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayerRow {
    /// Whose player.
    pub partner: PartnerNumber,
    /// The name there.
    pub player_id: PlayerId,
    /// No bets and no new sessions while true.
    pub blocked: bool,
    /// The accounts, in the order of their opening.
    pub accounts: Vec<AccountRow>,
    /// The newest sessions that were not over when the last one was opened, at most
    /// [`SESSIONS_LISTED_MAX`].
    pub sessions: Vec<SessionRow>,
    /// The entry that created, blocked or unblocked the player.
    pub changed: Seq,
    /// The newest entry that changed anything of all this.
    pub last: Seq,
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
    /// The entry that opened it.
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

/// A session that its player's row does not list any more: by the player's number and its own.
pub type PastSession = (AccountNumber, SessionNumber);

/// Rows by the seq that they came with, in two generations as [`Held`] has them.
#[derive(Debug)]
pub struct Noted<V> {
    current: BTreeMap<Seq, V>,
    previous: Arc<BTreeMap<Seq, V>>,
}

/// One shard's players and the totals on the other side.
#[derive(Debug, Default)]
pub struct Holdings {
    /// By the player's number.
    pub players: Held<AccountNumber, PlayerRow>,
    /// Sessions that no player's row lists any more.
    past: Held<PastSession, SessionRow>,
    /// Those in memory, in the order of their players: of the current generation, and of the one
    /// before.
    past_keys: [BTreeSet<PastSession>; 2],
    /// Rounds.
    pub rounds: Held<RoundKey, Round>,
    /// Which round the entry began, while it is open; `None` from when it is not.
    pub open_rounds: Noted<Option<RoundKey>>,
    /// Transactions that were odd.
    pub odd_plays: Noted<OddPlay>,
    /// What this shard's entries add up to.
    pub totals: Totals,
}

/// What one shard changed between two turns.
#[derive(Debug)]
pub struct Turned {
    /// See [`Holdings::players`].
    pub players: Arc<Generation<AccountNumber, PlayerRow>>,
    /// See [`Holdings::past`].
    pub past: Arc<Generation<PastSession, SessionRow>>,
    /// See [`Holdings::rounds`].
    pub rounds: Arc<Generation<RoundKey, Round>>,
    /// See [`Holdings::open_rounds`].
    pub open_rounds: Arc<BTreeMap<Seq, Option<RoundKey>>>,
    /// See [`Holdings::odd_plays`].
    pub odd_plays: Arc<BTreeMap<Seq, OddPlay>>,
    /// See [`Holdings::totals`].
    pub totals: Totals,
}

impl<V> Default for Noted<V> {
    fn default() -> Noted<V> {
        Noted {
            current: BTreeMap::new(),
            previous: Arc::default(),
        }
    }
}

impl<V> Noted<V> {
    /// What is in memory, from `from` on, the newer of two first; of each generation `at_most`,
    /// in order.
    pub fn since(&self, from: Seq, at_most: usize) -> impl Iterator<Item = (Seq, &V)> {
        let previous = self.previous.range(from..).take(at_most);
        let current = self.current.range(from..).take(at_most);
        current.chain(previous).map(|(seq, value)| (*seq, value))
    }

    /// What is in memory, before `before`, of each generation `at_most`, the last first.
    pub fn before(&self, before: Seq, at_most: usize) -> impl Iterator<Item = (Seq, &V)> {
        let previous = self.previous.range(..before).rev().take(at_most);
        let current = self.current.range(..before).rev().take(at_most);
        current.chain(previous).map(|(seq, value)| (*seq, value))
    }

    /// Notes what came with entry `seq`.
    pub fn note(&mut self, seq: Seq, value: V) {
        self.current.insert(seq, value);
    }

    /// Begins a new generation, as [`Held::turn`] does.
    pub fn turn(&mut self, bin: &mut Bin) -> Arc<BTreeMap<Seq, V>>
    where
        V: Send + Sync + 'static,
    {
        let over = Arc::new(std::mem::take(&mut self.current));
        let forgotten = std::mem::replace(&mut self.previous, Arc::clone(&over));
        bin.push(forgotten);
        over
    }
}

impl Holdings {
    /// The session of a player, in the player's row or past; `None` where it is not in memory.
    pub fn session(&self, home: AccountNumber, number: SessionNumber) -> Option<&SessionRow> {
        let listed = self.players.row(&home).and_then(|row| row.session(number));
        listed.or_else(|| self.past.row(&(home, number)))
    }

    /// Those sessions of a player in memory that the player's row does not list.
    pub fn past_of(&self, home: AccountNumber) -> impl Iterator<Item = &SessionRow> {
        let all = (home, SessionNumber(0))..=(home, SessionNumber(u64::MAX));
        let [current, previous] = &self.past_keys;
        let only_before = |key: &&PastSession| !current.contains(*key);
        let before = previous.range(all.clone()).filter(only_before);
        // What was let go of may have its key here still.
        let keys = current.range(all).chain(before);
        keys.filter_map(|key| self.past.row(key))
    }

    /// Bytes that the current generations take, roughly.
    pub fn bytes(&self) -> u64 {
        let tables = [
            self.players.table_bytes(),
            self.past.table_bytes(),
            self.rounds.table_bytes(),
        ];
        let players = self.players.len() * PLAYER_BYTES;
        let noted = self.open_rounds.current.len() + self.odd_plays.current.len();
        let past = self.past.len() * PAST_BYTES;
        tables.iter().sum::<u64>() + (players + past + noted * NOTED_BYTES) as u64
    }

    /// Takes in a session that its player's row does not list, as [`Held::load`] does.
    pub fn load_past(&mut self, key: PastSession, row: SessionRow) {
        self.past_keys[0].insert(key);
        self.past.load(key, row);
    }

    fn put_past(&mut self, key: PastSession, row: SessionRow) {
        self.past_keys[0].insert(key);
        self.past.put(key, row);
    }

    /// Begins new generations. What is returned is written down elsewhere before the next turn;
    /// what the turn before returned has been.
    pub fn turn(&mut self, bin: &mut Bin) -> Turned {
        self.past_keys.rotate_right(1);
        let forgotten = std::mem::take(&mut self.past_keys[0]);
        bin.push(Arc::new(forgotten));
        Turned {
            players: self.players.turn(bin),
            past: self.past.turn(bin),
            rounds: self.rounds.turn(bin),
            open_rounds: self.open_rounds.turn(bin),
            odd_plays: self.odd_plays.turn(bin),
            totals: std::mem::take(&mut self.totals),
        }
    }

    /// Forgets what was merely seen since the last turn.
    pub fn shed(&mut self) {
        self.players.shed();
        self.past.shed();
        let past = &self.past;
        self.past_keys[0].retain(|key| past.row(key).is_some());
        self.rounds.shed();
    }

    /// Makes the change of an entry about the player `home`. Partners, ids, codes and references
    /// are kept elsewhere.
    ///
    /// # Panics
    /// Where the entry contradicts what is held: then it was decided against another state.
    pub fn apply(&mut self, home: AccountNumber, entry: &Entry) {
        let seq = entry.seq;
        assert!(self.apply_to_player(home, entry), "entry {seq} comes again");
        assert!(self.apply_to_round(entry), "entry {seq} comes again");
        let row = self.players.row(&home).expect("the player was changed");
        let account = entry.body.id().and_then(|(number, _)| row.account(number));
        let account = account.unwrap_or(&row.accounts[0]);
        let (partner, currency) = (row.partner, account.opened.currency);
        self.count(entry, partner, currency);
    }

    /// Counts an entry into the totals, and notes it where it was odd: what can be done without
    /// its player. `currency` is that of a play's account.
    pub fn count(&mut self, entry: &Entry, partner: PartnerNumber, currency: Currency) {
        self.totals.count(entry, partner, currency);
        self.note_odd(entry);
    }

    /// Makes the change to the player, unless the row has it already; whether it had not. Records
    /// documents first: a posting may be on an account that the same record opens.
    pub fn apply_to_player(&mut self, home: AccountNumber, entry: &Entry) -> bool {
        let seq = entry.seq;
        if let Body::Record(record) = &entry.body
            && record.creates_player()
            && self.players.row(&home).is_none()
        {
            self.players.put(home, PlayerRow::new(record, seq));
        } else if matches!(entry.body, Body::Void(_)) {
            return true;
        }
        let row = (self.players.change(&home)).expect("an entry is about a player in memory");
        if row.last >= seq {
            return false;
        }
        row.last = seq;
        match &entry.body {
            Body::Record(record) => self.record(home, entry, record),
            body => {
                let (account, moved, link) = body.house_to_player().expect("a play moves money");
                row.post(seq, account, moved, link);
                if let Body::Bet(play) = body {
                    self.prolong(home, play.session, entry.at);
                }
            }
        }
        true
    }

    /// Makes the change to the round, if there is one, unless the row has it already; whether it
    /// had not.
    pub fn apply_to_round(&mut self, entry: &Entry) -> bool {
        let (account, round, id, game, change, amount) = match &entry.body {
            Body::Bet(p) => (p.account, p.round, p.id, p.game, RoundChange::Bet, p.amount),
            Body::Win(p) => (p.account, p.round, p.id, p.game, RoundChange::Win, p.amount),
            Body::Cancel(c) => (
                c.account,
                c.round,
                c.id,
                c.game,
                RoundChange::Cancel,
                c.amount,
            ),
            Body::Void(_) | Body::Record(_) => return true,
        };
        let Some(round) = round else { return true };
        let key = RoundKey { account, round };
        let is_new = self.rounds.row(&key).is_none();
        if is_new {
            let foreign = round.0 != id.0;
            let row = Round::new(game, foreign, entry.seq, entry.at);
            self.rounds.put(key, row);
        }
        let row = self.rounds.change(&key).expect("it was put there");
        if !is_new && row.last >= entry.seq {
            return false;
        }
        let was_open = row.open;
        row.apply(change, amount, entry.seq, entry.at);
        if was_open != row.open {
            let open = row.open.then_some(key);
            self.open_rounds.current.insert(row.first, open);
        }
        true
    }

    fn prolong(&mut self, home: AccountNumber, number: SessionNumber, at: Timestamp) {
        let row = (self.players.change(&home)).expect("the player was changed");
        let listed = row.sessions.iter_mut();
        let mut found = listed.rev().find(|row| row.session.number == number);
        let past = (home, number);
        let row = match found.take() {
            Some(row) => row,
            None => {
                self.past_keys[0].insert(past);
                (self.past.change(&past)).expect("a bet's session is in memory")
            }
        };
        row.session.expires_at = at.plus(row.session.ttl);
    }

    fn note_odd(&mut self, entry: &Entry) {
        let (account, id, amount, game, round, anomalies) = match &entry.body {
            Body::Win(p) => (p.account, p.id, p.amount, p.game, p.round, p.anomalies),
            Body::Cancel(c) => (c.account, c.id, c.amount, c.game, c.round, c.anomalies),
            Body::Bet(_) | Body::Void(_) | Body::Record(_) => return,
        };
        if anomalies != Anomalies::NONE {
            let odd = OddPlay {
                anomalies,
                at: entry.at,
                is_win: matches!(entry.body, Body::Win(_)),
                account,
                id,
                amount,
                game,
                round,
            };
            self.odd_plays.current.insert(entry.seq, odd);
        }
    }

    fn record(&mut self, home: AccountNumber, entry: &Entry, record: &Record) {
        let (seq, at) = (entry.seq, entry.at);
        for document in &record.documents {
            if let Document::Session(session) = document {
                self.session_changed(home, session, seq, at);
                continue;
            }
            let row = (self.players.change(&home)).expect("the player is in memory");
            match document {
                Document::Player(player) => row.player_changed(player, seq),
                Document::Account(opened) => row.account_opened(opened, seq, at),
                Document::Session(_)
                | Document::Partner(_)
                | Document::Adjustment(_)
                | Document::User(_)
                | Document::Transfer(_)
                | Document::ReceivedPayment(_)
                | Document::Gateway(_)
                | Document::Order(_) => {}
            }
        }
        for posting in &record.postings {
            if let AccountRef::Player(number) = posting.account {
                let link = posting.link;
                let link = link.expect("a posting on a player's account bears its chain");
                let row = (self.players.change(&home)).expect("the player is in memory");
                row.post(seq, number, Sum::from(posting.cents), link);
            }
        }
    }

    /// A session is opened or closed. With a new one those that are over leave the player's row,
    /// and so does the oldest where there are too many.
    fn session_changed(&mut self, home: AccountNumber, of: &Session, seq: Seq, at: Timestamp) {
        let changed = SessionRow {
            session: of.clone(),
            changed: seq,
        };
        let row = (self.players.change(&home)).expect("a session is a player's");
        if let Some(place) = (row.sessions.iter()).position(|row| row.session.number == of.number) {
            row.sessions[place] = changed;
            return;
        }
        if self.past.row(&(home, of.number)).is_some() {
            self.put_past((home, of.number), changed);
            return;
        }
        row.sessions.push(changed);
        let over = row.sessions.len().saturating_sub(SESSIONS_LISTED_MAX);
        let newest = row.sessions.len() - 1;
        let mut leaving = Vec::new();
        let mut place = 0;
        row.sessions.retain(|row| {
            let leaves = place < newest && (place < over || row.is_over(at));
            place += 1;
            if leaves {
                leaving.push(row.clone());
            }
            !leaves
        });
        for row in leaving {
            self.put_past((home, row.session.number), row);
        }
    }
}

impl PlayerRow {
    fn new(record: &Record, seq: Seq) -> PlayerRow {
        let opened = record.opened().next();
        let opened = opened.expect("a player comes into being with an account");
        PlayerRow {
            partner: opened.partner,
            player_id: opened.player_id.clone(),
            blocked: false,
            accounts: Vec::new(),
            sessions: Vec::new(),
            changed: seq,
            last: Seq::NONE,
        }
    }

    /// The account of that number.
    pub fn account(&self, number: AccountNumber) -> Option<&AccountRow> {
        let mut accounts = self.accounts.iter();
        accounts.find(|row| row.opened.number == number)
    }

    /// The account in a currency.
    pub fn account_in(&self, currency: Currency) -> Option<&AccountRow> {
        let mut accounts = self.accounts.iter();
        accounts.find(|row| row.opened.currency == currency)
    }

    /// The session of that number, where the row lists it.
    pub fn session(&self, number: SessionNumber) -> Option<&SessionRow> {
        let mut sessions = self.sessions.iter();
        sessions.rfind(|row| row.session.number == number)
    }

    /// The player's number: that of the first account.
    pub fn home(&self) -> AccountNumber {
        self.accounts[0].opened.number
    }

    fn player_changed(&mut self, player: &Player, seq: Seq) {
        self.blocked = player.blocked;
        self.changed = seq;
    }

    fn account_opened(&mut self, opened: &AccountOpened, seq: Seq, at: Timestamp) {
        let again = self.account_in(opened.currency).is_some();
        let number = opened.number;
        assert!(!again, "entry {seq} opens account {number} again");
        self.accounts.push(AccountRow {
            opened: opened.clone(),
            opened_at: at,
            balance: Amount::ZERO,
            last: Seq::NONE,
            changed: seq,
        });
    }

    /// One posting on an account.
    fn post(&mut self, seq: Seq, number: AccountNumber, moved: Sum, link: Link) {
        let mut accounts = self.accounts.iter_mut();
        let account = accounts.find(|row| row.opened.number == number);
        let account = account.expect("a posting names an open account");
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
    }
}

impl SessionRow {
    /// Whether it was closed or is past its life: no bets then.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.session.closed || now >= self.session.expires_at
    }
}

impl Record {
    /// The accounts that it opens.
    pub fn opened(&self) -> impl Iterator<Item = &AccountOpened> {
        self.documents.iter().filter_map(|document| match document {
            Document::Account(opened) => Some(opened),
            _ => None,
        })
    }

    /// Whether a player comes into being: with an account in the same record.
    pub fn creates_player(&self) -> bool {
        let mut documents = self.documents.iter();
        documents.any(|document| matches!(document, Document::Player(_)))
            && self.opened().next().is_some()
    }
}
