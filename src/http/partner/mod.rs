//! The Partner API joined to the ledger: which call it is, who calls, the wait before the answer
//! (partner-api.md).
//!
//! Nothing leaves before the entry that it depends on is durable, refusals included.

mod endpoint;
mod guard;
mod links;
mod orders;
mod users;

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::http::request::Parts;

use super::State;
use super::connection::Caller;
use super::reply::{Reply, json};
use crate::engine::document::TransferKind;
use crate::id::Seq;
use crate::ledger::{Latched, PartnerRow};
use crate::protocol::partner::texts;

use endpoint::Endpoint;
pub(super) use endpoint::{Asked, Found, find};
use guard::INVALID_CREDENTIALS;
pub use guard::PartnerGuard;
pub(super) use guard::Refusal;

/// What a partner that has proved itself asks.
pub(super) struct Call {
    /// What for.
    asked: Asked,
    /// Who.
    partner: Arc<PartnerRow>,
    /// The request's head, with its query.
    head: Parts,
}

/// An answer, which may leave when `seq` is durable.
struct Told {
    status: StatusCode,
    /// JSON.
    body: Vec<u8>,
    seq: Seq,
}

/// Lets a caller in by the request's head alone: nobody who is not let in is listened to further.
///
/// # Errors
/// The refusal.
pub(super) fn admit(
    state: &State,
    caller: &Caller,
    asked: Asked,
    head: Parts,
) -> Result<Call, Refusal> {
    let invalid = match asked.endpoint {
        Endpoint::GenerateUrl => texts::INVALID_USER,
        _ => INVALID_CREDENTIALS,
    };
    let guard = &state.partner_guard;
    let partner = guard.admit(state, caller.peer, &head.headers, invalid)?;
    Ok(Call {
        asked,
        partner,
        head,
    })
}

/// Answers a call whose body was read whole.
///
/// # Errors
/// The journal failed under way: the connection must close without a byte.
pub(super) async fn answer(state: &Arc<State>, call: Call, body: Bytes) -> Result<Reply, Latched> {
    // The partner as it was let in may still be on its way to the disk.
    let let_in = call.partner.changed;
    let told = perform(state, call, body).await;
    let seq = told.seq.max(let_in);
    leave(state, Told { seq, ..told }).await
}

/// Answers a call whose caller the body proves, and was read whole.
///
/// # Errors
/// As [`answer`].
pub(super) async fn answer_gateway(
    state: &State,
    caller: &Caller,
    asked: &Asked,
    head: &Parts,
    body: &[u8],
) -> Result<Reply, Latched> {
    match orders::answer(state, caller.peer, head, asked.endpoint, body) {
        Ok(told) => leave(state, told).await,
        Err(refusal) => refusal.durable(state).await,
    }
}

/// The answer, as soon as it may leave.
async fn leave(state: &State, told: Told) -> Result<Reply, Latched> {
    state.ledger.durable(told.seq).await?;
    let mut reply = json(told.status, told.body);
    let fresh = HeaderValue::from_static("no-store");
    reply.headers_mut().insert(CACHE_CONTROL, fresh);
    Ok(reply)
}

/// Does what is asked.
async fn perform(state: &Arc<State>, call: Call, body: Bytes) -> Told {
    match call.asked.endpoint {
        Endpoint::Register => users::register(state, &call, &body),
        Endpoint::GenerateUrl => links::generate_url(state, &call, &body),
        Endpoint::Balance => users::balance(state, &call),
        Endpoint::Deposit => users::transfer(state, &call, TransferKind::Deposit, &body),
        Endpoint::Withdraw => users::transfer(state, &call, TransferKind::Withdrawal, &body),
        Endpoint::Transaction => users::transaction(state, &call),
        Endpoint::History => users::history(state, &call).await,
        Endpoint::CreateOrder | Endpoint::OrderStatus | Endpoint::CancelOrder => {
            unreachable!("their callers are proved by the body")
        }
    }
}
