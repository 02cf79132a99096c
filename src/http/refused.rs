//! Who was not let in, told in the log: so that a guesser is seen, and cannot fill the log.
//!
//! A line bears the address and the reason; never the key, nor what was asked for.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::failures::Failures;

/// Lines a minute, whoever was refused. Those beyond are counted, and told with the next line.
const LINES_PER_MINUTE_MAX: NonZeroU32 = NonZeroU32::new(60).expect("60 is not 0");

/// Keeps the log readable.
pub(super) struct Refused {
    /// Where they were not let in, in the log's words.
    place: &'static str,
    lines: DefaultDirectRateLimiter,
    unlogged: AtomicU64,
    /// Of whom the log says already that there are more.
    limited: Failures,
}

impl Refused {
    pub(super) fn new(place: &'static str) -> Refused {
        Refused {
            place,
            lines: RateLimiter::direct(Quota::per_minute(LINES_PER_MINUTE_MAX)),
            unlogged: AtomicU64::new(0),
            limited: Failures::new(1),
        }
    }

    /// Logs that a caller was not let in, unless the log has enough of that. `limited`: because
    /// of too many failures before.
    pub(super) fn log(&self, address: IpAddr, reason: &str, limited: bool) {
        if let Some(unlogged) = self.admit(address, limited) {
            let place = self.place;
            tracing::warn!(
                %address,
                reason,
                unlogged,
                "somebody was not let in at {place}"
            );
        }
    }

    /// Whether a line is due: with how many refusals that came before it and had none.
    fn admit(&self, address: IpAddr, limited: bool) -> Option<u64> {
        let is_known = limited && self.limited.record(address).is_some();
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
        let refused = Refused::new("a test");
        let lines = (0..100_000_u32)
            .filter(|&number| {
                let peer = IpAddr::V4(number.into());
                refused.admit(peer, false).is_some()
            })
            .count();
        // A line a second is added meanwhile.
        assert!((60..600).contains(&lines), "{lines}");
    }

    #[test]
    fn an_address_over_its_limit_is_told_once() {
        let refused = Refused::new("a test");
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(refused.admit(peer, true), Some(0));
        for _ in 0..7 {
            assert_eq!(refused.admit(peer, true), None);
        }
        assert_eq!(refused.admit(peer, false), Some(7));
    }
}
