//! Shards: what is kept in memory, cut by key, each piece under a lock of its own.
//!
//! Locks are taken in one order: codes, references, users, transfers, payments, gateway, names,
//! ids, players, accounts; never two of a kind, except where all of a kind are taken by number. Between
//! the locks nothing waits and nothing reads a disk, but for documents that were pushed out of
//! memory a moment ago.
//!
//! Payments and orders are rare next to bets, and several of them change together: they are one
//! piece, and so are the gateway's documents.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::{Mutex, MutexGuard};

use super::gateway::Gateway;
use super::paying::Payments;
use super::recent::{Place, Recent, word};
use crate::books::{AccountPlace, SessionPlace};
use crate::engine::document::Adjustment;
use crate::engine::entry::{Body, Entry};
use crate::engine::held::Held;
use crate::engine::holdings::{Holdings, PlayerKey};
use crate::engine::ids::{IdKey, IdRow};
use crate::engine::round::RoundKey;
use crate::engine::transfer::{TransferKey, TransferRow};
use crate::engine::user::Registered;
use crate::id::{AccountNumber, Code, Mobile, PartnerNumber, Reference, Seq};

/// Pieces of each kind: many more than cores, so that two requests seldom meet.
const SHARDS: usize = 64;

/// Pieces of one kind and the keyed hash that cuts them: clients choose the keys, so the hash's
/// seed is random.
pub(super) struct Sharded<T> {
    shards: Vec<Mutex<T>>,
    hasher: ahash::RandomState,
}

impl<T: Default> Sharded<T> {
    fn new() -> Sharded<T> {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Sharded {
            shards,
            hasher: ahash::RandomState::new(),
        }
    }
}

impl<T> Sharded<T> {
    pub(super) fn lock(&self, key: &(impl Hash + ?Sized)) -> MutexGuard<'_, T> {
        let index = self.hasher.hash_one(key) % SHARDS as u64;
        self.shards[usize::try_from(index).expect("there are few shards")].lock()
    }

    /// One after the other, by number.
    pub(super) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.shards.iter().map(Mutex::lock)
    }

    /// All at once.
    pub(super) fn all(&self) -> Vec<MutexGuard<'_, T>> {
        self.each().collect()
    }
}

/// Who used which transaction id.
#[derive(Default)]
pub(super) struct Ids {
    pub(super) rows: Held<IdKey, IdRow>,
    /// Ids that were taken lately.
    pub(super) recent: Recent,
}

impl Ids {
    pub(super) fn apply(&mut self, key: IdKey, entry: &Entry) {
        if let Some(row) = IdRow::apply(self.rows.row(&key), entry) {
            self.recent.note(key.place(), key.id.0);
            self.rows.put(key, row);
        }
    }
}

impl IdKey {
    /// Where the id is unique.
    pub(super) fn place(&self) -> Place {
        (self.space, self.currency)
    }
}

/// Some of the players.
#[derive(Default)]
pub(super) struct Players {
    pub(super) holdings: Holdings,
    /// Rounds that were begun by a transaction of another number.
    pub(super) foreign: Recent,
    /// Players that entries of the tail are about which were not applied yet, and the last of
    /// them. What is in memory of such a player is behind.
    pub(super) pending: HashMap<AccountNumber, u32, ahash::RandomState>,
}

impl Players {
    /// Whether the player is in memory, with all of the tail applied; it is then kept there.
    pub(super) fn keep(&mut self, home: AccountNumber) -> bool {
        let is_behind = !self.pending.is_empty() && self.pending.contains_key(&home);
        !is_behind && self.holdings.players.keep(&home).is_some()
    }

    /// Makes the change of an entry that was pushed a moment ago.
    pub(super) fn apply(&mut self, home: AccountNumber, entry: &Entry, place: Place) {
        self.holdings.apply(home, entry);
        self.note_foreign(entry, place);
    }

    pub(super) fn note_foreign(&mut self, entry: &Entry, place: Place) {
        let (Body::Bet(play) | Body::Win(play)) = &entry.body else {
            return;
        };
        if let Some(round) = play.round.filter(|round| round.0 != play.id.0) {
            let account = play.account;
            let row = self.holdings.rounds.row(&RoundKey { account, round });
            if row.is_none_or(|row| row.foreign) {
                self.foreign.note(place, round.0);
            }
        }
    }
}

/// All of it.
pub(super) struct Shards {
    /// Codes of sessions, for ever: none is used twice.
    pub(super) codes: Sharded<Held<Code, SessionPlace>>,
    /// References of adjustments, for ever.
    pub(super) references: Sharded<Held<(PartnerNumber, Reference), (Adjustment, Seq)>>,
    /// Who is registered under which mobile number, for ever.
    pub(super) users: Sharded<Held<Mobile, Registered>>,
    /// Partners' deposits and withdrawals, for ever.
    pub(super) transfers: Sharded<Held<TransferKey, TransferRow>>,
    /// Received payments and orders.
    pub(super) payments: Mutex<Payments>,
    /// The gateway's documents, for ever.
    pub(super) gateway: Mutex<Gateway>,
    /// Players' numbers.
    pub(super) names: Sharded<Held<PlayerKey, AccountNumber>>,
    pub(super) ids: Sharded<Ids>,
    pub(super) players: Sharded<Players>,
    pub(super) accounts: Sharded<Held<AccountNumber, AccountPlace>>,
}

impl Shards {
    pub(super) fn new() -> Shards {
        Shards {
            codes: Sharded::new(),
            references: Sharded::new(),
            users: Sharded::new(),
            transfers: Sharded::new(),
            payments: Mutex::default(),
            gateway: Mutex::default(),
            names: Sharded::new(),
            ids: Sharded::new(),
            players: Sharded::new(),
            accounts: Sharded::new(),
        }
    }

    /// The ids that are neighbours of `key`'s: those of one word lie in one shard.
    pub(super) fn ids_of(&self, key: &IdKey) -> MutexGuard<'_, Ids> {
        self.ids.lock(&(key.space, key.currency, word(key.id.0)))
    }
}
