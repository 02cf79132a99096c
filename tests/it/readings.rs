//! What exports are read from: the journal slice by slice, and all accounts as they were at one
//! entry although they go on being played with.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coffer::engine::entry::Body;
use coffer::ledger::{AccountView, Ledger, OperatorError, Reading, Snapshot};
use coffer::money::Sum;
use coffer::time::{Clock, Timestamp};

use crate::support::{ADMIN_KEY, CODE, PLAYER, Plays, Server, TOKEN, account};

fn all(snapshot: &mut Snapshot) -> BTreeMap<String, AccountView> {
    let mut told = BTreeMap::new();
    while let Some(views) = snapshot.read().unwrap() {
        for view in views {
            let name = format!("{}/{}", view.opened.player_id, view.opened.currency);
            let before = told.insert(name, view);
            assert!(before.is_none(), "an account is told once");
        }
    }
    told
}

fn durable(server: &Server) {
    // A balance is told when all before it is durable.
    server.play(&Plays(CODE).credit());
}

#[test]
fn a_snapshot_undoes_what_came_after_it() {
    let server = Server::start();
    let partner = server.partner;
    server.add_player(partner, "usr-2", "USD", 500);
    server.add_player(partner, "usr-3", "USD", 0);
    let third = "usr-3".parse().unwrap();
    server.ledger.set_blocked(partner, &third, true).unwrap();
    durable(&server);
    let mut snapshot = Snapshot::start(&server.ledger);

    let plays = Plays(CODE);
    server.play(&plays.bet(1, 300));
    server.play(&plays.win(2, 7));
    server.adjust("-1.00", "r");
    let second = "usr-2".parse().unwrap();
    server.ledger.set_blocked(partner, &second, true).unwrap();
    server.ledger.set_blocked(partner, &third, false).unwrap();
    server.ledger.set_blocked(partner, &third, true).unwrap();
    server.ledger.set_blocked(partner, &third, false).unwrap();
    server.add_player(partner, "usr-2", "INR", 100);
    server.add_player(partner, "usr-4", "USD", 100);

    let told: Vec<_> = all(&mut snapshot)
        .into_iter()
        .map(|(name, view)| (name, view.balance.to_string(), view.blocked))
        .collect();
    let expected = [
        (format!("{PLAYER}/USD"), "1000.00", false),
        ("usr-2/USD".to_owned(), "5.00", false),
        ("usr-3/USD".to_owned(), "0.00", true),
    ];
    let expected = expected.map(|(name, balance, blocked)| (name, balance.to_owned(), blocked));
    assert_eq!(told, expected);

    durable(&server);
    let now = all(&mut Snapshot::start(&server.ledger));
    assert_eq!(now.len(), 5);
    assert_eq!(now[&format!("{PLAYER}/USD")].balance.to_string(), "996.07");
    assert!(now["usr-2/INR"].blocked && !now["usr-3/USD"].blocked);
}

/// What each account holds after entry `end`, from the journal alone.
fn added_up(ledger: &Arc<Ledger>, end: coffer::id::Seq) -> BTreeMap<String, Sum> {
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    let mut reading = Reading::start(ledger, None).unwrap();
    let name = |number| {
        let opened = ledger.account(number).unwrap().unwrap();
        format!("{}/{}", opened.player_id, opened.currency)
    };
    loop {
        let batches = reading.read().unwrap();
        if batches.is_empty() {
            return sums;
        }
        let entries = batches.iter().flat_map(|batch| &batch.entries);
        for entry in entries.filter(|entry| entry.seq <= end) {
            if let Some((number, moved, _)) = entry.body.house_to_player() {
                let sum = sums.entry(name(number)).or_default();
                *sum = sum.plus(moved);
            } else if let Body::Record(record) = &entry.body {
                for posting in &record.postings {
                    if let coffer::engine::entry::AccountRef::Player(number) = posting.account {
                        let sum = sums.entry(name(number)).or_default();
                        *sum = sum.plus(Sum::from(posting.cents));
                    }
                }
            }
        }
    }
}

#[test]
fn a_snapshot_is_of_one_entry_while_players_go_on() {
    const PLAYERS: usize = 300;
    let server = Server::start();
    let partner = server.partner;
    for number in 0..PLAYERS {
        let player = format!("p-{number}");
        server.add_player(partner, &player, "USD", 1000);
        let code = format!("code_{number}");
        server.add_session(partner, &player, "USD", &code, coffer::id::Lang::EN);
    }
    let over = AtomicBool::new(false);
    // Also where a comparison fails.
    struct Ends<'a>(&'a AtomicBool);
    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = server.connect();
            let mut id = 0;
            while !over.load(Ordering::Relaxed) {
                id += 1;
                let code = format!("code_{}", usize::try_from(id).unwrap() % PLAYERS);
                client.post(TOKEN, &Plays(&code).bet(id, 1));
            }
        });
        let _ends = Ends(&over);
        for _ in 0..20 {
            // Players are at it before the snapshot, and while it is read.
            durable(&server);
            let mut snapshot = Snapshot::start(&server.ledger);
            let told = all(&mut snapshot);
            let told = told.into_iter();
            let told: BTreeMap<_, _> = told
                .map(|(name, view)| (name, Sum::from(view.balance)))
                .collect();
            assert_eq!(told, added_up(&server.ledger, snapshot.seq()));
        }
    });
}

