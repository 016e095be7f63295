//! Values whose type is known only when they arrive.

mod convert;
mod forms;
mod graph;
pub(crate) mod handoff;
mod read;
mod serde_impls;
mod types;
mod write;

use std::fmt;
use std::sync::Arc;

use crate::complex::Complex;
use crate::opaque::GoString;

pub(crate) use forms::DynamicTypes;
pub(crate) use graph::Graph;
pub(crate) use read::{read, zero};
pub(crate) use serde_impls::{ANY_TOKEN, TOKEN};
pub use types::{Type, TypeKind};
pub(crate) use write::{write_interface, write_value};

/// Any gob value, without its type.
///
/// Decodes from everything. What it does not know, a [`Dynamic`] does: whether an empty slice is one
/// of strings, say.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Go's `bool`.
    Bool(bool),
    /// Go's signed integers, all widths.
    Int(i64),
    /// Go's unsigned integers, all widths.
    Uint(u64),
    /// Go's `float32` and `float64`.
    Float(f64),
    /// Go's `complex64` and `complex128`.
    Complex(Complex),
    /// Go's `[]byte`.
    Bytes(Vec<u8>),
    /// Go's `string`, which need not be UTF-8.
    String(GoString),
    /// A slice.
    Slice(Vec<Value>),
    /// An array.
    Array(Vec<Value>),
    /// A map, in the order it was sent in.
    Map(Vec<(Value, Value)>),
    /// The fields of a struct by name, in the order of its type. Those that are zero may be left out, and were when the
    /// value was received.
    Struct(Vec<(Arc<str>, Value)>),
    /// The payload of a type that marshals itself.
    Opaque(Vec<u8>),
    /// An interface.
    Interface(Any),
}

/// A value with its type: all there is to know about what was sent, enough to send it again with
/// [`Encoder::encode_dynamic`](crate::Encoder::encode_dynamic).
#[derive(Debug, Clone, PartialEq)]
pub struct Dynamic {
    /// The type.
    pub ty: Type,
    /// The value.
    pub value: Value,
}

/// Go's `interface{}`: nil, or a value of any type under the name that the Go side has registered
/// for the type.
///
/// Go registers the basic types and slices of them by itself, under their own names; everything else
/// needs `gob.Register` there, `map[string]interface{}` included.
///
/// ```
/// use std::collections::BTreeMap;
/// use serde_gob::Any;
///
/// let mut args = BTreeMap::new();
/// args.insert("url".to_owned(), Any::from("http://localhost"));
/// args.insert("retries".to_owned(), Any::int(3));
/// let bytes = serde_gob::to_vec(&args)?;
/// let back: BTreeMap<String, Any> = serde_gob::from_slice(&bytes)?;
/// assert_eq!(back["url"].as_str(), Some("http://localhost"));
/// assert_eq!(back["retries"].as_int(), Some(3));
/// # Ok::<(), serde_gob::Error>(())
/// ```
#[derive(Clone, PartialEq, Default)]
pub struct Any(pub(crate) Option<Arc<Concrete>>);

/// What a non-nil interface holds.
#[derive(Clone, PartialEq)]
pub(crate) struct Concrete {
    pub(crate) name: String,
    pub(crate) content: Dynamic,
}

impl Any {
    /// The nil interface.
    pub const NIL: Any = Any(None);

    /// A value of a type that the Go side knows as `name`.
    pub fn new(name: impl Into<String>, ty: Type, value: Value) -> Self {
        Any(Some(Arc::new(Concrete { name: name.into(), content: Dynamic { ty, value } })))
    }

    /// Whether this is the nil interface.
    pub fn is_nil(&self) -> bool {
        self.0.is_none()
    }

    /// The registered name of the value's type. `None` for nil.
    pub fn name(&self) -> Option<&str> {
        self.0.as_ref().map(|concrete| concrete.name.as_str())
    }

    /// The value's type. `None` for nil.
    pub fn ty(&self) -> Option<&Type> {
        self.0.as_ref().map(|concrete| &concrete.content.ty)
    }

    /// The value. `None` for nil.
    pub fn value(&self) -> Option<&Value> {
        self.0.as_ref().map(|concrete| &concrete.content.value)
    }
}

impl fmt::Debug for Any {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Any::NIL"),
            Some(concrete) => {
                f.debug_tuple("Any").field(&concrete.name).field(&concrete.content.value).finish()
            }
        }
    }
}
