//! Types as values.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::graph::{BASIC, Builder, Graph, Node, PREDEFINED};
use crate::received::WireRef;
use crate::shape::{GobType, Kind, OpaqueKind, TypeRef, TypeTable};

/// The type of a dynamic value. Cheap to clone: a place in a graph that is shared, for types that
/// were received by all of their decoder.
#[derive(Clone)]
pub struct Type {
    pub(crate) graph: Arc<Graph>,
    pub(crate) node: u32,
}

/// What a [`Type`] is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TypeKind {
    /// Go's `bool`.
    Bool,
    /// Go's signed integers.
    Int,
    /// Go's unsigned integers.
    Uint,
    /// Go's floats.
    Float,
    /// Go's `[]byte`.
    Bytes,
    /// Go's `string`.
    String,
    /// Go's complex numbers.
    Complex,
    /// Any Go interface.
    Interface,
    /// A slice of this element type.
    Slice(Type),
    /// An array of this element type and length.
    Array(Type, u64),
    /// A map from this key type to this element type.
    Map(Type, Type),
    /// A struct of this name, empty for an unnamed one, with the names and types of its fields.
    Struct(Arc<str>, Vec<(Arc<str>, Type)>),
    /// A type that marshals itself, and its name.
    Opaque(OpaqueKind, Arc<str>),
}

impl Type {
    /// Go's `bool`.
    pub fn bool() -> Self {
        Self::basic(WireRef::BOOL)
    }

    /// Go's signed integers.
    pub fn int() -> Self {
        Self::basic(WireRef::INT)
    }

    /// Go's unsigned integers.
    pub fn uint() -> Self {
        Self::basic(WireRef::UINT)
    }

    /// Go's floats.
    pub fn float() -> Self {
        Self::basic(WireRef::FLOAT)
    }

    /// Go's `[]byte`.
    pub fn bytes() -> Self {
        Self::basic(WireRef::BYTES)
    }

    /// Go's `string`.
    pub fn string() -> Self {
        Self::basic(WireRef::STRING)
    }

    /// Go's complex numbers.
    pub fn complex() -> Self {
        Self::basic(WireRef::COMPLEX)
    }

    /// Any Go interface.
    pub fn interface() -> Self {
        Self::basic(WireRef::INTERFACE)
    }

    /// A slice. (Of bytes: [`Type::bytes`].)
    pub fn slice(elem: &Type) -> Self {
        let mut builder = Builder::new();
        let elem = builder.copy(elem);
        builder.finish(Node::Slice(elem))
    }

    /// An array.
    pub fn array(elem: &Type, len: u64) -> Self {
        let mut builder = Builder::new();
        let elem = builder.copy(elem);
        builder.finish(Node::Array(elem, len))
    }

    /// A map.
    pub fn map(key: &Type, elem: &Type) -> Self {
        let mut builder = Builder::new();
        let (key, elem) = (builder.copy(key), builder.copy(elem));
        builder.finish(Node::Map(key, elem))
    }

