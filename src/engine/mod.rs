//! The rules: pure, and the only place that holds any rule about money.

pub mod command;
pub mod document;
pub mod entry;
pub mod refusal;
