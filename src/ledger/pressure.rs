//! How much is in memory, and what is done where that is too much.
//!
//! A turn empties memory of what nobody touched, but the books have to be written for that: while
//! they are being written, and while the disk has no room for them, memory may fill up. Then what
//! was merely seen is let go of, since the books have it as it is; and where what was changed is
//! too much by itself, nothing that would be written is taken until the books have caught up.
//! Balances, repetitions and refusals are told all the while.

use std::sync::atomic::Ordering;

use super::{Ledger, Space};

/// What a row takes in memory, roughly: a player with an account and a session, and a round or an
/// id with its share of the tables.
const PLAYER_BYTES: u64 = 900;
const ROW_BYTES: u64 = 180;

/// A transfer with its id, the users of a mobile number, a received payment or an order.
const DOCUMENT_BYTES: u64 = 400;

/// A document of the gateway takes as much as so many others: some hold a text of some kilobytes,
/// and all stand in lists.
const GATEWAY_DOCUMENTS: usize = 4;

/// What a row takes on the disk, with its share of pages that are half full and of indexes.
const WRITTEN_BYTES: u64 = 512;

/// A page of the books. A row that lies far from all others costs one that is written anew.
const PAGE_BYTES: u64 = 4096;

/// Commits until a page that was written anew is free again.
const PAGES_HELD: u64 = 3;

impl Ledger {
    /// Roughly what the current generations take, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let players = self.shards.players.each().map(|players| {
            let holdings = &players.holdings;
            let rows = holdings.rounds.len() + holdings.past_len();
            holdings.players.len() as u64 * PLAYER_BYTES + rows as u64 * ROW_BYTES
        });
        let ids = (self.shards.ids.each()).map(|ids| ids.rows.len());
        let codes = (self.shards.codes.each()).map(|codes| codes.len());
        let names = (self.shards.names.each()).map(|names| names.len());
        let accounts = (self.shards.accounts.each()).map(|accounts| accounts.len());
        let references = (self.shards.references.each()).map(|references| references.len());
        let rows = ids
            .chain(codes)
            .chain(names)
            .chain(accounts)
            .chain(references);
        let users = (self.shards.users.each()).map(|users| users.len());
        let transfers = (self.shards.transfers.each()).map(|transfers| transfers.len());
        let payments = self.shards.payments.lock().len();
        let gateway = self.shards.gateway.lock().len() * GATEWAY_DOCUMENTS;
        let documents = users
            .chain(transfers)
            .chain([payments, gateway])
            .sum::<usize>() as u64;
        let rows = rows.sum::<usize>() as u64;
        players.sum::<u64>() + rows * ROW_BYTES + documents * DOCUMENT_BYTES
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
        self.shards.gateway.lock().shed();
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
