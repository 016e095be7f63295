//! Types of attributes, from Terraform's type system cty.
//!
//! Go's `cty.Type` encodes itself: its payload is a gob stream of its own, and the payload of `list(string)` holds that of
//! `string`. So decoding is a recursion through streams, one level at a time.

use std::{collections::BTreeMap, fmt};

use go_plugin::{
    GobType,
    serde_gob::{self, GobBytes, Shape, TypeBuilder},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

/// How deep types may nest. People write two or three levels; the limit keeps a stranger's bytes from overflowing the
/// stack.
const MAX_DEPTH: usize = 64;

/// The only form of the payload that there is.
const VERSION: i64 = 0;

/// A type of cty, as far as it can be sent: cty does not register its dynamic type and those that only a program itself
/// knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum CtyType {
    /// No type: Go's `cty.NilType`.
    #[default]
    Nil,
    /// `true` or `false`.
    Bool,
    /// A number of any size.
    Number,
    /// A text.
    String,
    /// Values of one type in order.
    List(Box<CtyType>),
    /// Values of one type without order.
    Set(Box<CtyType>),
    /// Values of one type by name.
    Map(Box<CtyType>),
    /// Values of their own types in order.
    Tuple(Vec<CtyType>),
    /// Values of their own types by name.
    Object(BTreeMap<String, CtyType>),
}

/// What a payload holds.
#[derive(Serialize, Deserialize, GobType)]
#[serde(rename = "gobType", rename_all = "PascalCase")]
struct Payload {
    version: i64,
    #[serde(rename = "Impl")]
    implementation: Option<Level>,
}

/// One level of a type under the names that cty registers; what is below is a payload each.
#[derive(Serialize, Deserialize, GobType)]
enum Level {
    #[serde(rename = "github.com/zclconf/go-cty/cty.primitiveType", rename_all = "PascalCase")]
    Primitive { kind: u8 },
    #[serde(rename = "github.com/zclconf/go-cty/cty.typeList", rename_all = "PascalCase")]
    List { element_type_t: GobBytes },
    #[serde(rename = "github.com/zclconf/go-cty/cty.typeSet", rename_all = "PascalCase")]
    Set { element_type_t: GobBytes },
    #[serde(rename = "github.com/zclconf/go-cty/cty.typeMap", rename_all = "PascalCase")]
    Map { element_type_t: GobBytes },
    #[serde(rename = "github.com/zclconf/go-cty/cty.typeTuple", rename_all = "PascalCase")]
    Tuple { elem_types: Vec<GobBytes> },
    #[serde(rename = "github.com/zclconf/go-cty/cty.typeObject", rename_all = "PascalCase")]
    Object { attr_types: BTreeMap<String, GobBytes> },
}

impl CtyType {
    fn decode(payload: &[u8], levels_left: usize) -> Result<Self, String> {
        if payload.is_empty() {
            return Ok(Self::Nil);
        }
        let Some(levels_left) = levels_left.checked_sub(1) else {
            return Err(format!("a cty type nests deeper than {MAX_DEPTH} levels"));
        };
        let below = |payload: &GobBytes| Self::decode(&payload.0, levels_left);
        let payload: Payload = serde_gob::from_slice(payload).map_err(|error| error.to_string())?;
        if payload.version != VERSION {
            return Err(format!("unsupported cty.Type encoding version {}", payload.version));
        }
        Ok(match payload.implementation {
            None => Self::Nil,
            Some(Level::Primitive { kind: b'B' }) => Self::Bool,
            Some(Level::Primitive { kind: b'N' }) => Self::Number,
            Some(Level::Primitive { kind: b'S' }) => Self::String,
            Some(Level::Primitive { kind }) => return Err(format!("unknown primitive cty type {kind}")),
            Some(Level::List { element_type_t }) => Self::List(Box::new(below(&element_type_t)?)),
            Some(Level::Set { element_type_t }) => Self::Set(Box::new(below(&element_type_t)?)),
            Some(Level::Map { element_type_t }) => Self::Map(Box::new(below(&element_type_t)?)),
            Some(Level::Tuple { elem_types }) => {
                Self::Tuple(elem_types.iter().map(below).collect::<Result<_, _>>()?)
            }
            Some(Level::Object { attr_types }) => Self::Object(
                attr_types.into_iter().map(|(name, payload)| Ok((name, below(&payload)?))).collect::<Result<
                    _,
                    String,
                >>(
                )?,
            ),
        })
    }

    fn encode(&self) -> serde_gob::Result<GobBytes> {
        let implementation = match self {
            Self::Nil => None,
            Self::Bool => Some(Level::Primitive { kind: b'B' }),
            Self::Number => Some(Level::Primitive { kind: b'N' }),
            Self::String => Some(Level::Primitive { kind: b'S' }),
            Self::List(element) => Some(Level::List { element_type_t: element.encode()? }),
            Self::Set(element) => Some(Level::Set { element_type_t: element.encode()? }),
            Self::Map(element) => Some(Level::Map { element_type_t: element.encode()? }),
            Self::Tuple(types) => {
                let elem_types = types.iter().map(Self::encode).collect::<serde_gob::Result<_>>()?;
                Some(Level::Tuple { elem_types })
            }
            Self::Object(types) => {
                let types = types.iter().map(|(name, ty)| Ok((name.clone(), ty.encode()?)));
                Some(Level::Object { attr_types: types.collect::<serde_gob::Result<_>>()? })
            }
        };
        serde_gob::to_vec(&Payload { version: VERSION, implementation }).map(GobBytes)
    }
}

impl Serialize for CtyType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.encode().map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CtyType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let payload = GobBytes::deserialize(deserializer)?;
        Self::decode(&payload.0, MAX_DEPTH).map_err(de::Error::custom)
    }
}

impl GobType for CtyType {
    type Key = <GobBytes as GobType>::Key;

    fn shape(types: &mut TypeBuilder<'_>) -> Shape {
        GobBytes::shape(types)
    }
}

/// As Terraform writes them: `map(string)`.
impl fmt::Display for CtyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool => f.write_str("bool"),
            Self::Number => f.write_str("number"),
            Self::String => f.write_str("string"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Set(element) => write!(f, "set({element})"),
            Self::Map(element) => write!(f, "map({element})"),
            Self::Tuple(types) => {
                f.write_str("tuple([")?;
                separated(f, types, |f, ty| write!(f, "{ty}"))?;
                f.write_str("])")
            }
            Self::Object(types) => {
                f.write_str("object({")?;
                separated(f, types, |f, (name, ty)| write!(f, "{name} = {ty}"))?;
                f.write_str("})")
            }
        }
    }
}

fn separated<T>(
    f: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write(f, item)?;
    }
    Ok(())
}
