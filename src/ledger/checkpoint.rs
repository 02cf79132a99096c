//! Checkpoints: what changed in memory goes to the books, and what nobody touches leaves memory.
//!
//! A turn takes all locks, which is a matter of microseconds: it fixes one seq, and every
//! generation in memory ends there. Then, without any lock, what changed is written as it was at
//! that seq, in small slices, so that the journal's own syncs hardly notice; `applied` moves with
//! the last of them. Only the next turn forgets the generation.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

use super::checkpoint_error::CheckpointError;
use super::partners::PartnerRow;
use super::recent::Place;
use super::{Ledger, Space};
use crate::books::{
    AccountPlace, Applied, BooksError, Closing, Kind, ReferenceKey, SessionPlace, Slice, Tidying,
};
use crate::engine::document::Adjustment;
use crate::engine::held::{Bin, Generation};
use crate::engine::holdings::{PlayerKey, Turned};
use crate::engine::ids::{IdKey, IdRow};
use crate::engine::round::RoundKey;
use crate::engine::totals::{DayKey, DayTotals, Totals};
use crate::engine::transfer::{TransferKey, TransferRow};
use crate::engine::user::Registered;
use crate::id::{AccountNumber, Code, Mobile, Seq};

/// Between two looks whether something is due.
const LOOK: Duration = Duration::from_millis(50);

/// What a row takes in memory, roughly: a player with an account and a session, and a round or an
/// id with its share of the tables.
const PLAYER_BYTES: u64 = 900;
const ROW_BYTES: u64 = 180;

/// A transfer with its id, or the users of a mobile number.
const DOCUMENT_BYTES: u64 = 400;

/// What all shards added up to at the last turn.
#[derive(Debug, Default)]
pub(super) struct Base {
    /// All sums, and no days.
    pub(super) totals: Totals,
    /// Days that are on their way to the books.
    pub(super) days: BTreeMap<DayKey, DayTotals>,
}

/// The one who writes the books. One for each ledger.
pub struct Checkpointer {
    ledger: Arc<Ledger>,
    stopped: Receiver<()>,
    tidying: Tidying,
}

/// Dropping it stops a checkpointer that runs, after the slice that it is at.
#[derive(Debug)]
pub struct CheckpointerStop {
    _gone: Sender<()>,
}

/// All that changed up to a turn.
pub struct Turn {
    applied: Applied,
    before: Seq,
    codes: Vec<Arc<Generation<Code, SessionPlace>>>,
    references: Vec<Arc<Generation<ReferenceKey, (Adjustment, Seq)>>>,
    users: Vec<Arc<Generation<Mobile, Registered>>>,
    transfers: Vec<Arc<Generation<TransferKey, TransferRow>>>,
    names: Vec<Arc<Generation<PlayerKey, AccountNumber>>>,
    ids: Vec<Arc<Generation<IdKey, IdRow>>>,
    players: Vec<Turned>,
    accounts: Vec<Arc<Generation<AccountNumber, AccountPlace>>>,
    totals: Totals,
    partners: Vec<Arc<PartnerRow>>,
}

