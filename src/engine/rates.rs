//! Rates between currencies, and what an amount is worth in each of them (paykassma-api.md,
//! Postbacks).
//!
//! All of it is decimal arithmetic: a quotient that ends is exact, and no other lies on the edge
//! between two roundings.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use super::document::Document;
use super::entry::{Actor, Record, RecordKind};
use super::gateway::{GatewayDocument, GatewayKey, Kept};
use crate::money::{Amount, Currency};

/// Digits of a rate, at most.
const RATE_DIGITS_MAX: usize = 15;

/// The largest of the rates is at most so many times the smallest: so that the largest amount,
/// changed from the dearest currency into the cheapest, has no more than the 28 digits of a
/// decimal.
const RATES_APART_MAX: u64 = 100_000_000_000_000;

/// The currency that is told with 8 decimals.
const BITCOIN: &str = "BTC";

/// Why a text is no rate, or rates are no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateError(&'static str);

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for RateError {}

/// Units of a currency for one unit of the base: above zero, at most 15 digits. In entries its
/// decimal text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(Decimal);

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Rate, RateError> {
        let wrong =
            RateError("must be a decimal number above 0 such as 84.10, of at most 15 digits");
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let is_decimal = digits(whole) && digits(fraction);
        let significant = text.trim_start_matches(['0', '.']).len();
        if !is_decimal || text.len() > 28 || significant > RATE_DIGITS_MAX + 1 {
            return Err(wrong);
        }
        let rate = Decimal::from_str_exact(text)
            .map_err(|_| wrong)?
            .normalize();
        if rate.is_zero() || rate.mantissa() >= 10_i128.pow(15) {
            return Err(wrong);
        }
        Ok(Rate(rate))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rate({})", self.0)
    }
}

impl Serialize for Rate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        crate::id::parse_from(deserializer)
    }
}

/// What an amount is worth in some currency, rounded as that currency is told. Its text has no
/// zeros at the end, as PHP writes numbers: `571.5`, `1539`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units(Decimal);

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Units {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Units, RateError> {
        let units = Decimal::from_str_exact(text).map_err(|_| RateError("must be a decimal"))?;
        Ok(Units(units.normalize()))
    }
}

impl Serialize for Units {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Units, D::Error> {
        crate::id::parse_from(deserializer)
    }
}

/// An amount's exact units, as the payment's own currency tells them.
impl From<Amount> for Units {
    fn from(amount: Amount) -> Units {
        Units(decimal(amount).normalize())
    }
}

/// The table of rates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    base: Currency,
    /// The base with 1, and each other currency.
    of: BTreeMap<Currency, Rate>,
}

/// The base of rates that name none.
const BASE: &str = "USD";

/// Of one currency alone.
impl Default for Rates {
    fn default() -> Rates {
        let base = BASE.parse().expect("three capitals");
        let of = BTreeMap::from([(base, Rate(Decimal::ONE))]);
        Rates { base, of }
    }
}

impl Rates {
    /// A table of units of each currency for one of `base`.
    ///
    /// # Errors
    /// Rates too far apart, or one of the base other than 1.
    pub fn new(base: Currency, others: BTreeMap<Currency, Rate>) -> Result<Rates, RateError> {
        let mut of = others;
        let one = Rate(Decimal::ONE);
        if of.insert(base, one).is_some_and(|given| given != one) {
            return Err(RateError("must give the base 1"));
        }
        let (smallest, largest) = of.values().fold((one, one), |(low, high), rate| {
            (low.min(*rate), high.max(*rate))
        });
        let apart = largest.0.checked_div(smallest.0);
        if apart.is_none_or(|apart| apart > Decimal::from(RATES_APART_MAX)) {
            return Err(RateError("must be at most 10^14 times one another"));
        }
        Ok(Rates { base, of })
    }

    /// This table with some rates changed, or added.
    ///
    /// # Errors
    /// As [`Rates::new`].
    pub fn with(&self, changes: BTreeMap<Currency, Rate>) -> Result<Rates, RateError> {
        let mut others = self.of.clone();
        others.extend(changes);
        Rates::new(self.base, others)
    }

    /// What one unit of is worth the rates.
    pub fn base(&self) -> Currency {
        self.base
    }

    /// Each currency with its rate.
    pub fn iter(&self) -> impl Iterator<Item = (Currency, Rate)> {
        self.of.iter().map(|(currency, rate)| (*currency, *rate))
    }

    /// What `amount` is worth in every currency: half up to 2 decimals (BTC 8), its own currency
    /// exactly (paykassma-api.md, Postbacks and Small print). A currency without a rate can only
    /// be told in itself.
    pub fn converted(&self, amount: Amount, own: Currency) -> Vec<(Currency, Units)> {
        let mut converted = BTreeMap::from([(own, Units::from(amount))]);
        if let Some(rate_of_own) = self.of.get(&own) {
            for (currency, rate) in &self.of {
                let units = changed(amount, *rate_of_own, *rate, places(*currency));
                converted.entry(*currency).or_insert(units);
            }
        }
        converted.into_iter().collect()
    }
}

/// The rates as an operator has set them: one table, in the place of what is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatesTable {
    /// The table.
    pub rates: Rates,
}

impl RatesTable {
    /// The name of the only one.
    pub fn the_key() -> GatewayKey {
        GatewayKey::of::<RatesTable>()
    }
}

impl Kept for RatesTable {
    fn key(&self) -> GatewayKey {
        RatesTable::the_key()
    }

    fn step(&self) -> Option<u8> {
        None
    }
}

