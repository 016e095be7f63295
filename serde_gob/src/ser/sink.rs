//! Serializers that take one byte or number and hand it back: what a loop over many of them needs.

use serde::ser::{self, Impossible, Serialize};

use crate::error::{EncodeError, Error, Result};
use crate::wire::{float_to_uint, int_to_uint};

/// Takes the elements of a `Vec<u8>` that serde shows one by one.
pub(super) struct ByteSink;

/// Takes the parts of a complex number.
pub(super) struct FloatSink;

/// Take the elements of slices of numbers, as the unsigned integers by which they are encoded.
#[derive(Clone, Copy)]
pub(super) struct EncodedInt;
#[derive(Clone, Copy)]
pub(super) struct EncodedUint;
#[derive(Clone, Copy)]
pub(super) struct EncodedFloat;

#[cold]
fn refuse<T>(described: &'static str, written: &'static str) -> Result<T> {
    Err(EncodeError::Disagreement { described, written }.into())
}

#[cold]
fn no_variant<T>(_: u32) -> Result<T> {
    refuse("a number", "a variant")
}

macro_rules! refuse {
    ($ok:ty, $what:literal, $variant:expr; $($method:ident($ty:ty))*) => {
        type Ok = $ok;
        type Error = Error;
        type SerializeSeq = Impossible<$ok, Error>;
        type SerializeTuple = Impossible<$ok, Error>;
        type SerializeTupleStruct = Impossible<$ok, Error>;
        type SerializeTupleVariant = Impossible<$ok, Error>;
        type SerializeMap = Impossible<$ok, Error>;
        type SerializeStruct = Impossible<$ok, Error>;
        type SerializeStructVariant = Impossible<$ok, Error>;

        $(fn $method(self, _: $ty) -> Result<$ok> {
            refuse($what, "another type")
        })*
        fn serialize_none(self) -> Result<$ok> {
            Err(EncodeError::NilElement.into())
        }
        fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<$ok> {
            value.serialize(self)
        }
        fn serialize_unit(self) -> Result<$ok> {
            refuse($what, "a unit")
        }
        fn serialize_unit_struct(self, _: &'static str) -> Result<$ok> {
            refuse($what, "a unit")
        }
        /// An enum that travels as an integer.
        fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<$ok> {
            let variant: fn(u32) -> Result<$ok> = $variant;
            variant(index)
        }
        #[inline(always)]
        fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<$ok> {
            value.serialize(self)
        }
        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<$ok> {
            refuse($what, "a variant")
        }
        fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq> {
            refuse($what, "a sequence")
        }
        fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple> {
            refuse($what, "a tuple")
        }
        fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct> {
            refuse($what, "a tuple")
        }
        fn serialize_tuple_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleVariant> {
            refuse($what, "a variant")
        }
        fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap> {
            refuse($what, "a map")
        }
        fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct> {
            refuse($what, "a struct")
        }
        fn serialize_struct_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStructVariant> {
            refuse($what, "a variant")
        }
    };
}

impl ser::Serializer for ByteSink {
    #[inline(always)]
    fn serialize_u8(self, value: u8) -> Result<u8> {
        Ok(value)
    }

    refuse!(u8, "a byte", no_variant; serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32)
        serialize_i64(i64) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_f32(f32)
        serialize_f64(f64) serialize_char(char) serialize_str(&str) serialize_bytes(&[u8]));
}

impl ser::Serializer for FloatSink {
    fn serialize_f32(self, value: f32) -> Result<f64> {
        Ok(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<f64> {
        Ok(value)
    }

    refuse!(f64, "a float", no_variant; serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32)
        serialize_i64(i64) serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_char(char) serialize_str(&str) serialize_bytes(&[u8]));
}

/// Takes numbers of some types and encodes them.
macro_rules! accept {
    ($($method:ident($ty:ty) $encode:expr;)*) => {$(
        #[inline(always)]
        fn $method(self, value: $ty) -> Result<u64> {
            Ok($encode(value.into()))
        }
    )*};
}

impl ser::Serializer for EncodedInt {
    accept! {
        serialize_i8(i8) int_to_uint;
        serialize_i16(i16) int_to_uint;
        serialize_i32(i32) int_to_uint;
        serialize_i64(i64) int_to_uint;
    }

    #[inline(always)]
    fn serialize_char(self, value: char) -> Result<u64> {
        Ok(int_to_uint(u32::from(value).into()))
    }

    refuse!(u64, "an integer", |index| Ok(int_to_uint(index.into())); serialize_bool(bool) serialize_u8(u8) serialize_u16(u16) serialize_u32(u32)
        serialize_u64(u64) serialize_f32(f32) serialize_f64(f64) serialize_str(&str) serialize_bytes(&[u8]));
}

impl ser::Serializer for EncodedUint {
    accept! {
        serialize_u8(u8) std::convert::identity::<u64>;
        serialize_u16(u16) std::convert::identity::<u64>;
        serialize_u32(u32) std::convert::identity::<u64>;
        serialize_u64(u64) std::convert::identity::<u64>;
    }

    refuse!(u64, "an unsigned integer", |index| Ok(index.into()); serialize_bool(bool) serialize_i8(i8) serialize_i16(i16)
        serialize_i32(i32) serialize_i64(i64) serialize_f32(f32) serialize_f64(f64) serialize_char(char)
        serialize_str(&str) serialize_bytes(&[u8]));
}

impl ser::Serializer for EncodedFloat {
    accept! {
        serialize_f32(f32) float_to_uint;
        serialize_f64(f64) float_to_uint;
    }

    refuse!(u64, "a float", no_variant; serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32)
        serialize_i64(i64) serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_char(char) serialize_str(&str) serialize_bytes(&[u8]));
}
