//! The types the peer has defined on this stream.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::de::Plans;
use crate::error::{Corruption, Error, Result};
use crate::limits::Limits;
use crate::shape::OpaqueKind;
use crate::value::Graph;
use crate::wire::Cursor;
use crate::wire_type::id;

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
        let kind = self.read_definition(cursor, limits).map_err(|e| e.at(offset))?;
        self.definition_bytes += cursor.pos() - start;
        if self.definition_bytes > limits.type_bytes {
            return Err(Error::limit("size of type definitions", limits.type_bytes).at(offset));
        }
        self.entries[ty.0 as usize].kind = kind;
        Ok(())
    }

    fn read_definition(&mut self, cursor: &mut Cursor<'_>, limits: &Limits) -> Result<WireKind> {
        let mut found = None;
        read_fields(cursor, 7, |which, cursor| {
            if found.is_some() {
                return Err(cursor.corrupt(Corruption::BadDefinition));
            }
            found = Some(match which {
                0 => {
                    let (mut elem, mut len) = (0, 0);
                    read_fields(cursor, 3, |field, cursor| match field {
                        0 => read_common(cursor).map(drop),
                        1 => cursor.type_id().map(|id| elem = id),
                        _ => cursor.int().map(|n| len = n),
                    })?;
                    let len = u64::try_from(len).map_err(|_| cursor.corrupt(Corruption::BadDefinition))?;
                    WireKind::Array { elem: self.mention(elem, limits)?, len }
                }
                1 => {
                    let mut elem = 0;
                    read_fields(cursor, 2, |field, cursor| match field {
                        0 => read_common(cursor).map(drop),
                        _ => cursor.type_id().map(|id| elem = id),
                    })?;
                    WireKind::Slice { elem: self.mention(elem, limits)? }
                }
                2 => {
                    let mut name = Arc::from("");
                    let mut fields = Vec::new();
                    read_fields(cursor, 2, |field, cursor| {
                        match field {
                            0 => name = read_common(cursor)?,
                            _ => fields = self.read_struct_fields(cursor, limits)?,
                        }
                        Ok(())
                    })?;
                    WireKind::Struct(StructType { name, fields: fields.into(), plans: Plans::default() })
                }
                3 => {
                    let (mut key, mut elem) = (0, 0);
                    read_fields(cursor, 3, |field, cursor| match field {
                        0 => read_common(cursor).map(drop),
                        1 => cursor.type_id().map(|id| key = id),
                        _ => cursor.type_id().map(|id| elem = id),
                    })?;
                    WireKind::Map { key: self.mention(key, limits)?, elem: self.mention(elem, limits)? }
                }
                _ => {
                    let mut name = Arc::from("");
                    read_fields(cursor, 1, |_, cursor| read_common(cursor).map(|n| name = n))?;
                    let kind = match which {
                        4 => OpaqueKind::Gob,
                        5 => OpaqueKind::Binary,
                        _ => OpaqueKind::Text,
                    };
                    WireKind::Opaque { kind, name }
                }
            });
            Ok(())
        })?;
        found.ok_or_else(|| cursor.corrupt(Corruption::BadDefinition))
    }

    fn read_struct_fields(&mut self, cursor: &mut Cursor<'_>, limits: &Limits) -> Result<Vec<WireField>> {
        let count = cursor.uint()?;
        if count > cursor.left() as u64 {
            return Err(cursor.corrupt(Corruption::CountExceedsInput { count }));
        }
        let mut fields = Vec::new();
        for _ in 0..count {
            let (mut name, mut id) = (Arc::from(""), 0);
            read_fields(cursor, 2, |field, cursor| match field {
                0 => read_name(cursor).map(|n| name = n),
                _ => cursor.type_id().map(|i| id = i),
            })?;
            fields.push(WireField { name, ty: self.mention(id, limits)? });
        }
        Ok(fields)
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

    /// The type in Go's notation, for errors: `[]int`, `map[string]bool`, `Point = struct { X int; Y int; }`.
    pub(crate) fn describe(&self, ty: WireRef) -> String {
        let mut text = String::new();
        self.describe_into(&mut text, ty, &mut Vec::new());
        text
    }

    fn describe_into(&self, text: &mut String, ty: WireRef, within: &mut Vec<WireRef>) {
        /// Longer and deeper types are cut short: they come from the peer and go into logs.
        const LONGEST: usize = 1 << 12;
        const DEEPEST: usize = 32;
        if text.len() > LONGEST || within.len() > DEEPEST {
            return text.push('…');
        }
        let known = within.contains(&ty);
        within.push(ty);
        match self.kind(ty) {
            WireKind::Undefined => text.push_str("unknown type"),
            WireKind::Bool => text.push_str("bool"),
            WireKind::Int => text.push_str("int"),
            WireKind::Uint => text.push_str("uint"),
            WireKind::Float => text.push_str("float"),
            WireKind::Bytes => text.push_str("bytes"),
            WireKind::String => text.push_str("string"),
            WireKind::Complex => text.push_str("complex"),
            WireKind::Interface => text.push_str("interface"),
            WireKind::Opaque { name, .. } => text.push_str(name),
            WireKind::Struct(ty) if known => text.push_str(&ty.name),
            _ if known => text.push('…'),
            WireKind::Array { elem, len } => {
                let _ = write!(text, "[{len}]");
                self.describe_into(text, *elem, within);
            }
            WireKind::Slice { elem } => {
                text.push_str("[]");
                self.describe_into(text, *elem, within);
            }
            WireKind::Map { key, elem } => {
                text.push_str("map[");
                self.describe_into(text, *key, within);
                text.push(']');
                self.describe_into(text, *elem, within);
            }
            WireKind::Struct(ty) => {
                let _ = write!(text, "{} = struct {{ ", ty.name);
                for field in &ty.fields {
                    if text.len() > LONGEST {
                        text.push('…');
                        break;
                    }
                    let _ = write!(text, "{} ", field.name);
                    self.describe_into(text, field.ty, within);
                    text.push_str("; ");
                }
                text.push('}');
            }
        }
        within.pop();
    }
}

