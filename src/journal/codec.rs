//! Entries as bytes, for ever: what is written once is read by every later version.
//!
//! An entry begins with the number of its form, one byte. A form is never changed; a new shape
//! gets a new number. Its seq is not written: the entries of a batch number on from the first.
//!
//! Numbers and texts are as `bytes` has them.
//!
//! ```text
//! 1  bet      flags, at, account, session, id, [round], game, amount, previous, balance, [odd]
//! 2  win      the same
//! 3  cancel   flags, at, account, session, id, bet, [round], game, amount, previous, balance, [odd]
//! 4  void     at, account, session, id
//! 5  record   at, text: the record as JSON
//! ```
//!
//! - flags, one byte. Bits 0-1, the round: 0 none, 1 the same number as id, 2 it follows as
//!   `round`. Bit 2: `odd` follows. The others are zero.
//! - at: microseconds after the batch's base time.
//! - account, session, id, game: their numbers. amount, balance (after the entry): cents.
//! - round: round minus id, modulo 2^64, as a signed number in zigzag (0, -1, 1, -2 ... as
//!   0, 1, 2, 3 ...): near its id it takes one byte.
//! - bet: seq minus the bet's seq. previous: seq minus the account's previous seq, 0 for none.
//! - odd: the anomalies' bits, one byte, not zero.
//!
//! An entry that is no record has exactly one encoding. A bet takes about 27 bytes, and 62 with ids that
//! are random over 64 bits, accounts and sessions beyond 30 thousand million, the greatest
//! amounts, and a previous entry 2.8 * 10^14 entries ago; a cancel 69.

use std::sync::Arc;

use crate::bytes::{Bytes, CodecError, put_number, put_text};
use crate::engine::entry::{Anomalies, Body, Cancel, Entry, Link, Play, Void};
use crate::id::{AccountNumber, GameNumber, RoundId, Seq, SessionNumber, TransactionId};
use crate::money::Amount;
use crate::time::Timestamp;

const BET: u8 = 1;
const WIN: u8 = 2;
const CANCEL: u8 = 3;
const VOID: u8 = 4;
const RECORD: u8 = 5;

const ROUND: u8 = 0b11;
const ROUND_NONE: u8 = 0;
const ROUND_IS_ID: u8 = 1;
const ROUND_FOLLOWS: u8 = 2;
const ODD_FOLLOWS: u8 = 0b100;

/// Writes one entry of a batch that begins at `base`.
///
/// # Panics
/// Where the entry is older than `base`, or names an entry that is not before it.
pub(super) fn encode_entry(entry: &Entry, base: Timestamp, out: &mut Vec<u8>) {
    let at = earlier(entry.at.micros(), base.micros());
    match &entry.body {
        Body::Bet(play) => encode_play(BET, entry.seq, at, play, out),
        Body::Win(play) => encode_play(WIN, entry.seq, at, play, out),
        Body::Cancel(cancel) => encode_cancel(entry.seq, at, cancel, out),
        Body::Void(void) => {
            out.push(VOID);
            for number in [at, void.account.0, void.session.0, void.id.0] {
                put_number(number, out);
            }
        }
        Body::Record(record) => {
            out.push(RECORD);
            put_number(at, out);
            let text = serde_json::to_vec(&**record).expect("a record is plain data");
            put_text(&text, out);
        }
    }
}

fn encode_play(form: u8, seq: Seq, at: u64, play: &Play, out: &mut Vec<u8>) {
    out.extend_from_slice(&[form, flags(play.id, play.round, play.anomalies)]);
    for number in [at, play.account.0, play.session.0, play.id.0] {
        put_number(number, out);
    }
    put_round(play.id, play.round, out);
    put_number(play.game.0.into(), out);
    put_number(play.amount.cents(), out);
    put_link(seq, play.link, out);
    put_anomalies(play.anomalies, out);
}

