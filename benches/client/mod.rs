//! Game servers' connections, and many of them at once, for benches that speak HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// The `time` of every request.
pub(crate) const TIME: &str = "21-09-2023 03:23:23";

/// Two threads of their own, so that what is measured and what measures share none.
pub(crate) fn runtime(name: &str) -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(2)
        .thread_name(name)
        .enable_all()
        .build()
        .unwrap()
}

/// One connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Connection {
            stream,
            request: Vec::new(),
            answer: vec![0; 1024],
        }
    }

    /// Sends one request to the Wallet URL of `token`, which must be taken.
    pub(crate) async fn post(&mut self, token: &str, body: &str) {
        let head = format!("POST /wallet/{token} HTTP/1.1\r\nHost: bench\r\n");
        self.ask(&head, body, br#""result":1,"#).await;
    }

    /// Sends one request, whose answer must say `accepted`. The head ends before its length.
    pub(crate) async fn ask(&mut self, head: &str, body: &str, accepted: &[u8]) {
        let length = format!("Content-Length: {}\r\n\r\n", body.len());
        self.request.clear();
        for part in [head, &length, body] {
            self.request.extend_from_slice(part.as_bytes());
        }
        self.stream.write_all(&self.request).await.unwrap();
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.answer[filled..]).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            filled += read;
            // The answer is one object, nothing follows it, and it comes in one piece.
            if self.answer[filled - 1] == b'}' {
                break;
            }
        }
        let answer = &self.answer[..filled];
        let mut texts = answer.windows(accepted.len());
        assert!(
            texts.any(|text| text == accepted),
            "{}",
            String::from_utf8_lossy(answer)
        );
    }
}

/// Who sends one request after the other.
pub(crate) trait Player: Send + 'static {
    /// Sends the next request and takes its answer.
    fn play(&mut self) -> impl Future<Output = ()> + Send;
}

/// Players of one server, connected once.
pub(crate) struct Load<P> {
    pub(crate) players: Vec<P>,
}

impl<P: Player> Load<P> {
    /// How long `requests` take, each player sending its next when its last is answered.
    pub(crate) fn play(&mut self, runtime: &Runtime, requests: u64) -> Duration {
        let left = Arc::new(AtomicU64::new(requests));
        let start = Instant::now();
        runtime.block_on(async {
            let mut tasks = Vec::new();
            for mut player in self.players.drain(..) {
                let left = Arc::clone(&left);
                tasks.push(tokio::spawn(async move {
                    while left
                        .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                            left.checked_sub(1)
                        })
                        .is_ok()
                    {
                        player.play().await;
                    }
                    player
                }));
            }
            for task in tasks {
                self.players.push(task.await.unwrap());
            }
        });
        start.elapsed()
    }
}

/// The middle one.
pub(crate) fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}
