//! A world that loses power again and again: the real ledger over the real journal on a simulated
//! disk, driven in one thread by one seed, and judged by the naive model after every start.
//!
//! What holds after a start, whatever the cut left:
//! - the journal is whole, and what it holds is the first so many of the operations that were
//!   played, in their order: everything answered is among them;
//! - every balance, session, round, sum and anomaly is what the model has after just those;
//! - no answer, a refusal and a repetition included, told of anything that is not there;
//! - everything answered with success before is a repetition now, and moves nothing.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};

use coffer::engine::command::Command;
use coffer::engine::entry::Entry;
use coffer::id::Seq;
use coffer::journal::{
    Archiver, ArchiverStop, Batches, CommitMode, Head, Journal, JournalError, Pace, RedbJournal,
};
use coffer::ledger::{Checkpointer, CheckpointerStop, Committer, Ledger, RecoverError, Turn};
use coffer::sim::disk::{Cut, SimDisk};
use coffer::sim::{
    DepositOperation, Expected, ManualClock, Model, Operation, OrderOperation, Shape, Workload,
};
use coffer::time::{Clock, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::anew::rows_unlike_anew;
use crate::on_disk::{open_disk, recover, verify_journal};
use crate::world::{
    Told, clock, compare_days, compare_histories, differences, perform, rules, shape,
};

/// Entries that a start leaves to the checkpointer: fewer than most lives have.
const CHECKPOINT_ENTRIES: u64 = 20;

/// Bytes of a segment of history: a few batches fill it.
const SEGMENT_SIZE: u64 = 2 * 1024;

/// What went wrong, in words.
pub(crate) type Violation = String;

/// The parts of the world that a planted fault replaces.
#[derive(Clone, Copy)]
pub(crate) struct Seams {
    pub(crate) commit: CommitMode,
    /// What the ledger sees of the journal on a disk.
    pub(crate) journal: fn(Arc<RedbJournal>, &SimDisk) -> Arc<dyn Journal>,
    /// Whether an answer may be told now.
    pub(crate) may_tell: fn(&Ledger, &Pending) -> bool,
}

impl Seams {
    /// The product's own.
    pub(crate) const SOUND: Seams = Seams {
        commit: CommitMode::OnePhase,
        journal: |journal, _| journal,
        may_tell: |ledger, pending| is_durable(ledger, pending.seq),
    };

    /// As sound, with the careful commits.
    pub(crate) const TWO_PHASE: Seams = Seams {
        commit: CommitMode::TwoPhase,
        ..Seams::SOUND
    };
}

/// Asks the ledger's one wait, without waiting.
pub(crate) fn is_durable(ledger: &Ledger, seq: Seq) -> bool {
    let mut wait = pin!(ledger.durable(seq));
    let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    polled == Poll::Ready(Ok(()))
}

/// An operation since the last start.
pub(crate) struct Pending {
    pub(crate) operation: Operation,
    now: Timestamp,
    told: Told,
    /// What its answer rests on.
    pub(crate) seq: Seq,
    /// Whether it made an entry of its own.
    pub(crate) fresh: bool,
    pub(crate) answered: bool,
}

impl Pending {
    /// Whether it was taken, and must not be taken again however often it is sent.
    pub(crate) fn accepted_once(&self) -> bool {
        match &self.operation {
            Operation::Play { command, .. } if *command != Command::Credit => {
                matches!(self.told, Told::Answer { result: 1, .. })
            }
            Operation::Register { .. } => matches!(self.told, Told::Registered(_)),
            Operation::Transfer { .. } => matches!(self.told, Told::Transferred { .. }),
            Operation::Receive(_) => matches!(self.told, Told::Received { .. }),
            Operation::Order(OrderOperation::Create { .. }) => {
                matches!(self.told, Told::Ordered { .. })
            }
            Operation::Deposit(of) if means_more_later(of) => false,
            Operation::Deposit(_) => matches!(self.told, Told::Deposited(..)),
            Operation::Withdraw { .. } | Operation::DecideWithdrawal { .. } => {
                matches!(self.told, Told::Withdrawn(..))
            }
            _ => false,
        }
    }
}

/// Whether an operation that was accepted may come to something else when it is sent again: a word,
/// once a payment has come since; a page without a name, once another name was left.
fn means_more_later(of: &DepositOperation) -> bool {
    match of {
        DepositOperation::Approve(_) | DepositOperation::Requisites { .. } => true,
        DepositOperation::Page(page) => page.new.custom_transaction_id.is_none(),
        _ => false,
    }
}

/// What was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) cuts: u64,
    pub(crate) cuts_in_recovery: u64,
    pub(crate) answered: u64,
    /// Operations that were there after a cut although nobody was told.
    pub(crate) there_unanswered: u64,
    pub(crate) repeated: u64,
    /// Slices that went to history.
    pub(crate) archived: u64,
    /// Checkpoints that were written whole.
    pub(crate) checkpoints: u64,
    /// Steps between checkpoints: filters kept, rows moved, runs merged.
    pub(crate) tidied: u64,
    /// Files of history that are on the disk in the end.
    pub(crate) segments: u64,
}

