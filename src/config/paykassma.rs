//! The gateway's payment systems: tables whose keys are read one by one, so that a fault is told
//! with its line.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::error::hint;
use super::given::Given;
use super::{ConfigError, Place};
use crate::engine::catalogue::{Catalogue, Key1, Key1Chars, Media, Param, PaymentSystem};
use crate::id::{WalletType, is_web_address};
use crate::money::{Amount, Currency};

/// The key of the tables of payment systems, without its section.
pub(super) const PAYMENT_SYSTEM: &str = "payment_system";

/// What is offered where nothing is configured.
const SHIPPED: &str = include_str!("catalogue.toml");

const KEYS: [&str; 16] = [
    "type",
    "name",
    "currency",
    "order",
    "logo",
    "is_manual",
    "uploading_payment_bill",
    "requires_activation",
    "amount_required",
    "limits",
    "minimum_deposit",
    "requisites",
    "params",
    "key1",
    "withdrawal_required",
    "media",
];

/// Characters of the longest `key1` there is (paykassma-api.md, Deposits).
const KEY1_MAX: u64 = 190;

/// Where bytes of the file lie.
type At<'a> = &'a dyn Fn(usize) -> Place;

/// The payment systems that coffer comes with.
pub(super) fn shipped() -> Catalogue {
    let document = DeTable::parse(SHIPPED).expect("the shipped catalogue is TOML");
    let section = document.get_ref().get("paykassma");
    let section = section.and_then(|section| section.get_ref().as_table());
    let systems = section.and_then(|section| section.get(PAYMENT_SYSTEM));
    let systems = systems.expect("the shipped catalogue has payment systems");
    let at = |_| Place::File("catalogue.toml".into(), 0);
    let read = read_systems(systems.get_ref(), &Catalogue::default(), &at);
    read.expect("the shipped catalogue is good")
}

/// Reads `[[paykassma.payment_system]]`, which stand in the place of all that are shipped. What a
/// table leaves out is as in the shipped one of its type and currency.
///
/// # Errors
/// The first key that is unknown, missing or of no use.
pub(super) fn read_systems(
    value: &DeValue<'_>,
    shipped: &Catalogue,
    at: At<'_>,
) -> Result<Catalogue, ConfigError> {
    let wrong = |place: usize, key: &str, fault: String| ConfigError::Wrong {
        place: at(place),
        key: format!("paykassma.{PAYMENT_SYSTEM}{key}"),
        fault,
    };
    let shape = || "must be tables: [[paykassma.payment_system]]".to_owned();
    let tables = value.as_array().ok_or_else(|| wrong(0, "", shape()))?;
    let mut catalogue = Catalogue::default();
    for table in tables {
        let begin = table.span().start;
        let keys = table.get_ref().as_table();
        let keys = keys.ok_or_else(|| wrong(begin, "", shape()))?;
        check_names(keys, at)?;
        let missing = |key: &str| wrong(begin, &format!(".{key}"), "is missing".to_owned());
        let fault = |(place, key, fault): Fault| wrong(place, &format!(".{key}"), fault);
        let wallet_type: Option<WalletType> = text(keys, "type").map_err(fault)?;
        let wallet_type = wallet_type.ok_or_else(|| missing("type"))?;
        let currency: Option<Currency> = text(keys, "currency").map_err(fault)?;
        let known = shipped
            .of_type(wallet_type.as_str())
            .find(|system| currency.is_none_or(|currency| system.currency == currency));
        let mut system = match (known, currency) {
            (Some(known), _) => known.clone(),
            (None, Some(currency)) => blank(wallet_type, currency),
            (None, None) => return Err(missing("currency")),
        };
        for (key, value) in keys {
            let given = Given::Toml(value.get_ref());
            set(&mut system, key.get_ref(), &given)
                .map_err(|fault| wrong(key.span().start, &format!(".{}", key.get_ref()), fault))?;
        }
        if system.name.is_empty() {
            return Err(missing("name"));
        }
        catalogue
            .add(system)
            .map_err(|error| wrong(begin, &format!(".type {wallet_type}"), error.to_string()))?;
    }
    Ok(catalogue)
}

/// Where, which key, and what would be right.
type Fault = (usize, String, String);

/// A key that names the table, where it is given.
fn text<T>(keys: &DeTable<'_>, name: &str) -> Result<Option<T>, Fault>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let Some((key, value)) = keys.get_key_value(name) else {
        return Ok(None);
    };
    let read = Given::Toml(value.get_ref()).text();
    read.map(Some)
        .map_err(|fault| (key.span().start, name.to_owned(), fault))
}

