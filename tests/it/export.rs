//! `coffer export`: what is told, what is not, in both formats, and that a part is never taken
//! for the whole.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use coffer::engine::command::{self, Rules, Transaction};
use coffer::id::{GameNumber, TransactionId};
use coffer::ledger::{Ledger, Outcome};
use coffer::money::{Amount, Sum};
use coffer::sim::ManualClock;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::on_disk::OnDisk;
use crate::operator::{members, served};
use crate::process::{Process, Ran, http, run};
use crate::world;

const CODE: &str = "code_that_is_a_credential";

/// A player whose name a spreadsheet would take for a formula.
const FORMULA: &str = "=1+1,\"x\"";

/// Something of every kind: two players, one of them blocked, a session opened and closed, a bet,
/// a win, a bet and its cancel, a void, adjustments. Told are the answers of `partner create` too.
fn played() -> (TempDir, Process, Value) {
    let (directory, server) = served();
    let partner = ["partner", "create", "--name", "=cmd|' /C calc'!A0"];
    let created = server.ask(&partner).json();
    let account = ["--partner", "p2", "--player-id", FORMULA];
    let inr = ["--currency", "INR"];
    let create = [
        &["player", "create", "--balance", "5.00"][..],
        &account,
        &inr,
    ];
    server.ask(&create.concat()).json();
    let adjust = "--amount -0.50 --reference =r --reason why".split(' ');
    let adjust: Vec<&str> = adjust.collect();
    let adjust = [&["player", "adjust"][..], &account, &inr, &adjust];
    server.ask(&adjust.concat()).json();
    server
        .ask(&[&["player", "block"][..], &account].concat())
        .json();
    let usr = "--partner p1 --player-id usr-1 --currency USD".split(' ');
    let open = [
        &["session", "open", "--code", CODE][..],
        &usr.collect::<Vec<_>>(),
    ];
    server.ask(&open.concat()).json();
    for play in [
        format!(
            r#""type":"bet","id":{},"bet":500,"game":1012,"round_id":7"#,
            u64::MAX
        ),
        r#""type":"win","id":8,"win":1250,"game":1012,"round_id":7"#.to_owned(),
        r#""type":"bet","id":9,"bet":100,"game":1012"#.to_owned(),
        r#""type":"cancel","id":9"#.to_owned(),
        r#""type":"cancel","id":10"#.to_owned(),
    ] {
        let body = format!(r#"{{"code":"{CODE}",{play}}}"#);
        let answer = http(server.public(), "POST", "/wallet/one", &[], &body);
        assert!(answer.body.contains(r#""result":1"#), "{}", answer.body);
    }
    server.ask(&["session", "close", CODE]).json();
    (directory, server, created)
}

fn export(server: &Process, arguments: &str) -> Ran {
    let words: Vec<&str> = arguments.split(' ').collect();
    server.ask(&[&["export"][..], &words].concat())
}

fn told(ran: &Ran) -> &str {
    assert_eq!(ran.code, 0, "{}", ran.err);
    &ran.out
}

fn rows(ran: &Ran) -> Vec<Value> {
    let lines = told(ran).lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The rows of CSV by their names, read as RFC 4180 has it.
fn cells(ran: &Ran) -> Vec<BTreeMap<String, String>> {
    let mut lines = vec![vec![String::new()]];
    let mut quoted = false;
    let mut text = told(ran).chars().peekable();
    while let Some(letter) = text.next() {
        let line = lines.last_mut().unwrap();
        match letter {
            '"' if quoted && text.next_if_eq(&'"').is_some() => line.last_mut().unwrap().push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(String::new()),
            '\r' if !quoted && text.next_if_eq(&'\n').is_some() => lines.push(vec![String::new()]),
            letter => line.last_mut().unwrap().push(letter),
        }
    }
    assert_eq!(lines.pop().unwrap(), [""], "the last line ends");
    let names = lines.remove(0);
    let named = |line: Vec<String>| {
        assert_eq!(line.len(), names.len(), "{line:?}");
        names.iter().cloned().zip(line).collect()
    };
    lines.into_iter().map(named).collect()
}

fn cents(value: &Value) -> i128 {
    Sum::from_decimal(value.as_str().unwrap()).unwrap().cents()
}

#[test]
fn the_journal_tells_every_entry_with_both_legs_and_the_head_of_the_chain() {
    let (directory, server, _) = played();
    let rows = rows(&export(&server, "journal"));
    let mut kinds = Vec::new();
    for (row, seq) in rows.iter().zip(1_u64..) {
        let names = [
            "at",
            "batch_head",
            "by",
            "documents",
            "kind",
            "postings",
            "seq",
            "transaction",
        ];
        assert_eq!(members(row), names);
        assert_eq!(row["seq"], seq);
        let legs = row["postings"].as_array().unwrap();
        assert_eq!(
            legs.iter().map(|leg| cents(&leg["amount"])).sum::<i128>(),
            0
        );
        kinds.push(row["kind"].as_str().unwrap());
    }
    assert_eq!(
        kinds,
        [
            "partner_created",
            "player_created",
            "partner_created",
            "player_created",
            "adjustment",
            "player_changed",
            "session_opened",
            "bet",
            "win",
            "bet",
            "cancel",
            "void",
            "session_closed",
        ]
    );
    let bet = &rows[7];
    assert_eq!(
        (&bet["by"], &rows[6]["by"]),
        (&"game_server".into(), &"operator".into())
    );
    assert_eq!(bet["transaction"]["id"], u64::MAX);
    let leg = &bet["postings"][0];
    assert_eq!(leg["account"], "player/p1/usr-1");
    assert_eq!(
        (&leg["amount"], &leg["balance_after"]),
        (&"-5.00".into(), &"995.00".into())
    );
    assert_eq!(bet["postings"][1]["account"], "house/p1");
    assert_eq!(rows[10]["transaction"]["bet"], 10);
    let document = &rows[4]["documents"][0]["adjustment"];
    assert_eq!(
        (&document["reference"], &document["amount"]),
        (&"=r".into(), &"-0.50".into())
    );

    let last = rows.last().unwrap()["batch_head"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(server.end("TERM").success());
    let verified = run(directory.path(), &["verify", "--json"], &[]).json();
    assert_eq!(verified["head"]["hash"], last.as_str());
}

#[test]
fn the_journal_as_csv_is_a_line_a_posting_and_no_formula() {
    let (_directory, server, _) = played();
    let ran = export(&server, "journal --format csv");
    let lines = cells(&ran);
    let of_seq = |seq: &str| -> Vec<_> { lines.iter().filter(|line| line["seq"] == seq).collect() };
    let bet = of_seq("8");
    assert_eq!(bet.len(), 2);
    assert_eq!(
        (&bet[0]["amount"][..], &bet[1]["amount"][..]),
        ("-5.00", "5.00")
    );
    assert_eq!(bet[0]["id"], u64::MAX.to_string());
    assert_eq!(
        (&bet[1]["account"][..], &bet[1]["id"][..]),
        ("house/p1", "")
    );
    assert_eq!(of_seq("12")[0]["player_id"], "usr-1");
    let opening = of_seq("4");
    assert_eq!(opening[1]["player_id"], format!("'{FORMULA}"));
    assert_eq!(opening[1]["account"], format!("player/p2/{FORMULA}"));
    let documents: Value = serde_json::from_str(&opening[0]["documents"]).unwrap();
    assert_eq!(documents[0]["player"]["player_id"], FORMULA);
    assert_eq!(
        lines
            .iter()
            .filter(|line| line["batch_head"].len() == 64)
            .count(),
        13
    );
    // A quoted cell that is a formula begins with ' and no cell without quotes is one.
    assert!(ran.out.contains(r#","'=1+1,""x""","#));
    for line in ran.out.lines().skip(1) {
        assert!(
            line.starts_with(|letter: char| letter.is_ascii_digit()),
            "{line}"
        );
        assert!(
            ![",=", ",+", ",@"].iter().any(|start| line.contains(start)),
            "{line}"
        );
    }
}

#[test]
fn transactions_are_told_in_both_formats_and_add_up() {
    let (_directory, server, _) = played();
    let rows = rows(&export(&server, "transactions"));
    let lines = cells(&export(&server, "transactions --format csv"));
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    assert_eq!((rows.len(), lines.len()), (5, 5));
    for (row, line) in rows.iter().zip(&lines) {
        let as_line = row.as_object().unwrap().iter();
        let as_line: BTreeMap<_, _> = as_line
            .map(|(name, value)| (name.clone(), text(value)))
            .collect();
        assert_eq!(as_line, *line);
    }
    let types: Vec<&str> = lines.iter().map(|line| &line["type"][..]).collect();
    assert_eq!(types, ["bet", "win", "bet", "cancel", "void"]);
    let amounts: Vec<&str> = lines.iter().map(|line| &line["amount"][..]).collect();
    assert_eq!(amounts, ["-5.00", "12.50", "-1.00", "1.00", ""]);
    assert_eq!(rows[0]["id"], u64::MAX);
    assert_eq!(
        (&rows[0]["round_id"], &rows[0]["session"]),
        (&7.into(), &1.into())
    );
    assert_eq!(rows[3]["balance_after"], "1007.50");
}

#[test]
fn players_are_told_as_of_one_entry() {
    let (_directory, server, _) = played();
    let ran = export(&server, "players");
    let mut rows = rows(&ran);
    rows.sort_by_key(|row| row["partner"].to_string());
    assert_eq!(
        members(&rows[0]),
        [
            "as_of",
            "balance",
            "blocked",
            "currency",
            "opened_at",
            "partner",
            "player_id"
        ]
    );
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["player_id"].as_str().unwrap(),
                row["balance"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("usr-1", "1007.50"), (FORMULA, "4.50")]);
    assert_eq!(
        (&rows[0]["blocked"], &rows[1]["blocked"]),
        (&false.into(), &true.into())
    );
    assert!(rows.iter().all(|row| row["as_of"] == 13));
    let journal = self::rows(&export(&server, "journal"));
    assert_eq!(rows[0]["opened_at"], journal[1]["at"]);

    let lines = cells(&export(&server, "players --format csv"));
    let names: Vec<_> = lines.iter().map(|line| line["player_id"].clone()).collect();
    assert!(names.contains(&format!("'{FORMULA}")), "{names:?}");
}

#[test]
fn from_is_the_first_moment_told_and_to_the_first_left_out() {
    let (_directory, server, _) = played();
    let all = rows(&export(&server, "journal"));
    let at = |row: &Value| row["at"].as_str().unwrap().to_owned();
    let within = |from: &str, to: &str| -> Vec<Value> {
        let is_in = |row: &&Value| {
            (from.is_empty() || *from <= *at(row)) && (to.is_empty() || *at(row) < *to)
        };
        all.iter().filter(is_in).cloned().collect()
    };
    let (early, late) = (at(&all[3]), at(&all[9]));
    for (from, to) in [
        (&early[..], &late[..]),
        (&early, ""),
        ("", &late),
        (&late, &early),
        ("", "2020-01-01T00:00:00Z"),
        ("2020-01-01T00:00:00Z", ""),
        ("2999-01-01T00:00:00Z", ""),
    ] {
        let mut arguments = "journal".to_owned();
        for (flag, time) in [("--from", from), ("--to", to)] {
            if !time.is_empty() {
                arguments.push_str(&format!(" {flag} {time}"));
            }
        }
        assert_eq!(
            rows(&export(&server, &arguments)),
            within(from, to),
            "{arguments}"
        );
    }
    assert!(within(&early, &late).len() >= 3);
    let only = export(&server, &format!("transactions --from {late}"));
    assert!(rows(&only).iter().all(|row| at(row) >= late));
}

#[test]
fn no_secret_is_in_any_export() {
    let (directory, server, created) = played();
    let mut canaries = vec![CODE.to_owned(), server.key()];
    for name in [
        "access_key",
        "api_key",
        "api_secret",
        "payment_token",
        "pluginapi_secret",
        "private_key",
        "wallet_token",
    ] {
        canaries.push(created[name].as_str().unwrap().to_owned());
    }
    let data = directory.path().join("coffer-data");
    let key = std::fs::read_to_string(data.join("secret.key")).unwrap();
    canaries.push(key.trim().to_owned());
    for what in ["journal", "transactions", "players"] {
        for format in ["jsonl", "csv"] {
            let ran = export(&server, &format!("{what} --format {format}"));
            let text = told(&ran);
            for canary in &canaries {
                assert!(!text.contains(canary), "{what} {format} tells {canary}");
            }
            // Nor what they were hashed and sealed into, nor any code.
            for word in ["secret", "token", "access_key", "private_key", "\"code\""] {
                assert!(!text.contains(word), "{what} {format} tells of a {word}");
            }
        }
    }
}

#[test]
fn what_is_asked_wrongly_is_refused_before_anything_is_written() {
    let (directory, server) = served();
    for arguments in [
        "export players --from 2026-01-01T00:00:00Z",
        "export journal --format xml",
        "export journal --from yesterday",
        "export everything",
    ] {
        let words: Vec<&str> = arguments.split(' ').collect();
        server.ask(&words).failed(2);
    }
    let key = format!("Authorization: Bearer {}", server.key());
    for (path, told) in [
        ("players?from=2026-01-01T00:00:00Z", "from is not known"),
        ("journal?format=xml", "format must be jsonl or csv"),
        ("journal?to=1", "to must be an RFC 3339 time"),
    ] {
        let path = format!("/admin/v1/exports/{path}");
        let answer = http(server.admin(), "GET", &path, &[&key], "");
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.body.contains(told), "{}", answer.body);
    }
    let file = directory.path().join("export");
    let wrong = ["export", "journal", "--key", "wrong", "--output"];
    let wrong = [&wrong[..], &[file.to_str().unwrap()]].concat();
    assert!(server.ask(&wrong).failed(1).contains("key"));
    assert!(!file.exists());
}

const MANY: u64 = 100_000;

/// Puts `MANY` bets and wins of twenty cents and one into a stopped coffer's journal.
fn play_many(data: &Path) {
    let clock = Arc::new(ManualClock::new(world::start()));
    let books = OnDisk::under(data, &clock, Rules::default());
    for id in 1..=MANY {
        let amount = if id % 2 == 0 { 20 } else { 1 };
        let transaction = Transaction {
            id: TransactionId(id),
            round: None,
            game: GameNumber(1),
            amount: Amount::from_cents(amount).unwrap(),
        };
        let play = match id % 2 {
            0 => command::Command::Win(transaction),
            _ => command::Command::Bet(transaction),
        };
        play_on(&books.ledger, &play);
    }
    books.close();
}

fn play_on(ledger: &Ledger, play: &command::Command) {
    let partner = ledger.partner_by_token("one").unwrap();
    loop {
        match ledger.play(&partner, CODE, play) {
            Ok(played) => {
                assert!(matches!(played.outcome, Outcome::Done { .. }), "{played:?}");
                return;
            }
            // The queue is full: the committer needs the processor.
            Err(_) => std::thread::yield_now(),
        }
    }
}

/// A server whose player has `MANY` transactions.
fn served_many() -> (TempDir, Process) {
    let (directory, server) = served();
    let open = "--partner p1 --player-id usr-1 --currency USD".split(' ');
    let open = [
        &["session", "open", "--code", CODE][..],
        &open.collect::<Vec<_>>(),
    ];
    server.ask(&open.concat()).json();
    assert!(server.end("TERM").success());
    let data = directory.path().join("coffer-data");
    play_many(&data);
    // Another test that starts a process just now may hold this one's files for a moment, their
    // locks included: nobody holds a copy.
    let copied = tempdir().unwrap();
    let copy = copied.path().join("coffer-data");
    copy_all(&data, &copy);
    let server = Process::serve(copied.path());
    (copied, server)
}

/// Copies a directory and all in it.
fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let copy = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy_all(&file.path(), &copy);
        } else {
            std::fs::copy(file.path(), copy).unwrap();
        }
    }
}

/// Writes an export to a file, which is read back.
fn exported(directory: &TempDir, server: &Process, arguments: &str) -> String {
    let file = directory.path().join("exported");
    let ran = export(server, &format!("{arguments} --output {}", file.display()));
    assert_eq!(told(&ran), "");
    assert!(!directory.path().join("exported.new").exists());
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn a_long_history_is_told_to_the_last_byte() {
    let (directory, server) = served_many();
    let text = exported(&directory, &server, "transactions");
    let mut balance = 100_000;
    let mut count = 0;
    for (line, id) in text.lines().zip(1_u64..) {
        let row: Value = serde_json::from_str(line).unwrap();
        balance += cents(&row["amount"]);
        // The line is known to the last byte but for its time.
        let (kind, amount) = if id % 2 == 0 {
            ("win", "0.20")
        } else {
            ("bet", "-0.01")
        };
        let known = format!(
            "{{\"seq\":{},\"at\":{},\"type\":\"{kind}\",\"partner\":\"p1\",\"player_id\":\"usr-1\",\
             \"currency\":\"USD\",\"id\":{id},\"round_id\":null,\"game\":1,\"amount\":\"{amount}\",\
             \"balance_after\":\"{}\",\"session\":1}}",
            id + 3,
            row["at"],
            Sum::from(i64::try_from(balance).unwrap()),
        );
        assert_eq!(line, known);
        count += 1;
    }
    assert!(text.ends_with('\n'));
    assert_eq!(count, MANY);
    assert_eq!(balance, 100_000 + 19 * i128::from(MANY / 2));
    let players = rows(&export(&server, "players"));
    assert_eq!(cents(&players[0]["balance"]), balance);
    assert_eq!(players[0]["as_of"], MANY + 3);

    let journal = exported(&directory, &server, "journal");
    assert_eq!(journal.lines().count() as u64, MANY + 3);
    let csv = exported(&directory, &server, "journal --format csv");
    // Names, entries, the second leg of each transaction and of the opening balance.
    assert_eq!(
        csv.matches("\r\n").count() as u64,
        1 + (MANY + 3) + MANY + 1
    );
}

#[test]
fn an_export_that_breaks_off_fails_and_leaves_no_file() {
    let (directory, server) = served_many();
    let mut child = Command::new(env!("CARGO_BIN_EXE_coffer"))
        .args([
            "export",
            "journal",
            "--admin",
            server.admin(),
            "--key",
            &server.key(),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    // The first line is there, and far more than all buffers hold is not.
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    server.end("KILL");
    let mut rest = Vec::new();
    out.read_to_end(&mut rest).unwrap();
    let ended = child.wait_with_output().unwrap();
    let reason = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{reason}");
    assert!(
        reason.contains("the export broke off and is not whole"),
        "{reason}"
    );
    assert!(rest.iter().filter(|byte| **byte == b'\n').count() < 100_000);
    drop(directory);
}

#[test]
fn a_body_without_its_end_is_no_export() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        for end in ["", "0\r\n\r\n"] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                head.read_line(&mut line).unwrap();
            }
            let answer = format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{{\"seq\":1\r\n2\r\n}}\n\r\n{end}"
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let directory = tempdir().unwrap();
    let arguments = "export journal --key k --output out --admin";
    let arguments: Vec<&str> = arguments.split(' ').chain([&url[..]]).collect();
    let cut = run(directory.path(), &arguments, &[]);
    assert!(cut.failed(1).contains("is not whole"), "{}", cut.err);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    let whole = run(directory.path(), &arguments, &[]);
    assert_eq!(told(&whole), "");
    let written = std::fs::read_to_string(directory.path().join("out")).unwrap();
    assert_eq!(written, "{\"seq\":1}\n");
    answering.join().unwrap();
}
