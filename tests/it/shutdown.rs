//! The end of a server: what is in flight is finished, and a failed disk gives no verdict
//! (operations.md, Commands; wallet-api.md, Answers).

use coffer::http::Limits;
use coffer::time::Span;

use crate::support::{CODE, Client, Plays, Server, Setup, TOKEN, told, wallet_request};

#[test]
fn requests_in_flight_are_finished_and_idle_connections_end() {
    let mut server = Server::start();
    let mut idle = server.connect();
    assert_eq!(idle.post(TOKEN, &Plays(CODE).credit()).status, 200);
    server.books.stall();
    let mut busy = server.connect();
    busy.send(&wallet_request(TOKEN, &Plays(CODE).bet(3, 500)));
    // The bet is in the ledger once its id is: then it waits for the journal alone.
    while told_now(&server) != 99_500 {
        std::thread::yield_now();
    }
    server.begin_stopping();
    assert!(idle.is_closed());
    server.books.work();
    let answer = busy.answer().unwrap();
    assert_eq!(told(&answer.body), (1, Some(99_500)));
    assert!(busy.is_closed());
    assert!(server.stop().is_ok());
}

#[test]
fn what_does_not_end_in_time_is_cut_off() {
    let server = Server::with(Setup {
        limits: Limits {
            drain_time: Span::from_seconds(1),
            ..Limits::default()
        },
        ..Setup::default()
    });
    let mut half = server.connect();
    half.send(b"POST /wallet/x HTTP/1.1\r\nHost");
    let mut whole = server.connect();
    assert_eq!(whole.post(TOKEN, &Plays(CODE).credit()).status, 200);
    assert!(server.stop().is_ok());
    assert!(half.is_closed() && whole.is_closed());
}

#[test]
fn a_failed_disk_closes_every_connection_without_a_byte() {
    let server = Server::start();
    let mut idle = server.connect();
    assert_eq!(idle.post(TOKEN, &Plays(CODE).credit()).status, 200);
    server.books.fail();
    let mut busy = server.connect();
    busy.send(&wallet_request(TOKEN, &Plays(CODE).bet(3, 500)));
    assert!(
        busy.answer().is_none(),
        "nobody knows what became of the bet"
    );
    assert!(idle.is_closed());
    let public = server.public;
    assert!(server.end().is_err());
    assert!(std::net::TcpStream::connect(public).is_err());
}

#[test]
fn after_the_failure_nothing_is_told_not_even_a_balance() {
    let server = Server::start();
    server.books.stall();
    let mut bet = server.connect();
    bet.send(&wallet_request(TOKEN, &Plays(CODE).bet(3, 500)));
    while told_now(&server) != 99_500 {
        std::thread::yield_now();
    }
    let waiting: Vec<Client> = [
        Plays(CODE).credit(),
        Plays(CODE).bet(3, 500),
        Plays(CODE).bet(4, 999_999),
        Plays(CODE).bet(3, 501),
    ]
    .iter()
    .map(|body| {
        let mut client = server.connect();
        client.send(&wallet_request(TOKEN, body));
        client
    })
    .collect();
    server.books.fail();
    for mut client in waiting {
        assert!(client.answer().is_none());
    }
    assert!(bet.answer().is_none());
    assert!(server.end().is_err());
}

/// The document's balance as the ledger has it, durable or not.
fn told_now(server: &Server) -> u64 {
    let player = crate::support::PLAYER.parse().unwrap();
    let view = server.ledger.player(server.partner, &player).unwrap().value;
    view.balances[0].1.cents()
}
