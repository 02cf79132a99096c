//! Where in a conversation a caller is: between requests, in a head, or in a body.
//!
//! A second look at the bytes that the HTTP parser reads, for what the parser does not tell: how
//! long a head or body has been under way, and the faults that it lets pass (a repeated
//! Content-Length of equal value, bare line feeds, more headers than we allow). It judges nothing
//! else: what the parser refuses, the parser answers. Bytes may come in any pieces.

/// Follows the requests of one connection.
#[derive(Debug)]
pub(super) struct Framing {
    place: Place,
    heads: u64,
    head: Head,
    headers_max: u32,
    head_bytes_max: usize,
    fault: Option<(u64, Fault)>,
}

/// Where the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before a request's first byte.
    Between,
    /// In a request line or header.
    Head,
    /// In a body; so many bytes of it are to come.
    Body(u64),
    /// In a line that tells a chunk's size.
    ChunkSize { size: u64, read: bool },
    /// In a chunk, its line end included.
    Chunk(u64),
    /// Behind the last chunk, up to an empty line.
    Trailer { empty: bool },
    /// Behind a fault: the connection is about to be closed.
    Lost,
}

/// What is wrong with a head that the parser accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// More than one Content-Length.
    RepeatedContentLength,
    /// A line that ends without a carriage return.
    BareLineFeed,
    /// More header lines than allowed.
    TooManyHeaders,
}

/// What is known of the head under way.
#[derive(Debug, Default)]
struct Head {
    /// The unfinished line, where it came in pieces.
    line: Vec<u8>,
    bytes: usize,
    lines: u32,
    content_length: Option<u64>,
    chunked: bool,
}

impl Framing {
    pub(super) fn new(headers_max: u32, head_bytes_max: usize) -> Framing {
        Framing {
            place: Place::Between,
            heads: 0,
            head: Head::default(),
            headers_max,
            head_bytes_max,
            fault: None,
        }
    }

    /// Where the next byte belongs.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// How many heads have ended.
    pub(super) fn heads(&self) -> u64 {
        self.heads
    }

    /// The first fault, and in which head: 1 is the connection's first.
    pub(super) fn fault(&self) -> Option<(u64, Fault)> {
        self.fault
    }

    /// Takes note of the next bytes.
    pub(super) fn observe(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Between => self.in_between(bytes),
                Place::Head => self.in_head(bytes),
                Place::Body(left) => self.in_body(left, bytes, Place::Body, Place::Between),
                Place::ChunkSize { size, read } => self.in_chunk_size(size, read, bytes),
                Place::Chunk(left) => {
                    let next = Place::ChunkSize {
                        size: 0,
                        read: false,
                    };
                    self.in_body(left, bytes, Place::Chunk, next)
                }
                Place::Trailer { empty } => self.in_trailer(empty, bytes),
                Place::Lost => return,
            };
        }
    }

    /// Empty lines ahead of a request are passed over, as the parser does.
    fn in_between<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let empty = bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        if empty < bytes.len() {
            self.place = Place::Head;
            self.head.bytes = 0;
            self.head.lines = 0;
            self.head.content_length = None;
            self.head.chunked = false;
        }
        &bytes[empty..]
    }

    fn in_head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
            self.head.bytes += bytes.len();
            self.head.line.extend_from_slice(bytes);
            if self.head.bytes > self.head_bytes_max {
                // The parser refuses it at the same length.
                self.place = Place::Lost;
            }
            return &[];
        };
        let (line, rest) = bytes.split_at(end + 1);
        self.head.bytes += line.len();
        if self.head.line.is_empty() {
            self.end_line(&line[..end]);
        } else {
            let mut whole = std::mem::take(&mut self.head.line);
            whole.extend_from_slice(&line[..end]);
            self.end_line(&whole);
            whole.clear();
            self.head.line = whole;
        }
        rest
    }

    fn end_line(&mut self, line: &[u8]) {
        let Some(line) = line.strip_suffix(b"\r") else {
            return self.blame(Fault::BareLineFeed);
        };
        if line.is_empty() {
            return self.end_head();
        }
        self.head.lines += 1;
        // The first line is the request line.
        if self.head.lines > self.headers_max + 1 {
            return self.blame(Fault::TooManyHeaders);
        }
        let name_ends = |length: usize, name: &[u8]| {
            line.get(length) == Some(&b':') && line[..length].eq_ignore_ascii_case(name)
        };
        if name_ends(14, b"content-length") {
            if self.head.content_length.is_some() {
                return self.blame(Fault::RepeatedContentLength);
            }
            self.head.content_length = Some(number(&line[15..]));
        } else if name_ends(17, b"transfer-encoding") {
            self.head.chunked = true;
        }
    }

    fn end_head(&mut self) {
        self.heads += 1;
        self.place = match self.head.content_length {
            _ if self.head.chunked => Place::ChunkSize {
                size: 0,
                read: false,
            },
            Some(length) if length > 0 => Place::Body(length),
            _ => Place::Between,
        };
    }

    fn in_body<'a>(
        &mut self,
        left: u64,
        bytes: &'a [u8],
        within: fn(u64) -> Place,
        behind: Place,
    ) -> &'a [u8] {
        let taken = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let left = left - taken as u64;
        self.place = if left == 0 { behind } else { within(left) };
        &bytes[taken..]
    }

    fn in_chunk_size<'a>(&mut self, size: u64, read: bool, bytes: &'a [u8]) -> &'a [u8] {
        let (byte, rest) = (bytes[0], &bytes[1..]);
        let digit = char::from(byte).to_digit(16).filter(|_| !read);
        self.place = match (byte, digit) {
            (b'\n', _) if size == 0 => Place::Trailer { empty: true },
            (b'\n', _) => Place::Chunk(size.saturating_add(2)),
            (_, Some(digit)) => Place::ChunkSize {
                size: size.saturating_mul(16).saturating_add(u64::from(digit)),
                read: false,
            },
            (_, None) => Place::ChunkSize { size, read: true },
        };
        rest
    }

    fn in_trailer<'a>(&mut self, empty: bool, bytes: &'a [u8]) -> &'a [u8] {
        self.place = match bytes[0] {
            b'\n' if empty => Place::Between,
            b'\n' => Place::Trailer { empty: true },
            b'\r' => Place::Trailer { empty },
            _ => Place::Trailer { empty: false },
        };
        &bytes[1..]
    }

    fn blame(&mut self, fault: Fault) {
        self.fault = Some((self.heads + 1, fault));
        self.place = Place::Lost;
    }
}

