//! The way in: bytes of the stream, fed to the decoder as they arrive.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

use crate::codec::Decoder;

/// What an idle connection keeps for reading: holds the header and body of an ordinary call.
const SMALLEST_READ: usize = 4 * 1024;

/// What one read takes at most: one yamux window.
const LARGEST_READ: usize = 256 * 1024;

pub(crate) struct Incoming<D> {
    pub(crate) decoder: D,
    chunk: Box<[u8]>,
}

impl<D: Decoder> Incoming<D> {
    pub(crate) fn new(decoder: D) -> Self {
        Self { decoder, chunk: chunk(SMALLEST_READ) }
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
        // Large bodies ask for large reads, and give the memory back once they are through.
        let size = self.chunk.len();
        if n == size && size < LARGEST_READ {
            self.chunk = chunk(size * 4);
        } else if n <= SMALLEST_READ && size > SMALLEST_READ {
            self.chunk = chunk(SMALLEST_READ);
        }
        Poll::Ready(Ok(n > 0))
    }
}

fn chunk(size: usize) -> Box<[u8]> {
    vec![0; size.min(LARGEST_READ)].into_boxed_slice()
}
