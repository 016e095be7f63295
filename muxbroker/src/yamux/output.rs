//! The bounded queue of frames on their way to the connection.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::StreamKey;
use super::demand::Demand;
use super::header::{HEADER_LEN, Header};

/// Queued bytes from which stream writes wait. Twice this can be in memory: one batch queued, one at the
/// connection.
pub(crate) const HIGH_WATER: usize = 256 * 1024;

/// Payload of the largest data frame sent. 16 KiB was measurably slower; above 64 KiB nothing was gained and
/// small frames of other streams wait longer.
pub(crate) const MAX_PAYLOAD: usize = 64 * 1024;

/// Queued bytes of ping answers from which further pings go unanswered. A peer that reads has at most a few
/// pings under way.
const PONG_LIMIT: usize = 12 * 1024;

/// Bytes of frames that are answers to the peer, or that a caller must not wait for, above which the peer is
/// judged to flood us: 87,000 frames and not one of them read.
const CONTROL_LIMIT: usize = 1024 * 1024;

/// Ordered frames up to this size go out in one batch with urgent ones, at the price of a copy.
const JOIN_MAX: usize = 16 * 1024;

#[derive(Debug)]
pub(crate) struct Output {
    /// Credit and pings: they overtake what else is queued.
    urgent: BytesMut,
    /// Everything whose order matters.
    ordered: BytesMut,
    /// How much of `ordered` is frames without payload.
    control: usize,
    pongs: usize,
    /// Streams whose write waits for room, in order of arrival, with the time since when.
    waiting: VecDeque<(StreamKey, Instant)>,
    last_progress: Instant,
    /// The last batch was urgent frames that went before others.
    others_wait: bool,
    demand: Demand,
    /// How many batches with ordered frames the writer has taken; it takes the next one when the last is sent.
    taken: u64,
    sent: u64,
}

