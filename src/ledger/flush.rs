//! Writing what a turn has ended to the books: slice by slice, each a commit of its own, sorted by
//! key.

use std::collections::HashMap;
use std::sync::Arc;

use super::Ledger;
use super::checkpoint::Turn;
use super::checkpoint_error::CheckpointError;
use super::recent::Place;
use crate::books::{BooksError, Kind, Slice};
use crate::engine::held::Generation;
use crate::engine::ids::IdKey;
use crate::engine::round::RoundKey;

/// Writes one turn's rows, slice by slice.
pub(super) struct Writing<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) turn: &'a Turn,
    pub(super) between: &'a mut dyn FnMut() -> Result<(), CheckpointError>,
}

/// All changed rows of some generations, in the order of their keys.
fn sorted<'g, K: Ord + 'g, V: 'g>(
    generations: impl Iterator<Item = &'g Arc<Generation<K, V>>>,
) -> Vec<(&'g K, &'g V)> {
    let mut rows: Vec<_> = generations.flat_map(|rows| rows.changed()).collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    rows
}

impl Writing<'_> {
    fn slice_rows(&self) -> usize {
        self.ledger.checkpoints.slice_rows
    }

    fn slice<T>(
        &mut self,
        write: impl FnOnce(&mut Slice<'_>) -> Result<T, BooksError>,
    ) -> Result<T, CheckpointError> {
        let mut slice = self.ledger.books.begin()?;
        slice.mark(&self.turn.applied)?;
        let written = write(&mut slice)?;
        slice.commit()?;
        // So that pages which nobody reads any more are used again.
        (self.ledger.view).store(Arc::new(self.ledger.books.view()?));
        (self.between)()?;
        Ok(written)
    }

    /// What is written once and seldom.
    pub(super) fn documents(&mut self) -> Result<(), CheckpointError> {
        let turn = self.turn;
        for rows in sorted(turn.names.iter()).chunks(self.slice_rows()) {
            let rows: Vec<_> = rows.iter().map(|(key, home)| (*key, **home)).collect();
            self.slice(|slice| slice.names(&rows))?;
        }
        for rows in sorted(turn.accounts.iter()).chunks(self.slice_rows()) {
            let rows: Vec<_> = rows.iter().map(|(number, row)| (**number, *row)).collect();
            self.slice(|slice| slice.accounts(&rows))?;
        }
        for rows in sorted(turn.codes.iter()).chunks(self.slice_rows()) {
            self.slice(|slice| slice.codes(rows))?;
        }
        for rows in sorted(turn.references.iter()).chunks(self.slice_rows()) {
            self.slice(|slice| slice.adjustments(rows))?;
        }
        for rows in sorted(turn.users.iter()).chunks(self.slice_rows()) {
            self.slice(|slice| slice.registered(rows))?;
        }
        for rows in sorted(turn.transfers.iter()).chunks(self.slice_rows()) {
            self.slice(|slice| slice.transfers(rows))?;
        }
        for rows in sorted([&turn.payments.rows].into_iter()).chunks(self.slice_rows()) {
            self.slice(|slice| slice.payments(rows))?;
        }
        for rows in sorted([&turn.payments.orders].into_iter()).chunks(self.slice_rows()) {
            self.slice(|slice| slice.orders(rows))?;
        }
        for rows in sorted([&turn.payments.claims].into_iter()).chunks(self.slice_rows()) {
            self.slice(|slice| slice.claims(rows))?;
        }
        for rows in sorted([&turn.gateway].into_iter()).chunks(self.slice_rows()) {
            self.slice(|slice| slice.gateway(rows))?;
        }
        Ok(())
    }

    /// Each slice has whole players: the row, and the sessions that left it.
    pub(super) fn players(&mut self) -> Result<(), CheckpointError> {
        let turn = self.turn;
        let past = sorted(turn.players.iter().map(|turned| &turned.past));
        let past: Vec<_> = past
            .into_iter()
            .map(|((home, _), row)| (*home, row))
            .collect();
        let mut past = past.as_slice();
        for rows in
            sorted(turn.players.iter().map(|turned| &turned.players)).chunks(self.slice_rows())
        {
            let rows: Vec<_> = rows.iter().map(|(home, row)| (**home, *row)).collect();
            let last = rows.last().expect("a chunk has a row").0;
            let (theirs, rest) = past.split_at(past.partition_point(|(home, _)| *home <= last));
            self.slice(|slice| slice.players(&rows, theirs, turn.applied.at))?;
            past = rest;
        }
        assert!(past.is_empty(), "a session changes with its player");
        Ok(())
    }

    pub(super) fn ids(&mut self) -> Result<(), CheckpointError> {
        let rows = sorted(self.turn.ids.iter());
        let numbers = |(key, _): &(&IdKey, _)| (key.place(), key.id.0);
        let (settled, scattered) = self.apart(Kind::Ids, rows, numbers)?;
        for rows in settled.chunks(self.slice_rows()) {
            self.slice(|slice| slice.ids(rows, None))?;
        }
        if scattered.is_empty() {
            return Ok(());
        }
        let keys = scattered.iter().map(|(key, _)| *key);
        let run = self.slice(|slice| slice.begin_run_of_ids(keys))?;
        for rows in scattered.chunks(self.slice_rows()) {
            self.slice(|slice| slice.ids(rows, Some(&run)))?;
        }
        Ok(())
    }

    /// Parts rows, which are sorted, into those of spaces whose numbers come in some order and
    /// those whose do not.
    fn apart<R: Copy>(
        &self,
        kind: Kind,
        rows: Vec<R>,
        number: impl Fn(&R) -> (Place, u64),
    ) -> Result<(Vec<R>, Vec<R>), CheckpointError> {
        let view = self.ledger.view.load();
        let few = self.ledger.checkpoints.scattered_rows;
        let (mut settled, mut scattered) = (Vec::new(), Vec::new());
        for rows in rows.chunk_by(|one, other| number(one).0 == number(other).0) {
            let place = number(&rows[0]).0;
            let numbers = rows.iter().map(|row| number(row).1);
            if view.are_scattered(kind, place, numbers, few)? {
                scattered.extend_from_slice(rows);
            } else {
                settled.extend_from_slice(rows);
            }
        }
        Ok((settled, scattered))
    }

    pub(super) fn rounds(&mut self) -> Result<(), CheckpointError> {
        let turn = self.turn;
        let mut rows = Vec::new();
        for turned in &turn.players {
            // A round changes with its account.
            let accounts = turned.players.changed().flat_map(|(_, row)| &row.accounts);
            let spaces: HashMap<_, _, ahash::RandomState> = accounts
                .map(|row| {
                    (
                        row.opened.number,
                        (row.opened.id_space, row.opened.currency),
                    )
                })
                .collect();
            rows.extend(turned.rounds.changed().map(|(key, row)| {
                let space = spaces.get(&key.account);
                (*space.expect("a round changes with its account"), key, row)
            }));
        }
        rows.sort_unstable_by_key(|(space, key, _)| (*space, key.round, key.account));
        let numbers = |(place, key, _): &(Place, &RoundKey, _)| (*place, key.round.0);
        let (settled, scattered) = self.apart(Kind::Rounds, rows, numbers)?;
        for rows in settled.chunks(self.slice_rows()) {
            self.slice(|slice| slice.rounds(rows, turn.before, None))?;
        }
        if scattered.is_empty() {
            return Ok(());
        }
        let keys = scattered.iter().map(|(place, key, _)| (*place, *key));
        let run = self.slice(|slice| slice.begin_run_of_rounds(keys))?;
        for rows in scattered.chunks(self.slice_rows()) {
            self.slice(|slice| slice.rounds(rows, turn.before, Some(&run)))?;
        }
        Ok(())
    }

    pub(super) fn odd_plays(&mut self) -> Result<(), CheckpointError> {
        let turn = self.turn;
        let rows = turn
            .players
            .iter()
            .flat_map(|turned| turned.odd_plays.iter());
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable_by_key(|(seq, _)| **seq);
        for rows in rows.chunks(self.slice_rows()) {
            self.slice(|slice| slice.odd_plays(rows.iter().map(|(seq, row)| (**seq, *row))))?;
        }
        Ok(())
    }
}
