//! The state machine by itself: two of them, a fake clock, and a wire that a test moves by hand.
#![allow(clippy::unwrap_used)]

use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use muxbroker::yamux::{
    Connection, Event, Flags, FrameType, HEADER_LEN, Header, Role, StreamKey, WriteOutcome,
};
use muxbroker::{Config, INITIAL_WINDOW};

struct Pair {
    client: Connection,
    server: Connection,
    now: Instant,
}

impl Pair {
    fn new(config: Config) -> Self {
        let now = Instant::now();
        Self {
            client: Connection::new(Role::Client, config.clone(), now),
            server: Connection::new(Role::Server, config, now),
            now,
        }
    }

    /// Moves what either side has to say, `chunk` bytes at a time, until both are silent.
    fn settle_in(&mut self, chunk: usize) {
        loop {
            let moved = transfer(&mut self.client, &mut self.server, self.now, chunk)
                + transfer(&mut self.server, &mut self.client, self.now, chunk);
            if moved == 0 {
                return;
            }
        }
    }

    fn settle(&mut self) {
        self.settle_in(usize::MAX);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
    }

    fn opened(config: Config) -> (Self, StreamKey, StreamKey) {
        let mut pair = Self::new(config);
        let ours = pair.client.open(pair.now).unwrap().unwrap();
        pair.settle();
        let theirs = pair.server.accept().unwrap().unwrap();
        pair.settle();
        events(&mut pair.client);
        events(&mut pair.server);
        (pair, ours, theirs)
    }
}

fn transfer(from: &mut Connection, to: &mut Connection, now: Instant, chunk: usize) -> usize {
    let mut batch = BytesMut::new();
    let mut input = BytesMut::new();
    let mut moved = 0;
    while from.take_output(&mut batch, now) {
        moved += batch.len();
        for part in batch.chunks(chunk) {
            input.extend_from_slice(part);
            to.receive(&mut input, now);
            assert!(input.len() < HEADER_LEN, "a whole header was left");
        }
        batch.clear();
    }
    assert!(input.is_empty(), "half a header was sent");
    moved
}

fn events(connection: &mut Connection) -> Vec<Event> {
    std::iter::from_fn(|| connection.next_event()).collect()
}

fn write(connection: &mut Connection, key: StreamKey, data: &[u8]) -> WriteOutcome {
    connection.write(key, &[IoSlice::new(data)]).unwrap()
}

fn write_all(pair: &mut Connection, key: StreamKey, mut data: &[u8]) {
    while let WriteOutcome::Written(n @ 1..) = write(pair, key, data) {
        data = &data[n..];
    }
    assert!(data.is_empty(), "{} bytes were not taken", data.len());
}

fn read_all(connection: &mut Connection, key: StreamKey) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(chunk) = connection.read(key, usize::MAX).unwrap() {
        if chunk.is_empty() {
            break;
        }
        all.extend_from_slice(&chunk);
    }
    all
}

fn output(connection: &mut Connection, now: Instant) -> Vec<Header> {
    let mut batch = BytesMut::new();
    let mut headers = Vec::new();
    while connection.take_output(&mut batch, now) {
        let mut rest = &batch[..];
        while let Some((header, after)) = rest.split_first_chunk::<HEADER_LEN>() {
            let header = Header::decode(header).unwrap();
            rest =
                if header.frame_type == FrameType::Data { &after[header.length as usize..] } else { after };
            headers.push(header);
        }
        assert!(rest.is_empty(), "a batch is whole frames");
        batch.clear();
    }
    headers
}

#[test]
fn waiting_read_is_told_once_per_wait() {
    let (mut pair, ours, theirs) = Pair::opened(Config::default());
    assert_eq!(pair.server.read(theirs, 10).unwrap(), None);
    for _ in 0..3 {
        write_all(&mut pair.client, ours, b"abc");
        pair.settle();
    }
    assert_eq!(events(&mut pair.server), [Event::Readable(theirs)]);
    assert_eq!(read_all(&mut pair.server, theirs), b"abcabcabc");
    pair.client.finish(ours, pair.now);
    pair.settle();
    assert_eq!(events(&mut pair.server), [Event::Readable(theirs)], "of the end");
    assert_eq!(pair.server.read(theirs, 10).unwrap().unwrap(), "");
}

