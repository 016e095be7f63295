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

/// After so many small reads in a row a large buffer is given back.
const SMALL_READS: u8 = 16;

pub(crate) struct Incoming<D> {
    pub(crate) decoder: D,
    /// Room that the next read is to have.
    least: usize,
    /// Reads in a row that a small buffer would have done for.
    small: u8,
}

impl<D: Decoder> Incoming<D> {
    pub(crate) fn new(decoder: D) -> Self {
        Self { decoder, least: SMALL, small: 0 }
    }

    /// Reads once; `false` at the end of the stream.
    pub(crate) fn poll_fill<I: AsyncRead + Unpin>(
        &mut self,
        io: &mut I,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        let buffer = self.decoder.room(self.least);
        if self.small > SMALL_READS && buffer.is_empty() {
            buffer.shrink_to(SMALL);
        }
        let room = buffer.capacity() - buffer.len();
        let n = ready!(pin!(io.read_buf(buffer)).poll(cx))?;
        self.least = if n == room { LARGE } else { SMALL };
        self.small = if n < SMALL { self.small.saturating_add(1) } else { 0 };
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

    #[test]
    fn buffer_is_given_back_after_many_small_reads_in_a_row_and_not_while_something_is_in_it() {
        let mut incoming = Incoming::new(Gob::new().decoder());
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let [large, small] = [10 * LARGE, 10].map(|length| serde_gob::to_vec(&"x".repeat(length)).unwrap());
        // Reads it to its end, decodes it, and tells what the buffer has.
        let mut arrive = |message: &[u8]| {
            let mut io = message;
            while !Decoder::ready(&mut incoming.decoder).unwrap() {
                assert!(matches!(incoming.poll_fill(&mut io, &mut cx), Poll::Ready(Ok(true))));
            }
            let room = incoming.decoder.room(0).capacity();
            Decoder::decode::<String>(&mut incoming.decoder).unwrap();
            room
        };
        // A large one in between starts the count again.
        for _ in 0..2 {
            assert!(arrive(&large) >= large.len());
            for _ in 0..SMALL_READS {
                assert!(arrive(&small) >= large.len(), "not yet");
            }
        }
        arrive(&small);
        assert_eq!(arrive(&small), SMALL);
        // The beginning of a value that is still to come.
        assert!(arrive(&large) >= large.len());
        for _ in 0..2 * SMALL_READS {
            let mut piece = &large[..10];
            assert!(matches!(incoming.poll_fill(&mut piece, &mut cx), Poll::Ready(Ok(true))));
        }
        assert!(incoming.decoder.room(0).capacity() >= large.len());
    }
}
