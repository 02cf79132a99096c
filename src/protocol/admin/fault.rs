//! Why the admin API did not do what was asked, in its one shape:
//! `{"error":{"code":"player_unknown","message":"this partner has no such player"}}`.

use serde::Serialize;

use super::members::Malformed;
use crate::engine::postback::PostbackKind;
use crate::engine::rates::RateError;
use crate::engine::refusal::{DepositRefusal, OperatorRefusal, OrderRefusal, WithdrawalRefusal};
use crate::id::GameType;

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The `Host` header names what nobody should reach a loopback address by.
    HostNotAllowed,
    /// The `Origin` header names a page of another address.
    OriginNotAllowed,
    /// No key, or a wrong one.
    Unauthorized,
    /// Too many wrong keys from this address.
    TooManyFailures,
    /// Nothing lies at this path.
    PathUnknown,
    /// The path takes other methods.
    MethodNotAllowed,
    /// The body is longer than any operation's.
    BodyTooLarge,
    /// The request's head is not of HTTP's form, or not of the version that is spoken.
    HeadNotTaken {
        /// The HTTP status.
        status: u16,
        /// What is wrong.
        message: &'static str,
    },
    /// More callers at once than are listened to.
    TooManyConnections,
    /// The request is not of its operation's form.
    Malformed(Malformed),
    /// The rules say no.
    Refused(OperatorRefusal),
    /// The rules about orders say no.
    OrderRefused(OrderRefusal),
    /// The rules about deposits say no.
    DepositRefused(DepositRefusal),
    /// The rules about withdrawals say no.
    WithdrawalRefused(WithdrawalRefusal),
    /// The rates do not go together.
    RatesRefused(RateError),
    /// Nothing was touched: the queue is full, or the server is stopping.
    Unavailable,
    /// The journal could not be read.
    JournalUnreadable,
    /// No game type has this name.
    GameTypeUnknown(GameType),
    /// Another backup is running.
    BackupRunning,
    /// There was no such backup since the server's start.
    BackupUnknown,
    /// The deposit has no picture.
    ScreenshotUnknown,
    /// The picture could not be read.
    ScreenshotUnreadable,
    /// The partner has not said where it is told of this.
    PostbackUrlMissing(PostbackKind),
}

#[derive(Serialize)]
struct Told {
    error: Error,
}

#[derive(Serialize)]
struct Error {
    code: &'static str,
    message: String,
}

