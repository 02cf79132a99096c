//! Pictures of payments on a simulated disk: on it before anything names them, and backed up,
//! restored or told of as lacking, whenever power is lost or an operation fails.

use std::io::ErrorKind;
use std::sync::Arc;

use coffer::disk::Disk;
use coffer::engine::deposit::{Deposit, DepositState, Screenshot, Way};
use coffer::engine::document::Document;
use coffer::engine::entry::{Actor, Body, Entry, Record, RecordKind};
use coffer::engine::gateway::GatewayDocument;
use coffer::id::PartnerNumber;
use coffer::journal::{Attachments, Journal};
use coffer::sim::disk::{Cut, Fault, Image, SimDisk};
use coffer::time::Timestamp;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::backup::{Life, Machine, begin};
use crate::journal::read_all;

fn picture(number: u64) -> Vec<u8> {
    let length = 3000 * usize::try_from(number % 3).unwrap();
    [number.to_le_bytes().to_vec(), vec![7; length]].concat()
}

fn name(number: u64) -> String {
    blake3::hash(&picture(number)).to_hex().to_string()
}

/// An entry that names a picture.
fn entry(journal: &dyn Journal, number: u64) -> Entry {
    let seq = journal.head().seq.next();
    let hash = name(number);
    let deposit = Deposit {
        reference: format!("r{number}").parse().unwrap(),
        partner: PartnerNumber(1),
        wallet_type: "upi".parse().unwrap(),
        currency: "INR".parse().unwrap(),
        label: "55".parse().unwrap(),
        custom_transaction_id: number.to_string().parse().unwrap(),
        id_was_left: false,
        key1: Some(number.to_string().parse().unwrap()),
        amount: None,
        way: Way::Hand {
            screenshot: Some(Screenshot {
                hash,
                media_type: "image/png".to_owned(),
            }),
        },
        expires_at: Timestamp::EPOCH,
        state: DepositState::Possible,
        activated: None,
        told: None,
        note: None,
        hosted: None,
    };
    Entry {
        seq,
        at: Timestamp::from_micros(1_795_000_000_000_000 + seq.0),
        body: Body::Record(Arc::new(Record {
            by: Actor::Partner,
            kind: RecordKind::DepositActivated,
            postings: Vec::new(),
            documents: vec![Document::from(GatewayDocument::from(deposit))],
        })),
    }
}

/// Keeps pictures and names each in an entry of its own.
fn take(machine: &Machine, life: &Life, numbers: std::ops::Range<u64>) {
    let attachments = Attachments::open(Arc::clone(&machine.data)).unwrap();
    for number in numbers {
        let named = attachments.keep(&picture(number), |_| {
            let journal = &*life.journal;
            let appended = journal.append(journal.head(), &[entry(journal, number)]);
            (appended, true)
        });
        named.unwrap().unwrap();
    }
}

/// What entries of a directory name and a file there does not hold.
fn lacking(machine: &Machine, directory: &str, entries: &[Entry]) -> Vec<String> {
    let image = machine.disk.image();
    let is_whole = |hash: &&str| {
        let file = image.get(&format!("{directory}/attachments/{hash}"));
        file.is_some_and(|bytes| blake3::hash(bytes).to_hex().as_str() == *hash)
    };
    let named = entries.iter().flat_map(Entry::attachments);
    let lacking = named.filter(|hash| !is_whole(hash));
    lacking.map(str::to_owned).collect()
}

#[test]
fn whatever_is_lost_with_the_power_a_picture_that_may_be_named_is_there() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut named = 0;
    for at in 0..60 {
        let disk = SimDisk::new();
        let data: Arc<dyn Disk> = Arc::new(disk.clone());
        // Perhaps in the middle of the second, and in any case when it may be named.
        disk.cut_after(at);
        let Ok(attachments) = Attachments::open(data) else {
            continue;
        };
        for number in [1, 2, 1] {
            let kept = attachments.keep(&picture(number), |hash| {
                for _ in 0..5 {
                    let left = disk.cut(Cut::any(&mut random), &mut random);
                    let left = Attachments::open(Arc::new(left)).unwrap();
                    let read = left.read(&hash, 1 << 20).unwrap();
                    assert_eq!(read, picture(number), "cut at {at}");
                    named += 1;
                }
                ((), true)
            });
            let left = disk.cut(Cut::any(&mut random), &mut random);
            let _swept = Attachments::open(Arc::new(left.clone())).unwrap();
            let unfinished = left.image().into_keys().find(|name| name.ends_with(".new"));
            assert_eq!(unfinished, None, "cut at {at}");
            if kept.is_err() {
                break;
            }
        }
    }
    assert!(named > 100, "{named}");
}

