//! The parameters of a request, whichever way they came: as a query, as a JSON body, as a form;
//! and what is wrong with them, field by field (paykassma-api.md, Access and Small print).
//!
//! # Quirks
//! - In a query `+` is a blank, as PHP writes and reads it.
//! - A list in a query is `name[]` or `name[0]`, or its name again and again.
//! - What is empty or `null` is not there.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::texts::MALFORMED_QUERY;
use crate::money::{Amount, Currency, MoneyError};
use crate::protocol::paykassma::value::{self, Malformed, Members, Value};
use crate::protocol::percent;

/// The parameter that names the merchant; never among the others, never shown.
pub const SECRET: &str = "secret";

/// Faults that are told at once, at most. The document has no request with as many fields.
const FAULTS_MAX: usize = 100;

/// A request that cannot be read, or not done as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// All of it.
    Request(String),
    /// Some of its fields.
    Fields(Faults),
}

impl From<Malformed> for Invalid {
    fn from(malformed: Malformed) -> Invalid {
        Invalid::Request(malformed.to_string())
    }
}

/// What is wrong with each field, in the order in which it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<(String, String)>);

impl Faults {
    /// One fault.
    pub fn one(field: &str, text: &str) -> Faults {
        let mut faults = Faults::default();
        faults.add(field, text);
        faults
    }

    /// Adds a fault of a field that has none yet. More than a caller can read are not gathered.
    pub fn add(&mut self, field: &str, text: impl Into<String>) {
        let room = self.0.len() < FAULTS_MAX;
        if room && !self.0.iter().any(|(known, _)| known == field) {
            self.0.push((field.to_owned(), text.into()));
        }
    }
}

/// `{"label":["The label field is required."]}`.
impl Serialize for Faults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(Some(self.0.len()))?;
        for (field, text) in &self.0 {
            fields.serialize_entry(field, &[text])?;
        }
        fields.end()
    }
}

/// The secret that a query names, whatever stands beside it: `None` where it names none, or
/// several.
pub fn secret(query: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(pairs).flatten();
    let mut named = pairs.filter(|(name, _)| name == SECRET);
    let (_, secret) = named.next()?;
    (named.next().is_none() && !secret.is_empty()).then_some(secret)
}

/// The parameters of a GET: its query, and its body where it has one.
///
/// # Errors
/// [`Invalid::Request`].
pub fn of_query(query: &str, body: &[u8]) -> Result<Members, Invalid> {
    let pairs = pairs(query).ok_or_else(|| Invalid::Request(MALFORMED_QUERY.to_owned()))?;
    let mut members: Members = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (name, value) in pairs {
        let (name, of_list) = match list_name(&name) {
            Some(of_list) => (of_list, true),
            None => (name.as_str(), false),
        };
        if name == SECRET {
            continue;
        }
        let value = Value::Text(value);
        let place = places.get(name).copied();
        match place.map(|place| &mut members[place].1) {
            None => {
                places.insert(name.to_owned(), members.len());
                let value = if of_list {
                    Value::List(vec![value])
                } else {
                    value
                };
                members.push((name.to_owned(), value));
            }
            Some(Value::List(items)) => items.push(value),
            Some(first) => *first = Value::List(vec![first.clone(), value]),
        }
    }
    for (name, value) in value::decode(if body.is_empty() { b"{}" } else { body })? {
        if places.contains_key(&name) {
            return Err(Malformed::Doubled(name).into());
        }
        members.push((name, value));
    }
    Ok(members)
}

/// `name` of `name[]` or `name[0]`.
fn list_name(name: &str) -> Option<&str> {
    let (list, place) = name.strip_suffix(']')?.split_once('[')?;
    place.bytes().all(|b| b.is_ascii_digit()).then_some(list)
}

fn pairs(query: &str) -> Option<Vec<(String, String)>> {
    percent::decode_query(&query.replace('+', " "))
}

/// Reads one field after another, and gathers what is wrong with them.
pub struct Reader<'a> {
    members: &'a Members,
    /// Where the members lie within another, with a point at the end.
    within: &'static str,
    /// What is wrong so far.
    pub faults: Faults,
}

impl<'a> Reader<'a> {
    /// A reader of a request's own parameters.
    pub fn new(members: &'a Members) -> Reader<'a> {
        Reader {
            members,
            within: "",
            faults: Faults::default(),
        }
    }

    /// What was read, unless something is wrong.
    ///
    /// # Errors
    /// What is.
    pub fn end<T>(self, read: Option<T>) -> Result<T, Invalid> {
        match read {
            Some(read) if self.faults == Faults::default() => Ok(read),
            _ => Err(Invalid::Fields(self.faults)),
        }
    }

    /// The member of that name, unless it is empty.
    pub fn given(&self, name: &str) -> Option<&'a Value> {
        let found = self.members.iter().find(|(known, _)| known == name);
        let value = found.map(|(_, value)| value)?;
        match value {
            Value::Null => None,
            Value::Text(text) if text.is_empty() => None,
            value => Some(value),
        }
    }

