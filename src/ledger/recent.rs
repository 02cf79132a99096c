//! Numbers that were taken lately, exactly: so that a number which was never taken is known to be
//! new without a look at the books.
//!
//! Above a floor all that were taken are here, one bit each; what is above it and not here is new.
//! Rising numbers stand close together, and cost next to nothing. Where there are too many words
//! the place that has most of them gives up its lowest, and its floor rises above it: so a few
//! numbers far above the others, such as those of cancels that name what never was, do no harm,
//! and a place of random numbers takes nothing from the others. Of truly random numbers nearly all
//! are below the floor: there the books are asked.

use std::collections::{BTreeMap, HashMap};

use crate::id::IdSpaceNumber;
use crate::money::Currency;

/// Where numbers are unique.
pub(super) type Place = (IdSpaceNumber, Currency);

/// Numbers by a word: they lie in one shard, so that a word is whole there.
const WORD_BITS: u32 = 6;

/// Words of one shard, some 100 kB.
const WORDS_MAX: usize = 2048;

/// The word that a number is in.
pub(super) fn word(number: u64) -> u64 {
    number >> WORD_BITS
}

/// The numbers of one shard.
#[derive(Debug, Default)]
pub(super) struct Recent {
    places: HashMap<Place, Taken, ahash::RandomState>,
    /// Words of all places together.
    words: usize,
}

/// The numbers of one place.
#[derive(Debug, Default)]
struct Taken {
    words: BTreeMap<u64, u64>,
    /// The first word that all is known of; 0 where none is said.
    floor: u64,
}

impl Recent {
    /// Takes note of a number that was taken.
    pub(super) fn note(&mut self, place: Place, number: u64) {
        let word = word(number);
        let taken = self.places.entry(place).or_default();
        if word < taken.floor {
            return;
        }
        let before = taken.words.len();
        *taken.words.entry(word).or_default() |= 1 << (number % 64);
        self.words += taken.words.len() - before;
        if self.words > WORDS_MAX {
            let places = self.places.values_mut();
            let most = places.max_by_key(|taken| taken.words.len());
            let most = most.expect("whoever has a word has a place");
            let lowest = most.words.pop_first().expect("it has most of the words");
            most.floor = lowest.0 + 1;
            self.words -= 1;
        }
    }

    /// Whether it is certain that the number was never taken.
    pub(super) fn is_new(&self, place: Place, number: u64) -> bool {
        let word = word(number);
        self.places.get(&place).is_none_or(|taken| {
            let bits = || taken.words.get(&word).copied().unwrap_or(0);
            word >= taken.floor && bits() & (1 << (number % 64)) == 0
        })
    }

    /// Nothing is known below that word.
    pub(super) fn raise(&mut self, place: Place, floor: u64) {
        let taken = self.places.entry(place).or_default();
        taken.floor = floor.max(taken.floor);
        let before = taken.words.len();
        taken.words = taken.words.split_off(&taken.floor);
        self.words -= before - taken.words.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> [Place; 2] {
        ["EUR", "USD"].map(|currency| (IdSpaceNumber(0), currency.parse().unwrap()))
    }

    #[test]
    fn what_was_not_taken_is_new_and_what_was_is_not() {
        let [euro, dollar] = places();
        let mut recent = Recent::default();
        for number in [0, 63, 64, u64::MAX] {
            assert!(recent.is_new(dollar, number));
            recent.note(dollar, number);
            assert!(!recent.is_new(dollar, number), "{number}");
            assert!(recent.is_new(euro, number), "{number}");
        }
        assert!(recent.is_new(dollar, 62));
    }

    #[test]
    fn the_floor_rises_over_what_is_forgotten() {
        let [euro, dollar] = places();
        let mut recent = Recent::default();
        recent.note(euro, 5);
        recent.note(dollar, u64::MAX);
        let last = 64 * (WORDS_MAX as u64 + 10);
        for number in 0..=last {
            recent.note(dollar, number);
        }
        assert_eq!(recent.words, WORDS_MAX);
        assert!(!recent.is_new(dollar, 1), "nothing is known of it any more");
        assert!(!recent.is_new(dollar, u64::MAX));
        assert!(recent.is_new(dollar, last + 1));
        assert!(recent.is_new(euro, 4) && !recent.is_new(euro, 5));
        recent.note(dollar, 1);
        assert!(!recent.is_new(dollar, 0));
    }

    #[test]
    fn a_place_of_random_numbers_takes_nothing_from_the_others() {
        let [euro, dollar] = places();
        let mut recent = Recent::default();
        for number in 0..10_000_u64 {
            recent.note(dollar, number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        for number in 0..=64 * 1000 {
            assert!(recent.is_new(euro, number), "{number}");
            recent.note(euro, number);
        }
        assert!(!recent.is_new(euro, 0) && recent.is_new(euro, 64 * 1000 + 1));
        let taken = recent.places.values().map(|taken| taken.words.len());
        assert_eq!((recent.words, taken.sum()), (WORDS_MAX, WORDS_MAX));
        assert_eq!(recent.places[&euro].floor, 0);
        recent.raise(dollar, u64::MAX);
        assert_eq!(recent.words, 1001);
    }

    #[test]
    fn a_raised_floor_leaves_other_places_as_they_are() {
        let [euro, dollar] = places();
        let mut recent = Recent::default();
        for place in [euro, dollar] {
            recent.note(place, 100);
            recent.note(place, 200);
        }
        recent.raise(euro, 2);
        assert!(!recent.is_new(euro, 99) && !recent.is_new(euro, 200));
        assert!(recent.is_new(euro, 199));
        assert!(recent.is_new(dollar, 99) && !recent.is_new(dollar, 100));
        assert!(!recent.is_new(dollar, 200));
    }
}
