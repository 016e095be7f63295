//! Interface values as Rust enums.

use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::local_name::name_local_type;
use super::{Deserializer, Source, fields, not_utf8};
use crate::error::{Error, Mismatch, Result};
use crate::received::{ReceivedTypes, WireRef};

pub(super) fn deserialize<'de, V: Visitor<'de>>(
    deserializer: Deserializer<'_, '_, 'de>,
    local: &'static str,
    variants: &'static [&'static str],
    visitor: V,
) -> Result<V::Value> {
    let Deserializer { source, ty } = deserializer;
    let offset = source.cursor.offset();
    let types = source.types;
    match ty {
        WireRef::INTERFACE => {
            let Some((name, ty)) = source.interface()? else {
                return Err(Error::from(Mismatch::NilInterface { local: local.to_owned() }).at(offset));
            };
            let name = std::str::from_utf8(name).map_err(|_| not_utf8().at(offset))?;
            source.enter()?;
            source.whole = true;
            let value = visitor.visit_enum(Interface { source, name, variants, ty })?;
            source.leave();
            Ok(value)
        }
        // Enums of units may travel as strings and integers (`#[gob(string)]`, `#[gob(int)]`).
        WireRef::STRING => {
            let name = source.str()?;
            visitor.visit_enum(Unit { types, name, ty, local })
        }
        WireRef::INT => {
            let index = u64::try_from(source.cursor.int()?).ok();
            visitor.visit_enum(Unit { types, name: name_at(variants, index, offset)?, ty, local })
        }
        WireRef::UINT => {
            let index = Some(source.cursor.uint()?);
            visitor.visit_enum(Unit { types, name: name_at(variants, index, offset)?, ty, local })
        }
        _ => Err(want_interface(local, types, ty).at(offset)),
    }
}

#[cold]
pub(super) fn want_interface(local: &str, types: &ReceivedTypes, ty: WireRef) -> Error {
    let (local, remote) = (format!("*{local}"), types.describe(ty));
    Mismatch::WantInterface { local, remote }.into()
}

fn name_at(variants: &'static [&'static str], index: Option<u64>, offset: u64) -> Result<&'static str> {
    index
        .and_then(|index| variants.get(usize::try_from(index).ok()?))
        .copied()
        .ok_or_else(|| <Error as de::Error>::custom("gob: no variant of the enum has this number").at(offset))
}

struct Interface<'s, 'a, 'de> {
    source: &'s mut Source<'a, 'de>,
    name: &'de str,
    variants: &'static [&'static str],
    ty: WireRef,
}

impl<'s, 'a, 'de> de::EnumAccess<'de> for Interface<'s, 'a, 'de> {
    type Error = Error;
    type Variant = Deserializer<'s, 'a, 'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant)> {
        match seed.deserialize(fields::name_deserializer(self.name)) {
            Ok(variant) => Ok((variant, Deserializer::new(self.source, self.ty))),
            Err(_) if !self.variants.contains(&self.name) => {
                let offset = self.source.cursor.offset();
                Err(Error::from(Mismatch::NotRegistered { name: self.name.to_owned() }).at(offset))
            }
            Err(error) => Err(error),
        }
    }
}

/// A variant that is no more than its name.
struct Unit<'a, 'n> {
    types: &'a ReceivedTypes,
    name: &'n str,
    ty: WireRef,
    /// The enum.
    local: &'static str,
}

impl<'de> de::EnumAccess<'de> for Unit<'_, '_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self)> {
        let name = IntoDeserializer::<Error>::into_deserializer(self.name);
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Unit<'_, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value> {
        Err(want_interface(self.local, self.types, self.ty))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value> {
        Err(want_interface(self.local, self.types, self.ty))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value> {
        Err(want_interface(self.local, self.types, self.ty))
    }
}

impl<'de> de::VariantAccess<'de> for Deserializer<'_, '_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        self.source.skip(self.ty)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        let (types, ty) = (self.source.types, self.ty);
        seed.deserialize(self).map_err(|error| name_local_type::<T::Value>(types, ty, error))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_tuple(self, len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, names: &'static [&'static str], visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_struct(self, "variant", names, visitor)
    }
}
