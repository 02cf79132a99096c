//! What a signature is over: the members of a received body as one text (paykassma-api.md,
//! Signature).
//!
//! # Quirks
//! - The text does not tell where a value ends: `{"a":"x:y"}` is signed like
//!   `{"a":"x","b":"y"}`. So no value may hold a `:`, nor a control character.
//! - The names on top are sorted, those within are not; no name is signed.
//! - `null`, `false` and an empty text are signed alike.

use std::fmt;

use super::php::{self, NumberFault};
use super::value::{Members, Value, printable};

/// The member that bears the signature, and is not signed.
pub const SIGNATURE: &str = "signature";

/// Why a body cannot be signed, and what would have to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsignable {
    /// A text holds what could be taken for the end of a value.
    Separator(String),
    /// A number is signed by other digits than it has.
    Number(String, NumberFault),
    /// A name on top that PHP sorts as a number.
    Name(String),
}

impl Unsignable {
    /// The member, its place within others parted by points, and what is wrong with it.
    pub fn told(&self) -> (&str, String) {
        let (path, fault) = match self {
            Unsignable::Separator(path) => (
                path,
                "must not have colons or control characters.".to_owned(),
            ),
            Unsignable::Number(path, fault) => (path, format!("{fault}.")),
            Unsignable::Name(path) => (
                path,
                "must have a name that begins with a letter.".to_owned(),
            ),
        };
        (path, fault)
    }
}

impl fmt::Display for Unsignable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, fault) = self.told();
        write!(f, "The {path} {fault}")
    }
}

impl std::error::Error for Unsignable {}

/// The text that is signed for `members`; [`SIGNATURE`] is left out.
///
/// # Errors
/// [`Unsignable`].
pub fn signing_text(members: &Members) -> Result<String, Unsignable> {
    let mut signed: Vec<&(String, Value)> = members
        .iter()
        .filter(|(name, _)| name != SIGNATURE)
        .collect();
    if let Some((name, _)) = signed.iter().find(|(name, _)| may_be_a_number(name)) {
        return Err(Unsignable::Name(printable(name)));
    }
    signed.sort_by(|(one, _), (other, _)| one.as_bytes().cmp(other.as_bytes()));
    let mut text = String::new();
    for (place, (name, value)) in signed.iter().enumerate() {
        if place > 0 {
            text.push(':');
        }
        put(&mut text, value, &|| printable(name))?;
    }
    Ok(text)
}

/// Whether PHP might sort a name as a number.
fn may_be_a_number(name: &str) -> bool {
    name.bytes()
        .next()
        .is_some_and(|first| !first.is_ascii_alphabetic() && first != b'_' && first.is_ascii())
}

fn put(text: &mut String, value: &Value, path: &dyn Fn() -> String) -> Result<(), Unsignable> {
    match value {
        Value::Null | Value::Truth(false) => {}
        Value::Truth(true) => text.push('1'),
        Value::Number(number) => {
            let number = php::number_text(number);
            text.push_str(&number.map_err(|fault| Unsignable::Number(path(), fault))?);
        }
        Value::Text(of) => {
            if of.contains(|letter: char| letter == ':' || letter.is_control()) {
                return Err(Unsignable::Separator(path()));
            }
            text.push_str(of);
        }
        Value::List(items) => {
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(':');
                }
                put(text, item, &|| format!("{}.{place}", path()))?;
            }
        }
        Value::Object(members) => {
            for (place, (name, value)) in members.iter().enumerate() {
                if place > 0 {
                    text.push(':');
                }
                put(text, value, &|| format!("{}.{}", path(), printable(name)))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::paykassma::value;

    fn text(body: &str) -> Result<String, String> {
        let members = value::decode(body.as_bytes()).unwrap();
        signing_text(&members).map_err(|fault| fault.to_string())
    }

    #[test]
    fn names_on_top_are_sorted_and_nothing_else_is() {
        for (body, signed) in [
            ("{}", ""),
            (r#"{"b":1,"a":2,"B":3,"_":4}"#, "3:4:2:1"),
            (r#"{"signature":"s","a":"x"}"#, "x"),
            (r#"{"a":{"signature":"s","b":1}}"#, "s:1"),
            (
                r#"{"b":{"z":1,"a":{"y":2,"x":[3,[4,5],{}]}},"a":[]}"#,
                ":1:2:3:4:5:",
            ),
            (r#"{"a":true,"b":false,"c":null,"d":""}"#, "1:::"),
            (r#"{"a":"\u20b9 \/","b":1000.0}"#, "\u{20b9} /:1000"),
            ("{\"\u{e9}\":1,\"z\":2}", "2:1"),
        ] {
            assert_eq!(text(body).as_deref(), Ok(signed), "{body}");
        }
    }

    #[test]
    fn what_is_signed_like_something_else_is_refused_by_its_name() {
        for (body, told) in [
            (
                r#"{"comment":"5000:INR:55"}"#,
                "The comment must not have colons or control",
            ),
            (r#"{"a":{"b":"\n"}}"#, "The a.b must not have colons"),
            (r#"{"a":[0,"\u007f"]}"#, "The a.1 must not have colons"),
            (
                r#"{"a":0.123456789012345}"#,
                "The a must have at most 14 significant digits.",
            ),
            (r#"{"a":{"b":[1e400]}}"#, "The a.b.0 is out of range."),
            (r#"{"10":1,"9":1}"#, "The 10 must have a name that begins"),
            (r#"{" 1":1}"#, "must have a name"),
        ] {
            let fault = text(body).unwrap_err();
            assert!(fault.contains(told), "{body}: {fault}");
        }
    }
}
