//! Requests of the Wallet API: one JSON object becomes a session's code and a command.
//!
//! Judged in this order, the first that holds is told: no JSON object, an unusable `type`, an
//! unknown type, then the members of that type only (wallet-api.md, Small print). Members of
//! other types are never looked at. Decoding allocates nothing once the buffers have grown.

use simd_json::{Buffers, Node, Tape};

use super::members::{
    Fault, Given, Malformed, Members, id, integer, malformed, optional, required, string,
    tame_great_integers,
};

use crate::engine::command::{CancelOf, Command, Transaction};
use crate::id::{GameNumber, RoundId, TransactionId};
use crate::money::Amount;

/// The largest `bet` or `win`, in cents (wallet-api.md, Requests).
const CENTS_MAX: u64 = 1_000_000_000_000_000;

/// The longest `code`, in bytes.
const CODE_BYTES_MAX: usize = 128;

/// The longest `time`, in bytes.
const TIME_BYTES_MAX: usize = 64;

/// A request, read but not yet judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The session's code as sent: 1 to 128 bytes of any text.
    pub code: &'a str,
    /// What is asked.
    pub command: Command,
}

/// Why a body is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Answered as `err_code` 7.
    Malformed(Malformed),
    /// Answered as `err_code` 10.
    UnknownType,
}

/// Decodes requests, keeping its buffers from one to the next.
pub struct Decoder {
    body: Vec<u8>,
    /// A body's second chance: see [`tame_great_integers`].
    tamed: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder {
            body: Vec::new(),
            tamed: Vec::new(),
            buffers: Buffers::default(),
            tape: Tape(Vec::new()),
        }
    }
}

impl Decoder {
    /// Reads one request. Its texts live in this decoder until the next call.
    ///
    /// # Errors
    /// [`DecodeError`], the first that holds in the order above.
    pub fn decode(&mut self, body: &[u8]) -> Result<Request<'_>, DecodeError> {
        self.body.clear();
        self.body.extend_from_slice(body);
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        // The parser rewrites the bytes that it is given, hence the copy.
        if simd_json::fill_tape(&mut self.body, &mut self.buffers, &mut tape).is_ok() {
            let request = read(&tape.0);
            self.tape = tape.reset();
            return request;
        }
        let mut tape = tape.reset();
        let request = if tame_great_integers(body, &mut self.tamed)
            && simd_json::fill_tape(&mut self.tamed, &mut self.buffers, &mut tape).is_ok()
        {
            read(&tape.0)
        } else {
            Err(no_object().into())
        };
        self.tape = tape.reset();
        request
    }
}

fn no_object() -> Malformed {
    malformed("body", Fault::NotAnObject)
}

impl From<Malformed> for DecodeError {
    fn from(malformed: Malformed) -> DecodeError {
        DecodeError::Malformed(malformed)
    }
}

fn read<'a>(nodes: &[Node<'a>]) -> Result<Request<'a>, DecodeError> {
    let members = Members::of(nodes).ok_or_else(no_object)?;
    let kind = string("type", members.kind)?;
    if !matches!(kind, "credit" | "bet" | "win" | "cancel") {
        return Err(DecodeError::UnknownType);
    }
    let code = string("code", members.code)?;
    if !(1..=CODE_BYTES_MAX).contains(&code.len()) {
        return Err(malformed("code", Fault::CodeLength).into());
    }
    let command = match kind {
        "bet" => Command::Bet(transaction(&members, "bet", members.bet)?),
        "win" => Command::Win(transaction(&members, "win", members.win)?),
        "cancel" => Command::Cancel(CancelOf {
            id: TransactionId(id("id", required("id", members.id)?)?),
            round: round(&members)?,
        }),
        _ => Command::Credit,
    };
    if let Some(time) = optional("time", members.time)? {
        match time {
            Node::String(text) if text.len() <= TIME_BYTES_MAX => {}
            Node::String(_) => return Err(malformed("time", Fault::TimeLength).into()),
            _ => return Err(malformed("time", Fault::NotAString).into()),
        }
    }
    Ok(Request { code, command })
}

fn transaction(
    members: &Members<'_>,
    name: &'static str,
    amount: Given<'_>,
) -> Result<Transaction, Malformed> {
    let game = integer("game", required("game", members.game)?, Fault::GameRange)?;
    let game = u32::try_from(game).map_err(|_| malformed("game", Fault::GameRange))?;
    let id = id("id", required("id", members.id)?)?;
    let cents = integer(name, required(name, amount)?, Fault::CentsRange)?;
    let amount = Amount::from_cents(cents).filter(|_| cents <= CENTS_MAX);
    Ok(Transaction {
        id: TransactionId(id),
        round: round(members)?,
        game: GameNumber(game),
        amount: amount.ok_or_else(|| malformed(name, Fault::CentsRange))?,
    })
}

