//! For tests of the workload: what comes of its operations, as the model judges them.

use std::collections::BTreeMap;

use super::{Expected, ManualClock, Model, Operation, Shape, Workload};
use crate::engine::command::Rules;
use crate::money::Amount;
use crate::time::{Clock, Timestamp};

/// A world with one lane.
pub(super) const SHAPE: Shape = Shape {
    lane: 0,
    accounts: 40,
    bet_max: Amount::MAX,
    scattered: false,
    alone: true,
    merchants: false,
};

/// A model after `count` operations, and how often something came of one that has a name.
pub(super) fn named(
    shape: Shape,
    count: usize,
    name: impl Fn(Expected) -> Option<String>,
) -> (Model, BTreeMap<String, u32>) {
    let mut model = Model::new(Rules::default());
    let clock = ManualClock::new(Timestamp::from_micros(1_000_000_000));
    let stream = Workload::partners()
        .into_iter()
        .chain(Workload::new(1, shape));
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for operation in stream.take(count) {
        if let Operation::Advance(span) = operation {
            clock.advance(span);
        }
        if let Some(came) = name(model.judge(&operation, clock.now())) {
            *seen.entry(came).or_default() += 1;
        }
    }
    (model, seen)
}

/// Whether each came up so often at least.
#[track_caller]
pub(super) fn assert_often(seen: &BTreeMap<String, u32>, due: &[(&str, u32)]) {
    for (came, times) in due {
        let often = seen.get(*came).copied().unwrap_or(0);
        assert!(often >= *times, "{came} came up {often} times: {seen:?}");
    }
}
