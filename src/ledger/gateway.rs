//! The gateway's documents in memory, found by their keys and in their lists.
//!
//! They are rare next to bets, and several of them change together: they are one piece, under one
//! lock. To add a kind, see [`crate::engine::gateway`]; nothing here knows any of them.
//!
//! Whoever judges brings what it needs into memory with [`Ledger::gateway_with`], judges under the
//! lock that it got, and takes the record down with [`Ledger::take_gateway_down`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::MutexGuard;

use super::load::Sight;
use super::paying::NOBODY;
use super::report::Page;
use super::{Ledger, Observed, Unavailable};
use crate::books::BooksError;
use crate::engine::document::Document;
use crate::engine::entry::{Entry, Record};
use crate::engine::gateway::{GatewayKey, GatewayRow, Mark, OfKind};
use crate::engine::held::{Bin, Generation, Held};
use crate::id::{PartnerNumber, Seq};
use crate::journal::Permit;

/// Documents that are looked through for one page of a list of which few are wanted.
const LOOKED_THROUGH_MAX: usize = 10_000;

/// The gateway's documents.
#[derive(Default)]
pub(super) struct Gateway {
    rows: Held<GatewayKey, GatewayRow>,
    marks: Marks,
}

/// Places in lists that documents came to, or left, in the current generation and in the one
/// before. Lists are the books' with these on top.
#[derive(Default)]
struct Marks {
    current: BTreeMap<Mark, Change>,
    previous: Arc<BTreeMap<Mark, Change>>,
}

#[derive(Clone, Debug)]
enum Change {
    /// The document stands there. Where it is `new` the books know nothing of the place.
    Came { key: GatewayKey, new: bool },
    /// None does any more.
    Left,
}

impl Marks {
    fn add(&mut self, mark: Mark, key: GatewayKey) {
        let new = !self.current.contains_key(&mark) && !self.previous.contains_key(&mark);
        self.current.insert(mark, Change::Came { key, new });
    }

    fn remove(&mut self, mark: Mark) {
        if let Some(Change::Came { new: true, .. }) = self.current.get(&mark) {
            self.current.remove(&mark);
        } else {
            self.current.insert(mark, Change::Left);
        }
    }

    fn turn(&mut self, bin: &mut Bin) {
        let over = Arc::new(std::mem::take(&mut self.current));
        let forgotten = std::mem::replace(&mut self.previous, over);
        bin.push(forgotten);
    }
}

impl Gateway {
    /// The document under a key, which is in memory if there is one, and its row.
    pub(super) fn of<T: OfKind>(&self, key: &GatewayKey) -> Option<(&T, &GatewayRow)> {
        let row = self.rows.row(key)?;
        let document = row.read().expect("a key names a document of its kind");
        Some((document, row))
    }

    /// The document alone.
    pub(super) fn read<T: OfKind>(&self, key: &GatewayKey) -> Option<&T> {
        self.of(key).map(|(document, _)| document)
    }

    /// Makes the changes of an entry, those that are not made already. What its documents were
    /// before is in memory.
    pub(super) fn apply(&mut self, entry: &Entry) {
        for document in entry.documents() {
            let Document::Gateway(document) = document else {
                continue;
            };
            let key = document.key();
            let before = self.rows.row(&key);
            if before.is_some_and(|row| row.changed >= entry.seq) {
                continue;
            }
            let row = GatewayRow::after(before, (**document).clone(), (entry.seq, entry.at));
            let (left, now) = (before.map(GatewayRow::marks), row.marks());
            let left = left.unwrap_or_default();
            for mark in left.difference(&now) {
                self.marks.remove(mark.clone());
            }
            for mark in now.difference(&left) {
                self.marks.add(mark.clone(), key.clone());
            }
            self.rows.put(key, row);
        }
    }

    /// Takes in what the books have.
    pub(super) fn load(&mut self, rows: Vec<GatewayRow>) {
        for row in rows {
            self.rows.load(row.document.key(), row);
        }
    }

    /// Those of some keys that are not in memory and were not `looked` up.
    pub(super) fn missing(
        &mut self,
        mut keys: Vec<GatewayKey>,
        looked: &BTreeSet<GatewayKey>,
    ) -> Vec<GatewayKey> {
        keys.retain(|key| self.rows.keep(key).is_none() && !looked.contains(key));
        keys
    }

    /// Begins new generations; what is over is to be written down, with the marks that it says.
    pub(super) fn turn(&mut self, bin: &mut Bin) -> Arc<Generation<GatewayKey, GatewayRow>> {
        self.marks.turn(bin);
        self.rows.turn(bin)
    }

    /// Lets go of what was merely seen since the last turn.
    pub(super) fn shed(&mut self) {
        self.rows.shed();
    }

    /// How many rows the current generation has.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// A row of the books, or the one in memory, which is newer.
    fn newer(&self, row: GatewayRow) -> GatewayRow {
        let held = self.rows.row(&row.document.key());
        held.cloned().unwrap_or(row)
    }