/// A ledger that was started.
pub(crate) struct Running {
    pub(crate) journal: Arc<dyn Journal>,
    watched: Arc<Watched>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) committer: Committer,
    archiver: Archiver,
    checkpointer: Checkpointer,
    /// What was turned and is not written yet, and the last entry before.
    turn: Option<(Turn, Seq)>,
    _stops: (ArchiverStop, CheckpointerStop),
}

/// Looks, just before a batch goes to the disk, whether anybody calls it durable already.
struct Watched {
    inner: Arc<dyn Journal>,
    ledger: OnceLock<Weak<Ledger>>,
    early: AtomicBool,
}

impl Watched {
    fn over(inner: Arc<dyn Journal>) -> Watched {
        Watched {
            inner,
            ledger: OnceLock::new(),
            early: AtomicBool::new(false),
        }
    }

    fn watch(&self, ledger: &Arc<Ledger>) {
        let first = self.ledger.set(Arc::downgrade(ledger));
        assert!(first.is_ok(), "a journal is recovered once");
    }
}

impl Journal for Watched {
    fn append(&self, expected: Head, entries: &[Entry]) -> Result<Head, JournalError> {
        let ledger = self.ledger.get().and_then(Weak::upgrade);
        let durable = ledger.map(|ledger| ledger.durable_seq());
        if durable.is_some_and(|durable| durable > expected.seq) {
            self.early.store(true, Ordering::SeqCst);
        }
        self.inner.append(expected, entries)
    }

    fn read_from(&self, seq: Seq) -> Result<Batches<'_>, JournalError> {
        self.inner.read_from(seq)
    }

    fn head(&self) -> Head {
        self.inner.head()
    }

    fn trim(&self, below: Seq) -> Result<(), JournalError> {
        self.inner.trim(below)
    }
}

/// Why there was no start.
#[derive(Debug)]
pub(crate) enum NoStart {
    Error(String),
    Panic(String),
}

/// One disk's life.
pub(crate) struct World {
    random: ChaCha8Rng,
    seams: Seams,
    clock: Arc<ManualClock>,
    pub(crate) disk: SimDisk,
    workload: Box<dyn Iterator<Item = Operation>>,
    /// Sent again by clients who never heard.
    pub(crate) retries: VecDeque<Operation>,
    /// What the journal certainly holds.
    settled: Model,
    pub(crate) pending: Vec<Pending>,
    /// Accepted and answered in earlier lives.
    remembered: Vec<Operation>,
    /// Disk operations that the last start took.
    start_cost: u64,
    pub(crate) tally: Tally,
}

