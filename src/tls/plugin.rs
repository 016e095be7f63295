//! What a plugin does about TLS.

use std::{error::Error as StdError, ffi::OsString, fmt};

use super::{
    Security, TlsConfig,
    certificate::{Identity, from_pem},
    pinned::pinned,
};
use crate::{Error, ErrorKind, Protocol, Result};

type Provider = Box<dyn FnOnce() -> Result<TlsConfig, Box<dyn StdError + Send + Sync>> + Send>;

/// The user's choice.
#[derive(Default)]
pub(crate) struct PluginOptions {
    pub(crate) provider: Option<Provider>,
}

/// How a plugin serves.
#[derive(Debug)]
pub(crate) struct PluginTls {
    pub(crate) security: Security,
    /// What the handshake line announces, in DER.
    pub(crate) certificate: Option<Vec<u8>>,
}

impl PluginOptions {
    /// The user's own configuration, or AutoMTLS if the host's environment has a certificate, or neither.
    ///
    /// # Errors
    ///
    /// If there is no serving as asked: in plain instead would be worse.
    pub(crate) fn prepare(self, host_certificate: Option<OsString>, protocol: Protocol) -> Result<PluginTls> {
        if let Some(provider) = self.provider {
            let config = provider().map_err(|cause| {
                Error::new(ErrorKind::Security, format!("plugin tls init: {cause}")).with_source(cause)
            })?;
            if config.server.is_none() {
                return Err(Error::misuse(
                    "a plugin is the server of its connection: have `tls_provider` return a `TlsConfig` with a rustls \
                     `ServerConfig`",
                ));
            }
            return Ok(PluginTls { security: Security::tls(config, protocol), certificate: None });
        }
        let Some(pem) = host_certificate.filter(|pem| !pem.is_empty()) else {
            return Ok(PluginTls { security: Security::default(), certificate: None });
        };
        let host = from_pem(pem.as_encoded_bytes())?;
        let own = Identity::generate()?;
        let security = Security::tls(pinned(&own, host)?, protocol);
        Ok(PluginTls { security, certificate: Some(own.certificate().to_vec()) })
    }
}

impl fmt::Debug for PluginOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginOptions").field("provider", &self.provider.is_some()).finish()
    }
}