    /// Puts what is in memory onto places that the books have, in the order that is asked for.
    fn onto(&self, booked: BTreeMap<Mark, GatewayRow>, of: &Asked<'_>) -> Vec<(Mark, GatewayRow)> {
        // Beyond the last place that was read the books have others.
        let whole = booked.len() < of.at_most;
        let end = match of.backwards {
            true => booked.first_key_value(),
            false => booked.last_key_value(),
        };
        let end = end.map(|(mark, _)| mark.clone()).filter(|_| !whole);
        let is_within = |mark: &Mark| match (&end, of.backwards) {
            (None, _) => true,
            (Some(end), true) => mark >= end,
            (Some(end), false) => mark <= end,
        };
        let bounds = (
            std::ops::Bound::Excluded(of.after),
            std::ops::Bound::Excluded(of.before),
        );
        let mut layers = [
            Layer::new(self.marks.current.range(bounds), of.backwards),
            Layer::new(self.marks.previous.range(bounds), of.backwards),
        ];
        let mut booked: Box<dyn Iterator<Item = (Mark, GatewayRow)>> = match of.backwards {
            true => Box::new(booked.into_iter().rev()),
            false => Box::new(booked.into_iter()),
        };
        let mut next_booked = booked.next();
        let mut found = Vec::new();
        while found.len() < of.at_most {
            let heads = layers.iter().filter_map(|layer| layer.head());
            let heads = heads.chain(next_booked.as_ref().map(|(mark, _)| mark));
            let head = match of.backwards {
                true => heads.max(),
                false => heads.min(),
            };
            let Some(mark) = head.cloned().filter(|mark| is_within(mark)) else {
                break;
            };
            let [current, previous] = &mut layers;
            let (newer, older) = (current.take(&mark), previous.take(&mark));
            let row = next_booked.take_if(|(of, _)| *of == mark);
            if row.is_some() {
                next_booked = booked.next();
            }
            let row = match newer.or(older) {
                Some(Change::Came { key, .. }) => {
                    let row = self.rows.row(key).cloned();
                    Some(row.expect("what came lately is in memory"))
                }
                Some(Change::Left) => None,
                // It may have changed and stand where it stood.
                None => row.map(|(_, row)| self.newer(row)),
            };
            found.extend(row.map(|row| (mark, row)));
        }
        found
    }
}

/// A part of a list: what is asked of it.
struct Asked<'a> {
    after: &'a Mark,
    before: &'a Mark,
    backwards: bool,
    at_most: usize,
}

/// One generation's changes in a part of a list.
struct Layer<'a> {
    rest: Box<dyn Iterator<Item = (&'a Mark, &'a Change)> + 'a>,
    head: Option<(&'a Mark, &'a Change)>,
}

impl<'a> Layer<'a> {
    fn new(
        range: std::collections::btree_map::Range<'a, Mark, Change>,
        backwards: bool,
    ) -> Layer<'a> {
        let mut rest: Box<dyn Iterator<Item = (&'a Mark, &'a Change)> + 'a> = match backwards {
            true => Box::new(range.rev()),
            false => Box::new(range),
        };
        let head = rest.next();
        Layer { rest, head }
    }

    fn head(&self) -> Option<&'a Mark> {
        self.head.map(|(mark, _)| mark)
    }

    fn take(&mut self, mark: &Mark) -> Option<&'a Change> {
        let taken = self.head.filter(|(of, _)| *of == mark)?;
        self.head = self.rest.next();
        Some(taken.1)
    }
}

