//! `{data}/admin.key`: how it is made, and what is wrong with one.
//!
//! A key of ours bears its own check: `coffer_`, 43 random letters and digits, 8 hex digits of
//! their hash. What begins so and does not fit was cut off or changed; anything else is a key
//! that an operator wrote, of which only the line end tells that it is whole.

use std::io;

use super::admin::KEY_FILE;
use crate::disk::Disk;
use crate::journal::MANIFEST;
use crate::secret::{Secret, hex_encode};

/// What a key of ours begins with.
const PREFIX: &str = "coffer_";

/// Whoever guesses must not have a chance: 16 random letters and digits are 95 bits.
const CHARACTERS_MIN: usize = 16;

/// What is left of a key's hash for its check.
const CHECK_BYTES: usize = 4;

/// The operator's key. Made before the manifest, so that a directory with a manifest and without
/// it has lost it.
///
/// # Errors
/// It was lost, cannot be read, or is no key: what it must be.
pub(super) fn admin_key(disk: &dyn Disk) -> Result<Secret, String> {
    let exists = |name| disk.exists(name).map_err(|error| failed(&error));
    if !exists(KEY_FILE)? && !exists(MANIFEST)? {
        let key = made();
        let line = zeroize::Zeroizing::new(format!("{}\n", key.expose()));
        let written = disk.write_new(KEY_FILE, line.as_bytes());
        written.map_err(|error| failed(&error))?;
        return Ok(key);
    }
    let (key, is_line) = read_key(disk)?;
    if !is_line {
        tracing::warn!(
            "{KEY_FILE} does not end with its line: see that it was not shortened, and end the line"
        );
    }
    Ok(key)
}

/// The key that lies in a data directory; whether it is known to be whole.
///
/// # Errors
/// As [`admin_key`].
pub(super) fn read_key(disk: &dyn Disk) -> Result<(Secret, bool), String> {
    if !disk.exists(KEY_FILE).map_err(|error| failed(&error))? {
        return Err(format!(
            "{KEY_FILE} is missing: put it back, or write a new key of your own into it \
             (at least {CHARACTERS_MIN} printable characters, one line, mode 0600)"
        ));
    }
    let bytes = disk.read_private(KEY_FILE, 1024);
    let bytes = bytes.map_err(|error| failed(&error))?;
    let line = String::from_utf8(bytes).unwrap_or_default();
    let key = line.trim();
    if key.starts_with(PREFIX) {
        if !is_ours(key) {
            return Err(format!(
                "{KEY_FILE} was shortened or changed: put it back, or write a new key of your own \
                 into it, which must not begin with {PREFIX}"
            ));
        }
        return Ok((Secret::new(key.to_owned()), true));
    }
    if key.len() < CHARACTERS_MIN || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!(
            "{KEY_FILE} must hold a key of at least {CHARACTERS_MIN} printable characters on one \
             line"
        ));
    }
    Ok((Secret::new(key.to_owned()), line.ends_with('\n')))
}

fn failed(error: &io::Error) -> String {
    format!("{KEY_FILE} could not be read or written: {error}")
}

fn made() -> Secret {
    let random = Secret::random();
    let random = random.expose();
    Secret::new(format!("{PREFIX}{random}{}", check(random)))
}

fn is_ours(key: &str) -> bool {
    let parts = key.strip_prefix(PREFIX).and_then(|rest| {
        let digits = rest.len().checked_sub(2 * CHECK_BYTES)?;
        rest.split_at_checked(digits)
    });
    parts.is_some_and(|(random, digits)| digits == check(random))
}

fn check(random: &str) -> String {
    let hash = blake3::derive_key("coffer 2026 admin key check", random.as_bytes());
    hex_encode(&hash[..CHECK_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shortened_or_changed_key_is_told_from_a_whole_one() {
        let key = made();
        let key = key.expose();
        assert!(is_ours(key));
        for end in 0..key.len() {
            assert!(!is_ours(&key[..end]), "{end}");
            let mut changed = key.as_bytes().to_vec();
            changed[end] ^= 1;
            assert!(!is_ours(std::str::from_utf8(&changed).unwrap()), "{end}");
        }
    }
}
