//! The real program, killed with signal 9 under load again and again on one directory
//! (reliability.md, T3), and once by its own journal that may grow no more (T4, T5).
//!
//! Sixteen game servers note every request before they send it and every answer when they have
//! it. After each start everything that was answered is there and is done once; of what was under
//! way, each is there wholly or not at all, and sending it again settles it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use coffer::engine::command::{AccountName, CancelOf, Command, NewSession, Transaction};
use coffer::id::{Code, GameNumber, Lang, PartnerNumber, RoundId, TransactionId};
use coffer::money::Amount;
use coffer::sim::{Expected, Model, Operation, Workload};
use coffer::time::Span;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::process::{Process, run};
use crate::wire::{Answer, GameServer};
use crate::world::{Replay, number, start};

const CLIENTS: usize = 16;
/// What every player has at first.
const PURSE: u64 = 10_000_000;

/// One game server with a player of its own, and all that it ever noted.
struct Client {
    place: usize,
    random: ChaCha8Rng,
    model: Model,
    next_id: u64,
    /// Sent, and no answer yet.
    under_way: Option<Command>,
    /// Answered with success, in order.
    answered: Vec<Command>,
    /// How many of them were answered before the last kill.
    checked: usize,
    /// Of the bets and wins that a kill left unanswered, how many were there, and how many not.
    found: [u64; 2],
}

fn account(place: usize) -> AccountName {
    AccountName {
        partner: PartnerNumber(1),
        player_id: format!("player{place}").parse().unwrap(),
        currency: "USD".parse().unwrap(),
    }
}

fn code(place: usize) -> Code {
    format!("kill_{place}").parse().unwrap()
}

impl Client {
    fn new(place: usize, seed: u64) -> Client {
        let mut model = Model::new(coffer::engine::command::Rules::default());
        let partner = Workload::partners().remove(0);
        let player = Operation::CreatePlayer {
            account: account(place),
            balance: Amount::from_cents(PURSE).unwrap(),
        };
        let session = Operation::OpenSession(NewSession {
            account: account(place),
            code: code(place),
            game: None,
            lang: Lang::EN,
            ttl: Span::from_seconds(86_400),
        });
        for operation in [partner, player, session] {
            model.judge(&operation, start());
        }
        Client {
            place,
            random: ChaCha8Rng::seed_from_u64(seed ^ (place as u64) << 32),
            model,
            next_id: 0,
            under_way: None,
            answered: Vec::new(),
            checked: 0,
            found: [0, 0],
        }
    }

    /// What the model says to a request.
    fn expect(model: &mut Model, place: usize, command: Command) -> Answer {
        let operation = Operation::Play {
            partner: PartnerNumber(1),
            code: code(place),
            command,
        };
        match model.judge(&operation, start()) {
            Expected::Answer { result, credit } => (result, credit),
            other => panic!("a game server is told {other:?}"),
        }
    }

    fn fresh(&mut self) -> Command {
        self.next_id += 1;
        let id = TransactionId((self.place as u64) << 40 | self.next_id);
        let content = |round, cents| Transaction {
            id,
            round: Some(RoundId(round)),
            game: GameNumber(1),
            amount: Amount::from_cents(cents).unwrap(),
        };
        let old = self.answered.len();
        let newest = old.saturating_sub(20);
        let earlier = (old > 0).then(|| self.answered[self.random.random_range(newest..old)]);
        match (self.random.random_range(0..20), earlier) {
            (0..10, _) => Command::Bet(content(id.0, self.random.random_range(0..500))),
            (10..14, Some(Command::Bet(bet))) => {
                let round = bet.round.map_or(id.0, |round| round.0);
                Command::Win(content(round, self.random.random_range(0..600)))
            }
            (14..17, Some(Command::Bet(bet))) => Command::Cancel(CancelOf {
                id: bet.id,
                round: None,
            }),
            (17, _) => Command::Cancel(CancelOf { id, round: None }),
            (18, Some(earlier)) => earlier,
            _ => Command::Credit,
        }
    }

    /// Notes a request, sends it, and checks and notes the answer. `None` where there was none.
    fn ask(&mut self, connection: &mut GameServer, command: Command) -> Option<()> {
        self.under_way = Some(command);
        let answer = connection
            .ask("w1", code(self.place).as_str(), &command)
            .ok()?;
        let expected = Client::expect(&mut self.model, self.place, command);
        assert_eq!(answer, expected, "client {}: {command:?}", self.place);
        self.under_way = None;
        if answer.0 == 1 && command != Command::Credit {
            self.answered.push(command);
        }
        Some(())
    }

