//! Answers about users and wallets, as the document prints them.

use std::fmt::Display;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::orders::StatusOf;
use super::request::Faults;
use super::texts::{
    BALANCE_LIMIT, DEPOSITED, INSUFFICIENT_FUNDS, INVALID, LINK_GENERATED, LINK_MADE,
    ORDER_ID_USED, ORDER_NOT_FOUND, ORDER_NOT_PENDING, REGISTERED, REGISTERED_BEFORE,
    TRANSFER_ID_USED, USER_NOT_FOUND, USER_OF_ANOTHER, WITHDRAWN,
};
use crate::engine::command::NewUser;
use crate::engine::document::{Order, TransferKind};
use crate::engine::order::Seen;
use crate::engine::refusal::{OrderRefusal, UserRefusal};
use crate::engine::transfer::TransferRow;
use crate::id::{GameType, Mobile, Name, OrderId, OrderReference, Seq, UserNumber, Utr};
use crate::money::{Amount, Sum};
use crate::time::{GatewayText, Timestamp};

/// A status and a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
}

impl Reply {
    fn of(status: u16, body: &impl Serialize) -> Reply {
        let body = serde_json::to_vec(body).expect("a reply is made of texts, numbers and lists");
        Reply { status, body }
    }

    /// What says no with a message alone.
    pub fn refusal(status: u16, message: &str) -> Reply {
        Reply::of(status, &Unsuccessful::<()>::new(message))
    }

    /// 422 with every field that failed (partner-api.md, Who is calling).
    pub fn invalid(faults: &Faults) -> Reply {
        let body = Invalid {
            success: false,
            message: INVALID,
            errors: Errors(faults),
        };
        Reply::of(422, &body)
    }

    /// A user was registered under a partner's name.
    pub fn registered(new: &NewUser, number: UserNumber, partner: &Name) -> Reply {
        let data = UserData {
            id: number,
            name: new.name.as_str(),
            email: new.email.as_str(),
            mobile: &new.mobile,
            registered_by_partner: partner.as_str(),
        };
        Reply::of(200, &Successful::new(Some(REGISTERED), data))
    }

    /// A link into a game was made.
    pub fn link(auth_url: &str, game: &GameType) -> Reply {
        let body = LinkMade {
            success: true,
            message: LINK_MADE,
            auth_url,
            redirect_to: game_path(game),
        };
        Reply::of(200, &body)
    }

    /// What a wallet holds.
    pub fn balance(mobile: &Mobile, balance: Amount) -> Reply {
        Reply::of(200, &Successful::new(None, BalanceData { mobile, balance }))
    }

    /// A deposit or withdrawal was made.
    pub fn transferred(row: &TransferRow) -> Reply {
        let of = &row.transfer;
        let (message, deposited, withdrawn) = match of.kind {
            TransferKind::Deposit => (DEPOSITED, Some(of.amount), None),
            TransferKind::Withdrawal => (WITHDRAWN, None, Some(of.amount)),
        };
        let data = TransferData {
            mobile: &of.mobile,
            new_balance: row.balance_after,
            transaction_id: of.id.as_str(),
            deposited_amount: deposited,
            withdrawn_amount: withdrawn,
            timestamp: row.at,
        };
        Reply::of(200, &Successful::new(Some(message), data))
    }

    /// What was done under a transaction id.
    pub fn transfer(row: &TransferRow) -> Reply {
        let of = &row.transfer;
        let data = TransactionData {
            transaction_id: of.id.as_str(),
            kind: of.kind.name(),
            mobile: &of.mobile,
            amount: of.amount,
            balance_after: row.balance_after,
            timestamp: row.at,
        };
        Reply::of(200, &Successful::new(None, data))
    }

    /// A payment link, where its page lies below `public_url`.
    pub fn payment_link(order: &Order, public_url: &str) -> Reply {
        let data = LinkData {
            payment_url: format!("{public_url}/order/{}", order.reference),
            order_id: &order.id,
            txn_ref_id: &order.reference,
        };
        Reply::of(200, &Successful::new(Some(LINK_GENERATED), data))
    }

