//! Deadlines of a session, in order of time.

use std::collections::BTreeSet;
use std::time::Instant;

use super::StreamKey;
use super::connection::Connection;
use super::events::Event;
use crate::error::{Error, Kind};

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

impl Connection {
    /// When [`handle_timeout`](Self::handle_timeout) is to be called, unless something else happens before.
    pub fn next_timeout(&self) -> Option<Instant> {
        let stall = self.output.stalls_at(self.config.connection_write_timeout);
        match (self.timers.next(), stall) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Does what is due at `now`; early and late calls do no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        while self.end.is_none()
            && let Some((at, timer)) = self.timers.expired(now)
        {
            match timer {
                Timer::Open(key) => {
                    tracing::warn!("yamux: aborted stream open: the peer did not accept it in time");
                    self.reset_with(key, Error::new(Kind::OpenTimeout));
                }
                Timer::Close(key) => self.reset_with(key, Error::new(Kind::Reset)),
                Timer::Ping(id) => {
                    if self.liveness.forget(id).is_some() {
                        self.events.push_back(Event::PingTimeout { id });
                    }
                }
                Timer::Keepalive => self.ask_for_life(now),
                Timer::KeepaliveAnswer => self.judge_silence(at, now),
            }
        }
        while self.output.stalls_at(self.config.connection_write_timeout).is_some_and(|at| at <= now)
            && let Some(key) = self.output.next_waiting()
        {
            self.leave_line(key, true);
        }
    }
}
