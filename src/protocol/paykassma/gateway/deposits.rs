//! What a merchant asks about deposits (paykassma-api.md, Deposits and Small print).

use super::parameters::{Faults, Invalid, Reader, words};
use super::texts::{WRONG_CHARACTERS, WRONG_LENGTH};
use crate::engine::activation::Again;
use crate::engine::catalogue::{Catalogue, Key1Fault, PaymentSystem};
use crate::id::{GatewayText, Label, PaymentReference};
use crate::money::{Amount, Currency};
use crate::protocol::paykassma::value::{Members, Value};

/// Characters of a label, a wallet type and a transaction number, at most.
pub(super) const CHARACTERS_MAX: usize = 190;

/// Characters of a custom_transaction_id, at most.
pub(super) const CUSTOM_ID_MAX: usize = 64;

/// Currencies, addresses or ids in one list, at most.
pub(super) const LIST_MAX: usize = 100;

/// `payment-systems/available`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Available {
    /// The currencies asked for, each once.
    pub currencies: Vec<Currency>,
    /// Whose payment it will be.
    pub label: Label,
}

impl Available {
    /// Reads the parameters.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(members: &Members) -> Result<Available, Invalid> {
        let mut reader = Reader::new(members);
        let currencies = currencies(&mut reader);
        let label = reader.parsed("label", CHARACTERS_MAX);
        let read = currencies
            .zip(label)
            .map(|(currencies, label)| Available { currencies, label });
        reader.end(read)
    }
}

fn currencies(reader: &mut Reader<'_>) -> Option<Vec<Currency>> {
    let name = "currency_code";
    let items = match reader.given(name) {
        None => {
            reader.wrong(name, "field is required.");
            return None;
        }
        Some(Value::List(items)) => &items[..],
        // One, without brackets.
        Some(one) => std::slice::from_ref(one),
    };
    if items.is_empty() {
        reader.wrong(name, "field is required.");
        return None;
    }
    if items.len() > LIST_MAX {
        reader.wrong(
            name,
            format_args!("must not have more than {LIST_MAX} items."),
        );
        return None;
    }
    let mut currencies = Vec::new();
    for item in items {
        let read = match item {
            Value::Text(text) => text.parse().ok(),
            _ => None,
        };
        let Some(currency) = read else {
            reader.wrong(
                name,
                "must be an array of currency codes of 3 capital letters.",
            );
            return None;
        };
        if !currencies.contains(&currency) {
            currencies.push(currency);
        }
    }
    Some(currencies)
}

/// `transaction/create/{wallet_type}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// What will be paid in.
    pub currency: Currency,
    /// Who will pay.
    pub label: Label,
}

impl Creation {
    /// Reads the parameters.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(members: &Members) -> Result<Creation, Invalid> {
        let mut reader = Reader::new(members);
        let currency = reader.currency("currency");
        let label = reader.parsed("label", CHARACTERS_MAX);
        let read = currency
            .zip(label)
            .map(|(currency, label)| Creation { currency, label });
        reader.end(read)
    }
}

/// `transaction/activate`, and `possible-transaction/activate` but for its picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation<'a> {
    /// What was paid through.
    pub system: &'a PaymentSystem,
    /// Who paid.
    pub label: Label,
    /// The transaction number that the payer got.
    pub key1: PaymentReference,
    /// What was paid, where it was said.
    pub amount: Option<Amount>,
    /// The merchant's own name for it. It may only be missing where one was left for the label.
    pub custom_transaction_id: Option<GatewayText>,
}

impl<'a> Activation<'a> {
    /// Reads the parameters of an activation; `by_hand`: of one that an operator decides.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(
        members: &Members,
        catalogue: &'a Catalogue,
        by_hand: bool,
    ) -> Result<Activation<'a>, Invalid> {
        let mut reader = Reader::new(members);
        let currency = reader.currency("currency_code");
        let system = system(&mut reader, "wallet_type", catalogue, currency);
        let label = reader.parsed("label", CHARACTERS_MAX);
        let key1: Option<PaymentReference> = reader.parsed("key1", CHARACTERS_MAX);
        if let (Some(system), Some(key1)) = (system, &key1)
            && let Err(fault) = system.key1.check(key1.as_str())
        {
            reader.faults.add("key1", key1_fault(fault));
        }
        let is_required = by_hand || system.is_some_and(|system| system.amount_required);
        let amount = if is_required {
            reader.amount("amount")
        } else {
            reader.optional_amount("amount")
        };
        let amount = within_limits(&mut reader, system, amount);
        let custom_transaction_id = reader.optional("custom_transaction_id", CUSTOM_ID_MAX);
        let read = system.zip(label).zip(key1);
        let read = read.map(|((system, label), key1)| Activation {
            system,
            label,
            key1,
            amount,
            custom_transaction_id,
        });
        reader.end(read)
    }
}

