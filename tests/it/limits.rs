//! What a hostile or broken caller meets (operations.md, Limits). Deadlines are set short here;
//! only what comes of them is asserted, never when.

use coffer::http::Limits;
use coffer::time::Span;

use crate::support::{ADMIN_KEY, CODE, Client, Plays, Server, Setup, TOKEN, told, wallet_request};

fn server(limits: Limits) -> Server {
    Server::with(Setup {
        limits,
        ..Setup::default()
    })
}

fn assert_serves(server: &Server) {
    assert_eq!(told(&server.play(&Plays(CODE).credit())).0, 1);
}

#[test]
fn only_http_1_1_is_spoken() {
    let server = Server::start();
    let mut client = server.connect();
    let answer = client.ask(b"GET /healthz HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(answer.status, 505);
    assert!(client.is_closed());
    let mut client = server.connect();
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(client.is_closed());
}

#[test]
fn doubtful_heads_are_refused_and_the_connection_closed() {
    let server = Server::start();
    let path = format!("/wallet/{TOKEN}");
    let body = Plays(CODE).credit();
    let length = body.len();
    for head in [
        format!("POST {path} HTTP/1.1\r\nContent-Length: {length}\r\n"),
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: {length}\r\n"),
        format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\ncontent-length: {length}\r\n"
        ),
        format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\nContent-Length: 0\r\n"
        ),
        format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}, {length}\r\n"),
        format!("POST {path} HTTP/1.1\nHost: h\nContent-Length: {length}\r\n"),
        format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: +{length}\r\n"),
        format!("POST {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n"),
        format!("POST {path} HTTP/1.1\r\nHost : h\r\nContent-Length: {length}\r\n"),
    ] {
        let mut client = server.connect();
        client.send(format!("{head}\r\n{body}").as_bytes());
        // Some of these the parser refuses without a word.
        if let Some(answer) = client.answer() {
            assert_eq!(answer.status, 400, "{head}");
        }
        assert!(client.is_closed(), "{head}");
    }
    assert_serves(&server);
}

#[test]
fn a_fault_is_told_of_the_request_that_has_it() {
    let server = Server::start();
    let good = wallet_request(TOKEN, &Plays(CODE).credit());
    let bad = format!(
        "POST /wallet/{TOKEN} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n"
    );
    let mut client = server.connect();
    client.send(&[&good, &good, bad.as_bytes(), &good].concat());
    assert_eq!(client.answer().unwrap().status, 200);
    assert_eq!(client.answer().unwrap().status, 200);
    assert_eq!(client.answer().unwrap().status, 400);
    assert!(client.is_closed());
}

#[test]
fn both_framing_headers_are_read_as_chunked_answered_and_closed() {
    let server = Server::start();
    let body = Plays(CODE).credit();
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let head =
        format!("POST /wallet/{TOKEN} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n");
    let mut client = server.connect();
    let answer = client.ask(format!("{head}Content-Length: 3\r\n\r\n{chunks}").as_bytes());
    assert_eq!((answer.status, told(&answer.body).0), (200, 1));
    assert!(client.is_closed());
    let mut client = server.connect();
    for _ in 0..3 {
        let answer = client.ask(format!("{head}\r\n{chunks}").as_bytes());
        assert_eq!((answer.status, told(&answer.body).0), (200, 1));
    }
}

