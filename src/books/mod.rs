//! The books: what all entries add up to, in `{data}/books.redb`, so that neither memory nor a
//! start nor a lookup grows with history. Derived: everything in it can be made anew from history.
//!
//! ```text
//! table              key                                  row
//! about              "coffer", "format", "applied"        id; `FORMAT`, u64; see `Applied`
//!                    "begun"                              see `Begun`; not in older files
//!                    "users"                              the highest number that a user has, u64
//! counts             a table's name                       how many rows it has, u64
//! partners           partner                              the document and its entry
//! spaces             number of the space                  an id space and a currency
//! accounts           account                              `AccountPlace`
//! names              partner, player_id                   the player's number
//! players            player's number                      the player, its accounts and its newest sessions
//! past_sessions      player's number, session             a session that the player's row does not list
//! unlisted_sessions  player's number, session             those of them that were open then
//! codes              code                                 `SessionPlace`
//! references         partner, reference                   an adjustment and its entry
//! users              mobile number                        who is registered under it
//! transfers          partner, transaction id              a partner's deposit or withdrawal
//! payments           wallet type, reference               a received payment and its entry
//! listed_payments    seq of the entry that took it down   which payment it is
//! gateway            kind, and what the kind says         a document of the gateway and its entries
//! gateway_marks      list, kind, and what the kind says   the document that stands there in the list
//! orders             txn_ref_id                           an order and its entries
//! order_ids          partner, orderId                     which order it is
//! listed_orders      seq of the entry that it came with   which order it is
//! claims             reference                            what it was named for
//! ids                space, transaction id                what the id stands for
//! rounds             space, round, account                a round
//! foreign_rounds     space, round, account                rounds begun by a transaction of another number
//! open_rounds        seq of the entry that began it       the round
//! odd_plays          seq                                  a transaction that was odd
//! sums               currency, what of                    cents
//! days               day, partner, currency, game         bets, wins, cancels
//! runs               a table's name                       its runs: tables of rows in no order
//! filters            kind, run, number of the piece       a part of a run's filter
//! ids.N, rounds.N    as ids, rounds                       run N of them
//! ```
//!
//! Numbers in keys are big-endian, so that neighbours lie together; ids and rounds begin with their
//! space, so that rising ones are written at one edge. A row is `rows`' affair.
//!
//! A flush writes rows in slices, each a commit of its own; `applied` moves with the last one. A
//! player's row and a round's bear the entry that changed them last, and rows of one player, or of
//! one round, are written in one commit: whoever replays entries onto what a flush that was cut
//! short has left skips what is there already. Totals and days, which bear nothing, move with
//! `applied`. `begun` moves with the first slice, and tells of what the others hold beyond `applied`.
//!
//! Books of earlier versions lack some tables (`tables::LATER`). They are made where they are
//! missing, and are empty then: no entry up to `applied` tells of what they are for.

mod check;
mod error;
mod field;
mod filter;
mod gateway;
mod keys;
mod look;
mod merge;
mod merge_tests;
mod orders;
mod payments;
mod rows;
mod runs;
mod scan;
mod tables;
mod users;
mod view;
mod write;

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, Table, TableDefinition, TableHandle,
};

pub use self::check::{Looked, set_aside_damaged, sound};
pub use self::error::BooksError;
pub use self::look::refuse_newer;
pub use self::merge::Tidying;
pub use self::rows::{AccountPlace, SessionPlace};
pub use self::runs::Kind;
use self::runs::Shared;
pub use self::scan::Scanned;
pub use self::view::{Greatest, Place, View};
pub use self::write::{Closing, NewRun, Slice};
use crate::disk::{Before, Disk, File, RedbBackend, unfinished};
use crate::id::{AccountNumber, PartnerNumber, Reference, Seq, SessionNumber, UserNumber};
use crate::time::{Span, Timestamp};

/// The file's name.
pub const BOOKS: &str = "books.redb";

/// The version of the file. Another one is made anew from history.
pub const FORMAT: u64 = 2;

/// Rows are read where a player comes back after a while, and written in order.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");
const COFFER: &str = "coffer";
const FORMAT_KEY: &str = "format";
const APPLIED: &str = "applied";
const BEGUN: &str = "begun";
const USERS: &str = "users";

/// Rows of each table by its name.
const COUNTS: TableDefinition<'_, &str, u64> = TableDefinition::new("counts");

/// When what is in memory goes to the books (operations.md, Configuration, `[storage]`), and how
/// much of it may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoints {
    /// After so many entries.
    pub entries: u64,
    /// After so long, where there are any.
    pub interval: Span,
    /// Bytes that what was touched lately may take.
    pub resident_bytes: u64,
    /// Rows that one commit writes. Its sync holds up the journal's own for some milliseconds.
    pub slice_rows: usize,
    /// So many numbers of one space that lie apart, in one flush, are written as a run.
    pub scattered_rows: usize,
    /// So many runs of about one size are merged.
    pub merged_runs: usize,
}

