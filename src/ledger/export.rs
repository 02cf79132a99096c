//! Readings of everything that is durable, for exports: the journal slice by slice, and all
//! accounts as they were at one entry.
//!
//! Both end at what was durable when they began, so that nothing is told that a power cut could
//! take back. Between two slices no transaction of the journal is open and no lock is held: a
//! reader who takes its time pins no page and lets nobody wait.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::{Ledger, OperatorError};
use crate::engine::document::{AccountOpened, Document};
use crate::engine::entry::{AccountRef, Body, Entry, RecordKind};
use crate::engine::holdings::{AccountRow, PlayerKey, PlayerRow};
use crate::id::{AccountNumber, Seq};
use crate::journal::{Batch, Head, Journal, JournalError};
use crate::money::{Amount, Sum};
use crate::time::Timestamp;

/// Entries after which a slice takes no further batch.
const SLICE_ENTRIES: usize = 4096;

/// Accounts that are looked at together.
const SLICE_ACCOUNTS: u64 = 256;

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

impl Ledger {
    /// Whose account bears this number. Reads the disk where it is not in memory.
    ///
    /// # Errors
    /// The books could not be read.
    pub fn account(&self, number: AccountNumber) -> Result<Option<AccountOpened>, OperatorError> {
        let Some(place) = self.account_place(number)? else {
            return Ok(None);
        };
        let players = self.player_at(place.home)?;
        let row = players.holdings.players.row(&place.home);
        let account = row.and_then(|row| row.account(number));
        Ok(account.map(|row| row.opened.clone()))
    }

    /// How many accounts there are at most: the highest number given to one.
    pub fn accounts(&self) -> u64 {
        self.sequencer.numbers().0.0
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
    /// Whether the first batch may begin before `next`.
    within: bool,
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
            within: false,
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
            let begins = previous.seq.next();
            let in_place = begins == self.next || self.within && begins < self.next;
            self.within = false;
            if batch.previous != previous || !in_place {
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
    /// The number that the next player has at least.
    next: AccountNumber,
    later: Later,
}

impl Snapshot {
    /// Takes it at what is durable now.
    pub fn start(ledger: &Arc<Ledger>) -> Snapshot {
        Snapshot::at(ledger, ledger.durable_seq())
    }

    /// Takes it at an entry that was made already, and waits until that is durable.
    ///
    /// # Errors
    /// The ledger is latched.
    pub(super) fn of(ledger: &Arc<Ledger>, seq: Seq) -> Result<Snapshot, OperatorError> {
        let durable = ledger.durable.wait_blocking(seq);
        durable.map_err(|_| OperatorError::Unavailable)?;
        Ok(Snapshot::at(ledger, seq))
    }

    fn at(ledger: &Arc<Ledger>, seq: Seq) -> Snapshot {
        Snapshot {
            ledger: Arc::clone(ledger),
            seq,
            next: AccountNumber(1),
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
    /// The ledger is latched, or journal or books could not be read. What was told so far is not
    /// all.
    pub fn read(&mut self) -> Result<Option<Vec<AccountView>>, OperatorError> {
        if self.ledger.is_latched() {
            return Err(OperatorError::Unavailable);
        }
        self.ledger.apply_tail()?;
        let last = self.ledger.sequencer.numbers().0;
        if self.next > last {
            return Ok(None);
        }
        let end = AccountNumber(last.0.min(self.next.0.saturating_add(SLICE_ACCOUNTS - 1)));
        let players = self.ledger.players_between(self.next, end)?;
        let newest = players.iter().map(|row| row.last).max();
        self.later
            .read_up_to(&self.ledger, newest.unwrap_or(Seq::NONE))?;
        self.next = AccountNumber(end.0.saturating_add(1));
        let mut views = Vec::new();
        for player in players {
            let blocked = player.blocked;
            let accounts = player.accounts.into_iter();
            views.extend(accounts.filter_map(|row| self.later.undo(row, blocked)));
        }
        Ok(Some(views))
    }
}

impl Ledger {
    /// The players of these numbers as they are, each at its own moment.
    fn players_between(
        &self,
        first: AccountNumber,
        last: AccountNumber,
    ) -> Result<Vec<PlayerRow>, OperatorError> {
        let most = usize::try_from(last.0 - first.0 + 1).expect("a slice is small");
        'look: loop {
            let sight = self.look(|view| view.players(first, most).map(Some))?;
            let rows = sight.found.iter().flatten();
            let mut rows: BTreeMap<_, _> = rows
                .map(|row| (row.home(), row.clone()))
                .filter(|(home, _)| *home <= last)
                .collect();
            for home in (first.0..=last.0).map(AccountNumber) {
                let players = self.shards.players.lock(&home);
                if let Some(row) = players.holdings.players.row(&home) {
                    rows.insert(home, row.clone());
                } else if !self.is_fresh(&sight) {
                    continue 'look;
                }
            }
            return Ok(rows.into_values().collect());
        }
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
        reading.within = true;
        loop {
            let batches = reading.read()?;
            let Some(last) = batches.last() else {
                return Ok(());
            };
            let (before, last) = (self.read, last.head.seq);
            let entries = batches.iter().flat_map(|batch| &batch.entries);
            let later = entries.filter(|entry| entry.seq > before);
            later.for_each(|entry| self.note(entry));
            self.read = last;
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
                | Document::Adjustment(_)
                | Document::User(_)
                | Document::Transfer(_)
                | Document::ReceivedPayment(_)
                | Document::Gateway(_)
                | Document::Order(_) => {}
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
    fn undo(&self, row: AccountRow, is_blocked: bool) -> Option<AccountView> {
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
            blocked: blocked.unwrap_or(is_blocked),
        })
    }
}
