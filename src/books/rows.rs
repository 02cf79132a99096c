//! Rows as bytes. Each ends with four bytes of the BLAKE3 hash over its table's name, its key and
//! what is before, so that a row that rotted, or lies where another belongs, is never served.
//!
//! Numbers and texts are as `bytes` has them. What a row's key says already the row does not say
//! again.

use redb::{TableDefinition, TableHandle};

use super::BooksError;
use super::field::Field;
use crate::bytes::{Bytes, CodecError, put_text};
use crate::engine::document::{AccountOpened, Adjustment, Partner, Session};
use crate::engine::entry::Anomalies;
use crate::engine::holdings::{AccountRow, PlayerRow, SessionRow};
use crate::engine::ids::{IdRow, IdState};
use crate::engine::link::AuthLink;
use crate::engine::round::{OddPlay, Round};
use crate::engine::totals::DayTotals;
use crate::id::{
    AccountNumber, IdSpaceNumber, Lang, PartnerNumber, PlayerId, RoundId, Seq, SessionNumber,
};
use crate::money::{Currency, Sum};

pub(super) type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// A row of the table that its kind has for itself.
pub(super) trait Row: Sized {
    /// The table.
    const TABLE: Definition;

    /// Writes all that `key` does not say.
    fn encode(&self, key: &[u8], out: &mut Vec<u8>);

    /// Reads what [`Row::encode`] wrote.
    fn decode(key: &[u8], bytes: &mut Bytes<'_>) -> Result<Self, CodecError>;
}

const CHECKSUM: usize = 4;

fn checksum(table: Definition, key: &[u8], value: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(table.name().as_bytes());
    hasher.update(&[0]);
    hasher.update(key);
    hasher.update(value);
    let hash = hasher.finalize();
    *(hash.as_bytes().first_chunk()).expect("a hash has 32 bytes")
}

/// Writes a row in place of whatever is in `out`.
pub(super) fn seal<R: Row>(key: &[u8], row: &R, out: &mut Vec<u8>) {
    out.clear();
    row.encode(key, out);
    let sum = checksum(R::TABLE, key, out);
    out.extend_from_slice(&sum);
}

/// Whether a row is as it was written.
pub(super) fn check(table: Definition, key: &[u8], bytes: &[u8]) -> Result<(), BooksError> {
    let sealed = bytes.split_last_chunk::<CHECKSUM>();
    if sealed.is_some_and(|(value, sum)| checksum(table, key, value) == *sum) {
        return Ok(());
    }
    Err(BooksError::Damaged {
        table: table.name().to_owned(),
        key: crate::secret::hex_encode(key),
        source: CodecError::Hash,
    })
}

/// Reads a row.
pub(super) fn unseal<R: Row>(key: &[u8], bytes: &[u8]) -> Result<R, BooksError> {
    let damaged = |source| damaged::<R>(key, source);
    let (value, sum) =
        (bytes.split_last_chunk::<CHECKSUM>()).ok_or_else(|| damaged(CodecError::Truncated))?;
    if checksum(R::TABLE, key, value) != *sum {
        return Err(damaged(CodecError::Hash));
    }
    let mut bytes = Bytes(value);
    let row = R::decode(key, &mut bytes).map_err(damaged)?;
    if bytes.0.is_empty() {
        Ok(row)
    } else {
        Err(damaged(CodecError::Trailing))
    }
}

pub(super) fn damaged<R: Row>(key: &[u8], source: CodecError) -> BooksError {
    BooksError::Damaged {
        table: R::TABLE.name().to_owned(),
        key: crate::secret::hex_encode(key),
        source,
    }
}

/// The last eight bytes of a key as a number.
fn last_number(key: &[u8]) -> Result<u64, CodecError> {
    let last = key.last_chunk().ok_or(CodecError::Truncated)?;
    Ok(u64::from_be_bytes(*last))
}

/// Rows whose fields follow upon each other.
macro_rules! plain {
    ($type:ident in $table:literal { $($field:ident),* }) => {
        impl Row for $type {
            const TABLE: Definition = TableDefinition::new($table);

            fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }

            fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<$type, CodecError> {
                Ok($type { $($field: Field::take(bytes)?),* })
            }
        }
    };
}

