//! A second opinion: reads entries from the first on and checks all that must hold of them, by
//! ways of its own. Where [`super::holdings`] asserts and stops, an [`Audit`] goes on and lists
//! what it found.

use std::collections::{HashMap, HashSet};

use super::document::{AccountOpened, Document};
use super::entry::{AccountRef, Body, Cancel, Entry, Link, Play, Record};
use super::ids::IdKey;
use crate::id::{
    AccountNumber, Code, PartnerNumber, PlayerId, Reference, Seq, SessionNumber, WalletToken,
};
use crate::money::{Amount, Currency, Sum};
use crate::time::Timestamp;

/// Findings kept; a wholly damaged journal must not fill memory with them.
const FINDINGS_MAX: usize = 1000;

/// What has been read so far, and what was wrong with it.
#[derive(Debug, Default)]
pub struct Audit {
    last: Seq,
    at: Timestamp,
    accounts: HashMap<AccountNumber, Held>,
    names: HashSet<(PartnerNumber, PlayerId, Currency)>,
    sessions: HashMap<SessionNumber, AccountNumber>,
    codes: HashMap<Code, SessionNumber>,
    ids: HashMap<IdKey, Taken>,
    partners: HashSet<PartnerNumber>,
    tokens: HashMap<WalletToken, PartnerNumber>,
    references: HashSet<(PartnerNumber, Reference)>,
    sums: HashMap<Currency, Sum>,
    findings: Vec<String>,
    findings_dropped: u64,
}

#[derive(Debug)]
struct Held {
    opened: AccountOpened,
    balance: Sum,
    last: Seq,
}

/// What an id stands for, as far as a later cancel needs it.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    Bet {
        seq: Seq,
        account: AccountNumber,
        amount: Amount,
    },
    Done,
}

impl Audit {
    /// The number of the last entry read.
    pub fn last(&self) -> Seq {
        self.last
    }

    /// Ends the audit: everything found, in the order of finding.
    pub fn finish(mut self) -> Vec<String> {
        let mut held: HashMap<Currency, Sum> = HashMap::new();
        for account in self.accounts.values() {
            let sum = held.entry(account.opened.currency).or_default();
            *sum = sum.plus(account.balance);
        }
        let mut currencies: Vec<_> = held.keys().chain(self.sums.keys()).copied().collect();
        currencies.sort_unstable();
        currencies.dedup();
        for currency in currencies {
            let players = held.get(&currency).copied().unwrap_or_default();
            let others = self.sums.get(&currency).copied().unwrap_or_default();
            if !players.plus(others).is_zero() {
                self.find(format!(
                    "{currency}: accounts add up to {}, not to zero",
                    players.plus(others)
                ));
            }
        }
        if self.findings_dropped > 0 {
            self.findings
                .push(format!("and {} more", self.findings_dropped));
        }
        self.findings
    }

