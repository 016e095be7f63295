//! The types the peer has defined on this stream.

mod definition;
mod describe;

use std::collections::HashMap;
use std::sync::Arc;

use crate::de::Plans;
use crate::error::{Corruption, Error, Result};
use crate::limits::Limits;
use crate::shape::OpaqueKind;
use crate::value::Graph;
use crate::wire::Cursor;
use crate::wire_type::id;

pub(crate) use definition::skip_definition;

/// A type of this stream. The predefined types have their wire ids; the others are numbered as they
/// are first mentioned, so that a hostile id costs no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WireRef(pub(crate) u32);

impl WireRef {
    pub(crate) const BOOL: WireRef = WireRef(id::BOOL as u32);
    pub(crate) const INT: WireRef = WireRef(id::INT as u32);
    pub(crate) const UINT: WireRef = WireRef(id::UINT as u32);
    pub(crate) const FLOAT: WireRef = WireRef(id::FLOAT as u32);
    pub(crate) const BYTES: WireRef = WireRef(id::BYTES as u32);
    pub(crate) const STRING: WireRef = WireRef(id::STRING as u32);
    pub(crate) const COMPLEX: WireRef = WireRef(id::COMPLEX as u32);
    pub(crate) const INTERFACE: WireRef = WireRef(id::INTERFACE as u32);
    /// The first that is not predefined.
    const FIRST: u32 = id::INTERFACE as u32 + 1;
}

#[derive(Debug)]
pub(crate) enum WireKind {
    /// Mentioned, or predefined (index 0 is nothing at all).
    Undefined,
    Bool,
    Int,
    Uint,
    Float,
    Bytes,
    String,
    Complex,
    Interface,
    Array {
        elem: WireRef,
        len: u64,
    },
    Slice {
        elem: WireRef,
    },
    Struct(StructType),
    Map {
        key: WireRef,
        elem: WireRef,
    },
    Opaque {
        kind: OpaqueKind,
        name: Arc<str>,
    },
}

#[derive(Debug)]
pub(crate) struct StructType {
    pub(crate) name: Arc<str>,
    pub(crate) fields: Box<[WireField]>,
    /// How the fields map to those of the Rust structs they were decoded into.
    pub(crate) plans: Plans,
}

#[derive(Debug)]
pub(crate) struct WireField {
    pub(crate) name: Arc<str>,
    pub(crate) ty: WireRef,
}

#[derive(Debug)]
struct Entry {
    kind: WireKind,
    content: Content,
}

/// Whether values of a type may hold interfaces, and so definitions and the ends of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Unknown,
    Plain,
    Interfaces,
}

#[derive(Debug)]
pub(crate) struct ReceivedTypes {
    entries: Vec<Entry>,
    /// Ids up to [`LOW_IDS`] by position, 0 where nothing is known; Go numbers types from 64 up.
    low: Vec<u32>,
    high: HashMap<i32, u32>,
    definition_bytes: usize,
    /// The same types for dynamic values, as far as there were any.
    pub(crate) graph: Arc<Graph>,
}

const LOW_IDS: usize = 1 << 12;

impl ReceivedTypes {
    pub(crate) fn new() -> Self {
        let predefined = [
            WireKind::Undefined,
            WireKind::Bool,
            WireKind::Int,
            WireKind::Uint,
            WireKind::Float,
            WireKind::Bytes,
            WireKind::String,
            WireKind::Complex,
            WireKind::Interface,
        ];
        let entries = predefined
            .into_iter()
            .map(|kind| {
                let content = match kind {
                    WireKind::Interface => Content::Interfaces,
                    _ => Content::Plain,
                };
                Entry { kind, content }
            })
            .collect();
        ReceivedTypes {
            entries,
            low: Vec::new(),
            high: HashMap::new(),
            definition_bytes: 0,
            graph: Arc::new(Graph::new()),
        }
    }

    #[inline(always)]
    pub(crate) fn kind(&self, ty: WireRef) -> &WireKind {
        &self.entries[ty.0 as usize].kind
    }

