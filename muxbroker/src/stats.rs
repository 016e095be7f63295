//! Counters of a session.

use std::time::Duration;

/// Counters of a session since it began, and its present state.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Streams that the wire knows at present, in either direction.
    pub streams: usize,
    /// Streams ever opened, by either side.
    pub streams_opened: u64,
    /// Payload bytes queued on all streams.
    pub bytes_sent: u64,
    /// Payload bytes received on all streams.
    pub bytes_received: u64,
    /// Data frames queued.
    pub frames_sent: u64,
    /// Frames of any type received.
    pub frames_received: u64,
    /// Bytes queued and not yet handed to the connection.
    pub queued: usize,
    /// Round trip of the last ping that was answered, the keepalive's included.
    pub rtt: Option<Duration>,
}
