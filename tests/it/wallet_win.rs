//! Wins: always taken where there is room (wallet-api.md, Money rules 2, 5 to 7).

use coffer::money::Amount;
use coffer::time::Span;

use crate::support::{CODE, Plays, Server, told};

const PLAYS: Plays<'_> = Plays(CODE);

#[test]
fn a_win_is_given_once_however_often_it_comes() {
    let server = Server::start();
    for _ in 0..3 {
        assert_eq!(told(&server.play(&PLAYS.win(4, 1000))), (1, Some(101_000)));
    }
    assert_eq!(told(&server.play(&PLAYS.win(4, 1001))), (5, Some(101_000)));
    assert_eq!(told(&server.play(&PLAYS.bet(4, 1000))), (5, Some(101_000)));
}

#[test]
fn a_win_is_taken_from_blocked_players_and_dead_sessions() {
    let server = Server::start();
    server.block(true);
    assert_eq!(told(&server.play(&PLAYS.win(4, 1))), (1, Some(100_001)));
    server.clock.advance(Span::from_seconds(48 * 3600));
    assert_eq!(told(&server.play(&PLAYS.win(5, 1))), (1, Some(100_002)));
    server.ledger.close_session(&CODE.parse().unwrap()).unwrap();
    assert_eq!(
        told(&server.play(&PLAYS.win_in(9, 6, 1))),
        (1, Some(100_003))
    );
    assert_eq!(told(&server.play(&PLAYS.credit())), (1, Some(100_003)));
}

#[test]
fn a_win_of_an_unknown_session_is_refused() {
    let server = Server::start();
    assert_eq!(told(&server.play(&Plays("nobody").win(4, 1))), (2, None));
}

#[test]
fn a_win_under_a_cancelled_id_is_refused() {
    let server = Server::start();
    server.play(&PLAYS.bet(3, 500));
    server.play(&PLAYS.cancel(3));
    server.play(&PLAYS.cancel(4));
    for id in [3, 4] {
        assert_eq!(told(&server.play(&PLAYS.win(id, 500))), (5, Some(100_000)));
    }
}

#[test]
fn a_win_that_would_overflow_is_refused_and_taken_once_there_is_room() {
    let server = Server::start();
    server.adjust("90071992546409.91", "up to the brim");
    let brim = Amount::MAX.cents();
    assert_eq!(told(&server.play(&PLAYS.win(4, 0))), (1, Some(brim)));
    assert_eq!(told(&server.play(&PLAYS.win(5, 1))), (13, Some(brim)));
    server.play(&PLAYS.bet(6, 1));
    assert_eq!(told(&server.play(&PLAYS.win(5, 1))), (1, Some(brim)));
    let same = server.play(&PLAYS.win(5, 1));
    assert_eq!(told(&same), (1, Some(brim)), "repeated at the brim");
}

#[test]
fn the_books_balance_after_everything() {
    let server = Server::start();
    server.play(&PLAYS.bet_in(1, 1, 700));
    server.play(&PLAYS.win_in(1, 2, 5000));
    server.play(&PLAYS.bet_in(3, 3, 300));
    server.play(&PLAYS.cancel_in(3, 3));
    server.play(&PLAYS.cancel(4));
    server.adjust("-7.77", "fee");
    let balance = server.ledger.trial_balance(true).unwrap().value;
    for (currency, balances) in &balance.currencies {
        assert!(balances.sum.is_zero(), "{currency}");
    }
    assert_eq!(told(&server.play(&PLAYS.credit())), (1, Some(103_523)));
}
