//! How the ledger is doing, for who watches over it.

use std::sync::atomic::Ordering;

use super::{Ledger, NotReady, Space};
use crate::id::Seq;
use crate::meter::Counted;

/// What was found at one moment, or nearly: each number is right by itself.
#[derive(Clone, Copy, Debug)]
pub struct Vitals {
    /// The newest entry.
    pub last: Seq,
    /// The last one that is synced.
    pub durable: Seq,
    /// The last one that is in the books.
    pub booked: Seq,
    /// Places of the queue to the journal that are taken, and how many there are.
    pub queue: (usize, usize),
    /// How long the journal's commits took.
    pub commits: Counted,
    /// How long checkpoints took.
    pub checkpoints: Counted,
    /// Bytes that what was touched since the last turn takes, roughly, and how many it may take.
    pub resident_bytes: (u64, u64),
    /// Whether what would be written is turned away until the books have caught up.
    pub pressed: bool,
    /// What the disk has room for.
    pub space: Space,
    /// As [`Ledger::readiness`].
    pub not_ready: Option<NotReady>,
    /// As [`Ledger::is_latched`].
    pub latched: bool,
}

impl Ledger {
    /// How it is doing. Takes the lock of each shard in turn.
    pub fn vitals(&self) -> Vitals {
        Vitals {
            last: self.sequencer.last(),
            durable: self.durable_seq(),
            booked: self.booked_seq(),
            queue: self.sequencer.queue().taken(),
            commits: self.durable.commits(),
            checkpoints: self.checkpoint_times.so_far(),
            resident_bytes: (self.resident_bytes(), self.resident_bytes_max()),
            pressed: self.pressed.load(Ordering::Relaxed),
            space: self.space(),
            not_ready: self.readiness().err(),
            latched: self.is_latched(),
        }
    }
}
