//! What can go wrong, and whose fault it was.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A failure of a session, a stream or the broker. Ask it questions instead of matching on it.
///
/// Texts are those of `hashicorp/yamux` and `go-plugin` where these have one. A stream's `AsyncRead` and
/// `AsyncWrite` return it inside an [`io::Error`]; [`Error::from_io`] finds it there.
#[derive(Clone)]
pub struct Error(Arc<Repr>);

struct Repr {
    kind: Kind,
    source: Option<io::Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Reset,
    RemoteClosed,
    ConnectionLost,
    LocalClosed,
    StreamClosed,
    KeepaliveTimeout,
    WriteTimeout,
    OpenTimeout,
    PingTimeout,
    RemoteGoAway,
    StreamsExhausted,
    Protocol(Violation),
    /// The peer ended the session with a go-away of this code.
    PeerFailed(u32),
    /// The reader or writer that was carried to the other side failed.
    Carried,
    /// What served a brokered stream panicked.
    Panicked,
    StoreTimeout(Duration),
    AcceptTimeout,
    DialTimeout(u32, Duration),
    NotAccepted(u32),
    BadAck {
        got: u32,
        expected: u32,
    },
}

/// How a peer broke the yamux protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// The version byte is not 0.
    Version,
    /// The frame type is above 3.
    FrameType,
    /// More data than the receive window had room for.
    WindowExceeded,
    /// A credit that takes the send window past 2³² − 1 bytes.
    WindowOverflow,
    /// A stream id that is in use was opened again.
    DuplicateStream,
    /// A stream id of zero or of our own parity was opened.
    StreamId,
    /// A second FIN on one stream.
    UnexpectedFlag,
    /// The peer keeps asking and never reads the answers.
    Flood,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "invalid protocol version",
            Self::FrameType => "invalid msg type",
            Self::WindowExceeded => "recv window exceeded",
            Self::WindowOverflow => "send window overflow",
            Self::DuplicateStream => "duplicate stream initiated",
            Self::StreamId => "invalid stream id",
            Self::UnexpectedFlag => "unexpected flag",
            Self::Flood => "peer floods the session and does not read the answers",
        })
    }
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(Arc::new(Repr { kind, source: None }))
    }

    pub(crate) fn lost(source: io::Error) -> Self {
        Self(Arc::new(Repr { kind: Kind::ConnectionLost, source: Some(source) }))
    }

    pub(crate) fn carried(source: io::Error) -> Self {
        Self(Arc::new(Repr { kind: Kind::Carried, source: Some(source) }))
    }

    /// The error inside an I/O error of one of our streams.
    pub(crate) fn of_stream(error: io::Error) -> Self {
        Self::from_io(&error).cloned().unwrap_or_else(|| Self::lost(error))
    }

    /// Finds the `Error` inside an I/O error that came from a [`Stream`](crate::Stream).
    pub fn from_io(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The peer reset this stream; the session lives on. Go: `ErrConnectionReset`.
    pub fn is_reset(&self) -> bool {
        self.0.kind == Kind::Reset
    }

    /// The peer closed the connection between two frames, without finishing this stream: it ended the session in
    /// good order or died.
    pub fn is_remote_closed(&self) -> bool {
        self.0.kind == Kind::RemoteClosed
    }

    /// The connection under the session failed, or ended in the middle of a frame. See
    /// [`source`](std::error::Error::source) for the I/O error.
    pub fn is_connection_lost(&self) -> bool {
        self.0.kind == Kind::ConnectionLost
    }

    /// This side closed the session, or all of its handles were dropped. Go: `ErrSessionShutdown`.
    pub fn is_local_closed(&self) -> bool {
        self.0.kind == Kind::LocalClosed
    }

    /// A write on a stream that this side has already finished. Go: `ErrStreamClosed`.
    pub fn is_stream_closed(&self) -> bool {
        self.0.kind == Kind::StreamClosed
    }

    /// The peer did not answer a keepalive ping; the session is over. Go: `ErrKeepAliveTimeout`.
    pub fn is_keepalive_timeout(&self) -> bool {
        self.0.kind == Kind::KeepaliveTimeout
    }

    /// The connection took no byte for the write timeout. Nothing of this write was sent; stream and session
    /// are intact and the write may be tried again. Go: `ErrConnectionWriteTimeout`.
    pub fn is_write_timeout(&self) -> bool {
        self.0.kind == Kind::WriteTimeout
    }

    /// The peer did not accept this stream in time; only this stream was reset.
    pub fn is_open_timeout(&self) -> bool {
        self.0.kind == Kind::OpenTimeout
    }

    /// Some deadline passed: keepalive, write, open, ping, broker accept, broker dial, carried writer.
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::KeepaliveTimeout
                | Kind::WriteTimeout
                | Kind::OpenTimeout
                | Kind::PingTimeout
                | Kind::StoreTimeout(_)
                | Kind::AcceptTimeout
                | Kind::DialTimeout(..)
        )
    }

    /// The reader or writer that was carried to the other side failed, not the stream that carried it. See
    /// [`source`](std::error::Error::source) for its error.
    pub fn is_carried(&self) -> bool {
        self.0.kind == Kind::Carried
    }

    /// The peer broke the yamux protocol; the session is over. See [`violation`](Self::violation).
    pub fn is_protocol(&self) -> bool {
        matches!(self.0.kind, Kind::Protocol(_))
    }

    /// How the peer broke the protocol.
    pub fn violation(&self) -> Option<Violation> {
        match self.0.kind {
            Kind::Protocol(violation) => Some(violation),
            _ => None,
        }
    }

    /// The peer takes no more streams, though those that exist live on. Go: `ErrRemoteGoAway`.
    pub fn is_go_away(&self) -> bool {
        self.0.kind == Kind::RemoteGoAway
    }

    /// The peer ended the session and said that it failed or that we broke the protocol.
    pub fn is_peer_failure(&self) -> bool {
        matches!(self.0.kind, Kind::PeerFailed(_))
    }

    /// The other side did not take the broker id that was dialled, or answered with another one.
    pub fn is_not_accepted(&self) -> bool {
        matches!(self.0.kind, Kind::NotAccepted(_) | Kind::DialTimeout(..) | Kind::BadAck { .. })
    }

    /// The whole session is over, not only one stream or one call.
    pub fn is_session_over(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::RemoteClosed
                | Kind::ConnectionLost
                | Kind::LocalClosed
                | Kind::KeepaliveTimeout
                | Kind::Protocol(_)
                | Kind::PeerFailed(_)
        )
    }

    fn io_kind(&self) -> io::ErrorKind {
        match self.0.kind {
            Kind::Reset => io::ErrorKind::ConnectionReset,
            Kind::RemoteClosed => io::ErrorKind::UnexpectedEof,
            Kind::ConnectionLost | Kind::Carried => {
                self.0.source.as_ref().map_or(io::ErrorKind::Other, io::Error::kind)
            }
            Kind::LocalClosed => io::ErrorKind::NotConnected,
            Kind::StreamClosed => io::ErrorKind::BrokenPipe,
            Kind::KeepaliveTimeout
            | Kind::WriteTimeout
            | Kind::OpenTimeout
            | Kind::PingTimeout
            | Kind::StoreTimeout(_)
            | Kind::AcceptTimeout
            | Kind::DialTimeout(..) => io::ErrorKind::TimedOut,
            Kind::RemoteGoAway | Kind::NotAccepted(_) => io::ErrorKind::ConnectionRefused,
            Kind::Protocol(_) | Kind::BadAck { .. } => io::ErrorKind::InvalidData,
            Kind::PeerFailed(_) => io::ErrorKind::ConnectionAborted,
            Kind::StreamsExhausted | Kind::Panicked => io::ErrorKind::Other,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind {
            Kind::Reset => f.write_str("connection reset"),
            Kind::RemoteClosed => f.write_str("EOF"),
            Kind::ConnectionLost => match &self.0.source {
                Some(source) => write!(f, "connection lost: {source}"),
                None => f.write_str("connection lost"),
            },
            Kind::Carried => match &self.0.source {
                Some(source) => write!(f, "carried stream: {source}"),
                None => f.write_str("carried stream failed"),
            },
            Kind::Panicked => f.write_str("the server of the brokered stream panicked"),
            Kind::StoreTimeout(after) => write!(f, "carried writer did not store all within {after:?}"),
            Kind::LocalClosed => f.write_str("session shutdown"),
            Kind::StreamClosed => f.write_str("stream closed"),
            Kind::KeepaliveTimeout => f.write_str("keepalive timeout"),
            Kind::WriteTimeout => f.write_str("connection write timeout"),
            Kind::OpenTimeout | Kind::PingTimeout => f.write_str("i/o deadline reached"),
            Kind::RemoteGoAway => f.write_str("remote end is not accepting connections"),
            Kind::StreamsExhausted => f.write_str("streams exhausted"),
            Kind::Protocol(violation) => violation.fmt(f),
            Kind::PeerFailed(1) => f.write_str("yamux protocol error"),
            Kind::PeerFailed(2) => f.write_str("remote yamux internal error"),
            Kind::PeerFailed(_) => f.write_str("unexpected go away received"),
            Kind::AcceptTimeout => f.write_str("timeout waiting for accept"),
            Kind::DialTimeout(id, after) => {
                write!(f, "timeout dialing broker id {id}: no answer in {after:?}")
            }
            Kind::NotAccepted(id) => write!(f, "broker id {id} was not accepted by the other side"),
            Kind::BadAck { got, expected } => write!(f, "bad ack: {got} (expected {expected})"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("kind", &self.0.kind).field("source", &self.0.source).finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|e| e as _)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.io_kind(), error)
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::new(Kind::Protocol(violation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    /// Which questions an error answers with yes, as letters.
    fn answers(error: &Error) -> String {
        let answers = [
            (error.is_reset(), 'r'),
            (error.is_remote_closed(), 'C'),
            (error.is_connection_lost(), 'L'),
            (error.is_local_closed(), 'l'),
            (error.is_stream_closed(), 'c'),
            (error.is_keepalive_timeout(), 'k'),
            (error.is_write_timeout(), 'w'),
            (error.is_open_timeout(), 'o'),
            (error.is_timeout(), 't'),
            (error.is_carried(), 'x'),
            (error.is_protocol(), 'p'),
            (error.is_go_away(), 'g'),
            (error.is_peer_failure(), 'f'),
            (error.is_not_accepted(), 'n'),
            (error.is_session_over(), 'S'),
        ];
        answers.iter().filter(|(yes, _)| *yes).map(|(_, letter)| letter).collect()
    }

    #[test]
    fn every_error_says_what_go_says_answers_questions_and_has_a_kind_for_readers() {
        use io::ErrorKind::*;
        let new = Error::new;
        let seconds = Duration::from_secs;
        let rows = [
            (new(Kind::Reset), "r", ConnectionReset, "connection reset"),
            (new(Kind::RemoteClosed), "CS", UnexpectedEof, "EOF"),
            (Error::lost(BrokenPipe.into()), "LS", BrokenPipe, "connection lost: broken pipe"),
            (Error::carried(NotFound.into()), "x", NotFound, "carried stream: entity not found"),
            (new(Kind::LocalClosed), "lS", NotConnected, "session shutdown"),
            (new(Kind::StreamClosed), "c", BrokenPipe, "stream closed"),
            (new(Kind::KeepaliveTimeout), "ktS", TimedOut, "keepalive timeout"),
            (new(Kind::WriteTimeout), "wt", TimedOut, "connection write timeout"),
            (new(Kind::OpenTimeout), "ot", TimedOut, "i/o deadline reached"),
            (new(Kind::PingTimeout), "t", TimedOut, "i/o deadline reached"),
            (
                new(Kind::StoreTimeout(seconds(30))),
                "t",
                TimedOut,
                "carried writer did not store all within 30s",
            ),
            (new(Kind::AcceptTimeout), "t", TimedOut, "timeout waiting for accept"),
            (
                new(Kind::DialTimeout(7, seconds(10))),
                "tn",
                TimedOut,
                "timeout dialing broker id 7: no answer in 10s",
            ),
            (
                new(Kind::NotAccepted(7)),
                "n",
                ConnectionRefused,
                "broker id 7 was not accepted by the other side",
            ),
            (new(Kind::BadAck { got: 8, expected: 7 }), "n", InvalidData, "bad ack: 8 (expected 7)"),
            (new(Kind::RemoteGoAway), "g", ConnectionRefused, "remote end is not accepting connections"),
            (new(Kind::StreamsExhausted), "", Other, "streams exhausted"),
            (new(Kind::Panicked), "", Other, "the server of the brokered stream panicked"),
            (new(Kind::PeerFailed(1)), "fS", ConnectionAborted, "yamux protocol error"),
            (new(Kind::PeerFailed(2)), "fS", ConnectionAborted, "remote yamux internal error"),
            (new(Kind::PeerFailed(3)), "fS", ConnectionAborted, "unexpected go away received"),
        ];
        for (error, letters, kind, text) in rows {
            assert_eq!((answers(&error).as_str(), error.to_string().as_str()), (letters, text));
            assert_eq!(error.violation(), None, "{text}");
            let outside = io::Error::from(error);
            assert_eq!(outside.kind(), kind, "{text}");
            let inside = Error::from_io(&outside).expect("the error is inside");
            assert_eq!(inside.to_string(), text);
            assert_eq!(Error::of_stream(outside).to_string(), text);
        }
    }

    #[test]
    fn violations_are_the_peers_and_have_the_texts_of_go() {
        for (violation, text) in [
            (Violation::Version, "invalid protocol version"),
            (Violation::FrameType, "invalid msg type"),
            (Violation::WindowExceeded, "recv window exceeded"),
            (Violation::WindowOverflow, "send window overflow"),
            (Violation::DuplicateStream, "duplicate stream initiated"),
            (Violation::StreamId, "invalid stream id"),
            (Violation::UnexpectedFlag, "unexpected flag"),
            (Violation::Flood, "peer floods the session and does not read the answers"),
        ] {
            let error = Error::from(violation);
            assert_eq!((answers(&error).as_str(), error.to_string().as_str()), ("pS", text));
            assert_eq!(error.violation(), Some(violation));
        }
    }

    #[test]
    fn an_io_error_behind_an_error_is_its_source_and_a_foreign_one_is_a_lost_connection() {
        let foreign = io::Error::new(io::ErrorKind::NotFound, "no such thing");
        assert!(Error::from_io(&foreign).is_none());
        let lost = Error::of_stream(foreign);
        assert!(lost.is_connection_lost());
        assert_eq!(lost.source().expect("the I/O error").to_string(), "no such thing");
        assert!(Error::new(Kind::Reset).source().is_none());
        let printed = format!("{lost:?}");
        assert!(printed.contains("ConnectionLost") && printed.contains("no such thing"), "{printed}");
    }
}
