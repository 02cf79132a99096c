//! The members of a request's JSON object: found, counted, and read as the numbers and texts
//! that the protocol allows.

use simd_json::{Node, StaticNode};

/// What is wrong with which member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The member as the protocol spells it, or `body`.
    pub(super) member: &'static str,
    /// What is wrong with it.
    pub(super) fault: Fault,
}

/// What can be wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    NotAnObject,
    Missing,
    Doubled,
    NotAString,
    NotAnInteger,
    NotAnId,
    IdRange,
    CentsRange,
    GameRange,
    CodeLength,
    TimeLength,
}

impl Fault {
    /// The sentence about the member, as `err_desc` ends. Needs no JSON escape.
    pub(super) fn text(self) -> &'static str {
        match self {
            Fault::NotAnObject => "must be one JSON object",
            Fault::Missing => "is missing",
            Fault::Doubled => "is given twice",
            Fault::NotAString => "must be a string",
            Fault::NotAnInteger => "must be an integer",
            Fault::NotAnId => "must be an integer or a string of digits",
            Fault::IdRange => "must be from 0 to 18446744073709551615",
            Fault::CentsRange => "must be from 0 to 1000000000000000",
            Fault::GameRange => "must be from 0 to 4294967295",
            Fault::CodeLength => "must be 1 to 128 bytes long",
            Fault::TimeLength => "must be at most 64 bytes long",
        }
    }
}

pub(super) fn malformed(member: &'static str, fault: Fault) -> Malformed {
    Malformed { member, fault }
}

/// How often a member stands in the object, and what it says.
#[derive(Clone, Copy)]
pub(super) enum Given<'a> {
    Never,
    Once(Node<'a>),
    Again,
}

/// The protocol's members of one object.
pub(super) struct Members<'a> {
    pub(super) code: Given<'a>,
    pub(super) kind: Given<'a>,
    pub(super) time: Given<'a>,
    pub(super) game: Given<'a>,
    pub(super) id: Given<'a>,
    pub(super) bet: Given<'a>,
    pub(super) win: Given<'a>,
    pub(super) round_id: Given<'a>,
}

impl<'a> Members<'a> {
    /// Sorts the top level of a parsed text; `None` where that is no object.
    pub(super) fn of(nodes: &[Node<'a>]) -> Option<Members<'a>> {
        let (&Node::Object { len, .. }, mut rest) = nodes.split_first()? else {
            return None;
        };
        let mut members = Members {
            code: Given::Never,
            kind: Given::Never,
            time: Given::Never,
            game: Given::Never,
            id: Given::Never,
            bet: Given::Never,
            win: Given::Never,
            round_id: Given::Never,
        };
        for _ in 0..len {
            let [Node::String(name), value, ..] = rest else {
                return None;
            };
            if let Some(member) = members.named(name) {
                *member = match member {
                    Given::Never => Given::Once(*value),
                    Given::Once(_) | Given::Again => Given::Again,
                };
            }
            // An object or array says how many nodes lie within it.
            let within = match value {
                Node::Object { count, .. } | Node::Array { count, .. } => *count,
                Node::String(_) | Node::Static(_) => 0,
            };
            rest = rest.get(2 + within..)?;
        }
        Some(members)
    }

    fn named(&mut self, name: &str) -> Option<&mut Given<'a>> {
        Some(match name {
            "code" => &mut self.code,
            "type" => &mut self.kind,
            "time" => &mut self.time,
            "game" => &mut self.game,
            "id" => &mut self.id,
            "bet" => &mut self.bet,
            "win" => &mut self.win,
            "round_id" => &mut self.round_id,
            _ => return None,
        })
    }
}

pub(super) fn required<'a>(name: &'static str, given: Given<'a>) -> Result<Node<'a>, Malformed> {
    match given {
        Given::Never => Err(malformed(name, Fault::Missing)),
        Given::Once(node) => Ok(node),
        Given::Again => Err(malformed(name, Fault::Doubled)),
    }
}

/// `null` is absence.
pub(super) fn optional<'a>(
    name: &'static str,
    given: Given<'a>,
) -> Result<Option<Node<'a>>, Malformed> {
    match given {
        Given::Never | Given::Once(Node::Static(StaticNode::Null)) => Ok(None),
        Given::Once(node) => Ok(Some(node)),
        Given::Again => Err(malformed(name, Fault::Doubled)),
    }
}

