//! Go's own decoder judges what `serde_gob` encodes.

// The streams, their types and their values belong to `serde_gob`; this package adds the judge.
#[allow(clippy::unwrap_used, dead_code, unused_imports)]
#[path = "../../../serde_gob/tests/it/corpus/mod.rs"]
mod corpus;

use std::fmt::Write as _;

use interop_tests::{go_program, run};

/// Gives every `(name, stream)` to Go, which has to accept them all.
async fn go_accepts(streams: &[(String, Vec<u8>)]) {
    let mut input = String::new();
    for (name, gob) in streams {
        let hex = gob.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let _ = writeln!(input, "{name} {hex}");
    }
    let judged = run(tokio::process::Command::new(go_program("gob")), input.as_bytes()).await;
    assert_eq!(
        judged.stdout_text(),
        format!("accepted {}, refused 0\n", streams.len()),
        "{}",
        judged.stderr_text()
    );
}

#[tokio::test]
async fn go_accepts_every_golden_stream_decoded_into_rust_types_and_encoded_again() {
    let golden = corpus::golden::load();
    let streams: Vec<_> = golden
        .entries
        .iter()
        .map(|e| (e.name.clone(), corpus::Typed::again(&e.name, &e.gob).concat()))
        .collect();
    assert_eq!(streams.len(), 112);
    go_accepts(&streams).await;
}

#[tokio::test]
async fn go_accepts_every_golden_stream_decoded_into_values_and_encoded_again() {
    let golden = corpus::golden::load();
    let streams: Vec<_> = golden
        .entries
        .iter()
        .map(|e| (e.name.clone(), corpus::dynamic_again(&e.name, &e.gob, e.values.len()).1.concat()))
        .collect();
    assert_eq!(streams.len(), 112);
    go_accepts(&streams).await;
}

#[tokio::test]
#[should_panic(expected = "accepted 1, refused 1")]
async fn the_judge_refuses_a_stream_with_another_value() {
    let golden = corpus::golden::load();
    let point = golden.entries.iter().find(|e| e.name == "point").expect("in the corpus").gob.clone();
    let mut other = point.clone();
    // The last field: 0x42 is Y = 33.
    let y = other.len() - 2;
    other[y] += 2;
    go_accepts(&[("point".into(), point), ("point".into(), other)]).await;
}
