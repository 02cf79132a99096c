//! Deposits that are paid on a page of ours: the page is asked for here, and from the payer's word
//! on it is a deposit as any other (paykassma-api.md, `payment/create`).

use super::deposits::DepositError;
use super::gateway::Gateway;
use super::partners::PartnerRow;
use super::{Ledger, Observed, Space, Unavailable};
use crate::engine::catalogue::PaymentSystem;
use crate::engine::deposit::{Deposit, DepositNamed, LeftId, SavingsOf};
use crate::engine::gateway::GatewayKey;
use crate::engine::hosted::{HostedBefore, HostedVerdict, NewHosted, decide_hosted};
use crate::engine::requisites::{Given, Requisites, Turn};
use crate::id::DepositReference;
use crate::time::Span;

/// Under what stands what a new page is judged by.
struct Keys<'a> {
    new: &'a NewHosted,
    partner: &'a PartnerRow,
    left: GatewayKey,
    given: GatewayKey,
    turn: GatewayKey,
}

impl Keys<'_> {
    fn named(&self, gateway: &Gateway) -> Option<GatewayKey> {
        let name = self.new.name(gateway.read(&self.left));
        name.map(|name| DepositNamed::key_of(self.partner.number, name))
    }

    /// The deposit that may be the same one, asked for before.
    fn deposit(&self, gateway: &Gateway) -> Option<GatewayKey> {
        match self.named(gateway) {
            Some(name) => {
                let named: Option<&DepositNamed> = gateway.read(&name);
                named.map(|named| Deposit::key_of(&named.deposit))
            }
            None => {
                let left: Option<&LeftId> = gateway.read(&self.left);
                let last = left.and_then(|left| left.deposit.as_ref());
                last.map(Deposit::key_of)
            }
        }
    }

    /// The deposit for which the label was given what it pays to.
    fn given_for(&self, gateway: &Gateway) -> Option<GatewayKey> {
        let given: Option<&Requisites> = gateway.read(&self.given);
        let deposit = given.and_then(|given| given.deposit.as_ref());
        deposit.map(Deposit::key_of)
    }

    /// All of them, as far as they are known.
    fn all(&self, gateway: &Gateway) -> Vec<GatewayKey> {
        let mut keys = vec![self.left.clone(), self.given.clone(), self.turn.clone()];
        keys.extend(self.named(gateway));
        keys.extend(self.deposit(gateway));
        keys.extend(self.given_for(gateway));
        keys
    }

    fn before<'a>(&self, gateway: &'a Gateway) -> HostedBefore<'a> {
        let deposit = |key: Option<GatewayKey>| key.and_then(|key| gateway.read(&key));
        HostedBefore {
            left: gateway.read(&self.left),
            named: self.named(gateway).and_then(|name| gateway.read(&name)),
            deposit: deposit(self.deposit(gateway)),
            given: Given {
                before: gateway.read(&self.given),
                deposit: deposit(self.given_for(gateway)),
                turn: gateway.read(&self.turn),
            },
        }
    }
}

impl Ledger {
    /// Makes a page that a deposit is paid on, which waits for `ttl`; what it is found by. The same
    /// asked for again finds the same page, whatever has become of it.
    ///
    /// # Errors
    /// Refused where the name is used, there is no name, or nothing to pay to.
    pub fn create_hosted(
        &self,
        partner: &PartnerRow,
        new: &NewHosted,
        system: &PaymentSystem,
        ttl: Span,
    ) -> Result<Observed<DepositReference>, DepositError> {
        let permit = self.reserve();
        let of = SavingsOf {
            partner: partner.number,
            label: new.label.clone(),
            wallet_type: system.wallet_type,
            currency: system.currency,
        };
        let keys = Keys {
            new,
            partner,
            left: LeftId::key_of(partner.number, &new.label),
            given: Requisites::key_of(&of),
            turn: Turn::key_of(system.wallet_type, system.currency),
        };
        let mut gateway = self.gateway_with(|gateway| keys.all(gateway))?;
        let (seen, now) = (self.sequencer.last(), self.sequencer.now());
        let times = (now, now.plus(ttl));
        let decided = decide_hosted(new, (partner, system), &keys.before(&gateway), times);
        let verdict = decided.map_err(|refusal| DepositError::Refused(refusal, seen))?;
        let (value, seq) = match verdict {
            HostedVerdict::Repeated(reference) => (reference, seen),
            HostedVerdict::Accepted(_) if self.space() < Space::Ample => {
                return Err(DepositError::Unavailable);
            }
            HostedVerdict::Accepted(record) => {
                let permit = permit.ok_or(Unavailable)?;
                let entry = self.take_gateway_down(permit, &mut gateway, record);
                (new.reference.clone(), entry.seq)
            }
        };
        Ok(Observed { value, seq })
    }
}
