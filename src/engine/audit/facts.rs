//! What entries say, taken apart into small records that are judged in another order.
//!
//! A fact is bytes: its kind, what it is sorted by, and the rest. Numbers stand big-endian and
//! texts end with a zero, which no text holds, so that bytes sort as what they stand for. Facts
//! live no longer than one reading.

use serde::Serialize;

use crate::id::{AccountNumber, GameNumber, RoundId, Seq, SessionNumber, TransactionId};
use crate::money::{Amount, Currency, Sum};
use crate::time::Timestamp;

/// What a fact is about. In the order in which they are judged; the numbers stand in facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// A player or a player's account, by partner and name.
    Player = 1,
    /// An adjustment's reference, by partner.
    Reference = 2,
    /// A session's code.
    Code = 3,
    /// A session: its document or its use.
    Session = 4,
    /// A bet, win or cancel in a round.
    Round = 5,
    /// Anything that touches an account.
    Account = 6,
    /// A transaction id, by id space and currency. Comes of judging an [`Kind::Account`].
    Id = 7,
    /// A partner's document.
    Partner = 8,
    /// A play that was odd, by its entry.
    Odd = 9,
    /// A user, or a transfer to or from one, by the mobile number.
    User = 10,
    /// A transfer's id, by partner.
    Transfer = 11,
    /// A received payment, by wallet type and reference.
    Payment = 12,
    /// A document of the gateway, by its key.
    Gateway = 16,
    /// An order, by its reference.
    Order = 13,
    /// A partner's name for an order.
    OrderId = 14,
    /// A bank's reference that was named for something.
    Claim = 15,
}

impl Kind {
    fn of(byte: u8) -> Kind {
        match byte {
            1 => Kind::Player,
            2 => Kind::Reference,
            3 => Kind::Code,
            4 => Kind::Session,
            5 => Kind::Round,
            6 => Kind::Account,
            7 => Kind::Id,
            8 => Kind::Partner,
            9 => Kind::Odd,
            10 => Kind::User,
            11 => Kind::Transfer,
            12 => Kind::Payment,
            16 => Kind::Gateway,
            13 => Kind::Order,
            14 => Kind::OrderId,
            15 => Kind::Claim,
            _ => panic!("a fact begins with its kind"),
        }
    }
}

/// Facts that were gained and wait to be sorted.
#[derive(Debug, Default)]
pub struct Facts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Facts {
    /// Each of them, in no order that matters.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, &end)| &self.bytes[start..end])
    }

    /// Whether a fact is judged after those that gain new ones: it wants to be sorted with these.
    pub fn is_late(fact: &[u8]) -> bool {
        fact.first() == Some(&(Kind::Id as u8))
    }

    /// Forgets them: they were taken.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub(super) fn add(&mut self, kind: Kind, write: impl FnOnce(&mut Writer<'_>)) {
        self.bytes.push(kind as u8);
        write(&mut Writer(&mut self.bytes));
        self.ends.push(self.bytes.len());
    }
}

/// What stands for content that is only compared.
pub(super) type Digest = [u8; 16];

/// The digest of what `write` writes.
pub(super) fn digest(write: impl FnOnce(&mut Writer<'_>)) -> Digest {
    let mut bytes = Vec::new();
    write(&mut Writer(&mut bytes));
    let hash = blake3::hash(&bytes);
    *(hash.as_bytes().first_chunk()).expect("a hash has 32 bytes")
}

/// Writes one fact.
pub(super) struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    pub(super) fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    pub(super) fn small(&mut self, number: u32) -> &mut Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        debug_assert!(!text.contains('\0'), "texts hold no control characters");
        self.0.extend_from_slice(text.as_bytes());
        self.byte(0)
    }

    pub(super) fn currency(&mut self, currency: Currency) -> &mut Self {
        self.0.extend_from_slice(currency.as_str().as_bytes());
        self
    }

    pub(super) fn cents(&mut self, cents: i64) -> &mut Self {
        self.0.extend_from_slice(&cents.to_be_bytes());
        self
    }

    pub(super) fn digest(&mut self, digest: &Digest) -> &mut Self {
        self.0.extend_from_slice(digest);
        self
    }

    pub(super) fn sum(&mut self, sum: Sum) -> &mut Self {
        self.0.extend_from_slice(&sum.cents().to_be_bytes());
        self
    }

    pub(super) fn at(&mut self, at: Timestamp) -> &mut Self {
        self.number(at.micros())
    }

    /// A document, as JSON.
    pub(super) fn document(&mut self, document: &impl Serialize) -> &mut Self {
        serde_json::to_writer(&mut *self.0, document).expect("a document is plain data");
        self.byte(0)
    }

    pub(super) fn round(&mut self, round: Option<RoundId>) -> &mut Self {
        self.byte(u8::from(round.is_some()));
        self.number(round.map_or(0, |round| round.0))
    }
}

/// Reads one fact, part by part, as it was written.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

const WRITTEN: &str = "a fact reads as it was written";

impl<'a> Reader<'a> {
    /// The fact's kind, and the rest of it.
    pub(super) fn new(fact: &'a [u8]) -> (Kind, Reader<'a>) {
        let mut reader = Reader(fact);
        let kind = Kind::of(reader.byte());
        (kind, reader)
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let (array, rest) = self.0.split_first_chunk().expect(WRITTEN);
        self.0 = rest;
        *array
    }

    pub(super) fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub(super) fn small(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    pub(super) fn number(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    pub(super) fn text(&mut self) -> &'a str {
        let end = self.0.iter().position(|&byte| byte == 0).expect(WRITTEN);
        let (text, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        std::str::from_utf8(text).expect(WRITTEN)
    }

    pub(super) fn currency(&mut self) -> Currency {
        let letters: [u8; 3] = self.array();
        let text = std::str::from_utf8(&letters).expect(WRITTEN);
        text.parse().expect(WRITTEN)
    }

    pub(super) fn cents(&mut self) -> Sum {
        Sum::from(i64::from_be_bytes(self.array()))
    }

    pub(super) fn digest(&mut self) -> Digest {
        self.array()
    }

    pub(super) fn sum(&mut self) -> Sum {
        Sum::from_cents(i128::from_be_bytes(self.array()))
    }

    pub(super) fn at(&mut self) -> Timestamp {
        Timestamp::from_micros(self.number())
    }

    pub(super) fn amount(&mut self) -> Amount {
        Amount::from_cents(self.number()).expect(WRITTEN)
    }

    pub(super) fn round(&mut self) -> Option<RoundId> {
        let named = self.byte() == 1;
        let number = self.number();
        named.then_some(RoundId(number))
    }

    pub(super) fn seq(&mut self) -> Seq {
        Seq(self.number())
    }

    pub(super) fn account(&mut self) -> AccountNumber {
        AccountNumber(self.number())
    }

    pub(super) fn session(&mut self) -> SessionNumber {
        SessionNumber(self.number())
    }

    pub(super) fn id(&mut self) -> TransactionId {
        TransactionId(self.number())
    }

    pub(super) fn game(&mut self) -> GameNumber {
        GameNumber(self.small())
    }
}