/// The value of a Content-Length; what is no number, the parser refuses.
fn number(text: &[u8]) -> u64 {
    text.iter()
        .filter(|byte| byte.is_ascii_digit())
        .fold(0, |value: u64, byte| {
            value
                .saturating_mul(10)
                .saturating_add(u64::from(byte - b'0'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pieces: &[&[u8]]) -> Framing {
        let mut framing = Framing::new(3, 64);
        for piece in pieces {
            framing.observe(piece);
        }
        framing
    }

    #[test]
    fn places_follow_the_bytes() {
        for (bytes, heads, place) in [
            (&b""[..], 0, Place::Between),
            (b"\r\n\r\n", 0, Place::Between),
            (b"\r\nP", 0, Place::Head),
            (b"GET / HTTP/1.1\r\nHost: a\r\n", 0, Place::Head),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1, Place::Between),
            (b"P / H\r\nContent-Length: 5\r\n\r\nab", 1, Place::Body(3)),
            (
                b"P / H\r\ncontent-length:0005 \r\n\r\nabcde",
                1,
                Place::Between,
            ),
            (b"P / H\r\ncontent-length: 2\r\n\r\nabG", 1, Place::Head),
            (b"P / H\r\ncontent-length: 0\r\n\r\n", 1, Place::Between),
            (b"P / H\r\nx-content-length: 5\r\n\r\n", 1, Place::Between),
            (
                b"P / H\r\nTransfer-Encoding: chunked\r\n\r\n1F;x=2\r\n",
                1,
                Place::Chunk(33),
            ),
            (
                b"P / H\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
                1,
                Place::ChunkSize {
                    size: 0,
                    read: false,
                },
            ),
            (
                b"P / H\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n",
                1,
                Place::Trailer { empty: true },
            ),
            (
                b"P / H\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\nG",
                1,
                Place::Head,
            ),
        ] {
            let framing = after(&[bytes]);
            let text = String::from_utf8_lossy(bytes);
            assert_eq!((framing.heads(), framing.place()), (heads, place), "{text}");
            assert_eq!(framing.fault(), None, "{text}");
        }
    }

    #[test]
    fn faults_name_the_head_that_they_are_in() {
        for (bytes, fault) in [
            (
                &b"P / H\r\nContent-Length: 0\r\ncontent-length: 0\r\n\r\n"[..],
                Fault::RepeatedContentLength,
            ),
            (b"P / H\nHost: a\r\n\r\n", Fault::BareLineFeed),
            (b"P / H\r\nHost: a\r\n\n", Fault::BareLineFeed),
            (
                b"P / H\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n\r\n",
                Fault::TooManyHeaders,
            ),
        ] {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(after(&[bytes]).fault(), Some((1, fault)), "{text}");
            let first = b"P / H\r\ncontent-length: 1\r\n\r\nx";
            let framing = after(&[first, bytes, first]);
            assert_eq!(framing.fault(), Some((2, fault)), "{text}");
            assert_eq!(framing.place(), Place::Lost, "{text}");
        }
        assert_eq!(
            after(&[b"P / H\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n"]).fault(),
            None
        );
    }

    #[test]
    fn a_head_without_end_is_not_kept() {
        let framing = after(&[&[b'x'; 60], &[b'x'; 60], &[b'x'; 60]]);
        assert_eq!(framing.place(), Place::Lost);
        assert!(framing.head.line.len() <= 120);
    }

    proptest::proptest! {
        #[test]
        fn pieces_make_no_difference(cuts in proptest::collection::vec(1..9_usize, 0..60)) {
            let whole = b"POST /w HTTP/1.1\r\nContent-Length: 4\r\n\r\n\r\n\r\nP / H\r\n\
                Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n\
                P / H\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n";
            let mut framing = Framing::new(3, 64);
            let mut rest = &whole[..];
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                framing.observe(piece);
                rest = behind;
            }
            framing.observe(rest);
            proptest::prop_assert_eq!(framing.fault(), Some((3, Fault::RepeatedContentLength)));
        }

        #[test]
        fn no_bytes_panic(pieces: Vec<Vec<u8>>) {
            let mut framing = Framing::new(3, 64);
            for piece in pieces {
                framing.observe(&piece);
            }
        }
    }
}
