//! Who may ask: the bearer of the admin key, under a `Host` and an `Origin` that no stranger's page
//! can bring (reliability.md A25).

use std::net::{IpAddr, Ipv6Addr};

use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;

use super::Failed;
use crate::http::failures::Failures;
use crate::http::refused::Refused;
use crate::protocol::admin::Fault;
use crate::secret::Secret;

/// Tells the operator from others: by the key, and on loopback by the `Host` too.
pub struct AdminGuard {
    /// Compared by its hash, in constant time.
    key: blake3::Hash,
    loopback: bool,
    failures: Failures,
    refused: Refused,
}

impl AdminGuard {
    /// `loopback`: whether the admin listener is reached from this machine only, so that a
    /// `Host` with a name can only be a trick (DNS rebinding).
    pub fn new(key: &Secret, loopback: bool, failures_per_minute_max: u32) -> AdminGuard {
        AdminGuard {
            key: blake3::hash(key.expose().as_bytes()),
            loopback,
            failures: Failures::new(failures_per_minute_max),
            refused: Refused::new("the admin address"),
        }
    }

    /// Whether `request` may go on. The log tells of those that may not.
    pub(super) fn admit(&self, peer: IpAddr, request: &Parts) -> Result<(), Failed> {
        let judged = self.judge(peer, request);
        judged.inspect_err(|failed| {
            let limited = failed.fault == Fault::TooManyFailures;
            self.refused.log(peer, &failed.fault.message(), limited);
        })
    }

    fn judge(&self, peer: IpAddr, request: &Parts) -> Result<(), Failed> {
        if self.loopback && !host_is_local(request) {
            return Err(Failed::from(Fault::HostNotAllowed));
        }
        if !origin_is_own(request) {
            return Err(Failed::from(Fault::OriginNotAllowed));
        }
        let given = bearer(request).unwrap_or_default();
        if blake3::hash(given) == self.key {
            return Ok(());
        }
        match self.failures.record(peer) {
            None => Err(Failed {
                header: Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
                ..Failed::from(Fault::Unauthorized)
            }),
            Some(seconds) => Err(Failed {
                header: Some((header::RETRY_AFTER, HeaderValue::from(seconds))),
                ..Failed::from(Fault::TooManyFailures)
            }),
        }
    }
}

/// What follows `Bearer` in the only `Authorization` header.
fn bearer(request: &Parts) -> Option<&[u8]> {
    let mut values = request.headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.as_bytes();
    if values.next().is_some() {
        return None;
    }
    let (scheme, key) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then_some(key.trim_ascii())
}

/// Host and port that the request was sent to, as its sender wrote them.
fn authority(request: &Parts) -> Option<&str> {
    match request.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers.get(header::HOST)?.to_str().ok(),
    }
}

/// Whether the page that asks, if a page does, came from the address that is asked. A proxy may
/// have brought it over TLS.
fn origin_is_own(request: &Parts) -> bool {
    let mut origins = request.headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return true;
    };
    let origin = origin.to_str().unwrap_or_default();
    let of_page = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    origins.next().is_none()
        && of_page
            .zip(authority(request))
            .is_some_and(|(page, asked)| page.eq_ignore_ascii_case(asked))
}

/// Whether the request names this machine by numbers or as `localhost`. A page of a stranger
/// whose name was pointed here (DNS rebinding) brings that name.
fn host_is_local(request: &Parts) -> bool {
    let Some(host) = authority(request) else {
        return false;
    };
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let version_6 = |name: &str| -> Option<Ipv6Addr> {
        name.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
    };
    without_port.eq_ignore_ascii_case("localhost")
        || without_port.parse::<std::net::Ipv4Addr>().is_ok()
        || version_6(without_port).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn request(host: &str, authorization: &[&str]) -> Parts {
        let mut request = hyper::Request::builder().header("host", host);
        for value in authorization {
            request = request.header("authorization", *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn code(told: Result<(), Failed>) -> &'static str {
        told.map_or_else(|failed| failed.fault.code(), |()| "admitted")
    }

    #[test]
    fn only_the_key_opens_and_always_opens() {
        let guard = AdminGuard::new(&Secret::new("right".into()), true, 4);
        for (authorization, told) in [
            (&["Bearer right"][..], "admitted"),
            (&["bearer  right"], "admitted"),
            (&[], "unauthorized"),
            (&["Bearer wrong"], "unauthorized"),
            (&["Basic right"], "unauthorized"),
            (&["Bearer right", "Bearer right"], "unauthorized"),
            (&["Bearer "], "too_many_failures"),
            (&["Bearer right"], "admitted"),
        ] {
            let request = request("localhost:8701", authorization);
            let told_now = code(guard.admit(PEER, &request));
            assert_eq!(told_now, told, "{authorization:?}");
        }
    }

    #[test]
    fn a_loopback_listener_is_not_reached_by_name() {
        for (host, told) in [
            ("127.0.0.1:8701", "admitted"),
            ("127.0.0.1", "admitted"),
            ("[::1]:8701", "admitted"),
            ("LocalHost", "admitted"),
            ("evil.example.com", "host_not_allowed"),
            ("127.0.0.1.evil.example.com:8701", "host_not_allowed"),
            ("localhost.evil.example.com", "host_not_allowed"),
            ("", "host_not_allowed"),
        ] {
            let guard = AdminGuard::new(&Secret::new("right".into()), true, 4);
            let request = request(host, &["Bearer right"]);
            assert_eq!(code(guard.admit(PEER, &request)), told, "{host}");
            let open = AdminGuard::new(&Secret::new("right".into()), false, 4);
            assert_eq!(code(open.admit(PEER, &request)), "admitted", "{host}");
        }
    }
}
