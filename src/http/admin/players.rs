//! Players: created, shown, blocked, adjusted, and what moved their balances.

use std::sync::Arc;

use super::{Done, Failed, done, reading};
use crate::engine::command::{AccountName, NewAdjustment};
use crate::id::Seq;
use crate::ledger::{HistoryItem, Ledger, Observed, PlayerView};
use crate::protocol::admin::{
    self as told, AdjustPlayer, AdjustmentDone, CreatePlayer, CurrencyBalance, HistoryPage,
    Members, Page, PlayerCreated, PlayerNamed, PlayerShown,
};

pub(super) fn create(ledger: &Ledger, members: Members) -> Result<Done, Failed> {
    let request = CreatePlayer::decode(members)?;
    let account = AccountName {
        partner: request.partner,
        player_id: request.player_id.clone(),
        currency: request.currency,
    };
    let created = ledger.create_player(&account, request.balance)?;
    let reply = PlayerCreated {
        partner: request.partner,
        player_id: request.player_id,
        currency: request.currency,
        balance: created.value,
    };
    Ok(done(&reply, created.seq))
}

pub(super) fn show(ledger: &Ledger, members: Members) -> Result<Done, Failed> {
    let request = PlayerNamed::decode(members)?;
    Ok(shown(ledger.player(request.partner, &request.player_id)?))
}

pub(super) fn set_blocked(
    ledger: &Ledger,
    members: Members,
    blocked: bool,
) -> Result<Done, Failed> {
    let request = PlayerNamed::decode(members)?;
    let player = ledger.set_blocked(request.partner, &request.player_id, blocked)?;
    Ok(shown(player))
}

pub(super) fn adjust(ledger: &Ledger, members: Members) -> Result<Done, Failed> {
    let request = AdjustPlayer::decode(members)?;
    let adjusted = ledger.adjust(&NewAdjustment {
        account: AccountName {
            partner: request.partner,
            player_id: request.player_id.clone(),
            currency: request.currency,
        },
        amount: request.amount,
        reference: request.reference.clone(),
        reason: request.reason,
    })?;
    let reply = AdjustmentDone {
        partner: request.partner,
        player_id: request.player_id,
        currency: request.currency,
        balance: adjusted.value.balance,
        reference: request.reference,
        repeated: adjusted.value.repeated,
    };
    Ok(done(&reply, adjusted.seq))
}

/// Walks the account's chain back through the journal, where it may block.
pub(super) async fn history(ledger: &Arc<Ledger>, members: Members) -> Result<Done, Failed> {
    let request = HistoryPage::decode(members)?;
    let limit = request.page.items_max();
    let account = AccountName {
        partner: request.partner,
        player_id: request.player_id,
        currency: request.currency,
    };
    let ledger = ledger.clone();
    let read = move || ledger.history(&account, request.page.cursor.map(Seq), limit);
    let history = reading(read).await?;
    let page = Page {
        items: history.value.items.into_iter().map(item).collect(),
        next: history.value.next.map(|seq| seq.0),
    };
    Ok(done(&page, history.seq))
}

fn item(item: HistoryItem) -> told::HistoryItem {
    told::HistoryItem {
        seq: item.seq,
        kind: item.kind.name(),
        amount: item.amount,
        balance_after: item.balance_after,
        reference: item.reference,
        round_id: item.round_id,
        game: item.game,
        at: item.at,
    }
}

fn shown(player: Observed<PlayerView>) -> Done {
    let Observed { value, seq } = player;
    let balance = |(currency, balance)| CurrencyBalance { currency, balance };
    let reply = PlayerShown {
        partner: value.partner,
        player_id: value.player_id,
        blocked: value.blocked,
        balances: value.balances.into_iter().map(balance).collect(),
        open_sessions: value.open_sessions,
    };
    done(&reply, seq)
}
