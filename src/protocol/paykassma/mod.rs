//! Paykassma: what merchants and gateways say to each other (paykassma-api.md).
//!
//! coffer plays both ends; what both need lies here, what one needs in its own module.

pub mod flatten;
pub mod gateway;
pub mod php;
pub mod sign;
pub mod value;