impl World {
    pub(crate) fn new(seed: u64, seams: Seams) -> World {
        let shape = Shape {
            alone: true,
            // Every other world's ids go into runs.
            scattered: seed % 2 == 1,
            // In every other pair of worlds much is merchants'.
            merchants: seed % 4 >= 2,
            ..shape(0, 8)
        };
        let partners = Workload::partners().into_iter();
        World {
            random: ChaCha8Rng::seed_from_u64(seed),
            seams,
            clock: clock(),
            disk: SimDisk::new(),
            workload: Box::new(partners.chain(Workload::new(seed, shape))),
            retries: VecDeque::new(),
            settled: Model::new(rules()),
            pending: Vec::new(),
            remembered: Vec::new(),
            start_cost: 60,
            tally: Tally::default(),
        }
    }

    /// Lives through `cuts` losses of power.
    ///
    /// # Errors
    /// The first thing that should not be.
    pub(crate) fn run(&mut self, cuts: u64) -> Result<(), Violation> {
        while self.tally.cuts < cuts {
            let mut running = self.start()?;
            self.check(&running)?;
            self.play(&mut running)?;
            drop(running);
            self.cut();
        }
        let mut running = self.start()?;
        let image = self.disk.image().into_keys();
        let segments = image.filter(|name| name.starts_with("history/0"));
        self.tally.segments = segments.count() as u64;
        self.check(&running)?;
        if running.checkpointer.checkpoint().is_err() {
            return Err("the last checkpoint failed".to_owned());
        }
        let journal = Arc::clone(&running.journal);
        drop(running);
        let unlike = rows_unlike_anew(&self.disk, &journal, &self.clock);
        match unlike.first() {
            Some(first) => Err(format!("{} rows are not as anew: {first}", unlike.len())),
            None => Ok(()),
        }
    }

    pub(crate) fn cut(&mut self) {
        let cut = Cut::any(&mut self.random);
        self.disk = self.disk.cut(cut, &mut self.random);
        self.tally.cuts += 1;
    }

    /// Starts on what the disk holds; one start in three loses power under way.
    fn start(&mut self) -> Result<Running, Violation> {
        loop {
            if self.random.random_ratio(1, 3) {
                let count = self.random.random_range(0..=self.start_cost);
                self.disk.cut_after(count);
            }
            let before = self.disk.operations();
            let opened = self.open();
            match opened {
                Ok(running) if !self.disk.is_cut() => {
                    self.start_cost = self.disk.operations() - before;
                    self.disk.cut_after(u64::MAX / 2);
                    return Ok(running);
                }
                Err(NoStart::Error(error)) if !self.disk.is_cut() => {
                    return Err(format!("does not start: {error}"));
                }
                Err(NoStart::Panic(panic)) => {
                    return Err(format!("the start panicked: {panic}"));
                }
                Ok(_) | Err(NoStart::Error(_)) => {
                    self.tally.cuts_in_recovery += 1;
                    self.cut();
                }
            }
        }
    }

