//! Tests of the simulated disk.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A synced file of two sectors, then a write over both and a growth that are not.
fn unsynced() -> (SimDisk, Box<dyn File>) {
    let disk = SimDisk::new();
    disk.write_new("a", &[1; 1024]).unwrap();
    let file = disk.open("a").unwrap();
    file.write_at(0, &[2; 1024]).unwrap();
    file.set_len(2048).unwrap();
    (disk, file)
}

#[test]
fn what_is_synced_outlives_every_cut() {
    for seed in 0..100 {
        let (disk, file) = unsynced();
        file.sync().unwrap();
        let left = disk.cut(Cut::any(&mut rng(seed)), &mut rng(seed));
        assert_eq!(left.image()["a"], [[2; 1024], [0; 1024]].concat());
        assert!(file.sync().is_err(), "the old disk is gone");
    }
}

#[test]
fn what_is_not_synced_stays_goes_or_tears_as_the_cut_says() {
    let seen = |cut| {
        let mut images = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let (disk, _file) = unsynced();
            images.insert(disk.cut(cut, &mut rng(seed)).image()["a"].clone());
        }
        images
    };
    let (old, new) = (vec![1; 1024], vec![2; 1024]);
    let grown = |bytes: &[u8]| [bytes, &[0; 1024]].concat();
    let torn = [[1; 512], [2; 512]].concat();
    assert_eq!(seen(Cut::None), [old.clone()].into());
    assert_eq!(seen(Cut::All), [grown(&new)].into());
    let prefixes = [old.clone(), new.clone(), grown(&new)];
    assert_eq!(seen(Cut::Prefix), prefixes.into());
    let suffixes = [old.clone(), grown(&old), grown(&new)];
    assert_eq!(seen(Cut::Suffix), suffixes.into());
    let subsets = [old.clone(), new.clone(), grown(&old), grown(&new)];
    assert_eq!(seen(Cut::Subset), subsets.into());
    assert!(seen(Cut::TornSectors).contains(&torn));
    assert_eq!(seen(Cut::TornSectors).len(), 8);
    assert!(seen(Cut::TornByte).len() > 50);
}

#[test]
fn a_name_is_lost_until_its_directory_is_synced() {
    let disk = SimDisk::new();
    disk.write_new("a", b"one").unwrap();
    let file = disk.create("b").unwrap();
    file.write_at(0, b"two").unwrap();
    file.sync().unwrap();
    disk.remove("a").unwrap();
    assert_eq!(disk.list().unwrap(), ["b"]);
    let left = disk.cut(Cut::None, &mut rng(0));
    assert_eq!(left.list().unwrap(), ["a"]);
}

#[test]
fn a_directory_within_is_synced_by_itself_and_its_own_name_by_its_parent() {
    let left = |sync: &dyn Fn(&dyn Disk, &dyn Disk)| {
        let disk = SimDisk::new();
        let within = disk.directory("d").unwrap();
        let file = within.create("a").unwrap();
        file.write_at(0, b"x").unwrap();
        file.sync().unwrap();
        disk.create("b").unwrap().sync().unwrap();
        assert_eq!(
            (disk.list().unwrap(), within.list().unwrap()),
            (vec!["b".into()], vec!["a".into()])
        );
        sync(&disk, &*within);
        let left = disk.cut(Cut::None, &mut rng(0));
        left.image().into_keys().collect::<Vec<_>>()
    };
    assert!(left(&|_, within| within.sync_directory().unwrap()).is_empty());
    assert_eq!(left(&|disk, _| disk.sync_directory().unwrap()), ["b", "d/"]);
    let both = left(&|disk, within| {
        within.sync_directory().unwrap();
        disk.sync_directory().unwrap();
    });
    assert_eq!(both, ["b", "d/", "d/a"]);
}