/// One (id space, currency): what ids and rounds are numbered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Space {
    pub(super) id_space: IdSpaceNumber,
    pub(super) currency: Currency,
}

/// Where an account's player is found, and what its entries count for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountPlace {
    /// The player's number.
    pub home: AccountNumber,
    /// Whose player.
    pub partner: PartnerNumber,
    /// In which currency.
    pub currency: Currency,
    /// Where its ids are unique.
    pub id_space: IdSpaceNumber,
}

/// Where a code leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPlace {
    /// The session.
    pub number: SessionNumber,
    /// The player's number.
    pub home: AccountNumber,
    /// The account that it plays on.
    pub account: AccountNumber,
    /// Whose player.
    pub partner: PartnerNumber,
    /// The account's id space.
    pub id_space: IdSpaceNumber,
    /// The account's currency.
    pub currency: Currency,
    /// The entry that opened it.
    pub opened: Seq,
}

impl SessionPlace {
    /// Where the code of a session on an account leads.
    pub fn new(session: &Session, account: &AccountPlace, opened: Seq) -> SessionPlace {
        SessionPlace {
            number: session.number,
            home: account.home,
            account: session.account,
            partner: session.partner,
            id_space: account.id_space,
            currency: session.currency,
            opened,
        }
    }
}

/// A player's number, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) home: AccountNumber,
}

/// A session that was open when its player's row ceased to list it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unlisted {
    pub(super) changed: Seq,
}

/// The round of an account that an entry began and that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenRound {
    pub(super) account: AccountNumber,
    pub(super) round: RoundId,
}

/// A round that was begun by a transaction of another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ForeignRound {
    pub(super) first: Seq,
}

/// A sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SumRow {
    pub(super) sum: Sum,
}

plain!(Space in "spaces" { id_space, currency });
plain!(AccountPlace in "accounts" { home, partner, currency, id_space });
plain!(SessionPlace in "codes" { number, home, account, partner, id_space, currency, opened });
plain!(Home in "names" { home });
plain!(Unlisted in "unlisted_sessions" { changed });
plain!(OpenRound in "open_rounds" { account, round });
plain!(ForeignRound in "foreign_rounds" { first });
plain!(SumRow in "sums" { sum });
plain!(DayTotals in "days" { bets, wins, cancels });

/// A document with the entry that it came with, as JSON text.
macro_rules! document {
    ($type:ident in $table:literal) => {
        impl Row for ($type, Seq) {
            const TABLE: Definition = TableDefinition::new($table);

            fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
                self.1.put(out);
                let text = serde_json::to_vec(&self.0).expect("a document is plain data");
                put_text(&text, out);
            }

            fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<($type, Seq), CodecError> {
                let seq = Field::take(bytes)?;
                let document = serde_json::from_slice(bytes.text()?);
                Ok((document.map_err(|_| CodecError::Text)?, seq))
            }
        }
    };
}

document!(Partner in "partners");
document!(Adjustment in "references");

/// Whose session it is stands before it where nothing else says so.
impl Row for SessionRow {
    const TABLE: Definition = TableDefinition::new("past_sessions");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        self.session.partner.put(out);
        self.session.player_id.put(out);
        self.session.currency.put(out);
        put_session(self, out);
    }

    fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<SessionRow, CodecError> {
        let (partner, player_id) = (Field::take(bytes)?, Field::take(bytes)?);
        let currency = Field::take(bytes)?;
        take_session(bytes, partner, &player_id, |_| Some(currency))
    }
}

/// The bits of a session's state: it is closed, and a link follows, which books of earlier
/// versions know nothing of.
const SESSION_CLOSED: u8 = 1;
const SESSION_LINKED: u8 = 2;

