//! The state machine of one session: what arrives from the peer.

use std::io;
use std::time::Instant;

use bytes::{Buf, BytesMut};

use super::connection::{Connection, Role};
use super::events::{Event, StreamKey};
use super::header::{Flags, FrameType, HEADER_LEN, Header};
use super::stream::Owner;
use crate::error::{Error, Kind, Violation};

/// What is still to come of the data frame that is arriving.
#[derive(Debug, Default)]
pub(super) struct Payload {
    left: u32,
    /// Whose it is; `None` for a stream that is gone.
    key: Option<StreamKey>,
    /// The frame also finishes the stream, once it has arrived.
    fin: bool,
}

impl Connection {
    /// Takes what the connection received. Payload is handed on as it arrives, however long its frame; only a
    /// header that is not complete stays in `input`.
    pub fn receive(&mut self, input: &mut BytesMut, now: Instant) {
        self.liveness.heard = now;
        while self.end.is_none() {
            if self.payload.left > 0 {
                if input.is_empty() {
                    return;
                }
                self.receive_payload(input);
                continue;
            }
            let Some(header) = input.first_chunk::<HEADER_LEN>() else { return };
            let header = Header::decode(header);
            input.advance(HEADER_LEN);
            self.stats.frames_received += 1;
            if let Err(violation) = header.and_then(|header| self.receive_frame(header, now)) {
                self.violated(violation);
            } else if self.output.is_flooded() {
                self.violated(Violation::Flood);
            }
        }
        input.clear();
    }

    /// The connection ended; `rest` is what [`receive`](Self::receive) left in its input.
    pub fn receive_eof(&mut self, rest: &[u8]) {
        if rest.is_empty() && self.payload.left == 0 {
            self.terminate(Error::new(Kind::RemoteClosed));
            self.output.discard();
        } else {
            self.fail(io::ErrorKind::UnexpectedEof.into());
        }
    }

