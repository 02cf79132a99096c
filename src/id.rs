//! One newtype per identifier, so that no two of them can be taken for each other.
//!
//! Numbers are given by coffer and are compact in entries; texts are what outsiders say. Each
//! text is checked once, where it is parsed into its type.

mod web;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub(crate) use web::is_web_address;

/// Parses a member's text into its type; the type's own error tells what would be right.
pub(crate) fn parse_from<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: FromStr,
    T::Err: fmt::Display,
{
    let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// Writes a member as the text that its type shows.
pub(crate) fn as_text<T: fmt::Display, S: serde::Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The same, or null.
pub(crate) fn as_optional_text<T: fmt::Display, S: serde::Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number! {
    /// An entry's number, from 1, without gaps. [`Seq::NONE`] stands before the first.
    Seq(u64)
}
number! {
    /// A game server's number for a bet or win: unique in one (id space, currency), over the
    /// whole range of 64 bits (wallet-api.md, Money rules 1).
    TransactionId(u64)
}
number! {
    /// The id of a round's first bet (wallet-api.md, Money rules 6).
    RoundId(u64)
}
number! {
    /// A game's number at the game server.
    GameNumber(u32)
}
number! {
    /// One player's money in one currency, or another holder's with a chain of its own.
    AccountNumber(u64)
}
number! {
    /// One session. Entries name it by this number, outsiders by its [`Code`].
    SessionNumber(u64)
}
number! {
    /// Partners that number their transactions together share an id space. 0 is `default`.
    IdSpaceNumber(u32)
}
number! {
    /// A user of a partner: one sequence for the whole coffer (partner-api.md, Users).
    UserNumber(u64)
}

impl Default for UserNumber {
    fn default() -> UserNumber {
        UserNumber::NONE
    }
}

impl Default for Seq {
    fn default() -> Seq {
        Seq::NONE
    }
}

impl Seq {
    /// Before the first entry: nothing to wait for.
    pub const NONE: Seq = Seq(0);

    /// The entry's number after this one.
    ///
    /// # Panics
    /// After 2^64-1 entries, which takes 5,000 centuries at 100,000 a second.
    #[must_use]
    pub fn next(self) -> Seq {
        Seq(self
            .0
            .checked_add(1)
            .expect("2^64 entries are never reached"))
    }
}

impl UserNumber {
    /// Before the first user, who is 101.
    pub const NONE: UserNumber = UserNumber(100);

    /// The number after this one.
    ///
    /// # Panics
    /// After 2^64-102 users.
    #[must_use]
    pub fn next(self) -> UserNumber {
        let next = self.0.checked_add(1);
        UserNumber(next.expect("2^64 users are never reached"))
    }

    /// The user's name as a player: `usr-101` (partner-api.md, Users).
    ///
    /// # Panics
    /// Never: the longest has 24 characters.
    pub fn player_id(self) -> PlayerId {
        let text = format!("usr-{self}");
        text.parse().expect("short and printable")
    }
}

/// A partner's number; `p1` outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartnerNumber(pub u32);

impl fmt::Display for PartnerNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl FromStr for PartnerNumber {
    type Err = IdError;

    fn from_str(text: &str) -> Result<PartnerNumber, IdError> {
        let digits = text
            .strip_prefix('p')
            .filter(|digits| !digits.starts_with(['0', '+']));
        let number = digits.and_then(|digits| digits.parse().ok());
        number
            .map(PartnerNumber)
            .ok_or(IdError("must be a partner such as p1"))
    }
}

impl Serialize for PartnerNumber {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PartnerNumber {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<PartnerNumber, D::Error> {
        parse_from(deserializer)
    }
}

/// A language, two lower-case letters of ISO 639-1 (wallet-api.md, Launch URLs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lang([u8; 2]);

impl Lang {
    /// `en`, the default.
    pub const EN: Lang = Lang(*b"en");

    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a language is two ASCII letters")
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Lang {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Lang, IdError> {
        match text.as_bytes() {
            &[a, b] if a.is_ascii_lowercase() && b.is_ascii_lowercase() => Ok(Lang([a, b])),
            _ => Err(IdError(
                "must be a language of two small letters, such as en",
            )),
        }
    }
}

impl Serialize for Lang {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Lang {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Lang, D::Error> {
        parse_from(deserializer)
    }
}

/// A text is not of an identifier's form; the text says what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdError(pub(crate) &'static str);

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for IdError {}

/// A text with a check. Where a second one is given, it is what entries of earlier versions keep
/// to: they are read for ever, whatever is taken today.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        text! { $(#[$doc])* $name, $what, $check, $check }
    };
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr, $check_read:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text as outsiders write it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<$name, IdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok($name(text.into())) } else { Err(IdError($what)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
                let check: fn(&str) -> bool = $check_read;
                if check(&text) {
                    Ok($name(text.into()))
                } else {
                    Err(serde::de::Error::custom($what))
                }
            }
        }
    };
}

