//! The backups of a running server: one at a time, in whatever thread asks, told about to others.

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::error::BackupError;
use super::make::{Done, back_up};
use super::progress::Progress;
use crate::disk::RealDisk;
use crate::journal::{RedbJournal, described};
use crate::time::{Clock, Timestamp};

/// Backups that are remembered.
const REMEMBERED: usize = 16;

/// Backs one journal up. It ends with [`Backups::shut_down`].
pub struct Backups {
    journal: Arc<RedbJournal>,
    clock: Arc<dyn Clock>,
    /// Bytes that must stay free where backups are written.
    leave_free: u64,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// The newest at the end.
    known: VecDeque<Known>,
    is_running: bool,
    is_shut_down: bool,
}

struct Known {
    status: Status,
    progress: Arc<Progress>,
}

/// What is known of one backup.
#[derive(Clone, Debug)]
pub struct Status {
    /// Counted since the start, from 1.
    pub number: u64,
    /// The directory.
    pub to: PathBuf,
    /// When it began.
    pub began_at: Timestamp,
    /// Bytes done, and how many there are in all as far as is known.
    pub bytes: (u64, u64),
    /// What came of it; `None` while it runs.
    pub outcome: Option<Outcome>,
}

/// How a backup ended.
pub type Outcome = Result<Done, Arc<BackupError>>;

/// Another backup is running, or the server is being shut down: nothing was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another backup is running: wait for its end")
    }
}

impl std::error::Error for Busy {}

/// A backup that was begun. Dropping it without running it counts as stopping it.
pub struct Job {
    backups: Arc<Backups>,
    progress: Arc<Progress>,
    number: u64,
    to: PathBuf,
    keep: Option<u32>,
    outcome: Option<Outcome>,
}

impl Backups {
    /// Backups of `journal`, none of which leaves less than `leave_free` bytes free where it is
    /// written.
    pub fn new(journal: Arc<RedbJournal>, clock: Arc<dyn Clock>, leave_free: u64) -> Backups {
        Backups {
            journal,
            clock,
            leave_free,
            state: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// Begins a backup to the directory `to`, after which `keep` of those in it stay, all where
    /// it is `None`. The job's own number tells it from others.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn begin(self: &Arc<Self>, to: &Path, keep: Option<u32>) -> Result<Job, Busy> {
        let mut state = self.state.lock();
        if state.is_running || state.is_shut_down {
            return Err(Busy);
        }
        let number = state.known.back().map_or(1, |last| last.status.number + 1);
        let progress = Arc::new(Progress::gentle(self.leave_free));
        let status = Status {
            number,
            to: to.to_owned(),
            began_at: self.clock.now(),
            bytes: (0, 0),
            outcome: None,
        };
        state.is_running = true;
        state.known.push_back(Known {
            status,
            progress: Arc::clone(&progress),
        });
        if state.known.len() > REMEMBERED {
            state.known.pop_front();
        }
        Ok(Job {
            backups: Arc::clone(self),
            progress,
            number,
            to: to.to_owned(),
            keep,
            outcome: None,
        })
    }

    /// What is known of a backup, of the newest where no number is given.
    pub fn status(&self, number: Option<u64>) -> Option<Status> {
        let state = self.state.lock();
        let mut newest_first = state.known.iter().rev();
        let known = newest_first.find(|known| number.is_none_or(|n| n == known.status.number))?;
        Some(Status {
            bytes: known.progress.bytes(),
            ..known.status.clone()
        })
    }

    /// What is known of the newest backup that has ended.
    pub fn last_ended(&self) -> Option<Status> {
        let state = self.state.lock();
        let mut newest_first = state.known.iter().rev();
        let known = newest_first.find(|known| known.status.outcome.is_some())?;
        Some(known.status.clone())
    }

    /// Stops a backup that runs, waits for its end, and begins no more: the journal can be closed.
    pub fn shut_down(&self) {
        let mut state = self.state.lock();
        state.is_shut_down = true;
        if let Some(known) = state.known.back() {
            known.progress.stop();
        }
        self.ended.wait_while(&mut state, |state| state.is_running);
    }

    fn end(&self, number: u64, outcome: Outcome) {
        let mut state = self.state.lock();
        let mut known = state.known.iter_mut();
        if let Some(known) = known.find(|known| known.status.number == number) {
            known.status.outcome = Some(outcome);
        }
        state.is_running = false;
        drop(state);
        self.ended.notify_all();
    }
}

impl Job {
    /// What [`Backups::status`] knows it by.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Does it, in a thread that may block.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn run(mut self) -> Outcome {
        let backups = &self.backups;
        let done = RealDisk::open_or_create(&self.to)
            .map_err(BackupError::disk("the directory"))
            .and_then(|disk| {
                let now = backups.clock.now();
                let to = Arc::new(disk);
                back_up(&backups.journal, to, self.keep, now, &self.progress)
            });
        let to = self.to.display();
        match &done {
            Ok(done) => tracing::info!(
                %to,
                seq = done.head.seq.0,
                copied_bytes = done.copied_bytes,
                "backed up and verified"
            ),
            Err(error @ BackupError::Lacks { .. }) => tracing::error!(%to, "backed up: {error}"),
            Err(error) => tracing::error!(%to, "no backup was made: {}", described(error)),
        }
        let outcome = done.map_err(Arc::new);
        self.outcome = Some(outcome.clone());
        outcome
    }
}

