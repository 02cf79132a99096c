//! Lines of CSV (RFC 4180) that no spreadsheet takes for a formula (reliability.md, A24).
//!
//! What a cell is decides its column, never its looks: numbers and amounts come from types of ours
//! that print digits, a point and a minus, and stay as they are, `-5.00` too. Everything that
//! somebody outside may have chosen is a text, and `-5.00` as a player's name becomes `"'-5.00"`.

use std::fmt::Display;

/// One line under way.
pub(super) struct Line<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
}

impl Line<'_> {
    pub(super) fn begin(out: &mut Vec<u8>) -> Line<'_> {
        Line {
            out,
            is_first: true,
        }
    }

    /// A cell of ours: a number, an amount, a time, a word of this program.
    pub(super) fn plain(&mut self, value: impl Display) -> &mut Self {
        self.next();
        self.out.extend_from_slice(value.to_string().as_bytes());
        self
    }

    /// The same, or an empty cell.
    pub(super) fn optional(&mut self, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.plain(value),
            None => self.plain(""),
        }
    }

    /// A text that somebody else chose.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.next();
        let is_formula = text.starts_with(STARTS_FORMULA);
        if !is_formula && !text.contains(MUST_BE_QUOTED) {
            self.out.extend_from_slice(text.as_bytes());
            return self;
        }
        self.out.push(b'"');
        if is_formula {
            self.out.push(b'\'');
        }
        for byte in text.bytes() {
            if byte == b'"' {
                self.out.push(byte);
            }
            self.out.push(byte);
        }
        self.out.push(b'"');
        self
    }

    pub(super) fn end(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }

    fn next(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
    }
}

/// The full-width forms count too where spreadsheets are Japanese.
const STARTS_FORMULA: [char; 12] = [
    '=', '+', '-', '@', '\t', '\r', '\n', '\0', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
];

/// Some spreadsheets part cells at a semicolon or a tab.
const MUST_BE_QUOTED: [char; 6] = [',', '"', '\r', '\n', ';', '\t'];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Sum;

    fn line(fill: impl Fn(&mut Line<'_>)) -> String {
        let mut out = Vec::new();
        let mut line = Line::begin(&mut out);
        fill(&mut line);
        line.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_text_is_never_a_formula_and_always_one_cell() {
        for (text, cell) in [
            ("usr-1", "usr-1"),
            ("", ""),
            ("a b", "a b"),
            ("a,b", "\"a,b\""),
            ("a;b", "\"a;b\""),
            ("say \"a\"", "\"say \"\"a\"\"\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("a=b", "a=b"),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-5.00", "\"'-5.00\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("\0=1", "\"'\0=1\""),
            ("=\"a\",1", "\"'=\"\"a\"\",1\""),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
        ] {
            let made = line(|line| {
                line.text(text).text(text);
            });
            assert_eq!(made, format!("{cell},{cell}\r\n"), "{text:?}");
        }
    }

    #[test]
    fn amounts_and_numbers_stay_as_they_are() {
        let made = line(|line| {
            line.plain(Sum::from(-500))
                .plain(u64::MAX)
                .optional(Some(7));
            line.optional(None::<u64>).plain("bet");
        });
        assert_eq!(made, "-5.00,18446744073709551615,7,,bet\r\n");
    }
}
