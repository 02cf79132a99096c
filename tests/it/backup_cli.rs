//! `coffer backup` and `coffer restore` as they are shipped: beside game servers that play, by
//! themselves, without a server, and refused.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use coffer::engine::command::{Command, Transaction};
use coffer::id::{GameNumber, RoundId, TransactionId};
use coffer::money::Amount;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::operator::members;
use crate::process::{Process, Ran, http, run, serve_in_vain};
use crate::wire::GameServer;

const CLIENTS: usize = 8;

/// So small that entries go to history and segments are sealed all the time.
const TINY: [(&str, &str); 2] = [
    ("COFFER_STORAGE_SEGMENT_SIZE", "16KiB"),
    ("COFFER_STORAGE_CHECKPOINT_ENTRIES", "20"),
];

const PLAYER: [&str; 6] = ["--partner", "p1", "--player-id", "u1", "--currency", "USD"];

fn serve(directory: &Path) -> Process {
    Process::start(directory, &["serve"], &TINY)
}

/// A server with one player, who has 100000.00 and a session for each client.
fn set_up(directory: &Path) -> Process {
    let process = serve(directory);
    let partner = ["partner", "create", "--name", "b", "--wallet-token", "w1"];
    process.ask(&partner).json();
    let create = ["player", "create", "--balance", "100000.00"];
    process.ask(&[&create[..], &PLAYER].concat()).json();
    for place in 0..CLIENTS {
        let code = code(place);
        let open = ["session", "open", "--ttl", "24h", "--code", &code];
        process.ask(&[&open[..], &PLAYER].concat()).json();
    }
    process
}

fn code(place: usize) -> String {
    format!("backup_{place}")
}

fn address(process: &Process) -> SocketAddr {
    let url = process.public();
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

/// A bet of a cent whose id tells the client and how many came before.
fn bet(place: usize, count: usize) -> Command {
    let id = (place << 32 | (count + 1)) as u64;
    Command::Bet(Transaction {
        id: TransactionId(id),
        round: Some(RoundId(id)),
        game: GameNumber(1),
        amount: Amount::from_cents(1).unwrap(),
    })
}

/// Bets from all clients until `work` is done; `work` is told how many each has been answered.
fn under_load<T>(address: SocketAddr, work: impl FnOnce(&[AtomicUsize]) -> T) -> T {
    let answered: Vec<AtomicUsize> = (0..CLIENTS).map(|_| AtomicUsize::new(0)).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for (place, answered) in answered.iter().enumerate() {
            let done = &done;
            scope.spawn(move || {
                let mut connection = GameServer::connect(address).unwrap();
                for count in 0.. {
                    if done.load(Ordering::SeqCst) {
                        return;
                    }
                    let answer = connection.ask("w1", &code(place), &bet(place, count));
                    assert_eq!(answer.unwrap().0, 1);
                    answered.store(count + 1, Ordering::SeqCst);
                }
            });
        }
        // Whatever comes of it, the clients end.
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&answered)));
        done.store(true, Ordering::SeqCst);
        worked.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn credit(connection: &mut GameServer) -> u64 {
    let answer = connection.ask("w1", &code(0), &Command::Credit).unwrap();
    answer.1.unwrap()
}

fn in_folder(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

/// `coffer restore` with the key of the coffer in `{folder}/coffer-data`, to `{folder}/{to}/coffer-data`.
fn restore(folder: &Path, to: &str, more: &[&str]) -> Ran {
    fs::create_dir_all(folder.join(to)).unwrap();
    let data = in_folder(folder, &format!("{to}/coffer-data"));
    let (from, key) = (
        in_folder(folder, "b"),
        in_folder(folder, "coffer-data/secret.key"),
    );
    let ours = [
        "restore",
        "--json",
        "--from",
        &from,
        "--data",
        &data,
        "--secret-key",
        &key,
    ];
    run(folder, &[&ours, more].concat(), &[])
}

fn verify(directory: &Path) -> Value {
    run(directory, &["verify", "--json"], &[]).json()
}

/// Names and lengths below a directory.
fn files(directory: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    for item in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if item.path().is_dir() {
            found.extend(files(&item.path()));
        } else {
            found.insert(item.path(), item.metadata().unwrap().len());
        }
    }
    found
}

