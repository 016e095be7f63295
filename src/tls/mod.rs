//! TLS between host and plugin: AutoMTLS, or certificates of the user's own.
//!
//! Every connection of a pair is secured alike, brokered ones too. [`Security`] is what the transports see: it turns a byte
//! stream into one that may be encrypted. Over net/rpc that is the socket, with yamux inside; over gRPC it is what HTTP/2 runs
//! on, be that a socket or a yamux stream.

#[cfg(feature = "tls")]
mod certificate;
#[cfg(feature = "tls")]
mod config;
#[cfg(feature = "tls")]
mod failure;
#[cfg(feature = "tls")]
mod host;
#[cfg(not(feature = "tls"))]
mod off;
#[cfg(feature = "tls")]
mod pinned;
#[cfg(feature = "tls")]
mod plugin;
#[cfg(feature = "tls")]
mod provider;
#[cfg(feature = "tls")]
mod secured;
#[cfg(feature = "tls")]
mod security;

#[cfg(feature = "tls")]
pub use self::{config::TlsConfig, host::AutoMtls};
#[cfg(feature = "tls")]
pub(crate) use self::{
    failure::cause_of,
    host::{HostOptions, HostTls},
    plugin::{PluginOptions, PluginTls},
    security::Security,
};
#[cfg(not(feature = "tls"))]
pub(crate) use off::{HostOptions, HostTls, PluginOptions, PluginTls, Security, cause_of};

use crate::{Error, ErrorKind};

/// A plugin that was not asked to, or by another host, speaks TLS: nothing that follows would be understood.
fn unexpected_certificate() -> Error {
    Error::new(ErrorKind::Security, "the plugin answered with a certificate, but this host offered none")
}

#[cfg(test)]
#[cfg(feature = "tls")]
pub(crate) mod tests;
