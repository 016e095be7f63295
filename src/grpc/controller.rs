//! The service by which a host ends its plugin.

use std::time::Duration;

use go_plugin_proto::{
    Empty,
    grpc_controller_server::{GrpcController, GrpcControllerServer},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::stdio::Drained;

/// How long the answer to `Shutdown` waits for printed output to reach the host, which closes the connection
/// when it has the answer. Half of what the server itself gives, so that the answer still gets out.
const OUTPUT_GRACE: Duration = Duration::from_millis(250);

/// Serves `plugin.GRPCController`.
pub(crate) struct ControllerService {
    stopping: CancellationToken,
    drained: Drained,
}

impl ControllerService {
    /// `stopping` is cancelled on a host's request, which is answered once `drained` says so.
    pub(crate) fn server(stopping: CancellationToken, drained: Drained) -> GrpcControllerServer<Self> {
        GrpcControllerServer::new(Self { stopping, drained })
    }
}

#[tonic::async_trait]
impl GrpcController for ControllerService {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        tracing::debug!("the host asked for shutdown");
        self.stopping.cancel();
        // A host that does not read does not get its output.
        let _ = timeout(OUTPUT_GRACE, self.drained.clone().wait()).await;
        Ok(Response::new(Empty {}))
    }
}
