//! What a user configures.

use std::{fmt, sync::Arc};

use rustls::{ClientConfig, ServerConfig, pki_types::ServerName};

use super::certificate::NAME;

/// TLS with certificates of one's own: what a host gives to [`ClientBuilder::tls_config`](crate::ClientBuilder::tls_config) and what a
/// plugin's [`Server::tls_provider`](crate::Server::tls_provider) returns.
///
/// A host is the client of the connection to its plugin, a plugin the server. Brokered gRPC connections are secured alike, and there
/// each side can have either role: a host whose plugin calls back gives a server's configuration as well, a plugin that calls back a
/// client's. Go's one `tls.Config` is both.
///
/// ```
/// use go_plugin::{TlsConfig, rustls};
///
/// # use rustls::{RootCertStore, pki_types::{CertificateDer, PrivateKeyDer}};
/// # fn example(
/// #     roots: RootCertStore, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>,
/// # ) -> Result<(), rustls::Error> {
/// let client = rustls::ClientConfig::builder().with_root_certificates(roots).with_client_auth_cert(chain, key)?;
/// let tls = TlsConfig::client(client);
/// # Ok(())
/// # }
/// ```
///
/// ALPN is none of the user's: gRPC needs `h2`, which is added, net/rpc nothing.
#[derive(Clone)]
pub struct TlsConfig {
    pub(super) client: Option<Arc<ClientConfig>>,
    pub(super) server: Option<Arc<ServerConfig>>,
    pub(super) server_name: ServerName<'static>,
}

impl TlsConfig {
    /// For connections that this side makes.
    pub fn client(config: impl Into<Arc<ClientConfig>>) -> Self {
        Self::new(Some(config.into()), None)
    }

    /// For connections that the other side makes.
    pub fn server(config: impl Into<Arc<ServerConfig>>) -> Self {
        Self::new(None, Some(config.into()))
    }

    /// Adds what is for connections that this side makes.
    #[must_use]
    pub fn and_client(mut self, config: impl Into<Arc<ClientConfig>>) -> Self {
        self.client = Some(config.into());
        self
    }

    /// Adds what is for connections that the other side makes.
    #[must_use]
    pub fn and_server(mut self, config: impl Into<Arc<ServerConfig>>) -> Self {
        self.server = Some(config.into());
        self
    }

    /// The name that the other side's certificate must be for; `localhost` by default, on Unix sockets too. Go's
    /// `tls.Config.ServerName`.
    #[must_use]
    pub fn server_name(mut self, name: ServerName<'static>) -> Self {
        self.server_name = name;
        self
    }

    fn new(client: Option<Arc<ClientConfig>>, server: Option<Arc<ServerConfig>>) -> Self {
        // The name is valid, as a test says; an address is what can be had without a way to fail.
        let loopback = ServerName::from(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
        Self { client, server, server_name: ServerName::try_from(NAME).unwrap_or(loopback) }
    }
}

impl From<ClientConfig> for TlsConfig {
    fn from(config: ClientConfig) -> Self {
        Self::client(config)
    }
}

impl From<Arc<ClientConfig>> for TlsConfig {
    fn from(config: Arc<ClientConfig>) -> Self {
        Self::client(config)
    }
}

impl From<ServerConfig> for TlsConfig {
    fn from(config: ServerConfig) -> Self {
        Self::server(config)
    }
}

impl From<Arc<ServerConfig>> for TlsConfig {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self::server(config)
    }
}

/// Without the configurations: they hold keys.
impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConfig")
            .field("client", &self.client.is_some())
            .field("server", &self.server.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}
