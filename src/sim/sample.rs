//! A partner for worlds in which nobody proves who it is.

use crate::engine::command::NewPartner;
use crate::engine::document::PartnerSecrets;
use crate::engine::rotation::FormerSecrets;
use crate::engine::settings::PartnerSettings;
use crate::money::Currency;
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
