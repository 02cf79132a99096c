//! `[rates]`: a table of whatever currencies it names.

use std::collections::BTreeMap;

use super::given::Given;
use super::{ConfigError, Place};
use crate::engine::rates::{Rate, Rates};
use crate::money::Currency;

/// `[rates]`, as far as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RatesGiven {
    base: Option<Currency>,
    of: BTreeMap<Currency, Rate>,
    /// Of the last that was given.
    place: Option<Place>,
}

impl RatesGiven {
    /// Takes one key in: `base`, or a currency.
    ///
    /// # Errors
    /// What would be right.
    pub(super) fn set(
        &mut self,
        name: &str,
        given: &Given<'_>,
        place: Place,
    ) -> Result<(), String> {
        self.place = Some(place);
        if name == "base" {
            self.base = Some(given.text()?);
            return Ok(());
        }
        // A variable's name has come in small letters.
        let currency = name.to_ascii_uppercase().parse();
        let currency = currency.map_err(|_| "must be base or a currency such as INR".to_owned())?;
        self.of.insert(currency, given.text()?);
        Ok(())
    }

    /// The table that they make together.
    ///
    /// # Errors
    /// They do not go together.
    pub(super) fn table(&self) -> Result<Rates, ConfigError> {
        let Some(place) = &self.place else {
            return Ok(Rates::default());
        };
        let base = self.base.unwrap_or_else(|| Rates::default().base());
        let table = Rates::new(base, self.of.clone());
        table.map_err(|fault| ConfigError::Wrong {
            place: place.clone(),
            key: "rates".to_owned(),
            fault: fault.to_string(),
        })
    }
}
