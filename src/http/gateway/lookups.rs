//! What a merchant was told, and what its accounts hold.

use std::sync::Arc;

use super::Told;
use crate::engine::postback::{PostbackKind, PostbackOf};
use crate::http::State;
use crate::id::Seq;
use crate::ledger::{Ledger, Observed, PartnerRow, Unavailable};
use crate::protocol::paykassma::gateway::lookups::{Kind, Pull, Wanted};
use crate::protocol::paykassma::gateway::postback::without_signature;
use crate::protocol::paykassma::gateway::reply::{Pulled, PulledOf, Reply};
use crate::protocol::paykassma::value::Members;

pub(super) fn postback(
    state: &State,
    merchant: &PartnerRow,
    members: &Members,
) -> Result<Told, Told> {
    let ledger = &state.ledger;
    let found = match Wanted::decode(members)? {
        Wanted::Withdrawal(id) => of_withdrawal(ledger, merchant, &id)?,
        Wanted::CustomId(id) => of_deposit(ledger, merchant, &id)?,
        Wanted::Transaction(number) => of_number(ledger, merchant, &number)?,
    };
    let seq = found.as_ref().map_or(Seq::NONE, |found| found.seq);
    let text = found.as_ref().map(|found| found.value.as_str());
    let reply = Reply::postback(text);
    Ok(Told { reply, seq })
}

/// What was told of something without its signature; [`None`] where nothing was.
type Said = Result<Option<Observed<String>>, Unavailable>;

/// What was told of a withdrawal. What cannot be a name is nobody's, here and below.
fn of_withdrawal(ledger: &Ledger, merchant: &PartnerRow, id: &str) -> Said {
    let of = id.parse().ok().map(|name| PostbackOf {
        partner: merchant.number,
        kind: PostbackKind::Withdrawal,
        name,
    });
    said(ledger, of)
}

/// What was told of the deposit of that name: with others, where it was saved up with them.
fn of_deposit(ledger: &Ledger, merchant: &PartnerRow, id: &str) -> Said {
    match id.parse() {
        Ok(id) => said(ledger, ledger.told_of_named(merchant, &id)?.value),
        Err(_) => Ok(None),
    }
}

/// The same of the deposit with that transaction number, in whichever payment system.
fn of_number(ledger: &Ledger, merchant: &PartnerRow, key1: &str) -> Said {
    match key1.parse() {
        Ok(key1) => said(ledger, ledger.told_of_number(merchant, &key1)?.value),
        Err(_) => Ok(None),
    }
}

fn said(ledger: &Ledger, of: Option<PostbackOf>) -> Said {
    let Some(of) = of else {
        return Ok(None);
    };
    let found = ledger.postback_of(&of)?;
    Ok(found.map(|found| {
        let body = without_signature(&found.value.postback.body);
        Observed {
            value: body.expect("a postback ends with its signature"),
            seq: found.seq,
        }
    }))
}

/// Looks for up to a hundred, where it may wait for the disk.
pub(super) async fn pull(
    state: &Arc<State>,
    merchant: &Arc<PartnerRow>,
    members: &Members,
) -> Result<Told, Told> {
    let Pull { kind, ids } = Pull::decode(members)?;
    let (ledger, merchant) = (Arc::clone(&state.ledger), Arc::clone(merchant));
    let read = move || {
        let found = ids.into_iter().map(|id| one(&ledger, &merchant, kind, id));
        found.collect::<Result<Vec<_>, Unavailable>>()
    };
    let read = tokio::task::spawn_blocking(read).await;
    let found = read.expect("a panic in the ledger ends the process")?;
    let seq = found.iter().map(|one| one.seq).max().unwrap_or(Seq::NONE);
    let pulled: Vec<Pulled> = found.into_iter().map(|one| one.value).collect();
    let reply = Reply::pulled(kind, &pulled);
    Ok(Told { reply, seq })
}

fn one(
    ledger: &Ledger,
    merchant: &PartnerRow,
    kind: Kind,
    id: String,
) -> Result<Observed<Pulled>, Unavailable> {
    let found = match kind {
        Kind::Deposit => of_deposit(ledger, merchant, &id)?,
        Kind::Withdrawal => of_withdrawal(ledger, merchant, &id)?,
    };
    let (of, seq) = match found {
        Some(found) => (PulledOf::Postback(found.value), found.seq),
        None if kind == Kind::Withdrawal => undecided(ledger, merchant, &id)?,
        None => (PulledOf::NotTold, Seq::NONE),
    };
    let value = Pulled { id, of };
    Ok(Observed { value, seq })
}

/// What is known of a withdrawal that nothing was told of.
fn undecided(
    ledger: &Ledger,
    merchant: &PartnerRow,
    id: &str,
) -> Result<(PulledOf, Seq), Unavailable> {
    let Ok(id) = id.parse() else {
        return Ok((PulledOf::NoWithdrawal, Seq::NONE));
    };
    let found = ledger.withdrawal_named(merchant, &id)?;
    let of = match found.value {
        Some(_) => PulledOf::NotTold,
        None => PulledOf::NoWithdrawal,
    };
    Ok((of, found.seq))
}

pub(super) fn balances(state: &State, merchant: &PartnerRow) -> Result<Told, Told> {
    let accounts = state.ledger.merchant_accounts(merchant)?;
    let balances = accounts.value.iter();
    let balances = balances.map(|of| (of.wallet_type, of.currency, of.balance()));
    let balances: Vec<_> = balances.collect();
    Ok(Told {
        reply: Reply::balances(&balances),
        seq: accounts.seq,
    })
}
