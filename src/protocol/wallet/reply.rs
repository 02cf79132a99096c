//! Answers of the Wallet API, byte for byte: member order as documented, no white space.

use super::ErrorCode;
use super::members::Malformed;
use super::request::DecodeError;
use super::texts::{Texts, json_escape};
use crate::engine::refusal::PlayRefusal;
use crate::id::{Lang, PlayerId};
use crate::money::{Amount, Currency};
use crate::time::{Timestamp, UtcOffset};

/// The answer to an unknown wallet token, with HTTP 404 (wallet-api.md, Small print).
pub const UNKNOWN_WALLET_TOKEN: &[u8] =
    br#"{"result":15,"err_code":15,"err_desc":"Unknown wallet token"}"#;

/// The answer to a caller outside the partner's list of addresses, with HTTP 403.
pub const ADDRESS_NOT_ALLOWED: &[u8] =
    br#"{"result":16,"err_code":16,"err_desc":"Address not allowed"}"#;

/// The answer to a body over 4 KiB, with HTTP 413.
pub const BODY_TOO_LARGE: &[u8] =
    br#"{"result":7,"err_code":7,"err_desc":"Malformed request: body must be at most 4 KiB"}"#;

/// The answer to any method but POST, with HTTP 405.
pub const METHOD_NOT_ALLOWED: &[u8] =
    br#"{"result":7,"err_code":7,"err_desc":"Malformed request: method must be POST"}"#;

/// The answer of a server that has too many callers to listen to one more, with HTTP 503. It
/// bears no time: nothing was looked at.
pub const TOO_MANY_CONNECTIONS: &[u8] =
    br#"{"result":50,"err_code":50,"err_desc":"Temporarily unavailable"}"#;

/// The `result` of an answer of success.
pub const DONE: u8 = 1;

/// What a game server is told.
#[derive(Clone, Copy, Debug)]
pub enum Reply<'a> {
    /// Answer to `credit`.
    Balance {
        /// Whose.
        player_id: &'a PlayerId,
        /// In which currency.
        currency: Currency,
        /// What the account holds.
        balance: Amount,
    },
    /// A bet, win or cancel was taken, now or before.
    Done {
        /// What the account holds.
        balance: Amount,
    },
    /// The rules say no.
    Refused {
        /// Why.
        refusal: PlayRefusal,
        /// What the account holds, where the session is known.
        balance: Option<Amount>,
        /// The session's language.
        lang: Lang,
    },
    /// The request does not follow the protocol.
    Malformed(Malformed),
    /// No such type of request.
    UnknownType,
    /// Nothing was touched. With HTTP 503.
    Unavailable,
}

impl Reply<'_> {
    /// The answer's `result`: 1, or the `err_code`.
    pub fn result(&self) -> u8 {
        let code = match self {
            Reply::Balance { .. } | Reply::Done { .. } => return DONE,
            Reply::Refused { refusal, .. } => code_of(*refusal),
            Reply::Malformed(_) => ErrorCode::Malformed,
            Reply::UnknownType => ErrorCode::UnknownType,
            Reply::Unavailable => ErrorCode::Unavailable,
        };
        code.number()
    }
}

impl From<DecodeError> for Reply<'_> {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed(malformed) => Reply::Malformed(malformed),
            DecodeError::UnknownType => Reply::UnknownType,
        }
    }
}

/// The protocol's code for a refusal. No `_` arm: a new refusal needs its answer here.
fn code_of(refusal: PlayRefusal) -> ErrorCode {
    match refusal {
        PlayRefusal::SessionUnknown => ErrorCode::SessionNotFound,
        PlayRefusal::IdVoided => ErrorCode::IdCancelled,
        PlayRefusal::IdUsed => ErrorCode::IdUsed,
        PlayRefusal::SessionExpired => ErrorCode::SessionExpired,
        PlayRefusal::PlayerBlocked => ErrorCode::PlayerBlocked,
        PlayRefusal::LimitExceeded => ErrorCode::LimitExceeded,
        PlayRefusal::InsufficientFunds => ErrorCode::InsufficientFunds,
        PlayRefusal::NotABet => ErrorCode::NotABet,
        PlayRefusal::RoundMismatch => ErrorCode::RoundMismatch,
        PlayRefusal::RoundPaid => ErrorCode::RoundPaid,
        PlayRefusal::BalanceOutOfRange => ErrorCode::BalanceOutOfRange,
    }
}

