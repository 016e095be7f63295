//! Further connections between host and plugin, in both directions, beside the one that they began with.
//!
//! Each has a number that one side takes with [`GrpcBroker::next_id`] and tells the other in a call of the
//! application. One side then serves under it ([`GrpcBroker::serve`]), the other dials it
//! ([`GrpcBroker::dial`]). What the two brokers tell each other travels in a stream of the first
//! connection: [`outbox`] is this side's end, [`mailbox`] what the other side said.

mod caller;
mod doors;
mod link;
mod listener;
mod mailbox;
mod mux;
mod outbox;
mod served;
mod slot;
mod sockets;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use futures_util::StreamExt as _;
use go_plugin_proto::ConnInfo;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::server::NamedService;

use self::{
    mailbox::{Claim, Delivery, Mailbox, PAIRING_LIMIT},
    outbox::{Outbox, broker_closed},
};
use super::{
    GrpcChannel, GrpcService, GrpcServices,
    dial::Dialer,
    io::{BoxIo, ConnectionId},
    serve::secured,
};
use crate::{
    Address, Error, ErrorKind, Result,
    calls::{Calls, Target},
    tls::Security,
};

pub(crate) use caller::{Caller, Callers};
pub use listener::{GrpcListener, GrpcStream};
pub(crate) use mux::{Mux, session_lost};
pub use served::Served;
pub(crate) use slot::BrokerSlot;
pub(crate) use sockets::Sockets;

/// Opens further connections between host and plugin. Go's `GRPCBroker`.
///
/// A cheap handle; all clones are the same broker. Ends with the connection to the other side: what it
/// serves is stopped then, what it dialled is cut.
///
/// A plugin that more than one host has [reattached](crate::ClientBuilder::reattach) to has one broker for all of them. What it serves and
/// dials while it answers a call is for the host that made the call; in a task of its own, for the host that connected last.
#[derive(Clone)]
pub struct GrpcBroker(Arc<Shared>, Option<BrokerSlot>);

pub(crate) struct Shared {
    last_id: AtomicU32,
    outbox: Outbox,
    mailbox: Mutex<Mailbox>,
    ways: Ways,
    message_limit: usize,
    /// Of every connection, as of the one that they began with.
    security: Security,
    /// The plugin's process, on its host.
    target: Target,
    /// The other side neither says nor hears anything any more. What is connected to it goes on, or breaks by itself.
    lost: CancellationToken,
    closed: CancellationToken,
}

/// How connections come about.
pub(crate) enum Ways {
    /// Each has a socket of its own; the brokers tell each other its address.
    Sockets(Sockets),
    /// All share one; the brokers tell each other whom the next stream is for.
    Multiplexed(Arc<Mux>),
}

impl GrpcBroker {
    pub(crate) fn new(ways: Ways, message_limit: usize, security: Security) -> Self {
        Self::for_process(Target::default(), ways, message_limit, security)
    }

    /// The host's, beside this process.
    pub(crate) fn for_process(target: Target, ways: Ways, message_limit: usize, security: Security) -> Self {
        let shared = Shared {
            last_id: AtomicU32::new(0),
            outbox: Outbox::default(),
            mailbox: Mutex::default(),
            ways,
            message_limit,
            security,
            target,
            lost: CancellationToken::new(),
            closed: CancellationToken::new(),
        };
        Self(Arc::new(shared), None)
    }

    /// A handle whose broker can be replaced, what replaces it, and what ends it all.
    pub(crate) fn replaceable(&self) -> (Self, BrokerSlot, DropGuard) {
        let (slot, end) = BrokerSlot::new(self);
        (Self(Arc::clone(&self.0), Some(slot.clone())), slot, end)
    }

    /// The broker that this handle leads to now.
    fn now(&self) -> Self {
        match &self.1 {
            Some(slot) => Self(slot.now(), None),
            None => self.clone(),
        }
    }

    /// A number that this side has not used yet; the first is 1. Go's `NextId`.
    pub fn next_id(&self) -> u32 {
        match &self.1 {
            Some(slot) => slot.next_id(),
            None => self.0.last_id.fetch_add(1, Ordering::Relaxed).wrapping_add(1),
        }
    }

