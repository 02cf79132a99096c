//! The gateway's documents by their keys, and the lists that they stand in.
//!
//! Which marks a row stands under its document says. They are written in the commit of the row, and
//! those of the row before leave with it.

use std::collections::BTreeMap;
use std::ops::Bound;

use redb::TableDefinition;

use super::field::Field;
use super::rows::{Definition, Row, damaged, unseal};
use super::write::Writer;
use super::{BooksError, Slice, View};
use crate::bytes::{Bytes, CodecError, put_text};
use crate::engine::gateway::{GatewayKey, GatewayRow, Mark};

/// Which document stands under a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) key: GatewayKey,
}

/// How rows are written today.
const VERSION: u8 = 1;

/// A version, then the entries, then the document as JSON text.
impl Row for GatewayRow {
    const TABLE: Definition = TableDefinition::new("gateway");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        out.push(VERSION);
        self.created.put(out);
        self.created_at.put(out);
        self.changed.put(out);
        self.changed_at.put(out);
        let text = serde_json::to_vec(&self.document).expect("a document is plain data");
        put_text(&text, out);
    }

    fn decode(key: &[u8], bytes: &mut Bytes<'_>) -> Result<GatewayRow, CodecError> {
        match bytes.byte()? {
            VERSION => {}
            version => return Err(CodecError::Newer(version)),
        }
        let (created, created_at) = (Field::take(bytes)?, Field::take(bytes)?);
        let (changed, changed_at) = (Field::take(bytes)?, Field::take(bytes)?);
        let document = serde_json::from_slice(bytes.text()?);
        let row = GatewayRow {
            document: document.map_err(|_| CodecError::Text)?,
            created,
            created_at,
            changed,
            changed_at,
        };
        match row.document.key().as_bytes() == key {
            true => Ok(row),
            false => Err(CodecError::OutOfRange),
        }
    }
}

impl Row for Marked {
    const TABLE: Definition = TableDefinition::new("gateway_marks");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        put_text(self.key.as_bytes(), out);
    }

    fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<Marked, CodecError> {
        let key = GatewayKey::from_bytes(bytes.text()?).ok_or(CodecError::OutOfRange)?;
        Ok(Marked { key })
    }
}

impl View {
    /// A document of the gateway.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn gateway(&self, key: &GatewayKey) -> Result<Option<GatewayRow>, BooksError> {
        self.seldom(key.as_bytes())
    }

    /// What stands in a list between two places, both left out: the first ones, or the last ones
    /// with the last one first.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn gateway_marked(
        &self,
        (after, before): (&Mark, &Mark),
        backwards: bool,
        at_most: usize,
    ) -> Result<BTreeMap<Mark, GatewayRow>, BooksError> {
        let marks = self.open::<Marked>()?;
        let range = (
            Bound::Excluded(after.as_bytes()),
            Bound::Excluded(before.as_bytes()),
        );
        let mut range = marks.range::<&[u8]>(range)?;
        let mut rows = BTreeMap::new();
        for _ in 0..at_most {
            let next = match backwards {
                true => range.next_back(),
                false => range.next(),
            };
            let Some((mark, bytes)) = next.transpose()? else {
                break;
            };
            let mark = mark.value();
            let of: Marked = unseal(mark, bytes.value())?;
            let row = self.gateway(&of.key)?;
            let mark_of = Mark::from_bytes(mark);
            let row = row.filter(|row| row.marks().contains(&mark_of));
            let lost = || damaged::<Marked>(mark, CodecError::OutOfRange);
            rows.insert(mark_of, row.ok_or_else(lost)?);
        }
        Ok(rows)
    }
}

impl Slice<'_> {
    /// Documents of the gateway, each with its places in lists.
    ///
    /// # Errors
    /// [`BooksError`]: then nothing of the slice is there.
    pub fn gateway(&mut self, rows: &[(&GatewayKey, &GatewayRow)]) -> Result<(), BooksError> {
        let mut documents = Writer::<GatewayRow>::open(&self.transaction)?;
        let mut marks = Writer::<Marked>::open(&self.transaction)?;
        for (key, row) in rows {
            let before = documents.read(key.as_bytes())?;
            let before = before.map(|row| row.marks()).unwrap_or_default();
            let now = row.marks();
            for mark in before.difference(&now) {
                marks.remove(mark.as_bytes())?;
            }
            let marked = Marked {
                key: (*key).clone(),
            };
            for mark in now.difference(&before) {
                marks.put(mark.as_bytes(), &marked, &mut self.buffer)?;
            }
            documents.put(key.as_bytes(), row, &mut self.buffer)?;
        }
        documents.close(&self.transaction)?;
        marks.close(&self.transaction)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Books, create};
    use super::*;
    use crate::engine::gateway::Kept;
    use crate::engine::postback::{Delivery, DeliveryState, PostbackKind, PostbackOf};
    use crate::id::{PartnerNumber, Seq};
    use crate::sim::disk::SimDisk;
    use crate::time::Timestamp;

    const P: PartnerNumber = PartnerNumber(1);
    const KIND: PostbackKind = PostbackKind::Deposit;

    fn row(number: u64, state: DeliveryState) -> GatewayRow {
        let delivery = Delivery {
            of: PostbackOf {
                partner: P,
                kind: KIND,
                name: number.to_string().parse().unwrap(),
            },
            state,
            attempts: 0,
            tries: 0,
            since: Timestamp::EPOCH,
        };
        GatewayRow {
            document: delivery.into(),
            created: Seq(number),
            created_at: Timestamp::EPOCH,
            changed: Seq(number),
            changed_at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn a_row_leaves_the_lists_that_it_belongs_to_no_more() {
        let disk = SimDisk::new();
        create(&disk, [7; 16]).unwrap();
        let books = Books::open(&disk, [7; 16]).unwrap();
        let write = |rows: &[GatewayRow]| {
            let keys: Vec<_> = rows.iter().map(|row| row.document.key()).collect();
            let mut slice = books.begin().unwrap();
            let rows: Vec<_> = keys.iter().zip(rows).collect();
            slice.gateway(&rows).unwrap();
            slice.commit().unwrap();
        };
        let due = |at| DeliveryState::Due(Timestamp::from_micros(at));
        let listed = |backwards, at_most| {
            let list = Delivery::due_list(P, KIND);
            let between = (&list.clone(), &list.last());
            let view = books.view().unwrap();
            let rows = view.gateway_marked(between, backwards, at_most).unwrap();
            let rows = rows.values().map(|row| row.created.0);
            rows.collect::<Vec<_>>()
        };
        write(&[row(1, due(50)), row(2, due(20)), row(3, due(70))]);
        assert_eq!(listed(false, 9), [2, 1, 3]);
        write(&[row(2, DeliveryState::Delivered), row(1, due(90))]);
        assert_eq!(listed(false, 9), [3, 1]);
        assert_eq!((listed(false, 1), listed(true, 1)), (vec![3], vec![1]));
        let key = Delivery::key_of(&row(1, due(1)).read::<Delivery>().unwrap().of);
        let found = books.view().unwrap().gateway(&key).unwrap();
        assert_eq!(found, Some(row(1, due(90))));
        assert_eq!(key, row(1, due(1)).read::<Delivery>().unwrap().key());
    }
}