    /// A struct, with an empty name if it has none.
    pub fn structure<'n>(name: &str, fields: impl IntoIterator<Item = (&'n str, Type)>) -> Self {
        let mut builder = Builder::new();
        let fields =
            fields.into_iter().map(|(name, ty)| (Arc::from(name), builder.copy(&ty))).collect::<Box<[_]>>();
        builder.finish(Node::Struct(name.into(), fields))
    }

    /// A type that marshals itself.
    pub fn opaque(kind: OpaqueKind, name: &str) -> Self {
        Builder::new().finish(Node::Opaque(kind, name.into()))
    }

    /// The gob type of a Rust type.
    pub fn of<T: GobType + ?Sized>() -> Self {
        let mut table = TypeTable::new();
        let first = table.len();
        let root = table.add::<T>();
        table.finish(first);
        let root = table.resolve(root);

        let mut nodes = Builder::new().nodes;
        // Nodes of the table keep their order, behind the predefined ones.
        let place = |ty: TypeRef| match table.predefined(ty) {
            Some(id) => id as u32,
            None => PREDEFINED + (ty.0 - first as u32),
        };
        for at in first..table.len() {
            let node = match &table.node(TypeRef(at as u32)).kind {
                Kind::Slice(elem) => Node::Slice(place(*elem)),
                Kind::Array(elem, len) => Node::Array(place(*elem), *len as u64),
                Kind::Map(key, elem) => Node::Map(place(*key), place(*elem)),
                Kind::Struct { name, fields } => {
                    let fields = fields.iter().map(|field| (Arc::from(field.name), place(field.ty)));
                    Node::Struct(Arc::from(*name), fields.collect())
                }
                Kind::Opaque(kind, name) => Node::Opaque(*kind, Arc::from(*name)),
                _ => {
                    nodes.push(None);
                    continue;
                }
            };
            nodes.push(Some(Arc::new(node)));
        }
        Type { graph: Arc::new(Graph::of(nodes)), node: place(root) }
    }

    /// What it is, with the types it is made of.
    pub fn kind(&self) -> TypeKind {
        match &*self.graph.node(self.node) {
            Node::Bool => TypeKind::Bool,
            Node::Int => TypeKind::Int,
            Node::Uint => TypeKind::Uint,
            Node::Float => TypeKind::Float,
            Node::Bytes => TypeKind::Bytes,
            Node::String => TypeKind::String,
            Node::Complex => TypeKind::Complex,
            Node::Interface => TypeKind::Interface,
            Node::Slice(elem) => TypeKind::Slice(self.at(*elem)),
            Node::Array(elem, len) => TypeKind::Array(self.at(*elem), *len),
            Node::Map(key, elem) => TypeKind::Map(self.at(*key), self.at(*elem)),
            Node::Struct(name, fields) => TypeKind::Struct(
                Arc::clone(name),
                fields.iter().map(|(name, ty)| (Arc::clone(name), self.at(*ty))).collect(),
            ),
            Node::Opaque(kind, name) => TypeKind::Opaque(*kind, Arc::clone(name)),
        }
    }

    /// Another type of the same graph.
    pub(crate) fn at(&self, node: u32) -> Type {
        Type { graph: Arc::clone(&self.graph), node }
    }

    fn basic(ty: WireRef) -> Self {
        Type { graph: Arc::clone(&BASIC), node: ty.0 }
    }
}

/// Two types are equal if nothing tells them apart, however their graphs are built.
impl PartialEq for Type {
    fn eq(&self, other: &Type) -> bool {
        let mut assumed = std::collections::HashSet::new();
        let mut pending = vec![(self.node, other.node)];
        while let Some((left, right)) = pending.pop() {
            let same_place = left == right && (left < PREDEFINED || Arc::ptr_eq(&self.graph, &other.graph));
            if same_place || !assumed.insert((left, right)) {
                continue;
            }
            match (&*self.graph.node(left), &*other.graph.node(right)) {
                (Node::Slice(a), Node::Slice(b)) => pending.push((*a, *b)),
                (Node::Array(a, m), Node::Array(b, n)) if m == n => pending.push((*a, *b)),
                (Node::Map(a, c), Node::Map(b, d)) => pending.extend([(*a, *b), (*c, *d)]),
                (Node::Struct(m, a), Node::Struct(n, b)) if m == n && a.len() == b.len() => {
                    for ((name_a, ty_a), (name_b, ty_b)) in a.iter().zip(b) {
                        if name_a != name_b {
                            return false;
                        }
                        pending.push((*ty_a, *ty_b));
                    }
                }
                (Node::Opaque(k, m), Node::Opaque(l, n)) if k == l && m == n => {}
                _ => return false,
            }
        }
        true
    }
}

impl Eq for Type {}

