//! Power cuts (reliability.md, T1 and T2): thousands of them lose nothing that was answered, and
//! three planted faults show that the same harness would notice.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::crash::{Seams, Tally, World, is_durable};
use crate::planted::{IdsApart, LateSync};
use crate::world::{Replay, number};

/// Cuts on one disk before the next world begins.
const CUTS_EACH: u64 = 10;

#[test]
fn power_cuts_lose_nothing_that_was_answered_and_do_nothing_twice() {
    let cuts = number("SIM_CUTS", 10_000);
    let only = std::env::var("SIM_SEED")
        .ok()
        .map(|_| number("SIM_SEED", 0));
    let mut all = Tally::default();
    for seed in only.map_or(0..u64::MAX, |seed| seed..seed + 1) {
        let _replay = Replay(seed);
        // One world in three commits in two phases.
        let seams = [Seams::SOUND, Seams::SOUND, Seams::TWO_PHASE];
        let mut world = World::new(seed, seams[(seed % 3) as usize]);
        if let Err(violation) = world.run(CUTS_EACH) {
            panic!("seed {seed}, {:?}: {violation}", world.tally);
        }
        all.cuts += world.tally.cuts;
        all.cuts_in_recovery += world.tally.cuts_in_recovery;
        all.answered += world.tally.answered;
        all.there_unanswered += world.tally.there_unanswered;
        all.repeated += world.tally.repeated;
        all.archived += world.tally.archived;
        all.checkpoints += world.tally.checkpoints;
        all.tidied += world.tally.tidied;
        all.segments += world.tally.segments;
        if all.cuts >= cuts {
            break;
        }
    }
    println!("{all:?}");
    if only.is_none() && cuts >= 1000 {
        assert!(all.cuts_in_recovery * 20 > all.cuts, "{all:?}");
        assert!(
            all.answered > all.cuts && all.repeated > all.cuts,
            "{all:?}"
        );
        assert!(all.there_unanswered > 0, "{all:?}");
        assert!(
            all.archived > all.cuts / 4 && all.segments * 10 > all.cuts,
            "{all:?}"
        );
        assert!(all.checkpoints > all.cuts / 20, "{all:?}");
        assert!(all.tidied > all.cuts / 20, "{all:?}");
    }
}

/// How many cuts it takes until the harness sees a planted fault.
fn cuts_until_found(seams: Seams) -> Option<(u64, String)> {
    let mut cuts = 0;
    for seed in 0.. {
        let mut world = World::new(seed, seams);
        // What a start has left for later is applied when it is touched first, and asserts then.
        let outcome = catch_unwind(AssertUnwindSafe(|| world.run(CUTS_EACH)));
        let outcome = outcome.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>();
            Err(format!("panicked: {}", text.map_or("", String::as_str)))
        });
        cuts += world.tally.cuts;
        match outcome {
            Err(violation) => return Some((cuts, violation)),
            Ok(()) if cuts > 10_000 => return None,
            Ok(()) => {}
        }
    }
    None
}

fn is_found(fault: &str, seams: Seams, signs: &[&str]) {
    let (cuts, violation) = cuts_until_found(seams).expect("the harness sees the fault");
    println!("{fault}: found after {cuts} cuts: {violation}");
    let told = signs.iter().any(|sign| violation.contains(sign));
    assert!(told, "{fault}: {violation}");
}

#[test]
fn an_answer_before_the_sync_is_noticed() {
    let seams = Seams {
        journal: |journal, _| Arc::new(LateSync::over(journal)),
        ..Seams::SOUND
    };
    is_found("told before the sync", seams, &["answered and lost"]);
}

#[test]
fn ids_kept_apart_from_their_money_are_noticed() {
    let seams = Seams {
        journal: |journal, disk| Arc::new(IdsApart::over(journal, disk)),
        ..Seams::SOUND
    };
    is_found("ids apart from money", seams, &["differences", "panicked"]);
}

#[test]
fn a_repetition_told_before_its_original_is_durable_is_noticed() {
    let seams = Seams {
        may_tell: |ledger, pending| {
            let early = !pending.fresh && !ledger.is_latched() && pending.accepted_once();
            early || is_durable(ledger, pending.seq)
        },
        ..Seams::SOUND
    };
    let signs = ["answered by what was lost", "was told"];
    is_found("repetition from memory", seams, &signs);
}
