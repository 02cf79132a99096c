//! What is sent when: the sender without sockets and without a clock, so that tests drive it.
//!
//! Each kind of postback of each merchant has a lane. A lane in which all goes well has several
//! postbacks under way at once; one that fails or is slow has one at a time, and all of these have
//! half of the places together. So a receiver that is slow or down holds up no other.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::postback::{PostbackKind, PostbackOf};
use crate::id::PartnerNumber;
use crate::ledger::DuePostback;
use crate::time::{Span, Timestamp};

/// One receiver's postbacks.
pub type Lane = (PartnerNumber, PostbackKind);

/// How many postbacks may be under way.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// In all.
    pub all: usize,
    /// In one lane.
    pub of_lane: usize,
}

impl Default for Places {
    fn default() -> Places {
        Places {
            all: 128,
            of_lane: 4,
        }
    }
}

/// What came of a postback that was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// The receiver took it.
    Taken,
    /// The receiver took it, and took its time.
    Late,
    /// It did not.
    NotTaken,
    /// Nobody could write down what came of it: it is as due as it was.
    Unknown,
}

/// How long a lane rests of which nobody could write down what came.
const REST: Span = Span::from_micros(10_000_000);

/// What is under way, and whose turn it is.
#[derive(Debug)]
pub struct Plan {
    places: Places,
    /// The longest that a postback waits for its next try, by whatever clock.
    longest: Span,
    under_way: BTreeMap<Lane, BTreeSet<PostbackOf>>,
    /// Those that failed, or were slow, the last time.
    lagging: BTreeSet<Lane>,
    resting: BTreeMap<Lane, Timestamp>,
    /// The lane that had the last turn.
    last: Option<Lane>,
}

impl Plan {
    /// Nothing is under way.
    pub fn new(places: Places, longest: Span) -> Plan {
        Plan {
            places,
            longest,
            under_way: BTreeMap::new(),
            lagging: BTreeSet::new(),
            resting: BTreeMap::new(),
            last: None,
        }
    }

    /// What is to be sent now, which is under way from then on, and when to look again unless
    /// something happens before. `due` gives the first postbacks of a lane, in the order of time.
    ///
    /// # Errors
    /// What `due` said.
    pub fn next<E>(
        &mut self,
        lanes: &[Lane],
        now: Timestamp,
        mut due: impl FnMut(Lane, usize) -> Result<Vec<DuePostback>, E>,
    ) -> Result<(Vec<DuePostback>, Option<Timestamp>), E> {
        let (mut begun, mut wake) = (Vec::new(), None::<Timestamp>);
        let mut wake_at = |at: Timestamp| wake = Some(wake.map_or(at, |wake| wake.min(at)));
        let mut lanes = lanes.to_vec();
        lanes.sort_unstable();
        let first = lanes.partition_point(|lane| self.last.is_some_and(|last| *lane <= last));
        lanes.rotate_left(first);
        for lane in lanes {
            if let Some(rests) = self.resting.get(&lane).filter(|rests| **rests > now) {
                wake_at(*rests);
                continue;
            }
            self.resting.remove(&lane);
            let room = self.room(lane);
            if room == 0 {
                continue;
            }
            let busy = self.under_way.get(&lane).map_or(0, BTreeSet::len);
            // Those that are under way stand there still, and one more tells when to wake.
            let mut found = due(lane, busy + room + 1)?;
            found.retain(|of| !self.is_under_way(lane, &of.of));
            let mut left = room;
            for of in found {
                // A clock that was set back makes nobody wait for years.
                let at = match of.at > now.plus(self.longest) {
                    true => now,
                    false => of.at,
                };
                if at > now {
                    wake_at(at);
                    break;
                }
                if left == 0 {
                    break;
                }
                left -= 1;
                self.last = Some(lane);
                let under_way = self.under_way.entry(lane).or_default();
                under_way.insert(of.of.clone());
                begun.push(of);
            }
        }
        Ok((begun, wake))
    }

    /// A postback that was under way is so no more.
    pub fn done(&mut self, of: &PostbackOf, came: Came, now: Timestamp) {
        let lane = (of.partner, of.kind);
        if let Some(under_way) = self.under_way.get_mut(&lane) {
            under_way.remove(of);
            if under_way.is_empty() {
                self.under_way.remove(&lane);
            }
        }
        match came {
            Came::Taken => drop(self.lagging.remove(&lane)),
            Came::Late | Came::NotTaken => drop(self.lagging.insert(lane)),
            Came::Unknown => drop(self.resting.insert(lane, now.plus(REST))),
        }
    }

    /// How many more may be begun in a lane.
    fn room(&self, lane: Lane) -> usize {
        let of = |lane: &Lane| self.under_way.get(lane).map_or(0, BTreeSet::len);
        let all: usize = self.under_way.values().map(BTreeSet::len).sum();
        let left = self.places.all.saturating_sub(all);
        if !self.lagging.contains(&lane) {
            return left.min(self.places.of_lane.saturating_sub(of(&lane)));
        }
        let lagging: usize = self.lagging.iter().map(of).sum();
        let left = left.min((self.places.all / 2).saturating_sub(lagging));
        left.min(1_usize.saturating_sub(of(&lane)))
    }

