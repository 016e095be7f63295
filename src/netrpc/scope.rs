//! How a value that stands for a brokered stream finds its broker.
//!
//! A callback or a byte stream is a broker id on the wire. Its `Serialize` and `Deserialize` have no way to be given
//! the broker of the connection they travel on; encoding and decoding are synchronous, though, so a thread-local
//! variable that is set around them is exact.

use std::cell::RefCell;

use ::netrpc::CodecScope;
use muxbroker::{MuxBroker, Stream};

use super::host::session_error;
use crate::{Result, calls::Target};

thread_local! {
    static CURRENT: RefCell<Option<BrokerScope>> = const { RefCell::new(None) };
}

/// The broker that values of a connection use.
#[derive(Clone)]
pub(crate) struct BrokerScope {
    broker: MuxBroker,
    target: Target,
}

impl BrokerScope {
    /// Of the connection to this process.
    pub(crate) fn new(broker: MuxBroker, target: Target) -> Self {
        Self { broker, target }
    }

    pub(super) fn broker(&self) -> &MuxBroker {
        &self.broker
    }

    /// [`MuxBroker::dial`], with an error that says how the process ended.
    pub(super) async fn dial(&self, id: u32) -> Result<Stream> {
        self.explained(self.broker.dial(id).await).await
    }

    /// Says in the error of a dial how the process ended, if it did.
    pub(super) async fn explained<T>(&self, dialled: Result<T, muxbroker::Error>) -> Result<T> {
        match dialled {
            Ok(stream) => Ok(stream),
            Err(error) => Err(self.target.explain(session_error(error)).await),
        }
    }
}

impl CodecScope for BrokerScope {
    fn enter(&self, work: &mut dyn FnMut()) {
        /// Restores what was set before, also when `work` panics.
        struct Restore(Option<BrokerScope>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.clone())));
        work();
    }
}

/// The broker of the connection whose value is being encoded or decoded, with the error of one that is used elsewhere.
pub(super) fn current() -> Result<BrokerScope, &'static str> {
    CURRENT
        .with_borrow(Clone::clone)
        .ok_or("callbacks and byte streams travel in calls between host and plugin only")
}
