//! Streams decoded into dynamic values: errors, no panics, and every value survives being sent again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_gob::{Decoder, Dynamic, Encoder, Limits};

fuzz_target!(|stream: &[u8]| {
    let mut decoder = Decoder::with_limits(Limits::default().message_size(1 << 20));
    decoder.feed(stream);
    let mut encoder = Encoder::new();
    let mut again = Vec::new();
    let mut values: Vec<Dynamic> = Vec::new();
    let mut ended = false;
    // Each value, good or bad, takes at least one byte.
    for _ in 0..=stream.len() {
        match decoder.decode::<Dynamic>() {
            Ok(value) => {
                encoder.encode_dynamic(&value, &mut again).expect("a decoded value is encoded");
                values.push(value);
            }
            Err(error) if error.is_incomplete() || error.is_fatal() => {
                ended = true;
                break;
            }
            Err(_) => {}
        }
    }
    assert!(ended, "the decoder made no progress");
    let mut decoder = Decoder::new();
    decoder.feed(&again);
    for value in &values {
        let back: Dynamic = decoder.decode().expect("own bytes are read");
        // Their texts, since NaN is not equal to itself.
        assert_eq!(format!("{back:?}"), format!("{value:?}"));
    }
    assert!(decoder.is_idle());
});
