//! Who was not let in, told in the log: so that a guesser is seen, and cannot fill the log.
//!
//! A line bears the address and the reason; never the key, nor what was asked for.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::http::failures::Failures;
use crate::protocol::admin::Fault;

/// Lines a minute, whoever was refused. Those beyond are counted, and told with the next line.
const LINES_PER_MINUTE_MAX: NonZeroU32 = NonZeroU32::new(60).expect("60 is not 0");

/// Keeps the log readable.
pub(super) struct Refused {
    lines: DefaultDirectRateLimiter,
    unlogged: AtomicU64,
    /// Of whom the log says already that there are more.
    limited: Failures,
}

impl Refused {
    pub(super) fn new() -> Refused {
        Refused {
            lines: RateLimiter::direct(Quota::per_minute(LINES_PER_MINUTE_MAX)),
            unlogged: AtomicU64::new(0),
            limited: Failures::new(1),
        }
    }

    /// Logs that `peer` was not let in, unless the log has enough of that.
    pub(super) fn log(&self, peer: IpAddr, fault: &Fault) {
        if let Some(unlogged) = self.admit(peer, fault) {
            tracing::warn!(
                address = %peer,
                reason = fault.message(),
                unlogged,
                "somebody was not let in at the admin address"
            );
        }
    }

    /// Whether a line is due: with how many refusals that came before it and had none.
    fn admit(&self, peer: IpAddr, fault: &Fault) -> Option<u64> {
        let is_known = *fault == Fault::TooManyFailures && self.limited.record(peer).is_some();
        if is_known || self.lines.check().is_err() {
            self.unlogged.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.unlogged.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_are_refused_the_log_grows_slowly() {
        let refused = Refused::new();
        let lines = (0..100_000_u32)
            .filter(|&number| {
                let peer = IpAddr::V4(number.into());
                refused.admit(peer, &Fault::Unauthorized).is_some()
            })
            .count();
        // A line a second is added meanwhile.
        assert!((60..600).contains(&lines), "{lines}");
    }

    #[test]
    fn an_address_over_its_limit_is_told_once() {
        let refused = Refused::new();
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(refused.admit(peer, &Fault::TooManyFailures), Some(0));
        for _ in 0..7 {
            assert_eq!(refused.admit(peer, &Fault::TooManyFailures), None);
        }
        assert_eq!(refused.admit(peer, &Fault::HostNotAllowed), Some(7));
    }
}
