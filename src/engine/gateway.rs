//! The gateway's documents (paykassma-api.md), all kept alike: each stands whole in the entry that
//! changes it, is found by a [`GatewayKey`], and stands in lists under the [`Mark`]s that it names
//! itself.
//!
//! A new kind is a type that is [`Kept`], and a line in the list of all kinds below.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::deposit::{Deposit, DepositNamed, Key1Used, LeftId, Savings, Stockpiles};
use super::hashed::HashedUrl;
use super::merchant::{Merchant, MerchantAccount};
use super::postback::{Attempt, Delivery, Postback};
use super::rates::RatesTable;
use super::requisites::{Requisites, Turn};
use super::withdrawal::{SignedRequest, Withdrawal};
use crate::id::{PartnerNumber, Seq};
use crate::time::Timestamp;

/// What each kind of gateway document says of itself.
pub trait Kept: OfKind {
    /// The name that it is found by, the same for ever.
    fn key(&self) -> GatewayKey;

    /// Under what it stands in lists, as it is now. `created` is the entry that it came with, of
    /// which it is the only one of its kind where it stands in any list.
    fn marks(&self, created: Seq) -> Vec<Mark> {
        let _in_none = created;
        Vec::new()
    }

    /// How far it is, where it goes one way and each step once: an audit sees to it that the number
    /// only grows. What is written once has one such number.
    fn step(&self) -> Option<u8> {
        Some(0)
    }
}

/// What the list of all kinds says of one of them.
pub trait OfKind: Sized {
    /// Its number, which stands in keys for ever.
    const KIND: u8;

    /// The document, where it is of this kind.
    fn of(document: &GatewayDocument) -> Option<&Self>;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident($type:ty) = $number:literal),* $(,)?) => {
        /// A document of the gateway as it is from its entry on.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum GatewayDocument {
            $($(#[$doc])* $kind($type)),*
        }

        impl GatewayDocument {
            /// [`Kept::key`].
            pub fn key(&self) -> GatewayKey {
                match self {
                    $(GatewayDocument::$kind(document) => document.key()),*
                }
            }

            /// [`Kept::marks`].
            pub fn marks(&self, created: Seq) -> Vec<Mark> {
                match self {
                    $(GatewayDocument::$kind(document) => document.marks(created)),*
                }
            }

            /// [`Kept::step`].
            pub fn step(&self) -> Option<u8> {
                match self {
                    $(GatewayDocument::$kind(document) => document.step()),*
                }
            }
        }

        /// Whether a key may begin with this number.
        fn is_kind(number: u8) -> bool {
            [$($number),*].contains(&number)
        }

        $(
            impl OfKind for $type {
                const KIND: u8 = $number;

                fn of(document: &GatewayDocument) -> Option<&$type> {
                    match document {
                        GatewayDocument::$kind(document) => Some(document),
                        _ => None,
                    }
                }
            }

            impl From<$type> for GatewayDocument {
                fn from(document: $type) -> GatewayDocument {
                    GatewayDocument::$kind(document)
                }
            }
        )*
    };
}

kinds! {
    /// Which accounts a merchant has.
    Merchant(Merchant) = 1,
    /// What a merchant holds in one wallet type and currency.
    MerchantAccount(MerchantAccount) = 2,
    /// A withdrawal.
    Withdrawal(Withdrawal) = 3,
    /// A request that was accepted under a signature.
    SignedRequest(SignedRequest) = 4,
    /// What a merchant is told.
    Postback(Postback) = 5,
    /// How far the telling is.
    Delivery(Delivery) = 6,
    /// What came of one try to tell it.
    Attempt(Attempt) = 7,
    /// A hash that stands for an address.
    HashedUrl(HashedUrl) = 20,
    /// The rates that an operator has set.
    RatesTable(RatesTable) = 21,
    /// A deposit.
    Deposit(Deposit) = 30,
    /// Which deposit a merchant means by a name.
    DepositNamed(DepositNamed) = 31,
    /// Which deposit has used a transaction number.
    Key1Used(Key1Used) = 32,
    /// The name that was left for a label's next deposit.
    LeftId(LeftId) = 33,
    /// Deposits that wait to be credited together.
    Savings(Savings) = 34,
    /// The last number that a merchant's deposits were credited under.
    Stockpiles(Stockpiles) = 35,
    /// What a label was given to pay to.
    Requisites(Requisites) = 36,
    /// How often requisites of a payment system were given out.
    Turn(Turn) = 37,
}

/// A document's name: its kind, and what its kind says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayKey(Vec<u8>);

impl GatewayKey {
    /// A name that says nothing yet but the kind.
    pub fn of<T: OfKind>() -> GatewayKey {
        GatewayKey(vec![T::KIND])
    }

    /// This name and a partner.
    #[must_use]
    pub fn partner(self, partner: PartnerNumber) -> GatewayKey {
        self.small(partner.0)
    }