/// How answers are worded: the configured texts and the offset of `time`.
#[derive(Clone, Debug)]
pub struct Wording {
    /// `err_desc` per language and code.
    pub texts: Texts,
    /// What `time` is shown in.
    pub utc_offset: UtcOffset,
}

/// The answer's body; `at` becomes its `time`.
pub fn encode(reply: &Reply<'_>, at: Timestamp, wording: &Wording) -> Vec<u8> {
    let mut body = Vec::with_capacity(192);
    match reply {
        Reply::Balance {
            player_id,
            currency,
            balance,
        } => {
            body.extend_from_slice(b"{\"credit\":");
            put_number(&mut body, balance.cents());
            body.extend_from_slice(b",\"player_id\":\"");
            put_escaped(&mut body, player_id.as_str());
            body.extend_from_slice(b"\",\"result\":1");
            put_time(&mut body, at, wording);
            body.extend_from_slice(b",\"currency\":\"");
            body.extend_from_slice(currency.as_str().as_bytes());
            body.extend_from_slice(b"\"}");
        }
        Reply::Done { balance } => {
            body.extend_from_slice(b"{\"credit\":");
            put_number(&mut body, balance.cents());
            body.extend_from_slice(b",\"result\":1");
            put_time(&mut body, at, wording);
            body.push(b'}');
        }
        Reply::Refused {
            refusal,
            balance,
            lang,
        } => {
            put_code(&mut body, code_of(*refusal), *lang, wording);
            body.push(b'"');
            if let Some(balance) = balance {
                body.extend_from_slice(b",\"credit\":");
                put_number(&mut body, balance.cents());
            }
            put_time(&mut body, at, wording);
            body.push(b'}');
        }
        Reply::Malformed(malformed) => {
            put_code(&mut body, ErrorCode::Malformed, Lang::EN, wording);
            body.extend_from_slice(b": ");
            body.extend_from_slice(malformed.member.as_bytes());
            body.push(b' ');
            body.extend_from_slice(malformed.fault.text().as_bytes());
            body.push(b'"');
            put_time(&mut body, at, wording);
            body.push(b'}');
        }
        Reply::UnknownType => put_plain(&mut body, ErrorCode::UnknownType, at, wording),
        Reply::Unavailable => put_plain(&mut body, ErrorCode::Unavailable, at, wording),
    }
    body
}

/// A code whose text says all, in English: no session is known.
fn put_plain(body: &mut Vec<u8>, code: ErrorCode, at: Timestamp, wording: &Wording) {
    put_code(body, code, Lang::EN, wording);
    body.push(b'"');
    put_time(body, at, wording);
    body.push(b'}');
}

/// Up to the text, whose closing quote is left to the caller.
fn put_code(body: &mut Vec<u8>, code: ErrorCode, lang: Lang, wording: &Wording) {
    let number = u64::from(code.number());
    body.extend_from_slice(b"{\"result\":");
    put_number(body, number);
    body.extend_from_slice(b",\"err_code\":");
    put_number(body, number);
    body.extend_from_slice(b",\"err_desc\":\"");
    body.extend_from_slice(wording.texts.text(code, lang).as_bytes());
}

fn put_time(body: &mut Vec<u8>, at: Timestamp, wording: &Wording) {
    body.extend_from_slice(b",\"time\":\"");
    body.extend_from_slice(&at.wallet_text(wording.utc_offset));
    body.push(b'"');
}

