//! The rates that operators set (operations.md, `rates`).

use std::collections::BTreeMap;
use std::fmt;

use super::{Ledger, Observed, Unavailable};
use crate::engine::rates::{Rate, RateError, Rates, RatesTable, decide_rates};
use crate::id::Seq;
use crate::money::Currency;

/// Why rates were not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatesError {
    /// They do not go together.
    Refused(RateError, Seq),
    /// Nothing was touched.
    Unavailable,
}

impl fmt::Display for RatesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RatesError::Refused(refusal, _) => refusal.fmt(f),
            RatesError::Unavailable => Unavailable.fmt(f),
        }
    }
}

impl std::error::Error for RatesError {}

impl From<Unavailable> for RatesError {
    fn from(_: Unavailable) -> RatesError {
        RatesError::Unavailable
    }
}

impl Ledger {
    /// The rates that hold now: those that an operator has set, or else those `configured`.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn rates(&self, configured: &Rates) -> Result<Observed<Rates>, Unavailable> {
        let key = RatesTable::the_key();
        let gateway = self.gateway_with(|_| vec![key.clone()])?;
        let set = gateway.of::<RatesTable>(&key);
        Ok(match set {
            Some((table, row)) => Observed {
                value: table.rates.clone(),
                seq: row.changed,
            },
            None => Observed {
                value: configured.clone(),
                seq: Seq::NONE,
            },
        })
    }

    /// An operator sets some rates; the others stay as they are. From then on what is configured
    /// is not looked at any more.
    ///
    /// # Errors
    /// Refused where they do not go together.
    pub fn set_rates(
        &self,
        configured: &Rates,
        changes: BTreeMap<Currency, Rate>,
    ) -> Result<Observed<Rates>, RatesError> {
        let permit = self.reserve();
        let key = RatesTable::the_key();
        let mut gateway = self.gateway_with(|_| vec![key.clone()])?;
        let set = gateway.of::<RatesTable>(&key);
        let seen = set.map_or(Seq::NONE, |(_, row)| row.changed);
        let present = set.map_or(configured, |(table, _)| &table.rates);
        let refused = |refusal| RatesError::Refused(refusal, seen);
        let Some(record) = decide_rates(present, changes).map_err(refused)? else {
            let value = present.clone();
            return Ok(Observed { value, seq: seen });
        };
        let permit = permit.ok_or(Unavailable)?;
        let entry = self.take_gateway_down(permit, &mut gateway, record);
        let table = gateway.read::<RatesTable>(&key);
        let value = table.expect("it was set a moment ago").rates.clone();
        let seq = entry.seq;
        Ok(Observed { value, seq })
    }
}
