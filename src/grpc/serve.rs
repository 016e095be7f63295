//! One gRPC server among several in a process, with a stop that always ends.

use std::{io, time::Duration};

use tokio::{task::JoinHandle, time::sleep};
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;

use super::{http2, io::Io, io::Severable, services::ServiceRouter};
use crate::{
    net::{ACCEPT_PAUSE, Connection, Listener},
    tls::Security,
};

/// A running server. Dropping it stops it as [`Serving::stop`] does, in the background.
#[derive(Debug)]
pub(crate) struct Serving {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Serving {
    /// Serves every connection of `incoming`, until stopped or `stop` is cancelled: no new connections and
    /// calls then, and `grace` for the running ones, which are cut after it.
    pub(crate) fn start<IO>(
        router: ServiceRouter,
        incoming: impl Stream<Item = io::Result<IO>> + Send + 'static,
        stop: CancellationToken,
        grace: Duration,
    ) -> Self
    where
        IO: Io + 'static,
    {
        let cut = CancellationToken::new();
        let incoming = {
            let cut = cut.clone();
            incoming.map(move |io| io.map(|io| Severable::new(io, cut.clone(), server_stopped)))
        };
        let serve =
            http2::server().serve_with_incoming_shutdown(router, incoming, stop.clone().cancelled_owned());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let bounded = async {
                stopped.cancelled().await;
                sleep(grace).await;
                cut.cancel();
                // The connections' own tasks notice and end, and with them `serve`.
                std::future::pending::<()>().await;
            };
            tokio::select! {
                served = serve => if let Err(error) = served {
                    tracing::debug!(%error, "gRPC server ended");
                },
                () = bounded => {}
            }
        });
        Self { stop, task }
    }

    /// Ends once no connection is left: running calls get the grace, connections without calls none.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        self.ended().await;
    }

    /// Lets it run until the token that it was started with is cancelled.
    pub(crate) fn detach(mut self) {
        self.stop = CancellationToken::new(); // so that dropping stops nothing
    }

    /// Waits until the server has ended, for whatever reason.
    pub(crate) async fn ended(&mut self) {
        if !self.task.is_finished() {
            let _ = (&mut self.task).await;
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn server_stopped() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the server was stopped")
}

/// How many connections may be in the middle of their TLS handshake. The rest waits for these, half a minute at most each: it
/// takes a peer of this machine that means harm.
const MAX_HANDSHAKES: usize = 64;

/// What of `incoming` has secured its connection as agreed.
pub(crate) fn secured<IO: Io>(
    incoming: impl Stream<Item = io::Result<IO>> + Send + 'static,
    security: Security,
) -> impl Stream<Item = io::Result<impl Io>> + Send + 'static {
    let secure = move |io: io::Result<IO>| {
        let security = security.clone();
        async move {
            let io = match io {
                Ok(io) => io,
                Err(error) => return Some(Err(error)),
            };
            match security.accept(io).await {
                Ok(io) => Some(Ok(io)),
                Err(error) => {
                    tracing::warn!(%error, "refused a connection");
                    None
                }
            }
        }
    };
    let handshakes = futures_util::StreamExt::map(incoming, secure);
    futures_util::StreamExt::buffer_unordered(handshakes, MAX_HANDSHAKES).filter_map(|io| io)
}

/// The connections of a listener. Ends never; dropping it closes the listener.
pub(crate) fn incoming(listener: Listener) -> impl Stream<Item = io::Result<Connection>> + Send + 'static {
    futures_util::stream::unfold(listener, |listener| async {
        loop {
            match listener.accept().await {
                Ok(connection) => return Some((Ok(connection), listener)),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    })
}
