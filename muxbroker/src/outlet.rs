//! The way out of a session: the connection's writing half and the frames that are on their way to it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::driver::{Shared, now};
use crate::split::Writer;

/// Output up to this size may be sent by the task that has queued it: calls, replies, credit. More is the writer's:
/// it gathers what comes while it sends.
pub(crate) const SEND_HERE_MAX: usize = 16 * 1024;

/// Exists once. Whoever takes it out of [`Core`](crate::driver::Core) sends, and brings it back.
pub(crate) struct Outlet {
    io: Writer,
    /// The frames being sent, the first `sent` bytes of which have been.
    batch: BytesMut,
    sent: usize,
    /// Something was written since the last flush of the connection.
    unflushed: bool,
    /// What went wrong while another than the writer was sending: the writer is to end the session.
    failed: Option<io::Error>,
}

impl Outlet {
    pub(crate) fn new(io: Writer) -> Self {
        Self { io, batch: BytesMut::new(), sent: 0, unflushed: false, failed: None }
    }

    /// The connection takes no more at present.
    pub(crate) fn is_blocked(&self) -> bool {
        self.sent < self.batch.len()
    }

    /// Sends until the queue is empty and the connection flushed.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>, shared: &Shared) -> Poll<io::Result<()>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Err(error));
        }
        loop {
            let mut progressed = false;
            while self.sent < self.batch.len() {
                match Pin::new(&mut self.io).poll_write(cx, &self.batch[self.sent..]) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(n)) => self.sent += n,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        if progressed {
                            let now = now();
                            shared.with(|core| core.conn.output_progressed(now));
                        }
                        return Poll::Pending;
                    }
                }
                progressed = true;
                self.unflushed = true;
            }
            self.batch.clear();
            self.sent = 0;
            let now = now();
            let more = shared.with(|core| core.conn.take_output(&mut self.batch, now));
            shared.sent.notify_waiters();
            if !more {
                break;
            }
        }
        if self.unflushed {
            std::task::ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    pub(crate) async fn shut_down(&mut self) -> io::Result<()> {
        self.io.shutdown().await
    }
}

/// The outlet in the hands of another task than the writer, which sleeps.
///
/// A small call costs little more than its wake-ups: to wake the writer for each is one more, and the fourth in a row,
/// for which tokio's multi-thread runtime wakes another thread.
pub(crate) struct Lent {
    pub(crate) outlet: Outlet,
    pub(crate) writer: Waker,
}

impl Lent {
    /// Sends what is queued. If that cannot be done at once, the writer goes on.
    pub(crate) fn send(self, shared: &Shared) {
        let Lent { outlet, writer } = self;
        let mut back = BringBack { outlet: Some(outlet), shared };
        if let Some(outlet) = &mut back.outlet
            && let Poll::Ready(Err(error)) = outlet.poll_flush(&mut Context::from_waker(&writer), shared)
        {
            outlet.failed = Some(error);
        }
    }
}

/// Brings the outlet back, even if the connection's own code panics.
struct BringBack<'a> {
    outlet: Option<Outlet>,
    shared: &'a Shared,
}

impl Drop for BringBack<'_> {
    fn drop(&mut self) {
        let Some(outlet) = self.outlet.take() else { return };
        let unfinished = outlet.is_blocked() || outlet.unflushed || outlet.failed.is_some();
        self.shared.bring_back(outlet, unfinished);
    }
}
