//! Merchants' money: one account for each wallet type and currency, each with a chain of its own
//! (design.md, Entry). One may be below zero: a withdrawal is judged by all of a currency together
//! (paykassma-api.md, Withdrawals).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::entry::{AccountRef, Posting};
use super::gateway::{GatewayDocument, GatewayKey, Kept};
use crate::id::{PartnerNumber, Seq, WalletType};
use crate::money::{Amount, Currency, Sum};

/// Which accounts a merchant has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// The merchant.
    pub partner: PartnerNumber,
    /// Its accounts, in the order of their opening.
    pub accounts: Vec<(WalletType, Currency)>,
}

/// What a merchant holds in one wallet type and currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantAccount {
    /// The merchant.
    pub partner: PartnerNumber,
    /// In which wallet type.
    pub wallet_type: WalletType,
    /// In which currency.
    pub currency: Currency,
    /// Cents that it holds after its entry, negative where more was paid out than came in.
    pub cents: i64,
    /// The entry on it before this one, or [`Seq::NONE`].
    pub previous: Seq,
}

/// The account would pass its limit, in either direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange;

impl Merchant {
    /// The name of a merchant's list of accounts.
    pub fn key_of(partner: PartnerNumber) -> GatewayKey {
        GatewayKey::of::<Merchant>().partner(partner)
    }

    /// The names of its accounts.
    pub fn account_keys(&self) -> impl Iterator<Item = GatewayKey> {
        let accounts = self.accounts.iter();
        accounts.map(|(wallet_type, currency)| {
            MerchantAccount::key_of(self.partner, *wallet_type, *currency)
        })
    }

    /// The wallet types that it has accounts in, each once.
    pub fn wallet_types(&self) -> BTreeSet<WalletType> {
        self.accounts.iter().map(|(of, _)| *of).collect()
    }
}

impl Kept for Merchant {
    fn key(&self) -> GatewayKey {
        Merchant::key_of(self.partner)
    }

    fn step(&self) -> Option<u8> {
        None
    }
}

impl MerchantAccount {
    /// The name of a merchant's account.
    pub fn key_of(
        partner: PartnerNumber,
        wallet_type: WalletType,
        currency: Currency,
    ) -> GatewayKey {
        let key = GatewayKey::of::<MerchantAccount>().partner(partner);
        key.text(currency.as_str()).text(wallet_type.as_str())
    }

    /// What it holds.
    pub fn balance(&self) -> Sum {
        Sum::from(self.cents)
    }
}

impl Kept for MerchantAccount {
    fn key(&self) -> GatewayKey {
        MerchantAccount::key_of(self.partner, self.wallet_type, self.currency)
    }

    fn step(&self) -> Option<u8> {
        None
    }
}

/// What is known of a merchant's money: all its accounts, each with the newest entry on it.
#[derive(Clone, Debug, Default)]
pub struct Holder {
    /// The accounts, in the order of their opening.
    pub accounts: Vec<(MerchantAccount, Seq)>,
}

/// A movement of a merchant's money, and the documents that go with it.
#[derive(Clone, Debug)]
pub struct MerchantMove {
    /// Its leg on the merchant's account.
    pub posting: Posting,
    /// The account as it is from then on, and the merchant's list where the account is new.
    pub documents: Vec<GatewayDocument>,
}

impl Holder {
    /// What it holds in a currency, over all wallet types.
    pub fn balance(&self, currency: Currency) -> Sum {
        let accounts = self.accounts.iter().map(|(account, _)| account);
        let of = accounts.filter(|account| account.currency == currency);
        of.fold(Sum::ZERO, |sum, account| sum.plus(account.balance()))
    }

