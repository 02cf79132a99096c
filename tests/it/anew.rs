//! Books against books made anew from the same journal: row by row the same, whatever lies between.

use std::collections::BTreeMap;
use std::sync::Arc;

use coffer::books::BOOKS;
use coffer::disk::{Disk, RedbBackend};
use coffer::journal::Journal;
use coffer::ledger::Checkpointer;
use coffer::sim::ManualClock;
use coffer::sim::disk::SimDisk;
use redb::{Builder, ReadableDatabase, TableDefinition, TableHandle};

use crate::on_disk::{new_books_on, recover};
use crate::world::rules;

type Rows = BTreeMap<(String, Vec<u8>), Vec<u8>>;

/// Tables whose keys begin with a space's number, which is given in the order of the flushes.
const BY_SPACE: [&str; 3] = ["ids", "rounds", "foreign_rounds"];

/// Tables that tell of the file, or of the moment of a flush: a session that was over is listed
/// among the unlisted ones where it was not when its row was written.
const OWN: [&str; 6] = [
    "about",
    "counts",
    "filters",
    "runs",
    "spaces",
    "unlisted_sessions",
];

/// All rows without their checksums, and whether there are rounds in runs. What begins with a
/// space's number begins with the space.
fn rows(disk: &SimDisk) -> (Rows, bool) {
    let backend = RedbBackend::new(disk.open(BOOKS).unwrap());
    let database = Builder::new().create_with_backend(backend).unwrap();
    let reading = database.begin_read().unwrap();
    let table = |name: &str| {
        let table = reading.open_table(TableDefinition::<&[u8], &[u8]>::new(name));
        let rows = table.unwrap().range::<&[u8]>(..).unwrap().map(|row| {
            let (key, row) = row.unwrap();
            let (row, _checksum) = row.value().split_last_chunk::<4>().unwrap();
            (key.value().to_vec(), row.to_vec())
        });
        rows.collect::<BTreeMap<_, _>>()
    };
    let spaces = table("spaces");
    let names = reading.list_tables().unwrap();
    let mut names: Vec<_> = names.map(|table| table.name().to_owned()).collect();
    // So that what newer runs have comes after what older ones and the table have.
    names.sort();
    let mut all = Rows::new();
    for name in names.iter().filter(|name| !OWN.contains(&name.as_str())) {
        let of = name.split('.').next().unwrap();
        for (mut key, row) in table(name) {
            if BY_SPACE.contains(&of) {
                key.splice(..4, spaces[&key[..4]].iter().copied());
            }
            all.insert((of.to_owned(), key), row);
        }
    }
    (all, names.iter().any(|name| name.starts_with("rounds.")))
}

/// What of the books on a disk, which nobody has open, is not as in books that are made anew from
/// the journal that they are wholly up to.
pub(crate) fn rows_unlike_anew(
    disk: &SimDisk,
    journal: &Arc<dyn Journal>,
    clock: &Arc<ManualClock>,
) -> Vec<String> {
    let other = SimDisk::new();
    let recovered = recover(journal, new_books_on(&other), clock, rules(), 1_000_000);
    let (ledger, committer) = recovered.unwrap();
    let (mut checkpointer, stop) = Checkpointer::new(Arc::clone(&ledger));
    checkpointer.checkpoint().unwrap();
    assert_eq!(ledger.booked_seq(), journal.head().seq);
    drop((checkpointer, stop, committer, ledger));
    let ((mut there, in_runs), (mut anew, anew_in_runs)) = (rows(disk), rows(&other));
    if in_runs || anew_in_runs {
        // Of those it is not written down which are foreign.
        for rows in [&mut there, &mut anew] {
            rows.retain(|(table, _), _| table != "foreign_rounds");
        }
    }
    let keys = there.keys().chain(anew.keys());
    let unlike = keys.filter(|key| there.get(*key) != anew.get(*key));
    let tell = |key: &(String, Vec<u8>)| {
        let (there, anew) = (there.get(key), anew.get(key));
        format!("{} {:?} is {there:?}, not {anew:?}", key.0, key.1)
    };
    unlike.map(tell).collect()
}
