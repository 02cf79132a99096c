//! The members of a body, as they were sent: one JSON object, no name twice, whatever else there
//! is (partner-api.md, Small print).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde_json::value::RawValue;

use crate::protocol::object;

/// A body that is no JSON object, or names a member twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(super::texts::MALFORMED_JSON)
    }
}

impl std::error::Error for Malformed {}

/// The members, each value as its characters.
#[derive(Debug)]
pub struct Members<'a>(Vec<(String, &'a RawValue)>);

/// What a member says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Given<'a> {
    /// Nothing: it is not there, `null`, or an empty text.
    Nothing,
    /// A text.
    Text(Cow<'a, str>),
    /// A number, as its characters.
    Number(&'a str),
    /// Anything else.
    Other,
}

impl<'a> Members<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn decode(body: &'a [u8]) -> Result<Members<'a>, Malformed> {
        let members: Vec<(String, &RawValue)> = object::members(body).map_err(|_| Malformed)?;
        let mut names = HashSet::with_capacity(members.len());
        if members.iter().all(|(name, _)| names.insert(name)) {
            Ok(Members(members))
        } else {
            Err(Malformed)
        }
    }

    /// What the member of that name says.
    ///
    /// # Errors
    /// [`Malformed`]: a text with half of a character.
    pub(super) fn given(&self, name: &str) -> Result<Given<'a>, Malformed> {
        let found = self.0.iter().find(|(known, _)| known == name);
        let Some((_, value)) = found else {
            return Ok(Given::Nothing);
        };
        let value: &'a str = value.get();
        Ok(match value.as_bytes().first() {
            Some(b'n') => Given::Nothing,
            Some(b'"') => {
                let text: Text<'a> = serde_json::from_str(value).map_err(|_| Malformed)?;
                if text.0.is_empty() {
                    Given::Nothing
                } else {
                    Given::Text(text.0)
                }
            }
            Some(b'-' | b'0'..=b'9') => Given::Number(value),
            _ => Given::Other,
        })
    }

    /// The same of the first of several names that says anything.
    pub(super) fn given_by(&self, names: &[&str]) -> Result<Given<'a>, Malformed> {
        for name in names {
            match self.given(name)? {
                Given::Nothing => {}
                given => return Ok(given),
            }
        }
        Ok(Given::Nothing)
    }
}

/// A text that is borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_one_object_without_a_name_twice() {
        for (body, good) in [
            (r#"{}"#, true),
            (r#" {"a":1,"b":{"c":1,"c":2}} "#, true),
            (r#"{"a":[[[[{"x":"\ud800"}]]]]}"#, true),
            ("", false),
            (" ", false),
            ("[]", false),
            ("null", false),
            ("\"a\"", false),
            (r#"{"a":1"#, false),
            (r#"{"a":1}}"#, false),
            (r#"{"a":1,}"#, false),
            (r#"{"a":1,"a":1}"#, false),
            (r#"{"a":1,"\u0061":1}"#, false),
            (r#"{"a":01}"#, false),
            ("\u{feff}{}", false),
        ] {
            assert_eq!(Members::decode(body.as_bytes()).is_ok(), good, "{body}");
        }
        assert!(Members::decode(b"{\"a\":\"\xff\"}").is_err());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
        assert!(Members::decode(deep.as_bytes()).is_ok());
    }

    #[test]
    fn a_member_is_told_as_its_characters() {
        let body =
            br#"{"a":1.50,"b":-1e400,"c":"x\u0079","d":"","e":null,"f":true,"g":[1],"h":"\ud800"}"#;
        let members = Members::decode(body).unwrap();
        for (name, given) in [
            ("a", Given::Number("1.50")),
            ("b", Given::Number("-1e400")),
            ("c", Given::Text("xy".into())),
            ("d", Given::Nothing),
            ("e", Given::Nothing),
            ("f", Given::Other),
            ("g", Given::Other),
            ("i", Given::Nothing),
        ] {
            assert_eq!(members.given(name), Ok(given), "{name}");
        }
        assert_eq!(members.given("h"), Err(Malformed));
        assert_eq!(members.given_by(&["d", "a"]), Ok(Given::Number("1.50")));
    }
}
