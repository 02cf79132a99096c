//! What is no request is told so, with HTTP 200 and the member's name, and changes nothing
//! (wallet-api.md, The Wallet URL and Small print). The tables of all faults are in the decoder.

use crate::support::{CODE, Plays, Server, TOKEN, told};

const PLAYS: Plays<'_> = Plays(CODE);

#[test]
fn malformed_requests_name_the_member_and_bear_no_credit() {
    let server = Server::start();
    for (body, text) in [
        ("", "body must be one JSON object"),
        ("not json", "body must be one JSON object"),
        (
            "{\"type\":\"credit\",\"code\":\"c\"} x",
            "body must be one JSON object",
        ),
        ("{\"code\":\"c\"}", "type is missing"),
        (
            &PLAYS.bet(3, 5).replace(":5", ":5.0"),
            "bet must be an integer",
        ),
        (
            &PLAYS.bet(3, 5).replace(":5", ":1e2"),
            "bet must be an integer",
        ),
        (
            &PLAYS.win(3, 5).replace(":5", ":-5"),
            "win must be from 0 to 1000000000000000",
        ),
        (
            &PLAYS.bet(3, 5).replace("\"id\":3", "\"id\":3,\"id\":3"),
            "id is given twice",
        ),
    ] {
        let answer = server.play(body);
        assert_eq!(told(&answer), (7, None), "{body}");
        let wanted = format!("\"err_desc\":\"Malformed request: {text}\",\"time\":");
        assert!(answer.contains(&wanted), "{answer}");
    }
    assert_eq!(told(&server.play(&PLAYS.credit())), (1, Some(100_000)));
}

#[test]
fn faults_are_told_in_the_documented_order() {
    let server = Server::start();
    for (body, result) in [
        ("[{\"type\":\"spin\"}]", 7),
        ("{\"type\":\"spin\",\"code\":5}", 10),
        ("{\"type\":\"bet\",\"code\":\"nobody\"}", 7),
        (&Plays("nobody").bet(3, 5), 2),
        (&Plays("nobody").cancel(3), 2),
    ] {
        assert_eq!(told(&server.play(body)), (result, None), "{body}");
    }
}

#[test]
fn the_content_type_and_the_query_are_not_looked_at() {
    let server = Server::start();
    let body = PLAYS.credit();
    let request = format!(
        "POST /wallet/{TOKEN}?code=other HTTP/1.1\r\nHost: h\r\nContent-Type: text/html\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = server.connect().ask(request.as_bytes());
    assert_eq!((answer.status, told(&answer.body).0), (200, 1));
    assert!(
        answer
            .head
            .contains("\r\ncontent-type: application/json\r\n"),
        "{answer:?}"
    );
}

#[test]
fn a_body_of_exactly_4_kib_is_read() {
    let server = Server::start();
    let credit = PLAYS.credit();
    let padded = format!("{credit}{}", " ".repeat(4096 - credit.len()));
    assert_eq!(told(&server.play(&padded)), (1, Some(100_000)));
    let answer = server.post(&format!("{padded} "));
    assert_eq!((answer.status, told(&answer.body)), (413, (7, None)));
    assert!(answer.closes(), "{answer:?}");
}

#[test]
fn unknown_tokens_are_told_so_for_any_method_and_other_methods_are_named() {
    let server = Server::start();
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let request = |token: &str| {
            let length = "Content-Length: 0";
            format!("{method} /wallet/{token} HTTP/1.1\r\nHost: h\r\n{length}\r\n\r\n")
        };
        for token in [
            "nobody",
            "agent_1/",
            "agent_1/x",
            "",
            "agent%5F1",
            "AGENT_1",
        ] {
            let answer = server.connect().ask(request(token).as_bytes());
            let seen = (answer.status, told(&answer.body));
            assert_eq!(seen, (404, (15, None)), "{method} {token}");
        }
        let answer = server.connect().ask(request(TOKEN).as_bytes());
        if method == "POST" {
            assert_eq!(answer.status, 200);
        } else {
            let seen = (answer.status, told(&answer.body));
            assert_eq!(seen, (405, (7, None)), "{method}");
            assert!(answer.head.contains("\r\nallow: POST\r\n"), "{answer:?}");
        }
    }
}
