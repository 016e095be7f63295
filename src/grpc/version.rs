//! The version that a plugin states, on both sides.

use std::time::Duration;

use go_plugin_proto::version::{
    VersionReply, VersionRequest,
    plugin_version_client::PluginVersionClient,
    plugin_version_server::{PluginVersion, PluginVersionServer},
};
use semver::Version;
use tokio::time::timeout;
use tonic::{Code, Request, Response, Status};

use super::GrpcChannel;
use crate::{Error, ErrorKind, Result};

/// Serves `goplugin.PluginVersion`.
pub(super) struct VersionService(String);

impl VersionService {
    pub(super) fn server(version: &Version) -> PluginVersionServer<Self> {
        PluginVersionServer::new(Self(version.to_string()))
    }
}

#[tonic::async_trait]
impl PluginVersion for VersionService {
    async fn get(&self, _: Request<VersionRequest>) -> Result<Response<VersionReply>, Status> {
        Ok(Response::new(VersionReply { version: self.0.clone() }))
    }
}

/// Asks the plugin at the other end. One that states none, as Go's, lacks the service.
pub(super) async fn ask(channel: GrpcChannel, limit: Duration) -> Result<Option<String>> {
    let mut client = PluginVersionClient::new(channel);
    match timeout(limit, client.get(VersionRequest {})).await {
        Ok(Ok(reply)) => Ok(Some(reply.into_inner().version)),
        Ok(Err(status)) if status.code() == Code::Unimplemented => Ok(None),
        Ok(Err(status)) => Err(status.into()),
        Err(_) => Err(Error::new(
            ErrorKind::Timeout,
            format!("the plugin did not say its version within {limit:?}"),
        )),
    }
}
