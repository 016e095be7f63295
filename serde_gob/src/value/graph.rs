//! Graphs of types, since types may contain themselves.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use super::Type;
use crate::received::{ReceivedTypes, WireKind, WireRef};
use crate::shape::OpaqueKind;

/// The nodes are numbered; the predefined types come first, with their wire ids. Nodes are only
/// added, and never before the nodes they refer to are known to follow.
#[derive(Debug)]
pub(crate) struct Graph(RwLock<Vec<Option<Arc<Node>>>>);

#[derive(Debug, PartialEq)]
pub(crate) enum Node {
    Bool,
    Int,
    Uint,
    Float,
    Bytes,
    String,
    Complex,
    Interface,
    Slice(u32),
    Array(u32, u64),
    Map(u32, u32),
    Struct(Arc<str>, Box<[(Arc<str>, u32)]>),
    Opaque(OpaqueKind, Arc<str>),
}

impl Node {
    /// The types it is made of.
    pub(super) fn parts(&self) -> Vec<u32> {
        match self {
            Node::Slice(elem) | Node::Array(elem, _) => vec![*elem],
            Node::Map(key, elem) => vec![*key, *elem],
            Node::Struct(_, fields) => fields.iter().map(|(_, ty)| *ty).collect(),
            _ => Vec::new(),
        }
    }
}

/// Number of nodes that every graph has: nothing, and the predefined types.
pub(crate) const PREDEFINED: u32 = WireRef::INTERFACE.0 + 1;

pub(super) static BASIC: LazyLock<Arc<Graph>> = LazyLock::new(|| Arc::new(Graph::new()));

impl Graph {
    pub(crate) fn new() -> Self {
        let predefined = [
            Node::Bool,
            Node::Int,
            Node::Uint,
            Node::Float,
            Node::Bytes,
            Node::String,
            Node::Complex,
            Node::Interface,
        ];
        let nodes = std::iter::once(None).chain(predefined.into_iter().map(|node| Some(Arc::new(node))));
        Graph(RwLock::new(nodes.collect()))
    }

    pub(super) fn of(nodes: Vec<Option<Arc<Node>>>) -> Self {
        Graph(RwLock::new(nodes))
    }

    /// A node that a [`Type`] or another node refers to.
    pub(crate) fn node(&self, at: u32) -> Arc<Node> {
        static NOTHING: LazyLock<Arc<Node>> = LazyLock::new(|| Arc::new(Node::Struct("".into(), [].into())));
        let nodes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        nodes.get(at as usize).and_then(Option::as_ref).unwrap_or(&NOTHING).clone()
    }

    /// Makes sure that a received type and all it is made of are in the graph, under the numbers they
    /// have in `types`.
    pub(crate) fn add_received(&self, types: &ReceivedTypes, ty: WireRef) {
        let has =
            |nodes: &[Option<Arc<Node>>], ty: WireRef| nodes.get(ty.0 as usize).is_some_and(Option::is_some);
        if has(&self.0.read().unwrap_or_else(PoisonError::into_inner), ty) {
            return;
        }
        let mut nodes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut pending = vec![ty];
        while let Some(ty) = pending.pop() {
            if has(&nodes, ty) {
                continue;
            }
            let node = match types.kind(ty) {
                WireKind::Slice { elem } => {
                    pending.push(*elem);
                    Node::Slice(elem.0)
                }
                WireKind::Array { elem, len } => {
                    pending.push(*elem);
                    Node::Array(elem.0, *len)
                }
                WireKind::Map { key, elem } => {
                    pending.extend([*key, *elem]);
                    Node::Map(key.0, elem.0)
                }
                WireKind::Struct(ty) => {
                    pending.extend(ty.fields.iter().map(|field| field.ty));
                    let fields = ty.fields.iter().map(|field| (Arc::clone(&field.name), field.ty.0));
                    Node::Struct(Arc::clone(&ty.name), fields.collect())
                }
                WireKind::Opaque { kind, name } => Node::Opaque(*kind, Arc::clone(name)),
                // Predefined types are there already, and all others were seen to be defined.
                _ => continue,
            };
            if nodes.len() <= ty.0 as usize {
                nodes.resize(ty.0 as usize + 1, None);
            }
            nodes[ty.0 as usize] = Some(Arc::new(node));
        }
    }
}

/// Builds a graph of its own.
pub(super) struct Builder {
    pub(super) nodes: Vec<Option<Arc<Node>>>,
    /// Where nodes of other graphs are in this one.
    copied: HashMap<(*const Graph, u32), u32>,
}

impl Builder {
    pub(super) fn new() -> Self {
        let basic = BASIC.0.read().unwrap_or_else(PoisonError::into_inner);
        Builder { nodes: basic.clone(), copied: HashMap::new() }
    }

    fn reserve(&mut self) -> u32 {
        self.nodes.push(None);
        self.nodes.len() as u32 - 1
    }

    /// Copies a type of another graph, with all it is made of.
    pub(super) fn copy(&mut self, ty: &Type) -> u32 {
        let graph = Arc::as_ptr(&ty.graph);
        let mut pending = Vec::new();
        let root = self.place(graph, ty.node, &mut pending);
        while let Some((from, to)) = pending.pop() {
            let mut place = |node| self.place(graph, node, &mut pending);
            let node = match &*ty.graph.node(from) {
                Node::Slice(elem) => Node::Slice(place(*elem)),
                Node::Array(elem, len) => Node::Array(place(*elem), *len),
                Node::Map(key, elem) => Node::Map(place(*key), place(*elem)),
                Node::Struct(name, fields) => {
                    let fields = fields.iter().map(|(name, ty)| (Arc::clone(name), place(*ty)));
                    Node::Struct(Arc::clone(name), fields.collect())
                }
                Node::Opaque(kind, name) => Node::Opaque(*kind, Arc::clone(name)),
                _ => continue,
            };
            self.nodes[to as usize] = Some(Arc::new(node));
        }
        root
    }

    fn place(&mut self, graph: *const Graph, node: u32, pending: &mut Vec<(u32, u32)>) -> u32 {
        if node < PREDEFINED {
            return node;
        }
        if let Some(known) = self.copied.get(&(graph, node)) {
            return *known;
        }
        let place = self.reserve();
        self.copied.insert((graph, node), place);
        pending.push((node, place));
        place
    }

    pub(super) fn finish(mut self, root: Node) -> Type {
        self.nodes.push(Some(Arc::new(root)));
        let node = self.nodes.len() as u32 - 1;
        Type { graph: Arc::new(Graph(RwLock::new(self.nodes))), node }
    }
}