impl Fault {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Fault::Malformed(_) => 400,
            Fault::Unauthorized => 401,
            Fault::HostNotAllowed | Fault::OriginNotAllowed => 403,
            Fault::PathUnknown | Fault::BackupUnknown | Fault::ScreenshotUnknown => 404,
            Fault::MethodNotAllowed => 405,
            Fault::GameTypeUnknown(_) | Fault::RatesRefused(_) | Fault::PostbackUrlMissing(_) => {
                422
            }
            Fault::BackupRunning => 409,
            Fault::BodyTooLarge => 413,
            Fault::TooManyFailures => 429,
            Fault::JournalUnreadable | Fault::ScreenshotUnreadable => 500,
            Fault::Unavailable | Fault::TooManyConnections => 503,
            Fault::HeadNotTaken { status, .. } => *status,
            Fault::OrderRefused(refusal) => match refusal {
                OrderRefusal::Unknown | OrderRefusal::PaymentUnknown => 404,
                OrderRefusal::IdUsed | OrderRefusal::PaymentTaken => 409,
                OrderRefusal::PartnerNotLive
                | OrderRefusal::NotPending
                | OrderRefusal::TooManyCorrections
                | OrderRefusal::TooManyClaims
                | OrderRefusal::OtherCurrency
                | OrderRefusal::InsufficientFunds
                | OrderRefusal::BalanceOutOfRange => 422,
            },
            Fault::DepositRefused(refusal) => deposit_status(*refusal),
            Fault::WithdrawalRefused(refusal) => match refusal {
                WithdrawalRefusal::Unknown => 404,
                WithdrawalRefusal::IdUsed | WithdrawalRefusal::SignatureUsed => 409,
                WithdrawalRefusal::InsufficientBalance
                | WithdrawalRefusal::BalanceOutOfRange
                | WithdrawalRefusal::Decided(_) => 422,
            },
            Fault::Refused(refusal) => match refusal {
                OperatorRefusal::PartnerUnknown(_)
                | OperatorRefusal::PlayerUnknown
                | OperatorRefusal::AccountUnknown
                | OperatorRefusal::SessionUnknown
                | OperatorRefusal::PostbackUnknown => 404,
                OperatorRefusal::WalletTokenUsed
                | OperatorRefusal::AccountExists
                | OperatorRefusal::CodeUsed
                | OperatorRefusal::ReferenceUsed
                | OperatorRefusal::PaymentReferenceUsed => 409,
                OperatorRefusal::PlayerBlocked
                | OperatorRefusal::PartnerNotLive
                | OperatorRefusal::DefaultGameNotPermitted
                | OperatorRefusal::AmountZero
                | OperatorRefusal::InsufficientFunds
                | OperatorRefusal::BalanceOutOfRange
                | OperatorRefusal::CursorUnknown => 422,
            },
        }
    }

    /// The word that programs go by.
    pub fn code(&self) -> &'static str {
        match self {
            Fault::HostNotAllowed => "host_not_allowed",
            Fault::OriginNotAllowed => "origin_not_allowed",
            Fault::Unauthorized => "unauthorized",
            Fault::TooManyFailures => "too_many_failures",
            Fault::PathUnknown => "path_unknown",
            Fault::MethodNotAllowed => "method_not_allowed",
            Fault::BodyTooLarge => "body_too_large",
            Fault::HeadNotTaken { .. } => "head_not_taken",
            Fault::TooManyConnections => "too_many_connections",
            Fault::Malformed(_) => "malformed",
            Fault::Unavailable => "unavailable",
            Fault::JournalUnreadable => "journal_unreadable",
            Fault::GameTypeUnknown(_) => "game_type_unknown",
            Fault::RatesRefused(_) => "rates_refused",
            Fault::BackupRunning => "backup_running",
            Fault::BackupUnknown => "backup_unknown",
            Fault::ScreenshotUnknown => "screenshot_unknown",
            Fault::ScreenshotUnreadable => "screenshot_unreadable",
            Fault::PostbackUrlMissing(_) => "postback_url_missing",
            Fault::OrderRefused(refusal) => order_code(*refusal),
            Fault::DepositRefused(refusal) => deposit_code(*refusal),
            Fault::WithdrawalRefused(refusal) => match refusal {
                WithdrawalRefusal::Unknown => "withdrawal_unknown",
                WithdrawalRefusal::IdUsed => "withdrawal_id_used",
                WithdrawalRefusal::SignatureUsed => "signature_used",
                WithdrawalRefusal::InsufficientBalance => "insufficient_balance",
                WithdrawalRefusal::BalanceOutOfRange => "balance_out_of_range",
                WithdrawalRefusal::Decided(_) => "withdrawal_decided",
            },
            Fault::Refused(refusal) => match refusal {
                OperatorRefusal::PartnerUnknown(_) => "partner_unknown",
                OperatorRefusal::WalletTokenUsed => "wallet_token_used",
                OperatorRefusal::DefaultGameNotPermitted => "default_game_not_permitted",
                OperatorRefusal::PlayerUnknown => "player_unknown",
                OperatorRefusal::AccountUnknown => "account_unknown",
                OperatorRefusal::AccountExists => "account_exists",
                OperatorRefusal::SessionUnknown => "session_unknown",
                OperatorRefusal::CodeUsed => "code_used",
                OperatorRefusal::PlayerBlocked => "player_blocked",
                OperatorRefusal::PartnerNotLive => "partner_not_live",
                OperatorRefusal::ReferenceUsed => "reference_used",
                OperatorRefusal::AmountZero => "amount_zero",
                OperatorRefusal::InsufficientFunds => "insufficient_funds",
                OperatorRefusal::BalanceOutOfRange => "balance_out_of_range",
                OperatorRefusal::CursorUnknown => "cursor_unknown",
                OperatorRefusal::PaymentReferenceUsed => "payment_reference_used",
                OperatorRefusal::PostbackUnknown => "postback_unknown",
            },
        }
    }

    /// The sentence for people.
    pub fn message(&self) -> String {
        let text = match self {
            Fault::HostNotAllowed => "the Host header must be localhost or an address of numbers",
            Fault::OriginNotAllowed => "the Origin header must be the admin address's own",
            Fault::Unauthorized => "the admin key is missing or wrong",
            Fault::TooManyFailures => "too many wrong keys from this address; try again later",
            Fault::PathUnknown => "nothing lies at this path",
            Fault::MethodNotAllowed => "this path takes other methods; see the Allow header",
            Fault::BodyTooLarge => "the body is longer than limits.body_bytes_max",
            Fault::HeadNotTaken { message, .. } => message,
            Fault::TooManyConnections => "too many connections at once; try again later",
            Fault::Malformed(malformed) => return malformed.to_string(),
            Fault::Refused(refusal) => return refusal.to_string(),
            Fault::OrderRefused(refusal) => return refusal.to_string(),
            Fault::DepositRefused(refusal) => return refusal.to_string(),
            Fault::WithdrawalRefused(refusal) => return refusal.to_string(),
            Fault::RatesRefused(refusal) => return format!("the rates {refusal}"),
            Fault::GameTypeUnknown(name) => {
                return format!("no game type has the name {name}; see games in the configuration");
            }
            Fault::PostbackUrlMissing(kind) => {
                let kind = kind.name();
                return format!("the partner has no {kind} postback URL: set it by partner update");
            }
            Fault::Unavailable => "temporarily unavailable; nothing was changed",
            Fault::BackupRunning => "another backup is running: wait for its end",
            Fault::ScreenshotUnknown => "the deposit has no picture",
            Fault::ScreenshotUnreadable => "the picture could not be read; see the server's log",
            Fault::BackupUnknown => "there was no such backup since the server's start",
            Fault::JournalUnreadable => "the journal could not be read; see the server's log",
        };
        text.to_owned()
    }

    /// The body.
    ///
    /// # Panics
    /// Never: it is a struct of texts.
    pub fn encode(&self) -> Vec<u8> {
        let (code, message) = (self.code(), self.message());
        let told = Told {
            error: Error { code, message },
        };
        serde_json::to_vec(&told).expect("a struct of texts is JSON")
    }

    /// The sentence in a body that [`Fault::encode`] wrote, for whoever asked.
    pub fn message_in(body: &[u8]) -> Option<String> {
        let told: serde_json::Value = serde_json::from_slice(body).ok()?;
        told["error"]["message"].as_str().map(str::to_owned)
    }
}

