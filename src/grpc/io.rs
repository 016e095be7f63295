//! Byte streams under HTTP/2.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{Notify, futures::Notified},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

/// Any byte stream.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(crate) type BoxIo = Box<dyn Io>;

/// A byte stream that can be cut from outside: from then on every operation fails, so that whoever drives
/// it gives up. hyper's connections run in tasks that nobody can reach otherwise.
pub(crate) struct Severable<IO> {
    io: IO,
    cut: CancellationToken,
    /// Wakes a task that waits for the peer.
    woken: Pin<Box<WaitForCancellationFutureOwned>>,
    error: fn() -> io::Error,
    flushes: Flushes,
}

/// Counts how often all that HTTP/2 had to say on a connection went to the operating system. Handlers find
/// it among the extensions of their request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flushes(Arc<(AtomicU64, Notify)>);

/// Tells a connection from others, also after its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionId(Weak<(AtomicU64, Notify)>);

impl ConnectionId {
    pub(crate) fn is_open(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl PartialEq for ConnectionId {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl Flushes {
    /// The connection that they are of.
    pub(crate) fn connection(&self) -> ConnectionId {
        ConnectionId(Arc::downgrade(&self.0))
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.0.load(Ordering::SeqCst)
    }

    /// The next one, after this call.
    pub(crate) fn next(&self) -> Notified<'_> {
        self.0.1.notified()
    }

    fn one_more(&self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }
}

impl<IO> Severable<IO> {
    /// Cut when `cut` is cancelled; `error` says why.
    pub(crate) fn new(io: IO, cut: CancellationToken, error: fn() -> io::Error) -> Self {
        let woken = Box::pin(cut.clone().cancelled_owned());
        Self { io, cut, woken, error, flushes: Flushes::default() }
    }

    fn guard<T>(
        &mut self,
        cx: &mut Context<'_>,
        operation: impl FnOnce(&mut IO, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.cut.is_cancelled() {
            return Poll::Ready(Err((self.error)()));
        }
        match operation(&mut self.io, cx) {
            Poll::Pending => self.woken.as_mut().poll(cx).map(|()| Err((self.error)())),
            ready => ready,
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Severable<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.guard(cx, |io, cx| Pin::new(io).poll_read(cx, buf))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Severable<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.guard(cx, |io, cx| Pin::new(io).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.guard(cx, |io, cx| Pin::new(io).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.guard(cx, |io, cx| Pin::new(io).poll_flush(cx));
        if let Poll::Ready(Ok(())) = flushed {
            self.flushes.one_more();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.guard(cx, |io, cx| Pin::new(io).poll_shutdown(cx))
    }
}

impl<IO> Connected for Severable<IO> {
    type ConnectInfo = Flushes;

    fn connect_info(&self) -> Flushes {
        self.flushes.clone()
    }
}