impl Default for Checkpoints {
    fn default() -> Checkpoints {
        Checkpoints {
            entries: 1_000_000,
            interval: Span::from_seconds(30),
            resident_bytes: 1 << 30,
            slice_rows: 10_000,
            scattered_rows: 1_000,
            merged_runs: 8,
        }
    }
}

/// The entry that the books are up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The last entry that is in them.
    pub seq: Seq,
    /// When it was made.
    pub at: Timestamp,
    /// The journal's hash at the end of the batch that holds it.
    pub hash: [u8; 32],
    /// The highest number that an account has.
    pub accounts: AccountNumber,
    /// The highest number that a session has.
    pub sessions: SessionNumber,
    /// The highest number that a user has.
    pub users: UserNumber,
}

impl Applied {
    /// Nothing yet.
    pub const NOTHING: Applied = Applied {
        seq: Seq::NONE,
        at: Timestamp::EPOCH,
        hash: [0; 32],
        accounts: AccountNumber(0),
        sessions: SessionNumber(0),
        users: UserNumber::NONE,
    };

    /// Reads what the file says, if it does.
    fn read(
        about: &impl ReadableTable<&'static str, &'static [u8]>,
    ) -> Result<Option<Applied>, BooksError> {
        let applied = about.get(APPLIED)?;
        let applied = applied.and_then(|bytes| Applied::decode(bytes.value()));
        let users = about.get(USERS)?;
        let users = match users.map(|bytes| bytes.value().try_into()) {
            None => UserNumber::NONE,
            Some(Ok(bytes)) => UserNumber(u64::from_le_bytes(bytes)),
            Some(Err(_)) => return Ok(None),
        };
        Ok(applied.map(|applied| Applied { users, ..applied }))
    }

    /// Writes what the file says from then on.
    fn write(&self, about: &mut Table<'_, &'static str, &'static [u8]>) -> Result<(), BooksError> {
        about.insert(APPLIED, self.encode().as_slice())?;
        about.insert(USERS, &self.users.0.to_le_bytes()[..])?;
        Ok(())
    }

    fn encode(&self) -> Vec<u8> {
        let numbers = [
            self.seq.0,
            self.at.micros(),
            self.accounts.0,
            self.sessions.0,
        ];
        let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
        numbers.chain(self.hash).collect()
    }

    fn decode(bytes: &[u8]) -> Option<Applied> {
        let (numbers, hash) = bytes.split_at_checked(32)?;
        let mut numbers = numbers
            .as_chunks()
            .0
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes));
        let mut next = || numbers.next();
        Some(Applied {
            seq: Seq(next()?),
            at: Timestamp::from_micros(next()?),
            accounts: AccountNumber(next()?),
            sessions: SessionNumber(next()?),
            hash: hash.try_into().ok()?,
            users: UserNumber::NONE,
        })
    }
}

/// The entry that the newest flush writes up to, whole or cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// No row is beyond this entry.
    pub seq: Seq,
    /// The journal's hash at the end of the batch that holds it.
    pub hash: [u8; 32],
}

impl Begun {
    fn encode(&self) -> Vec<u8> {
        [&self.seq.0.to_le_bytes()[..], &self.hash].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Begun> {
        let (seq, hash) = bytes.split_first_chunk()?;
        Some(Begun {
            seq: Seq(u64::from_le_bytes(*seq)),
            hash: hash.try_into().ok()?,
        })
    }
}

/// An adjustment's name: references are per partner.
pub type ReferenceKey = (PartnerNumber, Reference);

/// The open file. One process has it, by the data directory's lock.
#[derive(Debug)]
pub struct Books {
    database: Database,
    shared: Arc<Shared>,
    applied: RwLock<Applied>,
    begun: RwLock<Option<Begun>>,
    /// Held by whoever writes, from begin to commit.
    writing: Mutex<()>,
    /// What is overwritten while somebody looks at all pages.
    before: Arc<Before>,
}

/// Makes the file of a coffer that has no books yet, in place of one that may lie there.
///
/// # Errors
/// [`BooksError::Disk`] or [`BooksError::Database`].
pub fn create(disk: &dyn Disk, id: [u8; 16]) -> Result<(), BooksError> {
    let new = unfinished(BOOKS);
    if disk.exists(&new).map_err(BooksError::Disk)? {
        disk.remove(&new).map_err(BooksError::Disk)?;
    }
    let backend = RedbBackend::new(disk.create(&new).map_err(BooksError::Disk)?);
    let database = Builder::new().create_with_backend(backend)?;
    let transaction = database.begin_write()?;
    {
        let mut about = transaction.open_table(ABOUT)?;
        about.insert(COFFER, &id[..])?;
        about.insert(FORMAT_KEY, &FORMAT.to_le_bytes()[..])?;
        Applied::NOTHING.write(&mut about)?;
        transaction.open_table(COUNTS)?;
    }
    for table in tables::ALL {
        transaction.open_table(table)?;
    }
    transaction.commit()?;
    drop(database);
    // redb does not tell whether its closing went well.
    disk.open(&new)
        .and_then(|file| file.sync())
        .and_then(|()| disk.rename(&new, BOOKS))
        .and_then(|()| disk.sync_directory())
        .map_err(BooksError::Disk)
}

impl Books {
    /// Opens the books of the coffer `id`. What a process left that was killed is opened as fast
    /// as what was closed, however large it is; of a small file every page is looked at.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn open(disk: &dyn Disk, id: [u8; 16]) -> Result<Books, BooksError> {
        let file = Books::file(disk)?;
        // An earlier start may have ended by a failed sync. Each commit is of two phases: all that
        // the first page points to was synced before it was written.
        file.distrust_first_page().map_err(BooksError::Disk)?;
        check::at_start(disk, id, file.size().map_err(BooksError::Disk)?)?;
        sound(|| {
            let backend = RedbBackend::new(file);
            let before = backend.before();
            let database = Builder::new()
                .set_cache_size(CACHE_BYTES)
                .create_with_backend(backend)?;
            Books::of(database, before, id)
        })
    }

