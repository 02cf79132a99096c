//! A game server on a socket: one connection kept open, one request after the other. And a
//! server in this process over any ledger.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use coffer::engine::command::Command;
use coffer::http::serve;
use coffer::ledger::{Latched, Ledger};
use coffer::time::Clock;
use tokio::sync::oneshot;

use crate::support::{Setup, state};

/// Who waits so long has failed. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);

/// `result` and `credit` of an answer.
pub(crate) type Answer = (u8, Option<u64>);

/// A connection to a Wallet URL.
pub(crate) struct GameServer {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl GameServer {
    pub(crate) fn connect(address: SocketAddr) -> Result<GameServer> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let buffer = Vec::with_capacity(1024);
        Ok(GameServer { stream, buffer })
    }

    /// Sends one request and reads its answer.
    ///
    /// # Errors
    /// The connection failed or ended: nobody knows what became of the request.
    pub(crate) fn ask(&mut self, token: &str, code: &str, command: &Command) -> Result<Answer> {
        let body = body(code, command);
        let length = body.len();
        let head = format!("POST /wallet/{token} HTTP/1.1\r\nHost: c\r\nContent-Length: {length}");
        self.stream
            .write_all(format!("{head}\r\n\r\n{body}").as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Answer> {
        self.buffer.clear();
        let (head, length) = loop {
            self.fill()?;
            if let Some(end) = self
                .buffer
                .windows(4)
                .position(|bytes| bytes == b"\r\n\r\n")
            {
                break (end + 4, content_length(&self.buffer[..end])?);
            }
        };
        while self.buffer.len() < head + length {
            self.fill()?;
        }
        let body = &self.buffer[head..];
        assert_eq!(body.len(), length, "one answer for one request");
        assert!(
            self.buffer.starts_with(b"HTTP/1.1 200 "),
            "{}",
            text(&self.buffer)
        );
        Ok(told(body))
    }

    fn fill(&mut self) -> Result<()> {
        let mut chunk = [0; 2048];
        match self.stream.read(&mut chunk)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Ok(())
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn content_length(head: &[u8]) -> Result<usize> {
    let head = text(head).to_ascii_lowercase();
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    line.and_then(|value| value.trim().parse().ok())
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, head.clone()))
}

/// The request as wallet-api.md writes it.
fn body(code: &str, command: &Command) -> String {
    let round = |round: Option<coffer::id::RoundId>| {
        round.map_or(String::new(), |round| format!(",\"round_id\":{round}"))
    };
    match command {
        Command::Credit => format!("{{\"type\":\"credit\",\"code\":\"{code}\"}}"),
        Command::Bet(content) | Command::Win(content) => {
            let kind = if matches!(command, Command::Bet(_)) {
                "bet"
            } else {
                "win"
            };
            format!(
                "{{\"type\":\"{kind}\",\"code\":\"{code}\",\"game\":{},\"id\":{},\"{kind}\":{}{}}}",
                content.game,
                content.id,
                content.amount.cents(),
                round(content.round)
            )
        }
        Command::Cancel(cancel) => format!(
            "{{\"type\":\"cancel\",\"code\":\"{code}\",\"id\":{}{}}}",
            cancel.id,
            round(cancel.round)
        ),
    }
}

/// Reads an answer and checks that it has the members of its kind and no other.
fn told(body: &[u8]) -> Answer {
    let value: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(body).unwrap_or_else(|error| panic!("{error}: {}", text(body)));
    let number = |name: &str| value.get(name).map(|value| value.as_u64().unwrap());
    let result = number("result").expect("every answer has a result");
    let credit = number("credit");
    if result == 1 {
        assert!(
            credit.is_some() && value["time"].is_string(),
            "{}",
            text(body)
        );
        assert!(!value.contains_key("err_code"), "{}", text(body));
    } else {
        assert_eq!(number("err_code"), Some(result), "{}", text(body));
        assert!(value["err_desc"].is_string(), "{}", text(body));
    }
    (u8::try_from(result).unwrap(), credit)
}

/// A server in this process. Dropping it shuts it down.
pub(crate) struct InProcess {
    pub(crate) public: SocketAddr,
    ledger: Arc<Ledger>,
    runtime: tokio::runtime::Runtime,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<tokio::task::JoinHandle<std::result::Result<(), Latched>>>,
}

impl InProcess {
    /// Serves a ledger whose committer runs elsewhere.
    pub(crate) fn over(ledger: Arc<Ledger>, clock: Arc<dyn Clock>) -> InProcess {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (public, admin) = runtime.block_on(async {
            let bind = || tokio::net::TcpListener::bind("127.0.0.1:0");
            (bind().await.unwrap(), bind().await.unwrap())
        });
        let address = public.local_addr().unwrap();
        let disk = Arc::new(coffer::sim::disk::SimDisk::new());
        let state = state(Arc::clone(&ledger), clock, &Setup::default(), disk);
        let (stop, stopped) = oneshot::channel();
        let serving = runtime.spawn(serve(state, public, admin, async {
            stopped.await.ok();
        }));
        InProcess {
            public: address,
            ledger,
            runtime,
            stop: Some(stop),
            serving: Some(serving),
        }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.ledger.shut_down();
        self.stop.take();
        if let Some(serving) = self.serving.take() {
            let ended = self.runtime.block_on(serving);
            if !std::thread::panicking() {
                ended.unwrap().unwrap();
            }
        }
    }
}