/// What a request to activate says that may have been accepted once, whatever is offered now; `None`
/// where it says nothing of the kind.
pub fn asked_again(members: &Members) -> Option<Again> {
    let mut reader = Reader::new(members);
    let again = Again {
        wallet_type: reader.parsed("wallet_type", CHARACTERS_MAX)?,
        currency: reader.currency("currency_code")?,
        label: reader.parsed("label", CHARACTERS_MAX)?,
        key1: reader.parsed("key1", CHARACTERS_MAX)?,
        custom_transaction_id: reader.optional("custom_transaction_id", CUSTOM_ID_MAX),
    };
    reader.end(Some(again)).ok()
}

/// What is told of a transaction number that cannot be one.
pub fn key1_fault(fault: Key1Fault) -> &'static str {
    match fault {
        Key1Fault::Length => WRONG_LENGTH,
        Key1Fault::Characters => WRONG_CHARACTERS,
    }
}

/// What is told of an activation without a custom_transaction_id, where none was left.
pub fn custom_id_required() -> Faults {
    let name = "custom_transaction_id";
    Faults::one(name, &format!("The {} field is required.", words(name)))
}

/// `deposit-info`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Savings<'a> {
    /// Whose.
    pub label: Label,
    /// In which payment system.
    pub system: &'a PaymentSystem,
}

impl<'a> Savings<'a> {
    /// Reads the parameters. `code` of the older document is read and not needed.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(members: &Members, catalogue: &'a Catalogue) -> Result<Savings<'a>, Invalid> {
        let mut reader = Reader::new(members);
        let label = reader.parsed("label", CHARACTERS_MAX);
        let currency = reader.currency("currency");
        let system = system(&mut reader, "wallet_type", catalogue, currency);
        let _unused: Option<&str> = reader.optional_text("code", CHARACTERS_MAX);
        let read = label
            .zip(system)
            .map(|(label, system)| Savings { label, system });
        reader.end(read)
    }
}

/// `payment/save-transaction-custom-id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomId {
    /// Whose next deposit it is for.
    pub label: Label,
    /// The merchant's own name for that.
    pub id: GatewayText,
}

impl CustomId {
    /// Reads the parameters.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(members: &Members) -> Result<CustomId, Invalid> {
        let mut reader = Reader::new(members);
        let label = reader.parsed("label", CHARACTERS_MAX);
        let id = reader.parsed("transaction_custom_id", CHARACTERS_MAX);
        let read = label.zip(id).map(|(label, id)| CustomId { label, id });
        reader.end(read)
    }
}

/// The payment system of a name in a currency, which was found wrong already where it is `None`.
pub(super) fn system<'a>(
    reader: &mut Reader<'_>,
    name: &str,
    catalogue: &'a Catalogue,
    currency: Option<Currency>,
) -> Option<&'a PaymentSystem> {
    let wallet_type = reader.text(name, CHARACTERS_MAX)?;
    let mut of_type = catalogue.of_type(wallet_type).peekable();
    if of_type.peek().is_none() {
        selected(reader, name);
        return None;
    }
    let currency = currency?;
    let system = of_type.find(|system| system.currency == currency);
    if system.is_none() {
        selected(reader, name);
    }
    system
}

/// Says that a field names nothing that there is.
pub(super) fn selected(reader: &mut Reader<'_>, name: &str) {
    let text = format!("The selected {} is invalid.", words(name));
    reader.faults.add(name, text);
}

