//! The 112 streams that Go wrote: decoded into Rust types and into `Value`s, and encoded again.

use serde_gob::Dynamic;

use crate::corpus::{self, dump, golden, values};
use crate::support::*;

/// Streams that come back with the same meaning in other bytes: definitions come before a value instead of inside
/// it, and types other than structs are sent without their names, which Go does not look at.
const OTHER_BYTES: &[&str] = &[
    "slice_named",
    "omit_all_zero",
    "omit_empty_containers",
    "omit_pointer_to_zero",
    "omit_last_only",
    "pointers_set",
    "pointers_nil",
    "anonymous_struct_field",
    "deep_nesting",
    "named_types",
    "pointer_elements",
    "medium",
    "tree",
    "map_tree",
    "mutual",
    "self_slice",
    "iface_basic",
    "iface_struct",
    "iface_zero_struct",
    "iface_empty_struct",
    "iface_field_struct",
    "iface_field_struct_twice",
    "iface_nested",
    "iface_array",
    "iface_map_any",
    "iface_slice_any",
    "shapes_nil",
    "shapes",
    "error_value",
    "iface_recursive",
    "time_in_struct",
    "time_in_iface",
    "opaque_types",
    "opaque_zero",
    "opaque_in_iface",
    "std_opaque",
    "rpc_conversation_client",
];

/// Only typed: Go does not name the struct in a map's key or element, and payloads have no name here.
const OTHER_TYPED_BYTES: &[&str] = &["map_struct_key", "opaque_top"];

/// Asserts that two streams hold the same values, whatever their type ids and map order.
fn same_meaning(name: &str, theirs: &[u8], ours: &[u8], count: usize) {
    let (theirs, _) = corpus::dynamic_again(name, theirs, count);
    let (ours, _) = corpus::dynamic_again(name, ours, count);
    for (theirs, ours) in theirs.iter().zip(&ours) {
        assert_eq!(dump(theirs), dump(ours), "{name}");
    }
}

#[test]
fn the_table_of_typed_values_covers_the_corpus() {
    let names: Vec<String> = golden::load().entries.into_iter().map(|e| e.name).collect();
    assert_eq!(names.len(), 112);
    assert_eq!(names, values::NAMES);
}

/// Which streams come back in other bytes; all come back in meaning.
fn in_other_bytes(encode: impl Fn(&golden::Entry) -> Vec<u8>) -> Vec<String> {
    let mut other = Vec::new();
    for entry in golden::load().entries {
        let ours = encode(&entry);
        same_meaning(&entry.name, &entry.gob, &ours, entry.values.len());
        if !entry.map_order_varies && ours != entry.gob {
            other.push(entry.name);
        }
    }
    other
}

#[test]
fn golden_streams_survive_rust_types() {
    let mut other = in_other_bytes(|entry| corpus::Typed::again(&entry.name, &entry.gob).concat());
    other.retain(|name| !OTHER_TYPED_BYTES.contains(&&**name));
    assert_eq!(other, OTHER_BYTES);
}

#[test]
fn golden_streams_survive_dynamic_values() {
    let other = in_other_bytes(|entry| {
        let (decoded, ours) = corpus::dynamic_again(&entry.name, &entry.gob, entry.values.len());
        for (value, expected) in decoded.iter().zip(entry.decoded()) {
            corpus::assert_matches(&entry.name, value, expected);
        }
        ours.concat()
    });
    assert_eq!(other, OTHER_BYTES);
}

#[test]
fn typed_encodings_are_dynamic_values_and_the_reverse() {
    for entry in golden::load().entries {
        let typed = corpus::Typed::again(&entry.name, &entry.gob).concat();
        same_meaning(&entry.name, &entry.gob, &typed, entry.values.len());
        let (_, dynamic) = corpus::dynamic_again(&entry.name, &entry.gob, entry.values.len());
        corpus::Typed::again(&entry.name, &dynamic.concat());
    }
}

#[test]
fn a_cloned_value_is_equal() {
    for entry in golden::load().entries {
        let first: Dynamic = decode(&entry.gob).unwrap();
        assert_eq!(dump(&first), dump(&first.clone()));
    }
}
