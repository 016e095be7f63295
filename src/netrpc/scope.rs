//! How a value that stands for a brokered stream finds its broker.
//!
//! A callback or a byte stream is a broker id on the wire. Its `Serialize` and `Deserialize` have no way to be given
//! the broker of the connection they travel on; encoding and decoding are synchronous, though, so a thread-local
//! variable that is set around them is exact.

use std::cell::RefCell;

use ::netrpc::CodecScope;
use muxbroker::MuxBroker;

thread_local! {
    static CURRENT: RefCell<Option<MuxBroker>> = const { RefCell::new(None) };
}

/// Makes `broker` the one that values of a connection use.
pub(crate) struct BrokerScope(MuxBroker);

impl BrokerScope {
    pub(crate) fn new(broker: MuxBroker) -> Self {
        Self(broker)
    }
}

impl CodecScope for BrokerScope {
    fn enter(&self, work: &mut dyn FnMut()) {
        /// Restores what was set before, also when `work` panics.
        struct Restore(Option<MuxBroker>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.0.clone())));
        work();
    }
}

/// The broker of the connection whose value is being encoded or decoded, with the error of one that is used elsewhere.
pub(super) fn current() -> Result<MuxBroker, &'static str> {
    CURRENT
        .with_borrow(Clone::clone)
        .ok_or("callbacks and byte streams travel in calls between host and plugin only")
}
