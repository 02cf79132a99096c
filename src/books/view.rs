//! Reading the books: a view is of one moment, whatever is written meanwhile.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use redb::{ReadTransaction, ReadableTableMetadata, TableHandle};

use super::keys::{day_of, id_key, partner_key, round_key, seq_of, session_key, sum_of};
use super::rows::{
    AccountPlace, Definition, ForeignRound, Home, OpenRound, Row, SessionPlace, Space, SumRow,
    Unlisted, check, damaged, unseal,
};
use super::runs::{Kind, Layers, Shared, Table, run_table};
use super::{ABOUT, Applied, BooksError, COUNTS, tables};
use crate::bytes::CodecError;
use crate::engine::document::{Adjustment, Partner};
use crate::engine::holdings::{PlayerKey, PlayerRow, SessionRow};
use crate::engine::ids::{IdKey, IdRow};
use crate::engine::round::{OddPlay, Round, RoundKey};
use crate::engine::totals::{DayKey, DayTotals, SumOf};
use crate::id::{AccountNumber, IdSpaceNumber, PartnerNumber, Reference, Seq, SessionNumber};
use crate::money::{Currency, Sum};
use crate::time::Day;

/// All rows as they were at one moment.
#[derive(Debug)]
pub struct View {
    transaction: ReadTransaction,
    /// Those that requests read; the others are opened when they are asked for.
    players: Table,
    pub(super) past: Table,
    codes: Table,
    ids: Layers,
    rounds: Layers,
    shared: Arc<Shared>,
}

impl View {
    pub(super) fn new(
        transaction: ReadTransaction,
        shared: Arc<Shared>,
    ) -> Result<View, BooksError> {
        Ok(View {
            players: transaction.open_table(PlayerRow::TABLE)?,
            past: transaction.open_table(SessionRow::TABLE)?,
            codes: transaction.open_table(SessionPlace::TABLE)?,
            ids: Layers::open(&transaction, Kind::Ids, &shared)?,
            rounds: Layers::open(&transaction, Kind::Rounds, &shared)?,
            transaction,
            shared,
        })
    }

    /// How many runs the kind has that has most.
    pub fn runs_most(&self) -> usize {
        let kinds = Kind::ALL.into_iter();
        let runs = kinds.map(|kind| self.layers(kind).list.runs.len());
        runs.max().unwrap_or(0)
    }

    pub(super) fn read<R: Row>(table: &Table, key: &[u8]) -> Result<Option<R>, BooksError> {
        let row = table.get(key)?;
        row.map(|row| unseal(key, row.value())).transpose()
    }

    pub(super) fn open<R: Row>(&self) -> Result<Table, BooksError> {
        Ok(self.transaction.open_table(R::TABLE)?)
    }

    pub(super) fn seldom<R: Row>(&self, key: &[u8]) -> Result<Option<R>, BooksError> {
        Self::read(&self.open::<R>()?, key)
    }

    /// Some rows whose keys are `from` or greater, in order.
    fn some<R: Row>(&self, from: &[u8], at_most: usize) -> Result<Vec<(Vec<u8>, R)>, BooksError> {
        let table = self.open::<R>()?;
        let mut rows = Vec::new();
        for row in table.range(from..)?.take(at_most) {
            let (key, bytes) = row?;
            let key = key.value().to_vec();
            let row = unseal(&key, bytes.value())?;
            rows.push((key, row));
        }
        Ok(rows)
    }

    /// All rows of a table, each with what its key says.
    fn all<R: Row, K>(&self, of: impl Fn(&[u8]) -> Option<K>) -> Result<Vec<(K, R)>, BooksError> {
        let rows = self.some::<R>(&[], usize::MAX)?;
        let rows = rows.into_iter().map(|(key, row)| match of(&key) {
            Some(of) => Ok((of, row)),
            None => Err(damaged::<R>(&key, CodecError::OutOfRange)),
        });
        rows.collect()
    }

    /// The number of a space, where anything was ever written in it.
    fn space(&self, id_space: IdSpaceNumber, currency: Currency) -> Option<u32> {
        let space = Space { id_space, currency };
        self.shared.spaces.read().get(&space).copied()
    }

    pub(super) fn spaces(&self) -> Result<HashMap<Space, u32>, BooksError> {
        let number = |key: &[u8]| Some(u32::from_be_bytes(key.try_into().ok()?));
        let spaces = self.all::<Space, _>(number)?;
        Ok(spaces
            .into_iter()
            .map(|(number, space)| (space, number))
            .collect())
    }

    /// The entry that this view is of.
    ///
    /// # Errors
    /// [`BooksError`], as of all that is read here.
    pub fn applied(&self) -> Result<Applied, BooksError> {
        let applied = Applied::read(&self.transaction.open_table(ABOUT)?)?;
        applied.ok_or(BooksError::Unreadable("does not say how far it goes"))
    }

