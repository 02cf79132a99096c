//! The bounds that callers meet, and their defaults, in one place (operations.md, Limits).

use crate::time::Span;

/// What one caller, and all of them together, may take. Every default stands in [`Default`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once to the public address; the next gets 503 and is closed.
    pub connections_max: u32,
    /// Connections at once to the admin address, apart, so that the public cannot use them up.
    pub admin_connections_max: u32,
    /// Request line and headers, in bytes: at least 8192, the parser's own buffer.
    pub head_bytes_max: usize,
    /// Header lines of one request, at most 100.
    pub headers_max: u32,
    /// Body of a wallet request, in bytes.
    pub wallet_body_bytes_max: usize,
    /// Body of any other request, in bytes.
    pub body_bytes_max: usize,
    /// From a request's first byte to the end of its headers.
    pub head_time: Span,
    /// From there to the end of its body.
    pub body_time: Span,
    /// Without a request.
    pub idle_time: Span,
    /// Without taking a byte of an answer that is ready.
    pub write_time: Span,
    /// For reading what a caller still sends to a connection that is being closed, so that the
    /// answer reaches it.
    pub linger_time: Span,
    /// For requests in flight when the server is to stop.
    pub drain_time: Span,
    /// Failed authentications of one address in a minute; the next gets 429.
    pub failed_authentications_per_minute_max: u32,
    /// Entries that wait for the journal; the next request gets 503.
    pub queue_entries_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 10_000,
            admin_connections_max: 256,
            head_bytes_max: 16 * 1024,
            headers_max: 64,
            wallet_body_bytes_max: 4 * 1024,
            body_bytes_max: 64 * 1024,
            head_time: Span::from_seconds(10),
            body_time: Span::from_seconds(10),
            idle_time: Span::from_seconds(75),
            write_time: Span::from_seconds(30),
            linger_time: Span::from_seconds(1),
            drain_time: Span::from_seconds(10),
            failed_authentications_per_minute_max: 20,
            queue_entries_max: 65_536,
        }
    }
}
