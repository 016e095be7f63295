//! What `serde_gob` does, seen from outside; `tests/README.md` says which of Go's own tests each one answers.

// Helpers fail a test as its own lines do.
#![allow(clippy::unwrap_used)]

mod corpus;
mod golden;
mod hostile;
mod interfaces;
mod nil;
mod primitives;
mod props;
mod rejects;
mod self_marshalling;
mod shape_mismatch;
mod streams;
mod support;
mod types;
mod whole_values;
// Shared with `tests/memory.rs`, which needs other parts of it.
#[allow(dead_code)]
mod wire;

/// The names in the right columns of `tests/README.md`.
fn named_tests() -> Vec<String> {
    let readme = include_str!("../README.md");
    let rows = readme.lines().filter(|line| line.starts_with("| ")).skip(1);
    let cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    let quoted = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let names = quoted.filter_map(|name| name.rsplit("::").next());
    names
        .filter(|name| name.len() > 12 && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')))
        .map(String::from)
        .collect()
}

#[test]
fn the_table_of_behaviours_names_tests_that_exist() {
    let sources: String = [
        include_str!("golden.rs"),
        include_str!("hostile.rs"),
        include_str!("interfaces.rs"),
        include_str!("nil.rs"),
        include_str!("primitives.rs"),
        include_str!("props.rs"),
        include_str!("rejects.rs"),
        include_str!("self_marshalling.rs"),
        include_str!("shape_mismatch.rs"),
        include_str!("streams.rs"),
        include_str!("types.rs"),
        include_str!("whole_values.rs"),
        include_str!("../memory.rs"),
        include_str!("corpus/values.rs"),
    ]
    .concat();
    let names = named_tests();
    assert!(names.len() > 60, "{} names found", names.len());
    for name in names {
        let exists = sources.contains(&format!("fn {name}(")) || sources.contains(&format!("\"{name}\""));
        assert!(exists, "tests/README.md names {name}, which is no test");
    }
}
