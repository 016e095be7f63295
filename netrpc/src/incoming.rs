//! The way in: bytes of the stream, fed to the decoder as they arrive.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

use crate::codec::Decoder;

/// What one read takes on a connection of small calls: the header and body of several.
const SMALL: usize = 4 * 1024;

/// What one read takes at most. Larger ones gain nothing, since the decoder copies what it is fed.
const LARGE: usize = 64 * 1024;

/// After so many small reads in a row a large buffer is given back.
const SMALL_READS: u8 = 16;

pub(crate) struct Incoming<D> {
    pub(crate) decoder: D,
    chunk: Box<[u8]>,
    /// Reads in a row that a small buffer would have done for.
    small: u8,
}

impl<D: Decoder> Incoming<D> {
    pub(crate) fn new(decoder: D) -> Self {
        Self { decoder, chunk: chunk(SMALL), small: 0 }
    }

    /// Reads once; `false` at the end of the stream.
    pub(crate) fn poll_fill<I: AsyncRead + Unpin>(
        &mut self,
        io: &mut I,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        let mut buf = ReadBuf::new(&mut self.chunk);
        ready!(Pin::new(io).poll_read(cx, &mut buf))?;
        let n = buf.filled().len();
        self.decoder.feed(buf.filled());
        self.resize(n);
        Poll::Ready(Ok(n > 0))
    }

    /// Fits the buffer to what the last reads took.
    fn resize(&mut self, read: usize) {
        let size = self.chunk.len();
        self.small = if read < SMALL { self.small.saturating_add(1) } else { 0 };
        if read == size && size < LARGE {
            self.chunk = chunk(LARGE);
        } else if self.small > SMALL_READS && size > SMALL {
            self.chunk = chunk(SMALL);
        }
    }
}

fn chunk(size: usize) -> Box<[u8]> {
    vec![0; size].into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{codec::Codec, gob::Gob};

    /// Fills every read and notes how much it could have brought.
    struct Flood(Vec<usize>);

    impl AsyncRead for Flood {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.0.push(buf.remaining());
            buf.put_slice(&vec![0; buf.remaining()]);
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn the_first_read_takes_four_kibibytes_and_those_after_a_full_one_sixty_four() {
        let (mut incoming, mut flood) = (Incoming::new(Gob::new().decoder()), Flood(Vec::new()));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        for _ in 0..3 {
            assert!(incoming.poll_fill(&mut flood, &mut cx).is_ready());
        }
        assert_eq!(flood.0, [4096, 65_536, 65_536]);
    }

    #[test]
    fn buffer_grows_with_a_full_read_and_shrinks_after_many_small_ones_in_a_row() {
        let mut incoming = Incoming::new(Gob::new().decoder());
        incoming.resize(SMALL - 1);
        assert_eq!(incoming.chunk.len(), SMALL);
        incoming.resize(SMALL);
        assert_eq!(incoming.chunk.len(), LARGE);
        // One that a small buffer would not have done for starts the count again.
        for larger in [LARGE, SMALL] {
            for _ in 0..SMALL_READS {
                incoming.resize(SMALL - 1);
            }
            incoming.resize(larger);
            assert_eq!(incoming.chunk.len(), LARGE, "{larger}");
        }
        for _ in 0..SMALL_READS {
            incoming.resize(100);
        }
        assert_eq!(incoming.chunk.len(), LARGE, "not yet");
        incoming.resize(100);
        assert_eq!(incoming.chunk.len(), SMALL);
    }
}
