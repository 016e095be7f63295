//! Which types the peer knows already, under which ids.

use crate::shape::{Kind, TypeRef, TypeTable};
use crate::wire_type::{self, Definition, id};

/// Ids of the types of a [`TypeTable`], and the definitions that must precede the value being written.
#[derive(Debug)]
pub(crate) struct SentTypes {
    ids: Vec<Entry>,
    next: i32,
    /// Definitions of the value being written.
    pub(crate) definitions: Vec<u8>,
    /// Types first defined by the value being written, to be forgotten if it fails.
    journal: Vec<TypeRef>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    id: i32,
    sent: bool,
}

impl SentTypes {
    pub(crate) fn new() -> Self {
        SentTypes { ids: Vec::new(), next: id::FIRST_USER, definitions: Vec::new(), journal: Vec::new() }
    }

    /// The id of a type, which is defined first if the peer does not know it.
    #[inline]
    pub(crate) fn id_of(&mut self, table: &TypeTable, ty: TypeRef) -> i32 {
        match self.ids.get(ty.0 as usize) {
            Some(Entry { id, sent: true }) => *id,
            _ => self.define(table, ty),
        }
    }

    /// An id nobody has.
    pub(crate) fn fresh_id(&mut self) -> i32 {
        self.next += 1;
        self.next - 1
    }

    /// The value is written: what it defined stays defined.
    pub(crate) fn commit(&mut self) {
        self.definitions.clear();
        self.journal.clear();
    }

    /// The value failed: the peer never sees its definitions.
    pub(crate) fn rollback(&mut self) {
        self.definitions.clear();
        for ty in self.journal.drain(..) {
            self.ids[ty.0 as usize].sent = false;
        }
    }

    #[cold]
    fn define(&mut self, table: &TypeTable, root: TypeRef) -> i32 {
        self.ids.resize(table.len().max(self.ids.len()), Entry::default());
        let root_id = self.assign(table, root);
        let mut pending = vec![root];
        while let Some(ty) = pending.pop() {
            let entry = &mut self.ids[ty.0 as usize];
            if entry.sent || table.predefined(ty).is_some() {
                continue;
            }
            entry.sent = true;
            self.journal.push(ty);
            let id = self.assign(table, ty);
            let children = self.write_definition(table, ty, id);
            pending.extend(children.into_iter().rev());
        }
        root_id
    }

    fn assign(&mut self, table: &TypeTable, ty: TypeRef) -> i32 {
        if let Some(id) = table.predefined(ty) {
            return id;
        }
        if self.ids[ty.0 as usize].id == 0 {
            self.ids[ty.0 as usize].id = self.fresh_id();
        }
        self.ids[ty.0 as usize].id
    }

    /// Writes one definition; returns the types it mentions.
    fn write_definition(&mut self, table: &TypeTable, ty: TypeRef, id: i32) -> Vec<TypeRef> {
        let kind = &table.node(ty).kind;
        let children: Vec<TypeRef> = match kind {
            Kind::Struct { fields, .. } => fields.iter().map(|field| field.ty).collect(),
            Kind::Slice(elem) | Kind::Array(elem, _) => vec![*elem],
            Kind::Map(key, elem) => vec![*key, *elem],
            _ => Vec::new(),
        };
        let ids: Vec<i32> = children.iter().map(|child| self.assign(table, *child)).collect();
        let definition = match kind {
            Kind::Array(_, len) => Definition::Array { elem: ids[0], len: *len as u64 },
            Kind::Slice(_) => Definition::Slice { elem: ids[0] },
            Kind::Map(..) => Definition::Map { key: ids[0], elem: ids[1] },
            Kind::Opaque(kind, name) => Definition::Opaque { kind: *kind, name },
            Kind::Struct { name, fields } => Definition::Struct {
                name,
                fields: fields.iter().zip(&ids).map(|(field, id)| (field.name, *id)),
            },
            // A type that is nothing but itself; writing a value of it fails.
            _ => return children,
        };
        wire_type::put_definition(&mut self.definitions, id, definition);
        children
    }
}
