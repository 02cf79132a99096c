//! Withdrawals and postbacks: what operators ask and are told about them (operations.md,
//! `withdrawal` and `postback`).

use std::collections::BTreeMap;

use serde::Serialize;

use super::members::{Malformed, Members};
use super::request::PageWanted;
use crate::engine::postback::{DeliveryState, PostbackKind};
use crate::engine::withdrawal::WithdrawalState;
use crate::id::{
    GatewayText, Label, PartnerNumber, PostbackName, PostbackUrl, Reason, Seq, WalletType,
    WithdrawalId, as_optional_text, as_text,
};
use crate::money::{Amount, Currency};
use crate::time::Timestamp;

/// A page of withdrawals, deposits or postbacks.
#[derive(Clone, Debug, Serialize)]
pub struct GatewayList {
    /// Only this merchant's.
    pub partner: Option<PartnerNumber>,
    /// Only those in this state.
    pub state: Option<&'static str>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageWanted,
}

impl GatewayList {
    /// Reads it; `state` reads the word of a state.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(
        mut members: Members,
        state: fn(&str) -> Result<&'static str, &'static str>,
    ) -> Result<GatewayList, Malformed> {
        let request = GatewayList {
            partner: members.optional("partner")?,
            state: members.optional_by("state", state)?,
            page: PageWanted::take(&mut members)?,
        };
        members.finish().map(|()| request)
    }
}

/// Reads a withdrawal's state.
///
/// # Errors
/// What would be right.
pub fn withdrawal_state(text: &str) -> Result<&'static str, &'static str> {
    let mut names = WithdrawalState::ALL.iter().map(|state| state.name());
    let found = names.find(|name| *name == text);
    found.ok_or("must be processing, processed or rejected")
}

/// Reads a postback's state.
///
/// # Errors
/// What would be right.
pub fn postback_state(text: &str) -> Result<&'static str, &'static str> {
    let mut names = DeliveryState::NAMES.into_iter();
    let found = names.find(|name| *name == text);
    found.ok_or("must be due, delivered or waiting")
}

/// One withdrawal or postback.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Numbered {
    /// Which.
    pub id: u64,
}

impl Numbered {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<Numbered, Malformed> {
        let id = number(&mut members)?;
        members.finish().map(|()| Numbered { id })
    }
}

fn number(members: &mut Members) -> Result<u64, Malformed> {
    let id = members.count("id", 1, u64::MAX)?;
    match id {
        Some(id) => Ok(id),
        None => members.required_by("id", |_: &str| Err("must be a number")),
    }
}

/// Reads what a postback tells of.
///
/// # Errors
/// What would be right.
pub fn postback_kind(text: &str) -> Result<PostbackKind, &'static str> {
    let mut kinds = PostbackKind::ALL.into_iter();
    let found = kinds.find(|kind| kind.name() == text);
    found.ok_or("must be deposit or withdrawal")
}

/// A sample postback to be sent.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TestPostback {
    /// Whom to.
    pub partner: PartnerNumber,
    /// What it tells of, and by that where it goes.
    #[serde(rename = "type")]
    pub kind: PostbackKind,
}

impl TestPostback {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<TestPostback, Malformed> {
        let request = TestPostback {
            partner: members.required("partner")?,
            kind: members.required_by("type", postback_kind)?,
        };
        members.finish().map(|()| request)
    }
}

/// A withdrawal to call paid out.
#[derive(Clone, Debug, Serialize)]
pub struct ApproveWithdrawal {
    /// Which.
    pub id: u64,
    /// What the merchant is told beside.
    pub note: Option<Reason>,
}

impl ApproveWithdrawal {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<ApproveWithdrawal, Malformed> {
        let request = ApproveWithdrawal {
            id: number(&mut members)?,
            note: members.optional("note")?,
        };
        members.finish().map(|()| request)
    }
}

/// A withdrawal that is not paid out.
#[derive(Clone, Debug, Serialize)]
pub struct RejectWithdrawal {
    /// Which.
    pub id: u64,
    /// Why; the merchant is told.
    pub reason: Reason,
}

impl RejectWithdrawal {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<RejectWithdrawal, Malformed> {
        let request = RejectWithdrawal {
            id: number(&mut members)?,
            reason: members.required("reason")?,
        };
        members.finish().map(|()| request)
    }
}

/// A withdrawal.
#[derive(Serialize)]
pub struct WithdrawalItem {
    /// Its number.
    pub id: Seq,
    /// The merchant.
    pub partner: PartnerNumber,
    /// `processing`, `processed` or `rejected`.
    pub state: &'static str,
    /// The merchant's name for it, or the one that it got.
    pub withdrawal_id: WithdrawalId,
    /// The payment system.
    pub wallet_type: WalletType,
    /// How much.
    #[serde(serialize_with = "as_text")]
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Whom it is for.
    pub label: Label,
    /// Whether it moves no money.
    pub is_test: bool,
    /// The merchant's words.
    pub comment: Option<GatewayText>,
    /// Whereto, by the members' own names.
    pub details: BTreeMap<&'static str, GatewayText>,
    /// The operator's words.
    pub note: Option<Reason>,
    /// When it came.
    #[serde(serialize_with = "as_text")]
    pub created_at: Timestamp,
    /// When an operator gave a word on it.
    #[serde(serialize_with = "as_optional_text")]
    pub decided_at: Option<Timestamp>,
}

/// A postback.
#[derive(Serialize)]
pub struct PostbackItem {
    /// Its number.
    pub id: Seq,
    /// The merchant.
    pub partner: PartnerNumber,
    /// `due`, `delivered`, or `waiting` for an operator.
    pub state: &'static str,
    /// `deposit` or `withdrawal`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What names the thing that it tells of.
    pub name: PostbackName,
    /// The same of a deposit: of the last, where it tells of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_transaction_id: Option<PostbackName>,
    /// The same of a withdrawal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawal_id: Option<PostbackName>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    #[serde(serialize_with = "as_optional_text")]
    pub due_at: Option<Timestamp>,
    /// When it was written.
    #[serde(serialize_with = "as_text")]
    pub created_at: Timestamp,
    /// When it was last tried, or asked for again.
    #[serde(serialize_with = "as_text")]
    pub changed_at: Timestamp,
}

/// A postback with what it says and what came of it.
#[derive(Serialize)]
pub struct PostbackShown {
    /// The postback.
    #[serde(flatten)]
    pub item: PostbackItem,
    /// The bytes that are sent.
    pub body: String,
    /// How often they were put right.
    pub corrections: u8,
    /// The last tries, the newest first.
    pub tries: Vec<AttemptItem>,
}

/// What came of a sample.
#[derive(Serialize)]
pub struct PostbackTested {
    /// Whom it went to.
    pub partner: PartnerNumber,
    /// `deposit` or `withdrawal`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where.
    pub url: PostbackUrl,
    /// The bytes that were sent.
    pub body: String,
    /// Whether the merchant took it.
    pub taken: bool,
    /// The answer's status, where there was an answer.
    pub status: Option<u16>,
    /// What the answer said, cut short, or why there was none.
    pub answer: String,
}

/// One try to send a postback.
#[derive(Serialize)]
pub struct AttemptItem {
    /// Which, from 1.
    pub number: u32,
    /// When its end was taken down.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// How often the bytes had been put right that were sent.
    pub corrections: u8,
    /// Where it went.
    pub url: PostbackUrl,
    /// Whether the merchant took it.
    pub taken: bool,
    /// The answer's status, where there was an answer.
    pub status: Option<u16>,
    /// What the answer said, cut short, or why there was none.
    pub answer: String,
}