    fn file(disk: &dyn Disk) -> Result<Box<dyn File>, BooksError> {
        if !disk.exists(BOOKS).map_err(BooksError::Disk)? {
            let damaged = disk.exists(check::SET_ASIDE).map_err(BooksError::Disk)?;
            return Err(match damaged {
                true => BooksError::SetAside,
                false => BooksError::Missing { emptied: false },
            });
        }
        let file = disk.open(BOOKS).map_err(BooksError::Disk)?;
        // redb would make an empty file a new database.
        if file.size().map_err(BooksError::Disk)? == 0 {
            return Err(BooksError::Missing { emptied: true });
        }
        Ok(file)
    }

    fn of(database: Database, before: Arc<Before>, id: [u8; 16]) -> Result<Books, BooksError> {
        let (applied, begun) = inspect(&database, id)?;
        add_tables(&database)?;
        let books = Books {
            database,
            shared: Arc::new(Shared::new(id)),
            applied: RwLock::new(applied),
            begun: RwLock::new(begun),
            writing: Mutex::default(),
            before,
        };
        let spaces = books.view()?.spaces()?;
        *books.shared.spaces.write() = spaces;
        Ok(books)
    }

    /// The entry that the books are up to.
    pub fn applied(&self) -> Applied {
        *self.applied.read()
    }

    /// The entry that the newest flush writes up to; of books that were written before there was
    /// such a mark nobody knows.
    pub fn begun(&self) -> Option<Begun> {
        *self.begun.read()
    }

    /// All rows as they are now, for as long as the view is kept.
    ///
    /// # Errors
    /// [`BooksError::Database`].
    pub fn view(&self) -> Result<View, BooksError> {
        View::new(self.database.begin_read()?, Arc::clone(&self.shared))
    }
}

/// Checks what the file says about itself.
fn inspect(database: &Database, id: [u8; 16]) -> Result<(Applied, Option<Begun>), BooksError> {
    let silent = || BooksError::Unreadable("does not say what it holds");
    let about = match database.begin_read()?.open_table(ABOUT) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Err(silent()),
        about => about?,
    };
    let value = |key| -> Result<Vec<u8>, BooksError> {
        let value = about.get(key)?.ok_or_else(silent)?;
        Ok(value.value().to_vec())
    };
    let format = value(FORMAT_KEY)?.try_into().map_err(|_| silent())?;
    match u64::from_le_bytes(format) {
        FORMAT => {}
        newer if newer > FORMAT => return Err(BooksError::Newer(newer)),
        older => return Err(BooksError::Older(older)),
    }
    if value(COFFER)? != id {
        return Err(BooksError::Foreign);
    }
    let applied = Applied::read(&about)?.ok_or_else(silent)?;
    let begun = match about.get(BEGUN)? {
        Some(begun) => Some(Begun::decode(begun.value()).ok_or_else(silent)?),
        None => None,
    };
    Ok((applied, begun))
}

/// Makes the tables that the file's version did not have.
fn add_tables(database: &Database) -> Result<(), BooksError> {
    let read = database.begin_read()?;
    let there: Vec<_> = read.list_tables()?.collect();
    let is_there = |name: &str| there.iter().any(|table| table.name() == name);
    let missing = tables::LATER.into_iter();
    let missing: Vec<_> = missing.filter(|table| !is_there(table.name())).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let counts = read.open_table(COUNTS)?;
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    for table in missing {
        if counts.get(table.name())?.is_some() {
            return Err(BooksError::Unreadable("lacks a table that had rows"));
        }
        transaction.open_table(table)?;
    }
    transaction.commit()?;
    Ok(())
}
