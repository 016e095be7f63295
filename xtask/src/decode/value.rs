//! gob values as JSON.

use serde_gob::{Any, Value};
use serde_json::{Map, Value as Json, json};

/// What is no JSON of its own is an object that says what it is: `{"bytes": "…"}` with Go's escapes, `{"type": "…", "value": …}`
/// for what an interface holds.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Uint(value) => json!(value),
        // NaN and the infinities are no JSON.
        Value::Float(value) if value.is_finite() => json!(value),
        Value::Float(value) => json!(value.to_string()),
        Value::Complex(value) => json!({"re": value.re.to_string(), "im": value.im.to_string()}),
        Value::Bytes(bytes) => json!({"bytes": bytes.escape_ascii().to_string()}),
        Value::String(text) => json!(String::from_utf8_lossy(&text.0)),
        Value::Slice(values) | Value::Array(values) => Json::Array(values.iter().map(to_json).collect()),
        Value::Map(entries) => map(entries),
        Value::Struct(fields) => {
            Json::Object(fields.iter().map(|(name, value)| (name.to_string(), to_json(value))).collect())
        }
        Value::Opaque(payload) => json!({"payload": payload.escape_ascii().to_string()}),
        Value::Interface(any) => interface(any),
    }
}

/// An object, if all keys are texts.
fn map(entries: &[(Value, Value)]) -> Json {
    let object: Option<Map<String, Json>> = entries
        .iter()
        .map(|(key, value)| match key {
            Value::String(key) => Some((String::from_utf8_lossy(&key.0).into_owned(), to_json(value))),
            _ => None,
        })
        .collect();
    match object {
        Some(object) => Json::Object(object),
        None => {
            Json::Array(entries.iter().map(|(key, value)| json!([to_json(key), to_json(value)])).collect())
        }
    }
}

fn interface(any: &Any) -> Json {
    match (any.name(), any.value()) {
        (Some(name), Some(value)) => json!({"type": name, "value": to_json(value)}),
        _ => Json::Null,
    }
}
