//! The protocols: pure translations, bytes to command and outcome to bytes.
//!
//! Nothing here knows a socket, a clock or the ledger. What the protocols share lies in the
//! layers below or beside them; they never import each other.

pub mod admin;
mod object;
pub mod partner;
pub mod paykassma;
pub mod percent;
pub mod upi;
pub mod wallet;
