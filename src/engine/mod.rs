//! The rules: pure, and the only place that holds any rule about money.
//!
//! No clock, disk, thread or randomness, and nothing is looked up: whoever asks hands in what is
//! known and the present. `decide_*` judges a [`command`] and changes nothing; `apply` makes an
//! [`entry`]'s change and cannot fail, because what it does was already decided, a moment ago or
//! before the last restart. What is applied lies in [`ids`] (who used which transaction id) and
//! [`holdings`] (players, accounts, sessions, rounds) and [`totals`].

pub mod activation;
mod approval;
pub mod audit;
mod bringing;
pub mod catalogue;
pub mod claim;
pub mod command;
pub mod deposit;
pub mod document;
pub mod entry;
pub mod gateway;
pub mod hashed;
pub mod held;
pub mod holdings;
pub mod hosted;
pub mod ids;
mod joining;
pub mod link;
pub mod merchant;
pub mod operate;
pub mod order;
pub mod payment;
pub mod play;
pub mod postback;
pub mod rates;
pub mod refusal;
pub mod requisites;
pub mod rotation;
pub mod round;
pub mod settings;
pub mod till;
pub mod totals;
pub mod transfer;
pub mod user;
pub mod withdrawal;
#[cfg(test)]
mod world;
