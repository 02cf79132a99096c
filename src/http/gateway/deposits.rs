//! Deposits: what merchants ask.

use bytes::Bytes;
use hyper::header::CONTENT_TYPE;

use super::{Call, Told};
use crate::engine::activation::NewDeposit;
use crate::engine::catalogue::PaymentSystem;
use crate::engine::deposit::{Deposit, SavingsOf, Screenshot, Way};
use crate::engine::gateway::Found;
use crate::http::{State, postback};
use crate::id::Seq;
use crate::ledger::{DepositError, DepositRules, Observed, Unavailable};
use crate::protocol::paykassma::gateway::deposited::other_way;
use crate::protocol::paykassma::gateway::deposits::{
    Activation, Creation, CustomId, Savings, asked_again,
};
use crate::protocol::paykassma::gateway::parameters::{Faults, Invalid, of_query, words};
use crate::protocol::paykassma::gateway::reply::Reply;
use crate::protocol::paykassma::gateway::{form, texts};
use crate::protocol::paykassma::value::Members;
use crate::secret::random_word;

/// Characters of what a deposit is known by.
pub(super) const REFERENCE_LENGTH: usize = 24;

/// Judges something by what deposits are judged by just now.
///
/// # Errors
/// Those of `judge`, and [`Unavailable`].
pub(in crate::http) fn with_rules<T, E: From<Unavailable>>(
    state: &State,
    judge: impl FnOnce(&DepositRules<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let offered = state.gateway.offered.load();
    let tell = postback::of_deposits(state)?;
    judge(&DepositRules {
        catalogue: &offered.catalogue,
        possible_ttl: offered.possible_ttl,
        tell: &tell,
    })
}

impl Told {
    pub(super) fn observed(reply: Reply, seq: Seq) -> Told {
        Told { reply, seq }
    }

    pub(super) fn refused(error: DepositError, of_custom_id: &str) -> Told {
        match error {
            DepositError::Refused(refusal, seq) => {
                Told::observed(Reply::deposit_refused(refusal, of_custom_id), seq)
            }
            DepositError::Unavailable => Told::from(Unavailable),
        }
    }
}

pub(super) fn members(call: &Call, body: &[u8]) -> Result<Members, Invalid> {
    of_query(call.head.uri.query().unwrap_or_default(), body)
}

/// `transaction/create/{wallet_type}`.
pub(super) fn create(state: &State, call: &Call, body: &[u8]) -> Result<Told, Invalid> {
    let offered = state.gateway.offered.load();
    let name = call.asked.system.as_deref().unwrap_or_default();
    let systems: Vec<&PaymentSystem> = offered.catalogue.of_type(name).collect();
    if systems.is_empty() {
        return Ok(Reply::fail(404, texts::SYSTEM_UNKNOWN).into());
    }
    let Creation { currency, label } = Creation::decode(&members(call, body)?)?;
    let Some(system) = systems.into_iter().find(|of| of.currency == currency) else {
        let text = format!("The selected {} is invalid.", words("currency"));
        return Err(Invalid::Fields(Faults::one("currency", &text)));
    };
    let given = state.ledger.requisites(&call.merchant, &label, system);
    Ok(match given {
        Ok(given) => Told::observed(Reply::requisites(&given.value, system), given.seq),
        Err(error) => Told::refused(error, ""),
    })
}

/// `transaction/activate`.
pub(super) fn activate(state: &State, call: &Call, body: &[u8]) -> Result<Told, Invalid> {
    let told = activated(state, call, &members(call, body)?, Way::Code)?;
    Ok(told.0)
}

/// `possible-transaction/activate`.
pub(super) fn activate_by_hand(state: &State, call: &Call, body: &Bytes) -> Result<Told, Invalid> {
    let kind = call.head.headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let form = match form::decode(kind, body.clone()) {
        Ok(form) => form,
        Err(form::FormFault::TooLarge) => {
            return Ok(Reply::fail(413, texts::BODY_TOO_LARGE).into());
        }
        Err(fault) => return Err(Invalid::Request(fault.to_string())),
    };
    let Some(picture) = form.screenshot else {
        let way = Way::Hand { screenshot: None };
        return activated(state, call, &form.members, way).map(|(told, _)| told);
    };
    let kept = state.attachments.keep(&picture.bytes, |hash| {
        let way = Way::Hand {
            screenshot: Some(Screenshot {
                hash,
                media_type: picture.kind.media_type().to_owned(),
            }),
        };
        match activated(state, call, &form.members, way) {
            Ok((told, is_new)) => (Ok(told), is_new),
            Err(invalid) => (Err(invalid), false),
        }
    });
    kept.unwrap_or_else(|error| {
        let error: &dyn std::error::Error = &error;
        tracing::error!(error, "a picture of a payment could not be kept");
        Ok(Reply::fail(503, texts::UNAVAILABLE).into())
    })
}

/// What becomes of a request, and whether a deposit was made of it now.
fn activated(
    state: &State,
    call: &Call,
    members: &Members,
    way: Way,
) -> Result<(Told, bool), Invalid> {
    let offered = state.gateway.offered.load();
    let by_hand = matches!(way, Way::Hand { .. });
    let asked = Activation::decode(members, &offered.catalogue, by_hand);
    let asked = asked.and_then(|asked| match other_way(asked.system, by_hand) {
        Some(faults) => Err(Invalid::Fields(faults)),
        None => Ok(asked),
    });
    let asked = match asked {
        Ok(asked) => asked,
        Err(invalid) => return accepted_before(state, call, members, invalid),
    };
    let reference = random_word(REFERENCE_LENGTH);
    let new = NewDeposit {
        reference: reference.parse().expect("a random word is a reference"),
        wallet_type: asked.system.wallet_type,
        currency: asked.system.currency,
        label: asked.label,
        key1: asked.key1,
        amount: asked.amount,
        custom_transaction_id: asked.custom_transaction_id,
        way,
    };
    let payments = &state.settings.payments.rules;
    let deposit = with_rules(state, |rules| {
        let ledger = &state.ledger;
        ledger.activate_deposit(&call.merchant, &new, payments, rules)
    });
    Ok(match deposit {
        Ok(deposit) => {
            let is_new = deposit.value.document.reference == new.reference;
            (as_it_is(state, deposit), is_new)
        }
        Err(error) => (Told::refused(error, "custom_transaction_id"), false),
    })
}

/// What was accepted once is answered as it is, whatever is offered by now; all else as it deserves.
fn accepted_before(
    state: &State,
    call: &Call,
    members: &Members,
    invalid: Invalid,
) -> Result<(Told, bool), Invalid> {
    let again = asked_again(members).ok_or(invalid.clone())?;
    match state.ledger.repeated_deposit(&call.merchant, &again) {
        Ok(Some(deposit)) => Ok((as_it_is(state, deposit), false)),
        Ok(None) => Err(invalid),
        Err(unavailable) => Ok((Told::from(unavailable), false)),
    }
}

fn as_it_is(state: &State, deposit: Observed<Found<Deposit>>) -> Told {
    let Observed { value, seq } = deposit;
    let seen = value.document.seen(state.ledger.now());
    Told::observed(Reply::deposit(seen, &value.document.way), seq)
}

/// `deposit-info`.
pub(super) fn info(state: &State, call: &Call, body: &[u8]) -> Result<Told, Invalid> {
    let offered = state.gateway.offered.load();
    let members = members(call, body)?;
    let Savings { label, system } = Savings::decode(&members, &offered.catalogue)?;
    let of = SavingsOf {
        partner: call.merchant.number,
        label,
        wallet_type: system.wallet_type,
        currency: system.currency,
    };
    let saved = with_rules(state, |rules| state.ledger.saved_up(&of, rules));
    Ok(match saved {
        Ok(saved) => Told::observed(Reply::savings(saved.value, system), saved.seq),
        Err(unavailable) => Told::from(unavailable),
    })
}

/// `payment/save-transaction-custom-id`.
pub(super) fn save_custom_id(state: &State, call: &Call, body: &[u8]) -> Result<Told, Invalid> {
    let CustomId { label, id } = CustomId::decode(&members(call, body)?)?;
    let left = state.ledger.leave_custom_id(&call.merchant, &label, &id);
    Ok(match left {
        Ok(seq) => Told::observed(Reply::ok(), seq),
        Err(error) => Told::refused(error, "transaction_custom_id"),
    })
}
