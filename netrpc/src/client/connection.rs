//! The task of a client's connection: writes what callers queue, hands replies to their callers.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{pending, shared::Shared};
use crate::{
    codec::{Codec, Decoder},
    error::{Error, Kind, Result},
    incoming::Incoming,
    message::Response,
    outgoing::Writer,
};

/// How long a connection that is closed may take to write what is queued and to shut its stream down. A peer that has stopped
/// reading gets no longer; one that reads needs a fraction.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Reads in a row after which the task lets others run.
const READS_PER_POLL: usize = 32;

/// Runs a connection until it ends, and ends every call with it.
pub(super) async fn run<I, C>(io: I, decoder: C::Decoder, shared: Arc<Shared<C>>)
where
    I: AsyncRead + AsyncWrite + Send + Unpin,
    C: Codec,
{
    let guard = EndGuard { shared: Arc::clone(&shared) };
    let mut connection = Connection {
        io,
        shared,
        incoming: Incoming::new(decoder),
        header: None,
        writer: Writer::default(),
        gathered: false,
    };
    let end = poll_fn(|cx| connection.poll(cx)).await;
    match end {
        Err(reason) => connection.end(reason),
        Ok(()) => drop(tokio::time::timeout(CLOSE_TIMEOUT, connection.shut_down()).await),
    }
    // The stream goes before the guard announces the end.
    drop(connection);
    drop(guard);
}

/// Ends the calls even if the task is dropped with its runtime or panics in a reply's `Deserialize`.
struct EndGuard<C: Codec> {
    shared: Arc<Shared<C>>,
}

impl<C: Codec> Drop for EndGuard<C> {
    fn drop(&mut self) {
        self.shared.end(&Error::new(Kind::Cancelled));
        self.shared.finish();
    }
}

struct Connection<I, C: Codec> {
    io: I,
    shared: Arc<Shared<C>>,
    incoming: Incoming<C::Decoder>,
    /// The header of the reply whose body has not arrived yet.
    header: Option<Response>,
    writer: Writer,
    /// The task has let other callers queue their requests before it writes.
    gathered: bool,
}

impl<I: AsyncRead + AsyncWrite + Unpin, C: Codec> Connection<I, C> {
    /// Ready when the connection ends: `Ok` if this side closes it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if !std::mem::replace(&mut self.gathered, true) && self.shared.more_requests_may_come() {
            // The runtime runs a task that was just woken before all others. Callers that were answered together then go to the
            // back of the queue, and each of their requests would be written by itself.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.gathered = false;
        let written = match self.poll_write(cx) {
            Poll::Ready(Err(e)) => Some(e),
            _ => None,
        };
        if self.shared.is_closing() {
            return Poll::Ready(Ok(()));
        }
        for _ in 0..READS_PER_POLL {
            match self.poll_read(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => {
                    // What had arrived before the write failed is delivered: a peer may answer its last call and go.
                    return written.map_or(Poll::Pending, |e| Poll::Ready(Err(e)));
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let shared = &self.shared;
        let waker = cx.waker().clone();
        self.writer.poll_write(&mut self.io, cx, |batch| shared.refill(batch, &waker)).map_err(Error::io)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let filled = ready!(self.incoming.poll_fill(&mut self.io, cx)).map_err(Error::io)?;
        self.deliver()?;
        let end = if self.header.is_some() { Kind::BodyEof } else { Kind::Eof };
        Poll::Ready(if filled { Ok(()) } else { Err(Error::new(end)) })
    }

    /// Hands out every reply that has arrived whole.
    fn deliver(&mut self) -> Result<()> {
        let decoder = &mut self.incoming.decoder;
        loop {
            let header_error = |e| Error::new(Kind::Header(Arc::new(e)));
            if self.header.is_none() {
                if !decoder.ready().map_err(header_error)? {
                    return Ok(());
                }
                self.header = Some(decoder.decode().map_err(header_error)?);
            }
            if !decoder.ready().map_err(pending::body_error)? {
                return Ok(());
            }
            let Some(Response { seq, error }) = self.header.take() else { continue };
            match self.shared.answered(seq) {
                // Its caller has given up, or the peer answered twice.
                None => pending::discard(decoder)?,
                Some(waiter) if error.is_empty() => {
                    waiter.reply(decoder, self.shared.settings.scope.as_deref())?;
                }
                Some(waiter) => {
                    waiter.fail(Error::new(Kind::Remote(error)));
                    pending::discard(decoder)?;
                }
            }
        }
    }

    /// Ends the calls; the one whose reply was on its way hears that.
    fn end(&mut self, reason: Error) {
        if let Some(waiter) = self.header.take().and_then(|header| self.shared.answered(header.seq)) {
            waiter.fail(reason.clone());
        }
        self.shared.end(&reason);
    }

    /// Writes what is queued and shuts the stream down.
    async fn shut_down(&mut self) -> Result<()> {
        poll_fn(|cx| self.poll_write(cx)).await?;
        poll_fn(|cx| Pin::new(&mut self.io).poll_shutdown(cx)).await.map_err(Error::io)
    }
}
