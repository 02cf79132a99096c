//! What payers are given to pay to (paykassma-api.md, Deposits).

use super::deposits::DepositError;
use super::gateway::Gateway;
use super::partners::PartnerRow;
use super::{Ledger, Observed, Space, Unavailable};
use crate::engine::catalogue::PaymentSystem;
use crate::engine::deposit::{Deposit, SavingsOf};
use crate::engine::requisites::{Given, Requisites, Turn, decide_requisites};
use crate::id::Label;

impl Ledger {
    /// What a label is to pay to (paykassma-api.md, `transaction/create`): the next requisites of
    /// the payment system, or those that it has.
    ///
    /// # Errors
    /// Refused where there are none.
    pub fn requisites(
        &self,
        partner: &PartnerRow,
        label: &Label,
        system: &PaymentSystem,
    ) -> Result<Observed<String>, DepositError> {
        let permit = self.reserve();
        let of = SavingsOf {
            partner: partner.number,
            label: label.clone(),
            wallet_type: system.wallet_type,
            currency: system.currency,
        };
        let key = Requisites::key_of(&of);
        let turn = Turn::key_of(system.wallet_type, system.currency);
        let deposit = |gateway: &Gateway| {
            let before: Option<&Requisites> = gateway.read(&key);
            let deposit = before.and_then(|before| before.deposit.as_ref());
            deposit.map(Deposit::key_of)
        };
        let mut gateway = self.gateway_with(|gateway| {
            let mut keys = vec![key.clone(), turn.clone()];
            keys.extend(deposit(gateway));
            keys
        })?;
        let known = Given {
            before: gateway.read(&key),
            deposit: deposit(&gateway).and_then(|key| gateway.read(&key)),
            turn: gateway.read(&turn),
        };
        let mut seq = self.sequencer.last();
        let decided = decide_requisites(&of, system, &known, self.sequencer.now());
        let record = decided.map_err(|refusal| DepositError::Refused(refusal, seq))?;
        if let Some(record) = record {
            if self.space() < Space::Ample {
                return Err(DepositError::Unavailable);
            }
            let permit = permit.ok_or(Unavailable)?;
            seq = self.take_gateway_down(permit, &mut gateway, record).seq;
        }
        let given: Option<&Requisites> = gateway.read(&key);
        let value = given.expect("they are there by now").identifier.clone();
        Ok(Observed { value, seq })
    }
}
