//! A small world to try coffer in: deterministic from a seed, and unkind.

pub mod clock;
mod cut;
pub mod disk;
pub mod gameserver;
