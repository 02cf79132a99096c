//! Requests about users and wallets. All fields are looked at, and all that fail are told
//! (partner-api.md, Small print).

use super::members::{Given, Malformed, Members};
use super::texts::{
    AMOUNT_DECIMALS, AMOUNT_NOT_A_NUMBER, AMOUNT_NOT_POSITIVE, AMOUNT_REQUIRED, AMOUNT_TOO_LARGE,
    CURSOR_UNKNOWN, EMAIL_INVALID, EMAIL_REQUIRED, LIMIT_RANGE, MOBILE_INVALID, MOBILE_KIND,
    MOBILE_REQUIRED, NAME_CONTROL, NAME_KIND, NAME_REQUIRED, NAME_TOO_LONG, TRANSFER_ID_CONTROL,
    TRANSFER_ID_KIND, TRANSFER_ID_LENGTH, TRANSFER_ID_REQUIRED,
};
use crate::engine::command::{NewTransfer, NewUser};
use crate::engine::document::TransferKind;
use crate::id::{Email, Mobile, Seq, TransferId, UserName};
use crate::money::{Amount, MoneyError};
use crate::protocol::percent;

/// The largest amount, in cents (partner-api.md, Who is calling).
const AMOUNT_CENTS_MAX: u64 = 1_000_000_000_000_000;

/// The longest name and transaction id, in characters.
const CHARACTERS_MAX: usize = 190;

/// Items of a page, unless it says how many, and at most.
const PAGE_ITEMS: usize = 50;
const PAGE_ITEMS_MAX: usize = 200;

/// The fields in the order in which their faults are told.
const FIELDS: [&str; 10] = [
    "name",
    "email",
    "amount",
    "transaction_id",
    "mobile",
    "orderId",
    "txnAmount",
    "txnNote",
    "cust_Mobile",
    "cust_Email",
];

/// What is wrong with fields: each one's name and text.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Faults(Vec<(&'static str, &'static str)>);

impl Faults {
    /// One field's.
    pub fn one(field: &'static str, text: &'static str) -> Faults {
        Faults(vec![(field, text)])
    }

    /// The same with one field more, in its place among the document's.
    #[must_use]
    pub fn with(mut self, field: &'static str, text: &'static str) -> Faults {
        let place_of = |field| FIELDS.iter().position(|known| *known == field);
        self.0.push((field, text));
        self.0.sort_by_key(|(field, _)| place_of(*field));
        self
    }

    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.0.iter().copied()
    }

    /// What a field says, or nothing where it is taken note of.
    pub(super) fn take<T>(
        &mut self,
        field: &'static str,
        read: Result<T, &'static str>,
    ) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(text) => {
                self.0.push((field, text));
                None
            }
        }
    }
}

/// Reads a registration.
///
/// # Errors
/// [`Malformed`], or within what is wrong with its fields.
pub fn decode_registration(body: &[u8]) -> Result<Result<NewUser, Faults>, Malformed> {
    let members = Members::decode(body)?;
    let mut faults = Faults::default();
    let name = faults.take("name", name(members.given("name")?));
    let email = faults.take("email", email(members.given("email")?));
    let mobile = faults.take("mobile", mobile(&members.given("mobile")?));
    Ok(match (name, email, mobile) {
        (Some(name), Some(email), Some(mobile)) => Ok(NewUser {
            name,
            email,
            mobile,
        }),
        _ => Err(faults),
    })
}

/// A deposit or withdrawal whose fields are not all of their form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTransfer {
    /// What is wrong with them.
    pub faults: Faults,
    /// Its id, where that is of its form: it may be wrong besides, since it was used.
    pub id: Option<TransferId>,
}

/// Reads a deposit or withdrawal.
///
/// # Errors
/// [`Malformed`], or within what is wrong with its fields.
pub fn decode_transfer(
    body: &[u8],
    kind: TransferKind,
) -> Result<Result<NewTransfer, InvalidTransfer>, Malformed> {
    let members = Members::decode(body)?;
    let mut faults = Faults::default();
    let amount = faults.take("amount", amount(&members.given("amount")?));
    let id = transfer_id(&members.given("transaction_id")?);
    let id = faults.take("transaction_id", id);
    let mobile = faults.take("mobile", mobile(&members.given("mobile")?));
    Ok(match (amount, id, mobile) {
        (Some(amount), Some(id), Some(mobile)) => Ok(NewTransfer {
            kind,
            mobile,
            amount,
            id,
        }),
        (_, id, _) => Err(InvalidTransfer { faults, id }),
    })
}

