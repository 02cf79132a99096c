//! How far the journal is synced, and everybody who waits for it.
//!
//! One wait stands between any entry and any answer, so the common cases take no lock: who finds
//! its seq synced is done after two loads.
//!
//! # Why no wake-up is lost
//! Who waits checks once more under the lock before it puts itself on the list; the committer
//! publishes before it takes the lock. Either the waiter's turn with the lock came first, then
//! the committer finds it on the list, or the committer's did, then the waiter's check, which
//! comes after it through the same lock, sees what was published.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::id::Seq;
use crate::meter::{Counted, Durations};

/// The last synced entry, and those who wait for a later one.
#[derive(Debug)]
pub struct Durable {
    seq: AtomicU64,
    latched: AtomicBool,
    waiters: Mutex<Waiters>,
    commits: Durations,
}

/// The disk failed: nobody gets a verdict any more, not even about what was synced before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latched;

impl fmt::Display for Latched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a write to the journal failed: nothing is answered until the next start")
    }
}

impl std::error::Error for Latched {}

/// Completes when everything up to its seq is synced. Dropping it forgets the wait.
#[derive(Debug)]
#[must_use = "a wait does nothing until it is awaited"]
pub struct Wait<'a> {
    durable: &'a Durable,
    seq: Seq,
    /// Its place on the list, once it stands there.
    place: Option<Place>,
}

/// Sorted by seq, so that all that are due can be split off at once; the number tells apart
/// those who wait for the same seq.
type Place = (Seq, u64);

#[derive(Debug, Default)]
struct Waiters {
    list: BTreeMap<Place, Waker>,
    number: u64,
}

impl Durable {
    /// Everything up to `seq` is synced.
    pub fn new(seq: Seq) -> Durable {
        Durable {
            seq: AtomicU64::new(seq.0),
            latched: AtomicBool::new(false),
            waiters: Mutex::default(),
            commits: Durations::default(),
        }
    }

    /// How long commits took that succeeded.
    pub fn commits(&self) -> Counted {
        self.commits.so_far()
    }

    /// Takes down how long one took.
    pub(super) fn committed(&self, took: Duration) {
        self.commits.add(took);
    }

    /// The last entry that is synced.
    pub fn seq(&self) -> Seq {
        Seq(self.seq.load(Ordering::Acquire))
    }

    /// Whether a write has failed.
    pub fn is_latched(&self) -> bool {
        self.latched.load(Ordering::Acquire)
    }

    /// Completes when everything up to `seq` is synced, at once where it is already.
    ///
    /// # Errors
    /// [`Latched`] once a write has failed, whatever `seq` is.
    pub fn wait(&self, seq: Seq) -> Wait<'_> {
        Wait {
            durable: self,
            seq,
            place: None,
        }
    }

    /// As [`Durable::wait`], for a thread that may block.
    ///
    /// # Errors
    /// As there.
    pub fn wait_blocking(&self, seq: Seq) -> Result<(), Latched> {
        let mut wait = pin!(self.wait(seq));
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match wait.as_mut().poll(&mut context) {
                Poll::Ready(result) => return result,
                Poll::Pending => std::thread::park(),
            }
        }
    }

    /// As [`Durable::wait_blocking`], for at most `time`; `None` when that has passed.
    pub fn wait_at_most(&self, seq: Seq, time: Duration) -> Option<Result<(), Latched>> {
        let mut wait = pin!(self.wait(seq));
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let begun = Instant::now();
        loop {
            if let Poll::Ready(result) = wait.as_mut().poll(&mut context) {
                return Some(result);
            }
            let left = time.checked_sub(begun.elapsed())?;
            std::thread::park_timeout(left);
        }
    }

    /// Tells everybody that everything up to `seq` is synced. Only whoever synced it says so.
    ///
    /// # Panics
    /// Where more was published before: what is synced stays so.
    pub(super) fn publish(&self, seq: Seq) {
        let before = self.seq.swap(seq.0, Ordering::AcqRel);
        assert!(before <= seq.0, "what is synced stays synced");
        let due = {
            let mut waiters = self.waiters.lock();
            let later = waiters.list.split_off(&(seq.next(), 0));
            std::mem::replace(&mut waiters.list, later)
        };
        for waker in due.into_values() {
            waker.wake();
        }
    }

    /// Tells everybody that a write has failed. For ever: only a new start ends it.
    pub fn latch(&self) {
        self.latched.store(true, Ordering::Release);
        let all = std::mem::take(&mut self.waiters.lock().list);
        for waker in all.into_values() {
            waker.wake();
        }
    }

    /// The verdict on `seq`, if there is one yet. The latch speaks first.
    fn verdict(&self, seq: Seq) -> Option<Result<(), Latched>> {
        if self.is_latched() {
            Some(Err(Latched))
        } else if seq <= self.seq() {
            Some(Ok(()))
        } else {
            None
        }
    }
}

