//! The zero value of whatever a visitor asks for: what Go means by a field that is not sent.

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};

use super::Source;
use super::fields::name_deserializer;
use super::local_name::{go_name, type_mismatch};
use crate::error::{Error, Mismatch, Result};
use crate::limits::Limits;
use crate::opaque;
use crate::received::{ReceivedTypes, WireKind, WireRef};
use crate::shape::OpaqueKind;
use crate::value;

#[derive(Clone, Copy)]
pub(super) struct Zero<'a> {
    types: &'a ReceivedTypes,
    /// The sender's type, where it has one.
    ty: Option<WireRef>,
    depth_left: usize,
    limits: &'a Limits,
}

impl<'a> Zero<'a> {
    #[inline]
    pub(super) fn new(source: &Source<'a, '_>, ty: Option<WireRef>) -> Self {
        Zero { types: source.types, ty, depth_left: source.depth_left, limits: source.limits }
    }

    fn inner(self, ty: Option<WireRef>) -> Result<Self> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Zero { ty, depth_left, ..self }),
            None => Err(Error::limit("depth of a value", self.limits.depth)),
        }
    }

    fn kind(&self) -> Option<&'a WireKind> {
        self.ty.map(|ty| self.types.kind(ty))
    }

    /// A field may be absent and still be of the wrong type.
    #[inline]
    fn expect<V>(&self, ty: WireRef) -> Result<()> {
        if self.ty.is_some_and(|sent| sent != ty) { Err(self.mismatch::<V>()) } else { Ok(()) }
    }

    #[cold]
    fn mismatch<V>(&self) -> Error {
        type_mismatch::<V>(self.types, self.ty.unwrap_or(WireRef::INTERFACE))
    }
}

/// The zero value of a type, as decoding gives it for a field that Go has not sent: 0, `false`, empty, `None`, and
/// structs of those.
///
/// ```
/// assert_eq!(serde_gob::zero::<(i64, String, Option<bool>)>()?, (0, String::new(), None));
/// # Ok::<(), serde_gob::Error>(())
/// ```
///
/// # Errors
/// The type has no zero value: an enum, which stands for an interface, would be nil, and its `Deserialize` may refuse
/// what another type takes.
pub fn zero<T: DeserializeOwned>() -> Result<T> {
    let (types, limits) = (ReceivedTypes::new(), Limits::default());
    T::deserialize(Zero { types: &types, ty: None, depth_left: limits.depth, limits: &limits })
}