/// Reads the mobile number of a path.
///
/// # Errors
/// What is wrong with it.
pub fn decode_mobile(text: &str) -> Result<Mobile, Faults> {
    mobile(&Given::Text(text.into())).map_err(|text| Faults::one("mobile", text))
}

/// Reads the transaction id of a path.
///
/// # Errors
/// What is wrong with it.
pub fn decode_transfer_id(text: &str) -> Result<TransferId, Faults> {
    let read = transfer_id(&Given::Text(text.into()));
    read.map_err(|text| Faults::one("transaction_id", text))
}

/// The mobile number of a body that names it by one of several names, the first that says anything.
///
/// # Errors
/// [`Malformed`], or within what is wrong with it, told of the first name.
pub fn decode_mobile_by(
    body: &[u8],
    names: &[&'static str],
) -> Result<Result<Mobile, Faults>, Malformed> {
    let members = Members::decode(body)?;
    let field = names.first().copied().unwrap_or("mobile");
    let read = mobile(&members.given_by(names)?);
    Ok(read.map_err(|text| Faults::one(field, text)))
}

/// A page of a user's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// Whose.
    pub mobile: Mobile,
    /// Where the page before ended.
    pub cursor: Option<Seq>,
    /// Items at most.
    pub items_max: usize,
}

impl HistoryPage {
    /// Reads what path and query name. `None` where the query is no query, or names a member twice.
    ///
    /// # Errors
    /// What is wrong with its fields.
    pub fn decode(mobile: &str, query: &str) -> Option<Result<HistoryPage, Faults>> {
        let members = percent::decode_members(query)?;
        let given = |name: &str| {
            let found = members.iter().find(|(known, _)| known == name);
            found
                .map(|(_, value)| value)
                .filter(|text| !text.is_empty())
        };
        let mut faults = Faults::default();
        let mobile = faults.take("mobile", self::mobile(&Given::Text(mobile.into())));
        let cursor = given("cursor").map(|text| number(text).ok_or(CURSOR_UNKNOWN));
        let cursor = faults.take("cursor", cursor.transpose());
        let limit = given("limit").map_or(Some(PAGE_ITEMS), |text| {
            let limit = number(text).and_then(|limit| usize::try_from(limit).ok());
            limit.filter(|limit| (1..=PAGE_ITEMS_MAX).contains(limit))
        });
        let limit = faults.take("limit", limit.ok_or(LIMIT_RANGE));
        Some(match (mobile, cursor, limit) {
            (Some(mobile), Some(cursor), Some(items_max)) => Ok(HistoryPage {
                mobile,
                cursor: cursor.map(Seq),
                items_max,
            }),
            _ => Err(faults),
        })
    }
}

fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

