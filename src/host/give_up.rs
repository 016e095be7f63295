//! The end of a plugin that is of no use.

use super::transport::{ConnectOptions, Transport};
use crate::{
    Address, Error, HandshakeLine,
    calls::Target,
    process::Process,
    tls::{HostTls, Security},
};
use std::time::Duration;
use tokio::time::timeout;

/// For each step of sending a refused plugin away: connecting, its answer, its exit. As long as Go gives a plugin to exit.
const STEP: Duration = Duration::from_secs(2);

/// How long to wait for the exit of a process whose connection has ended: nearly always it has just ended, and then that is
/// the news.
const EXIT_GRACE: Duration = Duration::from_millis(500);

/// Ends a plugin, and adds to the error how it ended, if it did so by itself.
///
/// `refused` is what a well-behaved plugin said that does not suit this host. It is asked to quit before it is killed: what we
/// started may be a shell or another wrapper, and killing that would leave the plugin behind.
pub(super) async fn give_up(
    process: Process,
    name: &str,
    refused: Option<HandshakeLine>,
    tls: &HostTls,
    error: Error,
) -> Error {
    let by_itself = match error.is_disconnected() {
        true => timeout(EXIT_GRACE, process.exit().exited()).await.ok(),
        false => process.exit().now(),
    };
    if let (None, Some(line)) = (by_itself, refused) {
        if let Some(path) = line.address.as_unix() {
            process.owns_socket(path);
        }
        // Its standard input was closed, which is all that can be said to it.
        let over_stdio = line.address == Address::Stdio;
        // One that does not fit this host's wish for TLS most likely speaks none.
        let security = tls.security(name, &line).unwrap_or_default();
        if over_stdio || send_away(&line, security).await {
            let _ = timeout(STEP, process.exit().exited()).await;
        }
    }
    process.kill_now().await;
    match by_itself {
        Some(exit) if error.exit_status().is_none() => error.with_status(exit.status),
        _ => error,
    }
}

/// The same for one that is connected.
pub(super) async fn give_up_connected(process: Process, transport: Transport, error: Error) -> Error {
    if transport.close(STEP).await.is_ok() {
        let _ = timeout(STEP, process.exit().exited()).await;
    }
    process.kill_now().await;
    error
}

/// Whether the plugin took the request to quit.
async fn send_away(line: &HandshakeLine, security: Security) -> bool {
    let options = ConnectOptions {
        target: Target::default(),
        stdout: Box::new(tokio::io::sink()),
        stderr: Box::new(tokio::io::sink()),
        limit: STEP,
        stdio: None,
        #[cfg(feature = "netrpc")]
        record: None,
        #[cfg(feature = "grpc")]
        grpc_message_limit: crate::DEFAULT_MESSAGE_LIMIT,
        #[cfg(feature = "grpc")]
        multiplex_grpc: line.multiplex == Some(true),
        #[cfg(feature = "grpc")]
        sockets: crate::grpc::Sockets::configured(crate::net::SocketConfig::default(), &line.address),
    };
    match Transport::connect(line, security, options).await {
        Ok(transport) => transport.close(STEP).await.is_ok(),
        Err(_) => false,
    }
}
