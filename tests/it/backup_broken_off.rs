//! Backups and restores that lose power or meet a failing disk at any operation: the coffer and the
//! earlier backup are as they were, and half a restore is never taken for a coffer.

use std::io::ErrorKind;

use coffer::id::Seq;
use coffer::journal::Until;
use coffer::sim::disk::{Cut, Fault, Image, SimDisk};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::backup::{Machine, assert_holds, begin, used_with};
use crate::journal::read_all;

/// What must hold after a backup was broken off at any moment.
fn earlier_backup_is_whole(machine: &Machine, case: &str) {
    let mut life = begin(&machine.data, 1).unwrap_or_else(|error| panic!("{case}: {error}"));
    let held = read_all(&*life.journal).unwrap();
    assert_holds(&held, 100, case);
    let newest = Machine::over(SimDisk::from_image(machine.disk.image()));
    let seq = newest
        .restore(None)
        .unwrap_or_else(|error| panic!("{case}: {error}"));
    assert!(seq == Seq(60) || seq == Seq(100), "{case}: {seq}");
    assert_holds(&newest.read_restored().unwrap(), seq.0, case);
    // The next one is made as if nothing had been.
    life.append(1);
    life.archive_all();
    let done = machine
        .back_up(&life, Some(1))
        .unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(done.head.seq, Seq(110), "{case}");
    let left = machine.image("backup/").into_keys();
    let left: Vec<_> = left.filter(|name| name.ends_with(".new")).collect();
    assert!(left.is_empty(), "{case}: {left:?}");
    assert_eq!(machine.restore(None).unwrap(), Seq(110), "{case}");
    assert_holds(&machine.read_restored().unwrap(), 110, case);
}

/// A coffer with 100 entries, of which 60 were backed up.
fn backed_up() -> Image {
    let (machine, mut life) = used_with(5, 1);
    machine.back_up(&life, None).unwrap();
    life.append(4);
    life.archive_all();
    drop(life);
    machine.disk.image()
}

#[test]
fn a_loss_of_power_during_a_backup_harms_neither_the_coffer_nor_the_earlier_backup() {
    let image = backed_up();
    let mut complete = 0;
    let mut random = ChaCha8Rng::seed_from_u64(5);
    for at in 0.. {
        let machine = Machine::over(SimDisk::from_image(image.clone()));
        let life = begin(&machine.data, 1).unwrap();
        machine.disk.cut_after(at);
        let done = machine.back_up(&life, Some(1));
        drop(life);
        let was_cut = machine.disk.is_cut();
        let after = machine.disk.cut(Cut::any(&mut random), &mut random);
        let after = Machine::over(after);
        if done.is_ok() {
            complete += 1;
            let newest = Machine::over(SimDisk::from_image(after.disk.image()));
            assert_eq!(
                newest.restore(None).unwrap(),
                Seq(100),
                "cut {at}: it was told"
            );
        }
        earlier_backup_is_whole(&after, &format!("cut {at}"));
        if !was_cut {
            assert!(at > 60, "{at} operations");
            break;
        }
    }
    assert!(complete > 0);
}

#[test]
fn whichever_operation_of_a_backup_fails_nothing_is_lost() {
    let image = backed_up();
    for (kind, lasting) in [(ErrorKind::Other, false), (ErrorKind::StorageFull, true)] {
        for nth in 0.. {
            let machine = Machine::over(SimDisk::from_image(image.clone()));
            let life = begin(&machine.data, 1).unwrap();
            let before = machine.disk.operations();
            machine.disk.plant(Fault {
                operation: None,
                after: nth,
                kind,
                lasting,
            });
            let done = machine.back_up(&life, Some(1));
            let met = machine.disk.operations() > before + nth;
            machine.disk.mend();
            drop(life);
            let case = format!("{kind:?} at {nth}");
            if met && nth < 20 {
                assert!(done.is_err(), "{case}: a fault that nobody heard of");
            }
            earlier_backup_is_whole(&machine, &case);
            if !met {
                assert!(done.is_ok() && nth > 60, "{case}");
                break;
            }
        }
    }
}

/// What must hold after a restore was broken off: nothing starts on it, unless it was complete or
/// had not begun.
fn restored_is_whole_or_refused(machine: &Machine, was_told: bool, case: &str) -> bool {
    match machine.read_restored() {
        Ok(found) if found.is_empty() => {
            assert!(!was_told, "{case}");
            false
        }
        Ok(found) => {
            assert_holds(&found, 55, case);
            true
        }
        Err(error) => {
            assert!(!was_told, "{case}: {error}");
            let error = error.to_string();
            assert!(
                error.contains("manifest.json is missing"),
                "{case}: {error}"
            );
            false
        }
    }
}

#[test]
fn a_restore_that_was_broken_off_is_never_taken_for_a_coffer() {
    let (machine, life) = used_with(5, 1);
    machine.back_up(&life, None).unwrap();
    drop(life);
    let image = machine.disk.image();
    let until = Some(Until::Seq(Seq(55)));
    let mut random = ChaCha8Rng::seed_from_u64(6);
    let mut empty = 0;
    for at in (0..).step_by(3) {
        let cut = Machine::over(SimDisk::from_image(image.clone()));
        cut.disk.cut_after(at);
        let was_told = cut.restore(until).is_ok();
        let was_cut = cut.disk.is_cut();
        let after = Machine::over(cut.disk.cut(Cut::any(&mut random), &mut random));
        let began = after
            .image("restored/")
            .keys()
            .any(|name| name.ends_with("witness"));
        let case = format!("cut {at}");
        let whole = restored_is_whole_or_refused(&after, was_told, &case);
        if !whole && !began {
            empty += 1;
        }
        if !was_cut {
            assert!(whole && at > 100);
            break;
        }
    }
    assert!(empty < 17, "{empty} were still as empty as before");

    for nth in (0..).step_by(2) {
        let failing = Machine::over(SimDisk::from_image(image.clone()));
        let before = failing.disk.operations();
        failing.disk.plant(Fault {
            operation: None,
            after: nth,
            kind: ErrorKind::Other,
            lasting: true,
        });
        let was_told = failing.restore(until).is_ok();
        let met = failing.disk.operations() > before + nth;
        failing.disk.mend();
        let case = format!("fault {nth}");
        let whole = restored_is_whole_or_refused(&failing, was_told, &case);
        if !met {
            assert!(whole && nth > 100);
            break;
        }
    }
}
