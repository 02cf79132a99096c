//! The parts that rows are made of, as bytes.

use std::str::FromStr;

use crate::bytes::{Bytes, CodecError, put_number, put_text};
use crate::engine::round::Tally;
use crate::id::{
    AccountNumber, Code, GameNumber, GameType, IdSpaceNumber, Lang, Mobile, OrderReference,
    PartnerNumber, PaymentReference, PlayerId, RoundId, Seq, SessionNumber, TransactionId,
    UserNumber, WalletType,
};
use crate::money::{Amount, Currency, Sum};
use crate::time::{Span, Timestamp};

/// Something that has one form as bytes.
pub(super) trait Field: Sized {
    fn put(&self, out: &mut Vec<u8>);

    fn take(bytes: &mut Bytes<'_>) -> Result<Self, CodecError>;
}

impl Field for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(*self, out);
    }

    fn take(bytes: &mut Bytes<'_>) -> Result<u64, CodecError> {
        bytes.number()
    }
}

impl Field for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(u64::from(*self), out);
    }

    fn take(bytes: &mut Bytes<'_>) -> Result<u32, CodecError> {
        u32::try_from(bytes.number()?).map_err(|_| CodecError::OutOfRange)
    }
}

impl Field for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(bytes: &mut Bytes<'_>) -> Result<bool, CodecError> {
        match bytes.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(CodecError::UnknownBits),
        }
    }
}

/// Newtypes around a number.
macro_rules! numbers {
    ($($name:ident),*) => {$(
        impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                self.0.put(out);
            }

            fn take(bytes: &mut Bytes<'_>) -> Result<$name, CodecError> {
                Field::take(bytes).map($name)
            }
        }
    )*};
}

numbers!(
    AccountNumber,
    GameNumber,
    IdSpaceNumber,
    PartnerNumber,
    RoundId,
    Seq,
    SessionNumber,
    TransactionId,
    UserNumber
);

/// Texts that were checked once.
macro_rules! texts {
    ($($name:ident),*) => {$(
        impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                put_text(self.as_str().as_bytes(), out);
            }

            fn take(bytes: &mut Bytes<'_>) -> Result<$name, CodecError> {
                let text = std::str::from_utf8(bytes.text()?).map_err(|_| CodecError::Text)?;
                $name::from_str(text).map_err(|_| CodecError::Text)
            }
        }
    )*};
}

texts!(
    Code,
    Currency,
    GameType,
    Lang,
    Mobile,
    OrderReference,
    PaymentReference,
    PlayerId,
    WalletType
);

impl Field for Amount {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(self.cents(), out);
    }

    fn take(bytes: &mut Bytes<'_>) -> Result<Amount, CodecError> {
        Amount::from_cents(bytes.number()?).ok_or(CodecError::OutOfRange)
    }
}

/// Zigzag in two halves: small sums are short, whatever their sign.
impl Field for Sum {
    fn put(&self, out: &mut Vec<u8>) {
        let cents = self.cents();
        let zigzag = ((cents << 1) ^ (cents >> 127)).cast_unsigned();
        put_number(zigzag as u64, out);
        put_number((zigzag >> 64) as u64, out);
    }

    fn take(bytes: &mut Bytes<'_>) -> Result<Sum, CodecError> {
        let zigzag = u128::from(bytes.number()?) | u128::from(bytes.number()?) << 64;
        let cents = (zigzag >> 1) ^ (zigzag & 1).wrapping_neg();
        Ok(Sum::from_cents(cents.cast_signed()))
    }
}

impl Field for Timestamp {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(self.micros(), out);
    }

    fn take(bytes: &mut Bytes<'_>) -> Result<Timestamp, CodecError> {
        let micros = bytes.number()?;
        if micros > Timestamp::MAX.micros() {
            return Err(CodecError::OutOfRange);
        }
        Ok(Timestamp::from_micros(micros))
    }
}

impl Field for Span {
    fn put(&self, out: &mut Vec<u8>) {
        put_number(self.micros(), out);
    }

    fn take(bytes: &mut Bytes<'_>) -> Result<Span, CodecError> {
        bytes.number().map(Span::from_micros)
    }
}

impl Field for Tally {
    fn put(&self, out: &mut Vec<u8>) {
        self.count.put(out);
        self.amount.put(out);
    }

    fn take(bytes: &mut Bytes<'_>) -> Result<Tally, CodecError> {
        Ok(Tally {
            count: Field::take(bytes)?,
            amount: Field::take(bytes)?,
        })
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(bytes: &mut Bytes<'_>) -> Result<Option<T>, CodecError> {
        if bool::take(bytes)? {
            T::take(bytes).map(Some)
        } else {
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_either_sign_come_back_and_small_ones_are_short() {
        for (cents, length) in [(0, 2), (-1, 2), (63, 2), (-64, 2), (64, 3)] {
            let mut bytes = Vec::new();
            Sum::from_cents(cents).put(&mut bytes);
            assert_eq!(bytes.len(), length, "{cents}");
        }
        for cents in [0, 1, -1, i128::from(i64::MAX), -(1 << 100), 1 << 100] {
            let mut bytes = Vec::new();
            Sum::from_cents(cents).put(&mut bytes);
            assert_eq!(Sum::take(&mut Bytes(&bytes)), Ok(Sum::from_cents(cents)));
        }
    }
}