    /// Says that a field is wrong: `rest` follows `The label `.
    pub fn wrong(&mut self, name: &str, rest: impl fmt::Display) {
        let field = format!("{}{name}", self.within);
        let text = format!("The {} {rest}", words(&field));
        self.faults.add(&field, text);
    }

    /// A text of 1 to `most` characters, where it is given.
    pub fn optional_text(&mut self, name: &str, most: usize) -> Option<&'a str> {
        match self.given(name)? {
            Value::Text(text) => self.line(name, text, most),
            _ => {
                self.wrong(name, "must be a string.");
                None
            }
        }
    }

    /// The same, and it must be given.
    pub fn text(&mut self, name: &str, most: usize) -> Option<&'a str> {
        if self.given(name).is_none() {
            self.wrong(name, "field is required.");
        }
        self.optional_text(name, most)
    }

    fn line(&mut self, name: &str, text: &'a str, most: usize) -> Option<&'a str> {
        if text.trim() != text {
            self.wrong(name, "must not begin or end with a space.");
        } else if text.chars().any(char::is_control) {
            self.wrong(name, "must not have control characters.");
        } else if text.chars().count() > most {
            self.wrong(
                name,
                format_args!("must not be greater than {most} characters."),
            );
        } else {
            return Some(text);
        }
        None
    }

    /// A text that its type can read, and must be given.
    pub fn parsed<T: FromStr>(&mut self, name: &str, most: usize) -> Option<T> {
        let text = self.text(name, most)?;
        let read = text.parse().ok();
        if read.is_none() {
            self.wrong(name, "is invalid.");
        }
        read
    }

    /// The same, where it is given.
    pub fn optional<T: FromStr>(&mut self, name: &str, most: usize) -> Option<T> {
        self.given(name)?;
        self.parsed(name, most)
    }

    /// Three capitals.
    pub fn currency(&mut self, name: &str) -> Option<Currency> {
        let text = self.text(name, 190)?;
        let read = text.parse().ok();
        if read.is_none() {
            self.wrong(name, "must be 3 capital letters.");
        }
        read
    }

    /// More than nothing, as a number or as a text, with at most two decimals.
    pub fn optional_amount(&mut self, name: &str) -> Option<Amount> {
        let text = match self.given(name)? {
            Value::Text(text) | Value::Number(text) => text,
            _ => {
                self.wrong(name, "must be a number.");
                return None;
            }
        };
        let is_negative = text
            .strip_prefix('-')
            .is_some_and(|digits| Amount::from_decimal(digits) != Err(MoneyError::Grammar));
        match Amount::from_decimal(text) {
            Ok(Amount::ZERO) => self.wrong(name, "must be greater than 0."),
            Ok(amount) => return Some(amount),
            Err(_) if is_negative => self.wrong(name, "must be greater than 0."),
            Err(MoneyError::Grammar) => self.wrong(name, "must be a number."),
            Err(MoneyError::TooManyDecimals) => {
                self.wrong(name, "must have at most 2 decimal places.");
            }
            Err(MoneyError::TooLarge) => self.wrong(name, "is too large."),
        }
        None
    }

    /// The same, and it must be given.
    pub fn amount(&mut self, name: &str) -> Option<Amount> {
        if self.given(name).is_none() {
            self.wrong(name, "field is required.");
        }
        self.optional_amount(name)
    }

    /// An object's members, which are read with the names of both; none where it is not given. PHP
    /// writes an object without members as an empty list.
    pub fn object<T>(
        &mut self,
        name: &'static str,
        within: &'static str,
        read: impl FnOnce(&mut Reader<'a>) -> T,
    ) -> T {
        static NONE: Members = Vec::new();
        let members = match self.given(name) {
            Some(Value::Object(members)) => members,
            None => &NONE,
            Some(Value::List(items)) if items.is_empty() => &NONE,
            Some(_) => {
                self.wrong(name, "must be an array.");
                &NONE
            }
        };
        let mut reader = Reader {
            members,
            within,
            faults: std::mem::take(&mut self.faults),
        };
        let read = read(&mut reader);
        self.faults = reader.faults;
        read
    }
}

/// A field's name in a sentence.
pub fn words(name: &str) -> String {
    name.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn member(name: &str, value: Value) -> (String, Value) {
        (name.to_owned(), value)
    }

    #[test]
    fn a_list_in_a_query_is_written_in_three_ways() {
        let list = |of: &[&str]| Value::List(of.iter().map(|of| text(of)).collect());
        for (query, value) in [
            ("c[]=USD&c[]=INR", list(&["USD", "INR"])),
            ("c%5B0%5D=USD&c%5B1%5D=INR", list(&["USD", "INR"])),
            ("c=USD&c=INR&c=BDT", list(&["USD", "INR", "BDT"])),
            ("c=USD&c[]=INR", list(&["USD", "INR"])),
            ("c[]=USD", list(&["USD"])),
            ("c=USD", text("USD")),
            ("c=a+b%2B", text("a b+")),
            ("secret[]=y&c=USD&secret%5B0%5D=z", text("USD")),
        ] {
            let query = format!("secret=x&{query}");
            assert_eq!(
                of_query(&query, b""),
                Ok(vec![member("c", value)]),
                "{query}"
            );
        }
    }

    #[test]
    fn a_fault_of_a_field_is_told_once_and_not_more_than_a_hundred() {
        let mut faults = Faults::default();
        for place in (0..FAULTS_MAX * 2).chain(0..3) {
            faults.add(&place.to_string(), place.to_string());
        }
        assert_eq!(faults.0.len(), FAULTS_MAX);
        assert_eq!(faults.0[1], ("1".to_owned(), "1".to_owned()));
    }

    #[test]
    fn a_body_may_stand_for_the_query_or_beside_it() {
        let both = of_query("secret=x&label=55", br#"{"c":["USD"]}"#);
        let list = Value::List(vec![text("USD")]);
        assert_eq!(
            both,
            Ok(vec![member("label", text("55")), member("c", list)])
        );
        let told = |text: &str| Err(Invalid::Request(text.to_owned()));
        let twice = told("The label member must not be given twice.");
        assert_eq!(of_query("label=55", br#"{"label":"55"}"#), twice);
        assert_eq!(of_query("label=%", b""), told(MALFORMED_QUERY));
        assert_eq!(of_query("", b"[]"), told("The body must be a JSON object."));
    }

    #[test]
    fn one_secret_is_named_or_none() {
        for (query, named) in [
            ("secret=a%2Bb", Some("a+b")),
            ("x=1&secret=abc&y=2", Some("abc")),
            ("secret=abc&y=%zz", Some("abc")),
            ("", None),
            ("secret=", None),
            ("secret", None),
            ("secret=a&secret=a", None),
            ("Secret=a", None),
            ("secret=%zz", None),
        ] {
            assert_eq!(secret(query).as_deref(), named, "{query}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_field_by_field() {
        let long = "x".repeat(191);
        let body = format!(
            r#"{{"a":"{long}","b":" x","c":"x ","d":".\n.","e":5,"f":"","g":null,"h":{{}},
            "i":"1e3","j":"0.00","k":-5,"l":"5.001","m":"99999999999999999","n":[],"o":"usd",
            "p":{{"q":1}},"r":7,"s":5.10}}"#
        );
        let members = value::decode(body.as_bytes()).unwrap();
        let mut reader = Reader::new(&members);
        for name in ["a", "b", "c", "d", "e", "f", "g", "h", "some_name"] {
            assert_eq!(reader.text(name, 190), None);
        }
        for name in ["i", "j", "k", "l", "m", "n", "missing"] {
            assert_eq!(reader.amount(name), None);
        }
        assert_eq!(reader.currency("o"), None);
        reader.object("p", "p.", |inner| assert_eq!(inner.text("q", 9), None));
        reader.object("r", "r.", |inner| {
            assert_eq!(inner.optional_text("q", 9), None)
        });
        reader.object("n", "n.", |inner| {
            assert_eq!(inner.optional_text("q", 9), None)
        });
        assert_eq!(reader.amount("s"), Amount::from_cents(510));
        let told = serde_json::to_string(&reader.faults).unwrap();
        let due = concat!(
            r#"{"a":["The a must not be greater than 190 characters."],"#,
            r#""b":["The b must not begin or end with a space."],"#,
            r#""c":["The c must not begin or end with a space."],"#,
            r#""d":["The d must not have control characters."],"#,
            r#""e":["The e must be a string."],"#,
            r#""f":["The f field is required."],"#,
            r#""g":["The g field is required."],"#,
            r#""h":["The h must be a string."],"#,
            r#""some_name":["The some name field is required."],"#,
            r#""i":["The i must be a number."],"#,
            r#""j":["The j must be greater than 0."],"#,
            r#""k":["The k must be greater than 0."],"#,
            r#""l":["The l must have at most 2 decimal places."],"#,
            r#""m":["The m is too large."],"#,
            r#""n":["The n must be a number."],"#,
            r#""missing":["The missing field is required."],"#,
            r#""o":["The o must be 3 capital letters."],"#,
            r#""p.q":["The p.q must be a string."],"#,
            r#""r":["The r must be an array."]}"#,
        );
        assert_eq!(told, due);
    }
}
