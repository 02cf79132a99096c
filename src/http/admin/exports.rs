//! Exports: streamed by a thread that may block, so that neither the server's memory nor anybody
//! who plays pays for a long history or a slow reader.
//!
//! Told is what was durable when the export began. Where the reading fails under way the
//! connection is cut: a part is never taken for the whole.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};

use super::{Done, Failed};
use crate::engine::document::AccountOpened;
use crate::engine::entry::{AccountRef, Body, Entry};
use crate::http::body::{Answer, Gone, Sink};
use crate::id::{AccountNumber, Seq};
use crate::ledger::{AccountView, Ledger, OperatorError, Reading, Snapshot};
use crate::protocol::admin::{
    ExportWanted, FIRST_HEADER, Format, JournalRow, LAST_HEADER, Members, PlayerRow, Row,
    SnapshotWanted, TransactionRow,
};

/// Bytes that are gathered before they go to the connection.
const PIECE_BYTES: usize = 64 * 1024;

/// Accounts whose names are kept at hand.
const NAMES_MAX: usize = 64 * 1024;

pub(super) async fn journal(ledger: &Arc<Ledger>, members: Members) -> Result<Done, Failed> {
    entries(ledger, members, |names, entry, batch_head| {
        let name = |number| names.of(number);
        Some(JournalRow::of(entry, batch_head, name))
    })
    .await
}

pub(super) async fn transactions(ledger: &Arc<Ledger>, members: Members) -> Result<Done, Failed> {
    entries(ledger, members, |names, entry, _| {
        TransactionRow::of(entry, |number| names.of(number))
    })
    .await
}

pub(super) async fn players(ledger: &Arc<Ledger>, members: Members) -> Result<Done, Failed> {
    let wanted = SnapshotWanted::decode(members)?;
    let mut snapshot = Snapshot::start(ledger);
    let seq = snapshot.seq();
    let numbers = (Seq::NONE.next().0, ledger.accounts());
    Ok(streamed::<PlayerRow>(wanted.format, numbers, move |out| {
        while let Some(views) = snapshot.read()? {
            for view in views {
                out.put(&player(view, seq))?;
            }
        }
        Ok(())
    }))
}

fn player(view: AccountView, as_of: Seq) -> PlayerRow {
    PlayerRow {
        partner: view.opened.partner,
        player_id: view.opened.player_id,
        currency: view.opened.currency,
        balance: view.balance,
        blocked: view.blocked,
        opened_at: view.opened_at,
        as_of,
    }
}

/// Streams the row of each entry within the time wanted that `row` makes one of.
async fn entries<R: Row>(
    ledger: &Arc<Ledger>,
    members: Members,
    row: impl Fn(&Names, &Entry, Option<&[u8; 32]>) -> Option<R> + Send + 'static,
) -> Result<Done, Failed> {
    let wanted = ExportWanted::decode(members)?;
    let ledger = Arc::clone(ledger);
    let find = move || Reading::start(&ledger, wanted.from).map(|reading| (reading, ledger));
    let (mut reading, ledger) = super::reading(find).await?;
    let numbers = (reading.next().0, reading.end().0);
    let mut names = Names::of_ledger(ledger);
    Ok(streamed::<R>(wanted.format, numbers, move |out| {
        loop {
            let batches = reading.read()?;
            if batches.is_empty() {
                return Ok(());
            }
            for batch in &batches {
                for entry in &batch.entries {
                    if wanted.from.is_some_and(|from| entry.at < from) {
                        continue;
                    }
                    // Time never runs back from one entry to the next.
                    if wanted.to.is_some_and(|to| entry.at >= to) {
                        return Ok(());
                    }
                    let head = (entry.seq == batch.head.seq).then_some(&batch.head.hash);
                    names.learn(entry)?;
                    if let Some(row) = row(&names, entry, head) {
                        out.put(&row)?;
                    }
                }
            }
        }
    }))
}

