//! JSON as it was received: members in their order, numbers as their characters.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::protocol::object;

/// Lists and objects within one another, at most. The documented bodies have two.
const DEPTH_MAX: usize = 16;

/// A value of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Truth(bool),
    /// A number, as it is written.
    Number(String),
    /// A text, without its escapes.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object.
    Object(Members),
}

/// The members of an object in the order in which they came, no two of one name.
pub type Members = Vec<(String, Value)>;

/// Why a text is no body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It is no JSON object, or its objects and lists lie too deep in one another.
    NoObject,
    /// An object has two members of this name.
    Doubled(String),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::NoObject => f.write_str("The body must be a JSON object."),
            Malformed::Doubled(name) => {
                write!(f, "The {} member must not be given twice.", printable(name))
            }
        }
    }
}

impl std::error::Error for Malformed {}

/// A name from outside, as an answer may repeat it: without control characters, and not at length.
pub fn printable(name: &str) -> String {
    const CHARACTERS_MAX: usize = 64;
    let letter = |letter: char| if letter.is_control() { '?' } else { letter };
    name.chars().take(CHARACTERS_MAX).map(letter).collect()
}

/// Reads a body that is one JSON object and nothing else.
///
/// # Errors
/// [`Malformed`].
pub fn decode(body: &[u8]) -> Result<Members, Malformed> {
    read_members(body, DEPTH_MAX)
}

fn read_members(text: &[u8], depth: usize) -> Result<Members, Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed::NoObject)?;
    let raw: Vec<(String, &RawValue)> = object::members(text).map_err(|_| Malformed::NoObject)?;
    let mut names = HashSet::with_capacity(raw.len());
    if let Some((name, _)) = raw.iter().find(|(name, _)| !names.insert(name.as_str())) {
        return Err(Malformed::Doubled(name.clone()));
    }
    let mut members = Vec::with_capacity(raw.len());
    for (name, value) in &raw {
        members.push((name.clone(), read(value.get(), depth)?));
    }
    Ok(members)
}

fn read(text: &str, depth: usize) -> Result<Value, Malformed> {
    Ok(match text.as_bytes().first() {
        Some(b'n') => Value::Null,
        Some(b't') => Value::Truth(true),
        Some(b'f') => Value::Truth(false),
        Some(b'"') => {
            let read: Unescaped<'_> =
                serde_json::from_str(text).map_err(|_| Malformed::NoObject)?;
            Value::Text(read.0.into_owned())
        }
        Some(b'[') => {
            let depth = depth.checked_sub(1).ok_or(Malformed::NoObject)?;
            let items: Vec<&RawValue> =
                serde_json::from_str(text).map_err(|_| Malformed::NoObject)?;
            let items = items.iter().map(|item| read(item.get(), depth));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        Some(b'{') => Value::Object(read_members(text.as_bytes(), depth)?),
        _ => Value::Number(text.to_owned()),
    })
}

#[derive(Deserialize)]
struct Unescaped<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_in_its_order_with_its_numbers_as_written() {
        let body = br#" {"b":1.50,"a":[true,false,null,-0,1e400],"c":{"z":"\u0079\/","y":{}}} "#;
        let text = |text: &str| Value::Text(text.to_owned());
        let number = |text: &str| Value::Number(text.to_owned());
        let member = |name: &str, value: Value| (name.to_owned(), value);
        let list = vec![
            Value::Truth(true),
            Value::Truth(false),
            Value::Null,
            number("-0"),
            number("1e400"),
        ];
        let inner = vec![
            member("z", text("y/")),
            member("y", Value::Object(Vec::new())),
        ];
        let read = vec![
            member("b", number("1.50")),
            member("a", Value::List(list)),
            member("c", Value::Object(inner)),
        ];
        assert_eq!(decode(body), Ok(read));
    }

    #[test]
    fn what_is_no_object_or_has_a_name_twice_is_no_body() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
        for body in [
            "",
            " ",
            "[]",
            "null",
            "7",
            "{\"a\":1",
            "{\"a\":1}}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":+1}",
            "{\"a\":.5}",
            "{\"a\":\"\\ud800\"}",
            "{\"\\ud800\":1}",
            "{'a':1}",
            "\u{feff}{}",
            &deep,
        ] {
            assert_eq!(
                decode(body.as_bytes()),
                Err(Malformed::NoObject),
                "{body:.40}"
            );
        }
        assert_eq!(decode(b"{\"a\":\"\xff\"}"), Err(Malformed::NoObject));
        for body in [
            r#"{"a":1,"b":2,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"b":{"a":1,"a":1}}"#,
            r#"{"b":[[{"a":1,"a":1}]]}"#,
        ] {
            let doubled = Malformed::Doubled("a".to_owned());
            assert_eq!(decode(body.as_bytes()), Err(doubled), "{body}");
        }
        let told = Malformed::Doubled(format!("a\n{}", "b".repeat(100))).to_string();
        assert!(told.starts_with("The a?bb") && told.len() < 110, "{told}");
    }
}