    fn is_under_way(&self, lane: Lane, of: &PostbackOf) -> bool {
        let under_way = self.under_way.get(&lane);
        under_way.is_some_and(|under_way| under_way.contains(of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Seq;

    fn at(micros: u64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn lane(partner: u32) -> Lane {
        (PartnerNumber(partner), PostbackKind::Deposit)
    }

    fn due((partner, kind): Lane, name: usize, at: Timestamp) -> DuePostback {
        DuePostback {
            of: PostbackOf {
                partner,
                kind,
                name: name.to_string().parse().unwrap(),
            },
            at,
            changed: Seq(1),
        }
    }

    fn plan(all: usize) -> Plan {
        let places = Places { all, of_lane: 4 };
        Plan::new(places, Span::from_seconds(3600))
    }

    /// Each lane has as many as are asked for, all due at once.
    fn plenty(lane: Lane, at_most: usize) -> Result<Vec<DuePostback>, ()> {
        Ok((0..at_most).map(|name| due(lane, name, at(0))).collect())
    }

    fn counted(begun: &[DuePostback]) -> BTreeMap<u32, usize> {
        let mut counts = BTreeMap::new();
        for of in begun {
            *counts.entry(of.of.partner.0).or_default() += 1;
        }
        counts
    }

    #[test]
    fn lanes_that_fail_or_are_slow_leave_half_of_the_places_to_the_others() {
        for came in [Came::NotTaken, Came::Late] {
            let mut plan = plan(8);
            let lagging: Vec<Lane> = (1..=20).map(lane).collect();
            let mut begun = plan.next(&lagging, at(0), plenty).unwrap().0;
            for _ in 0..10 {
                for of in begun {
                    plan.done(&of.of, came, at(0));
                }
                begun = plan.next(&lagging, at(0), plenty).unwrap().0;
            }
            // By now all have failed: each has one at a time, all together four.
            assert_eq!(begun.len(), 4);
            assert!(counted(&begun).values().all(|count| *count == 1));
            let all: Vec<Lane> = (1..=21).map(lane).collect();
            let healthy = plan.next(&all, at(0), plenty).unwrap().0;
            assert_eq!(counted(&healthy), BTreeMap::from([(21, 4)]));
        }
    }

    #[test]
    fn lanes_take_turns() {
        let mut plan = plan(8);
        let lanes: Vec<Lane> = (1..=5).map(lane).collect();
        let mut had: BTreeMap<u32, usize> = BTreeMap::new();
        for _ in 0..5 {
            let begun = plan.next(&lanes, at(0), plenty).unwrap().0;
            assert_eq!(begun.len(), 8);
            for (partner, count) in counted(&begun) {
                *had.entry(partner).or_default() += count;
            }
            for of in begun {
                plan.done(&of.of, Came::Taken, at(0));
            }
        }
        assert!(had.values().all(|count| *count == 8), "{had:?}");
    }

    #[test]
    fn a_lane_that_is_taken_from_again_has_all_its_places_and_those_under_way_hide_none() {
        let mut plan = plan(8);
        let lanes = [lane(1)];
        let all = |lane, at_most| {
            let all = (1..=9).map(|name| due(lane, name, at(0)));
            Ok::<_, ()>(all.take(at_most).collect())
        };
        let names = |begun: &[DuePostback]| -> Vec<String> {
            let names = begun.iter().map(|of| of.of.name.as_str().to_owned());
            names.collect()
        };
        let begun = plan.next(&lanes, at(0), all).unwrap().0;
        assert_eq!(names(&begun), ["1", "2", "3", "4"]);
        // It is not yet written down that this one was taken: it is begun again, and no other.
        plan.done(&begun[1].of, Came::Taken, at(0));
        let begun_again = plan.next(&lanes, at(0), all).unwrap().0;
        assert_eq!(names(&begun_again), ["2"]);
        for of in &begun {
            plan.done(&of.of, Came::NotTaken, at(0));
        }
        let one = plan.next(&lanes, at(0), all).unwrap().0;
        assert_eq!(one.len(), 1);
        assert_eq!(plan.next(&lanes, at(0), all).unwrap().0, []);
        plan.done(&one[0].of, Came::Taken, at(0));
        assert_eq!(plan.next(&lanes, at(0), all).unwrap().0.len(), 4);
    }

    #[test]
    fn what_is_due_later_is_woken_for_and_never_sent_twice_at_once() {
        let mut plan = plan(8);
        let list = |lane, at_most| {
            let all = [due(lane, 1, at(10)), due(lane, 2, at(30))];
            Ok::<_, ()>(all.into_iter().take(at_most).collect())
        };
        let lanes = [lane(1)];
        assert_eq!(plan.next(&lanes, at(5), list), Ok((vec![], Some(at(10)))));
        let first = due(lane(1), 1, at(10));
        let due_now = Ok((vec![first.clone()], Some(at(30))));
        assert_eq!(plan.next(&lanes, at(10), list), due_now);
        assert_eq!(plan.next(&lanes, at(10), list), Ok((vec![], Some(at(30)))));
        plan.done(&first.of, Came::Unknown, at(11));
        let rests = at(11).plus(REST);
        assert_eq!(plan.next(&lanes, at(12), list), Ok((vec![], Some(rests))));
        assert_eq!(plan.next(&lanes, rests, list).unwrap().0.len(), 2);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nobody_wait() {
        let mut plan = plan(8);
        let year = at(0).plus(Span::from_seconds(365 * 24 * 3600));
        let list = |lane, _| Ok::<_, ()>(vec![due(lane, 1, year)]);
        assert_eq!(plan.next(&[lane(1)], at(0), list).unwrap().0.len(), 1);
    }
}
