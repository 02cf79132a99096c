//! Received payments by wallet type and reference: each is unique, brings the money that it says,
//! and stands in the books, and in their list, as its entry says.

use super::Audit;
use super::beside::Beside;
use super::facts::{Digest, Facts, Kind, Reader, Writer, digest};
use super::findings::Findings;
use crate::engine::document::ReceivedPayment;
use crate::engine::entry::{AccountRef, Record};
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
    said: Option<Digest>,
    row: Beside<Digest>,
    /// The entry that took it down, as its row has it.
    booked: Option<Seq>,
    /// The same, as the list has it.
    listed: Vec<Seq>,
}

fn whole_payment(payment: &ReceivedPayment, (received, at): (Seq, Timestamp)) -> Digest {
    digest(|all| {
        all.document(payment).number(received.0).at(at);
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
        let whole = whole_payment(&row.payment, (row.received, row.at));
        self.of_payment(&row.payment.key(), (Seq::NONE, BOOKED), |fact| {
            fact.number(row.received.0).digest(&whole);
        });
    }

    /// A payment in the list of the books.
    pub(super) fn listed_payment(&mut self, key: &PaymentKey, received: Seq) {
        self.of_payment(key, (Seq::NONE, LISTED), |fact| {
            fact.number(received.0);
        });
    }
}

impl Audit {
    /// A payment is taken down in entry `seq`, whose postings must bring what it says.
    pub(super) fn payment(
        &mut self,
        seq: Seq,
        payment: &ReceivedPayment,
        record: &Record,
        facts: &mut Facts,
    ) {
        let amount = Sum::from(payment.amount);
        let is_moved = |account, moved| {
            let mut postings = record.postings.iter();
            postings.any(|leg| {
                let of = (leg.account, leg.currency, Sum::from(leg.cents));
                of == (account, payment.currency, moved)
            })
        };
        let brings = is_moved(AccountRef::Outside(payment.wallet_type), amount.negated())
            && is_moved(AccountRef::Received(payment.wallet_type), amount)
            && record.postings.len() == 2;
        if !brings || payment.amount.is_zero() {
            self.find(format!(
                "entry {seq} moves other money than its received payment says"
            ));
        }
        let whole = whole_payment(payment, (seq, self.at));
        facts.of_payment(&payment.key(), (seq, SAID), |fact| {
            fact.digest(&whole);
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
                let bears = fact.seq();
                of.booked = Some(bears);
                of.row.book(bears, fact.digest(), named, findings);
            }
            LISTED => of.listed.push(fact.seq()),
            _ if of.said.is_some() => {
                findings.tell(format!("entry {seq} receives a payment again"));
            }
            _ => {
                of.row.before(seq, None, named, findings);
                of.said = Some(fact.digest());
            }
        }
    }

    /// The last one is at its end.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        let Some(of) = self.of.take() else {
            return;
        };
        let named = |table| format!("{table}: {} {}", of.wallet_type, of.reference);
        of.row.end(of.said.as_ref(), || named("payments"), findings);
        if !of.booked.iter().eq(&of.listed) {
            findings.of_books(format!(
                "{} does not stand there as its row says",
                named("listed_payments")
            ));
        }
    }
}
