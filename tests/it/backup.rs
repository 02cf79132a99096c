//! Backups and what is restored of them, on a simulated disk: one after the other, under load,
//! damaged, and in a directory of somebody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coffer::disk::Disk;
use coffer::engine::entry::Entry;
use coffer::id::Seq;
use coffer::journal::{
    Archiver, ArchiverStop, Backup, BackupError, Done, Journal, JournalError, Options, Pace,
    Progress, RedbJournal, Until, back_up, open, secret_key,
};
use coffer::ledger::{Committer, Ledger};
use coffer::sim::disk::{Image, SimDisk};
use coffer::time::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::journal::{append, entries, options, read_all};
use crate::on_disk::{new_books, recover};
use crate::world;

/// Four batches of ten void entries fill a segment.
const SEGMENT_SIZE: u64 = 500;

const KEY: [u8; 32] = [7; 32];

/// A machine: a coffer in one directory, its backups in another, one restored in a third.
pub(crate) struct Machine {
    pub(crate) disk: SimDisk,
    pub(crate) data: Arc<dyn Disk>,
    backup: Arc<dyn Disk>,
    restored: Arc<dyn Disk>,
}

impl Machine {
    pub(crate) fn over(disk: SimDisk) -> Machine {
        let directory = |name| disk.directory(name).unwrap();
        let machine = Machine {
            data: directory("data"),
            backup: directory("backup"),
            restored: directory("restored"),
            disk: disk.clone(),
        };
        disk.sync_directory().unwrap();
        machine
    }

    /// What lies in one of the directories.
    pub(crate) fn image(&self, directory: &str) -> Image {
        let mut image = self.disk.image();
        image.retain(|name, _| name.starts_with(directory) && name.len() > directory.len());
        image
    }

    pub(crate) fn back_up(&self, life: &Life, keep: Option<u32>) -> Result<Done, BackupError> {
        let to = Arc::clone(&self.backup);
        back_up(&life.journal, to, keep, now(), &Progress::new())
    }

    pub(crate) fn restore(&self, until: Option<Until>) -> Result<Seq, BackupError> {
        let backup = Backup::open(Arc::clone(&self.backup))?;
        let restored = backup.restore(Arc::clone(&self.restored), until, &Progress::new())?;
        let seq = restored.head.seq;
        let written = (self.restored).write_new("secret.key", key_text().as_bytes());
        written.map_err(|source| BackupError::Disk {
            file: "secret.key".into(),
            source,
        })?;
        restored.finish()?;
        Ok(seq)
    }

    /// Every entry of what was restored, by a start as any other.
    pub(crate) fn read_restored(&self) -> Result<Vec<Entry>, JournalError> {
        let life = begin(&self.restored, 1)?;
        read_all(&*life.journal)
    }
}

fn key_text() -> String {
    "07".repeat(32)
}

fn now() -> Timestamp {
    "2027-01-01T00:00:00Z".parse().unwrap()
}

/// A journal, and its archiver to drive by hand.
pub(crate) struct Life {
    pub(crate) journal: Arc<RedbJournal>,
    archiver: Archiver,
    _stop: ArchiverStop,
    _rest: (Arc<Ledger>, Committer),
}

impl Life {
    pub(crate) fn append(&self, batches: u64) {
        for _ in 0..batches {
            append(&*self.journal, 10).unwrap();
        }
    }

    pub(crate) fn archive_all(&mut self) {
        while self.archiver.step().unwrap() > 0 {}
    }
}

pub(crate) fn begin(disk: &Arc<dyn Disk>, id: u8) -> Result<Life, JournalError> {
    begin_with(disk, id, SEGMENT_SIZE)
}

fn begin_with(disk: &Arc<dyn Disk>, id: u8, segment_size: u64) -> Result<Life, JournalError> {
    let key = secret_key(&**disk, false, &KEY)?;
    let options = Options {
        segment_size,
        new_id: [id; 16],
        fingerprint: key.fingerprint(),
        ..options(&**disk)?
    };
    let journal = Arc::new(open(Arc::clone(disk), options)?.journal);
    // Its entries mean nothing to a ledger: the archiver is given one of another journal.
    let elsewhere = SimDisk::new();
    let nothing = open(Arc::new(elsewhere.clone()), options_of(&elsewhere)).unwrap();
    let nothing: Arc<dyn Journal> = Arc::new(nothing.journal);
    let clock = world::clock();
    let rest = recover(&nothing, new_books(), &clock, world::rules(), 1_000).unwrap();
    let (archiver, stop) = Archiver::new(Arc::clone(&journal), &rest.1, Pace::default());
    Ok(Life {
        journal,
        archiver,
        _stop: stop,
        _rest: rest,
    })
}

