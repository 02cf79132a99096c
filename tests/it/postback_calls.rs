//! Postbacks over real sockets: what is sent, what ends the telling, and how little a receiver
//! that means ill can do (paykassma-api.md, Postbacks; reliability.md, A21).

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use coffer::engine::postback::{Answer, PostbackKind, PostbackRules};
use coffer::engine::settings::PartnerSettings;
use coffer::engine::withdrawal::WithdrawalWord;
use coffer::http::sender::{Sender, Teller, web_roots};
use coffer::sim::sample;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::merchants::{told, withdrawal};
use crate::support::Server;

const BODY: &str = r#"{"amount":13629,"additional_data":[],"signature":"s"}"#;

/// Longer than any answer takes that comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// So short that who waits for no answer is not held up for long.
const IMPATIENCE: Duration = Duration::from_millis(200);

fn teller(patience: Duration) -> Teller {
    Teller::new(true, patience, web_roots())
}

fn within<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

/// Reads a whole request with a body that says its length.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut more = [0; 1024];
        let count = stream.read(&mut more).await.unwrap_or(0);
        bytes.extend_from_slice(&more[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_it = name.eq_ignore_ascii_case("content-length");
            is_it.then(|| value.trim().parse::<usize>().unwrap())
        });
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
        if count == 0 || body.is_some_and(|body| Some(body) == length) {
            return text;
        }
    }
}

/// A receiver that answers each request with these bytes and closes; what it was asked.
async fn receiver(answer: &'static [u8]) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = request(&mut stream).await;
            drop(asked.send(request));
            drop(stream.write_all(answer).await);
        }
    });
    (address, requests)
}

async fn tell(teller: &Teller, at: SocketAddr, path: &str) -> Answer {
    let url = format!("http://{at}{path}").parse().unwrap();
    teller.tell(&url, BODY).await
}

#[test]
fn a_postback_is_posted_as_it_is_and_ends_where_it_is_taken() {
    within(async {
        let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"OK\"}";
        let (at, mut requests) = receiver(ok).await;
        let answer = tell(&teller(PATIENCE), at, "/postback?shop=1").await;
        assert_eq!(answer, Answer::new(true, Some(200), r#"{"status":"OK"}"#));
        let request = requests.recv().await.unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, BODY);
        let mut lines = head.lines();
        assert_eq!(lines.next(), Some("POST /postback?shop=1 HTTP/1.1"));
        let host = format!("host: {at}");
        for line in [host.as_str(), "content-type: application/json"] {
            assert!(
                lines.clone().any(|of| of.eq_ignore_ascii_case(line)),
                "{head}"
            );
        }
    });
}

#[test]
fn what_is_no_acknowledgement_is_kept_for_the_operator() {
    within(async {
        for (answer, status, text) in [
            (
                &b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nsorry"[..],
                500,
                "sorry",
            ),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
                200,
                "null",
            ),
            (b"HTTP/1.1 204 No\r\n\r\n", 204, ""),
        ] {
            let (at, _requests) = receiver(answer).await;
            let told = tell(&teller(PATIENCE), at, "/").await;
            assert_eq!(told, Answer::new(false, Some(status), text));
        }
    });
}

#[test]
fn no_redirect_is_followed() {
    within(async {
        let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}";
        let (elsewhere, mut requests) = receiver(ok).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await;
            let leads = format!(
                "HTTP/1.1 307 There\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n"
            );
            stream.write_all(leads.as_bytes()).await.unwrap();
        });
        let answer = tell(&teller(PATIENCE), at, "/").await;
        assert_eq!(answer, Answer::new(false, Some(307), ""));
        assert!(requests.try_recv().is_err());
    });
}

#[test]
fn answers_without_an_end_are_cut_off() {
    within(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let written = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await;
            let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n{\"status\":\"ok\"}";
            stream.write_all(head).await.unwrap();
            let mut written = 0_u64;
            while stream.write_all(&[b' '; 4096]).await.is_ok() {
                written += 4096;
            }
            written
        });
        let answer = tell(&teller(PATIENCE), at, "/").await;
        assert!(!answer.taken && answer.text.starts_with(r#"{"status":"ok"}"#));
        // What the machine's buffers took, and no more.
        assert!(written.await.unwrap() < 64 << 20);
        let (at, _requests) = receiver(&[b'x'; 100_000]).await;
        assert!(
            !tell(&teller(PATIENCE), at, "/").await.taken,
            "a head without an end"
        );
    });
}

#[test]
fn who_hangs_breaks_off_or_is_not_there_gets_it_again() {
    within(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let answer = tell(&teller(IMPATIENCE), at, "/").await;
        assert_eq!(answer, Answer::new(false, None, "no whole answer in time"));
        drop(listener);
        let answer = tell(&teller(PATIENCE), at, "/").await;
        assert!(answer.text.starts_with("no connection"), "{answer:?}");
        for broken in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"stat",
        ] {
            let (at, _requests) = receiver(broken).await;
            let answer = tell(&teller(PATIENCE), at, "/").await;
            assert!(answer.text.starts_with("no HTTP answer"), "{answer:?}");
        }
    });
}

