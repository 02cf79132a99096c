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
use crate::id::Seq;
use crate::ledger::{Latched, PartnerRow};
use crate::protocol::paykassma::gateway::reply;
use crate::protocol::paykassma::gateway::texts::{NOT_FOUND, TOO_MANY_FAILURES, WRONG_SIGNATURE};
use crate::protocol::paykassma::gateway::withdrawals::Signed;
use crate::secret::{Secret, SecretKey};
use crate::time::Timestamp;

/// Tells merchants from others, and bounds how often others may try.
pub(super) struct MerchantGuard {
    secret_key: Arc<SecretKey>,
    failures: Failures,
    refused: Refused,
}

/// What a caller is told that is not let in. It may be told when `seq` is durable.
pub(in crate::http) struct Refusal {
    reply: reply::Reply,
    /// Seconds that the caller must wait.
    wait: Option<u64>,
    seq: Seq,
}

impl Refusal {
    /// The answer, as soon as it may leave.
    ///
    /// # Errors
    /// The journal failed under way: the connection must close without a byte.
    pub(in crate::http) async fn durable(self, state: &State) -> Result<Reply, Latched> {
        state.ledger.durable(self.seq).await?;
        let mut answer = replied(self.reply);
        if let Some(seconds) = self.wait {
            let seconds = HeaderValue::from(seconds);
            answer.headers_mut().insert(RETRY_AFTER, seconds);
        }
        Ok(answer)
    }
}

/// Why a caller is not let in, in the log's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NoSecret,
    WrongSecret,
    WrongSignature,
    NotLive,
    AddressNotAllowed,
}

impl Fault {
    fn reason(self) -> &'static str {
        match self {
            Fault::NoSecret => "no secret",
            Fault::WrongSecret => "wrong secret",
            Fault::WrongSignature => "wrong signature",
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
    ) -> Result<Arc<PartnerRow>, Refusal> {
        let from = address::caller(peer, headers, &state.settings.trusted_proxies);
        // Who hides behind a proxy that cannot be read counts as that proxy.
        let counted = from.unwrap_or(peer);
        let now = state.clock.now();
        let partners = state.ledger.partners();
        let fault = match self.named(partners.value, secret, now) {
            Ok(merchant) => match judged(&merchant, from, now) {
                Ok(()) => return Ok(merchant),
                Err(fault) => fault,
            },
            Err(fault) => fault,
        };
        Err(self.refuse((counted, partners.seq), fault, tells))
    }

    /// What a caller is told that is not let in. Guesses are counted.
    fn refuse(&self, (counted, seq): (IpAddr, Seq), fault: Fault, tells: bool) -> Refusal {
        let is_guess = matches!(
            fault,
            Fault::NoSecret | Fault::WrongSecret | Fault::WrongSignature
        );
        let wait = is_guess.then(|| self.failures.record(counted)).flatten();
        self.refused.log(counted, fault.reason(), wait.is_some());
        let reply = match wait {
            Some(_) => reply::Reply::fail(429, TOO_MANY_FAILURES),
            None if tells && fault == Fault::WrongSecret => reply::Reply::wrong_secret(),
            None if fault == Fault::WrongSignature => reply::Reply::fail(400, WRONG_SIGNATURE),
            None => reply::Reply::fail(404, NOT_FOUND),
        };
        Refusal { reply, wait, seq }
    }

    /// The merchant whose private key has signed a request: one of those that may call from where
    /// it comes from (paykassma-api.md, Access).
    ///
    /// # Errors
    /// The refusal. The log tells of it too.
    pub(super) fn signer(
        &self,
        state: &State,
        peer: IpAddr,
        headers: &HeaderMap,
        signed: &Signed,
    ) -> Result<Arc<PartnerRow>, Refusal> {
        let from = address::caller(peer, headers, &state.settings.trusted_proxies);
        let now = state.clock.now();
        let has_signed = |row: &Arc<PartnerRow>| {
            let mut keys = row.secrets.private_keys(now);
            let opened = |sealed| self.secret_key.open(sealed);
            keys.any(|sealed| opened(sealed).is_some_and(|key| signed.verifies(&key)))
        };
        let partners = state.ledger.partners();
        let mut admitted = partners
            .value
            .into_iter()
            .filter(|row| judged(row, from, now).is_ok());
        let counted = (from.unwrap_or(peer), partners.seq);
        let signer = admitted.find(has_signed);
        signer.ok_or_else(|| self.refuse(counted, Fault::WrongSignature, false))
    }

    /// Whose secret this is. It is hashed before it is compared, and hashes are compared in
    /// constant time.
    fn named(
        &self,
        partners: Vec<Arc<PartnerRow>>,
        secret: Option<String>,
        now: Timestamp,
    ) -> Result<Arc<PartnerRow>, Fault> {
        let secret = secret.ok_or(Fault::NoSecret)?;
        let given = self.secret_key.hash(&Secret::new(secret));
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
