//! `coffer config`: what is set.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::admin::load;
use super::failure::Failure;
use super::output;

#[derive(Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read file and environment as `serve` would, and say whether they are good
    Check {
        /// The configuration
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

pub(super) fn run(options: &Options, json: bool) -> Result<(), Failure> {
    let Command::Check { config } = &options.command;
    load(config.as_deref(), None, &[])?;
    output::print(if json {
        "{\"ok\":true}"
    } else {
        "the configuration is good"
    })
}
