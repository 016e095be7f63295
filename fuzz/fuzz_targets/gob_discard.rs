//! Streams discarded: the same outcome in one piece and in two, and whatever can be decoded can be discarded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_gob::{Decoder, Dynamic, Limits};

/// How many values can be discarded, and the error at the end.
fn discard(mut decoder: Decoder, most: usize) -> (usize, String) {
    let mut good = 0;
    for _ in 0..=most {
        match decoder.discard() {
            Ok(()) => good += 1,
            Err(error) if error.is_incomplete() || error.is_fatal() => return (good, error.to_string()),
            Err(_) => {}
        }
    }
    panic!("the decoder made no progress");
}

fn decoder(bytes: &[u8]) -> Decoder {
    let mut decoder = Decoder::with_limits(Limits::default().message_size(1 << 20));
    decoder.feed(bytes);
    decoder
}

fuzz_target!(|input: &[u8]| {
    let Some((cut, stream)) = input.split_first() else { return };
    let cut = usize::from(*cut) % (stream.len() + 1);
    let whole = discard(decoder(stream), stream.len());

    let mut parts = decoder(&stream[..cut]);
    // Ask early: what is known by now must not change what comes of it.
    let asked = parts.ready().map_err(|e| e.is_fatal());
    parts.feed(&stream[cut..]);
    if asked != Err(false) {
        assert_eq!(discard(parts, stream.len()), whole);
    }

    let (mut reading, mut discarding) = (decoder(stream), decoder(stream));
    while let Ok(value) = reading.decode::<Dynamic>() {
        if let Err(error) = discarding.discard() {
            panic!("{error} for {value:?}");
        }
    }
});
