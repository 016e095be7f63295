//! Slices, arrays and maps while they are decoded.

use serde::de::{self, DeserializeSeed, Visitor};

use super::local_name::go_name;
use super::{Deserializer, Source};
use crate::error::{Error, Mismatch, Result};
use crate::received::WireRef;

/// Lets the visitor take `count` elements. It may stop early (serde's arrays do), and what it left
/// would be taken for what follows.
#[inline]
pub(super) fn sequence<'de, V: Visitor<'de>>(
    source: &mut Source<'_, 'de>,
    elem: WireRef,
    count: usize,
    visitor: V,
) -> Result<V::Value> {
    source.enter()?;
    let mut left = count;
    let value = visitor.visit_seq(Elements { source, elem, left: &mut left })?;
    if left != 0 {
        return Err(left_over(count, left, source));
    }
    source.leave();
    Ok(value)
}

#[cold]
fn left_over(count: usize, left: usize, source: &Source<'_, '_>) -> Error {
    let local = format!("a type of {} elements", count - left);
    Error::from(Mismatch::Length { local, remote: count as u64 }).at(source.cursor.offset())
}

struct Elements<'s, 'a, 'de> {
    source: &'s mut Source<'a, 'de>,
    elem: WireRef,
    left: &'s mut usize,
}

impl<'de> de::SeqAccess<'de> for Elements<'_, '_, 'de> {
    type Error = Error;

    #[inline(always)]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if *self.left == 0 {
            return Ok(None);
        }
        *self.left -= 1;
        seed.deserialize(Deserializer::new(self.source, self.elem)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(*self.left)
    }
}

/// Bytes for a visitor that wants a sequence, such as that of a plain `Vec<u8>`.
pub(super) fn bytes<'de, V: Visitor<'de>>(source: &mut Source<'_, 'de>, visitor: V) -> Result<V::Value> {
    let mut bytes = Bytes(source.cursor.bytes()?);
    let count = bytes.0.len();
    let value = visitor.visit_seq(&mut bytes)?;
    match bytes.0.len() {
        0 => Ok(value),
        left => Err(left_over(count, left, source)),
    }
}

struct Bytes<'de>(&'de [u8]);

impl<'de> de::SeqAccess<'de> for &mut Bytes<'de> {
    type Error = Error;

    #[inline(always)]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some((byte, rest)) = self.0.split_first() else { return Ok(None) };
        self.0 = rest;
        seed.deserialize(Byte(*byte)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// One byte, which only a `u8` takes: to Go a `[]byte` is no slice of integers.
struct Byte(u8);

macro_rules! refuse {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value> {
            let local = format!("[]{}", go_name::<V::Value>());
            Err(Mismatch::Type { local, remote: "bytes".into(), whole: false }.into())
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Byte {
    type Error = Error;

    #[inline(always)]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_u8(self.0)
    }

    #[inline(always)]
    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_u8(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    refuse! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_u128
    }

    serde::forward_to_deserialize_any! {
        bool f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct enum
        identifier ignored_any
    }
}

/// Lets the visitor take the entries of a map.
pub(super) fn map<'de, V: Visitor<'de>>(
    source: &mut Source<'_, 'de>,
    key: WireRef,
    elem: WireRef,
    visitor: V,
) -> Result<V::Value> {
    let count = source.count()?;
    source.enter()?;
    let mut left = count;
    let value = visitor.visit_map(Entries { source, key, elem, left: &mut left })?;
    if left != 0 {
        return Err(left_over(count, left, source));
    }
    source.leave();
    Ok(value)
}

struct Entries<'s, 'a, 'de> {
    source: &'s mut Source<'a, 'de>,
    key: WireRef,
    elem: WireRef,
    left: &'s mut usize,
}

impl<'de> de::MapAccess<'de> for Entries<'_, '_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if *self.left == 0 {
            return Ok(None);
        }
        *self.left -= 1;
        seed.deserialize(Deserializer::new(self.source, self.key)).map(Some)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        seed.deserialize(Deserializer::new(self.source, self.elem))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(*self.left)
    }
}
