//! Writing the books: slices of rows, each a commit of its own.

use std::collections::btree_map::Entry;
use std::sync::Arc;

use parking_lot::MutexGuard;
use redb::{ReadableTable, Table, TableHandle, WriteTransaction};

use super::filter::Filter;
use super::keys::{day_key, id_key, partner_key, round_key, session_key, sum_key};
use super::merge::{PIECES, pieces};
use super::rows::{
    AccountPlace, ForeignRound, Home, OpenRound, Row, SessionPlace, Space, SumRow, Unlisted, seal,
    unseal,
};
use super::runs::{Kind, Run, RunList, run_table};
use super::{ABOUT, Applied, BEGUN, Begun, Books, BooksError, COUNTS, ReferenceKey};
use crate::engine::document::{Adjustment, Partner};
use crate::engine::holdings::{PlayerKey, PlayerRow, SessionRow};
use crate::engine::ids::{IdKey, IdRow};
use crate::engine::round::{OddPlay, Round, RoundKey};
use crate::engine::totals::{DayKey, DayTotals, SumOf};
use crate::id::{AccountNumber, Code, IdSpaceNumber, Seq};
use crate::money::{Currency, Sum};

/// Some rows, written in one commit. Rows that are sorted by key are written fastest.
pub struct Slice<'a> {
    books: &'a Books,
    pub(super) transaction: WriteTransaction,
    pub(super) buffer: Vec<u8>,
    begun: Option<Begun>,
    _entered: MutexGuard<'a, ()>,
}

impl Books {
    /// Begins a slice. One at a time.
    ///
    /// # Errors
    /// [`BooksError::Database`].
    pub fn begin(&self) -> Result<Slice<'_>, BooksError> {
        let entered = self.writing.lock();
        // Its durability is `Immediate` unless somebody says otherwise.
        let mut transaction = self.database.begin_write()?;
        // So that the file is opened at once after a kill.
        transaction.set_quick_repair(true);
        Ok(Slice {
            books: self,
            transaction,
            buffer: Vec::new(),
            begun: None,
            _entered: entered,
        })
    }

    /// The number of a space, which gets one where it has none.
    fn space(
        &self,
        slice: &WriteTransaction,
        id_space: IdSpaceNumber,
        currency: Currency,
    ) -> Result<u32, BooksError> {
        let space = Space { id_space, currency };
        if let Some(&number) = self.shared.spaces.read().get(&space) {
            return Ok(number);
        }
        let mut spaces = self.shared.spaces.write();
        let number = u32::try_from(spaces.len()).expect("there are fewer than 2^32 spaces");
        let mut writer = Writer::<Space>::open(slice)?;
        writer.put(&number.to_be_bytes(), &space, &mut Vec::new())?;
        writer.close(slice)?;
        spaces.insert(space, number);
        Ok(number)
    }
}

/// One table of a slice.
pub(super) struct Writer<'t, R> {
    table: Table<'t, &'static [u8], &'static [u8]>,
    added: i64,
    row: std::marker::PhantomData<R>,
}

impl<'t, R: Row> Writer<'t, R> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Writer<'t, R>, BooksError> {
        Ok(Writer {
            table: transaction.open_table(R::TABLE)?,
            added: 0,
            row: std::marker::PhantomData,
        })
    }

    pub(super) fn read(&self, key: &[u8]) -> Result<Option<R>, BooksError> {
        let row = self.table.get(key)?;
        row.map(|row| unseal(key, row.value())).transpose()
    }

    pub(super) fn put(
        &mut self,
        key: &[u8],
        row: &R,
        buffer: &mut Vec<u8>,
    ) -> Result<(), BooksError> {
        seal(key, row, buffer);
        if self.table.insert(key, buffer.as_slice())?.is_none() {
            self.added += 1;
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Result<(), BooksError> {
        if self.table.remove(key)?.is_some() {
            self.added -= 1;
        }
        Ok(())
    }

    /// Counts what came and went.
    pub(super) fn close(self, transaction: &WriteTransaction) -> Result<(), BooksError> {
        count(transaction, R::TABLE.name(), self.added)
    }
}

/// Counts rows of a table that came, or went.
pub(super) fn count(
    transaction: &WriteTransaction,
    table: &str,
    added: i64,
) -> Result<(), BooksError> {
    if added == 0 {
        return Ok(());
    }
    let mut counts = transaction.open_table(COUNTS)?;
    let before = counts.get(table)?.map_or(0, |count| count.value());
    let now = before.checked_add_signed(added);
    counts.insert(table, now.expect("what is removed was counted"))?;
    Ok(())
}

/// A run that rows are written to.
#[derive(Debug)]
pub struct NewRun {
    kind: Kind,
    number: u64,
}

/// What the last slice of a flush bears besides rows.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The entry that the books are up to from then on.
    pub applied: Applied,
    /// Every sum as it is at that entry.
    pub sums: Vec<(Currency, SumOf, Sum)>,
    /// What came to the days since the flush before.
    pub days: Vec<(DayKey, DayTotals)>,
    /// Partners that changed since, each with the entry that changed it last.
    pub partners: Vec<(Partner, Seq)>,
}

