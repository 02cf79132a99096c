//! Logs on standard error: text on a terminal, JSON otherwise, or as `--log` says.

use std::io::{IsTerminal, stderr};

use clap::ValueEnum;
use tracing::Level;
use tracing_subscriber::fmt;

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogForm {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// Begins to log. Happens once in a process.
pub(super) fn begin(form: Option<LogForm>) {
    let on_terminal = stderr().is_terminal();
    let by_itself = if on_terminal {
        LogForm::Text
    } else {
        LogForm::Json
    };
    let log = fmt().with_max_level(Level::INFO).with_writer(stderr);
    match form.unwrap_or(by_itself) {
        LogForm::Text => log.with_target(false).with_ansi(on_terminal).init(),
        LogForm::Json => log.json().flatten_event(true).with_target(false).init(),
    }
}