fn check_names(keys: &DeTable<'_>, at: At<'_>) -> Result<(), ConfigError> {
    let unknown = keys
        .iter()
        .find(|(key, _)| !KEYS.contains(&key.get_ref().as_ref()));
    match unknown {
        None => Ok(()),
        Some((key, _)) => Err(ConfigError::Unknown {
            place: at(key.span().start),
            key: format!("paykassma.{PAYMENT_SYSTEM}.{}", key.get_ref()),
            hint: hint(key.get_ref(), &KEYS, "there are"),
        }),
    }
}

fn blank(wallet_type: WalletType, currency: Currency) -> PaymentSystem {
    let most = Amount::from_cents(100_000_000).expect("a million is an amount");
    PaymentSystem {
        wallet_type,
        name: String::new(),
        currency,
        order: 100,
        logo: String::new(),
        is_manual: false,
        uploading_payment_bill: false,
        requires_activation: false,
        amount_required: false,
        limits: (Amount::from_cents(100).expect("1 is an amount"), most),
        minimum_deposit: Amount::ZERO,
        requisites: Vec::new(),
        params: BTreeMap::new(),
        key1: Key1 {
            min: 6,
            max: 40,
            chars: Key1Chars::Any,
        },
        withdrawal_required: Vec::new(),
        media: None,
    }
}

fn set(system: &mut PaymentSystem, key: &str, given: &Given<'_>) -> Result<(), String> {
    match key {
        // Read before, since they name the system.
        "type" => {}
        "currency" => {}
        "name" => system.name = given.text_by(line)?,
        "order" => {
            let order = given.count(0, 1_000_000)?;
            system.order = u32::try_from(order).expect("a million is a small number");
        }
        "logo" => system.logo = given.text_by(web_address)?,
        "is_manual" => system.is_manual = given.truth()?,
        "uploading_payment_bill" => system.uploading_payment_bill = given.truth()?,
        "requires_activation" => system.requires_activation = given.truth()?,
        "amount_required" => system.amount_required = given.truth()?,
        "limits" => system.limits = limits(given)?,
        "minimum_deposit" => system.minimum_deposit = given.text_by(amount)?,
        "requisites" => system.requisites = given.list_by(line)?,
        "params" => system.params = params(given)?,
        "key1" => system.key1 = key1(given)?,
        "withdrawal_required" => {
            let read = |text: &str| text.parse().map_err(|error| format!("{error}"));
            system.withdrawal_required = given.list_by(read)?;
        }
        "media" => system.media = Some(media(given)?),
        _ => unreachable!("only the names in KEYS are set"),
    }
    Ok(())
}

fn line(text: &str) -> Result<String, String> {
    if (1..=190).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err("must be 1 to 190 characters without control characters".to_owned())
}

fn web_address(text: &str) -> Result<String, String> {
    if is_web_address(text) {
        return Ok(text.to_owned());
    }
    Err("must be an address such as https://example.com/a.png".to_owned())
}

fn amount(text: &str) -> Result<Amount, String> {
    Amount::from_decimal(text).map_err(|error| error.to_string())
}

/// `{ min = "100.00", max = "8000.00" }`.
fn limits(given: &Given<'_>) -> Result<(Amount, Amount), String> {
    let limits = pair(given, |given| given.text_by(amount))?;
    if limits.0 > limits.1 || limits.1.is_zero() {
        return Err("min must be at most max, and max above 0".to_owned());
    }
    Ok(limits)
}

/// `{ min = 6, max = 40, chars = "digits" }`: the characters may be left out, and are any then.
fn key1(given: &Given<'_>) -> Result<Key1, String> {
    given.table(|table| {
        let (mut min, mut max, mut chars) = (None, None, Key1Chars::Any);
        for (key, value) in table {
            let given = Given::Toml(value.get_ref());
            let length = || given.count(1, KEY1_MAX).map(Some);
            let read = match key.get_ref().as_ref() {
                "min" => length().map(|length| min = length),
                "max" => length().map(|length| max = length),
                "chars" => given.text().map(|read| chars = read),
                other => return Err(format!("knows min, max and chars, not {other:?}")),
            };
            read.map_err(|fault| format!("{} {fault}", key.get_ref()))?;
        }
        let (min, max) = min.zip(max).ok_or("must have min and max")?;
        if min > max {
            return Err("min must be at most max".to_owned());
        }
        let small = |length: u64| usize::try_from(length).expect("at most 190");
        let (min, max) = (small(min), small(max));
        Ok(Key1 { min, max, chars })
    })
}

