//! What a merchant asks about what it was told (paykassma-api.md, Postbacks).

use super::deposits::{CHARACTERS_MAX, LIST_MAX, selected};
use super::parameters::{Invalid, Reader};
use crate::protocol::paykassma::value::{Members, Value};

/// Of which kind of postback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `type=deposit`.
    Deposit,
    /// `type=withdrawal`.
    Withdrawal,
}

/// `postback`: the one that tells of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A deposit, by the payment's reference.
    Transaction(String),
    /// A deposit, by its custom_transaction_id.
    CustomId(String),
    /// A withdrawal.
    Withdrawal(String),
}

impl Wanted {
    /// Reads the parameters.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(members: &Members) -> Result<Wanted, Invalid> {
        let mut reader = Reader::new(members);
        let read = match kind(&mut reader) {
            Some(Kind::Deposit) => by_transaction(&mut reader),
            Some(Kind::Withdrawal) => {
                let name = "withdrawal_id";
                if reader.given(name).is_none() {
                    reader.wrong(name, "field is required when type is withdrawal.");
                }
                let id = reader.optional_text(name, CHARACTERS_MAX);
                id.map(|id| Wanted::Withdrawal(id.to_owned()))
            }
            None => None,
        };
        reader.end(read)
    }
}

fn by_transaction(reader: &mut Reader<'_>) -> Option<Wanted> {
    let names = ["transaction_id", "custom_id"];
    if names.iter().all(|name| reader.given(name).is_none()) {
        reader.wrong(names[0], "field is required when type is deposit.");
    }
    if reader.given(names[0]).is_some() {
        let id = reader.optional_text(names[0], CHARACTERS_MAX);
        return id.map(|id| Wanted::Transaction(id.to_owned()));
    }
    let id = reader.optional_text(names[1], CHARACTERS_MAX);
    id.map(|id| Wanted::CustomId(id.to_owned()))
}

/// `pullpostbacks`: those that tell of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Of deposits, by their custom_transaction_id, or of withdrawals.
    pub kind: Kind,
    /// Up to 100, as they were asked for.
    pub ids: Vec<String>,
}

impl Kind {
    /// What an id is called.
    pub fn id_name(self) -> &'static str {
        match self {
            Kind::Deposit => "plugin_custom_order_id",
            Kind::Withdrawal => "withdrawal_id",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Deposit => "deposit",
            Kind::Withdrawal => "withdrawal",
        }
    }
}

impl Pull {
    /// Reads the parameters.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(members: &Members) -> Result<Pull, Invalid> {
        let mut reader = Reader::new(members);
        let read = kind(&mut reader).and_then(|kind| {
            let ids = ids(&mut reader, kind)?;
            Some(Pull { kind, ids })
        });
        reader.end(read)
    }
}

