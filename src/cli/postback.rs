//! `coffer postback`: what merchants are told, and what came of it.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::admin::{AdminOptions, PageOptions};
use super::failure::Failure;
use super::output;
use crate::engine::postback::PostbackKind;
use crate::id::PartnerNumber;
use crate::protocol::admin::{
    GatewayList, Numbered, Operation, TestPostback, postback_kind, postback_state,
};

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    admin: AdminOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List postbacks, newest first
    List(List),
    /// Show a postback with what the merchant answered
    Show(Which),
    /// Send a postback again, also one that was taken
    Retry(Which),
    /// Send a signed sample, and tell what came back; nothing is kept of it
    Test(Test),
}

#[derive(Args)]
struct List {
    /// Only this partner's
    #[arg(long)]
    partner: Option<PartnerNumber>,
    /// Only those in this state: due, delivered, or waiting for you
    #[arg(long, value_parser = postback_state)]
    state: Option<&'static str>,
    #[command(flatten)]
    page: PageOptions,
}

#[derive(Args)]
struct Which {
    /// The postback's number
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    id: u64,
}

#[derive(Args)]
struct Test {
    /// The partner
    partner: PartnerNumber,
    /// What it tells of, and by that where it goes: deposit or withdrawal
    #[arg(long = "type", value_parser = postback_kind)]
    kind: PostbackKind,
}

const POSTBACK: [&str; 8] = [
    "id",
    "partner",
    "type",
    "name",
    "state",
    "attempts",
    "due_at",
    "created_at",
];

const TRY: [&str; 5] = ["number", "at", "taken", "status", "answer"];

pub(super) fn run(options: Options, json: bool) -> Result<(), Failure> {
    let admin = &options.admin;
    match options.command {
        Command::List(list) => {
            let request = GatewayList {
                partner: list.partner,
                state: list.state,
                page: list.page.into(),
            };
            admin.print(json, Operation::ListPostbacks, &request, |page| {
                output::page(page, &POSTBACK, &["id", "attempts"])
            })
        }
        Command::Show(Which { id }) => {
            admin.print(json, Operation::ShowPostback, &Numbered { id }, shown)
        }
        Command::Retry(Which { id }) => {
            admin.print(json, Operation::RetryPostback, &Numbered { id }, shown)
        }
        Command::Test(Test { partner, kind }) => {
            let request = TestPostback { partner, kind };
            admin.print(json, Operation::TestPostback, &request, |tested| {
                output::fields(tested, &["url", "body", "taken", "status", "answer"])
            })
        }
    }
}

fn shown(postback: &Value) -> String {
    let fields = output::fields(postback, &[&POSTBACK[..], &["body"]].concat());
    let tries = postback["tries"].as_array().map_or(&[][..], Vec::as_slice);
    let rows: Vec<Vec<String>> = tries
        .iter()
        .map(|tried| {
            let cell = |name: &&str| output::text_of(&tried[*name]);
            TRY.iter().map(cell).collect()
        })
        .collect();
    format!("{fields}\n{}", output::table(&TRY, &["number"], &rows))
}