#[test]
fn any_chunking_gives_the_same_bytes() {
    for chunk in [1, 2, 11, 12, 13, 100, 4096, usize::MAX] {
        let (mut pair, ours, theirs) = Pair::opened(Config::default());
        let data: Vec<u8> = (0..200_000).map(|i| (i % 251) as u8).collect();
        for part in data.chunks(7001) {
            write_all(&mut pair.client, ours, part);
        }
        pair.client.finish(ours, pair.now);
        pair.settle_in(chunk);
        assert!(read_all(&mut pair.server, theirs) == data, "chunks of {chunk}");
        assert!(pair.server.end().is_none());
    }
}

#[test]
fn partial_frame_is_readable_before_its_rest_arrives() {
    let (mut pair, _, theirs) = Pair::opened(Config::default());
    let mut input = BytesMut::from(&Header::data(1, 1000).encode()[..]);
    input.extend_from_slice(b"begin");
    pair.server.receive(&mut input, pair.now);
    assert_eq!(read_all(&mut pair.server, theirs), b"begin");
}

#[test]
fn reading_just_over_half_the_window_grants_exactly_that() {
    let (mut pair, ours, theirs) = Pair::opened(Config::default());
    let window = INITIAL_WINDOW as usize;
    // An uneven first frame keeps the middle of the window away from the border of two chunks.
    write_all(&mut pair.client, ours, &[0; 100]);
    write_all(&mut pair.client, ours, &vec![0; window - 100]);
    assert_eq!(write(&mut pair.client, ours, b"x"), WriteOutcome::NoCredit);
    pair.settle();
    let mut read = |bytes: usize| {
        let mut left = bytes;
        while left > 0 {
            left -= pair.server.read(theirs, left).unwrap().unwrap().len();
        }
        output(&mut pair.server, pair.now)
    };
    assert_eq!(read(window / 2 - 1), [], "no credit before half a window is read");
    let credit = window as u32 / 2 + 1;
    assert_eq!(read(2), [Header::window_update(1, Flags::NONE, credit)]);
}

#[test]
fn credit_counts_bytes_that_arrived_not_the_announced_length() {
    let fixed = Config { grown_stream_window: 0, ..Config::default() };
    let (mut pair, _, theirs) = Pair::opened(fixed);
    let window = INITIAL_WINDOW as usize;
    let mut input = BytesMut::from(&Header::data(1, INITIAL_WINDOW).encode()[..]);
    input.resize(HEADER_LEN + window / 2, 0);
    pair.server.receive(&mut input, pair.now);
    assert_eq!(read_all(&mut pair.server, theirs).len(), window / 2);
    // Half the frame is still to come: the peer may have that and what is granted now outstanding, no more.
    assert_eq!(
        output(&mut pair.server, pair.now),
        [Header::window_update(1, Flags::NONE, INITIAL_WINDOW / 2)]
    );
}

#[test]
fn doubled_window_takes_one_write_of_that_size_unread() {
    let window = 2 * INITIAL_WINDOW;
    let (mut pair, ours, theirs) = Pair::opened(Config { max_stream_window: window, ..Config::default() });
    let data = vec![7; window as usize];
    let mut rest = &data[..];
    loop {
        match write(&mut pair.client, ours, rest) {
            WriteOutcome::Written(0) => break,
            WriteOutcome::Written(n) => rest = &rest[n..],
            WriteOutcome::QueueFull => pair.settle(),
            WriteOutcome::NoCredit => panic!("{} bytes short of the doubled window", rest.len()),
        }
    }
    assert_eq!(write(&mut pair.client, ours, b"x"), WriteOutcome::NoCredit);
    pair.settle();
    assert!(read_all(&mut pair.server, theirs) == data);
}