    /// After a start: settles what was under way, then sends again what was answered, `older`
    /// of it chosen by chance. `None` where the server was killed meanwhile.
    fn settle(&mut self, connection: &mut GameServer, older: usize) -> Option<()> {
        if let Some(command) = self.under_way {
            let code = code(self.place);
            let (_, credit) = connection.ask("w1", code.as_str(), &Command::Credit).ok()?;
            let without = Client::expect(&mut self.model, self.place, Command::Credit).1;
            let with = Client::expect(&mut self.model.clone(), self.place, command).1;
            assert!(
                [without, with].contains(&credit),
                "client {}: {command:?}",
                self.place
            );
            if with != without {
                self.found[usize::from(credit == without)] += 1;
            }
            self.ask(connection, command)?;
        }
        let taken = self.model.taken();
        let count = self.answered.len();
        let newest = (self.checked..count).rev().take(40);
        let mut places: Vec<_> = newest.collect();
        if older >= count {
            places = (0..count).collect();
        } else {
            places.extend((0..older).map(|_| self.random.random_range(0..count)));
        }
        for place in places {
            self.ask(connection, self.answered[place])?;
            self.answered.truncate(count);
        }
        assert_eq!(
            self.model.taken(),
            taken,
            "client {}: nothing is new",
            self.place
        );
        self.checked = count;
        self.ask(connection, Command::Credit)
    }

    /// Plays until the server is gone.
    fn play(&mut self, connection: &mut GameServer) {
        loop {
            let command = self.fresh();
            if self.ask(connection, command).is_none() {
                return;
            }
        }
    }
}

fn address(process: &Process) -> SocketAddr {
    let url = process.public();
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

/// So small that entries go to history, segments are sealed and new ones begun all the time.
const TINY: [(&str, &str); 2] = [
    ("COFFER_STORAGE_SEGMENT_SIZE", "16KiB"),
    ("COFFER_STORAGE_CHECKPOINT_ENTRIES", "20"),
];

fn serve(directory: &Path) -> Process {
    Process::start(directory, &["serve"], &TINY)
}

/// Segments of history in a data directory, whole ones.
fn segments(directory: &Path) -> usize {
    let history = directory.join("coffer-data").join("history");
    let names = fs::read_dir(history).unwrap();
    let names = names.map(|item| item.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".redb")).count()
}

/// A partner and its players, made by the command line.
fn set_up(directory: &Path) {
    let process = serve(directory);
    let partner = [
        "partner",
        "create",
        "--name",
        "kill",
        "--wallet-token",
        "w1",
    ];
    process.ask(&partner).json();
    for place in 0..CLIENTS {
        let player = format!("player{place}");
        let code = code(place);
        let whose = [
            "--partner",
            "p1",
            "--player-id",
            &player,
            "--currency",
            "USD",
        ];
        let balance = format!("{}.00", PURSE / 100);
        let create = ["player", "create", "--balance", &balance];
        process.ask(&[&create[..], &whose].concat()).json();
        let open = ["session", "open", "--ttl", "24h", "--code", code.as_str()];
        process.ask(&[&open[..], &whose].concat()).json();
    }
    assert!(process.end("TERM").success());
}

/// Lets all clients settle and play against a server until `end` has ended it.
fn load(clients: &mut [Client], address: SocketAddr, all_ready: bool, end: impl FnOnce()) {
    let ready = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let mut playing = Vec::new();
        for client in clients {
            let ready = &ready;
            playing.push(scope.spawn(move || {
                // It may be killed before it answers anybody.
                let Ok(mut connection) = GameServer::connect(address) else {
                    return;
                };
                let settled = client.settle(&mut connection, 10);
                ready.fetch_add(1, Ordering::SeqCst);
                if settled.is_some() {
                    client.play(&mut connection);
                }
            }));
        }
        let failed = || {
            playing
                .iter()
                .any(std::thread::ScopedJoinHandle::is_finished)
        };
        while all_ready && ready.load(Ordering::SeqCst) < CLIENTS && !failed() {
            std::thread::sleep(Duration::from_millis(1));
        }
        end();
    });
}