macro_rules! zeros {
    ($($method:ident: $wire:ident, $visit:ident($zero:expr);)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.expect::<V::Value>(WireRef::$wire)?;
            visitor.$visit($zero)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Zero<'_> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    zeros! {
        deserialize_bool: BOOL, visit_bool(false);
        deserialize_i8: INT, visit_i8(0);
        deserialize_i16: INT, visit_i16(0);
        deserialize_i32: INT, visit_i32(0);
        deserialize_i64: INT, visit_i64(0);
        deserialize_u8: UINT, visit_u8(0);
        deserialize_u16: UINT, visit_u16(0);
        deserialize_u32: UINT, visit_u32(0);
        deserialize_u64: UINT, visit_u64(0);
        deserialize_f32: FLOAT, visit_f32(0.0);
        deserialize_f64: FLOAT, visit_f64(0.0);
        deserialize_char: INT, visit_char('\0');
        deserialize_str: STRING, visit_borrowed_str("");
        deserialize_string: STRING, visit_borrowed_str("");
        deserialize_bytes: BYTES, visit_borrowed_bytes(&[]);
        deserialize_byte_buf: BYTES, visit_borrowed_bytes(&[]);
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_none()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_str("")
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        let opaque = |kind: OpaqueKind| match self.kind() {
            None => Ok(()),
            Some(WireKind::Opaque { kind: sent, .. }) if *sent == kind => Ok(()),
            Some(_) => Err(self.mismatch::<V::Value>()),
        };
        match name {
            value::ANY_TOKEN if self.ty.is_some_and(|ty| ty != WireRef::INTERFACE) => {
                return Err(self.mismatch::<V::Value>());
            }
            value::TOKEN | value::ANY_TOKEN => {
                let ty = self.ty.unwrap_or(WireRef::INTERFACE);
                value::handoff::put_incoming(value::zero(self.types, ty));
                return visitor.visit_unit();
            }
            opaque::GOB_TOKEN => opaque(OpaqueKind::Gob)?,
            opaque::BINARY_TOKEN => opaque(OpaqueKind::Binary)?,
            opaque::TEXT_TOKEN => opaque(OpaqueKind::Text)?,
            opaque::STRING_TOKEN => self.expect::<V::Value>(WireRef::STRING)?,
            _ => return visitor.visit_newtype_struct(self),
        }
        visitor.visit_borrowed_bytes(&[])
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.kind() {
            None | Some(WireKind::Bytes | WireKind::Slice { .. } | WireKind::Array { .. }) => {
                visitor.visit_seq(Elements { zero: self, left: 0 })
            }
            Some(_) => Err(self.mismatch::<V::Value>()),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        let elem = match self.kind() {
            None => None,
            Some(WireKind::Array { elem, len: sent }) if *sent == len as u64 => Some(*elem),
            Some(WireKind::Complex) if len == 2 => Some(WireRef::FLOAT),
            Some(_) => return Err(self.mismatch::<V::Value>()),
        };
        visitor.visit_seq(Elements { zero: self.inner(elem)?, left: len })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.kind() {
            None | Some(WireKind::Map { .. } | WireKind::Struct(_)) => {
                visitor.visit_map(Fields { zero: self.inner(None)?, sent: None, names: &[], next: 0 })
            }
            Some(_) => Err(self.mismatch::<V::Value>()),
        }
    }

    /// A struct is not sent only behind a nil pointer; all its fields are zero then.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.kind() {
            None => visitor.visit_map(Fields { zero: self.inner(None)?, sent: None, names, next: 0 }),
            Some(WireKind::Struct(ty)) => {
                let sent = Some(&*ty.plans.get(ty, names).sent);
                visitor.visit_map(Fields { zero: self.inner(None)?, sent, names, next: 0 })
            }
            Some(_) => Err(Mismatch::WantStruct { local: go_name::<V::Value>() }.into()),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.ty {
            Some(WireRef::STRING) => visitor.visit_enum(name_deserializer("")),
            Some(WireRef::INT | WireRef::UINT) if !variants.is_empty() => {
                visitor.visit_enum(variants[0].into_deserializer())
            }
            None | Some(WireRef::INTERFACE) => Err(Mismatch::NilInterface { local: name.to_owned() }.into()),
            Some(_) => Err(self.mismatch::<V::Value>()),
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.kind() {
            Some(WireKind::Bool) => visitor.visit_bool(false),
            Some(WireKind::Int) => visitor.visit_i64(0),
            Some(WireKind::Uint) => visitor.visit_u64(0),
            Some(WireKind::Float) => visitor.visit_f64(0.0),
            Some(WireKind::Bytes | WireKind::Opaque { .. }) => visitor.visit_borrowed_bytes(&[]),
            Some(WireKind::String) => visitor.visit_borrowed_str(""),
            Some(WireKind::Complex) => {
                visitor.visit_seq(Elements { zero: self.inner(Some(WireRef::FLOAT))?, left: 2 })
            }
            Some(WireKind::Slice { .. }) => visitor.visit_seq(Elements { zero: self, left: 0 }),
            Some(WireKind::Map { .. }) => {
                visitor.visit_map(Fields { zero: self.inner(None)?, sent: None, names: &[], next: 0 })
            }
            // Arrays and structs are not sent only behind nil pointers.
            _ => visitor.visit_unit(),
        }
    }

    serde::forward_to_deserialize_any! { i128 u128 }
}

struct Elements<'a> {
    zero: Zero<'a>,
    left: usize,
}

impl<'de> de::SeqAccess<'de> for Elements<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(self.zero).map(Some)
    }
}

struct Fields<'a> {
    /// The zero of a field, but for its type.
    zero: Zero<'a>,
    /// The sender's types of the fields, where it has such a struct.
    sent: Option<&'a [Option<WireRef>]>,
    names: &'static [&'static str],
    next: usize,
}

impl<'de> de::MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        while let Some(name) = self.names.get(self.next) {
            self.zero.ty = self.sent.and_then(|sent| sent[self.next]);
            self.next += 1;
            if self.sent.is_none() || self.zero.ty.is_some() {
                return seed.deserialize(name_deserializer(name)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.zero)
    }
}
