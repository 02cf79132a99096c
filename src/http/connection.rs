//! One connection's bytes, with a deadline on everything that a caller can delay.
//!
//! The HTTP parser has no deadline for a body or for a caller who never reads, and one for heads
//! that counts idle time too. So the deadlines live here, beneath it: a head, a body, idling and
//! writing each have their own. One timer a connection serves all of them. It is never set earlier
//! and never touched while requests flow: it rings at least once in the shortest of the limits,
//! and whoever finds it ringing works out which deadline holds now.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Instant, Sleep};

use super::framing::{Fault, Framing, Place};
use crate::config::Limits;

/// Who is at the other end, and what the bytes tell about its requests. Shared by the connection,
/// which finds faults, and the service, which answers them.
#[derive(Debug)]
pub(super) struct Caller {
    /// The direct peer, canonical.
    pub(super) peer: IpAddr,
    /// Requests that reached the service.
    served: AtomicU64,
    /// The head of the first fault, and its kind in the two lowest bits; 0 is none.
    fault: AtomicU64,
}

impl Caller {
    pub(super) fn new(peer: IpAddr) -> Caller {
        Caller {
            peer: peer.to_canonical(),
            served: AtomicU64::new(0),
            fault: AtomicU64::new(0),
        }
    }

    /// Counts a request, and tells what is wrong with its head. Heads come to the service in the
    /// order in which they were read, so that the count names the head.
    pub(super) fn next_request(&self) -> Option<Fault> {
        // One task serves a connection: nobody counts at the same time.
        let number = self.served.fetch_add(1, Ordering::Relaxed) + 1;
        let fault = self.fault.load(Ordering::Relaxed);
        if fault >> 2 != number {
            return None;
        }
        match fault & 3 {
            1 => Some(Fault::RepeatedContentLength),
            2 => Some(Fault::BareLineFeed),
            _ => Some(Fault::TooManyHeaders),
        }
    }

    fn blame(&self, number: u64, fault: Fault) {
        let kind = match fault {
            Fault::RepeatedContentLength => 1,
            Fault::BareLineFeed => 2,
            Fault::TooManyHeaders => 3,
        };
        self.fault.store(number << 2 | kind, Ordering::Relaxed);
    }
}

/// A stream that gives up on a caller who lets it wait too long.
pub(super) struct Connection<S> {
    stream: S,
    caller: Arc<Caller>,
    framing: Framing,
    limits: Limits,
    /// No deadline is shorter than this; the timer rings at least so often.
    tick: Duration,
    timer: Pin<Box<Sleep>>,
    /// When the last answer left, or the connection began.
    idle_since: Instant,
    /// When the head or body under way began.
    part_since: Instant,
    /// Since when an answer has been waiting for the caller to take a byte of it.
    write_since: Option<Instant>,
    linger_until: Option<Instant>,
    ended: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(stream: S, caller: Arc<Caller>, limits: &Limits) -> Connection<S> {
        let now = Instant::now();
        let spans = [
            limits.head_time,
            limits.body_time,
            limits.idle_time,
            limits.write_time,
        ];
        let tick = spans.into_iter().min().unwrap_or_default().duration();
        Connection {
            stream,
            caller,
            framing: Framing::new(limits.headers_max, limits.head_bytes_max),
            limits: *limits,
            tick,
            timer: Box::pin(tokio::time::sleep_until(now + tick)),
            idle_since: now,
            part_since: now,
            write_since: None,
            linger_until: None,
            ended: false,
        }
    }

    fn observe(&mut self, bytes: &[u8]) {
        let was = (self.framing.heads(), kind(self.framing.place()));
        self.framing.observe(bytes);
        let is = (self.framing.heads(), kind(self.framing.place()));
        if is.1 != Kind::Between && is != was {
            self.part_since = Instant::now();
        }
        if let Some((number, fault)) = self.framing.fault() {
            self.caller.blame(number, fault);
        }
    }

    fn read_deadline(&self) -> Instant {
        match kind(self.framing.place()) {
            Kind::Between => self.idle_since + self.limits.idle_time.duration(),
            Kind::Head => self.part_since + self.limits.head_time.duration(),
            Kind::Body => self.part_since + self.limits.body_time.duration(),
        }
    }

    /// Ready once `deadline` has passed; else the task is woken then, or earlier.
    fn poll_deadline(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            if now >= deadline {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(deadline.min(now + self.tick));
        }
        Poll::Pending
    }

    /// Reads and drops what the caller still sends, until it closes or its time is over. A socket
    /// that is closed over unread bytes is reset, which may take the answer with it.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let until = match self.linger_until {
            Some(until) => until,
            None => {
                let until = Instant::now() + self.limits.linger_time.duration();
                self.timer.as_mut().reset(until);
                *self.linger_until.insert(until)
            }
        };
        let mut space = [0; 4096];
        loop {
            if self.poll_deadline(until, context).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
    }
}

/// The deadline that a place has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Between,
    Head,
    Body,
}

fn kind(place: Place) -> Kind {
    match place {
        Place::Between => Kind::Between,
        Place::Head | Place::Lost => Kind::Head,
        Place::Body(_) | Place::ChunkSize { .. } | Place::Chunk(_) | Place::Trailer { .. } => {
            Kind::Body
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                let bytes = &buffer.filled()[before..];
                self.ended = bytes.is_empty();
                self.observe(bytes);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let deadline = self.read_deadline();
                ready!(self.poll_deadline(deadline, context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Ready(written) => {
                self.write_since = None;
                self.idle_since = Instant::now();
                Poll::Ready(written)
            }
            Poll::Pending => {
                let since = *self.write_since.get_or_insert_with(Instant::now);
                let deadline = since + self.limits.write_time.duration();
                ready!(self.poll_deadline(deadline, context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Says that no more will be written, then waits a little for a caller who is still sending.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger_until.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        if !self.ended && kind(self.framing.place()) != Kind::Between {
            ready!(self.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }
}
