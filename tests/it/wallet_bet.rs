//! Bets: taken once, refused without a trace (wallet-api.md, Money rules 1 to 3 and 5).

use coffer::engine::command::Rules;
use coffer::id::Lang;
use coffer::money::Amount;
use coffer::time::Span;

use crate::support::{CODE, PLAYER, Plays, Server, Setup, TOKEN, told};

const PLAYS: Plays<'_> = Plays(CODE);

#[test]
fn a_bet_takes_its_stake_once_however_often_it_comes() {
    let server = Server::start();
    for _ in 0..3 {
        let answer = server.play(&PLAYS.bet(3, 500));
        assert_eq!(told(&answer), (1, Some(99_500)));
    }
    let answer = server.play(&PLAYS.bet(4, 0));
    assert_eq!(told(&answer), (1, Some(99_500)), "a bet of nothing");
    let answer = server.play(&PLAYS.bet(5, 99_500));
    assert_eq!(told(&answer), (1, Some(0)), "all that there is");
    let answer = server.play(&PLAYS.bet(6, 1));
    assert_eq!(told(&answer), (4, Some(0)));
}

#[test]
fn a_repetition_is_told_todays_credit() {
    let server = Server::start();
    server.play(&PLAYS.bet(3, 500));
    server.play(&PLAYS.win(4, 1000));
    assert_eq!(told(&server.play(&PLAYS.bet(3, 500))), (1, Some(100_500)));
}

#[test]
fn a_digit_string_is_the_same_id() {
    let server = Server::start();
    server.play(&PLAYS.bet_in(3, 3, 500));
    let text = PLAYS
        .bet_in(3, 3, 500)
        .replace("\"id\":3", "\"id\":\"3\"")
        .replace("\"round_id\":3", "\"round_id\":\"3\"");
    assert_eq!(told(&server.play(&text)), (1, Some(99_500)));
    let max = PLAYS.bet(u64::MAX, 1);
    assert_eq!(told(&server.play(&max)), (1, Some(99_499)));
    let text = max.replace("18446744073709551615", "\"18446744073709551615\"");
    assert_eq!(told(&server.play(&text)), (1, Some(99_499)));
}

#[test]
fn anything_else_under_a_used_id_is_refused() {
    let server = Server::start();
    server.play(&PLAYS.bet_in(3, 3, 500));
    for other in [
        PLAYS.bet_in(3, 3, 501),
        PLAYS.bet_in(4, 3, 500),
        PLAYS.bet(3, 500),
        PLAYS.bet_in(3, 3, 500).replace("1012", "1013"),
        PLAYS.win_in(3, 3, 500),
        PLAYS.win(3, 0),
    ] {
        assert_eq!(told(&server.play(&other)), (5, Some(99_500)), "{other}");
    }
}

#[test]
fn the_same_content_in_another_session_of_the_player_is_a_repetition() {
    let server = Server::start();
    server.add_session(server.partner, PLAYER, "USD", "second", Lang::EN);
    server.play(&PLAYS.bet(3, 500));
    let answer = server.play(&Plays("second").bet(3, 500));
    assert_eq!(told(&answer), (1, Some(99_500)));
}

#[test]
fn an_id_is_unique_over_all_players_of_a_currency() {
    let server = Server::start();
    server.add_player(server.partner, "other", "USD", 1000);
    server.add_session(server.partner, "other", "USD", "other", Lang::EN);
    server.play(&PLAYS.bet(3, 500));
    let answer = server.play(&Plays("other").bet(3, 500));
    assert_eq!(told(&answer), (5, Some(1000)));
}

#[test]
fn currencies_and_id_spaces_have_ids_of_their_own() {
    let server = Server::start();
    server.add_player(server.partner, PLAYER, "UAH", 700);
    server.add_session(server.partner, PLAYER, "UAH", "hryvnia", Lang::EN);
    let same = server.add_partner("agent_2", "default", Vec::new());
    server.add_player(same, PLAYER, "USD", 800);
    server.add_session(same, PLAYER, "USD", "same_space", Lang::EN);
    let other = server.add_partner("agent_3", "elsewhere", Vec::new());
    server.add_player(other, PLAYER, "USD", 900);
    server.add_session(other, PLAYER, "USD", "other_space", Lang::EN);
    for (token, code, wanted) in [
        (TOKEN, CODE, (1, Some(99_500))),
        (TOKEN, "hryvnia", (1, Some(200))),
        ("agent_2", "same_space", (5, Some(800))),
        ("agent_3", "other_space", (1, Some(400))),
    ] {
        let answer = server.connect().post(token, &Plays(code).bet(3, 500));
        assert_eq!(told(&answer.body), wanted, "{code}");
    }
}

