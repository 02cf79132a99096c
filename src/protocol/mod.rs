//! The protocols: pure translations, bytes to command and outcome to bytes.
//!
//! Nothing here knows a socket, a clock or the ledger. What the protocols share lies in the
//! layers below; they never import each other.

pub mod admin;
pub mod wallet;
