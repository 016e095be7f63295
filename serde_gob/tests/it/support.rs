//! Short forms for the tests.

use std::fmt::Debug;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_gob::{Decoder, Dynamic, Encoder, Error, GobType};

pub(crate) use crate::corpus::golden::unhex;

/// One exported field, for whatever is to be tested inside a struct.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
pub(crate) struct One<T> {
    #[serde(rename = "X")]
    pub(crate) x: T,
}

/// A struct that has no field in common with any other here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
pub(crate) struct NoFields {}

/// The bytes of hex digits; panics on anything else.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    unhex(text).unwrap_or_else(|| panic!("not hex: {text}"))
}

/// Go's `[]byte`.
pub(crate) fn bytes(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    bytes.as_ref().to_vec()
}

/// Hex digits of bytes.
pub(crate) fn show(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Encodes one value on a stream of its own.
pub(crate) fn encode<T: Serialize + GobType + ?Sized>(value: &T) -> Vec<u8> {
    serde_gob::to_vec(value).unwrap_or_else(|e| panic!("cannot encode: {e}"))
}

/// Encodes one dynamic value on a stream of its own.
pub(crate) fn encode_dynamic(value: &Dynamic) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder::new().encode_dynamic(value, &mut out).unwrap_or_else(|e| panic!("cannot encode: {e}"));
    out
}

/// Encodes values on one stream each after the other.
pub(crate) fn encode_all<T: Serialize + GobType>(values: &[T]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let mut out = Vec::new();
    for value in values {
        encoder.encode(value, &mut out).unwrap_or_else(|e| panic!("cannot encode: {e}"));
    }
    out
}

/// A decoder that was fed these bytes.
pub(crate) fn decoder(bytes: &[u8]) -> Decoder {
    let mut decoder = Decoder::new();
    decoder.feed(bytes);
    decoder
}

/// The first value of a stream.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    decoder(bytes).decode()
}

/// The error of decoding the first value.
pub(crate) fn refusal<T: DeserializeOwned + Debug>(bytes: &[u8]) -> Error {
    match decode::<T>(bytes) {
        Ok(value) => panic!("accepted as {value:?}: {}", show(bytes)),
        Err(e) => e,
    }
}

/// What a `T` becomes when it is sent and received as a `U`.
pub(crate) fn resend<T: Serialize + GobType, U: DeserializeOwned>(value: &T) -> Result<U, Error> {
    decode(&encode(value))
}

/// Asserts that a value comes back as it was sent. Compares texts, so NaN equals itself and -0.0 is not 0.0.
#[track_caller]
pub(crate) fn round_trips<T: Serialize + DeserializeOwned + GobType + Debug>(value: &T) {
    let bytes = encode(value);
    let back: T = decode(&bytes).unwrap_or_else(|e| panic!("{e}: {value:?} as {}", show(&bytes)));
    assert_eq!(format!("{back:?}"), format!("{value:?}"), "{}", show(&bytes));
}
