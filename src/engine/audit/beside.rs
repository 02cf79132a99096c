//! A row of the books beside what entries say.
//!
//! Rows are facts too, and stand before all entries of their key. Each bears an entry, and is
//! compared with what the entries up to that one come to: a checkpoint that was cut short leaves
//! rows that are newer than the books as a whole.

use super::findings::Findings;
use crate::id::Seq;

/// One key's row, and whether it was compared.
#[derive(Debug)]
pub(super) struct Beside<T> {
    booked: Option<(Seq, T)>,
    settled: bool,
}

impl<T> Default for Beside<T> {
    fn default() -> Beside<T> {
        Beside {
            booked: None,
            settled: false,
        }
    }
}

impl<T: PartialEq> Beside<T> {
    /// The row that the books have, and the entry that it bears.
    pub(super) fn book(
        &mut self,
        bears: Seq,
        row: T,
        what: impl FnOnce() -> String,
        findings: &mut Findings,
    ) {
        if self.booked.replace((bears, row)).is_some() {
            findings.of_books(format!("{} stands there twice", what()));
        }
    }

    pub(super) fn booked(&self) -> Option<&T> {
        self.booked.as_ref().map(|(_, row)| row)
    }

    /// Before entry `seq` changes what entries say, which is `now`.
    pub(super) fn before(
        &mut self,
        seq: Seq,
        now: Option<&T>,
        what: impl FnOnce() -> String,
        findings: &mut Findings,
    ) {
        let due = findings.is_booked(seq);
        let (settled, told) = match &self.booked {
            Some((bears, row)) if *bears < seq && now != Some(row) => (
                true,
                Some(format!("is not as the entries up to {bears} say")),
            ),
            Some((bears, _)) if *bears < seq => {
                let behind = || format!("is as of entry {bears} and lacks entry {seq}");
                (true, due.then(behind))
            }
            Some(_) => (false, None),
            None => (due, due.then(|| format!("lacks what entry {seq} says"))),
        };
        let told = told.filter(|_| !self.settled && !findings.lacks_before(seq));
        self.settled |= settled;
        if let Some(told) = told {
            findings.of_books(format!("{} {told}", what()));
        }
    }

    /// After the last entry.
    pub(super) fn end(
        &self,
        now: Option<&T>,
        what: impl FnOnce() -> String,
        findings: &mut Findings,
    ) {
        let Some((bears, row)) = &self.booked else {
            return;
        };
        if !self.settled && now != Some(row) && !findings.lacks_before(Seq(u64::MAX)) {
            let up_to = match bears.0 {
                u64::MAX => "the entries say".to_owned(),
                bears => format!("the entries up to {bears} say"),
            };
            findings.of_books(format!("{} is not as {up_to}", what()));
        }
    }
}
