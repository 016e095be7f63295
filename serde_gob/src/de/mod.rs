//! serde's side of the decoder: gives a visitor what the sender's type says is there.

mod access;
mod enums;
mod fields;
mod local_name;
mod source;
mod zero;

use serde::de::{self, Visitor};

use crate::error::{Corruption, Error, ErrorKind, Mismatch, Result};
use crate::opaque;
use crate::received::{WireKind, WireRef};
use crate::shape::OpaqueKind;
use crate::value;

pub(crate) use fields::Plans;
pub(crate) use local_name::name_local_type;
use local_name::{go_name, type_mismatch};
pub(crate) use source::Source;
pub use zero::zero;

#[cold]
pub(crate) fn not_utf8() -> Error {
    Error::new(ErrorKind::Value("gob: string is not UTF-8 (serde_gob::GoString takes any bytes)".into()))
}

/// Decodes one value of a type of the sender's.
pub(crate) struct Deserializer<'s, 'a, 'de> {
    pub(crate) source: &'s mut Source<'a, 'de>,
    pub(crate) ty: WireRef,
}

impl<'s, 'a, 'de> Deserializer<'s, 'a, 'de> {
    #[inline(always)]
    pub(crate) fn new(source: &'s mut Source<'a, 'de>, ty: WireRef) -> Self {
        Deserializer { source, ty }
    }

    /// What is there is not what a visitor of `V` can take.
    #[cold]
    #[inline(never)]
    fn mismatch<V>(&self) -> Error {
        type_mismatch::<V>(self.source.types, self.ty).at(self.source.cursor.offset())
    }

    fn opaque<V: Visitor<'de>>(self, kind: OpaqueKind, visitor: V) -> Result<V::Value> {
        match self.source.types.kind(self.ty) {
            WireKind::Opaque { kind: sent, .. } if *sent == kind => {
                visitor.visit_borrowed_bytes(self.source.cursor.bytes()?)
            }
            _ => Err(self.mismatch::<V::Value>()),
        }
    }
}

macro_rules! numbers {
    ($($method:ident: $wire:ident, $read:ident, $visit:ident;)*) => {$(
        #[inline(always)]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            if self.ty != WireRef::$wire {
                return Err(self.mismatch::<V::Value>());
            }
            visitor.$visit(self.source.cursor.$read()?)
        }
    )*};
}

/// Integers that may be too large for the receiver.
macro_rules! narrow {
    ($($method:ident: $wire:ident, $read:ident, $ty:ty, $visit:ident;)*) => {$(
        #[inline(always)]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            if self.ty != WireRef::$wire {
                return Err(self.mismatch::<V::Value>());
            }
            match <$ty>::try_from(self.source.cursor.$read()?) {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(out_of_range::<$ty>(self.source)),
            }
        }
    )*};
}

/// Go names the field here; [`fields`] puts its name in.
#[cold]
#[inline(never)]
fn out_of_range<T>(source: &Source<'_, '_>) -> Error {
    Error::new(ErrorKind::OutOfRange(format!("*{}", go_name::<T>()))).at(source.cursor.offset())
}

