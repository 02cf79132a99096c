//! Deposits: what operators ask and are told about them (operations.md, `deposit`).

use serde::Serialize;

use super::members::{Malformed, Members};
use super::payments::PaymentItem;
use crate::engine::deposit::DepositSeen;
use crate::id::{
    DepositReference, GatewayText, Label, Lang, PartnerNumber, PaymentDetail, PaymentReference,
    PostbackName, Reason, WalletType, WebAddress, as_text,
};
use crate::money::{Amount, Currency};
use crate::time::Timestamp;

/// Reads a deposit's state.
///
/// # Errors
/// What would be right.
pub fn deposit_state(text: &str) -> Result<&'static str, &'static str> {
    let mut names = DepositSeen::ALL.iter().map(|state| state.name());
    let found = names.find(|name| *name == text);
    found.ok_or("must be open, possible, expired, waiting, saved, credited or rejected")
}

/// One deposit.
#[derive(Clone, Debug, Serialize)]
pub struct DepositWanted {
    /// Which.
    pub id: DepositReference,
}

impl DepositWanted {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<DepositWanted, Malformed> {
        let id = members.required("id")?;
        members.finish().map(|()| DepositWanted { id })
    }
}

/// A deposit whose money has not come.
#[derive(Clone, Debug, Serialize)]
pub struct RejectDeposit {
    /// Which.
    pub id: DepositReference,
    /// Why.
    pub reason: Reason,
}

impl RejectDeposit {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<RejectDeposit, Malformed> {
        let request = RejectDeposit {
            id: members.required("id")?,
            reason: members.required("reason")?,
        };
        members.finish().map(|()| request)
    }
}

/// A deposit. Members that the gateway's API has too bear its names.
#[derive(Serialize)]
pub struct DepositItem {
    /// What operators know it by.
    pub id: DepositReference,
    /// The merchant.
    pub partner: PartnerNumber,
    /// `open`, `possible`, `expired`, `waiting`, `saved`, `credited` or `rejected`.
    pub state: &'static str,
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<&'static str>,
    /// The merchant's name for it.
    pub custom_transaction_id: GatewayText,
    /// Who pays.
    pub label: Label,
    /// The payment system.
    pub wallet_type: WalletType,
    /// The payer's transaction number; null while its page waits for it.
    pub key1: Option<PaymentReference>,
    /// What was received, or else what the merchant said, if it did.
    pub amount: Option<String>,
    /// In which currency.
    pub currency: Currency,
    /// What it brought.
    pub activated: Option<ActivatedItem>,
    /// What names the postback that tells of it.
    pub postback: Option<PostbackName>,
    /// Whether an operator decides in any case.
    pub is_manual: bool,
    /// Where the picture of the payment is fetched, where there is one.
    pub screenshot: Option<String>,
    /// Why it was rejected.
    pub reason: Option<Reason>,
    /// The page that it is paid on.
    pub hosted: Option<HostedItem>,
    /// When it came.
    #[serde(serialize_with = "as_text")]
    pub created_at: Timestamp,
    /// When its payment is too late.
    #[serde(serialize_with = "as_text")]
    pub expires_at: Timestamp,
}

/// The page that a deposit is paid on.
#[derive(Serialize)]
pub struct HostedItem {
    /// Where it lies.
    pub payment_url: String,
    /// What the payer reads, as the merchant said.
    pub language: Lang,
    /// The bank that is paid through.
    pub bank: GatewayText,
    /// Where the payer is led in the end.
    pub redirect_url: WebAddress,
    /// What is paid to.
    pub identifier: String,
}

/// What a deposit brought.
#[derive(Serialize)]
pub struct ActivatedItem {
    /// When.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// What was received.
    #[serde(serialize_with = "as_text")]
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Whether by a received payment; otherwise by an operator's word.
    pub by_payment: bool,
    /// What it brought by an operator's word, before its payment took the place of that.
    pub approved_amount: Option<String>,
    /// Who paid.
    pub payer: Option<PaymentDetail>,
    /// What it was saved up or credited under.
    pub stockpiling_id: u64,
}

/// A deposit with the received payment that bears its number.
#[derive(Serialize)]
pub struct DepositShown {
    /// The deposit.
    #[serde(flatten)]
    pub item: DepositItem,
    /// The payment, whosever it is; null while none has come.
    pub received_payment: Option<PaymentItem>,
}
