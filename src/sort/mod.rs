//! Sorting more than fits into memory.
//!
//! Records are byte strings, ordered as such: numbers in them stand big-endian. What is pushed
//! gathers in memory; when that is full it is sorted and written down as one run in a [`Scratch`],
//! and in the end all runs are merged. What never fills the memory never touches the disk.
//!
//! # Why
//! *Why not one of the crates that sort so?* They open files of their own, past
//! [`crate::disk`], and bring a thread pool and a serialiser along. Here runs are cut, filled up
//! and failed by the simulated disk like any other file.

mod run;
mod scratch;

use std::io;
use std::ops::Range;
use std::sync::Arc;

use self::run::{RunReader, RunWriter};
pub use self::scratch::{SCRATCH, Scratch};

/// Runs of a level that are merged into one of the next. Each needs a block of memory while it is
/// merged, and an open file.
const RUNS_MAX: usize = 128;

/// What is read and written at once, where there is memory for it.
const BLOCK_BYTES_MAX: usize = 64 * 1024;

/// As much of a record as is compared without looking for the rest.
type Prefix = [u8; 16];

/// Takes records in any order.
pub struct Sorter {
    scratch: Arc<Scratch>,
    memory: usize,
    block_bytes: usize,
    gathered: Gathered,
    /// Runs by level: one of level 1 was merged from those of level 0, and so on.
    levels: Vec<Vec<RunReader>>,
    pushed: u64,
}

/// Records in memory, each led by its length, and where they begin.
#[derive(Default)]
struct Gathered {
    records: Vec<u8>,
    places: Vec<(Prefix, u32)>,
}

/// Gives all records back in order; equal ones one after the other.
pub struct Sorted {
    from: From,
    count: u64,
}

enum From {
    Memory { gathered: Gathered, next: usize },
    Runs(Merge),
}

impl Sorter {
    /// A sorter that holds about `memory` bytes, and some megabytes for every 128 times as many.
    ///
    /// # Panics
    /// Where `memory` is 2 GiB or more.
    pub fn new(scratch: Arc<Scratch>, memory: usize) -> Sorter {
        assert!(memory < 1 << 31, "places in memory are of 32 bits");
        Sorter {
            scratch,
            memory,
            block_bytes: (memory / (2 * RUNS_MAX)).clamp(64, BLOCK_BYTES_MAX),
            gathered: Gathered::default(),
            levels: Vec::new(),
            pushed: 0,
        }
    }

    /// Takes a record.
    ///
    /// # Errors
    /// What the machine says about a run that could not be written.
    pub fn push(&mut self, record: &[u8]) -> io::Result<()> {
        if self.gathered.bytes() + record.len() > self.memory {
            self.spill()?;
        }
        self.gathered.push(record, self.memory);
        self.pushed += 1;
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.gathered.places.is_empty() {
            return Ok(());
        }
        self.gathered.sort();
        let mut writer = RunWriter::new(&self.scratch, self.block_bytes)?;
        for place in 0..self.gathered.places.len() {
            writer.push(self.gathered.record(place))?;
        }
        self.gathered.clear();
        self.add(writer.finish()?, 0)
    }

    fn add(&mut self, run: RunReader, level: usize) -> io::Result<()> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(run);
        if self.levels[level].len() < RUNS_MAX {
            return Ok(());
        }
        let mut merge = Merge::new(std::mem::take(&mut self.levels[level]))?;
        let mut writer = RunWriter::new(&self.scratch, self.block_bytes)?;
        while let Some(record) = merge.next_record()? {
            writer.push(record)?;
        }
        self.add(writer.finish()?, level + 1)
    }

    /// Ends the taking.
    ///
    /// # Errors
    /// As [`Sorter::push`].
    pub fn finish(mut self) -> io::Result<Sorted> {
        let count = self.pushed;
        let from = if self.levels.is_empty() {
            self.gathered.sort();
            From::Memory {
                gathered: self.gathered,
                next: 0,
            }
        } else {
            self.spill()?;
            From::Runs(Merge::new(self.levels.into_iter().flatten().collect())?)
        };
        Ok(Sorted { from, count })
    }
}

