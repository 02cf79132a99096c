//! Watches how much room the disk has, every second, and puts what changes into the log.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use super::failure::Failure;
use crate::ledger::{Notice, Space, SpaceWatch};

/// Between two looks. A disk that fills faster than from a mark to nothing in this time ends the
/// process, and the next start finds everything.
const PAUSE: Duration = Duration::from_secs(1);

/// A watch that goes on in a thread of its own.
pub(super) struct Watching {
    /// Dropped to end it.
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Watching {
    /// Looks once before anything is served, and goes on looking.
    pub(super) fn begin(mut watch: SpaceWatch) -> Result<Watching, Failure> {
        // That a reserve is there is as it should be; that it came back later is news.
        let notices = watch.look().into_iter();
        notices
            .filter(|notice| !matches!(notice, Notice::Reserved(_)))
            .for_each(|notice| tell(&notice));
        let (stop, stopped) = mpsc::channel::<()>();
        let watching = move || {
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                watch.look().iter().for_each(tell);
            }
        };
        let thread = std::thread::Builder::new()
            .name("space".to_owned())
            .spawn(watching)
            .map_err(|error| Failure::of(&error))?;
        Ok(Watching { stop, thread })
    }

    /// Ends the watch and waits until it has let go of the ledger.
    pub(super) fn end(self) -> Result<(), Failure> {
        drop(self.stop);
        let panicked = |_| Failure::Refused("the watch over the disk has panicked".to_owned());
        self.thread.join().map_err(panicked)
    }
}

fn tell(notice: &Notice) {
    match notice {
        Notice::Space {
            space: Space::Full | Space::Low,
            ..
        }
        | Notice::Unreserved(_)
        | Notice::Unknown(_) => {
            tracing::warn!("{notice}");
        }
        Notice::Space { .. } | Notice::Reserved(_) => tracing::info!("{notice}"),
    }
}
