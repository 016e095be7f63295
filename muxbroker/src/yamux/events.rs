//! What the application is told.

use std::time::Duration;

/// Names a stream on this side for as long as somebody uses it. Unlike the stream's id on the wire it is never
/// used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey(pub(crate) u64);

/// Something the application waits for.
///
/// Readiness is told once after a call that had to wait, and not again until another call had to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A read that had to wait can go on, if only to fail.
    Readable(StreamKey),
    /// A write that had to wait can go on, if only to fail.
    Writable(StreamKey),
    /// One more stream of the peer waits to be accepted.
    Acceptable,
    /// One of the streams opened here was accepted or is gone: another may be opened.
    OpenPermit,
    /// The peer takes no more streams: opening fails from now on.
    GoAway,
    /// A ping was answered.
    Pong {
        /// What [`ping`](super::Connection::ping) returned.
        id: u32,
        /// The time since then.
        rtt: Duration,
    },
    /// A ping was not answered in time. The session goes on.
    PingTimeout {
        /// What [`ping`](super::Connection::ping) returned.
        id: u32,
    },
    /// The session is over, see [`Connection::end`](super::Connection::end). Told once.
    Ended,
}
