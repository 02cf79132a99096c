//! Numbers and flags as bytes, and what can be wrong with bytes.

use std::fmt;

/// Why bytes are not what was once encoded. None of them stems from a power cut: what the
/// journal holds was synced whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// The bytes end within something.
    Truncated,
    /// Bytes follow after the end.
    Trailing,
    /// A number is not in its shortest form.
    Overlong,
    /// A bit is set that has no meaning.
    UnknownBits,
    /// A value that is never written: money above its limit, a time after its end, no entries.
    OutOfRange,
    /// The document text is not one.
    Text,
    /// The batch's hash is not its own.
    Hash,
    /// A format number that this version does not know, in bytes whose hash holds: a later
    /// version wrote them.
    Newer(u8),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodecError::Truncated => f.write_str("the bytes break off"),
            CodecError::Trailing => f.write_str("bytes follow after the end"),
            CodecError::Overlong => f.write_str("a number is longer than it must be"),
            CodecError::UnknownBits => f.write_str("a bit without meaning is set"),
            CodecError::OutOfRange => f.write_str("a value is out of its range"),
            CodecError::Text => f.write_str("a text is not what was once written"),
            CodecError::Hash => f.write_str("the hash does not fit the bytes"),
            CodecError::Newer(format) => write!(f, "format {format} is of a later version"),
        }
    }
}

impl std::error::Error for CodecError {}
