//! Deposits that are paid on a page of ours: asked for by merchants. Payers' side stands in
//! [`crate::http::page`].

use std::borrow::Cow;

use super::deposits::{REFERENCE_LENGTH, members};
use super::{Call, Told};
use crate::engine::catalogue::PaymentSystem;
use crate::engine::hosted::NewHosted;
use crate::http::State;
use crate::protocol::paykassma::gateway::hosted::HostedPayment;
use crate::protocol::paykassma::gateway::parameters::Invalid;
use crate::protocol::paykassma::gateway::reply::Reply;
use crate::protocol::paykassma::gateway::texts;
use crate::secret::random_word;

/// `payment/create/{payment_system}`.
pub(super) fn create(state: &State, call: &Call, body: &[u8]) -> Result<Told, Invalid> {
    let offered = state.gateway.offered.load();
    let name = call.asked.system.as_deref().unwrap_or_default();
    let systems: Vec<&PaymentSystem> = offered.catalogue.of_type(name).collect();
    if systems.is_empty() {
        return Ok(Reply::fail(404, texts::SYSTEM_UNKNOWN).into());
    }
    let asked = HostedPayment::decode(&members(call, body)?, &systems)?;
    let system = payable(state, asked.system);
    let reference = random_word(REFERENCE_LENGTH);
    let new = NewHosted {
        reference: reference.parse().expect("a random word is a reference"),
        label: asked.label,
        amount: asked.amount,
        custom_transaction_id: asked.custom_transaction_id,
        language: asked.language,
        bank: asked.bank,
        redirect_url: asked.redirect_url,
    };
    let ttl = state.settings.payments.rules.order_ttl;
    let made = state
        .ledger
        .create_hosted(&call.merchant, &new, &system, ttl);
    Ok(match made {
        Ok(made) => {
            let url = state.payment_url(&made.value);
            Told::observed(Reply::payment_url(&url), made.seq)
        }
        Err(error) => Told::refused(error, "custom_transaction_id"),
    })
}

/// A payment system with something to pay to: where it has no requisites, and payments of its type
/// come to the account that payment links are paid to, that one.
fn payable<'a>(state: &State, system: &'a PaymentSystem) -> Cow<'a, PaymentSystem> {
    let payments = &state.settings.payments;
    let address = payments.upi_address.as_ref().filter(|_| {
        system.requisites.is_empty()
            && system.currency.as_str() == "INR"
            && payments.rules.wallet_types.contains(&system.wallet_type)
    });
    match address {
        None => Cow::Borrowed(system),
        Some(address) => Cow::Owned(PaymentSystem {
            requisites: vec![address.as_str().to_owned()],
            ..system.clone()
        }),
    }
}
