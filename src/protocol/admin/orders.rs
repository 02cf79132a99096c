//! Orders: what operators ask and are told about them (operations.md, `order`).

use serde::Serialize;

use super::members::{Malformed, Members};
use super::request::PageWanted;
use crate::id::{
    Email, Mobile, OrderId, OrderName, OrderNote, OrderReference, PartnerNumber, Reason, Utr,
    as_optional_text, as_text,
};
use crate::money::{Amount, Currency};
use crate::time::Timestamp;

/// A page of orders.
#[derive(Clone, Debug, Serialize)]
pub struct OrderList {
    /// Only this partner's.
    pub partner: Option<PartnerNumber>,
    /// Only those in this state.
    pub state: Option<String>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageWanted,
}

const STATES: [&str; 5] = ["PENDING", "SUCCESS", "FAILED", "EXPIRED", "CANCELLED"];

impl OrderList {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<OrderList, Malformed> {
        let request = OrderList {
            partner: members.optional("partner")?,
            state: members.optional_by("state", order_state)?,
            page: PageWanted::take(&mut members)?,
        };
        members.finish().map(|()| request)
    }
}

/// Reads an order's state.
///
/// # Errors
/// What would be right.
pub fn order_state(text: &str) -> Result<String, &'static str> {
    if STATES.contains(&text) {
        return Ok(text.to_owned());
    }
    Err("must be PENDING, SUCCESS, FAILED, EXPIRED or CANCELLED")
}

/// One order.
#[derive(Clone, Debug, Serialize)]
pub struct OrderWanted {
    /// Which.
    #[serde(serialize_with = "as_text")]
    pub id: OrderName,
}

impl OrderWanted {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<OrderWanted, Malformed> {
        let id = members.required("id")?;
        members.finish().map(|()| OrderWanted { id })
    }
}

/// An order to call paid.
#[derive(Clone, Debug, Serialize)]
pub struct ApproveOrder {
    /// Which.
    #[serde(serialize_with = "as_text")]
    pub id: OrderName,
    /// The bank's reference, where it is another than the payer's.
    pub utr: Option<Utr>,
}

impl ApproveOrder {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<ApproveOrder, Malformed> {
        let request = ApproveOrder {
            id: members.required("id")?,
            utr: members.optional("utr")?,
        };
        members.finish().map(|()| request)
    }
}

/// An order to call not paid.
#[derive(Clone, Debug, Serialize)]
pub struct RejectOrder {
    /// Which.
    #[serde(serialize_with = "as_text")]
    pub id: OrderName,
    /// Why.
    pub reason: Reason,
}

impl RejectOrder {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<RejectOrder, Malformed> {
        let request = RejectOrder {
            id: members.required("id")?,
            reason: members.required("reason")?,
        };
        members.finish().map(|()| request)
    }
}

/// An order to take back.
#[derive(Clone, Debug, Serialize)]
pub struct CancelOrder {
    /// Which.
    #[serde(serialize_with = "as_text")]
    pub id: OrderName,
    /// Why.
    pub reason: Option<Reason>,
}

impl CancelOrder {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<CancelOrder, Malformed> {
        let request = CancelOrder {
            id: members.required("id")?,
            reason: members.optional("reason")?,
        };
        members.finish().map(|()| request)
    }
}

/// An order. Members that the Partner API has too bear its names.
#[derive(Serialize)]
#[expect(non_snake_case, reason = "the names are the Partner API's")]
pub struct OrderItem {
    /// What its page is found by.
    pub id: OrderReference,
    /// Whose.
    pub partner: PartnerNumber,
    /// `PENDING`, `SUCCESS`, `FAILED`, `EXPIRED` or `CANCELLED`.
    pub state: &'static str,
    /// The partner's name for it.
    pub orderId: OrderId,
    /// What its page is found by.
    pub txn_ref_id: OrderReference,
    /// How much is asked for.
    #[serde(serialize_with = "as_text")]
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What it is for.
    pub txnNote: Option<OrderNote>,
    /// The payer's mobile number.
    pub cust_Mobile: Option<Mobile>,
    /// The payer's email address.
    pub cust_Email: Option<Email>,
    /// The bank's reference that was named for it.
    pub utr: Option<Utr>,
    /// The payment that settled it, such as `upi/418381111111`.
    pub received_payment: Option<String>,
    /// How much it has brought.
    #[serde(serialize_with = "as_optional_text")]
    pub paid_amount: Option<Amount>,
    /// Why it was rejected or cancelled.
    pub reason: Option<Reason>,
    /// When it came into being.
    #[serde(serialize_with = "as_text")]
    pub created_at: Timestamp,
    /// When it has waited too long.
    #[serde(serialize_with = "as_text")]
    pub expires_at: Timestamp,
    /// Since when it is in its state.
    #[serde(serialize_with = "as_text")]
    pub state_at: Timestamp,
}
