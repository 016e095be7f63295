//! Flat attributes of version 4 as trees, as version 5 has them: `l.#` is the length of a list, `m.%` that of a map.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use crate::legacy::{Block, CtyType};

/// What is not known before the apply, in attributes of either version.
pub const UNKNOWN: &str = "(known after apply)";

/// The value of a block. Collections without elements are null: flat attributes hardly tell the two apart.
pub fn block(flat: &BTreeMap<String, String>, prefix: &str, block: &Block) -> Value {
    let attributes = block.attributes.iter().map(|(name, attribute)| {
        let key = format!("{prefix}{name}");
        (name.clone(), value(flat, &key, &attribute.ty))
    });
    let blocks = block.block_types.iter().map(|(name, nested)| {
        let key = format!("{prefix}{name}");
        let items = children(flat, &key).into_iter();
        let items = items.map(|child| self::block(flat, &format!("{key}.{child}."), &nested.block)).collect();
        (name.clone(), list(items))
    });
    Value::Object(attributes.chain(blocks).collect())
}

fn value(flat: &BTreeMap<String, String>, key: &str, ty: &CtyType) -> Value {
    let children = || children(flat, key).into_iter();
    match ty {
        CtyType::List(of) | CtyType::Set(of) => {
            list(children().map(|child| value(flat, &format!("{key}.{child}"), of)).collect())
        }
        CtyType::Map(of) => {
            let entries: Map<_, _> =
                children().map(|child| (child.clone(), value(flat, &format!("{key}.{child}"), of))).collect();
            if entries.is_empty() { Value::Null } else { Value::Object(entries) }
        }
        _ => match (flat.get(key).map(String::as_str), ty) {
            (None, _) => Value::Null,
            (Some(UNKNOWN), _) => UNKNOWN.into(),
            (Some(text), CtyType::Bool) => Value::Bool(text == "true"),
            (Some(text), CtyType::Number) => text.parse::<f64>().ok().map_or(Value::Null, number),
            (Some(text), _) => text.into(),
        },
    }
}

/// The parts of keys that follow `key`, in the order of their numbers or names: hashes in sets, indices in lists.
fn children(flat: &BTreeMap<String, String>, key: &str) -> Vec<String> {
    let below = flat.keys().filter_map(|k| k.strip_prefix(key)?.strip_prefix('.'));
    let mut children: Vec<_> = below
        .filter_map(|k| k.split('.').next())
        .filter(|k| !["#", "%"].contains(k))
        .map(str::to_owned)
        .collect();
    children.sort_by_key(|child| (child.parse::<u64>().ok(), child.clone()));
    children.dedup();
    children
}

pub fn list(items: Vec<Value>) -> Value {
    if items.is_empty() { Value::Null } else { Value::Array(items) }
}

/// Whole numbers without a fraction, however they came.
pub fn number(number: f64) -> Value {
    if number.fract() == 0.0 {
        Value::from(number as i64)
    } else {
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }
}
