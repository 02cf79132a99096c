//! A disk that rots: bits flip, pages are lost, change places, or come back as they were. Whatever
//! is served from such a directory is right, or nothing is.
//!
//! Each damage is one place of one file of a closed directory. A process of its own starts on it
//! and tells everything that it can, through the public interface: a panic ends it, as it ends the
//! server. `verify` looks at the same damage before.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command as Program, Stdio};
use std::sync::Arc;
use std::time::Duration;

use coffer::disk::RealDisk;
use coffer::engine::command::{AccountName, CancelOf, Command, Transaction};
use coffer::id::{RoundId, Seq};
use coffer::journal::{Archiver, CommitMode, Journal, Pace};
use coffer::ledger::{Checkpointer, Ledger, OperatorError};
use coffer::money::Amount;
use coffer::sim::model::Model;
use coffer::sim::{Expected, ManualClock, Operation, Workload};
use coffer::time::Clock;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::on_disk::{open_disk, recover, write_admin_key};
use crate::process::{ended_within, run};
use crate::world::{Replay, clock, differences, number, perform, rules, shape};

/// Operations of the world, and after how many the books are written: the rest is the tail.
const OPERATIONS: usize = 4000;
const CHECKPOINTS: [usize; 4] = [500, 1500, 2500, 3700];

/// When the older copies of the files are taken.
const OLDER: usize = 2600;

/// Operations between two batches, and between two moves to history.
const COMMITTED: usize = 32;
const ARCHIVED: usize = 300;

const SEGMENT_SIZE: u64 = 32 * 1024;
const PAGE: usize = 4096;

/// Names the directory to the process that tells what is in it, and the file to tell it to.
const DIRECTORY: &str = "COFFER_TEST_DIRECTORY";
const TOLD: &str = "told";

/// A database over rotten pages may go round in circles. Nothing is measured by this.
const PATIENCE: Duration = Duration::from_secs(20);

/// The first question.
const START: &str = "start";

/// A line that tells of an error: nothing was said that could be wrong.
const SILENT: &str = "nothing: ";

fn operations() -> Vec<Operation> {
    let plays = Workload::new(1, shape(0, 40));
    let partners = Workload::partners().into_iter();
    partners.chain(plays.take(OPERATIONS)).collect()
}

/// What the world comes to, and the requests that were taken.
fn judged() -> (Model, Vec<Operation>) {
    let mut model = Model::new(rules());
    let now = clock().now();
    let mut taken = Vec::new();
    for operation in operations() {
        let told = model.judge(&operation, now);
        let is_transaction = matches!(
            operation,
            Operation::Play {
                command: Command::Bet(_) | Command::Win(_) | Command::Cancel(_),
                ..
            }
        );
        if is_transaction && matches!(told, Expected::Answer { result: 1, .. }) {
            taken.push(operation);
        }
    }
    (model, taken)
}

/// The directory of a world that was played to its end, and an older copy of it.
struct Played {
    folder: tempfile::TempDir,
}