fn round(members: &Members<'_>) -> Result<Option<RoundId>, Malformed> {
    match optional("round_id", members.round_id)? {
        Some(node) => id("round_id", node).map(|id| Some(RoundId(id))),
        None => Ok(None),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn decoded(body: &[u8]) -> Result<(String, Command), String> {
        match Decoder::default().decode(body) {
            Ok(request) => Ok((request.code.to_owned(), request.command)),
            Err(DecodeError::UnknownType) => Err("10".to_owned()),
            Err(DecodeError::Malformed(what)) => {
                Err(format!("{} {}", what.member, what.fault.text()))
            }
        }
    }

    /// A bet with one member put in or replaced.
    fn bet_with(name: &str, value: &str) -> String {
        let mut members = vec![
            ("type", "\"bet\""),
            ("code", "\"c\""),
            ("game", "1"),
            ("id", "3"),
            ("bet", "5"),
        ];
        members.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            members.push((name, value));
        }
        let members: Vec<_> = members
            .iter()
            .map(|(n, v)| format!("\"{n}\":{v}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    pub(in crate::protocol::wallet) fn fault_of(name: &str, value: &str) -> String {
        decoded(bet_with(name, value).as_bytes())
            .err()
            .unwrap_or_default()
    }

    fn play(id: u64, round: Option<u64>, game: u32, cents: u64) -> Transaction {
        Transaction {
            id: TransactionId(id),
            round: round.map(RoundId),
            game: GameNumber(game),
            amount: Amount::from_cents(cents).unwrap(),
        }
    }

    #[test]
    fn the_documents_requests_are_read() {
        let code = "hmeu134_56eEYeGgre";
        for (body, command) in [
            (
                r#"{"code":"hmeu134_56eEYeGgre","type":"credit","time":"21-09-2023 03:23:23"}"#,
                Command::Credit,
            ),
            (
                r#"{"bet":500,"code":"hmeu134_56eEYeGgre","game":1012,"id":3,"type":"bet","time":"21-09-2023 03:23:23"}"#,
                Command::Bet(play(3, None, 1012, 500)),
            ),
            (
                r#"{"code":"hmeu134_56eEYeGgre","game":1012,"id":4,"type":"win","win":1000,"time":"21-09-2023 03:23:23"}"#,
                Command::Win(play(4, None, 1012, 1000)),
            ),
            (
                r#"{"code":"hmeu134_56eEYeGgre","id":5,"type":"cancel","round_id":85,"time":"21-09-2023 07:27:45"}"#,
                Command::Cancel(CancelOf {
                    id: TransactionId(5),
                    round: Some(RoundId(85)),
                }),
            ),
            (
                r#"{"bet":100,"code":"hmeu134_56eEYeGgre","game":1053,"id":85,"round_id":85,"type":"bet","time":"21-09-2023 07:27:44"}"#,
                Command::Bet(play(85, Some(85), 1053, 100)),
            ),
        ] {
            assert_eq!(
                decoded(body.as_bytes()),
                Ok((code.to_owned(), command)),
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_no_json_object_is_malformed_before_all_else() {
        for body in [
            &b""[..],
            b" ",
            b"{",
            b"[]",
            b"null",
            b"3",
            b"\"bet\"",
            b"{}{}",
            b"{} x",
            b"{\"type\":\"nonsense\"} ,",
            b"{\"type\":\"nonsense\",}",
            b"{'type':'bet'}",
            b"\xef\xbb\xbf{}",
            b"{\"type\":\"credit\",\"code\":\"\xff\"}",
            b"{\"type\":\"credit\",\"code\":\"\xed\xa0\x80\"}",
            b"{\"type\":\"credit\",\"code\":\"\\ud800\"}",
            b"{\"type\":\"credit\",\"code\":\"\\udc00x\"}",
            b"{\"type\":\"credit\",\"code\":\"a\nb\"}",
            b"{\"type\":\"credit\",\"code\":\"c\",\"x\":01}",
            b"{\"type\":\"credit\",\"code\":\"c\"}\0",
        ] {
            let text = String::from_utf8_lossy(body);
            assert_eq!(
                decoded(body),
                Err("body must be one JSON object".into()),
                "{text}"
            );
        }
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(2000), "]".repeat(2000));
        assert!(decoded(deep.as_bytes()).is_err());
    }

    #[test]
    fn white_space_around_the_object_and_unknown_members_are_fine() {
        let body = b" \r\n\t{ \"x\" : {\"type\":[1,{\"code\":2}]} , \"type\":\"credit\",\"x\":[],\n\"code\":\"c\" } \n";
        assert_eq!(decoded(body), Ok(("c".into(), Command::Credit)));
    }

    #[test]
    fn the_type_is_judged_before_its_members() {
        for (body, fault) in [
            ("{}", "type is missing"),
            (r#"{"type":null}"#, "type must be a string"),
            (r#"{"type":1}"#, "type must be a string"),
            (r#"{"type":"bet","type":"bet"}"#, "type is given twice"),
            (r#"{"type":"x","type":"y"}"#, "type is given twice"),
            (r#"{"type":"deposit","code":5}"#, "10"),
            (r#"{"type":"Bet"}"#, "10"),
            (r#"{"type":""}"#, "10"),
            (r#"{"type":"credit"}"#, "code is missing"),
        ] {
            assert_eq!(decoded(body.as_bytes()), Err(fault.to_owned()), "{body}");
        }
    }

    #[test]
    fn null_in_an_optional_member_is_absence() {
        for name in ["round_id", "time"] {
            let body = bet_with(name, "null");
            let bet = Command::Bet(play(3, None, 1, 5));
            assert_eq!(decoded(body.as_bytes()), Ok(("c".into(), bet)), "{name}");
            let twice = format!("null,\"{name}\":null");
            assert_eq!(fault_of(name, &twice), format!("{name} is given twice"));
        }
    }

    #[test]
    fn codes_and_times_have_a_length() {
        let text = |length: usize| format!("\"{}\"", "x".repeat(length));
        for (name, value, fault) in [
            ("code", text(0), "code must be 1 to 128 bytes long"),
            ("code", text(128), ""),
            ("code", text(129), "code must be 1 to 128 bytes long"),
            ("code", "5".into(), "code must be a string"),
            ("code", "null".into(), "code must be a string"),
            ("code", "\"\\u0000\"".into(), ""),
            ("code", "\"\\u0000 \\ud83d\\ude00\"".into(), ""),
            ("time", text(0), ""),
            ("time", text(64), ""),
            ("time", text(65), "time must be at most 64 bytes long"),
            ("time", "5".into(), "time must be a string"),
            ("time", "\"a\",\"time\":\"a\"".into(), "time is given twice"),
        ] {
            assert_eq!(fault_of(name, &value), fault, "{name} {value}");
        }
    }

    #[test]
    fn only_the_types_own_members_are_looked_at() {
        for body in [
            r#"{"type":"credit","code":"c","id":-1,"bet":"x","bet":1.5,"game":null,"round_id":[]}"#,
            r#"{"type":"cancel","code":"c","id":5,"bet":-1,"win":"w","game":"g","game":2}"#,
            r#"{"type":"bet","code":"c","id":5,"game":1,"bet":1,"win":-1,"win":2}"#,
            r#"{"type":"win","code":"c","id":5,"game":1,"win":1,"bet":1.5,"bet":2}"#,
        ] {
            assert!(decoded(body.as_bytes()).is_ok(), "{body}");
        }
    }

    #[test]
    fn a_decoder_forgets_what_it_read_before() {
        let mut decoder = Decoder::default();
        assert!(
            decoder
                .decode(bet_with("time", "\"now\"").as_bytes())
                .is_ok()
        );
        assert!(decoder.decode(b"{\"type\":\"bet\"}").is_err());
        assert!(decoder.decode(b"{").is_err());
        let request = decoder
            .decode(b"{\"type\":\"credit\",\"code\":\"d\"}")
            .unwrap();
        assert_eq!(request.code, "d");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(body: Vec<u8>) {
            proptest::prop_assert!(Decoder::default().decode(&body).is_err());
        }

        #[test]
        fn json_like_bytes_are_read_or_refused_as_another_parser_would(
            body in "[{}\\[\\]\":,0-9a-z.\\-\\\\ ]{0,40}",
        ) {
            let ours = Decoder::default().decode(body.as_bytes()).is_ok();
            let object = serde_json::from_str::<serde_json::Map<_, _>>(&body).is_ok();
            proptest::prop_assert!(object || !ours);
        }

        #[test]
        fn every_id_and_amount_is_read_exactly(id: u64, cents in 0..=CENTS_MAX, game: u32) {
            let body = format!(
                r#"{{"type":"win","code":"c","id":{id},"round_id":"{id}","win":{cents},"game":{game}}}"#
            );
            let command = Command::Win(play(id, Some(id), game, cents));
            proptest::prop_assert_eq!(decoded(body.as_bytes()), Ok(("c".to_owned(), command)));
        }
    }
}
