//! What it takes to credit a deposit, or to put right what a merchant was told of one, out of the
//! gateway's documents.

use std::sync::Arc;

use super::Ledger;
use super::deposits::DepositRules;
use super::gateway::Gateway;
use super::partners::PartnerRow;
use crate::engine::deposit::{Deposit, Savings, SavingsOf, Stockpiles, ToldBefore};
use crate::engine::gateway::GatewayKey;
use crate::engine::merchant::Holder;
use crate::engine::postback::{Delivery, Postback, PostbackKind, PostbackOf};
use crate::engine::till::Till;
use crate::id::DepositReference;

/// What it takes to credit a deposit, out of the gateway's documents.
pub(super) struct Drawer {
    partner: Arc<PartnerRow>,
    of: SavingsOf,
    holder: Holder,
    savings: Option<Savings>,
    saved: Vec<Deposit>,
    last_stockpile: u64,
    pub(super) told: Option<ToldBefore>,
}

impl Drawer {
    pub(super) fn till<'a>(&'a self, rules: &DepositRules<'a>) -> Till<'a> {
        Till {
            partner: &self.partner,
            holder: &self.holder,
            savings: self.savings.as_ref(),
            saved: &self.saved,
            last_stockpile: self.last_stockpile,
            minimum: rules.minimum(&self.of),
            told: self.told.as_ref(),
            tell: rules.tell,
        }
    }
}

/// What the postback is named by that tells of a deposit, if one does.
pub(super) fn told_of(deposit: &Deposit) -> Option<PostbackOf> {
    Some(PostbackOf {
        partner: deposit.partner,
        kind: PostbackKind::Deposit,
        name: deposit.told.clone()?,
    })
}

impl Gateway {
    /// The names of all that it takes to credit a deposit, as far as it is known.
    pub(super) fn till_keys(&self, of: &SavingsOf) -> Vec<GatewayKey> {
        let mut keys = self.holder_keys(of.partner);
        keys.push(Stockpiles::key_of(of.partner));
        let key = Savings::key_of(of);
        let savings: Option<&Savings> = self.read(&key);
        let saved = savings.into_iter().flat_map(|savings| &savings.deposits);
        keys.extend(saved.map(Deposit::key_of));
        keys.push(key);
        keys
    }

    /// The names of what a merchant was told of a deposit, and of all that it was told of with it,
    /// as far as they are known.
    pub(super) fn told_keys(&self, reference: &DepositReference) -> Vec<GatewayKey> {
        let key = Deposit::key_of(reference);
        let told = self.read::<Deposit>(&key).and_then(told_of);
        let mut keys = vec![key];
        if let Some(of) = told {
            let key = Postback::key_of(&of);
            let postback: Option<&Postback> = self.read(&key);
            let deposits = postback.into_iter().flat_map(|told| &told.deposits);
            keys.extend(deposits.map(Deposit::key_of));
            keys.extend([key, Delivery::key_of(&of)]);
        }
        keys
    }

    /// What a merchant was told of a deposit, all of which is in memory.
    pub(super) fn told_before(&self, deposit: &Deposit) -> Option<ToldBefore> {
        let of = told_of(deposit)?;
        let postback: &Postback = self.read(&Postback::key_of(&of))?;
        let delivery: Option<&Delivery> = self.read(&Delivery::key_of(&of));
        let deposits = postback.deposits.iter().map(|reference| {
            let deposit: Option<&Deposit> = self.read(&Deposit::key_of(reference));
            deposit.expect("postbacks name deposits").clone()
        });
        Some(ToldBefore {
            deposits: deposits.collect(),
            delivery: delivery.expect("what is told has one").clone(),
            postback: postback.clone(),
        })
    }
}

impl Ledger {
    /// What it takes to credit a deposit, all of which is in memory.
    pub(super) fn drawer(&self, gateway: &Gateway, of: SavingsOf) -> Drawer {
        let partner = self.partners.by_number(of.partner);
        let savings: Option<&Savings> = gateway.read(&Savings::key_of(&of));
        let saved = savings.into_iter().flat_map(|savings| &savings.deposits);
        let saved = saved.map(|reference| {
            let deposit: Option<&Deposit> = gateway.read(&Deposit::key_of(reference));
            deposit.expect("savings name deposits").clone()
        });
        let saved = saved.collect();
        let last: Option<&Stockpiles> = gateway.read(&Stockpiles::key_of(of.partner));
        Drawer {
            partner: partner.expect("a deposit is a partner's"),
            holder: gateway.holder(of.partner),
            savings: savings.cloned(),
            saved,
            last_stockpile: last.map_or(0, |stockpiles| stockpiles.last),
            told: None,
            of,
        }
    }
}
