//! How much is in memory, and what is done where that is too much.
//!
//! A turn empties memory of what nobody touched, but the books have to be written for that: while
//! they are being written, and while the disk has no room for them, memory may fill up. Then what
//! was merely seen is let go of, since the books have it as it is; and where what was changed is
//! too much by itself, nothing that would be written is taken until the books have caught up.
//! Balances, repetitions and refusals are told all the while.

use std::hash::Hash;
use std::sync::atomic::Ordering;

use super::{Ledger, Space};
use crate::engine::held::Held;

/// What the key of a row refers to, in bytes, roughly: a code, a name or a reference.
const NAME_BYTES: u64 = 100;

/// The same of a transfer, or the users of a mobile number.
const DOCUMENT_BYTES: u64 = 300;

/// A received payment or an order, with its share of the tables.
const PAYMENT_BYTES: u64 = 600;

/// A row is a change of at least so many bytes in memory.
const ROW_BYTES: u64 = 100;

/// What a row takes on the disk, with its share of pages that are half full and of indexes.
const WRITTEN_BYTES: u64 = 512;

/// A page of the books. A row that lies far from all others costs one that is written anew.
const PAGE_BYTES: u64 = 4096;

/// Commits until a page that was written anew is free again.
const PAGES_HELD: u64 = 3;

/// What rows take whose tables do not hold all of it.
fn with<K: Clone + Eq + Hash, V: Clone>(rows: &Held<K, V>, beside: u64) -> u64 {
    rows.table_bytes() + rows.len() as u64 * beside
}

impl Ledger {
    /// Roughly what the current generations take, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let shards = &self.shards;
        let players = shards
            .players
            .each()
            .map(|players| players.holdings.bytes());
        let ids = shards.ids.each().map(|ids| ids.rows.table_bytes());
        let accounts = shards.accounts.each().map(|rows| rows.table_bytes());
        let codes = shards.codes.each().map(|rows| with(&rows, NAME_BYTES));
        let names = shards.names.each().map(|rows| with(&rows, NAME_BYTES));
        let references = shards.references.each().map(|rows| with(&rows, NAME_BYTES));
        let users = shards.users.each().map(|rows| with(&rows, DOCUMENT_BYTES));
        let transfers = (shards.transfers.each()).map(|rows| with(&rows, DOCUMENT_BYTES));
        let payments = shards.payments.lock().len() as u64 * PAYMENT_BYTES;
        let named = codes.chain(names).chain(references).sum::<u64>();
        let documents = users.chain(transfers).sum::<u64>() + payments;
        players.chain(ids).chain(accounts).sum::<u64>() + named + documents
    }

    /// What the current generations may take: the generation before has the other half.
    pub(super) fn resident_bytes_max(&self) -> u64 {
        self.checkpoints.resident_bytes / 2
    }

    /// Whether memory holds so much that a turn is due.
    pub(super) fn is_crowded(&self) -> bool {
        self.resident_bytes() > self.resident_bytes_max()
    }

    /// Lets go of what was merely seen where that has become much, and takes nothing more that
    /// would be written where what was changed is too much.
    pub(super) fn relieve(&self) {
        let most = self.resident_bytes_max();
        // What stayed the last time would stay again: it is not gone through for each new row.
        let stayed = self.stayed_bytes.load(Ordering::Relaxed);
        if self.resident_bytes() <= most.max(stayed.saturating_add(most / 4)) {
            return;
        }
        self.shed();
        let stays = self.resident_bytes();
        self.stayed_bytes.store(stays, Ordering::Relaxed);
        if stays > most {
            self.pressed.store(true, Ordering::Relaxed);
        }
    }

    /// Lets go of all that was merely seen since the last turn.
    fn shed(&self) {
        self.shards.codes.each().for_each(|mut rows| rows.shed());
        self.shards
            .references
            .each()
            .for_each(|mut rows| rows.shed());
        self.shards.users.each().for_each(|mut rows| rows.shed());
        (self.shards.transfers.each()).for_each(|mut rows| rows.shed());
        self.shards.payments.lock().shed();
        self.shards.names.each().for_each(|mut rows| rows.shed());
        self.shards.ids.each().for_each(|mut ids| ids.rows.shed());
        (self.shards.players.each()).for_each(|mut players| players.holdings.shed());
        self.shards.accounts.each().for_each(|mut rows| rows.shed());
    }

    /// Whether the disk has room for a checkpoint. While there is little, one that takes half of
    /// what is left is put off, since the journal's entries go before, and so is one that a start
    /// found no room for already.
    pub(super) fn has_room_to_write(&self) -> bool {
        match self.space() {
            Space::Full => false,
            Space::Low if self.unwritten.lock().is_some() => false,
            Space::Low => self.written_bytes_max() <= self.space.room() / 2,
            Space::Ample => true,
        }
    }

    /// What a checkpoint takes on the disk at most, in bytes.
    fn written_bytes_max(&self) -> u64 {
        let rows = self.resident_bytes() / ROW_BYTES;
        let slice = rows.min(self.checkpoints.slice_rows as u64);
        let pages = slice.saturating_mul(PAGE_BYTES * PAGES_HELD);
        pages.saturating_add(rows.saturating_mul(WRITTEN_BYTES))
    }
}