#[test]
fn a_picture_whose_keeping_failed_is_durable_before_it_is_named_by_the_next_who_brings_it() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for nth in 0..30 {
        let disk = SimDisk::new();
        disk.plant(Fault {
            operation: None,
            after: nth,
            kind: ErrorKind::Other,
            lasting: false,
        });
        let Ok(attachments) = Attachments::open(Arc::new(disk.clone())) else {
            continue;
        };
        let failed = attachments.keep(&picture(1), |_| ((), true)).is_err();
        let kept = attachments.keep(&picture(1), |hash| {
            let left = disk.cut(Cut::any(&mut random), &mut random);
            let left = Attachments::open(Arc::new(left)).unwrap();
            assert_eq!(left.read(&hash, 1 << 20).unwrap(), picture(1), "{nth}");
            ((), true)
        });
        assert!(kept.is_ok() || !failed, "{nth}");
    }
}

/// A coffer with six pictures, of which four were backed up, and one more of them since.
fn backed_up() -> Image {
    let machine = Machine::over(SimDisk::new());
    let mut life = begin(&machine.data, 1).unwrap();
    take(&machine, &life, 0..3);
    life.archive_all();
    take(&machine, &life, 3..4);
    machine.back_up(&life, None).unwrap();
    take(&machine, &life, 4..6);
    drop(life);
    machine.disk.image()
}

/// What must hold after a backup was broken off at any moment: the newest that is there has all
/// that it names, and the next is made as if nothing had been.
fn backups_are_whole(machine: &Machine, case: &str) {
    let newest = Machine::over(SimDisk::from_image(machine.disk.image()));
    newest.restore(None).unwrap();
    let entries = newest.read_restored().unwrap();
    assert!([4, 6].contains(&entries.len()), "{case}: {}", entries.len());
    assert_eq!(lacking(&newest, "restored", &entries), [""; 0], "{case}");
    let life = begin(&machine.data, 1).unwrap();
    let entries = read_all(&*life.journal).unwrap();
    assert_eq!(lacking(machine, "data", &entries), [""; 0], "{case}");
    machine.back_up(&life, Some(1)).unwrap();
    let left = machine.image("backup/").into_keys();
    let left: Vec<_> = left.filter(|name| name.ends_with(".new")).collect();
    assert!(left.is_empty(), "{case}: {left:?}");
    assert_eq!(lacking(machine, "backup", &entries), [""; 0], "{case}");
}

#[test]
fn a_backup_with_pictures_that_loses_power_or_fails_harms_no_other() {
    let image = backed_up();
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for at in 0.. {
        let machine = Machine::over(SimDisk::from_image(image.clone()));
        let life = begin(&machine.data, 1).unwrap();
        machine.disk.cut_after(at);
        let told = machine.back_up(&life, Some(1)).is_ok();
        drop(life);
        let was_cut = machine.disk.is_cut();
        let after = machine.disk.cut(Cut::any(&mut random), &mut random);
        let after = Machine::over(after);
        if told {
            let newest = Machine::over(SimDisk::from_image(after.disk.image()));
            assert_eq!(newest.restore(None).unwrap().0, 6, "cut {at}");
        }
        backups_are_whole(&after, &format!("cut {at}"));
        if !was_cut {
            assert!(told && at > 80, "{at} operations");
            break;
        }
    }
    for nth in 0.. {
        let machine = Machine::over(SimDisk::from_image(image.clone()));
        let life = begin(&machine.data, 1).unwrap();
        let before = machine.disk.operations();
        machine.disk.plant(Fault {
            operation: None,
            after: nth,
            kind: ErrorKind::Other,
            lasting: false,
        });
        let told = machine.back_up(&life, Some(1));
        let met = machine.disk.operations() > before + nth;
        machine.disk.mend();
        drop(life);
        if told.is_err() && machine.image("backup/points/").len() > 1 {
            // It stands without what could not be read, and says so; the next one has it.
            let life = begin(&machine.data, 1).unwrap();
            machine.back_up(&life, None).unwrap();
        }
        backups_are_whole(&machine, &format!("fault {nth}"));
        if !met {
            assert!(told.is_ok() && nth > 80, "{nth}");
            break;
        }
    }
}

#[test]
fn a_restore_with_pictures_is_whole_or_never_starts() {
    let machine = Machine::over(SimDisk::from_image(backed_up()));
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let image = machine.disk.image();
    for at in 0.. {
        let cut = Machine::over(SimDisk::from_image(image.clone()));
        cut.disk.cut_after(at);
        let told = cut.restore(None).is_ok();
        let was_cut = cut.disk.is_cut();
        let after = Machine::over(cut.disk.cut(Cut::any(&mut random), &mut random));
        match after.read_restored() {
            Ok(entries) if !entries.is_empty() => {
                let without = lacking(&after, "restored", &entries);
                assert_eq!(without, [""; 0], "cut {at}");
            }
            _ => assert!(!told, "cut {at}"),
        }
        if !was_cut {
            assert!(told && at > 80, "{at} operations");
            break;
        }
    }
}
