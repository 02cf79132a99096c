//! Numbers and texts as bytes, and what can be wrong with bytes.
//!
//! *number*: little-endian base 128, seven bits a byte, the top bit says that another byte
//! follows; the ninth byte is the last and holds eight bits. 1 to 9 bytes, the shortest form is
//! the only one. *text*: its length as a number, then the bytes.

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

/// Writes a number.
pub(crate) fn put_number(mut number: u64, out: &mut Vec<u8>) {
    for _ in 0..8 {
        let seven = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            out.push(seven);
            return;
        }
        out.push(seven | 0x80);
    }
    out.push(u8::try_from(number).expect("64 bits less 8 times 7 are 8"));
}

/// Writes a text.
pub(crate) fn put_text(text: &[u8], out: &mut Vec<u8>) {
    put_number(text.len() as u64, out);
    out.extend_from_slice(text);
}

/// Bytes still to be read.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(CodecError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(CodecError::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, CodecError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64, CodecError> {
        let mut number = 0;
        for place in 0..8 {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return shortest(byte, place, number);
            }
        }
        let last = self.byte()?;
        shortest(last, 8, number | u64::from(last) << 56)
    }

    pub(crate) fn text(&mut self) -> Result<&'a [u8], CodecError> {
        let length = usize::try_from(self.number()?).map_err(|_| CodecError::Truncated)?;
        self.take(length)
    }
}

/// A number whose last byte is zero, but for the number zero itself, has a shorter form.
fn shortest(last: u8, place: u32, number: u64) -> Result<u64, CodecError> {
    if last == 0 && place > 0 {
        Err(CodecError::Overlong)
    } else {
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_form_of_one_to_nine_bytes() {
        for (number, expected) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0x80, 1]),
            ((1 << 56) - 1, &[255, 255, 255, 255, 255, 255, 255, 127]),
            (1 << 56, &[128, 128, 128, 128, 128, 128, 128, 128, 1]),
            (u64::MAX, &[255; 9]),
        ] {
            let mut bytes = Vec::new();
            put_number(number, &mut bytes);
            assert_eq!(bytes, expected);
            assert_eq!(Bytes(&bytes).number(), Ok(number));
        }
        for (bytes, error) in [
            (&[][..], CodecError::Truncated),
            (&[0x80], CodecError::Truncated),
            (&[0x80, 0], CodecError::Overlong),
            (
                &[128, 128, 128, 128, 128, 128, 128, 128, 0],
                CodecError::Overlong,
            ),
        ] {
            assert_eq!(Bytes(bytes).number(), Err(error));
        }
    }
}
