//! The connection as generated clients see it.

use std::{
    future::{Ready, ready},
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
use crate::Error;

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
        let this = Self { current: channel, updates, closed, message_limit, unusable: None };
        (this, ChannelSlot { updates: sender })
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

type Answer = Result<http::Response<Body>, Error>;
type Calling =
    MapErr<<Channel as Service<http::Request<Body>>>::Future, fn(tonic::transport::Error) -> Error>;

impl Service<http::Request<Body>> for GrpcChannel {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = Either<Calling, Ready<Answer>>;

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
        match self.unusable.take() {
            Some(error) => Either::Right(ready(Err(error))),
            None => Either::Left(self.current.call(request).map_err(Error::from)),
        }
    }
}
