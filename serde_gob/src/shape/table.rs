//! The types one encoder has met, and what a value of each needs while it is written.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{GobType, Kind, Shape, TypeBuilder, TypeRef};
use crate::wire_type::id;

/// Every type is a node; the first ones are the predefined types, in the order of [`Tag`].
#[derive(Debug)]
pub(crate) struct TypeTable {
    nodes: Vec<Node>,
    by_key: HashMap<TypeId, TypeRef>,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// A whole value of this type, an element, a key.
    pub(crate) slot: Slot,
    /// Of a struct.
    pub(crate) fields: Vec<FieldSlot>,
    /// What elements, keys and values are written as.
    pub(crate) elems: [Slot; 2],
}

#[derive(Debug)]
pub(crate) struct FieldSlot {
    pub(crate) name: &'static str,
    pub(crate) slot: Slot,
    /// Address of the name serde passes for this field, learnt when it is first seen.
    known_at: AtomicUsize,
}

/// Where a value goes: its type, and its field number unless zeros are sent there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) tag: Tag,
    pub(crate) field: u16,
    pub(crate) ty: TypeRef,
}

/// The kind of a type, beside its handle, so that scalars need no look at the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tag {
    Bool,
    Int,
    Uint,
    Float,
    Bytes,
    String,
    Complex,
    Any,
    Interface,
    Struct,
    Slice,
    Array,
    Map,
    Opaque,
    /// One byte of a `[]byte` that is shown as a sequence; no type of its own.
    Byte,
}

/// In the place of a field number: an element or a whole value, of which zeros are sent too. Structs have fewer fields.
const NO_FIELD: u16 = u16::MAX;

/// Stands for handles that are not of the table at hand. No value of it can be written.
const NOTHING: TypeRef = TypeRef(Tag::Any as u32 + 1);

/// Where the single bytes of a `[]byte` go.
pub(crate) static BYTE_SLOT: Slot = Slot { tag: Tag::Byte, field: NO_FIELD, ty: TypeRef(Tag::Uint as u32) };

impl Slot {
    #[inline(always)]
    pub(crate) fn is_field(&self) -> bool {
        self.field != NO_FIELD
    }
}

impl FieldSlot {
    /// Whether this is the field serde names: a comparison of addresses once the name was seen.
    #[inline(always)]
    pub(crate) fn is(&self, name: &'static str) -> bool {
        (self.known_at.load(Ordering::Relaxed) == name.as_ptr() as usize && self.name.len() == name.len())
            || self.is_slow(name)
    }

    #[cold]
    fn is_slow(&self, name: &'static str) -> bool {
        let same = self.name == name;
        if same {
            self.known_at.store(name.as_ptr() as usize, Ordering::Relaxed);
        }
        same
    }
}

impl TypeTable {
    pub(crate) fn new() -> Self {
        let predefined = [
            Kind::Bool,
            Kind::Int,
            Kind::Uint,
            Kind::Float,
            Kind::Bytes,
            Kind::String,
            Kind::Complex,
            Kind::Any,
            Kind::Same(NOTHING),
        ];
        let mut table = TypeTable { nodes: Vec::new(), by_key: HashMap::new() };
        for kind in predefined {
            table.push(kind);
        }
        table.finish(0);
        table
    }

    #[inline(always)]
    pub(crate) fn node(&self, ty: TypeRef) -> &Node {
        &self.nodes[ty.0 as usize]
    }

    pub(crate) fn add<T: GobType + ?Sized>(&mut self) -> TypeRef {
        let key = TypeId::of::<T::Key>();
        if let Some(known) = self.by_key.get(&key) {
            return *known;
        }
        // Reserved before the type is described: it may contain itself.
        let reserved = self.reserve();
        self.by_key.insert(key, reserved);
        let Shape(kind) = T::shape(&mut TypeBuilder { table: self });
        let ty = self.fill(reserved, kind);
        self.by_key.insert(key, ty);
        ty
    }

    pub(crate) fn anonymous(&mut self, shape: Shape) -> TypeRef {
        let reserved = self.reserve();
        self.fill(reserved, shape.0)
    }

    fn element_slot(&self, ty: TypeRef) -> Slot {
        Slot { tag: self.tag(ty), field: NO_FIELD, ty }
    }

    fn reserve(&mut self) -> TypeRef {
        let ty = TypeRef(self.nodes.len() as u32);
        self.push(Kind::Same(ty));
        ty
    }

    fn push(&mut self, kind: Kind) {
        let any = Slot { tag: Tag::Any, field: NO_FIELD, ty: TypeRef(Tag::Any as u32) };
        self.nodes.push(Node { kind, slot: any, fields: Vec::new(), elems: [any; 2] });
    }

    fn fill(&mut self, reserved: TypeRef, kind: Kind) -> TypeRef {
        let ty = match &kind {
            Kind::Bool => TypeRef(Tag::Bool as u32),
            Kind::Int => TypeRef(Tag::Int as u32),
            Kind::Uint => TypeRef(Tag::Uint as u32),
            Kind::Float => TypeRef(Tag::Float as u32),
            Kind::Bytes => TypeRef(Tag::Bytes as u32),
            Kind::String => TypeRef(Tag::String as u32),
            Kind::Complex => TypeRef(Tag::Complex as u32),
            Kind::Any => TypeRef(Tag::Any as u32),
            Kind::Same(other) => *other,
            // No struct that anybody has written; a value of it cannot be sent.
            Kind::Struct { fields, .. } if fields.len() >= NO_FIELD.into() => NOTHING,
            _ => reserved,
        };
        // References made to the reserved node meanwhile must lead to the other one.
        self.nodes[reserved.0 as usize].kind = if ty == reserved { kind } else { Kind::Same(ty) };
        ty
    }

