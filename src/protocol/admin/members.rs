//! The members of a request, from a JSON object or from a query, taken one by one.
//!
//! What is missing, of the wrong form, doubled or left over is told with the member's name and
//! what would be right.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::protocol::{object, percent};

/// A request that is not of its operation's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// What has not been taken yet.
pub struct Members {
    left: Vec<(String, Value)>,
    asked: Vec<&'static str>,
}

impl Members {
    /// Reads a body: one JSON object. An empty body has no members.
    ///
    /// # Errors
    /// It is no JSON object, or names a member twice.
    pub fn decode_body(body: &[u8]) -> Result<Members, Malformed> {
        if body.is_empty() {
            return Members::new(Vec::new());
        }
        match object::members(body) {
            Ok(members) => Members::new(members),
            Err(fault) => Err(Malformed(format!(
                "the body must be a JSON object: {fault}"
            ))),
        }
    }

    /// Reads a query, without its `?`. Each value is a text.
    ///
    /// # Errors
    /// It is not percent-encoded UTF-8, or names a member twice.
    pub fn decode_query(query: &str) -> Result<Members, Malformed> {
        let wrong = || Malformed("the query must be percent-encoded UTF-8".to_owned());
        let members = percent::decode_query(query).ok_or_else(wrong)?;
        let text = |(name, value)| (name, Value::String(value));
        Members::new(members.into_iter().map(text).collect())
    }

    fn new(left: Vec<(String, Value)>) -> Result<Members, Malformed> {
        for (place, (name, _)) in left.iter().enumerate() {
            if left[..place].iter().any(|(before, _)| before == name) {
                return Err(Malformed(format!("{name} is there twice")));
            }
        }
        let asked = Vec::new();
        Ok(Members { left, asked })
    }

    /// `null` where it is written so; `None` where it is missing.
    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.asked.push(name);
        let place = self.left.iter().position(|(known, _)| known == name)?;
        Some(self.left.swap_remove(place).1)
    }

    /// A text that `read` can read; `None` where it is missing or null.
    pub(super) fn optional_by<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Malformed> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => one(name, &value, read).map(Some),
        }
    }

    /// A text that `read` can read.
    pub(super) fn required_by<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, Malformed> {
        self.optional_by(name, read)?
            .ok_or_else(|| Malformed(format!("{name} is missing")))
    }

    /// A text that its type can read; `None` where it is missing or null.
    pub(super) fn optional<T>(&mut self, name: &'static str) -> Result<Option<T>, Malformed>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        self.optional_by(name, str::parse)
    }

    /// A text that its type can read.
    pub(super) fn required<T>(&mut self, name: &'static str) -> Result<T, Malformed>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        self.required_by(name, str::parse)
    }

    /// As [`Members::optional`], but null is told from missing: `Some(None)`.
    pub(super) fn nullable<T>(&mut self, name: &'static str) -> Result<Option<Option<T>>, Malformed>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(value) => Ok(Some(Some(one(name, &value, str::parse)?))),
        }
    }

    /// A list of texts that `read` can read; `None` where it is missing or null.
    pub(super) fn list_by<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<Vec<T>>, Malformed> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| one(name, item, &read))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) => Err(Malformed(format!("{name} must be a list of texts"))),
        }
    }

    /// A whole number from `least` to `most`, as JSON or as digits; `None` where it is missing.
    pub(super) fn count(
        &mut self,
        name: &'static str,
        least: u64,
        most: u64,
    ) -> Result<Option<u64>, Malformed> {
        let number = match self.take(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(Malformed(format!(
                "{name} must be a whole number from {least} to {most}"
            ))),
        }
    }

    /// `true` or `false`; `None` where it is missing.
    pub(super) fn truth(&mut self, name: &'static str) -> Result<Option<bool>, Malformed> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(truth)),
            Some(Value::String(text)) if text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if text == "false" => Ok(Some(false)),
            Some(_) => Err(Malformed(format!("{name} must be true or false"))),
        }
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self) -> Result<(), Malformed> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) if self.asked.is_empty() => Err(Malformed(format!(
                "{name} is not known: there are no members"
            ))),
            Some((name, _)) => Err(Malformed(format!(
                "{name} is not known: there are {}",
                self.asked.join(", ")
            ))),
        }
    }
}

