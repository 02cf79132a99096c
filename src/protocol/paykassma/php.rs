//! Numbers as PHP reads them from JSON and makes texts of them, which is what is signed
//! (paykassma-api.md, Signature).
//!
//! # Why
//!
//! - *Why no floats?* A float is told by its first 14 digits. A number that is written with no
//!   more than 14 comes out of PHP's float with the same ones, since a float keeps 15. So the
//!   digits are moved from the one notation to the other, and nothing is calculated.
//! - *Why are numbers with more refused?* All that differ in a later digit are signed alike.

use std::fmt;

/// Digits of a float that PHP tells: its setting `precision`.
const PRECISION: usize = 14;

/// A number whose first digit stands further from the point is refused: PHP's floats end at
/// 1.8E+308, and lose digits below 2.3E-308.
const EXPONENT_MAX: i64 = 300;

/// Why a number cannot be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFault {
    /// It has more digits than are signed.
    TooManyDigits,
    /// It is larger or smaller than any float.
    OutOfRange,
}

impl fmt::Display for NumberFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NumberFault::TooManyDigits => "must have at most 14 significant digits",
            NumberFault::OutOfRange => "is out of range",
        })
    }
}

/// The text that PHP makes of a number of a JSON text.
///
/// # Errors
/// [`NumberFault`].
pub fn number_text(number: &str) -> Result<String, NumberFault> {
    let (sign, magnitude) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number),
    };
    if let Ok(integer) = number.parse::<i64>() {
        return Ok(integer.to_string());
    }
    let (mantissa, exponent) = match magnitude.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()),
        None => (magnitude, Some(0)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let leading = all.len() - all.trim_start_matches('0').len();
    let digits = all.trim_matches('0');
    if digits.is_empty() {
        return Ok(format!("{sign}0"));
    }
    if digits.len() > PRECISION {
        return Err(NumberFault::TooManyDigits);
    }
    // The value is 0.digits times 10 to the power of `point`.
    let place = |length: usize| i64::try_from(length).ok();
    let point = exponent
        .zip(place(whole.len()))
        .zip(place(leading))
        .and_then(|((exponent, whole), leading)| exponent.checked_add(whole)?.checked_sub(leading))
        .filter(|point| point.abs() <= EXPONENT_MAX)
        .ok_or(NumberFault::OutOfRange)?;
    Ok(format!("{sign}{}", general(digits, point)))
}

/// `0.digits` times 10 to the power of `point`, in the notation that is called `%.14G` with a
/// point in every mantissa.
fn general(digits: &str, point: i64) -> String {
    let (first, rest) = digits.split_at(1);
    let places = usize::try_from(point);
    match places {
        Ok(places) if places > PRECISION => exponential(first, rest, point),
        Ok(0) => format!("0.{digits}"),
        Ok(places) => match digits.split_at_checked(places) {
            Some((whole, "")) => whole.to_owned(),
            Some((whole, fraction)) => format!("{whole}.{fraction}"),
            None => format!("{digits:0<places$}"),
        },
        Err(_) if point < -3 => exponential(first, rest, point),
        Err(_) => {
            let zeros = usize::try_from(point.unsigned_abs()).expect("at most 3");
            format!("0.{}{digits}", "0".repeat(zeros))
        }
    }
}

fn exponential(first: &str, rest: &str, point: i64) -> String {
    let rest = if rest.is_empty() { "0" } else { rest };
    format!("{first}.{rest}E{:+}", point - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_what_php_makes_of_them() {
        for (number, text) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "-0"),
            ("0e5", "0"),
            ("1000", "1000"),
            ("1000.0", "1000"),
            ("1000.00", "1000"),
            ("0.1", "0.1"),
            ("-0.10", "-0.1"),
            ("0.0001", "0.0001"),
            ("0.00001", "1.0E-5"),
            ("0.000012", "1.2E-5"),
            ("12E1", "120"),
            ("1.5e3", "1500"),
            ("1e13", "10000000000000"),
            ("1e14", "1.0E+14"),
            ("1e15", "1.0E+15"),
            ("1.25e25", "1.25E+25"),
            ("100000000000000", "100000000000000"),
            ("9223372036854775807", "9223372036854775807"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("10000000000000000000", "1.0E+19"),
            ("12345678901234.0", "12345678901234"),
            ("0.12345678901234", "0.12345678901234"),
            ("1e-300", "1.0E-300"),
        ] {
            assert_eq!(number_text(number).as_deref(), Ok(text), "{number}");
        }
    }

    #[test]
    fn what_php_would_cut_is_refused() {
        for (number, fault) in [
            ("9223372036854775808", NumberFault::TooManyDigits),
            ("-9223372036854775809", NumberFault::TooManyDigits),
            ("0.123456789012345", NumberFault::TooManyDigits),
            ("100000000000000.1", NumberFault::TooManyDigits),
            ("1e400", NumberFault::OutOfRange),
            ("1e-400", NumberFault::OutOfRange),
            ("1e99999999999999999999", NumberFault::OutOfRange),
            ("1e9223372036854775807", NumberFault::OutOfRange),
        ] {
            assert_eq!(number_text(number), Err(fault), "{number}");
        }
    }
}
