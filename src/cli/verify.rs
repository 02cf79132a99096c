//! `coffer verify`: reads everything offline and says whether it is whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::Serialize;

use super::admin::DirectoryOptions;
use super::failure::Failure;
use super::key::read_key;
use super::output;
use crate::disk::RealDisk;
use crate::id::Seq;
use crate::journal::{Backup, Offline, described};
use crate::ledger::{Progress, Verified, verify_backup, verify_offline};
use crate::secret::hex_encode;
use crate::sort::Scratch;

const HELP: &str = "\
Where --data names a backup directory, every file of every backup in it is compared with what was
once written, and the entries of the newest one are verified as those of a data directory are.

The pictures of payments that entries name must be there and hold what was kept; files among them
that no entry names are told, and not called damage.

Exit code 4: something is damaged, and every finding was listed.";

#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct Options {
    #[command(flatten)]
    directory: DirectoryOptions,
    /// Where to sort what does not fit into memory: some 400 bytes an entry, gone afterwards
    /// [default: the data directory]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// The answer (operations.md, Shapes that scripts use).
#[derive(Serialize)]
struct Told {
    ok: bool,
    entries: u64,
    head: ToldHead,
    findings: Vec<String>,
}

#[derive(Serialize)]
struct ToldHead {
    seq: u64,
    hash: String,
}

pub(super) fn run(options: &Options, json: bool) -> Result<(), Failure> {
    let config = options.directory.load()?;
    let path = &config.storage.data;
    let data = directory("data", path)?;
    let scratch = options.scratch.as_deref().unwrap_or(path);
    let scratch = Scratch::new(directory("scratch", scratch)?).map_err(|error| {
        Failure::Refused(format!("scratch directory {}: {error}", scratch.display()))
    });
    let is_backup = Backup::is_in(&*data).map_err(|error| Failure::of(&error))?;
    let verified = if is_backup {
        let refused = |error: &dyn std::error::Error| {
            let (path, error) = (path.display(), described(error));
            Failure::Refused(format!("backup directory {path}: {error}"))
        };
        let disk = RealDisk::open_to_read(path).map_err(|error| refused(&error))?;
        let backup = Backup::open(Arc::new(disk)).map_err(|error| refused(&error))?;
        let bar = Bar::new(backup.last());
        verify_backup(&backup, Arc::new(scratch?), &mut |progress| {
            bar.show(progress)
        })
    } else {
        let offline =
            Offline::open(Arc::<RealDisk>::clone(&data)).map_err(|error| Failure::of(&error))?;
        let bar = Bar::new(offline.last());
        verify_offline(offline, Arc::new(scratch?), &mut |progress| {
            bar.show(progress)
        })
    };
    let mut verified = verified.map_err(|error| Failure::of(&error))?;
    if !is_backup {
        // No entry rests on it, but no start does without.
        verified.findings.extend(read_key(&*data).err());
    }
    for note in &verified.notes {
        eprintln!("coffer: {note}");
    }
    tell(verified, json)
}

fn directory(what: &str, path: &Path) -> Result<Arc<RealDisk>, Failure> {
    let disk = RealDisk::open(path).map_err(|error| {
        Failure::Refused(format!("{what} directory {}: {error}", path.display()))
    })?;
    Ok(Arc::new(disk))
}

/// How far it is, on a terminal; gone when it is dropped.
struct Bar(ProgressBar);

impl Bar {
    fn new(last: Seq) -> Bar {
        Bar(output::progress_bar(last.0, ProgressDrawTarget::stderr()))
    }

    fn show(&self, progress: Progress) {
        match progress {
            // How many there are nobody knows before.
            Progress::Booked(_) => self.0.tick(),
            Progress::Read(entries) => self.0.set_position(entries),
            Progress::Judged(count, all) => {
                self.0.set_length(all);
                self.0.set_position(count);
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn tell(verified: Verified, json: bool) -> Result<(), Failure> {
    let told = Told {
        ok: verified.findings.is_empty(),
        entries: verified.entries,
        head: ToldHead {
            seq: verified.head.seq.0,
            hash: hex_encode(&verified.head.hash),
        },
        findings: verified.findings,
    };
    output::print(&if json {
        serde_json::to_string(&told).expect("a struct of texts and numbers is JSON")
    } else {
        told.text()
    })?;
    if told.ok {
        Ok(())
    } else {
        Err(Failure::Damage)
    }
}

impl Told {
    fn text(&self) -> String {
        let Told { entries, head, .. } = self;
        let read = format!("{entries} entries read, head {} {}", head.seq, head.hash);
        if self.ok {
            return format!("all is well: {read}");
        }
        let findings = self.findings.iter().map(|finding| format!("\n- {finding}"));
        format!("DAMAGED: {read}{}", findings.collect::<String>())
    }
}
