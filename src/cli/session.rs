//! `coffer session`: one login at a game.

use clap::{Args, Subcommand};

use super::admin::AdminOptions;
use super::failure::Failure;
use super::number::whole;
use super::output;
use crate::id::{Code, GameNumber, Lang, PartnerNumber, PlayerId};
use crate::money::Currency;
use crate::protocol::admin::{OpenSession, Operation, SessionNamed};
use crate::time::Span;

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    admin: AdminOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Open a session, and with it the player and the account where they are missing
    Open(Open),
    /// Close a session: no more bets, wins are still taken
    Close(Which),
    /// Show a session
    Show(Which),
}

#[derive(Args)]
struct Open {
    /// The player's partner, such as p1
    #[arg(long)]
    partner: PartnerNumber,
    /// The player's name at the partner
    #[arg(long)]
    player_id: PlayerId,
    /// What is played in
    #[arg(long)]
    currency: Currency,
    /// What game servers will name it by; without it one is made
    #[arg(long)]
    code: Option<Code>,
    /// The game's number, for the launch URL
    #[arg(long, value_name = "N", value_parser = whole::<u32>(0..=u64::from(u32::MAX)))]
    game: Option<u32>,
    /// The game's language
    #[arg(long, default_value = "en")]
    lang: Lang,
    /// How long it lives from now and from each bet, such as 24h [default: the server's]
    #[arg(long, value_name = "SPAN", value_parser = Span::positive)]
    ttl: Option<Span>,
}

#[derive(Args)]
struct Which {
    /// The session's code
    code: Code,
}

pub(super) fn run(options: Options, json: bool) -> Result<(), Failure> {
    let admin = &options.admin;
    let named = |operation, which: Which| {
        let names = [
            "code",
            "partner",
            "player_id",
            "currency",
            "state",
            "expires_at",
        ];
        let request = SessionNamed { code: which.code };
        admin.print(json, operation, &request, |session| {
            output::fields(session, &names)
        })
    };
    match options.command {
        Command::Open(open) => {
            let request = OpenSession {
                partner: open.partner,
                player_id: open.player_id,
                currency: open.currency,
                code: open.code,
                game: open.game.map(GameNumber),
                lang: open.lang,
                ttl: open.ttl,
            };
            admin.print(json, Operation::OpenSession, &request, |session| {
                output::fields(session, &["code", "expires_at", "launch_url"])
            })
        }
        Command::Close(which) => named(Operation::CloseSession, which),
        Command::Show(which) => named(Operation::ShowSession, which),
    }
}
