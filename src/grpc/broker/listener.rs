//! The accepting end of a brokered connection, for servers of the user's own.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use crate::grpc::io::{BoxIo, Severable};

pub(crate) type Incoming = Pin<Box<dyn Stream<Item = io::Result<BoxIo>> + Send>>;

/// The connections that the other side dials under one number: what tonic's `serve_with_incoming` takes.
///
/// Dropping it closes the socket; connections that were accepted live on. When the connection to the other
/// side ends, this ends too and they are cut.
pub struct GrpcListener(Pin<Box<dyn Stream<Item = io::Result<GrpcStream>> + Send>>);

/// A connection under a number of the broker's.
pub struct GrpcStream(Severable<BoxIo>);

impl GrpcListener {
    pub(super) fn new(incoming: Incoming, closed: CancellationToken) -> Self {
        let cut = closed.clone();
        let streams = incoming
            .take_until(closed.cancelled_owned())
            .map(move |io| io.map(|io| GrpcStream(Severable::new(io, cut.clone(), broker_closed))));
        Self(Box::pin(streams))
    }
}

fn broker_closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "broker closed")
}

impl Stream for GrpcListener {
    type Item = io::Result<GrpcStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl fmt::Debug for GrpcListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcListener").finish_non_exhaustive()
    }
}

impl fmt::Debug for GrpcStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcStream").finish_non_exhaustive()
    }
}

impl Connected for GrpcStream {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for GrpcStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for GrpcStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