fn put_session(row: &SessionRow, out: &mut Vec<u8>) {
    let of = &row.session;
    of.number.put(out);
    of.code.put(out);
    of.account.put(out);
    of.ttl.put(out);
    of.expires_at.put(out);
    let linked = if of.link.is_some() { SESSION_LINKED } else { 0 };
    out.push(u8::from(of.closed) | linked);
    of.game.put(out);
    of.lang.put(out);
    if let Some(link) = &of.link {
        link.game.put(out);
        link.used.put(out);
    }
    row.changed.put(out);
}

fn take_session(
    bytes: &mut Bytes<'_>,
    partner: PartnerNumber,
    player_id: &PlayerId,
    currency_of: impl Fn(AccountNumber) -> Option<Currency>,
) -> Result<SessionRow, CodecError> {
    let (number, code) = (Field::take(bytes)?, Field::take(bytes)?);
    let account = Field::take(bytes)?;
    let mut session = Session {
        number,
        code,
        partner,
        player_id: player_id.clone(),
        account,
        currency: currency_of(account).ok_or(CodecError::OutOfRange)?,
        ttl: Field::take(bytes)?,
        expires_at: Field::take(bytes)?,
        closed: false,
        game: None,
        lang: Lang::EN,
        link: None,
    };
    let state = bytes.byte()?;
    if state > SESSION_CLOSED | SESSION_LINKED {
        return Err(CodecError::UnknownBits);
    }
    session.closed = state & SESSION_CLOSED != 0;
    session.game = Field::take(bytes)?;
    session.lang = Field::take(bytes)?;
    if state & SESSION_LINKED != 0 {
        session.link = Some(AuthLink {
            game: Field::take(bytes)?,
            used: Field::take(bytes)?,
        });
    }
    let changed = Field::take(bytes)?;
    Ok(SessionRow { session, changed })
}

impl Row for PlayerRow {
    const TABLE: Definition = TableDefinition::new("players");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        self.partner.put(out);
        self.player_id.put(out);
        self.blocked.put(out);
        self.changed.put(out);
        self.last.put(out);
        (self.accounts.len() as u64).put(out);
        for account in &self.accounts {
            account.opened.number.put(out);
            account.opened.currency.put(out);
            account.opened.id_space.put(out);
            account.opened_at.put(out);
            account.balance.put(out);
            account.last.put(out);
            account.changed.put(out);
        }
        (self.sessions.len() as u64).put(out);
        for session in &self.sessions {
            put_session(session, out);
        }
    }

    fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<PlayerRow, CodecError> {
        let mut row = PlayerRow {
            partner: Field::take(bytes)?,
            player_id: Field::take(bytes)?,
            blocked: Field::take(bytes)?,
            changed: Field::take(bytes)?,
            last: Field::take(bytes)?,
            accounts: Vec::new(),
            sessions: Vec::new(),
        };
        for _ in 0..u64::take(bytes)? {
            let opened = AccountOpened {
                number: Field::take(bytes)?,
                partner: row.partner,
                player_id: row.player_id.clone(),
                currency: Field::take(bytes)?,
                id_space: Field::take(bytes)?,
            };
            row.accounts.push(AccountRow {
                opened,
                opened_at: Field::take(bytes)?,
                balance: Field::take(bytes)?,
                last: Field::take(bytes)?,
                changed: Field::take(bytes)?,
            });
        }
        for _ in 0..u64::take(bytes)? {
            let currency_of = |account| Some(row.account(account)?.opened.currency);
            let session = take_session(bytes, row.partner, &row.player_id, currency_of)?;
            row.sessions.push(session);
        }
        if row.accounts.is_empty() {
            return Err(CodecError::OutOfRange);
        }
        Ok(row)
    }
}

const ROUND_NONE: u8 = 0;
const ROUND_IS_ID: u8 = 1;
const ROUND_FOLLOWS: u8 = 2;

/// One byte, `state + 4 * round`, then what the state has.
impl Row for IdRow {
    const TABLE: Definition = TableDefinition::new("ids");

