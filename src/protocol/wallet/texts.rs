//! The `err_desc` texts: the protocol's own, or those that the configuration words per language.

use std::collections::BTreeMap;
use std::fmt;

use super::ErrorCode;
use crate::id::Lang;

/// `err_desc` per language and code, already escaped for JSON.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    worded: Vec<(Lang, [Option<Box<str>>; ErrorCode::ALL.len()])>,
}

/// A configured text is not usable; says which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextsError {
    lang: Lang,
    code: String,
    fault: &'static str,
}

/// The longest configured text, in bytes: it is to fit a player's screen.
const TEXT_BYTES_MAX: usize = 500;

impl Texts {
    /// Takes the configured texts: language, then code as decimal digits, then text
    /// (operations.md, `[wallet] texts`).
    ///
    /// # Errors
    /// A code that is none of 2 to 14 and 50; a text that is empty or over 500 bytes.
    pub fn new(configured: &BTreeMap<Lang, BTreeMap<String, String>>) -> Result<Texts, TextsError> {
        let mut worded = Vec::with_capacity(configured.len());
        for (&lang, texts) in configured {
            let mut row: [Option<Box<str>>; ErrorCode::ALL.len()] = Default::default();
            for (code, text) in texts {
                let wrong = |fault| TextsError {
                    lang,
                    code: code.clone(),
                    fault,
                };
                let place = ErrorCode::ALL
                    .iter()
                    .position(|known| known.number().to_string() == *code)
                    .ok_or_else(|| wrong("is no code that has a text: use 2 to 14 or 50"))?;
                if text.is_empty() || text.len() > TEXT_BYTES_MAX {
                    return Err(wrong("must be a text of 1 to 500 bytes"));
                }
                row[place] = Some(json_escape(text).into());
            }
            worded.push((lang, row));
        }
        Ok(Texts { worded })
    }

    /// The text of `code` in `lang`, else in English, else the protocol's own. Escaped for JSON.
    pub(super) fn text(&self, code: ErrorCode, lang: Lang) -> &str {
        self.worded_text(code, lang)
            .or_else(|| self.worded_text(code, Lang::EN))
            .unwrap_or(code.default_text())
    }

    fn worded_text(&self, code: ErrorCode, lang: Lang) -> Option<&str> {
        let (_, row) = self.worded.iter().find(|(known, _)| *known == lang)?;
        let place = ErrorCode::ALL.iter().position(|&known| known == code)?;
        row[place].as_deref()
    }
}

impl fmt::Display for TextsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TextsError { lang, code, fault } = self;
        write!(f, "wallet.texts.{lang}.{code:?} {fault}")
    }
}

impl std::error::Error for TextsError {}

/// The inside of a JSON string that says `text`.
pub(super) fn json_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\0'..='\u{1f}' => escaped.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(lang: &str, code: &str, text: &str) -> BTreeMap<Lang, BTreeMap<String, String>> {
        let row = BTreeMap::from([(code.to_owned(), text.to_owned())]);
        BTreeMap::from([(lang.parse().unwrap(), row)])
    }

    #[test]
    fn texts_fall_back_to_english_and_then_to_the_protocols_own() {
        let mut both = configured("en", "4", "Top up");
        both.append(&mut configured("de", "3", "Sitzung \"vorbei\"\n"));
        let texts = Texts::new(&both).unwrap();
        let (de, fr) = ("de".parse().unwrap(), "fr".parse().unwrap());
        for (code, lang, text) in [
            (ErrorCode::InsufficientFunds, Lang::EN, "Top up"),
            (ErrorCode::InsufficientFunds, de, "Top up"),
            (ErrorCode::InsufficientFunds, fr, "Top up"),
            (
                ErrorCode::SessionExpired,
                de,
                "Sitzung \\\"vorbei\\\"\\u000a",
            ),
            (ErrorCode::SessionExpired, fr, "Session expired"),
        ] {
            assert_eq!(texts.text(code, lang), text, "{code:?} {lang}");
        }
    }

    #[test]
    fn only_codes_that_have_a_text_can_be_reworded() {
        for code in ["1", "15", "16", "04", "+4", "", "four", "51"] {
            let error = Texts::new(&configured("en", code, "x")).unwrap_err();
            assert!(error.to_string().contains("2 to 14 or 50"), "{error}");
        }
        for code in ErrorCode::ALL {
            let code = code.number().to_string();
            assert!(Texts::new(&configured("en", &code, "x")).is_ok(), "{code}");
        }
        assert!(Texts::new(&configured("en", "4", "")).is_err());
        assert!(Texts::new(&configured("en", "4", &"x".repeat(501))).is_err());
    }
}
