//! What received payments and orders are named by (operations.md, Received payments; partner-api.md,
//! Payment Gateway).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{IdError, PartnerNumber, is_line, is_seen, is_word, parse_from};

/// The longest name of a wallet type.
const WALLET_TYPE_MAX: usize = 32;

/// A way in which money comes in and goes out, such as `upi`. It stands in the names of accounts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WalletType {
    /// The rest is zeros, so that the order is that of the texts.
    letters: [u8; WALLET_TYPE_MAX],
}

impl WalletType {
    /// The name as outsiders write it.
    ///
    /// # Panics
    /// Never: it was checked when it was read.
    pub fn as_str(&self) -> &str {
        let end = self.letters.iter().position(|&letter| letter == 0);
        let letters = &self.letters[..end.unwrap_or(WALLET_TYPE_MAX)];
        std::str::from_utf8(letters).expect("a wallet type is ASCII")
    }
}

impl FromStr for WalletType {
    type Err = IdError;

    fn from_str(text: &str) -> Result<WalletType, IdError> {
        let is_letter =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        if !(1..=WALLET_TYPE_MAX).contains(&text.len()) || !text.bytes().all(is_letter) {
            return Err(IdError("must be 1 to 32 small letters, digits, _ or -"));
        }
        let mut letters = [0; WALLET_TYPE_MAX];
        letters[..text.len()].copy_from_slice(text.as_bytes());
        Ok(WalletType { letters })
    }
}

impl fmt::Display for WalletType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for WalletType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WalletType({})", self.as_str())
    }
}

impl Serialize for WalletType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for WalletType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<WalletType, D::Error> {
        parse_from(deserializer)
    }
}

text! {
    /// A bank's or wallet's own number for a payment, such as a UTR; unique in one [`WalletType`].
    PaymentReference,
    "must be 1 to 190 characters, no control characters, no invisible ones, and not only blanks",
    |text| is_seen(text, 190)
}
text! {
    /// What else is said of a payment: the account that it came to, who paid, a note.
    PaymentDetail,
    "must be 1 to 255 characters, no control characters, no invisible ones, and not only blanks",
    |text| is_seen(text, 255)
}

text! {
    /// A partner's name for an order, unique per partner for ever.
    OrderId,
    "must be 1 to 64 characters without control characters",
    |text| is_line(text, 64)
}
text! {
    /// What an order's page is found by, and what a payment app is given as the order's number:
    /// nobody can guess it (partner-api.md, `txn_ref_id`).
    OrderReference,
    "must be 1 to 35 letters, digits or _",
    |text| is_word(text, 35)
}
text! {
    /// What an order is for, in the partner's words.
    OrderNote,
    "must be 1 to 255 characters without control characters",
    |text| is_line(text, 255)
}
text! {
    /// A bank's number for a UPI payment, as a payer reads it off an app.
    Utr,
    "must be 12 digits",
    |text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Utr {
    /// The same as a payment's reference.
    ///
    /// # Panics
    /// Never: it is shorter than a reference may be, and all of it is seen.
    pub fn reference(&self) -> PaymentReference {
        self.as_str().parse().expect("12 digits are a reference")
    }
}

/// How an operator names an order: by its reference, or as `p1/orderId`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderName {
    /// By what its page is found by.
    Reference(OrderReference),
    /// By the partner's name for it.
    Of(PartnerNumber, OrderId),
}

impl FromStr for OrderName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<OrderName, IdError> {
        let named = match text.split_once('/') {
            None => text.parse().ok().map(OrderName::Reference),
            Some((partner, id)) => {
                let (partner, id) = (partner.parse().ok(), id.parse().ok());
                partner
                    .zip(id)
                    .map(|(partner, id)| OrderName::Of(partner, id))
            }
        };
        named.ok_or(IdError(
            "must be an order's txn_ref_id, or its partner and orderId such as p1/A-17",
        ))
    }
}

impl fmt::Display for OrderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OrderName::Reference(reference) => reference.fmt(f),
            OrderName::Of(partner, id) => write!(f, "{partner}/{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wallet_types_are_short_words_of_small_letters_in_the_order_of_their_texts() {
        let longest = "a".repeat(WALLET_TYPE_MAX);
        let good = ["-", "7", "_", "a", "ab", "easypaisa_api", "upi", &longest];
        for text in good {
            let read: WalletType = text.parse().unwrap();
            assert_eq!(read.as_str(), text);
            let json = serde_json::to_string(&read).unwrap();
            assert_eq!(serde_json::from_str::<WalletType>(&json).unwrap(), read);
        }
        let mut sorted: Vec<WalletType> = good.iter().map(|text| text.parse().unwrap()).collect();
        sorted.sort_unstable();
        let mut texts = good;
        texts.sort_unstable();
        assert!(sorted.iter().map(WalletType::as_str).eq(texts));
        let long = format!("{longest}a");
        for text in ["", "UPI", "a b", "a/b", "\u{e4}", "a\0", &long] {
            assert!(text.parse::<WalletType>().is_err(), "{text:?}");
        }
    }
}