/// Reads the fields of one of Go's own structs that describe types.
fn read_fields<'b>(
    cursor: &mut Cursor<'b>,
    count: u64,
    mut read: impl FnMut(u64, &mut Cursor<'b>) -> Result<()>,
) -> Result<()> {
    let mut next = 0_u64;
    loop {
        let delta = cursor.uint()?;
        if delta == 0 {
            return Ok(());
        }
        next = next
            .checked_add(delta)
            .filter(|next| *next <= count)
            .ok_or_else(|| cursor.corrupt(Corruption::FieldNumber))?;
        read(next - 1, cursor)?;
    }
}

/// The name from the part that all definitions have in common. The id in there is not the one by which
/// values refer to the type when the type marshals itself.
fn read_common(cursor: &mut Cursor<'_>) -> Result<Arc<str>> {
    let mut name = Arc::from("");
    read_fields(cursor, 2, |field, cursor| match field {
        0 => read_name(cursor).map(|n| name = n),
        _ => cursor.int().map(drop),
    })?;
    Ok(name)
}

/// Passes over a definition that was taken in before.
pub(crate) fn skip_definition(cursor: &mut Cursor<'_>) -> Result<()> {
    read_fields(cursor, 7, |which, cursor| {
        read_fields(cursor, 3, |field, cursor| match (field, which) {
            (0, _) => read_common(cursor).map(drop),
            (1, 2) => {
                for _ in 0..cursor.uint()? {
                    read_fields(cursor, 2, |field, cursor| match field {
                        0 => cursor.bytes().map(drop),
                        _ => cursor.uint().map(drop),
                    })?;
                }
                Ok(())
            }
            _ => cursor.uint().map(drop),
        })
    })
}

fn read_name(cursor: &mut Cursor<'_>) -> Result<Arc<str>> {
    Ok(String::from_utf8_lossy(cursor.bytes()?).into())
}