fn one<T, E: fmt::Display>(
    name: &str,
    value: &Value,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<T, Malformed> {
    let Value::String(text) = value else {
        return Err(Malformed(format!("{name} must be a text in quotes")));
    };
    read(text).map_err(|fault| Malformed(format!("{name} {fault}")))
}

/// Writes a request's members as a query with its `?`; nothing where there are none.
///
/// # Panics
/// Where `request` is no struct of texts, numbers and truths.
pub fn encode_query(request: &impl serde::Serialize) -> String {
    let Ok(Value::Object(members)) = serde_json::to_value(request) else {
        panic!("a request is a struct");
    };
    let mut query = String::new();
    for (name, value) in members {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            other => other.to_string(),
        };
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(&name);
        query.push('=');
        percent::encode(&text, &mut query);
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::PlayerId;

    #[test]
    fn a_query_brings_any_player_id() {
        for player_id in ["usr-1", "a/b?c=d&e%f+g", "%25", "#"] {
            let query = encode_query(&serde_json::json!({"player_id": player_id, "no": null}));
            let query = query.strip_prefix("?player_id=").unwrap();
            let query = format!("player_id={query}");
            let mut members = Members::decode_query(&query).unwrap();
            let read: PlayerId = members.required("player_id").unwrap();
            assert_eq!(read.as_str(), player_id);
            members.finish().unwrap();
        }
        for query in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=%+1", "a=1&a=1"] {
            assert!(Members::decode_query(query).is_err(), "{query}");
        }
        assert_eq!(encode_query(&serde_json::json!({})), "");
    }

    #[test]
    fn a_body_is_one_object_without_doubled_members() {
        for (body, told) in [
            ("[]", "must be a JSON object"),
            ("{} {}", "must be a JSON object"),
            ("{\"a\":1", "must be a JSON object"),
            ("{\"a\":1,\"a\":1}", "a is there twice"),
        ] {
            let fault = Members::decode_body(body.as_bytes()).err().unwrap();
            assert!(fault.to_string().contains(told), "{body}: {fault}");
        }
    }

    #[test]
    fn each_fault_names_its_member() {
        let members = |body: &str| Members::decode_body(body.as_bytes()).unwrap();
        let player = |body| members(body).required::<PlayerId>("player_id").unwrap_err();
        assert_eq!(player("{}").to_string(), "player_id is missing");
        assert_eq!(
            player("{\"player_id\":null}").to_string(),
            "player_id is missing"
        );
        assert!(
            player("{\"player_id\":3}")
                .to_string()
                .contains("in quotes")
        );
        assert!(
            player("{\"player_id\":\"a b\"}")
                .to_string()
                .contains("without spaces")
        );
        let count = |body| members(body).count("limit", 1, 9);
        assert_eq!(count("{\"limit\":\"9\"}").unwrap(), Some(9));
        assert_eq!(count("{\"limit\":9}").unwrap(), Some(9));
        for body in [
            "{\"limit\":10}",
            "{\"limit\":0}",
            "{\"limit\":1.5}",
            "{\"limit\":\"x\"}",
        ] {
            assert!(
                count(body)
                    .unwrap_err()
                    .to_string()
                    .contains("limit must be")
            );
        }
        let mut left = members("{\"player_id\":\"a\",\"balanse\":\"1\"}");
        left.required::<PlayerId>("player_id").unwrap();
        let fault = left.finish().unwrap_err().to_string();
        assert_eq!(fault, "balanse is not known: there are player_id");
    }
}
