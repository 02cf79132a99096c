//! Hashed addresses: made for merchants, followed by payers.

use hyper::header::{HeaderValue, LOCATION};
use hyper::{Method, StatusCode};

use super::{Told, not_found, other_method, replied};
use crate::http::State;
use crate::http::reply::Reply as Response;
use crate::id::{UrlHash, WebAddress};
use crate::ledger::{Latched, PartnerRow, Unavailable};
use crate::protocol::paykassma::gateway::addresses::Addresses;
use crate::protocol::paykassma::gateway::parameters::Invalid;
use crate::protocol::paykassma::gateway::reply::Reply;
use crate::protocol::paykassma::gateway::texts;
use crate::protocol::paykassma::value;
use crate::secret::{fill_random, hex_encode};
use crate::time::Span;

pub(super) fn hash(
    state: &State,
    merchant: &PartnerRow,
    body: &[u8],
    life: Span,
) -> Result<Told, Told> {
    let members = value::decode(body).map_err(Invalid::from)?;
    let wanted = Addresses::decode(&members)?;
    let (success, fail) = (hashed(wanted.success), hashed(wanted.fail));
    let pending = wanted.pending.map(hashed);
    let hashes = |list: &[(UrlHash, WebAddress)]| -> Vec<String> {
        list.iter()
            .map(|(hash, _)| hash.as_str().to_owned())
            .collect()
    };
    let pending_hashes = pending.as_deref().map(hashes);
    let reply = Reply::hashed(&hashes(&success), &hashes(&fail), pending_hashes.as_deref());
    let lists = [success, fail, pending.unwrap_or_default()];
    let seq = state.ledger.hash_urls(merchant, lists.concat(), life)?;
    Ok(Told { reply, seq })
}

/// Each address with a hash of its own, which says nothing about it.
fn hashed(urls: Vec<WebAddress>) -> Vec<(UrlHash, WebAddress)> {
    let hash = || {
        let mut bytes = [0; 32];
        fill_random(&mut bytes);
        let hash = hex_encode(&bytes).parse();
        hash.expect("32 bytes are 64 hex digits")
    };
    urls.into_iter().map(|url| (hash(), url)).collect()
}

/// Answers a request for `/redirect/{hash}`. Anybody may ask: payers follow it.
///
/// # Errors
/// The journal failed under way: the connection must close without a byte.
pub(in crate::http) async fn redirect(
    state: &State,
    method: &Method,
    hash: &str,
) -> Result<Response, Latched> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Ok(other_method("GET, HEAD"));
    }
    let Ok(hash) = hash.parse() else {
        return Ok(not_found());
    };
    let found = match state.ledger.hashed_url(&hash) {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(not_found()),
        Err(Unavailable) => return Ok(replied(Told::from(Unavailable).reply)),
    };
    state.ledger.durable(found.seq).await?;
    if !found.value.leads(state.ledger.now()) {
        return Ok(replied(Reply::fail(410, texts::HASH_EXPIRED)));
    }
    let mut answer = replied(Reply::ok());
    *answer.status_mut() = StatusCode::FOUND;
    let target = HeaderValue::from_str(found.value.url.as_str());
    let target = target.expect("addresses are printable ASCII");
    answer.headers_mut().insert(LOCATION, target);
    Ok(answer)
}
