//! The state machine of one session: what the application and the clock ask of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::IoSlice;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use super::events::{Event, StreamKey};
use super::flow::ReceiveWindow;
use super::header::{Flags, Header};
use super::liveness::Liveness;
use super::output::{MAX_PAYLOAD, Output};
use super::stream::{Owner, Stream};
use super::timers::{Timer, Timers};
use crate::config::{Config, INITIAL_WINDOW};
use crate::error::{Error, Kind};
use crate::stats::Stats;

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
    pub(super) abandoned: BTreeSet<StreamKey>,
    pub(super) local_go_away: bool,
    pub(super) remote_go_away: bool,
    pub(super) end: Option<Error>,
    pub(super) payload: super::input::Payload,
    pub(super) output: Output,
    pub(super) timers: Timers,
    pub(super) liveness: Liveness,
    pub(super) keepalive_timer: Option<(Instant, Timer)>,
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
                && stream.failed.is_none()
                && self.end.is_none()
                && let Some(credit) = stream.receive.grant_to_reader(stream.buffer.len())
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

    /// Names the data that is queued or being sent now; [`is_sent`](Self::is_sent) tells when it is through.
    pub fn output_mark(&self) -> u64 {
        self.output.mark()
    }

    /// Whether everything up to `mark` was taken and the batch that held it sent: the driver asked for the next one.
    pub fn is_sent(&self, mark: u64) -> bool {
        self.output.is_sent(mark)
    }

    /// The connection took some of the last batch.
    pub fn output_progressed(&mut self, now: Instant) {
        self.output.progressed(now);
    }

    /// The next thing that the application waits for.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(super) fn insert(&mut self, id: u32, owner: Owner) -> (StreamKey, &mut Stream) {
        let key = StreamKey(self.next_key);
        self.next_key += 1;
        self.by_id.insert(id, key);
        self.stats.streams_opened += 1;
        let window = ReceiveWindow::new(self.config.max_stream_window, self.config.grown_stream_window);
        let stream = Stream::new(id, window, owner);
        (key, self.streams.entry(key).or_insert(stream))
    }

    /// The writer of `key` leaves the line for the output queue. True if somebody was told.
    pub(super) fn leave_line(&mut self, key: StreamKey, stalled: bool) -> bool {
        let Some(stream) = self.streams.get_mut(&key) else { return false };
        stream.in_line = false;
        stream.stalled = stalled;
        let told = std::mem::take(&mut stream.write_blocked);
        if told {
            self.events.push_back(Event::Writable(key));
        }
        told
    }
}

const _: () = assert!(MAX_PAYLOAD <= INITIAL_WINDOW as usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_run_out_with_gos_error() {
        let now = Instant::now();
        for (role, last) in [(Role::Client, u32::MAX), (Role::Server, u32::MAX - 1)] {
            let mut connection = Connection::new(role, Config::default(), now);
            connection.next_id = Some(last);
            let key = connection.open(now).unwrap().unwrap();
            assert_eq!(connection.stream_id(key), Some(last));
            assert_eq!(connection.open(now).unwrap_err().to_string(), "streams exhausted");
            assert!(connection.end().is_none());
        }
    }
}
