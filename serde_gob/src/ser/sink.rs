//! Serializers for a single byte and a single float.

use serde::ser::{self, Impossible, Serialize};

use super::Serializer;
use crate::error::{EncodeError, Error, Result};
use crate::wire::put_uint;

/// Takes the elements of a `Vec<u8>` that serde shows one by one.
pub(super) struct ByteSink;

/// Takes the parts of a complex number.
pub(super) struct FloatSink;

#[cold]
fn refuse<T>(described: &'static str, written: &'static str) -> Result<T> {
    Err(EncodeError::Disagreement { described, written }.into())
}

macro_rules! refuse {
    ($ok:ty, $what:literal: $($method:ident($ty:ty))*) => {
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
            refuse($what, "none")
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
        fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<$ok> {
            refuse($what, "a variant")
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

    refuse!(u8, "a byte": serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32)
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

    refuse!(f64, "a float": serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32)
        serialize_i64(i64) serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_char(char) serialize_str(&str) serialize_bytes(&[u8]));
}

impl Serializer<'_, '_> {
    /// Writes a sequence of bytes whose length is known before in a loop without checks, which is what
    /// makes a plain `Vec<u8>` bearable.
    #[inline]
    pub(super) fn collect_bytes<I>(mut self, iter: I) -> Result<()>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        let mut iter = iter.into_iter();
        let (low, high) = iter.size_hint();
        if high != Some(low) {
            return super::compound::collect(self, iter);
        }
        if low == 0 && self.slot.is_field() {
            return Ok(());
        }
        self.begin();
        put_uint(self.output.out, low as u64);
        let start = self.output.out.len();
        self.output.out.resize(start + low, 0);
        let mut written = 0;
        for byte in &mut self.output.out[start..] {
            let Some(item) = iter.next() else { break };
            *byte = item.serialize(ByteSink)?;
            written += 1;
        }
        if written != low || iter.next().is_some() {
            return Err(EncodeError::Count { announced: low, written }.into());
        }
        Ok(())
    }
}
