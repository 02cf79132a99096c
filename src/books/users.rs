//! Users by their mobile numbers, and what partners put on their wallets and took off.

use redb::TableDefinition;

use super::field::Field;
use super::keys::partner_key;
use super::rows::{Definition, Row};
use super::scan::named;
use super::{BooksError, Slice, View};
use crate::bytes::{Bytes, CodecError};
use crate::engine::document::{Transfer, TransferKind};
use crate::engine::transfer::{TransferKey, TransferRow};
use crate::engine::user::{Registered, UserPlace};
use crate::id::Mobile;

/// How many, then each.
impl Row for Registered {
    const TABLE: Definition = TableDefinition::new("users");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        (self.users.len() as u64).put(out);
        for user in &self.users {
            user.partner.put(out);
            user.number.put(out);
            user.account.put(out);
            user.registered.put(out);
        }
    }

    fn decode(_: &[u8], bytes: &mut Bytes<'_>) -> Result<Registered, CodecError> {
        let mut users = Vec::new();
        for _ in 0..u64::take(bytes)? {
            users.push(UserPlace {
                partner: Field::take(bytes)?,
                number: Field::take(bytes)?,
                account: Field::take(bytes)?,
                registered: Field::take(bytes)?,
            });
        }
        if users.is_empty() {
            return Err(CodecError::OutOfRange);
        }
        Ok(Registered { users })
    }
}

impl Row for TransferRow {
    const TABLE: Definition = TableDefinition::new("transfers");

    fn encode(&self, _: &[u8], out: &mut Vec<u8>) {
        let of = &self.transfer;
        out.push(match of.kind {
            TransferKind::Deposit => 0,
            TransferKind::Withdrawal => 1,
        });
        of.mobile.put(out);
        of.account.put(out);
        of.amount.put(out);
        self.balance_after.put(out);
        self.at.put(out);
        self.seq.put(out);
    }

    fn decode(key: &[u8], bytes: &mut Bytes<'_>) -> Result<TransferRow, CodecError> {
        let (partner, id) = named(key).ok_or(CodecError::OutOfRange)?;
        let transfer = Transfer {
            partner,
            id: id.parse().map_err(|_| CodecError::Text)?,
            kind: match bytes.byte()? {
                0 => TransferKind::Deposit,
                1 => TransferKind::Withdrawal,
                _ => return Err(CodecError::UnknownBits),
            },
            mobile: Field::take(bytes)?,
            account: Field::take(bytes)?,
            amount: Field::take(bytes)?,
        };
        Ok(TransferRow {
            transfer,
            balance_after: Field::take(bytes)?,
            at: Field::take(bytes)?,
            seq: Field::take(bytes)?,
        })
    }
}

impl View {
    /// Who is registered under a mobile number.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn registered(&self, mobile: &Mobile) -> Result<Option<Registered>, BooksError> {
        self.seldom(mobile.as_str().as_bytes())
    }

    /// The transfer under a partner's id.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn transfer(&self, (partner, id): &TransferKey) -> Result<Option<TransferRow>, BooksError> {
        self.seldom(&partner_key(*partner, id.as_str()))
    }
}

impl Slice<'_> {
    /// Who is registered under mobile numbers.
    ///
    /// # Errors
    /// [`BooksError`]: then nothing of the slice is there.
    pub fn registered(&mut self, rows: &[(&Mobile, &Registered)]) -> Result<(), BooksError> {
        let rows = rows.iter();
        self.rows(rows.map(|(mobile, row)| (mobile.as_str().as_bytes(), *row)))
    }

    /// Transfers by their ids.
    ///
    /// # Errors
    /// As above.
    pub fn transfers(&mut self, rows: &[(&TransferKey, &TransferRow)]) -> Result<(), BooksError> {
        let rows = rows.iter();
        self.rows(rows.map(|(key, row)| (partner_key(key.0, key.1.as_str()), *row)))
    }
}

#[cfg(test)]
mod tests {
    use redb::TableHandle;

    use super::super::{Books, create, tables};
    use super::*;
    use crate::id::{AccountNumber, PartnerNumber, Seq};
    use crate::money::Amount;
    use crate::sim::disk::SimDisk;
    use crate::time::Timestamp;

    const ID: [u8; 16] = [7; 16];

    /// Makes the file as an earlier version left it.
    fn without_tables(books: Books) {
        let transaction = books.database.begin_write().unwrap();
        for table in tables::LATER {
            assert!(transaction.delete_table(table).unwrap(), "{}", table.name());
        }
        transaction.commit().unwrap();
    }

    fn deposit() -> TransferRow {
        TransferRow {
            transfer: Transfer {
                partner: PartnerNumber(1),
                id: "a".parse().unwrap(),
                kind: TransferKind::Deposit,
                mobile: "1234567".parse().unwrap(),
                account: AccountNumber(5),
                amount: Amount::from_cents(250).unwrap(),
            },
            balance_after: Amount::MAX,
            at: Timestamp::from_micros(1),
            seq: Seq(9),
        }
    }

    #[test]
    fn an_earlier_versions_books_get_the_tables_and_lost_ones_are_missed() {
        let disk = SimDisk::new();
        create(&disk, ID).unwrap();
        without_tables(Books::open(&disk, ID).unwrap());
        let books = Books::open(&disk, ID).unwrap();
        let row = deposit();
        assert_eq!(books.view().unwrap().transfer(&row.key()).unwrap(), None);
        let mut slice = books.begin().unwrap();
        slice.transfers(&[(&row.key(), &row)]).unwrap();
        slice.commit().unwrap();
        let found = books.view().unwrap().transfer(&row.key()).unwrap();
        assert_eq!(found, Some(row));
        without_tables(books);
        let lost = Books::open(&disk, ID).unwrap_err();
        assert!(matches!(lost, BooksError::Unreadable(_)), "{lost:?}");
    }
}
