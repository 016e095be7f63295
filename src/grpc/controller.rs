//! The service by which a host ends its plugin.

use std::time::Duration;

use go_plugin_proto::{
    Empty,
    grpc_controller_server::{GrpcController, GrpcControllerServer},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// How long the answer to a request may be held back. The host gives the whole process two seconds.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// A host's wish that the plugin ends, and when to answer it: the host closes the connection as soon as it
/// has the answer, so output goes first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shutdown {
    requested: CancellationToken,
    answered: CancellationToken,
}

impl Shutdown {
    /// Waits until a host wants the end. Cancel safe.
    pub(super) async fn requested(&self) {
        self.requested.cancelled().await;
    }

    /// Lets the answer go out.
    pub(super) fn answer(&self) {
        self.answered.cancel();
    }
}

/// Serves `plugin.GRPCController`.
pub(crate) struct ControllerService(Shutdown);

impl ControllerService {
    pub(super) fn server(shutdown: Shutdown) -> GrpcControllerServer<Self> {
        GrpcControllerServer::new(Self(shutdown))
    }
}

#[tonic::async_trait]
impl GrpcController for ControllerService {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        tracing::debug!("the host asked for shutdown");
        self.0.requested.cancel();
        let _ = timeout(ANSWER_LIMIT, self.0.answered.cancelled()).await;
        Ok(Response::new(Empty {}))
    }
}
