//! The serving side.

mod connection;
mod methods;
mod service;

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    future::Future,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};

pub use self::{
    methods::Methods,
    service::{Args, DispatchError, Handling, Reply, Service},
};
use crate::{
    codec::{Codec, CodecScope},
    error::{Error, Kind, Result},
    gob::Gob,
    message,
    outgoing::DEFAULT_QUEUE_LIMIT,
};

/// How many handlers of one connection run at once unless the builder says otherwise. Go has no limit; this one is meant to be
/// met only by a peer that floods, since each handler costs a task and its argument.
pub const DEFAULT_MAX_CONCURRENT: usize = 4096;

/// How long the handlers of a connection may finish after its last request, unless the builder says otherwise. Go waits for ever;
/// this is well above what a call takes that somebody waits for, and below what a supervisor allows for an exit.
pub const DEFAULT_DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves named services on byte streams. Go: `rpc.Server`.
///
/// Clones share the services and [`shutdown`](Self::shutdown).
pub struct Server<C: Codec = Gob> {
    inner: Arc<Inner<C>>,
}

struct Inner<C: Codec> {
    codec: Arc<C>,
    services: HashMap<String, Box<dyn Service<C>>>,
    scope: Option<Arc<dyn CodecScope>>,
    max_concurrent: usize,
    queue_limit: usize,
    drain_timeout: Duration,
    shutdown: watch::Sender<bool>,
}

impl Server {
    /// A server without services.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::for_codec(Gob::new())
    }
}

impl<C: Codec> Server<C> {
    /// Serves one stream until the peer ends it or [`shutdown`](Self::shutdown) is asked for, then lets running handlers finish
    /// (bounded by [`ServerBuilder::drain_timeout`]), writes their replies and closes the stream. Any number of streams may be
    /// served at once.
    ///
    /// Requests are read one after the other; handlers run at once, each as a task of the current tokio runtime, and replies go
    /// out as they come. A handler that panics answers with an error.
    ///
    /// Dropping the future drops the stream and every handler.
    ///
    /// # Errors
    /// The stream ended in the middle of a request, reading or writing failed, or a request could not be decoded.
    pub fn serve<I>(&self, io: I) -> impl Future<Output = Result<()>> + Send + use<I, C>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        connection::serve(Arc::clone(&self.inner), io)
    }

    /// Stops reading requests on every stream that is served, now and later: each [`serve`](Self::serve) drains and returns.
    pub fn shutdown(&self) {
        self.inner.shutdown.send_replace(true);
    }
}

impl<C: Codec> Clone for Server<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<C: Codec> fmt::Debug for Server<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("services", &self.inner.services.keys()).finish_non_exhaustive()
    }
}

/// Settings and services of a [`Server`].
pub struct ServerBuilder<C: Codec = Gob> {
    inner: Inner<C>,
    /// The first name given that cannot be served, and why.
    misuse: Option<String>,
}

impl<C: Codec> ServerBuilder<C> {
    /// A server without services that speaks another codec than [`Gob`], or [`Gob`] with other limits.
    pub fn for_codec(codec: C) -> Self {
        let inner = Inner {
            codec: Arc::new(codec),
            services: HashMap::new(),
            scope: None,
            max_concurrent: DEFAULT_MAX_CONCURRENT,
            queue_limit: DEFAULT_QUEUE_LIMIT,
            drain_timeout: DEFAULT_DRAIN_TIMEOUT,
            shutdown: watch::Sender::new(false),
        };
        Self { inner, misuse: None }
    }

    /// Serves `service` under `name`. Go: `RegisterName`.
    pub fn service(mut self, name: impl Into<String>, service: impl Service<C>) -> Self {
        let name = name.into();
        let misuse = if name.is_empty() {
            "rpc.Register: no service name for type: give it one".into()
        } else if message::is_own_service(&name) {
            format!("rpc: service {name} is the server's own: choose another name")
        } else {
            match self.inner.services.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(Box::new(service));
                    return self;
                }
                Entry::Occupied(place) => format!("rpc: service already defined: {}", place.key()),
            }
        };
        self.misuse.get_or_insert(misuse);
        self
    }

    /// Decodes arguments and encodes replies inside `scope`.
    pub fn scope(mut self, scope: Arc<dyn CodecScope>) -> Self {
        self.inner.scope = Some(scope);
        self
    }

    /// How many handlers of one connection run at once. Above it the next request waits, and what follows
    /// it in the stream; cancellations before it do not.
    /// Default: [`DEFAULT_MAX_CONCURRENT`].
    pub fn max_concurrent(mut self, handlers: usize) -> Self {
        self.inner.max_concurrent = handlers;
        self
    }

    /// How many bytes of replies may wait to be written before further replies, and then requests, wait too.
    /// Default: [`DEFAULT_QUEUE_LIMIT`](crate::DEFAULT_QUEUE_LIMIT).
    pub fn queue_limit(mut self, bytes: usize) -> Self {
        self.inner.queue_limit = bytes.max(1);
        self
    }

    /// How long handlers may finish after the last request of their connection; then they are dropped and answered with
    /// `context canceled`. Default: [`DEFAULT_DRAIN_TIMEOUT`].
    pub fn drain_timeout(mut self, after: Duration) -> Self {
        self.inner.drain_timeout = after;
        self
    }

    /// The server.
    ///
    /// # Errors
    /// [`is_misuse`](Error::is_misuse): two services have one name, a name is empty, or no handler is allowed to run.
    pub fn build(self) -> Result<Server<C>> {
        let misuse = match self.misuse {
            None if self.inner.max_concurrent == 0 => {
                Some("max_concurrent is 0: no call would ever run".into())
            }
            misuse => misuse,
        };
        match misuse {
            Some(text) => Err(Error::new(Kind::Misuse(text))),
            None => Ok(Server { inner: Arc::new(self.inner) }),
        }
    }
}

impl<C: Codec> fmt::Debug for ServerBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("services", &self.inner.services.keys()).finish_non_exhaustive()
    }
}
