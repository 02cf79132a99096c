//! Partner API v2: what partners send about their users and wallets, and what they are answered
//! (partner-api.md).
//!
//! # Quirks
//! - Bodies are JSON whatever `Content-Type` says, and unknown members are passed over: clients in
//!   the wild send more than the document lists.
//! - Mobile numbers and transaction ids may be sent as numbers, amounts as texts. An amount is read
//!   from its characters, so that no cent is lost on the way.
//! - Amounts leave as JSON numbers with two decimals: the document prints `100.50`.
//! - Where a query is read it is read alone: a body takes the place of all of it, and a member that
//!   is named twice could be meant either way.
//! - `txnAmount` of a paid order is what it has brought, since partners credit their customers with
//!   it: an operator may have approved a payment of another amount.
//! - A blocked user's number may stand in a payment link: that is a deposit, no link into a game.
//! - A balance of nobody's mobile number tells whether another partner has a user of it: so the
//!   document's 403 and 404 have it.

mod members;
pub mod orders;
pub mod reply;
pub mod request;
pub mod texts;

pub use self::members::{Malformed, Members};
