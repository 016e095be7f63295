//! Streams decoded into dynamic values: errors, no panics, and every value survives being sent again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_gob::{Decoder, Dynamic, Encoder, Limits};

/// Every value of a stream, until an error that does not pass.
fn read(stream: &[u8]) -> Vec<Dynamic> {
    let mut decoder = Decoder::with_limits(Limits::default().message_size(1 << 20));
    decoder.feed(stream);
    let mut values = Vec::new();
    // Each value, good or bad, takes at least one byte.
    for _ in 0..=stream.len() {
        match decoder.decode::<Dynamic>() {
            Ok(value) => values.push(value),
            Err(error) if error.is_incomplete() || error.is_fatal() => return values,
            Err(_) => {}
        }
    }
    panic!("the decoder makes no progress");
}

fn write(values: &[Dynamic]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    for value in values {
        encoder.encode_dynamic(value, &mut out).expect("a decoded value is encoded");
    }
    out
}

fuzz_target!(|stream: &[u8]| {
    let values = read(stream);
    let once = read(&write(&values));
    assert_eq!(once.len(), values.len());
    // A zero that was sent although it need not be is left out the first time.
    let twice = read(&write(&once));
    assert_eq!(format!("{once:?}"), format!("{twice:?}"), "texts, since NaN is not equal to itself");
});
