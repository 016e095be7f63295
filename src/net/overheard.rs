//! What a plugin says first: who expects TLS tells by that.

use std::{
    io,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

#[cfg(feature = "grpc")]
use tokio::io::AsyncWrite;
use tokio::io::{AsyncRead, ReadBuf};

/// A byte stream that remembers how what it read began.
pub(crate) struct Overheard<IO> {
    io: IO,
    heard: Heard,
}

/// How it began, once it has.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<OnceLock<[u8; 2]>>);

impl Heard {
    /// Whether anything was said at all.
    #[cfg(feature = "netrpc")]
    pub(crate) fn anything(&self) -> bool {
        self.0.get().is_some()
    }

    /// Whether it was the refusal of somebody who expects TLS: a record of an alert, of any version.
    pub(crate) fn tls_alert(&self) -> bool {
        self.0.get() == Some(&[0x15, 3])
    }
}

impl<IO> Overheard<IO> {
    pub(crate) fn new(io: IO) -> (Self, Heard) {
        let heard = Heard::default();
        (Self { io, heard: heard.clone() }, heard)
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Overheard<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if let ([first, rest @ ..], false) = (&buf.filled()[before..], self.heard.0.get().is_some()) {
            let _ = self.heard.0.set([*first, rest.first().copied().unwrap_or_default()]);
        }
        read
    }
}

#[cfg(feature = "grpc")]
impl<IO: AsyncWrite + Unpin> AsyncWrite for Overheard<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
