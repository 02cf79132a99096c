//! `coffer restore`: makes a data directory of a backup.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::admin::KEY_FILE;
use super::backup::with_bar;
use super::failure::{Failure, described};
use super::key::admin_key;
use super::output;
use crate::disk::{Disk, RealDisk};
use crate::journal::{Backup, BackupError, Progress, SECRET_KEY, Until, secret_key_in};
use crate::secret::hex_encode;

const HELP: &str = "\
The data directory must be empty or not there: nothing is ever restored over anything. Every byte
that is read is compared with what was once written, and the hash chain of all that was restored is
followed; a restore that breaks off leaves a directory that never starts.

The restored coffer needs the secret.key of the one that was backed up: name it with --secret-key,
or put it into the data directory (mode 0600) before the start. admin.key is made anew; put the old
one in its place to keep it.

The pictures of payments that entries name are restored with them. Where the backup lacks one, the
rest is restored all the same, and this command tells so and exits 1.

--at ends the restore with an entry (its number) or with the last entry that was made no later than
a time. Where that lies within a batch of the journal, the chain's hash is another one from there
on, and such a coffer's own backups need a directory of their own.

With --json: {\"data\",\"seq\",\"hash\",\"at\",\"bytes\",\"secret_key\":true|false,\"verified\":true}";

#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct Options {
    /// The backup directory
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The data directory to make
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where to end: an entry's number, or a time such as 2026-11-21T00:00:00Z [default: the newest]
    #[arg(long, value_name = "SEQ|TIME")]
    at: Option<Until>,
    /// A copy of the secret.key that belongs to the backup
    #[arg(long, value_name = "FILE")]
    secret_key: Option<PathBuf>,
}

/// The answer.
#[derive(Serialize)]
struct Told {
    data: String,
    seq: u64,
    hash: String,
    at: String,
    bytes: u64,
    secret_key: bool,
    verified: bool,
}

pub(super) fn run(options: &Options, json: bool) -> Result<(), Failure> {
    let (from, data) = (options.from.display(), options.data.display());
    let in_backup = |error: &dyn std::error::Error| {
        Failure::Refused(format!("backup directory {from}: {}", described(error)))
    };
    let in_data = |error: &dyn std::error::Error| {
        Failure::Refused(format!("data directory {data}: {}", described(error)))
    };
    let disk = RealDisk::open_to_read(&options.from).map_err(|error| in_backup(&error))?;
    let backup = Backup::open(Arc::new(disk)).map_err(|error| in_backup(&error))?;
    let key = options.secret_key.as_deref();
    let key = key.map(|file| secret_key(file, &backup)).transpose()?;
    let disk = RealDisk::open_or_create(&options.data).map_err(|error| in_data(&error))?;
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let progress = Progress::new();
    let restored = with_bar(&progress, || {
        backup.restore(Arc::clone(&disk), options.at, &progress)
    });
    let restored = restored.map_err(|error| match error {
        BackupError::Data(_) | BackupError::NotEmpty { .. } => in_data(&error),
        error => in_backup(&error),
    })?;
    if let Some(key) = &key {
        let written = disk.write_new(SECRET_KEY, key);
        written.map_err(|error| in_data(&error))?;
    }
    admin_key(&*disk)
        .map_err(|reason| Failure::Refused(format!("data directory {data}: {reason}")))?;
    let told = Told {
        data: data.to_string(),
        seq: restored.head.seq.0,
        hash: hex_encode(&restored.head.hash),
        at: restored.at.to_string(),
        bytes: restored.bytes,
        secret_key: key.is_some(),
        verified: true,
    };
    let lacking = restored.lacking.clone();
    restored.finish().map_err(|error| in_data(&error))?;
    output::print(&if json {
        serde_json::to_string(&told).expect("a struct of texts and numbers is JSON")
    } else {
        told.text()
    })?;
    match lacking.is_empty() {
        true => Ok(()),
        false => Err(in_backup(&BackupError::Lacks { files: lacking })),
    }
}

/// The text of the key that belongs to a backup.
fn secret_key(file: &Path, backup: &Backup) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
    let refused = |why: &str| Failure::Refused(format!("{}: {why}", file.display()));
    let text = std::fs::read(file).map_err(|error| refused(&error.to_string()))?;
    let text = zeroize::Zeroizing::new(text);
    let key = secret_key_in(&text).ok_or_else(|| refused("does not hold 64 small hex digits"))?;
    if key.fingerprint() == backup.secret_key() {
        return Ok(text);
    }
    Err(refused(
        "is not the secret key of the coffer that was backed up",
    ))
}

impl Told {
    fn text(&self) -> String {
        let Told {
            data,
            seq,
            hash,
            at,
            ..
        } = self;
        let key = if self.secret_key {
            String::new()
        } else {
            format!(
                "\nbefore the start put the {SECRET_KEY} of the coffer that was backed up into \
                 {data} (mode 0600)"
            )
        };
        format!(
            "restored to {data} and verified: entry {seq} {hash}, made at {at}\n{KEY_FILE} is new: \
             put the old one in its place to keep it{key}"
        )
    }
}
