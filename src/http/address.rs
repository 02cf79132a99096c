//! Whose request it is: the address of the direct peer, or the one that a trusted proxy names.
//!
//! `X-Forwarded-For` is only believed from a trusted proxy, and only as far as trusted proxies
//! wrote it: counted from the right, the first address that is no trusted proxy is the caller.
//! What stands to the left of it, the caller may have written itself (wallet-api.md, The Wallet
//! URL).

use std::net::IpAddr;

use hyper::HeaderMap;
use ipnet::IpNet;

/// The caller's address, or `None` where a trusted proxy's word cannot be read: then nobody is
/// believed.
///
/// `peer` and the answer are canonical: an IPv4 address is never written as IPv6.
pub(super) fn caller(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let is_trusted = |address: &IpAddr| contains(trusted, *address);
    if !is_trusted(&peer) {
        return Some(peer);
    }
    let mut lines = headers.get_all("x-forwarded-for").iter();
    let Some(line) = lines.next() else {
        return Some(peer);
    };
    if lines.next().is_some() {
        return None;
    }
    let mut caller = peer;
    for part in line.to_str().ok()?.rsplit(',') {
        let address: IpAddr = part.trim_matches([' ', '\t']).parse().ok()?;
        caller = address.to_canonical();
        if !is_trusted(&caller) {
            break;
        }
    }
    Some(caller)
}

/// Whether one of the networks holds the address, however either is written.
pub(super) fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| match (network, address) {
        // A network of IPv4 addresses written as IPv6, such as ::ffff:10.0.0.0/104.
        (IpNet::V6(network), IpAddr::V4(address)) => network.contains(&address.to_ipv6_mapped()),
        (network, address) => network.contains(&address),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller_of(peer: &str, lines: &[&str]) -> Option<String> {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"]
            .iter()
            .map(|network| network.parse().unwrap())
            .collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let peer: IpAddr = peer.parse().unwrap();
        caller(peer.to_canonical(), &headers, &trusted).map(|address| address.to_string())
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for (peer, lines, wanted) in [
            ("192.0.2.1", &[][..], Some("192.0.2.1")),
            ("192.0.2.1", &["198.51.100.7"], Some("192.0.2.1")),
            ("192.0.2.1", &["rubbish", "rubbish"], Some("192.0.2.1")),
            ("10.0.0.1", &[], Some("10.0.0.1")),
            ("10.0.0.1", &["198.51.100.7"], Some("198.51.100.7")),
            ("fd00::1", &["198.51.100.7"], Some("198.51.100.7")),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.7"], Some("198.51.100.7")),
            (
                "10.0.0.1",
                &["rubbish,198.51.100.7 ,10.9.9.9"],
                Some("198.51.100.7"),
            ),
            ("10.0.0.1", &["10.0.0.3,10.0.0.2"], Some("10.0.0.3")),
            ("::ffff:10.0.0.1", &["2001:db8::1"], Some("2001:db8::1")),
            ("10.0.0.1", &["::ffff:198.51.100.7"], Some("198.51.100.7")),
        ] {
            assert_eq!(
                caller_of(peer, lines).as_deref(),
                wanted,
                "{peer} {lines:?}"
            );
        }
    }

    #[test]
    fn a_proxys_word_that_cannot_be_read_names_nobody() {
        for lines in [
            &["198.51.100.7", "198.51.100.7"][..],
            &[""],
            &["unknown"],
            &["198.51.100.7:443"],
            &["198.51.100.7,"],
            &["198.51.100.7,rubbish,10.0.0.2"],
            &["198.51.100.07"],
        ] {
            assert_eq!(caller_of("10.0.0.1", lines), None, "{lines:?}");
        }
    }

    #[test]
    fn networks_hold_an_address_however_it_is_written() {
        let networks: Vec<IpNet> = ["192.0.2.0/24", "::ffff:198.51.100.0/120"]
            .iter()
            .map(|network| network.parse().unwrap())
            .collect();
        for (address, held) in [
            ("192.0.2.9", true),
            ("192.0.3.9", false),
            ("198.51.100.7", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(
                contains(&networks, address.parse().unwrap()),
                held,
                "{address}"
            );
        }
    }
}
