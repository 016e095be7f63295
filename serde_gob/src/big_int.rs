//! `big.Int`, which marshals itself.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::opaque::{AsBytes, GOB_TOKEN, deserialize_payload};
use crate::ser::ZERO_TOKEN;
use crate::shape::{GobType, OpaqueKind, Shape, TypeBuilder};

/// Go's `*big.Int`: an integer of any size. Zero is not sent as a field.
///
/// Converts from and to Rust's integers, and with the feature `num-bigint` that crate's `BigInt`.
///
/// ```
/// use serde_gob::BigInt;
///
/// let big = BigInt::from(i128::MIN);
/// let back: BigInt = serde_gob::from_slice(&serde_gob::to_vec(&big)?)?;
/// assert_eq!(i128::try_from(&back).ok(), Some(i128::MIN));
/// # Ok::<(), serde_gob::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct BigInt {
    negative: bool,
    /// Big-endian, without leading zeros.
    magnitude: Vec<u8>,
}

/// Version of the payload, from Go's `math/big`.
const VERSION: u8 = 1;

impl BigInt {
    /// An integer from its sign and the big-endian bytes of its absolute value.
    pub fn from_be_bytes(negative: bool, magnitude: &[u8]) -> Self {
        let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
        let magnitude = magnitude[zeros..].to_vec();
        BigInt { negative: negative && !magnitude.is_empty(), magnitude }
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// The big-endian bytes of the absolute value, without leading zeros: none for zero.
    pub fn magnitude(&self) -> &[u8] {
        &self.magnitude
    }
}

/// In hexadecimal: the decimal digits of a number of any size take time.
impl fmt::Debug for BigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.negative { "BigInt(-0x" } else { "BigInt(0x" })?;
        self.magnitude.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

impl GobType for BigInt {
    type Key = BigInt;
    fn shape(_: &mut TypeBuilder<'_>) -> Shape {
        Shape::opaque(OpaqueKind::Gob, "Int")
    }
}

impl Serialize for BigInt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut payload = Vec::with_capacity(1 + self.magnitude.len());
        payload.push(VERSION << 1 | u8::from(self.negative));
        payload.extend_from_slice(&self.magnitude);
        let token = if self.magnitude.is_empty() { ZERO_TOKEN } else { GOB_TOKEN };
        serializer.serialize_newtype_struct(token, &AsBytes(&payload))
    }
}

impl<'de> Deserialize<'de> for BigInt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match &deserialize_payload(deserializer, GOB_TOKEN)?[..] {
            [] => Ok(BigInt::default()),
            [head, magnitude @ ..] if head >> 1 == VERSION => {
                Ok(BigInt::from_be_bytes(head & 1 == 1, magnitude))
            }
            [head, ..] => Err(de::Error::custom(format_args!(
                "Int.GobDecode: encoding version {} not supported",
                head >> 1
            ))),
        }
    }
}

macro_rules! from_integers {
    ($($ty:ty)*) => {$(
        impl From<$ty> for BigInt {
            #[allow(unused_comparisons)] // of unsigned integers
            fn from(value: $ty) -> Self {
                let magnitude = i128::from(value).unsigned_abs();
                BigInt::from_be_bytes(value < 0, &magnitude.to_be_bytes())
            }
        }
    )*};
}

from_integers!(i8 i16 i32 i64 i128 u8 u16 u32 u64);

impl From<u128> for BigInt {
    fn from(value: u128) -> Self {
        BigInt::from_be_bytes(false, &value.to_be_bytes())
    }
}

/// An integer that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("gob: integer out of the range of the type it is converted to")]
pub struct IntOutOfRange;

impl TryFrom<&BigInt> for u128 {
    type Error = IntOutOfRange;

    fn try_from(big: &BigInt) -> Result<Self, IntOutOfRange> {
        if big.negative || big.magnitude.len() > 16 {
            return Err(IntOutOfRange);
        }
        Ok(big.magnitude.iter().fold(0, |value, byte| value << 8 | u128::from(*byte)))
    }
}

impl TryFrom<&BigInt> for i128 {
    type Error = IntOutOfRange;

    fn try_from(big: &BigInt) -> Result<Self, IntOutOfRange> {
        let magnitude = u128::try_from(&BigInt { negative: false, ..big.clone() })?;
        let value = if big.negative {
            0_i128.checked_sub_unsigned(magnitude)
        } else {
            0_i128.checked_add_unsigned(magnitude)
        };
        value.ok_or(IntOutOfRange)
    }
}

