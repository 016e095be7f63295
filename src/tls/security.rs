//! How the connections of one pair of host and plugin are secured.

use std::{io, sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::{TlsConfig, failure::handshake_failed, secured::Secured};
use crate::{Error, ErrorKind, Protocol, Result};

/// How long a handshake may take that the other side began. Go's gRPC servers allow two minutes, its net/rpc plugins for ever; a
/// handshake takes milliseconds.
pub(super) const ACCEPT_LIMIT: Duration = Duration::from_secs(30);

/// How the connections of one pair of host and plugin are secured: not at all, or all of them with TLS.
#[derive(Clone, Debug, Default)]
pub(crate) struct Security(Option<TlsConfig>);

impl Security {
    /// As configured, with the ALPN of the transport.
    pub(super) fn tls(mut config: TlsConfig, protocol: Protocol) -> Self {
        if protocol == Protocol::Grpc {
            let client = config.client.as_mut().map(|client| &mut Arc::make_mut(client).alpn_protocols);
            let server = config.server.as_mut().map(|server| &mut Arc::make_mut(server).alpn_protocols);
            client.into_iter().chain(server).for_each(add_h2);
        }
        Self(Some(config))
    }

    /// Fails if this side has nothing to accept connections with.
    #[cfg(feature = "grpc")]
    pub(crate) fn can_accept(&self) -> Result<()> {
        self.acceptor().map(drop)
    }

    /// The name that the other side's certificate is for; none without TLS.
    #[cfg(feature = "grpc")]
    pub(crate) fn server_name(&self) -> Option<&str> {
        self.0.as_ref().map(|config| match &config.server_name {
            ServerName::DnsName(name) => name.as_ref(),
            // HTTP/2 has to name something in its requests, and nobody here looks at it.
            _ => super::certificate::NAME,
        })
    }

    /// Secures a connection that this side made, within `limit`.
    ///
    /// # Errors
    ///
    /// What is wrong with the other side.
    pub(crate) async fn connect<IO>(&self, io: IO, limit: Duration) -> Result<Secured<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let Some((connector, name)) = self.connector()? else { return Ok(Secured::Plain(io)) };
        finished(connector.connect(name, io), limit).await
    }

    /// Secures a connection that the other side made, within half a minute.
    ///
    /// # Errors
    ///
    /// What is wrong with the other side.
    pub(crate) async fn accept<IO>(&self, io: IO) -> Result<Secured<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(acceptor) = self.acceptor()? else { return Ok(Secured::Plain(io)) };
        finished(acceptor.accept(io), ACCEPT_LIMIT).await
    }

    fn connector(&self) -> Result<Option<(TlsConnector, ServerName<'static>)>> {
        let Some(config) = &self.0 else { return Ok(None) };
        let client = config.client.clone().ok_or_else(|| lacks("client", "connect"))?;
        Ok(Some((client.into(), config.server_name.clone())))
    }

    fn acceptor(&self) -> Result<Option<TlsAcceptor>> {
        let Some(config) = &self.0 else { return Ok(None) };
        let server = config.server.clone().ok_or_else(|| lacks("server", "accept connections"))?;
        Ok(Some(server.into()))
    }
}

/// grpc-go refuses peers that do not negotiate it.
fn add_h2(protocols: &mut Vec<Vec<u8>>) {
    const H2: &[u8] = b"h2";
    if !protocols.iter().any(|protocol| protocol == H2) {
        protocols.push(H2.to_vec());
    }
}

async fn finished<IO, S: Into<TlsStream<IO>>>(
    handshake: impl Future<Output = io::Result<S>>,
    limit: Duration,
) -> Result<Secured<IO>> {
    match timeout(limit, handshake).await {
        Ok(Ok(stream)) => Ok(Secured::tls(stream.into())),
        Ok(Err(error)) => Err(handshake_failed(error)),
        Err(_) => {
            let text = format!("the other side did not finish the TLS handshake within {limit:?}");
            Err(Error::new(ErrorKind::Timeout, text))
        }
    }
}

fn lacks(half: &str, purpose: &str) -> Error {
    Error::misuse(format!(
        "this side cannot {purpose}: its `TlsConfig` has no configuration for that, which `and_{half}` adds"
    ))
}
