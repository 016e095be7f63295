//! The state machine of one session: what the application and the clock ask of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::events::{Event, StreamKey};
use super::header::{Flags, GoAwayCode, Header};
use super::liveness::{Liveness, Ping};
use super::output::{MAX_PAYLOAD, Output};
use super::stream::{Owner, Stream};
use super::timers::{Timer, Timers};
use crate::config::{Config, INITIAL_WINDOW};
use crate::error::{Error, Kind, Violation};
use crate::stats::Stats;

/// Streams that nobody uses here but the peer has not finished. One more and the oldest is reset: a peer that
/// never finishes streams costs at most this many entries of some 200 bytes.
const MAX_ABANDONED: usize = 16 * 1024;

/// A keepalive deadline that is noticed this late says that this process was suspended, not that the peer is
/// dead: its answer may wait unread.
const SUSPENDED: Duration = Duration::from_secs(5);

/// Which end of the connection this is; it decides the ids of the streams opened here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Opens odd ids. go-plugin: the host.
    Client,
    /// Opens even ids. go-plugin: the plugin.
    Server,
}

/// What became of a [`write`](Connection::write).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// This many bytes were queued.
    Written(usize),
    /// The peer has to grant credit first; [`Event::Writable`] follows.
    NoCredit,
    /// The connection has to take queued frames first: call [`wait_for_room`](Connection::wait_for_room).
    QueueFull,
}

/// One yamux session, apart from I/O.
#[derive(Debug)]
pub struct Connection {
    pub(super) config: Config,
    pub(super) role: Role,
    pub(super) streams: BTreeMap<StreamKey, Stream>,
    /// The streams that the wire knows.
    pub(super) by_id: BTreeMap<u32, StreamKey>,
    next_key: u64,
    /// The id of the next stream opened here; `None` when they are used up.
    next_id: Option<u32>,
    pub(super) backlog: VecDeque<StreamKey>,
    pub(super) unacked: usize,
    abandoned: BTreeSet<StreamKey>,
    pub(super) local_go_away: bool,
    pub(super) remote_go_away: bool,
    pub(super) end: Option<Error>,
    pub(super) payload: super::input::Payload,
    pub(super) output: Output,
    pub(super) timers: Timers,
    pub(super) liveness: Liveness,
    keepalive_timer: Option<(Instant, Timer)>,
    pub(super) events: VecDeque<Event>,
    pub(super) stats: Stats,
}

impl Connection {
    /// A session that has just begun.
    pub fn new(role: Role, config: Config, now: Instant) -> Self {
        let config = config.clamped();
        let mut connection = Self {
            config,
            role,
            streams: BTreeMap::new(),
            by_id: BTreeMap::new(),
            next_key: 0,
            next_id: Some(if role == Role::Client { 1 } else { 2 }),
            backlog: VecDeque::new(),
            unacked: 0,
            abandoned: BTreeSet::new(),
            local_go_away: false,
            remote_go_away: false,
            end: None,
            payload: super::input::Payload::default(),
            output: Output::new(now),
            timers: Timers::default(),
            liveness: Liveness::new(now),
            keepalive_timer: None,
            events: VecDeque::new(),
            stats: Stats::default(),
        };
        connection.rest_keepalive(now);
        connection
    }

    /// Why the session is over, if it is.
    pub fn end(&self) -> Option<&Error> {
        self.end.as_ref()
    }

    /// Counters and the last round trip.
    pub fn stats(&self) -> Stats {
        Stats { streams: self.by_id.len(), rtt: self.liveness.rtt, queued: self.output.len(), ..self.stats }
    }

    // --- from the application ---

