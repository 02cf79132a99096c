//! `coffer export`: everything that happened, or every account, as JSON lines or CSV.
//!
//! Rows go on as they come. A part is never taken for the whole: where the rest does not come the
//! command fails, and `--output` makes its file last of all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hyper::HeaderMap;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::Serialize;

use super::admin::{self, AdminOptions};
use super::failure::{Failure, described};
use super::output;
use crate::http::client::Streamed;
use crate::protocol::admin::{
    ExportWanted, FIRST_HEADER, Format, LAST_HEADER, Operation, SnapshotWanted,
};
use crate::time::Timestamp;

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    admin: AdminOptions,
    /// The file to write, whole or not at all [default: standard output]
    #[arg(long, global = true, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How to write: jsonl or csv
    #[arg(long, global = true, default_value_t)]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Every entry with its postings and documents
    Journal(Times),
    /// Bets, wins, cancels and voids
    Transactions(Times),
    /// Every player's accounts, as they are after one entry
    Players,
}

#[derive(Args)]
struct Times {
    /// Leave out what happened before, such as 2026-11-21T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Leave out what happened then or later
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
}

pub(super) fn run(options: Options) -> Result<(), Failure> {
    let format = options.format;
    let wanted = |times: &Times| ExportWanted {
        format,
        from: times.from,
        to: times.to,
    };
    match &options.command {
        Command::Journal(times) => options.export(Operation::ExportJournal, &wanted(times), true),
        Command::Transactions(times) => {
            options.export(Operation::ExportTransactions, &wanted(times), true)
        }
        Command::Players => {
            let wanted = SnapshotWanted { format };
            options.export(Operation::ExportPlayers, &wanted, false)
        }
    }
}

impl Options {
    /// `is_numbered`: whether each row begins with its number.
    fn export(
        &self,
        operation: Operation,
        wanted: &impl Serialize,
        is_numbered: bool,
    ) -> Result<(), Failure> {
        admin::run(async {
            let mut admin = self.admin.open().await?;
            let mut answer = admin.stream(operation, wanted).await?;
            let mut out = Output::open(self.output.as_deref())?;
            let mut progress = Progress::of(&answer.headers, is_numbered, &out);
            let copied = copy(&mut answer, &mut out, &mut progress).await;
            progress.bar.finish_and_clear();
            match copied {
                Ok(()) => out.finish(),
                Err(failure) => {
                    out.discard();
                    Err(failure)
                }
            }
        })
    }
}

async fn copy(
    answer: &mut Streamed,
    out: &mut Output,
    progress: &mut Progress,
) -> Result<(), Failure> {
    loop {
        let bytes = answer.next().await.map_err(|error| {
            let reason = described(&error);
            Failure::Refused(format!("the export broke off and is not whole: {reason}"))
        })?;
        let Some(bytes) = bytes else { return Ok(()) };
        if !out.write(&bytes)? {
            return Ok(());
        }
        progress.note(&bytes);
    }
}

/// Where the rows go.
enum Output {
    Standard,
    /// What is written until it is whole, and the name that it gets then.
    File {
        file: File,
        new: PathBuf,
        path: PathBuf,
    },
}

impl Output {
    fn open(path: Option<&Path>) -> Result<Output, Failure> {
        let Some(path) = path else {
            return Ok(Output::Standard);
        };
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        // Who played when and for how much is not for everybody on the machine.
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)
            .map_err(|error| unwritten(&new, &error))?;
        Ok(Output::File {
            file,
            new,
            path: path.to_owned(),
        })
    }

    /// Whether anybody wants more: a reader of standard output who has gone away has seen enough.
    fn write(&mut self, bytes: &[u8]) -> Result<bool, Failure> {
        match self {
            Output::Standard => match io::stdout().lock().write_all(bytes) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
                Err(error) => Err(unwritten(Path::new("standard output"), &error)),
            },
            Output::File { file, new, .. } => match file.write_all(bytes) {
                Ok(()) => Ok(true),
                Err(error) => Err(unwritten(new, &error)),
            },
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Output::Standard => match io::stdout().lock().flush() {
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    Err(unwritten(Path::new("standard output"), &error))
                }
                _ => Ok(()),
            },
            Output::File { file, new, path } => file
                .sync_all()
                .and_then(|()| fs::rename(&new, &path))
                .map_err(|error| unwritten(&path, &error)),
        }
    }

    fn discard(self) {
        if let Output::File { new, .. } = self {
            // The reason for it is being told; what is left is harmless.
            drop(fs::remove_file(new));
        }
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::Refused(format!("{} cannot be written: {error}", path.display()))
}

/// How far the rows have come, on a terminal.
struct Progress {
    bar: ProgressBar,
    first: u64,
    is_numbered: bool,
    /// The beginning of a line that is not whole yet.
    line: Vec<u8>,
    rows: u64,
}

/// More than the beginning of any line that holds the row's number.
const NUMBER_BYTES_MAX: usize = 32;

impl Progress {
    fn of(headers: &HeaderMap, is_numbered: bool, out: &Output) -> Progress {
        let number = |name| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
        let first = number(FIRST_HEADER).unwrap_or(1);
        let rows = number(LAST_HEADER).map_or(0, |last| (last + 1).saturating_sub(first));
        // Rows on the same terminal tell how far they are.
        let is_seen = matches!(out, Output::File { .. }) || !io::stdout().is_terminal();
        let target = if is_seen {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Progress {
            bar: output::progress_bar(rows, target),
            first,
            is_numbered,
            line: Vec::new(),
            rows: 0,
        }
    }

    fn note(&mut self, bytes: &[u8]) {
        if self.bar.is_hidden() {
            return;
        }
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            let room = NUMBER_BYTES_MAX - self.line.len();
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                self.rows = match self.is_numbered {
                    true => number_in(&self.line)
                        .map_or(self.rows, |seq| (seq + 1).saturating_sub(self.first)),
                    false => self.rows + 1,
                };
                self.line.clear();
            }
        }
        self.bar.set_position(self.rows);
    }
}

/// The number that a row begins with: `{"seq":7,` or `7,`; none in a line of names.
fn number_in(line: &[u8]) -> Option<u64> {
    let line = line.strip_prefix(b"{\"seq\":").unwrap_or(line);
    let digits = line.split(|byte| !byte.is_ascii_digit()).next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_its_number() {
        for (line, number) in [
            (&b"{\"seq\":7,\"at\""[..], Some(7)),
            (b"18446744073709551615,2026", Some(u64::MAX)),
            (b"seq,at", None),
            (b"", None),
        ] {
            assert_eq!(number_in(line), number);
        }
    }
}
