//! The yamux state machine, driven by a script: against a hostile peer it neither panics nor makes up data nor goes on
//! after its end; against itself everything that was written arrives, in order, and nobody is found in violation.

#![no_main]

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use muxbroker::Config;
use muxbroker::yamux::{Connection, Event, Role, StreamKey, WriteOutcome};

/// One side, and what its application has done.
struct Side {
    connection: Connection,
    input: BytesMut,
    keys: Vec<StreamKey>,
    /// Bytes written to and read from each stream, by its id.
    written: BTreeMap<u32, usize>,
    read: BTreeMap<u32, usize>,
    ended: usize,
}

/// The bytes of a stream are told by its id and their place.
fn byte(id: u32, at: usize) -> u8 {
    (id as usize * 7 + at) as u8
}

impl Side {
    fn new(role: Role, now: Instant) -> Side {
        Side {
            connection: Connection::new(role, Config::default(), now),
            input: BytesMut::new(),
            keys: Vec::new(),
            written: BTreeMap::new(),
            read: BTreeMap::new(),
            ended: 0,
        }
    }

    fn key(&self, pick: u8) -> Option<StreamKey> {
        self.keys.get(usize::from(pick) % self.keys.len().max(1)).copied()
    }

    fn act(&mut self, action: u8, pick: u8, now: Instant) {
        match action {
            0 => self.keys.extend(self.connection.open(now).ok().flatten()),
            1 => self.keys.extend(self.connection.accept().ok().flatten()),
            2 => self.write(pick),
            3 => self.read(pick),
            4 => self.key(pick).into_iter().for_each(|key| self.connection.finish(key, now)),
            5 => self.connection.handle_timeout(now),
            6 => drop(self.connection.ping(now)),
            _ => {}
        }
        while let Some(event) = self.connection.next_event() {
            self.ended += usize::from(event == Event::Ended);
        }
        assert!(self.ended <= 1, "the end is told once");
        if self.connection.end().is_some() {
            assert!(self.connection.open(now).is_err() && self.connection.check_open().is_err());
        }
    }

    fn write(&mut self, pick: u8) {
        let Some(key) = self.key(pick) else { return };
        let Some(id) = self.connection.stream_id(key) else { return };
        let at = self.written.entry(id).or_default();
        let payload: Vec<u8> = (0..usize::from(pick) * 16).map(|n| byte(id, *at + n)).collect();
        if let Ok(WriteOutcome::Written(n)) = self.connection.write(key, &[IoSlice::new(&payload)]) {
            assert!(n <= payload.len());
            *at += n;
        }
    }

    fn read(&mut self, pick: u8) {
        let Some(key) = self.key(pick) else { return };
        let Some(id) = self.connection.stream_id(key) else { return };
        if let Ok(Some(payload)) = self.connection.read(key, 4096) {
            *self.read.entry(id).or_default() += payload.len();
        }
    }

    /// [`read`](Side::read), and what comes is what the other side wrote.
    fn read_checked(&mut self, pick: u8) {
        let Some(key) = self.key(pick) else { return };
        let Some(id) = self.connection.stream_id(key) else { return };
        if let Ok(Some(payload)) = self.connection.read(key, 4096) {
            let at = self.read.entry(id).or_default();
            payload.iter().enumerate().for_each(|(n, b)| assert_eq!(*b, byte(id, *at + n), "stream {id}"));
            *at += payload.len();
        }
    }

    fn receive(&mut self, bytes: &[u8], now: Instant) {
        self.input.extend_from_slice(bytes);
        self.connection.receive(&mut self.input, now);
    }

    fn output(&mut self, now: Instant) -> BytesMut {
        let (mut all, mut batch) = (BytesMut::new(), BytesMut::new());
        while self.connection.take_output(&mut batch, now) {
            all.extend_from_slice(&batch);
            batch.clear();
            self.connection.output_progressed(now);
        }
        all
    }
}

/// Whatever the peer sends: actions with the top bit clear are the application's, others are followed by bytes.
fn hostile(role: Role, mut script: &[u8]) {
    let mut now = Instant::now();
    let mut side = Side::new(role, now);
    let mut fed = 0;
    while let [action, pick, rest @ ..] = script {
        script = rest;
        if *action < 0x80 {
            now += Duration::from_millis(u64::from(*pick) * 100);
            side.act(action % 7, *pick, now);
        } else {
            let (bytes, rest) = script.split_at(usize::from(*pick).min(script.len()));
            script = rest;
            fed += bytes.len();
            side.receive(bytes, now);
            side.output(now);
        }
        assert!(side.read.values().sum::<usize>() <= fed, "more was read than came");
    }
}

/// Two of ours, no time passing.
fn honest(script: &[u8]) {
    let now = Instant::now();
    let mut sides = [Side::new(Role::Client, now), Side::new(Role::Server, now)];
    for step in script.chunks_exact(2) {
        let (this, pick) = (usize::from(step[0] >> 7), step[1]);
        match step[0] % 7 {
            3 => sides[this].read_checked(pick),
            // A stream that is released or a ping that is not answered says nothing here.
            5 | 6 => {
                let batch = sides[this].output(now);
                let (head, tail) = batch.split_at(usize::from(pick).min(batch.len()));
                sides[1 - this].receive(head, now);
                sides[1 - this].receive(tail, now);
            }
            action => sides[this].act(action, pick, now),
        }
        for side in &sides {
            assert!(side.connection.end().is_none(), "{:?}", side.connection.end());
        }
    }
    for (this, other) in [(0, 1), (1, 0)] {
        for (id, read) in &sides[this].read {
            assert!(*read <= sides[other].written.get(id).copied().unwrap_or_default());
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((mode, script)) = input.split_first() else { return };
    match mode % 3 {
        0 => hostile(Role::Client, script),
        1 => hostile(Role::Server, script),
        _ => honest(script),
    }
});
