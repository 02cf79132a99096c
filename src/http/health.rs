//! `/healthz`: the process answers. `/readyz`: the ledger takes entries (operations.md, Admin
//! address). Neither needs a key.

use hyper::{Method, StatusCode};

use super::reply::{Reply, allowing, json};
use crate::ledger::{Ledger, Space};

/// `/healthz`.
pub(super) fn alive(method: &Method) -> Reply {
    read_only(method, || json(StatusCode::OK, &br#"{"alive":true}"#[..]))
}

/// `/readyz`.
pub(super) fn ready(method: &Method, ledger: &Ledger) -> Reply {
    read_only(method, || match ledger.readiness() {
        Ok(Space::Low) => json(StatusCode::OK, &br#"{"ready":true,"space":"low"}"#[..]),
        Ok(_) => json(StatusCode::OK, &br#"{"ready":true}"#[..]),
        Err(not_ready) => {
            let body = format!(r#"{{"ready":false,"reason":"{not_ready}"}}"#);
            json(StatusCode::SERVICE_UNAVAILABLE, body)
        }
    })
}

fn read_only(method: &Method, reply: impl FnOnce() -> Reply) -> Reply {
    if matches!(*method, Method::GET | Method::HEAD) {
        return reply();
    }
    let refusal = json(
        StatusCode::METHOD_NOT_ALLOWED,
        &br#"{"success":false,"message":"Method not allowed"}"#[..],
    );
    allowing(refusal, "GET, HEAD")
}