impl TryFrom<&BigInt> for i64 {
    type Error = IntOutOfRange;

    fn try_from(big: &BigInt) -> Result<Self, IntOutOfRange> {
        i128::try_from(big)?.try_into().map_err(|_| IntOutOfRange)
    }
}

impl TryFrom<&BigInt> for u64 {
    type Error = IntOutOfRange;

    fn try_from(big: &BigInt) -> Result<Self, IntOutOfRange> {
        u128::try_from(big)?.try_into().map_err(|_| IntOutOfRange)
    }
}

#[cfg(feature = "num-bigint")]
mod with_num_bigint {
    use num_bigint::Sign;

    use super::BigInt;

    impl From<&num_bigint::BigInt> for BigInt {
        fn from(value: &num_bigint::BigInt) -> Self {
            let (sign, magnitude) = value.to_bytes_be();
            BigInt::from_be_bytes(sign == Sign::Minus, &magnitude)
        }
    }

    impl From<&BigInt> for num_bigint::BigInt {
        fn from(value: &BigInt) -> Self {
            let sign = if value.negative { Sign::Minus } else { Sign::Plus };
            num_bigint::BigInt::from_bytes_be(sign, &value.magnitude)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn integers_of_num_bigint_survive() {
            for text in ["0", "-1", "123456789012345678901234567890123456789012345678901234567890"] {
                let value: num_bigint::BigInt = text.parse().unwrap();
                assert_eq!(num_bigint::BigInt::from(&BigInt::from(&value)), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_at_the_borders_convert_both_ways() {
        for value in [0, 1, -1, 255, 256, i128::from(i64::MIN), i128::from(u64::MAX), i128::MIN, i128::MAX] {
            assert_eq!(i128::try_from(&BigInt::from(value)), Ok(value));
        }
        assert_eq!(u128::try_from(&BigInt::from(u128::MAX)), Ok(u128::MAX));
        assert_eq!(i128::try_from(&BigInt::from(u128::MAX)), Err(IntOutOfRange));
        assert_eq!(i128::try_from(&BigInt::from_be_bytes(true, &[0xff; 16])), Err(IntOutOfRange));
        assert_eq!(u128::try_from(&BigInt::from_be_bytes(false, &[1; 17])), Err(IntOutOfRange));
        assert_eq!(u64::try_from(&BigInt::from(u64::MAX)), Ok(u64::MAX));
        assert_eq!(i64::try_from(&BigInt::from(i64::MIN)), Ok(i64::MIN));
        assert_eq!(u64::try_from(&BigInt::from(-1)), Err(IntOutOfRange));
        assert_eq!(i64::try_from(&BigInt::from(u64::MAX)), Err(IntOutOfRange));
    }

    #[test]
    fn there_is_one_zero() {
        assert_eq!(BigInt::from_be_bytes(true, &[0, 0]), BigInt::default());
    }

    #[test]
    fn an_integer_is_its_sign_and_the_bytes_of_its_absolute_value() {
        for (value, negative, magnitude, shown) in [
            (0, false, &[][..], "BigInt(0x)"),
            (-1, true, &[1], "BigInt(-0x01)"),
            (258, false, &[1, 2], "BigInt(0x0102)"),
            (-0xa_0b0c, true, &[10, 11, 12], "BigInt(-0x0a0b0c)"),
        ] {
            let big = BigInt::from(value);
            assert_eq!((big.is_negative(), big.magnitude()), (negative, magnitude), "{value}");
            assert_eq!(format!("{big:?}"), shown);
            let payload: crate::GobBytes = crate::from_slice(&crate::to_vec(&big).unwrap()).unwrap();
            assert_eq!(payload.0, [&[2 + u8::from(negative)], magnitude].concat(), "{value}");
        }
    }

    #[test]
    fn payloads_of_another_version_are_refused() {
        for (payload, expected) in [
            (&[][..], Ok(0)),
            (&[2, 9], Ok(9)),
            (&[3, 9], Ok(-9)),
            (&[0, 9], Err("Int.GobDecode: encoding version 0 not supported")),
            (&[5, 9], Err("Int.GobDecode: encoding version 2 not supported")),
        ] {
            let sent = crate::to_vec(&crate::GobBytes(payload.to_vec())).unwrap();
            let read = crate::from_slice::<BigInt>(&sent).map(|big| i64::try_from(&big).unwrap());
            assert_eq!(
                read.map_err(|error| error.to_string()),
                expected.map_err(str::to_owned),
                "{payload:?}"
            );
        }
    }
}
