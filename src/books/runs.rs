//! Rows whose keys come in no order. Each would be written into another page of a table that
//! holds all of them, so that a flush would rewrite most of the table. They are kept in *runs*
//! instead: tables of their own, each written once, in the order of keys, by one flush or by
//! merging older ones. The newest run that has a key has its row; before each one stands a filter
//! in memory, so that a key which was never taken is known to be new without a look at the disk.
//!
//! Of ids and of rounds, the numbers of a space go into runs from the flush on that finds them
//! scattered, for ever. Rows that its table has of it already are moved to the oldest run.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;
use redb::{
    Range, ReadOnlyTable, ReadTransaction, ReadableTable, TableDefinition, WriteTransaction,
};

use super::BooksError;
use super::field::Field;
use super::filter::{Filter, hash};
use super::rows::{Definition, Row, Space, seal, unseal};
use crate::bytes::{Bytes, CodecError};

pub(super) type Table = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// Numbers so far from the one before are in another page, if there are pages between them.
const NEAR: u64 = 128;

/// Numbers above all that are there and so far from each other are drawn, not counted, and are no
/// times either.
const FAR: u64 = 1 << 32;

/// What has runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Transaction ids.
    Ids,
    /// Rounds.
    Rounds,
}

impl Kind {
    pub(super) const ALL: [Kind; 2] = [Kind::Ids, Kind::Rounds];

    /// The table of those that are in no run.
    pub(super) fn table(self) -> Definition {
        TableDefinition::new(self.name())
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Ids => "ids",
            Kind::Rounds => "rounds",
        }
    }

    /// The name of a run's table.
    pub(super) fn run(self, number: u64) -> String {
        format!("{}.{number:012}", self.name())
    }

    /// The number of the run that has a table of that name.
    pub(super) fn number(self, name: &str) -> Option<u64> {
        let number = name.strip_prefix(self.name())?.strip_prefix('.')?;
        number.parse().ok()
    }

    /// The beginning of its keys in the table of filters.
    pub(super) fn filter_key(self, run: u64) -> [u8; 9] {
        let mut key = [0; 9];
        key[0] = match self {
            Kind::Ids => 0,
            Kind::Rounds => 1,
        };
        key[1..].copy_from_slice(&run.to_be_bytes());
        key
    }
}

pub(super) fn run_table(name: &str) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
    TableDefinition::new(name)
}

/// The run of rows that were in the table, which are older than all others.
pub(super) const MOVED: u64 = 0;

/// A run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) number: u64,
    pub(super) rows: u64,
    /// In how many pieces its filter is kept, if it is.
    pub(super) pieces: Option<u32>,
}

impl Run {
    /// One that has no rows yet.
    pub(super) fn new(number: u64) -> Run {
        Run {
            number,
            rows: 0,
            pieces: None,
        }
    }
}

/// All runs of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RunList {
    /// The highest number that one was given.
    pub(super) last: u64,
    /// The spaces whose rows go into runs, and whether the table may have rows of each as well.
    pub(super) spaces: BTreeMap<u32, bool>,
    /// Whether rows of the table are being moved to run [`MOVED`].
    pub(super) moving: bool,
    /// The oldest first, which is by number.
    pub(super) runs: Vec<Run>,
}

impl Row for RunList {
    const TABLE: Definition = TableDefinition::new("runs");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        self.last.put(out);
        (self.spaces.len() as u64).put(out);
        for (space, in_table) in &self.spaces {
            space.put(out);
            in_table.put(out);
        }
        self.moving.put(out);
        (self.runs.len() as u64).put(out);
        for run in &self.runs {
            run.number.put(out);
            run.rows.put(out);
            run.pieces.put(out);
        }
    }

    fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<RunList, CodecError> {
        let mut list = RunList {
            last: Field::take(bytes)?,
            ..RunList::default()
        };
        for _ in 0..u64::take(bytes)? {
            let space = Field::take(bytes)?;
            list.spaces.insert(space, Field::take(bytes)?);
        }
        list.moving = Field::take(bytes)?;
        for _ in 0..u64::take(bytes)? {
            list.runs.push(Run {
                number: Field::take(bytes)?,
                rows: Field::take(bytes)?,
                pieces: Field::take(bytes)?,
            });
        }
        Ok(list)
    }
}

