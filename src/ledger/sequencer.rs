//! Numbers: the one short lock under which entries get their seq and stamp and go into the
//! queue, so that queue order is seq order is the order of money (design.md, Life of one bet).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::engine::entry::{Body, Entry};
use crate::id::{AccountNumber, Seq, SessionNumber, UserNumber};
use crate::journal::{Permit, Queue};
use crate::time::{Clock, Timestamp};

pub(super) struct Sequencer {
    last: Mutex<(Seq, Timestamp)>,
    accounts: AtomicU64,
    sessions: AtomicU64,
    users: AtomicU64,
    queue: Queue,
    clock: Arc<dyn Clock>,
}

impl Sequencer {
    /// Goes on after the entry `last`, stamped `at`, and after the highest numbers given.
    pub(super) fn new(
        queue: Queue,
        clock: Arc<dyn Clock>,
        (last, at): (Seq, Timestamp),
        (accounts, sessions, users): (AccountNumber, SessionNumber, UserNumber),
    ) -> Sequencer {
        let (accounts, sessions) = (AtomicU64::new(accounts.0), AtomicU64::new(sessions.0));
        let users = AtomicU64::new(users.0);
        Sequencer {
            last: Mutex::new((last, at)),
            accounts,
            sessions,
            users,
            queue,
            clock,
        }
    }

    /// Goes on after a later entry, which a start has found.
    pub(super) fn resume(&self, last: Seq, at: Timestamp) {
        *self.last.lock() = (last, at);
    }

    /// Gives out no number up to these.
    pub(super) fn pass(&self, account: AccountNumber, session: SessionNumber) {
        self.accounts.fetch_max(account.0, Ordering::Relaxed);
        self.sessions.fetch_max(session.0, Ordering::Relaxed);
    }

    /// The highest number that a user has.
    pub(super) fn last_user(&self) -> UserNumber {
        UserNumber(self.users.load(Ordering::Relaxed))
    }

    /// A user has this number now. Callers exclude each other: numbers are given in the order of
    /// their entries.
    pub(super) fn pass_user(&self, user: UserNumber) {
        self.users.fetch_max(user.0, Ordering::Relaxed);
    }

    /// The highest numbers given out.
    pub(super) fn numbers(&self) -> (AccountNumber, SessionNumber) {
        let accounts = self.accounts.load(Ordering::Relaxed);
        let sessions = self.sessions.load(Ordering::Relaxed);
        (AccountNumber(accounts), SessionNumber(sessions))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The newest entry's number.
    pub(super) fn last(&self) -> Seq {
        self.last.lock().0
    }

    /// The newest entry's number and when it was made.
    pub(super) fn newest(&self) -> (Seq, Timestamp) {
        *self.last.lock()
    }

    /// Numbers, stamps and queues an entry. The caller holds the locks of all that it changes
    /// and applies it before it lets go of them.
    pub(super) fn push(&self, permit: Permit<'_>, body: Body) -> Entry {
        let mut last = self.last.lock();
        let entry = Entry {
            seq: last.0.next(),
            at: last.1.max(self.clock.now()),
            body,
        };
        *last = (entry.seq, entry.at);
        self.queue.push(permit, entry.clone());
        entry
    }

    /// A number no account had. One that is not used is a gap, which harms nothing.
    pub(super) fn next_account(&self) -> AccountNumber {
        AccountNumber(self.accounts.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// A number no session had.
    pub(super) fn next_session(&self) -> SessionNumber {
        SessionNumber(self.sessions.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
