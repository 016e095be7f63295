//! What a connection needs of an encoding.

use std::{error::Error as StdError, fmt};

use serde::{Serialize, de::DeserializeOwned};
use serde_gob::GobType;

/// An encoding of headers and bodies. [`Gob`](crate::Gob) is the one that Go's `net/rpc` speaks.
///
/// Go: the four methods that `ClientCodec` and `ServerCodec` have in common. Here a codec only turns values into bytes and back;
/// headers, sequence numbers and the stream are the connection's.
pub trait Codec: Send + Sync + 'static {
    /// Made once per connection.
    type Encoder: Encoder;
    /// Made once per connection.
    type Decoder: Decoder;

    /// The encoder of a new connection.
    fn encoder(&self) -> Self::Encoder;
    /// The decoder of a new connection.
    fn decoder(&self) -> Self::Decoder;
}

/// The sending half of a connection's codec. It may remember what it has sent, as gob does with type definitions.
///
/// A value may be taken back after it was encoded (a header, if its body fails), but never the first of its type: then the
/// connection begins again with a new encoder.
pub trait Encoder: Send + 'static {
    /// Appends one value to `out`.
    ///
    /// # Errors
    /// The value cannot be encoded. Then `out` and what is remembered must be as they were before, and also if the value's
    /// `Serialize` panics.
    fn encode<T: Serialize + GobType + ?Sized>(
        &mut self,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError>;
}

/// The receiving half of a connection's codec. It does no I/O: bytes are put into it as they arrive.
pub trait Decoder: Send + 'static {
    /// A buffer with room for at least `least` bytes. The next bytes of the stream, split anywhere, are appended to what is
    /// in it.
    fn room(&mut self, least: usize) -> &mut Vec<u8>;

    /// Whether nothing of a further value has arrived: the stream may end here.
    fn is_idle(&self) -> bool;

    /// Whether a whole value has arrived.
    ///
    /// # Errors
    /// What has arrived can never become a value. Such an error is always [fatal](CodecError::is_fatal).
    fn ready(&mut self) -> Result<bool, CodecError>;

    /// Decodes and consumes the next value, which [`ready`](Self::ready) has announced.
    ///
    /// # Errors
    /// The value is not a `T`. It is consumed all the same, unless the error is [fatal](CodecError::is_fatal).
    fn decode<T: DeserializeOwned>(&mut self) -> Result<T, CodecError>;

    /// Consumes the next value, which [`ready`](Self::ready) has announced, whatever it is.
    ///
    /// # Errors
    /// As for [`decode`](Self::decode).
    fn discard(&mut self) -> Result<(), CodecError>;
}

/// Why a value could not be encoded or decoded.
#[derive(Debug)]
pub struct CodecError {
    source: Box<dyn StdError + Send + Sync>,
    fatal: bool,
}

impl CodecError {
    /// The value is at fault; the stream can be used on.
    pub fn value(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: source.into(), fatal: false }
    }

    /// The stream is at fault: nothing after this can be understood, and the connection must end.
    pub fn fatal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: source.into(), fatal: true }
    }

    /// Whether the connection must end.
    pub fn is_fatal(&self) -> bool {
        self.fatal
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl StdError for CodecError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

/// Runs the encoding and decoding of values inside something of the caller's.
///
/// Values that stand for more than their bytes need it: a type whose `Serialize` opens a stream to the peer finds the connection
/// in a thread-local variable that the scope sets.
pub trait CodecScope: Send + Sync {
    /// Calls `work` exactly once, before it returns.
    fn enter(&self, work: &mut dyn FnMut());
}

/// Runs `work` in `scope`, if there is one.
pub(crate) fn in_scope<T>(scope: Option<&dyn CodecScope>, work: impl FnOnce() -> T) -> Result<T, CodecError> {
    let Some(scope) = scope else { return Ok(work()) };
    let (mut work, mut result) = (Some(work), None);
    scope.enter(&mut || {
        if let Some(work) = work.take() {
            result = Some(work());
        }
    });
    // Whether the value was coded is unknown to the stream: without the result the connection cannot go on.
    result.ok_or_else(|| CodecError::fatal("the codec scope did not run its work"))
}