    #[inline(always)]
    pub(crate) fn is_struct(&self, ty: WireRef) -> bool {
        matches!(self.kind(ty), WireKind::Struct(_))
    }

    /// The type with this id, if it was defined.
    #[inline]
    pub(crate) fn find(&self, id: i32) -> Option<WireRef> {
        let index = match usize::try_from(id) {
            Ok(low) if low < WireRef::FIRST as usize => low as u32,
            Ok(low) if low < LOW_IDS => *self.low.get(low)?,
            _ => *self.high.get(&id)?,
        };
        let defined = !matches!(self.entries[index as usize].kind, WireKind::Undefined);
        defined.then_some(WireRef(index))
    }

    /// The type with this id, which need not be defined yet.
    fn mention(&mut self, id: i32, limits: &Limits) -> Result<WireRef> {
        if id <= 0 || (id >= WireRef::FIRST as i32 && id < id::FIRST_USER) {
            return Err(Corruption::BadDefinition.into());
        }
        if (id as u32) < WireRef::FIRST {
            return Ok(WireRef(id as u32));
        }
        let low = id as usize;
        let known = if low < LOW_IDS {
            if self.low.len() <= low {
                self.low.resize(low + 1, 0);
            }
            &mut self.low[low]
        } else {
            self.high.entry(id).or_insert(0)
        };
        if *known == 0 {
            if self.entries.len() - WireRef::FIRST as usize >= limits.types {
                return Err(Error::limit("number of types", limits.types));
            }
            *known = self.entries.len() as u32;
            self.entries.push(Entry { kind: WireKind::Undefined, content: Content::Unknown });
        }
        Ok(WireRef(*known))
    }

    /// Reads the definition of type `id`.
    pub(crate) fn define(&mut self, id: i32, cursor: &mut Cursor<'_>, limits: &Limits) -> Result<()> {
        let start = cursor.pos();
        let offset = cursor.offset();
        if id < id::FIRST_USER {
            return Err(cursor.corrupt(Corruption::DuplicateType));
        }
        let ty = self.mention(id, limits).map_err(|e| e.at(offset))?;
        if !matches!(self.kind(ty), WireKind::Undefined) {
            return Err(cursor.corrupt(Corruption::DuplicateType));
        }
        // Read no further than the limit: in memory a definition takes several times its bytes.
        let budget = limits.type_bytes - self.definition_bytes;
        let mut bounded = cursor.shortened(budget);
        let kind = match self.read_definition(&mut bounded, limits) {
            Ok(kind) => kind,
            Err(error) if error.is_corrupt() && cursor.left() > budget => {
                return Err(Error::limit("size of type definitions", limits.type_bytes).at(offset));
            }
            Err(error) => return Err(error.at(offset)),
        };
        self.definition_bytes += bounded.pos() - start;
        cursor.catch_up(&bounded);
        self.entries[ty.0 as usize].kind = kind;
        Ok(())
    }

    /// Makes sure that everything a value of this type is made of is defined, and tells whether it may
    /// hold interfaces. Each type is walked over once in the life of the stream.
    #[inline]
    pub(crate) fn holds_interfaces(&mut self, ty: WireRef) -> Result<bool> {
        if self.entries[ty.0 as usize].content == Content::Unknown {
            self.classify(ty)?;
        }
        Ok(self.entries[ty.0 as usize].content == Content::Interfaces)
    }

