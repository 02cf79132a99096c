//! Reports: the trial balance, open rounds, anomalies, integrity.

use std::sync::Arc;

use super::{Done, Failed, State, backups, done, reading};
use crate::engine::round;
use crate::engine::totals::{DayKey, DayTotals};
use crate::id::Seq;
use crate::ledger::{self, AnomalyView, Ledger, RoundView};
use crate::protocol::admin::{
    AnomalyItem, AnomalyTransaction, CurrencyReport, Integrity, IntegrityHead, IntegrityScrub,
    IntegrityWanted, Members, Page, PageWanted, ReportAccount, RevenueItem, RoundItem, Tally,
    TrialBalance, TrialBalanceWanted,
};
use crate::secret::hex_encode;
use crate::time::Day;

pub(super) async fn trial_balance(ledger: &Arc<Ledger>, members: Members) -> Result<Done, Failed> {
    let wanted = TrialBalanceWanted::decode(members)?;
    let ledger = Arc::clone(ledger);
    let report = reading(move || ledger.trial_balance(wanted.all)).await?;
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

pub(super) async fn open_rounds(ledger: &Arc<Ledger>, members: Members) -> Result<Done, Failed> {
    let wanted = PageWanted::decode(members)?;
    let ledger = Arc::clone(ledger);
    let read = move || ledger.open_rounds(wanted.cursor.map(Seq), wanted.items_max());
    let rounds = reading(read).await?;
    Ok(done(&page(rounds.value, round), rounds.seq))
}

pub(super) fn integrity(state: &State, members: Members) -> Result<Done, Failed> {
    IntegrityWanted::decode(members)?;
    let head = state.ledger.head();
    let scrub = state.admin.scrubs.last().map(|scrub| IntegrityScrub {
        ok: scrub.findings.is_empty(),
        began_at: scrub.began_at,
        ended_at: scrub.ended_at,
        pages: scrub.pages,
        segments: scrub.segments,
        entries: scrub.entries,
        rows: scrub.rows,
        bytes: scrub.bytes,
        findings: scrub.findings.clone(),
    });
    let reply = Integrity {
        head: IntegrityHead {
            seq: head.seq,
            hash: hex_encode(&head.hash),
        },
        books_seq: state.ledger.booked_seq(),
        scrub,
        backup: state.admin.backups.status(None).map(backups::told),
    };
    // All of it is about what is durable.
    Ok(done(&reply, Seq::NONE))
}

pub(super) async fn anomalies(ledger: &Arc<Ledger>, members: Members) -> Result<Done, Failed> {
    let wanted = PageWanted::decode(members)?;
    let ledger = Arc::clone(ledger);
    let read = move || ledger.anomalies(wanted.cursor.map(Seq), wanted.items_max());
    let anomalies = reading(read).await?;
    Ok(done(&page(anomalies.value, anomaly), anomalies.seq))
}

pub(super) async fn revenue(ledger: &Arc<Ledger>, members: Members) -> Result<Done, Failed> {
    let wanted = PageWanted::decode(members)?;
    // A cursor that no day bears leads past all of them.
    let day = |cursor| Day(u32::try_from(cursor).unwrap_or(u32::MAX));
    let (after, at_least) = (wanted.cursor.map(day), wanted.items_max());
    let ledger = Arc::clone(ledger);
    let days = reading(move || ledger.days(after, at_least)).await?;
    let item = |(key, totals): (DayKey, DayTotals)| RevenueItem {
        day: key.day,
        partner: key.partner,
        currency: key.currency,
        game: key.game,
        bets: tally(totals.bets),
        wins: tally(totals.wins),
        cancels: tally(totals.cancels),
        revenue: totals.revenue(),
    };
    let reply = Page {
        items: days.value.days.into_iter().map(item).collect(),
        next: days.value.next.map(|day| u64::from(day.0)),
    };
    Ok(done(&reply, days.seq))
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
