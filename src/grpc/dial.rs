//! Making connections.

use std::{error::Error as _, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    broker::session_lost,
    check::check,
    client::Http2Client,
    io::{BoxIo, Io, Severable},
};
use crate::{Address, Error, ErrorKind, Result, net::Connection, tls::Security};

type Dialling = Pin<Box<dyn Future<Output = Result<BoxIo>> + Send>>;

/// A way to reach a peer, taken again after a connection was lost.
#[derive(Clone)]
pub(crate) struct Dialer {
    dial: Arc<dyn Fn() -> Dialling + Send + Sync>,
    security: Security,
}

impl Dialer {
    pub(crate) fn new<F, Fut, IO>(dial: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<IO>> + Send + 'static,
        IO: Io + 'static,
    {
        let dial = Arc::new(move || -> Dialling {
            let dialling = dial();
            Box::pin(async move { dialling.await.map(|io| Box::new(io) as BoxIo) })
        });
        Self { dial, security: Security::default() }
    }

    /// The same way, secured.
    pub(crate) fn secured(self, security: Security) -> Self {
        Self { security, ..self }
    }

    /// Dials a socket.
    pub(crate) fn to(address: Address, limit: Duration) -> Self {
        Self::new(move || {
            let address = address.clone();
            async move { Connection::dial(&address, limit).await }
        })
    }

    /// Connects, checks that gRPC answers, and keeps the connection up: a call that finds it lost dials
    /// again. When `closed` is cancelled it is cut and stays so.
    ///
    /// # Errors
    ///
    /// What is wrong with the peer, after `limit` at most.
    pub(crate) async fn connect(self, limit: Duration, closed: CancellationToken) -> Result<Http2Client> {
        Http2Client::connect(Redial { way: self, limit, closed }).await
    }
}

/// A way to reach a peer, within a limit and as long as it is wanted.
pub(super) struct Redial {
    way: Dialer,
    limit: Duration,
    closed: CancellationToken,
}

impl Redial {
    /// Connects, and checks that gRPC answers.
    pub(super) async fn dial(&self) -> Result<impl Io + use<>> {
        let (limit, closed) = (self.limit, self.closed.clone());
        if closed.is_cancelled() {
            return Err(shut_down());
        }
        let deadline = Instant::now() + limit;
        let io = timeout_at(deadline, (self.way.dial)()).await.unwrap_or_else(|_| Err(silent(limit)))?;
        let io = Severable::new(io, closed, || io::Error::other(shut_down()));
        let left = deadline.saturating_duration_since(Instant::now());
        let io = self.way.security.connect(io, left).await.map_err(below)?;
        timeout_at(deadline, check(io)).await.unwrap_or_else(|_| Err(silent(limit)))
    }

    pub(super) fn security(&self) -> &Security {
        &self.way.security
    }
}

/// What happened below TLS, if that is what its handshake failed by.
fn below(error: Error) -> Error {
    let io = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    match io.and_then(muxbroker::Error::from_io) {
        Some(session) => session_lost(session.clone()),
        None => error,
    }
}

fn silent(limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("connected, but nobody spoke gRPC within {limit:?}"))
}

pub(super) fn shut_down() -> Error {
    Error::new(ErrorKind::Shutdown, "the connection was closed on this side")
}