impl Ledger {
    /// Ends all generations at one seq.
    ///
    /// What the turn before returned has been written.
    pub(super) fn turn(&self) -> Turn {
        let _partners_stay = self.partner_changes.lock();
        let mut base = self.base.lock();
        let mut codes = self.shards.codes.all();
        let mut references = self.shards.references.all();
        let mut users = self.shards.users.all();
        let mut transfers = self.shards.transfers.all();
        let mut names = self.shards.names.all();
        let mut ids = self.shards.ids.all();
        let mut players = self.shards.players.all();
        let mut accounts = self.shards.accounts.all();
        let pending = players.iter().any(|players| !players.pending.is_empty());
        assert!(!pending, "all of the tail was applied");
        let (seq, at) = self.sequencer.newest();
        let (highest, sessions) = self.sequencer.numbers();
        let users_last = self.sequencer.last_user();
        let mut bin = Bin::new();
        let turned: Vec<Turned> = (players.iter_mut())
            .map(|players| players.holdings.turn(&mut bin))
            .collect();
        let before = self.books.applied().seq;
        // Those who are changed later are not of this turn, and may not be synced when it is written.
        let mut partners = self.partners.all();
        partners.retain(|row| row.changed > before);
        let mut turn = Turn {
            applied: Applied {
                seq,
                at,
                hash: [0; 32],
                accounts: highest,
                sessions,
                users: users_last,
            },
            before,
            codes: (codes.iter_mut()).map(|held| held.turn(&mut bin)).collect(),
            references: (references.iter_mut())
                .map(|held| held.turn(&mut bin))
                .collect(),
            users: (users.iter_mut()).map(|held| held.turn(&mut bin)).collect(),
            transfers: (transfers.iter_mut())
                .map(|held| held.turn(&mut bin))
                .collect(),
            names: (names.iter_mut()).map(|held| held.turn(&mut bin)).collect(),
            ids: (ids.iter_mut())
                .map(|ids| ids.rows.turn(&mut bin))
                .collect(),
            players: turned,
            accounts: (accounts.iter_mut())
                .map(|held| held.turn(&mut bin))
                .collect(),
            totals: Totals::default(),
            partners,
        };
        self.forgotten.fetch_add(1, Ordering::Release);
        drop((codes, references, users, transfers));
        drop((names, ids, players, accounts));
        // Whoever adds up waits for the base; all others go on.
        for turned in &turn.players {
            base.totals.merge(&turned.totals);
        }
        base.days = base.totals.take_days();
        turn.totals = base.totals.clone();
        drop(base);
        // What was forgotten is dropped now that nobody waits for a lock.
        drop(bin);
        turn
    }

    /// Writes what a turn has ended. `between` is called between slices.
    ///
    /// # Errors
    /// Then what was written is a part of it, which the next start completes from the journal.
    pub(super) fn write(
        &self,
        turn: &mut Turn,
        between: &mut dyn FnMut() -> Result<(), CheckpointError>,
    ) -> Result<(), CheckpointError> {
        if turn.applied.seq == turn.before {
            return Ok(());
        }
        let batch = self
            .journal
            .read_from(turn.applied.seq)?
            .next()
            .transpose()?;
        let Some(batch) = batch else {
            // Who has the journal calls durable what is not there.
            return Err(CheckpointError::Latched);
        };
        turn.applied.hash = batch.head.hash;
        let mut writing = Writing {
            ledger: self,
            turn,
            between,
        };
        writing.documents()?;
        writing.players()?;
        writing.ids()?;
        writing.rounds()?;
        writing.odd_plays()?;
        let mut base = self.base.lock();
        let closing = Closing {
            applied: turn.applied,
            sums: turn.totals.sums().collect(),
            days: base.days.iter().map(|(key, day)| (*key, *day)).collect(),
            partners: (turn.partners.iter())
                .map(|row| (row.document().clone(), row.changed))
                .collect(),
        };
        let mut slice = self.books.begin()?;
        slice.close(&closing)?;
        slice.commit()?;
        self.view.store(Arc::new(self.books.view()?));
        base.days.clear();
        self.pressed.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Roughly what the current generations take.
    fn resident_bytes(&self) -> u64 {
        let players = self.shards.players.each().map(|players| {
            let holdings = &players.holdings;
            let rows = holdings.rounds.len() + holdings.past.len();
            holdings.players.len() as u64 * PLAYER_BYTES + rows as u64 * ROW_BYTES
        });
        let ids = self
            .shards
            .ids
            .each()
            .map(|ids| ids.rows.len() as u64 * ROW_BYTES);
        let codes = self
            .shards
            .codes
            .each()
            .map(|codes| codes.len() as u64 * ROW_BYTES);
        let users = self.shards.users.each().map(|users| users.len() as u64);
        let transfers = self.shards.transfers.each().map(|rows| rows.len() as u64);
        let documents = users.chain(transfers).map(|rows| rows * DOCUMENT_BYTES);
        players.chain(ids).chain(codes).chain(documents).sum()
    }
}

/// Writes one turn's rows, slice by slice.
struct Writing<'a> {
    ledger: &'a Ledger,
    turn: &'a Turn,
    between: &'a mut dyn FnMut() -> Result<(), CheckpointError>,
}