impl Ledger {
    /// The gateway's documents, with all in memory that are there under the keys that `keys` names.
    /// It is asked again when these have been brought: what it sees then may lead it to others.
    pub(super) fn gateway_with(
        &self,
        keys: impl Fn(&Gateway) -> Vec<GatewayKey>,
    ) -> Result<MutexGuard<'_, Gateway>, Unavailable> {
        let mut looked: BTreeSet<GatewayKey> = BTreeSet::new();
        let mut sight = None;
        loop {
            let mut gateway = self.shards.gateway.lock();
            match sight.take().filter(|sight| self.is_fresh(sight)) {
                Some(sight) => gateway.load(sight.found.unwrap_or_default()),
                None => looked.clear(),
            }
            let keys = keys(&gateway);
            let missing = gateway.missing(keys, &looked);
            if missing.is_empty() {
                return Ok(gateway);
            }
            drop(gateway);
            looked.extend(missing);
            sight = Some(self.look_for_gateway(&looked)?);
        }
    }

    /// What the books have under some keys.
    pub(super) fn look_for_gateway(
        &self,
        keys: &BTreeSet<GatewayKey>,
    ) -> Result<Sight<Vec<GatewayRow>>, Unavailable> {
        self.look(|view| {
            let found = keys.iter().map(|key| view.gateway(key));
            let found: Vec<_> = found.collect::<Result<_, _>>()?;
            Ok(Some(found.into_iter().flatten().collect()))
        })
    }

    /// Takes a record down, counts its money and applies its documents.
    pub(super) fn take_gateway_down(
        &self,
        permit: Permit<'_>,
        gateway: &mut Gateway,
        record: Record,
    ) -> Entry {
        // Whoever adds up at an entry finds all that is up to it.
        let currency = record.postings.first().map(|posting| posting.currency);
        let counted = currency.map(|currency| (self.shards.players.lock(&NOBODY), currency));
        let entry = self.push(permit, record);
        if let Some((mut counted, currency)) = counted {
            (counted.holdings).count(&entry, PartnerNumber(0), currency);
        }
        gateway.apply(&entry);
        entry
    }

    /// Takes in the documents of an entry of the tail.
    pub(super) fn index_gateway(&self, entry: &Entry) -> Result<(), BooksError> {
        let mut gateway = self.shards.gateway.lock();
        let view = self.view.load();
        for document in entry.documents() {
            if let Document::Gateway(document) = document {
                let key = document.key();
                if gateway.rows.row(&key).is_none()
                    && let Some(row) = view.gateway(&key)?
                {
                    gateway.rows.load(key, row);
                }
            }
        }
        gateway.apply(entry);
        Ok(())
    }

    /// What stands first in a part of a list, and the entry that this is of. Reads the disk.
    ///
    /// # Errors
    /// The books could not be read.
    pub(super) fn gateway_first(
        &self,
        list: &Mark,
        at_most: usize,
    ) -> Result<(Vec<(Mark, GatewayRow)>, Seq), Unavailable> {
        self.gateway_marked(&Asked {
            after: list,
            before: &list.clone().last(),
            backwards: false,
            at_most,
        })
    }

    fn gateway_marked(
        &self,
        of: &Asked<'_>,
    ) -> Result<(Vec<(Mark, GatewayRow)>, Seq), Unavailable> {
        let at_most = of.at_most.max(1);
        let (mut after, mut before) = (of.after.clone(), of.before.clone());
        let mut found = Vec::new();
        loop {
            let asked = Asked {
                after: &after,
                before: &before,
                at_most,
                ..*of
            };
            let between = (&after, &before);
            let read = |view: &crate::books::View| {
                view.gateway_marked(between, of.backwards, at_most)
                    .map(Some)
            };
            let sight = self.look(read)?;
            let gateway = self.shards.gateway.lock();
            if !self.is_fresh(&sight) {
                continue;
            }
            let booked = sight.found.unwrap_or_default();
            let end = match of.backwards {
                true => booked.first_key_value(),
                false => booked.last_key_value(),
            };
            let end = end.map(|(mark, _)| mark.clone());
            let end = end.filter(|_| booked.len() == at_most);
            found.extend(gateway.onto(booked, &asked));
            let seq = self.sequencer.last();
            drop(gateway);
            match end {
                // Some that the books have are there no more.
                Some(end) if found.len() < at_most => match of.backwards {
                    true => before = end,
                    false => after = end,
                },
                _ => {
                    found.truncate(of.at_most);
                    return Ok((found, seq));
                }
            }
        }
    }

    /// A page of a list whose places are the entries that documents came with, the newest first:
    /// those that are `wanted`. `before` is the last page's `next`. Reads the disk.
    ///
    /// # Errors
    /// The books could not be read.
    pub(super) fn gateway_page(
        &self,
        list: &Mark,
        before: Option<Seq>,
        limit: usize,
        wanted: impl Fn(&GatewayRow) -> bool,
    ) -> Result<Observed<Page<GatewayRow>>, Unavailable> {
        let mut from = match before {
            Some(before) => list.clone().created(before),
            None => list.clone().last(),
        };
        let (mut items, mut looked_through): (Vec<GatewayRow>, _) = (Vec::new(), 0);
        loop {
            let (found, seq) = self.gateway_marked(&Asked {
                after: list,
                before: &from,
                backwards: true,
                at_most: limit + 1,
            })?;
            let is_last = found.len() <= limit;
            looked_through += found.len();
            let mut next = None;
            for (mark, row) in found {
                if items.len() == limit {
                    // What is left is for the next page, whether it is wanted or not.
                    next = items.last().map(|row| row.created);
                    break;
                }
                from = mark;
                if wanted(&row) {
                    items.push(row);
                }
            }
            if next.is_none() && !is_last && looked_through > LOOKED_THROUGH_MAX {
                next = from.number_before_last(0).map(Seq);
            }
            if next.is_some() || is_last {
                let value = Page { items, next };
                return Ok(Observed { value, seq });
            }
        }
    }

    /// The document of a list that came with an entry. Reads the disk.
    ///
    /// # Errors
    /// The books could not be read.
    pub(super) fn gateway_created(
        &self,
        list: &Mark,
        created: Seq,
    ) -> Result<Option<GatewayKey>, Unavailable> {
        let Some(one_before) = created.0.checked_sub(1) else {
            return Ok(None);
        };
        let (found, _) = self.gateway_marked(&Asked {
            after: &list.clone().created(Seq(one_before)),
            before: &list.clone().created(created).last(),
            backwards: false,
            at_most: 1,
        })?;
        let row = found.into_iter().next();
        let row = row.filter(|(_, row)| row.created == created);
        Ok(row.map(|(_, row)| row.document.key()))
    }
}
