//! Orders: listed, shown, decided about.

use std::sync::Arc;

use super::{Done, Failed, State, done, reading};
use crate::engine::document::OrderState;
use crate::engine::order::OrderRow;
use crate::id::{OrderName, Seq};
use crate::ledger::{Decision, Observed, OrderError};
use crate::protocol::admin::{
    ApproveOrder, CancelOrder, Fault, Members, OrderItem, OrderList, OrderWanted, Page, RejectOrder,
};
use crate::time::Timestamp;

impl From<OrderError> for Failed {
    fn from(error: OrderError) -> Failed {
        match error {
            OrderError::Refused(refusal, seq) => Failed {
                seq,
                ..Failed::from(Fault::OrderRefused(refusal))
            },
            OrderError::Unavailable => Failed::from(Fault::Unavailable),
        }
    }
}

pub(super) fn show(state: &State, members: Members) -> Result<Done, Failed> {
    let OrderWanted { id } = OrderWanted::decode(members)?;
    let order = state.ledger.order(&id, &state.settings.payments.rules)?;
    Ok(shown(state, order))
}

pub(super) fn approve(state: &State, members: Members) -> Result<Done, Failed> {
    let ApproveOrder { id, utr } = ApproveOrder::decode(members)?;
    decide(state, &id, &Decision::Approve(utr))
}

pub(super) fn reject(state: &State, members: Members) -> Result<Done, Failed> {
    let RejectOrder { id, reason } = RejectOrder::decode(members)?;
    decide(state, &id, &Decision::Reject(reason))
}

pub(super) fn cancel(state: &State, members: Members) -> Result<Done, Failed> {
    let CancelOrder { id, reason } = CancelOrder::decode(members)?;
    decide(state, &id, &Decision::Cancel(reason))
}

fn decide(state: &State, id: &OrderName, decision: &Decision) -> Result<Done, Failed> {
    let rules = &state.settings.payments.rules;
    let order = state.ledger.decide_on_order(id, decision, rules)?;
    Ok(shown(state, order))
}

fn shown(state: &State, order: Observed<OrderRow>) -> Done {
    done(&item(order.value, state.ledger.now()), order.seq)
}

pub(super) async fn list(state: &Arc<State>, members: Members) -> Result<Done, Failed> {
    let wanted = OrderList::decode(members)?;
    let (ledger, limit) = (Arc::clone(&state.ledger), wanted.page.items_max());
    let cursor = wanted.page.cursor.map(Seq);
    let now = state.ledger.now();
    let is_wanted = move |row: &OrderRow| {
        let (order, state) = (&row.order, row.order.seen(now).0.name());
        let of_partner = wanted.partner.is_none_or(|of| of == order.partner);
        of_partner && (wanted.state.as_deref()).is_none_or(|wanted| wanted == state)
    };
    let orders = reading(move || ledger.orders(cursor, limit, is_wanted)).await?;
    let page = Page {
        items: (orders.value.items.into_iter().map(|row| item(row, now))).collect(),
        next: orders.value.next.map(|seq| seq.0),
    };
    Ok(done(&page, orders.seq))
}

fn item(row: OrderRow, now: Timestamp) -> OrderItem {
    let order = row.order;
    let (state, state_at) = order.seen(now);
    let paid_amount = (order.state == OrderState::Success).then(|| order.brought());
    let payment = order.payment;
    OrderItem {
        id: order.reference.clone(),
        partner: order.partner,
        state: state.name(),
        orderId: order.id,
        txn_ref_id: order.reference,
        amount: order.amount,
        currency: order.currency,
        txnNote: order.note,
        cust_Mobile: order.mobile,
        cust_Email: order.email,
        utr: order.utr,
        received_payment: payment.map(|(of, reference)| format!("{of}/{reference}")),
        paid_amount,
        reason: order.reason,
        created_at: order.created_at,
        expires_at: order.expires_at,
        state_at,
    }
}
