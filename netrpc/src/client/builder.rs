//! What can be set about a client.

use std::{sync::Arc, time::Duration};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Client, Handle, connection, shared::Shared};
use crate::{
    codec::{Codec, CodecScope},
    gob::Gob,
    outgoing::DEFAULT_QUEUE_LIMIT,
};

/// Settings of a [`Client`].
pub struct ClientBuilder<C: Codec = Gob> {
    codec: C,
    settings: Settings,
}

pub(super) struct Settings {
    pub(super) scope: Option<Arc<dyn CodecScope>>,
    pub(super) send_cancel: bool,
    pub(super) send_trace: bool,
    pub(super) default_timeout: Option<Duration>,
    pub(super) queue_limit: usize,
}

impl ClientBuilder {
    pub(super) fn new() -> Self {
        Self {
            codec: Gob::new(),
            settings: Settings {
                scope: None,
                send_cancel: false,
                send_trace: false,
                default_timeout: None,
                queue_limit: DEFAULT_QUEUE_LIMIT,
            },
        }
    }
}

impl<C: Codec> ClientBuilder<C> {
    /// Another codec than [`Gob`], or [`Gob`] with other limits.
    pub fn codec<D: Codec>(self, codec: D) -> ClientBuilder<D> {
        ClientBuilder { codec, settings: self.settings }
    }

    /// Encodes arguments and decodes replies inside `scope`.
    pub fn scope(mut self, scope: Arc<dyn CodecScope>) -> Self {
        self.settings.scope = Some(scope);
        self
    }

    /// Whether a call that is given up (its future dropped, its timeout passed) is followed by `_goRPC_.Cancel`, which the
    /// server of this crate and that of the Go package `github.com/keegancsmith/rpc` understand.
    ///
    /// Off by default: Go's own server answers it with an error, which is skipped but may be logged there.
    pub fn send_cancel(mut self, on: bool) -> Self {
        self.settings.send_cancel = on;
        self
    }

    /// Whether the headers of requests have fields for the [`Trace`](crate::Trace) that a call belongs to. The server of this crate reads
    /// them, Go's skips them.
    ///
    /// Off by default: the header is Go's then, byte by byte.
    pub fn send_trace(mut self, on: bool) -> Self {
        self.settings.send_trace = on;
        self
    }

    /// How long a call may take that has no timeout of its own. Default: none, as in Go.
    pub fn default_timeout(mut self, after: Duration) -> Self {
        self.settings.default_timeout = Some(after);
        self
    }

    /// How many bytes may wait to be written before further calls wait too. A call that is larger than this still goes out.
    /// Default: [`DEFAULT_QUEUE_LIMIT`](crate::DEFAULT_QUEUE_LIMIT).
    pub fn queue_limit(mut self, bytes: usize) -> Self {
        self.settings.queue_limit = bytes.max(1);
        self
    }

    /// Starts the client on a fresh stream.
    ///
    /// # Panics
    /// Outside of a tokio runtime with its time driver enabled: the connection is a task of the current one.
    pub fn build<I: AsyncRead + AsyncWrite + Send + Unpin + 'static>(self, io: I) -> Client<C> {
        let decoder = self.codec.decoder();
        let shared = Arc::new(Shared::new(self.codec, self.settings));
        // The task ends with the last clone of the client: `Handle` closes the connection, and closing is bounded.
        tokio::spawn(connection::run(io, decoder, Arc::clone(&shared)));
        Client { handle: Arc::new(Handle { shared }) }
    }
}

impl<C: Codec> std::fmt::Debug for ClientBuilder<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("send_cancel", &self.settings.send_cancel)
            .field("send_trace", &self.settings.send_trace)
            .field("default_timeout", &self.settings.default_timeout)
            .field("queue_limit", &self.settings.queue_limit)
            .finish_non_exhaustive()
    }
}