fn options_of(disk: &SimDisk) -> Options {
    options(disk).unwrap()
}

/// A coffer with 140 entries in history, three sealed segments and one open, and 20 behind it.
fn used() -> (Machine, Life) {
    used_with(14, 2)
}

/// A coffer with so many batches of ten in history, and so many behind it.
pub(crate) fn used_with(archived: u64, behind: u64) -> (Machine, Life) {
    let machine = Machine::over(SimDisk::new());
    let mut life = begin(&machine.data, 1).unwrap();
    life.append(archived);
    life.archive_all();
    life.append(behind);
    (machine, life)
}

/// Whether these are the first `last` entries: compared by number first, since there are many.
#[track_caller]
pub(crate) fn assert_holds(found: &[Entry], last: u64, case: &str) {
    assert_eq!(found.len() as u64, last, "{case}");
    assert!(
        found == entries(Seq::NONE, last, 0),
        "{case}: other entries"
    );
}

#[track_caller]
fn assert_told<T>(result: Result<T, BackupError>, words: &[&str]) {
    let Err(error) = result else {
        panic!("it was not refused");
    };
    let error = error.to_string();
    for word in words {
        assert!(error.contains(word), "{word:?} in {error:?}");
    }
}

#[test]
fn what_is_backed_up_is_restored_and_goes_on() {
    let (machine, life) = used();
    let before = machine.image("data/");
    let done = machine.back_up(&life, None).unwrap();
    assert_eq!(done.head, life.journal.head());
    assert_eq!(done.copied_files, 4, "three segments and the rest");
    assert_eq!(machine.restore(None).unwrap(), Seq(160));
    assert!(
        machine.image("data/") == before,
        "nothing was written there"
    );
    let mut life = begin(&machine.restored, 9).unwrap();
    assert_eq!(life.journal.head(), done.head);
    assert_holds(&read_all(&*life.journal).unwrap(), 160, "restored");
    life.append(30);
    life.archive_all();
    assert_holds(&read_all(&*life.journal).unwrap(), 460, "restored");
    // Its own backups go on where the old ones end.
    machine.back_up(&life, None).unwrap();
}

#[test]
fn an_empty_coffer_is_backed_up_and_restored() {
    let machine = Machine::over(SimDisk::new());
    let life = begin(&machine.data, 1).unwrap();
    let done = machine.back_up(&life, None).unwrap();
    assert_eq!((done.head.seq, done.copied_files), (Seq::NONE, 0));
    assert_eq!(machine.restore(None).unwrap(), Seq::NONE);
    assert_eq!(machine.read_restored().unwrap(), []);
}

#[test]
fn a_backup_copies_only_what_is_new() {
    let (machine, mut life) = used();
    let first = machine.back_up(&life, None).unwrap();
    let parts = |machine: &Machine| {
        let mut image = machine.image("backup/");
        image.retain(|name, _| name.ends_with(".redb"));
        image
    };
    let copied = parts(&machine);
    // Nothing happened: nothing is copied, and there is still one backup.
    let again = machine.back_up(&life, None).unwrap();
    assert_eq!((again.copied_files, again.copied_bytes), (0, 0));
    assert!(again.made_at > first.made_at);
    assert_eq!(points(&machine).len(), 1);
    life.append(9);
    life.archive_all();
    let later = machine.back_up(&life, None).unwrap();
    assert_eq!(later.copied_files, 4, "three segments and the rest");
    let all = parts(&machine);
    assert_eq!(all.len(), copied.len() + 3);
    assert!(copied.iter().all(|(name, bytes)| all[name] == *bytes));
    let bytes = |images: &Image| images.values().map(|bytes| bytes.len() as u64).sum::<u64>();
    let tails = later.copied_bytes - (bytes(&all) - bytes(&copied));
    assert!(tails < 5_000, "{tails} bytes of the rest");
    assert_eq!(machine.restore(None).unwrap(), Seq(250));
    assert_holds(&machine.read_restored().unwrap(), 250, "restored");
}

