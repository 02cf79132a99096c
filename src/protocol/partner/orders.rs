//! Requests about payment links: the token that proves who asks, and the order's fields
//! (partner-api.md, Payment Gateway). Some come in a query; where there is a body, the query is not
//! looked at.

use std::borrow::Cow;
use std::fmt;

use super::members::{Given, Malformed, Members};
use super::request::{Faults, amount, email, mobile, whole};
use super::texts::{
    MALFORMED_JSON, MALFORMED_QUERY, NOTE_CONTROL, NOTE_KIND, NOTE_TOO_LONG, ORDER_ID_CONTROL,
    ORDER_ID_KIND, ORDER_ID_LENGTH, ORDER_ID_REQUIRED,
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
    said: Said<'a>,
    token: String,
}

/// Where a call says what it asks.
#[derive(Debug)]
enum Said<'a> {
    InBody(Members<'a>),
    InQuery(Vec<(String, String)>),
}

/// A call that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// The body is none.
    Body,
    /// There is no body, and the query is none or names a member twice.
    Query,
}

impl Unread {
    /// What the caller is told.
    pub fn text(self) -> &'static str {
        match self {
            Unread::Body => MALFORMED_JSON,
            Unread::Query => MALFORMED_QUERY,
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Unread {}

impl From<Malformed> for Unread {
    fn from(_: Malformed) -> Unread {
        Unread::Body
    }
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
    /// [`Unread`].
    pub fn decode(body: &'a [u8], query: &str) -> Result<GatewayCall<'a>, Unread> {
        let from_query = match body {
            [] => percent::decode_members(query).ok_or(Unread::Query)?,
            _ => Vec::new(),
        };
        let said = match from_query.is_empty() {
            true => Said::InBody(Members::decode(body)?),
            false => Said::InQuery(from_query),
        };
        let mut call = GatewayCall {
            said,
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
        match &self.said {
            Said::InBody(members) => members.given(name),
            Said::InQuery(members) => {
                let mut members = members.iter();
                let found = members.find(|(known, text)| known == name && !text.is_empty());
                let text = found.map(|(_, text)| Given::Text(Cow::Borrowed(text)));
                Ok(text.unwrap_or(Given::Nothing))
            }
        }
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

fn order_id(given: &Given<'_>) -> Result<OrderId, &'static str> {
    let text = whole(given, ORDER_ID_REQUIRED, ORDER_ID_KIND)?;
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
        Given::Number(_) | Given::Other => Err(NOTE_KIND),
    }
}
