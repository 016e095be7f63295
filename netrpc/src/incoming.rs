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

    #[test]
    fn buffer_grows_with_large_reads_and_shrinks_after_small_ones() {
        let mut incoming = Incoming::new(Gob::new().decoder());
        incoming.resize(SMALL - 1);
        assert_eq!(incoming.chunk.len(), SMALL);
        incoming.resize(SMALL);
        assert_eq!(incoming.chunk.len(), LARGE);
        incoming.resize(LARGE);
        assert_eq!(incoming.chunk.len(), LARGE);
        for _ in 0..=SMALL_READS {
            incoming.resize(100);
        }
        assert_eq!(incoming.chunk.len(), SMALL);
    }
}