#[test]
fn a_reading_begins_where_the_time_wanted_does() {
    let server = Server::start();
    let start = server.clock.now();
    let mut times = vec![(start, server.ledger.durable_seq())];
    let mut client = server.connect();
    for id in 1..=200 {
        let at = Timestamp::from_micros(start.micros() + id / 3 * 1_000_000);
        server.clock.set(at);
        client.post(TOKEN, &Plays(CODE).bet(id, 1));
        times.push((at, server.ledger.durable_seq()));
    }
    let mut wanted: Vec<Timestamp> = times.iter().map(|(at, _)| *at).collect();
    let between = |at: &Timestamp| Timestamp::from_micros(at.micros() + 1);
    wanted.extend(wanted.clone().iter().map(between));
    wanted.push(Timestamp::EPOCH);
    for from in wanted {
        let mut reading = Reading::start(&server.ledger, Some(from)).unwrap();
        let mut entries = Vec::new();
        loop {
            let batches = reading.read().unwrap();
            if batches.is_empty() {
                break;
            }
            entries.extend(batches.into_iter().flat_map(|batch| batch.entries));
        }
        let first = entries
            .iter()
            .find(|entry| entry.at >= from)
            .map(|entry| entry.seq);
        let known = times.iter().find(|(at, _)| *at >= from && *at > start);
        if from > start {
            assert_eq!(first, known.map(|(_, seq)| *seq), "{from}");
        } else {
            assert_eq!(first, Some(coffer::id::Seq(1)));
        }
        // One answered request is one batch: nothing older was read.
        assert!(entries.iter().all(|entry| entry.at >= from), "{from}");
    }
}

#[test]
fn a_latched_ledger_is_read_no_further() {
    let server = Server::start();
    durable(&server);
    let mut reading = Reading::start(&server.ledger, None).unwrap();
    let mut snapshot = Snapshot::start(&server.ledger);
    let mut late = Snapshot::start(&server.ledger);
    // What is not durable is not told.
    server.books.stall();
    let name = account(server.partner, "usr-late", "USD");
    server
        .ledger
        .create_player(&name, coffer::money::Amount::ZERO)
        .unwrap();
    let mut now = Reading::start(&server.ledger, None).unwrap();
    let read = now.read().unwrap();
    assert_eq!(read.last().unwrap().head.seq, reading.end());
    server.books.fail();
    let ledger = Arc::clone(&server.ledger);
    // It waits for an entry that will never be durable.
    let waited = std::thread::spawn(move || {
        let mut last = late.read();
        while let Ok(Some(_)) = last {
            last = late.read();
        }
        last.map(|_| ())
    });
    let waited = waited.join().unwrap();
    assert!(matches!(waited, Err(OperatorError::Unavailable)));
    assert!(ledger.is_latched());
    assert!(matches!(reading.read(), Err(OperatorError::Unavailable)));
    assert!(matches!(snapshot.read(), Err(OperatorError::Unavailable)));
}

/// All bytes that come of an export until the connection ends.
fn exported(server: &Server, what: &str, meanwhile: impl FnOnce()) -> String {
    let mut stream = TcpStream::connect(server.admin).unwrap();
    let request = format!(
        "GET /admin/v1/exports/{what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Authorization: Bearer {ADMIN_KEY}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = vec![0; 15];
    stream.read_exact(&mut answer).unwrap();
    meanwhile();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn an_export_that_cannot_go_on_is_cut_before_its_end() {
    let server = Server::start();
    durable(&server);
    for what in ["journal", "transactions", "players"] {
        let whole = exported(&server, what, || {});
        assert!(whole.starts_with("HTTP/1.1 200 OK\r\n"), "{whole}");
        assert!(whole.contains("transfer-encoding: chunked\r\n"), "{whole}");
        assert!(whole.ends_with("0\r\n\r\n"), "{whole}");
    }
    // An account as it is now rests on an entry that waits for the disk.
    server.books.stall();
    server.adjust("1.00", "r");
    let cut = exported(&server, "players", || server.books.fail());
    assert!(cut.starts_with("HTTP/1.1 200 OK\r\n"), "{cut}");
    assert!(!cut.contains("0\r\n\r\n"), "{cut}");
}
