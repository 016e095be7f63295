//! Which types the peer knows already, under which ids.

use crate::numbering::assign_ids;
use crate::shape::{Kind, TypeRef, TypeTable};
use crate::wire_type::{self, Definition, id};

/// Ids of the types of a [`TypeTable`], and the definitions that must precede the value being written.
#[derive(Debug)]
pub(crate) struct SentTypes {
    /// Ids by type, 0 where there is none yet. They stay when a value fails.
    ids: Vec<i32>,
    /// The same for types the peer knows.
    known: Vec<i32>,
    next: i32,
    /// Definitions of the value being written.
    pub(crate) definitions: Vec<u8>,
    /// Types first defined by the value being written, to be forgotten if it fails.
    journal: Vec<TypeRef>,
}

impl SentTypes {
    pub(crate) fn new() -> Self {
        SentTypes {
            ids: Vec::new(),
            known: Vec::new(),
            next: id::FIRST_USER,
            definitions: Vec::new(),
            journal: Vec::new(),
        }
    }

    /// The id of a type, which is defined first if the peer does not know it.
    #[inline]
    pub(crate) fn id_of(&mut self, table: &TypeTable, ty: TypeRef) -> i32 {
        match self.known.get(ty.0 as usize) {
            Some(&id) if id != 0 => id,
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
            self.known[ty.0 as usize] = 0;
        }
    }

    #[cold]
    fn define(&mut self, table: &TypeTable, root: TypeRef) -> i32 {
        self.ids.resize(table.len().max(self.ids.len()), 0);
        self.known.resize(self.ids.len(), 0);
        self.assign(table, root);
        let mut pending = vec![root];
        while let Some(ty) = pending.pop() {
            let at = ty.0 as usize;
            if self.known[at] != 0 {
                continue;
            }
            self.known[at] = self.ids[at];
            if table.predefined(ty).is_none() {
                self.journal.push(ty);
                pending.extend(self.write_definition(table, ty).into_iter().rev());
            }
        }
        self.ids[root.0 as usize]
    }

    fn assign(&mut self, table: &TypeTable, root: TypeRef) {
        for (at, id) in self.ids.iter_mut().enumerate() {
            if let Some(predefined) = table.predefined(TypeRef(at as u32)) {
                *id = predefined;
            }
        }
        let next = &mut self.next;
        let fresh = || {
            *next += 1;
            *next - 1
        };
        assign_ids(root.0 as usize, &mut self.ids, fresh, |at| {
            let kind = &table.node(TypeRef(at as u32)).kind;
            let parts = parts(kind).into_iter().filter(|part| table.predefined(*part).is_none());
            (matches!(kind, Kind::Struct { .. }), parts.map(|part| part.0 as usize).collect())
        });
    }

    /// Writes one definition; returns the types it mentions.
    fn write_definition(&mut self, table: &TypeTable, ty: TypeRef) -> Vec<TypeRef> {
        let kind = &table.node(ty).kind;
        let parts = parts(kind);
        let ids: Vec<i32> = parts.iter().map(|part| self.ids[part.0 as usize]).collect();
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
            _ => return parts,
        };
        wire_type::put_definition(&mut self.definitions, self.ids[ty.0 as usize], definition);
        parts
    }
}

/// The types a type is made of.
fn parts(kind: &Kind) -> Vec<TypeRef> {
    match kind {
        Kind::Struct { fields, .. } => fields.iter().map(|field| field.ty).collect(),
        Kind::Slice(elem) | Kind::Array(elem, _) => vec![*elem],
        Kind::Map(key, elem) => vec![*key, *elem],
        _ => Vec::new(),
    }
}