#[test]
fn private_addresses_are_not_called_unless_that_is_allowed() {
    within(async {
        let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}";
        let (at, mut requests) = receiver(ok).await;
        let teller = Teller::new(false, PATIENCE, web_roots());
        for host in [
            "127.0.0.1",
            "localhost",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
        ] {
            let url = format!("http://{host}:{}/", at.port()).parse().unwrap();
            let answer = teller.tell(&url, BODY).await;
            assert!(
                answer.text.contains("allow_private_addresses"),
                "{answer:?}"
            );
        }
        assert!(requests.try_recv().is_err());
    });
}

/// A receiver behind TLS, whose certificate the test's own root has signed.
async fn behind_tls() -> (SocketAddr, Arc<AtomicU32>) {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/shop.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/shop.key")).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer_ok(stream, &counted).await;
            }
        }
    });
    (address, asked)
}

async fn answer_ok(mut stream: impl AsyncRead + AsyncWrite + Unpin, asked: &AtomicU32) {
    if request(&mut stream).await.contains(BODY) {
        asked.fetch_add(1, Ordering::SeqCst);
    }
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}";
    drop(stream.write_all(ok).await);
    drop(stream.shutdown().await);
}

#[test]
fn certificates_are_believed_by_their_roots_and_for_their_names() {
    within(async {
        let (at, asked) = behind_tls().await;
        let root = CertificateDer::from_pem_slice(include_bytes!("tls/root.pem")).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let believing = Teller::new(true, PATIENCE, roots);
        let url = |host: &str| format!("https://{host}:{}/", at.port()).parse().unwrap();
        for (teller, host, taken) in [
            (&believing, "localhost", true),
            (&believing, "127.0.0.1", false),
            (&teller(PATIENCE), "localhost", false),
        ] {
            let answer = teller.tell(&url(host), BODY).await;
            assert_eq!(answer.taken, taken, "{host}: {answer:?}");
            assert!(taken || answer.text.starts_with("no TLS"), "{answer:?}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_sender_tells_what_was_decided_and_holds_nobody_up_for_who_hangs() {
    let server = Server::start();
    within(async {
        let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}";
        let (well, mut requests) = receiver(ok).await;
        let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hangs = hanging.local_addr().unwrap();
        let merchant = |token: &str, at: SocketAddr| {
            let new = coffer::engine::command::NewPartner {
                settings: PartnerSettings {
                    check_withdrawal_funds: false,
                    withdrawal_postback_url: Some(format!("http://{at}/").parse().unwrap()),
                    ..PartnerSettings::default()
                },
                ..sample::partner(token, "INR".parse().unwrap())
            };
            server
                .ledger
                .create_partner(new, sample::secrets())
                .unwrap()
                .value
        };
        let (slow, quick) = (merchant("slow", hangs), merchant("quick", well));
        let sender = Sender {
            ledger: Arc::clone(&server.ledger),
            rules: PostbackRules::default(),
            teller: teller(PATIENCE),
        };
        let (over, is_over) = oneshot::channel::<()>();
        let sending = tokio::spawn(sender.run(async { drop(is_over.await) }));
        let mut due = Vec::new();
        for step in 0..20 {
            for merchant in [&slow, &quick] {
                let new = withdrawal(Some(&format!("w{step}")), "upi_ib", 100);
                let asked = server
                    .ledger
                    .create_withdrawal(merchant, &new)
                    .unwrap()
                    .value;
                let word = WithdrawalWord::Approve(None);
                let decided = server
                    .ledger
                    .decide_on_withdrawal(asked.created, &word, &told);
                if merchant.number == quick.number {
                    due.push(decided.unwrap().value.document.postback_name());
                }
            }
        }
        let mut reached: Vec<coffer::id::PostbackName> = Vec::new();
        for _ in &due {
            let request = requests.recv().await.unwrap();
            let body = request.split_once("\r\n\r\n").unwrap().1;
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["to"], quick.number.to_string());
            reached.push(body["withdrawal_id"].as_str().unwrap().parse().unwrap());
        }
        reached.sort_unstable();
        due.sort_unstable();
        assert_eq!(reached, due);
        drop((over, hanging));
        sending.await.unwrap();
        let left = |of| (server.ledger).due_postbacks(of, PostbackKind::Withdrawal, 99);
        let none = left(quick.number);
        assert_eq!(none, Ok(vec![]), "what came of each was taken down");
        assert_eq!(left(slow.number).unwrap().len(), 20);
    });
}
