//! Withdrawals: listed, shown, decided about; and what merchants are told of them.

use std::sync::Arc;

use super::{Done, Failed, State, done, reading};
use crate::engine::gateway::Found;
use crate::engine::withdrawal::{Withdrawal, WithdrawalState, WithdrawalWord};
use crate::http::postback;
use crate::id::Seq;
use crate::ledger::{Observed, WithdrawalError, WithdrawalsAsked};
use crate::protocol::admin::{
    ApproveWithdrawal, Fault, GatewayList, Members, Numbered, Page, RejectWithdrawal,
    WithdrawalItem, withdrawal_state,
};

impl From<WithdrawalError> for Failed {
    fn from(error: WithdrawalError) -> Failed {
        match error {
            WithdrawalError::Refused(refusal, seq) => Failed {
                seq,
                ..Failed::from(Fault::WithdrawalRefused(refusal))
            },
            WithdrawalError::Unavailable => Failed::from(Fault::Unavailable),
        }
    }
}

pub(super) async fn list(state: &Arc<State>, members: Members) -> Result<Done, Failed> {
    let wanted = GatewayList::decode(members, withdrawal_state)?;
    let (ledger, limit) = (Arc::clone(&state.ledger), wanted.page.items_max());
    let cursor = wanted.page.cursor.map(Seq);
    let is_wanted = |state: &WithdrawalState| Some(state.name()) == wanted.state;
    let asked = WithdrawalsAsked {
        partner: wanted.partner,
        state: WithdrawalState::ALL.into_iter().find(is_wanted),
    };
    let found = reading(move || Ok(ledger.withdrawals(asked, cursor, limit)?)).await?;
    let page = Page {
        items: found.value.items.into_iter().map(item).collect(),
        next: found.value.next.map(|seq| seq.0),
    };
    Ok(done(&page, found.seq))
}

pub(super) async fn show(state: &Arc<State>, members: Members) -> Result<Done, Failed> {
    let Numbered { id } = Numbered::decode(members)?;
    let ledger = Arc::clone(&state.ledger);
    shown(reading(move || Ok(ledger.withdrawal(Seq(id)))).await?)
}

pub(super) async fn approve(state: &Arc<State>, members: Members) -> Result<Done, Failed> {
    let ApproveWithdrawal { id, note } = ApproveWithdrawal::decode(members)?;
    decide(state, id, WithdrawalWord::Approve(note)).await
}

pub(super) async fn reject(state: &Arc<State>, members: Members) -> Result<Done, Failed> {
    let RejectWithdrawal { id, reason } = RejectWithdrawal::decode(members)?;
    decide(state, id, WithdrawalWord::Reject(reason)).await
}

async fn decide(state: &Arc<State>, id: u64, word: WithdrawalWord) -> Result<Done, Failed> {
    let state = Arc::clone(state);
    let decided = reading(move || {
        let tell = postback::of_withdrawals(&state)?;
        Ok(state.ledger.decide_on_withdrawal(Seq(id), &word, &tell))
    });
    shown(decided.await?)
}

fn shown(found: Result<Observed<Found<Withdrawal>>, WithdrawalError>) -> Result<Done, Failed> {
    let found = found?;
    Ok(done(&item(found.value), found.seq))
}

fn item(found: Found<Withdrawal>) -> WithdrawalItem {
    let withdrawal = found.document;
    let asked = withdrawal.asked;
    let is_decided = withdrawal.state != WithdrawalState::Processing;
    let details = asked.details.said();
    WithdrawalItem {
        id: found.created,
        partner: withdrawal.partner,
        state: withdrawal.state.name(),
        withdrawal_id: withdrawal.id,
        wallet_type: asked.wallet_type,
        amount: asked.amount,
        currency: asked.currency,
        details: details.map(|(name, text)| (name, text.clone())).collect(),
        label: asked.label,
        is_test: asked.is_test,
        comment: asked.comment,
        note: withdrawal.note,
        created_at: found.created_at,
        decided_at: is_decided.then_some(found.changed_at),
    }
}
