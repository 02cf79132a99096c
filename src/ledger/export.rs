//! Readings of everything that is durable, for exports: the journal slice by slice, and all
//! accounts as they were at one entry.
//!
//! Both end at what was durable when they began, so that nothing is told that a power cut could
//! take back. Between two slices no transaction of the journal is open and no lock is held: a
//! reader who takes its time pins no page and lets nobody wait.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Ledger, OperatorError};
use crate::engine::document::{AccountOpened, Document};
use crate::engine::entry::{AccountRef, Body, Entry, RecordKind};
use crate::engine::holdings::{AccountRow, PlayerKey};
use crate::id::{AccountNumber, Seq};
use crate::journal::{Batch, Head, Journal, JournalError};
use crate::money::{Amount, Sum};
use crate::time::Timestamp;

/// Entries after which a slice takes no further batch.
const SLICE_ENTRIES: usize = 4096;

/// Accounts copied under one hold of a shard's lock.
const SLICE_ACCOUNTS: usize = 256;

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

impl Ledger {
    /// Whose account bears this number. Looks through the shards one after the other.
    pub fn account(&self, number: AccountNumber) -> Option<AccountOpened> {
        let mut shards = self.shards.holdings.each();
        shards.find_map(|holdings| holdings.account(number).map(|row| row.opened.clone()))
    }

    /// How many accounts there are.
    pub fn accounts(&self) -> usize {
        let shards = self.shards.holdings.each();
        shards.map(|holdings| holdings.accounts().len()).sum()
    }
}

/// The journal's batches up to what was durable at the beginning.
#[derive(Debug)]
pub struct Reading {
    ledger: Arc<Ledger>,
    next: Seq,
    end: Seq,
    /// The end of the batch that was read last.
    before: Option<Head>,
}

impl Reading {
    /// Begins with the batch that holds the first entry made at `from` or later, found by halving.
    /// Reads the disk: not for a thread that serves.
    ///
    /// # Errors
    /// The journal could not be read.
    pub fn start(ledger: &Arc<Ledger>, from: Option<Timestamp>) -> Result<Reading, OperatorError> {
        let end = ledger.durable_seq();
        let next = match from {
            Some(from) => first_since(&*ledger.journal, from, end)?,
            None => Seq::NONE.next(),
        };
        Ok(Reading::between(ledger, next, end))
    }

    /// Both are ends of batches, or beside them.
    fn between(ledger: &Arc<Ledger>, next: Seq, end: Seq) -> Reading {
        Reading {
            ledger: Arc::clone(ledger),
            next,
            end,
            before: None,
        }
    }

    /// The entry that the next slice begins with.
    pub fn next(&self) -> Seq {
        self.next
    }

    /// The last entry that will be read.
    pub fn end(&self) -> Seq {
        self.end
    }

    /// The next batches; none where the end is reached. Reads the disk.
    ///
    /// # Errors
    /// The ledger is latched, or the journal could not be read. What was read so far is not all.
    pub fn read(&mut self) -> Result<Vec<Batch>, OperatorError> {
        if self.ledger.is_latched() {
            return Err(OperatorError::Unavailable);
        }
        let mut slice = Vec::new();
        let mut entries = 0;
        if self.next > self.end {
            return Ok(slice);
        }
        let journal = Arc::clone(&self.ledger.journal);
        for batch in journal.read_from(self.next)? {
            let batch = batch?;
            let previous = self.before.unwrap_or(batch.previous);
            if batch.previous != previous || previous.seq.next() != self.next {
                return Err(OperatorError::Journal(JournalError::Gap {
                    file: "the journal".into(),
                    previous,
                    found: batch.previous,
                }));
            }
            self.before = Some(batch.head);
            self.next = batch.head.seq.next();
            entries += batch.entries.len();
            slice.push(batch);
            if entries >= SLICE_ENTRIES || self.next > self.end {
                break;
            }
        }
        Ok(slice)
    }
}

/// The first entry of the batch that holds the first entry made at `from` or later; after `end`
/// where there is none.
fn first_since(journal: &dyn Journal, from: Timestamp, end: Seq) -> Result<Seq, JournalError> {
    // Both are beginnings of batches: what lies before `low` is too old, what begins at `high`
    // is not.
    let (mut low, mut high) = (Seq::NONE.next(), end.next());
    while low < high {
        let middle = Seq(low.0 + (high.0 - low.0) / 2);
        let Some(batch) = journal.read_from(middle)?.next().transpose()? else {
            break;
        };
        let newest = batch.entries.last().expect("a batch has an entry").at;
        if newest < from {
            low = batch.head.seq.next();
        } else {
            high = batch.previous.seq.next();
        }
    }
    Ok(low)
}

/// An account as it was at a snapshot's seq.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// Whose, in which currency.
    pub opened: AccountOpened,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// What it held.
    pub balance: Amount,
    /// Whether its player was blocked.
    pub blocked: bool,
}

