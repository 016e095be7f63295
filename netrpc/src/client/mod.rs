//! The calling side.

mod builder;
mod connection;
mod pending;
mod shared;

use std::{future::Future, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use serde_gob::GobType;
use tokio::io::{AsyncRead, AsyncWrite};

use self::shared::Shared;
pub use self::{builder::ClientBuilder, connection::CLOSE_TIMEOUT};
use crate::{
    codec::Codec,
    error::{Error, Kind, Result},
    gob::Gob,
};

/// Calls methods of the peer at the other end of a byte stream. Go: `rpc.Client`.
///
/// Clones share the connection; any number of calls may run at once and are answered in any order. When the last clone is dropped,
/// what is queued is written and the stream is closed.
pub struct Client<C: Codec = Gob> {
    handle: Arc<Handle<C>>,
}

/// Closes the connection with the last clone; the connection's own task holds only what is inside.
struct Handle<C: Codec> {
    shared: Arc<Shared<C>>,
}

impl<C: Codec> Drop for Handle<C> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<C: Codec> Clone for Client<C> {
    fn clone(&self) -> Self {
        Self { handle: Arc::clone(&self.handle) }
    }
}

impl<C: Codec> std::fmt::Debug for Client<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// How one call differs from the [`ClientBuilder`]'s defaults.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    timeout: Option<Option<Duration>>,
    /// Boxed: most calls have none, and every call moves its options.
    trace: Option<Box<Trace>>,
}

/// Where a call belongs in a distributed trace: the two headers that the W3C recommendation Trace Context defines. This crate carries
/// them and does not look into them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// `traceparent`. Empty: the call belongs to none.
    pub parent: String,
    /// `tracestate`.
    pub state: String,
}

impl CallOptions {
    /// The client's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives up after this long, counted from the first poll of the call and including the wait for room in the write queue.
    pub fn timeout(mut self, after: Duration) -> Self {
        self.timeout = Some(Some(after));
        self
    }

    /// Says where the call belongs, if the client [sends that](ClientBuilder::send_trace).
    pub fn trace(mut self, trace: Trace) -> Self {
        self.trace = Some(Box::new(trace));
        self
    }

    /// Waits as long as the connection lives, whatever the client's default is.
    pub fn no_timeout(mut self) -> Self {
        self.timeout = Some(None);
        self
    }
}

impl Client {
    /// A client with the defaults of [`ClientBuilder`], on a fresh stream.
    ///
    /// # Panics
    /// Outside of a tokio runtime with its time driver enabled: the connection is a task of the current one.
    pub fn new<I: AsyncRead + AsyncWrite + Send + Unpin + 'static>(io: I) -> Self {
        Self::builder().build(io)
    }

    /// Sets what differs from the defaults.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }
}

impl<C: Codec> Client<C> {
    /// Calls `method` (`Service.Method`) and decodes the reply as `R`.
    ///
    /// Nothing happens before the future is polled; without a timeout it waits as long as the connection lives. Dropping it gives the call up: a reply that comes later is skipped, and the
    /// peer is told if [`ClientBuilder::send_cancel`] says so; the peer may have worked all the same.
    ///
    /// # Errors
    /// - [`is_remote`](Error::is_remote): the handler's, or that the method does not exist there.
    /// - [`is_encode`](Error::is_encode), [`is_decode`](Error::is_decode): the argument or the reply does not fit. Only this call fails.
    /// - [`is_timeout`](Error::is_timeout): the client's default timeout passed.
    /// - [`is_disconnected`](Error::is_disconnected), [`is_shutdown`](Error::is_shutdown), [`is_cancelled`](Error::is_cancelled):
    ///   the connection ended.
    pub fn call<R, A>(&self, method: &str, args: &A) -> impl Future<Output = Result<R>> + Send
    where
        R: DeserializeOwned + Send + 'static,
        A: Serialize + GobType + Sync + ?Sized,
    {
        self.call_with(method, args, CallOptions::new())
    }