/// An amount that the payment system takes.
pub(super) fn within_limits(
    reader: &mut Reader<'_>,
    system: Option<&PaymentSystem>,
    amount: Option<Amount>,
) -> Option<Amount> {
    let (Some(system), Some(amount)) = (system, amount) else {
        return amount;
    };
    if !system.takes(amount) {
        let (least, most) = system.limits;
        reader.wrong(
            "amount",
            format_args!("must be between {least} and {most}."),
        );
        return None;
    }
    Some(amount)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::protocol::paykassma::gateway::reply::Reply;
    use crate::protocol::paykassma::value;

    fn members(body: &str) -> Members {
        value::decode(body.as_bytes()).unwrap()
    }

    fn told<T>(read: Result<T, Invalid>) -> Result<T, String> {
        read.map_err(|invalid| {
            let body = String::from_utf8(Reply::from(&invalid).body).unwrap();
            let message = body.strip_prefix(r#"{"status":"fail","message":"#).unwrap();
            message.strip_suffix('}').unwrap().to_owned()
        })
    }

    fn catalogue() -> Catalogue {
        Config::default().paykassma.catalogue
    }

    fn text<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    const ACTIVATION: &str = r#"{"currency_code":"INR","wallet_type":"paytm","label":"55","key1":"123-ABC-456-DEF","custom_transaction_id":"123465477897"}"#;

    #[test]
    fn an_activation_names_a_payment_system_and_a_number_of_its_length() {
        let catalogue = catalogue();
        let read = |body: &str| told(Activation::decode(&members(body), &catalogue, false));
        let paytm = catalogue.of_type("paytm").next().unwrap();
        let due = Activation {
            system: paytm,
            label: text("55"),
            key1: text("123-ABC-456-DEF"),
            amount: None,
            custom_transaction_id: Some(text("123465477897")),
        };
        assert_eq!(read(ACTIVATION), Ok(due.clone()));
        let without = ACTIVATION.replace("\"123465477897\"", "null");
        let due = Activation {
            custom_transaction_id: None,
            ..due
        };
        assert_eq!(read(&without), Ok(due));
        for (from, to, due) in [
            (
                "123-ABC-456-DEF",
                "12345",
                r#"{"key1":["Transaction field has wrong length"]}"#,
            ),
            (
                "paytm",
                "nobody",
                r#"{"wallet_type":["The selected wallet type is invalid."]}"#,
            ),
            (
                "INR",
                "BDT",
                r#"{"wallet_type":["The selected wallet type is invalid."]}"#,
            ),
            (
                "INR",
                "inr",
                r#"{"currency_code":["The currency code must be 3 capital letters."]}"#,
            ),
            (
                r#"paytm","label":"55","key1":"123-ABC-456-DEF"#,
                r#"upi_p2p","label":"55","key1":"418381111111"#,
                r#"{"amount":["The amount field is required."]}"#,
            ),
            (
                "paytm",
                "phone_pe",
                r#"{"amount":["The amount field is required."]}"#,
            ),
            (
                "}",
                r#","amount":99.99}"#,
                r#"{"amount":["The amount must be between 100.00 and 200000.00."]}"#,
            ),
        ] {
            let body = ACTIVATION.replacen(from, to, 1);
            assert_eq!(read(&body), Err(due.to_owned()), "{body}");
        }
        let by_hand = told(Activation::decode(&members(ACTIVATION), &catalogue, true));
        assert_eq!(
            by_hand,
            Err(r#"{"amount":["The amount field is required."]}"#.to_owned())
        );
        let all = read("{}").unwrap_err();
        for name in ["currency code", "wallet type", "label", "key1"] {
            let required = format!("The {name} field is required.");
            assert!(all.contains(&required), "{all}");
        }
    }

    #[test]
    fn a_number_is_told_what_it_lacks() {
        let catalogue = catalogue();
        let of_upi = ACTIVATION.replace("paytm", "upi");
        for (key1, due) in [
            ("41838111111", "Transaction field has wrong length"),
            ("4183-8111111", "Transaction field has wrong characters"),
        ] {
            let body = of_upi.replace("123-ABC-456-DEF", key1);
            let told = told(Activation::decode(&members(&body), &catalogue, false));
            assert_eq!(told, Err(format!(r#"{{"key1":["{due}"]}}"#)), "{body}");
        }
    }

    #[test]
    fn the_rest_asks_for_its_fields() {
        let catalogue = catalogue();
        let savings = |body: &str| told(Savings::decode(&members(body), &catalogue));
        let paytm = catalogue.of_type("paytm").next().unwrap();
        let due = Savings {
            label: text("55"),
            system: paytm,
        };
        let body = r#"{"label":"55","wallet_type":"paytm","currency":"INR","code":"null"}"#;
        assert_eq!(savings(body), Ok(due));
        assert!(savings("{}").is_err());
        let custom = told(CustomId::decode(&members(
            r#"{"label":"55","transaction_custom_id":"12346547789755"}"#,
        )));
        let due = CustomId {
            label: text("55"),
            id: text("12346547789755"),
        };
        assert_eq!(custom, Ok(due));
        let missing = told(CustomId::decode(&members(r#"{"label":"55"}"#)));
        let due = r#"{"transaction_custom_id":["The transaction custom id field is required."]}"#;
        assert_eq!(missing, Err(due.to_owned()));
        let created = told(Creation::decode(&members(
            r#"{"currency":"INR","label":"eligendi"}"#,
        )));
        let due = Creation {
            currency: text("INR"),
            label: text("eligendi"),
        };
        assert_eq!(created, Ok(due));
        let required = serde_json::to_string(&custom_id_required()).unwrap();
        let due = r#"{"custom_transaction_id":["The custom transaction id field is required."]}"#;
        assert_eq!(required, due);
    }
}
