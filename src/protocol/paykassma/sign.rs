//! Signatures under a merchant's keys (paykassma-api.md, Signature).

use md5::Md5;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use crate::secret::{Secret, hex_encode};

/// The signature of a request: over its members' [`super::flatten::signing_text`].
pub fn sign_request(private_key: &Secret, signing_text: &str) -> String {
    hashed(&[private_key], signing_text.as_bytes())
}

/// What a postback is signed with.
#[derive(Clone, Debug)]
pub struct PostbackKeys {
    /// The merchant's access key.
    pub access_key: Secret,
    /// The merchant's private key.
    pub private_key: Secret,
}

impl PostbackKeys {
    /// The signature of a postback: over the bytes of its `additional_data` and nothing else.
    pub fn sign(&self, additional_data: &[u8]) -> String {
        hashed(&[&self.access_key, &self.private_key], additional_data)
    }
}

/// Whether two signatures are the same, in a time that does not tell where they differ.
pub fn is_same(given: &str, right: &str) -> bool {
    given.as_bytes().ct_eq(right.as_bytes()).into()
}

/// `sha1(keys . md5(text))` in lower-case hex.
fn hashed(keys: &[&Secret], text: &[u8]) -> String {
    let mut hash = Sha1::new();
    for key in keys {
        hash.update(key.expose());
    }
    hash.update(hex_encode(&Md5::digest(text)));
    hex_encode(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_signed_as_php_signs_it() {
        let key = Secret::new("yourprivatekey".to_owned());
        let text = "TestNameAcc:123456789:1218:IFCS0123456:INR:1:125199:imps_ib::297";
        let signature = sign_request(&key, text);
        assert_eq!(signature, "86e61386f3dfd6c98b1409eb33db9af4c890e1d1");
        assert!(is_same(
            &signature,
            "86e61386f3dfd6c98b1409eb33db9af4c890e1d1"
        ));
        assert!(!is_same(
            &signature,
            "86e61386f3dfd6c98b1409eb33db9af4c890e1d0"
        ));
        assert!(!is_same("", &signature));
    }
}
