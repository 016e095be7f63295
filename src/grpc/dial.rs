//! Making connections.

use std::{error::Error as _, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

use super::{
    broker::session_lost,
    check::check,
    http2,
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
            async move {
                let connection = Connection::dial(&address, limit).await?;
                Ok(connection.with_send_buffer(http2::SEND_BUFFER))
            }
        })
    }

    /// Connects, checks that gRPC answers, and keeps the connection up: a call that finds it lost dials
    /// again. When `closed` is cancelled it is cut and stays so.
    ///
    /// # Errors
    ///
    /// What is wrong with the peer, after `limit` at most.
    pub(crate) async fn connect(self, limit: Duration, closed: CancellationToken) -> Result<Channel> {
        let endpoint = endpoint(&self.security)?;
        let connector = tower::service_fn(move |_: http::Uri| {
            let checked = self.clone().checked(limit, closed.clone());
            async move { checked.await.map(TokioIo::new).map_err(io::Error::other) }
        });
        Ok(endpoint.connect_with_connector(connector).await?)
    }

    async fn checked(self, limit: Duration, closed: CancellationToken) -> Result<impl Io> {
        if closed.is_cancelled() {
            return Err(shut_down());
        }
        let deadline = Instant::now() + limit;
        let io = timeout_at(deadline, (self.dial)()).await.unwrap_or_else(|_| Err(silent(limit)))?;
        let io = Severable::new(io, closed, || io::Error::other(shut_down()));
        let left = deadline.saturating_duration_since(Instant::now());
        let io = self.security.connect(io, left).await.map_err(below)?;
        timeout_at(deadline, check(io)).await.unwrap_or_else(|_| Err(silent(limit)))
    }
}

/// What requests are about to be sent to: grpc-go's name for a target that means nothing, or that in the certificates.
fn endpoint(security: &Security) -> Result<Endpoint> {
    let endpoint = http2::client(Endpoint::from_static("http://unused"));
    let Some(name) = security.server_name() else { return Ok(endpoint) };
    let origin = http::Uri::builder().scheme("https").authority(name).path_and_query("/").build();
    let origin = origin.map_err(|cause| {
        Error::misuse(format!("{name:?} cannot be the name of a server: {cause}")).with_source(cause)
    })?;
    Ok(endpoint.origin(origin))
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
