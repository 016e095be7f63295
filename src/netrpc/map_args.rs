//! Several parameters as one `map[string]interface{}`, as go-plugin's own examples send them.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{EnumAccess, MapAccess, VariantAccess, Visitor, value::MapAccessDeserializer},
    ser::SerializeMap,
};
use serde_gob::{GobType, Shape, TypeBuilder, Variant};

use super::callback::{Callback, OptionalCallback};

/// A type that Go's gob knows inside an interface value, by the name under which it is registered there.
///
/// Go registers its basic types and slices of them by itself; they implement this. Implement it for a struct that the
/// Go side registers with `gob.Register` or `gob.RegisterName`, to use it as a parameter with `#[rpc(args = map)]`:
///
/// ```
/// # struct Person;
/// impl go_plugin::netrpc::Registered for Person {
///     const NAME: &'static str = "main.Person";
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "Go does not know `{Self}` inside a `map[string]interface{{}}`",
    label = "has no name in Go",
    note = "implement `go_plugin::netrpc::Registered` for it with the name that the Go side registers, or use `args = fields`"
)]
pub trait Registered {
    /// The registered name: for `gob.Register(Person{})` the type's name with its package's import path.
    const NAME: &'static str;
}

macro_rules! registered {
    ($($ty:ty: $name:literal, $slice:literal;)*) => {$(
        impl Registered for $ty {
            const NAME: &'static str = $name;
        }
        impl Registered for [$ty] {
            const NAME: &'static str = $slice;
        }
        impl Registered for Vec<$ty> {
            const NAME: &'static str = $slice;
        }
    )*};
}

registered! {
    bool: "bool", "[]bool";
    i8: "int8", "[]int8";
    i16: "int16", "[]int16";
    i32: "int32", "[]int32";
    i64: "int64", "[]int64";
    isize: "int", "[]int";
    u8: "uint8", "[]uint8";
    u16: "uint16", "[]uint16";
    u32: "uint32", "[]uint32";
    u64: "uint64", "[]uint64";
    usize: "uint", "[]uint";
    f32: "float32", "[]float32";
    f64: "float64", "[]float64";
    String: "string", "[]string";
}

impl Registered for str {
    const NAME: &'static str = "string";
}

impl<T: Registered + ?Sized> Registered for &T {
    const NAME: &'static str = T::NAME;
}

impl<I: ?Sized> Registered for Callback<I> {
    const NAME: &'static str = u32::NAME;
}

impl<I: ?Sized> Registered for OptionalCallback<I> {
    const NAME: &'static str = u32::NAME;
}

/// The map to send: a list of entries, each with its own type.
pub struct MapArgs<E>(E);

impl MapArgs<End> {
    #[expect(clippy::new_without_default, reason = "only generated code makes one")]
    pub fn new() -> Self {
        Self(End)
    }
}

impl<E> MapArgs<E> {
    /// Adds `value` as a value of the type `N`, which it is, or which it stands for.
    pub fn with<N: ?Sized, T>(self, key: &'static str, value: T) -> MapArgs<Entry<N, T, E>> {
        MapArgs(Entry { key, value, before: self.0, named: PhantomData })
    }
}

/// One entry, after those in `before`.
pub struct Entry<N: ?Sized, T, E> {
    key: &'static str,
    value: T,
    before: E,
    named: PhantomData<fn() -> *const N>,
}

/// No entries.
pub struct End;

/// A list of entries.
pub trait Entries {
    /// Identifies the types of the values.
    type Key: 'static;
    const LEN: u32;
    fn variants(types: &mut TypeBuilder<'_>, variants: &mut Vec<Variant>);
    fn serialize<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

impl Entries for End {
    type Key = End;
    const LEN: u32 = 0;

    fn variants(_: &mut TypeBuilder<'_>, _: &mut Vec<Variant>) {}

    fn serialize<M: SerializeMap>(&self, _: &mut M) -> Result<(), M::Error> {
        Ok(())
    }
}

/// Stands for an entry in a type's key.
pub struct EntryKey<T: ?Sized, E>(PhantomData<fn() -> (*const T, E)>);

impl<N: Registered + ?Sized, T: Serialize + GobType, E: Entries> Entries for Entry<N, T, E> {
    type Key = EntryKey<T::Key, E::Key>;
    const LEN: u32 = E::LEN + 1;

    fn variants(types: &mut TypeBuilder<'_>, variants: &mut Vec<Variant>) {
        E::variants(types, variants);
        let ty = types.add::<T>();
        variants.push(Variant::new(N::NAME, ty));
    }

    fn serialize<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.before.serialize(map)?;
        map.serialize_entry(self.key, &InInterface { name: N::NAME, value: &self.value, index: E::LEN })
    }
}

/// A value as one of the concrete types of an interface.
struct InInterface<'a, T> {
    name: &'static str,
    value: &'a T,
    index: u32,
}

impl<T: Serialize> Serialize for InInterface<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_variant("interface {}", self.index, self.name, self.value)
    }
}

impl<E: Entries> Serialize for MapArgs<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(E::LEN as usize))?;
        self.0.serialize(&mut map)?;
        map.end()
    }
}

impl<E: Entries> GobType for MapArgs<E> {
    type Key = EntryKey<MapArgs<End>, E::Key>;

    fn shape(types: &mut TypeBuilder<'_>) -> Shape {
        let mut variants = Vec::new();
        E::variants(types, &mut variants);
        let (key, value) = (types.add::<str>(), types.anonymous(Shape::interface(variants)));
        Shape::map(key, value)
    }
}

/// A struct received as a map.
pub struct FromMap<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for FromMap<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MapVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for MapVisitor<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map[string]interface{}")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_map(MapVisitor(PhantomData)).map(Self)
    }
}

/// A value received in an interface, under whatever name.
pub struct FromInterface<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for FromInterface<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InterfaceVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for InterfaceVisitor<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an interface value")
            }

            fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<T, A::Error> {
                let (_name, value) = data.variant::<String>()?;
                value.newtype_variant()
            }
        }
        deserializer.deserialize_enum("interface {}", &[], InterfaceVisitor(PhantomData)).map(Self)
    }
}
