//! Reports: the trial balance, open rounds, anomalies.

use super::{Done, Failed, done};
use crate::engine::round;
use crate::id::Seq;
use crate::ledger::{self, AnomalyView, Ledger, RoundView};
use crate::protocol::admin::{
    AnomalyItem, AnomalyTransaction, CurrencyReport, Members, Page, PageWanted, ReportAccount,
    RoundItem, Tally, TrialBalance, TrialBalanceWanted,
};

pub(super) fn trial_balance(ledger: &Ledger, members: Members) -> Result<Done, Failed> {
    let wanted = TrialBalanceWanted::decode(members)?;
    let report = ledger.trial_balance(wanted.all);
    let account = |(account, balance)| ReportAccount { account, balance };
    let currencies = report.value.currencies.into_iter();
    let reply = TrialBalance {
        currencies: currencies
            .map(|(currency, balance)| CurrencyReport {
                currency,
                accounts: balance.accounts.into_iter().map(account).collect(),
                sum: balance.sum,
            })
            .collect(),
    };
    Ok(done(&reply, report.seq))
}

pub(super) fn open_rounds(ledger: &Ledger, members: Members) -> Result<Done, Failed> {
    let wanted = PageWanted::decode(members)?;
    let rounds = ledger.open_rounds(wanted.cursor.map(Seq), wanted.items_max());
    Ok(done(&page(rounds.value, round), rounds.seq))
}

pub(super) fn anomalies(ledger: &Ledger, members: Members) -> Result<Done, Failed> {
    let wanted = PageWanted::decode(members)?;
    let anomalies = ledger.anomalies(wanted.cursor.map(Seq), wanted.items_max());
    Ok(done(&page(anomalies.value, anomaly), anomalies.seq))
}

fn page<T, U>(page: ledger::Page<T>, item: fn(T) -> U) -> Page<U> {
    Page {
        items: page.items.into_iter().map(item).collect(),
        next: page.next.map(|seq| seq.0),
    }
}

fn tally(tally: round::Tally) -> Tally {
    Tally {
        count: tally.count,
        amount: tally.amount,
    }
}

fn round(view: RoundView) -> RoundItem {
    let round = view.round;
    RoundItem {
        partner: view.partner,
        player_id: view.player_id,
        currency: view.currency,
        round_id: view.round_id,
        game: round.game,
        bets: tally(round.bets),
        wins: tally(round.wins),
        cancels: tally(round.cancels),
        first_at: round.first_at,
        last_at: round.last_at,
    }
}

fn anomaly(view: AnomalyView) -> AnomalyItem {
    let play = view.play;
    AnomalyItem {
        kind: view.kind.name(),
        partner: view.partner,
        player_id: view.player_id,
        currency: view.currency,
        transaction: AnomalyTransaction {
            seq: view.seq,
            kind: if play.is_win { "win" } else { "cancel" },
            id: play.id,
            amount: play.amount,
            game: play.game,
            at: play.at,
        },
        round: view.round.map(round),
    }
}
