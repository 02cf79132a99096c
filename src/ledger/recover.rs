//! The start: every entry of the journal applied again, by the same functions that applied it
//! the first time.

use std::collections::HashMap;
use std::sync::Arc;

use super::partners::Partners;
use super::sequencer::Sequencer;
use super::shard::Shards;
use super::space::SpaceCell;
use super::{Ledger, Settings};
use crate::engine::document::Document;
use crate::engine::entry::{Body, Entry};
use crate::engine::ids::IdKey;
use crate::id::{AccountNumber, IdSpaceNumber, Seq, SessionNumber};
use crate::journal::{Committer, Durable, Journal, JournalError, Queue};
use crate::money::Currency;
use crate::time::{Clock, Timestamp};

/// Most entries that one sync may carry.
const BATCH_ENTRIES_MAX: usize = 1024;

impl Ledger {
    /// Brings a journal's state back to life. The committer takes what is queued to the
    /// journal: it must run, in a thread of its own, for anything to become durable.
    ///
    /// # Errors
    /// The journal could not be read, or is damaged.
    ///
    /// # Panics
    /// Where an entry contradicts those before it although its checksum is right: nothing
    /// may be served from such a journal.
    pub fn recover(
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Result<(Arc<Ledger>, Committer), JournalError> {
        let mut state = Recovery::new();
        for batch in journal.read_from(Seq::NONE.next())? {
            for entry in &batch?.entries {
                state.apply(entry);
            }
        }
        let head = journal.head();
        assert_eq!(head.seq, state.last, "the journal's head is its last entry");
        let (queue, receiver) = Queue::new(settings.queue_entries_max);
        let durable = Arc::new(Durable::new(head.seq));
        let committer = Committer::new(
            receiver,
            Arc::clone(&journal),
            Arc::clone(&durable),
            BATCH_ENTRIES_MAX,
        );
        let last = (state.last, state.at);
        let sequencer = Sequencer::new(queue, clock, last, state.account_last, state.session_last);
        let ledger = Ledger {
            shards: state.shards,
            partners: state.partners,
            partner_changes: parking_lot::Mutex::new(()),
            sequencer,
            durable,
            journal,
            rules: settings.rules,
            space: SpaceCell::new(),
        };
        Ok((Arc::new(ledger), committer))
    }
}

struct Recovery {
    shards: Shards,
    partners: Partners,
    /// Where an account's player lies, and what its ids are unique in.
    accounts: HashMap<AccountNumber, (usize, IdSpaceNumber, Currency)>,
    account_last: AccountNumber,
    session_last: SessionNumber,
    last: Seq,
    at: Timestamp,
}

impl Recovery {
    fn new() -> Recovery {
        Recovery {
            shards: Shards::new(),
            partners: Partners::default(),
            accounts: HashMap::new(),
            account_last: AccountNumber(0),
            session_last: SessionNumber(0),
            last: Seq::NONE,
            at: Timestamp::EPOCH,
        }
    }

    fn apply(&mut self, entry: &Entry) {
        assert_eq!(
            entry.seq,
            self.last.next(),
            "entries are numbered without gaps"
        );
        (self.last, self.at) = (entry.seq, entry.at);
        if let Some((account, id)) = entry.body.id() {
            let &(holdings, space, currency) = self
                .accounts
                .get(&account)
                .expect("a play names an open account");
            let key = IdKey {
                space,
                currency,
                id,
            };
            self.shards.ids.lock(&key).apply(key, entry);
            self.shards.holdings.lock_index(holdings).apply(entry);
        } else {
            self.record(entry);
        }
    }

    /// A record is about one player, or about none.
    fn record(&mut self, entry: &Entry) {
        let mut holdings = None;
        for document in entry.documents() {
            match document {
                Document::Partner(partner) => {
                    self.partners.apply(partner, entry.seq);
                }
                Document::Player(player) => {
                    holdings = Some(
                        self.shards
                            .holdings
                            .index(&(player.partner, player.player_id.clone())),
                    );
                }
                Document::Account(opened) => {
                    let index = self
                        .shards
                        .holdings
                        .index(&(opened.partner, opened.player_id.clone()));
                    self.accounts
                        .insert(opened.number, (index, opened.id_space, opened.currency));
                    self.account_last = self.account_last.max(opened.number);
                    holdings = Some(index);
                }
                Document::Session(session) => {
                    let &(index, space, _) = self
                        .accounts
                        .get(&session.account)
                        .expect("a session's account is open");
                    self.shards
                        .codes
                        .lock(session.code.as_str())
                        .apply(session, space, index, entry.seq);
                    self.session_last = self.session_last.max(session.number);
                    holdings = Some(index);
                }
                Document::Adjustment(adjustment) => {
                    let key = (adjustment.partner, adjustment.reference.clone());
                    self.shards
                        .references
                        .lock(&key)
                        .apply(adjustment, entry.seq);
                    holdings = self
                        .accounts
                        .get(&adjustment.account)
                        .map(|&(index, ..)| index);
                }
            }
        }
        if let Some(index) = holdings {
            self.shards.holdings.lock_index(index).apply(entry);
        }
    }
}

impl Entry {
    /// The documents of a record; none for bets, wins, cancels and voids.
    pub(super) fn documents(&self) -> impl Iterator<Item = &Document> {
        let record = match &self.body {
            Body::Record(record) => Some(record),
            Body::Bet(_) | Body::Win(_) | Body::Cancel(_) | Body::Void(_) => None,
        };
        record.into_iter().flat_map(|record| &record.documents)
    }
}
