//! What a partner names once and for ever: references of adjustments, ids of transfers.

use super::beside::Beside;
use super::facts::{Digest, Facts, Kind, Reader};
use super::findings::Findings;
use super::names::text;
use crate::id::{PartnerNumber, Seq};

/// One name, and what stands under it.
#[derive(Debug)]
struct Named {
    partner: u32,
    name: String,
    said: Option<Digest>,
    row: Beside<Digest>,
}

/// The name that facts are about.
#[derive(Debug, Default)]
pub(super) struct Once(Option<Named>);

impl Facts {
    /// What stands under a name, in entry `seq`; or in the books, which say that it is.
    pub(super) fn once(
        &mut self,
        kind: Kind,
        (partner, name): (PartnerNumber, &str),
        (seq, booked): (Seq, bool),
        whole: &Digest,
    ) {
        self.add(kind, |fact| {
            let of = fact.small(partner.0).text(name);
            let of = of.number(if booked { 0 } else { seq.0 });
            of.number(seq.0).digest(whole);
        });
    }
}

impl Once {
    /// `table` is the books', `what` says in words what is named.
    pub(super) fn judge(
        &mut self,
        (table, what): (&str, &str),
        mut fact: Reader<'_>,
        findings: &mut Findings,
    ) {
        let (partner, name) = (fact.small(), fact.text());
        let (place, seq, whole) = (fact.seq(), fact.seq(), fact.digest());
        let same = |of: &Named| of.partner == partner && of.name == name;
        if !self.0.as_ref().is_some_and(same) {
            self.finish(table, findings);
        }
        let of = self.0.get_or_insert_with(|| Named {
            partner,
            name: name.to_owned(),
            said: None,
            row: Beside::default(),
        });
        let row = || text(table, partner, name);
        if place == Seq::NONE {
            of.row.book(seq, whole, row, findings);
        } else if of.said.is_some() {
            findings.tell(format!("entry {seq} uses {what} again"));
        } else {
            of.row.before(seq, None, row, findings);
            of.said = Some(whole);
        }
    }

    /// The last name is at its end.
    pub(super) fn finish(&mut self, table: &str, findings: &mut Findings) {
        if let Some(of) = self.0.take() {
            let row = || text(table, of.partner, &of.name);
            of.row.end(of.said.as_ref(), row, findings);
        }
    }
}
