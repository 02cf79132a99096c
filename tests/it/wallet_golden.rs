//! The Wallet API byte for byte: the document's requests as it prints them, and one answer for
//! each row of the table of errors.

use coffer::engine::command::Rules;
use coffer::id::Lang;
use coffer::money::Amount;
use coffer::time::Span;

use crate::golden;
use crate::support::{PLAYER, Server, Setup, TOKEN, wallet_request};

fn sample(server: &Server, name: &str, body: &str) {
    sample_of(server, name, &wallet_request(TOKEN, body));
}

fn sample_of(server: &Server, name: &str, request: &[u8]) {
    golden::sample(server, "wallet", name, request);
}

const CREDIT: &str =
    r#"{"code":"hmeu134_56eEYeGgre","type":"credit","time":"21-09-2023 03:23:23"}"#;
const BET: &str = r#"{"bet":500,"code":"hmeu134_56eEYeGgre","game":1012,"id":3,"type":"bet","time":"21-09-2023 03:23:23"}"#;
const WIN: &str = r#"{"code":"hmeu134_56eEYeGgre","game":1012,"id":4,"type":"win","win":1000,"time":"21-09-2023 03:23:23"}"#;
const CANCEL: &str =
    r#"{"code":"hmeu134_56eEYeGgre","id":5,"type":"cancel","time":"21-09-2023 03:23:23"}"#;
const ROUND_BET: &str = r#"{"bet":100,"code":"hmeu134_56eEYeGgre","game":1053,"id":85,"round_id":85,"type":"bet","time":"21-09-2023 07:27:44"}"#;
const ROUND_WIN: &str = r#"{"code":"hmeu134_56eEYeGgre","game":1053,"id":86,"round_id":85,"type":"win","win":50,"time":"21-09-2023 07:27:45"}"#;
const ROUND_LOST: &str = r#"{"code":"hmeu134_56eEYeGgre","game":1053,"id":86,"round_id":85,"type":"win","win":0,"time":"21-09-2023 07:27:45"}"#;
const ROUND_CANCEL: &str = r#"{"code":"hmeu134_56eEYeGgre","id":5,"type":"cancel","round_id":85,"time":"21-09-2023 07:27:45"}"#;

#[test]
fn the_documents_requests_get_the_documents_answers() {
    let server = Server::start();
    sample(&server, "credit.accepted", CREDIT);
    sample(&server, "bet.accepted", BET);
    sample(&server, "win.accepted", WIN);
    let server = Server::start();
    server.play(r#"{"bet":700,"code":"hmeu134_56eEYeGgre","game":1012,"id":5,"type":"bet"}"#);
    sample(&server, "cancel.accepted", CANCEL);
}

#[test]
fn the_documents_round_is_won_lost_or_cancelled() {
    let server = Server::start();
    sample(&server, "round.bet", ROUND_BET);
    sample(&server, "round.win", ROUND_WIN);
    let server = Server::start();
    server.play(ROUND_BET);
    sample(&server, "round.lost", ROUND_LOST);
    sample(&server, "round.cancel_of_an_unknown_bet", ROUND_CANCEL);
}

#[test]
fn repetitions_are_answered_like_the_first_time() {
    let server = Server::start();
    server.play(BET);
    sample(&server, "bet.repeated", BET);
    server.play(WIN);
    sample(&server, "win.repeated", WIN);
    server.play(CANCEL);
    sample(&server, "cancel.repeated", CANCEL);
}

#[test]
fn refusals_2_to_6_are_worded_as_documented() {
    let server = Server::start();
    sample(
        &server,
        "2.session_not_found",
        r#"{"code":"nobody","type":"credit"}"#,
    );
    let large = BET.replace("500", "100001");
    sample(&server, "4.insufficient_funds", &large);
    server.play(BET);
    let other = BET.replace("500", "501");
    sample(&server, "5.transaction_id_already_used", &other);
    server.play(CANCEL);
    let late = BET.replace("\"id\":3", "\"id\":5");
    sample(&server, "6.transaction_was_cancelled", &late);
    server.clock.advance(Span::from_seconds(25 * 3600));
    let late = BET.replace("\"id\":3", "\"id\":6");
    sample(&server, "3.session_expired", &late);
}

#[test]
fn refusals_7_to_10_are_worded_as_documented() {
    let rules = Rules {
        bet_max: Amount::from_cents(1000),
        ..Rules::default()
    };
    let server = Server::with(Setup {
        rules,
        ..Setup::default()
    });
    let text = BET.replace("500", "\"500\"");
    sample(&server, "7.malformed_request", &text);
    sample(&server, "7.no_object", "[]");
    let large = BET.replace("500", "1001");
    sample(&server, "9.limit_exceeded", &large);
    let other = BET.replace("\"type\":\"bet\"", "\"type\":\"spin\"");
    sample(&server, "10.unknown_request_type", &other);
    server.block(true);
    sample(&server, "8.player_blocked", BET);
}

#[test]
fn refusals_11_to_14_are_worded_as_documented() {
    let server = Server::start();
    server.play(ROUND_BET);
    let cancel = ROUND_CANCEL.replace("\"id\":5", "\"id\":85");
    let other = cancel.replace("\"round_id\":85", "\"round_id\":84");
    sample(&server, "11.round_mismatch", &other);
    server.play(ROUND_WIN);
    sample(&server, "14.round_already_paid", &cancel);
    let win = cancel.replace("\"id\":85", "\"id\":86");
    sample(&server, "12.only_a_bet_can_be_cancelled", &win);
    server.adjust("90071992546408.00", "fill up");
    let large = WIN.replace("1000", "1000000");
    sample(&server, "13.balance_out_of_range", &large);
}

#[test]
fn answers_around_the_protocol_have_its_shape() {
    let server = Server::start();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: coffer.test\r\n\r\n");
    sample_of(
        &server,
        "15.unknown_wallet_token",
        &wallet_request("nobody", CREDIT),
    );
    sample_of(&server, "15.get", get("/wallet/nobody").as_bytes());
    let slash = format!("{TOKEN}/");
    sample_of(
        &server,
        "15.trailing_slash",
        &wallet_request(&slash, CREDIT),
    );
    let path = format!("/wallet/{TOKEN}?type=credit");
    sample_of(&server, "405.method", get(&path).as_bytes());
    // The length alone is enough: the body is not waited for.
    let length = "Content-Length: 4097";
    let large = format!("POST /wallet/{TOKEN} HTTP/1.1\r\nHost: coffer.test\r\n{length}\r\n\r\n");
    sample_of(&server, "413.body", large.as_bytes());
    server.ledger.shut_down();
    sample(&server, "50.temporarily_unavailable", BET);

    let server = Server::with(Setup {
        game_server_addresses: vec!["192.0.2.0/24".parse().unwrap()],
        ..Setup::default()
    });
    sample(&server, "16.address_not_allowed", CREDIT);
}

#[test]
fn a_sessions_language_words_its_refusals() {
    let de: Lang = "de".parse().unwrap();
    let row = [("4".to_owned(), "Guthaben reicht nicht".to_owned())];
    let server = Server::with(Setup {
        texts: [(de, row.into())].into(),
        utc_offset: "+05:30".parse().unwrap(),
        ..Setup::default()
    });
    server.add_session(server.partner, PLAYER, "USD", "deutsch", de);
    let bet = r#"{"code":"deutsch","type":"bet","game":1,"id":1,"bet":999999}"#;
    sample(&server, "4.in_german_and_in_india", bet);
}
