//! A byte stream that may be encrypted.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

use super::failure::ended;
#[cfg(feature = "netrpc")]
use crate::net::{Halves, ReadHalf, WriteHalf};

/// A byte stream, encrypted or not.
pub(crate) enum Secured<IO> {
    Plain(IO),
    Tls(Box<Encrypted<IO>>),
}

/// A stream whose handshake is complete, as far as this side knows.
pub(crate) struct Encrypted<IO> {
    stream: TlsStream<IO>,
    /// Whether the other side has said anything, be it the end.
    heard: bool,
}

impl<IO> Secured<IO> {
    pub(super) fn tls(stream: TlsStream<IO>) -> Self {
        Self::Tls(Box::new(Encrypted { stream, heard: false }))
    }
}

#[cfg(feature = "netrpc")]
impl<IO: Halves + AsyncRead + AsyncWrite + Send + Unpin + 'static> Halves for Secured<IO> {
    fn halves(self) -> (ReadHalf, WriteHalf) {
        match self {
            Self::Plain(io) => io.halves(),
            // Either direction may change the keys of the other.
            encrypted @ Self::Tls(_) => {
                let (read, write) = tokio::io::split(encrypted);
                (Box::new(read), Box::new(write))
            }
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Encrypted<IO> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.heard |= read.is_ready();
        read
    }

    /// In TLS 1.3 a client is done before the server has looked at its certificate. A server that refuses it says so
    /// and closes, which the client may first notice when it writes. Then the reason is yet to be read; whoever closed has
    /// nothing more to say, so that this does not wait for long.
    fn explain<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(Err(error)) if !self.heard && ended(&error) => {
                let mut buf = [0; 1];
                match self.poll_read(cx, &mut ReadBuf::new(&mut buf)) {
                    Poll::Ready(Err(reason)) => Poll::Ready(Err(reason)),
                    Poll::Ready(Ok(())) => Poll::Ready(Err(error)),
                    Poll::Pending => Poll::Pending,
                }
            }
            written => written,
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Self::Tls(tls) => tls.poll_read(cx, buf),
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Self::Tls(tls) => {
                let written = Pin::new(&mut tls.stream).poll_write(cx, buf);
                tls.explain(cx, written)
            }
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => {
                let written = Pin::new(&mut tls.stream).poll_write_vectored(cx, bufs);
                tls.explain(cx, written)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Tls(tls) => tls.stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            Self::Tls(tls) => {
                let flushed = Pin::new(&mut tls.stream).poll_flush(cx);
                tls.explain(cx, flushed)
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(&mut tls.stream).poll_shutdown(cx),
        }
    }
}