    /// Serves one service under a new number, [`Served::id`], which the other side needs to dial it.
    ///
    /// The server runs until the returned guard is dropped or the connection to the other side ends.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn serve<S: GrpcService + NamedService>(&self, service: S) -> Result<Served> {
        let mut services = self.services();
        services.add(service)?;
        self.accept_and_serve(self.next_id(), services)
    }

    /// Serves any number of services, from [`services`](Self::services), under a number of your own. Go's
    /// `AcceptAndServe`.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn accept_and_serve(&self, id: u32, services: GrpcServices) -> Result<Served> {
        Ok(Served::start(id, self.listen(id)?, services, self.callers(), self.closed()))
    }

    /// An empty set of services, for [`accept_and_serve`](Self::accept_and_serve).
    pub fn services(&self) -> GrpcServices {
        GrpcServices::new(self.0.message_limit)
    }

    /// Listens for the connections that the other side dials under this number, for a server of your own. They are
    /// secured as the broker's own servers are: what comes out is plain. Go's `Accept`.
    ///
    /// # Errors
    ///
    /// If no socket can be made; [`Disconnected`](ErrorKind::Disconnected) if the other side is gone.
    pub fn accept(&self, id: u32) -> Result<GrpcListener> {
        Ok(GrpcListener::new(self.listen(id)?, self.closed().clone()))
    }

    /// Connects to what the other side serves under this number. Waits up to 5 seconds for the other side
    /// to say where, and as long for it to answer. Go's `Dial`.
    ///
    /// Dropping the future gives up; nothing is left behind.
    ///
    /// # Errors
    ///
    /// [`Timeout`](ErrorKind::Timeout) if the time is over, [`Disconnected`](ErrorKind::Disconnected) if nobody answers there, or as
    /// soon as the other side is gone, with the exit status of a plugin that is.
    pub async fn dial(&self, id: u32) -> Result<GrpcChannel> {
        let now = self.now();
        match now.connect(id).await {
            Ok(channel) => Ok(channel),
            Err(error) => Err(now.0.target.explain(error).await),
        }
    }

    async fn connect(&self, id: u32) -> Result<GrpcChannel> {
        let (closed, security) = (self.0.closed.clone(), self.0.security.clone());
        let channel = match &self.0.ways {
            Ways::Sockets(sockets) => {
                let info = self.heard(self.claim(id)).await?;
                let address = Address::parse(&info.network, &info.address)
                    .map_err(|text| Error::new(ErrorKind::Protocol, text))?;
                let address = sockets.for_us(address)?;
                let dialer = Dialer::to(address, PAIRING_LIMIT).secured(security);
                dialer.connect(PAIRING_LIMIT, closed.clone()).await?
            }
            Ways::Multiplexed(mux) => {
                let (mux, outbox) = (mux.clone(), self.0.outbox.clone());
                let dialer = Dialer::new(move || {
                    let (mux, outbox) = (mux.clone(), outbox.clone());
                    async move { mux.dial(id, &outbox).await }
                });
                let dialling = dialer.secured(security).connect(mux::DIAL_LIMIT, closed.clone());
                self.heard(dialling).await?
            }
        };
        Ok(GrpcChannel::new(channel, closed, self.0.message_limit).0.for_calls(Calls::default()))
    }

    /// Waits for what the other side has to say, unless it cannot say anything any more.
    async fn heard<T>(&self, waiting: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.0.closed.cancelled() => Err(broker_closed()),
            done = waiting => done,
            () = self.0.gone() => Err(connection_lost()),
        }
    }

    /// Ends everything that goes through this broker. Later calls fail with `broker closed`.
    pub(crate) fn close(&self) {
        self.0.outbox.close();
        self.mailbox().clear();
        self.0.closed.cancel();
        match &self.0.ways {
            Ways::Sockets(sockets) => sockets.close(),
            Ways::Multiplexed(mux) => mux.stop_dialling(),
        }
    }

    pub(crate) fn security(&self) -> &Security {
        &self.0.security
    }

    /// Where a host's sockets are, once there was one.
    #[cfg(all(test, unix))]
    pub(crate) fn socket_dir(&self) -> Option<std::path::PathBuf> {
        match &self.0.ways {
            Ways::Sockets(sockets) => sockets.dir(),
            Ways::Multiplexed(_) => None,
        }
    }

    /// Connections under `id`, which the other side has been told about or will knock for.
    fn listen(&self, id: u32) -> Result<listener::Incoming> {
        if let Some(slot) = &self.1 {
            return slot.listen(id);
        }
        self.0.check()?;
        self.0.security.can_accept()?;
        // A runner's directory for sockets goes with its plugin.
        let incoming = self.incoming(id).map_err(|error| self.0.check().err().unwrap_or(error))?;
        let secured = secured(incoming, self.0.security.clone());
        Ok(Box::pin(secured.map(|io| io.map(|io| Box::new(io) as BoxIo))))
    }

    /// What is served ends with this.
    fn closed(&self) -> &CancellationToken {
        self.1.as_ref().map_or(&self.0.closed, BrokerSlot::closed)
    }

    fn incoming(&self, id: u32) -> Result<listener::Incoming> {
        let sockets = match &self.0.ways {
            Ways::Sockets(sockets) => sockets,
            Ways::Multiplexed(mux) => return mux.listen(id, &self.0.outbox),
        };
        let (address, incoming) = sockets.listen()?;
        let address = sockets.for_them(address)?;
        let (network, address) = (address.network().to_owned(), address.to_string());
        self.0.outbox.send(self.host(), ConnInfo { service_id: id, network, address, knock: None })?;
        Ok(incoming)
    }

    async fn claim(&self, id: u32) -> Result<ConnInfo> {
        let claim = self.mailbox().claim(self.host(), id, Instant::now());
        let receiver = match claim {
            Claim::Ready(info) => return Ok(info),
            Claim::Wait(receiver) => receiver,
        };
        let waiting = Waiting { broker: self, id };
        let info = timeout(PAIRING_LIMIT, receiver).await;
        drop(waiting);
        match info {
            Ok(Ok(info)) => Ok(info),
            Ok(Err(_)) => Err(broker_closed()),
            Err(_) => Err(Error::new(ErrorKind::Timeout, "timeout waiting for connection info")),
        }
    }

    fn receive(&self, from: &ConnectionId, info: ConnInfo) {
        if let Ways::Multiplexed(mux) = &self.0.ways {
            return mux.receive(info, &self.0.outbox);
        }
        let id = info.service_id;
        if info.knock.is_some() {
            // Nothing is multiplexed here, and there is no answer that a dialler would understand.
            tracing::debug!(id, "dropped a knock: connections are not multiplexed");
            return;
        }
        let delivery = self.mailbox().deliver(from, info, Instant::now());
        if delivery != Delivery::Kept {
            tracing::debug!(id, ?delivery, "dropped a broker message");
        }
    }

    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.0.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Waits until the other side has ended, or the connection to it.
    async fn gone(&self) {
        tokio::select! {
            () = self.lost.cancelled() => {}
            () = self.target.ended() => {}
        }
    }

    /// Whether there is somebody to listen for.
    fn check(&self) -> Result<()> {
        if self.closed.is_cancelled() {
            return Err(broker_closed());
        }
        if self.lost.is_cancelled() || self.target.has_ended() {
            return Err(self.target.explain_now(connection_lost()));
        }
        Ok(())
    }
}

fn connection_lost() -> Error {
    Error::new(ErrorKind::Disconnected, "the connection to the other side was lost")
}

impl fmt::Debug for GrpcBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcBroker").field("closed", &self.0.closed.is_cancelled()).finish_non_exhaustive()
    }
}

/// Removes what a dialler leaves in the mailbox when it gives up.
struct Waiting<'a> {
    broker: &'a GrpcBroker,
    id: u32,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.broker.mailbox().forget_idle(self.id);
    }
}
