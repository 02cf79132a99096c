//! Payment links: made, looked up, taken back. Callers prove themselves by the token in the body
//! or the query (partner-api.md, Payment Gateway).

use std::net::IpAddr;

use hyper::http::request::Parts;

use super::users::{malformed, told, told_at_once, unavailable};
use super::{Endpoint, Refusal, Told};
use crate::engine::order::OrderRow;
use crate::engine::refusal::OrderRefusal;
use crate::http::State;
use crate::id::OrderName;
use crate::ledger::{Observed, OrderError, PartnerRow};
use crate::protocol::partner::orders::{GatewayCall, InvalidOrder, OrderWanted, StatusOf};
use crate::protocol::partner::reply::Reply;
use crate::protocol::partner::texts;
use crate::secret::random_word;

/// Characters of a reference: 142 bits that nobody can guess.
const REFERENCE_LENGTH: usize = 24;

/// Answers a call whose body was read whole.
pub(super) fn answer(
    state: &State,
    peer: IpAddr,
    head: &Parts,
    asked: Endpoint,
    body: &[u8],
) -> Result<Told, Refusal> {
    let query = match asked {
        Endpoint::OrderStatus => head.uri.query().unwrap_or_default(),
        _ => "",
    };
    let call = match GatewayCall::decode(body, query) {
        Ok(call) => call,
        Err(unread) => return Ok(told_at_once(Reply::refusal(400, unread.text()))),
    };
    let partner = (state.partner_guard).admit_token(state, peer, &head.headers, call.token())?;
    let told = match asked {
        Endpoint::CreateOrder => create(state, &partner, &call),
        Endpoint::CancelOrder => cancel(state, &partner, &call),
        _ => status(state, &partner, &call),
    };
    Ok(Told {
        seq: told.seq.max(partner.changed),
        ..told
    })
}

fn create(state: &State, partner: &PartnerRow, call: &GatewayCall<'_>) -> Told {
    let new = match call.new_order() {
        Ok(Ok(new)) => new,
        Ok(Err(invalid)) => return tell_faults(state, partner, invalid),
        Err(_) => return malformed(),
    };
    let reference = random_word(REFERENCE_LENGTH).parse();
    let reference = reference.expect("letters and digits are a reference");
    let rules = &state.settings.payments.rules;
    match state.ledger.create_order(partner, &new, reference, rules) {
        Ok(order) => {
            let public_url = &state.settings.public_url;
            told(
                Reply::payment_link(&order.value.order, public_url),
                order.seq,
            )
        }
        Err(error) => refused(error),
    }
}

/// A used name is told among the other fields.
fn tell_faults(state: &State, partner: &PartnerRow, invalid: InvalidOrder) -> Told {
    let InvalidOrder { faults, id } = invalid;
    let Some(id) = id else {
        return told_at_once(Reply::invalid(&faults));
    };
    let name = OrderName::Of(partner.number, id);
    match state.ledger.order(&name, &state.settings.payments.rules) {
        Ok(order) => {
            let faults = faults.with("orderId", texts::ORDER_ID_USED);
            told(Reply::invalid(&faults), order.seq)
        }
        Err(OrderError::Refused(_, seq)) => told(Reply::invalid(&faults), seq),
        Err(OrderError::Unavailable) => unavailable(),
    }
}

fn status(state: &State, partner: &PartnerRow, call: &GatewayCall<'_>) -> Told {
    let rules = &state.settings.payments.rules;
    let found = |wanted: OrderWanted| {
        let name = OrderName::Of(partner.number, wanted.id);
        state.ledger.order(&name, rules)
    };
    tell_status(state, partner, call, texts::STATUS_FETCHED, found)
}

fn cancel(state: &State, partner: &PartnerRow, call: &GatewayCall<'_>) -> Told {
    let rules = &state.settings.payments.rules;
    let cancelled = |wanted: OrderWanted| {
        let key = (partner.number, wanted.id);
        state.ledger.cancel_order(&key, rules)
    };
    tell_status(state, partner, call, texts::ORDER_CANCELLED, cancelled)
}

fn tell_status(
    state: &State,
    partner: &PartnerRow,
    call: &GatewayCall<'_>,
    message: &'static str,
    find: impl FnOnce(OrderWanted) -> Result<Observed<OrderRow>, OrderError>,
) -> Told {
    let wanted = match call.wanted() {
        Ok(Ok(wanted)) => wanted,
        Ok(Err(faults)) => return told_at_once(Reply::invalid(&faults)),
        Err(_) => return malformed(),
    };
    match find(wanted) {
        Ok(order) => {
            let offset = partner.settings.utc_offset;
            let of = StatusOf {
                order: &order.value.order,
                now: state.ledger.now(),
                offset: offset.unwrap_or(state.settings.wording.utc_offset),
            };
            told(Reply::order_status(message, &of), order.seq)
        }
        Err(error) => refused(error),
    }
}

fn refused(error: OrderError) -> Told {
    match error {
        OrderError::Refused(OrderRefusal::Unknown, seq) => {
            told(Reply::refusal(404, texts::ORDER_NOT_FOUND), seq)
        }
        OrderError::Refused(refusal, seq) => told(Reply::order_refused(refusal), seq),
        OrderError::Unavailable => unavailable(),
    }
}
