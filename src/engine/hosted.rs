//! Deposits that are paid on a page of ours (paykassma-api.md, `payment/create`): the merchant says
//! how much, the payer is shown what to pay to, and names the transaction number there. From then on
//! it is a deposit as any other ([`super::activation`]).

use serde::{Deserialize, Serialize};

use super::catalogue::PaymentSystem;
use super::deposit::{Deposit, DepositNamed, DepositState, LeftId, SavingsOf, Way};
use super::document::{Document, Partner};
use super::entry::{Actor, Record, RecordKind};
use super::gateway::GatewayDocument;
use super::refusal::DepositRefusal;
use super::requisites::{Given, Requisites, next};
use crate::id::{DepositReference, GatewayText, Label, Lang, WebAddress};
use crate::money::Amount;
use crate::time::Timestamp;

/// What the page of a deposit shows besides the deposit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hosted {
    /// What the payer reads, as the merchant says.
    pub language: Lang,
    /// The bank that the payer pays through, in the merchant's words.
    pub bank: GatewayText,
    /// Where the payer is led in the end.
    pub redirect_url: WebAddress,
    /// What to pay to.
    pub identifier: String,
}

/// A deposit that a merchant wants paid on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHosted {
    /// What its page is found by: what nobody can guess.
    pub reference: DepositReference,
    /// Who pays.
    pub label: Label,
    /// How much.
    pub amount: Amount,
    /// The merchant's name for it, unless one was left for the label.
    pub custom_transaction_id: Option<GatewayText>,
    /// What the payer reads.
    pub language: Lang,
    /// The bank that the payer pays through.
    pub bank: GatewayText,
    /// Where the payer is led in the end.
    pub redirect_url: WebAddress,
}

/// What is known beside it.
#[derive(Clone, Copy, Debug)]
pub struct HostedBefore<'a> {
    /// What was left for the label.
    pub left: Option<&'a LeftId>,
    /// The one that the merchant means by the name.
    pub named: Option<&'a DepositNamed>,
    /// That deposit, or where there is no name the last one that took a name that was left.
    pub deposit: Option<&'a Deposit>,
    /// What the label was given to pay to.
    pub given: Given<'a>,
}

/// What a request that is not refused comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostedVerdict {
    /// It is to be taken down.
    Accepted(Record),
    /// It was: the same page.
    Repeated(DepositReference),
}

impl NewHosted {
    /// The merchant's name for it: its own, or the one that was left.
    pub fn name<'a>(&'a self, left: Option<&'a LeftId>) -> Option<&'a GatewayText> {
        let own = self.custom_transaction_id.as_ref();
        own.or_else(|| left.and_then(|left| left.id.as_ref()))
    }

    fn repeats(&self, before: &Deposit, of: &SavingsOf) -> bool {
        let Some(hosted) = &before.hosted else {
            return false;
        };
        before.savings_in(before.currency) == *of
            && before.amount == Some(self.amount)
            && before.id_was_left == self.custom_transaction_id.is_none()
            && (hosted.language, &hosted.bank) == (self.language, &self.bank)
            && hosted.redirect_url == self.redirect_url
    }
}

/// Judges a request for a page to pay on, which waits until `expires_at`.
///
/// # Errors
/// [`DepositRefusal::CustomIdUsed`], [`DepositRefusal::CustomIdMissing`],
/// [`DepositRefusal::NoRequisites`]: then the name is not used up.
pub fn decide_hosted(
    new: &NewHosted,
    (partner, system): (&Partner, &PaymentSystem),
    before: &HostedBefore<'_>,
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<HostedVerdict, DepositRefusal> {
    let of = SavingsOf {
        partner: partner.number,
        label: new.label.clone(),
        wallet_type: system.wallet_type,
        currency: system.currency,
    };
    let same = before.deposit.filter(|deposit| new.repeats(deposit, &of));
    let id = match (new.name(before.left), same) {
        (_, Some(deposit)) => return Ok(HostedVerdict::Repeated(deposit.reference.clone())),
        (Some(_), None) if before.named.is_some() => return Err(DepositRefusal::CustomIdUsed),
        (Some(id), None) => id,
        (None, None) => return Err(DepositRefusal::CustomIdMissing),
    };
    let (requisites, turn) = match next(&of, system, &before.given, now)? {
        Some((requisites, turn)) => (requisites, Some(turn)),
        None => {
            let kept = before.given.before;
            (kept.expect("what is kept was given").clone(), None)
        }
    };
    let deposit = open(new, &of, (id, &requisites, system), expires_at);
    let mut documents: Vec<GatewayDocument> = vec![
        DepositNamed {
            partner: partner.number,
            custom_transaction_id: id.clone(),
            deposit: new.reference.clone(),
        }
        .into(),
    ];
    if deposit.id_was_left {
        let left = LeftId {
            partner: partner.number,
            label: new.label.clone(),
            id: None,
            deposit: Some(new.reference.clone()),
        };
        documents.push(left.into());
    }
    let requisites = Requisites {
        deposit: Some(new.reference.clone()),
        ..requisites
    };
    documents.extend([requisites.into(), deposit.into()]);
    documents.extend(turn.map(GatewayDocument::from));
    Ok(HostedVerdict::Accepted(Record {
        by: Actor::Partner,
        kind: RecordKind::PaymentPageMade,
        postings: Vec::new(),
        documents: documents.into_iter().map(Document::from).collect(),
    }))
}

/// The deposit, of which nobody has said yet that it is paid.
fn open(
    new: &NewHosted,
    of: &SavingsOf,
    (id, requisites, system): (&GatewayText, &Requisites, &PaymentSystem),
    expires_at: Timestamp,
) -> Deposit {
    let way = match system.is_manual {
        true => Way::Hand { screenshot: None },
        false => Way::Code,
    };
    Deposit {
        reference: new.reference.clone(),
        partner: of.partner,
        wallet_type: of.wallet_type,
        currency: of.currency,
        label: of.label.clone(),
        custom_transaction_id: id.clone(),
        id_was_left: new.custom_transaction_id.is_none(),
        key1: None,
        amount: Some(new.amount),
        way,
        expires_at,
        state: DepositState::Open,
        activated: None,
        told: None,
        note: None,
        hosted: Some(Hosted {
            language: new.language,
            bank: new.bank.clone(),
            redirect_url: new.redirect_url.clone(),
            identifier: requisites.identifier.clone(),
        }),
    }
}
