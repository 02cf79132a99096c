//! The gateway's documents: each goes the way that its kind goes, the money in its entry is what it
//! says, merchants' accounts are chained, and the books have them and their lists as entries say.

use std::collections::BTreeSet;

use super::Audit;
use super::beside::Beside;
use super::deposits::credits;
use super::facts::{Digest, Facts, Kind, Reader, Writer, digest};
use super::findings::Findings;
use crate::engine::document::Document;
use crate::engine::entry::{AccountRef, Posting, Record, RecordKind};
use crate::engine::gateway::{GatewayDocument, GatewayKey, GatewayRow, Mark};
use crate::engine::merchant::MerchantAccount;
use crate::engine::postback::{Postback, PostbackKind};
use crate::engine::withdrawal::{Withdrawal, WithdrawalState};
use crate::id::Seq;
use crate::money::{Currency, Sum};
use crate::secret::hex_encode;
use crate::time::Timestamp;

const BOOKED: u8 = 0;
const MARKED: u8 = 1;
const SAID: u8 = 2;

/// What a document says of money: nothing, what an account holds, or what a deposit has credited.
const NO_MONEY: u8 = 0;
const HOLDS: u8 = 1;
const BRINGS: u8 = 2;

/// A step that a document does not take.
const NO_STEP: u8 = u8::MAX;

/// What the facts so far have in common with the next one.
#[derive(Debug, Default)]
pub(super) struct Gateway {
    of: Option<OfKey>,
}

#[derive(Debug)]
struct OfKey {
    key: String,
    said: Option<Said>,
    row: Beside<Digest>,
    /// The places in lists that the books' row has by what it says.
    places: BTreeSet<Digest>,
    /// Those that the books have of it.
    listed: BTreeSet<Digest>,
}

/// What entries say so far.
#[derive(Clone, Copy, Debug)]
struct Said {
    whole: Digest,
    created: (Seq, Timestamp),
    changed: Seq,
    step: u8,
    balance: Sum,
}

fn whole(
    document: &Digest,
    created: (Seq, Timestamp),
    (changed, changed_at): (Seq, Timestamp),
) -> Digest {
    digest(|all| {
        let all = all.digest(document).number(created.0.0).at(created.1);
        all.number(changed.0).at(changed_at);
    })
}

fn of_document(document: &GatewayDocument) -> Digest {
    digest(|all| {
        all.document(document);
    })
}

fn place(mark: &Mark) -> Digest {
    digest(|all| {
        all.text(&hex_encode(mark.as_bytes()));
    })
}

impl Facts {
    fn of_key(
        &mut self,
        key: &GatewayKey,
        (seq, what): (Seq, u8),
        write: impl FnOnce(&mut Writer<'_>),
    ) {
        self.add(Kind::Gateway, |fact| {
            let fact = fact.text(&hex_encode(key.as_bytes()));
            write(fact.number(seq.0).byte(what));
        });
    }

    /// A document that the books have.
    pub(super) fn booked_gateway(&mut self, row: &GatewayRow) {
        let (created, changed) = ((row.created, row.created_at), (row.changed, row.changed_at));
        let whole = whole(&of_document(&row.document), created, changed);
        let marks = row.marks();
        let count = u32::try_from(marks.len()).expect("a document stands in few lists");
        self.of_key(&row.document.key(), (Seq::NONE, BOOKED), |fact| {
            let fact = fact.number(row.changed.0).digest(&whole).small(count);
            for mark in &marks {
                fact.digest(&place(mark));
            }
        });
    }

    /// A place in a list of the books.
    pub(super) fn gateway_mark(&mut self, mark: &Mark, key: &GatewayKey) {
        self.of_key(key, (Seq::NONE, MARKED), |fact| {
            fact.digest(&place(mark));
        });
    }
}

/// What a record moves on an account.
pub(super) fn moved(record: &Record, account: AccountRef, currency: Currency) -> Sum {
    let is_on = |leg: &&Posting| (leg.account, leg.currency) == (account, currency);
    let legs = record.postings.iter().filter(is_on);
    legs.fold(Sum::ZERO, |sum, leg| sum.plus(Sum::from(leg.cents)))
}

pub(super) fn gateway_documents(record: &Record) -> impl Iterator<Item = &GatewayDocument> {
    record
        .documents
        .iter()
        .filter_map(|document| match document {
            Document::Gateway(document) => Some(&**document),
            _ => None,
        })
}

impl Audit {
    /// A document of the gateway stands in entry `seq`.
    pub(super) fn gateway(
        &mut self,
        seq: Seq,
        document: &GatewayDocument,
        record: &Record,
        facts: &mut Facts,
    ) {
        if let GatewayDocument::Withdrawal(withdrawal) = document {
            self.withdrawal(seq, withdrawal, record);
        }
        if let GatewayDocument::Deposit(deposit) = document {
            self.deposit(seq, deposit, record);
        }
        let at = self.at;
        facts.of_key(&document.key(), (seq, SAID), |fact| {
            let fact = fact.digest(&of_document(document)).at(at);
            fact.byte(document.step().unwrap_or(NO_STEP));
            match document {
                GatewayDocument::MerchantAccount(account) => {
                    let whose = AccountRef::Merchant(account.partner, account.wallet_type);
                    let moved = moved(record, whose, account.currency);
                    fact.byte(HOLDS).number(account.previous.0);
                    fact.cents(account.cents).sum(moved);
                }
                GatewayDocument::Deposit(deposit) => {
                    let (after, moved) = credits(record, deposit);
                    fact.byte(BRINGS).sum(after).sum(moved);
                }
                _ => drop(fact.byte(NO_MONEY)),
            }
        });
    }

