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
use crate::journal::Offline;
use crate::ledger::{Progress, Verified, verify_offline};
use crate::secret::hex_encode;
use crate::sort::Scratch;

#[derive(Args)]
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
    let offline =
        Offline::open(Arc::<RealDisk>::clone(&data)).map_err(|error| Failure::of(&error))?;
    let scratch = options.scratch.as_deref().unwrap_or(path);
    let scratch = Scratch::new(directory("scratch", scratch)?).map_err(|error| {
        Failure::Refused(format!("scratch directory {}: {error}", scratch.display()))
    })?;
    let bar = output::progress_bar(offline.last().0, ProgressDrawTarget::stderr());
    let verified = verify_offline(offline, Arc::new(scratch), &mut |progress| {
        show(progress, &bar)
    });
    bar.finish_and_clear();
    let mut verified = verified.map_err(|error| Failure::of(&error))?;
    // No entry rests on it, but no start does without.
    verified.findings.extend(read_key(&*data).err());
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

fn show(progress: Progress, bar: &ProgressBar) {
    match progress {
        // How many there are nobody knows before.
        Progress::Booked(_) => bar.tick(),
        Progress::Read(entries) => bar.set_position(entries),
        Progress::Judged(count, all) => {
            bar.set_length(all);
            bar.set_position(count);
        }
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
