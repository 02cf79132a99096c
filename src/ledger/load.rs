//! Bringing into memory what is not there: read from the books without a lock, and taken in under
//! one.
//!
//! What is in no generation in memory is in the books as they were when the last generation was
//! forgotten, or nowhere. So whoever looks into the books first notes how often generations were
//! forgotten; under the lock that number must still be the same, or else what was seen may be too
//! old, and is looked up again.

use std::collections::BTreeSet;
use std::hash::Hash;
use std::sync::atomic::Ordering;

use parking_lot::MutexGuard;

use super::shard::{Players, Sharded};
use super::{Ledger, Unavailable};
use crate::books::{AccountPlace, BooksError, SessionPlace, View};
use crate::engine::document::Document;
use crate::engine::entry::{Body, Entry};
use crate::engine::held::Held;
use crate::engine::holdings::{PlayerKey, PlayerRow, SessionRow};
use crate::engine::round::{Round, RoundKey};
use crate::id::{AccountNumber, SessionNumber};

/// The books name an account that they do not have.
pub(super) const LOST_ACCOUNT: BooksError =
    BooksError::Unreadable("lacks an account that it names");

/// What was seen in the books, which may be nothing, and when.
#[derive(Debug)]
pub(super) struct Sight<T> {
    forgotten: u64,
    pub(super) found: Option<T>,
}

/// A player out of the books, and what of the tail is about it.
#[derive(Debug)]
pub(super) struct Unit {
    forgotten: u64,
    home: AccountNumber,
    row: Option<PlayerRow>,
    past: Vec<(SessionNumber, SessionRow)>,
    rounds: Vec<(RoundKey, Round)>,
    tail: Vec<Entry>,
}

/// A name's piece of the names and, where the name is a player's, the player's piece, with the
/// player in memory.
pub(super) struct Named<'a> {
    pub(super) names: MutexGuard<'a, Held<PlayerKey, AccountNumber>>,
    pub(super) player: Option<(AccountNumber, MutexGuard<'a, Players>)>,
}

impl Named<'_> {
    /// The player.
    pub(super) fn row(&self) -> Option<&PlayerRow> {
        let (home, players) = self.player.as_ref()?;
        players.holdings.players.row(home)
    }
}

impl Ledger {
    /// Looks into the books. Reads the disk: the caller holds no lock.
    pub(super) fn look<T>(
        &self,
        read: impl FnOnce(&View) -> Result<Option<T>, BooksError>,
    ) -> Result<Sight<T>, Unavailable> {
        let forgotten = self.forgotten.load(Ordering::Acquire);
        let view = self.view.load();
        let found = self.read_books(|| read(&view))?;
        Ok(Sight { forgotten, found })
    }

    /// Whatever is read from the books goes through here: where they cannot be read nothing more
    /// is answered (reliability.md, P6 and P7).
    pub(super) fn read_books<T>(
        &self,
        read: impl FnOnce() -> Result<T, BooksError>,
    ) -> Result<T, Unavailable> {
        read().map_err(|error| self.fail(error))
    }

    /// Whether what was seen is still so, for somebody who holds the lock over its key.
    pub(super) fn is_fresh<T>(&self, sight: &Sight<T>) -> bool {
        sight.forgotten == self.forgotten.load(Ordering::Acquire)
    }

