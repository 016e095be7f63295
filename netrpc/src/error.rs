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
    Ended(Error),
    #[error("unexpected EOF")]
    Eof,
    #[error("{0}")]
    Io(Arc<io::Error>),
    #[error("call of {method} timed out after {after:?}")]
    Timeout { method: String, after: Duration },
    #[error("call was cancelled: the task of its connection was dropped, or panicked")]
    Cancelled,
    #[error("{0}")]
    Encode(Arc<CodecError>),
    #[error("{0}")]
    Header(Arc<CodecError>),
    #[error("reading body {0}")]
    Body(Arc<CodecError>),
    #[error("reading body unexpected EOF")]
    BodyEof,
    #[error("rpc: server cannot decode request: {0}")]
    Request(Arc<CodecError>),
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
    /// The `io::Error` or the codec's own error (for [`Gob`](crate::Gob) a `serde_gob::Error`) behind this one; behind
    /// `connection is shut down` the [`Error`] that ended the connection.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.0 {
            Kind::Ended(reason) => Some(reason),
            Kind::Io(e) => Some(&**e),
            Kind::Encode(e) | Kind::Header(e) | Kind::Body(e) | Kind::Request(e) => e.source(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which questions an error answers with yes, as letters: remote, shutdown, Disconnected, timeout, cancelled, encode,
    /// decode, misuse.
    fn answers(error: &Error) -> String {
        let answers = [
            (error.is_remote(), 'r'),
            (error.is_shutdown(), 's'),
            (error.is_disconnected(), 'D'),
            (error.is_timeout(), 't'),
            (error.is_cancelled(), 'c'),
            (error.is_encode(), 'e'),
            (error.is_decode(), 'd'),
            (error.is_misuse(), 'm'),
        ];
        answers.iter().filter(|(yes, _)| *yes).map(|(_, letter)| letter).collect()
    }

    #[test]
    fn every_error_says_what_go_says_and_answers_questions() {
        let codec = || Arc::new(CodecError::value("gob: duplicate type received"));
        let io = |kind| Error::io(io::Error::new(kind, "broken pipe"));
        let later = |kind| Error::new(kind).for_later_calls();
        let timeout = Kind::Timeout { method: "A.B".into(), after: Duration::from_millis(1500) };
        let cancelled = "call was cancelled: the task of its connection was dropped, or panicked";
        let rows = [
            (Error::new(Kind::Remote("divide by zero".into())), "r", "divide by zero"),
            (Error::new(Kind::Shutdown), "s", "connection is shut down"),
            (later(Kind::Shutdown), "s", "connection is shut down"),
            (Error::new(Kind::Eof), "D", "unexpected EOF"),
            (later(Kind::Eof), "sD", "connection is shut down"),
            (Error::new(Kind::BodyEof), "D", "reading body unexpected EOF"),
            (io(io::ErrorKind::BrokenPipe), "D", "broken pipe"),
            (io(io::ErrorKind::UnexpectedEof), "D", "unexpected EOF"),
            (Error::new(timeout), "t", "call of A.B timed out after 1.5s"),
            (Error::new(Kind::Cancelled), "c", cancelled),
            (later(Kind::Cancelled), "sc", "connection is shut down"),
            (Error::new(Kind::Encode(codec())), "e", "gob: duplicate type received"),
            (Error::new(Kind::Header(codec())), "d", "gob: duplicate type received"),
            (Error::new(Kind::Body(codec())), "d", "reading body gob: duplicate type received"),
            (later(Kind::Body(codec())), "sd", "connection is shut down"),
            (
                Error::new(Kind::Request(codec())),
                "d",
                "rpc: server cannot decode request: gob: duplicate type received",
            ),
            (Error::new(Kind::Misuse("do this".into())), "m", "do this"),
        ];
        for (error, expected, text) in rows {
            assert_eq!(error.to_string(), text);
            assert_eq!(answers(&error), expected, "{text}");
        }
    }

    #[test]
    fn later_calls_learn_the_first_reason() {
        let reason = Error::io(io::Error::from(io::ErrorKind::ConnectionReset));
        let later = reason.for_later_calls().for_later_calls();
        assert_eq!(later.to_string(), "connection is shut down");
        assert_eq!(later.source().unwrap().to_string(), reason.to_string());
        assert!(later.source().unwrap().source().unwrap().is::<io::Error>());
        let gob = serde_gob::from_slice::<bool>(b"\x03\x04\x00\x06").unwrap_err();
        let body = Error::new(Kind::Body(Arc::new(gob.into())));
        assert!(body.source().unwrap().is::<serde_gob::Error>());
    }

    #[test]
    fn error_is_one_word_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
