//! The gob type of a Rust type, known without a value.
//!
//! serde shows an encoder values, and an empty `Vec<Inner>` shows none; Go sends the definition of
//! `Inner` all the same. [`GobType`] says it.

pub(crate) mod std_types;
mod table;

pub(crate) use table::{BYTE_SLOT, FieldSlot, Slot, Tag, TypeTable};

/// The gob type of a Rust type. Derive it beside serde's `Serialize`.
///
/// An implementation by hand says what `Serialize` will write; a disagreement between the two is an
/// error when a value is encoded, never a broken stream.
///
/// ```
/// use serde_gob::{GobType, Shape, TypeBuilder};
///
/// /// Go: `type Celsius float64`
/// #[derive(serde::Serialize)]
/// #[serde(transparent)]
/// struct Celsius(f64);
///
/// impl GobType for Celsius {
///     type Key = Celsius;
///     fn shape(_: &mut TypeBuilder) -> Shape {
///         Shape::float()
///     }
/// }
/// assert_eq!(serde_gob::to_vec(&Celsius(17.0))?, [5, 8, 0, 0xfe, 0x31, 0x40]);
/// # Ok::<(), serde_gob::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no gob type",
    label = "gob cannot send this type",
    note = "add `#[derive(serde_gob::GobType)]` beside `Serialize`; tuples, `i128` and `u128` have no counterpart in Go"
)]
pub trait GobType {
    /// Identifies the type: two types with the same key must have the same shape. Mostly `Self`, with
    /// every lifetime `'static` and every parameter replaced by its own key.
    type Key: 'static;

    /// Describes the type. Called once per encoder.
    fn shape(types: &mut TypeBuilder) -> Shape;

    /// The type of a slice of these: `[]uint8` is not a slice on the wire but bytes.
    #[doc(hidden)]
    fn slice_shape(types: &mut TypeBuilder) -> Shape {
        let elem = types.add::<Self>();
        Shape::slice(elem)
    }
}

/// A type that a [`TypeBuilder`] knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeRef(pub(crate) u32);

/// Collects the types that one type is made of.
#[derive(Debug)]
pub struct TypeBuilder<'t> {
    table: &'t mut TypeTable,
}

impl TypeBuilder<'_> {
    /// The handle of `T`, which is described now if it was not before. Recursive types are fine.
    pub fn add<T: GobType + ?Sized>(&mut self) -> TypeRef {
        self.table.add::<T>()
    }

    /// A type without a Rust type of its own, such as the fields of an enum variant.
    pub fn anonymous(&mut self, shape: Shape) -> TypeRef {
        self.table.anonymous(shape)
    }
}

/// What a type looks like on the wire.
#[derive(Debug, Clone)]
pub struct Shape(pub(crate) Kind);

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Bool,
    Int,
    Uint,
    Float,
    Bytes,
    String,
    Complex,
    /// A closed set of concrete types: a Rust enum.
    Interface(Vec<Variant>),
    /// An open set: [`Any`](crate::Any).
    Any,
    Struct {
        name: &'static str,
        fields: Vec<Field>,
    },
    Slice(TypeRef),
    Array(TypeRef, usize),
    Map(TypeRef, TypeRef),
    Opaque(OpaqueKind, &'static str),
    Same(TypeRef),
}

/// By which of Go's interfaces a type marshals itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpaqueKind {
    /// `gob.GobEncoder`
    Gob,
    /// `encoding.BinaryMarshaler`
    Binary,
    /// `encoding.TextMarshaler`: Go's encoder never sends it, its decoder knows it.
    Text,
}

/// A field of a struct.
#[derive(Debug, Clone)]
pub struct Field {
    pub(crate) name: &'static str,
    pub(crate) ty: TypeRef,
}

impl Field {
    /// A field with its name on the wire, which Go wants to start with an upper-case letter.
    pub fn new(name: &'static str, ty: TypeRef) -> Self {
        Field { name, ty }
    }
}

/// One of the concrete types that an interface may hold.
#[derive(Debug, Clone)]
pub struct Variant {
    pub(crate) name: &'static str,
    pub(crate) ty: TypeRef,
}

impl Variant {
    /// A concrete type with the name under which the Go side has registered it (`gob.Register`,
    /// `gob.RegisterName`).
    pub fn new(name: &'static str, ty: TypeRef) -> Self {
        Variant { name, ty }
    }
}

impl Shape {
    /// Go's `bool`.
    pub fn bool() -> Self {
        Shape(Kind::Bool)
    }

    /// Go's signed integers, all widths.
    pub fn int() -> Self {
        Shape(Kind::Int)
    }

    /// Go's unsigned integers, all widths.
    pub fn uint() -> Self {
        Shape(Kind::Uint)
    }

    /// Go's `float32` and `float64`.
    pub fn float() -> Self {
        Shape(Kind::Float)
    }

    /// Go's `complex64` and `complex128`. `Serialize` must write a tuple of two floats.
    pub fn complex() -> Self {
        Shape(Kind::Complex)
    }

    /// Go's `[]byte`.
    pub fn bytes() -> Self {
        Shape(Kind::Bytes)
    }

    /// Go's `string`.
    pub fn string() -> Self {
        Shape(Kind::String)
    }

    /// Go's `interface{}`, holding a dynamic value ([`Any`](crate::Any)).
    pub fn any() -> Self {
        Shape(Kind::Any)
    }

    /// A Go interface, as a closed set of the concrete types it may hold: a Rust enum.
    pub fn interface(variants: Vec<Variant>) -> Self {
        Shape(Kind::Interface(variants))
    }

    /// A Go struct; the name is the type's, empty for an unnamed struct.
    pub fn structure(name: &'static str, fields: Vec<Field>) -> Self {
        Shape(Kind::Struct { name, fields })
    }

    /// A Go slice.
    pub fn slice(elem: TypeRef) -> Self {
        Shape(Kind::Slice(elem))
    }

    /// A Go array.
    pub fn array(elem: TypeRef, len: usize) -> Self {
        Shape(Kind::Array(elem, len))
    }

    /// A Go map.
    pub fn map(key: TypeRef, value: TypeRef) -> Self {
        Shape(Kind::Map(key, value))
    }

    /// A Go type that marshals itself; the name is the type's. `Serialize` must write bytes.
    pub fn opaque(kind: OpaqueKind, name: &'static str) -> Self {
        Shape(Kind::Opaque(kind, name))
    }

    /// The same as another type.
    pub fn same_as(ty: TypeRef) -> Self {
        Shape(Kind::Same(ty))
    }
}

impl Kind {
    /// What to call it in an error.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Uint => "uint",
            Kind::Float => "float",
            Kind::Bytes => "bytes",
            Kind::String => "string",
            Kind::Complex => "complex",
            Kind::Interface(_) | Kind::Any => "an interface",
            Kind::Struct { .. } => "a struct",
            Kind::Slice(_) => "a slice",
            Kind::Array(..) => "an array",
            Kind::Map(..) => "a map",
            Kind::Opaque(..) => "a payload of bytes",
            Kind::Same(_) => "another type",
        }
    }
}