impl Played {
    fn new() -> Played {
        let played = Played {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(played.data()).unwrap();
        write_admin_key(&played.data());
        let operations = operations();
        let (early, late) = operations.split_at(OLDER);
        play(&played.data(), early, 0);
        copy(&played.data(), &played.older());
        play(&played.data(), late, OLDER);
        played
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("coffer-data")
    }

    fn older(&self) -> PathBuf {
        self.folder.path().join("older")
    }
}

/// Plays on in a directory, and closes it.
fn play(path: &Path, operations: &[Operation], done: usize) {
    let clock = clock();
    let disk = Arc::new(RealDisk::open(path).unwrap());
    let (redb, books) = open_disk(disk, CommitMode::OnePhase, SEGMENT_SIZE).unwrap();
    let journal: Arc<dyn Journal> = Arc::clone(&redb) as Arc<dyn Journal>;
    let (ledger, mut committer) = recover(&journal, books, &clock, rules(), u64::MAX).unwrap();
    let (mut archiver, _archiver_stop) = Archiver::new(redb, &committer, Pace::default());
    let (mut checkpointer, _stop) = Checkpointer::new(Arc::clone(&ledger));
    for (place, operation) in (done..).zip(operations) {
        perform(&ledger, &clock, operation).unwrap();
        if place % COMMITTED == 0 {
            committer.step(COMMITTED).unwrap();
        }
        if place % ARCHIVED == 0 && place < OPERATIONS - ARCHIVED {
            archiver.step().unwrap();
        }
        if CHECKPOINTS.contains(&place) {
            while committer.step(COMMITTED).unwrap() > 0 {}
            checkpointer.checkpoint().unwrap();
        }
    }
    while committer.step(COMMITTED).unwrap() > 0 {}
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Which files a damage is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Journal,
    History,
    Books,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Flipped,
    Zeroed,
    Swapped,
    Stale,
}

/// What came of a damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// The start refused, or ended the process.
    Refused,
    /// All that was told was right, and some was not told: an error, or the process ended.
    Silent,
    /// All was told, and right.
    Harmless,
    /// Something that is not so was told.
    Wrong,
}

/// Pages of a file that have ever been written.
fn used_pages(bytes: &[u8]) -> Vec<usize> {
    let used = |(_, page): &(usize, &[u8])| page.iter().any(|&byte| byte != 0);
    let pages = bytes.chunks(PAGE).enumerate().filter(used);
    pages.map(|(place, _)| place).collect()
}

fn page(place: usize) -> std::ops::Range<usize> {
    place * PAGE..(place + 1) * PAGE
}

/// Damages one of the files in one place; says where. `None` where it would change nothing.
fn damage(bytes: &mut [u8], older: &[u8], kind: Kind, random: &mut ChaCha8Rng) -> Option<String> {
    let used = used_pages(bytes);
    let one = used[random.random_range(0..used.len())];
    match kind {
        Kind::Flipped => {
            let place = one * PAGE + random.random_range(0..PAGE);
            bytes[place] ^= 1 << random.random_range(0..8);
            Some(format!("byte {place}"))
        }
        Kind::Zeroed => {
            bytes[page(one)].fill(0);
            Some(format!("page {one}"))
        }
        Kind::Swapped => {
            let other = used[random.random_range(0..used.len())];
            let (first, second) = (one.min(other), one.max(other));
            let (before, behind) = bytes.split_at_mut(second * PAGE);
            (first != second).then(|| {
                before[page(first)].swap_with_slice(&mut behind[..PAGE]);
                format!("pages {first} and {second}")
            })
        }
        Kind::Stale => {
            let stale = older.get(page(one))?;
            (bytes[page(one)] != *stale).then(|| {
                bytes[page(one)].copy_from_slice(stale);
                format!("page {one}")
            })
        }
    }
}

/// The databases of a directory by what they are.
fn databases(data: &Path) -> BTreeMap<Of, Vec<PathBuf>> {
    let segments = fs::read_dir(data.join("history")).unwrap();
    let mut segments: Vec<PathBuf> = segments.map(|entry| entry.unwrap().path()).collect();
    segments.sort();
    BTreeMap::from([
        (Of::Journal, vec![data.join("journal.redb")]),
        (Of::History, segments),
        (Of::Books, vec![data.join("books.redb")]),
    ])
}

/// What a process of its own tells of a directory, line by line, and whether it came to its end.
fn told(folder: &Path) -> (Vec<String>, bool) {
    let me = std::env::current_exe().unwrap();
    let mut child = Program::new(me)
        .args(["--exact", "corruption::a_directory_is_told_as_it_is"])
        .args(["--test-threads", "1"])
        .env(DIRECTORY, folder)
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let ended = ended_within(&mut child, PATIENCE).is_some_and(|status| status.success());
    let told = fs::read(folder.join(TOLD)).unwrap_or_default();
    let told = String::from_utf8(told).unwrap();
    (told.lines().map(str::to_owned).collect(), ended)
}

