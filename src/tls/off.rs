//! The same types in a build without the feature `tls`: they know the plain case alone.

use std::{error::Error as StdError, ffi::OsString, time::Duration};

use super::unexpected_certificate;
use crate::{Error, HandshakeLine, Protocol, Result};

#[derive(Clone, Debug, Default)]
pub(crate) struct Security {}

impl Security {
    #[cfg(feature = "grpc")]
    pub(crate) fn can_accept(&self) -> Result<()> {
        Ok(())
    }

    #[cfg(feature = "grpc")]
    pub(crate) fn server_name(&self) -> Option<&str> {
        None
    }

    pub(crate) async fn connect<IO>(&self, io: IO, _: Duration) -> Result<IO> {
        Ok(io)
    }

    pub(crate) async fn accept<IO>(&self, io: IO) -> Result<IO> {
        Ok(io)
    }
}

#[derive(Default)]
pub(crate) struct HostOptions {}

impl HostOptions {
    pub(crate) fn prepare(self) -> Result<HostTls> {
        Ok(HostTls)
    }
}

pub(crate) struct HostTls;

impl HostTls {
    pub(crate) fn client_cert(&self) -> Option<&str> {
        None
    }

    pub(crate) fn security(&self, _: &str, line: &HandshakeLine) -> Result<Security> {
        match line.server_certificate {
            None => Ok(Security {}),
            Some(_) => Err(unexpected_certificate()),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct PluginOptions {}

impl PluginOptions {
    pub(crate) fn prepare(self, host_certificate: Option<OsString>, _: Protocol) -> Result<PluginTls> {
        if host_certificate.is_some_and(|pem| !pem.is_empty()) {
            // Saying nothing in the handshake line leaves it to the host.
            tracing::warn!("the host offers AutoMTLS, and this plugin was built without the feature `tls`");
        }
        Ok(PluginTls { security: Security {}, certificate: None })
    }
}

pub(crate) struct PluginTls {
    pub(crate) security: Security,
    pub(crate) certificate: Option<Vec<u8>>,
}

pub(crate) fn cause_of(_: &(dyn StdError + 'static)) -> Option<Error> {
    None
}
