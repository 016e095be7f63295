//! The plugin's gRPC server: one for every host that connects.

use std::{
    future::{Future, pending},
    io,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use go_plugin_proto::FILE_DESCRIPTOR_SET;
use semver::Version;
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    GrpcBroker, GrpcServices, Mux, Sockets, Ways,
    controller::{ControllerService, Shutdown},
    health::HealthService,
    io::Io,
    reflection,
    serve::{Serving, incoming, secured},
    stdio::StdioService,
    version::VersionService,
};
use crate::{
    PluginSet, Result,
    net::{ListenOptions, Listener},
    plugin::Outlet,
    tls::Security,
};

/// How long calls may go on when the plugin ends. Go cuts them at once, and its answer to the host's request
/// with them; the host waits two seconds for the process.
const CALL_GRACE: Duration = Duration::from_millis(500);

/// How many connections without a listener of their own may wait for the server. It takes them at once.
const MAIN_BACKLOG: usize = 16;

/// A plugin's services, complete but for the connections.
pub(crate) struct PluginServer {
    services: GrpcServices,
    broker: GrpcBroker,
    /// Set if all connections share the first socket.
    mux: Option<Arc<Mux>>,
    shutdown: Shutdown,
}

impl PluginServer {
    /// Registers the services of everything in `set`. Hosts get what comes out of `output`. Brokered connections get sockets of their
    /// own, or are all multiplexed.
    pub(crate) fn build(
        set: &PluginSet,
        version: Option<&Version>,
        output: Outlet,
        message_limit: usize,
        brokered: Option<ListenOptions>,
        security: Security,
    ) -> Result<Self> {
        let (mux, ways) = match brokered {
            Some(options) => (None, Ways::Sockets(Sockets::listening(options))),
            None => {
                let mux = Mux::new(None);
                (Some(mux.clone()), Ways::Multiplexed(mux))
            }
        };
        let broker = GrpcBroker::new(ways, message_limit, security);
        Self::new(broker, mux, output, |broker, services| {
            if let Some(version) = version {
                services.add_own(VersionService::server(version))?;
            }
            set.entries().try_for_each(|(name, entry)| entry.grpc_server(name, broker.clone(), services))
        })
    }

    /// Adds the standard services to the application's, which `register` adds.
    ///
    /// # Errors
    ///
    /// What `register` says, or if it took the name of a standard service.
    pub(super) fn new(
        broker: GrpcBroker,
        mux: Option<Arc<Mux>>,
        output: Outlet,
        register: impl FnOnce(&GrpcBroker, &mut GrpcServices) -> Result<()>,
    ) -> Result<Self> {
        let shutdown = Shutdown::default();
        let mut services = broker.services();
        services.add_own(HealthService::server())?;
        services.add_own(broker.service())?;
        services.add_own(ControllerService::server(shutdown.clone()))?;
        services.add_own(StdioService::server(output, mux.clone()))?;
        services.add_descriptors(tonic_health::pb::FILE_DESCRIPTOR_SET);
        services.add_descriptors(FILE_DESCRIPTOR_SET);
        register(&broker, &mut services)?;
        reflection::add(&mut services)?;
        Ok(Self { services, broker, mux, shutdown })
    }

    /// Serves every host that connects until one asks for the end or `quit` is cancelled. Then runs `finish`,
    /// which ends the output while the hosts can still take it, and gives calls that run half a second.
    pub(crate) async fn serve(
        self,
        listener: Listener,
        quit: CancellationToken,
        finish: impl Future<Output = ()>,
    ) {
        let mux = self.mux.clone();
        let (running, mut host_gone): (_, Pin<Box<dyn Future<Output = ()> + Send>>) = match mux.clone() {
            None => (self.start(incoming(listener)), Box::pin(pending())),
            Some(mux) => {
                let (sender, streams) = mpsc::channel(MAIN_BACKLOG);
                let accepting = AbortOnDropHandle::new(tokio::spawn(mux.serve(listener, sender)));
                let running = self.start(ReceiverStream::new(streams).map(Ok));
                (running, Box::pin(async { drop(accepting.await) }))
            }
        };
        tokio::select! {
            () = running.shutdown_requested() => {}
            () = quit.cancelled() => {}
            // No other host can connect.
            () = &mut host_gone => {}
        }
        finish.await;
        running.stop().await;
        if let Some(mux) = mux {
            mux.close();
        }
    }

    pub(super) fn start<IO: Io + 'static>(
        self,
        incoming: impl Stream<Item = io::Result<IO>> + Send + 'static,
    ) -> RunningServer {
        let Self { services, broker, shutdown, .. } = self;
        let incoming = secured(incoming, broker.security().clone());
        let router = services.into_router().called_by(broker.hosts());
        let serving = Serving::start(router, incoming, CancellationToken::new(), CALL_GRACE);
        RunningServer { serving, broker, shutdown }
    }
}

/// A plugin's server at work. Dropping it stops it in the background.
#[derive(Debug)]
pub(super) struct RunningServer {
    serving: Serving,
    broker: GrpcBroker,
    shutdown: Shutdown,
}

impl RunningServer {
    /// Waits for a host to ask for the end. Cancel safe.
    pub(super) async fn shutdown_requested(&self) {
        self.shutdown.requested().await;
    }

    /// Answers the host that asked for the end, stops what the broker serves, gives calls that run a moment,
    /// and cuts what is left.
    pub(super) async fn stop(mut self) {
        self.shutdown.answer();
        self.broker.close();
        self.serving.stop().await;
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.broker.close();
    }
}
