//! The plugin's gRPC server.

use std::{io, time::Duration};

use go_plugin_proto::FILE_DESCRIPTOR_SET;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;

use super::{
    GrpcBroker, GrpcServices,
    controller::ControllerService,
    io::Io,
    serve::Serving,
    standard,
    stdio::{StdioService, StdioSource},
};
use crate::Result;

/// How long calls may go on after the host asked for the end. Go cuts them at once, and its own answer with
/// them; the host waits two seconds for the process.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);

/// The services of a plugin, complete but for the connections.
pub(crate) struct GrpcServer {
    services: GrpcServices,
    broker: GrpcBroker,
    stopping: CancellationToken,
}

impl GrpcServer {
    /// Adds the standard services to those of the application, which `register` adds.
    ///
    /// # Errors
    ///
    /// What `register` says, or if it used the name of a standard service.
    pub(crate) async fn new<S: StdioSource>(
        broker: GrpcBroker,
        stdio: S,
        register: impl FnOnce(&GrpcBroker, &mut GrpcServices) -> Result<()>,
    ) -> Result<Self> {
        let stopping = CancellationToken::new();
        let mut services = broker.services();
        services.add_descriptors(FILE_DESCRIPTOR_SET);
        standard::add_health(&mut services).await?;
        services.add(broker.service())?;
        let stdio = StdioService::new(stdio, stopping.clone());
        services.add(ControllerService::server(stopping.clone(), stdio.drained()))?;
        services.add(stdio.into_server())?;
        register(&broker, &mut services)?;
        standard::add_reflection(&mut services)?;
        Ok(Self { services, broker, stopping })
    }

    /// Serves `incoming` until a host asks for the end, or the returned guard is stopped or dropped.
    pub(crate) fn start<IO: Io + 'static>(
        self,
        incoming: impl Stream<Item = io::Result<IO>> + Send + 'static,
    ) -> RunningServer {
        let Self { services, broker, stopping } = self;
        let serving = Serving::start(services.into_router(), incoming, stopping.clone(), SHUTDOWN_GRACE);
        RunningServer { serving, broker, stopping }
    }
}

/// A plugin's server at work.
#[derive(Debug)]
pub(crate) struct RunningServer {
    serving: Serving,
    broker: GrpcBroker,
    stopping: CancellationToken,
}

impl RunningServer {
    /// Waits until a host has asked for the end. Cancel safe.
    pub(crate) async fn stop_requested(&self) {
        self.stopping.cancelled().await;
    }

    /// Stops: output that was printed is delivered, calls that run get half a second. Everything the broker
    /// serves ends too.
    pub(crate) async fn stop(mut self) {
        self.stopping.cancel();
        self.broker.close();
        self.serving.stop().await;
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.broker.close();
    }
}