fn deposit_status(refusal: DepositRefusal) -> u16 {
    match refusal {
        DepositRefusal::Unknown => 404,
        DepositRefusal::Key1Used | DepositRefusal::CustomIdUsed | DepositRefusal::PaymentTaken => {
            409
        }
        DepositRefusal::CustomIdMissing
        | DepositRefusal::NoRequisites
        | DepositRefusal::Rejected
        | DepositRefusal::Activated
        | DepositRefusal::AmountUnknown
        | DepositRefusal::Key1Named
        | DepositRefusal::PageExpired
        | DepositRefusal::Key1Missing
        | DepositRefusal::OtherCurrency
        | DepositRefusal::ToldUnknown
        | DepositRefusal::BalanceOutOfRange => 422,
    }
}

fn deposit_code(refusal: DepositRefusal) -> &'static str {
    match refusal {
        DepositRefusal::Unknown => "deposit_unknown",
        DepositRefusal::Key1Used => "key1_used",
        DepositRefusal::CustomIdMissing => "custom_transaction_id_missing",
        DepositRefusal::CustomIdUsed => "custom_transaction_id_used",
        DepositRefusal::Key1Named => "key1_named",
        DepositRefusal::PageExpired => "page_expired",
        DepositRefusal::Key1Missing => "key1_missing",
        DepositRefusal::NoRequisites => "no_requisites",
        DepositRefusal::Rejected => "deposit_rejected",
        DepositRefusal::Activated => "deposit_activated",
        DepositRefusal::PaymentTaken => "payment_taken",
        DepositRefusal::AmountUnknown => "amount_unknown",
        DepositRefusal::BalanceOutOfRange => "balance_out_of_range",
        DepositRefusal::OtherCurrency => "other_currency",
        DepositRefusal::ToldUnknown => "told_unknown",
    }
}

/// The word for a refusal about an order.
fn order_code(refusal: OrderRefusal) -> &'static str {
    match refusal {
        OrderRefusal::Unknown => "order_unknown",
        OrderRefusal::IdUsed => "order_id_used",
        OrderRefusal::PartnerNotLive => "partner_not_live",
        OrderRefusal::NotPending => "order_not_pending",
        OrderRefusal::TooManyCorrections => "too_many_corrections",
        OrderRefusal::TooManyClaims => "too_many_claims",
        OrderRefusal::PaymentUnknown => "payment_unknown",
        OrderRefusal::PaymentTaken => "payment_taken",
        OrderRefusal::OtherCurrency => "other_currency",
        OrderRefusal::InsufficientFunds => "insufficient_funds",
        OrderRefusal::BalanceOutOfRange => "balance_out_of_range",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_in_the_one_shape() {
        let fault = Fault::Refused(OperatorRefusal::PlayerUnknown);
        let body = fault.encode();
        assert_eq!(
            String::from_utf8(body.clone()).unwrap(),
            r#"{"error":{"code":"player_unknown","message":"this partner has no such player"}}"#
        );
        let message = Fault::message_in(&body).unwrap();
        assert_eq!(message, "this partner has no such player");
        assert_eq!(Fault::message_in(b"<html>"), None);
    }
}
