//! A second opinion: reads entries from the first on and checks all that must hold of them, by
//! ways of its own. Where [`super::holdings`] asserts and stops, an [`Audit`] goes on and lists
//! what it found.
//!
//! It keeps nothing that grows with history. [`Audit::read`] takes entries in their order, checks
//! what the order shows, and takes the rest apart into [`Facts`]; whoever drives it sorts them as
//! byte strings and hands them back to [`Audit::judge`], where all that is about one account, one
//! session or one round comes together. Judging accounts gains new facts, about transaction ids,
//! which want to be sorted and judged in their turn. Only partners, currencies and what is wrong
//! stay in memory.
//!
//! The books' rows ([`Booked`]) are facts beside those of entries, so that what a row says and
//! what entries come to meet as well (`beside`).
//!
//! What was missing from the reading is made known by [`Audit::unread`]: then what may follow from
//! it is not told as a fault of its own.

mod accounts;
mod beside;
mod booked;
mod deposits;
mod facts;
mod findings;
mod gateway;
mod names;
mod once;
mod orders;
mod payments;
mod plays;
mod sessions;
mod totals;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use self::accounts::Accounts;
pub use self::booked::Booked;
use self::booked::Plain;
pub use self::facts::Facts;
use self::facts::{Kind, Reader};
use self::findings::Findings;
use self::gateway::Gateway;
use self::names::Names;
use self::once::Once;
use self::orders::Orders;
use self::payments::Payments;
use self::plays::{Ids, Rounds};
pub use self::sessions::CodePlace;
use self::sessions::Sessions;
use self::totals::Claim;
use self::users::Users;
use super::document::Document;
use super::entry::{AccountRef, Anomalies, Anomaly, Body, Cancel, Entry, Play, Record, Void};
use super::round::OddPlay;
use crate::id::{AccountNumber, GameNumber, RoundId, TransactionId};
use crate::id::{PartnerNumber, Seq, UserNumber, WalletToken};
use crate::money::{Amount, Currency, Sum};
use crate::time::Timestamp;

/// What partners name once: the books' table, and in words.
const REFERENCES: (&str, &str) = ("references", "an adjustment's reference");
const TRANSFERS: (&str, &str) = ("transfers", "a transfer's id");

/// What has been read so far, and what was wrong with it.
#[derive(Debug, Default)]
pub struct Audit {
    last: Seq,
    at: Timestamp,
    partners: BTreeSet<PartnerNumber>,
    tokens: BTreeMap<WalletToken, PartnerNumber>,
    names: Names,
    references: Once,
    transfers: Once,
    users: Users,
    payments: Payments,
    gateway: Gateway,
    orders: Orders,
    /// The highest number that a user has so far.
    last_user: UserNumber,
    sessions: Sessions,
    rounds: Rounds,
    accounts: Accounts,
    ids: Ids,
    partner_rows: Plain,
    odd_rows: Plain,
    /// What the books say of themselves, until the entry that they are up to.
    claim: Option<Claim>,
    /// The highest numbers of an account, a session and a user up to the books' entry.
    numbers: (u64, u64, UserNumber),
    findings: Findings,
}

impl Audit {
    /// Takes note of something found elsewhere, such as a page that cannot be read.
    pub fn find(&mut self, finding: String) {
        self.findings.tell(finding);
    }

    /// Takes note that the entries from `first` to `last` cannot be read: the next ones follow.
    pub fn unread(&mut self, first: Seq, last: Seq) {
        self.findings.unread(first, last);
        self.last = last;
    }

    /// Reads the next entry; what is to be judged in another order goes to `facts`.
    pub fn read(&mut self, entry: &Entry, facts: &mut Facts) {
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
        self.claimed(entry);
        match &entry.body {
            Body::Bet(play) => self.play(entry, play, accounts::BET, facts),
            Body::Win(play) => self.play(entry, play, accounts::WIN, facts),
            Body::Cancel(cancel) => self.cancel(entry, cancel, facts),
            Body::Void(void) => {
                let Void {
                    account,
                    session,
                    id,
                } = *void;
                facts.session_used(session, seq, account, None);
                facts.voided(account, seq, id);
            }
            Body::Record(record) => self.record(seq, record, facts),
        }
    }

