//! Reading the books whole, row by row, to compare them with what entries say.

use std::collections::HashMap;
use std::sync::Arc;

use redb::Builder;

use super::check::pages;
use super::gateway::Marked;
use super::keys::{day_of, seq_of, sum_of};
use super::orders::{ListedOrder, OrderNamed};
use super::payments::ListedPayment;
use super::rows::{
    AccountPlace, ForeignRound, Home, OpenRound, Row, SessionPlace, Space, SumRow, Unlisted,
    damaged, unseal,
};
use super::runs::{Kind, Table};
use super::{Applied, Books, BooksError, CACHE_BYTES, View};
use crate::bytes::CodecError;
use crate::disk::{Disk, File, UntouchedBackend};
use crate::engine::audit::{Booked, CodePlace};
use crate::engine::claim::Claims;
use crate::engine::document::{Adjustment, Partner};
use crate::engine::gateway::{GatewayRow, Mark};
use crate::engine::holdings::{PlayerRow, SessionRow};
use crate::engine::ids::{IdKey, IdRow};
use crate::engine::order::OrderRow;
use crate::engine::payment::PaymentRow;
use crate::engine::round::{OddPlay, Round, RoundKey};
use crate::engine::totals::DayTotals;
use crate::engine::transfer::TransferRow;
use crate::engine::user::Registered;
use crate::id::{AccountNumber, PartnerNumber, RoundId, Seq, TransactionId};

/// What a scan comes across: rows, and what is wrong with others.
pub type Scanned = Result<Booked, BooksError>;

impl Books {
    /// Opens the books of the coffer `id` to read them; the file stays as it is. May panic where
    /// it has rotted.
    ///
    /// # Errors
    /// [`BooksError`].
    pub fn open_untouched(disk: &dyn Disk, id: [u8; 16]) -> Result<Books, BooksError> {
        let file = Books::file(disk)?;
        // What lies on the disk is looked at, page by page, and not what the machine remembers.
        file.distrust_cache().map_err(BooksError::Disk)?;
        Books::untouched(file, id)
    }

    pub(super) fn untouched(file: Box<dyn File>, id: [u8; 16]) -> Result<Books, BooksError> {
        let backend = UntouchedBackend::new(file).map_err(BooksError::Disk)?;
        let database = Builder::new()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(backend)?;
        Books::of(database, Arc::default(), id)
    }

    /// redb's own look at every page of a file that nobody else uses. May panic as well.
    ///
    /// # Errors
    /// [`BooksError`], where something is wrong with it.
    pub fn check(&mut self) -> Result<(), BooksError> {
        pages(&mut self.database)
    }
}

/// Gives rows away one by one.
struct Scan<'a> {
    view: &'a View,
    numbers: HashMap<u32, Space>,
    take: &'a mut dyn FnMut(Scanned) -> bool,
}

impl View {
    /// All rows, each with what its key says, what the books say of themselves first; `take` says
    /// whether more is wanted. A row that is damaged is passed over.
    ///
    /// # Errors
    /// [`BooksError`], where a table cannot be read at all.
    pub fn scan(&self, take: &mut dyn FnMut(Scanned) -> bool) -> Result<(), BooksError> {
        let Applied {
            seq,
            at,
            accounts,
            sessions,
            users,
            hash: _,
        } = self.applied()?;
        take(Ok(Booked::Applied {
            seq,
            at,
            accounts,
            sessions,
            users,
        }));
        for (table, there, known) in self.counts()? {
            if there != known {
                take(Err(BooksError::Count {
                    table,
                    there,
                    known,
                }));
            }
        }
        let spaces = self.spaces()?.into_iter();
        let mut scan = Scan {
            view: self,
            numbers: spaces.map(|(space, number)| (number, space)).collect(),
            take,
        };
        scan.documents()?;
        scan.players()?;
        scan.plays()?;
        scan.totals()
    }
}

