//! What is done to runs between flushes, a little at a time: filters are loaded and kept, rows of
//! scattered numbers leave the table, and runs of about one size are merged into one, so that there
//! are never many.
//!
//! Each step is a commit of its own, after which all rows are found as before. A merged run is
//! listed when it is whole; what a merge that was broken off has left is dropped, and the merge
//! begun again.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata, TableHandle};

use super::filter::Filter;
use super::rows::{Row, check, seal, unseal};
use super::runs::{FilterPiece, Kind, MOVED, Merged, Run, RunList, Shared, run_table};
use super::write::count;
use super::{Books, BooksError, Checkpoints, Slice};

/// Pieces of a filter that one commit writes, 4 MiB.
pub(super) const PIECES: usize = 64;

/// What is under way.
#[derive(Debug, Default)]
pub struct Tidying {
    job: Option<Job>,
}

enum Next {
    Job(Job),
    Done,
    Nothing,
}

#[derive(Debug)]
enum Job {
    /// Makes the filter of a run that has none, from its rows.
    Scan(Copying),
    /// Keeps a run's filter. The next piece is the one of that number.
    Keep(Kind, u64, usize),
    /// Merges runs into a new one.
    Merge(Vec<u64>, Copying),
}

/// Going through the rows of one run.
#[derive(Debug)]
struct Copying {
    kind: Kind,
    run: u64,
    after: Option<Vec<u8>>,
    rows: u64,
    filter: Filter,
    /// How many pieces of the filter are written, when all rows are.
    pieces: Option<usize>,
}

impl Copying {
    fn new(kind: Kind, run: u64, rows: u64) -> Copying {
        Copying {
            kind,
            run,
            after: None,
            rows: 0,
            filter: Filter::with_room_for(rows),
            pieces: None,
        }
    }

    fn rest(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let from = match &self.after {
            Some(after) => Bound::Excluded(after.as_slice()),
            None => Bound::Unbounded,
        };
        (from, Bound::Unbounded)
    }
}

