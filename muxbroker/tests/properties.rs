//! Whatever bytes arrive, however they are cut: no panic, bounded memory, and the same end.
#![allow(clippy::unwrap_used)]

use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use muxbroker::Config;
use muxbroker::yamux::{Connection, Event, Flags, FrameType, HEADER_LEN, Header, Role, StreamKey};
use proptest::prelude::*;

/// More than the state machine may queue for a peer that reads nothing.
const MOST_QUEUED: usize = 3 * 1024 * 1024;

fn connection(role: Role, now: Instant) -> Connection {
    Connection::new(role, Config { accept_backlog: 8, ..Config::default() }, now)
}

/// Feeds `bytes` cut into `cuts`, and accepts, reads and drops streams as an application would.
fn feed(connection: &mut Connection, bytes: &[u8], cuts: &[usize], now: Instant) {
    let mut input = BytesMut::new();
    let mut streams: Vec<StreamKey> = Vec::new();
    let mut rest = bytes;
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
        rest = after;
        input.extend_from_slice(part);
        connection.receive(&mut input, now);
        assert!(input.len() < HEADER_LEN);
        assert!(connection.stats().queued < MOST_QUEUED);
        while let Ok(Some(key)) = connection.accept() {
            streams.push(key);
        }
        for key in &streams {
            while connection.read(*key, 1000).is_ok_and(|read| read.is_some_and(|chunk| !chunk.is_empty())) {}
        }
    }
    connection.receive_eof(&input);
    assert!(connection.end().is_some());
    for key in streams {
        connection.release(key, now);
    }
    assert_eq!(connection.stats().streams, 0);
    assert_eq!(connection.next_timeout(), None);
    let ended = std::iter::from_fn(|| connection.next_event()).filter(|event| *event == Event::Ended).count();
    assert_eq!(ended, 1);
}

/// How a session takes `bytes` that an application looks at only afterwards: its end, if it came to one, and
/// every stream with what it held.
fn outcome(bytes: &[u8], cuts: &[usize]) -> (Option<String>, Vec<(u32, Vec<u8>)>) {
    let now = Instant::now();
    let mut connection = Connection::new(Role::Server, Config::default(), now);
    let mut input = BytesMut::new();
    let mut rest = bytes;
    for cut in cuts.iter().cycle() {
        let (part, after) = rest.split_at(rest.len().min(*cut));
        rest = after;
        input.extend_from_slice(part);
        connection.receive(&mut input, now);
        if rest.is_empty() {
            break;
        }
    }
    let mut streams = Vec::new();
    while let Ok(Some(key)) = connection.accept() {
        let mut got = Vec::new();
        while let Ok(Some(chunk)) = connection.read(key, usize::MAX) {
            if chunk.is_empty() {
                break;
            }
            got.extend_from_slice(&chunk);
        }
        streams.push((connection.stream_id(key).unwrap(), got));
    }
    (connection.end().map(ToString::to_string), streams)
}

/// Frames that are mostly sensible, with payload where their length says so.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![
        6 => Just(FrameType::Data),
        6 => Just(FrameType::WindowUpdate),
        1 => Just(FrameType::Ping),
        1 => Just(FrameType::GoAway),
    ];
    let flags = prop_oneof![4 => Just(0u16), 4 => Just(1), 2 => Just(2), 1 => Just(4), 1 => Just(8), 1 => any::<u16>()];
    let length = prop_oneof![8 => 0..3000u32, 1 => Just(0), 1 => any::<u32>()];
    (kind, flags, 0..12u32, length).prop_map(|(frame_type, flags, stream_id, length)| {
        let header = Header { frame_type, flags: Flags(flags), stream_id, length };
        let mut bytes = header.encode().to_vec();
        if frame_type == FrameType::Data {
            bytes.resize(HEADER_LEN + length.min(5000) as usize, stream_id as u8);
        }
        bytes
    })
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![3 => 1..40usize, 1 => 1..9000usize], 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn prop_arbitrary_bytes_end_in_a_typed_error(
        bytes in prop::collection::vec(any::<u8>(), 0..4000),
        cuts in cuts(),
        client in any::<bool>(),
    ) {
        let now = Instant::now();
        let role = if client { Role::Client } else { Role::Server };
        feed(&mut connection(role, now), &bytes, &cuts, now);
    }

    #[test]
    fn prop_arbitrary_frames_give_the_same_end_however_they_are_cut(
        frames in prop::collection::vec(frame(), 0..60),
        cuts in cuts(),
    ) {
        let bytes = frames.concat();
        prop_assert_eq!(outcome(&bytes, &[bytes.len().max(1)]), outcome(&bytes, &cuts));
    }

    #[test]
    fn prop_header_survives_a_round_trip(kind in 0..4u8, flags: u16, stream_id: u32, length: u32) {
        let mut bytes = [0; HEADER_LEN];
        bytes[1] = kind;
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        bytes[4..8].copy_from_slice(&stream_id.to_be_bytes());
        bytes[8..].copy_from_slice(&length.to_be_bytes());
        prop_assert_eq!(Header::decode(&bytes).unwrap().encode(), bytes);
    }
}

