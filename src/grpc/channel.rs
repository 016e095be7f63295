//! The connection as generated clients see it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower_service::Service;

use super::{client::Http2Client, dial::shut_down};
use crate::{
    Error, ErrorKind, Protocol, Result,
    calls::{Admission, Call, Calls, observe, prepared},
};

/// A connection that any generated tonic client can use: `KvClient::new(channel)`. The clients' `connect` methods are of no use here: generate
/// them with `build_transport(false)`, or depend on tonic with its feature `channel`, which this crate does without.
///
/// It is a handle: clones share one HTTP/2 connection, and what is underneath can be replaced while they are
/// held. Calls that have begun finish on the connection they began on. A lost connection is dialled again by
/// the next call.
///
/// Each side of a connection takes in at most 4 MiB of a call and 8 MiB altogether that nobody has read yet; a message that is being read
/// counts up to the [message limit](Self::message_limit).
#[derive(Clone, Debug)]
pub struct GrpcChannel {
    link: Arc<Link>,
    updates: watch::Receiver<Arc<Link>>,
    message_limit: usize,
}

/// What can be replaced.
#[derive(Clone, Debug)]
struct Link {
    client: Http2Client,
    closed: CancellationToken,
    /// For the calls of users. Those of this library are nobody's business.
    calls: Option<Calls>,
}

impl Link {
    async fn send(&self, request: http::Request<Body>) -> Answer {
        if self.closed.is_cancelled() {
            return Err(shut_down());
        }
        self.client.call(request).await
    }
}

/// The end that replaces the connection under every [`GrpcChannel`] made from it.
#[derive(Debug)]
pub(crate) struct ChannelSlot {
    updates: watch::Sender<Arc<Link>>,
}

impl GrpcChannel {
    /// Calls fail once `closed` is cancelled.
    pub(crate) fn new(
        client: Http2Client,
        closed: CancellationToken,
        message_limit: usize,
    ) -> (Self, ChannelSlot) {
        Self::on(Arc::new(Link { client, closed, calls: None }), message_limit)
    }

    /// A handle of its own on the same connection, which can be replaced under it alone.
    pub(crate) fn replaceable(&self) -> (Self, ChannelSlot) {
        Self::on(self.link.clone(), self.message_limit)
    }

    fn on(link: Arc<Link>, message_limit: usize) -> (Self, ChannelSlot) {
        let (sender, updates) = watch::channel(link.clone());
        (Self { link, updates, message_limit }, ChannelSlot { updates: sender })
    }

    /// The same connection for calls of users.
    pub(crate) fn for_calls(mut self, calls: Calls) -> Self {
        Arc::make_mut(&mut self.link).calls = Some(calls);
        self
    }

    /// The largest message in bytes that this side is meant to accept and send. Generated clients stop at
    /// 4 MiB unless they are told:
    /// `KvClient::new(channel).max_decoding_message_size(channel.message_limit())`.
    pub fn message_limit(&self) -> usize {
        self.message_limit
    }

    /// An error of the watch means that the slot is gone, so that nothing will change any more.
    fn update(&mut self) {
        if self.updates.has_changed().unwrap_or(false) {
            self.link = self.updates.borrow_and_update().clone();
        }
    }

    /// Makes a call through the connection whose turn it is, once its supervisor lets calls through.
    async fn call_in_turn(mut self, request: http::Request<Body>, mut call: Call) -> Answer {
        let calls = loop {
            self.update();
            let calls = self.link.calls.clone().unwrap_or_default();
            match calls.target.admit(calls.timeout).await {
                Ok(Admission::Granted(entry)) => {
                    call.enter(entry);
                    break calls;
                }
                Ok(Admission::Elsewhere) if self.updates.has_changed().unwrap_or(false) => {}
                Ok(Admission::Elsewhere) => {
                    let text = "the plugin was replaced, and this object is not among those that go on with the new one";
                    return failed(call, Error::new(ErrorKind::Shutdown, text));
                }
                Err(error) => return failed(call, error),
            }
        };
        let request = prepared(request, &calls, &call);
        observe(call, explained(&self.link, &calls, request)).await
    }
}

/// Sends the request; what keeps it from being answered is told with how the process ended.
async fn explained(link: &Link, calls: &Calls, request: http::Request<Body>) -> Answer {
    match link.send(request).await {
        Ok(answer) => Ok(answer),
        Err(error) => Err(calls.target.explain(error).await),
    }
}

fn failed(call: Call, error: Error) -> Answer {
    let failed = Err(error);
    call.end(&failed);
    failed
}

impl ChannelSlot {
    /// New calls go through the connection of `next` from now on.
    pub(crate) fn replace(&self, next: &GrpcChannel) {
        self.updates.send_replace(next.link.clone());
    }
}

type Answer = Result<http::Response<Body>>;

impl Service<http::Request<Body>> for GrpcChannel {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    /// Each call waits for itself.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        self.update();
        let link = Arc::clone(&self.link);
        let Some(calls) = &self.link.calls else {
            return Box::pin(async move { link.send(request).await });
        };
        let call = Call::begin(calls, Protocol::Grpc, request.uri().path().trim_start_matches('/'));
        if calls.target.is_supervised() {
            return Box::pin(self.clone().call_in_turn(request, call));
        }
        let request = prepared(request, calls, &call);
        Box::pin(async move {
            let Some(calls) = &link.calls else { return link.send(request).await };
            let answer = explained(&link, calls, request);
            if call.is_observed() { observe(call, answer).await } else { answer.await }
        })
    }
}
