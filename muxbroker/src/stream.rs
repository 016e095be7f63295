//! A stream and its halves.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::driver::{Handle, register};
#[cfg(doc)]
use crate::error::Error;
use crate::yamux::{StreamKey, WriteOutcome};

/// One stream of a [`Session`](crate::Session), in both directions.
///
/// * **Reading** ends with EOF when the peer has finished the stream. Everything else is an error with an
///   [`Error`] inside ([`Error::from_io`]): the peer reset the stream, the session was closed by the peer or
///   here, its connection was lost. What arrived before can still be read.
/// * **Writing** queues; it waits for the peer's credit and for the connection. `flush` has nothing to do:
///   what was written is on its way, and [`Session::close`](crate::Session::close) waits for it.
/// * **`shutdown`** finishes this side's direction, and the peer reads EOF; reading goes on. Go: `Stream.Close`.
/// * **Dropping** finishes the stream too and gives up reading. A peer that goes on sending is reset once it
///   has used up half a window, since nobody would ever grant it more.
///
/// Deadlines, Go's `SetReadDeadline` and `SetWriteDeadline`, are `tokio::time::timeout` around a read or write:
/// both are cancel safe, a dropped one has taken nothing from the stream or put nothing into it.
pub struct Stream {
    // Dropped first, so that the read half is the last to go and knows that the stream goes as a whole.
    write: WriteHalf,
    read: ReadHalf,
}

/// The reading half of a [`Stream`]. Dropping it while the other half lives throws away what the peer sends.
pub struct ReadHalf(Arc<Inner>);

/// The writing half of a [`Stream`]. Dropping it finishes this side's direction, as `shutdown` does.
pub struct WriteHalf(Arc<Inner>);

/// What the halves share; with the last one the stream is released.
struct Inner {
    session: Handle,
    key: StreamKey,
    id: u32,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let now = crate::driver::now();
        // A waker may own what it wakes, whose drop may need the lock: hence it is dropped outside.
        let wakers = self.session.shared().with(|core| {
            core.conn.release(self.key, now);
            core.wakers.remove(&self.key)
        });
        drop(wakers);
    }
}

impl Stream {
    pub(crate) fn new(session: Handle, key: StreamKey, id: u32) -> Self {
        let inner = Arc::new(Inner { session, key, id });
        Self { write: WriteHalf(Arc::clone(&inner)), read: ReadHalf(inner) }
    }

    /// The stream's number on the wire. Go: `Stream.StreamID`.
    pub fn id(&self) -> u32 {
        self.read.0.id
    }

    /// Two halves that can be moved to different tasks. Needs no lock and no allocation.
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        (self.read, self.write)
    }

    /// Ends the stream in both directions at once, by a reset: the peer's reads and writes fail with
    /// "connection reset", and it may lose what it has not read yet. Tells a peer that what it got is not all.
    pub fn reset(self) {
        self.write.reset();
    }
}

impl ReadHalf {
    /// The stream's number on the wire.
    pub fn id(&self) -> u32 {
        self.0.id
    }
}

impl WriteHalf {
    /// The stream's number on the wire.
    pub fn id(&self) -> u32 {
        self.0.id
    }

    /// Ends the stream in both directions; see [`Stream::reset`].
    pub fn reset(self) {
        self.0.session.shared().with(|core| core.conn.reset(self.0.key));
    }
}

impl Drop for ReadHalf {
    fn drop(&mut self) {
        if Arc::strong_count(&self.0) == 1 {
            return; // The whole stream is released next.
        }
        let now = crate::driver::now();
        self.0.session.shared().with(|core| core.conn.stop_reading(self.0.key, now));
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        let now = crate::driver::now();
        self.0.session.shared().with(|core| core.conn.finish(self.0.key, now));
    }
}

impl AsyncRead for ReadHalf {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let inner = &*self.0;
        let (read, _replaced) = inner.session.shared().with(|core| {
            let read = core.conn.read(inner.key, buf.remaining());
            let replaced = match read {
                Ok(None) => register(&mut core.wakers.entry(inner.key).or_default().read, cx),
                _ => None,
            };
            (read, replaced)
        });
        match read {
            Ok(Some(bytes)) => {
                buf.put_slice(&bytes);
                Poll::Ready(Ok(()))
            }
            Ok(None) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let inner = &*self.0;
        let (outcome, _replaced) = inner.session.shared().with(|core| {
            let outcome = core.conn.write(inner.key, bufs);
            match outcome {
                Ok(WriteOutcome::NoCredit) => {}
                Ok(WriteOutcome::QueueFull) => core.conn.wait_for_room(inner.key, crate::driver::now()),
                Ok(WriteOutcome::Written(_)) | Err(_) => return (outcome, None),
            }
            (outcome, register(&mut core.wakers.entry(inner.key).or_default().write, cx))
        });
        match outcome {
            Ok(WriteOutcome::Written(n)) => Poll::Ready(Ok(n)),
            Ok(WriteOutcome::NoCredit | WriteOutcome::QueueFull) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Finishes this direction; never waits.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let now = crate::driver::now();
        self.0.session.shared().with(|core| core.conn.finish(self.0.key, now));
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.write).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.write).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.write).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.write).poll_shutdown(cx)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl fmt::Debug for ReadHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadHalf").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl fmt::Debug for WriteHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteHalf").field("id", &self.id()).finish_non_exhaustive()
    }
}