/// Starts the thread that makes the rows, and gives back the answer that they go into.
fn streamed<R: Row>(
    format: Format,
    (first, last): (u64, u64),
    write: impl FnOnce(&mut Rows) -> Result<(), Ended> + Send + 'static,
) -> Done {
    let (sink, body) = Answer::streamed();
    let make = move || {
        let mut rows = Rows {
            format,
            gathered: Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4),
            sink,
        };
        format.encode_head::<R>(&mut rows.gathered);
        match write(&mut rows).and_then(|()| Ok(rows.end()?)) {
            Ok(()) | Err(Ended::Gone) => {}
            Err(Ended::Failed(error)) => {
                let cause = error.source().map(ToString::to_string);
                tracing::error!(%error, cause, "an export was cut off");
            }
        }
    };
    // It ends by itself when the rows or the caller do.
    drop(tokio::task::spawn_blocking(make));
    let number = |name, number| (HeaderName::from_static(name), HeaderValue::from(number));
    Done {
        body,
        content_type: format.content_type(),
        headers: vec![number(FIRST_HEADER, first), number(LAST_HEADER, last)],
        // Nothing else is told than what was durable already.
        seq: Seq::NONE,
    }
}

/// Rows on their way to the caller.
struct Rows {
    format: Format,
    gathered: Vec<u8>,
    sink: Sink,
}

/// Why no more rows are made.
enum Ended {
    Gone,
    Failed(OperatorError),
}

impl From<Gone> for Ended {
    fn from(_: Gone) -> Ended {
        Ended::Gone
    }
}

impl From<OperatorError> for Ended {
    fn from(error: OperatorError) -> Ended {
        Ended::Failed(error)
    }
}

impl Rows {
    fn put(&mut self, row: &impl Row) -> Result<(), Gone> {
        self.format.encode(row, &mut self.gathered);
        if self.gathered.len() < PIECE_BYTES {
            return Ok(());
        }
        let room = Vec::with_capacity(self.gathered.capacity());
        self.sink.put(std::mem::replace(&mut self.gathered, room))
    }

    fn end(self) -> Result<(), Gone> {
        if !self.gathered.is_empty() {
            self.sink.put(self.gathered)?;
        }
        self.sink.end()
    }
}

/// Whose accounts are, so that the shards' locks are not taken for each entry.
struct Names {
    ledger: Arc<Ledger>,
    known: HashMap<AccountNumber, AccountOpened, ahash::RandomState>,
}

impl Names {
    fn of_ledger(ledger: Arc<Ledger>) -> Names {
        Names {
            ledger,
            known: HashMap::default(),
        }
    }

    /// Looks up the accounts whose money an entry moves, or whose id it takes.
    fn learn(&mut self, entry: &Entry) -> Result<(), OperatorError> {
        let play = entry.body.id().map(|(account, _)| account);
        let postings = match &entry.body {
            Body::Record(record) => record.postings.as_slice(),
            Body::Bet(_) | Body::Win(_) | Body::Cancel(_) | Body::Void(_) => &[],
        };
        let posted = postings.iter().filter_map(|posting| match posting.account {
            AccountRef::Player(number) => Some(number),
            AccountRef::House(_)
            | AccountRef::Partner(_)
            | AccountRef::Outside(_)
            | AccountRef::Received(_)
            | AccountRef::Merchant(..)
            | AccountRef::Payouts(_)
            | AccountRef::PaidOut(_)
            | AccountRef::Adjustments => None,
        });
        if self.known.len() >= NAMES_MAX {
            self.known.clear();
        }
        for number in play.into_iter().chain(posted) {
            if self.known.contains_key(&number) {
                continue;
            }
            let opened = self.ledger.account(number)?;
            let opened = opened.expect("an entry names an open account");
            self.known.insert(number, opened);
        }
        Ok(())
    }

    fn of(&self, number: AccountNumber) -> AccountOpened {
        let opened = self.known.get(&number);
        opened.expect("it was looked up before").clone()
    }
}
