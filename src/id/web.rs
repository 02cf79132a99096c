//! Addresses on the web, as settings name them.

/// `http://` or `https://` and a host, perhaps a port, a path and a query. Nobody's name or
/// password, since addresses are shown and logged, and no fragment, which is never sent.
pub(crate) fn is_web_address(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest.filter(|_| text.len() <= 2000) else {
        return false;
    };
    let (authority, _) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let in_brackets = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = match in_brackets {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    };
    is_host
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
        && rest
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postback_goes_to_a_web_address() {
        for (text, good) in [
            ("https://shop.example.com", true),
            ("http://shop.example.com:8080/a/b?c=d&e=f", true),
            ("https://[2001:db8::7]:443/x", true),
            ("https://[2001:db8::7]/x", true),
            ("https://192.0.2.7?x", true),
            ("ftp://shop.example.com", false),
            ("//shop.example.com", false),
            ("shop.example.com", false),
            ("https://", false),
            ("https:///path", false),
            ("https://user:pass@shop.example.com", false),
            ("https://user@shop.example.com", false),
            ("https://shop.example.com:0", false),
            ("https://shop.example.com:x", false),
            ("https://shop.example.com:99999", false),
            ("https://shop.example.com/#f", false),
            ("https://shop.example.com/a b", false),
            ("https://shop.example.com/\r\nX: y", false),
            ("https://sh\u{f6}p.example.com", false),
            ("https://[::1", false),
        ] {
            assert_eq!(is_web_address(text), good, "{text:?}");
        }
    }
}
