//! `coffer backup`: asks the server for a backup, and waits until it is verified.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::Value;

use super::admin::{self, Admin, AdminOptions};
use super::books::open_journal;
use super::failure::{Failure, described, over};
use super::number::whole;
use super::output;
use crate::config::Config;
use crate::disk::RealDisk;
use crate::journal::{BackupError, Done, JournalError, Progress, StartRefusal, back_up};
use crate::protocol::admin::{BackUp, BackupNamed, Operation};
use crate::secret::hex_encode;
use crate::time::{Clock, SystemClock};

/// Between two looks how far a backup has come.
const PAUSE: Duration = Duration::from_millis(50);

const HELP: &str = "\
The directory is made where there is none. A first backup copies everything, a later one to the same
directory what came since; every backup in it can be restored. What was copied is read back from the
disk and its hash chain followed before this command says that it is done.

The pictures of payments (attachments/ in the data directory) are part of it. Where one is missing or
damaged the backup is made all the same, and this command tells so and exits 1.

The keys are never part of a backup: keep a copy of {data}/secret.key apart from it (without it
nothing that was restored starts), and of {data}/admin.key if you want to keep that.

The server makes the backup, on its own machine. Where none is reached and --data names a data
directory that nobody serves, this command makes it.

With --json: {\"to\",\"seq\",\"hash\",\"at\",\"copied_bytes\",\"copied_files\",\"verified\":true}";

#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct Options {
    #[command(flatten)]
    admin: AdminOptions,
    /// The directory, on the server's machine
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// How many backups stay in the directory, this one included [default: all]
    #[arg(long, value_name = "N", value_parser = whole::<u32>(1..=u64::from(u32::MAX)))]
    keep: Option<u32>,
}

/// The answer.
#[derive(Serialize)]
struct Told {
    to: String,
    seq: u64,
    hash: String,
    at: String,
    copied_bytes: u64,
    copied_files: u64,
    verified: bool,
}

pub(super) fn run(options: &Options, json: bool) -> Result<(), Failure> {
    let to = std::path::absolute(&options.to).map_err(|error| Failure::of(&error))?;
    let name = to.to_str();
    let name = name.ok_or_else(|| Failure::Usage("--to must be a name in UTF-8".to_owned()))?;
    let told = match admin::run(by_server(options, name)) {
        Err(Failure::Unreachable(reason)) => match options.admin.data()? {
            Some(config) => over(&config.storage.data, || {
                offline(&config, &to, options.keep, &reason)
            })?,
            None => return Err(Failure::Unreachable(reason)),
        },
        told => told?,
    };
    output::print(&if json {
        serde_json::to_string(&told).expect("a struct of texts and numbers is JSON")
    } else {
        told.text()
    })
}

async fn by_server(options: &Options, to: &str) -> Result<Told, Failure> {
    let mut admin: Admin = options.admin.open().await?;
    let wanted = BackUp {
        to: to.to_owned(),
        keep: options.keep,
    };
    let mut shown = read(&admin.ask(Operation::BackUp, &wanted).await?)?;
    let named = BackupNamed {
        number: shown["number"].as_u64(),
    };
    let bar = bar();
    while shown["state"] == "running" {
        tokio::time::sleep(PAUSE).await;
        shown = read(&admin.ask(Operation::ShowBackup, &named).await?)?;
        let bytes = |name: &str| shown[name].as_u64().unwrap_or_default();
        bar.set_length(bytes("total_bytes"));
        bar.set_position(bytes("done_bytes"));
    }
    bar.finish_and_clear();
    if let Some(error) = shown["error"].as_str() {
        return Err(Failure::Refused(format!("backup to {to}: {error}")));
    }
    let text = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| shown[name].as_u64().unwrap_or_default();
    Ok(Told {
        to: to.to_owned(),
        seq: number("seq"),
        hash: text("hash"),
        at: text("at"),
        copied_bytes: number("copied_bytes"),
        copied_files: number("copied_files"),
        verified: shown["verified"] == true,
    })
}

fn read(answer: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(answer)
        .map_err(|fault| Failure::Refused(format!("the answer is no JSON: {fault}")))
}

/// Backs up a data directory that nobody serves.
fn offline(
    config: &Config,
    to: &Path,
    keep: Option<u32>,
    unreachable: &str,
) -> Result<Told, Failure> {
    let data = &config.storage.data;
    let in_data = |error: &dyn std::error::Error| {
        let (data, error) = (data.display(), described(error));
        Failure::Refused(format!("{unreachable}; data directory {data}: {error}"))
    };
    let disk = RealDisk::open(data).map_err(|error| in_data(&error))?;
    let journal = match open_journal(Arc::new(disk), &config.storage) {
        // It is served, elsewhere than was asked.
        Err(JournalError::Refused(StartRefusal::InUse)) => {
            return Err(Failure::Unreachable(unreachable.to_owned()));
        }
        opened => opened.map_err(|error| in_data(&error))?.journal,
    };
    let progress = Progress::gentle(config.storage.free_low);
    let made = with_bar(&progress, || {
        let disk = RealDisk::open_or_create(to).map_err(|source| BackupError::Disk {
            file: "the directory".into(),
            source,
        })?;
        back_up(&journal, Arc::new(disk), keep, SystemClock.now(), &progress)
    });
    let name = to.display().to_string();
    let refused = |error| Failure::Refused(format!("backup to {name}: {}", described(&error)));
    let Done {
        head,
        made_at,
        copied_bytes,
        copied_files,
    } = made.map_err(refused)?;
    Ok(Told {
        to: name,
        seq: head.seq.0,
        hash: hex_encode(&head.hash),
        at: made_at.to_string(),
        copied_bytes,
        copied_files,
        verified: true,
    })
}

impl Told {
    fn text(&self) -> String {
        format!(
            "backed up to {} and verified: entry {} {}\ncopied {} bytes in {} files; secret.key \
             and admin.key are not among them, keep them elsewhere",
            self.to, self.seq, self.hash, self.copied_bytes, self.copied_files
        )
    }
}

/// How many bytes are done, on a terminal.
fn bar() -> ProgressBar {
    let style = "{elapsed_precise} {wide_bar} {bytes}/{total_bytes} {eta}";
    let style = ProgressStyle::with_template(style).expect("the template is well formed");
    ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style)
}

/// Does something in a thread of its own, and shows meanwhile how far it has come.
pub(super) fn with_bar<T: Send>(progress: &Progress, work: impl FnOnce() -> T + Send) -> T {
    let bar = bar();
    if bar.is_hidden() {
        return work();
    }
    std::thread::scope(|scope| {
        let working = scope.spawn(work);
        while !working.is_finished() {
            let (done, total) = progress.bytes();
            bar.set_length(total);
            bar.set_position(done);
            std::thread::sleep(PAUSE);
        }
        bar.finish_and_clear();
        working
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
