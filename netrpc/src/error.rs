//! The one error of this crate: opaque, asked with methods instead of matched on.

use std::{error::Error as StdError, fmt, io, sync::Arc, time::Duration};

use crate::codec::CodecError;

/// What fallible functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any failure of this crate. Ask it questions instead of parsing its text.
///
/// The text is the one that Go's `net/rpc` gives in the same situation, so it can be shown to, and compared by, people who know Go.
/// It is cheap to clone: one connection failure is handed to every call it ends.
#[derive(Clone)]
pub struct Error(Box<Kind>);

#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("{0}")]
    Remote(String),
    #[error("connection is shut down")]
    Shutdown,
    #[error("connection is shut down")]
    Ended(#[source] Error),
    #[error("unexpected EOF")]
    Eof,
    #[error("{0}")]
    Io(#[source] Arc<io::Error>),
    #[error("call of {method} timed out after {after:?}")]
    Timeout { method: String, after: Duration },
    #[error("call was cancelled: the task of its connection was dropped, or panicked")]
    Cancelled,
    #[error("{0}")]
    Encode(#[source] Arc<CodecError>),
    #[error("{0}")]
    Header(#[source] Arc<CodecError>),
    #[error("reading body {0}")]
    Body(#[source] Arc<CodecError>),
    #[error("reading body unexpected EOF")]
    BodyEof,
    #[error("rpc: server cannot decode request: {0}")]
    Request(#[source] Arc<CodecError>),
    #[error("{0}")]
    Misuse(String),
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(Box::new(kind))
    }

    pub(crate) fn io(error: io::Error) -> Self {
        // A peer that vanished in the middle of a message reads like one that closed between two: Go says EOF for both.
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::new(Kind::Eof),
            _ => Self::new(Kind::Io(Arc::new(error))),
        }
    }

    /// What a call gets that is made after the connection ended with `self`.
    pub(crate) fn for_later_calls(&self) -> Self {
        match *self.0 {
            Kind::Shutdown | Kind::Ended(_) => self.clone(),
            _ => Self::new(Kind::Ended(self.clone())),
        }
    }

    /// The peer's handler (or its server) answered with this text: the connection is fine, and asking again gives the same answer.
    /// Go: `rpc.ServerError`.
    pub fn is_remote(&self) -> bool {
        matches!(*self.0, Kind::Remote(_))
    }

    /// The connection had ended before the call was made, or this side closed it under the call. Go: `rpc.ErrShutdown`.
    pub fn is_shutdown(&self) -> bool {
        matches!(*self.0, Kind::Shutdown | Kind::Ended(_))
    }

    /// The connection ended without this side closing it: the peer closed it, or reading or writing failed.
    /// True under a running call as well as for the calls made after it.
    pub fn is_disconnected(&self) -> bool {
        match &*self.0 {
            Kind::Eof | Kind::BodyEof | Kind::Io(_) => true,
            Kind::Ended(reason) => reason.is_disconnected(),
            _ => false,
        }
    }

    /// The deadline of the call passed. The peer may still be working on it.
    pub fn is_timeout(&self) -> bool {
        matches!(*self.0, Kind::Timeout { .. })
    }

    /// The call was given up on this side: the runtime that carried the connection was shut down, or the connection's task panicked.
    pub fn is_cancelled(&self) -> bool {
        match &*self.0 {
            Kind::Cancelled => true,
            Kind::Ended(reason) => reason.is_cancelled(),
            _ => false,
        }
    }

    /// The argument cannot be sent. Nothing of the call was written and the connection is fine.
    pub fn is_encode(&self) -> bool {
        matches!(*self.0, Kind::Encode(_))
    }

    /// Bytes of the peer did not decode, or not as the type asked for.
    pub fn is_decode(&self) -> bool {
        match &*self.0 {
            Kind::Header(_) | Kind::Body(_) | Kind::Request(_) => true,
            Kind::Ended(reason) => reason.is_decode(),
            _ => false,
        }
    }

    /// An option makes no sense; the text says what to change.
    pub fn is_misuse(&self) -> bool {
        matches!(*self.0, Kind::Misuse(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