impl Sorted {
    /// How many records there are in all.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The next record; `None` after the last.
    ///
    /// # Errors
    /// A run could not be read, or does not hold what was written.
    pub fn next_record(&mut self) -> io::Result<Option<&[u8]>> {
        match &mut self.from {
            From::Runs(merge) => merge.next_record(),
            From::Memory { gathered, next } => {
                let place = *next;
                *next += 1;
                Ok((place < gathered.places.len()).then(|| gathered.record(place)))
            }
        }
    }
}

/// Appends a record led by its length.
fn append(records: &mut Vec<u8>, record: &[u8]) {
    let len = u32::try_from(record.len()).expect("a record is far below 4 GiB");
    records.extend_from_slice(&len.to_le_bytes());
    records.extend_from_slice(record);
}

/// Where the record lies whose length stands at `start`.
fn record_at(records: &[u8], start: usize) -> Range<usize> {
    let (len, _) = (records[start..].split_first_chunk()).expect("a length leads each record");
    let first = start + 4;
    first..first + usize::try_from(u32::from_le_bytes(*len)).expect("a record is in memory")
}

impl Gathered {
    fn bytes(&self) -> usize {
        self.records.len() + self.places.len() * size_of::<(Prefix, u32)>()
    }

    fn push(&mut self, record: &[u8], memory: usize) {
        let needed = 4 + record.len();
        if self.records.len() + needed > self.records.capacity() {
            // Grown as vectors grow, but not past what may be used.
            let wanted = (2 * self.records.capacity()).clamp(64, memory.max(64));
            let more = wanted.saturating_sub(self.records.len()).max(needed);
            self.records.reserve_exact(more);
        }
        let start = u32::try_from(self.records.len()).expect("less than 2 GiB are gathered");
        let mut prefix = Prefix::default();
        let length = record.len().min(prefix.len());
        prefix[..length].copy_from_slice(&record[..length]);
        append(&mut self.records, record);
        self.places.push((prefix, start));
    }

    fn record(&self, place: usize) -> &[u8] {
        record_of(&self.records, self.places[place].1)
    }

    fn sort(&mut self) {
        let records = &self.records;
        self.places.sort_unstable_by(|(a, left), (b, right)| {
            let rest = || record_of(records, *left).cmp(record_of(records, *right));
            a.cmp(b).then_with(rest)
        });
    }

    fn clear(&mut self) {
        self.records.clear();
        self.places.clear();
    }
}

fn record_of(records: &[u8], start: u32) -> &[u8] {
    let start = usize::try_from(start).expect("a place in memory");
    &records[record_at(records, start)]
}

/// Runs read side by side: the one whose record is least is at the top of a heap.
struct Merge {
    runs: Vec<RunReader>,
    heap: Vec<usize>,
    /// Whether the record at the top was given away.
    given: bool,
}

impl Merge {
    fn new(mut runs: Vec<RunReader>) -> io::Result<Merge> {
        let mut heap = Vec::with_capacity(runs.len());
        for (place, run) in runs.iter_mut().enumerate() {
            if run.advance()? {
                heap.push(place);
            }
        }
        let mut merge = Merge {
            runs,
            heap,
            given: false,
        };
        for place in (0..merge.heap.len() / 2).rev() {
            merge.sift(place);
        }
        Ok(merge)
    }

    fn next_record(&mut self) -> io::Result<Option<&[u8]>> {
        if std::mem::replace(&mut self.given, true) {
            let Some(&top) = self.heap.first() else {
                return Ok(None);
            };
            if !self.runs[top].advance()? {
                self.runs[top].remove()?;
                self.heap.swap_remove(0);
            }
            self.sift(0);
        }
        Ok(self.heap.first().map(|&top| self.runs[top].record()))
    }

