//! Streams decoded into Rust types: errors, no panics, and what was decoded survives being sent again.

#![no_main]

use std::collections::BTreeMap;
use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_gob::{Any, BigInt, Binary, Bytes, Complex, Decoder, GobBytes, GobType, Limits, Time};

#[derive(Debug, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
struct Everything {
    a: i8,
    b: u64,
    c: f32,
    d: bool,
    e: String,
    f: Bytes,
    g: Complex,
    h: Option<Box<Everything>>,
    i: Vec<Everything>,
    j: BTreeMap<String, [u16; 2]>,
    k: Option<Shape>,
    l: Any,
    m: Time,
    n: Binary,
    o: GobBytes,
    p: Option<BigInt>,
    x: i64,
    y: i64,
}

#[derive(Debug, Serialize, Deserialize, GobType)]
enum Shape {
    #[serde(rename = "goldengob/corpus.Point")]
    Point {
        #[serde(rename = "X")]
        x: i64,
        #[serde(rename = "Y")]
        y: i64,
    },
    #[serde(rename = "int")]
    Int(i64),
    #[serde(rename = "[]interface {}")]
    List(Vec<Option<Shape>>),
}

#[derive(Debug, Serialize, Deserialize, GobType)]
struct Nested(Vec<Nested>);

/// Reads everything as `T`.
fn check<T: Serialize + DeserializeOwned + GobType + Debug>(stream: &[u8]) {
    let mut decoder = Decoder::with_limits(Limits::default().message_size(1 << 20));
    decoder.feed(stream);
    // Each value, good or bad, takes at least one byte.
    for _ in 0..=stream.len() {
        match decoder.decode::<T>() {
            Ok(value) => {
                let Ok(bytes) = serde_gob::to_vec(&value) else { continue };
                let back: T = serde_gob::from_slice(&bytes).expect("own bytes are read");
                let again = serde_gob::to_vec(&back).expect("a decoded value is encoded");
                // Zeros behind pointers come back absent, so that the first bytes may say more.
                let back_again: T = serde_gob::from_slice(&again).expect("own bytes are read");
                assert_eq!(format!("{back:?}"), format!("{back_again:?}"));
            }
            Err(error) if error.is_incomplete() || error.is_fatal() => return,
            Err(_) => {}
        }
    }
    panic!("the decoder made no progress");
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, stream)) = input.split_first() else { return };
    match choice % 8 {
        0 => check::<Everything>(stream),
        1 => check::<Option<Shape>>(stream),
        2 => check::<Nested>(stream),
        3 => check::<BTreeMap<String, Vec<i32>>>(stream),
        4 => check::<Vec<String>>(stream),
        5 => check::<[u8; 4]>(stream),
        6 => check::<Vec<u8>>(stream),
        _ => check::<Time>(stream),
    }
});