/// All changed rows of some generations, in the order of their keys.
fn sorted<'g, K: Ord + 'g, V: 'g>(
    generations: impl Iterator<Item = &'g Arc<Generation<K, V>>>,
) -> Vec<(&'g K, &'g V)> {
    let mut rows: Vec<_> = generations.flat_map(|rows| rows.changed()).collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    rows
}

impl Writing<'_> {
    fn slice_rows(&self) -> usize {
        self.ledger.checkpoints.slice_rows
    }

    fn slice<T>(
        &mut self,
        write: impl FnOnce(&mut Slice<'_>) -> Result<T, BooksError>,
    ) -> Result<T, CheckpointError> {
        let mut slice = self.ledger.books.begin()?;
        let written = write(&mut slice)?;
        slice.commit()?;
        // So that pages which nobody reads any more are used again.
        (self.ledger.view).store(Arc::new(self.ledger.books.view()?));
        (self.between)()?;
        Ok(written)
    }

    /// What is written once and seldom.
    fn documents(&mut self) -> Result<(), CheckpointError> {
        let turn = self.turn;
        for rows in sorted(turn.names.iter()).chunks(self.slice_rows()) {
            let rows: Vec<_> = rows.iter().map(|(key, home)| (*key, **home)).collect();
            self.slice(|slice| slice.names(&rows))?;
        }
        for rows in sorted(turn.accounts.iter()).chunks(self.slice_rows()) {
            let rows: Vec<_> = rows.iter().map(|(number, row)| (**number, *row)).collect();
            self.slice(|slice| slice.accounts(&rows))?;
        }
        for rows in sorted(turn.codes.iter()).chunks(self.slice_rows()) {
            self.slice(|slice| slice.codes(rows))?;
        }
        for rows in sorted(turn.references.iter()).chunks(self.slice_rows()) {
            self.slice(|slice| slice.adjustments(rows))?;
        }
        for rows in sorted(turn.users.iter()).chunks(self.slice_rows()) {
            self.slice(|slice| slice.registered(rows))?;
        }
        for rows in sorted(turn.transfers.iter()).chunks(self.slice_rows()) {
            self.slice(|slice| slice.transfers(rows))?;
        }
        Ok(())
    }

    /// Each slice has whole players: the row, and the sessions that left it.
    fn players(&mut self) -> Result<(), CheckpointError> {
        let turn = self.turn;
        let past = sorted(turn.players.iter().map(|turned| &turned.past));
        let past: Vec<_> = past
            .into_iter()
            .map(|((home, _), row)| (*home, row))
            .collect();
        let mut past = past.as_slice();
        for rows in
            sorted(turn.players.iter().map(|turned| &turned.players)).chunks(self.slice_rows())
        {
            let rows: Vec<_> = rows.iter().map(|(home, row)| (**home, *row)).collect();
            let last = rows.last().expect("a chunk has a row").0;
            let (theirs, rest) = past.split_at(past.partition_point(|(home, _)| *home <= last));
            self.slice(|slice| slice.players(&rows, theirs, turn.applied.at))?;
            past = rest;
        }
        assert!(past.is_empty(), "a session changes with its player");
        Ok(())
    }

    fn ids(&mut self) -> Result<(), CheckpointError> {
        let rows = sorted(self.turn.ids.iter());
        let numbers = |(key, _): &(&IdKey, _)| (key.place(), key.id.0);
        let (settled, scattered) = self.apart(Kind::Ids, rows, numbers)?;
        for rows in settled.chunks(self.slice_rows()) {
            self.slice(|slice| slice.ids(rows, None))?;
        }
        if scattered.is_empty() {
            return Ok(());
        }
        let keys = scattered.iter().map(|(key, _)| *key);
        let run = self.slice(|slice| slice.begin_run_of_ids(keys))?;
        for rows in scattered.chunks(self.slice_rows()) {
            self.slice(|slice| slice.ids(rows, Some(&run)))?;
        }
        Ok(())
    }

    /// Parts rows, which are sorted, into those of spaces whose numbers come in some order and
    /// those whose do not.
    fn apart<R: Copy>(
        &self,
        kind: Kind,
        rows: Vec<R>,
        number: impl Fn(&R) -> (Place, u64),
    ) -> Result<(Vec<R>, Vec<R>), CheckpointError> {
        let view = self.ledger.view.load();
        let few = self.ledger.checkpoints.scattered_rows;
        let (mut settled, mut scattered) = (Vec::new(), Vec::new());
        for rows in rows.chunk_by(|one, other| number(one).0 == number(other).0) {
            let place = number(&rows[0]).0;
            let numbers = rows.iter().map(|row| number(row).1);
            if view.are_scattered(kind, place, numbers, few)? {
                scattered.extend_from_slice(rows);
            } else {
                settled.extend_from_slice(rows);
            }
        }
        Ok((settled, scattered))
    }

    fn rounds(&mut self) -> Result<(), CheckpointError> {
        let turn = self.turn;
        let mut rows = Vec::new();
        for turned in &turn.players {
            // A round changes with its account.
            let accounts = turned.players.changed().flat_map(|(_, row)| &row.accounts);
            let spaces: HashMap<_, _, ahash::RandomState> = accounts
                .map(|row| {
                    (
                        row.opened.number,
                        (row.opened.id_space, row.opened.currency),
                    )
                })
                .collect();
            rows.extend(turned.rounds.changed().map(|(key, row)| {
                let space = spaces.get(&key.account);
                (*space.expect("a round changes with its account"), key, row)
            }));
        }
        rows.sort_unstable_by_key(|(space, key, _)| (*space, key.round, key.account));
        let numbers = |(place, key, _): &(Place, &RoundKey, _)| (*place, key.round.0);
        let (settled, scattered) = self.apart(Kind::Rounds, rows, numbers)?;
        for rows in settled.chunks(self.slice_rows()) {
            self.slice(|slice| slice.rounds(rows, turn.before, None))?;
        }
        if scattered.is_empty() {
            return Ok(());
        }
        let keys = scattered.iter().map(|(place, key, _)| (*place, *key));
        let run = self.slice(|slice| slice.begin_run_of_rounds(keys))?;
        for rows in scattered.chunks(self.slice_rows()) {
            self.slice(|slice| slice.rounds(rows, turn.before, Some(&run)))?;
        }
        Ok(())
    }

    fn odd_plays(&mut self) -> Result<(), CheckpointError> {
        let turn = self.turn;
        let rows = turn
            .players
            .iter()
            .flat_map(|turned| turned.odd_plays.iter());
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable_by_key(|(seq, _)| **seq);
        for rows in rows.chunks(self.slice_rows()) {
            self.slice(|slice| slice.odd_plays(rows.iter().map(|(seq, row)| (**seq, *row))))?;
        }
        Ok(())
    }
}

