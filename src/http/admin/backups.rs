//! Backups: begun here, made by a thread of their own, asked after until they are done.

use std::path::Path;
use std::sync::Arc;

use super::{Done, Failed, done};
use crate::id::Seq;
use crate::journal::{Backups, Busy, Status, described};
use crate::protocol::admin::{BackUp, BackupMade, BackupNamed, BackupShown, Fault, Members};
use crate::secret::hex_encode;

pub(super) fn begin(backups: &Arc<Backups>, members: Members) -> Result<Done, Failed> {
    let wanted = BackUp::decode(members)?;
    let busy = |Busy| Failed::from(Fault::BackupRunning);
    let job = backups
        .begin(Path::new(&wanted.to), wanted.keep)
        .map_err(busy)?;
    let number = job.number();
    // It ends by itself, and sooner where the server does.
    drop(tokio::task::spawn_blocking(|| job.run()));
    shown(backups.status(Some(number)))
}

pub(super) fn show(backups: &Backups, members: Members) -> Result<Done, Failed> {
    let wanted = BackupNamed::decode(members)?;
    shown(backups.status(wanted.number))
}

fn shown(status: Option<Status>) -> Result<Done, Failed> {
    let status = status.ok_or_else(|| Failed::from(Fault::BackupUnknown))?;
    // What a backup holds was durable before it was copied.
    Ok(done(&told(status), Seq::NONE))
}

/// What is known of a backup, as it is told.
pub(super) fn told(status: Status) -> BackupShown {
    let (state, made, error) = match status.outcome {
        None => ("running", None, None),
        Some(Ok(made)) => ("done", Some(made), None),
        Some(Err(error)) => ("failed", None, Some(described(&*error))),
    };
    let made = made.map(|made| BackupMade {
        seq: made.head.seq.0,
        hash: hex_encode(&made.head.hash),
        at: made.made_at,
        copied_bytes: made.copied_bytes,
        copied_files: made.copied_files,
        verified: true,
    });
    let (done_bytes, total_bytes) = status.bytes;
    BackupShown {
        number: status.number,
        to: status.to.display().to_string(),
        state,
        began_at: status.began_at,
        done_bytes,
        total_bytes,
        made,
        error,
    }
}
