//! Dynamic values as text, and compared with the tagged JSON of `golden.json`.

use serde_gob::{Any, Dynamic, Type, TypeKind, Value};
use serde_json::Value as Json;

/// A value and the types in it as text, with maps in order: equal for streams that mean the same.
pub(crate) fn dump(dynamic: &Dynamic) -> String {
    format!("{} {}", type_text(&dynamic.ty, 0), text(&dynamic.value))
}

/// A type without the names of structs, which are for people: Go leaves many of them out.
fn type_text(ty: &Type, depth: usize) -> String {
    // Recursive types have no end.
    if depth > 4 {
        return "…".into();
    }
    let inner = |ty| type_text(ty, depth + 1);
    match ty.kind() {
        TypeKind::Slice(elem) => format!("[]{}", inner(&elem)),
        TypeKind::Array(elem, len) => format!("[{len}]{}", inner(&elem)),
        TypeKind::Map(key, elem) => format!("map[{}]{}", inner(&key), inner(&elem)),
        TypeKind::Struct(_, fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, ty)| format!("{name} {}", inner(ty))).collect();
            format!("struct {{ {} }}", fields.join("; "))
        }
        TypeKind::Opaque(kind, _) => format!("{kind:?}"),
        predefined => format!("{predefined:?}"),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Slice(elements) | Value::Array(elements) => {
            format!("[{}]", elements.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{}: {}", text(key), text(value))).collect();
            entries.sort();
            format!("map{{{}}}", entries.join(", "))
        }
        Value::Struct(fields) => {
            // Whether a zero was sent or left out makes no difference.
            let sent = fields.iter().filter(|(_, value)| !is_zero_value(value));
            let fields: Vec<_> = sent.map(|(name, value)| format!("{name}: {}", text(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Interface(any) => match (any.name(), any.ty(), any.value()) {
            (Some(name), Some(ty), Some(value)) => format!("({name} {} {})", type_text(ty, 0), text(value)),
            _ => "nil".into(),
        },
        scalar => format!("{scalar:?}"),
    }
}

fn is_zero_value(value: &Value) -> bool {
    match value {
        Value::Bool(b) => !b,
        Value::Int(n) => *n == 0,
        Value::Uint(n) => *n == 0,
        Value::Float(f) => *f == 0.0,
        Value::Complex(c) => c.re == 0.0 && c.im == 0.0,
        Value::Bytes(bytes) | Value::Opaque(bytes) => bytes.is_empty(),
        Value::String(text) => text.as_ref().is_empty(),
        Value::Slice(elements) => elements.is_empty(),
        Value::Interface(any) => any.is_nil(),
        _ => false,
    }
}

/// Asserts that a value is what Go decodes.
pub(crate) fn assert_matches(name: &str, dynamic: &Dynamic, expected: &Json) {
    let matches = matches(Some(&dynamic.value), expected);
    assert!(matches, "{name}: got {}, want {expected}", dump(dynamic));
}

/// An absent field is zero, and what is zero depends on a type that JSON does not have.
fn matches(value: Option<&Value>, expected: &Json) -> bool {
    let Some(value) = value else { return is_zero(expected) };
    match (value, expected) {
        (Value::Bool(b), Json::Bool(e)) => b == e,
        (Value::Int(n), Json::Number(e)) => e.as_i64() == Some(*n),
        (Value::Uint(n), Json::Number(e)) => e.as_u64() == Some(*n),
        (Value::Float(f), e) => is_float(*f, e),
        (Value::Complex(c), e) => e["$complex"]
            .as_array()
            .is_some_and(|parts| parts.len() == 2 && is_float(c.re, &parts[0]) && is_float(c.im, &parts[1])),
        (Value::Bytes(bytes), e) => is_hex(bytes, &e["$bytes"]),
        (Value::Opaque(bytes), e) => is_hex(bytes, &e["$opaque"]),
        (Value::String(bytes), Json::String(e)) => bytes.as_ref() == e.as_bytes(),
        (Value::String(bytes), e) => is_hex(bytes.as_ref(), &e["$string"]),
        (Value::Slice(elements) | Value::Array(elements), Json::Array(e)) => {
            elements.len() == e.len() && elements.iter().zip(e).all(|(value, e)| matches(Some(value), e))
        }
        (Value::Map(entries), e) => e["$map"].as_array().is_some_and(|e| is_map(entries, e)),
        (Value::Struct(fields), Json::Object(e)) => {
            let field = |name: &str| fields.iter().find(|(n, _)| **n == *name).map(|(_, value)| value);
            fields.iter().all(|(name, _)| e.contains_key(&**name))
                && e.iter().all(|(name, e)| matches(field(name), e))
        }
        (Value::Interface(any), e) => is_interface(any, e),
        _ => false,
    }
}

fn is_zero(expected: &Json) -> bool {
    match expected {
        Json::Null => true,
        Json::Bool(b) => !b,
        Json::Number(n) => n.as_f64() == Some(0.0),
        Json::String(s) => s.is_empty(),
        Json::Array(elements) => elements.is_empty(),
        Json::Object(tagged) => {
            let nil = |tag| tagged.get(tag) == Some(&Json::Null);
            nil("$map")
                || nil("$iface")
                || tagged.get("$bytes").is_some_and(|b| b == "")
                || tagged.get("$complex").is_some_and(|c| *c == serde_json::json!([0.0, 0.0]))
                // The payload of a zero value, which did not travel.
                || tagged.contains_key("$opaque")
        }
    }
}

fn is_float(float: f64, expected: &Json) -> bool {
    match expected["$float"].as_str() {
        Some("NaN") => float.is_nan(),
        Some("+Inf") => float == f64::INFINITY,
        Some("-Inf") => float == f64::NEG_INFINITY,
        Some("-0") => float.to_bits() == (-0.0_f64).to_bits(),
        Some(_) => false,
        None => expected.as_f64().is_some_and(|e| e.to_bits() == float.to_bits()),
    }
}

fn is_hex(bytes: &[u8], expected: &Json) -> bool {
    expected.as_str().and_then(super::golden::unhex).is_some_and(|e| e == bytes)
}

fn is_map(entries: &[(Value, Value)], expected: &[Json]) -> bool {
    entries.len() == expected.len()
        && expected.iter().all(|pair| {
            entries.iter().any(|(key, value)| matches(Some(key), &pair[0]) && matches(Some(value), &pair[1]))
        })
}

fn is_interface(any: &Any, expected: &Json) -> bool {
    let Some(go_type) = expected["$iface"].as_str() else {
        return expected.get("$iface") == Some(&Json::Null) && any.is_nil();
    };
    // What the corpus registers its types as.
    let name = match go_type.strip_prefix("corpus.") {
        Some(own) => format!("goldengob/corpus.{own}"),
        None => go_type.replace("*corpus.Square", "shapes.Square"),
    };
    any.name() == Some(&name) && matches(any.value(), &expected["value"])
}