    fn play(&mut self, entry: &Entry, play: &Play, what: u8, facts: &mut Facts) {
        let (seq, at) = (entry.seq, entry.at);
        let bet_at = (what == accounts::BET).then_some(at);
        facts.session_used(play.session, seq, play.account, bet_at);
        facts.played(what, seq, play, at);
        let play = InRound {
            what,
            at,
            account: play.account,
            id: play.id,
            game: play.game,
            amount: play.amount,
            anomalies: play.anomalies,
            round: play.round,
        };
        self.in_round(seq, &play, facts);
    }

    fn cancel(&mut self, entry: &Entry, cancel: &Cancel, facts: &mut Facts) {
        let (seq, at) = (entry.seq, entry.at);
        facts.session_used(cancel.session, seq, cancel.account, None);
        facts.cancelled(seq, cancel, at);
        let play = InRound {
            what: accounts::CANCEL,
            at,
            account: cancel.account,
            id: cancel.id,
            game: cancel.game,
            amount: cancel.amount,
            anomalies: cancel.anomalies,
            round: cancel.round,
        };
        self.in_round(seq, &play, facts);
    }

    /// What is odd about a play is judged by its round; without one nothing of that is.
    fn in_round(&mut self, seq: Seq, play: &InRound, facts: &mut Facts) {
        if play.anomalies != Anomalies::NONE && play.what != accounts::BET {
            facts.odd(seq, &play.odd(), false);
        }
        if let Some(round) = play.round {
            facts.in_round(seq, round, play);
            return;
        }
        let of_rounds = [Anomaly::WinWithoutBet, Anomaly::CancelAfterWin];
        if play.anomalies.iter().any(|odd| of_rounds.contains(&odd)) {
            self.find(format!("entry {seq} tells of a round and names none"));
        }
    }

    fn record(&mut self, seq: Seq, record: &Record, facts: &mut Facts) {
        let mut part = 0;
        for document in &record.documents {
            match document {
                Document::User(user) => self.user(seq, user, record, facts),
                Document::Transfer(transfer) => self.transfer(seq, transfer, record, facts),
                Document::ReceivedPayment(payment) => self.payment(seq, payment, record, facts),
                Document::Gateway(document) => self.gateway(seq, document, record, facts),
                Document::Order(order) => self.order(seq, order, record, facts),
                document => self.document((seq, part), document, facts),
            }
            part += 1;
        }
        let mut legs: BTreeMap<Currency, Sum> = BTreeMap::new();
        for posting in &record.postings {
            let moved = Sum::from(posting.cents);
            let sum = legs.entry(posting.currency).or_default();
            *sum = sum.plus(moved);
            match (posting.account, posting.link) {
                (AccountRef::Player(number), Some(link)) => {
                    facts.posted((number, seq, part), posting.cents, posting.currency, link);
                }
                (AccountRef::Player(number), None) => {
                    self.find(format!(
                        "entry {seq} moves money of account {number} outside its chain"
                    ));
                }
                (account @ AccountRef::Merchant(..), _) => {
                    self.merchant_leg(seq, posting, record);
                    self.other(seq, account, posting.currency, moved);
                }
                (
                    account @ (AccountRef::House(_)
                    | AccountRef::Partner(_)
                    | AccountRef::Outside(_)
                    | AccountRef::Received(_)
                    | AccountRef::Payouts(_)
                    | AccountRef::PaidOut(_)
                    | AccountRef::Adjustments),
                    _,
                ) => {
                    self.other(seq, account, posting.currency, moved);
                }
            }
            part += 1;
        }
        if legs.values().any(|sum| !sum.is_zero()) {
            self.find(format!("the postings of entry {seq} do not add up to zero"));
        }
    }