#[test]
fn window_of_a_stream_that_is_read_at_once_grows_to_a_mebibyte_and_that_of_another_does_not() {
    let (mut pair, ours, theirs) = Pair::opened(Config::default());
    let block = vec![7; 32 * 1024];
    for _ in 0..64 {
        write_all(&mut pair.client, ours, &block);
        pair.settle();
        assert!(read_all(&mut pair.server, theirs) == block);
        pair.settle();
    }
    // How much can be sent before anything more is read.
    let fill = |pair: &mut Pair, ours| {
        let mut filled = 0;
        loop {
            match write(&mut pair.client, ours, &block) {
                WriteOutcome::Written(n) => filled += n,
                WriteOutcome::QueueFull => {}
                WriteOutcome::NoCredit => return filled,
            }
            pair.settle();
        }
    };
    let grown = fill(&mut pair, ours);
    assert!((1 << 19..=1 << 20).contains(&grown), "{grown} bytes without having been read");

    // Something is always left for later.
    let (mut pair, ours, theirs) = Pair::opened(Config::default());
    let window = INITIAL_WINDOW as usize;
    let mut unread = fill(&mut pair, ours);
    assert_eq!(unread, window);
    for _ in 0..20 {
        while unread > 1000 {
            unread -= pair.server.read(theirs, unread - 1000).unwrap().unwrap().len();
        }
        pair.settle();
        let more = fill(&mut pair, ours);
        assert!((window / 2..window).contains(&more), "{more} more bytes");
        unread += more;
        assert!(unread <= window, "{unread} bytes");
    }
}

#[test]
fn data_frames_carry_at_most_64_kib() {
    let (mut pair, ours, _) = Pair::opened(Config::default());
    assert_eq!(write(&mut pair.client, ours, &vec![0; 1 << 20]), WriteOutcome::Written(64 * 1024));
    let slices = [IoSlice::new(b"a"), IoSlice::new(b""), IoSlice::new(b"bc")];
    assert_eq!(pair.client.write(ours, &slices).unwrap(), WriteOutcome::Written(3));
    assert_eq!(output(&mut pair.client, pair.now), [Header::data(1, 64 * 1024), Header::data(1, 3)]);
}

#[test]
fn urgent_frames_go_first_but_do_not_keep_the_others_waiting() {
    let (mut pair, ours, _) = Pair::opened(Config::default());
    let mut batch = BytesMut::new();
    let mut seen = Vec::new();
    write_all(&mut pair.client, ours, &[0; 40_000]);
    for _ in 0..4 {
        // The peer asks again before every batch.
        let mut ping = BytesMut::from(&Header::ping(Flags::SYN, 1).encode()[..]);
        pair.client.receive(&mut ping, pair.now);
        assert!(pair.client.take_output(&mut batch, pair.now));
        seen.push(batch.len());
        batch.clear();
    }
    assert_eq!(seen, [12, 40_012, 24, 12], "answer, data, both answers since then, answer");
    // Few ordered bytes share a batch with the urgent ones.
    write_all(&mut pair.client, ours, &[0; 100]);
    pair.client.ping(pair.now).unwrap();
    assert_eq!(output(&mut pair.client, pair.now), [Header::ping(Flags::SYN, 0), Header::data(1, 100)]);
}

