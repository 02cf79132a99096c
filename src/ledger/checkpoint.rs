//! Checkpoints: what changed in memory goes to the books, and what nobody touches leaves memory.
//!
//! A turn takes all locks, which is a matter of microseconds: it fixes one seq, and every
//! generation in memory ends there. Then, without any lock, what changed is written as it was at
//! that seq, in small slices, so that the journal's own syncs hardly notice; `applied` moves with
//! the last of them. Only the next turn forgets the generation.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use parking_lot::MutexGuard;

use super::checkpoint_error::CheckpointError;
use super::flush::Writing;
use super::niceness::{WRITES_BOOKS, give_way};
use super::partners::PartnerRow;
use super::paying::TurnedPayments;
use super::{Ledger, Space};
use crate::books::{AccountPlace, Applied, Closing, ReferenceKey, SessionPlace, Tidying};
use crate::engine::document::Adjustment;
use crate::engine::gateway::{GatewayKey, GatewayRow};
use crate::engine::held::{Bin, Generation, Held};
use crate::engine::holdings::{PlayerKey, Turned};
use crate::engine::ids::{IdKey, IdRow};
use crate::engine::totals::{DayKey, DayTotals, Totals};
use crate::engine::transfer::{TransferKey, TransferRow};
use crate::engine::user::Registered;
use crate::id::{AccountNumber, Code, Mobile, Seq};

/// Between two looks whether something is due.
const LOOK: Duration = Duration::from_millis(50);

/// While there is play, tidying leaves others up to so many times as long as it took itself: each of
/// its syncs holds up the journal's.
const RESTS: usize = 8;

/// Where a kind has so many runs, tidying takes half of the time: each is another filter to ask.
const RUNS_MANY: usize = 64;

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
    pub(super) applied: Applied,
    pub(super) before: Seq,
    pub(super) codes: Vec<Arc<Generation<Code, SessionPlace>>>,
    pub(super) references: Vec<Arc<Generation<ReferenceKey, (Adjustment, Seq)>>>,
    pub(super) users: Vec<Arc<Generation<Mobile, Registered>>>,
    pub(super) transfers: Vec<Arc<Generation<TransferKey, TransferRow>>>,
    pub(super) payments: TurnedPayments,
    pub(super) gateway: Arc<Generation<GatewayKey, GatewayRow>>,
    pub(super) names: Vec<Arc<Generation<PlayerKey, AccountNumber>>>,
    pub(super) ids: Vec<Arc<Generation<IdKey, IdRow>>>,
    pub(super) players: Vec<Turned>,
    pub(super) accounts: Vec<Arc<Generation<AccountNumber, AccountPlace>>>,
    pub(super) totals: Totals,
    pub(super) partners: Vec<Arc<PartnerRow>>,
}