impl Checkpointer {
    /// The checkpointer of a ledger.
    pub fn new(ledger: Arc<Ledger>) -> (Checkpointer, CheckpointerStop) {
        let (gone, stopped) = bounded(0);
        let stop = CheckpointerStop { _gone: gone };
        let tidying = Tidying::default();
        let checkpointer = Checkpointer {
            ledger,
            stopped,
            tidying,
        };
        (checkpointer, stop)
    }

    /// Ends all generations now. What is returned has to be written, by [`Checkpointer::write`],
    /// before the next turn. Applies what is left of the tail before.
    ///
    /// # Errors
    /// The books could not be read.
    pub fn turn(&mut self) -> Result<Turn, CheckpointError> {
        // What was written in part must not be forgotten.
        if self.ledger.is_latched() {
            return Err(self.why());
        }
        if let Some(turn) = self.ledger.unwritten.lock().take() {
            return Ok(turn);
        }
        self.ledger.apply_tail().map_err(|_| self.why())?;
        Ok(self.ledger.turn())
    }

    /// Writes what a turn has ended, when all of it is durable. `between` is called between two
    /// slices: a simulation does other things there.
    ///
    /// # Errors
    /// Nothing is answered any more; the next start completes what was written in part.
    pub fn write(
        &mut self,
        mut turn: Turn,
        between: &mut dyn FnMut(),
    ) -> Result<(), CheckpointError> {
        let seq = turn.applied.seq;
        let durable = self.ledger.durable.wait_blocking(seq);
        durable.map_err(|_| CheckpointError::Latched)?;
        let written = self.ledger.write(&mut turn, &mut || {
            between();
            self.look_round()
        });
        if !matches!(written, Ok(()) | Err(CheckpointError::Stopped)) {
            self.ledger.durable.latch();
        }
        written
    }