impl Scan<'_> {
    fn each<R: Row>(
        &mut self,
        mut booked: impl FnMut(&[u8], R) -> Option<Booked>,
    ) -> Result<(), BooksError> {
        for row in self.view.open::<R>()?.range::<&[u8]>(..)? {
            let (key, bytes) = row?;
            let key = key.value();
            let row = unseal(key, bytes.value()).and_then(|row| {
                booked(key, row).ok_or_else(|| damaged::<R>(key, CodecError::OutOfRange))
            });
            if !(self.take)(row) {
                break;
            }
        }
        Ok(())
    }

    /// As [`Scan::each`], of rows that may be in runs.
    fn each_of<R: Row>(
        &mut self,
        kind: Kind,
        mut booked: impl FnMut(&[u8], R) -> Option<(Booked, Option<Booked>)>,
    ) -> Result<(), BooksError> {
        let mut rows = self.view.layers(kind).all()?;
        while let Some((key, bytes)) = rows.next()? {
            let row = unseal(&key, &bytes).and_then(|row| {
                booked(&key, row).ok_or_else(|| damaged::<R>(&key, CodecError::OutOfRange))
            });
            let goes_on = match row {
                Ok((row, None)) => (self.take)(Ok(row)),
                Ok((row, Some(other))) => (self.take)(Ok(row)) && (self.take)(Ok(other)),
                Err(error) => (self.take)(Err(error)),
            };
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    fn documents(&mut self) -> Result<(), BooksError> {
        self.each::<(Partner, Seq)>(|key, (partner, seq)| {
            let is_own = key == partner.number.0.to_be_bytes();
            is_own.then(|| Booked::Partner(Box::new(partner), seq))
        })?;
        self.each::<(Adjustment, Seq)>(|key, (adjustment, seq)| {
            let (partner, reference) = named(key)?;
            let is_own =
                (partner, &*reference) == (adjustment.partner, adjustment.reference.as_str());
            is_own.then_some(Booked::Adjustment(adjustment, seq))
        })?;
        self.each::<Home>(|key, row| {
            let (partner, name) = named(key)?;
            Some(Booked::Name(partner, name, row.home))
        })?;
        self.each::<Registered>(|key, row| {
            let mobile = std::str::from_utf8(key).ok()?.parse().ok()?;
            Some(Booked::Registered(mobile, row))
        })?;
        self.each::<TransferRow>(|_, row| Some(Booked::Transfer(row)))?;
        self.each::<PaymentRow>(|_, row| Some(Booked::Payment(row)))?;
        self.each::<ListedPayment>(|key, row| {
            let key_of = (row.wallet_type, row.reference);
            Some(Booked::ListedPayment(key_of, seq_of(key)?))
        })?;
        self.each::<GatewayRow>(|_, row| Some(Booked::Gateway(Box::new(row))))?;
        self.each::<Marked>(|mark, row| {
            Some(Booked::GatewayMark(Mark::from_bytes(mark), row.key))
        })?;
        self.orders()?;
        let accounts = self.view.open::<AccountPlace>()?;
        self.each::<SessionPlace>(|key, row| {
            let account = place_of(&accounts, row.account)?;
            let place = AccountPlace {
                home: row.home,
                partner: row.partner,
                currency: row.currency,
                id_space: row.id_space,
            };
            if place != account {
                return None;
            }
            let place = CodePlace {
                number: row.number,
                account: row.account,
                partner: row.partner,
                currency: row.currency,
                opened: row.opened,
            };
            Some(Booked::Code(String::from_utf8(key.to_vec()).ok()?, place))
        })
    }

    fn orders(&mut self) -> Result<(), BooksError> {
        self.each::<OrderRow>(|_, row| Some(Booked::Order(row)))?;
        self.each::<OrderNamed>(|key, row| {
            let (partner, id) = named(key)?;
            Some(Booked::OrderNamed(partner, id, row.reference))
        })?;
        self.each::<ListedOrder>(|key, row| {
            Some(Booked::ListedOrder(row.reference, seq_of(key)?))
        })?;
        self.each::<Claims>(|key, row| {
            let reference = std::str::from_utf8(key).ok()?.parse().ok()?;
            Some(Booked::Claims(reference, row))
        })
    }

    fn players(&mut self) -> Result<(), BooksError> {
        let view = self.view;
        self.each::<AccountPlace>(|key, row| {
            Some(Booked::Account {
                number: AccountNumber(number(key)?),
                home: row.home,
                partner: row.partner,
                currency: row.currency,
                id_space: row.id_space,
            })
        })?;
        self.each::<PlayerRow>(|key, row| {
            let home = AccountNumber(number(key)?);
            (home == row.home()).then_some(Booked::Player(home, row))
        })?;
        // Sessions lie in the order of their players.
        let mut player = (AccountNumber(0), Seq::NONE);
        let (unlisted, applied) = (view.open::<Unlisted>()?, view.applied()?);
        let mut lost = Vec::new();
        self.each::<SessionRow>(|key, row| {
            let (home, session) = key.split_at_checked(8)?;
            let home = AccountNumber(number(home)?);
            if player.0 != home {
                player = (home, view.player(home).ok()??.last);
            }
            // A player that a checkpoint has written which was cut short is as of a later time.
            let is_open = player.1 <= applied.seq && !row.is_over(applied.at);
            if is_open && matches!(unlisted.get(key), Ok(None)) {
                lost.push(damaged::<Unlisted>(key, CodecError::OutOfRange));
            }
            let is_own = row.session.number.0 == number(session)?;
            is_own.then_some(Booked::PastSession(player.1, row))
        })?;
        for row in unlisted.range::<&[u8]>(..)? {
            let (key, bytes) = row?;
            let key = key.value();
            let listed = unseal::<Unlisted>(key, bytes.value());
            let is_right = listed.map(|listed| match View::read::<SessionRow>(&view.past, key) {
                Ok(Some(row)) => row.changed == listed.changed && !row.session.closed,
                Ok(None) => false,
                // Told already, with its own table.
                Err(_) => true,
            });
            match is_right {
                Ok(true) => {}
                Ok(false) => lost.push(damaged::<Unlisted>(key, CodecError::OutOfRange)),
                Err(error) => lost.push(error),
            }
        }
        lost.into_iter().all(|error| (self.take)(Err(error)));
        Ok(())
    }

    fn plays(&mut self) -> Result<(), BooksError> {
        let view = self.view;
        let numbers = self.numbers.clone();
        let accounts = view.open::<AccountPlace>()?;
        let is_in = |space: &Space, account: AccountNumber| {
            place_of(&accounts, account).is_some_and(|place| {
                (place.id_space, place.currency) == (space.id_space, space.currency)
            })
        };
        self.each_of::<IdRow>(Kind::Ids, |key, row| {
            let (space, id) = key.split_first_chunk()?;
            let space = numbers.get(&u32::from_be_bytes(*space))?;
            let key = IdKey {
                space: space.id_space,
                currency: space.currency,
                id: TransactionId(number(id)?),
            };
            Some((Booked::Id(key, row), None))
        })?;
        let round_of = |key: &[u8]| {
            let (space, rest) = key.split_first_chunk()?;
            let (round, account) = rest.split_at_checked(8)?;
            let key = RoundKey {
                account: AccountNumber(number(account)?),
                round: RoundId(number(round)?),
            };
            let space = numbers.get(&u32::from_be_bytes(*space))?;
            is_in(space, key.account).then_some(key)
        };
        let layers = view.layers(Kind::Rounds);
        self.each_of::<Round>(Kind::Rounds, |key, row| {
            let of = round_of(key)?;
            // Of those that go into runs it is not written down which are foreign.
            let is_said = !(row.foreign && layers.go_into_runs(key));
            let foreign = (!is_said).then_some(Booked::ForeignRound(of, row.first));
            Some((Booked::Round(of, row), foreign))
        })?;
        self.each::<ForeignRound>(|key, row| {
            Some(Booked::ForeignRound(round_of(key)?, row.first))
        })?;
        self.each::<OpenRound>(|key, row| {
            let (account, round) = (row.account, row.round);
            Some(Booked::OpenRound(RoundKey { account, round }, seq_of(key)?))
        })?;
        self.each::<OddPlay>(|key, row| Some(Booked::OddPlay(seq_of(key)?, row)))
    }

    fn totals(&mut self) -> Result<(), BooksError> {
        self.each::<SumRow>(|key, row| {
            let (currency, of) = sum_of(key)?;
            Some(Booked::Sum(currency, of, row.sum))
        })?;
        self.each::<DayTotals>(|key, row| Some(Booked::Day(day_of(key)?, row)))
    }
}

/// Where the books say that an account's player is, unless they do not say it.
fn place_of(accounts: &Table, account: AccountNumber) -> Option<AccountPlace> {
    View::read(accounts, &account.0.to_be_bytes()).ok()?
}

fn number(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.try_into().ok()?))
}

/// A key of a text that is a partner's.
pub(super) fn named(key: &[u8]) -> Option<(PartnerNumber, String)> {
    let (partner, text) = key.split_first_chunk()?;
    let partner = PartnerNumber(u32::from_be_bytes(*partner));
    Some((partner, String::from_utf8(text.to_vec()).ok()?))
}
