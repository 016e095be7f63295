//! A gRPC server and a channel to it, in memory.

use crate::{
    GrpcChannel, GrpcServices, Result,
    calls::Calls,
    grpc::{Dialer, Serving},
};
use std::{io, time::Duration};
use tokio::{io::duplex, sync::mpsc};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;

/// What a pipe holds in each direction: enough for the windows of HTTP/2.
const PIPE: usize = 64 << 10;

/// Nobody waits in memory; this bounds a server that does not answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections at a time; a channel has one.
const BACKLOG: usize = 4;

/// A server in memory. Dropping it ends it, calls under way too.
#[derive(Debug)]
pub struct GrpcServed {
    serving: Serving,
    closed: CancellationToken,
}

impl GrpcServed {
    /// Ends the server: calls through the channel fail from then on.
    pub async fn stop(mut self) {
        self.closed.cancel();
        self.serving.stop().await;
    }
}

impl Drop for GrpcServed {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

/// Serves what `register` adds, and connects to it. Go's `TestGRPCConn`.
///
/// # Errors
/// What `register` says.
pub async fn grpc_channel(
    register: impl FnOnce(&mut GrpcServices) -> Result<()>,
) -> Result<(GrpcChannel, GrpcServed)> {
    let mut services = GrpcServices::new(crate::DEFAULT_MESSAGE_LIMIT);
    register(&mut services)?;
    let (connections, incoming) = mpsc::channel(BACKLOG);
    let closed = CancellationToken::new();
    let incoming = ReceiverStream::new(incoming).map(Ok);
    let serving = Serving::start(services.into_router(), incoming, CancellationToken::new(), Duration::ZERO);
    let served = GrpcServed { serving, closed: closed.clone() };
    let dialer = Dialer::new(move || {
        let connections = connections.clone();
        async move {
            let (ours, theirs) = duplex(PIPE);
            let ended = |_| io::Error::new(io::ErrorKind::ConnectionRefused, "the server was stopped");
            connections.send(theirs).await.map_err(ended)?;
            Ok(ours)
        }
    });
    let channel = dialer.connect(CONNECT_TIMEOUT, closed.clone()).await?;
    let (channel, _) = GrpcChannel::new(channel, closed, crate::DEFAULT_MESSAGE_LIMIT);
    Ok((channel.for_calls(Calls::default()), served))
}
