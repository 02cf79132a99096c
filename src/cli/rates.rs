//! `coffer rates`: what currencies are worth, for what merchants are told.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::Value;

use super::admin::AdminOptions;
use super::failure::Failure;
use super::output;
use crate::protocol::admin::{Operation, RateGiven, RatesWanted, SetRates};

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    admin: AdminOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set some rates, units of each currency for one of the base; the others stay as they are
    Set {
        /// A currency and its rate, such as INR=84.10
        #[arg(value_name = "CURRENCY=RATE", required = true)]
        rates: Vec<RateGiven>,
    },
    /// Show the rates that hold: those that were set, or else those of the configuration
    Show,
    /// Set the rates of a file with one a line, such as INR=84.10; lines that are empty or begin
    /// with # say nothing
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

pub(super) fn run(options: Options, json: bool) -> Result<(), Failure> {
    let admin = &options.admin;
    let rates = match options.command {
        Command::Show => {
            let request = RatesWanted {};
            return admin.print(json, Operation::ShowRates, &request, told);
        }
        Command::Set { rates } => rates,
        Command::Import { file } => read(&file)?,
    };
    admin.print(json, Operation::SetRates, &SetRates { rates }, told)
}

/// The rates of a file. A bad line is told by its number, and none is set then.
fn read(file: &Path) -> Result<Vec<RateGiven>, Failure> {
    let name = file.display();
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| Failure::Refused(format!("cannot read {name}: {error}")))?;
    let lines = text.lines().map(str::trim).zip(1..);
    let said = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    let read = said.map(|(line, number)| {
        let rate: Result<RateGiven, String> = line.parse();
        rate.map_err(|fault| Failure::Refused(format!("{name} line {number}: {fault}")))
    });
    read.collect()
}

fn told(rates: &Value) -> String {
    let mut text = output::fields(rates, &["base"]);
    for (currency, rate) in rates["rates"].as_object().into_iter().flatten() {
        let rate = output::text_of(rate);
        writeln!(text, "{currency}   {rate}").expect("a text takes any text");
    }
    text
}