    fn document(&mut self, (seq, part): (Seq, u32), document: &Document, facts: &mut Facts) {
        match document {
            Document::Partner(partner) => {
                facts.partner(partner, seq, false);
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
                self.partner(seq, player.partner);
                facts.player(player, seq, part);
            }
            Document::Account(opened) => {
                self.partner(seq, opened.partner);
                facts.account_opened(seq, part, opened, self.at);
            }
            Document::Session(session) => {
                facts.session(seq, part, session);
            }
            Document::Adjustment(adjustment) => {
                facts.reference(adjustment, seq, false);
            }
            // They are judged with the money beside them.
            Document::User(_)
            | Document::Transfer(_)
            | Document::ReceivedPayment(_)
            | Document::Gateway(_)
            | Document::Order(_) => {}
        }
    }

    fn partner(&mut self, seq: Seq, partner: PartnerNumber) {
        if !self.partners.contains(&partner) && !self.findings.lacks_before(seq) {
            self.find(format!(
                "entry {seq} names partner {partner}, which was never created"
            ));
        }
    }

    /// Judges the next fact of those that are sorted, after all entries were read. New ones go to
    /// `facts`: to be sorted, and judged after all others.
    ///
    /// # Panics
    /// Where `fact` is not one of [`Facts`].
    pub fn judge(&mut self, fact: &[u8], facts: &mut Facts) {
        let (kind, reader) = Reader::new(fact);
        let findings = &mut self.findings;
        match kind {
            Kind::Player => self.names.judge_player(reader, findings),
            Kind::Reference => self.references.judge(REFERENCES, reader, findings),
            Kind::User => self.users.judge_mobile(reader, findings),
            Kind::Transfer => self.transfers.judge(TRANSFERS, reader, findings),
            Kind::Payment => self.payments.judge(reader, findings),
            Kind::Gateway => self.gateway.judge(reader, findings),
            Kind::Order => self.orders.judge(reader, findings),
            Kind::OrderId => self.orders.judge_name(reader, findings),
            Kind::Claim => self.orders.judge_claim(reader, findings),
            Kind::Code => self.sessions.judge_code(reader, findings),
            Kind::Session => self.sessions.judge_session(reader, findings),
            Kind::Round => self.rounds.judge(reader, findings),
            Kind::Account => self.accounts.judge(reader, findings, facts),
            Kind::Id => self.ids.judge(reader, findings),
            Kind::Partner => self.partner_rows.judge("partners", reader, findings),
            Kind::Odd => self.odd_rows.judge("odd_plays", reader, findings),
        }
    }

    /// Closes what was judged last, when every fact was judged.
    pub fn settle(&mut self) {
        let findings = &mut self.findings;
        self.names.finish(findings);
        self.references.finish(REFERENCES.0, findings);
        self.transfers.finish(TRANSFERS.0, findings);
        self.users.finish(findings);
        self.payments.finish(findings);
        self.gateway.finish(findings);
        self.orders.finish(findings);
        self.sessions.finish(findings);
        self.rounds.finish(findings);
        self.accounts.finish(findings);
        self.ids.finish(findings);
        self.partner_rows.finish("partners", findings);
        self.odd_rows.finish("odd_plays", findings);
    }

    /// Ends the audit: all that was found.
    pub fn finish(self) -> Vec<String> {
        self.findings.into_list()
    }
}

/// What a round is judged by, and what is odd.
struct InRound {
    what: u8,
    at: Timestamp,
    account: AccountNumber,
    id: TransactionId,
    game: GameNumber,
    amount: Amount,
    anomalies: Anomalies,
    round: Option<RoundId>,
}

impl InRound {
    fn odd(&self) -> OddPlay {
        OddPlay {
            anomalies: self.anomalies,
            at: self.at,
            is_win: self.what == accounts::WIN,
            account: self.account,
            id: self.id,
            amount: self.amount,
            game: self.game,
            round: self.round,
        }
    }
}