    /// A player, by number.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn player(&self, home: AccountNumber) -> Result<Option<PlayerRow>, BooksError> {
        Self::read(&self.players, &home.0.to_be_bytes())
    }

    /// Players by number, from `from` on.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn players(
        &self,
        from: AccountNumber,
        at_most: usize,
    ) -> Result<Vec<PlayerRow>, BooksError> {
        let rows = self.some(&from.0.to_be_bytes(), at_most)?;
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// A player's number.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn home(&self, (partner, id): &PlayerKey) -> Result<Option<AccountNumber>, BooksError> {
        let home: Option<Home> = self.seldom(&partner_key(*partner, id.as_str()))?;
        Ok(home.map(|row| row.home))
    }

    /// A session that its player's row does not list.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn past_session(
        &self,
        home: AccountNumber,
        number: SessionNumber,
    ) -> Result<Option<SessionRow>, BooksError> {
        Self::read(&self.past, &session_key(home, number))
    }

    /// Sessions that were open when their player's row ceased to list them.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn unlisted_sessions(&self, home: AccountNumber) -> Result<Vec<SessionRow>, BooksError> {
        let table = self.open::<Unlisted>()?;
        let mut rows = Vec::new();
        let (first, last) = (SessionNumber(0), SessionNumber(u64::MAX));
        for row in table.range(&session_key(home, first)[..]..=&session_key(home, last)[..])? {
            let (key, _) = row?;
            rows.extend(Self::read::<SessionRow>(&self.past, key.value())?);
        }
        Ok(rows)
    }

    /// Where a code leads.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn code(&self, code: &str) -> Result<Option<SessionPlace>, BooksError> {
        Self::read(&self.codes, code.as_bytes())
    }

    /// Where an account's player is.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn account(&self, number: AccountNumber) -> Result<Option<AccountPlace>, BooksError> {
        self.seldom(&number.0.to_be_bytes())
    }

    /// Where the players of all accounts are, those that `wanted` holds, in order.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn accounts(
        &self,
        wanted: &[AccountNumber],
    ) -> Result<Vec<(AccountNumber, AccountPlace)>, BooksError> {
        let table = self.open::<AccountPlace>()?;
        let number_of = |key: &[u8]| seq_of(key).map(|seq| AccountNumber(seq.0));
        let many = table.len()? < 8 * wanted.len() as u64;
        let mut rows = Vec::with_capacity(wanted.len());
        if many {
            // Reading on is faster by far than looking each up.
            let mut wanted = wanted.iter().copied().peekable();
            for row in table.range::<&[u8]>(..)? {
                let (key, bytes) = row?;
                let number = number_of(key.value());
                while wanted.next_if(|next| Some(*next) < number).is_some() {}
                if let Some(found) = wanted.next_if(|next| Some(*next) == number) {
                    rows.push((found, unseal(key.value(), bytes.value())?));
                }
            }
        } else {
            for number in wanted {
                let row = Self::read(&table, &number.0.to_be_bytes())?;
                rows.extend(row.map(|row| (*number, row)));
            }
        }
        Ok(rows)
    }

    /// The adjustment under a partner's reference, and its entry.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn adjustment(
        &self,
        partner: PartnerNumber,
        reference: &Reference,
    ) -> Result<Option<(Adjustment, Seq)>, BooksError> {
        self.seldom(&partner_key(partner, reference.as_str()))
    }

    /// What an id stands for.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn id(&self, of: &IdKey) -> Result<Option<IdRow>, BooksError> {
        match self.space(of.space, of.currency) {
            Some(space) => self.ids.read(&id_key(space, of.id)),
            None => Ok(None),
        }
    }

    /// A round; the space is its account's.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn round(
        &self,
        id_space: IdSpaceNumber,
        currency: Currency,
        of: RoundKey,
    ) -> Result<Option<Round>, BooksError> {
        match self.space(id_space, currency) {
            Some(space) => self.rounds.read(&round_key(space, of)),
            None => Ok(None),
        }
    }

    /// Whether memory suffices to tell that an id was never taken. Reads no disk.
    pub fn lacks_id(&self, of: &IdKey) -> bool {
        let space = self.space(of.space, of.currency);
        space.is_some_and(|space| self.ids.lacks(&id_key(space, of.id)))
    }

    /// Whether memory suffices to tell that there is no such round. Reads no disk.
    pub fn lacks_round(&self, id_space: IdSpaceNumber, currency: Currency, of: RoundKey) -> bool {
        let space = self.space(id_space, currency);
        space.is_some_and(|space| self.rounds.lacks(&round_key(space, of)))
    }

    /// Whether numbers of a space, in order, go into a run of their own: at least `few` of them,
    /// and most, lie apart from each other among those that are there.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn are_scattered(
        &self,
        kind: Kind,
        (id_space, currency): (IdSpaceNumber, Currency),
        numbers: impl Iterator<Item = u64>,
        few: usize,
    ) -> Result<bool, BooksError> {
        let space = self.space(id_space, currency);
        self.layers(kind).are_scattered(space, numbers, few)
    }

    pub(super) fn layers(&self, kind: Kind) -> &Layers {
        match kind {
            Kind::Ids => &self.ids,
            Kind::Rounds => &self.rounds,
        }
    }

    /// The greatest ids of each space, at most `at_most`, and whether there are smaller ones.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn greatest_ids(&self, at_most: usize) -> Result<Vec<Greatest>, BooksError> {
        self.greatest(Kind::Ids, &self.ids.table, at_most)
    }

    /// The greatest foreign rounds of each space, as [`View::greatest_ids`].
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn greatest_foreign_rounds(&self, at_most: usize) -> Result<Vec<Greatest>, BooksError> {
        self.greatest(Kind::Rounds, &self.open::<ForeignRound>()?, at_most)
    }

    fn greatest(
        &self,
        kind: Kind,
        table: &Table,
        at_most: usize,
    ) -> Result<Vec<Greatest>, BooksError> {
        let mut found = Vec::new();
        let scattered = &self.layers(kind).list.spaces;
        for (of, space) in &*self.shared.spaces.read() {
            let (first, last) = (space.to_be_bytes(), (space + 1).to_be_bytes());
            let mut greatest = Greatest {
                id_space: of.id_space,
                currency: of.currency,
                numbers: Vec::new(),
                more: false,
            };
            if scattered.contains_key(space) {
                // Above the greatest of all there is nothing that would be new.
                greatest.numbers.push(u64::MAX);
                greatest.more = true;
                found.push(greatest);
                continue;
            }
            for row in table.range(&first[..]..&last[..])?.rev() {
                greatest.more = greatest.numbers.len() == at_most;
                if greatest.more {
                    break;
                }
                let (key, _) = row?;
                let number = key.value()[4..]
                    .first_chunk()
                    .map(|n| u64::from_be_bytes(*n));
                greatest.numbers.extend(number);
            }
            found.push(greatest);
        }
        Ok(found)
    }

    /// Open rounds by the entry that began them, from `from` on.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn open_rounds(
        &self,
        from: Seq,
        at_most: usize,
    ) -> Result<Vec<(Seq, RoundKey)>, BooksError> {
        let rows = self.some::<OpenRound>(&from.0.to_be_bytes(), at_most)?;
        let rows = rows.into_iter().filter_map(|(key, row)| {
            let (account, round) = (row.account, row.round);
            Some((seq_of(&key)?, RoundKey { account, round }))
        });
        Ok(rows.collect())
    }

    /// Odd transactions by their entry, from `from` on.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn odd_plays(&self, from: Seq, at_most: usize) -> Result<Vec<(Seq, OddPlay)>, BooksError> {
        let rows = self.some::<OddPlay>(&from.0.to_be_bytes(), at_most)?;
        Ok(rows
            .into_iter()
            .filter_map(|(key, row)| Some((seq_of(&key)?, row)))
            .collect())
    }

    /// All partners as they were, each with the entry that changed it last.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn partners(&self) -> Result<Vec<(Partner, Seq)>, BooksError> {
        let rows = self.all::<(Partner, Seq), _>(|_| Some(()))?;
        Ok(rows.into_iter().map(|((), row)| row).collect())
    }

    /// All sums.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn sums(&self) -> Result<Vec<(Currency, SumOf, Sum)>, BooksError> {
        let rows = self.all::<SumRow, _>(sum_of)?;
        Ok(rows
            .into_iter()
            .map(|((currency, of), row)| (currency, of, row.sum))
            .collect())
    }

    /// Whole days from `from` on, in the order of time, until there are `at_least` rows; the last
    /// of them, where others follow.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn days(
        &self,
        from: Day,
        at_least: usize,
    ) -> Result<(BTreeMap<DayKey, DayTotals>, Option<Day>), BooksError> {
        let table = self.open::<DayTotals>()?;
        let mut days: BTreeMap<DayKey, DayTotals> = BTreeMap::new();
        for row in table.range(&from.0.to_be_bytes()[..]..)? {
            let (key, bytes) = row?;
            let of = day_of(key.value());
            let damaged = || damaged::<DayTotals>(key.value(), CodecError::OutOfRange);
            let of = of.ok_or_else(damaged)?;
            let last = days.last_key_value().map(|(last, _)| last.day);
            if days.len() >= at_least && last != Some(of.day) {
                return Ok((days, last));
            }
            days.insert(of, unseal(key.value(), bytes.value())?);
        }
        Ok((days, None))
    }

    /// Checks the next rows, at most `at_most`, each by its checksum: how many bytes they have, or
    /// `None` where there are no more. What is wrong goes to `found`.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn check_rows(
        &self,
        place: &mut Place,
        at_most: usize,
        found: &mut Vec<BooksError>,
    ) -> Result<Option<(u64, u64)>, BooksError> {
        let tables = self.tables();
        let Some((name, definition)) = tables.range(place.table.clone()..).next() else {
            return Ok(None);
        };
        if *name != place.table {
            *place = Place {
                table: name.clone(),
                after: None,
            };
        }
        let table = self.transaction.open_table(run_table(name))?;
        let from = match &place.after {
            Some(after) => Bound::Excluded(after.as_slice()),
            None => Bound::Unbounded,
        };
        let (mut rows, mut size, mut last) = (0, 0, None);
        for row in table
            .range::<&[u8]>((from, Bound::Unbounded))?
            .take(at_most)
        {
            let (key, bytes) = row?;
            found.extend(check(*definition, key.value(), bytes.value()).err());
            rows += 1;
            size += (key.value().len() + bytes.value().len()) as u64;
            last = Some(key.value().to_vec());
        }
        if last.is_none() {
            place.table.push('\0');
        }
        place.after = last;
        Ok(Some((rows, size)))
    }

    /// How many rows each table has, and how many it should have.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn counts(&self) -> Result<Vec<(String, u64, u64)>, BooksError> {
        let counts = self.transaction.open_table(COUNTS)?;
        let mut told = Vec::new();
        for table in tables::ALL {
            let name = table.name();
            let there = self.transaction.open_table(table)?.len()?;
            let known = counts.get(name)?.map_or(0, |count| count.value());
            told.push((name.to_owned(), there, known));
        }
        for kind in Kind::ALL {
            for (name, table, known) in self.layers(kind).runs() {
                told.push((name, table.len()?, known));
            }
        }
        Ok(told)
    }

    /// All tables of rows by name, each with the one whose rows it has.
    fn tables(&self) -> BTreeMap<String, Definition> {
        let mut tables: BTreeMap<_, _> = tables::ALL
            .iter()
            .map(|table| (table.name().to_owned(), *table))
            .collect();
        for kind in Kind::ALL {
            let runs = self.layers(kind).runs();
            tables.extend(runs.map(|(name, _, _)| (name, kind.table())));
        }
        tables
    }
}

