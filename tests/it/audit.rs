//! The audit over planted faults: each kind is found, in whatever little memory, and nothing is
//! told of what only follows from entries that could not be read.

use std::sync::Arc;

use coffer::engine::document::{AccountOpened, Adjustment, Document, Player, Session};
use coffer::engine::entry::{
    AccountRef, Actor, Anomalies, Anomaly, Body, Cancel, Entry, Link, Play, Posting, Record,
    RecordKind, Void,
};
use coffer::engine::operate::decide_partner;
use coffer::id::{
    AccountNumber, GameNumber, IdSpaceNumber, Lang, PartnerNumber, RoundId, Seq, SessionNumber,
    TransactionId,
};
use coffer::journal::{Batch, Head, Piece};
use coffer::ledger::{VERIFY_MEMORY, verify};
use coffer::money::{Amount, Currency};
use coffer::sim::disk::SimDisk;
use coffer::sim::sample;
use coffer::sort::Scratch;
use coffer::time::{Span, Timestamp};

pub(crate) fn usd() -> Currency {
    "USD".parse().unwrap()
}

fn at(seq: u64) -> Timestamp {
    Timestamp::from_micros(1_795_000_000_000_000 + seq)
}

pub(crate) fn link(previous: u64, cents: u64) -> Link {
    Link {
        previous: Seq(previous),
        balance_after: Amount::from_cents(cents).unwrap(),
    }
}

pub(crate) fn partner(number: u32) -> Document {
    let new = sample::partner("token", usd());
    let number = PartnerNumber(number);
    let record = decide_partner(new, number, IdSpaceNumber(0), sample::secrets(), at(0));
    record.unwrap().documents.into_iter().next().unwrap()
}

pub(crate) fn player(partner: u32, name: &str) -> Document {
    Document::Player(Player {
        partner: PartnerNumber(partner),
        player_id: name.parse().unwrap(),
        blocked: false,
    })
}

pub(crate) fn account(number: u64, name: &str) -> Document {
    Document::Account(AccountOpened {
        number: AccountNumber(number),
        partner: PartnerNumber(1),
        player_id: name.parse().unwrap(),
        currency: usd(),
        id_space: IdSpaceNumber(0),
    })
}

fn session(number: u64, code: &str, account: u64) -> Document {
    Document::Session(Box::new(Session {
        number: SessionNumber(number),
        code: code.parse().unwrap(),
        partner: PartnerNumber(1),
        player_id: code.parse().unwrap(),
        account: AccountNumber(account),
        currency: usd(),
        ttl: Span::from_seconds(3600),
        expires_at: at(3_600_000_000),
        closed: false,
        game: None,
        lang: Lang::EN,
        link: None,
    }))
}

fn adjustment(reference: &str) -> Document {
    Document::Adjustment(Adjustment {
        partner: PartnerNumber(1),
        reference: reference.parse().unwrap(),
        account: AccountNumber(2),
        cents: 500,
        reason: "because".parse().unwrap(),
    })
}

pub(crate) fn record(postings: Vec<Posting>, documents: Vec<Document>) -> Body {
    Body::Record(Arc::new(Record {
        by: Actor::Operator,
        kind: RecordKind::Adjustment,
        postings,
        documents,
    }))
}

fn moves(account: u64, cents: i64, link: Link) -> Vec<Posting> {
    let posting = |account, cents, link| Posting {
        account,
        currency: usd(),
        cents,
        link,
    };
    let player = AccountRef::Player(AccountNumber(account));
    vec![
        posting(AccountRef::Adjustments, -cents, None),
        posting(player, cents, Some(link)),
    ]
}

fn play(account: u64, id: u64, cents: u64, round: Option<u64>, link: Link) -> Play {
    Play {
        account: AccountNumber(account),
        session: SessionNumber(account),
        id: TransactionId(id),
        round: round.map(RoundId),
        game: GameNumber(1012),
        amount: Amount::from_cents(cents).unwrap(),
        link,
        anomalies: Anomalies::NONE,
    }
}

