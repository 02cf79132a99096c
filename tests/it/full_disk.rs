//! The real program on a real disk that fills up (reliability.md, T5): a file system in memory,
//! where this machine lets us mount one. Bets are turned away first, then everything; where a
//! write did fail the program ends and starts again on the full disk; nothing answered is lost,
//! and with room everything is taken again by itself.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Answer, Process, http, run};
use crate::support::{Client, Plays, told};
use crate::world::number;

const MIB: u64 = 1 << 20;
const DISK: u64 = 24 * MIB;
const RESERVE: u64 = MIB;
/// What the player has at first.
const PURSE: u64 = 10_000_000;

/// A small file system of its own at `{directory}/coffer-data`.
struct Mounted(PathBuf);

impl Mounted {
    /// `None` where the machine does not let us.
    fn at(directory: &Path) -> Option<Mounted> {
        let data = directory.join("coffer-data");
        fs::create_dir(&data).unwrap();
        let size = format!("size={DISK}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&data)
            .output();
        match mount {
            Ok(ran) if ran.status.success() => Some(Mounted(data)),
            Ok(ran) => {
                println!("skipped: {}", String::from_utf8_lossy(&ran.stderr).trim());
                None
            }
            Err(error) => {
                println!("skipped: mount: {error}");
                None
            }
        }
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Fills the disk until only `left` bytes are free.
    fn fill(&self, left: u64) {
        let told = Command::new("stat")
            .args(["-f", "-c", "%a %S"])
            .arg(&self.0)
            .output()
            .unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        let (blocks, size) = told.trim().split_once(' ').unwrap();
        let free = blocks.parse::<u64>().unwrap() * size.parse::<u64>().unwrap();
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.ballast())
            .unwrap();
        let bytes = vec![1; usize::try_from(free - left).unwrap()];
        file.write_all(&bytes).unwrap();
    }

    fn empty(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn reserve(&self) -> u64 {
        fs::metadata(self.0.join("reserve")).unwrap().len()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

fn serve(directory: &Path, marks: [&str; 2]) -> Process {
    let environment = [
        ("COFFER_STORAGE_FREE_LOW", marks[0]),
        ("COFFER_STORAGE_FREE_STOP", marks[1]),
        ("COFFER_STORAGE_RESERVE_SIZE", "1MiB"),
    ];
    Process::start(directory, &["serve"], &environment)
}

/// The one player's game server: bets of one cent each, noted when answered.
#[derive(Default)]
struct Caller {
    /// Bets 1 to this one were answered with success.
    bets: u64,
    /// Cents won.
    won: u64,
}

impl Caller {
    fn ask(&self, process: &Process, body: &str) -> Answer {
        http(process.public(), "POST", "/wallet/w1", &[], body)
    }

    fn turned_away(&self, process: &Process, body: &str) {
        let answer = self.ask(process, body);
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.body.contains("\"err_code\":50"), "{}", answer.body);
    }

    fn taken(&self, process: &Process, body: &str) {
        let answer = self.ask(process, body);
        assert_eq!(
            (answer.status, told(&answer.body)),
            (200, (1, Some(self.credit())))
        );
    }

    fn credit(&self) -> u64 {
        PURSE - self.bets + self.won
    }

    fn bet(&mut self, process: &Process) {
        self.bets += 1;
        self.taken(process, &plays().bet(self.bets, 1));
    }

    fn win(&mut self, process: &Process) {
        self.won += 5;
        self.taken(process, &plays().win((1 << 40) + self.won, 5));
    }

    /// Bets until the program is gone.
    fn bet_on(&mut self, process: &Process) {
        let address = process.public().strip_prefix("http://").unwrap();
        let mut client = Client::connect(address.parse().unwrap());
        loop {
            let bet = plays().bet(self.bets + 1, 1);
            if !client.try_send(&crate::support::wallet_request("w1", &bet)) {
                return;
            }
            let Some(answer) = client.answer() else {
                return;
            };
            self.bets += 1;
            assert_eq!(told(&answer.body), (1, Some(self.credit())));
        }
    }

    /// Everything that was answered is there once.
    fn check(&self, process: &Process) {
        let address = process.public().strip_prefix("http://").unwrap();
        let mut client = Client::connect(address.parse().unwrap());
        for bet in 1..=self.bets {
            let answer = client.post("w1", &plays().bet(bet, 1));
            assert_eq!(told(&answer.body), (1, Some(self.credit())), "bet {bet}");
        }
    }
}

fn plays() -> Plays<'static> {
    Plays("full_disk")
}

fn set_up(process: &Process) {
    let partner = "partner create --name full --wallet-token w1";
    let whose = "--partner p1 --player-id usr-1 --currency USD";
    let player = format!("player create --balance {}.00 {whose}", PURSE / 100);
    let session = format!("session open --code full_disk {whose}");
    for command in [partner, &player, &session] {
        let arguments: Vec<&str> = command.split(' ').collect();
        process.ask(&arguments).json();
    }
}

/// Waits until `/readyz` says this.
fn wait_for(process: &Process, readiness: &str) {
    for _ in 0..3_000 {
        let answer = http(process.public(), "GET", "/readyz", &[], "");
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer.status == 200, told["ready"] == true);
        if answer.body == readiness {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it never says {readiness}");
}

const READY: &str = r#"{"ready":true}"#;
const LOW: &str = r#"{"ready":true,"space":"low"}"#;
const FULL: &str = r#"{"ready":false,"reason":"the disk is full"}"#;

/// The disk fills slowly: the program turns away what it must, and goes on by itself.
fn fill_slowly(process: &Process, disk: &Mounted, caller: &mut Caller) {
    wait_for(process, READY);
    caller.bet(process);
    disk.fill(9 * MIB);
    wait_for(process, LOW);
    caller.turned_away(process, &plays().bet(caller.bets + 1, 1));
    caller.win(process);
    disk.fill(3 * MIB);
    wait_for(process, FULL);
    caller.turned_away(process, &plays().bet(caller.bets + 1, 1));
    caller.turned_away(process, &plays().win(1 << 50, 1));
    caller.turned_away(process, &plays().cancel(caller.bets));
    caller.taken(process, &plays().bet(caller.bets, 1));
    disk.empty();
    wait_for(process, READY);
    caller.bet(process);
}

#[test]
fn a_full_disk_loses_nothing_and_serves_again_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Mounted::at(folder.path()) else {
        return;
    };
    let mut caller = Caller::default();
    for round in 0..number("SIM_FULL", 3) {
        let process = serve(folder.path(), ["12MiB", "6MiB"]);
        assert_eq!(disk.reserve(), RESERVE);
        if round == 0 {
            set_up(&process);
        }
        fill_slowly(&process, &disk, &mut caller);
        assert!(process.end("TERM").success());

        // It fills within a moment: a write fails, and the program ends.
        let process = serve(folder.path(), ["0B", "0B"]);
        disk.fill(0);
        caller.bet_on(&process);
        assert_eq!(process.ended().code(), Some(1));

        // Still full: it starts, tells, and takes nothing.
        let process = serve(folder.path(), ["12MiB", "6MiB"]);
        wait_for(&process, FULL);
        let credit = caller.ask(&process, &plays().credit());
        let before = [caller.credit(), caller.credit() - 1];
        assert!(before.contains(&told(&credit.body).1.unwrap()));
        caller.turned_away(&process, &plays().win(1 << 50, 1));
        // The bet that was under way is settled by sending it again, when there is room.
        disk.empty();
        wait_for(&process, READY);
        caller.bet(&process);
        caller.check(&process);
        assert_eq!(disk.reserve(), RESERVE);
        assert!(process.end("TERM").success());
        let verified = run(folder.path(), &["verify", "--json"], &[]);
        assert_eq!(verified.code, 0, "{} {}", verified.out, verified.err);
    }
    println!("{} bets", caller.bets);
}