/// Every account as it was at one entry, although it goes on being played with.
///
/// Accounts are copied a few at a time as they are now, and what came after the snapshot's entry
/// is undone from the journal, which is read once for that. Memory is held for the accounts that
/// changed since the snapshot began, not for all.
#[derive(Debug)]
pub struct Snapshot {
    ledger: Arc<Ledger>,
    seq: Seq,
    shard: usize,
    /// Accounts of the shard under way that are still to be copied.
    numbers: Vec<AccountNumber>,
    later: Later,
}

impl Snapshot {
    /// Takes it at what is durable now.
    pub fn start(ledger: &Arc<Ledger>) -> Snapshot {
        let seq = ledger.durable_seq();
        Snapshot {
            ledger: Arc::clone(ledger),
            seq,
            shard: 0,
            numbers: Vec::new(),
            later: Later {
                read: seq,
                balances: Map::default(),
                opened: HashSet::default(),
                blocked: Map::default(),
            },
        }
    }

    /// The entry that it is of.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// Some more accounts; `None` when all were told. Waits for the disk and reads it: not for a
    /// thread that serves.
    ///
    /// # Errors
    /// The ledger is latched, or the journal could not be read. What was told so far is not all.
    pub fn read(&mut self) -> Result<Option<Vec<AccountView>>, OperatorError> {
        if self.ledger.is_latched() {
            return Err(OperatorError::Unavailable);
        }
        let shards = &self.ledger.shards.holdings;
        while self.numbers.is_empty() {
            if self.shard == shards.len() {
                return Ok(None);
            }
            let holdings = shards.lock_index(self.shard);
            self.numbers
                .extend(holdings.accounts().map(|row| row.opened.number));
            drop(holdings);
            self.shard += 1;
        }
        let left = self.numbers.len().saturating_sub(SLICE_ACCOUNTS);
        let copied: Vec<AccountRow> = {
            let holdings = shards.lock_index(self.shard - 1);
            let rows = self.numbers.drain(left..);
            rows.filter_map(|number| holdings.account(number).cloned())
                .collect()
        };
        let newest = copied.iter().map(|row| row.last.max(row.changed)).max();
        self.later
            .read_up_to(&self.ledger, newest.unwrap_or(Seq::NONE))?;
        let views = copied.into_iter().filter_map(|row| self.later.undo(row));
        Ok(Some(views.collect()))
    }
}

/// What came after a snapshot's entry, as far as undoing it takes: how everything was before it
/// was touched first.
#[derive(Debug)]
struct Later {
    /// The last entry that was read.
    read: Seq,
    balances: Map<AccountNumber, Amount>,
    opened: HashSet<AccountNumber, ahash::RandomState>,
    blocked: Map<PlayerKey, bool>,
}

impl Later {
    fn read_up_to(&mut self, ledger: &Arc<Ledger>, seq: Seq) -> Result<(), OperatorError> {
        if seq <= self.read {
            return Ok(());
        }
        let durable = ledger.durable.wait_blocking(seq);
        durable.map_err(|_| OperatorError::Unavailable)?;
        let mut reading = Reading::between(ledger, self.read.next(), ledger.durable_seq());
        loop {
            let batches = reading.read()?;
            let Some(last) = batches.last() else {
                return Ok(());
            };
            self.read = last.head.seq;
            let entries = batches.iter().flat_map(|batch| &batch.entries);
            entries.for_each(|entry| self.note(entry));
        }
    }

    fn note(&mut self, entry: &Entry) {
        if let Some((account, moved, link)) = entry.body.house_to_player() {
            self.moved(account, moved, link.balance_after);
        }
        let Body::Record(record) = &entry.body else {
            return;
        };
        for document in &record.documents {
            match document {
                Document::Account(opened) => {
                    self.opened.insert(opened.number);
                }
                // One that says what was so already is never written.
                Document::Player(player) if record.kind == RecordKind::PlayerChanged => {
                    let key = (player.partner, player.player_id.clone());
                    self.blocked.entry(key).or_insert(!player.blocked);
                }
                Document::Player(_)
                | Document::Partner(_)
                | Document::Session(_)
                | Document::Adjustment(_) => {}
            }
        }
        for posting in &record.postings {
            if let (AccountRef::Player(account), Some(link)) = (posting.account, posting.link) {
                self.moved(account, Sum::from(posting.cents), link.balance_after);
            }
        }
    }

    fn moved(&mut self, account: AccountNumber, moved: Sum, after: Amount) {
        self.balances.entry(account).or_insert_with(|| {
            let before = Sum::from(after).plus(moved.negated());
            before.magnitude().expect("what was held is an amount")
        });
    }

    /// The account as it was; none where it was not there yet.
    fn undo(&self, row: AccountRow) -> Option<AccountView> {
        let opened = row.opened;
        if self.opened.contains(&opened.number) {
            return None;
        }
        let blocked = if self.blocked.is_empty() {
            None
        } else {
            let key = (opened.partner, opened.player_id.clone());
            self.blocked.get(&key).copied()
        };
        let balance = self.balances.get(&opened.number).copied();
        Some(AccountView {
            opened,
            opened_at: row.opened_at,
            balance: balance.unwrap_or(row.balance),
            blocked: blocked.unwrap_or(row.blocked),
        })
    }
}
