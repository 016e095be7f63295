//! Dynamic values as members of serde types.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Any, Dynamic, Value, handoff};
use crate::shape::{GobType, Shape, TypeBuilder};

/// Name of the newtype struct that stands for a dynamic value.
pub(crate) const TOKEN: &str = "$serde_gob::Dynamic";
/// The same for one that must be in an interface.
pub(crate) const ANY_TOKEN: &str = "$serde_gob::Any";

impl GobType for Any {
    type Key = Any;
    fn shape(_: &mut TypeBuilder<'_>) -> Shape {
        Shape::any()
    }
}

/// To other formats than gob the plain value is shown.
impl Serialize for Any {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(concrete) = &self.0 else { return serializer.serialize_none() };
        handoff::put_outgoing(Arc::clone(concrete));
        let result = serializer.serialize_newtype_struct(ANY_TOKEN, &concrete.content.value);
        handoff::take_outgoing(); // of a foreign serializer that does not know
        result
    }
}

/// For other formats than gob; gob needs a type beside the value, which [`Any`] and [`Dynamic`] have.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Uint(value) => serializer.serialize_u64(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Complex(value) => value.serialize(serializer),
            Value::Bytes(bytes) | Value::Opaque(bytes) => serializer.serialize_bytes(bytes),
            Value::String(text) => match std::str::from_utf8(&text.0) {
                Ok(text) => serializer.serialize_str(text),
                Err(_) => serializer.serialize_bytes(&text.0),
            },
            Value::Slice(elements) | Value::Array(elements) => serializer.collect_seq(elements),
            Value::Map(entries) => serializer.collect_map(entries.iter().map(|(key, elem)| (key, elem))),
            Value::Struct(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(&**name, value)?;
                }
                map.end()
            }
            Value::Interface(any) => any.serialize(serializer),
        }
    }
}

struct DynamicVisitor;

impl<'de> Visitor<'de> for DynamicVisitor {
    type Value = Dynamic;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a gob value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Dynamic, E> {
        handoff::take_incoming().ok_or_else(|| E::custom("dynamic gob values can only be decoded from gob"))
    }
}

impl<'de> Deserialize<'de> for Dynamic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(TOKEN, DynamicVisitor)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Dynamic::deserialize(deserializer).map(|dynamic| dynamic.value)
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_newtype_struct(ANY_TOKEN, DynamicVisitor)?.value {
            Value::Interface(any) => Ok(any),
            _ => Err(de::Error::custom("not an interface")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_formats_show_the_plain_value_and_cannot_give_it_back() {
        let entries = [("a".to_owned(), Any::from(vec!["b".to_owned()])), ("c".to_owned(), Any::NIL)];
        let any = Any::from(std::collections::BTreeMap::from(entries));
        assert_eq!(serde_json::to_string(&any).unwrap(), r#"{"a":["b"],"c":null}"#);
        let error = serde_json::from_str::<Value>("7").unwrap_err().to_string();
        assert_eq!(error, "invalid type: newtype struct, expected a gob value");
        // One that takes whatever it is asked for.
        let unit = de::value::UnitDeserializer::<de::value::Error>::new();
        let error = Value::deserialize(unit).unwrap_err().to_string();
        assert_eq!(error, "dynamic gob values can only be decoded from gob");
    }
}
