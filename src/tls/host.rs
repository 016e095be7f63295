//! What a host wants of TLS, and what comes of it with the plugin that it started.

use super::{
    Security, TlsConfig,
    certificate::{Identity, from_der},
    pinned::pinned,
    unexpected_certificate,
};
use crate::{Error, ErrorKind, HandshakeLine, Result};

/// Whether a plugin has to take part in AutoMTLS, in which each side makes a certificate for the one connection and
/// accepts nobody but the other.
///
/// Go's `ClientConfig.AutoMTLS` is neither: a Go host that asks a plugin which cannot do it fails in the TLS handshake. Plugins on
/// go-plugin v1.0.1 and later can, and those on this crate; nothing has to be configured there. Over gRPC, plugins from before
/// go-plugin v1.4 cannot dial their host then, as they trust nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AutoMtls {
    /// A plugin that does not answer with a certificate is refused, with [`ErrorKind::Security`].
    Required,
    /// A plugin that does not answer with a certificate is talked to in plain, and that is logged as a warning.
    IfOffered,
}

/// The user's choice.
#[derive(Debug, Default)]
pub(crate) struct HostOptions {
    pub(crate) auto: Option<AutoMtls>,
    pub(crate) own: Option<TlsConfig>,
}

/// What a host goes into the start of a plugin with.
pub(crate) enum HostTls {
    Plain,
    Auto(AutoMtls, Identity),
    Own(TlsConfig),
}

impl HostOptions {
    /// # Errors
    ///
    /// What the user has to change.
    pub(crate) fn prepare(self) -> Result<HostTls> {
        match self {
            Self { auto: None, own: None } => Ok(HostTls::Plain),
            Self { auto: Some(mode), own: None } => Ok(HostTls::Auto(mode, Identity::generate()?)),
            Self { auto: None, own: Some(config) } if config.client.is_none() => Err(Error::misuse(
                "a host connects to its plugin: give `tls_config` a `TlsConfig` with a rustls `ClientConfig`",
            )),
            Self { auto: None, own: Some(config) } => Ok(HostTls::Own(config)),
            Self { auto: Some(_), own: Some(_) } => Err(Error::misuse(
                "either `auto_mtls`, which makes its own certificates, or `tls_config`, but not both",
            )),
        }
    }
}

impl HostTls {
    /// The certificate that the plugin shall accept, in PEM.
    pub(crate) fn client_cert(&self) -> Option<&str> {
        match self {
            Self::Auto(_, identity) => Some(&identity.pem),
            Self::Plain | Self::Own(_) => None,
        }
    }

    /// How to talk to the plugin of that name, which printed this line.
    ///
    /// # Errors
    ///
    /// If what it says about TLS does not fit what this host asked for.
    pub(crate) fn security(&self, plugin: &str, line: &HandshakeLine) -> Result<Security> {
        match (self, &line.server_certificate) {
            (Self::Plain, None) => Ok(Security::default()),
            (Self::Own(config), None) => Ok(Security::tls(config.clone(), line.protocol)),
            (Self::Plain | Self::Own(_), Some(_)) => Err(unexpected_certificate()),
            (Self::Auto(_, identity), Some(der)) => {
                Ok(Security::tls(pinned(identity, from_der(der)?)?, line.protocol))
            }
            (Self::Auto(AutoMtls::IfOffered, _), None) => {
                tracing::warn!(
                    plugin,
                    "the plugin does not take part in AutoMTLS: its connection is not secured"
                );
                Ok(Security::default())
            }
            (Self::Auto(AutoMtls::Required, _), None) => {
                let text = "the plugin did not answer with a certificate, and this host requires AutoMTLS; to go on without, \
                            it would have to ask for `AutoMtls::IfOffered`";
                Err(Error::new(ErrorKind::Security, text))
            }
        }
    }
}