    /// Opens a stream; it can be written at once. At most `accept_backlog` may be open without the peer having
    /// accepted them: then this fails with `None` and [`Event::OpenPermit`] follows.
    ///
    /// # Errors
    /// The session is over, the peer takes no more streams, or the ids are used up.
    pub fn open(&mut self, now: Instant) -> Result<Option<StreamKey>, Error> {
        self.check_open()?;
        if self.unacked >= self.config.accept_backlog {
            return Ok(None);
        }
        let id = self.next_id.ok_or_else(|| Error::new(Kind::StreamsExhausted))?;
        self.next_id = id.checked_add(2);
        let deadline = self.config.stream_open_timeout.map(|timeout| now + timeout);
        let (key, stream) = self.insert(id, Owner::Handle);
        stream.unacked = true;
        stream.open_deadline = deadline;
        let credit = stream.receive.grant_now(0);
        self.unacked += 1;
        if let Some(deadline) = deadline {
            self.timers.set(deadline, Timer::Open(key));
        }
        self.output.push(Header::window_update(id, Flags::SYN, credit));
        Ok(Some(key))
    }

    /// Fails as [`open`](Self::open) would, whether a permit is free or not.
    ///
    /// # Errors
    /// The session is over or the peer takes no more streams.
    pub fn check_open(&self) -> Result<(), Error> {
        match &self.end {
            Some(end) => Err(end.clone()),
            None if self.remote_go_away => Err(Error::new(Kind::RemoteGoAway)),
            None => Ok(()),
        }
    }

    /// The next stream of the peer, which is told of its acceptance, or `None` if there is none yet.
    ///
    /// # Errors
    /// The session is over.
    pub fn accept(&mut self) -> Result<Option<StreamKey>, Error> {
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        let Some(key) = self.backlog.pop_front() else { return Ok(None) };
        let Some(stream) = self.streams.get_mut(&key) else { return Ok(None) };
        stream.owner = Owner::Handle;
        let credit = stream.receive.grant_now(stream.buffer.len());
        self.output.push(Header::window_update(stream.id, Flags::ACK, credit));
        Ok(Some(key))
    }

    /// The id of a stream on the wire.
    pub fn stream_id(&self, key: StreamKey) -> Option<u32> {
        self.streams.get(&key).map(|stream| stream.id)
    }

    /// Up to `max` received bytes; no bytes at all mean that the peer has finished the stream. `None`: nothing
    /// has arrived and [`Event::Readable`] follows.
    ///
    /// # Errors
    /// The stream was reset or the session ended before the peer had finished the stream.
    pub fn read(&mut self, key: StreamKey, max: usize) -> Result<Option<Bytes>, Error> {
        let Some(stream) = self.streams.get_mut(&key) else { return Err(Error::new(Kind::StreamClosed)) };
        if let Some(chunk) = stream.buffer.pop(max) {
            if !stream.fin_received
                && self.end.is_none()
                && let Some(credit) = stream.receive.grant_if_due(stream.buffer.len())
            {
                self.output.push_urgent(Header::window_update(stream.id, Flags::NONE, credit));
            }
            return Ok(Some(chunk));
        }
        if let Some(failed) = &stream.failed {
            return Err(failed.clone());
        }
        if stream.fin_received || max == 0 {
            return Ok(Some(Bytes::new()));
        }
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        stream.read_blocked = true;
        Ok(None)
    }