/// Where a check of all rows is, at first before all of them.
#[derive(Clone, Debug, Default)]
pub struct Place {
    table: String,
    after: Option<Vec<u8>>,
}

/// The greatest numbers of a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greatest {
    /// The id space.
    pub id_space: IdSpaceNumber,
    /// The currency.
    pub currency: Currency,
    /// From the greatest down.
    pub numbers: Vec<u64>,
    /// Whether there are smaller ones.
    pub more: bool,
}

#[cfg(test)]
mod tests {
    use super::super::{Books, create};
    use super::*;
    use crate::engine::ids::IdState;
    use crate::id::TransactionId;
    use crate::money::Amount;
    use crate::sim::disk::SimDisk;

    #[test]
    fn the_greatest_ids_tell_whether_there_are_smaller_ones() {
        let disk = SimDisk::new();
        create(&disk, [7; 16]).unwrap();
        let books = Books::open(&disk, [7; 16]).unwrap();
        let row = IdRow {
            state: IdState::Voided,
            account: AccountNumber(1),
            amount: Amount::ZERO,
            game: None,
            round: None,
            taken: Seq(1),
            changed: Seq(1),
        };
        let key = |space, id| IdKey {
            space: IdSpaceNumber(space),
            currency: "USD".parse().unwrap(),
            id: TransactionId(id),
        };
        let keys = [key(0, 7), key(1, 1), key(1, 5), key(1, u64::MAX)];
        let mut slice = books.begin().unwrap();
        slice
            .ids(&keys.each_ref().map(|key| (key, &row)), None)
            .unwrap();
        slice.commit().unwrap();
        let greatest = |at_most| {
            let found = books.view().unwrap().greatest_ids(at_most).unwrap();
            let mut found: Vec<_> = found
                .into_iter()
                .map(|of| (of.id_space.0, of.numbers, of.more))
                .collect();
            found.sort();
            found
        };
        let own = (0, vec![7], false);
        assert_eq!(greatest(2), [own.clone(), (1, vec![u64::MAX, 5], true)]);
        assert_eq!(greatest(3), [own, (1, vec![u64::MAX, 5, 1], false)]);
    }
}
