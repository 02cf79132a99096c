//! Shards: what is kept in memory, cut by key, each piece under a lock of its own.
//!
//! Locks are taken in one order: documents (codes, references), then ids, then players; never
//! two of a kind, except where all of a kind are taken by number. Between the locks nothing
//! waits and nothing reads a disk.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::{Mutex, MutexGuard};

use crate::engine::document::{Adjustment, Session};
use crate::engine::entry::Entry;
use crate::engine::holdings::Holdings;
use crate::engine::ids::{IdKey, IdRow};
use crate::id::{Code, IdSpaceNumber, PartnerNumber, Reference, Seq, SessionNumber};
use crate::money::Currency;

/// Pieces of each kind: many more than cores, so that two requests seldom meet.
const SHARDS: usize = 64;

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

/// Pieces of one kind and the keyed hash that cuts them: clients choose the keys, so the hash's
/// seed is random.
pub(super) struct Sharded<T> {
    shards: Vec<Mutex<T>>,
    hasher: ahash::RandomState,
}

impl<T: Default> Sharded<T> {
    pub(super) fn new() -> Sharded<T> {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Sharded {
            shards,
            hasher: ahash::RandomState::new(),
        }
    }
}

impl<T> Sharded<T> {
    /// The number of the piece that `key` lies in.
    pub(super) fn index(&self, key: &(impl Hash + ?Sized)) -> usize {
        usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).expect("there are few shards")
    }

    pub(super) fn lock_index(&self, index: usize) -> MutexGuard<'_, T> {
        self.shards[index].lock()
    }

    pub(super) fn lock(&self, key: &(impl Hash + ?Sized)) -> MutexGuard<'_, T> {
        self.lock_index(self.index(key))
    }

    /// How many pieces there are.
    pub(super) fn len(&self) -> usize {
        self.shards.len()
    }

    /// One after the other, by number.
    pub(super) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.shards.iter().map(Mutex::lock)
    }
}

/// Who used which transaction id.
#[derive(Default)]
pub(super) struct Ids(Map<IdKey, IdRow>);

impl Ids {
    pub(super) fn row(&self, key: &IdKey) -> Option<&IdRow> {
        self.0.get(key)
    }

    pub(super) fn apply(&mut self, key: IdKey, entry: &Entry) {
        if let Some(row) = IdRow::apply(self.0.get(&key), entry) {
            self.0.insert(key, row);
        }
    }
}

/// Where a code leads: what must be known before any other lock is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionPlace {
    pub(super) number: SessionNumber,
    pub(super) partner: PartnerNumber,
    pub(super) id_space: IdSpaceNumber,
    pub(super) currency: Currency,
    /// The piece of the players that the session's player lies in.
    pub(super) holdings: usize,
    pub(super) opened: Seq,
}

/// Codes of sessions, for ever: none is used twice.
#[derive(Default)]
pub(super) struct Codes(Map<Code, SessionPlace>);

impl Codes {
    pub(super) fn place(&self, code: &str) -> Option<SessionPlace> {
        self.0.get(code).copied()
    }

    pub(super) fn apply(
        &mut self,
        session: &Session,
        id_space: IdSpaceNumber,
        holdings: usize,
        seq: Seq,
    ) {
        self.0.entry(session.code.clone()).or_insert(SessionPlace {
            number: session.number,
            partner: session.partner,
            id_space,
            currency: session.currency,
            holdings,
            opened: seq,
        });
    }
}

/// References of adjustments, for ever.
#[derive(Default)]
pub(super) struct References(Map<(PartnerNumber, Reference), (Adjustment, Seq)>);

impl References {
    pub(super) fn row(&self, key: &(PartnerNumber, Reference)) -> Option<&(Adjustment, Seq)> {
        self.0.get(key)
    }

    pub(super) fn apply(&mut self, adjustment: &Adjustment, seq: Seq) {
        let key = (adjustment.partner, adjustment.reference.clone());
        self.0.insert(key, (adjustment.clone(), seq));
    }
}

/// All of it.
pub(super) struct Shards {
    pub(super) codes: Sharded<Codes>,
    pub(super) references: Sharded<References>,
    pub(super) ids: Sharded<Ids>,
    pub(super) holdings: Sharded<Holdings>,
}

impl Shards {
    pub(super) fn new() -> Shards {
        Shards {
            codes: Sharded::new(),
            references: Sharded::new(),
            ids: Sharded::new(),
            holdings: Sharded::new(),
        }
    }
}
