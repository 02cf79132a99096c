//! Requests about payment links: the token that proves who asks, and the order's fields
//! (partner-api.md, Payment Gateway). Some come in a query, and a body wins over it.

use std::borrow::Cow;

use super::members::{Given, Malformed, Members};
use super::request::{Faults, amount, email, mobile};
use super::texts::{
    NOTE_CONTROL, NOTE_TOO_LONG, ORDER_ID_CONTROL, ORDER_ID_LENGTH, ORDER_ID_REQUIRED,
};
use crate::engine::command::NewOrder;
use crate::engine::document::Order;
use crate::id::{OrderId, OrderNote};
use crate::protocol::percent;
use crate::time::{Timestamp, UtcOffset};

/// The longest order id and note, in characters.
const ORDER_ID_MAX: usize = 64;
const NOTE_MAX: usize = 255;

/// A call, as it came.
#[derive(Debug)]
pub struct GatewayCall<'a> {
    members: Option<Members<'a>>,
    query: Vec<(String, String)>,
    token: String,
}

/// An order whose fields are not all of their form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOrder {
    /// What is wrong with them.
    pub faults: Faults,
    /// Its name, where that is of its form: it may be wrong besides, since it was used.
    pub id: Option<OrderId>,
}

/// Which order is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderWanted {
    /// The partner's name for it.
    pub id: OrderId,
}

/// An order whose state is told.
pub struct StatusOf<'a> {
    /// Which.
    pub order: &'a Order,
    /// The present.
    pub now: Timestamp,
    /// In which offset its time is told.
    pub offset: UtcOffset,
}

impl<'a> GatewayCall<'a> {
    /// Reads a body; where there is none, a query that has something to say.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn decode(body: &'a [u8], query: &str) -> Result<GatewayCall<'a>, Malformed> {
        let query = percent::decode_query(query).ok_or(Malformed)?;
        let members = match body {
            [] if !query.is_empty() => None,
            body => Some(Members::decode(body)?),
        };
        let mut call = GatewayCall {
            members,
            query,
            token: String::new(),
        };
        if let Given::Text(token) = call.given("token")? {
            call.token = token.into_owned();
        }
        Ok(call)
    }

    /// What proves who asks; empty where nothing does.
    pub fn token(&self) -> &str {
        &self.token
    }

    fn given(&self, name: &str) -> Result<Given<'_>, Malformed> {
        if let Some(members) = &self.members {
            match members.given(name)? {
                Given::Nothing => {}
                given => return Ok(given),
            }
        }
        let mut query = self.query.iter();
        let found = query.find(|(known, text)| known == name && !text.is_empty());
        Ok(found.map_or(Given::Nothing, |(_, text)| Given::Text(Cow::Borrowed(text))))
    }

    /// The order to make.
    ///
    /// # Errors
    /// [`Malformed`], or within what is wrong with its fields.
    pub fn new_order(&self) -> Result<Result<NewOrder, InvalidOrder>, Malformed> {
        let mut faults = Faults::default();
        let id = faults.take("orderId", order_id(&self.given("orderId")?));
        let amount = faults.take("txnAmount", amount(&self.given("txnAmount")?));
        let note = faults.take("txnNote", note(&self.given("txnNote")?));
        let given = self.given("cust_Mobile")?;
        let mobile = faults.take("cust_Mobile", optional(given, |given| mobile(&given)));
        let given = self.given("cust_Email")?;
        let email = faults.take("cust_Email", optional(given, email));
        Ok(match (id, amount, note, mobile, email) {
            (Some(id), Some(amount), Some(note), Some(mobile), Some(email)) => Ok(NewOrder {
                id,
                amount,
                note,
                mobile,
                email,
            }),
            (id, ..) => Err(InvalidOrder { faults, id }),
        })
    }

    /// The order that is asked for.
    ///
    /// # Errors
    /// [`Malformed`], or within what is wrong with its name.
    pub fn wanted(&self) -> Result<Result<OrderWanted, Faults>, Malformed> {
        let id = order_id(&self.given("orderId")?);
        let wanted = id.map(|id| OrderWanted { id });
        Ok(wanted.map_err(|text| Faults::one("orderId", text)))
    }
}

fn optional<'a, T>(
    given: Given<'a>,
    read: impl FnOnce(Given<'a>) -> Result<T, &'static str>,
) -> Result<Option<T>, &'static str> {
    match given {
        Given::Nothing => Ok(None),
        given => read(given).map(Some),
    }
}

/// A text, or a whole number as its digits.
fn order_id(given: &Given<'_>) -> Result<OrderId, &'static str> {
    let text = match given {
        Given::Text(text) => text,
        Given::Number(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => *digits,
        Given::Nothing => return Err(ORDER_ID_REQUIRED),
        Given::Number(_) | Given::Other => return Err(ORDER_ID_LENGTH),
    };
    text.parse().map_err(|_| {
        if text.chars().count() > ORDER_ID_MAX {
            ORDER_ID_LENGTH
        } else {
            ORDER_ID_CONTROL
        }
    })
}

fn note(given: &Given<'_>) -> Result<Option<OrderNote>, &'static str> {
    match given {
        Given::Nothing => Ok(None),
        Given::Text(text) if text.chars().count() > NOTE_MAX => Err(NOTE_TOO_LONG),
        Given::Text(text) => text.parse().map(Some).map_err(|_| NOTE_CONTROL),
        Given::Number(_) | Given::Other => Err(NOTE_CONTROL),
    }
}
