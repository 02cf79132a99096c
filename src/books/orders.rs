//! Orders by what their pages are found by, by their partners' names for them, in the order in
//! which they came; and what the banks' references were named for.

use std::ops::Bound;

use redb::TableDefinition;

use super::field::Field;
use super::keys::{partner_key, seq_of};
use super::rows::{Definition, Row, damaged, unseal};
use super::{BooksError, Slice, View};
use crate::bytes::{Bytes, CodecError, put_text};
use crate::engine::claim::{Claim, Claims};
use crate::engine::document::Order;
use crate::engine::order::{OrderKey, OrderRow};
use crate::id::{OrderReference, PaymentReference, Seq};

/// Which order a partner means by a name.
pub(super) struct OrderNamed {
    pub(super) reference: OrderReference,
}

/// Which order came with an entry.
pub(super) struct ListedOrder {
    pub(super) reference: OrderReference,
}

/// The document as JSON text.
impl Row for OrderRow {
    const TABLE: Definition = TableDefinition::new("orders");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        self.created.put(out);
        self.changed.put(out);
        let text = serde_json::to_vec(&self.order).expect("a document is plain data");
        put_text(&text, out);
    }

    fn decode(key: &[u8], bytes: &mut Bytes<'_>) -> Result<OrderRow, CodecError> {
        let (created, changed) = (Field::take(bytes)?, Field::take(bytes)?);
        let order = serde_json::from_slice(bytes.text()?);
        let order: Order = order.map_err(|_| CodecError::Text)?;
        if order.reference.as_str().as_bytes() != key {
            return Err(CodecError::OutOfRange);
        }
        Ok(OrderRow {
            order,
            created,
            changed,
        })
    }
}

impl Row for OrderNamed {
    const TABLE: Definition = TableDefinition::new("order_ids");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        self.reference.put(out);
    }

    fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<OrderNamed, CodecError> {
        let reference = Field::take(bytes)?;
        Ok(OrderNamed { reference })
    }
}

impl Row for ListedOrder {
    const TABLE: Definition = TableDefinition::new("listed_orders");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        self.reference.put(out);
    }

    fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<ListedOrder, CodecError> {
        let reference = Field::take(bytes)?;
        Ok(ListedOrder { reference })
    }
}

/// A claimant's kind in a row.
const ORDER: u32 = 0;

/// How many, then each: what kind of thing, which, and the entry.
impl Row for Claims {
    const TABLE: Definition = TableDefinition::new("claims");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        (self.by.len() as u64).put(out);
        for claim in &self.by {
            ORDER.put(out);
            claim.by.put(out);
            claim.named.put(out);
        }
    }

    fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<Claims, CodecError> {
        let mut claims = Claims::default();
        for _ in 0..u64::take(bytes)? {
            let by = match u32::take(bytes)? {
                ORDER => Field::take(bytes)?,
                _ => return Err(CodecError::OutOfRange),
            };
            let named = Field::take(bytes)?;
            claims.by.push(Claim { by, named });
        }
        if claims.by.is_empty() {
            return Err(CodecError::OutOfRange);
        }
        Ok(claims)
    }
}

impl View {
    /// An order.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn order(&self, reference: &OrderReference) -> Result<Option<OrderRow>, BooksError> {
        self.seldom(reference.as_str().as_bytes())
    }

    /// Which order a partner means by a name.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn order_named(
        &self,
        (partner, id): &OrderKey,
    ) -> Result<Option<OrderReference>, BooksError> {
        let named: Option<OrderNamed> = self.seldom(&partner_key(*partner, id.as_str()))?;
        Ok(named.map(|named| named.reference))
    }

    /// All for which a reference was named.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn claims(&self, reference: &PaymentReference) -> Result<Option<Claims>, BooksError> {
        self.seldom(reference.as_str().as_bytes())
    }

    /// Orders that came before entry `before`, the newest first.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn orders_before(&self, before: Seq, at_most: usize) -> Result<Vec<OrderRow>, BooksError> {
        let listed = self.open::<ListedOrder>()?;
        let before = before.0.to_be_bytes();
        let range = (Bound::Unbounded, Bound::Excluded(&before[..]));
        let mut rows = Vec::new();
        for row in listed.range::<&[u8]>(range)?.rev().take(at_most) {
            let (key, bytes) = row?;
            let lost = || damaged::<ListedOrder>(key.value(), CodecError::OutOfRange);
            let of: ListedOrder = unseal(key.value(), bytes.value())?;
            let row = self.order(&of.reference)?;
            let row = row.filter(|row| seq_of(key.value()) == Some(row.created));
            rows.push(row.ok_or_else(lost)?);
        }
        Ok(rows)
    }
}

impl Slice<'_> {
    /// Orders, each with its name and its place in the list.
    ///
    /// # Errors
    /// [`BooksError`]: then nothing of the slice is there.
    pub fn orders(&mut self, rows: &[(&OrderReference, &OrderRow)]) -> Result<(), BooksError> {
        self.rows((rows.iter()).map(|(key, row)| (key.as_str().as_bytes(), *row)))?;
        let mut named: Vec<_> = (rows.iter())
            .map(|(_, row)| {
                let (partner, id) = row.order.key();
                let reference = row.order.reference.clone();
                (partner_key(partner, id.as_str()), OrderNamed { reference })
            })
            .collect();
        named.sort_by(|one, other| one.0.cmp(&other.0));
        self.rows(named.iter().map(|(key, row)| (key, row)))?;
        let listed: Vec<_> = (rows.iter())
            .map(|(_, row)| {
                let reference = row.order.reference.clone();
                (row.created.0.to_be_bytes(), ListedOrder { reference })
            })
            .collect();
        self.rows(listed.iter().map(|(key, row)| (*key, row)))
    }

    /// All for which references were named.
    ///
    /// # Errors
    /// As above.
    pub fn claims(&mut self, rows: &[(&PaymentReference, &Claims)]) -> Result<(), BooksError> {
        let rows = rows.iter();
        self.rows(rows.map(|(reference, row)| (reference.as_str().as_bytes(), *row)))
    }
}
