//! The ledger: joins the rules, the journal and what is kept in memory. It knows when, not what.
//!
//! A request is judged under the locks of what it touches, applied there, numbered and queued
//! before the locks are let go; a committer takes the queue to the journal. Whatever was done
//! or seen comes back with the seq that it rests on, and [`Ledger::durable`] is the one wait
//! before any answer (design.md, Life of one bet).
//!
//! In memory is what was touched lately. A [`Checkpointer`] writes what changed into the books,
//! from where it comes back when it is touched again.

mod bring;
mod checkpoint;
mod checkpoint_error;
mod deposits;
mod drawer;
mod export;
mod flush;
mod gateway;
mod hashed;
mod history;
mod hosted;
mod index;
mod links;
mod load;
mod niceness;
mod open;
mod operate;
mod orders;
mod partners;
mod paying;
mod payments;
mod play;
mod postbacks;
mod pressure;
mod rates;
mod recent;
mod recover;
mod report;
mod requisites;
mod revenue;
mod scrub;
mod sequencer;
mod shard;
mod space;
mod users;
mod verify;
mod vitals;
mod withdrawals;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;

pub use self::checkpoint::{Checkpointer, CheckpointerStop, Turn};
pub use self::checkpoint_error::CheckpointError;
pub use self::deposits::{DepositError, DepositRules, DepositView, DepositsAsked};
pub use self::export::{AccountView, Reading, Snapshot};
pub use self::history::{HistoryItem, HistoryKind};
pub use self::links::LinkError;
pub use self::open::{open_books, refuse_newer_books};
pub use self::operate::Adjusted;
pub use self::orders::{Decision, OrderError};
use self::partners::Partners;
pub use self::partners::{DEFAULT_ID_SPACE, PartnerRow};
pub use self::payments::Received;
pub use self::play::{Outcome, Played};
use self::postbacks::Bell;
pub use self::postbacks::{DuePostback, PostbackView, PostbacksAsked, Queue};
pub use self::rates::RatesError;
pub use self::recover::RecoverError;
use self::recover::Tail;
pub use self::report::{
    AnomalyView, CurrencyBalance, Page, PlayerView, RoundView, SessionState, TrialBalance,
};
pub use self::revenue::Days;
pub use self::scrub::{Scrub, Scrubber, ScrubberStop, Scrubs};
use self::sequencer::Sequencer;
use self::shard::Shards;
use self::space::SpaceCell;
pub use self::space::{Marks, Notice, Space, SpaceWatch};
pub use self::users::UserError;
pub use self::verify::{
    Progress, Read, VERIFY_MEMORY, Verified, VerifyError, verify, verify_backup, verify_offline,
};
pub use self::vitals::Vitals;
pub use self::withdrawals::{TellOfWithdrawal, WithdrawalError, WithdrawalsAsked};
use crate::books::{Books, BooksError, Checkpoints, View};
use crate::engine::command::Rules;
use crate::engine::postback::Tried;
use crate::engine::refusal::OperatorRefusal;
use crate::id::Seq;
pub use crate::journal::{Committer, Latched};
use crate::journal::{Durable, Head, Journal, JournalError};
use crate::meter::{Count, Durations};

/// How a ledger is run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What is configured about judging.
    pub rules: Rules,
    /// Entries that may wait for the disk; beyond, requests are turned away untouched.
    pub queue_entries_max: usize,
    /// When what is in memory goes to the books, and how much of it may be there.
    pub checkpoints: Checkpoints,
}

/// Something seen or done. It may be told when `seq` is durable, not before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed<T> {
    /// What was seen.
    pub value: T,
    /// The newest entry that it rests on.
    pub seq: Seq,
}

/// Nothing was touched: the queue to the disk is full, the disk is, or the ledger is being shut
/// down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("temporarily unavailable; nothing was done")
    }
}

impl std::error::Error for Unavailable {}

/// Why no entry is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// A write or sync has failed.
    Latched,
    /// [`Ledger::shut_down`] was called.
    ShuttingDown,
    /// [`Space::Full`].
    Full,
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotReady::Latched => "the journal failed",
            NotReady::ShuttingDown => "shutting down",
            NotReady::Full => "the disk is full",
        })
    }
}

impl std::error::Error for NotReady {}

/// Why an operator's command did not do what was asked.
#[derive(Debug)]
pub enum OperatorError {
    /// The rules say no; it may be told when the seq is durable.
    Refused(OperatorRefusal, Seq),
    /// Nothing was touched.
    Unavailable,
    /// The journal could not be read.
    Journal(JournalError),
}