/// An operator sets some rates of `present`; `None` where all are so already.
///
/// # Errors
/// They do not go together.
pub fn decide_rates(
    present: &Rates,
    changes: BTreeMap<Currency, Rate>,
) -> Result<Option<Record>, RateError> {
    let rates = present.with(changes)?;
    if rates == *present {
        return Ok(None);
    }
    let document = GatewayDocument::from(RatesTable { rates });
    Ok(Some(Record {
        by: Actor::Operator,
        kind: RecordKind::RatesSet,
        postings: Vec::new(),
        documents: vec![Document::from(document)],
    }))
}

/// Decimals in which a currency is told.
fn places(currency: Currency) -> u32 {
    if currency.as_str() == BITCOIN { 8 } else { 2 }
}

fn decimal(amount: Amount) -> Decimal {
    let cents = i64::try_from(amount.cents()).expect("amounts are below 2^53");
    Decimal::new(cents, 2)
}

/// `amount` of a currency in another, each by its units for one base.
fn changed(amount: Amount, from: Rate, to: Rate, places: u32) -> Units {
    let product = decimal(amount).checked_mul(to.0);
    let quotient = product.and_then(|product| product.checked_div(from.0));
    let exact = quotient.expect("rates are at most 10^14 apart, amounts below 10^14");
    let rounded = exact.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    Units(rounded.normalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(text: &str) -> Currency {
        text.parse().unwrap()
    }

    fn rates(base: &str, others: &[(&str, &str)]) -> Result<Rates, RateError> {
        let others = others
            .iter()
            .map(|(name, rate)| (currency(name), rate.parse().unwrap()));
        Rates::new(currency(base), others.collect())
    }

    fn told(rates: &Rates, amount: &str, own: &str) -> Vec<String> {
        let amount = Amount::from_decimal(amount).unwrap();
        let converted = rates.converted(amount, currency(own));
        let text = |(currency, units): &(Currency, Units)| format!("{currency} {units}");
        converted.iter().map(text).collect()
    }

    #[test]
    fn every_currency_is_told_half_up_and_its_own_exactly() {
        let table = rates(
            "USD",
            &[("INR", "84.10"), ("BTC", "0.0000104"), ("JPY", "150")],
        );
        let table = table.unwrap();
        for (amount, own, converted) in [
            (
                "13628.50",
                "INR",
                [
                    "BTC 0.00168533",
                    "INR 13628.5",
                    "JPY 24307.67",
                    "USD 162.05",
                ],
            ),
            ("0.01", "INR", ["BTC 0", "INR 0.01", "JPY 0.02", "USD 0"]),
            // 0.125 and 0.005 of a dollar: on the edge, and up.
            (
                "18.75",
                "JPY",
                ["BTC 0.0000013", "INR 10.51", "JPY 18.75", "USD 0.13"],
            ),
            (
                "0.75",
                "JPY",
                ["BTC 0.00000005", "INR 0.42", "JPY 0.75", "USD 0.01"],
            ),
            (
                "0.74",
                "JPY",
                ["BTC 0.00000005", "INR 0.41", "JPY 0.74", "USD 0"],
            ),
        ] {
            assert_eq!(told(&table, amount, own), converted);
        }
        assert_eq!(told(&table, "5.10", "EUR"), ["EUR 5.1"]);
        assert_eq!(told(&Rates::default(), "5.10", "EUR"), ["EUR 5.1"]);
    }

    #[test]
    fn the_largest_amount_is_changed_at_the_widest_rates() {
        let table = rates("AAA", &[("BTC", "0.0000001"), ("ZZZ", "10000000")]).unwrap();
        let largest = Amount::MAX.to_string();
        let most = "9007199254740991000000000000";
        assert_eq!(told(&table, &largest, "BTC")[2], format!("ZZZ {most}"));
        let wider = rates("AAA", &[("BTC", "0.0000001"), ("ZZZ", "10000001")]);
        assert!(wider.is_err());
        assert!(rates("USD", &[("USD", "1.00")]).is_ok());
        assert!(rates("USD", &[("USD", "2")]).is_err());
    }

    #[test]
    fn a_rate_is_a_plain_decimal_above_zero() {
        for (text, good) in [
            ("84.10", true),
            ("0.0000104", true),
            ("999999999999999", true),
            ("0.00000000000001", true),
            ("0000000000000000000084.10", true),
            ("1234567.12345678", true),
            ("0", false),
            ("0.000", false),
            ("-1", false),
            ("+1", false),
            ("1e3", false),
            ("1.", false),
            (".5", false),
            ("1.2.3", false),
            ("1_000", false),
            ("", false),
            ("1234567890123456", false),
            ("1234567.123456789", false),
        ] {
            assert_eq!(text.parse::<Rate>().is_ok(), good, "{text:?}");
        }
        let table = rates("USD", &[("INR", "84.10")]).unwrap();
        let json = serde_json::to_string(&table).unwrap();
        assert_eq!(json, r#"{"base":"USD","of":{"INR":"84.1","USD":"1"}}"#);
        assert_eq!(serde_json::from_str::<Rates>(&json).unwrap(), table);
        let change = |currency: &str, rate: &str| {
            table.with(BTreeMap::from([(
                currency.parse().unwrap(),
                rate.parse().unwrap(),
            )]))
        };
        let both = rates("USD", &[("INR", "84.10"), ("EUR", "0.9")]);
        assert_eq!(change("EUR", "0.9"), both);
        assert_eq!(change("INR", "85"), rates("USD", &[("INR", "85")]));
        assert!(change("USD", "2").is_err());
        // What is so already is nothing to take down.
        let set = |rate: &str| {
            let changes = BTreeMap::from([(currency("INR"), rate.parse().unwrap())]);
            decide_rates(&table, changes).unwrap()
        };
        assert_eq!(set("84.1"), None);
        assert!(set("84.2").is_some());
    }
}
