//! Received payments: what is asked and told about them (operations.md, Received payments).

use serde::Serialize;

use super::members::{Malformed, Members};
use super::request::PageWanted;
use crate::engine::command::NewPayment;
use crate::engine::document::{Claimant, PaymentState};
use crate::id::{PaymentDetail, PaymentReference, WalletType, as_optional_text, as_text};
use crate::money::{Amount, Currency};
use crate::time::Timestamp;

/// Money that is said to have come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReceivePayment {
    /// In which way, such as `upi`.
    pub wallet_type: WalletType,
    /// The bank's or wallet's number for it, unique in the wallet type.
    pub reference: PaymentReference,
    /// How much; more than nothing.
    #[serde(serialize_with = "as_text")]
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The account that it came to.
    pub account: Option<PaymentDetail>,
    /// When it came; now, where nothing is said.
    #[serde(serialize_with = "as_optional_text")]
    pub received_at: Option<Timestamp>,
    /// Who paid.
    pub payer: Option<PaymentDetail>,
    /// What was said beside.
    pub note: Option<PaymentDetail>,
    /// Whether somebody must look at it before it is taken for anything.
    pub suspicious: bool,
    /// Only tell what would come of it.
    pub check_only: bool,
}

/// Reads an amount that is more than nothing.
///
/// # Errors
/// What would be right.
pub fn amount_received(text: &str) -> Result<Amount, String> {
    let amount = Amount::from_decimal(text).map_err(|fault| fault.to_string())?;
    if amount.is_zero() {
        return Err("must be more than 0.00".to_owned());
    }
    Ok(amount)
}

impl ReceivePayment {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<ReceivePayment, Malformed> {
        let request = ReceivePayment {
            wallet_type: members.required("wallet_type")?,
            reference: members.required("reference")?,
            amount: members.required_by("amount", amount_received)?,
            currency: members.required("currency")?,
            account: members.optional("account")?,
            received_at: members.optional("received_at")?,
            payer: members.optional("payer")?,
            note: members.optional("note")?,
            suspicious: members.truth("suspicious")?.unwrap_or(false),
            check_only: members.truth("check_only")?.unwrap_or(false),
        };
        members.finish().map(|()| request)
    }

    /// What the engine is asked with.
    pub fn payment(self) -> NewPayment {
        NewPayment {
            wallet_type: self.wallet_type,
            reference: self.reference,
            amount: self.amount,
            currency: self.currency,
            account: self.account,
            received_at: self.received_at,
            payer: self.payer,
            note: self.note,
            suspicious: self.suspicious,
        }
    }
}

/// A page of received payments.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentList {
    /// Only those in this state.
    pub state: Option<String>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageWanted,
}

const STATES: [&str; 3] = ["unclaimed", "matched", "waiting"];

impl PaymentList {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<PaymentList, Malformed> {
        let request = PaymentList {
            state: members.optional_by("state", payment_state)?,
            page: PageWanted::take(&mut members)?,
        };
        members.finish().map(|()| request)
    }
}

/// Reads a received payment's state.
///
/// # Errors
/// What would be right.
pub fn payment_state(text: &str) -> Result<String, &'static str> {
    if STATES.contains(&text) {
        return Ok(text.to_owned());
    }
    Err("must be unclaimed, matched or waiting")
}

/// What a received payment was for.
#[derive(Serialize)]
pub struct Matched {
    /// `order` or `deposit`.
    pub kind: &'static str,
    /// Which.
    pub id: String,
}

/// Whose a received payment is.
#[derive(Serialize)]
pub struct PaymentWhose {
    /// `unclaimed`, `matched`, or `waiting` for an operator.
    pub state: &'static str,
    /// What asked for it and got it, or null.
    pub matched: Option<Matched>,
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

impl From<&PaymentState> for PaymentWhose {
    fn from(state: &PaymentState) -> PaymentWhose {
        let (state, matched, reason) = match state {
            PaymentState::Unclaimed => ("unclaimed", None, None),
            PaymentState::Waiting(reason) => ("waiting", None, Some(reason.text())),
            PaymentState::Matched(Claimant::Order(reference)) => {
                let (kind, id) = ("order", reference.to_string());
                ("matched", Some(Matched { kind, id }), None)
            }
            PaymentState::Matched(Claimant::Deposit(reference)) => {
                let (kind, id) = ("deposit", reference.to_string());
                ("matched", Some(Matched { kind, id }), None)
            }
        };
        PaymentWhose {
            state,
            matched,
            reason,
        }
    }
}

/// What came of a received payment.
#[derive(Serialize)]
pub struct PaymentDone {
    /// Its name, such as `upi/418381111111`.
    pub received_payment: String,
    /// Whose it is.
    #[serde(flatten)]
    pub whose: PaymentWhose,
    /// Whether it was there before, so that nothing moved now.
    pub repeated: bool,
}

/// A received payment in a list.
#[derive(Serialize)]
pub struct PaymentItem {
    /// Its name, such as `upi/418381111111`.
    pub id: String,
    /// Whose it is.
    #[serde(flatten)]
    pub whose: PaymentWhose,
    /// In which way it came.
    pub wallet_type: WalletType,
    /// The bank's or wallet's number for it.
    pub reference: PaymentReference,
    /// How much.
    #[serde(serialize_with = "as_text")]
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The account that it came to.
    pub account: Option<PaymentDetail>,
    /// Who paid.
    pub payer: Option<PaymentDetail>,
    /// What was said beside.
    pub note: Option<PaymentDetail>,
    /// Whether somebody must look at it.
    pub suspicious: bool,
    /// When it came.
    #[serde(serialize_with = "as_text")]
    pub received_at: Timestamp,
    /// When it was taken down.
    #[serde(serialize_with = "as_text")]
    pub created_at: Timestamp,
}