/// Compares what was told with what is so. Each line is a question and its answer.
fn compare(truth: &[String], told: &[String], ended: bool) -> (Came, String) {
    let split = |line: &'_ String| {
        let (question, answer) = line.split_once('\t').unwrap();
        (question.to_owned(), answer.to_owned())
    };
    let due: BTreeMap<String, String> = truth.iter().map(split).collect();
    let mut silent = None;
    for (question, answer) in told.iter().map(split) {
        if answer.starts_with(SILENT) {
            silent.get_or_insert(format!("{question}: {answer}"));
        } else if due.get(&question) != Some(&answer) {
            let due = due.get(&question);
            return (Came::Wrong, format!("{question}: {answer}, not {due:?}"));
        }
    }
    match silent {
        Some(silent) if silent.starts_with(START) => (Came::Refused, silent),
        None if told.is_empty() => (Came::Refused, "it ended".into()),
        Some(silent) => (Came::Silent, silent),
        None if !ended || told.len() < truth.len() => (Came::Silent, "it ended".into()),
        None => (Came::Harmless, String::new()),
    }
}

/// A damaged file of a directory.
struct Damaged {
    of: Of,
    kind: Kind,
    /// Which file, within the directory.
    name: PathBuf,
    bytes: Vec<u8>,
    /// All that, in words.
    what: String,
}

/// Damages one file of a directory, as often books as journal and history together.
fn damaged(
    played: &Played,
    files: &BTreeMap<Of, Vec<PathBuf>>,
    random: &mut ChaCha8Rng,
) -> Damaged {
    let of = [Of::Journal, Of::History, Of::Books, Of::Books][random.random_range(0..4)];
    loop {
        let path = &files[&of][random.random_range(0..files[&of].len())];
        let kinds = [Kind::Flipped, Kind::Zeroed, Kind::Swapped, Kind::Stale];
        let kind = kinds[random.random_range(0..kinds.len())];
        let name = path.strip_prefix(played.data()).unwrap();
        let older = fs::read(played.older().join(name)).unwrap_or_default();
        let mut bytes = fs::read(path).unwrap();
        if let Some(place) = damage(&mut bytes, &older, kind, random) {
            let what = format!("{kind:?} {name:?}, {place}");
            let name = name.to_owned();
            return Damaged {
                of,
                kind,
                name,
                bytes,
                what,
            };
        }
    }
}

/// Says which damage a test failed over.
struct Damage<'a>(&'a str);

impl Drop for Damage<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the damage is {}", self.0);
        }
    }
}

/// A copy of the directory in a new folder.
fn copied(played: &Played) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&played.data(), &folder.path().join("coffer-data"));
    folder
}

/// How often what came of damages of a kind in a file, and how often `verify` found it.
type Table = BTreeMap<(Of, Kind, Came), (u64, u64)>;