fn points(machine: &Machine) -> Vec<String> {
    let names = machine.image("backup/").into_keys();
    names
        .filter(|name| name.starts_with("backup/points/0"))
        .collect()
}

#[test]
fn so_many_backups_are_kept_as_are_to_be_and_each_can_be_restored() {
    let (machine, mut life) = used();
    for _ in 0..6 {
        life.append(3);
        life.archive_all();
        machine.back_up(&life, Some(3)).unwrap();
    }
    let kept: Vec<u64> = points(&machine)
        .iter()
        .map(|name| name["backup/points/".len()..][..20].parse().unwrap())
        .collect();
    assert_eq!(kept, [280, 310, 340]);
    let image = machine.image("backup/").into_keys();
    let tails = image.filter(|name| name.starts_with("backup/tails/0"));
    assert!(tails.count() <= 3);
    for seq in kept {
        let again = Machine::over(SimDisk::from_image(machine.disk.image()));
        let until = Some(Until::Seq(Seq(seq)));
        assert_eq!(again.restore(until).unwrap(), Seq(seq));
        assert_holds(&again.read_restored().unwrap(), seq, "restored");
    }
}

#[test]
fn a_restore_ends_at_any_entry_and_at_any_time() {
    let (machine, life) = used();
    machine.back_up(&life, None).unwrap();
    drop(life);
    let all = entries(Seq::NONE, 160, 0);
    for last in 1..=160 {
        let until = if last % 2 == 0 {
            Until::Seq(Seq(last))
        } else {
            Until::Time(all[usize::try_from(last).unwrap() - 1].at)
        };
        let again = Machine::over(SimDisk::from_image(machine.disk.image()));
        assert_eq!(again.restore(Some(until)).unwrap(), Seq(last), "{until}");
        assert_eq!(
            again.read_restored().unwrap(),
            all[..usize::try_from(last).unwrap()]
        );
    }
    let time = |micros| Some(Until::Time(Timestamp::from_micros(micros)));
    assert_told(
        machine.restore(Some(Until::Seq(Seq(161)))),
        &["160", "entry 161"],
    );
    assert_told(
        machine.restore(time(now().micros() + 1)),
        &["160", "2027-01-01T00:00:00.000001Z"],
    );
    assert_told(
        machine.restore(time(all[0].at.micros() - 1)),
        &["nothing had happened"],
    );
    assert!(machine.image("restored/").is_empty(), "nothing was written");
    assert_eq!(machine.restore(time(now().micros())).unwrap(), Seq(160));
}

#[test]
fn a_restored_coffer_that_went_another_way_is_not_backed_up_over_the_first() {
    let (machine, life) = used();
    machine.back_up(&life, None).unwrap();
    machine.restore(Some(Until::Seq(Seq(155)))).unwrap();
    let other = begin(&machine.restored, 1).unwrap();
    assert_told(
        machine.back_up(&other, None),
        &["up to 160", "ends at 155", "another"],
    );
    other.append(2);
    assert_told(
        machine.back_up(&other, None),
        &["another history up to entry 160"],
    );
    // What is there is as it was.
    life.append(1);
    machine.back_up(&life, None).unwrap();
}

#[test]
fn what_is_no_directory_of_these_backups_is_not_written_to() {
    let (machine, life) = used();
    let before = machine.image("data/");
    let into = |disk: &Arc<dyn Disk>| {
        back_up(
            &life.journal,
            Arc::clone(disk),
            None,
            now(),
            &Progress::new(),
        )
    };
    assert_told(into(&machine.data), &["no backup directory", "history/"]);
    assert!(machine.image("data/") == before);
    machine.back_up(&life, None).unwrap();
    drop(life);
    let others = Machine::over(SimDisk::new());
    let life = begin(&others.data, 2).unwrap();
    let to = Arc::clone(&machine.backup);
    let refused = back_up(&life.journal, to, None, now(), &Progress::new());
    assert_told(refused, &["another coffer"]);
    assert_told(others.restore(None), &["no complete backup"]);
}

#[test]
fn nothing_is_restored_over_anything() {
    let (machine, life) = used();
    machine.back_up(&life, None).unwrap();
    machine.restored.write_new("mine", b"x").unwrap();
    assert_told(machine.restore(None), &["not empty", "mine"]);
    machine.restored.remove("mine").unwrap();
    machine.restored.directory("mine").unwrap();
    assert_told(machine.restore(None), &["not empty", "mine/"]);
    assert_eq!(machine.image("restored/").len(), 1);
}

