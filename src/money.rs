//! Money: whole cents in newtypes, checked arithmetic, and the one place where cents become text.
//!
//! A cent is 1/100 of the unit in every currency (wallet-api.md, Small print). Nothing here
//! rounds and nothing here can be negative without saying so: an [`Amount`] is what an account
//! holds or a posting moves, a [`Sum`] is what accounts without a floor add up to.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

/// Cents, never negative, at most [`Amount::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(u64);

/// Why a text or a number is no amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyError {
    /// Not `digits`, `digits.d` or `digits.dd` (with one leading `-` where a sign is allowed).
    Grammar,
    /// A third decimal, even if it is zero.
    TooManyDecimals,
    /// More than [`Amount::MAX`] cents.
    TooLarge,
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MoneyError::Grammar => "must be a decimal number such as 1000 or 1000.00",
            MoneyError::TooManyDecimals => "must have at most 2 decimal places",
            MoneyError::TooLarge => "is too large: at most 90071992547409.91",
        })
    }
}

impl std::error::Error for MoneyError {}

impl Amount {
    /// No money.
    pub const ZERO: Amount = Amount(0);

    /// The most that an account may hold, 2^53-1 cents: what a JavaScript peer can still read
    /// (wallet-api.md, Money rules 7).
    pub const MAX: Amount = Amount((1 << 53) - 1);

    /// An amount of `cents`, or `None` above [`Amount::MAX`].
    pub const fn from_cents(cents: u64) -> Option<Amount> {
        if cents <= Amount::MAX.0 {
            Some(Amount(cents))
        } else {
            None
        }
    }

    /// The whole cents.
    pub const fn cents(self) -> u64 {
        self.0
    }

    /// Whether there is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Both together, or `None` where that is more than [`Amount::MAX`].
    pub fn plus(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).and_then(Amount::from_cents)
    }

    /// What is left, or `None` where `other` is more than `self`.
    pub fn minus(self, other: Amount) -> Option<Amount> {
        self.0.checked_sub(other.0).map(Amount)
    }

    /// Reads `digits`, `digits.d` or `digits.dd`: no sign, exponent, leading or trailing point
    /// (partner-api.md, Who is calling).
    ///
    /// # Errors
    /// [`MoneyError`], the first that holds.
    pub fn from_decimal(text: &str) -> Result<Amount, MoneyError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || fraction.is_some_and(|part| !digits(part)) {
            return Err(MoneyError::Grammar);
        }
        if fraction.is_some_and(|part| part.len() > 2) {
            return Err(MoneyError::TooManyDecimals);
        }
        let significant = whole.trim_start_matches('0');
        if significant.len() > 14 {
            return Err(MoneyError::TooLarge);
        }
        let mut decimal = Decimal::from_str(text).map_err(|_| MoneyError::Grammar)?;
        decimal.rescale(2);
        let cents = u64::try_from(decimal.mantissa()).map_err(|_| MoneyError::TooLarge)?;
        Amount::from_cents(cents).ok_or(MoneyError::TooLarge)
    }
}

/// Units with two decimals: `1000.00`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Sum::from(*self), f)
    }
}

/// Signed cents: a change of an account, or the sum of many accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sum(i128);

impl Sum {
    /// Nothing moved, or all that moved cancels out.
    pub const ZERO: Sum = Sum(0);

    /// So many cents, negative where more went out than came in.
    pub const fn from_cents(cents: i128) -> Sum {
        Sum(cents)
    }

    /// The whole cents, negative where more went out than came in.
    pub const fn cents(self) -> i128 {
        self.0
    }

    /// Whether it all adds up to nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Both together.
    ///
    /// # Panics
    /// Past 2^127 cents, which no number of entries reaches: each moves at most 2^53 cents.
    #[must_use]
    pub fn plus(self, other: Sum) -> Sum {
        Sum(self
            .0
            .checked_add(other.0)
            .expect("sums of 2^53 cents never pass 2^127"))
    }

    /// The same amount in the other direction.
    #[must_use]
    pub fn negated(self) -> Sum {
        Sum(self
            .0
            .checked_neg()
            .expect("sums of 2^53 cents never reach -2^127"))
    }

    /// The amount without its sign, or `None` above [`Amount::MAX`].
    pub fn magnitude(self) -> Option<Amount> {
        u64::try_from(self.0.unsigned_abs())
            .ok()
            .and_then(Amount::from_cents)
    }