fn pair<T>(
    given: &Given<'_>,
    read: impl Fn(&Given<'_>) -> Result<T, String>,
) -> Result<(T, T), String> {
    given.table(|table| {
        let (mut min, mut max) = (None, None);
        for (key, value) in table {
            let place = match key.get_ref().as_ref() {
                "min" => &mut min,
                "max" => &mut max,
                other => return Err(format!("knows min and max, not {other:?}")),
            };
            let value = read(&Given::Toml(value.get_ref()));
            *place = Some(value.map_err(|fault| format!("{} {fault}", key.get_ref()))?);
        }
        min.zip(max).ok_or("must have min and max".to_owned())
    })
}

/// `{ id = 486, url = "https://.." }`.
fn media(given: &Given<'_>) -> Result<Media, String> {
    given.table(|table| {
        let (mut id, mut url) = (None, None);
        for (key, value) in table {
            let given = Given::Toml(value.get_ref());
            let read = match key.get_ref().as_ref() {
                "id" => given
                    .count(0, u64::from(u32::MAX))
                    .map(|number| id = Some(number)),
                "url" => given.text_by(web_address).map(|at| url = Some(at)),
                other => return Err(format!("knows id and url, not {other:?}")),
            };
            read.map_err(|fault| format!("{} {fault}", key.get_ref()))?;
        }
        let (id, url) = id.zip(url).ok_or("must have id and url")?;
        Ok(Media { id, url })
    })
}

/// An open table of texts, whole numbers and yes or no.
fn params(given: &Given<'_>) -> Result<BTreeMap<String, Param>, String> {
    given.table(|table| {
        let mut params = BTreeMap::new();
        for (key, value) in table {
            let param = match value.get_ref() {
                DeValue::String(text) => Param::Text(line(text)?),
                DeValue::Boolean(truth) => Param::Truth(*truth),
                DeValue::Integer(number) => {
                    let read = i64::from_str_radix(number.as_str(), number.radix());
                    Param::Number(read.map_err(|_| format!("{} is too large", key.get_ref()))?)
                }
                _ => {
                    let key = key.get_ref();
                    return Err(format!(
                        "{key} must be a text, a whole number, true or false"
                    ));
                }
            };
            let name = line(key.get_ref())?;
            if name == "identifier" {
                return Err("must not have identifier: that is the requisites'".to_owned());
            }
            params.insert(name, param);
        }
        Ok(params)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::engine::catalogue::WithdrawalField;

    fn read(text: &str) -> Result<Config, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path), [], &[]).map_err(|fault| fault.to_string())
    }

    #[test]
    fn the_shipped_systems_are_those_of_the_document_and_pay_to_nobody() {
        let shipped = shipped();
        let names: Vec<&str> = shipped.iter().map(|of| of.wallet_type.as_str()).collect();
        for name in ["paytm", "upi_p2p", "upi_ib", "imps_ib", "imps", "phone_pe"] {
            assert!(names.contains(&name), "{name}");
        }
        for name in ["bkash", "nagad", "easypaisa", "rocket"] {
            assert!(names.contains(&name), "{name}");
        }
        assert!(shipped.iter().all(|system| system.requisites.is_empty()));
        let required = |name: &str| {
            let system = shipped.of_type(name).next().unwrap();
            (system.amount_required, system.withdrawal_required.clone())
        };
        let account_name = vec![WithdrawalField::AccountName];
        assert_eq!(required("imps_ib"), (false, account_name.clone()));
        assert_eq!(required("upi_ib"), (false, account_name));
        assert_eq!(
            required("bkash"),
            (false, vec![WithdrawalField::AccountEmail])
        );
        assert_eq!(required("upi_p2p"), (true, Vec::new()));
        assert_eq!(required("phone_pe"), (true, Vec::new()));
        let numbers = |name: &str| shipped.of_type(name).next().unwrap().key1;
        let utr = Key1 {
            min: 12,
            max: 12,
            chars: Key1Chars::Digits,
        };
        assert_eq!([numbers("upi"), numbers("imps")], [utr, utr]);
        assert_eq!(numbers("bkash").chars, Key1Chars::LettersAndDigits);
        assert_eq!(numbers("paytm").chars, Key1Chars::Any);
    }

    const WHOLE: &str = r#"
[[paykassma.payment_system]]
type = "bank"
name = "Bank"
currency = "USD"
order = 7
logo = "https://example.com/logo.svg?cache=1"
is_manual = true
uploading_payment_bill = true
requires_activation = true
amount_required = true
limits = { min = "100.00", max = "8000.00" }
minimum_deposit = "148"
requisites = ["6234234234", "6234234235"]
params = { is_check_amount = true, "Account name" = "A", floor = 3 }
key1 = { min = 12, max = 22, chars = "letters-and-digits" }
withdrawal_required = ["account_name", "bank_details.bank_code"]
media = { id = 486, url = "https://example.com/a.mp4" }
[[paykassma.payment_system]]
type = "paytm"
requisites = ["7"]
"#;

    #[test]
    fn every_key_of_a_payment_system_arrives_and_a_shipped_one_needs_few() {
        let catalogue = read(WHOLE).unwrap().paykassma.catalogue;
        let systems: Vec<&PaymentSystem> = catalogue.iter().collect();
        let [paytm, bank] = systems[..] else {
            panic!("two, the lower order first: {systems:?}");
        };
        let cents = |cents| Amount::from_cents(cents).unwrap();
        let whole = PaymentSystem {
            wallet_type: "bank".parse().unwrap(),
            name: "Bank".to_owned(),
            currency: "USD".parse().unwrap(),
            order: 7,
            logo: "https://example.com/logo.svg?cache=1".to_owned(),
            is_manual: true,
            uploading_payment_bill: true,
            requires_activation: true,
            amount_required: true,
            limits: (cents(10_000), cents(800_000)),
            minimum_deposit: cents(14_800),
            requisites: vec!["6234234234".to_owned(), "6234234235".to_owned()],
            params: BTreeMap::from([
                ("is_check_amount".to_owned(), Param::Truth(true)),
                ("Account name".to_owned(), Param::Text("A".to_owned())),
                ("floor".to_owned(), Param::Number(3)),
            ]),
            key1: Key1 {
                min: 12,
                max: 22,
                chars: Key1Chars::LettersAndDigits,
            },
            withdrawal_required: vec![WithdrawalField::AccountName, WithdrawalField::BankCode],
            media: Some(Media {
                id: 486,
                url: "https://example.com/a.mp4".to_owned(),
            }),
        };
        assert_eq!(*bank, whole);
        assert!(bank.takes(cents(10_000)) && !bank.takes(cents(9_999)));
        let shipped = shipped();
        let shipped = shipped.of_type("paytm").next().unwrap();
        let due = PaymentSystem {
            requisites: vec!["7".to_owned()],
            ..shipped.clone()
        };
        assert_eq!(*paytm, due);
    }

    const TABLE: &str = "\n[[paykassma.payment_system]]\n";

    /// A table that is good, and what stands in its sixth line.
    fn bank(sixth: &str) -> String {
        format!("{TABLE}type = \"bank\"\nname = \"B\"\ncurrency = \"USD\"\n{sixth}\n")
    }

    fn assert_told(text: &str, line: usize, told: &str) {
        let fault = read(text).unwrap_err();
        let place = format!("c.toml line {line}: paykassma.payment_system");
        assert!(
            fault.contains(&place) && fault.contains(told),
            "{text}: {fault}"
        );
    }

    #[test]
    fn a_payment_system_that_lacks_something_is_told_with_its_line() {
        for (keys, line, told) in [
            ("name = \"a\"", 2, ".type is missing"),
            ("type = \"a b\"", 3, ".type must be 1 to 32 small letters"),
            ("type = \"bank\"", 2, ".currency is missing"),
            ("type = \"bank\"\ncurrency = \"USD\"", 2, ".name is missing"),
        ] {
            assert_told(&format!("{TABLE}{keys}"), line, told);
        }
        let twice = bank("") + &bank("");
        assert_told(&twice, 8, ".type bank is there twice in this currency");
        let fault = read("[paykassma]\npayment_system = 3").unwrap_err();
        assert!(
            fault.contains("must be tables: [[paykassma.payment_system]]"),
            "{fault}"
        );
    }

    #[test]
    fn a_key_of_a_payment_system_is_told_with_its_line_and_what_would_be_right() {
        for (key, told) in [
            (
                "limit = 1",
                ".limit is not a known key; did you mean limits?",
            ),
            ("order = -1", ".order must be a whole number"),
            ("limits = { min = \"1\" }", ".limits must have min and max"),
            (
                "limits = { min = \"2\", max = \"1\" }",
                ".limits min must be at most max",
            ),
            ("limits = { min = 1, max = 2 }", "must be text in quotes"),
            ("key1 = { min = 0, max = 3 }", ".key1 min must be a whole"),
            ("key1 = { max = 3 }", ".key1 must have min and max"),
            (
                "key1 = { min = 4, max = 3 }",
                ".key1 min must be at most max",
            ),
            (
                "key1 = { min = 1, max = 3, chars = \"letters\" }",
                ".key1 chars must be any, digits or letters-and-digits, not \"letters\"",
            ),
            (
                "key1 = { min = 1, max = 3, like = \"x\" }",
                ".key1 knows min, max and chars, not \"like\"",
            ),
            ("media = { id = 1 }", ".media must have id and url"),
            ("logo = \"logo.svg\"", ".logo must be an address"),
            ("params = { a = 1.5 }", ".params a must be a text"),
            (
                "withdrawal_required = [\"bank_code\"]",
                ".withdrawal_required must be a member of a withdrawal",
            ),
            ("is_manual = 1", ".is_manual must be true or false"),
        ] {
            assert_told(&bank(key), 6, told);
        }
    }
}
