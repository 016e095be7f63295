//! The connection as generated clients see it.

use std::{
    future::ready,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::{
    TryFutureExt as _,
    future::{Either, MapErr},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, transport::Channel};
use tower_service::Service;

use super::dial::shut_down;
use crate::{
    Error, Protocol, Result,
    calls::{Call, Calls, observe, with_deadline},
};

/// A connection that any generated tonic client can use: `KvClient::new(channel)`.
///
/// It is a handle: clones share one HTTP/2 connection, and what is underneath can be replaced while they are
/// held. Calls that have begun finish on the connection they began on. A lost connection is dialled again by
/// the next call.
#[derive(Debug)]
pub struct GrpcChannel {
    current: Channel,
    updates: watch::Receiver<Channel>,
    closed: CancellationToken,
    message_limit: usize,
    /// For the calls of users. Those of this library are nobody's business.
    calls: Option<Calls>,
    /// Why the next call fails. Generated clients turn an error of `poll_ready` into a status that looks as
    /// if it came from the other side.
    unusable: Option<Error>,
}

impl Clone for GrpcChannel {
    fn clone(&self) -> Self {
        Self {
            current: self.current.clone(),
            updates: self.updates.clone(),
            closed: self.closed.clone(),
            message_limit: self.message_limit,
            calls: self.calls.clone(),
            unusable: None,
        }
    }
}

/// The end that replaces the connection under every [`GrpcChannel`] made from it.
#[derive(Debug)]
pub(crate) struct ChannelSlot {
    updates: watch::Sender<Channel>,
}

impl GrpcChannel {
    /// Calls fail once `closed` is cancelled.
    pub(crate) fn new(
        channel: Channel,
        closed: CancellationToken,
        message_limit: usize,
    ) -> (Self, ChannelSlot) {
        let (sender, updates) = watch::channel(channel.clone());
        let this = Self { current: channel, updates, closed, message_limit, calls: None, unusable: None };
        (this, ChannelSlot { updates: sender })
    }

    /// The same connection for calls of users.
    pub(crate) fn for_calls(mut self, calls: Calls) -> Self {
        self.calls = Some(calls);
        self
    }

    /// The largest message in bytes that this side is meant to accept and send. Generated clients stop at
    /// 4 MiB unless they are told:
    /// `KvClient::new(channel).max_decoding_message_size(channel.message_limit())`.
    pub fn message_limit(&self) -> usize {
        self.message_limit
    }
}

impl ChannelSlot {
    /// New calls go through `channel` from now on.
    #[cfg_attr(not(test), expect(dead_code, reason = "restarting a plugin comes with its own issue"))]
    pub(crate) fn replace(&self, channel: Channel) {
        self.updates.send_replace(channel);
    }
}

type Answer = Result<http::Response<Body>>;
type Calling =
    MapErr<<Channel as Service<http::Request<Body>>>::Future, fn(tonic::transport::Error) -> Error>;

impl Service<http::Request<Body>> for GrpcChannel {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = Either<Calling, Pin<Box<dyn Future<Output = Answer> + Send>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.closed.is_cancelled() {
            self.unusable = Some(shut_down());
            return Poll::Ready(Ok(()));
        }
        // Only here: `call` must go to the channel that said it is ready. An error means that the slot is
        // gone, so that nothing will change any more.
        if self.updates.has_changed().unwrap_or(false) {
            self.current = self.updates.borrow_and_update().clone();
        }
        let ready = ready!(Service::<http::Request<Body>>::poll_ready(&mut self.current, cx));
        self.unusable = ready.err().map(Error::from);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let unusable = self.unusable.take();
        let Some(calls) = &self.calls else {
            return match unusable {
                Some(error) => Either::Right(Box::pin(ready(Err(error)))),
                None => Either::Left(self.current.call(request).map_err(Error::from)),
            };
        };
        let call = Call::begin(calls, Protocol::Grpc, request.uri().path().trim_start_matches('/'));
        if let Some(error) = unusable {
            return Either::Right(Box::pin(observe(call, ready(Err(error)))));
        }
        let request = with_deadline(request, calls);
        let answer = call.span().in_scope(|| self.current.call(request)).map_err(Error::from as fn(_) -> _);
        if call.is_observed() { Either::Right(Box::pin(observe(call, answer))) } else { Either::Left(answer) }
    }
}
