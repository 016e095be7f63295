//! Making connections.

use std::{future::Future, io, pin::Pin, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

use super::{
    check::check,
    io::{BoxIo, Io, Severable},
};
use crate::{Address, Error, ErrorKind, Result, net::Connection};

type Dialling = Pin<Box<dyn Future<Output = Result<BoxIo>> + Send>>;

/// A way to reach a peer, taken again after a connection was lost.
#[derive(Clone)]
pub(crate) struct Dialer(Arc<dyn Fn() -> Dialling + Send + Sync>);

impl Dialer {
    pub(crate) fn new<F, Fut, IO>(dial: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<IO>> + Send + 'static,
        IO: Io + 'static,
    {
        Self(Arc::new(move || {
            let dialling = dial();
            Box::pin(async move { dialling.await.map(|io| Box::new(io) as BoxIo) })
        }))
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
    pub(crate) async fn connect(self, limit: Duration, closed: CancellationToken) -> Result<Channel> {
        let connector = tower::service_fn(move |_: http::Uri| {
            let (dialer, closed) = (self.clone(), closed.clone());
            async move {
                match timeout(limit, dialer.checked(closed)).await {
                    Ok(connected) => connected.map(TokioIo::new).map_err(io::Error::other),
                    Err(_) => Err(io::Error::other(silent(limit))),
                }
            }
        });
        // grpc-go's authority for a connection whose target means nothing.
        Ok(Endpoint::from_static("http://unused").connect_with_connector(connector).await?)
    }

    async fn checked(self, closed: CancellationToken) -> Result<impl Io> {
        if closed.is_cancelled() {
            return Err(shut_down());
        }
        let io = (self.0)().await?;
        check(Severable::new(io, closed, || io::Error::other(shut_down()))).await
    }
}

fn silent(limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("connected, but nobody spoke gRPC within {limit:?}"))
}

pub(super) fn shut_down() -> Error {
    Error::new(ErrorKind::Shutdown, "the connection was closed on this side")
}