    /// Reading the connection failed; `rest` is what [`receive`](Self::receive) left in its input.
    ///
    /// A socket that is closed in good order while something of ours waits in it unread is reported as a reset:
    /// between two frames that is an end like any other. Go's `Session.Close` does so whenever our last credit or
    /// acceptance crosses it.
    pub fn receive_error(&mut self, rest: &[u8], error: io::Error) {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe
                if rest.is_empty() && self.payload.left == 0 =>
            {
                self.receive_eof(rest);
            }
            _ => self.fail(error),
        }
    }

    fn receive_frame(&mut self, header: Header, now: Instant) -> Result<(), Violation> {
        match header.frame_type {
            FrameType::Data => self.receive_data(header),
            FrameType::WindowUpdate => self.receive_window_update(header),
            FrameType::Ping => {
                self.receive_ping(header, now);
                Ok(())
            }
            FrameType::GoAway => {
                match header.length {
                    0 => {
                        self.remote_go_away = true;
                        self.events.push_back(Event::GoAway);
                    }
                    code => {
                        self.terminate(Error::new(Kind::PeerFailed(code)));
                        self.output.discard();
                    }
                }
                Ok(())
            }
        }
    }

    fn receive_ping(&mut self, header: Header, now: Instant) {
        if header.flags.contains(Flags::SYN) {
            if !self.output.push_pong(Header::ping(Flags::ACK, header.length)) {
                tracing::debug!("yamux: ping left unanswered: the peer does not read the answers");
            }
            return;
        }
        let Some(ping) = self.liveness.answered(header.length, now) else { return };
        if ping.keepalive {
            self.rest_keepalive(now);
        } else {
            if let Some(deadline) = ping.deadline {
                self.timers.cancel(deadline, super::timers::Timer::Ping(header.length));
            }
            let rtt = now.saturating_duration_since(ping.sent);
            self.events.push_back(Event::Pong { id: header.length, rtt });
        }
    }

    /// The stream a frame is for, opened by that frame if it says so. `None`: it is gone, as are streams that
    /// were reset, so this is no violation.
    fn addressed(&mut self, header: Header) -> Result<Option<StreamKey>, Violation> {
        let id = header.stream_id;
        if header.flags.contains(Flags::SYN) {
            self.receive_syn(id)?;
        }
        let key = self.by_id.get(&id).copied();
        if let Some(key) = key
            && header.flags.contains(Flags::ACK)
        {
            // Only the first counts: Go's own book-keeping is upset by a second ACK, ours is not.
            self.return_permit(key);
        }
        Ok(key)
    }

    fn receive_syn(&mut self, id: u32) -> Result<(), Violation> {
        if self.by_id.contains_key(&id) {
            return Err(Violation::DuplicateStream);
        }
        let peers_parity = if self.role == Role::Client { 0 } else { 1 };
        if id == 0 || id % 2 != peers_parity {
            return Err(Violation::StreamId);
        }
        if self.local_go_away {
            self.output.push(Header::window_update(id, Flags::RST, 0));
        } else if self.backlog.len() >= self.config.accept_backlog {
            tracing::warn!("yamux: backlog exceeded, forcing connection reset");
            self.output.push(Header::window_update(id, Flags::RST, 0));
        } else {
            let (key, _) = self.insert(id, Owner::Backlog);
            self.backlog.push_back(key);
            self.events.push_back(Event::Acceptable);
        }
        Ok(())
    }

    fn receive_window_update(&mut self, header: Header) -> Result<(), Violation> {
        let Some(key) = self.addressed(header)? else { return Ok(()) };
        let Some(stream) = self.streams.get_mut(&key) else { return Ok(()) };
        stream.send.grant(header.length)?;
        if header.length > 0 && stream.write_blocked && !stream.in_line {
            stream.write_blocked = false;
            self.events.push_back(Event::Writable(key));
        }
        if header.flags.contains(Flags::FIN) {
            self.receive_fin(key)?;
        }
        self.receive_rst(key, header);
        Ok(())
    }

    fn receive_data(&mut self, header: Header) -> Result<(), Violation> {
        let key = self.addressed(header)?;
        if let Some(stream) = key.and_then(|key| self.streams.get(&key)) {
            stream.receive.admit(header.length)?;
        }
        let fin = header.flags.contains(Flags::FIN);
        if let Some(key) = key {
            if fin && header.length == 0 {
                self.receive_fin(key)?;
            }
            self.receive_rst(key, header);
        }
        self.payload = Payload { left: header.length, key, fin };
        Ok(())
    }

    /// Some or all of a data frame's payload.
    fn receive_payload(&mut self, input: &mut BytesMut) {
        let n = input.len().min(self.payload.left as usize);
        self.payload.left -= n as u32;
        self.stats.bytes_received += n as u64;
        let Some(key) = self.payload.key else {
            input.advance(n);
            return;
        };
        let Some(stream) = self.streams.get_mut(&key).filter(|stream| !stream.is_off_the_wire()) else {
            self.payload.key = None;
            input.advance(n);
            return;
        };
        stream.receive.arrived(n as u32);
        // Go sends data after FIN when Close and Write of one stream race, so that is not held against it.
        if stream.is_read() && !stream.fin_received {
            stream.buffer.push(input, n);
            if std::mem::take(&mut stream.read_blocked) {
                self.events.push_back(Event::Readable(key));
            }
        } else {
            input.advance(n);
            if stream.owner == Owner::WriteOnly {
                self.discard_credit(key);
            } else if stream.owner == Owner::Nobody && stream.receive.is_due(0) {
                self.reset(key);
                return;
            }
        }
        if self.payload.left == 0
            && std::mem::take(&mut self.payload.fin)
            && let Err(violation) = self.receive_fin(key)
        {
            self.violated(violation);
        }
    }

    fn receive_fin(&mut self, key: StreamKey) -> Result<(), Violation> {
        let Some(stream) = self.streams.get_mut(&key) else { return Ok(()) };
        if std::mem::replace(&mut stream.fin_received, true) {
            return Err(Violation::UnexpectedFlag);
        }
        if std::mem::take(&mut stream.read_blocked) {
            self.events.push_back(Event::Readable(key));
        }
        if stream.is_off_the_wire() {
            self.leave_wire(key);
        }
        Ok(())
    }

    fn receive_rst(&mut self, key: StreamKey, header: Header) {
        if header.flags.contains(Flags::RST) {
            self.stream_failed(key, Error::new(Kind::Reset));
        }
    }
}
