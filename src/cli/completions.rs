//! `coffer completions`: what a shell needs to complete commands and flags.

use clap::{Args, Command};
use clap_complete::Shell;

use super::failure::Failure;
use super::output;

#[derive(Args)]
pub(super) struct Options {
    /// The shell
    shell: Shell,
}

/// Prints the script for all of `commands`.
pub(super) fn run(options: &Options, mut commands: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    let name = commands.get_name().to_owned();
    clap_complete::generate(options.shell, &mut commands, name, &mut script);
    let script = String::from_utf8(script).expect("commands and their help are texts");
    output::print(&script)
}