impl Slice<'_> {
    /// Says up to where the flush goes that it is of. Before the last slice nothing else tells that
    /// rows are there which the books are not up to.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn mark(&mut self, up_to: &Applied) -> Result<(), BooksError> {
        let begun = Begun {
            seq: up_to.seq,
            hash: up_to.hash,
        };
        if self.books.begun() != Some(begun) {
            let mut about = self.transaction.open_table(ABOUT)?;
            about.insert(BEGUN, begun.encode().as_slice())?;
        }
        self.begun = Some(begun);
        Ok(())
    }

    /// Writes rows of one kind.
    pub(super) fn rows<'r, R: Row + 'r, K: AsRef<[u8]>>(
        &mut self,
        rows: impl Iterator<Item = (K, &'r R)>,
    ) -> Result<(), BooksError> {
        let mut writer = Writer::<R>::open(&self.transaction)?;
        for (key, row) in rows {
            writer.put(key.as_ref(), row, &mut self.buffer)?;
        }
        writer.close(&self.transaction)
    }

    /// Players, and those of their sessions that left their rows.
    ///
    /// # Errors
    /// [`BooksError`], as of all that is written here: then nothing of the slice is there.
    pub fn players(
        &mut self,
        players: &[(AccountNumber, &PlayerRow)],
        past: &[(AccountNumber, &SessionRow)],
        at: crate::time::Timestamp,
    ) -> Result<(), BooksError> {
        self.rows(
            players
                .iter()
                .map(|(home, row)| (home.0.to_be_bytes(), *row)),
        )?;
        let key = |home: &AccountNumber, row: &SessionRow| session_key(*home, row.session.number);
        self.rows(past.iter().map(|(home, row)| (key(home, row), *row)))?;
        let mut unlisted = Writer::<Unlisted>::open(&self.transaction)?;
        for (home, row) in past {
            let key = key(home, row);
            if row.is_over(at) {
                unlisted.remove(&key)?;
            } else {
                let changed = row.changed;
                unlisted.put(&key, &Unlisted { changed }, &mut self.buffer)?;
            }
        }
        unlisted.close(&self.transaction)
    }

    /// Numbers of players, by name.
    ///
    /// # Errors
    /// As above.
    pub fn names(&mut self, names: &[(&PlayerKey, AccountNumber)]) -> Result<(), BooksError> {
        let rows: Vec<_> = names.iter().map(|(_, home)| Home { home: *home }).collect();
        let keys = names
            .iter()
            .map(|(key, _)| partner_key(key.0, key.1.as_str()));
        self.rows(keys.zip(&rows))
    }

    /// Where accounts lead.
    ///
    /// # Errors
    /// As above.
    pub fn accounts(
        &mut self,
        accounts: &[(AccountNumber, &AccountPlace)],
    ) -> Result<(), BooksError> {
        self.rows(
            accounts
                .iter()
                .map(|(number, row)| (number.0.to_be_bytes(), *row)),
        )
    }

    /// Where codes lead.
    ///
    /// # Errors
    /// As above.
    pub fn codes(&mut self, codes: &[(&Code, &SessionPlace)]) -> Result<(), BooksError> {
        self.rows(
            codes
                .iter()
                .map(|(code, row)| (code.as_str().as_bytes(), *row)),
        )
    }

    /// Adjustments by their references.
    ///
    /// # Errors
    /// As above.
    pub fn adjustments(
        &mut self,
        adjustments: &[(&ReferenceKey, &(Adjustment, Seq))],
    ) -> Result<(), BooksError> {
        let rows = adjustments.iter();
        self.rows(rows.map(|(key, row)| (partner_key(key.0, key.1.as_str()), *row)))
    }

    /// What ids stand for, in the run that was begun for them or in the table.
    ///
    /// # Errors
    /// As above.
    pub fn ids(
        &mut self,
        ids: &[(&IdKey, &IdRow)],
        run: Option<&NewRun>,
    ) -> Result<(), BooksError> {
        let keys = self.id_keys(ids.iter().map(|(key, _)| *key))?;
        let rows = keys.iter().zip(ids.iter().map(|(_, row)| *row));
        match run {
            Some(run) => self.run_rows(run, rows),
            None => self.rows(rows),
        }
    }

    fn id_keys<'k>(
        &self,
        ids: impl Iterator<Item = &'k IdKey>,
    ) -> Result<Vec<[u8; 12]>, BooksError> {
        let keys = ids.map(|key| {
            let space = (self.books).space(&self.transaction, key.space, key.currency)?;
            Ok(id_key(space, key.id))
        });
        keys.collect()
    }

    fn round_keys<'k>(
        &self,
        rounds: impl Iterator<Item = ((IdSpaceNumber, Currency), &'k RoundKey)>,
    ) -> Result<Vec<[u8; 20]>, BooksError> {
        let keys = rounds.map(|((id_space, currency), key)| {
            let space = (self.books).space(&self.transaction, id_space, currency)?;
            Ok(round_key(space, *key))
        });
        keys.collect()
    }

    /// Begins a run for ids, which are written by later slices.
    ///
    /// # Errors
    /// As above.
    pub fn begin_run_of_ids<'k>(
        &mut self,
        ids: impl Iterator<Item = &'k IdKey>,
    ) -> Result<NewRun, BooksError> {
        let keys = self.id_keys(ids)?;
        self.begin_run(Kind::Ids, &keys)
    }

    /// Begins a run for rounds, as [`Slice::begin_run_of_ids`].
    ///
    /// # Errors
    /// As above.
    pub fn begin_run_of_rounds<'k>(
        &mut self,
        rounds: impl Iterator<Item = ((IdSpaceNumber, Currency), &'k RoundKey)>,
    ) -> Result<NewRun, BooksError> {
        let keys = self.round_keys(rounds)?;
        self.begin_run(Kind::Rounds, &keys)
    }

    fn begin_run<const N: usize>(
        &mut self,
        kind: Kind,
        keys: &[[u8; N]],
    ) -> Result<NewRun, BooksError> {
        let mut list = RunList::begin(&self.transaction, kind)?;
        let number = list.number();
        let known = self.transaction.open_table(kind.table())?;
        let mut filter = Filter::with_room_for(keys.len() as u64);
        for key in keys {
            let (space, _) = key
                .split_first_chunk()
                .expect("a key begins with its space");
            let number = u32::from_be_bytes(*space);
            if let Entry::Vacant(new) = list.spaces.entry(number) {
                let end = (number + 1).to_be_bytes();
                new.insert(known.range(&space[..]..&end[..])?.next().is_some());
            }
            filter.insert(self.books.shared.hash(key));
        }
        drop(known);
        let mut run = Run::new(number);
        // Kept at once: a start that had to do without it would look into the run for each key.
        let written = self.pieces((kind, number), &filter, 0)?;
        run.pieces = (written < PIECES).then(|| pieces(written));
        list.runs.push(run);
        self.write_list(&list, kind)?;
        let name = kind.run(number);
        self.transaction.open_table(run_table(&name))?;
        // Whoever sees the run has its filter: also for rows that are written later.
        let mut filters = self.books.shared.filters.write();
        filters.insert((kind, number), Arc::new(filter));
        Ok(NewRun { kind, number })
    }

    pub(super) fn write_list(&mut self, list: &RunList, kind: Kind) -> Result<(), BooksError> {
        if list.write(&self.transaction, kind)? {
            count(&self.transaction, RunList::TABLE.name(), 1)?;
        }
        Ok(())
    }

    fn run_rows<'r, R: Row + 'r, K: AsRef<[u8]>>(
        &mut self,
        run: &NewRun,
        rows: impl Iterator<Item = (K, &'r R)>,
    ) -> Result<(), BooksError> {
        let name = run.kind.run(run.number);
        let mut table = self.transaction.open_table(run_table(&name))?;
        let mut added = 0;
        for (key, row) in rows {
            seal(key.as_ref(), row, &mut self.buffer);
            let before = table.insert(key.as_ref(), self.buffer.as_slice())?;
            added += u64::from(before.is_none());
        }
        drop(table);
        let mut list = RunList::begin(&self.transaction, run.kind)?;
        list.run_mut(run.number).rows += added;
        self.write_list(&list, run.kind)
    }

    /// Rounds, with the space of each one's account, and whether each is open; in the run that was
    /// begun for them or in the table. `applied` is the entry that the books were up to.
    ///
    /// # Errors
    /// As above.
    pub fn rounds(
        &mut self,
        rounds: &[((IdSpaceNumber, Currency), &RoundKey, &Round)],
        applied: Seq,
        run: Option<&NewRun>,
    ) -> Result<(), BooksError> {
        let keys = self.round_keys(rounds.iter().map(|(space, key, _)| (*space, *key)))?;
        let rows = keys.iter().zip(rounds.iter().map(|(_, _, row)| *row));
        match run {
            Some(run) => self.run_rows(run, rows)?,
            None => self.rows(rows)?,
        }
        let mut foreign = Writer::<ForeignRound>::open(&self.transaction)?;
        let mut open = Writer::<OpenRound>::open(&self.transaction)?;
        for (key, (_, of, row)) in keys.iter().zip(rounds) {
            // Where rounds go into runs nobody asks which are the greatest.
            if run.is_none() && row.foreign && row.first > applied {
                let first = row.first;
                foreign.put(key, &ForeignRound { first }, &mut self.buffer)?;
            }
            let first = row.first.0.to_be_bytes();
            if row.open {
                let (account, round) = (of.account, of.round);
                open.put(&first, &OpenRound { account, round }, &mut self.buffer)?;
            } else {
                // A flush that was cut short may have listed it, however young it is.
                open.remove(&first)?;
            }
        }
        foreign.close(&self.transaction)?;
        open.close(&self.transaction)
    }

    /// Odd transactions.
    ///
    /// # Errors
    /// As above.
    pub fn odd_plays<'r>(
        &mut self,
        plays: impl Iterator<Item = (Seq, &'r OddPlay)>,
    ) -> Result<(), BooksError> {
        self.rows(plays.map(|(seq, row)| (seq.0.to_be_bytes(), row)))
    }

    /// What the last slice bears besides rows.
    ///
    /// # Errors
    /// As above.
    pub fn close(&mut self, closing: &Closing) -> Result<(), BooksError> {
        let partners = closing.partners.iter();
        self.rows(partners.map(|row| (row.0.number.0.to_be_bytes(), row)))?;
        let rows: Vec<_> = closing
            .sums
            .iter()
            .map(|(_, _, sum)| SumRow { sum: *sum })
            .collect();
        let keys = closing
            .sums
            .iter()
            .map(|(currency, of, _)| sum_key(*currency, *of));
        self.rows(keys.zip(&rows))?;
        let mut days = Writer::<DayTotals>::open(&self.transaction)?;
        for (key, more) in &closing.days {
            let key = day_key(key);
            let mut day = days.read(&key)?.unwrap_or_default();
            day.merge(more);
            days.put(&key, &day, &mut self.buffer)?;
        }
        days.close(&self.transaction)?;
        let mut about = self.transaction.open_table(ABOUT)?;
        closing.applied.write(&mut about)
    }

    /// Makes the rows durable.
    ///
    /// # Errors
    /// As above.
    pub fn commit(self) -> Result<(), BooksError> {
        let applied = { Applied::read(&self.transaction.open_table(ABOUT)?)? };
        self.transaction.commit()?;
        let applied = applied.ok_or(BooksError::Unreadable("does not say how far it goes"))?;
        *self.books.applied.write() = applied;
        if let Some(begun) = self.begun {
            *self.books.begun.write() = Some(begun);
        }
        Ok(())
    }
}
