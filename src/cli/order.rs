//! `coffer order`: payment links, and what operators decide about them.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::admin::{AdminOptions, PageOptions};
use super::failure::Failure;
use super::output;
use crate::id::{OrderName, PartnerNumber, Reason, Utr};
use crate::protocol::admin::{
    ApproveOrder, CancelOrder, Operation, OrderList, OrderWanted, RejectOrder, order_state,
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
    /// List orders, newest first
    List(List),
    /// Show an order
    Show(Which),
    /// Say that an order is paid: by a payment that waits, whatever its amount, or by your word;
    /// of one that your word has paid, by which payment
    Approve(Approve),
    /// Say that an order is not paid
    Reject(Reject),
    /// Take a pending order back
    Cancel(Cancel),
}

#[derive(Args)]
struct List {
    /// Only this partner's
    #[arg(long)]
    partner: Option<PartnerNumber>,
    /// Only those in this state: PENDING, SUCCESS, FAILED, EXPIRED or CANCELLED
    #[arg(long, value_parser = order_state)]
    state: Option<String>,
    #[command(flatten)]
    page: PageOptions,
}

#[derive(Args)]
struct Which {
    /// The order's txn_ref_id, or its partner and orderId such as p1/A-17
    id: OrderName,
}

#[derive(Args)]
struct Approve {
    #[command(flatten)]
    which: Which,
    /// The bank's reference of the payment, where it is another than the payer's
    #[arg(long)]
    utr: Option<Utr>,
}

#[derive(Args)]
struct Reject {
    #[command(flatten)]
    which: Which,
    /// Why
    #[arg(long)]
    reason: Reason,
}

#[derive(Args)]
struct Cancel {
    #[command(flatten)]
    which: Which,
    /// Why
    #[arg(long)]
    reason: Option<Reason>,
}

const ORDER: [&str; 11] = [
    "id",
    "partner",
    "orderId",
    "state",
    "amount",
    "currency",
    "utr",
    "received_payment",
    "paid_amount",
    "reason",
    "created_at",
];

pub(super) fn run(options: Options, json: bool) -> Result<(), Failure> {
    let admin = &options.admin;
    let text = |order: &Value| output::fields(order, &ORDER);
    match options.command {
        Command::List(list) => {
            let request = OrderList {
                partner: list.partner,
                state: list.state,
                page: list.page.into(),
            };
            admin.print(json, Operation::ListOrders, &request, |page| {
                output::page(page, &ORDER, &["amount", "paid_amount"])
            })
        }
        Command::Show(which) => {
            let request = OrderWanted { id: which.id };
            admin.print(json, Operation::ShowOrder, &request, text)
        }
        Command::Approve(approve) => {
            let request = ApproveOrder {
                id: approve.which.id,
                utr: approve.utr,
            };
            admin.print(json, Operation::ApproveOrder, &request, text)
        }
        Command::Reject(reject) => {
            let request = RejectOrder {
                id: reject.which.id,
                reason: reject.reason,
            };
            admin.print(json, Operation::RejectOrder, &request, text)
        }
        Command::Cancel(cancel) => {
            let request = CancelOrder {
                id: cancel.which.id,
                reason: cancel.reason,
            };
            admin.print(json, Operation::CancelOrder, &request, text)
        }
    }
}
