//! Pings: the user's, to measure the round trip, and the session's own, to notice a dead peer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::header::{Flags, Header};
use super::timers::Timer;
use crate::error::{Error, Kind};

/// A keepalive deadline that is noticed this late says that this process was suspended, not that the peer is
/// dead: its answer may wait unread.
const SUSPENDED: Duration = Duration::from_secs(5);

/// Who asked, and when.
#[derive(Debug)]
pub(crate) struct Ping {
    pub(crate) sent: Instant,
    /// When the user is told that no answer came; none for a keepalive.
    pub(crate) deadline: Option<Instant>,
    pub(crate) keepalive: bool,
}

#[derive(Debug)]
pub(crate) struct Liveness {
    next_ping: u32,
    pings: BTreeMap<u32, Ping>,
    /// When bytes last arrived.
    pub(crate) heard: Instant,
    pub(crate) rtt: Option<Duration>,
    /// The keepalive question under way.
    pub(crate) asked: Option<u32>,
}

impl Liveness {
    pub(crate) fn new(now: Instant) -> Self {
        Self { next_ping: 0, pings: BTreeMap::new(), heard: now, rtt: None, asked: None }
    }

    pub(crate) fn ask(&mut self, ping: Ping) -> u32 {
        // Numbers come round after 2³² pings; one that is still under way then is skipped.
        while self.pings.contains_key(&self.next_ping) {
            self.next_ping = self.next_ping.wrapping_add(1);
        }
        let id = self.next_ping;
        self.next_ping = id.wrapping_add(1);
        self.pings.insert(id, ping);
        id
    }

    /// The ping that `id` answers, if it is under way. Answers nobody asked for are ignored, as in Go.
    pub(crate) fn answered(&mut self, id: u32, now: Instant) -> Option<Ping> {
        let ping = self.pings.remove(&id)?;
        self.rtt = Some(now.saturating_duration_since(ping.sent));
        Some(ping)
    }

    pub(crate) fn forget(&mut self, id: u32) -> Option<Ping> {
        self.pings.remove(&id)
    }
}

impl Connection {
    /// Asks the peer for a sign of life; [`Event::Pong`](super::Event::Pong) or
    /// [`Event::PingTimeout`](super::Event::PingTimeout) follows.
    ///
    /// # Errors
    /// The session is over.
    pub fn ping(&mut self, now: Instant) -> Result<u32, Error> {
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        let deadline = self.config.keepalive_timeout.map(|timeout| now + timeout);
        let id = self.liveness.ask(Ping { sent: now, deadline, keepalive: false });
        if let Some(deadline) = deadline {
            self.timers.set(deadline, Timer::Ping(id));
        }
        self.output.push_urgent(Header::ping(Flags::SYN, id));
        Ok(id)
    }

    /// Nobody waits for the answer any more.
    pub fn cancel_ping(&mut self, id: u32) {
        if let Some(Ping { deadline: Some(deadline), .. }) = self.liveness.forget(id) {
            self.timers.cancel(deadline, Timer::Ping(id));
        }
    }

    pub(super) fn ask_for_life(&mut self, now: Instant) {
        if let Some(unanswered) = self.liveness.asked.take() {
            self.liveness.forget(unanswered);
        }
        let id = self.liveness.ask(Ping { sent: now, deadline: None, keepalive: true });
        self.liveness.asked = Some(id);
        self.output.push_urgent(Header::ping(Flags::SYN, id));
        match self.config.keepalive_timeout {
            Some(timeout) => self.arm_keepalive(now + timeout, Timer::KeepaliveAnswer),
            None => self.rest_keepalive(now),
        }
    }

    /// The session has one keepalive timer at a time.
    fn arm_keepalive(&mut self, at: Instant, timer: Timer) {
        if let Some((at, timer)) = self.keepalive_timer.replace((at, timer)) {
            self.timers.cancel(at, timer);
        }
        self.timers.set(at, timer);
    }

    /// The next keepalive is one interval away.
    pub(super) fn rest_keepalive(&mut self, now: Instant) {
        if let Some(interval) = self.config.keepalive_interval {
            self.arm_keepalive(now + interval, Timer::Keepalive);
        }
    }

    /// The keepalive's answer is due. A peer that sends other things meanwhile is alive, even if its answer
    /// waits behind them.
    pub(super) fn judge_silence(&mut self, due: Instant, now: Instant) {
        let Some(timeout) = self.config.keepalive_timeout else { return };
        let alive_until = self.liveness.heard + timeout;
        if alive_until > now {
            self.arm_keepalive(alive_until, Timer::KeepaliveAnswer);
        } else if now.saturating_duration_since(due) > SUSPENDED {
            self.arm_keepalive(now + timeout, Timer::KeepaliveAnswer);
        } else {
            tracing::error!("yamux: keepalive failed: i/o deadline reached");
            self.terminate(Error::new(Kind::KeepaliveTimeout));
            self.output.discard();
        }
    }
}
