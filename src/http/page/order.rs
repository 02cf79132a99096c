//! The hosted page of a payment link (partner-api.md, Payment Gateway). Anybody may ask: that
//! nobody can guess its address is the proof.

use hyper::StatusCode;
use hyper::http::request::Parts;

use super::{TYPED_MAX, asked_wrongly, gone, html, is_read, member, typed, unavailable, unknown};
use crate::engine::document::Order;
use crate::engine::order::{OrderRow, Seen};
use crate::engine::refusal::OrderRefusal;
use crate::http::State;
use crate::http::reply::Reply;
use crate::id::{OrderName, OrderReference, Utr};
use crate::ledger::{Latched, Observed, OrderError};
use crate::page::{self, Entry, Number, Payment, Stage, Transfer};
use crate::protocol::upi;
use crate::time::{Span, Timestamp};

/// The address that older clients know, with the order in its query.
const BY_QUERY: &str = "CreateOrder.php";

/// What is told beside the field.
const NOT_A_UTR: &str = "A bank reference has 12 digits. Please look it up in your app again.";
const ANOTHERS: &str = "This reference was named for other payments. Please look it up again.";

/// Answers a request for what lies below `/order/` under `name`.
///
/// # Errors
/// The journal failed under way: the connection must close without a byte.
pub(super) async fn answer(
    state: &State,
    head: &Parts,
    name: &str,
    body: &[u8],
) -> Result<Reply, Latched> {
    // Calls of older clients lay below `/order/api/` (partner-api.md, Small print).
    if let Some(reply) = asked_wrongly(&head.method, name) {
        return Ok(reply);
    }
    let query = head.uri.query().unwrap_or_default();
    let reference = if name == BY_QUERY {
        member(query, "txn_id").and_then(|reference| reference.parse().ok())
    } else {
        name.parse().ok()
    };
    let Some(reference) = reference else {
        return Ok(unknown());
    };
    if is_read(&head.method) {
        let wants_correction = query.split('&').any(|member| member == "correct");
        return show(state, &reference, wants_correction).await;
    }
    let typed = typed(body, "utr");
    // People put blanks between digits, and apps copy them along.
    let digits: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    match digits.parse() {
        Ok(utr) => name_utr(state, name, &reference, &utr).await,
        Err(_) => show_again(state, name, &reference, &typed, NOT_A_UTR).await,
    }
}

async fn show(
    state: &State,
    reference: &OrderReference,
    wants_correction: bool,
) -> Result<Reply, Latched> {
    let order = match found(state, reference).await? {
        Ok(order) => order,
        Err(reply) => return Ok(reply),
    };
    let typed = order.utr.as_ref().map(Utr::as_str);
    let entry = Entry {
        typed: typed.unwrap_or_default(),
        fault: None,
    };
    drawn(
        state,
        &order,
        StatusCode::OK,
        wants_correction.then_some(entry),
    )
    .await
}

/// What was typed is not taken: the page once more, with that in it.
async fn show_again(
    state: &State,
    name: &str,
    reference: &OrderReference,
    typed: &str,
    fault: &'static str,
) -> Result<Reply, Latched> {
    let order = match found(state, reference).await? {
        Ok(order) => order,
        Err(reply) => return Ok(reply),
    };
    if !order.takes_utr(state.ledger.now()) {
        return Ok(see(name, reference));
    }
    let typed: String = typed.chars().take(TYPED_MAX).collect();
    let entry = Entry {
        typed: &typed,
        fault: Some(fault),
    };
    drawn(state, &order, StatusCode::UNPROCESSABLE_ENTITY, Some(entry)).await
}