impl Future for Wait<'_> {
    type Output = Result<(), Latched>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let wait = &mut *self;
        if let Some(verdict) = wait.durable.verdict(wait.seq) {
            // Whoever brought the verdict about takes the place off the list, now or soon.
            wait.place = None;
            return Poll::Ready(verdict);
        }
        let mut waiters = wait.durable.waiters.lock();
        if let Some(verdict) = wait.durable.verdict(wait.seq) {
            wait.place = None;
            return Poll::Ready(verdict);
        }
        let place = *wait.place.get_or_insert_with(|| {
            waiters.number += 1;
            (wait.seq, waiters.number)
        });
        waiters.list.insert(place, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.durable.waiters.lock().list.remove(&place);
        }
    }
}

/// Wakes a parked thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(wait: &mut Wait<'_>) -> Poll<Result<(), Latched>> {
        Pin::new(wait).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_wait_ends_with_its_seq_and_not_before() {
        let durable = Durable::new(Seq(3));
        assert_eq!(poll(&mut durable.wait(Seq(3))), Poll::Ready(Ok(())));
        assert_eq!(poll(&mut durable.wait(Seq::NONE)), Poll::Ready(Ok(())));
        let (mut four, mut five) = (durable.wait(Seq(4)), durable.wait(Seq(5)));
        assert!(poll(&mut four).is_pending() && poll(&mut five).is_pending());
        durable.publish(Seq(4));
        assert_eq!(poll(&mut four), Poll::Ready(Ok(())));
        assert!(poll(&mut five).is_pending());
    }

    #[test]
    fn after_the_latch_nobody_gets_a_verdict() {
        let durable = Durable::new(Seq(3));
        let mut four = durable.wait(Seq(4));
        assert!(poll(&mut four).is_pending());
        durable.latch();
        for mut wait in [four, durable.wait(Seq(4)), durable.wait(Seq(1))] {
            assert_eq!(poll(&mut wait), Poll::Ready(Err(Latched)));
        }
        assert_eq!(durable.wait_blocking(Seq(1)), Err(Latched));
    }

    #[test]
    fn a_wait_of_limited_time_ends_with_its_seq_the_latch_or_its_time() {
        let durable = Durable::new(Seq(3));
        let moment = Duration::from_millis(1);
        assert_eq!(durable.wait_at_most(Seq(3), moment), Some(Ok(())));
        assert_eq!(durable.wait_at_most(Seq(4), moment), None);
        assert!(durable.waiters.lock().list.is_empty());
        std::thread::scope(|scope| {
            let wait = scope.spawn(|| durable.wait_at_most(Seq(4), Duration::MAX));
            durable.publish(Seq(4));
            assert_eq!(wait.join().unwrap(), Some(Ok(())));
        });
        durable.latch();
        assert_eq!(durable.wait_at_most(Seq(4), moment), Some(Err(Latched)));
    }

    #[test]
    fn a_wait_given_up_leaves_nothing_behind() {
        let durable = Durable::new(Seq::NONE);
        let mut waits = [durable.wait(Seq(1)), durable.wait(Seq(1))];
        for wait in &mut waits {
            assert!(poll(wait).is_pending());
            assert!(
                poll(wait).is_pending(),
                "asking again takes no second place"
            );
        }
        assert_eq!(durable.waiters.lock().list.len(), 2);
        drop(waits);
        assert!(durable.waiters.lock().list.is_empty());
    }

    #[test]
    fn no_wake_up_is_lost_between_threads() {
        const LAST: u64 = 30_000;
        // Each side publishes only after the other's publication has reached it, so that a lost
        // wake-up is never made good by a later one.
        let (ping, pong) = (Durable::new(Seq::NONE), Durable::new(Seq::NONE));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for seq in (1..=LAST).map(Seq) {
                    ping.wait_blocking(seq).unwrap();
                    pong.publish(seq);
                }
            });
            for seq in (1..=LAST).map(Seq) {
                ping.publish(seq);
                pong.wait_blocking(seq).unwrap();
            }
        });
        assert!(ping.waiters.lock().list.is_empty());
    }

    #[test]
    fn many_threads_wait_for_one_that_publishes() {
        const LAST: u64 = 20_000;
        let durable = Durable::new(Seq::NONE);
        std::thread::scope(|scope| {
            for stride in 1..=4 {
                let durable = &durable;
                scope.spawn(move || {
                    for seq in (1..=LAST).step_by(stride) {
                        durable.wait_blocking(Seq(seq)).unwrap();
                        assert!(durable.seq() >= Seq(seq));
                    }
                });
            }
            for seq in 1..=LAST {
                durable.publish(Seq(seq));
            }
        });
    }
}