    /// This name and a number.
    #[must_use]
    pub fn small(mut self, number: u32) -> GatewayKey {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// This name and a text, which holds no control characters.
    #[must_use]
    pub fn text(mut self, text: &str) -> GatewayKey {
        debug_assert!(!text.contains('\0'), "texts hold no control characters");
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
        self
    }

    /// As it stands in the books.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads what [`GatewayKey::as_bytes`] gave; `None` where the kind is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<GatewayKey> {
        let kind = bytes.first()?;
        is_kind(*kind).then(|| GatewayKey(bytes.to_vec()))
    }
}

/// What a list holds. The numbers stand in marks for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum List {
    /// All documents of a kind.
    All = 1,
    /// Those of a partner.
    OfPartner = 2,
    /// Those that wait for somebody.
    Open = 3,
    /// Those that something is to be done about at some time.
    Due = 4,
}

/// A place in a list. Lists are in the order of their marks' bytes; a mark ends with the entry that
/// its document came with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(Vec<u8>);

impl Mark {
    /// A list of one kind, from which more is said.
    pub fn of<T: OfKind>(list: List) -> Mark {
        Mark(vec![list as u8, T::KIND])
    }

    /// The part of the list that is a partner's.
    #[must_use]
    pub fn partner(self, partner: PartnerNumber) -> Mark {
        self.number(partner.0.into())
    }

    /// The part of the list under a number.
    #[must_use]
    pub fn number(mut self, number: u64) -> Mark {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// The part of the list that is due at a time.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Mark {
        self.number(at.micros())
    }

    /// The place itself.
    #[must_use]
    pub fn created(self, created: Seq) -> Mark {
        self.number(created.0)
    }

    /// The number that so many others follow.
    pub fn number_before_last(&self, others: usize) -> Option<u64> {
        let end = self.0.len().checked_sub(8 * others)?;
        let number = self.0.get(..end)?.last_chunk()?;
        Some(u64::from_be_bytes(*number))
    }

    /// As it stands in the books.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads what [`Mark::as_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Mark {
        Mark(bytes.to_vec())
    }

    /// After the last place in the part of the list that this names.
    #[must_use]
    pub fn last(mut self) -> Mark {
        self.0.extend_from_slice(&[0xff; 33]);
        self
    }
}

/// A document, and the entries that it bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayRow {
    /// As it is now.
    pub document: GatewayDocument,
    /// The entry that it came with: what operators know it by.
    pub created: Seq,
    /// When that was.
    pub created_at: Timestamp,
    /// The entry that changed it last.
    pub changed: Seq,
    /// When that was.
    pub changed_at: Timestamp,
}

impl GatewayRow {
    /// The row that a document of entry `seq` makes of the one before.
    pub fn after(
        before: Option<&GatewayRow>,
        document: GatewayDocument,
        (seq, at): (Seq, Timestamp),
    ) -> GatewayRow {
        let first = (seq, at);
        let (created, created_at) = before.map_or(first, |row| (row.created, row.created_at));
        GatewayRow {
            document,
            created,
            created_at,
            changed: seq,
            changed_at: at,
        }
    }

    /// Under what it stands in lists.
    pub fn marks(&self) -> BTreeSet<Mark> {
        self.document.marks(self.created).into_iter().collect()
    }

    /// The document, where it is of the kind.
    pub fn read<T: OfKind>(&self) -> Option<&T> {
        T::of(&self.document)
    }

    /// The same with the entries that it bears.
    pub fn found<T: OfKind + Clone>(&self) -> Option<Found<T>> {
        Some(Found {
            document: self.read::<T>()?.clone(),
            created: self.created,
            created_at: self.created_at,
            changed: self.changed,
            changed_at: self.changed_at,
        })
    }
}

/// A document of a kind, and the entries that it bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// As it is now.
    pub document: T,
    /// The entry that it came with: what operators know it by.
    pub created: Seq,
    /// When that was.
    pub created_at: Timestamp,
    /// The entry that changed it last.
    pub changed: Seq,
    /// When that was.
    pub changed_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_list_names_lies_between_its_first_and_its_last_place() {
        let list = || Mark::of::<Withdrawal>(List::OfPartner).partner(PartnerNumber(7));
        let place = list().created(Seq(u64::MAX));
        assert!(list() < place && place < list().last());
        let other = Mark::of::<Withdrawal>(List::OfPartner).partner(PartnerNumber(8));
        assert!(list().last() < other);
        assert_eq!(place.number_before_last(0), Some(u64::MAX));
        assert_eq!(place.number_before_last(1), Some(7));
        assert_eq!(Mark::from_bytes(place.as_bytes()), place);
    }

    #[test]
    fn texts_in_keys_end_so_that_no_two_names_are_one() {
        let of = |one: &str, other: &str| GatewayKey::of::<Withdrawal>().text(one).text(other);
        assert_ne!(of("ab", "c"), of("a", "bc"));
        let key = of("a", "b");
        assert_eq!(GatewayKey::from_bytes(key.as_bytes()), Some(key));
        assert_eq!(GatewayKey::from_bytes(&[0, 1]), None);
        assert_eq!(GatewayKey::from_bytes(&[]), None);
    }
}
