//! `coffer deposit`: what merchants' payers pay in, and what operators decide about it.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::admin::{AdminOptions, PageOptions};
use super::failure::Failure;
use super::output;
use crate::id::{DepositReference, PartnerNumber, Reason};
use crate::protocol::admin::{DepositWanted, GatewayList, Operation, RejectDeposit, deposit_state};

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    admin: AdminOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List deposits, newest first
    List(List),
    /// Show a deposit with the payment that bears its number
    Show(Which),
    /// Say that a deposit's money has come: that of its payment, or as much as was said
    Approve(Which),
    /// Say that a deposit's money has not come: its payment is free again
    Reject(Reject),
}

#[derive(Args)]
struct List {
    /// Only this partner's
    #[arg(long)]
    partner: Option<PartnerNumber>,
    /// Only those in this state: open, possible, expired, waiting, saved, credited or rejected
    #[arg(long, value_parser = deposit_state)]
    state: Option<&'static str>,
    #[command(flatten)]
    page: PageOptions,
}

#[derive(Args)]
struct Which {
    /// The deposit's id
    id: DepositReference,
}

#[derive(Args)]
struct Reject {
    #[command(flatten)]
    which: Which,
    /// Why
    #[arg(long)]
    reason: Reason,
}

const DEPOSIT: [&str; 10] = [
    "id",
    "partner",
    "custom_transaction_id",
    "state",
    "wallet_type",
    "key1",
    "amount",
    "currency",
    "label",
    "created_at",
];

pub(super) fn run(options: Options, json: bool) -> Result<(), Failure> {
    let admin = &options.admin;
    let text = |deposit: &Value| {
        let more = [
            "waits",
            "received_payment",
            "screenshot",
            "hosted",
            "reason",
        ];
        output::fields(deposit, &[&DEPOSIT[..], &more].concat())
    };
    match options.command {
        Command::List(list) => {
            let request = GatewayList {
                partner: list.partner,
                state: list.state,
                page: list.page.into(),
            };
            admin.print(json, Operation::ListDeposits, &request, |page| {
                output::page(page, &DEPOSIT, &["amount"])
            })
        }
        Command::Show(Which { id }) => {
            admin.print(json, Operation::ShowDeposit, &DepositWanted { id }, text)
        }
        Command::Approve(Which { id }) => {
            admin.print(json, Operation::ApproveDeposit, &DepositWanted { id }, text)
        }
        Command::Reject(reject) => {
            let request = RejectDeposit {
                id: reject.which.id,
                reason: reject.reason,
            };
            admin.print(json, Operation::RejectDeposit, &request, text)
        }
    }
}
