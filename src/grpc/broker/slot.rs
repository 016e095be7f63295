//! Broker handles that go on with the broker of another connection, when their plugin is started again.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use arc_swap::ArcSwap;
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{GrpcBroker, Shared, listener::Incoming};
use crate::Result;

/// The first number that such handles give out. Those of each connection's own broker begin at 1, and both kinds are in use at the same time.
const FIRST_ID: u32 = 1 << 31;

/// What some handles of a broker share: the broker that they lead to now, and what was served through them.
#[derive(Clone)]
pub(crate) struct BrokerSlot(Arc<Inner>);

struct Inner {
    current: ArcSwap<Shared>,
    next_id: AtomicU32,
    /// Under which numbers something is listened for, and where the connections of later brokers go. Nobody waits for them: there is
    /// one entry for each start of the plugin at most.
    served: Mutex<Vec<(u32, mpsc::UnboundedSender<Incoming>)>>,
    closed: CancellationToken,
}

impl BrokerSlot {
    /// With what ends everything that is served when it is dropped.
    pub(super) fn new(broker: &GrpcBroker) -> (Self, DropGuard) {
        let closed = CancellationToken::new();
        let inner = Inner {
            current: ArcSwap::new(Arc::clone(&broker.0)),
            next_id: AtomicU32::new(FIRST_ID),
            served: Mutex::default(),
            closed: closed.clone(),
        };
        (Self(Arc::new(inner)), closed.drop_guard())
    }

    pub(super) fn now(&self) -> Arc<Shared> {
        self.0.current.load_full()
    }

    pub(super) fn next_id(&self) -> u32 {
        self.0.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn closed(&self) -> &CancellationToken {
        &self.0.closed
    }

    /// Connections under a number, from this broker and from those that come after it: a call that holds the number may wait for the next
    /// process.
    pub(super) fn listen(&self, id: u32) -> Result<Incoming> {
        let mut served = self.0.served.lock().unwrap_or_else(PoisonError::into_inner);
        let broker = GrpcBroker(self.now(), None);
        let first = match broker.listen(id) {
            Ok(incoming) => Some(incoming),
            Err(_) if broker.0.check().is_err() => None,
            Err(error) => return Err(error),
        };
        let (later, connections) = mpsc::unbounded_channel();
        served.retain(|(_, later)| !later.is_closed());
        served.push((id, later));
        let all = stream::iter(first).chain(UnboundedReceiverStream::new(connections));
        Ok(Box::pin(all.flatten_unordered(None)))
    }

    /// The handles go on with the broker of `next`, which serves what they serve.
    pub(crate) fn replace(&self, next: &GrpcBroker) {
        let served = self.0.served.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.current.store(Arc::clone(&next.0));
        for (id, later) in served.iter().filter(|(_, later)| !later.is_closed()) {
            match next.listen(*id) {
                Ok(incoming) => drop(later.send(incoming)),
                Err(error) => tracing::warn!(id, %error, "a callback cannot go on with the new process"),
            }
        }
    }
}
