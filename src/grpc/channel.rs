//! The connection as generated clients see it.

use std::{
    future::{poll_fn, ready},
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
    Error, ErrorKind, Protocol, Result,
    calls::{Admission, Call, Calls, observe, prepared},
};

/// A connection that any generated tonic client can use: `KvClient::new(channel)`.
///
/// It is a handle: clones share one HTTP/2 connection, and what is underneath can be replaced while they are
/// held. Calls that have begun finish on the connection they began on. A lost connection is dialled again by
/// the next call.
///
/// Each side of a connection takes in at most 4 MiB of a call and 8 MiB altogether that nobody has read yet; a message that is being read
/// counts up to the [message limit](Self::message_limit).
#[derive(Debug)]
pub struct GrpcChannel {
    link: Link,
    updates: watch::Receiver<Link>,
    message_limit: usize,
    /// Why the next call fails. Generated clients turn an error of `poll_ready` into a status that looks as
    /// if it came from the other side.
    unusable: Option<Error>,
}

/// What can be replaced.
#[derive(Clone, Debug)]
struct Link {
    channel: Channel,
    closed: CancellationToken,
    /// For the calls of users. Those of this library are nobody's business.
    calls: Option<Calls>,
}

impl Clone for GrpcChannel {
    fn clone(&self) -> Self {
        Self {
            link: self.link.clone(),
            updates: self.updates.clone(),
            message_limit: self.message_limit,
            unusable: None,
        }
    }
}

/// The end that replaces the connection under every [`GrpcChannel`] made from it.
#[derive(Debug)]
pub(crate) struct ChannelSlot {
    updates: watch::Sender<Link>,
}

impl GrpcChannel {
    /// Calls fail once `closed` is cancelled.
    pub(crate) fn new(
        channel: Channel,
        closed: CancellationToken,
        message_limit: usize,
    ) -> (Self, ChannelSlot) {
        Self::on(Link { channel, closed, calls: None }, message_limit)
    }

    /// A handle of its own on the same connection, which can be replaced under it alone.
    pub(crate) fn replaceable(&self) -> (Self, ChannelSlot) {
        Self::on(self.link.clone(), self.message_limit)
    }

    fn on(link: Link, message_limit: usize) -> (Self, ChannelSlot) {
        let (sender, updates) = watch::channel(link.clone());
        (Self { link, updates, message_limit, unusable: None }, ChannelSlot { updates: sender })
    }

    /// The same connection for calls of users.
    pub(crate) fn for_calls(mut self, calls: Calls) -> Self {
        self.link.calls = Some(calls);
        self
    }

    /// The largest message in bytes that this side is meant to accept and send. Generated clients stop at
    /// 4 MiB unless they are told:
    /// `KvClient::new(channel).max_decoding_message_size(channel.message_limit())`.
    pub fn message_limit(&self) -> usize {
        self.message_limit
    }

    /// An error of the watch means that the slot is gone, so that nothing will change any more.
    fn update(&mut self) -> bool {
        let changed = self.updates.has_changed().unwrap_or(false);
        if changed {
            self.link = self.updates.borrow_and_update().clone();
        }
        changed
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
        let channel = &mut self.link.channel;
        let answer = async {
            poll_fn(|cx| Service::<http::Request<Body>>::poll_ready(channel, cx)).await?;
            Ok(channel.call(request).await?)
        };
        observe(call, answer.or_else(|error| async { Err(calls.target.explain(error).await) })).await
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
type Calling =
    MapErr<<Channel as Service<http::Request<Body>>>::Future, fn(tonic::transport::Error) -> Error>;

impl Service<http::Request<Body>> for GrpcChannel {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = Either<Calling, Pin<Box<dyn Future<Output = Answer> + Send>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.link.calls.as_ref().is_some_and(|calls| calls.target.is_supervised()) {
            return Poll::Ready(Ok(()));
        }
        if self.link.closed.is_cancelled() {
            self.unusable = Some(shut_down());
            return Poll::Ready(Ok(()));
        }
        // Only here: `call` must go to the channel that said it is ready.
        self.update();
        let ready = ready!(Service::<http::Request<Body>>::poll_ready(&mut self.link.channel, cx));
        self.unusable = ready.err().map(Error::from);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let unusable = self.unusable.take();
        let Some(calls) = &self.link.calls else {
            return match unusable {
                Some(error) => Either::Right(Box::pin(ready(Err(error)))),
                None => Either::Left(self.link.channel.call(request).map_err(Error::from)),
            };
        };
        let call = Call::begin(calls, Protocol::Grpc, request.uri().path().trim_start_matches('/'));
        if calls.target.is_supervised() {
            return Either::Right(Box::pin(self.clone().call_in_turn(request, call)));
        }
        let target = calls.target.clone();
        let explain = move |error| async move { Err(target.explain(error).await) };
        if let Some(error) = unusable {
            return Either::Right(Box::pin(observe(call, explain(error))));
        }
        let request = prepared(request, calls, &call);
        let answer = call.span().in_scope(|| self.link.channel.call(request)).map_err(Error::from);
        let answer = answer.or_else(explain);
        if call.is_observed() {
            Either::Right(Box::pin(observe(call, answer)))
        } else {
            Either::Right(Box::pin(answer))
        }
    }
}