#[test]
fn a_backup_beside_players_holds_all_that_was_answered_before_it_began() {
    let folder = tempdir().unwrap();
    let process = set_up(folder.path());
    let to = in_folder(folder.path(), "b");
    let copies = under_load(address(&process), |answered| {
        let mut copies = Vec::new();
        for round in 1..=4 {
            let busy = || {
                answered
                    .iter()
                    .all(|count| count.load(Ordering::SeqCst) > 60 * round)
            };
            while !busy() {
                std::thread::yield_now();
            }
            let before: Vec<_> = answered
                .iter()
                .map(|count| count.load(Ordering::SeqCst))
                .collect();
            let made = process.ask(&["backup", "--to", &to]).json();
            assert_eq!(made["verified"], true);
            copies.push((before, made));
        }
        copies
    });
    assert!(process.end("TERM").success());
    for (place, (before, made)) in copies.into_iter().enumerate() {
        let name = format!("restored{place}");
        let seq = made["seq"].to_string();
        let restored = restore(folder.path(), &name, &["--at", &seq]).json();
        assert_eq!(
            (&restored["seq"], &restored["hash"]),
            (&made["seq"], &made["hash"])
        );
        let directory = folder.path().join(name);
        let verified = verify(&directory);
        assert_eq!(verified["head"]["hash"], made["hash"]);
        let process = serve(&directory);
        let mut connection = GameServer::connect(address(&process)).unwrap();
        let credit_before = credit(&mut connection);
        for (place, &count) in before.iter().enumerate() {
            for count in 0..count {
                let answer = connection
                    .ask("w1", &code(place), &bet(place, count))
                    .unwrap();
                assert_eq!(answer, (1, Some(credit_before)), "it moves nothing again");
            }
        }
        assert_eq!(credit(&mut connection), credit_before);
        let balance = process.ask(&["report", "trial-balance"]).json();
        assert_eq!(balance["currencies"][0]["sum"], "0.00");
        // It goes on: new bets are taken, and its own backups go on too.
        let fresh = bet(CLIENTS, 0);
        let answer = connection.ask("w1", &code(0), &fresh).unwrap();
        assert_eq!(answer, (1, Some(credit_before - 1)));
    }
}

