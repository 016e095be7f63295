//! The codec that Go's `net/rpc` speaks.

use serde::{Serialize, de::DeserializeOwned};
use serde_gob::{GobType, Limits};

use crate::codec::{Codec, CodecError, Decoder, Encoder};

/// Go's `encoding/gob`: the codec of Go's `net/rpc`, and the default of everything here.
#[derive(Clone, Debug, Default)]
pub struct Gob {
    limits: Limits,
    missing_as_zero: bool,
}

impl Gob {
    /// Gob with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gob with other limits, of which [`Limits::message_size`] bounds what one header or body may take, both ways.
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, missing_as_zero: false }
    }

    /// Whether a struct's fields that the sender's type does not have are zero, as in Go. Without it (the default) serde decides:
    /// `#[serde(default)]`, `None` for an `Option`, or an error.
    pub fn missing_as_zero(mut self, yes: bool) -> Self {
        self.missing_as_zero = yes;
        self
    }
}

impl Codec for Gob {
    type Encoder = serde_gob::Encoder;
    type Decoder = serde_gob::Decoder;

    fn encoder(&self) -> Self::Encoder {
        serde_gob::Encoder::with_limits(self.limits.clone())
    }

    fn decoder(&self) -> Self::Decoder {
        let mut decoder = serde_gob::Decoder::with_limits(self.limits.clone());
        decoder.missing_as_zero(self.missing_as_zero);
        decoder
    }
}

/// A nil interface as Go's encoder sends it: message of three bytes, type, value without a name.
const NIL: [u8; 4] = [3, 0x10, 0, 0];

/// The same with the type (`bool`) and the length (0) of what an interface holds after it.
///
/// Go's decoder forgets, when it skips an interface, that a nil one has neither: it takes both from the next message, for
/// which it waits. So a Go server never answers a call of a method that it lacks, and stops reading the connection
/// behind it. When it decodes, it stops at the missing name, and drops what is left of the message.
const SKIPPABLE_NIL: [u8; 6] = [5, 0x10, 0, 0, 2, 0];

impl Encoder for serde_gob::Encoder {
    fn encode<T: Serialize + GobType + ?Sized>(
        &mut self,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        let start = out.len();
        self.encode(value, out)?;
        if out[start..] == NIL {
            out.truncate(start);
            out.extend_from_slice(&SKIPPABLE_NIL);
        }
        Ok(())
    }
}

impl Decoder for serde_gob::Decoder {
    fn room(&mut self, least: usize) -> &mut Vec<u8> {
        self.room(least)
    }

    fn is_idle(&self) -> bool {
        self.is_idle()
    }

    fn ready(&mut self) -> Result<bool, CodecError> {
        self.ready().map_err(CodecError::from)
    }

    fn decode<T: DeserializeOwned>(&mut self) -> Result<T, CodecError> {
        self.decode().map_err(CodecError::from)
    }

    fn discard(&mut self) -> Result<(), CodecError> {
        self.discard().map_err(CodecError::from)
    }
}

impl From<serde_gob::Error> for CodecError {
    fn from(error: serde_gob::Error) -> Self {
        if error.is_fatal() { Self::fatal(error) } else { Self::value(error) }
    }
}