/// Takes a UTR down, and leads back to the page: loaded again, it asks for nothing twice.
async fn name_utr(
    state: &State,
    name: &str,
    reference: &OrderReference,
    utr: &Utr,
) -> Result<Reply, Latched> {
    let rules = &state.settings.payments.rules;
    match state.ledger.name_utr(reference, utr, rules) {
        Ok(Observed { seq, .. }) => {
            state.ledger.durable(seq).await?;
            Ok(see(name, reference))
        }
        Err(OrderError::Refused(refusal, seq)) => {
            state.ledger.durable(seq).await?;
            match refusal {
                OrderRefusal::Unknown => Ok(unknown()),
                OrderRefusal::PartnerNotLive => Ok(gone()),
                OrderRefusal::TooManyCorrections => match found(state, reference).await? {
                    Ok(order) => drawn(state, &order, StatusCode::UNPROCESSABLE_ENTITY, None).await,
                    Err(reply) => Ok(reply),
                },
                OrderRefusal::TooManyClaims => {
                    show_again(state, name, reference, utr.as_str(), ANOTHERS).await
                }
                // The page says why.
                OrderRefusal::NotPending
                | OrderRefusal::IdUsed
                | OrderRefusal::PaymentUnknown
                | OrderRefusal::PaymentTaken
                | OrderRefusal::OtherCurrency
                | OrderRefusal::InsufficientFunds
                | OrderRefusal::BalanceOutOfRange => Ok(see(name, reference)),
            }
        }
        Err(OrderError::Unavailable) => Ok(unavailable()),
    }
}

/// The order, as it is durable; or what is answered instead.
async fn found(state: &State, reference: &OrderReference) -> Result<Result<Order, Reply>, Latched> {
    let name = OrderName::Reference(reference.clone());
    match state.ledger.order(&name, &state.settings.payments.rules) {
        Ok(Observed { value, seq }) => {
            let OrderRow { order, .. } = value;
            let Ok(partner) = state.ledger.partner(order.partner) else {
                return Ok(Err(unavailable()));
            };
            state.ledger.durable(seq.max(partner.seq)).await?;
            let is_live = partner.value.is_live(state.ledger.now());
            Ok(if is_live { Ok(order) } else { Err(gone()) })
        }
        Err(OrderError::Refused(_, seq)) => {
            state.ledger.durable(seq).await?;
            Ok(Err(unknown()))
        }
        Err(OrderError::Unavailable) => Ok(Err(unavailable())),
    }
}

/// The order's page; `entry` is the field where it is not empty or there without being asked for.
async fn drawn(
    state: &State,
    order: &Order,
    status: StatusCode,
    entry: Option<Entry<'_>>,
) -> Result<Reply, Latched> {
    let Ok(partner) = state.ledger.partner(order.partner) else {
        return Ok(unavailable());
    };
    state.ledger.durable(partner.seq).await?;
    let payments = &state.settings.payments;
    let reference = order.reference.as_str();
    let payee = payments
        .upi_address
        .as_ref()
        .zip(payments.upi_name.as_ref());
    let linked = payee
        .filter(|_| order.currency.as_str() == "INR")
        .map(|(address, name)| (address, upi::link(address, name, order.amount, reference)));
    let transfer = linked.as_ref().map(|(address, link)| Transfer {
        address: address.as_str(),
        link,
    });
    let page = page::payment(&Payment {
        payee: partner.value.name.as_str(),
        amount: order.brought(),
        currency: order.currency,
        note: order.note.as_ref().map(|note| note.as_str()),
        reference,
        requisites: None,
        transfer,
        number: Number::Utr,
        back: None,
        stage: stage(order, state.ledger.now(), entry),
    });
    Ok(html(status, page))
}

fn stage<'a>(order: &'a Order, now: Timestamp, entry: Option<Entry<'a>>) -> Stage<'a> {
    let utr = order.utr.as_ref().map(Utr::as_str);
    let left = order.expires_at.micros().saturating_sub(now.micros());
    let left = Span::from_micros(left);
    match (order.seen(now).0, utr) {
        (Seen::Pending, None) => Stage::Open {
            left,
            entry: entry.unwrap_or_default(),
        },
        (Seen::Pending, Some(utr)) => {
            let may_correct = order.takes_utr(now);
            Stage::Sent {
                utr,
                left: Some(left),
                may_correct,
                entry: entry.filter(|_| may_correct),
            }
        }
        (Seen::Success, utr) => Stage::Paid { utr },
        (Seen::Failed, _) => Stage::Rejected,
        (Seen::Expired, utr) => Stage::Expired { utr },
        (Seen::Cancelled, _) => Stage::Cancelled,
    }
}

/// To the page under the address at which it was asked for.
fn see(name: &str, reference: &OrderReference) -> Reply {
    match name {
        BY_QUERY => super::see(&format!("{BY_QUERY}?txn_id={reference}")),
        _ => super::see(reference.as_str()),
    }
}
