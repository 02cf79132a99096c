//! A small world to try coffer in: deterministic from a seed, and unkind.

mod cut;
pub mod disk;
