//! Entries for the tests of this module.

use std::sync::Arc;

use crate::engine::document::{Document, Player, Transfer, TransferKind, User};
use crate::engine::entry::{
    AccountRef, Actor, Anomalies, Anomaly, Body, Cancel, Entry, Link, Play, Posting, Record,
    RecordKind, Void,
};
use crate::id::{
    AccountNumber, GameNumber, PartnerNumber, RoundId, Seq, SessionNumber, TransactionId,
    UserNumber,
};
use crate::money::Amount;
use crate::time::Timestamp;

pub(super) fn at(seq: u64) -> Timestamp {
    Timestamp::from_micros(1_795_000_000_000_000 + seq * 250)
}

fn entry(seq: u64, body: Body) -> Entry {
    Entry {
        seq: Seq(seq),
        at: at(seq),
        body,
    }
}

pub(super) fn play(seq: u64) -> Play {
    Play {
        account: AccountNumber(70_000),
        session: SessionNumber(2_000_000),
        id: TransactionId(1_000_000_000 + seq),
        round: Some(RoundId(1_000_000_000)),
        game: GameNumber(1014),
        amount: Amount::from_cents(2_500).unwrap(),
        link: Link {
            previous: Seq(seq / 2),
            balance_after: Amount::from_cents(1_234_567).unwrap(),
        },
        anomalies: Anomalies::NONE,
    }
}

pub(super) fn bet(seq: u64) -> Entry {
    entry(seq, Body::Bet(play(seq)))
}

pub(super) fn void(seq: u64) -> Entry {
    entry(
        seq,
        Body::Void(Void {
            account: AccountNumber(70_000),
            session: SessionNumber(2_000_000),
            id: TransactionId(1_000_000_000 + seq),
        }),
    )
}

pub(super) fn win(seq: u64) -> Entry {
    let anomalies = Anomalies::NONE.with(Anomaly::WinWithoutBet, true);
    entry(
        seq,
        Body::Win(Play {
            round: None,
            anomalies,
            ..play(seq)
        }),
    )
}

pub(super) fn cancel(seq: u64) -> Entry {
    let play = play(seq);
    entry(
        seq,
        Body::Cancel(Cancel {
            account: play.account,
            session: play.session,
            id: play.id,
            bet: Seq(seq - 1),
            round: Some(RoundId(play.id.0)),
            game: play.game,
            amount: play.amount,
            link: play.link,
            anomalies: play.anomalies,
        }),
    )
}

fn posting(account: AccountRef, cents: i64, link: Option<Link>) -> Posting {
    Posting {
        account,
        currency: "INR".parse().unwrap(),
        cents,
        link,
    }
}

/// A user and a deposit, in one record for short.
pub(super) fn transfer(seq: u64) -> Entry {
    let (partner, account) = (PartnerNumber(1), AccountNumber(70_000));
    let user = User {
        number: UserNumber(101),
        partner,
        name: "New User Name".parse().unwrap(),
        email: "newuser@example.com".parse().unwrap(),
        mobile: "1234567890".parse().unwrap(),
        account,
    };
    let transfer = Transfer {
        partner,
        id: "D-1".parse().unwrap(),
        kind: TransferKind::Deposit,
        mobile: user.mobile.clone(),
        account,
        amount: Amount::from_cents(500).unwrap(),
    };
    let link = play(seq).link;
    let body = Record {
        by: Actor::Partner,
        kind: RecordKind::Transfer,
        postings: vec![
            posting(AccountRef::Partner(partner), -500, None),
            posting(AccountRef::Player(account), 500, Some(link)),
        ],
        documents: vec![
            Document::User(Box::new(user)),
            Document::Transfer(Box::new(transfer)),
        ],
    };
    entry(seq, Body::Record(Arc::new(body)))
}

pub(super) fn record(seq: u64) -> Entry {
    let link = play(seq).link;
    entry(
        seq,
        Body::Record(Arc::new(Record {
            by: Actor::Operator,
            kind: RecordKind::Adjustment,
            postings: vec![
                posting(AccountRef::Player(AccountNumber(70_000)), -500, Some(link)),
                posting(AccountRef::Adjustments, 500, None),
            ],
            documents: vec![Document::Player(Player {
                partner: PartnerNumber(1),
                player_id: "usr-1".parse().unwrap(),
                blocked: false,
            })],
        })),
    )
}