#[test]
fn a_refused_bet_does_not_use_up_its_id() {
    let server = Server::start();
    let large = PLAYS.bet(3, 100_001);
    assert_eq!(told(&server.play(&large)), (4, Some(100_000)));
    server.adjust("0.01", "a cent");
    assert_eq!(told(&server.play(&large)), (1, Some(0)));
}

#[test]
fn a_bet_needs_a_live_session_and_an_unblocked_player() {
    let server = Server::start();
    server.play(&PLAYS.bet(3, 500));
    server.block(true);
    assert_eq!(told(&server.play(&PLAYS.bet(4, 1))), (8, Some(99_500)));
    let repeated = server.play(&PLAYS.bet(3, 500));
    assert_eq!(told(&repeated), (1, Some(99_500)), "repeated while blocked");
    server.ledger.close_session(&CODE.parse().unwrap()).unwrap();
    assert_eq!(told(&server.play(&PLAYS.bet(4, 1))), (3, Some(99_500)));
    let repeated = server.play(&PLAYS.bet(3, 500));
    assert_eq!(told(&repeated), (1, Some(99_500)), "repeated when closed");
}

#[test]
fn a_session_lives_on_from_its_last_accepted_bet() {
    let server = Server::start();
    let almost = Span::from_seconds(24 * 3600 - 1);
    server.clock.advance(almost);
    assert_eq!(told(&server.play(&PLAYS.bet(3, 1))).0, 1);
    server.clock.advance(almost);
    assert_eq!(told(&server.play(&PLAYS.bet(4, 1))).0, 1);
    server.clock.advance(almost);
    assert_eq!(told(&server.play(&PLAYS.bet(4, 1))).0, 1, "a repetition");
    assert_eq!(told(&server.play(&PLAYS.bet(5, 999_999))).0, 4, "a refusal");
    server.clock.advance(Span::from_seconds(1));
    assert_eq!(told(&server.play(&PLAYS.bet(5, 1))).0, 3);
}

#[test]
fn bets_are_judged_in_the_documented_order() {
    let rules = Rules {
        bet_max: Amount::from_cents(600),
        ..Rules::default()
    };
    let server = Server::with(Setup {
        rules,
        ..Setup::default()
    });
    server.play(&PLAYS.bet(3, 500));
    server.play(&PLAYS.cancel(9));
    server.adjust("-990.00", "nearly all");
    let answer = server.play(&PLAYS.bet(4, 601));
    assert_eq!(told(&answer).0, 9, "a limit before the balance");
    assert_eq!(told(&server.play(&PLAYS.bet(4, 600))).0, 4);
    server.block(true);
    let answer = server.play(&PLAYS.bet(4, 601));
    assert_eq!(told(&answer).0, 8, "a block before the limit");
    server.ledger.close_session(&CODE.parse().unwrap()).unwrap();
    let answer = server.play(&PLAYS.bet(4, 601));
    assert_eq!(told(&answer).0, 3, "the session before the block");
    let answer = server.play(&PLAYS.bet(3, 601));
    assert_eq!(told(&answer).0, 5, "the id before the session");
    let answer = server.play(&PLAYS.bet(9, 601));
    assert_eq!(told(&answer).0, 6, "a voided id before all else");
}

#[test]
fn a_code_belongs_to_one_wallet_token() {
    let server = Server::start();
    server.add_partner("agent_2", "default", Vec::new());
    for body in [
        PLAYS.credit(),
        PLAYS.bet(3, 5),
        PLAYS.win(3, 5),
        PLAYS.cancel(3),
    ] {
        let answer = server.connect().post("agent_2", &body);
        assert_eq!(told(&answer.body), (2, None), "{body}");
    }
}

#[test]
fn a_repetition_is_honoured_after_a_restart() {
    let server = Server::start();
    server.play(&PLAYS.bet(3, 500));
    let books = std::sync::Arc::clone(&server.books);
    server.stop().unwrap();
    let server = Server::over(books, Setup::default());
    assert_eq!(told(&server.play(&PLAYS.bet(3, 500))), (1, Some(99_500)));
    assert_eq!(told(&server.play(&PLAYS.bet(3, 501))), (5, Some(99_500)));
}