#[test]
fn the_next_backup_copies_only_what_is_new() {
    let folder = tempdir().unwrap();
    let process = set_up(folder.path());
    let to = in_folder(folder.path(), "b");
    let until = |rounds: usize| {
        under_load(address(&process), |answered| {
            while answered
                .iter()
                .any(|count| count.load(Ordering::SeqCst) < rounds)
            {
                std::thread::yield_now();
            }
        });
    };
    until(150);
    let shape = [
        "at",
        "copied_bytes",
        "copied_files",
        "hash",
        "seq",
        "to",
        "verified",
    ];
    let first = process.ask(&["backup", "--to", &to]).json();
    assert_eq!(members(&first), shape);
    let there = files(&folder.path().join("b"));
    assert!(there.len() > 5, "{there:?}");
    let again = process.ask(&["backup", "--to", &to]).json();
    assert_eq!(
        (&again["copied_bytes"], &again["copied_files"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(again["hash"], first["hash"]);
    until(300);
    let later = process.ask(&["backup", "--to", &to]).json();
    let all = files(&folder.path().join("b"));
    let of = |files: &BTreeMap<PathBuf, u64>, within: &str| -> (u64, u64) {
        let within = folder.path().join("b").join(within);
        let files = files.iter().filter(|(name, _)| name.starts_with(&within));
        files.fold((0, 0), |(count, bytes), (_, len)| (count + 1, bytes + len))
    };
    let (segments, tails) = (of(&all, "history"), of(&all, "tails"));
    let new = segments.0 - of(&there, "history").0;
    assert!(new > 1, "{new} segments were sealed meanwhile");
    assert!(later["copied_files"].as_u64().unwrap() <= new + 1);
    // The rest of each earlier backup goes with it.
    let new_bytes = segments.1 - of(&there, "history").1 + tails.1;
    assert!(later["copied_bytes"].as_u64().unwrap() <= new_bytes);
    let kept = process.ask(&["backup", "--to", &to, "--keep", "1"]).json();
    assert_eq!(kept["copied_files"], 0);
    let left = files(&folder.path().join("b"));
    assert_eq!(of(&left, "points").0, 1);
    assert!(of(&left, "tails").0 <= 1, "{left:?}");
    assert!(process.end("TERM").success());
}

#[test]
fn a_restore_ends_with_an_entry_or_a_time() {
    let folder = tempdir().unwrap();
    let process = set_up(folder.path());
    for reference in ["r1", "r2", "r3"] {
        let adjust = ["player", "adjust", "--amount", "-1.00", "--reason", "x"];
        let adjust = [&adjust[..], &["--reference", reference], &PLAYER].concat();
        process.ask(&adjust).json();
    }
    let history = process
        .ask(&[&["player", "history"][..], &PLAYER].concat())
        .json();
    let to = in_folder(folder.path(), "b");
    let made = process.ask(&["backup", "--to", &to]).json();
    assert!(process.end("TERM").success());
    let item = |reference: &str| {
        let items = history["items"].as_array().unwrap();
        items
            .iter()
            .find(|item| item["reference"] == reference)
            .unwrap()
            .clone()
    };
    let times = [
        ("seq", item("r1")["seq"].to_string()),
        ("time", item("r2")["at"].as_str().unwrap().to_owned()),
    ];
    for ((name, at), balance) in times.iter().zip(["99999.00", "99998.00"]) {
        let restored = restore(folder.path(), name, &["--at", at]).json();
        let shape = [
            "at",
            "bytes",
            "data",
            "hash",
            "secret_key",
            "seq",
            "verified",
        ];
        assert_eq!(members(&restored), shape);
        let directory = folder.path().join(name);
        verify(&directory);
        let process = serve(&directory);
        let player = process
            .ask(&["player", "show", "--partner", "p1", "--player-id", "u1"])
            .json();
        assert_eq!(player["balances"][0]["balance"], balance, "{name}");
    }
    let next = (made["seq"].as_u64().unwrap() + 1).to_string();
    for (at, told) in [
        (next.as_str(), "nothing is known of entry"),
        ("2999-01-01T00:00:00Z", "nothing is known of 2999"),
        ("2001-01-01T00:00:00Z", "nothing had happened yet"),
    ] {
        let refused = restore(folder.path(), "refused", &["--at", at]);
        assert!(refused.failed(1).contains(told), "{}", refused.err);
    }
    assert_eq!(restore(folder.path(), "refused", &["--at", "soon"]).code, 2);
}

#[test]
fn a_restore_says_which_keys_belong_where_and_writes_over_nothing() {
    let folder = tempdir().unwrap();
    let process = set_up(folder.path());
    let key = process.key();
    let to = in_folder(folder.path(), "b");
    process.ask(&["backup", "--to", &to]).json();
    assert!(process.end("TERM").success());
    for (name, _) in files(&folder.path().join("b")) {
        let bytes = fs::read(&name).unwrap();
        let secret = fs::read(folder.path().join("coffer-data/secret.key")).unwrap();
        for key in [key.as_bytes(), secret.trim_ascii()] {
            assert!(
                !bytes.windows(key.len()).any(|part| part == key),
                "a key in {name:?}"
            );
        }
    }
    for command in ["backup", "restore"] {
        let help = run(folder.path(), &[command, "--help"], &[]);
        assert!(help.out.contains("secret.key"), "{}", help.out);
    }
    let refused = restore(folder.path(), ".", &[]);
    assert!(refused.failed(1).contains("not empty"), "{}", refused.err);
    // Without the key it is restored, and started on when the key is there.
    fs::create_dir(folder.path().join("r")).unwrap();
    let data = in_folder(folder.path(), "r/coffer-data");
    let restored = run(
        folder.path(),
        &["restore", "--from", &to, "--data", &data],
        &[],
    );
    assert_eq!(restored.code, 0, "{}", restored.err);
    assert!(restored.out.contains("secret.key"), "{}", restored.out);
    let directory = folder.path().join("r");
    let refused = serve_in_vain(&directory, &[]);
    assert!(
        refused.failed(1).contains("secret.key is missing"),
        "{}",
        refused.err
    );
    let ours = folder.path().join("coffer-data/secret.key");
    fs::copy(&ours, directory.join("coffer-data/secret.key")).unwrap();
    assert!(serve(&directory).end("TERM").success());
    // Another coffer's key is told at once.
    fs::write(
        folder.path().join("other"),
        format!("{}\n", "12".repeat(32)),
    )
    .unwrap();
    let data = in_folder(folder.path(), "s");
    let other = in_folder(folder.path(), "other");
    let wrong = [
        "restore",
        "--from",
        &to,
        "--data",
        &data,
        "--secret-key",
        &other,
    ];
    let refused = run(folder.path(), &wrong, &[]);
    assert!(
        refused.failed(1).contains("is not the secret key"),
        "{}",
        refused.err
    );
    assert!(!Path::new(&data).exists());
}

#[test]
fn a_damaged_file_is_told_by_its_name() {
    let folder = tempdir().unwrap();
    let process = set_up(folder.path());
    under_load(address(&process), |answered| {
        while answered[0].load(Ordering::SeqCst) < 500 {
            std::thread::yield_now();
        }
    });
    let to = in_folder(folder.path(), "b");
    process.ask(&["backup", "--to", &to]).json();
    assert!(process.end("TERM").success());
    let backup = folder.path().join("b");
    let mut damaged = 0;
    for (file, len) in files(&backup).into_iter().filter(|(_, len)| *len > 0) {
        let name = file.strip_prefix(&backup).unwrap().to_str().unwrap();
        let good = fs::read(&file).unwrap();
        let mut bad = good.clone();
        bad[usize::try_from(len).unwrap() / 2] ^= 4;
        for bad in [bad, good[..good.len() / 2].to_vec()] {
            fs::write(&file, bad).unwrap();
            damaged += 1;
            let name_of = format!("damaged{damaged}");
            let refused = restore(folder.path(), &name_of, &[]);
            assert!(refused.failed(1).contains(name), "{name}: {}", refused.err);
            let directory = folder.path().join(name_of);
            if fs::read_dir(directory.join("coffer-data"))
                .is_ok_and(|mut items| items.next().is_some())
            {
                let started = serve_in_vain(&directory, &[]);
                assert!(
                    started.failed(1).contains("manifest.json is missing"),
                    "{}",
                    started.err
                );
            }
        }
        fs::write(&file, good).unwrap();
    }
    assert!(damaged > 8);
    restore(folder.path(), "whole", &[]).json();
}

#[test]
fn backups_are_made_by_themselves_and_old_ones_go() {
    let folder = tempdir().unwrap();
    let schedule = [(
        "COFFER_STORAGE_BACKUP",
        "{ to = \"b\", every = \"1s\", keep = 2 }",
    )];
    let process = Process::start(folder.path(), &["serve"], &schedule);
    process.ask(&["partner", "create", "--name", "b"]).json();
    let bearer = format!("Authorization: Bearer {}", process.key());
    let shown = || -> Value {
        let path = "/admin/v1/backup";
        let answer = http(process.admin(), "GET", path, &[&bearer], "");
        serde_json::from_str(&answer.body).unwrap()
    };
    let seqs = Mutex::new(std::collections::BTreeSet::new());
    for player in 0.. {
        let player = format!("u{player}");
        let create = [
            "player",
            "create",
            "--partner",
            "p1",
            "--player-id",
            &player,
            "--currency",
            "USD",
        ];
        process.ask(&create).json();
        let told = shown();
        assert_ne!(told["state"], "failed", "{told}");
        if told["state"] == "done" {
            seqs.lock().insert(told["seq"].as_u64().unwrap());
        }
        if seqs.lock().len() == 4 {
            break;
        }
    }
    assert!(process.end("TERM").success());
    let points = files(&folder.path().join("b/points"));
    assert!((1..=2).contains(&points.len()), "{points:?}");
    let log = fs::read_to_string(folder.path().join("stderr")).unwrap();
    assert!(log.contains("backed up and verified"), "{log}");
    restore(folder.path(), "r", &[]).json();
}

#[test]
fn a_backup_that_fails_by_itself_is_told_and_harms_nobody() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("b")).unwrap();
    fs::write(folder.path().join("b/mine"), "x").unwrap();
    let schedule = [("COFFER_STORAGE_BACKUP", "{ to = \"b\", every = \"1h\" }")];
    let process = Process::start(folder.path(), &["serve"], &schedule);
    let bearer = format!("Authorization: Bearer {}", process.key());
    let told = loop {
        let answer = http(process.admin(), "GET", "/admin/v1/backup", &[&bearer], "");
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        if told["state"] == "failed" {
            break told;
        }
    };
    let reason = told["error"].as_str().unwrap();
    assert!(
        reason.contains("no backup directory") && reason.contains("mine"),
        "{told}"
    );
    process.ask(&["partner", "create", "--name", "b"]).json();
    assert!(process.end("TERM").success());
    let log = fs::read_to_string(folder.path().join("stderr")).unwrap();
    assert!(
        log.contains("no backup was made") && log.contains("mine"),
        "{log}"
    );
}

#[test]
fn a_backup_is_refused_where_it_would_harm_and_needs_a_server_or_its_data() {
    let folder = tempdir().unwrap();
    let process = set_up(folder.path());
    let data = in_folder(folder.path(), "coffer-data");
    let refused = process.ask(&["backup", "--to", &data]);
    assert!(
        refused.failed(1).contains("no backup directory"),
        "{}",
        refused.err
    );
    let bearer = format!("Authorization: Bearer {}", process.key());
    for (body, told) in [
        ("{}", "to is missing"),
        (r#"{"to":"b"}"#, "from its root on"),
    ] {
        let answer = http(
            process.admin(),
            "POST",
            "/admin/v1/backup",
            &[&bearer],
            body,
        );
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains(told), "{}", answer.body);
    }
    let unknown = http(
        process.admin(),
        "GET",
        "/admin/v1/backup?number=9",
        &[&bearer],
        "",
    );
    assert_eq!(unknown.status, 404, "{}", unknown.body);
    let to = in_folder(folder.path(), "b");
    let made = process.ask(&["backup", "--to", &to]).json();
    let nobody = [
        "backup",
        "--json",
        "--admin",
        "http://127.0.0.1:1",
        "--to",
        &to,
    ];
    let refused = run(folder.path(), &nobody, &[]);
    assert!(
        refused.failed(3).contains("no server is reached"),
        "{}",
        refused.err
    );
    // The directory is served, only not there.
    let with_data = [&nobody[..], &["--data", &data]].concat();
    run(folder.path(), &with_data, &[]).failed(3);
    assert!(process.end("TERM").success());
    let offline = run(folder.path(), &with_data, &[]).json();
    assert_eq!(
        (&offline["hash"], &offline["copied_files"]),
        (&made["hash"], &json!(0))
    );
    assert_eq!(members(&offline), members(&made));
}
