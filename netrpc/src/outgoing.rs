//! The way out: header and body are encoded together or not at all, and what has gathered is written in one go.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use serde::Serialize;
use serde_gob::GobType;
use tokio::io::AsyncWrite;

use crate::codec::{Codec, CodecError, Encoder};

/// How many bytes may wait to be written before callers and handlers wait: four yamux windows. Below it one wake-up carries all.
pub const DEFAULT_QUEUE_LIMIT: usize = 1024 * 1024;

/// Capacity that a buffer keeps between batches: what the queue may hold and one large message. Fresh memory for each message of
/// a megabyte cost more than twice the rest of its call.
const RETAINED: usize = 2 * DEFAULT_QUEUE_LIMIT;

/// After so many small batches in a row a large buffer is given back.
const SMALL_BATCHES: u8 = 16;

/// What is left of it then.
const SMALL: usize = 4 * 1024;

/// Encoded messages that wait to be written.
pub(crate) struct Outbox<C: Codec> {
    codec: Arc<C>,
    encoder: C::Encoder,
    /// No message is in the stream yet, so the peer knows nothing of what the encoder remembers.
    fresh: bool,
    bytes: Vec<u8>,
}

impl<C: Codec> Outbox<C> {
    pub(crate) fn new(codec: Arc<C>) -> Self {
        Self { encoder: codec.encoder(), codec, fresh: true, bytes: Vec::new() }
    }

    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends a message whole. On an error, or if the value's own code panics, nothing is appended and the stream stays usable:
    /// Go's client leaves the header in the stream instead, which kills the next call.
    pub(crate) fn push<H: Serialize + GobType>(
        &mut self,
        header: &H,
        body: impl FnOnce(&mut C::Encoder, &mut Vec<u8>) -> Result<(), CodecError>,
    ) -> Result<(), CodecError> {
        let mut attempt = Attempt { start: self.bytes.len(), outbox: self, done: false };
        let Outbox { encoder, bytes, .. } = &mut *attempt.outbox;
        encoder.encode(header, bytes)?;
        body(encoder, bytes)?;
        attempt.done = true;
        Ok(())
    }

    /// Moves what waits into `batch`, which must be empty and whose allocation is taken over.
    pub(crate) fn take(&mut self, batch: &mut Vec<u8>) {
        std::mem::swap(&mut self.bytes, batch);
    }
}

/// Undoes a message that was not finished.
struct Attempt<'a, C: Codec> {
    outbox: &'a mut Outbox<C>,
    start: usize,
    done: bool,
}

impl<C: Codec> Drop for Attempt<'_, C> {
    fn drop(&mut self) {
        let outbox = &mut *self.outbox;
        if self.done {
            outbox.fresh = false;
            return;
        }
        outbox.bytes.truncate(self.start);
        if outbox.fresh {
            // The definitions of the header went with it. Later headers bring none, so this is needed only once.
            outbox.encoder = outbox.codec.encoder();
        }
    }
}

/// Writes batches to the stream.
#[derive(Default)]
pub(crate) struct Writer {
    batch: Vec<u8>,
    written: usize,
    unflushed: bool,
    /// Batches in a row that used little of their buffer.
    small: u8,
}

impl Writer {
    /// Whether everything that was taken is written and flushed.
    pub(crate) fn is_done(&self) -> bool {
        self.written == self.batch.len() && !self.unflushed
    }

    /// Makes the batch ready for the next one, and keeps no more memory than the last ones used.
    fn recycle(&mut self) {
        self.small = if self.written < self.batch.capacity() / 4 { self.small.saturating_add(1) } else { 0 };
        self.written = 0;
        self.batch.clear();
        self.batch.shrink_to(if self.small > SMALL_BATCHES { SMALL } else { RETAINED });
    }

