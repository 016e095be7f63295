//! Pings: the user's, to measure the round trip, and the session's own, to notice a dead peer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

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
