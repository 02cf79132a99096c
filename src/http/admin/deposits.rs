//! Deposits: listed, shown, decided about.

use std::sync::Arc;

use hyper::header::{self, HeaderValue};

use super::payments::item as payment_item;
use super::{Done, Failed, State, done, reading};
use crate::engine::activation::DepositWord;
use crate::engine::deposit::{Activated, Deposit, DepositSeen, DepositState, Way};
use crate::engine::gateway::Found;
use crate::http::body::Answer;
use crate::http::gateway;
use crate::id::{DepositReference, Seq};
use crate::ledger::{DepositError, DepositView, DepositsAsked, Observed};
use crate::protocol::admin::{
    ActivatedItem, DepositItem, DepositShown, DepositWanted, Fault, GatewayList, HostedItem,
    Members, Page, RejectDeposit, deposit_state,
};
use crate::protocol::paykassma::gateway::form::{SCREENSHOT_BYTES_MAX, ScreenshotKind};
use crate::time::Timestamp;

impl From<DepositError> for Failed {
    fn from(error: DepositError) -> Failed {
        match error {
            DepositError::Refused(refusal, seq) => Failed {
                seq,
                ..Failed::from(Fault::DepositRefused(refusal))
            },
            DepositError::Unavailable => Failed::from(Fault::Unavailable),
        }
    }
}

pub(super) async fn list(state: &Arc<State>, members: Members) -> Result<Done, Failed> {
    let wanted = GatewayList::decode(members, deposit_state)?;
    let (ledger, limit) = (Arc::clone(&state.ledger), wanted.page.items_max());
    let cursor = wanted.page.cursor.map(Seq);
    let is_wanted = |seen: &DepositSeen| Some(seen.name()) == wanted.state;
    let asked = DepositsAsked {
        partner: wanted.partner,
        state: DepositSeen::ALL.into_iter().find(is_wanted),
    };
    let now = state.ledger.now();
    let found = reading(move || Ok(ledger.deposits(asked, cursor, limit)?)).await?;
    let items = found.value.items.into_iter();
    let page = Page {
        items: items.map(|found| item(state, found, now)).collect(),
        next: found.value.next.map(|seq| seq.0),
    };
    Ok(done(&page, found.seq))
}

pub(super) fn show(state: &State, members: Members) -> Result<Done, Failed> {
    let DepositWanted { id } = DepositWanted::decode(members)?;
    let found = state.ledger.deposit(&id, &state.settings.payments.rules)?;
    Ok(shown(state, found))
}

/// The picture of a deposit's payment. It is what somebody has sent: it is shown as what its first
/// bytes said that it is, and as nothing else.
pub(super) async fn screenshot(state: &Arc<State>, members: Members) -> Result<Done, Failed> {
    let DepositWanted { id } = DepositWanted::decode(members)?;
    let found = state.ledger.deposit(&id, &state.settings.payments.rules)?;
    let Way::Hand {
        screenshot: Some(picture),
    } = found.value.deposit.document.way
    else {
        return Err(Failed::from(Fault::ScreenshotUnknown));
    };
    let kinds = [
        ScreenshotKind::Png,
        ScreenshotKind::Jpeg,
        ScreenshotKind::Pdf,
    ];
    let mut kinds = kinds.into_iter().map(ScreenshotKind::media_type);
    let kind = kinds.find(|kind| *kind == picture.media_type);
    let reader = Arc::clone(state);
    let read = move || reader.attachments.read(&picture.hash, SCREENSHOT_BYTES_MAX);
    let read = tokio::task::spawn_blocking(read).await;
    let bytes = read.expect("nothing panics where a file is read");
    let bytes = bytes.map_err(|error| {
        let error: &dyn std::error::Error = &error;
        tracing::error!(error, "a picture of a payment could not be read");
        Failed::from(Fault::ScreenshotUnreadable)
    })?;
    let alone = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox",
        ),
    ];
    let alone = alone.map(|(name, value)| (name, HeaderValue::from_static(value)));
    Ok(Done {
        body: Answer::whole(bytes),
        content_type: kind.unwrap_or("application/octet-stream"),
        headers: alone.to_vec(),
        seq: found.seq,
    })
}

pub(super) fn approve(state: &State, members: Members) -> Result<Done, Failed> {
    let DepositWanted { id } = DepositWanted::decode(members)?;
    decide(state, &id, &DepositWord::Approve)
}

pub(super) fn reject(state: &State, members: Members) -> Result<Done, Failed> {
    let RejectDeposit { id, reason } = RejectDeposit::decode(members)?;
    decide(state, &id, &DepositWord::Reject(reason))
}

fn decide(state: &State, id: &DepositReference, word: &DepositWord) -> Result<Done, Failed> {
    let payments = &state.settings.payments.rules;
    let found = gateway::with_rules(state, |rules| {
        state.ledger.decide_on_deposit(id, word, payments, rules)
    })?;
    Ok(shown(state, found))
}

fn shown(state: &State, found: Observed<DepositView>) -> Done {
    let DepositView { deposit, payment } = found.value;
    let shown = DepositShown {
        item: item(state, deposit, state.ledger.now()),
        received_payment: payment.map(payment_item),
    };
    done(&shown, found.seq)
}

fn item(state: &State, found: Found<Deposit>, now: Timestamp) -> DepositItem {
    let deposit = found.document;
    let hosted = deposit.hosted.as_ref().map(|hosted| HostedItem {
        payment_url: state.payment_url(&deposit.reference),
        language: hosted.language,
        bank: hosted.bank.clone(),
        redirect_url: hosted.redirect_url.clone(),
        identifier: hosted.identifier.clone(),
    });
    let seen = deposit.seen(now);
    let waits = match deposit.state {
        DepositState::Waiting(reason) => Some(reason.text()),
        _ => None,
    };
    let activated = deposit.activated.as_ref();
    let amount = activated.map(|of| of.amount).or(deposit.amount);
    let currency = activated.map_or(deposit.currency, |of| of.currency);
    let screenshot = match &deposit.way {
        Way::Hand { screenshot } => screenshot.as_ref(),
        Way::Code => None,
    };
    let screenshot = screenshot.map(|_| {
        let id = &deposit.reference;
        format!("/admin/v1/deposits/screenshot?id={id}")
    });
    DepositItem {
        state: seen.name(),
        waits,
        amount: amount.map(|amount| amount.to_string()),
        currency,
        is_manual: matches!(deposit.way, Way::Hand { .. }),
        screenshot,
        id: deposit.reference,
        partner: deposit.partner,
        custom_transaction_id: deposit.custom_transaction_id,
        label: deposit.label,
        wallet_type: deposit.wallet_type,
        key1: deposit.key1,
        activated: deposit.activated.map(brought),
        postback: deposit.told,
        reason: deposit.note,
        hosted,
        created_at: found.created_at,
        expires_at: deposit.expires_at,
    }
}

fn brought(activated: Activated) -> ActivatedItem {
    ActivatedItem {
        at: activated.at,
        amount: activated.amount,
        currency: activated.currency,
        by_payment: activated.by_payment,
        approved_amount: activated.word.map(|word| word.to_string()),
        payer: activated.payer,
        stockpiling_id: activated.stockpiling_id,
    }
}