    /// Reads an [`Amount`] with an optional leading `-`.
    ///
    /// # Errors
    /// As [`Amount::from_decimal`].
    pub fn from_decimal(text: &str) -> Result<Sum, MoneyError> {
        match text.strip_prefix('-') {
            Some(rest) => Amount::from_decimal(rest).map(|amount| Sum::from(amount).negated()),
            None => Amount::from_decimal(text).map(Sum::from),
        }
    }
}

impl From<Amount> for Sum {
    fn from(amount: Amount) -> Sum {
        Sum(i128::from(amount.0))
    }
}

/// Whole signed cents as they stand in an entry. Any `i64` is a sum.
impl From<i64> for Sum {
    fn from(cents: i64) -> Sum {
        Sum(i128::from(cents))
    }
}

/// Units with two decimals: `-5.00`.
impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

/// Three capital letters, such as `USD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// The text is not three capital letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrencyError;

impl fmt::Display for CurrencyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be three capital letters, such as USD")
    }
}

impl std::error::Error for CurrencyError {}

impl Currency {
    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is three ASCII letters")
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Currency, CurrencyError> {
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| CurrencyError)?;
        if letters.iter().all(u8::is_ascii_uppercase) {
            Ok(Currency(letters))
        } else {
            Err(CurrencyError)
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        crate::id::parse_from(deserializer)
    }
}

/// In entries an amount is its whole cents; outsiders get the decimal text.
impl serde::Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        let cents = u64::deserialize(deserializer)?;
        Amount::from_cents(cents).ok_or_else(|| serde::de::Error::custom(MoneyError::TooLarge))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_is_read_exactly() {
        for (text, cents) in [
            ("0", Ok(0)),
            ("1000.00", Ok(100_000)),
            ("1.5", Ok(150)),
            ("0.01", Ok(1)),
            ("007.10", Ok(710)),
            ("90071992547409.91", Ok(Amount::MAX.cents())),
            ("90071992547409.92", Err(MoneyError::TooLarge)),
            (
                "999999999999999999999999999999999",
                Err(MoneyError::TooLarge),
            ),
            ("1.000", Err(MoneyError::TooManyDecimals)),
            ("", Err(MoneyError::Grammar)),
            (".5", Err(MoneyError::Grammar)),
            ("5.", Err(MoneyError::Grammar)),
            ("1e2", Err(MoneyError::Grammar)),
            ("+1", Err(MoneyError::Grammar)),
            ("-1", Err(MoneyError::Grammar)),
            ("1_000", Err(MoneyError::Grammar)),
            (" 1", Err(MoneyError::Grammar)),
            ("1.2.3", Err(MoneyError::Grammar)),
        ] {
            assert_eq!(
                Amount::from_decimal(text).map(Amount::cents),
                cents,
                "{text:?}"
            );
        }
    }

    #[test]
    fn sums_carry_their_sign_into_the_text() {
        for (text, cents) in [("-5.00", -500), ("-0.05", -5), ("0.00", 0), ("12.34", 1234)] {
            let sum = Sum::from_decimal(text).unwrap();
            assert_eq!(sum.cents(), cents);
            assert_eq!(sum.to_string(), text);
        }
        assert_eq!(Sum::from_decimal("--5"), Err(MoneyError::Grammar));
    }

    #[test]
    fn arithmetic_never_leaves_its_range() {
        let one = Amount::from_cents(1).unwrap();
        assert_eq!(Amount::MAX.plus(one), None);
        assert_eq!(Amount::ZERO.minus(one), None);
        assert_eq!(
            Amount::MAX.minus(one).and_then(|less| less.plus(one)),
            Some(Amount::MAX)
        );
        assert_eq!(Amount::from_cents(Amount::MAX.cents() + 1), None);
    }

    #[test]
    fn a_currency_is_three_capitals() {
        assert_eq!("USD".parse::<Currency>().unwrap().to_string(), "USD");
        for text in ["usd", "US", "USDT", "U5D", "", "\u{20ac}"] {
            assert_eq!(text.parse::<Currency>(), Err(CurrencyError), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn amounts_round_trip_through_their_text(cents in 0..=Amount::MAX.cents()) {
            let amount = Amount::from_cents(cents).unwrap();
            proptest::prop_assert_eq!(Amount::from_decimal(&amount.to_string()), Ok(amount));
        }
    }
}