#[test]
fn faults_come_when_they_are_due_and_go_unless_they_last() {
    let (disk, file) = unsynced();
    let fault = |operation, lasting| Fault {
        operation: Some(operation),
        after: 1,
        kind: io::ErrorKind::StorageFull,
        lasting,
    };
    disk.plant(fault(Operation::Write, false));
    disk.plant(fault(Operation::Read, true));
    let writes = [0; 3].map(|_| file.write_at(0, b"x").is_ok());
    assert_eq!(writes, [true, false, true]);
    let reads = [0; 3].map(|_| file.read_at(0, &mut [0]).is_ok());
    assert_eq!(reads, [true, false, false]);
}

fn fail_to_sync(disk: &SimDisk, file: &dyn File) {
    disk.plant(Fault {
        operation: Some(Operation::Sync),
        after: 0,
        kind: io::ErrorKind::Other,
        lasting: false,
    });
    assert!(file.sync().is_err());
}

#[test]
fn after_a_failed_sync_a_second_one_proves_nothing() {
    let (disk, file) = unsynced();
    fail_to_sync(&disk, &*file);
    file.sync().unwrap();
    assert_eq!(disk.image()["a"].len(), 2048, "it is seen all the same");
    file.distrust_cache().unwrap();
    assert_eq!(disk.image()["a"], [1; 1024]);
    let left = disk.cut(Cut::None, &mut rng(0));
    assert_eq!(left.image()["a"], [1; 1024]);
}

#[test]
fn a_first_page_that_was_not_synced_is_not_seen_and_what_lies_behind_it_is() {
    let disk = SimDisk::new();
    let file = disk.create("a").unwrap();
    file.write_at(0, &[1; 8192]).unwrap();
    file.sync().unwrap();
    disk.sync_directory().unwrap();
    file.write_at(0, &[2; 10]).unwrap();
    file.write_at(4096, &[3; 10]).unwrap();
    fail_to_sync(&disk, &*file);
    file.distrust_first_page().unwrap();
    let seen = &disk.image()["a"];
    assert_eq!((seen[0], seen[4096]), (1, 3));
    // What is written over it later is synced like all else.
    file.write_at(4100, &[4; 3]).unwrap();
    file.sync().unwrap();
    file.distrust_first_page().unwrap();
    assert_eq!(disk.image()["a"][4098..4105], [3, 3, 4, 4, 4, 3, 3]);
    let left = disk.cut(Cut::None, &mut rng(0));
    let left = &left.image()["a"];
    assert_eq!(left[4096..4105], [1, 1, 1, 1, 4, 4, 4, 1, 1]);
    assert_eq!(left.len(), 8192);
}

#[test]
fn a_full_disk_takes_what_has_its_place_and_nothing_else() {
    let (disk, file) = unsynced();
    assert!(disk.free().unwrap() > 1 << 40, "no bound until one is set");
    disk.set_capacity(16 << 10);
    assert_eq!(disk.free().unwrap(), 12 << 10);
    file.set_len(1 << 20).unwrap();
    assert_eq!(disk.free().unwrap(), 12 << 10, "holes take nothing");
    file.write_at(8191, &[1; 2]).unwrap();
    assert_eq!(disk.free().unwrap(), 4 << 10);
    let full = file.write_at(100 << 10, &[1; 4097]).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    file.allocate(16 << 10).unwrap();
    assert_eq!(disk.free().unwrap(), 0);
    assert_eq!(file.size().unwrap(), 1 << 20, "allocating never shortens");
    file.write_at(0, &[3; 16 << 10]).unwrap();
    file.write_at(16 << 10, &[3]).unwrap_err();
    file.set_len(4 << 10).unwrap();
    assert_eq!(disk.free().unwrap(), 12 << 10);
    disk.set_capacity(0);
    file.write_at(0, &[4; 4 << 10]).unwrap();
    disk.remove("a").unwrap();
    assert_eq!(disk.free().unwrap(), 0);
    file.write_at(4 << 10, &[4]).unwrap_err();
}

#[test]
fn power_is_lost_at_the_operation_that_was_named() {
    let (disk, file) = unsynced();
    disk.cut_after(1);
    file.write_at(0, b"x").unwrap();
    assert!(!disk.is_cut());
    assert!(file.write_at(0, b"x").is_err());
    assert!(disk.is_cut() && disk.list().is_err());
}