    /// One checkpoint, now.
    ///
    /// # Errors
    /// As [`Checkpointer::write`].
    pub fn checkpoint(&mut self) -> Result<(), CheckpointError> {
        let turn = self.turn()?;
        self.write(turn, &mut || {})
    }

    /// Between two slices: nothing is written once the journal has failed, and nothing more is
    /// taken where memory fills faster than the disk takes it.
    fn look_round(&self) -> Result<(), CheckpointError> {
        let ledger = &self.ledger;
        if ledger.is_latched() {
            return Err(self.why());
        }
        if self.is_stopped() {
            return Err(CheckpointError::Stopped);
        }
        if ledger.resident_bytes() > ledger.checkpoints.resident_bytes / 2 {
            ledger.pressed.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Why nothing is answered any more.
    fn why(&self) -> CheckpointError {
        match self.ledger.failure.lock().take() {
            Some(error) => CheckpointError::Books(error),
            None => CheckpointError::Latched,
        }
    }

    /// Writes what is due until it is stopped or something fails. A thread of its own runs this.
    ///
    /// # Errors
    /// As [`Checkpointer::write`], but not where the journal failed: the committer tells of that.
    pub fn run(mut self) -> Result<(), CheckpointError> {
        let done = self.write_what_is_due();
        match done {
            Err(CheckpointError::Latched | CheckpointError::Stopped) => Ok(()),
            done => done,
        }
    }

    fn write_what_is_due(&mut self) -> Result<(), CheckpointError> {
        while self.ledger.books.load_filter()? {
            self.ledger.view.store(Arc::new(self.ledger.books.view()?));
        }
        self.ledger.apply_tail().map_err(|_| self.why())?;
        let mut last = Instant::now();
        let mut rest = LOOK;
        while !self.is_stopped() {
            let ledger = &self.ledger;
            let checkpoints = ledger.checkpoints;
            let applied = ledger.books.applied().seq;
            let due = Seq(applied.0.saturating_add(checkpoints.entries));
            let many = match ledger.durable.wait_at_most(due, rest) {
                Some(Ok(())) => true,
                Some(Err(_)) => return Err(self.why()),
                None => false,
            };
            let late = last.elapsed() >= checkpoints.interval.duration();
            let full = ledger.resident_bytes() > checkpoints.resident_bytes / 2;
            if ledger.space() != Space::Ample {
                // What little room there is the journal has.
                std::thread::sleep(LOOK);
                continue;
            }
            if many || full || (late && ledger.durable_seq() > applied) {
                self.checkpoint()?;
                last = Instant::now();
            }
            let begun = Instant::now();
            // As long as a step took, others have the disk and the processor.
            rest = match self.tidy()? {
                true => begun.elapsed(),
                false => LOOK,
            };
        }
        Ok(())
    }

    /// Takes one step of what is done between checkpoints; whether there was anything to do.
    ///
    /// # Errors
    /// As [`Checkpointer::write`].
    pub fn tidy(&mut self) -> Result<bool, CheckpointError> {
        if self.ledger.is_latched() {
            return Err(self.why());
        }
        let ledger = &self.ledger;
        let tidied = ledger.books.tidy(&mut self.tidying, &ledger.checkpoints);
        let tidied = tidied.and_then(|did| {
            ledger.view.store(Arc::new(ledger.books.view()?));
            Ok(did)
        });
        if tidied.is_err() {
            ledger.durable.latch();
        }
        Ok(tidied?)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.try_recv() == Err(TryRecvError::Disconnected)
    }
}

/// A checkpointer that fell over a broken invariant must not be outlived by verdicts.
impl Drop for Checkpointer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.ledger.durable.latch();
        }
    }
}