    /// Money of a merchant moves in entry `seq`, which must say what the account holds then.
    pub(super) fn merchant_leg(&mut self, seq: Seq, leg: &Posting, record: &Record) {
        let is_its = |of: &&MerchantAccount| {
            let account = AccountRef::Merchant(of.partner, of.wallet_type);
            (account, of.currency) == (leg.account, leg.currency)
        };
        let accounts = gateway_documents(record).filter_map(|document| match document {
            GatewayDocument::MerchantAccount(account) => Some(account),
            _ => None,
        });
        if accounts.filter(is_its).count() != 1 {
            self.find(format!(
                "entry {seq} moves a merchant's money outside its account's chain"
            ));
        }
    }

    /// A withdrawal stands in entry `seq`, whose postings must move what it says, and which must
    /// tell of it where it is decided.
    fn withdrawal(&mut self, seq: Seq, withdrawal: &Withdrawal, record: &Record) {
        self.partner(seq, withdrawal.partner);
        let asked = &withdrawal.asked;
        let amount = Sum::from(asked.amount);
        let merchant = AccountRef::Merchant(withdrawal.partner, asked.wallet_type);
        let payouts = AccountRef::Payouts(asked.wallet_type);
        let paid_out = AccountRef::PaidOut(asked.wallet_type);
        let (kind, from, to) = match withdrawal.state {
            WithdrawalState::Processing => (RecordKind::WithdrawalCreated, merchant, payouts),
            WithdrawalState::Processed => (RecordKind::WithdrawalApproved, payouts, paid_out),
            WithdrawalState::Rejected => (RecordKind::WithdrawalRejected, payouts, merchant),
        };
        let is_moved = moved(record, from, asked.currency) == amount.negated()
            && moved(record, to, asked.currency) == amount
            && record.postings.len() == 2;
        let is_right = match asked.is_test {
            true => record.postings.is_empty(),
            false => is_moved,
        };
        if !is_right || asked.amount.is_zero() || record.kind != kind {
            self.find(format!(
                "entry {seq} moves other money than its withdrawal says"
            ));
        }
        let is_of_it = |document: &GatewayDocument| match document {
            GatewayDocument::Postback(Postback { of, .. }) => {
                of.partner == withdrawal.partner
                    && of.kind == PostbackKind::Withdrawal
                    && of.name.as_str() == withdrawal.id.as_str()
            }
            _ => false,
        };
        let is_told = gateway_documents(record).any(is_of_it);
        if is_told != (withdrawal.state != WithdrawalState::Processing) {
            self.find(format!(
                "entry {seq} does not tell of what becomes of its withdrawal"
            ));
        }
    }
}

impl Gateway {
    pub(super) fn judge(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let (key, seq, what) = (fact.text(), fact.seq(), fact.byte());
        if self.of.as_ref().is_none_or(|of| of.key != key) {
            self.finish(findings);
        }
        let of = self.of.get_or_insert_with(|| OfKey {
            key: key.to_owned(),
            said: None,
            row: Beside::default(),
            places: BTreeSet::new(),
            listed: BTreeSet::new(),
        });
        let named = || format!("gateway: {key}");
        match what {
            BOOKED => {
                let (bears, row) = (fact.seq(), fact.digest());
                of.row.book(bears, row, named, findings);
                let count = fact.small();
                of.places.extend((0..count).map(|_| fact.digest()));
            }
            MARKED => {
                of.listed.insert(fact.digest());
            }
            _ => {
                let now = of.said.map(|said| said.whole);
                of.row.before(seq, now.as_ref(), named, findings);
                let said = of.say(seq, &mut fact, findings);
                of.said = Some(said);
            }
        }
    }

    /// The last one is at its end.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        let Some(of) = self.of.take() else {
            return;
        };
        let said = of.said.map(|said| said.whole);
        let named = || format!("gateway: {}", of.key);
        of.row.end(said.as_ref(), named, findings);
        if of.places != of.listed {
            findings.of_books(format!(
                "gateway_marks: {} does not stand in the lists that its row says",
                of.key
            ));
        }
    }
}

impl OfKey {
    fn say(&self, seq: Seq, fact: &mut Reader<'_>, findings: &mut Findings) -> Said {
        let (document, at) = (fact.digest(), fact.at());
        let (step, money) = (fact.byte(), fact.byte());
        let before = self.said;
        let created = before.map_or((seq, at), |said| said.created);
        let is_late = before.is_some_and(|said| said.changed == seq)
            || step != NO_STEP && before.is_some_and(|said| step <= said.step);
        if is_late {
            findings.tell(format!("entry {seq} says again what {} is", self.key));
        }
        let (mut balance, held) = (Sum::ZERO, before.map_or(Sum::ZERO, |said| said.balance));
        if money == BRINGS {
            let (after, moved) = (fact.sum(), fact.sum());
            balance = after;
            if held.plus(moved) != after && !findings.lacks_before(seq) {
                findings.tell(format!(
                    "entry {seq} says that a deposit has brought {after}; with {moved} more than \
                     before it has brought {}",
                    held.plus(moved)
                ));
            }
        }
        if money == HOLDS {
            let (previous, cents, moved) = (fact.seq(), fact.cents(), fact.sum());
            balance = cents;
            let last = before.map_or(Seq::NONE, |said| said.changed);
            let is_chained = previous == last && held.plus(moved) == balance;
            if !is_chained && !findings.lacks_before(seq) {
                findings.tell(format!(
                    "entry {seq} says that a merchant's account holds {balance} after entry \
                     {previous}; with {moved} more after entry {last} it holds {}",
                    held.plus(moved)
                ));
            }
        }
        Said {
            whole: whole(&document, created, (seq, at)),
            created,
            changed: seq,
            step,
            balance,
        }
    }
}
