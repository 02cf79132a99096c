//! Requisites: what payers pay to, given out in turn (paykassma-api.md, `transaction/create`).

use serde::{Deserialize, Serialize};

use super::catalogue::PaymentSystem;
use super::deposit::{Deposit, SavingsOf};
use super::document::Document;
use super::entry::{Actor, Record, RecordKind};
use super::gateway::{GatewayDocument, GatewayKey, Kept};
use super::refusal::DepositRefusal;
use crate::id::{DepositReference, WalletType};
use crate::money::Currency;
use crate::time::Timestamp;

/// What a label was given to pay to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requisites {
    /// Whose, in which payment system.
    pub of: SavingsOf,
    /// What to pay to.
    pub identifier: String,
    /// The deposit that was asked to be activated since.
    #[serde(default)]
    pub deposit: Option<DepositReference>,
}

impl Requisites {
    /// The name of what a label was given.
    pub fn key_of(of: &SavingsOf) -> GatewayKey {
        let key = GatewayKey::of::<Requisites>().partner(of.partner);
        let key = key.text(of.wallet_type.as_str()).text(of.currency.as_str());
        key.text(of.label.as_str())
    }
}

impl Kept for Requisites {
    fn key(&self) -> GatewayKey {
        Requisites::key_of(&self.of)
    }

    fn step(&self) -> Option<u8> {
        None
    }
}

/// How often requisites of a payment system were given out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// In which payment system.
    pub wallet_type: WalletType,
    /// In which currency.
    pub currency: Currency,
    /// How often.
    pub given: u64,
}

impl Turn {
    /// The name of a payment system's turn.
    pub fn key_of(wallet_type: WalletType, currency: Currency) -> GatewayKey {
        let key = GatewayKey::of::<Turn>().text(wallet_type.as_str());
        key.text(currency.as_str())
    }
}

impl Kept for Turn {
    fn key(&self) -> GatewayKey {
        Turn::key_of(self.wallet_type, self.currency)
    }

    fn step(&self) -> Option<u8> {
        None
    }
}

/// What is known beside a label that asks what to pay to.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// What it was given before.
    pub before: Option<&'a Requisites>,
    /// The deposit that was asked to be activated since.
    pub deposit: Option<&'a Deposit>,
    /// How often requisites were given out.
    pub turn: Option<&'a Turn>,
}

/// Gives a label the next requisites; `None` where it keeps those that it has: while its deposit
/// is open, and they are still offered.
///
/// # Errors
/// [`DepositRefusal::NoRequisites`].
pub fn decide_requisites(
    of: &SavingsOf,
    system: &PaymentSystem,
    known: &Given<'_>,
    now: Timestamp,
) -> Result<Option<Record>, DepositRefusal> {
    let Some((requisites, turn)) = next(of, system, known, now)? else {
        return Ok(None);
    };
    let documents: [GatewayDocument; 2] = [requisites.into(), turn.into()];
    Ok(Some(Record {
        by: Actor::Partner,
        kind: RecordKind::RequisitesGiven,
        postings: Vec::new(),
        documents: documents.map(Document::from).to_vec(),
    }))
}

/// The next requisites, and the turn after them; `None` where the label keeps what it has.
///
/// # Errors
/// [`DepositRefusal::NoRequisites`].
pub(super) fn next(
    of: &SavingsOf,
    system: &PaymentSystem,
    known: &Given<'_>,
    now: Timestamp,
) -> Result<Option<(Requisites, Turn)>, DepositRefusal> {
    let is_open = known.deposit.is_none_or(|deposit| deposit.is_open(now));
    let keeps = |before: &Requisites| is_open && system.requisites.contains(&before.identifier);
    if known.before.is_some_and(keeps) {
        return Ok(None);
    }
    let given = known.turn.map_or(0, |turn| turn.given);
    let count = system.requisites.len() as u64;
    let place = given
        .checked_rem(count)
        .ok_or(DepositRefusal::NoRequisites)?;
    let place = usize::try_from(place).expect("less than there are requisites");
    let requisites = Requisites {
        of: of.clone(),
        identifier: system.requisites[place].clone(),
        deposit: None,
    };
    let turn = Turn {
        wallet_type: of.wallet_type,
        currency: of.currency,
        given: given + 1,
    };
    Ok(Some((requisites, turn)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::sample;

    #[test]
    fn requisites_that_are_offered_no_more_are_exchanged() {
        let mut system = sample::payment_system();
        let of = SavingsOf {
            partner: crate::id::PartnerNumber(1),
            label: "55".parse().unwrap(),
            wallet_type: system.wallet_type,
            currency: system.currency,
        };
        let before = Requisites {
            of: of.clone(),
            identifier: system.requisites[0].clone(),
            deposit: None,
        };
        let known = Given {
            before: Some(&before),
            deposit: None,
            turn: None,
        };
        let decide = |system: &PaymentSystem| {
            decide_requisites(&of, system, &known, Timestamp::EPOCH).map(|record| record.is_some())
        };
        assert_eq!(decide(&system), Ok(false));
        system.requisites = vec!["another".to_owned()];
        assert_eq!(decide(&system), Ok(true));
        system.requisites.clear();
        assert_eq!(decide(&system), Err(DepositRefusal::NoRequisites));
    }
}
