//! The command line: one file per noun, an options struct and a `run` each
//! (operations.md, Commands).
//!
//! Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration, 3 server not
//! reachable, 4 `verify` found damage. Answers go to standard output, reasons to standard error.

mod admin;
mod backup;
mod books;
mod completions;
mod config;
mod demo;
mod deposit;
mod export;
mod failure;
mod fill;
mod game;
mod import;
mod key;
mod log;
mod number;
mod openapi;
mod order;
mod output;
mod partner;
mod payment;
mod player;
mod postback;
mod rates;
mod rebuild;
mod reload;
mod report;
mod restore;
mod schedule;
mod serve;
mod session;
mod space;
mod verify;
mod version;
mod withdrawal;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use failure::{Failure, quiet_caught};
use serve::With;

/// A wallet engine in one binary: durable, double-entry, exactly once.
#[derive(Parser)]
#[command(name = "coffer", version, disable_help_subcommand = true)]
struct Arguments {
    /// Print the answer as one JSON object
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the Wallet API and the admin API
    Serve(serve::Options),
    /// Serve with sample data and a small simulated game server that plays while you look
    Demo(demo::DemoOptions),
    /// Create, list, show and change partners
    Partner(partner::Options),
    /// Create, show, block and adjust players
    Player(player::Options),
    /// Open, close and show game sessions
    Session(session::Options),
    /// List orders and decide about them
    Order(order::Options),
    /// List deposits and decide about them
    Deposit(deposit::Options),
    /// Take down, import and list received payments
    Payment(payment::Options),
    /// List withdrawals and decide about them
    Withdrawal(withdrawal::Options),
    /// List postbacks and send them again
    Postback(postback::Options),
    /// Set and show what currencies are worth
    Rates(rates::Options),
    /// Trial balance, open rounds, anomalies
    Report(report::Options),
    /// Write the journal, transactions or players as JSON lines or CSV
    Export(export::Options),
    /// Make the books anew from history, where they were lost or are damaged
    Rebuild(rebuild::Options),
    /// Read the journal and everything in it offline: checksums, chain, double entry, balances, ids
    Verify(verify::Options),
    /// Back everything up but the keys, while serving; again to the same directory copies what is new
    Backup(backup::Options),
    /// Make a data directory of a backup, as of its newest entry or an earlier one
    Restore(restore::Options),
    /// Print the description of all that can be asked over HTTP (OpenAPI)
    Openapi,
    /// Check a configuration
    Config(config::Options),
    /// Print what a shell needs to complete commands and flags
    Completions(completions::Options),
    /// Tell this program's version and those of its formats
    Version,
}

/// Does what the arguments say.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json;
    quiet_caught();
    let done = match arguments.command {
        None => help(),
        Some(Command::Serve(options)) => serve::run(&options, With::Nothing),
        Some(Command::Demo(options)) => demo::run(&options),
        Some(Command::Partner(options)) => partner::run(options, json),
        Some(Command::Player(options)) => player::run(options, json),
        Some(Command::Session(options)) => session::run(options, json),
        Some(Command::Deposit(options)) => deposit::run(options, json),
        Some(Command::Order(options)) => order::run(options, json),
        Some(Command::Payment(options)) => payment::run(options, json),
        Some(Command::Withdrawal(options)) => withdrawal::run(options, json),
        Some(Command::Postback(options)) => postback::run(options, json),
        Some(Command::Rates(options)) => rates::run(options, json),
        Some(Command::Report(options)) => report::run(options, json),
        Some(Command::Export(options)) => export::run(options),
        Some(Command::Rebuild(options)) => rebuild::run(&options, json),
        Some(Command::Verify(options)) => verify::run(&options, json),
        Some(Command::Backup(options)) => backup::run(&options, json),
        Some(Command::Restore(options)) => restore::run(&options, json),
        Some(Command::Openapi) => openapi::run(json),
        Some(Command::Config(options)) => config::run(&options, json),
        Some(Command::Completions(options)) => completions::run(&options, Arguments::command()),
        Some(Command::Version) => version::run(json),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

fn help() -> Result<(), Failure> {
    output::print(&Arguments::command().render_long_help().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_commands_is_sound() {
        Arguments::command().debug_assert();
    }
}