/// One thing an application or the clock does.
#[derive(Clone, Debug)]
enum Step {
    Open(bool),
    Write(bool, usize, usize),
    Read(bool, usize, usize),
    Finish(bool, usize),
    Release(bool, usize),
    Reset(bool, usize),
    Transfer(bool, usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let side = any::<bool>();
    prop_oneof![
        2 => side.prop_map(Step::Open),
        6 => (side, 0..8usize, 0..100_000usize).prop_map(|(s, n, len)| Step::Write(s, n, len)),
        6 => (side, 0..8usize, 1..100_000usize).prop_map(|(s, n, max)| Step::Read(s, n, max)),
        1 => (side, 0..8usize).prop_map(|(s, n)| Step::Finish(s, n)),
        1 => (side, 0..8usize).prop_map(|(s, n)| Step::Release(s, n)),
        1 => (side, 0..8usize).prop_map(|(s, n)| Step::Reset(s, n)),
        8 => (side, 1..200_000usize).prop_map(|(s, n)| Step::Transfer(s, n)),
        1 => (0..5u64).prop_map(Step::Pass),
    ]
}

struct End {
    connection: Connection,
    streams: Vec<StreamKey>,
    /// Bytes taken from this side and not delivered yet.
    wire: BytesMut,
    input: BytesMut,
}

impl End {
    fn new(role: Role, now: Instant) -> Self {
        Self {
            connection: connection(role, now),
            streams: Vec::new(),
            wire: BytesMut::new(),
            input: BytesMut::new(),
        }
    }

    fn pick(&self, n: usize) -> Option<StreamKey> {
        (!self.streams.is_empty()).then(|| self.streams[n % self.streams.len()])
    }
}

fn transfer(from: &mut End, to: &mut End, most: usize, now: Instant) {
    let mut batch = BytesMut::new();
    while from.wire.len() < most && from.connection.take_output(&mut batch, now) {
        from.wire.extend_from_slice(&batch);
        batch.clear();
    }
    let n = from.wire.len().min(most);
    to.input.extend_from_slice(&from.wire.split_to(n));
    to.connection.receive(&mut to.input, now);
    while let Ok(Some(key)) = to.connection.accept() {
        to.streams.push(key);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Two well-behaved ends never take each other for a peer that breaks the protocol, whatever their
    /// applications do, and nothing is left when everything is dropped.
    #[test]
    fn prop_two_ends_agree_whatever_their_applications_do(steps in prop::collection::vec(step(), 1..200)) {
        let mut now = Instant::now();
        let (mut a, mut b) = (End::new(Role::Client, now), End::new(Role::Server, now));
        for step in steps {
            let (left, right) = (&mut a, &mut b);
            match step {
                Step::Open(s) => {
                    let end = if s { left } else { right };
                    if let Ok(Some(key)) = end.connection.open(now) {
                        end.streams.push(key);
                    }
                }
                Step::Write(s, n, len) => {
                    let end = if s { left } else { right };
                    if let Some(key) = end.pick(n) {
                        let _ = end.connection.write(key, &[IoSlice::new(&vec![0; len])]);
                    }
                }
                Step::Read(s, n, max) => {
                    let end = if s { left } else { right };
                    if let Some(key) = end.pick(n) {
                        let _ = end.connection.read(key, max);
                    }
                }
                Step::Finish(s, n) => {
                    let end = if s { left } else { right };
                    if let Some(key) = end.pick(n) {
                        end.connection.finish(key, now);
                    }
                }
                Step::Release(s, n) => {
                    let end = if s { left } else { right };
                    if let Some(key) = end.pick(n) {
                        end.streams.retain(|k| *k != key);
                        end.connection.release(key, now);
                    }
                }
                Step::Reset(s, n) => {
                    let end = if s { left } else { right };
                    if let Some(key) = end.pick(n) {
                        end.connection.reset(key);
                    }
                }
                Step::Transfer(true, most) => transfer(left, right, most, now),
                Step::Transfer(false, most) => transfer(right, left, most, now),
                Step::Pass(seconds) => {
                    now += Duration::from_secs(seconds);
                    left.connection.handle_timeout(now);
                    right.connection.handle_timeout(now);
                }
            }
            for end in [&a, &b] {
                let broken = end.connection.end().is_some_and(|end| !end.is_keepalive_timeout());
                prop_assert!(!broken, "{:?}", end.connection.end());
            }
        }
        prop_assume!(a.connection.end().is_none() && b.connection.end().is_none());
        for end in [&mut a, &mut b] {
            for key in std::mem::take(&mut end.streams) {
                end.connection.release(key, now);
            }
        }
        for _ in 0..10 {
            transfer(&mut a, &mut b, usize::MAX, now);
            transfer(&mut b, &mut a, usize::MAX, now);
            for end in [&mut a, &mut b] {
                for key in std::mem::take(&mut end.streams) {
                    end.connection.release(key, now);
                }
            }
        }
        prop_assert_eq!((a.connection.stats().streams, b.connection.stats().streams), (0, 0));
        prop_assert!(a.connection.end().is_none() && b.connection.end().is_none());
        prop_assert!(a.connection.open(now).unwrap().is_some(), "all permits are back");
    }
}