    /// [`call`](Self::call) with options of its own.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub async fn call_with<R, A>(&self, method: &str, args: &A, options: CallOptions) -> Result<R>
    where
        R: DeserializeOwned + Send + 'static,
        A: Serialize + GobType + Sync + ?Sized,
    {
        let (shared, trace) = (&self.handle.shared, options.trace.as_deref());
        match options.timeout.unwrap_or(shared.settings.default_timeout) {
            None => shared.call(method, args, trace).await,
            Some(after) => match tokio::time::timeout(after, shared.call(method, args, trace)).await {
                Ok(result) => result,
                Err(_) => Err(Error::new(Kind::Timeout { method: method.to_owned(), after })),
            },
        }
    }

    /// Closes the connection: running calls fail with [`is_shutdown`](Error::is_shutdown) at once, what is queued is written,
    /// the stream is shut down and dropped. Returns when that is done, after at most
    /// [`CLOSE_TIMEOUT`](crate::CLOSE_TIMEOUT); closing twice does no harm.
    ///
    /// Cancel safe: closing goes on in the background.
    pub async fn close(&self) {
        self.handle.shared.close();
        self.handle.shared.finished().await;
    }

    /// Waits for the end of the connection, whoever ends it, and says why it ended. Waiting does not keep the connection open.
    pub fn closed(&self) -> impl Future<Output = Error> + Send + 'static {
        let shared = Arc::clone(&self.handle.shared);
        async move { shared.finished().await }
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.handle.shared.is_ended()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Waker};

    /// A call that is given up leaves nothing in the table, whether it was written, queued, or waited for room.
    #[tokio::test(start_paused = true)]
    async fn abandoned_calls_leave_no_entry() {
        let (here, _there) = tokio::io::duplex(16);
        let client = Client::builder().queue_limit(1).build(here);
        let options = CallOptions::new().timeout(Duration::from_secs(1));
        let call = || client.call_with::<bool, _>("A.B", "an argument beyond the pipe", options.clone());
        let calls = async { tokio::join!(call(), call(), call()) };
        let look = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            client.handle.shared.waiting()
        };
        let ((a, b, c), during) = tokio::join!(calls, look);
        for result in [a, b, c] {
            assert!(result.is_err_and(|e| e.is_timeout()));
        }
        assert_eq!(during, 2, "the third waits for room");
        assert_eq!(client.handle.shared.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_queues_a_megabyte_before_its_calls_wait() {
        let (here, _there) = tokio::io::duplex(16);
        let client = Client::new(here);
        let kilobytes = "x".repeat(100_000);
        let calls = (0..30).map(|_| {
            let (client, kilobytes) = (client.clone(), kilobytes.clone());
            async move { client.call::<bool, _>("A.B", &kilobytes).await }
        });
        let mut calls: tokio::task::JoinSet<_> = calls.collect();
        tokio::time::sleep(Duration::from_secs(1)).await;
        // One or more are on their way to the stream, and eleven fill the queue.
        let waiting = client.handle.shared.waiting();
        assert!((12..=22).contains(&waiting), "{waiting}");
        calls.abort_all();
    }

    /// The connection's task has not run yet, so that what is queued stays there.
    #[tokio::test]
    async fn a_request_waits_for_others_only_if_somebody_else_may_queue_one() {
        let client = Client::new(tokio::io::duplex(16).0);
        let shared = &client.handle.shared;
        let mut cx = Context::from_waker(Waker::noop());
        let mut calls = Vec::new();
        let mut queue = || {
            let mut call = Box::pin(client.call::<bool, _>("A.B", &true));
            assert!(call.as_mut().poll(&mut cx).is_pending());
            calls.push(call);
            shared.more_requests_may_come()
        };
        assert!(!queue(), "this is the only call");
        assert!(queue());
        shared.refill(&mut Vec::new(), Waker::noop());
        assert!(!shared.more_requests_may_come(), "nothing is queued");
        assert!(queue());
        shared.close();
        assert!(!shared.more_requests_may_come(), "nobody waits for a reply any more");
    }

    #[tokio::test]
    async fn what_is_printed_of_a_client_is_its_settings() {
        let builder =
            Client::builder().send_cancel(true).default_timeout(Duration::from_secs(5)).queue_limit(7);
        assert_eq!(
            format!("{builder:?}"),
            "ClientBuilder { send_cancel: true, send_trace: false, default_timeout: Some(5s), queue_limit: 7, .. }"
        );
        assert_eq!(format!("{:?}", builder.build(tokio::io::duplex(16).0)), "Client { .. }");
    }
}
