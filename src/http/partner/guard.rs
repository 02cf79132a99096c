//! Who calls: the partner whose API key and secret the headers bring, from an address that it may
//! call from (partner-api.md, Who is calling).

use std::net::IpAddr;
use std::sync::Arc;

use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, StatusCode};

use crate::engine::document::Partner;
use crate::http::State;
use crate::http::address;
use crate::http::failures::Failures;
use crate::http::refused::Refused;
use crate::http::reply::{Reply, unsuccessful};
use crate::id::Seq;
use crate::ledger::{Latched, PartnerRow};
use crate::secret::{Secret, SecretKey};
use crate::time::Timestamp;

/// What a wrong or missing key or secret is told on most calls.
pub(super) const INVALID_CREDENTIALS: &str = "Invalid API Key or Secret";
const INVALID_TOKEN: &str = "Invalid API token";
pub(super) const NOT_LIVE: &str = "API Key inactive or expired";
const ADDRESS_NOT_ALLOWED: &str = "IP address not allowed";
const TOO_MANY_FAILURES: &str = "Too many failed attempts";

/// Tells partners from others, and bounds how often others may try.
pub struct PartnerGuard {
    secret_key: Arc<SecretKey>,
    failures: Failures,
    refused: Refused,
}

impl PartnerGuard {
    /// `secret_key`: what the partners' secrets are hashed under.
    pub fn new(secret_key: Arc<SecretKey>, failures_per_minute_max: u32) -> PartnerGuard {
        PartnerGuard {
            secret_key,
            failures: Failures::new(failures_per_minute_max),
            refused: Refused::new("the Partner API"),
        }
    }

    /// The partner that `headers` prove to be calling. `invalid` is what others are told.
    ///
    /// # Errors
    /// The refusal. The log tells of it too.
    pub(super) fn admit(
        &self,
        state: &State,
        peer: IpAddr,
        headers: &HeaderMap,
        invalid: &'static str,
    ) -> Result<Arc<PartnerRow>, Refusal> {
        let from = address::caller(peer, headers, &state.settings.trusted_proxies);
        let named = single(headers, "x-api-key");
        let partner = named.and_then(|key| state.ledger.partner_by_api_key(key));
        let seq = partner.as_ref().map_or(Seq::NONE, |row| row.changed);
        let given = single(headers, "x-api-secret").unwrap_or_default();
        // Hashed whether or not the key names somebody, so that the time does not tell.
        let given = self.secret_key.hash(&Secret::new(given.to_owned()));
        // Who hides behind a proxy that cannot be read counts as that proxy.
        let counted = from.unwrap_or(peer);
        let now = state.clock.now();
        let judged = match partner.filter(|row| row.secrets.api_secret_is(&given, now)) {
            Some(partner) => judged(&partner, from, now).map(|()| partner),
            None => Err(self.failed(counted, invalid)),
        };
        judged.map_err(|refusal| {
            let limited = refusal.wait_seconds.is_some();
            self.refused.log(counted, refusal.message, limited);
            Refusal { seq, ..refusal }
        })
    }

    /// The partner whose payment token this is. Where the two headers come they must be its too
    /// (partner-api.md, Who is calling).
    ///
    /// # Errors
    /// The refusal. The log tells of it too.
    pub(super) fn admit_token(
        &self,
        state: &State,
        peer: IpAddr,
        headers: &HeaderMap,
        token: &str,
    ) -> Result<Arc<PartnerRow>, Refusal> {
        let from = address::caller(peer, headers, &state.settings.trusted_proxies);
        let counted = from.unwrap_or(peer);
        let now = state.clock.now();
        let given = self.secret_key.hash(&Secret::new(token.to_owned()));
        let partners = state.ledger.partners().value;
        let mut partners = partners.iter();
        let partner = partners.find(|row| row.secrets.payment_token_is(&given, now));
        let has_headers = ["x-api-key", "x-api-secret"];
        let has_headers = has_headers.iter().any(|name| headers.contains_key(*name));
        let judged = match partner {
            None => Err(self.failed(counted, INVALID_TOKEN)),
            Some(partner) if has_headers => {
                let by_key = self.admit(state, peer, headers, INVALID_CREDENTIALS)?;
                if by_key.number == partner.number {
                    Ok(by_key)
                } else {
                    Err(self.failed(counted, INVALID_CREDENTIALS))
                }
            }
            Some(partner) => judged(partner, from, now).map(|()| Arc::clone(partner)),
        };
        judged.map_err(|refusal| {
            let limited = refusal.wait_seconds.is_some();
            self.refused.log(counted, refusal.message, limited);
            refusal
        })
    }

    fn failed(&self, from: IpAddr, invalid: &'static str) -> Refusal {
        match self.failures.record(from) {
            None => Refusal::new(StatusCode::UNAUTHORIZED, invalid),
            wait_seconds => Refusal {
                wait_seconds,
                ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, TOO_MANY_FAILURES)
            },
        }
    }
}

/// Why a caller is not let in. It may be told when `seq` is durable.
pub(in crate::http) struct Refusal {
    status: StatusCode,
    message: &'static str,
    /// How long the caller must wait.
    wait_seconds: Option<u64>,
    seq: Seq,
}

impl Refusal {
    fn new(status: StatusCode, message: &'static str) -> Refusal {
        Refusal {
            status,
            message,
            wait_seconds: None,
            seq: Seq::NONE,
        }
    }

    /// The answer, as soon as it may leave.
    ///
    /// # Errors
    /// The journal failed under way: the connection must close without a byte.
    pub(in crate::http) async fn durable(self, state: &State) -> Result<Reply, Latched> {
        state.ledger.durable(self.seq).await?;
        let mut reply = unsuccessful(self.status, self.message);
        if let Some(seconds) = self.wait_seconds {
            let seconds = HeaderValue::from(seconds);
            reply.headers_mut().insert(RETRY_AFTER, seconds);
        }
        Ok(reply)
    }
}

/// Whether a partner that has proved itself may call, and `from` there.
fn judged(partner: &Partner, from: Option<IpAddr>, now: Timestamp) -> Result<(), Refusal> {
    if !partner.is_live(now) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, NOT_LIVE));
    }
    let listed = &partner.settings.allow_addresses;
    let may_call = |from| address::contains(listed, from);
    if !listed.is_empty() && !from.is_some_and(may_call) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, ADDRESS_NOT_ALLOWED));
    }
    Ok(())
}

/// The only header of that name, where it is a text.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
