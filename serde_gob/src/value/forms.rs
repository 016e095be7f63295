//! Which dynamic types the peer knows already.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::Type;
use super::graph::{Graph, Node, PREDEFINED};
use crate::error::{Error, Result};
use crate::numbering::assign_ids;
use crate::sent::SentTypes;
use crate::wire::{put_bytes, put_uint};
use crate::wire_type::{self, Definition};

/// Dynamic types have no key as Rust types do, so they are known by what they look like.
#[derive(Debug, Default)]
pub(crate) struct DynamicTypes {
    /// Ids by form: the type and all it is made of, written out.
    ids: HashMap<Arc<[u8]>, i32>,
    /// Ids by place, to save writing the form out.
    /// The weak reference keeps the address from being used for another graph.
    places: HashMap<(usize, u32), (Weak<Graph>, i32)>,
    /// Types that are part of known forms.
    count: usize,
    /// Forms first sent in the value being written, with their number of types.
    journal: Vec<(Arc<[u8]>, usize)>,
}

/// The places are a cache; this many are kept.
const MOST_PLACES: usize = 1024;

impl DynamicTypes {
    /// The id of a type, which is defined first if the peer does not know it.
    pub(crate) fn id_of(&mut self, ty: &Type, sent: &mut SentTypes, limit: usize) -> Result<i32> {
        if ty.node < PREDEFINED {
            return Ok(ty.node as i32);
        }
        let place = (Arc::as_ptr(&ty.graph) as usize, ty.node);
        if let Some((_, id)) = self.places.get(&place) {
            return Ok(*id);
        }
        let types = reachable(ty);
        let form = form(&types);
        let id = match self.ids.get(&*form) {
            Some(id) => *id,
            None => {
                if self.count + types.len() > limit {
                    return Err(Error::limit("number of dynamic types", limit));
                }
                let id = define(&types, sent);
                let form: Arc<[u8]> = form.into();
                self.ids.insert(Arc::clone(&form), id);
                self.count += types.len();
                self.journal.push((form, types.len()));
                id
            }
        };
        if self.places.len() >= MOST_PLACES {
            self.places.clear();
        }
        self.places.insert(place, (Arc::downgrade(&ty.graph), id));
        Ok(id)
    }

    #[inline]
    pub(crate) fn commit(&mut self) {
        if !self.journal.is_empty() {
            self.journal.clear();
        }
    }

    pub(crate) fn rollback(&mut self) {
        if self.journal.is_empty() {
            return;
        }
        self.places.clear();
        for (form, count) in self.journal.drain(..) {
            self.ids.remove(&form);
            self.count -= count;
        }
    }
}

/// A type that another is made of.
struct Part {
    node: Arc<Node>,
    /// Wire ids of predefined types, [`PREDEFINED`] and more for the parts themselves.
    parts: Vec<usize>,
}

/// The types that a type is made of, itself first, in the order in which Go defines them.
fn reachable(root: &Type) -> Vec<Part> {
    let mut numbers = HashMap::new();
    let mut order = Vec::new();
    let mut pending = vec![root.node];
    while let Some(at) = pending.pop() {
        if at < PREDEFINED || numbers.contains_key(&at) {
            continue;
        }
        numbers.insert(at, PREDEFINED as usize + order.len());
        let node = root.graph.node(at);
        let parts = node.parts();
        pending.extend(parts.iter().rev());
        order.push((node, parts));
    }
    let number = |at: u32| numbers.get(&at).copied().unwrap_or(at as usize);
    let place = |(node, parts): (_, Vec<u32>)| Part { node, parts: parts.into_iter().map(number).collect() };
    order.into_iter().map(place).collect()
}

/// A type written out: the same for types of which nothing tells them apart, unless they are recursive and
/// built in different ways.
fn form(types: &[Part]) -> Vec<u8> {
    let mut out = Vec::new();
    for Part { node, parts } in types {
        match &**node {
            Node::Slice(_) => out.push(1),
            Node::Array(_, len) => {
                out.push(2);
                put_uint(&mut out, *len);
            }
            Node::Map(..) => out.push(3),
            Node::Struct(name, fields) => {
                out.push(4);
                put_bytes(&mut out, name.as_bytes());
                put_uint(&mut out, fields.len() as u64);
                fields.iter().for_each(|(name, _)| put_bytes(&mut out, name.as_bytes()));
            }
            Node::Opaque(kind, name) => {
                out.extend([5, *kind as u8]);
                put_bytes(&mut out, name.as_bytes());
            }
            _ => out.push(0),
        }
        parts.iter().for_each(|part| put_uint(&mut out, *part as u64));
    }
    out
}

/// Writes the definitions of all the parts under new ids; returns the first.
fn define(types: &[Part], sent: &mut SentTypes) -> i32 {
    let mut ids = vec![0; types.len()];
    assign_ids(
        0,
        &mut ids,
        || sent.fresh_id(),
        |at| {
            let parts = types[at].parts.iter().filter_map(|part| part.checked_sub(PREDEFINED as usize));
            (matches!(&*types[at].node, Node::Struct(..)), parts.collect())
        },
    );
    let id_of = |part: usize| match part.checked_sub(PREDEFINED as usize) {
        Some(number) => ids[number],
        None => part as i32,
    };
    for (Part { node, parts }, id) in types.iter().zip(&ids) {
        let definition = match &**node {
            Node::Slice(_) => Definition::Slice { elem: id_of(parts[0]) },
            Node::Array(_, len) => Definition::Array { elem: id_of(parts[0]), len: *len },
            Node::Map(..) => Definition::Map { key: id_of(parts[0]), elem: id_of(parts[1]) },
            Node::Opaque(kind, name) => Definition::Opaque { kind: *kind, name },
            Node::Struct(name, fields) => Definition::Struct {
                name,
                fields: fields.iter().zip(parts).map(|((name, _), part)| (&**name, id_of(*part))),
            },
            _ => continue,
        };
        wire_type::put_definition(&mut sent.definitions, *id, definition);
    }
    ids[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_types_built_apart_get_one_id() {
        let (mut types, mut sent) = (DynamicTypes::default(), SentTypes::new());
        let point = || Type::structure("Point", [("X", Type::int())]);
        let id = types.id_of(&point(), &mut sent, 10).unwrap();
        let defined = sent.definitions.len();
        assert_eq!(types.id_of(&point(), &mut sent, 10).unwrap(), id);
        assert_eq!(sent.definitions.len(), defined);
        assert_ne!(types.id_of(&Type::slice(&point()), &mut sent, 10).unwrap(), id);
    }

    #[test]
    fn types_beyond_the_limit_are_refused() {
        let (mut types, mut sent) = (DynamicTypes::default(), SentTypes::new());
        for len in 0..10 {
            types.id_of(&Type::array(&Type::int(), len), &mut sent, 10).unwrap();
        }
        assert!(types.id_of(&Type::array(&Type::int(), 10), &mut sent, 10).unwrap_err().is_limit());
        types.rollback();
        types.id_of(&Type::array(&Type::int(), 10), &mut sent, 10).unwrap();
    }

    #[test]
    fn the_place_of_a_dropped_type_is_not_mistaken_for_another() {
        let (mut types, mut sent) = (DynamicTypes::default(), SentTypes::new());
        let mut ids = std::collections::HashSet::new();
        for len in 0..MOST_PLACES as u64 * 2 {
            // Dropped at once, so that the next graph could get its address.
            let ty = Type::array(&Type::int(), len);
            assert!(ids.insert(types.id_of(&ty, &mut sent, usize::MAX).unwrap()));
        }
    }
}
