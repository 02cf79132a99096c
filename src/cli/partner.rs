//! `coffer partner`: whose game servers and players these are.

use std::fmt::Display;
use std::str::FromStr;

use clap::{ArgGroup, Args, Subcommand};
use ipnet::IpNet;

use super::admin::{AdminOptions, PageOptions};
use super::failure::Failure;
use super::output;
use crate::engine::rotation::SecretKind;
use crate::engine::settings::{OnRepeat, SettingsChange, UnknownMembers};
use crate::id::{GameType, IdSpaceName, Name, PartnerNumber, PostbackUrl, WalletToken, network};
use crate::money::Currency;
use crate::protocol::admin::{
    CreatePartner, Operation, PageWanted, PartnerNamed, RotateSecret, UpdatePartner,
};
use crate::time::{Span, Timestamp, UtcOffset};

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
    /// Exchange a partner's secrets for new ones and show those, this once
    RotateSecret(Rotate),
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
    #[command(flatten)]
    settings: Settings,
}

/// What is set about its own calls, at its creation and later.
#[derive(Args)]
#[group(id = "settings", multiple = true)]
struct Settings {
    /// Where it and its merchants may call from; may be repeated; `any`: anywhere
    #[arg(long, value_name = "CIDR", value_parser = network_or_any)]
    allow_address: Vec<OrNot<IpNet>>,
    /// A game that its users may play; may be repeated; `any`: all
    #[arg(long, value_name = "TYPE", value_parser = game_or_any)]
    game: Vec<OrNot<GameType>>,
    /// The game of a call that names none, or `none`
    #[arg(long, value_name = "TYPE", value_parser = or_none::<GameType>)]
    default_game: Option<OrNot<GameType>>,
    /// What becomes of an exact repetition of a deposit or withdrawal: refuse or replay
    #[arg(long, value_name = "WHAT")]
    on_repeat: Option<OnRepeat>,
    /// Whether a payment for a user's mobile number goes into that user's wallet
    #[arg(long, value_name = "true|false")]
    credit_on_payment: Option<bool>,
    /// Where its merchants are told of deposits, or `none`
    #[arg(long, value_name = "URL", value_parser = or_none::<PostbackUrl>)]
    deposit_postback_url: Option<OrNot<PostbackUrl>>,
    /// Where its merchants are told of withdrawals, or `none`
    #[arg(long, value_name = "URL", value_parser = or_none::<PostbackUrl>)]
    withdrawal_postback_url: Option<OrNot<PostbackUrl>>,
    /// The offset in which it is told times, such as +05:30, or `none`: the server's
    #[arg(long, value_name = "OFFSET", value_parser = or_none::<UtcOffset>)]
    #[arg(allow_hyphen_values = true)]
    utc_offset: Option<OrNot<UtcOffset>>,
    /// Whether its merchants' withdrawals are refused beyond their balances
    #[arg(long, value_name = "true|false")]
    check_withdrawal_funds: Option<bool>,
    /// What becomes of members that a signed request has beyond the documented: refuse or sign
    #[arg(long, value_name = "WHAT")]
    unknown_members: Option<UnknownMembers>,
}

#[derive(Args)]
struct Rotate {
    /// The partner, such as p1
    partner: PartnerNumber,
    /// Which secrets: api, payment or paykassma
    #[arg(long, default_value = "api", value_name = "WHICH")]
    what: SecretKind,
    /// How long the ones before still open, such as 24h; 0s shuts out all before
    #[arg(long, default_value_t = RotateSecret::GRACE, value_name = "SPAN")]
    grace: Span,
}

#[derive(Args)]
struct Which {
    /// The partner, such as p1
    partner: PartnerNumber,
}

#[derive(Args)]
#[command(group = ArgGroup::new("anything").args(CHANGES).required(true).multiple(true))]
struct Update {
    /// The partner, such as p1
    partner: PartnerNumber,
    #[command(flatten)]
    change: Change,
    #[command(flatten)]
    settings: Settings,
}

/// Everything that an update may be about: it must be about something.
const CHANGES: [&str; 12] = [
    "game_server_address",
    "expires_at",
    "allow_address",
    "game",
    "default_game",
    "on_repeat",
    "credit_on_payment",
    "deposit_postback_url",
    "withdrawal_postback_url",
    "utc_offset",
    "check_withdrawal_funds",
    "unknown_members",
];

