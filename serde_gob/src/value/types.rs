//! Types as values.

use std::collections::HashMap;
use std::fmt;
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
        let mut same = Assumed::default();
        let mut pending = vec![(self.node, other.node)];
        while let Some((left, right)) = pending.pop() {
            let same_place = left == right && (left < PREDEFINED || Arc::ptr_eq(&self.graph, &other.graph));
            if same_place || !same.assume(left, right) {
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

/// Which nodes of two graphs are taken to be the same, as sets: with a list of pairs, two cycles of 60,000 types
/// could take billions of them.
#[derive(Default)]
struct Assumed {
    /// The parents of nodes, which are told apart by the graph they are in.
    parents: HashMap<(bool, u32), (bool, u32)>,
}

impl Assumed {
    /// Takes a node of the left graph and one of the right to be the same; false if that is known.
    fn assume(&mut self, left: u32, right: u32) -> bool {
        let (left, right) = (self.root((false, left)), self.root((true, right)));
        if left != right {
            self.parents.insert(left, right);
        }
        left != right
    }

    fn root(&mut self, mut node: (bool, u32)) -> (bool, u32) {
        while let Some(&parent) = self.parents.get(&node) {
            // Halves the path for the next time.
            if let Some(&above) = self.parents.get(&parent) {
                self.parents.insert(node, above);
            }
            node = parent;
        }
        node
    }
}

impl Eq for Type {}

/// Go's notation: `[]int`, `map[string]Point`, `struct {X; Y}`. Types that may come from a peer are cut short:
/// written out, a map of maps of maps can double at each level.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.describe(&mut text, &mut Vec::new());
        f.write_str(&text)
    }
}

impl Type {
    fn describe(&self, text: &mut String, within: &mut Vec<u32>) {
        /// Bytes of text after which nothing is written out any more.
        const LONGEST: usize = 1 << 12;
        const DEEPEST: usize = 32;
        if text.len() > LONGEST || within.len() > DEEPEST || within.contains(&self.node) {
            return text.push('…');
        }
        within.push(self.node);
        match &*self.graph.node(self.node) {
            Node::Bool => text.push_str("bool"),
            Node::Int => text.push_str("int"),
            Node::Uint => text.push_str("uint"),
            Node::Float => text.push_str("float64"),
            Node::Bytes => text.push_str("[]uint8"),
            Node::String => text.push_str("string"),
            Node::Complex => text.push_str("complex128"),
            Node::Interface => text.push_str("interface {}"),
            Node::Slice(elem) => {
                text.push_str("[]");
                self.at(*elem).describe(text, within);
            }
            Node::Array(elem, len) => {
                text.push_str(&format!("[{len}]"));
                self.at(*elem).describe(text, within);
            }
            Node::Map(key, elem) => {
                text.push_str("map[");
                self.at(*key).describe(text, within);
                text.push(']');
                self.at(*elem).describe(text, within);
            }
            Node::Struct(name, fields) if name.is_empty() => {
                let fields: Vec<&str> =
                    fields.iter().take(DEEPEST).map(|(name, _)| shortened(name)).collect();
                text.push_str(&format!("struct {{{}}}", fields.join("; ")));
            }
            Node::Struct(name, _) | Node::Opaque(_, name) => text.push_str(shortened(name)),
        }
        within.pop();
    }
}

/// The start of a name that may be megabytes long.
fn shortened(name: &str) -> &str {
    /// Go's own limit for the names in interfaces.
    const LONGEST: usize = 1024;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => &name[..end],
        None => name,
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