    /// What has become of an order.
    pub fn order_status(message: &'static str, of: &StatusOf<'_>) -> Reply {
        let (seen, since) = of.order.seen(of.now);
        let utr = of.order.utr.as_ref().filter(|_| seen == Seen::Success);
        let data = StatusData {
            order_id: &of.order.id,
            txn_status: seen.name(),
            txn_amount: of.order.brought(),
            utr: utr.map_or("", Utr::as_str),
            payment_mode: "UPI",
            timestamp: GatewayText(since, of.offset),
        };
        Reply::of(200, &Successful::new(Some(message), data))
    }

    /// Why a call about an order was refused. No `_` arm, as above.
    pub fn order_refused(refusal: OrderRefusal) -> Reply {
        let text = match refusal {
            OrderRefusal::Unknown => return Reply::refusal(404, ORDER_NOT_FOUND),
            OrderRefusal::IdUsed => ORDER_ID_USED,
            OrderRefusal::PartnerNotLive
            | OrderRefusal::NotPending
            | OrderRefusal::TooManyCorrections
            | OrderRefusal::TooManyClaims
            | OrderRefusal::PaymentUnknown
            | OrderRefusal::PaymentTaken
            | OrderRefusal::OtherCurrency
            | OrderRefusal::InsufficientFunds
            | OrderRefusal::BalanceOutOfRange => ORDER_NOT_PENDING,
        };
        Reply::invalid(&Faults::one("orderId", text))
    }

    /// A page of what moved a wallet.
    pub fn history(page: &History<'_>) -> Reply {
        Reply::of(200, &Successful::new(None, page))
    }

    /// Why a partner's call about a user was refused. No `_` arm: a new refusal needs its answer
    /// here.
    pub fn refused(refusal: UserRefusal, partner: &Name) -> Reply {
        match refusal {
            UserRefusal::MobileRegistered => {
                let stop = if partner.as_str().ends_with('.') {
                    ""
                } else {
                    "."
                };
                Reply::refusal(409, &format!("{REGISTERED_BEFORE}{partner}{stop}"))
            }
            UserRefusal::UserUnknown => Reply::refusal(404, USER_NOT_FOUND),
            UserRefusal::NotThePartnersUser => Reply::refusal(403, USER_OF_ANOTHER),
            UserRefusal::TransferIdUsed => {
                Reply::invalid(&Faults::one("transaction_id", TRANSFER_ID_USED))
            }
            UserRefusal::BalanceOutOfRange => Reply::invalid(&Faults::one("amount", BALANCE_LIMIT)),
            UserRefusal::InsufficientFunds { balance, requested } => {
                let data = FundsData {
                    current_balance: balance,
                    requested_amount: requested,
                };
                let body = Unsuccessful {
                    data: Some(data),
                    ..Unsuccessful::new(INSUFFICIENT_FUNDS)
                };
                Reply::of(400, &body)
            }
        }
    }
}

/// Where a game lies that no other address is configured for.
pub fn game_path(game: &GameType) -> String {
    format!("/v3/game/{game}")
}

#[derive(Serialize)]
struct LinkMade<'a> {
    success: bool,
    message: &'a str,
    #[serde(rename = "authUrl")]
    auth_url: &'a str,
    #[serde(rename = "redirectTo")]
    redirect_to: String,
}

#[derive(Serialize)]
struct Successful<T> {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    data: T,
}

impl<T> Successful<T> {
    fn new(message: Option<&'static str>, data: T) -> Successful<T> {
        let success = true;
        Successful {
            success,
            message,
            data,
        }
    }
}

#[derive(Serialize)]
struct Unsuccessful<'a, T> {
    success: bool,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
}

impl<T> Unsuccessful<'_, T> {
    fn new(message: &str) -> Unsuccessful<'_, T> {
        Unsuccessful {
            success: false,
            message,
            data: None,
        }
    }
}