    /// Resolves what the nodes from `first` on refer to. Types under construction are not known when
    /// their users are described, so this is a pass of its own.
    pub(crate) fn finish(&mut self, first: usize) {
        for at in first..self.nodes.len() {
            let resolved = match self.nodes[at].kind.clone() {
                Kind::Struct { name, mut fields } => {
                    fields.iter_mut().for_each(|f| f.ty = self.resolve(f.ty));
                    self.nodes[at].fields = fields
                        .iter()
                        .enumerate()
                        .map(|(number, f)| FieldSlot {
                            name: f.name,
                            slot: Slot { tag: self.tag(f.ty), field: number as u16, ty: f.ty },
                            known_at: AtomicUsize::new(0),
                        })
                        .collect();
                    Kind::Struct { name, fields }
                }
                Kind::Interface(mut variants) => {
                    variants.iter_mut().for_each(|v| v.ty = self.resolve(v.ty));
                    Kind::Interface(variants)
                }
                Kind::Slice(elem) => {
                    let elem = self.resolve(elem);
                    self.nodes[at].elems[0] = self.element_slot(elem);
                    Kind::Slice(elem)
                }
                Kind::Array(elem, len) => {
                    let elem = self.resolve(elem);
                    self.nodes[at].elems[0] = self.element_slot(elem);
                    Kind::Array(elem, len)
                }
                Kind::Map(key, value) => {
                    let (key, value) = (self.resolve(key), self.resolve(value));
                    self.nodes[at].elems = [self.element_slot(key), self.element_slot(value)];
                    Kind::Map(key, value)
                }
                other => other,
            };
            self.nodes[at].kind = resolved;
            self.nodes[at].slot = self.element_slot(TypeRef(at as u32));
        }
    }

    /// The wire id of a predefined type.
    pub(crate) fn predefined(&self, ty: TypeRef) -> Option<i32> {
        predefined(&self.node(ty).kind)
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn resolve(&self, mut ty: TypeRef) -> TypeRef {
        loop {
            match self.nodes.get(ty.0 as usize).map(|node| &node.kind) {
                None => return NOTHING,
                // A type that is nothing but itself; to write a value of it is an error.
                Some(Kind::Same(other)) if *other == ty => return ty,
                Some(Kind::Same(other)) => ty = *other,
                Some(_) => return ty,
            }
        }
    }

    fn tag(&self, ty: TypeRef) -> Tag {
        match self.node(ty).kind {
            Kind::Bool => Tag::Bool,
            Kind::Int => Tag::Int,
            Kind::Uint => Tag::Uint,
            Kind::Float => Tag::Float,
            Kind::Bytes => Tag::Bytes,
            Kind::String => Tag::String,
            Kind::Complex => Tag::Complex,
            Kind::Any => Tag::Any,
            Kind::Interface(_) => Tag::Interface,
            Kind::Struct { .. } | Kind::Same(_) => Tag::Struct,
            Kind::Slice(_) => Tag::Slice,
            Kind::Array(..) => Tag::Array,
            Kind::Map(..) => Tag::Map,
            Kind::Opaque(..) => Tag::Opaque,
        }
    }
}

fn predefined(kind: &Kind) -> Option<i32> {
    Some(match kind {
        Kind::Bool => id::BOOL,
        Kind::Int => id::INT,
        Kind::Uint => id::UINT,
        Kind::Float => id::FLOAT,
        Kind::Bytes => id::BYTES,
        Kind::String => id::STRING,
        Kind::Complex => id::COMPLEX,
        Kind::Interface(_) | Kind::Any => id::INTERFACE,
        _ => return None,
    })
}

impl Tag {
    /// A whole value of these starts with a zero delta, as if it were the one field of a struct.
    #[inline(always)]
    pub(crate) fn is_singleton(self) -> bool {
        self != Tag::Struct
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stranger;

    impl GobType for Stranger {
        type Key = Stranger;
        fn shape(_: &mut TypeBuilder<'_>) -> Shape {
            Shape::slice(TypeRef(1000))
        }
    }

    impl serde::Serialize for Stranger {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            [1].serialize(serializer)
        }
    }

    #[test]
    fn a_handle_of_another_table_is_an_error() {
        assert!(crate::to_vec(&Stranger).unwrap_err().is_encode());
    }

    struct Wide;

    impl GobType for Wide {
        type Key = Wide;
        fn shape(types: &mut TypeBuilder<'_>) -> Shape {
            let int = types.add::<i64>();
            Shape::structure("Wide", vec![crate::Field::new("X", int); NO_FIELD.into()])
        }
    }

    impl serde::Serialize for Wide {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeStruct as _;
            let mut fields = serializer.serialize_struct("Wide", 1)?;
            fields.serialize_field("X", &1)?;
            fields.end()
        }
    }

    #[test]
    fn a_struct_of_more_fields_than_can_be_numbered_is_an_error() {
        assert!(crate::to_vec(&Wide).unwrap_err().is_encode());
    }

    struct Pointer(Option<Box<Pointer>>);

    impl GobType for Pointer {
        type Key = Pointer;
        fn shape(types: &mut TypeBuilder<'_>) -> Shape {
            <Option<Box<Pointer>>>::shape(types)
        }
    }

    impl serde::Serialize for Pointer {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_newtype_struct("Pointer", &self.0)
        }
    }

    #[test]
    fn a_type_of_nothing_but_pointers_is_an_error() {
        for value in [Pointer(None), Pointer(Some(Box::new(Pointer(None))))] {
            assert!(crate::to_vec(&value).unwrap_err().is_encode());
        }
    }
}