    #[cold]
    fn classify(&mut self, root: WireRef) -> Result<()> {
        let mut found = vec![root];
        let mut position = HashMap::from([(root, 0)]);
        let mut users: Vec<Vec<usize>> = vec![Vec::new()];
        let mut holding = Vec::new();
        let mut at = 0;
        while at < found.len() {
            let children: Vec<WireRef> = match self.kind(found[at]) {
                WireKind::Undefined => return Err(Corruption::UnknownType.into()),
                WireKind::Array { elem, .. } | WireKind::Slice { elem } => vec![*elem],
                WireKind::Map { key, elem } => vec![*key, *elem],
                WireKind::Struct(ty) => ty.fields.iter().map(|field| field.ty).collect(),
                _ => Vec::new(),
            };
            for child in children {
                match self.entries[child.0 as usize].content {
                    Content::Plain => {}
                    Content::Interfaces => holding.push(at),
                    Content::Unknown => {
                        let next = *position.entry(child).or_insert_with(|| {
                            found.push(child);
                            users.push(Vec::new());
                            found.len() - 1
                        });
                        users[next].push(at);
                    }
                }
            }
            at += 1;
        }
        for ty in &found {
            self.entries[ty.0 as usize].content = Content::Plain;
        }
        while let Some(at) = holding.pop() {
            let content = &mut self.entries[found[at].0 as usize].content;
            if *content == Content::Plain {
                *content = Content::Interfaces;
                holding.extend(&users[at]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire_type::{Definition, put_definition};

    /// Defines types as a peer would.
    fn define(types: &mut ReceivedTypes, id: i32, fields: &[(&str, i32)], limits: &Limits) -> Result<()> {
        let mut message = Vec::new();
        let fields = fields.iter().map(|(name, id)| (*name, *id));
        put_definition(&mut message, id, Definition::Struct { name: "T", fields });
        let mut cursor = Cursor::new(&message, 0, message.len(), 0);
        cursor.uint().unwrap();
        assert_eq!(cursor.type_id().unwrap(), -id);
        types.define(id, &mut cursor, limits)
    }

    #[test]
    fn interfaces_are_found_through_any_types_in_between() {
        let (mut types, limits) = (ReceivedTypes::new(), Limits::default());
        // 64 and 65 contain each other, 66 an interface, 67 nothing of the kind, 68 everything.
        define(&mut types, 64, &[("A", 65), ("B", id::INT)], &limits).unwrap();
        define(&mut types, 65, &[("A", 64), ("B", 66)], &limits).unwrap();
        define(&mut types, 66, &[("A", id::INTERFACE)], &limits).unwrap();
        define(&mut types, 67, &[("A", 67), ("B", id::STRING)], &limits).unwrap();
        define(&mut types, 68, &[("A", 67), ("B", 64)], &limits).unwrap();
        for (id, expected) in [(67, false), (68, true), (64, true), (65, true), (66, true)] {
            let ty = types.find(id).unwrap();
            assert_eq!(types.holds_interfaces(ty).unwrap(), expected, "{id}");
        }
    }

    #[test]
    fn a_type_with_an_undefined_part_cannot_be_used() {
        let (mut types, limits) = (ReceivedTypes::new(), Limits::default());
        define(&mut types, 64, &[("A", 65)], &limits).unwrap();
        let ty = types.find(64).unwrap();
        assert!(types.holds_interfaces(ty).unwrap_err().is_corrupt());
        assert_eq!(types.find(65), None);
    }

    #[test]
    fn ids_are_no_positions() {
        let (mut types, limits) = (ReceivedTypes::new(), Limits::default());
        for id in [i32::MAX, 1 << 20, 4096, 4095, 64] {
            define(&mut types, id, &[], &limits).unwrap();
            assert!(types.find(id).is_some());
            assert!(define(&mut types, id, &[], &limits).unwrap_err().is_corrupt());
        }
        assert!(types.low.len() <= LOW_IDS && types.entries.len() < 20);
    }

    #[test]
    fn the_number_and_the_size_of_types_are_limited() {
        let mut types = ReceivedTypes::new();
        let limits = Limits::default().types(2);
        // What is mentioned counts as well.
        define(&mut types, 64, &[("A", 65)], &limits).unwrap();
        define(&mut types, 65, &[], &limits).unwrap();
        assert!(define(&mut types, 66, &[], &limits).unwrap_err().is_limit());

        let limits = Limits::default().type_bytes(40);
        let mut types = ReceivedTypes::new();
        define(&mut types, 64, &[("Name", id::INT)], &limits).unwrap();
        assert!(define(&mut types, 65, &[("Name", id::INT)], &limits).unwrap_err().is_limit());
    }
}
