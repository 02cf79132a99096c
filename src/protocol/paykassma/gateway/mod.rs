//! The gateway's end: what merchants ask of us, and what we tell them.

pub mod addresses;
pub mod deposited;
pub mod deposits;
pub mod form;
pub mod hosted;
pub mod lookups;
pub mod parameters;
pub mod postback;
pub mod reply;
pub mod texts;
pub mod withdrawals;