    /// Lets what is at `place` sink to where nothing below it is less.
    fn sift(&mut self, mut place: usize) {
        let record = |heap: &[usize], place: usize| self.runs[heap[place]].record();
        loop {
            let children = [2 * place + 1, 2 * place + 2].into_iter();
            let below = children.filter(|&child| child < self.heap.len());
            let least = below.min_by_key(|&child| record(&self.heap, child));
            let Some(least) = least else { return };
            if record(&self.heap, place) <= record(&self.heap, least) {
                return;
            }
            self.heap.swap(place, least);
            place = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::disk::Disk;
    use crate::sim::disk::{Fault, Operation, SimDisk};

    fn sorter(disk: &SimDisk, memory: usize) -> Sorter {
        let scratch = Scratch::new(Arc::new(disk.clone())).unwrap();
        Sorter::new(Arc::new(scratch), memory)
    }

    fn random_records(seed: u64, count: usize) -> Vec<Vec<u8>> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let record = |random: &mut ChaCha8Rng| {
            let len = random.random_range(0..40);
            (0..len).map(|_| random.random_range(0..3)).collect()
        };
        (0..count).map(|_| record(&mut random)).collect()
    }

    #[test]
    fn records_come_back_in_order_however_little_memory_there_is() {
        for (count, memory) in [(0, 100), (1, 1), (500, 1 << 20), (500, 200), (3000, 1)] {
            let disk = SimDisk::new();
            let mut records = random_records(memory as u64, count);
            let mut sorter = sorter(&disk, memory);
            for record in &records {
                sorter.push(record).unwrap();
            }
            let mut sorted = sorter.finish().unwrap();
            assert_eq!(disk.image().is_empty(), count < 2 || memory > 1000);
            assert_eq!(sorted.count(), count as u64);
            records.sort();
            for record in &records {
                assert_eq!(sorted.next_record().unwrap(), Some(&record[..]));
            }
            assert_eq!(sorted.next_record().unwrap(), None);
            assert_eq!(sorted.next_record().unwrap(), None);
            drop(sorted);
            assert!(disk.image().is_empty(), "nothing stays");
        }
    }

    #[test]
    fn a_run_that_rots_is_an_error_and_never_another_record() {
        let disk = SimDisk::new();
        let mut sorter = sorter(&disk, 300);
        for record in random_records(1, 100) {
            sorter.push(&record).unwrap();
        }
        let runs = disk.directory(SCRATCH).unwrap();
        let rotten = runs.open("2").unwrap();
        rotten.write_at(rotten.size().unwrap() - 1, &[9]).unwrap();
        let read = sorter.finish().and_then(|mut sorted| {
            while sorted.next_record()?.is_some() {}
            Ok(())
        });
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_full_disk_is_told_and_leaves_nothing() {
        let disk = SimDisk::new();
        disk.plant(Fault {
            operation: Some(Operation::Write),
            after: 3,
            kind: io::ErrorKind::StorageFull,
            lasting: true,
        });
        let mut sorter = sorter(&disk, 300);
        let mut records = random_records(1, 1000).into_iter();
        let failed = records.find_map(|record| sorter.push(&record).err());
        assert_eq!(failed.unwrap().kind(), io::ErrorKind::StorageFull);
        drop(sorter);
        assert!(disk.image().is_empty());
    }

    #[test]
    fn left_overs_are_removed_and_a_place_in_use_is_refused() {
        let disk = SimDisk::new();
        disk.directory(SCRATCH).unwrap().create("7").unwrap();
        let parent: Arc<dyn Disk> = Arc::new(disk.clone());
        let scratch = Scratch::new(Arc::clone(&parent)).unwrap();
        assert!(disk.image().is_empty());
        scratch.create().unwrap();
        let refused = Scratch::new(parent).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ResourceBusy);
    }
}
