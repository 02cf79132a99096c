//! Addresses that payers are led to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{IdError, is_web_address};

text! {
    /// Where a payer is led, at a merchant's word (paykassma-api.md, Deposits).
    WebAddress,
    "must be an address such as https://shop.example.com/paid#top, without user",
    |text| {
        let (address, fragment) = text.split_once('#').unwrap_or((text, ""));
        is_web_address(address) && is_web_address(&format!("https://a/{fragment}"))
    }
}

text! {
    /// What stands for an address that nobody is to read: 64 hex digits, in small letters.
    UrlHash,
    "must be 64 hex digits in small letters",
    |text| text.len() == 64
        && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payer_is_led_over_http_alone_perhaps_to_a_part_of_a_page() {
        for (text, good) in [
            ("https://test.com/success2.jpg", true),
            ("http://test.com/?a=b#c?d", true),
            ("https://test.com#", true),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("ftp://test.com", false),
            ("//test.com", false),
            ("https://a@test.com", false),
            ("https://test.com/#a#b", false),
            ("https://test.com/#a b", false),
            ("https://test.com/\r\nx: y", false),
            ("#a", false),
        ] {
            assert_eq!(text.parse::<WebAddress>().is_ok(), good, "{text:?}");
        }
    }
}
