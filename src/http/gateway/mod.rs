//! The gateway joined to the ledger: which call it is, which merchant calls, the wait before the
//! answer (paykassma-api.md).
//!
//! Nothing leaves before the entry that it depends on is durable.

mod deposits;
mod endpoint;
mod guard;

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::http::request::Parts;

use super::State;
use super::connection::Caller;
use super::reply::{Reply, allowing, json};
use crate::engine::catalogue::Catalogue;
use crate::id::Seq;
use crate::ledger::{Latched, PartnerRow};
use crate::protocol::paykassma::gateway::deposits::Available;
use crate::protocol::paykassma::gateway::parameters::{self, Invalid};
use crate::protocol::paykassma::gateway::{reply, texts};
use crate::secret::SecretKey;

pub(super) use deposits::with_rules;
use endpoint::Endpoint;
pub(super) use endpoint::{Asked, Found, find};
use guard::MerchantGuard;

/// What the gateway needs besides the ledger.
pub struct Gateway {
    guard: MerchantGuard,
    /// What is offered. Readers take no lock; a reload puts another in its place.
    catalogue: ArcSwap<Catalogue>,
}

impl Gateway {
    /// `secret_key`: what the merchants' secrets are hashed under.
    pub fn new(
        secret_key: Arc<SecretKey>,
        failures_per_minute_max: u32,
        catalogue: Catalogue,
    ) -> Gateway {
        Gateway {
            guard: MerchantGuard::new(secret_key, failures_per_minute_max),
            catalogue: ArcSwap::from_pointee(catalogue),
        }
    }

    /// Offers other payment systems from now on. Requests under way go on with those before.
    pub fn offer(&self, catalogue: Catalogue) {
        self.catalogue.store(Arc::new(catalogue));
    }
}

/// What a merchant that has proved itself asks.
pub(super) struct Call {
    /// What for.
    asked: Asked,
    /// Who.
    merchant: Arc<PartnerRow>,
    /// The request's head, with its query.
    head: Parts,
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
) -> Result<Call, Reply> {
    let secret = parameters::secret(head.uri.query().unwrap_or_default());
    let guard = &state.gateway.guard;
    let merchant = guard.admit(state, caller.peer, &head.headers, secret, false)?;
    Ok(Call {
        asked,
        merchant,
        head,
    })
}

/// Answers a call whose body was read whole.
///
/// # Errors
/// The journal failed under way: the connection must close without a byte.
pub(super) async fn answer(state: &Arc<State>, call: Call, body: Bytes) -> Result<Reply, Latched> {
    // The merchant as it was let in may still be on its way to the disk.
    let changed = call.merchant.changed;
    let told = if call.asked.endpoint == Endpoint::ActivateByHand {
        // It may write a picture, in a thread that may wait for the disk.
        let state = Arc::clone(state);
        let told = tokio::task::spawn_blocking(move || perform(&state, &call, &body)).await;
        told.expect("a panic in the ledger ends the process")
    } else {
        perform(state, &call, &body)
    };
    let told = told.unwrap_or_else(|invalid| Told::from(reply::Reply::from(&invalid)));
    state.ledger.durable(told.seq.max(changed)).await?;
    Ok(replied(told.reply))
}

/// An answer, which may be told when `seq` is durable.
struct Told {
    reply: reply::Reply,
    seq: Seq,
}

impl From<reply::Reply> for Told {
    fn from(reply: reply::Reply) -> Told {
        let seq = Seq::NONE;
        Told { reply, seq }
    }
}

/// Does what is asked.
fn perform(state: &State, call: &Call, body: &Bytes) -> Result<Told, Invalid> {
    let query = call.head.uri.query().unwrap_or_default();
    let catalogue = state.gateway.catalogue.load();
    match call.asked.endpoint {
        Endpoint::Available => {
            let wanted = Available::decode(&parameters::of_query(query, body)?)?;
            Ok(reply::Reply::available(&catalogue, &wanted.currencies).into())
        }
        Endpoint::Media => Ok(reply::Reply::media(&catalogue).into()),
        Endpoint::Create => deposits::create(state, call, body),
        Endpoint::Activate => deposits::activate(state, call, body),
        Endpoint::ActivateByHand => deposits::activate_by_hand(state, call, body),
        Endpoint::DepositInfo => deposits::info(state, call, body),
        Endpoint::SaveCustomId => deposits::save_custom_id(state, call, body),
    }
}

/// The refusal of a path that is none of ours.
pub(super) fn not_found() -> Reply {
    replied(reply::Reply::fail(404, texts::NOT_FOUND))
}

/// The refusal of another method than the path's.
pub(super) fn other_method(right: &'static str) -> Reply {
    let refusal = replied(reply::Reply::fail(405, texts::METHOD_NOT_ALLOWED));
    allowing(refusal, right)
}

/// The refusal of a body beyond its limit.
pub(super) fn too_large() -> Reply {
    replied(reply::Reply::fail(413, texts::BODY_TOO_LARGE))
}

/// An answer as HTTP. None is kept: the address that it came from bears a secret.
fn replied(reply: reply::Reply) -> Reply {
    let status = StatusCode::from_u16(reply.status).expect("a reply has a status");
    let mut answer = json(status, reply.body);
    let fresh = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(CACHE_CONTROL, fresh);
    answer
}