#[test]
fn full_queue_makes_writes_wait_in_line_and_tells_them_in_order() {
    let mut pair = Pair::new(Config::default());
    let keys: Vec<_> = (0..8).map(|_| pair.client.open(pair.now).unwrap().unwrap()).collect();
    let data = vec![0; 64 * 1024];
    for key in &keys[..4] {
        assert_eq!(write(&mut pair.client, *key, &data), WriteOutcome::Written(data.len()));
    }
    events(&mut pair.client);
    for key in &keys {
        assert_eq!(write(&mut pair.client, *key, &data), WriteOutcome::QueueFull);
        pair.client.wait_for_room(*key, pair.now);
        pair.client.wait_for_room(*key, pair.now);
    }
    let mut batch = BytesMut::new();
    assert!(pair.client.take_output(&mut batch, pair.now));
    let told: Vec<_> = keys[..4].iter().map(|key| Event::Writable(*key)).collect();
    assert_eq!(events(&mut pair.client), told, "as many as fill the queue again");
    // None of them writes; the next ask of the connection tells the rest.
    batch.clear();
    assert!(!pair.client.take_output(&mut batch, pair.now));
    let told: Vec<_> = keys[4..].iter().map(|key| Event::Writable(*key)).collect();
    assert_eq!(events(&mut pair.client), told);
}

#[test]
fn write_that_waits_for_a_stuck_connection_times_out_and_can_be_tried_again() {
    let (mut pair, ours, _) = Pair::opened(Config { keepalive_interval: None, ..Config::default() });
    let mut batch = BytesMut::new();
    write_all(&mut pair.client, ours, &[0; 1000]);
    assert!(pair.client.take_output(&mut batch, pair.now), "the connection holds this and takes no byte");
    // Fill the queue from another stream, so that credit is not what this one waits for.
    let other = pair.client.open(pair.now).unwrap().unwrap();
    write_all(&mut pair.client, other, &vec![0; INITIAL_WINDOW as usize]);
    assert_eq!(write(&mut pair.client, ours, b"late"), WriteOutcome::QueueFull);
    pair.client.wait_for_room(ours, pair.now);
    events(&mut pair.client);
    assert_eq!(pair.client.next_timeout(), Some(pair.now + Duration::from_secs(10)));

    // Some progress starts the time again.
    pair.pass(Duration::from_secs(9));
    pair.client.output_progressed(pair.now);
    pair.pass(Duration::from_secs(9));
    assert_eq!(events(&mut pair.client), []);
    pair.pass(Duration::from_secs(1));
    assert_eq!(events(&mut pair.client), [Event::Writable(ours)]);
    let sent = pair.client.stats().bytes_sent;
    let error = pair.client.write(ours, &[IoSlice::new(b"late")]).unwrap_err();
    assert!(error.is_write_timeout() && error.is_timeout() && !error.is_session_over());
    assert_eq!(error.to_string(), "connection write timeout");
    assert_eq!(pair.client.stats().bytes_sent, sent, "0 bytes of it were taken");

    // The connection moves again: nothing is lost.
    batch.clear();
    while pair.client.take_output(&mut batch, pair.now) {
        batch.clear();
    }
    assert_eq!(write(&mut pair.client, ours, b"late"), WriteOutcome::Written(4));
}

#[test]
fn open_timeout_is_told_to_both_sides_and_frees_the_permit() {
    let config = Config { accept_backlog: 1, keepalive_interval: None, ..Config::default() };
    let mut pair = Pair::new(config);
    let key = pair.client.open(pair.now).unwrap().unwrap();
    assert_eq!(pair.client.open(pair.now).unwrap(), None);
    assert_eq!(pair.client.read(key, 1).unwrap(), None);
    pair.settle();
    assert_eq!(events(&mut pair.server), [Event::Acceptable]);
    pair.pass(Duration::from_secs(75));
    assert_eq!(events(&mut pair.client), [Event::Readable(key), Event::OpenPermit]);
    assert!(pair.client.read(key, 1).unwrap_err().is_open_timeout());
    pair.settle();
    assert_eq!(pair.server.accept().unwrap(), None, "it was reset while it waited");
    assert!(pair.client.open(pair.now).unwrap().is_some());
}

#[test]
fn process_that_was_suspended_gives_the_peer_another_chance() {
    let (mut pair, ..) = Pair::opened(Config::default());
    pair.client.handle_timeout(pair.now + Duration::from_secs(30));
    assert_eq!(output(&mut pair.client, pair.now), [Header::ping(Flags::SYN, 0)]);
    // Noticed an hour late: the answer may wait in the socket.
    pair.client.handle_timeout(pair.now + Duration::from_secs(3600));
    assert!(pair.client.end().is_none());
    pair.client.handle_timeout(pair.now + Duration::from_secs(3610));
    assert!(pair.client.end().unwrap().is_keepalive_timeout());
    assert_eq!(events(&mut pair.client), [Event::Ended]);
    assert_eq!(pair.client.next_timeout(), None);
}

