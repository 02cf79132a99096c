//! `multipart/form-data`: a form whose fields are the parameters, and perhaps a picture of the
//! payment (paykassma-api.md, Deposits).

use std::fmt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::{BodyDataStream, Full};
use multer::{Constraints, Multipart, SizeLimit, parse_boundary};

use crate::protocol::paykassma::value::{Members, Value};

/// Bytes of a picture, at most (operations.md, Limits).
pub const SCREENSHOT_BYTES_MAX: usize = 5 << 20;

/// Bytes of all else together, at most.
pub const FIELDS_BYTES_MAX: usize = 64 << 10;

/// The field that bears the picture.
const SCREENSHOT: &str = "screenshot";

/// Fields, at most; the document has seven.
const FIELDS_MAX: usize = 32;

/// What a form says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Its fields, but for the picture.
    pub members: Members,
    /// The picture, unless there is none.
    pub screenshot: Option<Screenshot>,
}

/// A picture of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screenshot {
    /// What it is by its first bytes, whatever its sender called it.
    pub kind: ScreenshotKind,
    /// The picture.
    pub bytes: Bytes,
}

/// What a picture may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScreenshotKind {
    /// `image/png`.
    Png,
    /// `image/jpeg`.
    Jpeg,
    /// `application/pdf`.
    Pdf,
}

impl ScreenshotKind {
    /// As a `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            ScreenshotKind::Png => "image/png",
            ScreenshotKind::Jpeg => "image/jpeg",
            ScreenshotKind::Pdf => "application/pdf",
        }
    }
}

/// Why a body is no form that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormFault {
    /// It is no form at all, or has a field twice.
    Malformed,
    /// It, or its picture, is too large.
    TooLarge,
    /// The picture is none.
    NoScreenshot,
}

impl fmt::Display for FormFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FormFault::Malformed => super::texts::MALFORMED_FORM,
            FormFault::TooLarge => super::texts::BODY_TOO_LARGE,
            FormFault::NoScreenshot => "The screenshot must be a PNG, JPEG or PDF file.",
        })
    }
}

impl std::error::Error for FormFault {}

/// Reads a whole body that came under a `Content-Type`.
///
/// # Errors
/// [`FormFault`].
pub fn decode(content_type: &str, body: Bytes) -> Result<Form, FormFault> {
    let boundary = parse_boundary(content_type).map_err(|_| FormFault::Malformed)?;
    let mut read = pin!(read(boundary, body));
    // All bytes are there: nothing is ever waited for.
    match read.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(form) => form,
        Poll::Pending => Err(FormFault::Malformed),
    }
}

async fn read(boundary: String, body: Bytes) -> Result<Form, FormFault> {
    let limits = SizeLimit::new()
        .per_field(FIELDS_BYTES_MAX as u64)
        .for_field(SCREENSHOT, SCREENSHOT_BYTES_MAX as u64);
    let constraints = Constraints::new().size_limit(limits);
    let stream = BodyDataStream::new(Full::new(body));
    let mut parts = Multipart::with_constraints(stream, boundary, constraints);
    let mut form = Form {
        members: Vec::new(),
        screenshot: None,
    };
    while let Some(part) = parts.next_field().await.map_err(|error| fault(&error))? {
        let name = part.name().ok_or(FormFault::Malformed)?.to_owned();
        let bytes = part.bytes().await.map_err(|error| fault(&error))?;
        if name == SCREENSHOT {
            if form.screenshot.is_some() {
                return Err(FormFault::Malformed);
            }
            form.screenshot = screenshot(bytes)?;
            continue;
        }
        let is_known = form.members.iter().any(|(known, _)| *known == name);
        if is_known || form.members.len() == FIELDS_MAX {
            return Err(FormFault::Malformed);
        }
        let text = String::from_utf8(bytes.into()).map_err(|_| FormFault::Malformed)?;
        form.members.push((name, Value::Text(text)));
    }
    Ok(form)
}

fn fault(error: &multer::Error) -> FormFault {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            FormFault::TooLarge
        }
        _ => FormFault::Malformed,
    }
}

