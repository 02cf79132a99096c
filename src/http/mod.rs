//! HTTP: accepts connections, bounds them, finds the route, and joins each protocol to the ledger.
//!
//! The one layer that touches sockets. A request that a protocol has taken down is answered when
//! `Ledger::durable` says so and on no other path; when the ledger is latched, connections close
//! without a byte, since nobody knows a verdict then (design.md, Life of one bet).

mod address;
mod admin;
mod body;
pub mod client;
mod connection;
mod failures;
mod framing;
mod gateway;
mod health;
mod link;
mod meters;
mod metrics;
mod openapi;
mod page;
mod partner;
mod postback;
mod refused;
mod reply;
mod route;
pub mod sender;
mod server;
mod service;
mod wallet;

use std::sync::Arc;

use ipnet::IpNet;

use crate::engine::rates::Rates;
use crate::id::DepositReference;
use crate::journal::Attachments;
use crate::ledger::Ledger;
use crate::protocol::wallet::reply::Wording;
use crate::time::Clock;

pub use crate::config::{Limits, Payments};
pub use admin::{Admin, AdminGuard};
pub use gateway::Gateway;
pub use meters::Meters;
pub use openapi::document;
pub use page::{Game, Shown, Turn};
pub use partner::PartnerGuard;
pub use server::serve;

/// What every request may need.
pub struct State {
    /// Accounts, sessions, partners.
    pub ledger: Arc<Ledger>,
    /// For the `time` of answers that the ledger did not stamp.
    pub clock: Arc<dyn Clock>,
    /// What is configured.
    pub settings: Settings,
    /// What the admin API needs besides.
    pub admin: Admin,
    /// What was asked and answered so far.
    pub meters: Meters,
    /// Lets partners in.
    pub partner_guard: PartnerGuard,
    /// What people play at `/v3/game/`, if there is something.
    pub game: Option<Box<dyn Game>>,
    /// What merchants are served from.
    pub gateway: Gateway,
    /// The pictures that belong to deposits.
    pub attachments: Attachments,
}

impl State {
    /// Where the page of a deposit lies for its payer.
    fn payment_url(&self, of: &DepositReference) -> String {
        format!("{}/payment/{of}", self.settings.public_url)
    }
}

/// What is configured about serving (operations.md, Configuration).
#[derive(Clone, Debug)]
pub struct Settings {
    /// How wallet answers are worded.
    pub wording: Wording,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What outsiders see as this server's address, without a slash at the end.
    pub public_url: String,
    /// What is configured about orders and one-time links.
    pub payments: Payments,
    /// What other currencies are worth, for what merchants are told.
    pub rates: Rates,
    /// The bounds that callers meet.
    pub limits: Limits,
}