    /// Queues as many bytes of `payload` as credit, queue and frame size allow.
    ///
    /// # Errors
    /// The stream was finished or reset, the session is over, or the write stood in line for longer than the
    /// write timeout.
    pub fn write(&mut self, key: StreamKey, payload: &[IoSlice<'_>]) -> Result<WriteOutcome, Error> {
        let Some(stream) = self.streams.get_mut(&key) else { return Err(Error::new(Kind::StreamClosed)) };
        if let Some(failed) = &stream.failed {
            return Err(failed.clone());
        }
        if stream.fin_sent {
            return Err(Error::new(Kind::StreamClosed));
        }
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        let total: usize = payload.iter().map(|slice| slice.len()).sum();
        if total == 0 {
            return Ok(WriteOutcome::Written(0));
        }
        if stream.send.available() == 0 {
            stream.write_blocked = true;
            return Ok(WriteOutcome::NoCredit);
        }
        let stalled = std::mem::take(&mut stream.stalled);
        if self.output.is_full() {
            return if stalled { Err(Error::new(Kind::WriteTimeout)) } else { Ok(WriteOutcome::QueueFull) };
        }
        let n = total.min(stream.send.available()).min(MAX_PAYLOAD);
        stream.send.consume(n as u32);
        self.output.push_data(Header::data(stream.id, n as u32), payload);
        self.stats.frames_sent += 1;
        self.stats.bytes_sent += n as u64;
        Ok(WriteOutcome::Written(n))
    }

    /// After [`WriteOutcome::QueueFull`]: stands in line; [`Event::Writable`] follows.
    pub fn wait_for_room(&mut self, key: StreamKey, now: Instant) {
        if let Some(stream) = self.streams.get_mut(&key) {
            stream.write_blocked = true;
            if !std::mem::replace(&mut stream.in_line, true) {
                self.output.wait(key, now);
            }
        }
    }

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

    /// Asks the peer for a sign of life; [`Event::Pong`] or [`Event::PingTimeout`] follows.
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

    // --- to and from the clock ---

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
                Timer::Open(key) => self.reset_with(key, Error::new(Kind::OpenTimeout)),
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

    fn ask_for_life(&mut self, now: Instant) {
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
    fn judge_silence(&mut self, due: Instant, now: Instant) {
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

    // --- to the connection and the application ---

    /// There is something to send.
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Puts the next frames to be sent into `batch`, which must be empty. False if there are none.
    pub fn take_output(&mut self, batch: &mut BytesMut, now: Instant) -> bool {
        let taken = self.output.take(batch, now);
        let mut told = 0;
        // Once the queue is empty all are told, so that one whose caller gave up cannot keep the others waiting.
        while (!taken || self.output.has_room(told))
            && let Some(key) = self.output.next_waiting()
        {
            told += usize::from(self.leave_line(key, false));
        }
        taken
    }

    /// The connection took some of the last batch.
    pub fn output_progressed(&mut self, now: Instant) {
        self.output.progressed(now);
    }

    /// The next thing that the application waits for.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    // --- inside ---

    pub(super) fn insert(&mut self, id: u32, owner: Owner) -> (StreamKey, &mut Stream) {
        let key = StreamKey(self.next_key);
        self.next_key += 1;
        self.by_id.insert(id, key);
        self.stats.streams_opened += 1;
        let stream = Stream::new(id, self.config.max_stream_window, owner);
        (key, self.streams.entry(key).or_insert(stream))
    }

    /// The writer of `key` leaves the line for the output queue. True if somebody was told.
    fn leave_line(&mut self, key: StreamKey, stalled: bool) -> bool {
        let Some(stream) = self.streams.get_mut(&key) else { return false };
        stream.in_line = false;
        stream.stalled = stalled;
        let told = std::mem::take(&mut stream.write_blocked);
        if told {
            self.events.push_back(Event::Writable(key));
        }
        told
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

    /// The stream ended by a reset from either side.
    pub(super) fn stream_failed(&mut self, key: StreamKey, why: Error) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        stream.failed = Some(why);
        stream.buffer.clear();
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
        } else if stream.fin_sent && !stream.is_read() && stream.close_deadline.is_none() {
            if let Some(timeout) = self.config.stream_close_timeout {
                stream.close_deadline = Some(now + timeout);
                self.timers.set(now + timeout, Timer::Close(key));
            }
        }
    }

    /// The wire has done with the stream: its id is free and its permit goes back. The entry stays for a handle.
    pub(super) fn leave_wire(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        let owner = stream.owner;
        if let Some(at) = stream.close_deadline.take() {
            self.timers.cancel(at, Timer::Close(key));
        }
        self.by_id.remove(&stream.id);
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
}

const _: () = assert!(MAX_PAYLOAD <= INITIAL_WINDOW as usize);
