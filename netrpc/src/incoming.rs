//! The way in: bytes of the stream, read to where they are decoded.

use std::{
    io,
    pin::pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::codec::Decoder;

/// Room for a read on a connection of small calls: the header and body of several.
const SMALL: usize = 4 * 1024;

/// Room for a read after one that took all that it could.
const LARGE: usize = 64 * 1024;

pub(crate) struct Incoming<D> {
    pub(crate) decoder: D,
    /// Room that the next read is to have.
    least: usize,
}

impl<D: Decoder> Incoming<D> {
    pub(crate) fn new(decoder: D) -> Self {
        Self { decoder, least: SMALL }
    }

    /// Reads once; `false` at the end of the stream.
    pub(crate) fn poll_fill<I: AsyncRead + Unpin>(
        &mut self,
        io: &mut I,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        let buffer = self.decoder.room(self.least);
        let room = buffer.capacity() - buffer.len();
        let n = ready!(pin!(io.read_buf(buffer)).poll(cx))?;
        self.least = if n == room { LARGE } else { SMALL };
        Poll::Ready(Ok(n > 0))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use tokio::io::ReadBuf;

    use super::*;
    use crate::{codec::Codec, gob::Gob};

    /// Gives so much to every read and notes how much it could have brought.
    struct Flood {
        most: usize,
        asked: Vec<usize>,
    }

    impl AsyncRead for Flood {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.asked.push(buf.remaining());
            buf.put_slice(&vec![0; buf.remaining().min(self.most)]);
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn the_first_read_takes_four_kibibytes_and_those_after_a_full_one_sixty_four() {
        for (most, asked) in [(usize::MAX, [4096, 65_536, 69_632]), (4095, [4096, 4097, 8194])] {
            let (mut incoming, mut flood) =
                (Incoming::new(Gob::new().decoder()), Flood { most, asked: Vec::new() });
            let mut cx = Context::from_waker(std::task::Waker::noop());
            for _ in 0..3 {
                assert!(matches!(incoming.poll_fill(&mut flood, &mut cx), Poll::Ready(Ok(true))));
            }
            assert_eq!(flood.asked, asked, "{most} at once");
        }
    }

    #[test]
    fn a_read_after_all_was_decoded_has_the_room_there_was() {
        let mut incoming = Incoming::new(Gob::new().decoder());
        let message = serde_gob::to_vec("hello").unwrap();
        let mut asked = Vec::new();
        for _ in 0..3 {
            let mut io = &message[..];
            let mut cx = Context::from_waker(std::task::Waker::noop());
            assert!(incoming.poll_fill(&mut io, &mut cx).is_ready());
            asked.push(incoming.decoder.room(0).capacity());
            assert_eq!(Decoder::decode::<String>(&mut incoming.decoder).unwrap(), "hello");
        }
        assert_eq!(asked, [4096; 3]);
    }
}