pub(super) fn string<'a>(name: &'static str, given: Given<'a>) -> Result<&'a str, Malformed> {
    match required(name, given)? {
        Node::String(text) => Ok(text),
        _ => Err(malformed(name, Fault::NotAString)),
    }
}

/// A number that is written without sign, fraction and exponent. The parser gives `I64` only to
/// what begins with a minus, `-0` included.
pub(super) fn integer(name: &'static str, node: Node<'_>, range: Fault) -> Result<u64, Malformed> {
    match node {
        Node::Static(StaticNode::U64(value)) => Ok(value),
        Node::Static(StaticNode::I64(_)) => Err(malformed(name, range)),
        _ => Err(malformed(name, Fault::NotAnInteger)),
    }
}

pub(super) fn id(name: &'static str, node: Node<'_>) -> Result<u64, Malformed> {
    match node {
        Node::Static(StaticNode::U64(value)) => Ok(value),
        Node::Static(StaticNode::I64(_)) => Err(malformed(name, Fault::IdRange)),
        Node::String(digits) => {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit())
                && (digits == "0" || !digits.starts_with('0'));
            if digits.is_empty() || !plain {
                return Err(malformed(name, Fault::NotAnId));
            }
            digits.parse().map_err(|_| malformed(name, Fault::IdRange))
        }
        _ => Err(malformed(name, Fault::NotAnId)),
    }
}

/// Copies a body, with each integer beyond 64 bits made into `-1`; whether there was any.
///
/// The parser refuses a text for one such number, although it may stand in a member that is not
/// looked at, or in one whose fault is to be told by name. Nothing of ours may be negative: the
/// number is out of range as before.
pub(super) fn tame_great_integers(body: &[u8], tamed: &mut Vec<u8>) -> bool {
    tamed.clear();
    tamed.extend_from_slice(body);
    let mut any = false;
    let mut quoted = false;
    let mut at = 0;
    while at < body.len() {
        match body[at] {
            b'"' => quoted = !quoted,
            b'\\' => at += 1,
            b'0'..=b'9' if !quoted => {
                let length = body[at..].iter().take_while(|b| b.is_ascii_digit()).count();
                let end = at + length;
                let before = at.checked_sub(1).map(|before| body[before]);
                let whole = !matches!(before, Some(b'.' | b'+' | b'e' | b'E'))
                    && !matches!(body.get(end), Some(b'.' | b'e' | b'E'));
                // Fewer digits always fit; a leading zero is no number at all.
                if length >= 19 && whole && body[at] != b'0' {
                    let minus = before == Some(b'-');
                    any |= tame(minus, &mut tamed[at..end]);
                }
                at = end - 1;
            }
            _ => {}
        }
        at += 1;
    }
    any
}

/// Overwrites digits that are no 64-bit integer; whether they were none.
fn tame(minus: bool, digits: &mut [u8]) -> bool {
    let value: Option<u64> = std::str::from_utf8(digits)
        .ok()
        .and_then(|text| text.parse().ok());
    let largest = if minus { 1 << 63 } else { u64::MAX };
    let great = value.is_none_or(|value| value > largest);
    if great {
        digits.fill(b' ');
        let number: &[u8] = if minus { b"1" } else { b"-1" };
        digits[..number.len()].copy_from_slice(number);
    }
    great
}

#[cfg(test)]
mod tests {
    use crate::protocol::wallet::request::tests::fault_of;

