//! coffer: a wallet engine in one binary.

pub mod disk;
pub mod engine;
pub mod id;
pub mod journal;
pub mod ledger;
pub mod money;
pub mod secret;
pub mod sim;
pub mod time;
