//! The gateway's end: what merchants ask of us, and what we tell them.

pub mod postback;