impl fmt::Display for OperatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OperatorError::Refused(refusal, _) => refusal.fmt(f),
            OperatorError::Unavailable => Unavailable.fmt(f),
            OperatorError::Journal(_) => f.write_str("the journal could not be read"),
        }
    }
}

impl std::error::Error for OperatorError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OperatorError::Journal(error) => Some(error),
            OperatorError::Refused(..) | OperatorError::Unavailable => None,
        }
    }
}

impl From<Unavailable> for OperatorError {
    fn from(_: Unavailable) -> OperatorError {
        OperatorError::Unavailable
    }
}

impl From<JournalError> for OperatorError {
    fn from(error: JournalError) -> OperatorError {
        OperatorError::Journal(error)
    }
}

/// All money and documents of one coffer, and the way to its journal.
pub struct Ledger {
    shards: Shards,
    partners: Partners,
    /// Held while a partner is created or changed.
    partner_changes: Mutex<()>,
    /// Held while a user is registered: no other lock is taken before it.
    registrations: Mutex<()>,
    sequencer: Sequencer,
    durable: Arc<Durable>,
    journal: Arc<dyn Journal>,
    rules: Rules,
    space: SpaceCell,
    books: Books,
    /// The books as they are read from: at least as new as the last generation that was forgotten.
    view: ArcSwap<View>,
    /// How often generations were forgotten.
    forgotten: AtomicU64,
    /// What all shards added up to at the last turn.
    base: Mutex<checkpoint::Base>,
    /// What a start has found in the journal beyond the books, until all of it is applied.
    tail: ArcSwapOption<Tail>,
    /// What a start has turned and could not write, for want of room.
    unwritten: Mutex<Option<Turn>>,
    /// Why the books could not be read.
    failure: Mutex<Option<BooksError>>,
    /// Whether so much is in memory that nothing more is taken until the books have caught up.
    pressed: AtomicBool,
    /// What was in memory when all that was merely seen had been let go of, at the last time.
    stayed_bytes: AtomicU64,
    /// How long checkpoints took.
    checkpoint_times: Durations,
    /// Tries to send postbacks, by what came of them.
    postback_tries: [Count; Tried::ALL.len()],
    checkpoints: Checkpoints,
    /// Rings when a postback was written.
    bell: Bell,
}

impl Ledger {
    /// Completes when everything up to `seq` is synced: the one wait before any answer
    /// (wallet-api.md, Money rules 8).
    ///
    /// # Errors
    /// [`Latched`]: the disk failed. Nobody gets a verdict any more, since nobody knows what
    /// reached it; the connection is closed without a byte.
    pub async fn durable(&self, seq: Seq) -> Result<(), Latched> {
        self.durable.wait(seq).await
    }

    /// The journal's last entry and the hash of all up to it.
    pub fn head(&self) -> Head {
        self.journal.head()
    }

    /// The last entry that the books are up to.
    pub fn booked_seq(&self) -> Seq {
        self.books.applied().seq
    }

    /// The right to take one entry down; `None` where the queue or the memory is full, or closed.
    /// Who is told none may still be told what writes nothing.
    fn reserve(&self) -> Option<crate::journal::Permit<'_>> {
        if self.pressed.load(Ordering::Relaxed) {
            return None;
        }
        self.sequencer.queue().permit()
    }

    /// The last entry that is synced.
    pub fn durable_seq(&self) -> Seq {
        self.durable.seq()
    }

    /// Whether a write or sync has failed.
    pub fn is_latched(&self) -> bool {
        self.durable.is_latched()
    }

    /// Whether entries are taken, and for what there is room; never [`Space::Full`].
    ///
    /// # Errors
    /// Why none are.
    pub fn readiness(&self) -> Result<Space, NotReady> {
        if self.is_latched() {
            return Err(NotReady::Latched);
        }
        if self.sequencer.queue().is_closed() {
            return Err(NotReady::ShuttingDown);
        }
        match self.space() {
            Space::Full => Err(NotReady::Full),
            space => Ok(space),
        }
    }

    /// What there is room for.
    pub fn space(&self) -> Space {
        self.space.space()
    }

    /// Sets what is taken from now on, and how many bytes may be written until nothing is;
    /// [`SpaceWatch`] does. Whatever is in the queue already goes to the journal all the same.
    pub fn set_space(&self, space: Space, room: u64) {
        self.space.set(space, room);
    }

    /// Takes no more entries. The committer ends when what is queued has been synced.
    pub fn shut_down(&self) {
        self.sequencer.queue().close();
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("last", &self.sequencer.last())
            .finish_non_exhaustive()
    }
}
