//! Journals with a fault planted in them, so that the crash tests can show they would notice.

use std::collections::BTreeMap;

use coffer::disk::{Disk, File};
use coffer::engine::entry::{AccountRef, Body, Entry, Link};
use coffer::id::{AccountNumber, Seq};
use coffer::journal::{Batches, Head, Journal, JournalError};
use coffer::money::Amount;
use coffer::sim::disk::SimDisk;
use parking_lot::Mutex;
use std::sync::Arc;

/// Says that a batch is durable when it only has it: the batch reaches the disk with the next.
pub(crate) struct LateSync {
    inner: Arc<dyn Journal>,
    held: Mutex<Option<(Head, Vec<Entry>)>>,
}

impl LateSync {
    pub(crate) fn over(inner: Arc<dyn Journal>) -> LateSync {
        LateSync {
            inner,
            held: Mutex::new(None),
        }
    }
}

impl Journal for LateSync {
    fn append(&self, _: Head, entries: &[Entry]) -> Result<Head, JournalError> {
        let mut held = self.held.lock();
        if let Some((_, earlier)) = held.take() {
            self.inner.append(self.inner.head(), &earlier)?;
        }
        let head = Head {
            seq: entries.last().expect("a batch has entries").seq,
            ..self.inner.head()
        };
        *held = Some((head, entries.to_vec()));
        Ok(head)
    }

    fn read_from(&self, seq: Seq) -> Result<Batches<'_>, JournalError> {
        self.inner.read_from(seq)
    }

    fn head(&self) -> Head {
        let held = self.held.lock();
        held.as_ref()
            .map_or_else(|| self.inner.head(), |(head, _)| *head)
    }

    fn trim(&self, below: Seq) -> Result<(), JournalError> {
        self.inner.trim(below)
    }
}

const MONEY: &str = "money.store";
const LINE: usize = 16;

/// Keeps the money of bets, wins and cancels in a file of its own, synced after the ids: a cut
/// between the two leaves ids whose money never moved.
pub(crate) struct IdsApart {
    inner: Arc<dyn Journal>,
    money: Result<Box<dyn File>, String>,
}

impl IdsApart {
    pub(crate) fn over(inner: Arc<dyn Journal>, disk: &SimDisk) -> IdsApart {
        let opened = disk.exists(MONEY).and_then(|there| {
            if there {
                disk.open(MONEY)
            } else {
                disk.write_new(MONEY, &[])?;
                disk.open(MONEY)
            }
        });
        IdsApart {
            inner,
            money: opened.map_err(|error| error.to_string()),
        }
    }

    fn file(&self) -> Result<&dyn File, JournalError> {
        // After a cut; nothing more is written.
        self.money.as_deref().map_err(|_| JournalError::Latched)
    }

    /// The line of an entry: its amount and the balance after, if they were ever written.
    fn line(&self, seq: Seq) -> Option<(Amount, Amount)> {
        let mut bytes = [0; LINE];
        let file = self.file().ok()?;
        file.read_at(seq.0 * LINE as u64, &mut bytes).ok()?;
        let number = |half: &[u8]| u64::from_le_bytes(half.try_into().expect("8 bytes"));
        // One more than the cents, so that nothing written is no amount.
        let amount = number(&bytes[..8]).checked_sub(1)?;
        let balance = number(&bytes[8..]);
        Some((Amount::from_cents(amount)?, Amount::from_cents(balance)?))
    }

    /// Puts the money back into the entries that were read.
    fn join(&self, entry: &mut Entry, balances: &mut BTreeMap<AccountNumber, Amount>) {
        let line = self.line(entry.seq);
        if let Some((account, amount, link)) = money(&mut entry.body) {
            let held = balances.get(&account).copied().unwrap_or(Amount::ZERO);
            let (moved, balance) = line.unwrap_or((Amount::ZERO, held));
            (*amount, link.balance_after) = (moved, balance);
            balances.insert(account, balance);
        } else if let Body::Record(record) = &entry.body {
            for posting in &record.postings {
                if let (AccountRef::Player(account), Some(link)) = (posting.account, posting.link) {
                    balances.insert(account, link.balance_after);
                }
            }
        }
    }
}

fn money(body: &mut Body) -> Option<(AccountNumber, &mut Amount, &mut Link)> {
    match body {
        Body::Bet(play) | Body::Win(play) => Some((play.account, &mut play.amount, &mut play.link)),
        Body::Cancel(cancel) => Some((cancel.account, &mut cancel.amount, &mut cancel.link)),
        Body::Void(_) | Body::Record(_) => None,
    }
}

impl Journal for IdsApart {
    fn append(&self, expected: Head, entries: &[Entry]) -> Result<Head, JournalError> {
        let head = self.inner.append(expected, entries)?;
        let file = self.file()?;
        let failed = |_| JournalError::Latched;
        for entry in entries {
            if let Some((_, amount, link)) = money(&mut entry.body.clone()) {
                let mut line = [0; LINE];
                line[..8].copy_from_slice(&(amount.cents() + 1).to_le_bytes());
                line[8..].copy_from_slice(&link.balance_after.cents().to_le_bytes());
                file.write_at(entry.seq.0 * LINE as u64, &line)
                    .map_err(failed)?;
            }
        }
        file.sync().map_err(failed)?;
        Ok(head)
    }

    fn read_from(&self, seq: Seq) -> Result<Batches<'_>, JournalError> {
        let mut balances = BTreeMap::new();
        let joined = self.inner.read_from(seq)?.map(move |batch| {
            batch.map(|mut batch| {
                for entry in &mut batch.entries {
                    self.join(entry, &mut balances);
                }
                batch
            })
        });
        Ok(Box::new(joined))
    }

    fn head(&self) -> Head {
        self.inner.head()
    }

    fn trim(&self, below: Seq) -> Result<(), JournalError> {
        self.inner.trim(below)
    }
}
