//! Who may call a Wallet URL (wallet-api.md, The Wallet URL), and what each side of the server
//! shows.

use crate::support::{Answer, CODE, Client, Plays, Server, Setup, TOKEN, told};

fn post_with(server: &Server, headers: &str) -> Answer {
    let body = Plays(CODE).credit();
    let request = format!(
        "POST /wallet/{TOKEN} HTTP/1.1\r\nHost: h\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    server.connect().ask(request.as_bytes())
}

fn server(allowed: &[&str], proxies: &[&str]) -> Server {
    let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    Server::with(Setup {
        game_server_addresses: networks(allowed),
        trusted_proxies: networks(proxies),
        ..Setup::default()
    })
}

#[test]
fn a_partners_list_names_who_may_call() {
    let open = server(&[], &[]);
    assert_eq!(post_with(&open, "").status, 200);
    let listed = server(&["192.0.2.0/24", "127.0.0.0/8"], &[]);
    assert_eq!(post_with(&listed, "").status, 200);
    let elsewhere = server(&["192.0.2.0/24"], &[]);
    let answer = post_with(&elsewhere, "");
    assert_eq!((answer.status, told(&answer.body)), (403, (16, None)));
}

#[test]
fn an_untrusted_peers_header_is_not_believed() {
    let listed = server(&["192.0.2.0/24"], &[]);
    let answer = post_with(&listed, "X-Forwarded-For: 192.0.2.1\r\n");
    assert_eq!(answer.status, 403);
}

#[test]
fn a_trusted_proxy_names_the_caller() {
    let listed = server(&["192.0.2.0/24"], &["127.0.0.1/32", "10.0.0.0/8"]);
    for (headers, status) in [
        ("X-Forwarded-For: 192.0.2.1\r\n", 200),
        (
            "x-forwarded-for: 198.51.100.1, 192.0.2.1, 10.0.0.7\r\n",
            200,
        ),
        ("X-Forwarded-For: ::ffff:192.0.2.1\r\n", 200),
        ("X-Forwarded-For: 192.0.2.1, 198.51.100.1\r\n", 403),
        (
            "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.1\r\n",
            403,
        ),
        ("X-Forwarded-For: unknown\r\n", 403),
        ("X-Forwarded-For:\r\n", 403),
        ("", 403),
    ] {
        assert_eq!(post_with(&listed, headers).status, status, "{headers}");
    }
}

#[test]
fn the_address_is_judged_before_the_body_and_after_the_method() {
    let listed = server(&["192.0.2.0/24"], &[]);
    let get = format!("GET /wallet/{TOKEN} HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(listed.connect().ask(get.as_bytes()).status, 405);
    let large = " ".repeat(5000);
    assert_eq!(listed.connect().post(TOKEN, &large).status, 403);
    assert_eq!(listed.connect().post("nobody", &large).status, 404);
}

#[test]
fn health_is_told_on_both_sides_and_admin_paths_on_one() {
    let server = Server::start();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").into_bytes();
    for address in [server.public, server.admin] {
        let mut client = Client::connect(address);
        let alive = client.ask(&get("/healthz"));
        assert_eq!((alive.status, &*alive.body), (200, r#"{"alive":true}"#));
        let ready = client.ask(&get("/readyz?x"));
        assert_eq!((ready.status, &*ready.body), (200, r#"{"ready":true}"#));
        client.send(b"HEAD /readyz HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(client.answer_to(false).unwrap().status, 200);
        let put = client.ask(b"PUT /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(put.status, 405);
        assert!(put.head.contains("\r\nallow: GET, HEAD\r\n"), "{put:?}");
    }
    let unknown = server.connect().ask(&get("/no/such/path"));
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.body, r#"{"success":false,"message":"Not found"}"#);
    for path in ["/admin/v1/partners", "/admin/v1/", "/metrics", "/"] {
        assert_eq!(server.connect().ask(&get(path)), unknown, "{path}");
    }
    let wallet = Client::connect(server.admin).post(TOKEN, &Plays(CODE).credit());
    assert_eq!(wallet.status, 404);
    server.ledger.shut_down();
    let ready = server.connect().ask(&get("/readyz"));
    let reason = r#"{"ready":false,"reason":"shutting down"}"#;
    assert_eq!((ready.status, &*ready.body), (503, reason));
}
