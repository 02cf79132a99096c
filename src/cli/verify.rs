//! `coffer verify`: reads everything offline and says whether it is whole.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::admin::load;
use super::failure::{Failure, described};
use super::output;
use crate::config::Storage;
use crate::disk::{Disk, RealDisk};
use crate::journal::{self, Head, JournalError, RedbJournal, StartRefusal};
use crate::ledger::{Verified, verify};
use crate::secret::hex_encode;
use crate::time::{Clock, SystemClock};

#[derive(Args)]
pub(super) struct Options {
    /// The data directory, of which no server is running [default: ./coffer-data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// The configuration, to find the data directory by
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
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
    let config = load(options.config.as_deref(), options.data.as_deref(), &[])?;
    let path = &config.storage.data;
    let disk = RealDisk::open(path)
        .map_err(|error| Failure::Refused(format!("data directory {}: {error}", path.display())))?;
    let verified = match open(Arc::new(disk), &config.storage) {
        Ok(opened) => {
            if let Some(warning) = opened.warning {
                eprintln!("coffer: {warning}");
            }
            let journal: RedbJournal = opened.journal;
            verify(&journal)
        }
        Err(error) if is_damage(&error) => Verified {
            entries: 0,
            head: Head::EMPTY,
            findings: vec![described(&error)],
        },
        Err(error) => return Err(Failure::of(&error)),
    };
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

/// Opens what lies in a data directory; makes nothing.
pub(super) fn open(
    disk: Arc<dyn Disk>,
    storage: &Storage,
) -> Result<journal::Opened, JournalError> {
    // Nothing comes into being here, so that neither key nor id is ever used.
    let secret_key = journal::secret_key(&*disk, true, &[0; 32])?;
    let options = journal::Options {
        commit: storage.commit,
        must_exist: true,
        segment_size: storage.segment_size,
        new_id: [0; 16],
        fingerprint: secret_key.fingerprint(),
        now: SystemClock.now(),
    };
    journal::open(disk, options)
}

/// Whether an error tells of what lies on the disk, and not of the way to it.
fn is_damage(error: &JournalError) -> bool {
    match error {
        JournalError::Database { .. }
        | JournalError::Damaged { .. }
        | JournalError::Gap { .. }
        | JournalError::Shortened { .. }
        | JournalError::Trimmed { .. }
        | JournalError::HeadMismatch { .. } => true,
        JournalError::Disk { .. } | JournalError::Latched => false,
        JournalError::Refused(refusal) => match refusal {
            StartRefusal::InUse | StartRefusal::NoCoffer | StartRefusal::Newer { .. } => false,
            StartRefusal::Missing { .. }
            | StartRefusal::Unreadable { .. }
            | StartRefusal::NoManifest
            | StartRefusal::Foreign { .. }
            | StartRefusal::WrongSecretKey
            | StartRefusal::BehindHistory { .. }
            | StartRefusal::BehindWitness { .. } => true,
        },
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