    /// Starts once on what the disk holds.
    pub(crate) fn open(&self) -> Result<Running, NoStart> {
        let (seams, disk, clock) = (self.seams, &self.disk, &self.clock);
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let (redb, books) = open_disk(Arc::new(disk.clone()), seams.commit, SEGMENT_SIZE)?;
            let seen = (seams.journal)(Arc::clone(&redb), disk);
            let watched = Arc::new(Watched::over(seen));
            let journal: Arc<dyn Journal> = Arc::<Watched>::clone(&watched);
            let (ledger, committer) = recover(&journal, books, clock, rules(), CHECKPOINT_ENTRIES)?;
            watched.watch(&ledger);
            let (archiver, stop) = Archiver::new(redb, &committer, Pace::default());
            let (checkpointer, checkpointer_stop) = Checkpointer::new(Arc::clone(&ledger));
            Ok::<_, RecoverError>(Running {
                journal,
                watched,
                ledger,
                committer,
                archiver,
                checkpointer,
                turn: None,
                _stops: (stop, checkpointer_stop),
            })
        }));
        match opened {
            Ok(Ok(running)) => Ok(running),
            Ok(Err(error)) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                Err(NoStart::Error(format!("{error}: {source:?}")))
            }
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                Err(NoStart::Panic(text.unwrap_or_default()))
            }
        }
    }

    /// Settles what became of everything since the last start, and compares.
    pub(crate) fn check(&mut self, running: &Running) -> Result<(), Violation> {
        let head = running.journal.head().seq;
        self.settle(head)?;
        let mut found = differences(&running.ledger, &[&self.settled], &self.clock);
        if self.random.random_ratio(1, 4) {
            found.extend(compare_histories(&running.ledger, &self.settled, 5));
        }
        let verified = verify_journal(&*running.journal);
        found.extend(verified.findings);
        found.extend(compare_days(&running.ledger, &*running.journal));
        if verified.entries != head.0 {
            found.push(format!("{} entries verified of {head}", verified.entries));
        }
        match found.first() {
            Some(first) => Err(format!("{} differences: {first}", found.len())),
            None => self.repeat(running),
        }
    }

    /// Brings the model to what the journal holds: the entries up to `head`.
    fn settle(&mut self, head: Seq) -> Result<(), Violation> {
        let mut lost = false;
        // Clients send again in the order in which they sent first, and before anything else.
        let later = std::mem::take(&mut self.retries);
        for pending in std::mem::take(&mut self.pending) {
            let Pending { operation, now, .. } = &pending;
            if pending.fresh && pending.seq > head {
                lost = true;
                if pending.answered {
                    return Err(format!("answered and lost: {operation:?}"));
                }
                self.retries.push_back(operation.clone());
                continue;
            }
            if !pending.fresh && !pending.answered {
                continue;
            }
            // An answer that rests on what was lost would be another one now.
            let taken = self.settled.taken();
            let expected = if pending.fresh || !lost {
                self.settled.judge(operation, *now)
            } else {
                let mut model = self.settled.clone();
                let expected = model.judge(operation, *now);
                if model.taken() != taken {
                    return Err(format!("answered by what was lost: {operation:?}"));
                }
                expected
            };
            if !pending.told.agrees(&expected) {
                let told = &pending.told;
                return Err(format!("{operation:?} was told {told:?}, not {expected:?}"));
            }
            if pending.fresh && !pending.answered {
                self.tally.there_unanswered += 1;
                self.retries.push_back(pending.operation.clone());
            }
            if pending.answered && pending.accepted_once() {
                self.remembered.push(pending.operation);
            }
        }
        self.retries.extend(later);
        Ok(())
    }

    /// Sends again what was answered with success: nothing moves.
    fn repeat(&mut self, running: &Running) -> Result<(), Violation> {
        let head = running.journal.head().seq;
        let newest = self.remembered.len().saturating_sub(60);
        let older = (0..newest).filter(|_| self.random.random_ratio(1, 10));
        let places: Vec<_> = older.chain(newest..self.remembered.len()).collect();
        let taken = self.settled.taken();
        for place in places {
            let operation = &self.remembered[place];
            let (told, seq) = perform(&running.ledger, &self.clock, operation).expect("room");
            let expected = self.settled.judge(operation, self.clock.now());
            if seq > head || self.settled.taken() != taken || !told.agrees(&expected) {
                return Err(format!(
                    "done twice: {operation:?}: {told:?}, not {expected:?}"
                ));
            }
            self.tally.repeated += 1;
        }
        Ok(())
    }

    /// Plays until power is lost, telling answers as they may be told.
    fn play(&mut self, running: &mut Running) -> Result<(), Violation> {
        let count = self.random.random_range(1..=60);
        if self.random.random_ratio(7, 8) {
            let at = self.random.random_range(0..=150);
            self.disk.cut_after(at);
        }
        self.play_on(running, count).map(|_| ())
    }

    /// Plays `count` operations, or until the committer fails: then `false`.
    pub(crate) fn play_on(&mut self, running: &mut Running, count: u32) -> Result<bool, Violation> {
        let mut live = self.live(running.journal.head().seq);
        for _ in 0..count {
            if !self.play_one(&running.ledger, &mut live)? {
                return Ok(false);
            }
            if self.random.random_ratio(1, 4) {
                let most = self.random.random_range(1..=12);
                let stepped = running.committer.step(most);
                self.tell(&running.ledger);
                if running.watched.early.load(Ordering::SeqCst) {
                    return Err("called durable before it was synced".to_owned());
                }
                if stepped.is_err() {
                    return Ok(false);
                }
            }
            if self.random.random_ratio(1, 8) {
                match running.archiver.step() {
                    Ok(0) => {}
                    Ok(_) => self.tally.archived += 1,
                    Err(_) => return Ok(false),
                }
            }
            if self.random.random_ratio(1, 12) && !self.checkpoint(running, &mut live)? {
                return Ok(false);
            }
            if self.random.random_ratio(1, 6) {
                match running.checkpointer.tidy() {
                    Ok(did) => self.tally.tidied += u64::from(did),
                    Err(_) => return Ok(false),
                }
            }
            if self.random.random_ratio(1, 6) {
                self.tell(&running.ledger);
            }
        }
        Ok(true)
    }

    /// The model with what was played and is not settled yet, and the last entry of all.
    fn live(&self, head: Seq) -> (Model, Seq) {
        let (mut model, mut last) = (self.settled.clone(), head);
        for pending in &self.pending {
            model.judge(&pending.operation, pending.now);
            last = last.max(pending.seq);
        }
        (model, last)
    }

    /// Plays one operation; `false` where nothing is taken any more.
    fn play_one(&mut self, ledger: &Ledger, live: &mut (Model, Seq)) -> Result<bool, Violation> {
        let retry = self.retries.pop_front();
        let operation = retry
            .or_else(|| self.workload.next())
            .expect("it is endless");
        let Ok((told, seq)) = perform(ledger, &self.clock, &operation) else {
            assert!(ledger.is_latched(), "there is room");
            self.retries.push_front(operation);
            return Ok(false);
        };
        let (model, last) = live;
        let now = self.clock.now();
        let expected: Expected = model.judge(&operation, now);
        if !told.agrees(&expected) {
            return Err(format!("{operation:?}: {told:?}, not {expected:?}"));
        }
        self.pending.push(Pending {
            operation,
            now,
            told,
            seq,
            fresh: seq > *last,
            answered: false,
        });
        *last = seq.max(*last);
        Ok(true)
    }

    /// Turns, or writes what was turned a while ago, while play goes on; whether that worked. No
    /// more is synced before than has to be.
    fn checkpoint(
        &mut self,
        running: &mut Running,
        live: &mut (Model, Seq),
    ) -> Result<bool, Violation> {
        let Some((turn, last)) = running.turn.take() else {
            let turn = running.checkpointer.turn().ok();
            running.turn = turn.map(|turn| (turn, live.1));
            return Ok(running.turn.is_some());
        };
        while running.ledger.durable_seq() < last {
            let most = self.random.random_range(1..=12);
            if running.committer.step(most).is_err() {
                return Ok(false);
            }
        }
        self.tell(&running.ledger);
        let (ledger, committer) = (&running.ledger, &mut running.committer);
        let mut played = Ok(());
        let written = running.checkpointer.write(turn, &mut || {
            if played.is_ok() && self.random.random_ratio(1, 3) {
                played = self.play_one(ledger, live).map(|_| ());
            }
            if self.random.random_ratio(1, 12) {
                // Where it fails the write does.
                let _latched = committer.step(4);
                self.tell(ledger);
            }
        });
        played?;
        self.tally.checkpoints += u64::from(written.is_ok());
        Ok(written.is_ok())
    }

    pub(crate) fn tell(&mut self, ledger: &Ledger) {
        for pending in self.pending.iter_mut().filter(|pending| !pending.answered) {
            if (self.seams.may_tell)(ledger, pending) {
                pending.answered = true;
                self.tally.answered += 1;
            }
        }
    }
}
