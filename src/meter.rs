//! Counts and durations that cost whoever takes them down a few atomic additions: no lock, no
//! allocation, no order between them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the groups that durations are counted in, in microseconds; the last group has
/// none.
pub const BOUNDS_MICROS: [u64; 18] = [
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    120_000_000,
];

/// How often something happened.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Once more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often so far.
    pub fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long something took, each time.
#[derive(Debug, Default)]
pub struct Durations {
    groups: [AtomicU64; BOUNDS_MICROS.len() + 1],
    micros: AtomicU64,
}

/// Durations as they were counted at one moment, or nearly: each number is right by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How many there were up to each of [`BOUNDS_MICROS`] and above the one before it, and at
    /// last above all of them.
    pub groups: [u64; BOUNDS_MICROS.len() + 1],
    /// All together, in microseconds.
    pub micros: u64,
}

impl Durations {
    /// Takes one down.
    pub fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let group = BOUNDS_MICROS.partition_point(|bound| *bound < micros);
        self.groups[group].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was taken down so far.
    pub fn so_far(&self) -> Counted {
        Counted {
            groups: std::array::from_fn(|group| self.groups[group].load(Ordering::Relaxed)),
            micros: self.micros.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_group_whose_bound_it_does_not_pass() {
        let durations = Durations::default();
        for micros in [0, 100, 101, 120_000_000, 120_000_001] {
            durations.add(Duration::from_micros(micros));
        }
        let counted = durations.so_far();
        let mut groups = [0; BOUNDS_MICROS.len() + 1];
        (groups[0], groups[1], groups[17], groups[18]) = (2, 1, 1, 1);
        assert_eq!(counted.groups, groups);
        assert_eq!(counted.micros, 240_000_202);
    }
}
