//! Failed authentications, limited per address in a bounded table (operations.md, Limits).
//!
//! Only failures count: right credentials always pass. Version 6 addresses count by their /64,
//! which is what one caller has.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// Addresses remembered at once. Beyond them, new ones count as past their limit.
const ADDRESSES_MAX: usize = 10_000;

/// Seconds after which an address that found the table full may try again.
const FULL_RETRY_SECONDS: u64 = 60;

/// Who failed how often of late.
pub(crate) struct Failures {
    limiter: RateLimiter<IpAddr, HashMapStateStore<IpAddr>, DefaultClock>,
    clock: DefaultClock,
}

impl Failures {
    /// Allows `per_minute_max` failures a minute and address, at least one.
    pub(crate) fn new(per_minute_max: u32) -> Failures {
        let most = NonZeroU32::new(per_minute_max).unwrap_or(NonZeroU32::MIN);
        Failures {
            limiter: RateLimiter::hashmap(Quota::per_minute(most)),
            clock: DefaultClock::default(),
        }
    }

    /// Takes a failure of `peer` down. `Some`: it is one too many, and so many seconds must pass.
    pub(crate) fn record(&self, peer: IpAddr) -> Option<u64> {
        if self.limiter.len() >= ADDRESSES_MAX {
            self.limiter.retain_recent();
            if self.limiter.len() >= ADDRESSES_MAX {
                return Some(FULL_RETRY_SECONDS);
            }
        }
        let too_many = self.limiter.check_key(&network(peer)).err()?;
        let wait = too_many.wait_time_from(self.clock.now());
        Some(wait.as_secs().saturating_add(1))
    }
}

/// The address without the part that its owner chooses freely.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_fails_too_often_must_wait_and_others_need_not() {
        let failures = Failures::new(3);
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(failures.record(peer), None);
        assert_eq!(failures.record(mapped), None);
        assert_eq!(failures.record(peer), None);
        assert!(failures.record(peer).is_some_and(|seconds| seconds <= 21));
        assert_eq!(failures.record("192.0.2.2".parse().unwrap()), None);
    }

    #[test]
    fn neighbours_of_one_version_6_network_count_together() {
        let failures = Failures::new(1);
        assert_eq!(failures.record("2001:db8::1".parse().unwrap()), None);
        assert!(failures.record("2001:db8::2".parse().unwrap()).is_some());
        assert_eq!(failures.record("2001:db8:0:1::1".parse().unwrap()), None);
    }

    #[test]
    fn the_table_never_grows_past_its_bound() {
        let failures = Failures::new(1);
        for number in 0..u32::try_from(ADDRESSES_MAX).unwrap() + 10 {
            failures.record(IpAddr::V4(number.into()));
        }
        assert!(failures.limiter.len() <= ADDRESSES_MAX);
        let refused = failures.record("192.0.2.1".parse().unwrap());
        assert_eq!(refused, Some(FULL_RETRY_SECONDS));
    }
}
