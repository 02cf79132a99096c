//! Rates: what operators set and are told (operations.md, `rates`).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::members::{Malformed, Members};
use crate::engine::rates::{Rate, Rates};
use crate::money::Currency;

/// `INR=84.10`: units of a currency for one of the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateGiven(pub Currency, pub Rate);

impl FromStr for RateGiven {
    type Err = String;

    fn from_str(text: &str) -> Result<RateGiven, String> {
        let wrong = || "must be a currency and its rate such as INR=84.10".to_owned();
        let (currency, rate) = text.split_once('=').ok_or_else(wrong)?;
        let currency = currency.parse().map_err(|_| wrong())?;
        let rate: Result<Rate, _> = rate.parse();
        Ok(RateGiven(
            currency,
            rate.map_err(|fault| fault.to_string())?,
        ))
    }
}

impl fmt::Display for RateGiven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.0, self.1)
    }
}

impl Serialize for RateGiven {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The rates that hold.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RatesWanted {}

impl RatesWanted {
    /// Reads a query, which has no members.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn decode(members: Members) -> Result<RatesWanted, Malformed> {
        members.finish().map(|()| RatesWanted {})
    }
}

/// Rates to set; the others stay.
#[derive(Clone, Debug, Serialize)]
pub struct SetRates {
    /// Of a currency that is named twice the last one holds.
    pub rates: Vec<RateGiven>,
}

impl SetRates {
    /// Reads them.
    ///
    /// # Errors
    /// The first that is not of its form.
    pub fn decode(mut members: Members) -> Result<SetRates, Malformed> {
        let rates = members.list_by("rates", str::parse)?;
        let rates = rates.unwrap_or_default();
        members.finish().map(|()| SetRates { rates })
    }

    /// Each currency with its rate.
    pub fn changes(&self) -> BTreeMap<Currency, Rate> {
        let rates = self.rates.iter();
        rates
            .map(|RateGiven(currency, rate)| (*currency, *rate))
            .collect()
    }
}

/// What is told of the rates that hold.
#[derive(Clone, Debug, Serialize)]
pub struct RatesShown {
    /// What one unit of is worth the rates.
    pub base: Currency,
    /// Each currency with its rate, the base among them.
    pub rates: BTreeMap<Currency, Rate>,
}

impl From<&Rates> for RatesShown {
    fn from(rates: &Rates) -> RatesShown {
        RatesShown {
            base: rates.base(),
            rates: rates.iter().collect(),
        }
    }
}
