//! Types of values, from Terraform's type system cty, in its JSON form: `"string"`, `["list","string"]`,
//! `["object",{"a":"bool"},["a"]]` with the optional attributes last.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::legacy::CtyType;

/// A type of cty.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Any: known only with the value.
    Dynamic,
    /// `true` or `false`.
    Bool,
    /// A number of any size.
    Number,
    /// A text.
    String,
    /// Values of one type in order.
    List(Box<Type>),
    /// Values of one type without order.
    Set(Box<Type>),
    /// Values of one type by name.
    Map(Box<Type>),
    /// Values of their own types in order.
    Tuple(Vec<Type>),
    /// Values of their own types by name.
    Object {
        /// All of them.
        attributes: BTreeMap<String, Type>,
        /// Those that may be missing.
        optional: BTreeSet<String>,
    },
}

impl Type {
    /// An object without optional attributes.
    pub fn object(attributes: BTreeMap<String, Type>) -> Self {
        Self::Object { attributes, optional: BTreeSet::new() }
    }

    /// From what providers send.
    pub fn from_json(json: &[u8]) -> Result<Self, BadType> {
        // serde_json stops at a depth of 128, which bounds the recursion.
        serde_json::from_slice(json).ok().and_then(Self::from_value).ok_or_else(|| BadType(json.into()))
    }

    fn from_value(value: Value) -> Option<Self> {
        let mut parts = match value {
            Value::String(name) => return Self::primitive(&name),
            Value::Array(parts) => parts.into_iter(),
            _ => return None,
        };
        let (kind, of) = (parts.next()?, parts.next()?);
        let optional = parts.next();
        Some(match (kind.as_str()?, of, optional, parts.next()) {
            ("list", of, None, None) => Self::List(Box::new(Self::from_value(of)?)),
            ("set", of, None, None) => Self::Set(Box::new(Self::from_value(of)?)),
            ("map", of, None, None) => Self::Map(Box::new(Self::from_value(of)?)),
            ("tuple", Value::Array(of), None, None) => {
                Self::Tuple(of.into_iter().map(Self::from_value).collect::<Option<_>>()?)
            }
            ("object", Value::Object(of), optional, None) => {
                let of = of.into_iter().map(|(name, ty)| Some((name, Self::from_value(ty)?)));
                let optional =
                    optional.map_or(Some(BTreeSet::new()), |names| serde_json::from_value(names).ok())?;
                Self::Object { attributes: of.collect::<Option<_>>()?, optional }
            }
            _ => return None,
        })
    }

    fn primitive(name: &str) -> Option<Self> {
        Some(match name {
            "dynamic" => Self::Dynamic,
            "bool" => Self::Bool,
            "number" => Self::Number,
            "string" => Self::String,
            _ => return None,
        })
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Dynamic => json!("dynamic"),
            Self::Bool => json!("bool"),
            Self::Number => json!("number"),
            Self::String => json!("string"),
            Self::List(of) => json!(["list", of.to_value()]),
            Self::Set(of) => json!(["set", of.to_value()]),
            Self::Map(of) => json!(["map", of.to_value()]),
            Self::Tuple(of) => json!(["tuple", of]),
            Self::Object { attributes, optional } if optional.is_empty() => json!(["object", attributes]),
            Self::Object { attributes, optional } => json!(["object", attributes, optional]),
        }
    }
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

/// None is no type: there the provider has nothing to say.
impl From<CtyType> for Option<Type> {
    fn from(ty: CtyType) -> Self {
        let of = |ty: Box<CtyType>| Option::<Type>::from(*ty).map(Box::new);
        Some(match ty {
            CtyType::Nil => return None,
            CtyType::Bool => Type::Bool,
            CtyType::Number => Type::Number,
            CtyType::String => Type::String,
            CtyType::List(ty) => Type::List(of(ty)?),
            CtyType::Set(ty) => Type::Set(of(ty)?),
            CtyType::Map(ty) => Type::Map(of(ty)?),
            CtyType::Tuple(types) => Type::Tuple(types.into_iter().map(Self::from).collect::<Option<_>>()?),
            CtyType::Object(types) => {
                let types = types.into_iter().map(|(name, ty)| Some((name, Self::from(ty)?)));
                Type::object(types.collect::<Option<_>>()?)
            }
        })
    }
}

/// As Terraform's own language has them: `map(string)`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dynamic => f.write_str("any"),
            Self::Bool => f.write_str("bool"),
            Self::Number => f.write_str("number"),
            Self::String => f.write_str("string"),
            Self::List(of) => write!(f, "list({of})"),
            Self::Set(of) => write!(f, "set({of})"),
            Self::Map(of) => write!(f, "map({of})"),
            Self::Tuple(of) => {
                let of: Vec<_> = of.iter().map(Self::to_string).collect();
                write!(f, "tuple([{}])", of.join(", "))
            }
            Self::Object { attributes, optional } => {
                let attribute = |(name, ty): (&String, &Self)| match optional.contains(name) {
                    true => format!("{name} = optional({ty})"),
                    false => format!("{name} = {ty}"),
                };
                let attributes: Vec<_> = attributes.iter().map(attribute).collect();
                write!(f, "object({{{}}})", attributes.join(", "))
            }
        }
    }
}

/// Bytes that should have been a type.
#[derive(Debug)]
pub struct BadType(Vec<u8>);

impl fmt::Display for BadType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no type of Terraform's in JSON: {}", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::Type;

    #[test]
    fn types_are_read_shown_and_written() {
        for (json, shown) in [
            (r#""string""#, "string"),
            (r#""number""#, "number"),
            (r#""bool""#, "bool"),
            (r#""dynamic""#, "any"),
            (r#"["list","string"]"#, "list(string)"),
            (r#"["set",["map","number"]]"#, "set(map(number))"),
            (r#"["tuple",["string","bool"]]"#, "tuple([string, bool])"),
            (r#"["tuple",[]]"#, "tuple([])"),
            (r#"["object",{}]"#, "object({})"),
            (r#"["object",{"a":"bool","b":["list","string"]}]"#, "object({a = bool, b = list(string)})"),
            (r#"["object",{"a":"bool","b":"string"},["b"]]"#, "object({a = bool, b = optional(string)})"),
        ] {
            let ty = Type::from_json(json.as_bytes()).unwrap();
            assert_eq!(
                (ty.to_string().as_str(), serde_json::to_string(&ty).unwrap().as_str()),
                (shown, json)
            );
        }
    }

    #[test]
    fn what_is_no_type_is_refused() {
        let deep = format!("{}\"string\"{}", r#"["list","#.repeat(100_000), "]".repeat(100_000));
        for json in [
            "",
            "null",
            "3",
            r#""strin""#,
            "[]",
            r#"["list"]"#,
            r#"["list","string","string"]"#,
            r#"["list","string"] x"#,
            r#"["bag","string"]"#,
            r#"["tuple","string"]"#,
            r#"["object",["string"]]"#,
            r#"["object",{"a":"bool"},"a"]"#,
            r#"["object",{"a":"bool"},["a"],1]"#,
            "\"\u{1F41C}\"",
            &deep,
        ] {
            let error = Type::from_json(json.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("no type of Terraform's in JSON: "), "{error}");
        }
    }
}
