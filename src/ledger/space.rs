//! How much room the disk has, and what is taken still: a journal that finds none ends the
//! process, so that it is better to stop before.
//!
//! Below the first mark no bets are taken, still wins and cancels, which end what is open; below
//! the second nothing that would be written. Both are left by themselves once there is room, a
//! little more than the mark, so that a disk that hovers there does not flap.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::Ledger;
use crate::disk::{Disk, Reserve};

/// How much room there is, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// For nothing: what would be written is turned away.
    Full,
    /// For what ends rounds and for operators: bets are turned away.
    Low,
    /// For everything.
    Ample,
}

/// What is turned away below how many free bytes. Where `low` is not above `stop`, there is
/// nothing between ample and full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Below: bets.
    pub low: u64,
    /// Below: everything that would be written.
    pub stop: u64,
}

impl Marks {
    /// What there is room for with `free` bytes, after `before`. A mark that was passed downward
    /// counts an eighth more on the way up.
    pub fn judge(self, before: Space, free: u64) -> Space {
        let passed = |mark: u64, below: Space| {
            let rise = if before <= below { mark / 8 } else { 0 };
            free >= mark.saturating_add(rise)
        };
        if !passed(self.stop, Space::Full) {
            Space::Full
        } else if !passed(self.low, Space::Low) {
            Space::Low
        } else {
            Space::Ample
        }
    }
}

/// A [`Space`] that one thread sets and all others look at, and the bytes that may be written until
/// there is room for nothing.
pub(super) struct SpaceCell {
    space: AtomicU8,
    room: AtomicU64,
}

impl SpaceCell {
    pub(super) fn new() -> SpaceCell {
        SpaceCell {
            space: AtomicU8::new(Space::Ample as u8),
            room: AtomicU64::new(u64::MAX),
        }
    }

    pub(super) fn set(&self, space: Space, room: u64) {
        self.room.store(room, Ordering::Relaxed);
        self.space.store(space as u8, Ordering::Relaxed);
    }

    pub(super) fn space(&self) -> Space {
        let number = self.space.load(Ordering::Relaxed);
        [Space::Full, Space::Low, Space::Ample][usize::from(number)]
    }

    pub(super) fn room(&self) -> u64 {
        self.room.load(Ordering::Relaxed)
    }
}

/// Something that changed, for the log.
#[derive(Debug)]
pub enum Notice {
    /// There is more room than before, or less.
    Space {
        /// As it is now.
        space: Space,
        /// Free bytes, those that the reserve lacks not counted.
        free: u64,
        /// The marks that this was judged by.
        marks: Marks,
    },
    /// The reserve had to wait for room, and has its bytes now.
    Reserved(u64),
    /// There was room for the reserve, and it could not be taken.
    Unreserved(io::Error),
    /// The machine does not say how much is free. What was known last holds.
    Unknown(io::Error),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Space { space, free, marks } => match space {
                Space::Full => write!(
                    f,
                    "the disk is full: {free} bytes are free, storage.free_stop is {}; nothing \
                     is taken until there is room",
                    marks.stop
                ),
                Space::Low => write!(
                    f,
                    "the disk is nearly full: {free} bytes are free, storage.free_low is {}; no \
                     bets are taken, still wins and cancels",
                    marks.low
                ),
                Space::Ample => write!(f, "there is room: {free} bytes are free"),
            },
            Notice::Reserved(bytes) => write!(f, "the reserve holds {bytes} bytes"),
            Notice::Unreserved(error) => write!(f, "the reserve could not be taken: {error}"),
            Notice::Unknown(error) => {
                write!(f, "the machine does not say how much is free: {error}")
            }
        }
    }
}

/// Looks how much room there is, and tells the ledger.
pub struct SpaceWatch {
    disk: Arc<dyn Disk>,
    ledger: Arc<Ledger>,
    marks: Marks,
    reserve: Reserve,
    /// What failed at the last look was told.
    is_unknown: bool,
    is_unreserved: bool,
    /// The reserve lacks something, and there was no room for it when it was last looked for.
    is_waiting: bool,
}

impl SpaceWatch {
    /// Watches the directory of `ledger`, and keeps `reserve_size` bytes back in it.
    ///
    /// # Errors
    /// What the machine says about the reserve.
    pub fn new(
        disk: Arc<dyn Disk>,
        ledger: Arc<Ledger>,
        marks: Marks,
        reserve_size: u64,
    ) -> io::Result<SpaceWatch> {
        Ok(SpaceWatch {
            reserve: Reserve::open(Arc::clone(&disk), reserve_size)?,
            disk,
            ledger,
            marks,
            is_unknown: false,
            is_unreserved: false,
            is_waiting: false,
        })
    }

    /// Looks once; what has changed since the last look. What the reserve lacks is as good as
    /// taken: so it is given back only to start, and never serves to go on.
    pub fn look(&mut self) -> Vec<Notice> {
        let mut notices = Vec::new();
        match self.disk.free() {
            Ok(free) => {
                self.is_unknown = false;
                let free = free.saturating_sub(self.reserve.lacks());
                let before = self.ledger.space();
                let space = self.marks.judge(before, free);
                let room = free.saturating_sub(self.marks.stop);
                self.ledger.set_space(space, room);
                if space != before {
                    let marks = self.marks;
                    notices.push(Notice::Space { space, free, marks });
                }
                if space != Space::Ample {
                    self.is_waiting = self.reserve.lacks() > 0;
                } else if !self.reserve.is_filled() {
                    notices.extend(self.fill());
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_unknown, true) {
                    notices.push(Notice::Unknown(error));
                }
            }
        }
        notices
    }

    fn fill(&mut self) -> Option<Notice> {
        match self.reserve.fill() {
            Ok(()) => {
                self.is_unreserved = false;
                let waited = std::mem::take(&mut self.is_waiting);
                waited.then(|| Notice::Reserved(self.reserve.size()))
            }
            Err(error) => {
                self.is_waiting = true;
                let told = std::mem::replace(&mut self.is_unreserved, true);
                (!told).then_some(Notice::Unreserved(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_passed_downward_at_once_and_upward_with_an_eighth_more() {
        use Space::{Ample, Full, Low};
        let marks = Marks {
            low: 800,
            stop: 160,
        };
        for (before, free, after) in [
            (Ample, 800, Ample),
            (Ample, 799, Low),
            (Ample, 160, Low),
            (Ample, 159, Full),
            (Low, 800, Low),
            (Low, 899, Low),
            (Low, 900, Ample),
            (Low, 160, Low),
            (Low, 159, Full),
            (Full, 0, Full),
            (Full, 179, Full),
            (Full, 180, Low),
            (Full, 899, Low),
            (Full, 900, Ample),
        ] {
            assert_eq!(marks.judge(before, free), after, "{before:?} {free}");
        }
        let one = Marks { low: 0, stop: 160 };
        assert_eq!(one.judge(Ample, 160), Ample);
        assert_eq!(one.judge(Ample, 159), Full);
        let none = Marks { low: 0, stop: 0 };
        assert_eq!(none.judge(Full, 0), Ample);
        let all = Marks {
            low: u64::MAX,
            stop: 0,
        };
        assert_eq!(all.judge(Low, u64::MAX), Ample);
    }

    #[test]
    fn a_cell_keeps_what_was_set() {
        let cell = SpaceCell::new();
        assert_eq!(cell.space(), Space::Ample);
        for space in [Space::Full, Space::Low, Space::Ample] {
            cell.set(space, 7);
            assert_eq!((cell.space(), cell.room()), (space, 7));
        }
    }
}
