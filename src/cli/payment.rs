//! `coffer payment`: money that is said to have come, one by one or out of a bank's file.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::admin::{AdminOptions, PageOptions};
use super::failure::Failure;
use super::import;
use super::output;
use crate::id::{PaymentDetail, PaymentReference, WalletType};
use crate::money::{Amount, Currency};
use crate::protocol::admin::{
    Operation, PaymentList, ReceivePayment, amount_received, payment_state,
};
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
    /// Take down that money has come; again with the same content changes nothing
    Receive(Receive),
    /// Take down all payments of a CSV file, whose columns bear the names of the flags of `receive`
    Import(Import),
    /// List received payments, newest first
    List(List),
}

#[derive(Args)]
struct Receive {
    /// In which way it came, such as upi
    #[arg(long)]
    wallet_type: WalletType,
    /// The bank's or wallet's number for it (UTR, transaction number)
    #[arg(long)]
    reference: PaymentReference,
    /// How much
    #[arg(long, value_parser = amount_received)]
    amount: Amount,
    /// In which currency
    #[arg(long)]
    currency: Currency,
    /// The account that it came to
    #[arg(long)]
    account: Option<PaymentDetail>,
    /// When it came, such as 2026-11-21T10:00:00Z [default: now]
    #[arg(long)]
    received_at: Option<Timestamp>,
    /// Who paid
    #[arg(long)]
    payer: Option<PaymentDetail>,
    /// What was said beside
    #[arg(long)]
    note: Option<PaymentDetail>,
    /// Somebody must look at it before it is taken for anything
    #[arg(long)]
    suspicious: bool,
}

#[derive(Args)]
struct Import {
    /// The file; its first line names the columns
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Take nothing down where any line is bad
    #[arg(long)]
    all_or_nothing: bool,
}

#[derive(Args)]
struct List {
    /// Only those in this state: unclaimed, matched or waiting
    #[arg(long, value_parser = payment_state)]
    state: Option<String>,
    #[command(flatten)]
    page: PageOptions,
}

const PAYMENT: [&str; 5] = ["received_payment", "state", "matched", "reason", "repeated"];

const LIST: [&str; 9] = [
    "id",
    "state",
    "reason",
    "amount",
    "currency",
    "account",
    "payer",
    "suspicious",
    "received_at",
];

pub(super) fn run(options: Options, json: bool) -> Result<(), Failure> {
    let admin = &options.admin;
    match options.command {
        Command::Receive(receive) => {
            let request = ReceivePayment {
                wallet_type: receive.wallet_type,
                reference: receive.reference,
                amount: receive.amount,
                currency: receive.currency,
                account: receive.account,
                received_at: receive.received_at,
                payer: receive.payer,
                note: receive.note,
                suspicious: receive.suspicious,
                check_only: false,
            };
            admin.print(json, Operation::ReceivePayment, &request, |payment| {
                output::fields(payment, &PAYMENT)
            })
        }
        Command::Import(import) => import::run(admin, &import.file, import.all_or_nothing, json),
        Command::List(list) => {
            let request = PaymentList {
                state: list.state,
                page: list.page.into(),
            };
            admin.print(json, Operation::ListPayments, &request, |page| {
                output::page(page, &LIST, &["amount"])
            })
        }
    }
}