fn encode_cancel(seq: Seq, at: u64, cancel: &Cancel, out: &mut Vec<u8>) {
    out.extend_from_slice(&[CANCEL, flags(cancel.id, cancel.round, cancel.anomalies)]);
    for number in [at, cancel.account.0, cancel.session.0, cancel.id.0] {
        put_number(number, out);
    }
    put_number(earlier(seq.0, cancel.bet.0), out);
    put_round(cancel.id, cancel.round, out);
    put_number(cancel.game.0.into(), out);
    put_number(cancel.amount.cents(), out);
    put_link(seq, cancel.link, out);
    put_anomalies(cancel.anomalies, out);
}

/// How much `number` is after what came before it.
fn earlier(number: u64, before: u64) -> u64 {
    number
        .checked_sub(before)
        .expect("seqs and times of a batch only grow")
}

fn flags(id: TransactionId, round: Option<RoundId>, anomalies: Anomalies) -> u8 {
    let round = match round {
        None => ROUND_NONE,
        Some(round) if round.0 == id.0 => ROUND_IS_ID,
        Some(_) => ROUND_FOLLOWS,
    };
    let odd = if anomalies == Anomalies::NONE {
        0
    } else {
        ODD_FOLLOWS
    };
    round | odd
}

fn put_round(id: TransactionId, round: Option<RoundId>, out: &mut Vec<u8>) {
    if let Some(round) = round.filter(|round| round.0 != id.0) {
        let difference = round.0.wrapping_sub(id.0).cast_signed();
        put_number(
            ((difference << 1) ^ (difference >> 63)).cast_unsigned(),
            out,
        );
    }
}

fn put_link(seq: Seq, link: Link, out: &mut Vec<u8>) {
    let back = if link.previous == Seq::NONE {
        0
    } else {
        earlier(seq.0, link.previous.0)
    };
    put_number(back, out);
    put_number(link.balance_after.cents(), out);
}

fn put_anomalies(anomalies: Anomalies, out: &mut Vec<u8>) {
    if anomalies != Anomalies::NONE {
        out.push(anomalies.bits());
    }
}

/// Reads the entry numbered `seq` of a batch that begins at `base`.
///
/// # Errors
/// [`CodecError`]. Any bytes are fit to be asked about.
pub(super) fn decode_entry(
    bytes: &mut Bytes<'_>,
    seq: Seq,
    base: Timestamp,
) -> Result<Entry, CodecError> {
    let form = bytes.byte()?;
    let flags = match form {
        BET | WIN | CANCEL => Flags::decode(bytes.byte()?)?,
        VOID | RECORD => Flags::default(),
        0 => return Err(CodecError::OutOfRange),
        _ => return Err(CodecError::Newer(form)),
    };
    let at = bytes.at(base)?;
    let body = match form {
        BET => Body::Bet(bytes.play(seq, flags)?),
        WIN => Body::Win(bytes.play(seq, flags)?),
        CANCEL => Body::Cancel(bytes.cancel(seq, flags)?),
        VOID => Body::Void(Void {
            account: AccountNumber(bytes.number()?),
            session: SessionNumber(bytes.number()?),
            id: TransactionId(bytes.number()?),
        }),
        _ => {
            let text = bytes.text()?;
            Body::Record(
                serde_json::from_slice(text)
                    .map(Arc::new)
                    .map_err(|_| CodecError::Text)?,
            )
        }
    };
    Ok(Entry { seq, at, body })
}

#[derive(Clone, Copy, Default)]
struct Flags {
    round: u8,
    odd: bool,
}

impl Flags {
    fn decode(byte: u8) -> Result<Flags, CodecError> {
        let round = byte & ROUND;
        if byte & !(ROUND | ODD_FOLLOWS) != 0 || round > ROUND_FOLLOWS {
            return Err(CodecError::UnknownBits);
        }
        Ok(Flags {
            round,
            odd: byte & ODD_FOLLOWS != 0,
        })
    }
}

