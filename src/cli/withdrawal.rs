//! `coffer withdrawal`: what merchants have paid out, and what operators say of it.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::admin::{AdminOptions, PageOptions};
use super::failure::Failure;
use super::output;
use crate::id::{PartnerNumber, Reason};
use crate::protocol::admin::{
    ApproveWithdrawal, GatewayList, Numbered, Operation, RejectWithdrawal, withdrawal_state,
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
    /// List withdrawals, newest first
    List(List),
    /// Show a withdrawal
    Show(Which),
    /// Say that a withdrawal was paid out
    Approve(Approve),
    /// Say that a withdrawal is not paid out: the merchant has its money back
    Reject(Reject),
}

#[derive(Args)]
struct List {
    /// Only this partner's
    #[arg(long)]
    partner: Option<PartnerNumber>,
    /// Only those in this state: processing, processed or rejected
    #[arg(long, value_parser = withdrawal_state)]
    state: Option<&'static str>,
    #[command(flatten)]
    page: PageOptions,
}

#[derive(Args)]
struct Which {
    /// The withdrawal's number
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    id: u64,
}

#[derive(Args)]
struct Approve {
    #[command(flatten)]
    which: Which,
    /// What the merchant is told beside
    #[arg(long)]
    note: Option<Reason>,
}

#[derive(Args)]
struct Reject {
    #[command(flatten)]
    which: Which,
    /// Why; the merchant is told
    #[arg(long)]
    reason: Reason,
}

const WITHDRAWAL: [&str; 11] = [
    "id",
    "partner",
    "withdrawal_id",
    "state",
    "wallet_type",
    "amount",
    "currency",
    "label",
    "is_test",
    "note",
    "created_at",
];

pub(super) fn run(options: Options, json: bool) -> Result<(), Failure> {
    let admin = &options.admin;
    let text = |withdrawal: &Value| {
        let names = [&WITHDRAWAL[..], &["comment", "details", "decided_at"]].concat();
        output::fields(withdrawal, &names)
    };
    match options.command {
        Command::List(list) => {
            let request = GatewayList {
                partner: list.partner,
                state: list.state,
                page: list.page.into(),
            };
            admin.print(json, Operation::ListWithdrawals, &request, |page| {
                output::page(page, &WITHDRAWAL, &["id", "amount"])
            })
        }
        Command::Show(Which { id }) => {
            admin.print(json, Operation::ShowWithdrawal, &Numbered { id }, text)
        }
        Command::Approve(approve) => {
            let request = ApproveWithdrawal {
                id: approve.which.id,
                note: approve.note,
            };
            admin.print(json, Operation::ApproveWithdrawal, &request, text)
        }
        Command::Reject(reject) => {
            let request = RejectWithdrawal {
                id: reject.which.id,
                reason: reject.reason,
            };
            admin.print(json, Operation::RejectWithdrawal, &request, text)
        }
    }
}
