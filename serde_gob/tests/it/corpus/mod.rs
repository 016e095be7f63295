//! `golden.json` (streams written by Go) and its Go types and values in Rust.
//!
//! Shared with the tests that let Go judge what is encoded here.

mod dump;
pub(crate) mod golden;
pub(crate) mod types;
pub(crate) mod values;

pub(crate) use dump::{assert_matches, dump};

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};
use serde_gob::{Decoder, Dynamic, Encoder, GobType};

/// Sees each value of a stream as the Rust type that its Go type is here.
pub(crate) trait Visit {
    fn value<T: Serialize + DeserializeOwned + GobType + Debug>(&mut self, expected: T);
}

/// Decodes a stream into its Rust types, checks every value and encodes it again.
pub(crate) struct Typed<'a> {
    name: &'a str,
    decoder: Decoder,
    encoder: Encoder,
    /// What was encoded, one entry per value.
    pub(crate) encoded: Vec<Vec<u8>>,
}

impl<'a> Typed<'a> {
    /// Runs the whole stream called `name`.
    pub(crate) fn again(name: &'a str, gob: &[u8]) -> Vec<Vec<u8>> {
        let mut decoder = Decoder::new();
        decoder.feed(gob);
        let mut typed = Typed { name, decoder, encoder: Encoder::new(), encoded: Vec::new() };
        values::visit(name, &mut typed);
        assert!(!typed.decoder.ready().unwrap(), "{name}: bytes are left");
        typed.encoded
    }
}

impl Visit for Typed<'_> {
    fn value<T: Serialize + DeserializeOwned + GobType + Debug>(&mut self, expected: T) {
        let at = self.encoded.len();
        let decoded: T = self.decoder.decode().unwrap_or_else(|e| panic!("{} value {at}: {e}", self.name));
        // Unlike `==`, the text tells -0.0 from 0.0 and finds NaN equal to itself.
        assert_eq!(format!("{decoded:?}"), format!("{expected:?}"), "{} value {at}", self.name);
        let mut out = Vec::new();
        self.encoder.encode(&decoded, &mut out).unwrap_or_else(|e| panic!("{} value {at}: {e}", self.name));
        self.encoded.push(out);
    }
}

/// Decodes a stream into [`Dynamic`]s and encodes each again; gives both.
pub(crate) fn dynamic_again(name: &str, gob: &[u8], values: usize) -> (Vec<Dynamic>, Vec<Vec<u8>>) {
    let mut decoder = Decoder::new();
    decoder.feed(gob);
    let mut encoder = Encoder::new();
    let mut all = (Vec::new(), Vec::new());
    for at in 0..values {
        let value: Dynamic = decoder.decode().unwrap_or_else(|e| panic!("{name} value {at}: {e}"));
        let mut out = Vec::new();
        encoder.encode_dynamic(&value, &mut out).unwrap_or_else(|e| panic!("{name} value {at}: {e}"));
        all.0.push(value);
        all.1.push(out);
    }
    assert!(!decoder.ready().unwrap(), "{name}: bytes are left");
    all
}
