//! coffer: a wallet engine in one binary.

pub mod engine;
pub mod http;
pub mod id;
pub mod ledger;
pub mod money;
pub mod protocol;
pub mod secret;
pub mod sim;
pub mod time;
