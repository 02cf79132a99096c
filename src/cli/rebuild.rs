//! `coffer rebuild`: makes the books anew from history, where they were lost or are damaged.

use std::sync::Arc;

use clap::Args;
use indicatif::ProgressDrawTarget;
use serde::Serialize;

use super::admin::DirectoryOptions;
use super::books::open_journal;
use super::failure::{Failure, described, over};
use super::output;
use crate::config::Config;
use crate::disk::{Disk, RealDisk};
use crate::id::Seq;
use crate::journal::Journal;
use crate::ledger::{self, Ledger, Settings, open_books};
use crate::time::SystemClock;

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    directory: DirectoryOptions,
}

/// The answer.
#[derive(Serialize)]
struct Told {
    /// The last entry in the books.
    seq: u64,
}

pub(super) fn run(options: &Options, json: bool) -> Result<(), Failure> {
    let config = options.directory.load()?;
    let seq = over(&config.storage.data, || rebuild(&config))?.0;
    output::print(&if json {
        serde_json::to_string(&Told { seq }).expect("a struct of numbers is JSON")
    } else {
        format!("the books are made anew, up to entry {seq}")
    })
}

/// The last entry in the books that were made.
fn rebuild(config: &Config) -> Result<Seq, Failure> {
    let path = &config.storage.data;
    let failed = |error: &dyn std::error::Error| {
        let reason = described(error);
        Failure::Refused(format!("data directory {}: {reason}", path.display()))
    };
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(path).map_err(|error| failed(&error))?);
    let opened = open_journal(Arc::clone(&disk), &config.storage);
    let opened = opened.map_err(|error| failed(&error))?;
    let books = open_books(&*disk, &opened, true).map_err(|error| failed(&error))?;
    let settings = Settings {
        rules: config.wallet.rules,
        queue_entries_max: config.limits.queue_entries_max,
        checkpoints: config.storage.checkpoints,
    };
    let journal = Arc::new(opened.journal);
    let bar = output::progress_bar(journal.head().seq.0, ProgressDrawTarget::stderr());
    let mut told = |booked: Seq| bar.set_position(booked.0);
    let clock = Arc::new(SystemClock);
    let recovered = Ledger::recover_telling(journal, books, clock, settings, &mut told);
    bar.finish_and_clear();
    let (ledger, _committer) = recovered.map_err(|error| failed(&error))?;
    let (mut checkpointer, _stop) = ledger::Checkpointer::new(Arc::clone(&ledger));
    checkpointer.checkpoint().map_err(|error| failed(&error))?;
    Ok(ledger.booked_seq())
}
