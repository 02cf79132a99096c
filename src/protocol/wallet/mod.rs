//! Wallet API v.2: what game servers send, and what they are answered (wallet-api.md).
//!
//! # Quirks
//! - Ids may be sent as strings of digits: senders written in JavaScript hold no more than 2^53.
//! - Refusals are answered with HTTP 200: game servers read `result`, not the status.
//! - The requests carry no credentials; the secret is the path, and a list of addresses.

mod members;
pub mod reply;
pub mod request;
pub mod texts;

pub use self::members::Malformed;

/// `result` and `err_code` of an answer that says no (wallet-api.md, Answers). The numbers are
/// the protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ErrorCode {
    /// No such `code` under this wallet token.
    SessionNotFound = 2,
    /// A bet in a session that is over or past its life.
    SessionExpired = 3,
    /// The bet exceeds the credit.
    InsufficientFunds = 4,
    /// The id belongs to a different transaction.
    IdUsed = 5,
    /// A bet whose id was cancelled.
    IdCancelled = 6,
    /// The request does not follow the protocol.
    Malformed = 7,
    /// A bet by a blocked player.
    PlayerBlocked = 8,
    /// A bet over a configured limit.
    LimitExceeded = 9,
    /// No such type of request.
    UnknownType = 10,
    /// A cancel that names another round than the bet's.
    RoundMismatch = 11,
    /// A cancel that names a win.
    NotABet = 12,
    /// The account would pass its limit.
    BalanceOutOfRange = 13,
    /// A cancel of a bet in a round that has paid.
    RoundPaid = 14,
    /// Nothing was touched; another try may pass.
    Unavailable = 50,
}

impl ErrorCode {
    /// Every code that has a text, in the order of the numbers.
    pub const ALL: [ErrorCode; 14] = [
        ErrorCode::SessionNotFound,
        ErrorCode::SessionExpired,
        ErrorCode::InsufficientFunds,
        ErrorCode::IdUsed,
        ErrorCode::IdCancelled,
        ErrorCode::Malformed,
        ErrorCode::PlayerBlocked,
        ErrorCode::LimitExceeded,
        ErrorCode::UnknownType,
        ErrorCode::RoundMismatch,
        ErrorCode::NotABet,
        ErrorCode::BalanceOutOfRange,
        ErrorCode::RoundPaid,
        ErrorCode::Unavailable,
    ];

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// `err_desc` where the configuration words it no other way.
    pub const fn default_text(self) -> &'static str {
        match self {
            ErrorCode::SessionNotFound => "Session not found",
            ErrorCode::SessionExpired => "Session expired",
            ErrorCode::InsufficientFunds => "Insufficient funds",
            ErrorCode::IdUsed => "Transaction id already used",
            ErrorCode::IdCancelled => "Transaction was cancelled",
            ErrorCode::Malformed => "Malformed request",
            ErrorCode::PlayerBlocked => "Player blocked",
            ErrorCode::LimitExceeded => "Limit exceeded",
            ErrorCode::UnknownType => "Unknown request type",
            ErrorCode::RoundMismatch => "Round mismatch",
            ErrorCode::NotABet => "Only a bet can be cancelled",
            ErrorCode::BalanceOutOfRange => "Balance out of range",
            ErrorCode::RoundPaid => "Round already paid",
            ErrorCode::Unavailable => "Temporarily unavailable",
        }
    }
}