impl RunList {
    pub(super) fn of(table: &Table, kind: Kind) -> Result<RunList, BooksError> {
        let key = kind.name().as_bytes();
        let row = table.get(key)?;
        let list = row.map(|row| unseal(key, row.value())).transpose()?;
        Ok(list.unwrap_or_default())
    }

    /// The list as it is now, to be changed.
    pub(super) fn begin(transaction: &WriteTransaction, kind: Kind) -> Result<RunList, BooksError> {
        let key = kind.name().as_bytes();
        let table = transaction.open_table(RunList::TABLE)?;
        let row = table.get(key)?;
        let list = row.map(|row| unseal(key, row.value())).transpose()?;
        Ok(list.unwrap_or_default())
    }

    /// Writes it; whether the table of lists has one row more.
    pub(super) fn write(
        &self,
        transaction: &WriteTransaction,
        kind: Kind,
    ) -> Result<bool, BooksError> {
        let key = kind.name().as_bytes();
        let mut bytes = Vec::new();
        seal(key, self, &mut bytes);
        let mut table = transaction.open_table(RunList::TABLE)?;
        let is_new = table.insert(key, bytes.as_slice())?.is_none();
        Ok(is_new)
    }

    /// The number of a new run.
    pub(super) fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub(super) fn run_mut(&mut self, number: u64) -> &mut Run {
        let run = self.runs.iter_mut().find(|run| run.number == number);
        run.expect("a run is listed before rows go into it")
    }
}

/// A part of a run's filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FilterPiece(pub(super) Vec<u8>);

impl Row for FilterPiece {
    const TABLE: Definition = TableDefinition::new("filters");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<FilterPiece, CodecError> {
        let piece = bytes.take(bytes.0.len())?;
        Ok(FilterPiece(piece.to_vec()))
    }
}

/// What the open file and all views of it have in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) spaces: RwLock<HashMap<Space, u32>>,
    /// Filters of runs, those that were loaded.
    pub(super) filters: RwLock<HashMap<(Kind, u64), Arc<Filter>>>,
    /// The seed of the filters' hashes: the coffer's own.
    pub(super) seed: u64,
}

impl Shared {
    pub(super) fn new(coffer: [u8; 16]) -> Shared {
        let seed = coffer.first_chunk().expect("an id has 16 bytes");
        Shared {
            seed: u64::from_le_bytes(*seed),
            ..Shared::default()
        }
    }

    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        hash(self.seed, key)
    }
}

/// A kind's rows as a view has them.
#[derive(Debug)]
pub(super) struct Layers {
    kind: Kind,
    pub(super) table: Table,
    pub(super) list: RunList,
    /// The newest first.
    runs: Vec<(Table, Option<Arc<Filter>>)>,
    shared: Arc<Shared>,
}

fn space_of(key: &[u8]) -> Option<u32> {
    key.first_chunk().map(|space| u32::from_be_bytes(*space))
}

impl Layers {
    pub(super) fn open(
        transaction: &ReadTransaction,
        kind: Kind,
        shared: &Arc<Shared>,
    ) -> Result<Layers, BooksError> {
        let list = RunList::of(&transaction.open_table(RunList::TABLE)?, kind)?;
        let mut runs = Vec::with_capacity(list.runs.len());
        for run in list.runs.iter().rev() {
            let table = transaction.open_table(run_table(&kind.run(run.number)))?;
            let filter = shared.filters.read().get(&(kind, run.number)).cloned();
            runs.push((table, filter));
        }
        Ok(Layers {
            kind,
            table: transaction.open_table(kind.table())?,
            list,
            runs,
            shared: Arc::clone(shared),
        })
    }

    /// The space of a key, where its rows go into runs: whether the table may have some too.
    fn in_table(&self, key: &[u8]) -> Option<bool> {
        let space = space_of(key)?;
        self.list.spaces.get(&space).copied()
    }

    /// Whether rows of the key's space go into runs.
    pub(super) fn go_into_runs(&self, key: &[u8]) -> bool {
        self.in_table(key).is_some()
    }

    /// The row of a key.
    pub(super) fn read<R: Row>(&self, key: &[u8]) -> Result<Option<R>, BooksError> {
        if let Some(in_table) = self.in_table(key) {
            let hash = self.shared.hash(key);
            for (table, filter) in &self.runs {
                if filter.as_ref().is_none_or(|filter| filter.may_have(hash))
                    && let Some(row) = table.get(key)?
                {
                    return unseal(key, row.value()).map(Some);
                }
            }
            if !in_table {
                return Ok(None);
            }
        }
        let row = self.table.get(key)?;
        row.map(|row| unseal(key, row.value())).transpose()
    }

