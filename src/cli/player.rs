//! `coffer player`: people who play, and what they hold.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::admin::{AdminOptions, PageOptions};
use super::failure::Failure;
use super::output;
use crate::id::{PartnerNumber, PlayerId, Reason, Reference};
use crate::money::{Amount, Currency, Sum};
use crate::protocol::admin::{AdjustPlayer, CreatePlayer, HistoryPage, Operation, PlayerNamed};

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    admin: AdminOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create a player, or a player's account in a further currency
    Create(Create),
    /// Show a player
    Show(Which),
    /// Block a player: no bets and no new sessions
    Block(Which),
    /// Unblock a player
    Unblock(Which),
    /// Put money on a player's account or take it off
    Adjust(Adjust),
    /// List what moved a player's balance, newest first
    History(History),
}

#[derive(Args)]
struct Which {
    /// The player's partner, such as p1
    #[arg(long)]
    partner: PartnerNumber,
    /// The player's name at the partner
    #[arg(long)]
    player_id: PlayerId,
}

#[derive(Args)]
struct Create {
    #[command(flatten)]
    which: Which,
    /// The account's currency
    #[arg(long)]
    currency: Currency,
    /// What it begins with
    #[arg(long, default_value = "0.00", value_parser = Amount::from_decimal)]
    balance: Amount,
}

#[derive(Args)]
struct Adjust {
    #[command(flatten)]
    which: Which,
    /// The account's currency
    #[arg(long)]
    currency: Currency,
    /// What to put on, or with a minus take off, such as -5.00
    #[arg(long, allow_hyphen_values = true, value_parser = Sum::from_decimal)]
    amount: Sum,
    /// What names the adjustment: unique per partner, repeating it changes nothing
    #[arg(long)]
    reference: Reference,
    /// Why
    #[arg(long)]
    reason: Reason,
}

#[derive(Args)]
struct History {
    #[command(flatten)]
    which: Which,
    /// The account's currency
    #[arg(long)]
    currency: Currency,
    #[command(flatten)]
    page: PageOptions,
}

const HISTORY: [&str; 8] = [
    "seq",
    "at",
    "type",
    "amount",
    "balance_after",
    "reference",
    "round_id",
    "game",
];

pub(super) fn run(options: Options, json: bool) -> Result<(), Failure> {
    let admin = &options.admin;
    let named = |operation, which: Which| {
        let request = PlayerNamed {
            partner: which.partner,
            player_id: which.player_id,
        };
        admin.print(json, operation, &request, shown)
    };
    match options.command {
        Command::Create(create) => {
            let request = CreatePlayer {
                partner: create.which.partner,
                player_id: create.which.player_id,
                currency: create.currency,
                balance: create.balance,
            };
            admin.print(json, Operation::CreatePlayer, &request, |player| {
                output::fields(player, &["partner", "player_id", "currency", "balance"])
            })
        }
        Command::Show(which) => named(Operation::ShowPlayer, which),
        Command::Block(which) => named(Operation::BlockPlayer, which),
        Command::Unblock(which) => named(Operation::UnblockPlayer, which),
        Command::Adjust(adjust) => {
            let request = AdjustPlayer {
                partner: adjust.which.partner,
                player_id: adjust.which.player_id,
                currency: adjust.currency,
                amount: adjust.amount,
                reference: adjust.reference,
                reason: adjust.reason,
            };
            let names = [
                "partner",
                "player_id",
                "currency",
                "balance",
                "reference",
                "repeated",
            ];
            admin.print(json, Operation::AdjustPlayer, &request, |adjusted| {
                output::fields(adjusted, &names)
            })
        }
        Command::History(history) => {
            let request = HistoryPage {
                partner: history.which.partner,
                player_id: history.which.player_id,
                currency: history.currency,
                page: history.page.into(),
            };
            admin.print(json, Operation::PlayerHistory, &request, |page| {
                output::page(page, &HISTORY, &["seq", "amount", "balance_after"])
            })
        }
    }
}

fn shown(player: &Value) -> String {
    let mut text = output::fields(
        player,
        &["partner", "player_id", "blocked", "open_sessions"],
    );
    let balances = player["balances"].as_array().map_or(&[][..], Vec::as_slice);
    for balance in balances {
        let (currency, amount) = (&balance["currency"], &balance["balance"]);
        let (currency, amount) = (output::text_of(currency), output::text_of(amount));
        text.push_str(&format!("balance        {amount} {currency}\n"));
    }
    text
}
