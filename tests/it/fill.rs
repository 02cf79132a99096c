//! `coffer demo --fill`: a history that the real engine took down, whole and as planned.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use coffer::engine::command;
use coffer::sim::fill::{Ids, Order, Plan, Play, Plays};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::process::{Process, http, run};

const FIRST: Plan = Plan {
    run: 1,
    order: Order {
        seed: 1,
        transactions: 3000,
        accounts: 100,
        ids: Ids::Rising,
    },
};

const SECOND: Plan = Plan {
    run: 2,
    order: Order {
        seed: 8,
        transactions: 700,
        accounts: 30,
        ids: Ids::Random,
    },
};

fn demo(directory: &Path, words: &str) -> Process {
    let words: Vec<&str> = words.split(' ').collect();
    Process::start(directory, &[&["demo"][..], &words].concat(), &[])
}

fn first(directory: &Path) -> Process {
    demo(directory, "--fill 3000")
}

/// What a plan's transactions are in an export.
fn planned(plan: Plan) -> Vec<Value> {
    let row = |Play { account, command }| {
        let id = match &command {
            command::Command::Bet(of) | command::Command::Win(of) => of.id,
            command::Command::Cancel(of) => of.id,
            command::Command::Credit => panic!("a balance is no transaction"),
        };
        let kind = match &command {
            command::Command::Bet(_) => "bet",
            command::Command::Win(_) => "win",
            _ => "cancel",
        };
        json!([
            kind,
            id.0.to_string(),
            format!("fill{}-{account}", plan.run)
        ])
    };
    Plays::of(plan).map(row).collect()
}

/// What an export tells of a fill's transactions, in their order.
fn exported(server: &Process, plan: Plan) -> Vec<Value> {
    let directory = tempdir().unwrap();
    let file = directory.path().join("transactions");
    let output = ["--output", file.to_str().unwrap()];
    let told = server.ask(&[&["export", "transactions"][..], &output].concat());
    assert_eq!(told.code, 0, "{}", told.err);
    let told = std::fs::read_to_string(file).unwrap();
    let ours = format!("fill{}-", plan.run);
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let is_ours = row["player_id"].as_str().unwrap().starts_with(&ours);
        is_ours.then(|| json!([row["type"], row["id"].to_string(), row["player_id"]]))
    };
    told.lines().filter_map(row).collect()
}

fn assert_balanced(server: &Process) {
    let told = server.ask(&["report", "trial-balance"]).json();
    let currencies = told["currencies"].as_array().unwrap();
    assert!(!currencies.is_empty());
    for currency in currencies {
        assert_eq!(currency["sum"], "0.00", "{told}");
    }
}

fn assert_verified(directory: &Path) {
    let told = run(directory, &["verify", "--json"], &[]).json();
    assert_eq!(told["ok"], true, "{told}");
}

fn wallet(server: &Process, plan: Plan, account: u64, members: &str) -> Value {
    let path = format!("/wallet/{}", plan.wallet_token(plan.partner_of(account)));
    let body = format!(r#"{{"code":"{}",{members}}}"#, plan.code(account));
    serde_json::from_str(&http(server.public(), "POST", &path, &[], &body).body).unwrap()
}

#[test]
fn a_fill_is_on_the_books_as_planned_and_adds_up() {
    let directory = tempdir().unwrap();
    let server = first(directory.path());
    assert_eq!(exported(&server, FIRST), planned(FIRST));
    assert_balanced(&server);
    let partners = server.ask(&["partner", "list"]).json();
    let names = partners["items"].as_array().unwrap().iter();
    let plans = names.filter_map(|partner| partner["name"].as_str().unwrap().parse().ok());
    assert_eq!(plans.collect::<Vec<Plan>>(), [FIRST; 4]);
    assert!(server.end("TERM").success());
    assert_verified(directory.path());
}

#[test]
fn the_very_first_id_of_a_fill_is_answered_again_and_refused_with_other_content() {
    let directory = tempdir().unwrap();
    let server = first(directory.path());
    let Some(Play {
        account,
        command: command::Command::Bet(bet),
    }) = Plays::of(FIRST).next()
    else {
        panic!("a fill begins with a bet");
    };
    let (id, game) = (bet.id, bet.game);
    let credit = wallet(&server, FIRST, account, r#""type":"credit""#)["credit"].clone();
    for (cents, result) in [(bet.amount.cents(), 1), (bet.amount.cents() + 1, 5)] {
        let again =
            format!(r#""type":"bet","id":{id},"round_id":{id},"game":{game},"bet":{cents}"#);
        let again = wallet(&server, FIRST, account, &again);
        assert_eq!(again["result"], result, "{again}");
        assert_eq!(again["credit"], credit);
    }
}

#[test]
fn a_filled_coffer_is_filled_again_with_ids_and_players_of_their_own() {
    let directory = tempdir().unwrap();
    assert!(first(directory.path()).end("TERM").success());
    let more = "--fill 700 --fill-accounts 30 --fill-ids random --fill-seed 8";
    let server = demo(directory.path(), more);
    assert_eq!(exported(&server, FIRST), planned(FIRST));
    assert_eq!(exported(&server, SECOND), planned(SECOND));
    assert_balanced(&server);
    assert!(server.end("TERM").success());
    assert_verified(directory.path());
}

#[test]
fn a_fill_tells_how_its_accounts_are_reached() {
    let directory = tempdir().unwrap();
    let mut server = first(directory.path());
    while server.line().trim() != format!("# {FIRST}") {}
    let told = [server.line(), server.line()].concat();
    assert!(told.starts_with("# 100 accounts in "), "{told}");
    assert!(told.contains("# 3000 transactions in "), "{told}");
    assert_eq!(told.matches(" entries/s, ").count(), 2, "{told}");
    server.line();
    let call = server.line();
    let call = call.trim().strip_prefix("curl -sS -w '\\n' -d '").unwrap();
    let (body, url) = call.split_once("' ").unwrap();
    let path = url.trim_matches('\'').replace(server.public(), "");
    let answer = http(server.public(), "POST", &path, &[], body).body;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["player_id"], "fill1-0");
    assert_eq!(answer["result"], 1);
}

#[test]
fn a_signal_ends_a_fill_in_order_and_the_next_one_begins_afresh() {
    let directory = tempdir().unwrap();
    let endless = "demo --fill 1000000000 --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0";
    let mut child = Command::new(env!("CARGO_BIN_EXE_coffer"))
        .current_dir(directory.path())
        .args(endless.split(' '))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("fill 1 of seed 1") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "the fill begins");
    }
    let kill = format!("kill -TERM {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(sent.success());
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
    assert!(rest.contains("everything is synced"), "{rest}");
    assert_verified(directory.path());
    let more = "--fill 700 --fill-accounts 30 --fill-ids random --fill-seed 8";
    let server = demo(directory.path(), more);
    assert_eq!(exported(&server, SECOND), planned(SECOND));
    assert_balanced(&server);
}

#[test]
fn what_cannot_be_filled_is_a_usage_error() {
    for wrong in [
        "--fill-accounts 5",
        "--fill 10 --fill-accounts 0",
        "--fill 10 --fill-ids odd",
        "--fill many",
    ] {
        let words: Vec<&str> = wrong.split(' ').collect();
        let directory = tempdir().unwrap();
        run(directory.path(), &[&["demo"][..], &words].concat(), &[]).failed(2);
        assert!(!directory.path().join("coffer-data").exists());
    }
    let serve = run(tempdir().unwrap().path(), &["serve", "--fill", "10"], &[]);
    serve.failed(2);
}
