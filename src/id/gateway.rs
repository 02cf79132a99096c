//! What the gateway's documents are named by and say (paykassma-api.md).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{IdError, is_line};

text! {
    /// A merchant's name for one of its payers.
    Label,
    "must be 1 to 190 characters without control characters",
    |text| is_line(text, 190)
}
text! {
    /// A merchant's name for a withdrawal, unique per merchant for ever.
    WithdrawalId,
    "must be 1 to 36 characters without control characters",
    |text| is_line(text, 36)
}
text! {
    /// The signature of a request: 40 hex digits, in small letters.
    RequestSignature,
    "must be 40 hex digits in small letters",
    |text| text.len() == 40
        && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
text! {
    /// What else a gateway's request says: an account, a name, a comment.
    GatewayText,
    "must be 1 to 255 characters without control characters",
    |text| is_line(text, 255)
}
text! {
    /// What a postback tells of, in the words of whoever wrote it: a withdrawal's id, or what names
    /// a deposit. Unique per partner and kind.
    PostbackName,
    "must be 1 to 255 characters without control characters",
    |text| is_line(text, 255)
}
