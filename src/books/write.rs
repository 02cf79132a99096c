//! Writing the books: slices of rows, each a commit of its own.

use redb::{ReadableTable, Table, TableHandle, WriteTransaction};

use super::rows::{
    AccountPlace, ForeignRound, Home, OpenRound, Row, SessionPlace, Space, SumRow, Unlisted, seal,
    unseal,
};
use super::totals::{day_key, sum_key};
use super::view::{id_key, partner_key, round_key, session_key};
use super::{ABOUT, Applied, Books, BooksError, COUNTS, ReferenceKey};
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
    transaction: WriteTransaction,
    buffer: Vec<u8>,
}

impl Books {
    /// Begins a slice. One at a time.
    ///
    /// # Errors
    /// [`BooksError::Database`].
    pub fn begin(&self) -> Result<Slice<'_>, BooksError> {
        // Its durability is `Immediate` unless somebody says otherwise.
        let mut transaction = self.database.begin_write()?;
        // So that the file is opened at once after a kill.
        transaction.set_quick_repair(true);
        Ok(Slice {
            books: self,
            transaction,
            buffer: Vec::new(),
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
        if let Some(&number) = self.spaces.read().get(&space) {
            return Ok(number);
        }
        let mut spaces = self.spaces.write();
        let number = u32::try_from(spaces.len()).expect("there are fewer than 2^32 spaces");
        let mut writer = Writer::<Space>::open(slice)?;
        writer.put(&number.to_be_bytes(), &space, &mut Vec::new())?;
        writer.close(slice)?;
        spaces.insert(space, number);
        Ok(number)
    }
}

/// One table of a slice.
struct Writer<'t, R> {
    table: Table<'t, &'static [u8], &'static [u8]>,
    added: i64,
    row: std::marker::PhantomData<R>,
}

impl<'t, R: Row> Writer<'t, R> {
    fn open(transaction: &'t WriteTransaction) -> Result<Writer<'t, R>, BooksError> {
        Ok(Writer {
            table: transaction.open_table(R::TABLE)?,
            added: 0,
            row: std::marker::PhantomData,
        })
    }

    fn put(&mut self, key: &[u8], row: &R, buffer: &mut Vec<u8>) -> Result<(), BooksError> {
        seal(key, row, buffer);
        if self.table.insert(key, buffer.as_slice())?.is_none() {
            self.added += 1;
        }
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result<(), BooksError> {
        if self.table.remove(key)?.is_some() {
            self.added -= 1;
        }
        Ok(())
    }

    /// Counts what came and went.
    fn close(self, transaction: &WriteTransaction) -> Result<(), BooksError> {
        if self.added == 0 {
            return Ok(());
        }
        let mut counts = transaction.open_table(COUNTS)?;
        let table = R::TABLE;
        let before = counts.get(table.name())?.map_or(0, |count| count.value());
        let now = before.checked_add_signed(self.added);
        counts.insert(table.name(), now.expect("what is removed was counted"))?;
        Ok(())
    }
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

    /// What ids stand for.
    ///
    /// # Errors
    /// As above.
    pub fn ids(&mut self, ids: &[(&IdKey, &IdRow)]) -> Result<(), BooksError> {
        let mut keys = Vec::with_capacity(ids.len());
        for (key, _) in ids {
            let space = (self.books).space(&self.transaction, key.space, key.currency)?;
            keys.push(id_key(space, key.id));
        }
        self.rows(keys.into_iter().zip(ids.iter().map(|(_, row)| *row)))
    }

    /// Rounds, with the space of each one's account, and whether each is open. `applied` is the
    /// entry that the books were up to.
    ///
    /// # Errors
    /// As above.
    pub fn rounds(
        &mut self,
        rounds: &[((IdSpaceNumber, Currency), &RoundKey, &Round)],
        applied: Seq,
    ) -> Result<(), BooksError> {
        let mut keys = Vec::with_capacity(rounds.len());
        for ((id_space, currency), key, _) in rounds {
            let space = (self.books).space(&self.transaction, *id_space, *currency)?;
            keys.push(round_key(space, **key));
        }
        self.rows(keys.iter().zip(rounds.iter().map(|(_, _, row)| *row)))?;
        let mut foreign = Writer::<ForeignRound>::open(&self.transaction)?;
        let mut open = Writer::<OpenRound>::open(&self.transaction)?;
        for (key, (_, of, row)) in keys.iter().zip(rounds) {
            if row.foreign && row.first > applied {
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
            let before = days.table.get(key.as_slice())?;
            let before = before
                .map(|row| unseal::<DayTotals>(&key, row.value()))
                .transpose()?;
            let mut day = before.unwrap_or_default();
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
        Ok(())
    }
}