#[test]
fn heads_are_bounded_in_bytes_and_lines() {
    let server = Server::start();
    let head = |headers: &str| format!("GET /healthz HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
    let lines = |count: usize| "X: y\r\n".repeat(count);
    let answer = server.connect().ask(head(&lines(63)).as_bytes());
    assert_eq!(answer.status, 200);
    let mut client = server.connect();
    assert_eq!(client.ask(head(&lines(64)).as_bytes()).status, 431);
    assert!(client.is_closed());
    let wide = |length: usize| format!("X: {}\r\n", "y".repeat(length));
    let answer = server.connect().ask(head(&wide(16_000)).as_bytes());
    assert_eq!(answer.status, 200);
    let mut client = server.connect();
    for piece in head(&wide(17_000)).as_bytes().chunks(1500) {
        client.try_send(piece);
    }
    assert_eq!(client.answer().unwrap().status, 431);
    assert!(client.is_closed());
    assert_serves(&server);
}

#[test]
fn bodies_are_bounded_and_the_refusal_arrives() {
    let server = Server::start();
    let large = "x".repeat(100_000);
    let mut client = server.connect();
    client.try_send(&wallet_request(TOKEN, &large));
    assert_eq!(client.answer().unwrap().status, 413);
    assert!(client.ends_in_order());
    let mut client = server.connect();
    client.send(
        format!("POST /wallet/{TOKEN} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            .as_bytes(),
    );
    for _ in 0..5 {
        client.try_send(format!("400\r\n{}\r\n", &large[..1024]).as_bytes());
    }
    assert_eq!(client.answer().unwrap().status, 413);
    assert!(client.ends_in_order());
    let body = "x".repeat(64 * 1024 + 1);
    let request = format!(
        "POST /admin/v1/partners HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {ADMIN_KEY}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut client = Client::connect(server.admin);
    client.try_send(request.as_bytes());
    let answer = client.answer().unwrap();
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("body_too_large"), "{}", answer.body);
    assert!(client.ends_in_order());
    assert_serves(&server);
}

#[test]
fn a_refused_caller_may_finish_sending() {
    let server = server(Limits {
        linger_time: Span::from_seconds(60),
        ..Limits::default()
    });
    let mut client = server.connect();
    client.send(
        format!("POST /wallet/{TOKEN} HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n")
            .as_bytes(),
    );
    assert_eq!(client.answer().unwrap().status, 413);
    assert!(client.ends_in_order());
    // Torn down over unread bytes, the answer might have been lost on its way.
    for _ in 0..200 {
        assert!(client.try_send(&[b'x'; 1000]));
    }
}

#[test]
fn a_slow_head_a_slow_body_and_idling_end_the_connection() {
    let short = Span::from_seconds(1);
    let server = server(Limits {
        head_time: short,
        body_time: short,
        idle_time: Span::from_seconds(2),
        ..Limits::default()
    });
    let mut silent = server.connect();
    let mut head = server.connect();
    head.send(b"POST /wallet/x HTTP/1.1\r\nHo");
    let mut body = server.connect();
    body.send(b"POST /wallet/agent_1 HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{");
    let mut idle = server.connect();
    assert_eq!(idle.post(TOKEN, &Plays(CODE).credit()).status, 200);
    let mut later = server.connect();
    assert_eq!(later.post(TOKEN, &Plays(CODE).credit()).status, 200);
    later.send(b"GET");
    for client in [&mut silent, &mut head, &mut body, &mut idle, &mut later] {
        assert!(client.is_closed());
    }
    assert_serves(&server);
}

#[test]
fn a_caller_who_never_reads_is_dropped() {
    let server = server(Limits {
        write_time: Span::from_seconds(1),
        ..Limits::default()
    });
    let mut client = server.connect();
    let request = wallet_request(TOKEN, &Plays(CODE).credit()).repeat(1000);
    // Each round fills the buffers on the way a little more, until the server gives up.
    while client.try_send(&request) {}
    assert_serves(&server);
}

#[test]
fn one_connection_too_many_is_told_so() {
    let server = server(Limits {
        connections_max: 2,
        ..Limits::default()
    });
    let mut first = server.connect();
    let mut second = server.connect();
    assert_eq!(first.post(TOKEN, &Plays(CODE).credit()).status, 200);
    assert_eq!(second.post(TOKEN, &Plays(CODE).credit()).status, 200);
    let mut third = server.connect();
    third.try_send(&wallet_request(TOKEN, &Plays(CODE).credit()));
    let answer = third.answer().unwrap();
    assert_eq!((answer.status, told(&answer.body)), (503, (50, None)));
    assert!(answer.closes() && third.is_closed());
    assert_eq!(first.post(TOKEN, &Plays(CODE).credit()).status, 200);
    let health = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(Client::connect(server.admin).ask(health).status, 200);
}

#[test]
fn requests_in_pieces_in_a_row_and_half_closed_are_answered() {
    let server = Server::start();
    let request = wallet_request(TOKEN, &Plays(CODE).credit());
    let mut client = server.connect();
    for byte in &request {
        client.send(&[*byte]);
    }
    assert_eq!(client.answer().unwrap().status, 200);
    client.send(&request.repeat(50));
    for _ in 0..50 {
        assert_eq!(told(&client.answer().unwrap().body).0, 1);
    }
    client.send(&request);
    client.finish_sending();
    assert_eq!(client.answer().unwrap().status, 200);
    assert!(client.is_closed());
}

#[test]
fn an_upgrade_is_not_taken_up() {
    let server = Server::start();
    let body = Plays(CODE).credit();
    let request = format!(
        "POST /wallet/{TOKEN} HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut client = server.connect();
    for _ in 0..2 {
        assert_eq!(client.ask(request.as_bytes()).status, 200);
    }
}