#[test]
fn whatever_rots_no_wrong_answer_is_told() {
    let damages = number("SIM_FLIPS", 200);
    let seed = number("SIM_SEED", 1);
    let _replay = Replay(seed);
    let played = Played::new();
    let (truth, ended) = told(copied(&played).path());
    assert!(ended, "{:?}", truth.last());
    let silent = truth.iter().find(|line| line.contains(SILENT));
    assert_eq!(silent, None);
    let files = databases(&played.data());
    assert!(files[&Of::History].len() > 3, "{files:?}");
    let whole = run(copied(&played).path(), &["verify"], &[]);
    assert_eq!(whole.code, 0, "{} {}", whole.out, whole.err);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut table = Table::new();
    let (mut wrong, mut missed) = (Vec::new(), Vec::new());
    for _ in 0..damages {
        let damaged = damaged(&played, &files, &mut random);
        let folder = copied(&played);
        let path = folder.path().join("coffer-data").join(&damaged.name);
        fs::write(path, &damaged.bytes).unwrap();
        let _damage = Damage(&damaged.what);
        let verified = run(folder.path(), &["verify", "--json"], &[]);
        let what = &damaged.what;
        assert!([0, 4].contains(&verified.code), "{what}: {}", verified.err);
        let found = verified.code == 4;
        let (told, ended) = told(folder.path());
        let (came, why) = compare(&truth, &told, ended);
        let counted = table.entry((damaged.of, damaged.kind, came)).or_default();
        *counted = (counted.0 + 1, counted.1 + u64::from(found));
        let told = format!("{what}: {came:?} {why}");
        if came != Came::Harmless && !found {
            missed.push(told.clone());
        }
        if came == Came::Wrong {
            println!("{told}");
            wrong.push(damaged.of);
        }
    }
    println!("{damages} damages, seed {seed}; in brackets those that verify found");
    for ((of, kind, came), (count, found)) in &table {
        println!("{of:?}\t{kind:?}\t{came:?}\t{count}\t({found})");
    }
    assert_eq!(wrong, Vec::<Of>::new());
    assert_eq!(missed, Vec::<String>::new(), "not found by verify");
}

/// Tells all of the directory that the environment names: what the test above runs on each
/// damaged one, in a process of its own.
#[test]
fn a_directory_is_told_as_it_is() {
    let Some(folder) = std::env::var_os(DIRECTORY) else {
        let played = Played::new();
        let clock = clock();
        let (ledger, _journal) = start(&played.data(), &clock).unwrap();
        assert_eq!(
            differences(&ledger, &[&judged().0], &clock),
            Vec::<String>::new()
        );
        return;
    };
    // As in the server: nothing is told after a panic, whichever thread it was in.
    std::panic::set_hook(Box::new(|_| std::process::abort()));
    let folder = PathBuf::from(folder);
    let out = fs::File::create(folder.join(TOLD)).unwrap();
    let clock = clock();
    let mut teller = Teller { out };
    match start(&folder.join("coffer-data"), &clock) {
        Err(error) => teller.tell(START, Err::<(), _>(error)),
        Ok((ledger, journal)) => {
            teller.tell(START, Ok::<_, String>("done"));
            teller.tell_all(&ledger, &*journal, &clock);
        }
    }
}

type Opened = (Arc<Ledger>, Arc<dyn Journal>);

fn start(data: &Path, clock: &Arc<ManualClock>) -> Result<Opened, String> {
    let disk = Arc::new(RealDisk::open(data).unwrap());
    let opened = open_disk(disk, CommitMode::OnePhase, SEGMENT_SIZE);
    let (journal, books) = opened.map_err(|error| error.to_string())?;
    let journal: Arc<dyn Journal> = journal;
    let recovered = recover(&journal, books, clock, rules(), u64::MAX);
    let (ledger, committer) = recovered.map_err(|error| error.to_string())?;
    // What is taken by mistake becomes durable, and is told. It ends with the process.
    drop(std::thread::spawn(|| committer.run()));
    Ok((ledger, journal))
}

struct Teller {
    out: fs::File,
}

impl Teller {
    /// A line of its own, written at once: nobody knows what the next question does.
    fn tell(&mut self, what: &str, answer: Result<impl std::fmt::Debug, impl std::fmt::Display>) {
        let answer = match answer {
            Ok(answer) => format!("{answer:?}"),
            Err(error) => format!("{SILENT}{error}").replace('\n', " "),
        };
        writeln!(self.out, "{what}\t{answer}").unwrap();
    }

