//! One setting's value as it was given, and the forms in which values are read.
//!
//! A flag or a variable gives words; the file gives TOML. Each reader takes both, and its error
//! says what would be right.

use std::fmt::Display;
use std::str::FromStr;

use toml::de::{DeTable, DeValue};

/// A value that nobody has read yet.
pub(super) enum Given<'a> {
    /// From a flag or the environment.
    Word(&'a str),
    /// From the file.
    Toml(&'a DeValue<'a>),
}

impl Given<'_> {
    /// A text that its type can read.
    pub(super) fn text<T>(&self) -> Result<T, String>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.text_by(|text| text.parse().map_err(|error: T::Err| error.to_string()))
    }

    /// A text that `read` can read.
    pub(super) fn text_by<T>(&self, read: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
        let text = match self {
            Given::Word(word) => word,
            Given::Toml(value) => value.as_str().ok_or_else(|| {
                let example = "must be text in quotes";
                format!("{example}, not {}", named(value))
            })?,
        };
        read(text).map_err(|fault| format!("{fault}, not {text:?}"))
    }

    /// A whole number from 1 (or from `least`) on.
    pub(super) fn count(&self, least: u64, most: u64) -> Result<u64, String> {
        let number = match self {
            Given::Word(word) => word.parse().ok(),
            Given::Toml(DeValue::Integer(integer)) => {
                u64::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            Given::Toml(_) => None,
        };
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("must be a whole number from {least} to {most}"))
    }

    /// A number of bytes: `"16KiB"`, `"256MiB"` or a whole number.
    pub(super) fn bytes(&self, least: u64, most: u64) -> Result<usize, String> {
        let text = match self {
            Given::Word(word) => (*word).to_owned(),
            Given::Toml(DeValue::Integer(integer)) => integer.to_string(),
            Given::Toml(value) => value.as_str().unwrap_or_default().to_owned(),
        };
        let (digits, shift) = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("B", 0)]
            .into_iter()
            .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)))
            .unwrap_or((&text, 0));
        let bytes = Some(digits)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse::<u64>().ok()?.checked_mul(1 << shift))
            .filter(|bytes| (least..=most).contains(bytes));
        bytes
            .and_then(|bytes| usize::try_from(bytes).ok())
            .ok_or_else(|| {
                format!("must be a size from {least} to {most} bytes, such as \"64KiB\"")
            })
    }

    /// `true` or `false`.
    pub(super) fn truth(&self) -> Result<bool, String> {
        let truth = match self {
            Given::Word(word) => word.parse().ok(),
            Given::Toml(value) => value.as_bool(),
        };
        truth.ok_or_else(|| "must be true or false".to_owned())
    }

    /// A list of texts: in the file an array, in a variable parted by commas.
    pub(super) fn list_by<T>(
        &self,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        match self {
            Given::Word(word) => word
                .split(',')
                .filter(|part| !part.is_empty())
                .map(|part| Given::Word(part.trim()).text_by(&read))
                .collect(),
            Given::Toml(value) => {
                let array = value.as_array().ok_or("must be a list in [ ]")?;
                let items = array.iter();
                items
                    .map(|item| Given::Toml(item.get_ref()).text_by(&read))
                    .collect()
            }
        }
    }

    /// A table: in a variable as TOML writes it in one line.
    pub(super) fn table<T>(
        &self,
        read: impl Fn(&DeTable<'_>) -> Result<T, String>,
    ) -> Result<T, String> {
        let wrong = "must be a table in { }";
        match self {
            Given::Word(word) => {
                let value = DeValue::parse(word).map_err(|_| wrong)?;
                read(value.get_ref().as_table().ok_or(wrong)?)
            }
            Given::Toml(value) => read(value.as_table().ok_or(wrong)?),
        }
    }
}

/// What a value is, in words.
fn named(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time without quotes",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
