//! Received payments: taken down and listed.

use std::sync::Arc;

use super::{Done, Failed, State, done, reading};
use crate::engine::document::ReceivedPayment;
use crate::engine::payment::PaymentRow;
use crate::http::gateway;
use crate::id::Seq;
use crate::ledger::{Ledger, Received};
use crate::protocol::admin::{
    Members, Page, PaymentDone, PaymentItem, PaymentList, PaymentWhose, ReceivePayment,
};

pub(super) fn receive(state: &State, members: Members) -> Result<Done, Failed> {
    let (ledger, rules) = (&state.ledger, &state.settings.payments.rules);
    let request = ReceivePayment::decode(members)?;
    let check_only = request.check_only;
    let new = request.payment();
    let (row, repeated, seq) = if check_only {
        let known = ledger.known_payment(&new, rules)?;
        let repeated = known.value.is_some();
        (known.value, repeated, known.seq)
    } else {
        let received = gateway::with_rules(state, |of_deposits| {
            ledger.receive_payment(&new, rules, of_deposits)
        })?;
        let Received { row, repeated } = received.value;
        (Some(row), repeated, received.seq)
    };
    let (wallet_type, reference) = new.key();
    let whose = row.map(|row| row.payment.state).unwrap_or_default();
    let reply = PaymentDone {
        received_payment: format!("{wallet_type}/{reference}"),
        whose: PaymentWhose::from(&whose),
        repeated,
    };
    Ok(done(&reply, seq))
}

pub(super) async fn list(ledger: &Arc<Ledger>, members: Members) -> Result<Done, Failed> {
    let wanted = PaymentList::decode(members)?;
    let (ledger, limit) = (Arc::clone(ledger), wanted.page.items_max());
    let cursor = wanted.page.cursor.map(Seq);
    let is_wanted = move |row: &PaymentRow| {
        let state = PaymentWhose::from(&row.payment.state).state;
        (wanted.state.as_deref()).is_none_or(|wanted| wanted == state)
    };
    let payments = reading(move || ledger.payments(cursor, limit, is_wanted)).await?;
    let page = Page {
        items: payments.value.items.into_iter().map(item).collect(),
        next: payments.value.next.map(|seq| seq.0),
    };
    Ok(done(&page, payments.seq))
}

pub(super) fn item(row: PaymentRow) -> PaymentItem {
    let PaymentRow { payment, at, .. } = row;
    let ReceivedPayment {
        wallet_type,
        reference,
        amount,
        currency,
        account,
        received_at,
        payer,
        note,
        suspicious,
        state,
    } = payment;
    PaymentItem {
        id: format!("{wallet_type}/{reference}"),
        whose: PaymentWhose::from(&state),
        wallet_type,
        reference,
        amount,
        currency,
        account,
        payer,
        note,
        suspicious,
        received_at: received_at.unwrap_or(at),
        created_at: at,
    }
}
