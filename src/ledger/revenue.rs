//! What was played by day, partner, currency and game (operations.md, `report revenue`).

use std::collections::BTreeMap;

use super::{Ledger, Observed, OperatorError};
use crate::engine::totals::{DayKey, DayTotals};
use crate::time::Day;

/// Some whole days, and the last of them where others follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    /// What was played, in the order of time.
    pub days: Vec<(DayKey, DayTotals)>,
    /// The cursor of the next page, where there is one.
    pub next: Option<Day>,
}

impl Ledger {
    /// What was played on the days after `after`, oldest first, until there are `at_least` rows
    /// and their last day is whole. Reads the disk.
    ///
    /// # Errors
    /// The books could not be read.
    pub fn days(
        &self,
        after: Option<Day>,
        at_least: usize,
    ) -> Result<Observed<Days>, OperatorError> {
        let from = Day(after.map_or(0, |day| day.0.saturating_add(1)));
        // Held, so that nothing goes from memory to the books meanwhile.
        let base = self.base.lock();
        let view = self.view.load();
        let (mut days, end) = self.read_books(|| view.days(from, at_least))?;
        let wanted = |key: &DayKey| key.day >= from && end.is_none_or(|end| key.day <= end);
        let mut add = |more: &BTreeMap<DayKey, DayTotals>| {
            for (key, totals) in more.iter().filter(|(key, _)| wanted(key)) {
                days.entry(*key).or_default().merge(totals);
            }
        };
        add(&base.days);
        for players in self.shards.players.each() {
            add(players.holdings.totals.days());
        }
        let seq = self.sequencer.last();
        let mut page: Vec<(DayKey, DayTotals)> = Vec::new();
        let mut next = end;
        for (key, totals) in days {
            let last = page.last().map(|(last, _)| last.day);
            if page.len() >= at_least && last != Some(key.day) {
                next = last;
                break;
            }
            page.push((key, totals));
        }
        let value = Days { days: page, next };
        Ok(Observed { value, seq })
    }
}
