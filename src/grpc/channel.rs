//! The connection as generated clients see it.

use std::task::{Context, Poll};

use tokio::sync::watch;
use tonic::{body::Body, transport::Channel};
use tower_service::Service;

/// A connection that any generated tonic client can use: `KvClient::new(channel)`.
///
/// It is a handle: clones share one HTTP/2 connection, and what is underneath can be replaced while they are
/// held. Calls that have begun finish on the connection they began on. A lost connection is dialled again by
/// the next call.
#[derive(Clone, Debug)]
pub struct GrpcChannel {
    current: Channel,
    updates: watch::Receiver<Channel>,
    message_limit: usize,
}

/// The end that replaces the connection under every [`GrpcChannel`] made from it.
#[derive(Debug)]
pub(crate) struct ChannelSlot {
    updates: watch::Sender<Channel>,
}

impl GrpcChannel {
    pub(crate) fn new(channel: Channel, message_limit: usize) -> (Self, ChannelSlot) {
        let (sender, updates) = watch::channel(channel.clone());
        (Self { current: channel, updates, message_limit }, ChannelSlot { updates: sender })
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

impl Service<http::Request<Body>> for GrpcChannel {
    type Response = <Channel as Service<http::Request<Body>>>::Response;
    type Error = <Channel as Service<http::Request<Body>>>::Error;
    type Future = <Channel as Service<http::Request<Body>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // Only here: `call` must go to the channel that said it is ready. An error means that the slot is
        // gone, so that nothing will change any more.
        if self.updates.has_changed().unwrap_or(false) {
            self.current = self.updates.borrow_and_update().clone();
        }
        Service::<http::Request<Body>>::poll_ready(&mut self.current, cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        self.current.call(request)
    }
}