    #[test]
    fn amounts_are_plain_whole_cents() {
        for (value, fault) in [
            ("0", ""),
            ("1000000000000000", ""),
            ("1000000000000001", "bet must be from 0 to 1000000000000000"),
            (
                "18446744073709551615",
                "bet must be from 0 to 1000000000000000",
            ),
            ("-1", "bet must be from 0 to 1000000000000000"),
            ("-0", "bet must be from 0 to 1000000000000000"),
            ("100.0", "bet must be an integer"),
            ("-0.0", "bet must be an integer"),
            ("1e2", "bet must be an integer"),
            ("1E+2", "bet must be an integer"),
            ("\"100\"", "bet must be an integer"),
            ("true", "bet must be an integer"),
            ("null", "bet must be an integer"),
            ("[5]", "bet must be an integer"),
            ("", "bet is missing"),
            ("5,\"bet\":5", "bet is given twice"),
            ("5,\"\\u0062et\":5", "bet is given twice"),
        ] {
            assert_eq!(fault_of("bet", value), fault, "{value}");
        }
    }

    #[test]
    fn games_are_unsigned_32_bit_integers() {
        for (value, fault) in [
            ("0", ""),
            ("4294967295", ""),
            ("4294967296", "game must be from 0 to 4294967295"),
            ("-1", "game must be from 0 to 4294967295"),
            ("\"1\"", "game must be an integer"),
            ("1.0", "game must be an integer"),
            ("null", "game must be an integer"),
            ("", "game is missing"),
        ] {
            assert_eq!(fault_of("game", value), fault, "{value}");
        }
    }

    #[test]
    fn ids_are_64_bit_integers_or_their_digits() {
        let range = "must be from 0 to 18446744073709551615";
        let kind = "must be an integer or a string of digits";
        for (value, fault) in [
            ("0", ""),
            ("\"0\"", ""),
            ("18446744073709551615", ""),
            ("\"18446744073709551615\"", ""),
            ("\"18446744073709551616\"", range),
            ("\"99999999999999999999999\"", range),
            ("-1", range),
            ("-0", range),
            ("3.0", kind),
            ("3e0", kind),
            ("\"03\"", kind),
            ("\"00\"", kind),
            ("\"\"", kind),
            ("\"+3\"", kind),
            ("\"-3\"", kind),
            ("\" 3\"", kind),
            ("\"3.0\"", kind),
            ("\"\\u0663\"", kind),
            ("true", kind),
            ("{}", kind),
        ] {
            for name in ["id", "round_id"] {
                let wanted = if fault.is_empty() {
                    String::new()
                } else {
                    format!("{name} {fault}")
                };
                assert_eq!(fault_of(name, value), wanted, "{value}");
            }
        }
        assert_eq!(fault_of("id", "null"), format!("id {kind}"));
        assert_eq!(fault_of("id", ""), "id is missing");
        assert_eq!(
            fault_of("round_id", "1,\"round_id\":1"),
            "round_id is given twice"
        );
    }

    #[test]
    fn integers_beyond_64_bits_are_out_of_range_and_not_the_bodys_fault() {
        let cents = "bet must be from 0 to 1000000000000000";
        let range = "id must be from 0 to 18446744073709551615";
        for (name, value, fault) in [
            ("bet", "18446744073709551616", cents),
            ("bet", "99999999999999999999999999999", cents),
            ("bet", "-9223372036854775809", cents),
            ("bet", "99999999999999999999999.0", "bet must be an integer"),
            (
                "bet",
                "099999999999999999999999",
                "body must be one JSON object",
            ),
            ("id", "18446744073709551616", range),
            ("id", "-99999999999999999999", range),
            ("other", "99999999999999999999", ""),
            (
                "other",
                "[18446744073709551616 ,{\"\\\"\":-99999999999999999999}]",
                "",
            ),
            (
                "other",
                "18446744073709551616x",
                "body must be one JSON object",
            ),
            ("type", "18446744073709551616", "type must be a string"),
            ("time", "\"18446744073709551616\"", ""),
            (
                "time",
                "\"\\\"18446744073709551616\",\"x\":99999999999999999999",
                "",
            ),
        ] {
            assert_eq!(fault_of(name, value), fault, "{name} {value}");
        }
    }
}