fn cancel(account: u64, id: u64, bet: u64, play: Play) -> Body {
    let Play {
        session,
        round,
        game,
        amount,
        link,
        anomalies,
        ..
    } = play;
    Body::Cancel(Cancel {
        account: AccountNumber(account),
        session,
        id: TransactionId(id),
        bet: Seq(bet),
        round,
        game,
        amount,
        link,
        anomalies,
    })
}

fn odd(anomaly: Anomaly) -> Anomalies {
    Anomalies::NONE.with(anomaly, true)
}

/// Ann's and Ben's accounts, 1 and 2, and some plays on them: nothing is wrong.
fn sound() -> Vec<Entry> {
    let void = Void {
        account: AccountNumber(1),
        session: SessionNumber(1),
        id: TransactionId(4),
    };
    let mut without_bet = play(1, 6, 0, Some(9), link(12, 940));
    without_bet.anomalies = odd(Anomaly::WinWithoutBet);
    let bodies = vec![
        record(vec![], vec![partner(1)]),
        record(
            moves(1, 1000, link(0, 1000)),
            vec![player(1, "ann"), account(1, "ann")],
        ),
        record(vec![], vec![session(1, "ann", 1)]),
        record(
            moves(2, 1000, link(0, 1000)),
            vec![player(1, "ben"), account(2, "ben")],
        ),
        record(vec![], vec![session(2, "ben", 2)]),
        Body::Bet(play(1, 1, 100, Some(7), link(2, 900))),
        Body::Win(play(1, 2, 50, Some(7), link(6, 950))),
        Body::Bet(play(2, 3, 100, None, link(4, 900))),
        cancel(2, 3, 8, play(2, 3, 100, None, link(8, 1000))),
        Body::Void(void),
        record(moves(2, 500, link(9, 1500)), vec![adjustment("r1")]),
        Body::Bet(play(1, 5, 10, Some(8), link(7, 940))),
        Body::Win(without_bet),
    ];
    numbered(bodies)
}

/// Entries from the first on.
pub(crate) fn numbered(bodies: Vec<Body>) -> Vec<Entry> {
    let entry = |(body, seq)| Entry {
        seq: Seq(seq),
        at: at(seq),
        body,
    };
    bodies.into_iter().zip(1..).map(entry).collect()
}

fn piece(entry: &Entry) -> Piece {
    let head = |seq| Head { seq, hash: [0; 32] };
    Piece::Batch(Batch {
        previous: head(Seq(entry.seq.0 - 1)),
        head: head(entry.seq),
        entries: vec![entry.clone()],
    })
}

/// What is found, in much memory and in hardly any.
fn findings(pieces: impl Fn() -> Vec<Piece>) -> Vec<String> {
    let mut all = [VERIFY_MEMORY, 200, 1].map(|memory| {
        let disk = SimDisk::new();
        let scratch = Arc::new(Scratch::new(Arc::new(disk.clone())).unwrap());
        let verified = verify(pieces().into_iter(), scratch, memory, &mut |_| {}).unwrap();
        assert!(disk.image().is_empty(), "no scratch is left");
        verified.findings
    });
    all.iter_mut().for_each(|findings| findings.sort());
    let [much, little, least] = all;
    assert_eq!((&much, &much), (&little, &least));
    much
}

/// The entry `seq`, to be altered.
fn body(entries: &mut [Entry], seq: usize) -> &mut Body {
    &mut entries[seq - 1].body
}

fn with_play(seq: usize, alter: impl FnOnce(&mut Play)) -> impl FnOnce(&mut Vec<Entry>) {
    move |entries| match body(entries, seq) {
        Body::Bet(play) | Body::Win(play) => alter(play),
        other => panic!("{other:?}"),
    }
}

