//! What a host may choose about a plugin it starts.

use std::time::Duration;
use tokio::io::AsyncWrite;

/// How long a plugin may take from its start to its handshake line. Go's default `StartTimeout`.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long connecting to a plugin that has printed its line may take: it is listening already, so this bounds a
/// plugin that hangs.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a plugin may take to answer a ping. Go has no limit there.
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the graceful part of ending a plugin may take: its answer to the request to quit. Go waits for ever.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Where a plugin's output goes.
pub(crate) type Writer = Box<dyn AsyncWrite + Send + Unpin>;