    /// The piece that a document's key lies in, with the document in memory if there is one.
    pub(super) fn piece<'a, K: Clone + Eq + Hash, V: Clone>(
        &self,
        of: &'a Sharded<Held<K, V>>,
        key: &K,
        read: impl Fn(&View) -> Result<Option<V>, BooksError>,
    ) -> Result<MutexGuard<'a, Held<K, V>>, Unavailable> {
        let mut sight = None;
        loop {
            let mut held = of.lock(key);
            let fresh = sight.take().filter(|sight| self.is_fresh(sight));
            if held.keep(key).is_some() {
                return Ok(held);
            }
            if let Some(sight) = fresh {
                if let Some(row) = sight.found {
                    held.load(key.clone(), row);
                }
                return Ok(held);
            }
            drop(held);
            sight = Some(self.look(&read)?);
        }
    }

    /// Where a code leads.
    pub(super) fn place_of(&self, code: &str) -> Result<Option<SessionPlace>, Unavailable> {
        if let Some(place) = self.shards.codes.lock(code).keep(code) {
            return Ok(Some(*place));
        }
        loop {
            let sight = self.look(|view| view.code(code))?;
            let mut codes = self.shards.codes.lock(code);
            if let Some(place) = codes.row(code) {
                return Ok(Some(*place));
            }
            if self.is_fresh(&sight) {
                if let Some(place) = sight.found {
                    codes.load(code.parse().expect("it is a session's"), place);
                }
                return Ok(sight.found);
            }
        }
    }

    /// Where an account's player is, as memory or a view has it.
    pub(super) fn find_account(
        &self,
        view: &View,
        number: AccountNumber,
    ) -> Result<Option<AccountPlace>, BooksError> {
        let known = self.shards.accounts.lock(&number).row(&number).copied();
        match known {
            Some(place) => Ok(Some(place)),
            None => view.account(number),
        }
    }

    /// Where an account's player is.
    pub(super) fn account_place(
        &self,
        number: AccountNumber,
    ) -> Result<Option<AccountPlace>, Unavailable> {
        let mut sight: Option<Sight<AccountPlace>> = None;
        loop {
            let accounts = self.shards.accounts.lock(&number);
            if let Some(place) = accounts.row(&number) {
                return Ok(Some(*place));
            }
            if let Some(sight) = sight.take().filter(|sight| self.is_fresh(sight)) {
                return Ok(sight.found);
            }
            drop(accounts);
            sight = Some(self.look(|view| view.account(number))?);
        }
    }

    /// The player's piece, with the player in memory. Whoever asks knows that there is one.
    pub(super) fn player_at(
        &self,
        home: AccountNumber,
    ) -> Result<MutexGuard<'_, Players>, Unavailable> {
        loop {
            let mut players = self.shards.players.lock(&home);
            if players.keep(home) {
                return Ok(players);
            }
            let pending = players.pending.get(&home).copied();
            drop(players);
            let Some(unit) = self.read_unit(home, pending)? else {
                continue;
            };
            let mut players = self.shards.players.lock(&home);
            if self.admit(&mut players, unit) {
                return Ok(players);
            }
        }
    }

    /// The player of that name, if there is one.
    pub(super) fn named(&self, key: &PlayerKey) -> Result<Named<'_>, Unavailable> {
        let mut sight = None;
        loop {
            let mut names = self.shards.names.lock(key);
            if let Some(&home) = names.keep(key) {
                let mut players = self.shards.players.lock(&home);
                if players.keep(home) {
                    let player = Some((home, players));
                    return Ok(Named { names, player });
                }
                drop((players, names));
                drop(self.player_at(home)?);
                continue;
            }
            match sight.take().filter(|sight| self.is_fresh(sight)) {
                Some(Sight {
                    found: Some(home), ..
                }) => names.load(key.clone(), home),
                Some(Sight { found: None, .. }) => {
                    return Ok(Named {
                        names,
                        player: None,
                    });
                }
                None => {
                    drop(names);
                    sight = Some(self.look(|view| view.home(key))?);
                }
            }
        }
    }

    /// Reads a player, and of the tail the entries that end with number `pending`; `None` where
    /// all of the tail was applied meanwhile, so that the player is elsewhere by now.
    pub(super) fn read_unit(
        &self,
        home: AccountNumber,
        pending: Option<u32>,
    ) -> Result<Option<Unit>, Unavailable> {
        let forgotten = self.forgotten.load(Ordering::Acquire);
        let view = self.view.load();
        let tail = self.tail.load();
        let tail = match (pending, tail.as_ref()) {
            (Some(last), Some(tail)) => tail.chain(last),
            (Some(_), None) => return Ok(None),
            (None, _) => Vec::new(),
        };
        let unit = Unit {
            forgotten,
            home,
            row: None,
            past: Vec::new(),
            rounds: Vec::new(),
            tail,
        };
        let read = || unit.read(&view, |number| self.find_account(&view, number));
        self.read_books(read).map(Some)
    }

    /// Takes a player in; whether it is in memory now.
    pub(super) fn admit(&self, players: &mut Players, unit: Unit) -> bool {
        let home = unit.home;
        let Players {
            holdings, pending, ..
        } = players;
        if holdings.players.row(&home).is_some() && !pending.contains_key(&home) {
            return true;
        }
        let tail_is_all = pending.contains_key(&home) != unit.tail.is_empty();
        if unit.forgotten != self.forgotten.load(Ordering::Acquire) || !tail_is_all {
            return false;
        }
        if let Some(row) = unit.row {
            holdings.players.load(home, row);
        }
        for (number, row) in unit.past {
            holdings.load_past((home, number), row);
        }
        for (key, row) in unit.rounds {
            holdings.rounds.load(key, row);
        }
        for entry in &unit.tail {
            // Each skips what a flush that was cut short has written already.
            holdings.apply_to_player(home, entry);
            holdings.apply_to_round(entry);
        }
        pending.remove(&home);
        true
    }

    /// Notes that the books cannot be read: nothing is answered from now on.
    pub(super) fn fail(&self, error: BooksError) -> Unavailable {
        // First the reason: whoever sees the latch asks for it.
        self.failure.lock().get_or_insert(error);
        self.durable.latch();
        Unavailable
    }
}

