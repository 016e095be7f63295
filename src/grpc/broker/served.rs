//! A running server under a number of the broker's.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{caller::Callers, listener::Incoming};
use crate::grpc::{GrpcServices, serve::Serving};

/// How long calls that run when a brokered server is stopped may go on. Go waits for ever.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// A server that a broker runs. It stops when this is dropped, and with the connection to the other side:
/// no new calls then, and 2 seconds for those that run.
#[derive(Debug)]
#[must_use = "the server stops when this is dropped"]
pub struct Served {
    id: u32,
    serving: Serving,
}

impl Served {
    pub(super) fn start(
        id: u32,
        incoming: Incoming,
        services: GrpcServices,
        callers: Callers,
        closed: &CancellationToken,
    ) -> Self {
        let router = services.into_router().called_by(callers);
        let serving = Serving::start(router, incoming, closed.child_token(), STOP_GRACE);
        Self { id, serving }
    }

    /// The number that the other side dials.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Stops the server, and waits until the calls that run have ended or their 2 seconds are over.
    pub async fn stop(mut self) {
        self.serving.stop().await;
    }

    /// Lets the server run until the connection to the other side ends, and returns its number.
    pub fn keep(self) -> u32 {
        self.serving.detach();
        self.id
    }
}
