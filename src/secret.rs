//! Secrets: made here, shown once, kept as keyed hashes or sealed, never printed.
//!
//! One 32-byte key, `{data}/secret.key`, stands behind both: what is only compared is hashed
//! under it, what must be used again is encrypted under it (design.md, Entry). It lies apart
//! from the journal, so that a copy of the journal alone gives no secret away.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rand::TryRng;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A text that must not be seen. `Debug` hides it and its memory is cleared.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text in.
    pub fn new(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }

    /// A fresh secret of 256 random bits, 43 characters of `[A-Za-z0-9_]`.
    pub fn random() -> Secret {
        Secret::new(random_word(43))
    }

    /// The text itself, for whoever may see it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// `length` characters of `[A-Za-z0-9]` from the machine's secure source: 5.95 bits each.
///
/// # Panics
/// Where the machine gives no randomness: nothing secret may be made then.
pub fn random_word(length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut word = String::with_capacity(length);
    let mut bytes = Zeroizing::new([0_u8; 64]);
    while word.len() < length {
        fill_random(&mut *bytes);
        // Bytes above the largest multiple of 62 are dropped, so that each letter is as likely.
        let letters = bytes
            .iter()
            .filter(|&&byte| byte < 248)
            .map(|&byte| char::from(ALPHABET[usize::from(byte % 62)]));
        word.extend(letters.take(length - word.len()));
    }
    word
}

/// Fills `bytes` from the machine's secure source.
///
/// # Panics
/// Where the machine gives no randomness.
pub fn fill_random(bytes: &mut [u8]) {
    rand::rngs::SysRng
        .try_fill_bytes(bytes)
        .expect("the machine gives randomness");
}

/// The key behind all hashes and seals of one coffer.
pub struct SecretKey {
    hashing: Zeroizing<[u8; 32]>,
    sealing: Zeroizing<[u8; 32]>,
    linking: Zeroizing<[u8; 32]>,
    check: [u8; 8],
}

impl SecretKey {
    /// Derives the keys in use from the 32 bytes that lie in the file.
    pub fn new(bytes: &[u8; 32]) -> SecretKey {
        let check = blake3::derive_key("coffer 2026 secret key check", bytes);
        SecretKey {
            hashing: Zeroizing::new(blake3::derive_key("coffer 2026 secret hashing", bytes)),
            sealing: Zeroizing::new(blake3::derive_key("coffer 2026 secret sealing", bytes)),
            linking: Zeroizing::new(blake3::derive_key("coffer 2026 link codes", bytes)),
            check: check[..8].try_into().expect("8 of 32 bytes"),
        }
    }

    /// Tells this key from another without giving it away: 16 hex digits, kept in the manifest.
    pub fn fingerprint(&self) -> String {
        hex_encode(&self.check)
    }

    /// The hash under which a secret that is only compared is kept.
    pub fn hash(&self, secret: &Secret) -> KeyedHash {
        KeyedHash(*blake3::keyed_hash(&self.hashing, secret.expose().as_bytes()).as_bytes())
    }

    /// The code of the session that a one-time link's token opens: 64 hex digits, from which
    /// nobody comes back to the token.
    pub fn link_code(&self, token: &Secret) -> String {
        let hash = blake3::keyed_hash(&self.linking, token.expose().as_bytes());
        hex_encode(hash.as_bytes())
    }

    /// Encrypts a secret that must be used again.
    ///
    /// # Panics
    /// Where the machine gives no randomness.
    pub fn seal(&self, secret: &Secret) -> Sealed {
        let mut nonce = [0_u8; 24];
        fill_random(&mut nonce);
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), secret.expose().as_bytes());
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed.expect("a short text is within the cipher's limit"));
        Sealed(bytes)
    }

    /// Decrypts what [`SecretKey::seal`] made, or `None` where another key made it.
    pub fn open(&self, sealed: &Sealed) -> Option<Secret> {
        let (nonce, rest) = sealed.0.split_first_chunk::<24>()?;
        let bytes = self.cipher().decrypt(&XNonce::from(*nonce), rest).ok()?;
        String::from_utf8(bytes).ok().map(Secret::new)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.sealing))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// The keyed hash of a secret, compared in constant time. 64 hex digits in entries.
#[derive(Clone, Copy)]
pub struct KeyedHash([u8; 32]);

impl PartialEq for KeyedHash {
    fn eq(&self, other: &KeyedHash) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyedHash {}

/// An encrypted secret: a nonce of 24 bytes and the ciphertext. Hex digits in entries.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// Lower-case hex digits.
pub fn hex_encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes
        .iter()
        .flat_map(|&byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// The bytes of lower-case hex digits, or `None` for any other text.
pub fn hex_decode(text: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|&[high, low]| Some(nibble(high)? << 4 | nibble(low)?))
        .collect()
}

macro_rules! hex_in_entries {
    ($name:ident, $from:expr) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&hex_encode(&self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<$name, D::Error> {
                let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
                let from: fn(Vec<u8>) -> Option<$name> = $from;
                hex_decode(&text)
                    .and_then(from)
                    .ok_or_else(|| serde::de::Error::custom("must be hex digits"))
            }
        }
    };
}

hex_in_entries!(KeyedHash, |bytes| bytes.try_into().ok().map(KeyedHash));
hex_in_entries!(Sealed, |bytes| Some(Sealed(bytes)));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_own_key_only() {
        let (ours, other) = (SecretKey::new(&[1; 32]), SecretKey::new(&[2; 32]));
        let secret = Secret::random();
        let sealed = ours.seal(&secret);
        assert_eq!(ours.open(&sealed).unwrap(), secret);
        assert!(other.open(&sealed).is_none());
        assert!(ours.open(&Sealed(vec![0; 7])).is_none());
        assert_ne!(ours.seal(&secret), sealed, "each seal has its own nonce");
        assert_ne!(ours.fingerprint(), other.fingerprint());
    }

    #[test]
    fn hashes_depend_on_key_and_text_and_survive_their_json() {
        let key = SecretKey::new(&[1; 32]);
        let hash = key.hash(&Secret::new("a".into()));
        assert!(hash == key.hash(&Secret::new("a".into())));
        assert!(hash != key.hash(&Secret::new("b".into())));
        assert!(hash != SecretKey::new(&[2; 32]).hash(&Secret::new("a".into())));
        let json = serde_json::to_string(&hash).unwrap();
        assert!(serde_json::from_str::<KeyedHash>(&json).unwrap() == hash);
        assert!(serde_json::from_str::<KeyedHash>("\"00\"").is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = SecretKey::new(&[1; 32]);
        let secret = Secret::new("canary".into());
        let text = format!(
            "{secret:?} {key:?} {:?} {:?}",
            key.hash(&secret),
            key.seal(&secret)
        );
        assert!(!text.contains("canary") && text.contains("Secret(..)"));
    }

    #[test]
    fn hex_is_lower_case_and_whole() {
        assert_eq!(hex_encode(&[0, 171, 255]), "00abff");
        assert_eq!(hex_decode("00abff"), Some(vec![0, 171, 255]));
        assert_eq!(hex_decode("00ABFF"), None);
        assert_eq!(hex_decode("0"), None);
    }
}
