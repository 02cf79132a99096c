//! What tests and demonstrations put in place of the world.

pub mod clock;