    /// Whether memory suffices to tell that a key has no row.
    pub(super) fn lacks(&self, key: &[u8]) -> bool {
        let hash = self.shared.hash(key);
        let may_have = |filter: &Option<Arc<Filter>>| {
            filter.as_ref().is_none_or(|filter| filter.may_have(hash))
        };
        self.in_table(key) == Some(false) && !self.runs.iter().any(|(_, filter)| may_have(filter))
    }

    /// Whether numbers of a space, in order, which a flush is about to write, belong into a run:
    /// at least `few` of them, and most, lie apart from each other among those that are there.
    pub(super) fn are_scattered(
        &self,
        space: Option<u32>,
        numbers: impl Iterator<Item = u64>,
        few: usize,
    ) -> Result<bool, BooksError> {
        if space.is_some_and(|space| self.list.spaces.contains_key(&space)) {
            return Ok(true);
        }
        let greatest = match space {
            Some(space) => self.greatest(space)?,
            None => None,
        };
        let (mut before, mut apart, mut all) = (0, 0_usize, 0_usize);
        for number in numbers {
            let gap = number - before;
            let is_behind = greatest.is_some_and(|greatest| number < greatest);
            apart += usize::from(gap > if is_behind { NEAR } else { FAR });
            before = number;
            all += 1;
        }
        Ok(apart >= few && apart > all / 2)
    }

    fn greatest(&self, space: u32) -> Result<Option<u64>, BooksError> {
        let (first, last) = (space.to_be_bytes(), (space + 1).to_be_bytes());
        let last = self.table.range(&first[..]..&last[..])?.next_back();
        let last = last.transpose()?;
        let number = last.and_then(|(key, _)| key.value()[4..].first_chunk().copied());
        Ok(number.map(u64::from_be_bytes))
    }

    /// All rows in the order of their keys, those of runs and those of the table.
    pub(super) fn all(&self) -> Result<Merged<'static>, BooksError> {
        let tables = self.runs.iter().map(|(table, _)| table);
        let ranges = tables
            .chain([&self.table])
            .map(|table| table.range::<&[u8]>(..));
        Merged::new(ranges.collect::<Result<_, _>>()?)
    }

    /// The runs' tables, with their names and how many rows they should have.
    pub(super) fn runs(&self) -> impl Iterator<Item = (String, &Table, u64)> {
        let tables = self.runs.iter().rev();
        tables
            .zip(&self.list.runs)
            .map(|((table, _), run)| (self.kind.run(run.number), table, run.rows))
    }
}

/// A key and its row, sealed.
type Pair = (Vec<u8>, Vec<u8>);

/// Rows of several tables in one order; of equal keys the first table's.
pub(super) struct Merged<'t> {
    sources: Vec<Source<'t>>,
}

struct Source<'t> {
    rest: Range<'t, &'static [u8], &'static [u8]>,
    next: Option<Pair>,
}

impl Source<'_> {
    fn advance(&mut self) -> Result<Option<Pair>, BooksError> {
        let next = self.rest.next().transpose()?;
        let next = next.map(|(key, row)| (key.value().to_vec(), row.value().to_vec()));
        Ok(std::mem::replace(&mut self.next, next))
    }
}

impl<'t> Merged<'t> {
    pub(super) fn new(
        ranges: Vec<Range<'t, &'static [u8], &'static [u8]>>,
    ) -> Result<Merged<'t>, BooksError> {
        let mut sources = Vec::with_capacity(ranges.len());
        for rest in ranges {
            let mut source = Source { rest, next: None };
            source.advance()?;
            sources.push(source);
        }
        Ok(Merged { sources })
    }

    /// The next key and its row.
    pub(super) fn next(&mut self) -> Result<Option<Pair>, BooksError> {
        let keys = self
            .sources
            .iter()
            .filter_map(|source| source.next.as_ref());
        let Some(least) = keys.map(|(key, _)| key).min().cloned() else {
            return Ok(None);
        };
        let mut found = None;
        for source in &mut self.sources {
            if source.next.as_ref().is_some_and(|(key, _)| *key == least) {
                let row = source.advance()?;
                found = found.or(row);
            }
        }
        Ok(found)
    }
}
