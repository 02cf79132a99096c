//! `coffer partner`: whose game servers and players these are.

use clap::{Args, Subcommand};
use ipnet::IpNet;

use super::admin::{AdminOptions, PageOptions};
use super::failure::Failure;
use super::output;
use crate::id::{IdSpaceName, Name, PartnerNumber, WalletToken, network};
use crate::money::Currency;
use crate::protocol::admin::{CreatePartner, Operation, PageWanted, PartnerNamed, UpdatePartner};
use crate::time::Timestamp;

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    admin: AdminOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create a partner and show its secrets, this once
    Create(Create),
    /// List the partners
    List(PageOptions),
    /// Show a partner with its settings
    Show(Which),
    /// Change a partner's settings
    Update(Update),
    /// Disable a partner: no bets and no new sessions
    Disable(Which),
    /// Enable a partner again
    Enable(Which),
}

#[derive(Args)]
struct Create {
    /// What people call it
    #[arg(long)]
    name: Name,
    /// The currency of its own calls
    #[arg(long, default_value = "INR")]
    currency: Currency,
    /// The last part of its Wallet URL; without it one is made
    #[arg(long)]
    wallet_token: Option<WalletToken>,
    /// Where its game servers' ids are unique [default: default]
    #[arg(long)]
    id_space: Option<IdSpaceName>,
    /// Where its game servers may call from; may be repeated [default: anywhere]
    #[arg(long, value_name = "CIDR", value_parser = network)]
    game_server_address: Vec<IpNet>,
    /// When it ends, such as 2026-11-21T03:23:23Z [default: never]
    #[arg(long, value_name = "TIME")]
    expires_at: Option<Timestamp>,
}

#[derive(Args)]
struct Which {
    /// The partner, such as p1
    partner: PartnerNumber,
}

#[derive(Args)]
struct Update {
    /// The partner, such as p1
    partner: PartnerNumber,
    #[command(flatten)]
    change: Change,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Change {
    /// Where its game servers may call from, instead of before; may be repeated; `any`: anywhere
    #[arg(long, value_name = "CIDR", value_parser = network_or_any)]
    game_server_address: Vec<NetworkOrAny>,
    /// When it ends, such as 2026-11-21T03:23:23Z, or `never`
    #[arg(long, value_name = "TIME", value_parser = time_or_never)]
    expires_at: Option<TimeOrNever>,
}

#[derive(Clone)]
struct NetworkOrAny(Option<IpNet>);

#[derive(Clone)]
struct TimeOrNever(Option<Timestamp>);

fn network_or_any(text: &str) -> Result<NetworkOrAny, String> {
    if text == "any" {
        return Ok(NetworkOrAny(None));
    }
    match network(text) {
        Ok(network) => Ok(NetworkOrAny(Some(network))),
        Err(error) => Err(format!("{error}, or any")),
    }
}

fn time_or_never(text: &str) -> Result<TimeOrNever, String> {
    if text == "never" {
        return Ok(TimeOrNever(None));
    }
    match text.parse() {
        Ok(time) => Ok(TimeOrNever(Some(time))),
        Err(error) => Err(format!("{error}, or never")),
    }
}

const CREATED: [&str; 11] = [
    "partner",
    "name",
    "currency",
    "wallet_token",
    "wallet_url",
    "api_key",
    "api_secret",
    "payment_token",
    "pluginapi_secret",
    "access_key",
    "private_key",
];

const SHOWN: [&str; 10] = [
    "partner",
    "name",
    "currency",
    "wallet_token",
    "wallet_url",
    "state",
    "created_at",
    "expires_at",
    "id_space",
    "game_server_addresses",
];

const LISTED: [&str; 6] = [
    "partner",
    "state",
    "currency",
    "wallet_token",
    "created_at",
    "name",
];

pub(super) fn run(options: Options, json: bool) -> Result<(), Failure> {
    let admin = &options.admin;
    let named = |operation, which: Which| {
        let request = PartnerNamed {
            partner: which.partner,
        };
        admin.print(json, operation, &request, |partner| {
            output::fields(partner, &SHOWN)
        })
    };
    match options.command {
        Command::Create(create) => {
            let request = CreatePartner {
                name: create.name,
                currency: create.currency,
                wallet_token: create.wallet_token,
                id_space: create.id_space,
                game_server_addresses: create.game_server_address,
                expires_at: create.expires_at,
            };
            admin.print(json, Operation::CreatePartner, &request, |partner| {
                let fields = output::fields(partner, &CREATED);
                format!("{fields}Keep the secrets now: they are not shown again.\n")
            })
        }
        Command::List(page) => {
            let request = PageWanted::from(page);
            admin.print(json, Operation::ListPartners, &request, |page| {
                output::page(page, &LISTED, &[])
            })
        }
        Command::Show(which) => named(Operation::ShowPartner, which),
        Command::Update(update) => {
            let request = update.request()?;
            admin.print(json, Operation::UpdatePartner, &request, |partner| {
                output::fields(partner, &SHOWN)
            })
        }
        Command::Disable(which) => named(Operation::DisablePartner, which),
        Command::Enable(which) => named(Operation::EnablePartner, which),
    }
}

impl Update {
    fn request(self) -> Result<UpdatePartner, Failure> {
        let given = self.change.game_server_address;
        let networks: Vec<IpNet> = given.iter().filter_map(|network| network.0).collect();
        if !networks.is_empty() && networks.len() < given.len() {
            let reason = "--game-server-address any stands alone: it takes every other away";
            return Err(Failure::Usage(reason.to_owned()));
        }
        Ok(UpdatePartner {
            partner: self.partner,
            game_server_addresses: (!given.is_empty()).then_some(networks),
            expires_at: self.change.expires_at.map(|end| end.0),
        })
    }
}
