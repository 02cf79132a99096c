//! A partner for worlds in which nobody proves who it is, and a payment system for those in which
//! it does not matter which.

use std::collections::BTreeMap;

use crate::engine::catalogue::{Key1, Key1Chars, PaymentSystem, WithdrawalField};
use crate::engine::command::NewPartner;
use crate::engine::document::PartnerSecrets;
use crate::engine::rotation::FormerSecrets;
use crate::engine::settings::PartnerSettings;
use crate::money::{Amount, Currency};
use crate::secret::{Secret, SecretKey};

/// A partner of that wallet token, and of that name, that numbers its ids by itself.
///
/// # Panics
/// Where `token` is no wallet token.
pub fn partner(token: &str, currency: Currency) -> NewPartner {
    NewPartner {
        name: token.parse().expect("a wallet token is a name"),
        currency,
        wallet_token: token.parse().expect("a wallet token"),
        id_space: "default".parse().expect("an id space"),
        game_server_addresses: Vec::new(),
        settings: PartnerSettings::default(),
        expires_at: None,
    }
}

/// Secrets that nobody knows or uses.
pub fn secrets() -> PartnerSecrets {
    let key = SecretKey::new(&[7; 32]);
    let secret = Secret::new("simulated".into());
    PartnerSecrets {
        api_key: "simulated".into(),
        api_secret: key.hash(&secret),
        payment_token: key.hash(&secret),
        pluginapi_secret: key.hash(&secret),
        access_key: key.seal(&secret),
        private_key: key.seal(&secret),
        former: FormerSecrets::default(),
    }
}

/// A payment system of rupees, from 1.00 to 100000.00, whose withdrawals name the account's owner.
pub fn payment_system() -> PaymentSystem {
    let cents = |cents| Amount::from_cents(cents).expect("below 2^53");
    PaymentSystem {
        wallet_type: "imps_ib".parse().expect("a word"),
        name: "IMPS".to_owned(),
        currency: "INR".parse().expect("three capitals"),
        order: 1,
        logo: String::new(),
        is_manual: false,
        uploading_payment_bill: false,
        requires_activation: true,
        amount_required: false,
        limits: (cents(100), cents(10_000_000)),
        minimum_deposit: Amount::ZERO,
        requisites: vec!["6234234234".to_owned()],
        params: BTreeMap::new(),
        key1: Key1 {
            min: 6,
            max: 40,
            chars: Key1Chars::Any,
        },
        withdrawal_required: vec![WithdrawalField::AccountName],
        media: None,
    }
}