impl Books {
    /// Loads the filter of one run that has none in memory; whether there was one to load.
    ///
    /// # Errors
    /// [`BooksError`], as of all that is done here.
    pub fn load_filter(&self) -> Result<bool, BooksError> {
        let transaction = self.database.begin_read()?;
        let lists = transaction.open_table(RunList::TABLE)?;
        let filters = transaction.open_table(FilterPiece::TABLE)?;
        for kind in Kind::ALL {
            for run in RunList::of(&lists, kind)?.runs.iter().rev() {
                let is_there = self.has_filter(kind, run.number);
                let Some(pieces) = run.pieces.filter(|_| !is_there) else {
                    continue;
                };
                let mut found = Vec::new();
                for piece in 0..pieces {
                    let key = piece_key(kind, run.number, piece);
                    let row = filters.get(key.as_slice())?;
                    let lost = BooksError::Unreadable("lacks a part of a filter");
                    found.push(unseal::<FilterPiece>(&key, row.ok_or(lost)?.value())?.0);
                }
                let filter = Filter::from_pieces(found.into_iter());
                let filter = filter.ok_or(BooksError::Unreadable("has a filter that is none"))?;
                self.take_filter(kind, run.number, filter);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Bytes that filters take in memory.
    pub fn filter_bytes(&self) -> u64 {
        let filters = self.shared.filters.read();
        filters.values().map(|filter| filter.bytes()).sum()
    }

    fn has_filter(&self, kind: Kind, run: u64) -> bool {
        self.shared.filters.read().contains_key(&(kind, run))
    }

    fn take_filter(&self, kind: Kind, run: u64, filter: Filter) {
        let mut filters = self.shared.filters.write();
        filters.insert((kind, run), Arc::new(filter));
    }

    /// Takes one step; whether there was anything to do. Nothing else writes meanwhile.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn tidy(&self, tidying: &mut Tidying, by: &Checkpoints) -> Result<bool, BooksError> {
        let job = match tidying.job.take() {
            Some(job) => Some(job),
            None if self.load_filter()? => return Ok(true),
            None => match self.next_job(by)? {
                Next::Job(job) => Some(job),
                Next::Done => return Ok(true),
                Next::Nothing => None,
            },
        };
        let Some(job) = job else {
            return Ok(false);
        };
        tidying.job = match job {
            Job::Scan(copying) => self.scan_run(copying, by.slice_rows)?,
            Job::Keep(kind, run, piece) => self.keep_filter(kind, run, piece)?,
            Job::Merge(from, copying) => self.merge(from, copying, by.slice_rows)?,
        };
        Ok(true)
    }

    /// Whether a run has no filter in memory, so that each look for a key looks into the run.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn lacks_filter(&self) -> Result<bool, BooksError> {
        Ok(self.without_filter()?.is_some())
    }

    fn without_filter(&self) -> Result<Option<(Kind, Run)>, BooksError> {
        let view = self.view()?;
        for kind in Kind::ALL {
            let list = &view.layers(kind).list;
            // The one that rows are being moved to is not yet what it will be.
            let mut runs = (list.runs.iter()).filter(|run| !(list.moving && run.number == MOVED));
            if let Some(run) = runs.find(|run| !self.has_filter(kind, run.number)) {
                return Ok(Some((kind, *run)));
            }
        }
        Ok(None)
    }

    fn next_job(&self, by: &Checkpoints) -> Result<Next, BooksError> {
        if let Some((kind, run)) = self.without_filter()? {
            let scan = Copying::new(kind, run.number, run.rows);
            return Ok(Next::Job(Job::Scan(scan)));
        }
        let view = self.view()?;
        for kind in Kind::ALL {
            let list = &view.layers(kind).list;
            let unkept = |run: &&Run| run.pieces.is_none() && run.rows > 0;
            let is_there = |run: &&Run| self.has_filter(kind, run.number);
            if let Some(run) = list.runs.iter().filter(unkept).find(is_there) {
                return Ok(Next::Job(Job::Keep(kind, run.number, 0)));
            }
            if self.drop_left_over(kind, list)? {
                return Ok(Next::Done);
            }
            let settled = list.spaces.iter().find(|(_, in_table)| **in_table);
            if let Some((space, _)) = settled {
                self.move_rows(kind, *space, by.slice_rows)?;
                return Ok(Next::Done);
            }
            if let Some(from) = due(&list.runs, by.merged_runs) {
                return self.begin_merge(kind, from).map(Next::Job);
            }
        }
        Ok(Next::Nothing)
    }

    /// Drops one table that is no run's; whether there was one.
    fn drop_left_over(&self, kind: Kind, list: &RunList) -> Result<bool, BooksError> {
        let listed: BTreeSet<u64> = list.runs.iter().map(|run| run.number).collect();
        let transaction = self.database.begin_read()?;
        let tables = transaction.list_tables()?;
        let mut numbers = tables.filter_map(|table| kind.number(table.name()));
        let Some(number) = numbers.find(|number| !listed.contains(number)) else {
            return Ok(false);
        };
        let slice = self.begin()?;
        let name = kind.run(number);
        slice.transaction.delete_table(run_table(&name))?;
        let mut filters = slice.transaction.open_table(FilterPiece::TABLE)?;
        let (from, to) = (kind.filter_key(number), kind.filter_key(number + 1));
        let mut gone = 0;
        for piece in filters.extract_from_if(&from[..]..&to[..], |_, _| true)? {
            piece?;
            gone -= 1;
        }
        drop(filters);
        count(&slice.transaction, FilterPiece::TABLE.name(), gone)?;
        slice.commit()?;
        self.shared.filters.write().remove(&(kind, number));
        Ok(true)
    }

    /// Moves the next rows of a space from the table to the oldest run.
    fn move_rows(&self, kind: Kind, space: u32, at_most: usize) -> Result<(), BooksError> {
        let mut slice = self.begin()?;
        let mut list = RunList::begin(&slice.transaction, kind)?;
        let (from, to) = (space.to_be_bytes(), (space + 1).to_be_bytes());
        let mut table = slice.transaction.open_table(kind.table())?;
        let mut rows = Vec::new();
        for row in table.range(&from[..]..&to[..])?.take(at_most) {
            let (key, row) = row?;
            check(kind.table(), key.value(), row.value())?;
            rows.push((key.value().to_vec(), row.value().to_vec()));
        }
        for (key, _) in &rows {
            table.remove(key.as_slice())?;
        }
        drop(table);
        if list.runs.first().is_none_or(|run| run.number != MOVED) {
            list.runs.insert(0, Run::new(MOVED));
        }
        // Another space's rows may be there, whose filter knows nothing of these.
        self.shared.filters.write().remove(&(kind, MOVED));
        let name = kind.run(MOVED);
        let mut run = slice.transaction.open_table(run_table(&name))?;
        for (key, row) in &rows {
            run.insert(key.as_slice(), row.as_slice())?;
        }
        (list.runs[0].rows, list.runs[0].pieces) = (run.len()?, None);
        drop(run);
        let is_all = rows.len() < at_most;
        list.moving = !is_all;
        list.spaces.insert(space, !is_all);
        let gone = i64::try_from(rows.len()).expect("a slice is small");
        count(&slice.transaction, kind.table().name(), -gone)?;
        slice.write_list(&list, kind)?;
        slice.commit()
    }

    /// Makes the filter of some more rows of a run.
    fn scan_run(&self, mut scan: Copying, at_most: usize) -> Result<Option<Job>, BooksError> {
        let transaction = self.database.begin_read()?;
        let name = scan.kind.run(scan.run);
        let table = transaction.open_table(run_table(&name))?;
        let (mut rows, mut last) = (0, None);
        for row in table.range::<&[u8]>(scan.rest())?.take(at_most) {
            let (key, _) = row?;
            scan.filter.insert(self.shared.hash(key.value()));
            last = Some(key.value().to_vec());
            rows += 1;
        }
        scan.after = last.or(scan.after);
        if rows == at_most {
            return Ok(Some(Job::Scan(scan)));
        }
        self.take_filter(scan.kind, scan.run, scan.filter);
        Ok(None)
    }

    /// Writes the next pieces of a listed run's filter.
    fn keep_filter(&self, kind: Kind, run: u64, from: usize) -> Result<Option<Job>, BooksError> {
        let filter = self.shared.filters.read().get(&(kind, run)).cloned();
        let filter = filter.expect("a filter is kept that is in memory");
        let mut slice = self.begin()?;
        let written = slice.pieces((kind, run), &filter, from)?;
        let is_all = written < PIECES;
        if is_all {
            let mut list = RunList::begin(&slice.transaction, kind)?;
            list.run_mut(run).pieces = Some(pieces(from + written));
            slice.write_list(&list, kind)?;
        }
        slice.commit()?;
        Ok((!is_all).then_some(Job::Keep(kind, run, from + written)))
    }

    fn begin_merge(&self, kind: Kind, from: &[Run]) -> Result<Job, BooksError> {
        let mut slice = self.begin()?;
        let mut list = RunList::begin(&slice.transaction, kind)?;
        let into = list.number();
        slice.write_list(&list, kind)?;
        slice.commit()?;
        let rows = from.iter().map(|run| run.rows).sum();
        let from = from.iter().map(|run| run.number).collect();
        Ok(Job::Merge(from, Copying::new(kind, into, rows)))
    }

    /// Copies the next rows of runs into one; when there are no more, the next pieces of its
    /// filter; and lists it in their place with the last.
    fn merge(
        &self,
        from: Vec<u64>,
        mut into: Copying,
        at_most: usize,
    ) -> Result<Option<Job>, BooksError> {
        let mut slice = self.begin()?;
        let copied = match into.pieces {
            None => slice.copy(&from, &mut into, at_most, &self.shared)?,
            Some(_) => 0,
        };
        if copied == at_most {
            slice.commit()?;
            return Ok(Some(Job::Merge(from, into)));
        }
        let kept = into.pieces.unwrap_or(0);
        let written = slice.pieces((into.kind, into.run), &into.filter, kept)?;
        into.pieces = Some(kept + written);
        if written == PIECES {
            slice.commit()?;
            return Ok(Some(Job::Merge(from, into)));
        }
        let mut list = RunList::begin(&slice.transaction, into.kind)?;
        let oldest = list.runs.iter().position(|run| run.number == from[0]);
        let oldest = oldest.expect("what is merged is listed");
        let merged = Run {
            number: into.run,
            rows: into.rows,
            pieces: Some(pieces(kept + written)),
        };
        let gone: Vec<Run> = list
            .runs
            .splice(oldest..oldest + from.len(), [merged])
            .collect();
        assert!(
            gone.iter().map(|run| run.number).eq(from),
            "they are neighbours"
        );
        slice.write_list(&list, into.kind)?;
        // Nobody sees the run before it is listed, and nobody without its filter.
        self.take_filter(into.kind, into.run, into.filter);
        slice.commit()?;
        Ok(None)
    }
}

impl Slice<'_> {
    /// Writes some pieces of a filter, from that one on; how many.
    pub(super) fn pieces(
        &mut self,
        (kind, run): (Kind, u64),
        filter: &Filter,
        from: usize,
    ) -> Result<usize, BooksError> {
        let mut table = self.transaction.open_table(FilterPiece::TABLE)?;
        let (mut written, mut added, mut bytes) = (0, 0, Vec::new());
        for piece in filter.pieces().skip(from).take(PIECES) {
            let key = piece_key(kind, run, pieces(from + written));
            seal(&key, &FilterPiece(piece), &mut bytes);
            added += i64::from(table.insert(key.as_slice(), bytes.as_slice())?.is_none());
            written += 1;
        }
        drop(table);
        count(&self.transaction, FilterPiece::TABLE.name(), added)?;
        Ok(written)
    }

