//! Percent-encoding, as paths and queries have it. `+` is a plus, not a blank.

use std::collections::HashSet;
use std::fmt::Write as _;

/// Undoes percent-encoding; `None` where an escape is none, or the bytes are no UTF-8.
pub fn decode(text: &str) -> Option<String> {
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high << 4 | low).expect("two hex digits are a byte"));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The members of a query, without its `?`, in their order; `None` where one cannot be decoded.
pub fn decode_query(query: &str) -> Option<Vec<(String, String)>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let decoded = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name)?, decode(value)?))
    });
    decoded.collect()
}

/// The same, where none is named twice.
pub fn decode_members(query: &str) -> Option<Vec<(String, String)>> {
    let members = decode_query(query)?;
    let mut names = HashSet::with_capacity(members.len());
    let is_new = |(name, _): &(String, String)| names.insert(name.clone());
    let all_are_new = members.iter().all(is_new);
    all_are_new.then_some(members)
}

/// Adds `text` to what it is a part of, with everything escaped that could be read otherwise.
pub fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            write!(into, "%{byte:02X}").expect("a text takes any text");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for text in ["", "a/b?c=d&e%f+g", "%25", "\u{e9} \u{1f3b2}", "+91 98"] {
            let mut encoded = String::new();
            encode(text, &mut encoded);
            assert!(encoded.is_ascii() && !encoded.contains(['/', '&', ' ', '+']));
            assert_eq!(decode(&encoded).as_deref(), Some(text));
        }
        assert_eq!(decode("+91").as_deref(), Some("+91"));
    }

    #[test]
    fn what_is_not_encoded_well_is_not_decoded() {
        for text in ["%", "%4", "%zz", "%ff", "%+1", "%\u{e9}"] {
            assert_eq!(decode(text), None, "{text}");
            assert_eq!(decode_query(&format!("a={text}")), None, "{text}");
        }
        let pairs = decode_query("a=1&&b&c=%20=").unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs, [pair("a", "1"), pair("b", ""), pair("c", " =")]);
        assert_eq!(decode_members("a=1&b=1"), decode_query("a=1&b=1"));
        for text in ["a=1&a=1", "a&a=1", "a=1&%61=2", "%"] {
            assert_eq!(decode_members(text), None, "{text}");
        }
    }
}
