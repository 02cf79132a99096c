//! What is wrong, and what could not be read.

use crate::id::Seq;

/// Findings kept; a wholly damaged journal must not fill memory with them.
const FINDINGS_MAX: usize = 5000;

/// Holes told apart. What lies between those beyond is taken as unread too.
const HOLES_MAX: usize = 10_000;

/// The list of what is wrong, and the entries that are missing from the reading.
///
/// Of what follows from a missing entry nothing is told: that it is missing was.
#[derive(Debug, Default)]
pub(super) struct Findings {
    told: Vec<String>,
    more: u64,
    /// Entries that were not read, first and last of each hole, in order.
    holes: Vec<(Seq, Seq)>,
    /// The entry that the books are up to, where there are books that belong to the entries.
    pub(super) applied: Option<Seq>,
    foreign_books: bool,
    false_books: bool,
}

impl Findings {
    pub(super) fn tell(&mut self, finding: String) {
        if self.told.len() < FINDINGS_MAX {
            self.told.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// Takes a finding about the books, unless they are another journal's.
    pub(super) fn of_books(&mut self, finding: String) {
        if !self.foreign_books {
            self.false_books = true;
            self.tell(format!("books.redb, {finding}"));
        }
    }

    /// Whether the books say that they have entry `seq`.
    pub(super) fn is_booked(&self, seq: Seq) -> bool {
        self.applied.is_some_and(|applied| seq <= applied)
    }

    /// The books are not of these entries, which is told: they are compared no further.
    pub(super) fn forget_books(&mut self) {
        (self.applied, self.foreign_books) = (None, true);
    }

    /// Whether anything was found about the books.
    pub(super) fn are_books_false(&self) -> bool {
        self.false_books
    }

    pub(super) fn unread(&mut self, first: Seq, last: Seq) {
        let count = self.holes.len();
        match self.holes.last_mut() {
            Some(hole) if hole.1.next() >= first || count == HOLES_MAX => hole.1 = last,
            _ => self.holes.push((first, last)),
        }
    }

    /// Whether entry `seq` was not read.
    pub(super) fn lacks(&self, seq: Seq) -> bool {
        let after = self.holes.partition_point(|hole| hole.0 <= seq);
        after > 0 && self.holes[after - 1].1 >= seq
    }

    /// Whether some entry before `seq` was not read.
    pub(super) fn lacks_before(&self, seq: Seq) -> bool {
        self.holes.first().is_some_and(|hole| hole.0 < seq)
    }

    pub(super) fn into_list(mut self) -> Vec<String> {
        if self.more > 0 {
            self.told.push(format!("and {} more", self.more));
        }
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_remembered_and_more_of_them_are_taken_as_one() {
        let mut findings = Findings::default();
        findings.unread(Seq(5), Seq(6));
        findings.unread(Seq(7), Seq(9));
        findings.unread(Seq(20), Seq(20));
        for (seq, lacks) in [(4, false), (5, true), (9, true), (10, false), (20, true)] {
            assert_eq!(findings.lacks(Seq(seq)), lacks, "{seq}");
        }
        assert!(findings.lacks_before(Seq(6)) && !findings.lacks_before(Seq(5)));
        for seq in 0..HOLES_MAX as u64 {
            findings.unread(Seq(30 + 2 * seq), Seq(30 + 2 * seq));
        }
        assert!(findings.lacks(Seq(28 + 2 * HOLES_MAX as u64)));
        assert_eq!(findings.holes.len(), HOLES_MAX);
    }

    #[test]
    fn what_is_too_much_to_list_is_counted() {
        let mut findings = Findings::default();
        for number in 0..FINDINGS_MAX + 7 {
            findings.tell(number.to_string());
        }
        let list = findings.into_list();
        assert_eq!(list.len(), FINDINGS_MAX + 1);
        assert_eq!(list[FINDINGS_MAX], "and 7 more");
    }
}
