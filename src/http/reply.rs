//! Answers as HTTP: mostly JSON bodies that are whole before the first byte leaves.

use bytes::Bytes;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::body::Answer;

/// What a route answers.
pub(super) type Reply = Response<Answer>;

/// A JSON body.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Answer::whole(body));
    *reply.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(CONTENT_TYPE, kind);
    reply
}

/// The same, as the connection's last answer.
pub(super) fn last(mut reply: Reply) -> Reply {
    let close = HeaderValue::from_static("close");
    reply.headers_mut().insert(CONNECTION, close);
    reply
}

/// The same, naming the methods that the path takes.
pub(super) fn allowing(mut reply: Reply, methods: &'static str) -> Reply {
    let methods = HeaderValue::from_static(methods);
    reply.headers_mut().insert(ALLOW, methods);
    reply
}

/// Why the public address does not answer as asked; `message` needs no escapes.
pub(super) fn unsuccessful(status: StatusCode, message: &'static str) -> Reply {
    json(
        status,
        format!(r#"{{"success":false,"message":"{message}"}}"#),
    )
}

/// A path that nobody answers to at the public address. The bytes are the same whatever the path,
/// so that they do not tell what may stand behind another address.
pub(super) fn not_found() -> Reply {
    unsuccessful(StatusCode::NOT_FOUND, "Not found")
}
