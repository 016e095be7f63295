//! The connection to a plugin, over whichever transport it speaks.

use super::options::Writer;
use crate::{HandshakeLine, Protocol, Result, net::Connection, registry::Entry};
use std::{any::Any, time::Duration};

/// The connection to a plugin.
pub(super) enum Transport {
    #[cfg(feature = "netrpc")]
    NetRpc(crate::netrpc::HostConnection),
    #[cfg(feature = "grpc")]
    Grpc(crate::grpc::HostConnection),
}

/// Where a plugin's synchronised output goes.
pub(super) struct Output {
    pub(super) stdout: Writer,
    pub(super) stderr: Writer,
}

impl Transport {
    /// Connects within `limit`, and checks that somebody who speaks the protocol answers.
    pub(super) async fn connect(line: &HandshakeLine, output: Output, limit: Duration) -> Result<Self> {
        match line.protocol {
            #[cfg(feature = "netrpc")]
            Protocol::NetRpc => {
                let io = Connection::dial(&line.address, limit).await?;
                let connection =
                    crate::netrpc::HostConnection::open(io, output.stdout, output.stderr, limit).await?;
                Ok(Self::NetRpc(connection))
            }
            #[cfg(feature = "grpc")]
            Protocol::Grpc => {
                let connection =
                    crate::grpc::HostConnection::open(&line.address, output.stdout, output.stderr, limit)
                        .await?;
                Ok(Self::Grpc(connection))
            }
            #[cfg(not(all(feature = "netrpc", feature = "grpc")))]
            other => {
                let _ = (Connection::dial, output, limit);
                Err(crate::Error::misuse(format!("this program was built without the feature for {other}")))
            }
        }
    }

    /// An `Arc` of the entry's interface.
    pub(super) async fn dispense(&self, name: &str, entry: &dyn Entry) -> Result<Box<dyn Any + Send>> {
        match self {
            #[cfg(feature = "netrpc")]
            Self::NetRpc(connection) => entry.netrpc_client(name, connection.dispense(name).await?),
            #[cfg(feature = "grpc")]
            Self::Grpc(connection) => entry.grpc_client(name, connection.broker(), connection.channel()),
        }
    }

    pub(super) async fn ping(&self, limit: Duration) -> Result<()> {
        match self {
            #[cfg(feature = "netrpc")]
            Self::NetRpc(connection) => connection.ping(limit).await,
            #[cfg(feature = "grpc")]
            Self::Grpc(connection) => connection.ping(limit).await,
        }
    }

    /// Asks the plugin to quit and closes the connection, within `limit`.
    pub(super) async fn close(&self, limit: Duration) -> Result<()> {
        match self {
            #[cfg(feature = "netrpc")]
            Self::NetRpc(connection) => connection.quit(limit).await,
            #[cfg(feature = "grpc")]
            Self::Grpc(connection) => connection.shutdown(limit).await,
        }
    }
}
