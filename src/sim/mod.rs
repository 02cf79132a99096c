//! A small world to try coffer in: deterministic from a seed, and unkind.
//!
//! A seeded workload, a naive model that judges it a second time, a clock that moves by hand, a
//! disk that loses power and fails at will, a game server that plays, and a fill of history.

pub mod clock;
mod cut;
pub mod deposits;
pub mod disk;
pub mod fill;
pub mod fuzzed;
pub mod gameserver;
pub mod hosted;
pub mod model;
pub mod operation;
mod orders;
mod payments;
pub mod sample;
mod script;
pub mod seat;
#[cfg(test)]
mod seen;
mod users;
mod withdrawals;
pub mod workload;

pub use clock::ManualClock;
pub use model::{Expected, Model};
pub use operation::{DepositOperation, Operation, OrderOperation};
pub use workload::{Shape, Workload};