impl Unit {
    /// Reads all that the entries of the tail are applied to.
    fn read(
        mut self,
        view: &View,
        place_of: impl Fn(AccountNumber) -> Result<Option<AccountPlace>, BooksError>,
    ) -> Result<Unit, BooksError> {
        self.row = view.player(self.home)?;
        if self.row.is_none() && self.tail.is_empty() {
            return Err(BooksError::Unreadable("lacks a player that it names"));
        }
        let row = self.row.as_ref();
        let mut rounds = BTreeSet::new();
        let mut sessions = BTreeSet::new();
        for entry in &self.tail {
            let (account, round) = match &entry.body {
                Body::Bet(play) => {
                    sessions.insert(play.session);
                    (play.account, play.round)
                }
                Body::Win(play) => (play.account, play.round),
                Body::Cancel(cancel) => (cancel.account, cancel.round),
                Body::Void(_) | Body::Record(_) => {
                    sessions.extend(entry.documents().filter_map(Document::session));
                    continue;
                }
            };
            rounds.extend(round.map(|round| RoundKey { account, round }));
        }
        for key in rounds {
            let place = place_of(key.account)?.ok_or(LOST_ACCOUNT)?;
            let found = view.round(place.id_space, place.currency, key)?;
            self.rounds.extend(found.map(|row| (key, row)));
        }
        for session in sessions {
            if row.is_none_or(|row| row.session(session).is_none()) {
                let found = view.past_session(self.home, session)?;
                self.past.extend(found.map(|row| (session, row)));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::books::Checkpoints;
    use crate::disk::Disk;
    use crate::engine::command::{AccountName, Command, NewSession, Rules, Transaction};
    use crate::engine::ids::IdKey;
    use crate::id::{GameNumber, Lang, PartnerNumber, TransactionId};
    use crate::journal::{self, CommitMode, Options, SEGMENT_SIZE};
    use crate::ledger::{Checkpointer, Committer, Outcome, Settings, open_books};
    use crate::money::Amount;
    use crate::sim::disk::SimDisk;
    use crate::sim::{ManualClock, sample};
    use crate::time::{Span, Timestamp};

    const HOME: AccountNumber = AccountNumber(1);

    fn open(disk: &SimDisk) -> (Arc<Ledger>, Committer) {
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        let now = Timestamp::from_micros(1_000_000);
        let options = Options {
            commit: CommitMode::OnePhase,
            must_exist: false,
            segment_size: SEGMENT_SIZE,
            new_id: [7; 16],
            fingerprint: journal::secret_key(&*disk, false, &[7; 32])
                .unwrap()
                .fingerprint(),
            now,
        };
        let opened = journal::open(Arc::clone(&disk), options).unwrap();
        let books = open_books(&*disk, &opened, false).unwrap();
        let settings = Settings {
            rules: Rules::default(),
            queue_entries_max: 64,
            checkpoints: Checkpoints::default(),
        };
        let clock = Arc::new(ManualClock::new(now));
        Ledger::recover(Arc::new(opened.journal), books, clock, settings).unwrap()
    }

    /// To be opened for the player.
    fn session(code: &str) -> NewSession {
        NewSession {
            account: AccountName {
                partner: PartnerNumber(1),
                player_id: "ann".parse().unwrap(),
                currency: "USD".parse().unwrap(),
            },
            code: code.parse().unwrap(),
            game: None,
            lang: Lang::EN,
            ttl: Span::from_seconds(3600),
        }
    }

    /// A ledger with one player, whose number is [`HOME`], in one session.
    fn with_a_player(disk: &SimDisk) -> (Arc<Ledger>, Committer) {
        let (ledger, committer) = open(disk);
        let currency = "USD".parse().unwrap();
        let partner = sample::partner("w1", currency);
        ledger.create_partner(partner, sample::secrets()).unwrap();
        ledger.open_session(session("code")).unwrap();
        (ledger, committer)
    }

    fn win(ledger: &Ledger, id: u64) -> Outcome {
        let win = Command::Win(Transaction {
            id: TransactionId(id),
            round: None,
            game: GameNumber(1),
            amount: Amount::from_cents(100).unwrap(),
        });
        let partner = ledger.partner(PartnerNumber(1)).unwrap().value;
        ledger.play(&partner, "code", &win).unwrap().outcome
    }

    fn done(cents: u64) -> Outcome {
        let balance = Amount::from_cents(cents).unwrap();
        Outcome::Done { balance }
    }

    #[test]
    fn what_was_seen_in_the_books_before_a_turn_is_not_taken_in_after_it() {
        let (ledger, mut committer) = with_a_player(&SimDisk::new());
        let (mut checkpointer, _stop) = Checkpointer::new(Arc::clone(&ledger));
        let mut forget = || {
            committer.step(usize::MAX).unwrap();
            for _ in 0..2 {
                checkpointer.checkpoint().unwrap();
            }
        };
        forget();
        let place = ledger.place_of("code").unwrap().unwrap();
        let key = IdKey {
            space: place.id_space,
            currency: place.currency,
            id: TransactionId(5),
        };
        let sight = ledger.look(|view| view.id(&key)).unwrap();
        let unit = ledger.read_unit(HOME, None).unwrap().unwrap();
        assert!(sight.found.is_none() && ledger.is_fresh(&sight));
        assert_eq!(win(&ledger, 5), done(100));
        assert!(
            ledger.is_fresh(&sight),
            "what was not forgotten is in memory"
        );
        forget();
        assert!(!ledger.is_fresh(&sight), "the id is in the books by now");
        let mut players = ledger.shards.players.lock(&HOME);
        assert!(!ledger.admit(&mut players, unit), "it is behind by a win");
        drop(players);
        assert_eq!(win(&ledger, 5), done(100), "a repetition");
        assert_eq!(win(&ledger, 6), done(200));
    }

    #[test]
    fn a_players_older_sessions_are_counted_wherever_in_memory_they_are() {
        let (ledger, mut committer) = with_a_player(&SimDisk::new());
        let (mut checkpointer, _stop) = Checkpointer::new(Arc::clone(&ledger));
        let open_more = |from: usize| {
            for number in from..from + 10 {
                ledger
                    .open_session(session(&format!("code{number}")))
                    .unwrap();
            }
        };
        let close = |number: usize| {
            let code = format!("code{number}").parse().unwrap();
            ledger.close_session(&code).unwrap();
        };
        let open = || {
            let seen = ledger.player(PartnerNumber(1), &"ann".parse().unwrap());
            seen.unwrap().value.open_sessions
        };
        open_more(0);
        close(0);
        assert_eq!(open(), 10);
        committer.step(usize::MAX).unwrap();
        let turn = checkpointer.turn().unwrap();
        // Some are in the generation before alone, and not in the books yet.
        assert_eq!(open(), 10);
        open_more(10);
        close(1);
        assert_eq!(open(), 19);
        checkpointer.write(turn, &mut || {}).unwrap();
        for _ in 0..2 {
            assert_eq!(open(), 19);
            committer.step(usize::MAX).unwrap();
            checkpointer.checkpoint().unwrap();
        }
        close(2);
        assert_eq!(open(), 18);
    }

    #[test]
    fn who_comes_when_the_tail_was_applied_finds_the_player() {
        let disk = SimDisk::new();
        let (ledger, mut committer) = with_a_player(&disk);
        assert_eq!(win(&ledger, 5), done(100));
        committer.step(usize::MAX).unwrap();
        drop((ledger, committer));

        let (ledger, _committer) = open(&disk);
        let pending = ledger
            .shards
            .players
            .lock(&HOME)
            .pending
            .get(&HOME)
            .copied();
        assert!(pending.is_some());
        ledger.apply_tail().unwrap();
        assert!(ledger.read_unit(HOME, pending).unwrap().is_none());
        assert!(!ledger.is_latched());
        assert_eq!(win(&ledger, 6), done(200));
    }
}