#[test]
fn an_answer_that_is_five_seconds_overdue_is_missing_and_one_that_is_more_may_wait_unread() {
    let second = Duration::from_secs(1);
    for (late, dead) in [(Duration::ZERO, true), (5 * second, true), (5 * second + second / 1000, false)] {
        let (mut pair, ..) = Pair::opened(Config::default());
        pair.client.handle_timeout(pair.now + 30 * second);
        let due = pair.client.next_timeout().unwrap();
        assert_eq!(due, pair.now + 40 * second);
        pair.client.handle_timeout(due + late);
        assert_eq!(pair.client.end().is_some(), dead, "{late:?} late");
        assert_eq!(pair.client.next_timeout(), (!dead).then_some(due + late + 10 * second));
    }
}

#[test]
fn abandoned_pings_leave_no_timers_behind() {
    let mut pair = Pair::new(Config { keepalive_interval: None, ..Config::default() });
    for _ in 0..1000 {
        let id = pair.client.ping(pair.now).unwrap();
        pair.client.cancel_ping(id);
    }
    assert_eq!(pair.client.next_timeout(), None);
    pair.settle();
    assert_eq!(events(&mut pair.client), [], "answers to them concern nobody");
}

#[test]
fn finished_and_failed_streams_leave_no_timers_behind() {
    let (mut pair, ours, theirs) = Pair::opened(Config { keepalive_interval: None, ..Config::default() });
    assert_eq!(pair.client.next_timeout(), None, "accepted: the open timer is gone");
    pair.client.release(ours, pair.now);
    assert_eq!(pair.client.next_timeout(), Some(pair.now + Duration::from_secs(300)));
    pair.settle();
    pair.server.release(theirs, pair.now);
    pair.settle();
    assert_eq!((pair.client.next_timeout(), pair.server.next_timeout()), (None, None));
    assert_eq!((pair.client.stats().streams, pair.server.stats().streams), (0, 0));
}

#[test]
fn statistics_count_payload_and_frames() {
    let (mut pair, ours, theirs) = Pair::opened(Config::default());
    write_all(&mut pair.client, ours, &[0; 1000]);
    assert_eq!(pair.client.stats().queued, 1012);
    pair.settle();
    assert_eq!(read_all(&mut pair.server, theirs).len(), 1000);
    let (client, server) = (pair.client.stats(), pair.server.stats());
    assert_eq!((client.bytes_sent, client.frames_sent, client.queued), (1000, 1, 0));
    assert_eq!((server.bytes_received, server.frames_received), (1000, 2), "SYN and data");
    assert_eq!((client.streams, client.streams_opened, server.streams), (1, 1, 1));
}

#[test]
fn timers_of_zero_are_off_and_endless_ones_do_no_harm() {
    for (time, timers) in [(Duration::ZERO, false), (Duration::MAX, true)] {
        let config = Config {
            accept_backlog: 0,
            keepalive_interval: Some(time),
            keepalive_timeout: Some(time),
            connection_write_timeout: Some(time),
            stream_open_timeout: Some(time),
            stream_close_timeout: Some(time),
            max_stream_window: 0,
            grown_stream_window: 0,
            close_timeout: time,
        };
        let mut pair = Pair::new(config);
        let key = pair.client.open(pair.now).unwrap().expect("a backlog of 0 counts as 1");
        pair.client.ping(pair.now).unwrap();
        pair.client.release(key, pair.now);
        pair.pass(Duration::from_secs(86_400));
        assert_eq!(pair.client.next_timeout().is_some(), timers);
        assert!(pair.client.end().is_none());
    }
}
