//! What must hold of any bytes at all: the work of the fuzz targets, which the tests do over their
//! seeds too.

mod calls;
mod gateway;
mod stored;

pub use calls::{check_amount, check_partner, check_wallet};
pub use gateway::{check_form, check_query, check_signing};
pub use stored::{check_batch, check_config};

/// A fuzz target's name, which its seeds lie under, and what it looks at.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 8] = [
    ("amount", check_amount),
    ("batch", check_batch),
    ("config", check_config),
    ("form", check_form),
    ("partner", check_partner),
    ("query", check_query),
    ("signing", check_signing),
    ("wallet", check_wallet),
];

/// The first line, and the rest.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b'\n');
    let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    let rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    Some((std::str::from_utf8(line).ok()?, rest))
}