#[test]
fn a_damaged_backup_is_refused_by_the_name_of_the_file() {
    let (machine, life) = used();
    machine.back_up(&life, None).unwrap();
    let mut files: Vec<String> = machine.image("backup/").into_keys().collect();
    files.retain(|name| !name.ends_with('/') && name != "backup/lock");
    assert_eq!(files.len(), 6, "{files:?}");
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for file in files {
        let whole = machine.disk.image()[&file].len();
        let name = file.strip_prefix("backup/").unwrap();
        for damage in 0..40 {
            let mut image = machine.disk.image();
            let bytes = image.get_mut(&file).unwrap();
            match damage {
                0 => bytes.clear(),
                1 => bytes.truncate(whole - 2),
                2 => bytes.push(b'x'),
                _ => bytes[random.random_range(0..whole - 1)] ^= 1 << random.random_range(0..8),
            }
            let again = Machine::over(SimDisk::from_image(image));
            assert_told(again.restore(None), &[name]);
            assert!(again.image("restored/").is_empty() || again.read_restored().is_err());
        }
        if file.starts_with("backup/points/") || name == "backup.json" {
            continue;
        }
        let mut image = machine.disk.image();
        image.remove(&file).unwrap();
        let again = Machine::over(SimDisk::from_image(image));
        assert_told(again.restore(None), &[name, "missing"]);
        // The next backup mends it.
        let again = Machine::over(SimDisk::from_image(again.disk.image()));
        let life = begin(&again.data, 1).unwrap();
        assert_eq!(
            again.back_up(&life, None).unwrap().copied_files,
            1,
            "{file}"
        );
    }
}

#[test]
fn a_backup_leaves_the_room_that_others_need() {
    let (machine, mut life) = used();
    machine.back_up(&life, None).unwrap();
    life.append(8);
    life.archive_all();
    let before = machine.image("backup/");
    let large = 1 << 40;
    machine.disk.set_capacity(large);
    let taken = large - machine.disk.free().unwrap();
    machine.disk.set_capacity(taken + (3 << 20));
    let within = |leave: u64| {
        let to = Arc::clone(&machine.backup);
        back_up(&life.journal, to, None, now(), &Progress::gentle(leave))
    };
    assert_told(within(2 << 20), &["are free", "2097152 must stay free"]);
    let mut after = machine.image("backup/");
    // What was whole stays for the next backup, the rest is given back.
    after.retain(|name, _| !name.starts_with("backup/history/"));
    assert!(
        after.keys().all(|name| before.contains_key(name)),
        "{:?}",
        after.keys()
    );
    assert!(
        !machine
            .image("backup/")
            .keys()
            .any(|name| name.ends_with(".new"))
    );
    machine.disk.set_capacity(u64::MAX);
    assert_eq!(within(2 << 20).unwrap().head.seq, Seq(240));
}

#[test]
fn twenty_backups_under_load_each_hold_all_that_was_there_before() {
    let machine = Machine::over(SimDisk::new());
    let mut life = begin_with(&machine.data, 1, 20_000).unwrap();
    life.append(5);
    let done = AtomicBool::new(false);
    let journal = Arc::clone(&life.journal);
    let mut points = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for _ in 0..5 {
                    append(&*life.journal, 10).unwrap();
                }
                life.archiver.step().unwrap();
            }
        });
        for _ in 0..20 {
            let before = journal.head().seq;
            let to = Arc::clone(&machine.backup);
            let made = back_up(&journal, to, None, now(), &Progress::new());
            let made = made.unwrap();
            assert!(made.head.seq >= before);
            points.push(made.head);
            // The load goes on before the next one.
            while journal.head().seq <= made.head.seq {
                std::thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let image = machine.image("backup/");
    for head in points {
        let mut image = image.clone();
        image.insert("backup/".into(), Vec::new());
        let again = Machine::over(SimDisk::from_image(image));
        assert_eq!(again.restore(Some(Until::Seq(head.seq))).unwrap(), head.seq);
        let life = begin(&again.restored, 1).unwrap();
        assert_eq!(life.journal.head(), head);
        assert_holds(&read_all(&*life.journal).unwrap(), head.seq.0, "restored");
    }
}
