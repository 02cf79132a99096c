//! Users and wallets: the calls of a partner that has proved itself, joined to the ledger.

use std::sync::Arc;

use hyper::StatusCode;

use super::{Call, Told};
use crate::engine::command::{AccountName, NewTransfer};
use crate::engine::document::TransferKind;
use crate::engine::refusal::{OperatorRefusal, UserRefusal};
use crate::http::State;
use crate::id::Seq;
use crate::ledger::{Ledger, OperatorError, PartnerRow, UserError};
use crate::protocol::partner::reply::{History, HistoryItem, Reply};
use crate::protocol::partner::request::{
    Faults, HistoryPage, InvalidTransfer, decode_mobile, decode_registration, decode_transfer,
    decode_transfer_id,
};
use crate::protocol::partner::texts;

/// Tells a reply that rests on `seq`.
pub(super) fn told(reply: Reply, seq: Seq) -> Told {
    let status = StatusCode::from_u16(reply.status).expect("a reply has a status");
    let body = reply.body;
    Told { status, body, seq }
}

/// Tells a reply that rests on nothing but the request.
pub(super) fn told_at_once(reply: Reply) -> Told {
    told(reply, Seq::NONE)
}

pub(super) fn malformed() -> Told {
    told_at_once(Reply::refusal(400, texts::MALFORMED_JSON))
}

fn refused(call: &Call, refusal: UserRefusal, seq: Seq) -> Told {
    told(Reply::refused(refusal, &call.partner.name), seq)
}

/// Nothing was done.
pub(super) fn unavailable() -> Told {
    told_at_once(Reply::refusal(500, texts::UNEXPECTED))
}

pub(super) fn register(state: &State, call: &Call, body: &[u8]) -> Told {
    let new = match decode_registration(body) {
        Ok(Ok(new)) => new,
        Ok(Err(faults)) => return told_at_once(Reply::invalid(&faults)),
        Err(_) => return malformed(),
    };
    let partner = &call.partner;
    match state.ledger.register_user(partner, &new) {
        Ok(user) => told(Reply::registered(&new, user.value, &partner.name), user.seq),
        Err(UserError::Refused(refusal, seq)) => refused(call, refusal, seq),
        Err(UserError::Unavailable) => unavailable(),
    }
}

pub(super) fn balance(state: &State, call: &Call) -> Told {
    let mobile = match decode_mobile(&call.asked.parameter) {
        Ok(mobile) => mobile,
        Err(faults) => return told_at_once(Reply::invalid(&faults)),
    };
    match state.ledger.user_balance(&call.partner, &mobile) {
        Ok(balance) => told(Reply::balance(&mobile, balance.value), balance.seq),
        Err(UserError::Refused(refusal, seq)) => refused(call, refusal, seq),
        Err(UserError::Unavailable) => unavailable(),
    }
}

pub(super) fn transfer(state: &State, call: &Call, kind: TransferKind, body: &[u8]) -> Told {
    match decode_transfer(body, kind) {
        Ok(Ok(new)) => take_down(&state.ledger, &call.partner, &new),
        Ok(Err(invalid)) => tell_faults(&state.ledger, &call.partner, invalid),
        Err(_) => malformed(),
    }
}

fn take_down(ledger: &Ledger, partner: &PartnerRow, new: &NewTransfer) -> Told {
    match ledger.transfer(partner, new) {
        Ok(row) => told(Reply::transferred(&row.value), row.seq),
        Err(UserError::Refused(refusal, seq)) => told(Reply::refused(refusal, &partner.name), seq),
        Err(UserError::Unavailable) => told_at_once(Reply::refusal(500, texts::TRANSFER_FAILED)),
    }
}

/// A used id is told among the other fields.
fn tell_faults(ledger: &Ledger, partner: &PartnerRow, invalid: InvalidTransfer) -> Told {
    let InvalidTransfer { faults, id } = invalid;
    let Some(id) = id else {
        return told_at_once(Reply::invalid(&faults));
    };
    match ledger.known_transfer(partner, &id) {
        Ok(known) => {
            let faults = match known.value {
                Some(_) => faults.with("transaction_id", texts::TRANSFER_ID_USED),
                None => faults,
            };
            told(Reply::invalid(&faults), known.seq)
        }
        Err(_) => told_at_once(Reply::refusal(500, texts::TRANSFER_FAILED)),
    }
}

pub(super) fn transaction(state: &State, call: &Call) -> Told {
    let id = match decode_transfer_id(&call.asked.parameter) {
        Ok(id) => id,
        Err(faults) => return told_at_once(Reply::invalid(&faults)),
    };
    match state.ledger.known_transfer(&call.partner, &id) {
        Ok(known) => {
            let unknown = || Reply::refusal(404, texts::TRANSFER_NOT_FOUND);
            let reply = known.value.as_ref().map_or_else(unknown, Reply::transfer);
            told(reply, known.seq)
        }
        Err(_) => unavailable(),
    }
}

/// Walks the wallet's chain back through the journal, where it may block.
pub(super) async fn history(state: &Arc<State>, call: &Call) -> Told {
    let query = call.head.uri.query().unwrap_or_default();
    let page = match HistoryPage::decode(&call.asked.parameter, query) {
        Some(Ok(page)) => page,
        Some(Err(faults)) => return told_at_once(Reply::invalid(&faults)),
        None => return told_at_once(Reply::refusal(400, texts::MALFORMED_QUERY)),
    };
    let user = match state.ledger.user(&call.partner, &page.mobile) {
        Ok(user) => user,
        Err(UserError::Refused(refusal, seq)) => return refused(call, refusal, seq),
        Err(UserError::Unavailable) => return unavailable(),
    };
    let wallet = AccountName {
        partner: call.partner.number,
        player_id: user.value.number.player_id(),
        currency: call.partner.currency,
    };
    let (ledger, cursor, items_max) = (Arc::clone(&state.ledger), page.cursor, page.items_max);
    let read = move || ledger.history(&wallet, cursor, items_max);
    let read = tokio::task::spawn_blocking(read).await;
    let read = match read.expect("a panic in the ledger ends the process") {
        Ok(read) => read,
        Err(OperatorError::Refused(OperatorRefusal::CursorUnknown, seq)) => {
            let faults = Faults::one("cursor", texts::CURSOR_UNKNOWN);
            return told(Reply::invalid(&faults), seq);
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "a user's history could not be read");
            return unavailable();
        }
    };
    let items = read.value.items.into_iter().map(|item| HistoryItem {
        seq: item.seq,
        kind: item.kind.name(),
        amount: item.amount,
        balance_after: item.balance_after,
        reference: item.reference,
        timestamp: item.at,
    });
    let page = History {
        mobile: &page.mobile,
        items: items.collect(),
        next: read.value.next,
    };
    told(Reply::history(&page), read.seq.max(user.seq))
}
