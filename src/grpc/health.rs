//! The health service: a plugin is well as long as it answers.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _, stream};
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health, HealthServer},
};

/// The name whose health a host asks for. Go's `GRPCServiceName`.
pub(crate) const SERVICE: &str = "plugin";

/// Serves `grpc.health.v1.Health`. The statuses never change, so no state is behind it.
pub(crate) struct HealthService;

impl HealthService {
    pub(crate) fn server() -> HealthServer<Self> {
        HealthServer::new(Self)
    }
}

/// The empty name is the server as a whole.
fn is_known(service: &str) -> bool {
    service.is_empty() || service == SERVICE
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Health for HealthService {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match is_known(&request.get_ref().service) {
            true => Ok(Response::new(response(ServingStatus::Serving))),
            false => Err(Status::not_found("unknown service")), // grpc-go's text
        }
    }

    /// One answer, and then none until the connection ends: a watcher takes the end of the stream for news.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let status = match is_known(&request.get_ref().service) {
            true => ServingStatus::Serving,
            false => ServingStatus::ServiceUnknown,
        };
        Ok(Response::new(Box::pin(stream::iter([Ok(response(status))]).chain(stream::pending()))))
    }
}
