//! Which merchant calls: the one whose secret the query names, from an address that it may call
//! from (paykassma-api.md, Access).
//!
//! Whoever is not let in learns nothing but that, wherever it is.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{HeaderValue, RETRY_AFTER};

use super::replied;
use crate::engine::document::Partner;
use crate::http::State;
use crate::http::address;
use crate::http::failures::Failures;
use crate::http::refused::Refused;
use crate::http::reply::Reply;
use crate::ledger::PartnerRow;
use crate::protocol::paykassma::gateway::reply;
use crate::protocol::paykassma::gateway::texts::{NOT_FOUND, TOO_MANY_FAILURES};
use crate::secret::{Secret, SecretKey};
use crate::time::Timestamp;

/// Tells merchants from others, and bounds how often others may try.
pub(super) struct MerchantGuard {
    secret_key: Arc<SecretKey>,
    failures: Failures,
    refused: Refused,
}

/// Why a caller is not let in, in the log's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NoSecret,
    WrongSecret,
    NotLive,
    AddressNotAllowed,
}

impl Fault {
    fn reason(self) -> &'static str {
        match self {
            Fault::NoSecret => "no secret",
            Fault::WrongSecret => "wrong secret",
            Fault::NotLive => "merchant inactive or expired",
            Fault::AddressNotAllowed => "address not allowed",
        }
    }
}

impl MerchantGuard {
    /// `secret_key`: what the merchants' secrets are hashed under.
    pub(super) fn new(secret_key: Arc<SecretKey>, failures_per_minute_max: u32) -> MerchantGuard {
        MerchantGuard {
            secret_key,
            failures: Failures::new(failures_per_minute_max),
            refused: Refused::new("the gateway"),
        }
    }

    /// The merchant whose secret this is. `tells`: whether a wrong one is told to be wrong.
    ///
    /// # Errors
    /// The refusal. The log tells of it too.
    pub(super) fn admit(
        &self,
        state: &State,
        peer: IpAddr,
        headers: &HeaderMap,
        secret: Option<String>,
        tells: bool,
    ) -> Result<Arc<PartnerRow>, Reply> {
        let from = address::caller(peer, headers, &state.settings.trusted_proxies);
        // Who hides behind a proxy that cannot be read counts as that proxy.
        let counted = from.unwrap_or(peer);
        let now = state.clock.now();
        let fault = match self.named(state, secret, now) {
            Ok(merchant) => match judged(&merchant, from, now) {
                Ok(()) => return Ok(merchant),
                Err(fault) => fault,
            },
            Err(fault) => fault,
        };
        let is_guess = matches!(fault, Fault::NoSecret | Fault::WrongSecret);
        let wait = is_guess.then(|| self.failures.record(counted)).flatten();
        self.refused.log(counted, fault.reason(), wait.is_some());
        Err(match wait {
            Some(seconds) => {
                let mut refusal = replied(reply::Reply::fail(429, TOO_MANY_FAILURES));
                let seconds = HeaderValue::from(seconds);
                refusal.headers_mut().insert(RETRY_AFTER, seconds);
                refusal
            }
            None if tells && fault == Fault::WrongSecret => replied(reply::Reply::wrong_secret()),
            None => replied(reply::Reply::fail(404, NOT_FOUND)),
        })
    }

    /// Whose secret this is. It is hashed before it is compared, and hashes are compared in
    /// constant time.
    fn named(
        &self,
        state: &State,
        secret: Option<String>,
        now: Timestamp,
    ) -> Result<Arc<PartnerRow>, Fault> {
        let secret = secret.ok_or(Fault::NoSecret)?;
        let given = self.secret_key.hash(&Secret::new(secret));
        let partners = state.ledger.partners().value;
        let mut partners = partners.into_iter();
        let named = partners.find(|row| row.secrets.gateway_secret_is(&given, now));
        named.ok_or(Fault::WrongSecret)
    }
}

/// Whether a merchant may call, and `from` there.
fn judged(merchant: &Partner, from: Option<IpAddr>, now: Timestamp) -> Result<(), Fault> {
    if !merchant.is_live(now) {
        return Err(Fault::NotLive);
    }
    let listed = &merchant.settings.allow_addresses;
    if !listed.is_empty() && !from.is_some_and(|from| address::contains(listed, from)) {
        return Err(Fault::AddressNotAllowed);
    }
    Ok(())
}
