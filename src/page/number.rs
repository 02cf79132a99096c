//! What a payer is asked to name of a payment, and how the field for it looks.

use crate::engine::catalogue::{Key1, Key1Chars};

/// What the payer is asked to name.
#[derive(Clone, Copy)]
pub enum Number {
    /// The bank's reference of a UPI payment.
    Utr,
    /// The transaction number of a payment system.
    Transaction(Key1),
}

/// What transaction numbers look like, in words.
pub fn characters(key1: Key1) -> String {
    let Key1 { min, max, chars } = key1;
    let count = match min == max {
        true => min.to_string(),
        false => format!("{min} to {max}"),
    };
    let of = match chars {
        Key1Chars::Any => "characters",
        Key1Chars::Digits => "digits",
        Key1Chars::LettersAndDigits => "letters and digits",
    };
    format!("{count} {of}")
}

impl Number {
    /// The field's name in the form.
    pub(super) fn field(self) -> &'static str {
        match self {
            Number::Utr => "utr",
            Number::Transaction(_) => "key1",
        }
    }

    /// What stands over the field.
    pub(super) fn label(self) -> &'static str {
        match self {
            Number::Utr => "Bank reference (UTR)",
            Number::Transaction(_) => "Transaction number",
        }
    }

    /// What stands under it.
    pub(super) fn hint(self) -> String {
        match self {
            Number::Utr => "The 12 digits that your app shows after you have paid.".to_owned(),
            Number::Transaction(key1) => {
                let looks = characters(key1);
                format!(
                    "The {looks} that your app or bank shows after you have paid. \
                    Look twice: it is named once."
                )
            }
        }
    }

    /// What the browser says of something else.
    pub(super) fn title(self) -> String {
        match self {
            Number::Utr => "12 digits".to_owned(),
            Number::Transaction(key1) => characters(key1),
        }
    }

    /// Which keys a telephone shows.
    pub(super) fn input_mode(self) -> &'static str {
        match self {
            Number::Transaction(key1) if key1.chars != Key1Chars::Digits => "text",
            Number::Utr | Number::Transaction(_) => "numeric",
        }
    }

    /// What the browser lets pass; blanks between characters come along when people copy.
    pub(super) fn pattern(self) -> Option<String> {
        let (Key1 { min, max, chars }, is_exact) = match self {
            Number::Utr => return Some("\\s*([0-9]\\s*){12}".to_owned()),
            Number::Transaction(key1) => (key1, key1.min == key1.max),
        };
        let of = match chars {
            Key1Chars::Any => return None,
            Key1Chars::Digits => "0-9",
            Key1Chars::LettersAndDigits => "0-9A-Za-z",
        };
        Some(match is_exact {
            true => format!("\\s*([{of}]\\s*){{{min}}}"),
            false => format!("\\s*([{of}]\\s*){{{min},{max}}}"),
        })
    }
}
