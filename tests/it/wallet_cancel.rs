//! Cancels: undo a bet, or bind the id of one that has not come (wallet-api.md, Money rules 4 and
//! Small print).

use coffer::engine::command::{CancelAfterWin, Rules};
use coffer::id::Lang;
use coffer::money::Amount;
use coffer::time::Span;

use crate::support::{CODE, Plays, Server, Setup, told};

const PLAYS: Plays<'_> = Plays(CODE);

#[test]
fn a_cancelled_bet_gives_its_stake_back_once() {
    let server = Server::start();
    server.play(&PLAYS.bet(5, 700));
    for _ in 0..3 {
        assert_eq!(told(&server.play(&PLAYS.cancel(5))), (1, Some(100_000)));
    }
}

#[test]
fn late_bet_of_a_voided_id_is_refused() {
    let server = Server::start();
    for _ in 0..2 {
        assert_eq!(told(&server.play(&PLAYS.cancel(5))), (1, Some(100_000)));
    }
    for bet in [
        PLAYS.bet(5, 500),
        PLAYS.bet(5, 1),
        PLAYS.bet_in(9, 5, 999_999),
    ] {
        assert_eq!(told(&server.play(&bet)), (6, Some(100_000)), "{bet}");
    }
    server.play(&PLAYS.bet(6, 500));
    server.play(&PLAYS.cancel(6));
    for bet in [PLAYS.bet(6, 500), PLAYS.bet(6, 1)] {
        assert_eq!(told(&server.play(&bet)), (6, Some(100_000)), "{bet}");
    }
}

#[test]
fn a_cancel_needs_neither_a_live_session_nor_an_unblocked_player() {
    let server = Server::start();
    server.play(&PLAYS.bet(5, 700));
    server.play(&PLAYS.bet(6, 800));
    server.block(true);
    server.clock.advance(Span::from_seconds(48 * 3600));
    assert_eq!(told(&server.play(&PLAYS.cancel(5))), (1, Some(99_200)));
    server.ledger.close_session(&CODE.parse().unwrap()).unwrap();
    assert_eq!(told(&server.play(&PLAYS.cancel(6))), (1, Some(100_000)));
    assert_eq!(told(&server.play(&PLAYS.cancel(7))), (1, Some(100_000)));
}

#[test]
fn another_players_ids_cannot_be_cancelled_and_their_cancels_bind_them() {
    let server = Server::start();
    server.add_player(server.partner, "other", "USD", 1000);
    server.add_session(server.partner, "other", "USD", "other", Lang::EN);
    let other = Plays("other");
    server.play(&PLAYS.bet(3, 500));
    server.play(&PLAYS.win(4, 500));
    server.play(&PLAYS.cancel(5));
    for id in [3, 4, 5] {
        assert_eq!(
            told(&server.play(&other.cancel(id))),
            (5, Some(1000)),
            "{id}"
        );
    }
    server.play(&PLAYS.cancel(3));
    for id in [3, 5] {
        let answer = server.play(&other.bet(id, 500));
        assert_eq!(told(&answer), (5, Some(1000)), "{id}: another player's");
        let answer = server.play(&other.cancel(id));
        assert_eq!(told(&answer), (5, Some(1000)), "{id}: another player's");
    }
}

#[test]
fn only_a_bet_can_be_cancelled() {
    let server = Server::start();
    server.play(&PLAYS.win_in(1, 2, 500));
    assert_eq!(told(&server.play(&PLAYS.cancel(2))), (12, Some(100_500)));
    let other = server.play(&PLAYS.cancel_in(9, 2));
    assert_eq!(
        told(&other),
        (12, Some(100_500)),
        "the kind before the round"
    );
}

#[test]
fn a_round_that_differs_is_refused_but_none_is_taken() {
    let server = Server::start();
    server.play(&PLAYS.bet_in(1, 1, 100));
    assert_eq!(
        told(&server.play(&PLAYS.cancel_in(2, 1))),
        (11, Some(99_900))
    );
    assert_eq!(told(&server.play(&PLAYS.cancel(1))), (1, Some(100_000)));
    server.play(&PLAYS.bet(2, 100));
    let answer = server.play(&PLAYS.cancel_in(7, 2));
    assert_eq!(told(&answer), (1, Some(100_000)), "the bet had none");
    let again = server.play(&PLAYS.cancel_in(9, 1));
    assert_eq!(
        told(&again),
        (1, Some(100_000)),
        "cancelled before the round"
    );
}

#[test]
fn a_bet_in_a_round_that_has_paid_stays() {
    let server = Server::start();
    server.play(&PLAYS.bet_in(1, 1, 100));
    server.play(&PLAYS.bet_in(1, 2, 100));
    server.play(&PLAYS.win_in(1, 3, 0));
    let answer = server.play(&PLAYS.cancel_in(1, 2));
    assert_eq!(told(&answer), (1, Some(99_900)), "paid nothing");
    server.play(&PLAYS.win_in(1, 4, 50));
    assert_eq!(
        told(&server.play(&PLAYS.cancel_in(1, 1))),
        (14, Some(99_950))
    );
    let again = server.play(&PLAYS.cancel_in(1, 2));
    assert_eq!(told(&again), (1, Some(99_950)), "cancelled before");
    let other = server.play(&PLAYS.cancel_in(5, 1));
    assert_eq!(told(&other), (11, Some(99_950)), "the round before its pay");
}

#[test]
fn the_setting_lets_a_paid_rounds_bet_be_cancelled() {
    let rules = Rules {
        cancel_after_win: CancelAfterWin::Accept,
        ..Rules::default()
    };
    let server = Server::with(Setup {
        rules,
        ..Setup::default()
    });
    server.play(&PLAYS.bet_in(1, 1, 100));
    server.play(&PLAYS.win_in(1, 2, 50));
    assert_eq!(
        told(&server.play(&PLAYS.cancel_in(1, 1))),
        (1, Some(100_050))
    );
}

#[test]
fn rounds_of_equal_number_are_each_players_own() {
    let server = Server::start();
    server.add_player(server.partner, "other", "USD", 1000);
    server.add_session(server.partner, "other", "USD", "other", Lang::EN);
    server.play(&PLAYS.bet_in(1, 1, 100));
    server.play(&Plays("other").win_in(1, 2, 50));
    assert_eq!(
        told(&server.play(&PLAYS.cancel_in(1, 1))),
        (1, Some(100_000))
    );
}

#[test]
fn a_refund_without_room_waits_for_it() {
    let server = Server::start();
    server.play(&PLAYS.bet(5, 700));
    server.adjust("90071992546416.91", "up to the brim");
    let brim = Amount::MAX.cents();
    assert_eq!(told(&server.play(&PLAYS.cancel(5))), (13, Some(brim)));
    server.adjust("-7.00", "some room");
    assert_eq!(told(&server.play(&PLAYS.cancel(5))), (1, Some(brim)));
}
