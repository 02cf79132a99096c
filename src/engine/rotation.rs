//! A partner's secrets exchanged for new ones, while the ones before still open for a time
//! (partner-api.md, Who is calling).

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::document::PartnerSecrets;
use crate::id::IdError;
use crate::secret::{KeyedHash, Sealed};
use crate::time::{Span, Timestamp};

/// Secrets before the present ones that still open, at most. More are not kept, however short
/// after another they were exchanged.
const FORMER_MAX: usize = 4;

/// Which of a partner's secrets (operations.md, `partner rotate-secret`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// The API secret.
    Api,
    /// The payment gateway's token.
    Payment,
    /// The gateway secret, the access key and the private key.
    Paykassma,
}

impl FromStr for SecretKind {
    type Err = IdError;

    fn from_str(text: &str) -> Result<SecretKind, IdError> {
        match text {
            "api" => Ok(SecretKind::Api),
            "payment" => Ok(SecretKind::Payment),
            "paykassma" => Ok(SecretKind::Paykassma),
            _ => Err(IdError("must be api, payment or paykassma")),
        }
    }
}

/// New secrets, made elsewhere: the engine knows no randomness.
#[derive(Clone, Debug)]
pub enum NewSecrets {
    /// For [`SecretKind::Api`].
    Api(KeyedHash),
    /// For [`SecretKind::Payment`].
    Payment(KeyedHash),
    /// For [`SecretKind::Paykassma`].
    Paykassma(GatewaySecrets),
}

/// What a merchant proves itself with at the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewaySecrets {
    /// Hash of the gateway secret.
    pub pluginapi_secret: KeyedHash,
    /// The postbacks' access key.
    pub access_key: Sealed,
    /// The signatures' private key.
    pub private_key: Sealed,
}

/// A secret that was exchanged and still opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former<T> {
    /// As it was kept.
    pub secret: T,
    /// When it ceases to open.
    pub until: Timestamp,
}

/// Secrets that were exchanged, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FormerSecrets {
    /// API secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_secret: Vec<Former<KeyedHash>>,
    /// The payment gateway's tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub payment_token: Vec<Former<KeyedHash>>,
    /// The gateway's secrets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateway: Vec<Former<GatewaySecrets>>,
}

impl PartnerSecrets {
    /// Whether `given` is the API secret or one before it that still opens. Every one is looked
    /// at, so that the time does not tell which.
    pub fn api_secret_is(&self, given: &KeyedHash, now: Timestamp) -> bool {
        let former = &self.former.api_secret;
        opens(&self.api_secret, former, |secret| secret, given, now)
    }

    /// The same of the payment gateway's token.
    pub fn payment_token_is(&self, given: &KeyedHash, now: Timestamp) -> bool {
        let former = &self.former.payment_token;
        opens(&self.payment_token, former, |secret| secret, given, now)
    }

    /// The same of the gateway secret.
    pub fn gateway_secret_is(&self, given: &KeyedHash, now: Timestamp) -> bool {
        let (present, former) = (&self.pluginapi_secret, &self.former.gateway);
        opens(present, former, |of| &of.pluginapi_secret, given, now)
    }

    /// The private keys that requests may be signed with: the present one and those before it
    /// that still open.
    pub fn private_keys(&self, now: Timestamp) -> impl Iterator<Item = &Sealed> {
        let former = self.former.gateway.iter();
        let open = former.filter(move |former| now < former.until);
        std::iter::once(&self.private_key).chain(open.map(|former| &former.secret.private_key))
    }

    /// These secrets with new ones in their places. Those before open for `grace` from `now` on,
    /// and for no longer than an earlier exchange has left them.
    pub(super) fn rotated(&self, new: NewSecrets, grace: Span, now: Timestamp) -> PartnerSecrets {
        let mut rotated = self.clone();
        let until = now.plus(grace);
        let former = &mut rotated.former;
        match new {
            NewSecrets::Api(hash) => {
                retire(&mut former.api_secret, self.api_secret, now, until);
                rotated.api_secret = hash;
            }
            NewSecrets::Payment(hash) => {
                retire(&mut former.payment_token, self.payment_token, now, until);
                rotated.payment_token = hash;
            }
            NewSecrets::Paykassma(new) => {
                let old = GatewaySecrets {
                    pluginapi_secret: self.pluginapi_secret,
                    access_key: self.access_key.clone(),
                    private_key: self.private_key.clone(),
                };
                retire(&mut former.gateway, old, now, until);
                rotated.pluginapi_secret = new.pluginapi_secret;
                rotated.access_key = new.access_key;
                rotated.private_key = new.private_key;
            }
        }
        rotated
    }
}

