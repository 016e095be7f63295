//! What a plugin printed and its host has not taken yet. Only data: no descriptors, no threads, no waiting.

use bytes::Bytes;
use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// How much of each channel waits for the host; Linux pipes, for comparison, hold 64 KiB. Printing code cannot
/// wait for room: it may run on the only thread of the runtime that would have to make some.
pub(super) const LIMIT: usize = 1 << 20;

/// For how long a delivered chunk is remembered: until the tasks that move bytes from a consumer's buffers to the
/// system have surely had their turn.
const RECENT: Duration = Duration::from_millis(100);

/// How many delivered bytes are remembered at most: the buffer that gRPC gives a stream.
const RECENT_LIMIT: usize = 64 << 10;

/// One channel's chunks, in the order of their printing. A chunk stays here until it is known to be delivered.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Chunk>,
    taken: BTreeMap<u64, Bytes>,
    bytes: usize,
    next: u64,
    recent: VecDeque<(Instant, Bytes)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) number: u64,
    pub(super) bytes: Bytes,
}

impl Queue {
    /// Whether a chunk fits; an empty queue takes any.
    #[must_use]
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        if self.bytes > 0 && self.bytes + bytes.len() > LIMIT {
            return false;
        }
        self.bytes += bytes.len();
        self.waiting.push_back(Chunk { number: self.next, bytes: Bytes::copy_from_slice(bytes) });
        self.next += 1;
        true
    }

    /// The oldest chunk that nobody is delivering.
    pub(super) fn take(&mut self) -> Option<Chunk> {
        let chunk = self.waiting.pop_front()?;
        self.taken.insert(chunk.number, chunk.bytes.clone());
        Some(chunk)
    }

    /// Takes a delivered chunk off the account.
    pub(super) fn delivered(&mut self, number: u64, now: Instant) {
        if let Some(bytes) = self.taken.remove(&number) {
            self.bytes -= bytes.len();
            self.recent.push_back((now, bytes));
        }
        let mut total: usize = self.recent.iter().map(|(_, bytes)| bytes.len()).sum();
        while let Some((at, bytes)) = self.recent.front()
            && (total > RECENT_LIMIT || now.saturating_duration_since(*at) > RECENT)
        {
            total -= bytes.len();
            self.recent.pop_front();
        }
    }

    /// Takes out what was delivered a moment ago. If the process ends now, it may not have left it.
    pub(super) fn recent(&mut self, now: Instant) -> Vec<Bytes> {
        let young = |(at, _): &(Instant, Bytes)| now.saturating_duration_since(*at) <= RECENT;
        std::mem::take(&mut self.recent).into_iter().filter(young).map(|(_, bytes)| bytes).collect()
    }

    /// Puts back, at its place, a chunk that could not be delivered.
    pub(super) fn undelivered(&mut self, number: u64) {
        if let Some(bytes) = self.taken.remove(&number) {
            let place = self.waiting.partition_point(|chunk| chunk.number < number);
            self.waiting.insert(place, Chunk { number, bytes });
        }
    }

    /// How many bytes are not delivered.
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    /// Takes out everything, chunks under delivery too: twice is better than never.
    pub(super) fn drain(&mut self) -> Vec<Bytes> {
        let waiting = std::mem::take(&mut self.waiting).into_iter().map(|chunk| (chunk.number, chunk.bytes));
        let all: BTreeMap<_, _> = std::mem::take(&mut self.taken).into_iter().chain(waiting).collect();
        self.bytes = 0;
        all.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(chunks: &[&str]) -> Queue {
        let mut queue = Queue::default();
        for chunk in chunks {
            assert!(queue.push(chunk.as_bytes()));
        }
        queue
    }

    fn rest(queue: &mut Queue) -> Vec<String> {
        queue.drain().iter().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).collect()
    }

    #[test]
    fn a_chunk_leaves_only_when_delivered() {
        let mut queue = filled(&["a", "b"]);
        let first = queue.take().unwrap();
        assert_eq!(first.bytes, "a");
        assert!(queue.len() > 0);
        queue.delivered(first.number, Instant::now());
        assert_eq!(rest(&mut queue), ["b"]);
        assert!(queue.len() == 0);
    }

    #[test]
    fn an_undelivered_chunk_returns_to_its_place() {
        let mut queue = filled(&["a", "b", "c"]);
        let (a, b) = (queue.take().unwrap(), queue.take().unwrap());
        queue.undelivered(b.number);
        queue.undelivered(a.number);
        assert_eq!([queue.take(), queue.take()].map(|chunk| chunk.unwrap().bytes), ["a", "b"]);
    }

    #[test]
    fn draining_includes_what_is_being_delivered_in_order() {
        let mut queue = filled(&["a", "b", "c"]);
        let first = queue.take().unwrap();
        queue.take().unwrap();
        queue.delivered(first.number, Instant::now());
        assert_eq!(rest(&mut queue), ["b", "c"]);
    }

    #[test]
    fn a_late_verdict_on_a_drained_chunk_changes_nothing() {
        let mut queue = filled(&["a"]);
        let chunk = queue.take().unwrap();
        assert_eq!(rest(&mut queue), ["a"]);
        queue.delivered(chunk.number, Instant::now());
        queue.undelivered(chunk.number);
        assert!(queue.len() == 0 && queue.take().is_none());
    }

    #[test]
    fn delivered_chunks_are_remembered_for_a_moment() {
        let start = Instant::now();
        let deliver = |queue: &mut Queue, bytes: &[u8], after| {
            assert!(queue.push(bytes));
            let number = queue.take().unwrap().number;
            queue.delivered(number, start + after);
        };
        let mut queue = Queue::default();
        deliver(&mut queue, b"old", Duration::ZERO);
        deliver(&mut queue, b"young", RECENT);
        assert_eq!(queue.recent(start + 2 * RECENT), ["young"]);
        assert_eq!(queue.recent(start), [""; 0]);

        deliver(&mut queue, &vec![0; RECENT_LIMIT], RECENT);
        deliver(&mut queue, b"a", RECENT);
        deliver(&mut queue, b"b", RECENT);
        assert_eq!(queue.recent(start + RECENT), ["a", "b"]);
    }

    #[test]
    fn a_full_queue_refuses_until_there_is_room() {
        let mut queue = Queue::default();
        assert!(queue.push(&vec![0; LIMIT - 1]));
        assert!(queue.push(b"a"));
        assert!(!queue.push(b"b"));
        let chunk = queue.take().unwrap();
        assert!(!queue.push(b"b"), "a chunk under delivery still takes its room");
        queue.delivered(chunk.number, Instant::now());
        assert!(queue.push(b"b"));
    }
}