/// The parts of entries.
impl Bytes<'_> {
    fn at(&mut self, base: Timestamp) -> Result<Timestamp, CodecError> {
        let micros = base.micros().checked_add(self.number()?);
        micros
            .filter(|&micros| micros <= Timestamp::MAX.micros())
            .map(Timestamp::from_micros)
            .ok_or(CodecError::OutOfRange)
    }

    fn amount(&mut self) -> Result<Amount, CodecError> {
        Amount::from_cents(self.number()?).ok_or(CodecError::OutOfRange)
    }

    /// The seq that lies so many before `seq`, which is never the first.
    fn before(&mut self, seq: Seq) -> Result<Seq, CodecError> {
        match self.number()? {
            0 => Err(CodecError::OutOfRange),
            back if back < seq.0 => Ok(Seq(seq.0 - back)),
            _ => Err(CodecError::OutOfRange),
        }
    }

    fn round(&mut self, id: TransactionId, flags: Flags) -> Result<Option<RoundId>, CodecError> {
        match flags.round {
            ROUND_NONE => Ok(None),
            ROUND_IS_ID => Ok(Some(RoundId(id.0))),
            _ => match self.number()? {
                0 => Err(CodecError::Overlong),
                zigzag => {
                    let difference = (zigzag >> 1) ^ (zigzag & 1).wrapping_neg();
                    Ok(Some(RoundId(id.0.wrapping_add(difference))))
                }
            },
        }
    }

    fn game(&mut self) -> Result<GameNumber, CodecError> {
        u32::try_from(self.number()?)
            .map(GameNumber)
            .map_err(|_| CodecError::OutOfRange)
    }

    fn link(&mut self, seq: Seq) -> Result<Link, CodecError> {
        let previous = if self.0.first() == Some(&0) {
            self.take(1)?;
            Seq::NONE
        } else {
            self.before(seq)?
        };
        Ok(Link {
            previous,
            balance_after: self.amount()?,
        })
    }

    fn anomalies(&mut self, flags: Flags) -> Result<Anomalies, CodecError> {
        if !flags.odd {
            return Ok(Anomalies::NONE);
        }
        match self.byte()? {
            0 => Err(CodecError::Overlong),
            bits => Anomalies::from_bits(bits).ok_or(CodecError::UnknownBits),
        }
    }

    fn play(&mut self, seq: Seq, flags: Flags) -> Result<Play, CodecError> {
        let account = AccountNumber(self.number()?);
        let session = SessionNumber(self.number()?);
        let id = TransactionId(self.number()?);
        Ok(Play {
            account,
            session,
            id,
            round: self.round(id, flags)?,
            game: self.game()?,
            amount: self.amount()?,
            link: self.link(seq)?,
            anomalies: self.anomalies(flags)?,
        })
    }

    fn cancel(&mut self, seq: Seq, flags: Flags) -> Result<Cancel, CodecError> {
        let account = AccountNumber(self.number()?);
        let session = SessionNumber(self.number()?);
        let id = TransactionId(self.number()?);
        Ok(Cancel {
            account,
            session,
            id,
            bet: self.before(seq)?,
            round: self.round(id, flags)?,
            game: self.game()?,
            amount: self.amount()?,
            link: self.link(seq)?,
            anomalies: self.anomalies(flags)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples;
    use super::*;
    use crate::engine::entry::Anomaly;
    use crate::secret::{hex_decode, hex_encode};

    fn encode(entry: &Entry, base: Timestamp) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_entry(entry, base, &mut bytes);
        bytes
    }

    fn decode(bytes: &[u8], seq: Seq, base: Timestamp) -> Result<Entry, CodecError> {
        let mut bytes = Bytes(bytes);
        let entry = decode_entry(&mut bytes, seq, base)?;
        if bytes.0.is_empty() {
            Ok(entry)
        } else {
            Err(CodecError::Trailing)
        }
    }

    type Sample = fn(u64) -> Entry;

    /// Each form as it was first written: hex digits, and the text at the end. These bytes never
    /// change.
    const GOLDEN: [(Sample, &str, &str); 6] = [
        (
            samples::bet,
            "0102d00ff0a20480897a8994ebdc0311f607c4130587ad4b",
            "",
        ),
        (
            samples::win,
            "0204d00ff0a20480897a8994ebdc03f607c4130587ad4b01",
            "",
        ),
        (
            samples::cancel,
            "0301d00ff0a20480897a8994ebdc0301f607c4130587ad4b",
            "",
        ),
        (samples::void, "04d00ff0a20480897a8994ebdc03", ""),
        (
            samples::record,
            "05d00fa002",
            concat!(
                r#"{"by":"operator","kind":"adjustment","postings":[{"account":{"player":70000},"#,
                r#""currency":"INR","cents":-500,"link":{"previous":4,"balance_after":1234567}},"#,
                r#"{"account":"adjustments","currency":"INR","cents":500}],"documents":[{"player":"#,
                r#"{"partner":"p1","player_id":"usr-1","blocked":false}}]}"#,
            ),
        ),
        (
            samples::transfer,
            "05d00fcf03",
            concat!(
                r#"{"by":"partner","kind":"transfer","postings":[{"account":{"partner":"p1"},"currency""#,
                r#":"INR","cents":-500},{"account":{"player":70000},"currency":"INR","cents":500,"link""#,
                r#":{"previous":4,"balance_after":1234567}}],"documents":[{"user":{"number":101,"partne"#,
                r#"r":"p1","name":"New User Name","email":"newuser@example.com","mobile":"1234567890",""#,
                r#"account":70000}},{"transfer":{"partner":"p1","id":"D-1","kind":"deposit","mobile":"1"#,
                r#"234567890","account":70000,"amount":500}}]}"#,
            ),
        ),
    ];

    #[test]
    fn every_form_is_written_and_read_as_it_first_was() {
        for (entry, hex, text) in GOLDEN {
            let entry = entry(9);
            let golden = [&hex_decode(hex).unwrap(), text.as_bytes()].concat();
            let bytes = encode(&entry, samples::at(1));
            assert_eq!(hex_encode(&bytes), hex_encode(&golden));
            assert_eq!(decode(&golden, Seq(9), samples::at(1)), Ok(entry));
        }
    }

    #[test]
    fn whatever_is_cut_or_altered_is_refused_or_another_entry() {
        for (entry, _, _) in GOLDEN {
            let entry = entry(9);
            let good = encode(&entry, samples::at(1));
            for len in 0..good.len() {
                assert!(decode(&good[..len], Seq(9), samples::at(1)).is_err());
            }
            for place in 0..good.len() {
                for bit in 0..8 {
                    let mut bytes = good.clone();
                    bytes[place] ^= 1 << bit;
                    assert_ne!(decode(&bytes, Seq(9), samples::at(1)), Ok(entry.clone()));
                }
            }
        }
    }

    #[test]
    fn what_is_never_written_is_refused_by_name() {
        let base = samples::at(1);
        for (hex, expected) in [
            ("", CodecError::Truncated),
            ("00", CodecError::OutOfRange),
            ("06", CodecError::Newer(6)),
            ("ff", CodecError::Newer(255)),
            ("0403000000", CodecError::Trailing),
            ("0480000000", CodecError::Overlong),
            ("04ffffffffffffffff00000000", CodecError::Overlong),
            ("04ffffffffffffffffff000000", CodecError::OutOfRange),
            ("0108", CodecError::UnknownBits),
            ("0103", CodecError::UnknownBits),
            ("010200010105000101000105", CodecError::Overlong),
            ("01040001010501010001", CodecError::Truncated),
            ("0104000101050101000100", CodecError::Overlong),
            ("0104000101050101000110", CodecError::UnknownBits),
            ("01000001010580808080100101", CodecError::OutOfRange),
            ("0100000101050180808080808080100001", CodecError::OutOfRange),
            ("010000010105010109010000", CodecError::OutOfRange),
            ("03000001010500010100", CodecError::OutOfRange),
            ("0500027b7d", CodecError::Text),
            ("0500ffff03", CodecError::Truncated),
        ] {
            let bytes = hex_decode(hex).unwrap();
            // The trailing case is a whole void with a byte to spare.
            let bytes = if expected == CodecError::Trailing {
                [bytes.as_slice(), &[0]].concat()
            } else {
                bytes
            };
            assert_eq!(decode(&bytes, Seq(9), base), Err(expected), "{hex}");
        }
    }

    #[test]
    fn the_greatest_entries_stay_small() {
        let seq = Seq(1 << 50);
        let play = Play {
            account: AccountNumber((1 << 35) - 1),
            session: SessionNumber((1 << 35) - 1),
            id: TransactionId(u64::MAX),
            round: Some(RoundId(1 << 63)),
            game: GameNumber(u32::MAX),
            amount: Amount::MAX,
            link: Link {
                previous: Seq(seq.0 - (1 << 48)),
                balance_after: Amount::MAX,
            },
            anomalies: Anomalies::NONE.with(Anomaly::CancelAfterWin, true),
        };
        let size = |body| {
            let entry = Entry {
                seq,
                at: samples::at(4_000),
                body,
            };
            let bytes = encode(&entry, samples::at(1));
            assert_eq!(decode(&bytes, seq, samples::at(1)), Ok(entry));
            bytes.len()
        };
        let cancel = Cancel {
            account: play.account,
            session: play.session,
            id: play.id,
            bet: Seq(seq.0 - (1 << 48)),
            round: play.round,
            game: play.game,
            amount: play.amount,
            link: play.link,
            anomalies: play.anomalies,
        };
        assert_eq!(size(Body::Bet(play)), 62);
        assert_eq!(size(Body::Cancel(cancel)), 69);
        assert_eq!(encode(&samples::bet(1_000), samples::at(1)).len(), 27);
    }

    fn numbers() -> impl Strategy<Value = u64> {
        (any::<u64>(), 0..64_u32).prop_map(|(number, shift)| number >> shift)
    }

    prop_compose! {
        fn entries()(
            form in 1..5_u8,
            seq in numbers().prop_map(|seq| seq.max(2)),
            after in 0..Timestamp::MAX.micros(),
            account in numbers(),
            session in numbers(),
            id in numbers(),
            round in proptest::option::of(numbers()),
            same in any::<bool>(),
            game in any::<u32>(),
            amount in numbers(),
            balance in numbers(),
            back in numbers(),
            odd in 0..16_u8,
        ) -> Entry {
            let money = |cents| Amount::from_cents(cents & Amount::MAX.cents()).unwrap();
            let (account, session, id) =
                (AccountNumber(account), SessionNumber(session), TransactionId(id));
            let round = round.map(|round| RoundId(if same { id.0 } else { round }));
            let link = Link { previous: Seq(back % seq), balance_after: money(balance) };
            let (game, amount) = (GameNumber(game), money(amount));
            let anomalies = Anomalies::from_bits(odd).unwrap();
            let play = Play { account, session, id, round, game, amount, link, anomalies };
            let body = match form {
                BET => Body::Bet(play),
                WIN => Body::Win(play),
                CANCEL => Body::Cancel(Cancel {
                    account, session, id, bet: Seq(1 + back % (seq - 1)), round, game, amount, link, anomalies,
                }),
                _ => Body::Void(Void { account, session, id }),
            };
            Entry { seq: Seq(seq), at: Timestamp::from_micros(after), body }
        }
    }

    proptest! {
        #[test]
        fn entries_round_trip(entry in entries()) {
            let bytes = encode(&entry, Timestamp::EPOCH);
            prop_assert_eq!(decode(&bytes, entry.seq, Timestamp::EPOCH), Ok(entry));
        }

        #[test]
        fn whatever_decodes_encodes_to_the_same_bytes(
            form in 1..5_u8,
            rest in proptest::collection::vec(prop_oneof![0..8_u8, any::<u8>()], 0..60),
        ) {
            let bytes = [&[form], rest.as_slice()].concat();
            let mut left = Bytes(&bytes);
            if let Ok(entry) = decode_entry(&mut left, Seq(1 << 40), Timestamp::EPOCH) {
                let taken = bytes.len() - left.0.len();
                prop_assert_eq!(&encode(&entry, Timestamp::EPOCH), &bytes[..taken]);
            }
        }
    }
}