fn with_cancel(alter: impl FnOnce(&mut Cancel)) -> impl FnOnce(&mut Vec<Entry>) {
    move |entries| match body(entries, 9) {
        Body::Cancel(cancel) => alter(cancel),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn with_record(
    seq: usize,
    alter: impl FnOnce(&mut Record),
) -> impl FnOnce(&mut Vec<Entry>) {
    move |entries| match body(entries, seq) {
        Body::Record(record) => alter(Arc::make_mut(record)),
        other => panic!("{other:?}"),
    }
}

fn and(new: Body) -> impl FnOnce(&mut Vec<Entry>) {
    move |entries| {
        let seq = entries.len() as u64 + 1;
        entries.push(Entry {
            seq: Seq(seq),
            at: at(seq),
            body: new,
        });
    }
}

fn document(new: Document) -> impl FnOnce(&mut Vec<Entry>) {
    and(record(vec![], vec![new]))
}

#[track_caller]
fn assert_found(plant: impl FnOnce(&mut Vec<Entry>), expected: &[&str]) {
    assert_found_in(sound(), plant, expected);
}

/// Of each thing that is planted all the words are found, and nothing else is.
#[track_caller]
pub(crate) fn assert_found_in(
    mut entries: Vec<Entry>,
    plant: impl FnOnce(&mut Vec<Entry>),
    expected: &[&str],
) {
    plant(&mut entries);
    let found = findings(|| entries.iter().map(piece).collect());
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for words in expected {
        let told = found.iter().any(|finding| finding.contains(words));
        assert!(told, "{words:?} in {found:#?}");
    }
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    assert_found(|_| {}, &[]);
}

#[test]
fn what_breaks_the_order_is_found() {
    assert_found(
        |entries| drop(entries.remove(9)),
        &["entry 11 follows entry 9"],
    );
    assert_found(
        |entries| entries[6].at = at(5),
        &["entry 7 is stamped before the entry ahead"],
    );
}

#[test]
fn ids_taken_twice_and_false_cancels_are_found() {
    let cancels = "entry 9 cancels transaction 3, which is no open bet";
    for (seq, id) in [(12, 1), (12, 2), (12, 4), (13, 3)] {
        assert_found(
            with_play(seq, |play| play.id = TransactionId(id)),
            &[&format!("entry {seq} uses transaction id {id} again")],
        );
    }
    assert_found(with_cancel(|cancel| cancel.bet = Seq(6)), &[cancels]);
    assert_found(
        with_cancel(|cancel| cancel.game = GameNumber(9)),
        &[cancels],
    );
    assert_found(
        with_cancel(|cancel| cancel.round = Some(RoundId(7))),
        &[cancels],
    );
    for id in [1, 2, 77] {
        let words = format!("entry 9 cancels transaction {id}, which");
        assert_found(
            with_cancel(|cancel| cancel.id = TransactionId(id)),
            &[&words],
        );
    }
    assert_found(
        with_cancel(|cancel| {
            cancel.amount = Amount::from_cents(99).unwrap();
            cancel.link.balance_after = Amount::from_cents(999).unwrap();
        }),
        &[cancels, "entry 11 says that account 2 holds 15.00"],
    );
    let again = cancel(2, 3, 8, play(2, 3, 100, None, link(11, 1600)));
    assert_found(and(again), &["entry 14 cancels transaction 3"]);
    let others = cancel(1, 3, 8, play(1, 3, 100, None, link(13, 1040)));
    assert_found(and(others), &["entry 14 cancels transaction 3"]);
}

#[test]
fn broken_chains_and_false_balances_are_found() {
    assert_found(
        with_play(13, |win| win.link = link(12, 941)),
        &["entry 13 says that account 1 holds 9.41 afterwards; it holds 9.40"],
    );
    assert_found(
        with_play(12, |bet| bet.link.previous = Seq(6)),
        &["entry 12 names 6 as the entry before on account 1; it is 7"],
    );
    assert_found(
        with_play(13, |win| win.account = AccountNumber(9)),
        &[
            "entry 13 moves money of account 9, which was never opened",
            "entry 13 names session 1, which is not on account 9",
        ],
    );
    assert_found(
        with_play(12, |bet| bet.amount = Amount::from_cents(951).unwrap()),
        &[
            "entry 12 takes account 1 below zero, to -0.01",
            "entry 12 says that account 1 holds 9.40 afterwards; it holds -0.01",
        ],
    );
}

#[test]
fn false_postings_are_found() {
    assert_found(
        with_record(11, |record| record.postings[0].cents -= 1),
        &[
            "the postings of entry 11 do not add up to zero",
            "USD: accounts add up to -0.01, not to zero",
        ],
    );
    assert_found(
        with_record(11, |record| {
            for posting in &mut record.postings {
                posting.currency = "EUR".parse().unwrap();
            }
        }),
        &[
            "entry 11 moves EUR on an account of another currency",
            "USD: accounts add up to 5.00",
            "EUR: accounts add up to -5.00",
        ],
    );
    assert_found(
        with_record(11, |record| record.postings[1].link = None),
        &[
            "entry 11 moves money of account 2 outside its chain",
            "USD: accounts add up to -5.00",
        ],
    );
}

#[test]
fn false_names_are_found() {
    assert_found(
        with_play(12, |bet| bet.session = SessionNumber(2)),
        &["entry 12 names session 2, which is not on account 1"],
    );
    assert_found(
        |entries| match body(entries, 10) {
            Body::Void(void) => void.session = SessionNumber(3),
            other => panic!("{other:?}"),
        },
        &["entry 10 names session 3, which is not on account 1"],
    );
    for (new, words) in [
        (partner(2), "gives a wallet token to a second partner"),
        (
            player(3, "cid"),
            "names partner p3, which was never created",
        ),
        (
            account(1, "ben"),
            "opens a second account in USD of one player",
        ),
        (
            account(3, "cid"),
            "opens an account of a player that was never",
        ),
        (session(3, "ann", 1), "gives a session the code of another"),
        (session(1, "ann", 2), "moves session 1 to another account"),
        (
            session(3, "cid", 9),
            "opens a session on an account that was",
        ),
        (adjustment("r1"), "uses an adjustment's reference again"),
    ] {
        let mut expected = vec![words];
        if words.contains("second account") {
            expected.push("entry 14 opens account 1 again");
        }
        assert_found(document(new), &expected);
    }
}

#[test]
fn false_words_about_a_round_are_found() {
    assert_found(
        with_play(13, |win| win.anomalies = Anomalies::NONE),
        &["entry 13 does not say win_without_bet"],
    );
    assert_found(
        with_play(7, |win| win.anomalies = odd(Anomaly::WinWithoutBet)),
        &["entry 7 says win_without_bet, which round 7 of account 1 contradicts"],
    );
    assert_found(
        with_cancel(|cancel| cancel.anomalies = odd(Anomaly::CancelAfterWin)),
        &["entry 9 tells of a round and names none"],
    );
    let after_win = cancel(1, 1, 6, play(1, 1, 100, Some(7), link(13, 1040)));
    assert_found(and(after_win), &["entry 14 does not say cancel_after_win"]);
}

/// A hole in the reading is one fault, and is told where it is read.
#[test]
fn nothing_is_told_of_what_follows_from_entries_that_were_not_read() {
    let entries = sound();
    for first in 0..entries.len() {
        for last in first..entries.len() {
            let pieces = || {
                let mut pieces: Vec<_> = entries[..first].iter().map(piece).collect();
                pieces.push(Piece::Unread {
                    first: entries[first].seq,
                    last: entries[last].seq,
                });
                pieces.extend(entries[last + 1..].iter().map(piece));
                pieces
            };
            let found = findings(pieces);
            assert!(found.is_empty(), "{first} to {last}: {found:#?}");
        }
    }
}

#[test]
fn a_scratch_directory_that_is_full_is_an_error_and_no_finding() {
    let disk = SimDisk::new();
    disk.set_capacity(4096);
    let scratch = Arc::new(Scratch::new(Arc::new(disk.clone())).unwrap());
    let entries = sound();
    let failed = verify(entries.iter().map(piece), scratch, 200, &mut |_| {});
    assert_eq!(failed.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    assert!(disk.image().is_empty(), "nothing is left");
}