    /// Takes note of something found elsewhere, such as a page that cannot be read.
    pub fn find(&mut self, finding: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.findings_dropped += 1;
        }
    }

    /// Reads the next entry.
    pub fn read(&mut self, entry: &Entry) {
        let seq = entry.seq;
        if seq != self.last.next() {
            self.find(format!("entry {seq} follows entry {}", self.last));
        }
        if entry.at < self.at {
            self.find(format!(
                "entry {seq} is stamped before the entry ahead of it"
            ));
        }
        (self.last, self.at) = (seq, entry.at);
        match &entry.body {
            Body::Bet(play) => self.play(entry, play, true),
            Body::Win(play) => self.play(entry, play, false),
            Body::Cancel(cancel) => self.cancel(entry, cancel),
            Body::Void(void) => {
                self.in_session(seq, void.session, void.account);
                self.take(entry, Taken::Done);
            }
            Body::Record(record) => self.record(seq, record),
        }
    }

    fn play(&mut self, entry: &Entry, play: &Play, is_bet: bool) {
        self.in_session(entry.seq, play.session, play.account);
        self.house(entry);
        let bet = Taken::Bet {
            seq: entry.seq,
            account: play.account,
            amount: play.amount,
        };
        self.take(entry, if is_bet { bet } else { Taken::Done });
    }

    fn cancel(&mut self, entry: &Entry, cancel: &Cancel) {
        let seq = entry.seq;
        self.in_session(seq, cancel.session, cancel.account);
        self.house(entry);
        let Some(key) = self.id_key(entry) else {
            return;
        };
        let bet = Taken::Bet {
            seq: cancel.bet,
            account: cancel.account,
            amount: cancel.amount,
        };
        if self.ids.insert(key, Taken::Done) != Some(bet) {
            self.find(format!(
                "entry {seq} cancels transaction {}, which is no open bet of that amount",
                cancel.id
            ));
        }
    }

    fn take(&mut self, entry: &Entry, taken: Taken) {
        let Some(key) = self.id_key(entry) else {
            return;
        };
        if self.ids.insert(key, taken).is_some() {
            self.find(format!(
                "entry {} uses transaction id {} again",
                entry.seq, key.id
            ));
        }
    }

    fn id_key(&self, entry: &Entry) -> Option<IdKey> {
        let (account, id) = entry.body.id()?;
        let opened = &self.accounts.get(&account)?.opened;
        Some(IdKey {
            space: opened.id_space,
            currency: opened.currency,
            id,
        })
    }

    fn in_session(&mut self, seq: Seq, session: SessionNumber, account: AccountNumber) {
        if self.sessions.get(&session) != Some(&account) {
            self.find(format!(
                "entry {seq} names session {session}, which is not on account {account}"
            ));
        }
    }

    /// Both legs of a bet, win or cancel.
    fn house(&mut self, entry: &Entry) {
        let Some((account, moved, link)) = entry.body.house_to_player() else {
            return;
        };
        if let Some(currency) = self.post(entry.seq, account, moved, link) {
            self.other(currency, moved.negated());
        }
    }

    fn post(
        &mut self,
        seq: Seq,
        number: AccountNumber,
        moved: Sum,
        link: Link,
    ) -> Option<Currency> {
        let Some(account) = self.accounts.get_mut(&number) else {
            self.find(format!(
                "entry {seq} moves money of account {number}, which was never opened"
            ));
            return None;
        };
        let (before, last) = (account.balance, account.last);
        account.balance = before.plus(moved);
        account.last = seq;
        let (after, currency) = (account.balance, account.opened.currency);
        if after != Sum::from(link.balance_after) {
            let said = link.balance_after;
            self.find(format!(
                "entry {seq} says that account {number} holds {said} afterwards; it holds {after}"
            ));
        }
        if last != link.previous {
            let said = link.previous;
            self.find(format!(
                "entry {seq} names {said} as the entry before on account {number}; it is {last}"
            ));
        }
        if after < Sum::ZERO {
            self.find(format!(
                "entry {seq} takes account {number} below zero, to {after}"
            ));
        }
        Some(currency)
    }

    fn other(&mut self, currency: Currency, moved: Sum) {
        let sum = self.sums.entry(currency).or_default();
        *sum = sum.plus(moved);
    }

    fn record(&mut self, seq: Seq, record: &Record) {
        for document in &record.documents {
            self.document(seq, document);
        }
        let mut legs: HashMap<Currency, Sum> = HashMap::new();
        for posting in &record.postings {
            let moved = Sum::from(posting.cents);
            let sum = legs.entry(posting.currency).or_default();
            *sum = sum.plus(moved);
            match (posting.account, posting.link) {
                (AccountRef::Player(number), Some(link)) => {
                    let held = self.post(seq, number, moved, link);
                    if held.is_some_and(|currency| currency != posting.currency) {
                        self.find(format!(
                            "entry {seq} moves {} on an account of another currency",
                            posting.currency
                        ));
                    }
                }
                (AccountRef::Player(number), None) => {
                    self.find(format!(
                        "entry {seq} moves money of account {number} outside its chain"
                    ));
                }
                (AccountRef::House(_) | AccountRef::Adjustments, _) => {
                    self.other(posting.currency, moved)
                }
            }
        }
        if legs.values().any(|sum| !sum.is_zero()) {
            self.find(format!("the postings of entry {seq} do not add up to zero"));
        }
    }

    fn document(&mut self, seq: Seq, document: &Document) {
        match document {
            Document::Partner(partner) => {
                self.partners.insert(partner.number);
                let before = self
                    .tokens
                    .insert(partner.wallet_token.clone(), partner.number);
                if before.is_some_and(|number| number != partner.number) {
                    self.find(format!(
                        "entry {seq} gives a wallet token to a second partner"
                    ));
                }
            }
            Document::Player(player) => {
                if !self.partners.contains(&player.partner) {
                    self.find(format!(
                        "entry {seq} names partner {}, which was never created",
                        player.partner
                    ));
                }
            }
            Document::Account(opened) => {
                let name = (opened.partner, opened.player_id.clone(), opened.currency);
                let held = Held {
                    opened: opened.clone(),
                    balance: Sum::ZERO,
                    last: Seq::NONE,
                };
                let again = self.accounts.insert(opened.number, held).is_some();
                if !self.names.insert(name) || again {
                    self.find(format!("entry {seq} opens account {} again", opened.number));
                }
            }
            Document::Session(session) => {
                let before = self.codes.insert(session.code.clone(), session.number);
                if before.is_some_and(|number| number != session.number) {
                    self.find(format!("entry {seq} gives a session the code of another"));
                }
                let before = self.sessions.insert(session.number, session.account);
                if before.is_some_and(|account| account != session.account) {
                    self.find(format!(
                        "entry {seq} moves session {} to another account",
                        session.number
                    ));
                }
                if !self.accounts.contains_key(&session.account) {
                    self.find(format!(
                        "entry {seq} opens a session on an account that was never opened"
                    ));
                }
            }
            Document::Adjustment(adjustment) => {
                if !self
                    .references
                    .insert((adjustment.partner, adjustment.reference.clone()))
                {
                    self.find(format!("entry {seq} uses an adjustment's reference again"));
                }
            }
        }
    }
}