    /// Puts money on one of its accounts, or takes it off.
    ///
    /// # Errors
    /// [`OutOfRange`].
    pub fn decide_move(
        &self,
        partner: PartnerNumber,
        (wallet_type, currency): (WalletType, Currency),
        moved: Sum,
    ) -> Result<MerchantMove, OutOfRange> {
        let is_it = |account: &MerchantAccount| {
            (account.wallet_type, account.currency) == (wallet_type, currency)
        };
        let known = self.accounts.iter().find(|(account, _)| is_it(account));
        let before = known.map_or(Sum::ZERO, |(account, _)| account.balance());
        let after = before.plus(moved);
        if after.magnitude().is_none() {
            return Err(OutOfRange);
        }
        let mut documents = vec![GatewayDocument::from(MerchantAccount {
            partner,
            wallet_type,
            currency,
            cents: whole_cents(after),
            previous: known.map_or(Seq::NONE, |(_, last)| *last),
        })];
        if known.is_none() {
            let accounts = self.accounts.iter().map(|(account, _)| account);
            let mut accounts: Vec<_> = accounts
                .map(|account| (account.wallet_type, account.currency))
                .collect();
            accounts.push((wallet_type, currency));
            documents.push(Merchant { partner, accounts }.into());
        }
        let account = AccountRef::Merchant(partner, wallet_type);
        Ok(MerchantMove {
            posting: leg(account, currency, moved),
            documents,
        })
    }
}

/// A leg of an account without a chain in its posting.
///
/// # Panics
/// Where more is moved than an amount.
pub(super) fn leg(account: AccountRef, currency: Currency, moved: Sum) -> Posting {
    Posting {
        account,
        currency,
        cents: whole_cents(moved),
        link: None,
    }
}

fn whole_cents(sum: Sum) -> i64 {
    let cents = i64::try_from(sum.cents());
    cents.expect("no more than an amount, which is at most 2^53-1")
}

/// An amount that leaves.
pub(super) fn minus(amount: Amount) -> Sum {
    Sum::from(amount).negated()
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: PartnerNumber = PartnerNumber(1);

    fn moved(holder: &mut Holder, wallet_type: &str, cents: i64, seq: u64) -> Vec<GatewayDocument> {
        let of = (wallet_type.parse().unwrap(), "INR".parse().unwrap());
        let moved = holder.decide_move(P, of, Sum::from(cents)).unwrap();
        assert_eq!(moved.posting.cents, cents);
        for document in &moved.documents {
            if let GatewayDocument::MerchantAccount(account) = document {
                let known = |(of, _): &(MerchantAccount, Seq)| of.key() == account.key();
                holder.accounts.retain(|of| !known(of));
                holder.accounts.push((account.clone(), Seq(seq)));
            }
        }
        moved.documents
    }

    #[test]
    fn accounts_are_chained_one_by_one_and_may_be_below_zero() {
        let mut holder = Holder::default();
        assert_eq!(moved(&mut holder, "upi", -500, 3).len(), 2, "it is new");
        let documents = moved(&mut holder, "upi", 200, 5);
        let [GatewayDocument::MerchantAccount(account)] = &documents[..] else {
            panic!("{documents:?}");
        };
        assert_eq!((account.cents, account.previous), (-300, Seq(3)));
        let documents = moved(&mut holder, "nagad", 1000, 9);
        let GatewayDocument::Merchant(merchant) = &documents[1] else {
            panic!("{documents:?}");
        };
        assert_eq!(merchant.accounts.len(), 2);
        let balance = |currency: &str| holder.balance(currency.parse().unwrap()).to_string();
        assert_eq!(
            (balance("INR"), balance("USD")),
            ("7.00".into(), "0.00".into())
        );
    }

    #[test]
    fn a_wallet_type_has_an_account_in_each_currency() {
        let mut holder = Holder::default();
        moved(&mut holder, "upi", 500, 3);
        let dollars = ("upi".parse().unwrap(), "USD".parse().unwrap());
        let moved = holder.decide_move(P, dollars, Sum::from(200)).unwrap();
        let [
            GatewayDocument::MerchantAccount(account),
            GatewayDocument::Merchant(merchant),
        ] = &moved.documents[..]
        else {
            panic!("{moved:?}");
        };
        assert_eq!((account.cents, account.previous), (200, Seq::NONE));
        assert_eq!(merchant.accounts.len(), 2);
    }

    #[test]
    fn an_account_stays_within_its_limits() {
        let of = ("upi".parse().unwrap(), "INR".parse().unwrap());
        let most = Sum::from(Amount::MAX);
        let holder = Holder::default();
        assert!(holder.decide_move(P, of, most).is_ok());
        assert!(holder.decide_move(P, of, most.negated()).is_ok());
        let mut holder = holder;
        moved(&mut holder, "upi", 1, 2);
        assert_eq!(holder.decide_move(P, of, most).unwrap_err(), OutOfRange);
    }
}
