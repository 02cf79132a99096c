//! Received payments: taken down and listed.

use std::sync::Arc;

use super::{Done, Failed, done, reading};
use crate::engine::document::ReceivedPayment;
use crate::engine::payment::PaymentRow;
use crate::id::Seq;
use crate::ledger::Ledger;
use crate::protocol::admin::{Members, Page, PageWanted, PaymentDone, PaymentItem, ReceivePayment};

const UNCLAIMED: &str = "unclaimed";

pub(super) fn receive(ledger: &Ledger, members: Members) -> Result<Done, Failed> {
    let request = ReceivePayment::decode(members)?;
    let check_only = request.check_only;
    let new = request.payment();
    let (repeated, seq) = if check_only {
        let judged = ledger.is_payment_repeated(&new)?;
        (judged.value, judged.seq)
    } else {
        let received = ledger.receive_payment(&new)?;
        (received.value.repeated, received.seq)
    };
    let (wallet_type, reference) = new.key();
    let reply = PaymentDone {
        received_payment: format!("{wallet_type}/{reference}"),
        state: UNCLAIMED,
        matched: (),
        repeated,
    };
    Ok(done(&reply, seq))
}

pub(super) async fn list(ledger: &Arc<Ledger>, members: Members) -> Result<Done, Failed> {
    let wanted = PageWanted::decode(members)?;
    let ledger = Arc::clone(ledger);
    let read = move || ledger.payments(wanted.cursor.map(Seq), wanted.items_max());
    let payments = reading(read).await?;
    let page = Page {
        items: payments.value.items.into_iter().map(item).collect(),
        next: payments.value.next.map(|seq| seq.0),
    };
    Ok(done(&page, payments.seq))
}

fn item(row: PaymentRow) -> PaymentItem {
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
    } = payment;
    PaymentItem {
        id: format!("{wallet_type}/{reference}"),
        state: UNCLAIMED,
        matched: (),
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
