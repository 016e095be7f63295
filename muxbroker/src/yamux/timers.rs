//! Deadlines of a session, in order of time.

use std::collections::BTreeSet;
use std::time::Instant;

use super::StreamKey;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The peer has not accepted this stream.
    Open(StreamKey),
    /// The peer has not finished this stream, which nobody uses here any more.
    Close(StreamKey),
    /// Nobody has answered the user's ping.
    Ping(u32),
    /// It is time to ask whether the peer is alive.
    Keepalive,
    /// The peer should have been heard of since.
    KeepaliveAnswer,
}

#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Instant, Timer)>);

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(crate) fn cancel(&mut self, at: Instant, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Removes and returns the earliest timer that is due, with its deadline.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<(Instant, Timer)> {
        let first = *self.0.first()?;
        if first.0 > now {
            return None;
        }
        self.0.pop_first();
        Some(first)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
