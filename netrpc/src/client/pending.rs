//! The calls that wait for their reply.

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::{
    codec::{CodecError, CodecScope, Decoder, in_scope},
    error::{Error, Kind, Result},
};

/// Where the reply of one call goes; it alone knows the type to decode.
pub(super) trait Waiter<D>: Send {
    /// Decodes the reply that is next in the decoder. An error is one that ends the connection.
    fn reply(self: Box<Self>, decoder: &mut D, scope: Option<&dyn CodecScope>) -> Result<()>;
    fn fail(self: Box<Self>, error: Error);
}

impl<D: Decoder, R: serde::de::DeserializeOwned + Send> Waiter<D> for oneshot::Sender<Result<R>> {
    fn reply(self: Box<Self>, decoder: &mut D, scope: Option<&dyn CodecScope>) -> Result<()> {
        if self.is_closed() {
            return discard(decoder);
        }
        let decoded = in_scope(scope, || decoder.decode()).and_then(|result| result);
        match decoded {
            Ok(value) => drop(self.send(Ok(value))),
            Err(e) => {
                let fatal = e.is_fatal();
                let error = body_error(e);
                drop(self.send(Err(error.clone())));
                if fatal {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn fail(self: Box<Self>, error: Error) {
        drop(self.send(Err(error)));
    }
}

/// Skips a body. A value that is merely odd is skipped all the same.
pub(super) fn discard<D: Decoder>(decoder: &mut D) -> Result<()> {
    decoder.discard().or_else(|e| if e.is_fatal() { Err(body_error(e)) } else { Ok(()) })
}

pub(super) fn body_error(e: CodecError) -> Error {
    Error::new(Kind::Body(e.into()))
}

/// The table of waiting calls, until the connection ends.
pub(super) enum Pending<D> {
    Open(HashMap<u64, Box<dyn Waiter<D>>>),
    /// With what a call gets that comes now.
    Ended(Error),
}

impl<D> Pending<D> {
    pub(super) fn new() -> Self {
        Self::Open(HashMap::new())
    }

    /// Enters a call.
    pub(super) fn insert(&mut self, seq: u64, waiter: Box<dyn Waiter<D>>) -> Result<()> {
        match self {
            Self::Open(calls) => {
                calls.insert(seq, waiter);
                Ok(())
            }
            Self::Ended(reason) => Err(reason.for_later_calls()),
        }
    }

    /// Takes a call out: to answer it, or because its caller is gone.
    pub(super) fn remove(&mut self, seq: u64) -> Option<Box<dyn Waiter<D>>> {
        match self {
            Self::Open(calls) => calls.remove(&seq),
            Self::Ended(_) => None,
        }
    }

    /// Ends the table; the first reason stays. Returns the calls that were waiting.
    pub(super) fn end(&mut self, reason: &Error) -> Vec<Box<dyn Waiter<D>>> {
        match self {
            Self::Open(calls) => {
                let calls = std::mem::take(calls);
                *self = Self::Ended(reason.clone());
                calls.into_values().collect()
            }
            Self::Ended(_) => Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Open(calls) => calls.len(),
            Self::Ended(_) => 0,
        }
    }

    /// Why the connection ended.
    pub(super) fn ended(&self) -> Option<&Error> {
        match self {
            Self::Open(_) => None,
            Self::Ended(reason) => Some(reason),
        }
    }
}
