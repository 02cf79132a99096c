//! Every operation on the disk fails once (reliability.md, T4): for each N of a short run, its
//! first start included, the Nth operation meets a broken disk and a full one, once or from then
//! on. After it nobody is told of a success, the latch holds, and the next start finds all that
//! was answered, and nothing twice.

use std::io::ErrorKind;

use coffer::id::Seq;
use coffer::sim::disk::{Fault, SimDisk};

use crate::crash::{Running, Seams, World, is_durable};
use crate::world::{Replay, number};

/// Operations of the run.
const PLAYED: u32 = 28;

#[derive(Clone, Copy, Debug)]
struct Case {
    nth: u64,
    kind: ErrorKind,
    lasting: bool,
    aftermath: Aftermath,
}

/// What the next start finds after the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aftermath {
    /// All that was written, synced or not.
    All,
    /// What a loss of power left.
    PowerCut,
    /// All that was written, as the same machine remembers it: what a failed sync should have
    /// made durable is remembered and will never reach the disk. Power is lost later.
    Restart,
}

/// How a run met its fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    /// Not at all: it was over before.
    Never,
    AtTheStart,
    /// While the files just created were closed again, before anything was played: they are
    /// opened afresh, and nothing rests on the closing.
    Closing,
    WhilePlaying,
    /// While everything was closed, after the last answer.
    AtTheEnd,
}

/// Nothing that the ledger says may be told any more, whatever is tried.
fn stays_latched(case: Case, world: &mut World, running: &mut Running) {
    for _ in 0..3 {
        assert!(
            running.ledger.is_latched() && running.ledger.readiness().is_err(),
            "{case:?}"
        );
        assert!(
            !is_durable(&running.ledger, Seq::NONE),
            "{case:?}: a verdict"
        );
        let answered = world
            .pending
            .iter()
            .filter(|pending| pending.answered)
            .count();
        // The committer may say it again at any step; nothing becomes durable by it.
        world.play_on(running, 3).unwrap();
        assert!(
            running.committer.step(usize::MAX).is_err(),
            "{case:?}: it went on"
        );
        world.tell(&running.ledger);
        let now = world
            .pending
            .iter()
            .filter(|pending| pending.answered)
            .count();
        assert_eq!(now, answered, "{case:?}: answered after the fault");
    }
}

fn fail_once(seed: u64, case: Case) -> Met {
    let mut world = World::new(seed, Seams::SOUND);
    world.disk.plant(Fault {
        operation: None,
        after: case.nth,
        kind: case.kind,
        lasting: case.lasting,
    });
    let met = match world.open() {
        Err(_) => Met::AtTheStart,
        Ok(mut running) => {
            let started = world.disk.operations() > case.nth;
            let healthy = world.play_on(&mut running, PLAYED).unwrap();
            let played = world.disk.operations() > case.nth;
            if !healthy {
                stays_latched(case, &mut world, &mut running);
            }
            drop(running);
            match (started, played, world.disk.operations() > case.nth) {
                (true, ..) if healthy => Met::Closing,
                (_, true, _) => {
                    assert!(!healthy, "{case:?}: a fault that nobody heard of");
                    Met::WhilePlaying
                }
                (_, _, true) => Met::AtTheEnd,
                _ => Met::Never,
            }
        }
    };
    match case.aftermath {
        Aftermath::All => world.disk = SimDisk::from_image(world.disk.image()),
        Aftermath::PowerCut => world.cut(),
        Aftermath::Restart => world.disk.mend(),
    }
    // The disk is well again: everything answered is there, and what was not is sent again.
    let mut running = world
        .open()
        .unwrap_or_else(|error| panic!("{case:?}: {error:?}"));
    world
        .check(&running)
        .unwrap_or_else(|violation| panic!("{case:?}: {violation}"));
    let again = u32::try_from(world.retries.len()).unwrap();
    assert!(world.play_on(&mut running, again + 5).unwrap(), "{case:?}");
    while running.committer.step(usize::MAX).unwrap() > 0 {}
    world.tell(&running.ledger);
    assert!(
        world.pending.iter().all(|pending| pending.answered),
        "{case:?}"
    );
    drop(running);
    if case.aftermath == Aftermath::Restart {
        world.cut();
    }
    let running = world
        .open()
        .unwrap_or_else(|error| panic!("{case:?}: {error:?}"));
    world
        .check(&running)
        .unwrap_or_else(|violation| panic!("{case:?}: {violation}"));
    met
}

#[test]
fn whichever_disk_operation_fails_nothing_answered_is_lost_or_done_twice() {
    match std::env::var("SIM_SEED") {
        Ok(_) => fail_each(number("SIM_SEED", 0)),
        Err(_) => (11..14).for_each(fail_each),
    }
}

fn fail_each(seed: u64) {
    let _replay = Replay(seed);
    for (kind, aftermath) in [
        (ErrorKind::Other, Aftermath::All),
        (ErrorKind::Other, Aftermath::PowerCut),
        (ErrorKind::Other, Aftermath::Restart),
        (ErrorKind::StorageFull, Aftermath::All),
        (ErrorKind::StorageFull, Aftermath::PowerCut),
        (ErrorKind::StorageFull, Aftermath::Restart),
    ] {
        for lasting in [false, true] {
            let mut met = Vec::new();
            for nth in 0.. {
                let case = Case {
                    nth,
                    kind,
                    lasting,
                    aftermath,
                };
                match fail_once(seed, case) {
                    Met::Never => break,
                    other => met.push(other),
                }
            }
            let count = |which| met.iter().filter(|&&met| met == which).count();
            let (start, playing) = (count(Met::AtTheStart), count(Met::WhilePlaying));
            let closing = count(Met::Closing) + count(Met::AtTheEnd);
            println!("{kind:?}, {aftermath:?}, lasting {lasting}: {start} {playing} {closing}");
            assert!(start > 30 && playing > 60, "{start} and {playing}");
            // Two databases are made, and closed once they are: journal and books.
            assert!(closing < 80, "{closing} faults were met while closing");
        }
    }
}
