//! A clock that stands still until it is told otherwise.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::time::{Clock, Span, Timestamp};

/// A clock moved by hand.
#[derive(Debug, Default)]
pub struct ManualClock {
    micros: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> ManualClock {
        ManualClock {
            micros: AtomicU64::new(now.micros()),
        }
    }

    /// Moves to `now`, forwards or back.
    pub fn set(&self, now: Timestamp) {
        self.micros.store(now.micros(), Ordering::SeqCst);
    }

    /// Moves `span` forwards.
    pub fn advance(&self, span: Span) {
        self.set(self.now().plus(span));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_only_by_hand() {
        let clock = ManualClock::new(Timestamp::from_micros(5));
        assert_eq!(clock.now().micros(), 5);
        clock.advance(Span::from_seconds(1));
        assert_eq!(clock.now().micros(), 1_000_005);
        clock.set(Timestamp::EPOCH);
        assert_eq!(clock.now(), Timestamp::EPOCH);
    }
}