impl Output {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            urgent: BytesMut::new(),
            ordered: BytesMut::new(),
            control: 0,
            pongs: 0,
            waiting: VecDeque::new(),
            last_progress: now,
            others_wait: false,
            demand: Demand::default(),
            taken: 0,
            sent: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.ordered.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.urgent.len() + self.ordered.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.ordered.len() - self.control >= HIGH_WATER
    }

    /// The peer makes us queue answers without reading any.
    pub(crate) fn is_flooded(&self) -> bool {
        self.urgent.len() + self.control > CONTROL_LIMIT
    }

    pub(crate) fn push(&mut self, header: Header) {
        self.ordered.extend_from_slice(&header.encode());
        self.control += HEADER_LEN;
    }

    pub(crate) fn push_urgent(&mut self, header: Header) {
        self.urgent.extend_from_slice(&header.encode());
    }

    /// Queues a ping answer, unless too many wait already. True if it was queued.
    pub(crate) fn push_pong(&mut self, header: Header) -> bool {
        let room = self.pongs < PONG_LIMIT;
        if room {
            self.pongs += HEADER_LEN;
            self.push_urgent(header);
        }
        room
    }

    /// Queues the data frame of `header`, whose payload is the first `header.length` bytes of `payload`.
    pub(crate) fn push_data(&mut self, header: Header, payload: &[IoSlice<'_>]) {
        let mut left = header.length as usize;
        self.ordered.reserve(HEADER_LEN + left);
        self.ordered.extend_from_slice(&header.encode());
        for slice in payload {
            let n = left.min(slice.len());
            self.ordered.extend_from_slice(&slice[..n]);
            left -= n;
            if left == 0 {
                break;
            }
        }
    }

    /// Swaps the next batch of whole frames into `batch`, which must be empty. False if there is none.
    pub(crate) fn take(&mut self, batch: &mut BytesMut, now: Instant) -> bool {
        debug_assert!(batch.is_empty());
        self.last_progress = now;
        self.sent = self.taken;
        let ordered_before = self.ordered.len();
        // A batch of urgent frames alone gives way to the others, however many urgent ones follow.
        let others_turn = std::mem::take(&mut self.others_wait);
        if self.urgent.is_empty() || (others_turn && !self.ordered.is_empty()) {
            std::mem::swap(&mut self.ordered, batch);
            self.control = 0;
        } else {
            batch.extend_from_slice(&self.urgent);
            self.urgent.clear();
            self.pongs = 0;
            if self.ordered.len() <= JOIN_MAX {
                batch.extend_from_slice(&self.ordered);
                self.ordered.clear();
                self.control = 0;
            }
            self.others_wait = !self.ordered.is_empty();
        }
        if batch.is_empty() {
            for buffer in [&mut self.urgent, &mut self.ordered, batch] {
                if self.demand.is_exceeded_by(buffer.capacity()) {
                    *buffer = BytesMut::new();
                }
            }
            return false;
        }
        self.taken += u64::from(self.ordered.len() < ordered_before);
        self.demand.note(batch.len());
        true
    }

    /// Names what is queued or being sent now, for [`is_sent`](Self::is_sent). A batch holds all ordered frames there are.
    pub(crate) fn mark(&self) -> u64 {
        self.taken + u64::from(!self.ordered.is_empty())
    }

    pub(crate) fn is_sent(&self, mark: u64) -> bool {
        self.sent >= mark
    }

    pub(crate) fn progressed(&mut self, now: Instant) {
        self.last_progress = now;
    }

    pub(crate) fn discard(&mut self) {
        self.urgent = BytesMut::new();
        self.ordered = BytesMut::new();
        self.control = 0;
        self.pongs = 0;
    }

    /// Remembers that a write on `key` waits for room.
    pub(crate) fn wait(&mut self, key: StreamKey, now: Instant) {
        self.waiting.push_back((key, now));
    }

    /// There is room for one more frame besides those of `told` streams that are about to write.
    pub(crate) fn has_room(&self, told: usize) -> bool {
        self.ordered.len() - self.control + told * MAX_PAYLOAD < HIGH_WATER
    }

    /// The stream that waits longest leaves the line.
    pub(crate) fn next_waiting(&mut self) -> Option<StreamKey> {
        self.waiting.pop_front().map(|(key, _)| key)
    }

    /// When the stream that waits longest gives up, if nothing moves until then.
    pub(crate) fn stalls_at(&self, timeout: Option<Duration>) -> Option<Instant> {
        let (_, since) = self.waiting.front()?;
        Some((*since).max(self.last_progress) + timeout?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yamux::Flags;

    fn output() -> Output {
        Output::new(Instant::now())
    }

    /// Queues a data frame with so much payload.
    fn push_data(output: &mut Output, payload: usize) {
        output.push_data(Header::data(1, payload as u32), &[IoSlice::new(&vec![0; payload])]);
    }

    fn update() -> Header {
        Header::window_update(1, Flags::NONE, 0)
    }

    /// How long the batches are that are taken until nothing is left.
    fn batches(output: &mut Output) -> Vec<usize> {
        let mut batch = BytesMut::new();
        let mut lengths = Vec::new();
        while output.take(&mut batch, Instant::now()) {
            lengths.push(batch.len());
            batch.clear();
        }
        lengths
    }

    #[test]
    fn data_fills_the_queue_at_256_kibibytes_and_frames_without_payload_do_not() {
        let mut output = output();
        for _ in 0..1000 {
            output.push(update());
        }
        push_data(&mut output, 256 * 1024 - HEADER_LEN - 1);
        assert!(!output.is_full());
        assert!(output.has_room(0));
        push_data(&mut output, 0);
        assert!(output.is_full());
        assert!(!output.has_room(0));
        assert_eq!(output.len(), 1000 * HEADER_LEN + 256 * 1024 - 1 + HEADER_LEN);
        assert_eq!(batches(&mut output).len(), 1);
        assert!(output.is_empty() && !output.is_full());
    }

    #[test]
    fn room_is_left_for_a_frame_of_64_kibibytes_of_each_that_was_told() {
        let mut output = output();
        for (told, room) in [(0, true), (3, true), (4, false)] {
            assert_eq!(output.has_room(told), room, "{told} told");
        }
        push_data(&mut output, 64 * 1024 - HEADER_LEN - 1);
        assert!(output.has_room(3));
        push_data(&mut output, 0);
        assert!(!output.has_room(3));
    }

    #[test]
    fn answers_to_pings_wait_up_to_twelve_kibibytes() {
        let mut output = output();
        let pong = Header::ping(Flags::ACK, 1);
        let queued = (0..5000).filter(|_| output.push_pong(pong)).count();
        assert_eq!(queued, 1024);
        assert_eq!(batches(&mut output), [12 * 1024]);
        assert!(output.push_pong(pong), "they were read");
    }

    #[test]
    fn a_mebibyte_of_frames_that_carry_nothing_is_a_flood() {
        for urgent in [0, 1000] {
            let mut output = output();
            push_data(&mut output, 200_000);
            for n in 0..1024 * 1024 / HEADER_LEN {
                assert!(!output.is_flooded(), "after {n} frames");
                if n < urgent { output.push_urgent(update()) } else { output.push(update()) }
            }
            assert!(!output.is_flooded());
            output.push(update());
            assert!(output.is_flooded(), "{urgent} of them urgent");
            output.discard();
            assert!(!output.is_flooded() && output.is_empty());
        }
    }

    #[test]
    fn ordered_frames_share_a_batch_with_urgent_ones_up_to_sixteen_kibibytes() {
        for (payload, expected) in [
            (16 * 1024 - HEADER_LEN, &[16 * 1024 + HEADER_LEN][..]),
            (16 * 1024 - HEADER_LEN + 1, &[HEADER_LEN, 16 * 1024 + 1]),
        ] {
            let mut output = output();
            push_data(&mut output, payload);
            output.push_urgent(update());
            assert_eq!(batches(&mut output), expected, "{payload} bytes of payload");
        }
    }

    #[test]
    fn what_is_queued_is_sent_when_the_batch_after_it_is_asked_for() {
        let (mut output, mut batch) = (output(), BytesMut::new());
        let mut take = |output: &mut Output| {
            batch.clear();
            output.take(&mut batch, Instant::now())
        };
        assert!(output.is_sent(output.mark()), "nothing was queued");
        push_data(&mut output, 100_000);
        let first = output.mark();
        output.push_urgent(update());
        assert!(take(&mut output), "the urgent frame alone");
        assert!(!output.is_sent(first));
        assert!(take(&mut output), "the data");
        assert!(!output.is_sent(first), "it is under way");
        assert_eq!(output.mark(), first, "nothing was queued since");
        push_data(&mut output, 10);
        let second = output.mark();
        assert!(take(&mut output));
        assert!(output.is_sent(first) && !output.is_sent(second));
        assert!(!take(&mut output));
        assert!(output.is_sent(second));
    }

    #[test]
    fn payload_in_pieces_is_queued_up_to_the_length_of_its_frame() {
        let mut output = output();
        let pieces = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cdef"), IoSlice::new(b"gh")];
        output.push_data(Header::data(1, 5), &pieces);
        let mut batch = BytesMut::new();
        assert!(output.take(&mut batch, Instant::now()));
        assert_eq!(&batch[HEADER_LEN..], b"abcde");
    }
}