#[derive(Args)]
#[group(id = "change", multiple = true)]
struct Change {
    /// Where its game servers may call from, instead of before; may be repeated; `any`: anywhere
    #[arg(long, value_name = "CIDR", value_parser = network_or_any)]
    game_server_address: Vec<OrNot<IpNet>>,
    /// When it ends, such as 2026-11-21T03:23:23Z, or `never`
    #[arg(long, value_name = "TIME", value_parser = time_or_never)]
    expires_at: Option<OrNot<Timestamp>>,
}

/// A value, or the word that takes it away.
#[derive(Clone)]
struct OrNot<T>(Option<T>);

fn or_word<T, E: Display>(
    text: &str,
    word: &str,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<OrNot<T>, String> {
    if text == word {
        return Ok(OrNot(None));
    }
    match read(text) {
        Ok(value) => Ok(OrNot(Some(value))),
        Err(error) => Err(format!("{error}, or {word}")),
    }
}

fn or_none<T: FromStr<Err: Display>>(text: &str) -> Result<OrNot<T>, String> {
    or_word(text, "none", str::parse)
}

fn network_or_any(text: &str) -> Result<OrNot<IpNet>, String> {
    or_word(text, "any", network)
}

fn game_or_any(text: &str) -> Result<OrNot<GameType>, String> {
    or_word(text, "any", str::parse)
}

fn time_or_never(text: &str) -> Result<OrNot<Timestamp>, String> {
    or_word(text, "never", str::parse)
}

/// A list as it was given; `None` where nothing was.
fn list<T: Clone>(flag: &str, given: &[OrNot<T>]) -> Result<Option<Vec<T>>, Failure> {
    let values: Vec<T> = given.iter().filter_map(|item| item.0.clone()).collect();
    let words = given.len() - values.len();
    if words > 0 && given.len() > 1 {
        let reason = format!("{flag} any stands alone: it takes every other away");
        return Err(Failure::Usage(reason));
    }
    Ok((!given.is_empty()).then_some(values))
}

impl Settings {
    fn change(self) -> Result<SettingsChange, Failure> {
        Ok(SettingsChange {
            allow_addresses: list("--allow-address", &self.allow_address)?,
            games: list("--game", &self.game)?,
            default_game: self.default_game.map(|game| game.0),
            on_repeat: self.on_repeat,
            credit_on_payment: self.credit_on_payment,
            deposit_postback_url: self.deposit_postback_url.map(|url| url.0),
            withdrawal_postback_url: self.withdrawal_postback_url.map(|url| url.0),
            utc_offset: self.utc_offset.map(|offset| offset.0),
            check_withdrawal_funds: self.check_withdrawal_funds,
            unknown_members: self.unknown_members,
        })
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

const ROTATED: [&str; 9] = [
    "partner",
    "what",
    "api_key",
    "former_until",
    "api_secret",
    "payment_token",
    "pluginapi_secret",
    "access_key",
    "private_key",
];

const KEEP_THE_SECRETS: &str = "Keep the secrets now: they are not shown again.\n";

const SHOWN: [&str; 20] = [
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
    "allow_addresses",
    "games",
    "default_game",
    "on_repeat",
    "credit_on_payment",
    "deposit_postback_url",
    "withdrawal_postback_url",
    "utc_offset",
    "check_withdrawal_funds",
    "unknown_members",
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
                settings: create.settings.change()?,
            };
            admin.print(json, Operation::CreatePartner, &request, |partner| {
                let fields = output::fields(partner, &CREATED);
                format!("{fields}{KEEP_THE_SECRETS}")
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
        Command::RotateSecret(rotate) => {
            let request = RotateSecret {
                partner: rotate.partner,
                what: rotate.what,
                grace: rotate.grace,
            };
            admin.print(json, Operation::RotateSecret, &request, |rotated| {
                let names = ROTATED.iter().filter(|name| !rotated[**name].is_null());
                let fields = output::fields(rotated, &names.copied().collect::<Vec<_>>());
                format!("{fields}{KEEP_THE_SECRETS}")
            })
        }
        Command::Disable(which) => named(Operation::DisablePartner, which),
        Command::Enable(which) => named(Operation::EnablePartner, which),
    }
}

impl Update {
    fn request(self) -> Result<UpdatePartner, Failure> {
        let given = self.change.game_server_address;
        Ok(UpdatePartner {
            partner: self.partner,
            game_server_addresses: list("--game-server-address", &given)?,
            expires_at: self.change.expires_at.map(|end| end.0),
            settings: self.settings.change()?,
        })
    }
}
