//! The connection to a plugin, over whichever transport it speaks.

use super::options::Writer;
use crate::{
    HandshakeLine, Protocol, Result,
    calls::{Calls, Target},
    net::{Connection, Pipes},
    registry::Entry,
    tls::Security,
};
use std::{any::Any, time::Duration};

/// The connection to a plugin.
pub(super) enum Transport {
    #[cfg(feature = "netrpc")]
    NetRpc(crate::netrpc::HostConnection),
    #[cfg(feature = "grpc")]
    Grpc(crate::grpc::HostConnection),
}

/// What a host wants of a connection.
pub(super) struct ConnectOptions {
    /// Where the plugin's synchronised output goes.
    pub(super) stdout: Writer,
    pub(super) stderr: Writer,
    /// How long connecting may take.
    pub(super) limit: Duration,
    /// The connection itself, if it is there already.
    pub(super) stdio: Option<Pipes>,
    /// The file that a net/rpc connection is recorded into.
    #[cfg(feature = "netrpc")]
    pub(super) record: Option<std::path::PathBuf>,
    #[cfg(feature = "grpc")]
    pub(super) grpc_message_limit: usize,
    #[cfg(feature = "grpc")]
    pub(super) multiplex_grpc: bool,
    /// The process at the other end.
    #[cfg_attr(not(feature = "grpc"), expect(dead_code, reason = "only gRPC's broker says how it ended"))]
    pub(super) target: Target,
    /// Where brokered connections are listened for.
    #[cfg(feature = "grpc")]
    pub(super) sockets: crate::grpc::Sockets,
}

impl Transport {
    /// Connects, and checks that somebody who speaks the protocol answers.
    pub(super) async fn connect(
        line: &HandshakeLine,
        security: Security,
        options: ConnectOptions,
    ) -> Result<Self> {
        crate::heap::keep_freed_blocks();
        match line.protocol {
            #[cfg(feature = "netrpc")]
            Protocol::NetRpc => {
                let ConnectOptions { stdout, stderr, limit, record, stdio, .. } = options;
                let io = match stdio {
                    Some(pipes) => Connection::Pipes(pipes),
                    None => Connection::dial(&line.address, limit).await?,
                };
                let io = security.connect(io, limit).await?;
                Ok(Self::NetRpc(
                    crate::netrpc::HostConnection::open(io, record, stdout, stderr, limit).await?,
                ))
            }
            #[cfg(feature = "grpc")]
            Protocol::Grpc => {
                #[cfg(feature = "netrpc")]
                if options.record.is_some() {
                    tracing::warn!("only net/rpc connections are recorded, and this plugin speaks gRPC");
                }
                let stdio = options.stdio;
                let options = crate::grpc::HostOptions {
                    stdout: options.stdout,
                    stderr: options.stderr,
                    limit: options.limit,
                    message_limit: options.grpc_message_limit,
                    target: options.target,
                    multiplex: options.multiplex_grpc,
                    security,
                    sockets: options.sockets,
                };
                let connecting = match stdio {
                    // Always multiplexed: the line has been checked.
                    Some(pipes) => {
                        let io = Connection::Pipes(pipes);
                        crate::grpc::HostConnection::multiplexed(io, options).await
                    }
                    None => crate::grpc::HostConnection::open(&line.address, options).await,
                };
                Ok(Self::Grpc(connecting?))
            }
            #[cfg(not(all(feature = "netrpc", feature = "grpc")))]
            other => {
                let _ = (Connection::dial, security, options);
                Err(crate::Error::misuse(format!("this program was built without the feature for {other}")))
            }
        }
    }

    /// An `Arc` of the entry's interface.
    pub(super) async fn dispense(
        &self,
        name: &str,
        entry: &dyn Entry,
        calls: Calls,
    ) -> Result<Box<dyn Any + Send>> {
        match self {
            #[cfg(feature = "netrpc")]
            Self::NetRpc(connection) => entry.netrpc_client(name, connection.dispense(name, calls).await?),
            #[cfg(feature = "grpc")]
            Self::Grpc(connection) => {
                entry.grpc_client(name, connection.broker(), connection.channel().for_calls(calls))
            }
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

    /// The version that the plugin states, as it writes it, within `limit`.
    pub(super) async fn version(&self, limit: Duration) -> Result<Option<String>> {
        match self {
            #[cfg(feature = "netrpc")]
            Self::NetRpc(connection) => connection.version(limit).await,
            #[cfg(feature = "grpc")]
            Self::Grpc(connection) => connection.version(limit).await,
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
