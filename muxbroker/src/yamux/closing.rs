//! The state machine of one session: how streams and the session end.

use std::time::Instant;

use super::connection::Connection;
use super::events::{Event, StreamKey};
use super::header::{Flags, GoAwayCode, Header};
use super::stream::Owner;
use super::timers::Timer;
use crate::error::{Error, Kind, Violation};

/// Streams that nobody uses here but the peer has not finished. One more and the oldest is reset: a peer that
/// never finishes streams costs at most this many entries of some 200 bytes.
const MAX_ABANDONED: usize = 16 * 1024;

impl Connection {
    /// Sends FIN, once: this side writes no more. Does nothing on a stream that is finished or gone.
    pub fn finish(&mut self, key: StreamKey, now: Instant) {
        if self.end.is_some() {
            return;
        }
        let Some(stream) = self.streams.get_mut(&key) else { return };
        if stream.fin_sent || stream.failed.is_some() {
            return;
        }
        stream.fin_sent = true;
        self.output.push(Header::window_update(stream.id, Flags::FIN, 0));
        if stream.write_blocked {
            stream.write_blocked = false;
            self.events.push_back(Event::Writable(key));
        }
        self.after_close(key, now);
    }

    /// Nobody reads the stream any more, though it may still be written: what arrives is thrown away.
    pub fn stop_reading(&mut self, key: StreamKey, now: Instant) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        if stream.owner == Owner::Handle {
            stream.owner = Owner::WriteOnly;
            stream.read_blocked = false;
            stream.buffer.clear();
            self.discard_credit(key);
            self.after_close(key, now);
        }
    }

    /// Grants the peer credit for payload that is thrown away, so that it never waits for a reader that left.
    pub(super) fn discard_credit(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        if !stream.is_off_the_wire()
            && !stream.fin_received
            && let Some(credit) = stream.receive.grant_if_due(0)
        {
            self.output.push_urgent(Header::window_update(stream.id, Flags::NONE, credit));
        }
    }

    /// Resets the stream in both directions: the peer's reads and writes fail, and what it has not read of ours
    /// may be lost.
    pub fn reset(&mut self, key: StreamKey) {
        self.reset_with(key, Error::new(Kind::StreamClosed));
    }

    /// The application is done with the stream: finishes it if that was not done and forgets it as soon as the
    /// wire does.
    pub fn release(&mut self, key: StreamKey, now: Instant) {
        self.finish(key, now);
        let Some(stream) = self.streams.get_mut(&key) else { return };
        stream.owner = Owner::Nobody;
        stream.read_blocked = false;
        stream.write_blocked = false;
        stream.buffer.clear();
        if stream.is_off_the_wire() || self.end.is_some() {
            self.remove(key);
            return;
        }
        self.after_close(key, now);
        self.abandoned.insert(key);
        if self.abandoned.len() > MAX_ABANDONED
            && let Some(oldest) = self.abandoned.first().copied()
        {
            self.reset(oldest);
        }
    }

    /// Tells the peer to open no more streams; those it opens nevertheless are reset. Streams that exist live
    /// on, and this side may go on opening.
    pub fn go_away(&mut self) {
        if self.end.is_none() && !std::mem::replace(&mut self.local_go_away, true) {
            self.output.push(Header::go_away(GoAwayCode::Normal));
        }
    }

    /// Ends the session from this side. Frames that are queued should still be sent.
    pub fn close(&mut self) {
        self.terminate(Error::new(Kind::LocalClosed));
    }

    /// Ends the session because the connection failed. Nothing more can be sent.
    pub fn fail(&mut self, error: std::io::Error) {
        self.terminate(Error::lost(error));
        self.output.discard();
    }

    /// Resets a stream that the wire knows; nothing happens to any other.
    pub(super) fn reset_with(&mut self, key: StreamKey, why: Error) {
        let Some(stream) = self.streams.get(&key) else { return };
        if self.end.is_some() || stream.is_off_the_wire() {
            return;
        }
        self.output.push(Header::window_update(stream.id, Flags::RST, 0));
        self.stream_failed(key, why);
    }

    /// The stream ended by a reset from either side. What arrived before can still be read (Go throws it away).
    pub(super) fn stream_failed(&mut self, key: StreamKey, why: Error) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        stream.failed = Some(why);
        self.wake(key);
        self.leave_wire(key);
    }

    /// Tells a waiting reader and a waiting writer.
    pub(super) fn wake(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        if std::mem::take(&mut stream.read_blocked) {
            self.events.push_back(Event::Readable(key));
        }
        if std::mem::take(&mut stream.write_blocked) {
            self.events.push_back(Event::Writable(key));
        }
    }

    /// After FIN was sent or the reader left: the stream may be off the wire, or its close timer may start.
    fn after_close(&mut self, key: StreamKey, now: Instant) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        if stream.is_off_the_wire() {
            self.leave_wire(key);
        } else if stream.fin_sent
            && !stream.is_read()
            && stream.close_deadline.is_none()
            && let Some(timeout) = self.config.stream_close_timeout
        {
            stream.close_deadline = Some(now + timeout);
            self.timers.set(now + timeout, Timer::Close(key));
        }
    }

    /// The wire has done with the stream: its id is free and its permit goes back. The entry stays for a handle.
    pub(super) fn leave_wire(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        let owner = stream.owner;
        if let Some(at) = stream.close_deadline.take() {
            self.timers.cancel(at, Timer::Close(key));
        }
        // The peer may have opened another stream under the same id since this one left.
        let id = stream.id;
        if self.by_id.get(&id) == Some(&key) {
            self.by_id.remove(&id);
        }
        self.return_permit(key);
        match owner {
            Owner::Nobody => self.remove(key),
            Owner::Backlog => {
                self.backlog.retain(|k| *k != key);
                self.remove(key);
            }
            Owner::Handle | Owner::WriteOnly => {}
        }
    }

    fn remove(&mut self, key: StreamKey) {
        self.streams.remove(&key);
        self.abandoned.remove(&key);
    }

    /// The stream no longer counts as opened and not accepted.
    pub(super) fn return_permit(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        if let Some(at) = stream.open_deadline.take() {
            self.timers.cancel(at, Timer::Open(key));
        }
        if std::mem::take(&mut stream.unacked) {
            self.unacked -= 1;
            self.events.push_back(Event::OpenPermit);
        }
    }

    /// The peer broke the protocol: tell it and end.
    pub(super) fn violated(&mut self, violation: Violation) {
        tracing::error!("yamux: {violation}");
        self.output.push(Header::go_away(GoAwayCode::ProtocolError));
        self.terminate(violation.into());
    }

    /// Ends the session, once; everybody who waits is told.
    pub(super) fn terminate(&mut self, why: Error) {
        if self.end.is_some() {
            return;
        }
        self.end = Some(why);
        self.timers.clear();
        for key in std::mem::take(&mut self.backlog) {
            self.streams.remove(&key);
        }
        self.streams.retain(|_, stream| stream.owner != Owner::Nobody);
        self.by_id.clear();
        self.abandoned.clear();
        while self.output.next_waiting().is_some() {}
        let keys: Vec<_> = self.streams.keys().copied().collect();
        for key in keys {
            self.wake(key);
        }
        self.events.push_back(Event::Ended);
    }
}