impl<'de> de::Deserializer<'de> for Deserializer<'_, '_, 'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    numbers! {
        deserialize_i64: INT, int, visit_i64;
        deserialize_u64: UINT, uint, visit_u64;
        deserialize_f64: FLOAT, float, visit_f64;
    }

    narrow! {
        deserialize_i8: INT, int, i8, visit_i8;
        deserialize_i16: INT, int, i16, visit_i16;
        deserialize_i32: INT, int, i32, visit_i32;
        deserialize_u8: UINT, uint, u8, visit_u8;
        deserialize_u16: UINT, uint, u16, visit_u16;
        deserialize_u32: UINT, uint, u32, visit_u32;
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.ty != WireRef::BOOL {
            return Err(self.mismatch::<V::Value>());
        }
        visitor.visit_bool(self.source.cursor.uint()? != 0)
    }

    #[inline]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.ty != WireRef::FLOAT {
            return Err(self.mismatch::<V::Value>());
        }
        let value = self.source.cursor.float()?;
        if value.is_finite() && value.abs() > f32::MAX.into() {
            return Err(out_of_range::<f32>(self.source));
        }
        visitor.visit_f32(value as f32)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.ty == WireRef::STRING {
            return visitor.visit_borrowed_str(self.source.str()?);
        }
        if self.ty != WireRef::INT {
            return Err(self.mismatch::<V::Value>());
        }
        let value = self.source.cursor.int()?;
        match u32::try_from(value).ok().and_then(char::from_u32) {
            Some(value) => visitor.visit_char(value),
            None => Err(out_of_range::<char>(self.source)),
        }
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.ty != WireRef::STRING {
            return Err(self.mismatch::<V::Value>());
        }
        visitor.visit_borrowed_str(self.source.str()?)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.ty != WireRef::BYTES {
            return Err(self.mismatch::<V::Value>());
        }
        visitor.visit_borrowed_bytes(self.source.cursor.bytes()?)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.ty == WireRef::INTERFACE && self.source.cursor.peek() == Some(0) {
            self.source.cursor.uint()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    /// `()` takes any value and drops it.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.source.skip(self.ty)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        if !self.source.types.is_struct(self.ty) {
            return Err(Mismatch::WantStruct { local: go_name::<V::Value>() }.into());
        }
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name.as_bytes().first() == Some(&b'$') {
            return self.special(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.ty == WireRef::BYTES {
            return access::bytes(self.source, visitor);
        }
        match self.source.types.kind(self.ty) {
            WireKind::Slice { elem } => {
                let count = self.source.count()?;
                access::sequence(self.source, *elem, count, visitor)
            }
            WireKind::Array { elem, len } => {
                let count = self.source.array_count(*len)?;
                access::sequence(self.source, *elem, count, visitor)
            }
            _ => Err(self.mismatch::<V::Value>()),
        }
    }

    /// Arrays, which have as many elements as the sender's, and complex numbers.
    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        match self.source.types.kind(self.ty) {
            WireKind::Array { elem, len: sent } if *sent == len as u64 => {
                let count = self.source.array_count(*sent)?;
                access::sequence(self.source, *elem, count, visitor)
            }
            WireKind::Complex if len == 2 => access::sequence(self.source, WireRef::FLOAT, len, visitor),
            _ => Err(self.mismatch::<V::Value>()),
        }
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
        match self.source.types.kind(self.ty) {
            WireKind::Map { key, elem } => access::map(self.source, *key, *elem, visitor),
            // What serde asks of a struct with a flattened field.
            WireKind::Struct(ty) => fields::all_fields(self.source, ty, visitor),
            _ => Err(self.mismatch::<V::Value>()),
        }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.source.types.kind(self.ty) {
            WireKind::Struct(ty) => fields::struct_fields(self.source, ty, name, names, visitor),
            _ => {
                let offset = self.source.cursor.offset();
                Err(Error::from(Mismatch::WantStruct { local: go_name::<V::Value>() }).at(offset))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        enums::deserialize(self, name, variants, visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let source = self.source;
        match source.types.kind(self.ty) {
            WireKind::Bool => visitor.visit_bool(source.cursor.uint()? != 0),
            WireKind::Int => visitor.visit_i64(source.cursor.int()?),
            WireKind::Uint => visitor.visit_u64(source.cursor.uint()?),
            WireKind::Float => visitor.visit_f64(source.cursor.float()?),
            WireKind::Bytes | WireKind::Opaque { .. } => visitor.visit_borrowed_bytes(source.cursor.bytes()?),
            WireKind::String => {
                let bytes = source.cursor.bytes()?;
                match std::str::from_utf8(bytes) {
                    Ok(text) => visitor.visit_borrowed_str(text),
                    Err(_) => visitor.visit_borrowed_bytes(bytes),
                }
            }
            WireKind::Complex => access::sequence(source, WireRef::FLOAT, 2, visitor),
            WireKind::Interface => match source.interface()? {
                None => visitor.visit_unit(),
                Some((_, ty)) => {
                    source.enter()?;
                    let value = Deserializer::new(source, ty).deserialize_any(visitor)?;
                    source.leave();
                    Ok(value)
                }
            },
            WireKind::Array { .. } | WireKind::Slice { .. } => {
                Deserializer::new(source, self.ty).deserialize_seq(visitor)
            }
            WireKind::Map { key, elem } => access::map(source, *key, *elem, visitor),
            WireKind::Struct(ty) => fields::all_fields(source, ty, visitor),
            WireKind::Undefined => Err(source.cursor.corrupt(Corruption::UnknownType)),
        }
    }
}

impl<'de> Deserializer<'_, '_, 'de> {
    /// The newtype structs by which this crate's own types speak to this deserializer.
    #[cold]
    #[inline(never)]
    fn special<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        match name {
            value::ANY_TOKEN if self.ty != WireRef::INTERFACE => {
                Err(enums::want_interface("interface {}", self.source.types, self.ty)
                    .at(self.source.cursor.offset()))
            }
            value::TOKEN | value::ANY_TOKEN => {
                let value = value::read(self.source, self.ty)?;
                value::handoff::put_incoming(value);
                visitor.visit_unit()
            }
            opaque::GOB_TOKEN => self.opaque(OpaqueKind::Gob, visitor),
            opaque::BINARY_TOKEN => self.opaque(OpaqueKind::Binary, visitor),
            opaque::TEXT_TOKEN => self.opaque(OpaqueKind::Text, visitor),
            opaque::STRING_TOKEN if self.ty == WireRef::STRING => {
                visitor.visit_borrowed_bytes(self.source.cursor.bytes()?)
            }
            opaque::STRING_TOKEN => Err(self.mismatch::<V::Value>()),
            _ => visitor.visit_newtype_struct(self),
        }
    }
}