fn put_number(body: &mut Vec<u8>, number: u64) {
    body.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Player ids are printable ASCII: of that, two characters need an escape.
fn put_escaped(body: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|byte| matches!(byte, b'"' | b'\\')) {
        body.extend_from_slice(json_escape(text).as_bytes());
    } else {
        body.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::wallet::request::Decoder;

    fn wording() -> Wording {
        Wording {
            texts: Texts::default(),
            utc_offset: UtcOffset::UTC,
        }
    }

    fn encoded(reply: &Reply<'_>) -> String {
        let at = "2023-09-21T03:23:23Z".parse().unwrap();
        let body = encode(reply, at, &wording());
        serde_json::from_slice::<serde_json::Value>(&body).expect("answers are JSON");
        String::from_utf8(body).unwrap()
    }

    fn cents(cents: u64) -> Amount {
        Amount::from_cents(cents).unwrap()
    }

    #[test]
    fn successes_are_answered_as_documented() {
        let player_id = "usr-1122334455".parse().unwrap();
        let balance = Reply::Balance {
            player_id: &player_id,
            currency: "USD".parse().unwrap(),
            balance: cents(100_000),
        };
        assert_eq!(
            encoded(&balance),
            r#"{"credit":100000,"player_id":"usr-1122334455","result":1,"time":"21-09-2023 03:23:23","currency":"USD"}"#
        );
        assert_eq!(
            encoded(&Reply::Done {
                balance: cents(99_500)
            }),
            r#"{"credit":99500,"result":1,"time":"21-09-2023 03:23:23"}"#
        );
    }

    #[test]
    fn a_player_id_is_escaped() {
        let player_id = r#"a"b\c"#.parse().unwrap();
        let text = encoded(&Reply::Balance {
            player_id: &player_id,
            currency: "USD".parse().unwrap(),
            balance: Amount::MAX,
        });
        assert!(text.contains(r#""player_id":"a\"b\\c""#), "{text}");
        assert!(text.starts_with(r#"{"credit":9007199254740991,"#), "{text}");
    }

    #[test]
    fn every_refusal_has_its_code_and_text() {
        for (refusal, code, text) in [
            (PlayRefusal::SessionUnknown, 2, "Session not found"),
            (PlayRefusal::SessionExpired, 3, "Session expired"),
            (PlayRefusal::InsufficientFunds, 4, "Insufficient funds"),
            (PlayRefusal::IdUsed, 5, "Transaction id already used"),
            (PlayRefusal::IdVoided, 6, "Transaction was cancelled"),
            (PlayRefusal::PlayerBlocked, 8, "Player blocked"),
            (PlayRefusal::LimitExceeded, 9, "Limit exceeded"),
            (PlayRefusal::RoundMismatch, 11, "Round mismatch"),
            (PlayRefusal::NotABet, 12, "Only a bet can be cancelled"),
            (PlayRefusal::BalanceOutOfRange, 13, "Balance out of range"),
            (PlayRefusal::RoundPaid, 14, "Round already paid"),
        ] {
            let refused = |balance| {
                encoded(&Reply::Refused {
                    refusal,
                    balance,
                    lang: Lang::EN,
                })
            };
            assert_eq!(
                refused(Some(cents(99_500))),
                format!(
                    r#"{{"result":{code},"err_code":{code},"err_desc":"{text}","credit":99500,"time":"21-09-2023 03:23:23"}}"#
                )
            );
            assert_eq!(
                refused(None),
                format!(
                    r#"{{"result":{code},"err_code":{code},"err_desc":"{text}","time":"21-09-2023 03:23:23"}}"#
                )
            );
        }
    }

    #[test]
    fn what_never_reached_the_ledger_bears_no_credit() {
        for (reply, body) in [
            (
                Reply::UnknownType,
                r#"{"result":10,"err_code":10,"err_desc":"Unknown request type","time":"21-09-2023 03:23:23"}"#,
            ),
            (
                Reply::Unavailable,
                r#"{"result":50,"err_code":50,"err_desc":"Temporarily unavailable","time":"21-09-2023 03:23:23"}"#,
            ),
            (
                Reply::from(
                    Decoder::default()
                        .decode(b"{\"type\":\"credit\"}")
                        .unwrap_err(),
                ),
                r#"{"result":7,"err_code":7,"err_desc":"Malformed request: code is missing","time":"21-09-2023 03:23:23"}"#,
            ),
        ] {
            assert_eq!(encoded(&reply), body);
        }
    }

    #[test]
    fn the_fixed_answers_are_json() {
        for body in [
            UNKNOWN_WALLET_TOKEN,
            ADDRESS_NOT_ALLOWED,
            BODY_TOO_LARGE,
            METHOD_NOT_ALLOWED,
            TOO_MANY_CONNECTIONS,
        ] {
            let json: serde_json::Value = serde_json::from_slice(body).unwrap();
            assert_eq!(json["result"], json["err_code"]);
        }
    }

    #[test]
    fn the_sessions_language_words_its_refusals() {
        let row = [("4".to_owned(), "Guthaben \"zu\" klein".to_owned())];
        let de = "de".parse().unwrap();
        let wording = Wording {
            texts: Texts::new(&[(de, row.into())].into()).unwrap(),
            utc_offset: "+05:30".parse().unwrap(),
        };
        let refused = Reply::Refused {
            refusal: PlayRefusal::InsufficientFunds,
            balance: None,
            lang: de,
        };
        assert_eq!(
            String::from_utf8(encode(&refused, Timestamp::EPOCH, &wording)).unwrap(),
            r#"{"result":4,"err_code":4,"err_desc":"Guthaben \"zu\" klein","time":"01-01-1970 05:30:00"}"#
        );
    }
}
