//! The gateway joined to the ledger: which call it is, which merchant calls, the wait before the
//! answer (paykassma-api.md).
//!
//! Nothing leaves before the entry that it depends on is durable.

mod addresses;
mod deposits;
mod endpoint;
mod guard;
mod hosted;
mod lookups;
mod withdrawals;

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::http::request::Parts;

use super::State;
use super::connection::Caller;
use super::reply::{Reply, allowing, json};
use crate::config::Paykassma;
use crate::engine::catalogue::PaymentSystem;
use crate::id::{Seq, WalletType};
use crate::ledger::{Latched, PartnerRow, Unavailable};
use crate::money::Currency;
use crate::protocol::paykassma::gateway::deposits::Available;
use crate::protocol::paykassma::gateway::parameters::{self, Invalid};
use crate::protocol::paykassma::gateway::{reply, texts};
use crate::secret::SecretKey;
use crate::time::UtcOffset;

pub(super) use addresses::redirect;
pub(super) use deposits::with_rules;
pub(super) use endpoint::{Asked, ENDPOINTS, Endpoint, Found, find};
use guard::{MerchantGuard, Refusal};
pub(super) use withdrawals::withdraw;

/// What the gateway needs besides the ledger.
pub struct Gateway {
    guard: MerchantGuard,
    /// What is configured. Readers take no lock; a reload puts another in its place.
    offered: ArcSwap<Paykassma>,
}

impl Gateway {
    /// `secret_key`: what the merchants' secrets are hashed under.
    pub fn new(
        secret_key: Arc<SecretKey>,
        failures_per_minute_max: u32,
        offered: Paykassma,
    ) -> Gateway {
        Gateway {
            guard: MerchantGuard::new(secret_key, failures_per_minute_max),
            offered: ArcSwap::from_pointee(offered),
        }
    }

    /// A payment system, if it is offered just now.
    pub(super) fn system(
        &self,
        wallet_type: WalletType,
        currency: Currency,
    ) -> Option<PaymentSystem> {
        let offered = self.offered.load();
        offered.catalogue.find(wallet_type, currency).cloned()
    }

    /// Offers other payment systems from now on. Requests under way go on with those before.
    pub fn offer(&self, offered: Paykassma) {
        self.offered.store(Arc::new(offered));
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
) -> Result<Call, Refusal> {
    let secret = parameters::secret(head.uri.query().unwrap_or_default());
    let guard = &state.gateway.guard;
    let tells = asked.endpoint == Endpoint::Balances;
    let merchant = guard.admit(state, caller.peer, &head.headers, secret, tells)?;
    Ok(Call {
        asked,
        merchant,
        head,
    })
}

/// An answer, which may leave when `seq` is durable.
struct Told {
    reply: reply::Reply,
    seq: Seq,
}

/// Tells what rests on nothing but the request.
impl From<reply::Reply> for Told {
    fn from(reply: reply::Reply) -> Told {
        let seq = Seq::NONE;
        Told { reply, seq }
    }
}

impl From<Invalid> for Told {
    fn from(invalid: Invalid) -> Told {
        Told::from(reply::Reply::from(&invalid))
    }
}

/// Nothing was done.
impl From<Unavailable> for Told {
    fn from(_: Unavailable) -> Told {
        Told::from(reply::Reply::fail(503, texts::UNAVAILABLE))
    }
}

/// Answers a call whose body was read whole.
///
/// # Errors
/// The journal failed under way: the connection must close without a byte.
pub(super) async fn answer(state: &Arc<State>, call: Call, body: Bytes) -> Result<Reply, Latched> {
    // The merchant as it was let in may still be on its way to the disk.
    let let_in = call.merchant.changed;
    let told = perform(state, call, body).await.unwrap_or_else(|told| told);
    leave(state, told, let_in).await
}

/// The answer, as soon as it may leave.
async fn leave(state: &State, told: Told, let_in: Seq) -> Result<Reply, Latched> {
    state.ledger.durable(told.seq.max(let_in)).await?;
    Ok(replied(told.reply))
}

/// Does what is asked.
///
/// # Errors
/// What is told instead.
async fn perform(state: &Arc<State>, call: Call, body: Bytes) -> Result<Told, Told> {
    let query = call.head.uri.query().unwrap_or_default();
    let offered = state.gateway.offered.load_full();
    let merchant = &call.merchant;
    match call.asked.endpoint {
        Endpoint::Available => {
            let wanted = Available::decode(&parameters::of_query(query, &body)?)?;
            let catalogue = &offered.catalogue;
            Ok(reply::Reply::available(catalogue, &wanted.currencies).into())
        }
        Endpoint::Media => Ok(reply::Reply::media(&offered.catalogue).into()),
        Endpoint::Create => Ok(deposits::create(state, &call, &body)?),
        Endpoint::Activate => Ok(deposits::activate(state, &call, &body)?),
        Endpoint::CreatePayment => Ok(hosted::create(state, &call, &body)?),
        Endpoint::ActivateByHand => by_hand(state, call, body).await,
        Endpoint::DepositInfo => Ok(deposits::info(state, &call, &body)?),
        Endpoint::SaveCustomId => Ok(deposits::save_custom_id(state, &call, &body)?),
        Endpoint::HashUrls => addresses::hash(state, merchant, &body, offered.hash_ttl),
        Endpoint::Postback => {
            let members = parameters::of_query(query, &body)?;
            lookups::postback(state, merchant, &members)
        }
        Endpoint::PullPostbacks => {
            let members = parameters::of_query(query, &body)?;
            lookups::pull(state, merchant, &members).await
        }
        Endpoint::Balances => lookups::balances(state, merchant),
        Endpoint::Withdraw => unreachable!("its callers are proved by the body"),
    }
}

/// It may write a picture, in a thread that may wait for the disk.
async fn by_hand(state: &Arc<State>, call: Call, body: Bytes) -> Result<Told, Told> {
    let state = Arc::clone(state);
    let act = move || deposits::activate_by_hand(&state, &call, &body);
    let told = tokio::task::spawn_blocking(act).await;
    Ok(told.expect("a panic in the ledger ends the process")?)
}

/// The offset in which a merchant's times are told.
fn offset(state: &State, merchant: &PartnerRow) -> UtcOffset {
    let own = merchant.settings.utc_offset;
    own.unwrap_or(state.settings.wording.utc_offset)
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