/// Everything ever answered is there once: all of it again, against a server left in peace.
fn check_all(directory: &Path, clients: &mut [Client]) {
    let process = serve(directory);
    std::thread::scope(|scope| {
        for client in clients.iter_mut() {
            let address = address(&process);
            scope.spawn(move || {
                let mut connection = GameServer::connect(address).unwrap();
                client
                    .settle(&mut connection, usize::MAX)
                    .expect("nobody kills it");
            });
        }
    });
    let balance = process.ask(&["report", "trial-balance"]).json();
    assert_eq!(balance["currencies"][0]["sum"], "0.00", "{balance}");
    assert!(process.end("TERM").success());
    verify(directory);
}

fn verify(directory: &Path) {
    let verified = run(directory, &["verify", "--json"], &[]);
    assert_eq!(verified.code, 0, "{} {}", verified.out, verified.err);
}

#[test]
fn a_killed_server_has_lost_nothing_and_doubled_nothing() {
    let kills = number("SIM_KILLS", 200);
    let seed = number("SIM_SEED", 1);
    let _replay = Replay(seed);
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut clients: Vec<_> = (0..CLIENTS).map(|place| Client::new(place, seed)).collect();
    for kill in 0..kills {
        if kill % 5 == 4 {
            // Killed while it starts.
            let mut child = spawn(folder.path(), "", &TINY);
            std::thread::sleep(Duration::from_micros(random.random_range(0..30_000)));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let process = serve(folder.path());
        let peace = Duration::from_micros(random.random_range(5_000..50_000));
        let all_ready = kill % 8 != 7;
        load(&mut clients, address(&process), all_ready, || {
            std::thread::sleep(peace);
            process.end("KILL");
        });
        if kill % 10 == 9 {
            verify(folder.path());
        }
    }
    let answered: usize = clients.iter().map(|client| client.answered.len()).sum();
    check_all(folder.path(), &mut clients);
    let found = |which: usize| {
        clients
            .iter()
            .map(|client| client.found[which])
            .sum::<u64>()
    };
    let (there, gone) = (found(0), found(1));
    let segments = segments(folder.path());
    println!(
        "{kills} kills, {answered} answered with success; under way: {there} there, {gone} not; \
         {segments} segments"
    );
    assert!(segments as u64 > kills / 10, "{segments} segments");
    assert!(
        answered as u64 > kills * 20,
        "{answered} operations answered"
    );
}

/// `coffer serve` under a shell that has run `before`, its output in files.
fn spawn(directory: &Path, before: &str, environment: &[(&str, &str)]) -> Child {
    let coffer = env!("CARGO_BIN_EXE_coffer");
    let serve = "serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0";
    let output = |name: &str| fs::File::create(directory.join(name)).unwrap();
    Program::new("sh")
        .args(["-c", &format!("{before}\nexec {coffer} {serve}")])
        .current_dir(directory)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(output("stdout"))
        .stderr(output("stderr"))
        .spawn()
        .unwrap()
}

/// The public address that a spawned server wrote into its file.
fn announced(output: &PathBuf) -> SocketAddr {
    loop {
        let text = fs::read_to_string(output).unwrap();
        if let Some((line, _)) = text.split_once('\n') {
            let ready: serde_json::Value = serde_json::from_str(line).unwrap();
            let url = ready["public"].as_str().unwrap();
            return url.strip_prefix("http://").unwrap().parse().unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The journal may grow no more (`ulimit -f`, whose signal is ignored so that the write itself
/// fails): nobody gets a verdict, the program ends by itself and not with 0, and the next start
/// finds everything.
#[test]
fn a_journal_that_cannot_grow_ends_the_program_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path());
    let mut clients: Vec<_> = (0..CLIENTS).map(|place| Client::new(place, 5)).collect();
    let journal = folder.path().join("coffer-data").join("journal.redb");
    let blocks = fs::metadata(&journal).unwrap().len() / 512;
    let limit = format!("trap '' XFSZ; ulimit -f {blocks}");
    // With history as usual, which stays out of it: the journal meets the limit first.
    let mut child = spawn(folder.path(), &limit, &[]);
    let address = announced(&folder.path().join("stdout"));
    let mut status = None;
    load(&mut clients, address, true, || {
        status = Some(child.wait().unwrap())
    });
    let told = fs::read_to_string(folder.path().join("stderr")).unwrap();
    assert_eq!(status.unwrap().code(), Some(1), "{told}");
    assert!(
        clients.iter().all(|client| client.under_way.is_some()),
        "all saw it end"
    );
    check_all(folder.path(), &mut clients);
}
