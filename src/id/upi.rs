//! Who is paid by UPI, as payment apps know it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{IdError, is_seen};

text! {
    /// An address that UPI payments go to, such as `shop@bank`.
    UpiAddress,
    "must be a UPI address such as shop@bank",
    is_upi_address
}
text! {
    /// The name that a payer's app shows beside a [`UpiAddress`].
    UpiName,
    "must be 1 to 99 characters, no control characters, no invisible ones, and not only blanks",
    |text| is_seen(text, 99)
}

fn is_upi_address(text: &str) -> bool {
    let Some((holder, bank)) = text.split_once('@') else {
        return false;
    };
    let of = |part: &str, most: usize, others: &[u8]| {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
        (1..=most).contains(&part.len()) && part.bytes().all(is_good)
    };
    of(holder, 255, b".-_") && of(bank, 64, b".-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_upi_address_is_a_holder_at_a_bank() {
        for (text, good) in [
            ("shop@bank", true),
            ("a.b-c_9@ok.bank-1", true),
            ("shop", false),
            ("@bank", false),
            ("shop@", false),
            ("shop@a@b", false),
            ("shop @bank", false),
            ("shop@ba_nk", false),
            ("sh\u{f6}p@bank", false),
        ] {
            assert_eq!(text.parse::<UpiAddress>().is_ok(), good, "{text:?}");
        }
    }
}