/// Go's notation: `[]int`, `map[string]Point`, `struct { X int }`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Types nested deeper than this are cut short: they may come from a peer.
        const DEEPEST: usize = 32;
        fn write(f: &mut fmt::Formatter<'_>, ty: &Type, within: &mut Vec<u32>) -> fmt::Result {
            if within.len() > DEEPEST || within.contains(&ty.node) {
                return f.write_char('…');
            }
            within.push(ty.node);
            match &*ty.graph.node(ty.node) {
                Node::Bool => f.write_str("bool")?,
                Node::Int => f.write_str("int")?,
                Node::Uint => f.write_str("uint")?,
                Node::Float => f.write_str("float64")?,
                Node::Bytes => f.write_str("[]uint8")?,
                Node::String => f.write_str("string")?,
                Node::Complex => f.write_str("complex128")?,
                Node::Interface => f.write_str("interface {}")?,
                Node::Slice(elem) => {
                    f.write_str("[]")?;
                    write(f, &ty.at(*elem), within)?;
                }
                Node::Array(elem, len) => {
                    write!(f, "[{len}]")?;
                    write(f, &ty.at(*elem), within)?;
                }
                Node::Map(key, elem) => {
                    f.write_str("map[")?;
                    write(f, &ty.at(*key), within)?;
                    f.write_char(']')?;
                    write(f, &ty.at(*elem), within)?;
                }
                // With the types of its fields the text could double at each level.
                Node::Struct(name, fields) if name.is_empty() => {
                    let fields: Vec<&str> = fields.iter().take(DEEPEST).map(|(name, _)| &**name).collect();
                    write!(f, "struct {{{}}}", fields.join("; "))?;
                }
                Node::Struct(name, _) | Node::Opaque(_, name) => f.write_str(name)?,
            }
            within.pop();
            Ok(())
        }
        write(f, self, &mut Vec::new())
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Type({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct List;

    impl GobType for List {
        type Key = List;
        fn shape(types: &mut crate::TypeBuilder<'_>) -> crate::Shape {
            let fields = vec![
                crate::Field::new("Val", types.add::<i64>()),
                crate::Field::new("Next", types.add::<Option<Box<List>>>()),
            ];
            crate::Shape::structure("List", fields)
        }
    }

    #[test]
    fn types_are_equal_if_nothing_tells_them_apart() {
        let point = || Type::structure("Point", [("X", Type::int()), ("Y", Type::int())]);
        assert_eq!(point(), point());
        assert_eq!(Type::slice(&point()), Type::slice(&point()));
        assert_eq!(Type::of::<Vec<String>>(), Type::slice(&Type::string()));
        assert_eq!(Type::of::<Vec<u8>>(), Type::bytes());
        let different = [
            Type::structure("Point", [("X", Type::int())]),
            Type::structure("Point", [("X", Type::int()), ("Z", Type::int())]),
            Type::structure("Point", [("X", Type::int()), ("Y", Type::uint())]),
            Type::structure("Pixel", [("X", Type::int()), ("Y", Type::int())]),
            Type::slice(&point()),
            Type::int(),
            Type::opaque(OpaqueKind::Gob, "Point"),
        ];
        for other in different {
            assert_ne!(point(), other);
        }
        assert_ne!(Type::array(&Type::int(), 2), Type::array(&Type::int(), 3));
        assert_ne!(Type::map(&Type::int(), &Type::bool()), Type::map(&Type::bool(), &Type::int()));
    }

    #[test]
    fn recursive_types_are_compared_and_shown() {
        let list = Type::of::<List>();
        assert_eq!(list, Type::of::<List>());
        let TypeKind::Struct(_, fields) = list.kind() else { panic!("{list}") };
        // One turn further round the same circle.
        assert_eq!(fields[1].1, list);
        let once_more = Type::structure("List", [("Val", Type::int()), ("Next", list.clone())]);
        assert_eq!(once_more, list);
        assert_eq!(Type::slice(&list).to_string(), "[]List");
        assert_eq!(Type::structure("", [("A", list)]).to_string(), "struct {A}");
    }
}
