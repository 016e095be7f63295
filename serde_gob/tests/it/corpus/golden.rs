//! Reads `golden.json`.

use serde::Deserialize;
use serde_json::Value as Json;

/// The file that `tests/interop/go/gob/cmd/gen` wrote.
#[derive(Deserialize)]
pub(crate) struct Golden {
    pub(crate) entries: Vec<Entry>,
    pub(crate) rejects: Vec<Reject>,
}

/// One stream that Go encoded.
#[derive(Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) values: Vec<Json>,
    /// What Go decodes, where that is not what it encoded.
    decoded: Option<Vec<Json>>,
    #[serde(deserialize_with = "hex")]
    pub(crate) gob: Vec<u8>,
    bytes_per_value: Vec<usize>,
    #[serde(default)]
    pub(crate) map_order_varies: bool,
}

/// One input with the error of Go's decoder.
#[derive(Deserialize)]
pub(crate) struct Reject {
    pub(crate) name: String,
    #[serde(deserialize_with = "hex")]
    pub(crate) gob: Vec<u8>,
    /// Empty: Go accepts it.
    pub(crate) go_error: String,
}

impl Entry {
    /// What a decoder gets out of the stream, as tagged JSON.
    pub(crate) fn decoded(&self) -> &[Json] {
        self.decoded.as_ref().unwrap_or(&self.values)
    }

    /// The bytes that Go's `Encode` calls appended, one after the other.
    pub(crate) fn parts(&self) -> Vec<&[u8]> {
        let mut rest = &self.gob[..];
        self.bytes_per_value
            .iter()
            .map(|&n| {
                let (part, tail) = rest.split_at(n);
                rest = tail;
                part
            })
            .collect()
    }
}

/// Parses the file once per call; it is small.
pub(crate) fn load() -> Golden {
    let text = include_str!("../../golden/golden.json");
    serde_json::from_str(text).expect("golden.json is well-formed")
}

fn hex<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
    unhex(&String::deserialize(d)?).ok_or_else(|| serde::de::Error::custom("not hex"))
}

/// Bytes of a hex string; spaces are allowed.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|b| !b.is_ascii_whitespace())
        .map(|b| char::from(b).to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