// Below the macro, which they use.
mod address;
mod deposit;
mod gateway;
mod payment;
mod upi;

pub use address::{UrlHash, WebAddress};
pub use deposit::DepositReference;
pub use gateway::{GatewayText, Label, PostbackName, RequestSignature, WithdrawalId};
pub use payment::{
    OrderId, OrderName, OrderNote, OrderReference, PaymentDetail, PaymentReference, Utr, WalletType,
};
pub use upi::{UpiAddress, UpiName};

/// Letters, digits and `_`, from 1 to `length_max` of them.
fn is_word(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// 1 to `length_max` characters, none of them a control character.
fn is_line(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// A line that people see as it is: not only blanks, and nothing in it that is not seen or turns
/// the order of what is.
fn is_seen(text: &str, length_max: usize) -> bool {
    is_line(text, length_max)
        && !text.chars().all(char::is_whitespace)
        && !text.chars().any(is_invisible)
}

/// Unicode's format characters (Cf: marks of direction, joiners, tags), the separators of lines
/// and paragraphs, and letters and marks without a shape.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// Reads the addresses that callers may come from: a network such as `10.0.0.0/8`, or one address.
///
/// # Errors
/// What would be right.
pub fn network(text: &str) -> Result<IpNet, IdError> {
    let one = || text.parse::<IpAddr>().ok().map(IpNet::from);
    let network = text.parse().ok().or_else(one);
    network.ok_or(IdError(
        "must be an address such as 192.0.2.7, or addresses with their prefix such as 10.0.0.0/8",
    ))
}

text! {
    /// A kind of game, such as `mine`, as partners name it (partner-api.md, Users).
    GameType,
    "must be 1 to 40 letters, digits or _",
    |text| is_word(text, 40)
}
text! {
    /// Where a merchant is told of what became of its deposits or withdrawals.
    PostbackUrl,
    "must be an address such as https://shop.example.com/postback, without user and fragment",
    is_web_address
}
text! {
    /// A player's name at the partner: 1-40 printable ASCII characters without spaces
    /// (operations.md, Shapes that scripts use).
    PlayerId,
    "must be 1 to 40 printable ASCII characters without spaces",
    |text| (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}
text! {
    /// A player's game session, as the launch URL's `token` and the requests' `code` name it
    /// (wallet-api.md, Sessions).
    Code,
    "must be 1 to 128 letters, digits or _",
    |text| is_word(text, 128)
}
text! {
    /// The last part of a partner's Wallet URL (wallet-api.md, The Wallet URL).
    WalletToken,
    "must be 1 to 40 letters, digits or _",
    |text| is_word(text, 40)
}
text! {
    /// The name of an id space.
    IdSpaceName,
    "must be 1 to 40 letters, digits or _",
    |text| is_word(text, 40)
}
text! {
    /// A partner's name (operations.md, Shapes that scripts use).
    Name,
    "must be 1 to 190 characters, no control characters, no invisible ones, and not only blanks",
    |text| is_seen(text, 190),
    |text| is_line(text, 190)
}
text! {
    /// What names an adjustment, unique per partner (operations.md, Shapes that scripts use).
    Reference,
    "must be 1 to 190 characters, no control characters, no invisible ones, and not only blanks",
    |text| is_seen(text, 190),
    |text| is_line(text, 190)
}
text! {
    /// Why an operator did something.
    Reason,
    "must be 1 to 500 characters, no control characters, no invisible ones, and not only blanks",
    |text| is_seen(text, 500),
    |text| is_line(text, 500)
}

text! {
    /// A user's mobile number, without the `+` that does not distinguish (partner-api.md, Who is
    /// calling).
    Mobile,
    "must be 7 to 15 digits",
    |text| (7..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}
text! {
    /// A user's name as the partner gives it (partner-api.md, Users). It may hold characters that
    /// are not seen: some scripts join their letters with them.
    UserName,
    "must be 1 to 190 characters without control characters",
    |text| is_line(text, 190)
}
text! {
    /// Something that looks like an email address (partner-api.md, Users).
    Email,
    "must be an email address of at most 254 characters",
    is_email
}
text! {
    /// A partner's name for a deposit or withdrawal, unique per partner for ever (partner-api.md,
    /// Wallet, `transaction_id`).
    TransferId,
    "must be 1 to 190 characters without control characters",
    |text| is_line(text, 190)
}

/// Something, one `@`, and a domain of at least two parts, with neither blanks nor control
/// characters. Whether anybody reads there only a letter could tell.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let parts = || domain.split('.');
    is_line(text, 254)
        && !text.chars().any(char::is_whitespace)
        && !local.is_empty()
        && !domain.contains('@')
        && parts().count() > 1
        && parts().all(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_checked_where_they_are_parsed() {
        let long = "x".repeat(129);
        for (code, good) in [
            ("a", true),
            ("A_9", true),
            ("", false),
            ("a-b", false),
            (&*long, false),
            (&long[1..], true),
        ] {
            assert_eq!(code.parse::<Code>().is_ok(), good, "{code:?}");
        }
        for (player, good) in [
            ("usr-1122334455", true),
            ("a b", false),
            ("\u{e9}", false),
            ("~!/", true),
            (&long[..41], false),
        ] {
            assert_eq!(player.parse::<PlayerId>().is_ok(), good, "{player:?}");
        }
        for (token, good) in [
            ("hmeu134_56eEYeGgre", true),
            (&long[..40], true),
            (&long[..41], false),
            ("a.b", false),
        ] {
            assert_eq!(token.parse::<WalletToken>().is_ok(), good, "{token:?}");
        }
    }

    #[test]
    fn names_are_seen_as_they_are() {
        for (name, good) in [
            ("Example Games", true),
            ("\u{a0}x", true),
            ("J\u{f6}rg & S\u{f6}hne", true),
            ("\u{928}\u{93f}\u{924}\u{93f}\u{928}", true),
            ("", false),
            (" ", false),
            ("\u{3000}\u{a0}", false),
            ("\u{3164}", false),
            ("a\nb", false),
            ("a\u{2028}b", false),
            ("a\u{202e}b", false),
            ("a\u{2066}b", false),
            ("a\u{200b}b", false),
            ("\u{feff}a", false),
            ("a\u{ad}b", false),
            ("a\u{e0041}", false),
        ] {
            assert_eq!(name.parse::<Name>().is_ok(), good, "{name:?}");
            assert_eq!(name.parse::<Reference>().is_ok(), good, "{name:?}");
            assert_eq!(name.parse::<Reason>().is_ok(), good, "{name:?}");
        }
    }

    #[test]
    fn names_in_entries_of_earlier_versions_are_read() {
        for name in [" ", "a\u{202e}b"] {
            let entry = serde_json::to_string(name).unwrap();
            let read: Name = serde_json::from_str(&entry).unwrap();
            assert_eq!(read.as_str(), name);
        }
        assert!(serde_json::from_str::<Name>("\"\"").is_err());
        assert!(serde_json::from_str::<Name>("\"\\u0000\"").is_err());
    }

    #[test]
    fn mobile_numbers_and_email_addresses_are_told_by_their_looks() {
        for (mobile, good) in [
            ("1234567", true),
            ("123456789012345", true),
            ("123456", false),
            ("1234567890123456", false),
            ("+1234567", false),
            ("123 4567", false),
            ("\u{661}234567", false),
        ] {
            assert_eq!(mobile.parse::<Mobile>().is_ok(), good, "{mobile:?}");
        }
        let long = format!("{}@example.com", "x".repeat(243));
        for (email, good) in [
            ("newuser@example.com", true),
            ("a.b+c@mail.example.co.in", true),
            ("\u{928}@\u{909}.\u{92d}", true),
            ("newuser", false),
            ("@example.com", false),
            ("a@", false),
            ("a@b", false),
            ("a@b.", false),
            ("a@.b", false),
            ("a@b..c", false),
            ("a@b@c.d", false),
            ("a b@c.d", false),
            ("a\n@c.d", false),
            (&*long, false),
            (&long[1..], true),
        ] {
            assert_eq!(email.parse::<Email>().is_ok(), good, "{email:?}");
        }
    }

    #[test]
    fn an_address_is_a_network_of_one() {
        for (text, read) in [
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("2001:db8::7", Some("2001:db8::7/128")),
            ("192.0.2.7/33", None),
            ("192.0.2", None),
            ("localhost", None),
            ("", None),
        ] {
            let network = network(text).ok().map(|network| network.to_string());
            assert_eq!(network.as_deref(), read, "{text:?}");
        }
    }

    #[test]
    fn a_partner_is_p_and_a_number() {
        assert_eq!("p12".parse(), Ok(PartnerNumber(12)));
        assert_eq!(PartnerNumber(12).to_string(), "p12");
        for text in ["12", "p", "p01", "p+1", "p-1", "P1", "p99999999999"] {
            assert!(text.parse::<PartnerNumber>().is_err(), "{text:?}");
        }
    }
}
