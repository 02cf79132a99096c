//! What rows are found by, as bytes. Numbers are big-endian, so that neighbours lie together.

use crate::engine::entry::AccountRef;
use crate::engine::round::RoundKey;
use crate::engine::totals::{DayKey, SumOf};
use crate::id::{
    AccountNumber, GameNumber, PartnerNumber, PaymentReference, Seq, SessionNumber, TransactionId,
    WalletType,
};
use crate::money::Currency;
use crate::time::Day;

pub(super) fn session_key(home: AccountNumber, number: SessionNumber) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&home.0.to_be_bytes());
    key[8..].copy_from_slice(&number.0.to_be_bytes());
    key
}

/// A key of a text that is a partner's.
pub(super) fn partner_key(partner: PartnerNumber, text: &str) -> Vec<u8> {
    [&partner.0.to_be_bytes(), text.as_bytes()].concat()
}

/// No wallet type holds the byte between.
pub(super) fn payment_key(wallet_type: WalletType, reference: &PaymentReference) -> Vec<u8> {
    [wallet_type.as_str(), "\0", reference.as_str()]
        .concat()
        .into_bytes()
}

pub(super) fn id_key(space: u32, id: TransactionId) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&space.to_be_bytes());
    key[4..].copy_from_slice(&id.0.to_be_bytes());
    key
}

pub(super) fn round_key(space: u32, of: RoundKey) -> [u8; 20] {
    let mut key = [0; 20];
    key[..4].copy_from_slice(&space.to_be_bytes());
    key[4..12].copy_from_slice(&of.round.0.to_be_bytes());
    key[12..].copy_from_slice(&of.account.0.to_be_bytes());
    key
}

pub(super) fn sum_key(currency: Currency, of: SumOf) -> Vec<u8> {
    let of_partner = |partner: PartnerNumber| partner.0.to_be_bytes().to_vec();
    let of_type = |wallet_type: WalletType| wallet_type.as_str().as_bytes().to_vec();
    let (kind, whose) = match of {
        SumOf::Players(partner) => (0, of_partner(partner)),
        SumOf::Account(AccountRef::House(partner)) => (1, of_partner(partner)),
        SumOf::Account(AccountRef::Adjustments) => (2, of_partner(PartnerNumber(0))),
        SumOf::Account(AccountRef::Partner(partner)) => (3, of_partner(partner)),
        SumOf::Account(AccountRef::Outside(wallet_type)) => (4, of_type(wallet_type)),
        SumOf::Account(AccountRef::Received(wallet_type)) => (5, of_type(wallet_type)),
        SumOf::Account(AccountRef::Payouts(wallet_type)) => (6, of_type(wallet_type)),
        SumOf::Account(AccountRef::PaidOut(wallet_type)) => (7, of_type(wallet_type)),
        SumOf::Account(AccountRef::Merchant(partner, wallet_type)) => {
            (8, [of_partner(partner), of_type(wallet_type)].concat())
        }
        SumOf::Account(AccountRef::Player(_)) => unreachable!("players have rows of their own"),
    };
    [currency.as_str().as_bytes(), &[kind], &whose].concat()
}

pub(super) fn sum_of(key: &[u8]) -> Option<(Currency, SumOf)> {
    let (currency, rest) = key.split_at_checked(3)?;
    let (kind, whose) = rest.split_first()?;
    let partner = || Some(PartnerNumber(u32::from_be_bytes(whose.try_into().ok()?)));
    let wallet_type = || std::str::from_utf8(whose).ok()?.parse().ok();
    let of = match kind {
        0 => SumOf::Players(partner()?),
        1 => SumOf::Account(AccountRef::House(partner()?)),
        2 => SumOf::Account(AccountRef::Adjustments),
        3 => SumOf::Account(AccountRef::Partner(partner()?)),
        4 => SumOf::Account(AccountRef::Outside(wallet_type()?)),
        5 => SumOf::Account(AccountRef::Received(wallet_type()?)),
        6 => SumOf::Account(AccountRef::Payouts(wallet_type()?)),
        7 => SumOf::Account(AccountRef::PaidOut(wallet_type()?)),
        8 => {
            let (partner, wallet_type) = whose.split_first_chunk()?;
            let partner = PartnerNumber(u32::from_be_bytes(*partner));
            let wallet_type = std::str::from_utf8(wallet_type).ok()?.parse().ok()?;
            SumOf::Account(AccountRef::Merchant(partner, wallet_type))
        }
        _ => return None,
    };
    Some((std::str::from_utf8(currency).ok()?.parse().ok()?, of))
}

pub(super) fn day_key(of: &DayKey) -> Vec<u8> {
    let day = of.day.0.to_be_bytes();
    let partner = of.partner.0.to_be_bytes();
    let game = of.game.0.to_be_bytes();
    [&day, &partner, of.currency.as_str().as_bytes(), &game].concat()
}

pub(super) fn day_of(key: &[u8]) -> Option<DayKey> {
    let (day, rest) = key.split_first_chunk()?;
    let (partner, rest) = rest.split_first_chunk()?;
    let (currency, game) = rest.split_first_chunk::<3>()?;
    Some(DayKey {
        day: Day(u32::from_be_bytes(*day)),
        partner: PartnerNumber(u32::from_be_bytes(*partner)),
        currency: std::str::from_utf8(currency).ok()?.parse().ok()?,
        game: GameNumber(u32::from_be_bytes(game.try_into().ok()?)),
    })
}

pub(super) fn seq_of(key: &[u8]) -> Option<Seq> {
    Some(Seq(u64::from_be_bytes(key.try_into().ok()?)))
}
