//! Postbacks: listed, shown with what came of them, sent again; and samples, sent once.

use std::sync::Arc;

use super::{Done, Failed, State, done, reading};
use crate::engine::gateway::Found;
use crate::engine::postback::{Attempt, Delivery, DeliveryState, PostbackKind};
use crate::http::postback;
use crate::id::Seq;
use crate::ledger::{Ledger, Observed, OperatorError, PostbackView, PostbacksAsked};
use crate::protocol::admin::{
    AttemptItem, Fault, GatewayList, Members, Numbered, Page, PostbackItem, PostbackShown,
    PostbackTested, TestPostback, postback_state,
};

/// Tries that are shown of one postback.
const TRIES_SHOWN: u32 = 100;

pub(super) async fn list(state: &Arc<State>, members: Members) -> Result<Done, Failed> {
    let wanted = GatewayList::decode(members, postback_state)?;
    let (ledger, limit) = (Arc::clone(&state.ledger), wanted.page.items_max());
    let cursor = wanted.page.cursor.map(Seq);
    let asked = PostbacksAsked {
        partner: wanted.partner,
        state: wanted.state,
    };
    let found = reading(move || Ok(ledger.postbacks(asked, cursor, limit)?)).await?;
    let page = Page {
        items: found.value.items.into_iter().map(item).collect(),
        next: found.value.next.map(|seq| seq.0),
    };
    Ok(done(&page, found.seq))
}

pub(super) async fn show(state: &Arc<State>, members: Members) -> Result<Done, Failed> {
    let Numbered { id } = Numbered::decode(members)?;
    let ledger = Arc::clone(&state.ledger);
    let found = reading(move || {
        let found = ledger.postback(Seq(id))?;
        with_tries(&ledger, found)
    });
    shown(found.await?)
}

pub(super) async fn retry(state: &Arc<State>, members: Members) -> Result<Done, Failed> {
    let Numbered { id } = Numbered::decode(members)?;
    let ledger = Arc::clone(&state.ledger);
    let found = reading(move || {
        let found = ledger.retry_postback(Seq(id))?;
        with_tries(&ledger, found)
    });
    shown(found.await?)
}

/// Sends a sample the way that postbacks are sent. Nothing is written down of it.
pub(super) async fn test(state: &Arc<State>, members: Members) -> Result<Done, Failed> {
    let TestPostback { partner, kind } = TestPostback::decode(members)?;
    let found = state.ledger.partner(partner)?;
    let partner = &found.value;
    let url = kind.url_of(partner).cloned();
    let url = url.ok_or_else(|| Failed::from(Fault::PostbackUrlMissing(kind)))?;
    let sampler = Arc::clone(state);
    let (of, now) = (Arc::clone(partner), state.ledger.now());
    let body = reading(move || Ok(postback::sample(&sampler, &of, kind, now)?)).await?;
    let answer = state.admin.teller.tell(&url, &body).await;
    let tested = PostbackTested {
        partner: partner.number,
        kind: kind.name(),
        url,
        body,
        taken: answer.taken,
        status: answer.status,
        answer: answer.text,
    };
    Ok(done(&tested, found.seq))
}

type WithTries = (Observed<PostbackView>, Vec<Found<Attempt>>);

fn with_tries(ledger: &Ledger, found: Observed<PostbackView>) -> Result<WithTries, OperatorError> {
    let delivery = &found.value.delivery.document;
    let tries = ledger.attempts(delivery, TRIES_SHOWN)?;
    Ok((found, tries))
}

fn shown((found, tries): WithTries) -> Result<Done, Failed> {
    let tries = tries.into_iter().map(|found| AttemptItem {
        number: found.document.number,
        at: found.created_at,
        corrections: found.document.corrections,
        url: found.document.url,
        taken: found.document.answer.taken,
        status: found.document.answer.status,
        answer: found.document.answer.text,
    });
    let PostbackView { postback, delivery } = found.value;
    let shown = PostbackShown {
        item: item(delivery),
        body: postback.body,
        corrections: postback.corrections,
        tries: tries.collect(),
    };
    Ok(done(&shown, found.seq))
}

fn item(found: Found<Delivery>) -> PostbackItem {
    let Delivery {
        of,
        state,
        attempts,
        ..
    } = found.document;
    let due_at = match state {
        DeliveryState::Due(at) => Some(at),
        DeliveryState::Delivered | DeliveryState::Waiting => None,
    };
    let named = |kind| (of.kind == kind).then(|| of.name.clone());
    PostbackItem {
        id: found.created,
        partner: of.partner,
        state: state.name(),
        kind: of.kind.name(),
        custom_transaction_id: named(PostbackKind::Deposit),
        withdrawal_id: named(PostbackKind::Withdrawal),
        name: of.name,
        attempts,
        due_at,
        created_at: found.created_at,
        changed_at: found.changed_at,
    }
}
