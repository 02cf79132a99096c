//! Two loads beside each other, for benches that tell a share.

use tokio::runtime::Runtime;

use crate::client::{Load, Player, median};

/// What both take for `requests`, in microseconds: rounds that take turns, medians over rounds.
/// `COFFER_BENCH_ROUNDS` sets how many; so many there were.
pub(crate) fn take_turns<P: Player>(
    runtime: &Runtime,
    mut loads: [Load<P>; 2],
    requests: u64,
) -> ([u128; 2], usize) {
    let rounds = std::env::var("COFFER_BENCH_ROUNDS").map_or(15, |text| text.parse().unwrap());
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (load, times) in loads.iter_mut().zip(&mut times) {
            times.push(load.play(runtime, requests).as_micros());
        }
    }
    (times.map(median), rounds)
}
