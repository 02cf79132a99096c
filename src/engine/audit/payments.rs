//! Received payments by wallet type and reference: each is unique, brings the money that it says,
//! and stands in the books, and in their list, as its entry says.

use super::Audit;
use super::beside::Beside;
use super::deposits::is_credited;
use super::facts::{Digest, Facts, Kind, Reader, Writer, digest};
use super::findings::Findings;
use super::orders::settling;
use crate::engine::deposit::Deposit;
use crate::engine::document::{Claimant, Document, PaymentState, ReceivedPayment};
use crate::engine::entry::{AccountRef, Record, RecordKind};
use crate::engine::gateway::GatewayDocument;
use crate::engine::payment::{PaymentKey, PaymentRow};
use crate::id::Seq;
use crate::money::Sum;
use crate::time::Timestamp;

const BOOKED: u8 = 0;
const LISTED: u8 = 1;
const SAID: u8 = 2;

/// What the facts so far have in common with the next one.
#[derive(Debug, Default)]
pub(super) struct Payments {
    of: Option<OfPayment>,
}

#[derive(Debug)]
struct OfPayment {
    wallet_type: String,
    reference: String,
    said: Option<Said>,
    row: Beside<Digest>,
    /// The entry that took it down, as its row has it.
    booked: Option<Seq>,
    /// The same, as the list has it.
    listed: Vec<Seq>,
}

/// What entries say of a payment so far.
#[derive(Debug)]
struct Said {
    received: Seq,
    at: Timestamp,
    /// All that never changes.
    same: Digest,
    is_matched: bool,
    whole: Digest,
}

fn of_document(payment: &ReceivedPayment) -> Digest {
    digest(|all| {
        all.document(payment);
    })
}

fn whole(document: &Digest, (received, changed): (Seq, Seq), at: Timestamp) -> Digest {
    digest(|all| {
        let all = all.digest(document).number(received.0);
        all.number(changed.0).at(at);
    })
}

