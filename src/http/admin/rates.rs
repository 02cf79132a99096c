//! Rates: shown and set.

use super::{Done, Failed, State, done};
use crate::ledger::RatesError;
use crate::protocol::admin::{Fault, Members, RatesShown, RatesWanted, SetRates};

impl From<RatesError> for Failed {
    fn from(error: RatesError) -> Failed {
        match error {
            RatesError::Refused(refusal, seq) => Failed {
                seq,
                ..Failed::from(Fault::RatesRefused(refusal))
            },
            RatesError::Unavailable => Failed::from(Fault::Unavailable),
        }
    }
}

pub(super) fn show(state: &State, members: Members) -> Result<Done, Failed> {
    RatesWanted::decode(members)?;
    let rates = state.ledger.rates(&state.settings.rates);
    let rates = rates.map_err(RatesError::from)?;
    Ok(done(&RatesShown::from(&rates.value), rates.seq))
}

pub(super) fn set(state: &State, members: Members) -> Result<Done, Failed> {
    let changes = SetRates::decode(members)?.changes();
    let rates = state.ledger.set_rates(&state.settings.rates, changes)?;
    Ok(done(&RatesShown::from(&rates.value), rates.seq))
}