    fn encode(&self, key: &[u8], out: &mut Vec<u8>) {
        let id = last_number(key).expect("a key of ids ends with the id");
        let state = match self.state {
            IdState::Bet => 0,
            IdState::Win => 1,
            IdState::Cancelled => 2,
            IdState::Voided => 3,
        };
        let round = match self.round {
            None => ROUND_NONE,
            Some(round) if round.0 == id => ROUND_IS_ID,
            Some(_) => ROUND_FOLLOWS,
        };
        out.push(state + 4 * round);
        self.account.put(out);
        self.taken.put(out);
        (self.changed.0 - self.taken.0).put(out);
        if let Some(game) = self.game {
            game.put(out);
            self.amount.put(out);
        }
        if round == ROUND_FOLLOWS {
            self.round.expect("it follows").put(out);
        }
    }

    fn decode(key: &[u8], bytes: &mut Bytes<'_>) -> Result<IdRow, CodecError> {
        let first = bytes.byte()?;
        let (account, taken): (_, Seq) = (Field::take(bytes)?, Field::take(bytes)?);
        let later = u64::take(bytes)?;
        let changed = taken.0.checked_add(later).map(Seq);
        let mut row = IdRow {
            state: match first % 4 {
                0 => IdState::Bet,
                1 => IdState::Win,
                2 => IdState::Cancelled,
                _ => IdState::Voided,
            },
            account,
            amount: crate::money::Amount::ZERO,
            game: None,
            round: None,
            taken,
            changed: changed.ok_or(CodecError::OutOfRange)?,
        };
        if row.state != IdState::Voided {
            row.game = Some(Field::take(bytes)?);
            row.amount = Field::take(bytes)?;
        }
        row.round = match first / 4 {
            ROUND_NONE => None,
            ROUND_IS_ID => Some(RoundId(last_number(key)?)),
            ROUND_FOLLOWS => Some(Field::take(bytes)?),
            _ => return Err(CodecError::UnknownBits),
        };
        Ok(row)
    }
}

impl Row for Round {
    const TABLE: Definition = TableDefinition::new("rounds");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        out.push(u8::from(self.open) + 2 * u8::from(self.foreign));
        self.game.put(out);
        self.bets.put(out);
        self.wins.put(out);
        self.cancels.put(out);
        self.first.put(out);
        (self.last.0 - self.first.0).put(out);
        self.first_at.put(out);
        (self.last_at.micros() - self.first_at.micros()).put(out);
    }

    fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<Round, CodecError> {
        let first_byte = bytes.byte()?;
        if first_byte > 3 {
            return Err(CodecError::UnknownBits);
        }
        let game = Field::take(bytes)?;
        let (bets, wins, cancels) = (
            Field::take(bytes)?,
            Field::take(bytes)?,
            Field::take(bytes)?,
        );
        let (first, later): (Seq, u64) = (Field::take(bytes)?, Field::take(bytes)?);
        let first_at: crate::time::Timestamp = Field::take(bytes)?;
        let lasted = Field::take(bytes)?;
        Ok(Round {
            game,
            foreign: first_byte & 2 != 0,
            bets,
            wins,
            cancels,
            open: first_byte & 1 != 0,
            first_at,
            last_at: first_at.plus(lasted),
            first,
            last: first
                .0
                .checked_add(later)
                .map(Seq)
                .ok_or(CodecError::OutOfRange)?,
        })
    }
}

impl Row for OddPlay {
    const TABLE: Definition = TableDefinition::new("odd_plays");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        out.push(self.anomalies.bits());
        self.at.put(out);
        self.is_win.put(out);
        self.account.put(out);
        self.id.put(out);
        self.amount.put(out);
        self.game.put(out);
        self.round.put(out);
    }

    fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<OddPlay, CodecError> {
        let anomalies = Anomalies::from_bits(bytes.byte()?);
        Ok(OddPlay {
            anomalies: anomalies.ok_or(CodecError::UnknownBits)?,
            at: Field::take(bytes)?,
            is_win: Field::take(bytes)?,
            account: Field::take(bytes)?,
            id: Field::take(bytes)?,
            amount: Field::take(bytes)?,
            game: Field::take(bytes)?,
            round: Field::take(bytes)?,
        })
    }
}