/// Ends the generations of all pieces of one kind.
fn turned_all<K, V>(
    pieces: &mut [MutexGuard<'_, Held<K, V>>],
    bin: &mut Bin,
) -> Vec<Arc<Generation<K, V>>>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pieces.iter_mut().map(|held| held.turn(bin)).collect()
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
        let mut payments = self.shards.payments.lock();
        let mut gateway = self.shards.gateway.lock();
        let mut names = self.shards.names.all();
        let mut ids = self.shards.ids.all();
        let mut players = self.shards.players.all();
        let mut accounts = self.shards.accounts.all();
        let pending = players.iter().any(|players| !players.pending.is_empty());
        assert!(!pending, "all of the tail was applied");
        let (seq, at) = self.sequencer.newest();
        let (highest, sessions) = self.sequencer.numbers();
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
                users: self.sequencer.last_user(),
            },
            before,
            codes: turned_all(&mut codes, &mut bin),
            references: turned_all(&mut references, &mut bin),
            users: turned_all(&mut users, &mut bin),
            transfers: turned_all(&mut transfers, &mut bin),
            payments: payments.turn(&mut bin),
            gateway: gateway.turn(&mut bin),
            names: turned_all(&mut names, &mut bin),
            ids: (ids.iter_mut())
                .map(|ids| ids.rows.turn(&mut bin))
                .collect(),
            players: turned,
            accounts: turned_all(&mut accounts, &mut bin),
            totals: Totals::default(),
            partners,
        };
        self.forgotten.fetch_add(1, Ordering::Release);
        self.stayed_bytes.store(0, Ordering::Relaxed);
        drop((codes, references, users, transfers, payments));
        drop((gateway, names, ids, players, accounts));
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
            self.pressed.store(false, Ordering::Relaxed);
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
        let mut slice = self.books.begin()?;
        let days = self.base.lock().days.clone();
        let closing = Closing {
            applied: turn.applied,
            sums: turn.totals.sums().collect(),
            days: days.into_iter().collect(),
            partners: (turn.partners.iter())
                .map(|row| (row.document().clone(), row.changed))
                .collect(),
        };
        slice.close(&closing)?;
        slice.commit()?;
        let view = Arc::new(self.books.view()?);
        // Who adds up finds the days in the base, or in the view, and not in both.
        let mut base = self.base.lock();
        self.view.store(view);
        base.days.clear();
        drop(base);
        self.pressed.store(false, Ordering::Relaxed);
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
        let begun = Instant::now();
        let turn = self.turn()?;
        self.write(turn, &mut || {})?;
        self.ledger.checkpoint_times.add(begun.elapsed());
        Ok(())
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
        ledger.relieve();
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
        give_way(WRITES_BOOKS);
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
        // The tail is looked up in every run that has no filter.
        while !self.is_stopped() && self.ledger.books.lacks_filter()? {
            self.tidy()?;
        }
        self.ledger.apply_tail().map_err(|_| self.why())?;
        let mut last = Instant::now();
        let mut rest = LOOK;
        while !self.is_stopped() {
            let checkpoints = self.ledger.checkpoints;
            let applied = self.ledger.books.applied().seq;
            let due = Seq(applied.0.saturating_add(checkpoints.entries));
            if let Some(Err(_)) = self.ledger.durable.wait_at_most(due, rest) {
                return Err(self.why());
            }
            let is_late = last.elapsed() >= checkpoints.interval.duration();
            if self.step(is_late)? {
                last = Instant::now();
            }
            if self.ledger.space() != Space::Ample {
                // What little room there is the journal has, and a checkpoint that fits.
                std::thread::sleep(LOOK);
                continue;
            }
            let (begun, before) = (Instant::now(), self.ledger.durable_seq());
            rest = match self.tidy()? {
                true => {
                    let rests = match self.ledger.durable_seq() > before {
                        true => rests(self.ledger.view.load().runs_most()),
                        false => 1,
                    };
                    begun.elapsed() * rests
                }
                false => LOOK,
            };
        }
        Ok(())
    }

    /// Makes a checkpoint where one is due, which what is durable is where `is_late`, and the disk
    /// has room for it; where it has none, memory is kept within its bounds all the same. Whether
    /// one was made.
    ///
    /// # Errors
    /// As [`Checkpointer::write`].
    pub fn step(&mut self, is_late: bool) -> Result<bool, CheckpointError> {
        let ledger = &self.ledger;
        let (applied, durable) = (ledger.books.applied().seq, ledger.durable_seq());
        let many = durable.0.saturating_sub(applied.0) >= ledger.checkpoints.entries;
        let is_due = many || ledger.is_crowded() || is_late && durable > applied;
        if !is_due {
            return Ok(false);
        }
        if !ledger.has_room_to_write() {
            ledger.relieve();
            return Ok(false);
        }
        self.checkpoint()?;
        Ok(true)
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

/// How many times as long as a step of tidying took the next one waits, while there is play.
fn rests(runs: usize) -> u32 {
    let left = RUNS_MANY.saturating_sub(runs);
    let rests = 1 + (RESTS - 1) * left / RUNS_MANY;
    u32::try_from(rests).expect("it is at most RESTS")
}

/// A checkpointer that fell over a broken invariant must not be outlived by verdicts.
impl Drop for Checkpointer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.ledger.durable.latch();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_runs_there_are_the_less_tidying_rests() {
        let at = [0, 7, 21, 40, 63, 64, 1000].map(rests);
        assert_eq!(at, [8, 7, 5, 3, 1, 1, 1]);
    }
}