    fn tell_all(&mut self, ledger: &Arc<Ledger>, journal: &dyn Journal, clock: &ManualClock) {
        let (model, taken) = judged();
        self.tell_players("at first", ledger, &model);
        self.tell_reports("at first", ledger);
        self.tell_journal(journal);
        for operation in &taken {
            self.tell_play("again", ledger, clock, operation);
            self.tell_play("otherwise", ledger, clock, &otherwise(operation));
        }
        self.tell_players("at last", ledger, &model);
        self.tell_reports("at last", ledger);
    }

    fn tell_players(&mut self, when: &str, ledger: &Ledger, model: &Model) {
        for ((partner, player), _) in model.players() {
            let view = ledger.player(*partner, player);
            let view = view.map(|seen| seen.value);
            self.tell(&format!("{when}, player {partner} {player}"), answer(view));
        }
        for (code, _) in model.sessions() {
            let session = ledger.session(code).map(|seen| seen.value);
            self.tell(&format!("{when}, session {code}"), answer(session));
        }
        for ((partner, player, currency), _) in model.balances() {
            let name = AccountName {
                partner: *partner,
                player_id: player.clone(),
                currency: *currency,
            };
            let mut before = None;
            loop {
                let what = format!("{when}, history {partner} {player} {currency} {before:?}");
                let page = ledger.history(&name, before, 100).map(|seen| seen.value);
                before = page.as_ref().ok().and_then(|page| page.next);
                self.tell(&what, answer(page));
                if before.is_none() {
                    break;
                }
            }
        }
    }

    fn tell_reports(&mut self, when: &str, ledger: &Arc<Ledger>) {
        for all in [false, true] {
            let sums = ledger.trial_balance(all).map(|seen| seen.value);
            self.tell(&format!("{when}, trial balance {all}"), answer(sums));
        }
        let rounds = ledger.open_rounds(None, 1000).map(|seen| seen.value);
        self.tell(&format!("{when}, open rounds"), answer(rounds));
        let odd = ledger.anomalies(None, 1000).map(|seen| seen.value);
        self.tell(&format!("{when}, anomalies"), answer(odd));
    }

    /// Every batch, by its hash.
    fn tell_journal(&mut self, journal: &dyn Journal) {
        let batches = match journal.read_from(Seq(1)) {
            Ok(batches) => batches,
            Err(error) => return self.tell("batches", Err::<(), _>(error)),
        };
        for (place, batch) in batches.enumerate() {
            self.tell(
                &format!("batch {place}"),
                batch.map(|batch| (batch.previous, batch.head)),
            );
        }
    }

    fn tell_play(
        &mut self,
        how: &str,
        ledger: &Ledger,
        clock: &ManualClock,
        operation: &Operation,
    ) {
        let Operation::Play { code, command, .. } = operation else {
            unreachable!("only those are taken");
        };
        let played = perform(ledger, clock, operation).map(|(told, _)| told);
        self.tell(&format!("{how} {code} {command:?}"), played);
    }
}

/// A refusal is an answer; that nothing can be said is none.
fn answer<T: std::fmt::Debug>(told: Result<T, OperatorError>) -> Result<String, OperatorError> {
    match told {
        Ok(value) => Ok(format!("{value:?}")),
        Err(OperatorError::Refused(refusal, _)) => Ok(format!("{refusal:?}")),
        Err(error) => Err(error),
    }
}

/// The same request with another content.
fn otherwise(operation: &Operation) -> Operation {
    let more = |of: &Transaction| Transaction {
        amount: of.amount.plus(Amount::from_cents(1).unwrap()).unwrap(),
        ..*of
    };
    let mut other = operation.clone();
    if let Operation::Play { command, .. } = &mut other {
        *command = match command {
            Command::Bet(of) => Command::Bet(more(of)),
            Command::Win(of) => Command::Win(more(of)),
            Command::Cancel(of) => Command::Cancel(CancelOf {
                round: Some(RoundId(of.round.map_or(1, |round| round.0 ^ 1))),
                ..*of
            }),
            Command::Credit => Command::Credit,
        };
    }
    other
}