    /// Copies the next rows of some runs into a new one; how many.
    fn copy(
        &mut self,
        from: &[u64],
        into: &mut Copying,
        at_most: usize,
        shared: &Shared,
    ) -> Result<usize, BooksError> {
        let kind = into.kind;
        let names: Vec<_> = from.iter().rev().map(|run| kind.run(*run)).collect();
        let mut tables = Vec::with_capacity(names.len());
        for name in &names {
            tables.push(self.transaction.open_table(run_table(name))?);
        }
        let ranges = tables.iter().map(|table| table.range::<&[u8]>(into.rest()));
        let mut rows = Merged::new(ranges.collect::<Result<_, _>>()?)?;
        let name = kind.run(into.run);
        let mut table = self.transaction.open_table(run_table(&name))?;
        let mut copied = 0;
        while copied < at_most
            && let Some((key, row)) = rows.next()?
        {
            check(kind.table(), &key, &row)?;
            table.insert(key.as_slice(), row.as_slice())?;
            into.filter.insert(shared.hash(&key));
            into.after = Some(key);
            copied += 1;
        }
        into.rows += copied as u64;
        Ok(copied)
    }
}

pub(super) fn pieces(count: usize) -> u32 {
    u32::try_from(count).expect("a filter has fewer than 2^32 pieces")
}

fn piece_key(kind: Kind, run: u64, piece: u32) -> Vec<u8> {
    [&kind.filter_key(run)[..], &piece.to_be_bytes()].concat()
}

/// Runs that are to be merged: the newest ones that are no longer than some power of `many`
/// rows, where they are as many.
fn due(runs: &[Run], many: usize) -> Option<&[Run]> {
    let many = many.max(2);
    let class = |run: &Run| run.rows.max(1).ilog(many as u64);
    let greatest = runs.iter().map(class).max()?;
    (0..=greatest).find_map(|most| {
        let longer = runs.iter().rposition(|run| class(run) > most);
        let newest = &runs[longer.map_or(0, |longer| longer + 1)..];
        (newest.len() >= many).then_some(newest)
    })
}