#[derive(Serialize)]
struct Invalid<'a> {
    success: bool,
    message: &'static str,
    errors: Errors<'a>,
}

/// Each field with the list of its texts.
struct Errors<'a>(&'a Faults);

impl Serialize for Errors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (field, text) in self.0.iter() {
            map.serialize_entry(field, &[text])?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct UserData<'a> {
    id: UserNumber,
    name: &'a str,
    email: &'a str,
    mobile: &'a Mobile,
    registered_by_partner: &'a str,
}

#[derive(Serialize)]
struct LinkData<'a> {
    #[serde(rename = "paymentUrl")]
    payment_url: String,
    #[serde(rename = "orderId")]
    order_id: &'a OrderId,
    txn_ref_id: &'a OrderReference,
}

#[derive(Serialize)]
struct StatusData<'a> {
    #[serde(rename = "orderId")]
    order_id: &'a OrderId,
    #[serde(rename = "txnStatus")]
    txn_status: &'static str,
    #[serde(rename = "txnAmount", serialize_with = "crate::id::as_text")]
    txn_amount: Amount,
    utr: &'a str,
    #[serde(rename = "paymentMode")]
    payment_mode: &'static str,
    #[serde(serialize_with = "crate::id::as_text")]
    timestamp: GatewayText,
}

#[derive(Serialize)]
struct BalanceData<'a> {
    mobile: &'a Mobile,
    #[serde(serialize_with = "as_number")]
    balance: Amount,
}

#[derive(Serialize)]
struct TransferData<'a> {
    mobile: &'a Mobile,
    #[serde(serialize_with = "as_number")]
    new_balance: Amount,
    transaction_id: &'a str,
    #[serde(
        serialize_with = "as_optional_number",
        skip_serializing_if = "Option::is_none"
    )]
    deposited_amount: Option<Amount>,
    #[serde(
        serialize_with = "as_optional_number",
        skip_serializing_if = "Option::is_none"
    )]
    withdrawn_amount: Option<Amount>,
    #[serde(serialize_with = "crate::id::as_text")]
    timestamp: Timestamp,
}

#[derive(Serialize)]
struct TransactionData<'a> {
    transaction_id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    mobile: &'a Mobile,
    #[serde(serialize_with = "as_number")]
    amount: Amount,
    #[serde(serialize_with = "as_number")]
    balance_after: Amount,
    #[serde(serialize_with = "crate::id::as_text")]
    timestamp: Timestamp,
}

#[derive(Serialize)]
struct FundsData {
    #[serde(serialize_with = "as_number")]
    current_balance: Amount,
    #[serde(serialize_with = "as_number")]
    requested_amount: Amount,
}

/// What moved a wallet, newest first.
#[derive(Serialize)]
pub struct History<'a> {
    /// Whose.
    pub mobile: &'a Mobile,
    /// Some of it.
    pub items: Vec<HistoryItem>,
    /// The cursor of the next page, where there is one.
    pub next: Option<Seq>,
}

/// One thing that moved a wallet.
#[derive(Serialize)]
pub struct HistoryItem {
    /// Its entry.
    pub seq: Seq,
    /// `bet`, `win`, `cancel`, `deposit` and so on.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What came in, or with a minus went out.
    #[serde(serialize_with = "as_number")]
    pub amount: Sum,
    /// What the wallet held afterwards.
    #[serde(serialize_with = "as_number")]
    pub balance_after: Amount,
    /// What names it, where anything does.
    pub reference: Option<String>,
    /// When.
    #[serde(serialize_with = "crate::id::as_text")]
    pub timestamp: Timestamp,
}

/// Money as the document prints it: a number with two decimals, digit by digit.
fn as_number<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let number = RawValue::from_string(value.to_string());
    number
        .expect("money is digits and a point")
        .serialize(serializer)
}

fn as_optional_number<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => as_number(value, serializer),
        None => serializer.serialize_none(),
    }
}
