//! `/healthz`: the process answers. `/readyz`: the ledger takes entries (operations.md, Admin
//! address). Neither needs a key.

use hyper::{Method, StatusCode};

use super::reply::{Reply, allowing, json};
use crate::ledger::{Ledger, Scrubs, Space};

/// `/healthz`.
pub(super) fn alive(method: &Method) -> Reply {
    read_only(method, || json(StatusCode::OK, &br#"{"alive":true}"#[..]))
}

/// `/readyz`. Damage to what lies on the disk does not make it less ready: another server could
/// not take over, and what is played is judged by what is whole.
pub(super) fn ready(method: &Method, ledger: &Ledger, scrubs: &Scrubs) -> Reply {
    read_only(method, || match ledger.readiness() {
        Ok(space) => {
            let low = ["", r#","space":"low""#][usize::from(space == Space::Low)];
            let damaged = ["", r#","integrity":"damaged""#][usize::from(scrubs.found())];
            json(StatusCode::OK, format!(r#"{{"ready":true{low}{damaged}}}"#))
        }
        Err(not_ready) => {
            let body = format!(r#"{{"ready":false,"reason":"{not_ready}"}}"#);
            json(StatusCode::SERVICE_UNAVAILABLE, body)
        }
    })
}

/// What is only read at the public address.
pub(super) fn read_only(method: &Method, reply: impl FnOnce() -> Reply) -> Reply {
    if matches!(*method, Method::GET | Method::HEAD) {
        return reply();
    }
    let refusal = json(
        StatusCode::METHOD_NOT_ALLOWED,
        &br#"{"success":false,"message":"Method not allowed"}"#[..],
    );
    allowing(refusal, "GET, HEAD")
}