fn name(given: Given<'_>) -> Result<UserName, &'static str> {
    match given {
        Given::Text(text) => text.parse().map_err(|_| {
            if text.chars().count() > CHARACTERS_MAX {
                NAME_TOO_LONG
            } else {
                NAME_CONTROL
            }
        }),
        Given::Nothing => Err(NAME_REQUIRED),
        Given::Number(_) | Given::Other => Err(NAME_KIND),
    }
}

pub(super) fn email(given: Given<'_>) -> Result<Email, &'static str> {
    match given {
        Given::Text(text) => text.parse().map_err(|_| EMAIL_INVALID),
        Given::Nothing => Err(EMAIL_REQUIRED),
        Given::Number(_) | Given::Other => Err(EMAIL_INVALID),
    }
}

/// Digits, as a text or as a number; a leading `+` does not distinguish.
pub(super) fn mobile(given: &Given<'_>) -> Result<Mobile, &'static str> {
    let text = match given {
        Given::Text(text) => text.strip_prefix('+').unwrap_or(text),
        _ => whole(given, MOBILE_REQUIRED, MOBILE_KIND)?,
    };
    text.parse().map_err(|_| MOBILE_INVALID)
}

/// A text, or a whole number as its digits.
///
/// # Errors
/// `required` where nothing is said, `kind` where it is anything else.
pub(super) fn whole<'a>(
    given: &'a Given<'_>,
    required: &'static str,
    kind: &'static str,
) -> Result<&'a str, &'static str> {
    match given {
        Given::Text(text) => Ok(text),
        Given::Number(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(digits),
        Given::Nothing => Err(required),
        Given::Number(_) | Given::Other => Err(kind),
    }
}

fn transfer_id(given: &Given<'_>) -> Result<TransferId, &'static str> {
    let text = whole(given, TRANSFER_ID_REQUIRED, TRANSFER_ID_KIND)?;
    text.parse().map_err(|_| {
        if (1..=CHARACTERS_MAX).contains(&text.chars().count()) {
            TRANSFER_ID_CONTROL
        } else {
            TRANSFER_ID_LENGTH
        }
    })
}

/// More than nothing, read from its characters, whether it came as a number or as a text.
pub(super) fn amount(given: &Given<'_>) -> Result<Amount, &'static str> {
    let text = match given {
        Given::Text(text) => text,
        Given::Number(characters) => *characters,
        Given::Nothing => return Err(AMOUNT_REQUIRED),
        Given::Other => return Err(AMOUNT_NOT_A_NUMBER),
    };
    let is_negative = |digits| Amount::from_decimal(digits) != Err(MoneyError::Grammar);
    if text.strip_prefix('-').is_some_and(is_negative) {
        return Err(AMOUNT_NOT_POSITIVE);
    }
    match Amount::from_decimal(text) {
        Ok(Amount::ZERO) => Err(AMOUNT_NOT_POSITIVE),
        Ok(amount) if amount.cents() > AMOUNT_CENTS_MAX => Err(AMOUNT_TOO_LARGE),
        Ok(amount) => Ok(amount),
        Err(MoneyError::TooLarge) => Err(AMOUNT_TOO_LARGE),
        Err(MoneyError::TooManyDecimals) => Err(AMOUNT_DECIMALS),
        Err(MoneyError::Grammar) => Err(AMOUNT_NOT_A_NUMBER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deposit(amount: &str, id: &str, mobile: &str) -> Result<NewTransfer, InvalidTransfer> {
        let body = format!(r#"{{"amount":{amount},"transaction_id":{id},"mobile":{mobile}}}"#);
        decode_transfer(body.as_bytes(), TransferKind::Deposit).unwrap()
    }

    #[test]
    fn amounts_are_read_from_their_characters() {
        for (amount, read) in [
            ("100.50", Ok(10_050)),
            ("\"1.5\"", Ok(150)),
            ("0.01", Ok(1)),
            ("\"007\"", Ok(700)),
            ("10000000000000", Ok(1_000_000_000_000_000)),
            ("10000000000000.01", Err(AMOUNT_TOO_LARGE)),
            ("99999999999999999999999999", Err(AMOUNT_TOO_LARGE)),
            ("0.29", Ok(29)),
            ("null", Err(AMOUNT_REQUIRED)),
            ("\"\"", Err(AMOUNT_REQUIRED)),
            ("0", Err(AMOUNT_NOT_POSITIVE)),
            ("\"0.00\"", Err(AMOUNT_NOT_POSITIVE)),
            ("-5", Err(AMOUNT_NOT_POSITIVE)),
            ("-0.001", Err(AMOUNT_NOT_POSITIVE)),
            ("100.500", Err(AMOUNT_DECIMALS)),
            ("\"0.001\"", Err(AMOUNT_DECIMALS)),
            ("1e2", Err(AMOUNT_NOT_A_NUMBER)),
            ("\"+1\"", Err(AMOUNT_NOT_A_NUMBER)),
            ("\"-\"", Err(AMOUNT_NOT_A_NUMBER)),
            ("\".5\"", Err(AMOUNT_NOT_A_NUMBER)),
            ("\"5.\"", Err(AMOUNT_NOT_A_NUMBER)),
            ("\" 5\"", Err(AMOUNT_NOT_A_NUMBER)),
            ("\"1,000\"", Err(AMOUNT_NOT_A_NUMBER)),
            ("true", Err(AMOUNT_NOT_A_NUMBER)),
            ("[1]", Err(AMOUNT_NOT_A_NUMBER)),
        ] {
            let told = deposit(amount, "\"a\"", "\"1234567\"");
            let told = told.map(|new| new.amount.cents()).map_err(|of| of.faults);
            let due = read.map_err(|text| Faults::one("amount", text));
            assert_eq!(told, due, "{amount}");
        }
    }

    #[test]
    fn ids_and_mobile_numbers_may_be_numbers() {
        let long = format!("\"{}\"", "\\u0078".repeat(191));
        for (id, read) in [
            ("\"PARTNER 1\"", Ok("PARTNER 1")),
            ("12345678901234567890123", Ok("12345678901234567890123")),
            ("\"\\u0639\"", Ok("\u{639}")),
            ("null", Err(TRANSFER_ID_REQUIRED)),
            ("\"\"", Err(TRANSFER_ID_REQUIRED)),
            ("1.0", Err(TRANSFER_ID_KIND)),
            ("-1", Err(TRANSFER_ID_KIND)),
            ("{}", Err(TRANSFER_ID_KIND)),
            ("[\"a\"]", Err(TRANSFER_ID_KIND)),
            ("true", Err(TRANSFER_ID_KIND)),
            (&long, Err(TRANSFER_ID_LENGTH)),
            ("\"a\\u0000\"", Err(TRANSFER_ID_CONTROL)),
        ] {
            let told = deposit("1", id, "1234567");
            let told = told.map(|new| new.id).map_err(|of| of.faults);
            let due = read.map(|id| id.parse().unwrap());
            let due = due.map_err(|text| Faults::one("transaction_id", text));
            assert_eq!(told, due, "{id}");
        }
        for (mobile, read) in [
            ("1234567890", Ok("1234567890")),
            ("\"+1234567890\"", Ok("1234567890")),
            ("\"++1234567890\"", Err(MOBILE_INVALID)),
            ("-1234567890", Err(MOBILE_KIND)),
            ("1234567890.0", Err(MOBILE_KIND)),
            ("[1234567890]", Err(MOBILE_KIND)),
            ("1234567890123456", Err(MOBILE_INVALID)),
            ("\"12345 67\"", Err(MOBILE_INVALID)),
            ("false", Err(MOBILE_KIND)),
            ("\"\"", Err(MOBILE_REQUIRED)),
            ("null", Err(MOBILE_REQUIRED)),
        ] {
            let told = deposit("1", "1", mobile);
            let told = told.map(|new| new.mobile).map_err(|of| of.faults);
            let due = read.map(|mobile| mobile.parse().unwrap());
            let due = due.map_err(|text| Faults::one("mobile", text));
            assert_eq!(told, due, "{mobile}");
        }
    }

    #[test]
    fn all_fields_that_fail_are_told_and_a_good_id_is_known() {
        let invalid = deposit("0", "7", "null").unwrap_err();
        let faults = Faults::one("amount", AMOUNT_NOT_POSITIVE).with("mobile", MOBILE_REQUIRED);
        assert_eq!(invalid.faults, faults);
        assert_eq!(invalid.id, Some("7".parse().unwrap()));
        let register = |body: &str| decode_registration(body.as_bytes()).unwrap();
        let faults = Faults::one("name", NAME_REQUIRED)
            .with("email", EMAIL_REQUIRED)
            .with("mobile", MOBILE_REQUIRED);
        assert_eq!(register("{}"), Err(faults));
        let long = format!(r#"{{"name":"{}","email":"x","mobile":1}}"#, "n".repeat(191));
        let faults = Faults::one("name", NAME_TOO_LONG)
            .with("email", EMAIL_INVALID)
            .with("mobile", MOBILE_INVALID);
        assert_eq!(register(&long), Err(faults));
        let control = r#"{"name":"a\n","email":"a@b.c","mobile":"1234567"}"#;
        assert_eq!(register(control), Err(Faults::one("name", NAME_CONTROL)));
        let number = r#"{"name":5,"email":5,"mobile":"1234567"}"#;
        let faults = Faults::one("name", NAME_KIND).with("email", EMAIL_INVALID);
        assert_eq!(register(number), Err(faults));
        assert!(register(r#"{"name":"a","email":"a@b.c","mobile":1234567,"x":[]}"#).is_ok());
    }

    #[test]
    fn a_page_has_50_items_unless_it_says_so() {
        let decode = |query: &str| HistoryPage::decode("+1234567", query).unwrap();
        let page = |cursor: Option<u64>, items_max| {
            Ok(HistoryPage {
                mobile: "1234567".parse().unwrap(),
                cursor: cursor.map(Seq),
                items_max,
            })
        };
        assert_eq!(decode(""), page(None, 50));
        assert_eq!(decode("cursor=&limit="), page(None, 50));
        assert_eq!(decode("limit=200&cursor=7&x=%20"), page(Some(7), 200));
        for limit in ["0", "201", "-1", "+1", "x", "1.0"] {
            let due = Err(Faults::one("limit", LIMIT_RANGE));
            assert_eq!(decode(&format!("limit={limit}")), due);
        }
        let both = Faults::one("cursor", CURSOR_UNKNOWN).with("limit", LIMIT_RANGE);
        assert_eq!(decode("cursor=x&limit=x"), Err(both));
        for query in ["%", "limit=1&limit=1", "cursor=&cursor=7", "x&x"] {
            assert_eq!(HistoryPage::decode("1234567", query), None, "{query}");
        }
    }
}
