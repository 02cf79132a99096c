//! The bounded queue between those who make entries and the one who writes them down.
//!
//! A place is reserved before anything is touched ([`Queue::permit`]), so that a push, which
//! happens under locks and after the rules have spoken, neither fails nor waits. The queue has
//! ended when it is closed, empty, and the last permit is gone: each permit holds a sender of its
//! own, so that this is the channel's own end and nothing of ours has to watch for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError};
use parking_lot::RwLock;

use crate::engine::entry::Entry;

/// Where entries enter.
#[derive(Debug)]
pub struct Queue {
    /// `None` once closed.
    sender: RwLock<Option<Sender<Entry>>>,
    /// Places that neither a permit nor an entry has.
    free: Arc<AtomicUsize>,
    capacity: usize,
}

/// The right to push one entry. Dropping it gives the place back.
#[derive(Debug)]
pub struct Permit<'a> {
    /// `None` once it was used.
    sender: Option<Sender<Entry>>,
    free: &'a AtomicUsize,
}

/// Where the committer takes entries out.
#[derive(Debug)]
pub struct QueueReceiver {
    receiver: Receiver<Entry>,
    free: Arc<AtomicUsize>,
}

impl Queue {
    /// A queue of at most `capacity` entries, those with a permit included.
    ///
    /// # Panics
    /// Where `capacity` is 0.
    pub fn new(capacity: usize) -> (Queue, QueueReceiver) {
        assert!(capacity > 0, "a queue has room for something");
        let (sender, receiver) = crossbeam_channel::bounded(capacity);
        let free = Arc::new(AtomicUsize::new(capacity));
        let queue = Queue {
            sender: RwLock::new(Some(sender)),
            free: Arc::clone(&free),
            capacity,
        };
        (queue, QueueReceiver { receiver, free })
    }

    /// Reserves a place, or `None` where the queue is full or closed.
    pub fn permit(&self) -> Option<Permit<'_>> {
        let sender = self.sender.read().clone()?;
        // Whoever gets a place sees that the entry before has left it: the channel is never full.
        self.free
            .try_update(Ordering::Acquire, Ordering::Relaxed, |free| {
                free.checked_sub(1)
            })
            .ok()?;
        Some(Permit {
            sender: Some(sender),
            free: &self.free,
        })
    }

    /// Puts an entry into its place. Entries come out in the order of these calls: whoever
    /// numbers them calls under the lock that numbers them.
    ///
    /// Where the committer has ended, the entry is lost, and whoever waits for it is told so: it
    /// latches before it ends.
    pub fn push(&self, mut permit: Permit<'_>, entry: Entry) {
        let sender = permit.sender.take().expect("a permit is used once");
        match sender.try_send(entry) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => unreachable!("each entry has a place by its permit"),
        }
    }

    /// Places that a permit or an entry has, and how many there are in all.
    pub fn taken(&self) -> (usize, usize) {
        let free = self.free.load(Ordering::Relaxed);
        (self.capacity.saturating_sub(free), self.capacity)
    }

    /// Whether no more permits are given out.
    pub fn is_closed(&self) -> bool {
        self.sender.read().is_none()
    }

    /// Gives out no more permits. What has one may still be pushed.
    pub fn close(&self) {
        self.sender.write().take();
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // A used permit's place is given back when the entry leaves the queue.
        if self.sender.is_some() {
            self.free.fetch_add(1, Ordering::Release);
        }
    }
}

impl QueueReceiver {
    /// Waits for the next entry; `None` when the queue has ended.
    pub(super) fn wait(&self) -> Option<Entry> {
        let entry = self.receiver.recv().ok()?;
        self.free.fetch_add(1, Ordering::Release);
        Some(entry)
    }

    /// The next entry if there is one now.
    pub(super) fn take(&self) -> Option<Entry> {
        match self.receiver.try_recv() {
            Ok(entry) => {
                self.free.fetch_add(1, Ordering::Release);
                Some(entry)
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::void;
    use super::*;

    #[test]
    fn a_full_queue_gives_no_permit_until_an_entry_or_a_permit_leaves() {
        let (queue, receiver) = Queue::new(2);
        let first = queue.permit().unwrap();
        let second = queue.permit().unwrap();
        assert!(queue.permit().is_none());
        assert_eq!(queue.taken(), (2, 2));
        drop(second);
        assert_eq!(queue.taken(), (1, 2));
        let second = queue.permit().unwrap();
        queue.push(first, void(1));
        queue.push(second, void(2));
        assert!(queue.permit().is_none());
        assert_eq!(receiver.take(), Some(void(1)));
        assert!(queue.permit().is_some());
        assert_eq!(receiver.take(), Some(void(2)));
        assert_eq!(receiver.take(), None);
    }

    #[test]
    fn a_closed_queue_ends_when_the_last_permit_is_used_or_dropped() {
        let (queue, receiver) = Queue::new(3);
        let used = queue.permit().unwrap();
        let dropped = queue.permit().unwrap();
        queue.close();
        assert!(queue.permit().is_none());
        std::thread::scope(|scope| {
            let all = scope.spawn(|| std::iter::from_fn(|| receiver.wait()).collect::<Vec<_>>());
            queue.push(used, void(1));
            drop(dropped);
            assert_eq!(all.join().unwrap(), [void(1)]);
        });
    }

    #[test]
    fn a_permit_has_a_place_however_fast_places_change_hands() {
        const EACH: u64 = 20_000;
        let (queue, receiver) = Queue::new(2);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for seq in 1..=EACH {
                        let permit = std::iter::repeat_with(|| {
                            std::thread::yield_now();
                            queue.permit()
                        });
                        let permit = permit.flatten().next().unwrap();
                        queue.push(permit, void(seq));
                    }
                });
            }
            for _ in 0..3 * EACH {
                receiver.wait().unwrap();
            }
        });
        assert_eq!(receiver.take(), None);
    }

    #[test]
    fn a_push_after_the_committer_has_ended_does_not_fail() {
        let (queue, receiver) = Queue::new(1);
        let permit = queue.permit().unwrap();
        drop(receiver);
        queue.push(permit, void(1));
    }
}