fn ids(reader: &mut Reader<'_>, kind: Kind) -> Option<Vec<String>> {
    let (name, of) = (kind.id_name(), kind.name());
    let items = match reader.given(name) {
        Some(Value::List(items)) => &items[..],
        // One, without brackets.
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    if items.is_empty() {
        reader.wrong(name, format_args!("field is required when type is {of}."));
        return None;
    }
    if items.len() > LIST_MAX {
        reader.wrong(
            name,
            format_args!("must not have more than {LIST_MAX} items."),
        );
        return None;
    }
    let mut ids = Vec::with_capacity(items.len());
    for item in items {
        let good = |text: &&String| (1..=CHARACTERS_MAX).contains(&text.chars().count());
        match item {
            Value::Text(text) if text.trim() != text => {
                reader.wrong(name, "must not begin or end with a space.");
                return None;
            }
            Value::Text(text) if good(&text) => ids.push(text.clone()),
            _ => {
                reader.wrong(
                    name,
                    format_args!(
                        "must be an array of strings of at most {CHARACTERS_MAX} characters."
                    ),
                );
                return None;
            }
        }
    }
    Some(ids)
}

fn kind(reader: &mut Reader<'_>) -> Option<Kind> {
    let name = "type";
    let kind = match reader.text(name, CHARACTERS_MAX)? {
        "deposit" => Some(Kind::Deposit),
        "withdrawal" => Some(Kind::Withdrawal),
        _ => None,
    };
    if kind.is_none() {
        selected(reader, name);
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::paykassma::gateway::parameters::of_query;
    use crate::protocol::paykassma::gateway::reply::Reply;

    fn told<T>(read: Result<T, Invalid>) -> Result<T, String> {
        read.map_err(|invalid| String::from_utf8(Reply::from(&invalid).body).unwrap())
    }

    fn wanted(query: &str) -> Result<Wanted, String> {
        told(Wanted::decode(&of_query(query, b"").unwrap()))
    }

    fn pull(query: &str) -> Result<Pull, String> {
        told(Pull::decode(&of_query(query, b"").unwrap()))
    }

    fn fault(field: &str, text: &str) -> String {
        format!(r#"{{"status":"fail","message":{{"{field}":["{text}"]}}}}"#)
    }

    #[test]
    fn a_postback_is_looked_up_by_what_it_tells_of() {
        let a = || "a".to_owned();
        for (query, due) in [
            ("type=deposit&transaction_id=a", Wanted::Transaction(a())),
            (
                "type=deposit&custom_id=a&transaction_id=",
                Wanted::CustomId(a()),
            ),
            (
                "type=deposit&custom_id=b&transaction_id=a",
                Wanted::Transaction(a()),
            ),
            ("type=withdrawal&withdrawal_id=a", Wanted::Withdrawal(a())),
        ] {
            assert_eq!(wanted(query), Ok(due), "{query}");
        }
        for (query, field, text) in [
            ("", "type", "The type field is required."),
            ("type=x", "type", "The selected type is invalid."),
            (
                "type=deposit",
                "transaction_id",
                "The transaction id field is required when type is deposit.",
            ),
            (
                "type=withdrawal&custom_id=a",
                "withdrawal_id",
                "The withdrawal id field is required when type is withdrawal.",
            ),
        ] {
            assert_eq!(wanted(query), Err(fault(field, text)), "{query}");
        }
    }

    #[test]
    fn up_to_a_hundred_are_pulled_at_once() {
        let of = |kind, ids: &[&str]| {
            let ids = ids.iter().map(|id| (*id).to_owned()).collect();
            Ok(Pull { kind, ids })
        };
        let deposits = pull("type=deposit&plugin_custom_order_id[]=a&plugin_custom_order_id[]=b");
        assert_eq!(deposits, of(Kind::Deposit, &["a", "b"]));
        let one = pull("type=withdrawal&withdrawal_id=a");
        assert_eq!(one, of(Kind::Withdrawal, &["a"]));
        let many = |count: usize| {
            let list = "&withdrawal_id[]=a".repeat(count);
            pull(&format!("type=withdrawal{list}"))
        };
        assert_eq!(many(100).unwrap().ids.len(), 100);
        let too_many = "The withdrawal id must not have more than 100 items.";
        assert_eq!(many(101), Err(fault("withdrawal_id", too_many)));
        for (query, field, text) in [
            (
                "type=deposit&withdrawal_id=a",
                "plugin_custom_order_id",
                "The plugin custom order id field is required when type is deposit.",
            ),
            (
                "type=withdrawal",
                "withdrawal_id",
                "The withdrawal id field is required when type is withdrawal.",
            ),
            (
                "type=withdrawal&withdrawal_id[]=a&withdrawal_id[]=b+",
                "withdrawal_id",
                "The withdrawal id must not begin or end with a space.",
            ),
            ("withdrawal_id=a", "type", "The type field is required."),
        ] {
            assert_eq!(pull(query), Err(fault(field, text)), "{query}");
        }
    }
}
