//! Received payments by wallet type and reference, and in the order in which they were taken down.

use std::ops::Bound;

use redb::TableDefinition;

use super::field::Field;
use super::keys::{payment_key, seq_of};
use super::rows::{Definition, Row, damaged, unseal};
use super::{BooksError, Slice, View};
use crate::bytes::{Bytes, CodecError, put_text};
use crate::engine::document::ReceivedPayment;
use crate::engine::payment::{PaymentKey, PaymentRow};
use crate::id::{PaymentReference, Seq, WalletType};

/// Which payment an entry took down.
pub(super) struct ListedPayment {
    pub(super) wallet_type: WalletType,
    pub(super) reference: PaymentReference,
}

/// The document as JSON text.
impl Row for PaymentRow {
    const TABLE: Definition = TableDefinition::new("payments");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        self.received.put(out);
        self.changed.put(out);
        self.at.put(out);
        let text = serde_json::to_vec(&self.payment).expect("a document is plain data");
        put_text(&text, out);
    }

    fn decode(key: &[u8], bytes: &mut Bytes<'_>) -> Result<PaymentRow, CodecError> {
        let (received, changed) = (Field::take(bytes)?, Field::take(bytes)?);
        let at = Field::take(bytes)?;
        let payment = serde_json::from_slice(bytes.text()?);
        let payment: ReceivedPayment = payment.map_err(|_| CodecError::Text)?;
        if payment_key(payment.wallet_type, &payment.reference) != key {
            return Err(CodecError::OutOfRange);
        }
        Ok(PaymentRow {
            payment,
            received,
            changed,
            at,
        })
    }
}

impl Row for ListedPayment {
    const TABLE: Definition = TableDefinition::new("listed_payments");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        self.wallet_type.put(out);
        self.reference.put(out);
    }

    fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<ListedPayment, CodecError> {
        Ok(ListedPayment {
            wallet_type: Field::take(bytes)?,
            reference: Field::take(bytes)?,
        })
    }
}

impl View {
    /// A received payment.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn payment(&self, key: &PaymentKey) -> Result<Option<PaymentRow>, BooksError> {
        self.seldom(&payment_key(key.0, &key.1))
    }

    /// Payments that were taken down before entry `before`, the newest first.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn payments_before(
        &self,
        before: Seq,
        at_most: usize,
    ) -> Result<Vec<PaymentRow>, BooksError> {
        let listed = self.open::<ListedPayment>()?;
        let before = before.0.to_be_bytes();
        let range = (Bound::Unbounded, Bound::Excluded(&before[..]));
        let mut rows = Vec::new();
        for row in listed.range::<&[u8]>(range)?.rev().take(at_most) {
            let (key, bytes) = row?;
            let lost = || damaged::<ListedPayment>(key.value(), CodecError::OutOfRange);
            let of: ListedPayment = unseal(key.value(), bytes.value())?;
            let row = self.payment(&(of.wallet_type, of.reference))?;
            let row = row.filter(|row| seq_of(key.value()) == Some(row.received));
            rows.push(row.ok_or_else(lost)?);
        }
        Ok(rows)
    }
}

impl Slice<'_> {
    /// Received payments by their names, each with its place in the list.
    ///
    /// # Errors
    /// [`BooksError`]: then nothing of the slice is there.
    pub fn payments(&mut self, rows: &[(&PaymentKey, &PaymentRow)]) -> Result<(), BooksError> {
        self.rows(
            rows.iter()
                .map(|(key, row)| (payment_key(key.0, &key.1), *row)),
        )?;
        let listed: Vec<_> = (rows.iter())
            .map(|(key, row)| {
                let (wallet_type, reference) = (key.0, key.1.clone());
                let listed = ListedPayment {
                    wallet_type,
                    reference,
                };
                (row.received.0.to_be_bytes(), listed)
            })
            .collect();
        self.rows(listed.iter().map(|(key, row)| (*key, row)))
    }
}