/// A file field that was left empty has no bytes.
fn screenshot(bytes: Bytes) -> Result<Option<Screenshot>, FormFault> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let kinds = [
        (&b"\x89PNG\r\n\x1a\n"[..], ScreenshotKind::Png),
        (&b"\xff\xd8\xff"[..], ScreenshotKind::Jpeg),
        (&b"%PDF-"[..], ScreenshotKind::Pdf),
    ];
    let kind = kinds
        .into_iter()
        .find_map(|(begin, kind)| bytes.starts_with(begin).then_some(kind));
    let kind = kind.ok_or(FormFault::NoScreenshot)?;
    Ok(Some(Screenshot { kind, bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"b\"";

    fn body(parts: &[(&str, &[u8])]) -> Bytes {
        let mut body = Vec::new();
        for (name, value) in parts {
            let head = format!("--b\r\nContent-Disposition: form-data; name={name}\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(value);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--b--\r\n");
        body.into()
    }

    #[test]
    fn a_form_has_texts_and_perhaps_a_picture() {
        let picture = b"\x89PNG\r\n\x1a\n--b\r\n\0\xff";
        let file = "\"screenshot\"; filename=\"a.exe\"\r\nContent-Type: text/plain";
        let sent = body(&[
            ("\"label\"", b"55"),
            ("currency_code", b"INR"),
            (file, picture),
        ]);
        let form = decode(TYPE, sent).unwrap();
        let member = |name: &str, text: &str| (name.to_owned(), Value::Text(text.to_owned()));
        let members = vec![member("label", "55"), member("currency_code", "INR")];
        assert_eq!(form.members, members);
        let screenshot = form.screenshot.unwrap();
        assert_eq!(screenshot.kind, ScreenshotKind::Png);
        assert_eq!(&screenshot.bytes[..], picture);
        let kind = |bytes: &[u8]| {
            let form = decode(TYPE, body(&[("screenshot", bytes)]));
            form.map(|form| form.screenshot.map(|of| of.kind))
        };
        assert_eq!(kind(b""), Ok(None));
        assert_eq!(kind(b"%PDF-1.7"), Ok(Some(ScreenshotKind::Pdf)));
        assert_eq!(kind(b"\xff\xd8\xff\xe0"), Ok(Some(ScreenshotKind::Jpeg)));
        assert_eq!(kind(b"GIF89a"), Err(FormFault::NoScreenshot));
        assert_eq!(kind(b"<svg onload=alert(1)>"), Err(FormFault::NoScreenshot));
    }

    #[test]
    fn what_is_no_form_or_too_much_of_one_is_refused() {
        let picture = |bytes: usize| {
            let mut picture = b"%PDF-".to_vec();
            picture.resize(bytes, 0);
            decode(TYPE, body(&[("screenshot", &picture)])).map(|_| ())
        };
        assert_eq!(picture(SCREENSHOT_BYTES_MAX), Ok(()));
        assert_eq!(picture(SCREENSHOT_BYTES_MAX + 1), Err(FormFault::TooLarge));
        let long = vec![b'x'; FIELDS_BYTES_MAX + 1];
        let many: Vec<String> = (0..=FIELDS_MAX).map(|place| format!("f{place}")).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|name| (&name[..], &b""[..])).collect();
        for (of, body, fault) in [
            (TYPE, body(&[("label", &long)]), FormFault::TooLarge),
            (
                TYPE,
                body(&[("a", b"1"), ("a", b"2")]),
                FormFault::Malformed,
            ),
            (
                TYPE,
                body(&[("screenshot", b"%PDF-1"), ("screenshot", b"%PDF-2")]),
                FormFault::Malformed,
            ),
            (TYPE, body(&[("a", b"\xff")]), FormFault::Malformed),
            (TYPE, body(&many), FormFault::Malformed),
            (TYPE, Bytes::from_static(b"{}"), FormFault::Malformed),
            (TYPE, Bytes::new(), FormFault::Malformed),
            (TYPE, body(&[]).slice(..3), FormFault::Malformed),
            ("application/json", body(&[]), FormFault::Malformed),
            ("multipart/form-data", body(&[]), FormFault::Malformed),
        ] {
            assert_eq!(decode(of, body), Err(fault), "{of}");
        }
        let bare = Bytes::from_static(b"--b\r\n\r\nx\r\n--b--\r\n");
        assert_eq!(decode(TYPE, bare), Err(FormFault::Malformed));
    }
}
