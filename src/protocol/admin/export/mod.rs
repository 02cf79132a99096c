//! Exports: rows of JSON, one object a line, or of CSV (operations.md, `coffer export`).
//!
//! Nothing that opens a door is told: neither secrets nor their hashes or ciphertexts, no code of
//! a session, which is a credential while the session is open, and no wallet token.

mod csv;
mod gateway;
mod journal;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use self::csv::Line;
pub use self::journal::JournalRow;
use super::members::{Malformed, Members};
use crate::engine::document::AccountOpened;
use crate::engine::entry::{Body, Entry, Link, Play};
use crate::id::{
    AccountNumber, GameNumber, PartnerNumber, PlayerId, RoundId, Seq, SessionNumber, TransactionId,
    as_optional_text, as_text,
};
use crate::money::{Amount, Currency, Sum};
use crate::time::Timestamp;

/// In an export's head: the number of the first row that may come.
pub const FIRST_HEADER: &str = "coffer-export-first";

/// In an export's head: the number of the last row that may come.
pub const LAST_HEADER: &str = "coffer-export-last";

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// A line of names, then a line a row; CR LF at the ends.
    Csv,
}

impl Format {
    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Jsonl => "application/x-ndjson",
            Format::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    /// Writes what stands before the first row.
    pub fn encode_head<R: Row>(self, out: &mut Vec<u8>) {
        if self == Format::Csv {
            let mut line = Line::begin(out);
            for name in R::COLUMNS {
                line.plain(name);
            }
            line.end();
        }
    }

    /// Writes a row.
    ///
    /// # Panics
    /// Never: a row is made of texts, numbers and lists.
    pub fn encode(self, row: &impl Row, out: &mut Vec<u8>) {
        match self {
            Format::Csv => row.encode_csv(out),
            Format::Jsonl => {
                serde_json::to_writer(&mut *out, row).expect("a row is texts, numbers and lists");
                out.push(b'\n');
            }
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
        })
    }
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Format, &'static str> {
        match text {
            "jsonl" => Ok(Format::Jsonl),
            "csv" => Ok(Format::Csv),
            _ => Err("must be jsonl or csv"),
        }
    }
}

/// What can be written in both formats.
pub trait Row: Serialize {
    /// The names of the cells in CSV.
    const COLUMNS: &'static [&'static str];

    /// Writes the row as CSV, in one line or more.
    fn encode_csv(&self, out: &mut Vec<u8>);
}

/// An export of what happened.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct ExportWanted {
    /// How rows are written; JSON lines if nothing is said.
    #[serde(serialize_with = "as_text")]
    pub format: Format,
    /// Entries made then or later.
    #[serde(serialize_with = "as_optional_text")]
    pub from: Option<Timestamp>,
    /// Entries made before that.
    #[serde(serialize_with = "as_optional_text")]
    pub to: Option<Timestamp>,
}

impl ExportWanted {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<ExportWanted, Malformed> {
        let wanted = ExportWanted {
            format: members.optional("format")?.unwrap_or_default(),
            from: members.optional("from")?,
            to: members.optional("to")?,
        };
        members.finish().map(|()| wanted)
    }
}

/// An export of what is.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct SnapshotWanted {
    /// How rows are written; JSON lines if nothing is said.
    #[serde(serialize_with = "as_text")]
    pub format: Format,
}

impl SnapshotWanted {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<SnapshotWanted, Malformed> {
        let format = members.optional("format")?.unwrap_or_default();
        members.finish().map(|()| SnapshotWanted { format })
    }
}

/// A bet, win, cancel or void.
#[derive(Clone, Debug, Serialize)]
pub struct TransactionRow {
    /// Its entry.
    pub seq: Seq,
    /// When.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// `bet`, `win`, `cancel` or `void`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
    /// The game server's id; a cancel's and a void's is that of the bet.
    pub id: TransactionId,
    /// The round, where one was named.
    pub round_id: Option<RoundId>,
    /// The game; none for a void.
    pub game: Option<GameNumber>,
    /// What came to the player, or with a minus went; none for a void.
    #[serde(serialize_with = "as_optional_text")]
    pub amount: Option<Sum>,
    /// What the account held afterwards; none for a void.
    #[serde(serialize_with = "as_optional_text")]
    pub balance_after: Option<Amount>,
    /// The number of the session that it came in.
    pub session: SessionNumber,
}

impl TransactionRow {
    /// The row of an entry, none where it is no transaction. `account` knows whose an account is.
    pub fn of(
        entry: &Entry,
        account: impl FnOnce(AccountNumber) -> AccountOpened,
    ) -> Option<TransactionRow> {
        let play = |play: &Play| (play.account, play.session, play.id, play.round);
        let (kind, (number, session, id, round_id), game) = match &entry.body {
            Body::Bet(bet) => ("bet", play(bet), Some(bet.game)),
            Body::Win(win) => ("win", play(win), Some(win.game)),
            Body::Cancel(of) => (
                "cancel",
                (of.account, of.session, of.id, of.round),
                Some(of.game),
            ),
            Body::Void(void) => ("void", (void.account, void.session, void.id, None), None),
            Body::Record(_) => return None,
        };
        let (amount, link): (Option<Sum>, Option<Link>) = match entry.body.house_to_player() {
            Some((_, moved, link)) => (Some(moved), Some(link)),
            None => (None, None),
        };
        let opened = account(number);
        Some(TransactionRow {
            seq: entry.seq,
            at: entry.at,
            kind,
            partner: opened.partner,
            player_id: opened.player_id,
            currency: opened.currency,
            id,
            round_id,
            game,
            amount,
            balance_after: link.map(|link| link.balance_after),
            session,
        })
    }
}

impl Row for TransactionRow {
    const COLUMNS: &'static [&'static str] = &[
        "seq",
        "at",
        "type",
        "partner",
        "player_id",
        "currency",
        "id",
        "round_id",
        "game",
        "amount",
        "balance_after",
        "session",
    ];

    fn encode_csv(&self, out: &mut Vec<u8>) {
        let mut line = Line::begin(out);
        line.plain(self.seq).plain(self.at).plain(self.kind);
        line.plain(self.partner).text(self.player_id.as_str());
        line.plain(self.currency).plain(self.id);
        line.optional(self.round_id).optional(self.game);
        line.optional(self.amount).optional(self.balance_after);
        line.plain(self.session).end();
    }
}

/// A player's account.
#[derive(Clone, Debug, Serialize)]
pub struct PlayerRow {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
    /// What it held.
    #[serde(serialize_with = "as_text")]
    pub balance: Amount,
    /// Whether bets and new sessions were refused.
    pub blocked: bool,
    /// When the account was opened.
    #[serde(serialize_with = "as_text")]
    pub opened_at: Timestamp,
    /// The entry that all this was so after, the same in every row.
    pub as_of: Seq,
}

impl Row for PlayerRow {
    const COLUMNS: &'static [&'static str] = &[
        "partner",
        "player_id",
        "currency",
        "balance",
        "blocked",
        "opened_at",
        "as_of",
    ];

    fn encode_csv(&self, out: &mut Vec<u8>) {
        let mut line = Line::begin(out);
        line.plain(self.partner).text(self.player_id.as_str());
        line.plain(self.currency).plain(self.balance);
        line.plain(self.blocked).plain(self.opened_at);
        line.plain(self.as_of).end();
    }
}
