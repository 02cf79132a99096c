//! Backups that the server makes by itself (operations.md, Configuration, `storage.backup`).

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::failure::Failure;
use crate::config::BackupSchedule;
use crate::disk::RealDisk;
use crate::journal::{Backup, Backups, Busy};
use crate::time::{Clock, Timestamp};

/// Until the next try where an operator's backup was running.
const AGAIN: Duration = Duration::from_secs(60);

/// Until the next try where one failed: what it was may have passed, and a day is long.
const AFTER_FAILURE: Duration = Duration::from_secs(15 * 60);

/// The thread that makes them, where any are to be made.
pub(super) struct Scheduled {
    backups: Arc<Backups>,
    running: Option<Running>,
}

struct Running {
    /// Dropped to end it.
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Scheduled {
    /// Makes one as soon as the newest is older than it may become, and goes on from there by a
    /// clock that nobody sets. One that fails is told in the log and harms nobody.
    pub(super) fn begin(
        backups: &Arc<Backups>,
        schedule: Option<BackupSchedule>,
        clock: &dyn Clock,
    ) -> Result<Scheduled, Failure> {
        let start = |schedule: BackupSchedule| {
            let to = std::path::absolute(&schedule.to).map_err(|error| Failure::of(&error))?;
            let now = clock.now();
            tracing::info!(
                to = %to.display(),
                every = %schedule.every,
                keep = schedule.keep,
                "backups are made by themselves"
            );
            let (stop, stopped) = mpsc::channel::<()>();
            let backups = Arc::clone(backups);
            let thread = std::thread::Builder::new()
                .name("backups".to_owned())
                .spawn(move || {
                    // Here, since the directory may lie on what answers slowly.
                    let mut wait = due_in(&to, &schedule, now);
                    while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                        wait = make(&backups, &to, &schedule);
                    }
                })
                .map_err(|error| Failure::of(&error))?;
            Ok::<_, Failure>(Running { stop, thread })
        };
        Ok(Scheduled {
            backups: Arc::clone(backups),
            running: schedule.map(start).transpose()?,
        })
    }

    /// Ends them and every other backup, and waits until all have let go of the journal.
    pub(super) fn end(self) -> Result<(), Failure> {
        self.backups.shut_down();
        let Some(Running { stop, thread }) = self.running else {
            return Ok(());
        };
        drop(stop);
        let panicked = |_| Failure::Refused("the thread of the backups has panicked".to_owned());
        thread.join().map_err(panicked)
    }
}

/// Makes one; how long until the next.
fn make(backups: &Arc<Backups>, to: &Path, schedule: &BackupSchedule) -> Duration {
    let begun = Instant::now();
    match backups.begin(to, Some(schedule.keep)) {
        // It tells the log.
        Ok(job) => pause(
            job.run().is_ok(),
            schedule.every.duration(),
            begun.elapsed(),
        ),
        Err(Busy) => AGAIN.min(schedule.every.duration()),
    }
}

/// How long until the next, where one took so long and was made or was not.
fn pause(made: bool, every: Duration, took: Duration) -> Duration {
    let rest = every.saturating_sub(took);
    if made { rest } else { rest.min(AFTER_FAILURE) }
}

/// How long until the newest backup is as old as one may become. Where nothing is known of any,
/// the first is due now: a server that is restarted each day must not put it off for ever.
fn due_in(to: &Path, schedule: &BackupSchedule, now: Timestamp) -> Duration {
    let newest = RealDisk::open_to_read(to)
        .ok()
        .and_then(|disk| Backup::open(Arc::new(disk)).ok())
        .map(|backup| backup.made_at());
    let every = schedule.every.micros();
    let age = newest.map_or(every, |made_at| {
        now.micros().saturating_sub(made_at.micros())
    });
    Duration::from_micros(every.saturating_sub(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_failed_is_tried_again_before_the_next_is_due() {
        let [second, day] = [1, 24 * 60 * 60].map(Duration::from_secs);
        assert_eq!(pause(true, day, second), day - second);
        assert_eq!(pause(false, day, second), AFTER_FAILURE);
        assert_eq!(pause(false, 2 * second, second), second);
        assert_eq!(pause(true, second, day), Duration::ZERO);
    }

    #[test]
    fn the_first_is_due_at_once_where_there_is_none() {
        let schedule = BackupSchedule {
            to: "/nowhere".into(),
            every: "1h".parse().unwrap(),
            keep: 1,
        };
        let now = "2026-11-21T00:00:00Z".parse().unwrap();
        assert_eq!(due_in(&schedule.to, &schedule, now), Duration::ZERO);
    }
}