/// Also a job that falls over a broken invariant has ended.
impl Drop for Job {
    fn drop(&mut self) {
        let stopped = || Err(Arc::new(BackupError::Stopped));
        let outcome = self.outcome.take().unwrap_or_else(stopped);
        self.backups.end(self.number, outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use crate::journal::{CommitMode, Options, SEGMENT_SIZE, open, secret_key};
    use crate::time::SystemClock;

    #[test]
    fn one_backup_runs_at_a_time_and_none_after_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(RealDisk::open(folder.path()).unwrap());
        let key = secret_key(&*disk, false, &[7; 32]).unwrap();
        let options = Options {
            commit: CommitMode::OnePhase,
            must_exist: false,
            segment_size: SEGMENT_SIZE,
            new_id: [1; 16],
            fingerprint: key.fingerprint(),
            now: SystemClock.now(),
        };
        let journal = Arc::new(open(disk, options).unwrap().journal);
        let backups = Arc::new(Backups::new(journal, Arc::new(SystemClock), 0));
        assert!(backups.status(None).is_none());
        let to = folder.path().join("b");
        let first = backups.begin(&to, None).unwrap();
        assert!(backups.begin(&to, None).is_err(), "the first is running");
        assert!(backups.status(Some(1)).unwrap().outcome.is_none());
        assert!(first.run().is_ok());
        assert!(backups.status(Some(1)).unwrap().outcome.unwrap().is_ok());
        // One that is stopped has failed, and the next can begin.
        drop(backups.begin(&to, None).unwrap());
        assert!(backups.status(None).unwrap().outcome.unwrap().is_err());
        for _ in 0..20 {
            backups.begin(&to, None).unwrap().run().unwrap();
        }
        assert!(backups.status(Some(1)).is_none(), "it is long ago");
        assert_eq!(backups.status(None).unwrap().number, 22);
        backups.shut_down();
        assert!(backups.begin(&to, None).is_err());
    }

    #[test]
    fn nothing_is_written_where_others_need_the_room() {
        let folder = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(folder.path()).unwrap();
        let free = crate::disk::Disk::free(&disk).unwrap();
        assert!(Progress::gentle(free / 2).room(&disk, 1).is_ok());
        assert!(Progress::gentle(free * 2).room(&disk, 1).is_err());
        assert!(Progress::new().room(&disk, usize::MAX).is_ok());
    }
}
