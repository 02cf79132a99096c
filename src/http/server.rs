//! Accepts, bounds and drains connections.
//!
//! A permit, then a task per connection. On shutdown the listeners close first; connections that
//! are idle end, those in a request finish it, and what is still there after the drain time is
//! cut off. A latched ledger cuts all of them off at once, without a byte.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWrite;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::State;
use super::connection::{Caller, Connection};
use super::route::Side;
use super::service::{Unanswered, answer};
use crate::config::Limits;
use crate::ledger::Latched;
use crate::protocol::admin::Fault;
use crate::protocol::wallet::reply::TOO_MANY_CONNECTIONS;

/// Callers at once who are told that there are too many; any more are closed unheard.
const TURNED_AWAY_MAX: usize = 256;

/// Between two tries to accept when the machine gives no socket.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// Idle connections end, requests in flight are finished.
    Draining,
    /// Everything is dropped.
    Over,
}

/// Serves both addresses until `shutdown` completes, then drains.
///
/// # Errors
/// [`Latched`]: the disk failed; all connections were closed without a byte. The process is to end
/// with an error and recover at its next start.
pub async fn serve(
    state: Arc<State>,
    public: TcpListener,
    admin: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Latched> {
    let limits = state.settings.limits;
    let (phase, watching) = watch::channel(Phase::Serving);
    let phase = Arc::new(phase);
    let door = |side, connections_max: u32| Door {
        state: Arc::clone(&state),
        side,
        phase: Arc::clone(&phase),
        parser: parser(&limits),
        permits: Arc::new(Semaphore::new(connections_max as usize)),
        turned_away: Arc::new(Semaphore::new(TURNED_AWAY_MAX)),
    };
    let public_door = door(Side::Public, limits.connections_max);
    let admin_door = door(Side::Admin, limits.admin_connections_max);
    let mut over = watching.clone();
    tokio::select! {
        () = shutdown => {}
        _ = over.wait_for(|&phase| phase == Phase::Over) => {}
        never = public_door.accept(public) => match never {},
        never = admin_door.accept(admin) => match never {},
    }
    // Both listeners are closed by now. A latch stays: phases only move on.
    move_on(&phase, Phase::Draining);
    let drained = async {
        public_door.emptied(limits.connections_max).await;
        admin_door.emptied(limits.admin_connections_max).await;
    };
    let latched = tokio::select! {
        () = drained => *watching.borrow() == Phase::Over,
        _ = over.wait_for(|&phase| phase == Phase::Over) => true,
        () = tokio::time::sleep(limits.drain_time.duration()) => false,
    };
    move_on(&phase, Phase::Over);
    public_door.emptied(limits.connections_max).await;
    admin_door.emptied(limits.admin_connections_max).await;
    if latched { Err(Latched) } else { Ok(()) }
}

fn move_on(phase: &watch::Sender<Phase>, next: Phase) {
    phase.send_if_modified(|phase| {
        let moves = *phase < next;
        *phase = next.max(*phase);
        moves
    });
}

/// The HTTP parser, whose own deadline for heads is off: [`Connection`] knows better ones.
fn parser(limits: &Limits) -> http1::Builder {
    let mut parser = http1::Builder::new();
    parser
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        // A caller who has said all that it will say still gets its answer.
        .half_close(true)
        // Answers are small: one buffer, one write.
        .writev(false)
        .max_header_size(limits.head_bytes_max)
        .max_buf_size(limits.head_bytes_max.max(8192));
    parser
}

/// One address and who came in through it.
struct Door {
    state: Arc<State>,
    side: Side,
    phase: Arc<watch::Sender<Phase>>,
    parser: http1::Builder,
    permits: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
}

impl Door {
    async fn accept(&self, listener: TcpListener) -> Infallible {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit(stream, peer),
                // Mostly the caller's own doing, or too few file descriptors, which pass.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let connections = self.state.meters.connections(self.side);
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            connections.accepted.add();
            let talk = converse(
                Arc::clone(&self.state),
                self.side,
                Arc::clone(&self.phase),
                self.parser.clone(),
                stream,
                peer,
                permit,
            );
            tokio::spawn(talk);
            return;
        }
        connections.refused.add();
        if let Ok(permit) = Arc::clone(&self.turned_away).try_acquire_owned() {
            let linger = self.state.settings.limits.linger_time.duration();
            let side = self.side;
            tokio::spawn(async move {
                // Who does not listen need not be told.
                drop(tokio::time::timeout(linger, turn_away(stream, side)).await);
                drop(permit);
            });
        }
    }

    /// Completes when nobody who came in is left.
    async fn emptied(&self, connections_max: u32) {
        let all = self.permits.acquire_many(connections_max).await;
        drop(all.expect("the semaphore is never closed"));
    }
}

/// Tells one caller too many, then waits for it to close: see [`Connection`] on lingering.
async fn turn_away(mut stream: TcpStream, side: Side) -> io::Result<()> {
    let body = match side {
        Side::Public => Cow::Borrowed(TOO_MANY_CONNECTIONS),
        Side::Admin => Cow::Owned(Fault::TooManyConnections.encode()),
    };
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let answer = [head.as_bytes(), &*body].concat();
    // A fresh socket takes so few bytes at once.
    poll_fn(|context| Pin::new(&mut stream).poll_write(context, &answer)).await?;
    poll_fn(|context| Pin::new(&mut stream).poll_shutdown(context)).await?;
    let mut space = [0; 1024];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut space) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// A place among the connections; given back when it is dropped.
struct Inside {
    state: Arc<State>,
    side: Side,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.state.meters.connections(self.side).ended.add();
    }
}

/// Serves one connection to its end.
async fn converse(
    state: Arc<State>,
    side: Side,
    phase: Arc<watch::Sender<Phase>>,
    parser: http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    permit: OwnedSemaphorePermit,
) {
    // Declared first, given back last: when the connection is gone.
    let _inside = Inside {
        state: Arc::clone(&state),
        side,
        _permit: permit,
    };
    // An answer is one write; waiting to fill a packet would only delay it. Where the option
    // cannot be set the connection is gone already, which reading will tell.
    drop(stream.set_nodelay(true));
    let caller = Arc::new(Caller::new(peer.ip()));
    let io = Connection::new(stream, Arc::clone(&caller), &state.settings.limits);
    let service = service_fn(move |request| {
        let (state, caller) = (Arc::clone(&state), Arc::clone(&caller));
        async move { answer(&state, side, &caller, request).await }
    });
    let mut connection = pin!(parser.serve_connection(TokioIo::new(io), service));
    let mut watching = phase.subscribe();
    let ended = loop {
        tokio::select! {
            biased;
            ended = &mut connection => break ended,
            _ = watching.changed() => {}
        }
        match *watching.borrow_and_update() {
            Phase::Serving => {}
            Phase::Draining => connection.as_mut().graceful_shutdown(),
            Phase::Over => break Ok(()),
        }
    };
    if let Err(error) = ended
        && let Some(cause) = std::error::Error::source(&error)
        && matches!(cause.downcast_ref(), Some(Unanswered::Latched))
    {
        move_on(&phase, Phase::Over);
    }
}