/// Whether `given` is the present secret, or one of those before it that still opens.
fn opens<T>(
    present: &KeyedHash,
    former: &[Former<T>],
    of: impl Fn(&T) -> &KeyedHash,
    given: &KeyedHash,
    now: Timestamp,
) -> bool {
    let former = former.iter();
    former.fold(present == given, |opens, former| {
        opens | ((of(&former.secret) == given) & (now < former.until))
    })
}

/// Puts `old` beside those before it, none of which opens later than `until` any more.
fn retire<T>(former: &mut Vec<Former<T>>, old: T, now: Timestamp, until: Timestamp) {
    former.push(Former { secret: old, until });
    for older in &mut *former {
        older.until = older.until.min(until);
    }
    former.retain(|older| now < older.until);
    let too_many = former.len().saturating_sub(FORMER_MAX);
    former.drain(..too_many);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Secret, SecretKey};
    use crate::sim::sample;

    const HOUR: u32 = 3600;

    fn hash(text: &str) -> KeyedHash {
        SecretKey::new(&[7; 32]).hash(&Secret::new(text.to_owned()))
    }

    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_micros(1_000_000).plus(Span::from_seconds(seconds))
    }

    /// Secrets after exchanges, each with its grace and its time: `0`, `1`, `2` and so on.
    fn after(exchanges: &[(u32, u32)]) -> PartnerSecrets {
        let mut secrets = PartnerSecrets {
            api_secret: hash("0"),
            ..sample::secrets()
        };
        for (number, &(grace, now)) in exchanges.iter().enumerate() {
            let new = NewSecrets::Api(hash(&(number + 1).to_string()));
            secrets = secrets.rotated(new, Span::from_seconds(grace), at(now));
        }
        secrets
    }

    fn opening(secrets: &PartnerSecrets, now: u32) -> Vec<u32> {
        let all = 0..10;
        all.filter(|number| secrets.api_secret_is(&hash(&number.to_string()), at(now)))
            .collect()
    }

    #[test]
    fn the_secret_before_opens_until_its_grace_is_over() {
        let secrets = after(&[(24 * HOUR, 0)]);
        assert_eq!(opening(&secrets, 0), [0, 1]);
        assert_eq!(opening(&secrets, 24 * HOUR - 1), [0, 1]);
        assert_eq!(opening(&secrets, 24 * HOUR), [1]);
        // The answer to a first exchange may have been lost: what is in use opens on.
        let secrets = after(&[(24 * HOUR, 0), (24 * HOUR, HOUR)]);
        assert_eq!(opening(&secrets, 2 * HOUR), [0, 1, 2]);
        assert_eq!(opening(&secrets, 24 * HOUR), [1, 2]);
    }

    #[test]
    fn an_exchange_without_grace_shuts_out_all_before() {
        let secrets = after(&[(24 * HOUR, 0), (24 * HOUR, 1), (0, 2)]);
        assert_eq!(opening(&secrets, 2), [3]);
        assert_eq!(secrets.former, FormerSecrets::default());
    }

    #[test]
    fn few_former_secrets_are_kept() {
        let secrets = after(&[(HOUR, 0); 8]);
        assert_eq!(opening(&secrets, 1), [4, 5, 6, 7, 8]);
    }

    #[test]
    fn each_kind_is_exchanged_by_itself_and_outlives_its_entry() {
        let before = sample::secrets();
        let new = GatewaySecrets {
            pluginapi_secret: hash("a"),
            access_key: SecretKey::new(&[7; 32]).seal(&Secret::new("b".into())),
            private_key: SecretKey::new(&[7; 32]).seal(&Secret::new("c".into())),
        };
        let grace = Span::from_seconds(HOUR);
        let secrets = before
            .rotated(NewSecrets::Payment(hash("t")), grace, at(0))
            .rotated(NewSecrets::Paykassma(new), grace, at(0));
        assert!(secrets.api_secret == before.api_secret);
        assert!(secrets.payment_token == hash("t"));
        assert!(secrets.former.payment_token[0].secret == before.payment_token);
        let gateway = &secrets.former.gateway[0].secret;
        assert!(gateway.private_key == before.private_key);
        assert!(secrets.private_key != before.private_key);
        assert!(gateway.access_key == before.access_key);
        assert!(secrets.access_key != before.access_key);
        for (now, opens) in [(0, true), (HOUR - 1, true), (HOUR, false)] {
            assert!(secrets.gateway_secret_is(&hash("a"), at(now)));
            assert!(!secrets.gateway_secret_is(&hash("b"), at(now)));
            let old = secrets.gateway_secret_is(&before.pluginapi_secret, at(now));
            assert_eq!(old, opens);
            assert_eq!(
                secrets.private_keys(at(now)).count(),
                1 + usize::from(opens)
            );
        }
        let entry = serde_json::to_string(&secrets).unwrap();
        assert_eq!(
            serde_json::from_str::<PartnerSecrets>(&entry).unwrap(),
            secrets
        );
    }
}
