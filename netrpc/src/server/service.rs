//! What a server serves: services, and what passes between them and the connection.

use std::{fmt, future::Future, pin::Pin};

use serde::{Serialize, de::DeserializeOwned};
use serde_gob::GobType;

use crate::{
    codec::{Codec, CodecError, Decoder, Encoder},
    gob::Gob,
    message::{self, Request},
};

/// A set of methods under one name. [`Methods`](crate::Methods) makes one of closures.
///
/// A call has two halves, because the connection's decoder can read only one thing after the other while handlers run at once:
/// [`dispatch`](Self::dispatch) decodes the argument now, and returns what is to be run.
pub trait Service<C: Codec = Gob>: Send + Sync + 'static {
    /// Decodes the argument of `method` and returns the work. `method` is what follows the last dot of Go's `ServiceMethod`.
    ///
    /// Must not wait or work for long: no other request of the connection is read meanwhile.
    ///
    /// # Errors
    /// Become the error reply of this call. An argument that was not decoded is skipped.
    fn dispatch(&self, method: &str, args: Args<'_, C>) -> Result<Handling<C>, DispatchError>;
}

impl<C: Codec, S: Service<C> + ?Sized> Service<C> for std::sync::Arc<S> {
    fn dispatch(&self, method: &str, args: Args<'_, C>) -> Result<Handling<C>, DispatchError> {
        (**self).dispatch(method, args)
    }
}

impl<C: Codec, S: Service<C> + ?Sized> Service<C> for Box<S> {
    fn dispatch(&self, method: &str, args: Args<'_, C>) -> Result<Handling<C>, DispatchError> {
        (**self).dispatch(method, args)
    }
}

/// A call at work: runs as a task of its own and ends in the reply, or in the text of the error reply.
///
/// It is dropped when the caller cancels, or when the connection's drain time is over. An empty error text is replaced, since
/// Go's client takes one for success.
pub type Handling<C = Gob> = Pin<Box<dyn Future<Output = Result<Reply<C>, String>> + Send>>;

/// The argument of a call, still encoded.
pub struct Args<'a, C: Codec = Gob> {
    pub(super) decoder: &'a mut C::Decoder,
    pub(super) state: &'a mut ArgsState,
    pub(super) request: &'a Request,
}

/// How far the argument of a request has been read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ArgsState {
    Unread,
    /// Found after a panic: nobody knows where the decoder stands.
    Decoding,
    Consumed,
}

impl<C: Codec> Args<'_, C> {
    /// Decodes the argument.
    ///
    /// # Errors
    /// It is not a `T`. Return the error from [`Service::dispatch`]: its text is the one that Go's server answers with.
    pub fn decode<T: DeserializeOwned>(self) -> Result<T, DispatchError> {
        self.consume(|decoder| decoder.decode())
    }

    /// Skips the argument, whatever it is.
    ///
    /// # Errors
    /// It is malformed.
    pub fn discard(self) -> Result<(), DispatchError> {
        self.consume(|decoder| decoder.discard())
    }

    /// The error of a method that does not exist, with Go's text.
    pub fn unknown_method(self) -> DispatchError {
        DispatchError::new(message::unknown_method(self.service_method()))
    }

    /// `Service.Method` as the caller wrote it.
    pub fn service_method(&self) -> &str {
        &self.request.service_method
    }

    /// `traceparent` and `tracestate`, as the caller wrote them and nobody has checked them, if [it says](crate::ClientBuilder::send_trace)
    /// where its call belongs.
    pub fn trace(&self) -> Option<(&str, &str)> {
        let Request { trace_parent, trace_state, .. } = self.request;
        (!trace_parent.is_empty()).then_some((trace_parent, trace_state))
    }

    fn consume<T>(
        self,
        read: impl FnOnce(&mut C::Decoder) -> Result<T, CodecError>,
    ) -> Result<T, DispatchError> {
        *self.state = ArgsState::Decoding;
        let result = read(self.decoder);
        *self.state = ArgsState::Consumed;
        result.map_err(DispatchError::from_codec)
    }
}

impl<C: Codec> fmt::Debug for Args<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Args").field("service_method", &self.service_method()).finish_non_exhaustive()
    }
}

type EncodeReply<C> =
    Box<dyn FnOnce(&mut <C as Codec>::Encoder, &mut Vec<u8>) -> Result<(), CodecError> + Send>;

/// The result of a call, to be encoded when it is its turn.
pub struct Reply<C: Codec = Gob> {
    pub(super) encode: EncodeReply<C>,
}

impl<C: Codec> Reply<C> {
    /// Replies with `value`. If it cannot be encoded, the caller gets that as an error reply.
    pub fn new<T: Serialize + GobType + Send + 'static>(value: T) -> Self {
        Self { encode: Box::new(move |encoder, out| encoder.encode(&value, out)) }
    }

    /// Replies with Go's `struct{}`.
    pub fn empty() -> Self {
        Self::new(serde_gob::Empty)
    }
}

impl<C: Codec> fmt::Debug for Reply<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}

/// Why a request got no further than [`Service::dispatch`]. Its text is what the caller gets.
#[derive(Debug)]
pub struct DispatchError {
    pub(super) text: String,
    /// Set if the stream cannot be read on.
    pub(super) fatal: Option<CodecError>,
}

impl DispatchError {
    /// An error reply with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), fatal: None }
    }

    pub(super) fn from_codec(error: CodecError) -> Self {
        let text = error.to_string();
        Self { text, fatal: error.is_fatal().then_some(error) }
    }
}

impl fmt::Display for DispatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for DispatchError {}
