//! Bodies of answers: whole before the first byte leaves, as nearly all are, or streamed by a
//! thread that waits for the caller.
//!
//! A streamed body is whole only if its [`Sink`] has said so. Whatever else ends it, a fault, a
//! panic, the server's end, cuts the connection before the last chunk, so that nobody takes a
//! part for the whole.

use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// Pieces that wait for the caller; then the thread that makes them does.
const PIECES_MAX: usize = 4;

/// What an answer bears.
pub(super) enum Answer {
    /// All of it. Takes no memory besides.
    Whole(Full<Bytes>),
    /// Piece by piece.
    Streamed(mpsc::Receiver<Piece>),
}

/// Something for a streamed body.
pub(super) enum Piece {
    /// Some bytes.
    Data(Bytes),
    /// That was all.
    End,
}

/// Where a thread that may block puts a streamed body in.
pub(super) struct Sink(mpsc::Sender<Piece>);

/// The caller has gone away: nobody reads on.
#[derive(Debug)]
pub(super) struct Gone;

/// A streamed body ended before it was whole.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer broke off before its end")
    }
}

impl std::error::Error for Cut {}

impl Answer {
    /// A body that is there.
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Answer {
        Answer::Whole(Full::new(bytes.into()))
    }

    /// A body to come, and where it is put in.
    pub(super) fn streamed() -> (Sink, Answer) {
        let (sender, receiver) = mpsc::channel(PIECES_MAX);
        (Sink(sender), Answer::Streamed(receiver))
    }
}

impl Sink {
    /// Puts bytes in; waits until there is room.
    pub(super) fn put(&self, bytes: Vec<u8>) -> Result<(), Gone> {
        let piece = Piece::Data(Bytes::from(bytes));
        self.0.blocking_send(piece).map_err(|_| Gone)
    }

    /// Says that this was all.
    pub(super) fn end(self) -> Result<(), Gone> {
        self.0.blocking_send(Piece::End).map_err(|_| Gone)
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Answer::Whole(body) => pin!(body)
                .poll_frame(context)
                .map_err(|never| match never {}),
            Answer::Streamed(pieces) => Poll::Ready(match ready!(pieces.poll_recv(context)) {
                Some(Piece::Data(bytes)) => Some(Ok(Frame::data(bytes))),
                Some(Piece::End) => None,
                None => Some(Err(Cut)),
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Answer::Whole(body) => body.is_end_stream(),
            Answer::Streamed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Answer::Whole(body) => body.size_hint(),
            Answer::Streamed(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn read(answer: Answer) -> Result<Bytes, Cut> {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().unwrap();
        let body = runtime.block_on(answer.collect())?;
        Ok(body.to_bytes())
    }

    #[test]
    fn a_stream_is_whole_only_where_its_sink_says_so() {
        let (sink, answer) = Answer::streamed();
        sink.put(b"one ".to_vec()).unwrap();
        sink.put(b"two".to_vec()).unwrap();
        sink.end().unwrap();
        assert_eq!(&read(answer).unwrap()[..], b"one two");

        let (sink, answer) = Answer::streamed();
        sink.put(b"one ".to_vec()).unwrap();
        drop(sink);
        assert!(read(answer).is_err());
    }

    #[test]
    fn whoever_streams_hears_that_nobody_reads_on() {
        let (sink, answer) = Answer::streamed();
        drop(answer);
        assert!(sink.put(b"one".to_vec()).is_err());
        assert!(sink.end().is_err());
    }
}