impl Facts {
    fn of_payment(
        &mut self,
        (wallet_type, reference): &PaymentKey,
        (place, what): (Seq, u8),
        write: impl FnOnce(&mut Writer<'_>),
    ) {
        self.add(Kind::Payment, |fact| {
            let of = fact.text(wallet_type.as_str()).text(reference.as_str());
            write(of.number(place.0).byte(what));
        });
    }

    /// A payment that the books have.
    pub(super) fn booked_payment(&mut self, row: &PaymentRow) {
        let seqs = (row.received, row.changed);
        let whole = whole(&of_document(&row.payment), seqs, row.at);
        self.of_payment(&row.payment.key(), (Seq::NONE, BOOKED), |fact| {
            let fact = fact.number(row.changed.0).digest(&whole);
            fact.number(row.received.0);
        });
    }

    /// A payment in the list of the books.
    pub(super) fn listed_payment(&mut self, key: &PaymentKey, received: Seq) {
        self.of_payment(key, (Seq::NONE, LISTED), |fact| {
            fact.number(received.0);
        });
    }
}

/// Whether who a payment is given to says so in the same entry.
fn is_taken(payment: &ReceivedPayment, record: &Record) -> bool {
    let PaymentState::Matched(whose) = &payment.state else {
        return true;
    };
    record
        .documents
        .iter()
        .any(|document| match (document, whose) {
            (Document::Order(order), Claimant::Order(reference)) => {
                order.reference == *reference && order.payment == Some(payment.key())
            }
            (Document::Gateway(document), Claimant::Deposit(reference)) => match &**document {
                GatewayDocument::Deposit(deposit) => {
                    deposit.reference == *reference && is_brought(deposit, payment)
                }
                _ => false,
            },
            _ => false,
        })
}

/// Whether a deposit says that this payment has brought it.
fn is_brought(deposit: &Deposit, payment: &ReceivedPayment) -> bool {
    let brought = deposit.activated.as_ref().filter(|of| of.by_payment);
    brought.is_some_and(|of| {
        deposit.names(payment) && (of.amount, of.currency) == (payment.amount, payment.currency)
    })
}

impl Audit {
    /// A payment is taken down in entry `seq`, whose postings must bring what it says; or it is
    /// given to somebody.
    pub(super) fn payment(
        &mut self,
        seq: Seq,
        payment: &ReceivedPayment,
        record: &Record,
        facts: &mut Facts,
    ) {
        let amount = Sum::from(payment.amount);
        let receives = record.kind == RecordKind::PaymentReceived;
        let is_leg = |place: usize, account, moved| {
            record.postings.get(place).is_some_and(|leg| {
                let of = (leg.account, leg.currency, Sum::from(leg.cents));
                of == (account, payment.currency, moved)
            })
        };
        let brings = is_leg(
            0,
            AccountRef::Outside(payment.wallet_type),
            amount.negated(),
        ) && is_leg(1, AccountRef::Received(payment.wallet_type), amount);
        if receives && !brings || payment.amount.is_zero() {
            self.find(format!(
                "entry {seq} moves other money than its received payment says"
            ));
        }
        let is_for_somebody = record
            .documents
            .iter()
            .any(|document| matches!(document, Document::Order(_)) || is_credited(document));
        if !is_taken(payment, record) {
            self.find(format!(
                "entry {seq} gives a payment to who does not take it"
            ));
        }
        if !settling(record).is_empty() && !is_for_somebody {
            self.find(format!("entry {seq} gives a payment's money to nobody"));
        }
        let same = of_document(&ReceivedPayment {
            state: PaymentState::Unclaimed,
            ..payment.clone()
        });
        let is_matched = matches!(payment.state, PaymentState::Matched(_));
        let at = self.at;
        facts.of_payment(&payment.key(), (seq, SAID), |fact| {
            let fact = fact.byte(u8::from(receives)).byte(u8::from(is_matched));
            fact.digest(&same).digest(&of_document(payment)).at(at);
        });
    }
}

impl Payments {
    pub(super) fn judge(&mut self, mut fact: Reader<'_>, findings: &mut Findings) {
        let (wallet_type, reference) = (fact.text(), fact.text());
        let (seq, what) = (fact.seq(), fact.byte());
        let same = |of: &OfPayment| of.wallet_type == wallet_type && of.reference == reference;
        if !self.of.as_ref().is_some_and(same) {
            self.finish(findings);
        }
        let of = self.of.get_or_insert_with(|| OfPayment {
            wallet_type: wallet_type.to_owned(),
            reference: reference.to_owned(),
            said: None,
            row: Beside::default(),
            booked: None,
            listed: Vec::new(),
        });
        let named = || format!("payments: {wallet_type} {reference}");
        match what {
            BOOKED => {
                let (bears, whole) = (fact.seq(), fact.digest());
                of.booked = Some(fact.seq());
                of.row.book(bears, whole, named, findings);
            }
            LISTED => of.listed.push(fact.seq()),
            _ => of.say(seq, &mut fact, findings),
        }
    }

    /// The last one is at its end.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        let Some(of) = self.of.take() else {
            return;
        };
        let named = |table| format!("{table}: {} {}", of.wallet_type, of.reference);
        let whole = of.said.as_ref().map(|said| &said.whole);
        of.row.end(whole, || named("payments"), findings);
        if !of.booked.iter().eq(&of.listed) {
            findings.of_books(format!(
                "{} does not stand there as its row says",
                named("listed_payments")
            ));
        }
    }
}

impl OfPayment {
    /// What entry `seq` says of it.
    fn say(&mut self, seq: Seq, fact: &mut Reader<'_>, findings: &mut Findings) {
        let (receives, is_matched) = (fact.byte() == 1, fact.byte() == 1);
        let (same, document, at) = (fact.digest(), fact.digest(), fact.at());
        let before = self.said.as_ref();
        let named = || format!("payments: {} {}", self.wallet_type, self.reference);
        (self.row).before(seq, before.map(|said| &said.whole), named, findings);
        let fault = match before {
            Some(_) if receives => Some("receives a payment again"),
            None if !receives && !findings.lacks_before(seq) => {
                Some("gives away a payment that was never received")
            }
            Some(said) if said.same != same => Some("makes a payment another one"),
            Some(said) if said.is_matched => Some("gives away a payment again"),
            _ => None,
        };
        if let Some(fault) = fault {
            findings.tell(format!("entry {seq} {fault}"));
        }
        let (received, at) = before.map_or((seq, at), |said| (said.received, said.at));
        self.said = Some(Said {
            received,
            at,
            same,
            is_matched,
            whole: whole(&document, (received, seq), at),
        });
    }
}