    /// Writes until `refill` leaves the batch empty; ready when everything is written and flushed.
    pub(crate) fn poll_write<I: AsyncWrite + Unpin>(
        &mut self,
        io: &mut I,
        cx: &mut Context<'_>,
        mut refill: impl FnMut(&mut Vec<u8>),
    ) -> Poll<io::Result<()>> {
        loop {
            if self.written < self.batch.len() {
                let n = ready!(Pin::new(&mut *io).poll_write(cx, &self.batch[self.written..]))?;
                if n == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.written += n;
                self.unflushed = true;
                continue;
            }
            if self.written > 0 {
                self.recycle();
            }
            refill(&mut self.batch);
            if self.batch.is_empty() {
                if self.unflushed {
                    ready!(Pin::new(&mut *io).poll_flush(cx))?;
                    self.unflushed = false;
                }
                return Poll::Ready(Ok(()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gob::Gob, message::RequestRef};

    fn header(seq: u64) -> RequestRef<'static> {
        RequestRef { service_method: "A.B", seq }
    }

    fn text(text: &str) -> impl FnOnce(&mut serde_gob::Encoder, &mut Vec<u8>) -> Result<(), CodecError> {
        move |encoder, out| Encoder::encode(encoder, text, out)
    }

    fn refused(_: &mut serde_gob::Encoder, out: &mut Vec<u8>) -> Result<(), CodecError> {
        out.extend_from_slice(b"half a body");
        Err(CodecError::value("refused"))
    }

    #[test]
    fn message_that_fails_leaves_the_bytes_as_if_it_had_never_been() {
        let (mut with, mut without) = (Outbox::new(Arc::new(Gob::new())), Outbox::new(Arc::new(Gob::new())));
        // Once before the definition of the header is out, once after.
        for seq in 0..2 {
            with.push(&header(seq), refused).unwrap_err();
            with.push(&header(seq), text("body")).unwrap();
            without.push(&header(seq), text("body")).unwrap();
        }
        assert_eq!(with.bytes, without.bytes);
    }

    /// Takes what it is given, up to so many bytes at once, and notes what is asked of it.
    struct Sink {
        most: usize,
        log: Vec<&'static str>,
    }

    impl AsyncWrite for Sink {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.log.push("write");
            Poll::Ready(Ok(bytes.len().min(self.most)))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.log.push("flush");
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Writes one batch of so many bytes to a stream that takes `most` at once, and returns what was asked of the stream.
    fn write(writer: &mut Writer, bytes: usize, most: usize) -> (Vec<&'static str>, io::Result<()>) {
        let (mut left, mut sink) = (Some(vec![0; bytes]), Sink { most, log: Vec::new() });
        let refill = |batch: &mut Vec<u8>| batch.extend_from_slice(&left.take().unwrap_or_default());
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let Poll::Ready(written) = writer.poll_write(&mut sink, &mut cx, refill) else {
            panic!("the sink is always ready");
        };
        (sink.log, written)
    }

    #[test]
    fn a_batch_is_written_whole_and_flushed_once() {
        let mut writer = Writer::default();
        for (bytes, most, log) in [
            (10, 100, &["write", "flush"][..]),
            (10, 4, &["write", "write", "write", "flush"]),
            (0, 100, &[]),
        ] {
            let (asked, written) = write(&mut writer, bytes, most);
            assert_eq!(asked, log, "{bytes} bytes, {most} at once");
            written.unwrap();
            assert!(writer.is_done());
        }
    }

    #[test]
    fn a_stream_that_takes_nothing_is_an_error_and_no_endless_loop() {
        let (asked, written) = write(&mut Writer::default(), 10, 0);
        assert_eq!((asked, written.unwrap_err().kind()), (vec!["write"], io::ErrorKind::WriteZero));
    }

    #[test]
    fn a_batch_under_way_or_not_flushed_is_not_done() {
        for (written, unflushed, done) in
            [(0, false, false), (3, true, false), (3, false, true), (0, true, false)]
        {
            let writer = Writer { batch: vec![0; 3], written, unflushed, small: 0 };
            assert_eq!(writer.is_done(), done, "{written} written, unflushed: {unflushed}");
        }
    }

    #[test]
    fn buffer_of_a_large_message_is_kept_while_it_is_used_and_then_given_back() {
        const MOST: usize = 2 * 1024 * 1024;
        let mut writer = Writer::default();
        let mut write = |bytes| {
            write(&mut writer, bytes, usize::MAX).1.unwrap();
            writer.batch.capacity()
        };
        assert_eq!(write(10 * MOST), MOST, "too large to keep");
        for _ in 0..2 * SMALL_BATCHES {
            assert_eq!(write(MOST / 4), MOST, "a quarter of it is in use");
            write(0);
        }
        for _ in 0..SMALL_BATCHES {
            assert_eq!(write(100), MOST, "not yet");
            // To have nothing to write is no small batch.
            write(0);
        }
        assert_eq!(write(100), 4096);
    }
}
