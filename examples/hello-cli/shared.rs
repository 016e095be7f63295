//! What host and plugin have in common: the handshake, the interface, and how it travels over gRPC.

use std::sync::Arc;

use async_trait::async_trait;
use go_plugin::{Error, GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Handshake, Plugin, Result};
use tonic::{Response, Status};

use self::proto::{Reply, Request, greeter_client::GreeterClient, greeter_server};

/// Generated from `proto/greeter.proto`.
#[allow(clippy::all, missing_docs, unreachable_pub, reason = "generated")]
#[path = "generated/greeter.rs"]
mod proto;

pub(crate) const HANDSHAKE: Handshake = Handshake::new(1, "GREETER_PLUGIN", "greeter");

/// The name under which the plugin is served and dispensed.
pub(crate) const NAME: &str = "greeter";

#[async_trait]
pub(crate) trait Greeter: Send + Sync {
    async fn say(&self, name: &str) -> Result<String>;
}

/// Carries a [`Greeter`] over gRPC: the host has none, the plugin serves one.
pub(crate) struct GreeterPlugin(pub(crate) Option<Arc<dyn Greeter>>);

impl Plugin for GreeterPlugin {
    type Interface = dyn Greeter;

    fn grpc(&self) -> Option<&dyn GrpcPlugin<dyn Greeter>> {
        Some(self)
    }
}

impl GrpcPlugin<dyn Greeter> for GreeterPlugin {
    fn server(&self, _: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        let greeter = self.0.clone().ok_or_else(|| Error::msg("there is no greeter to serve"))?;
        services.add_descriptors(include_bytes!("generated/descriptors.bin"));
        services.add(greeter_server::GreeterServer::new(Adapter(greeter)))
    }

    fn client(&self, _: GrpcBroker, channel: GrpcChannel) -> Result<Arc<dyn Greeter>> {
        Ok(Arc::new(Adapter(GreeterClient::new(channel))))
    }
}

/// From the trait to tonic on one side, and back on the other.
struct Adapter<T>(T);

#[async_trait]
impl greeter_server::Greeter for Adapter<Arc<dyn Greeter>> {
    async fn say(&self, request: tonic::Request<Request>) -> Result<Response<Reply>, Status> {
        let message = self.0.say(&request.into_inner().name).await?;
        Ok(Response::new(Reply { message }))
    }
}

#[async_trait]
impl Greeter for Adapter<GreeterClient<GrpcChannel>> {
    async fn say(&self, name: &str) -> Result<String> {
        let request = Request { name: name.to_owned() };
        Ok(self.0.clone().say(request).await?.into_inner().message)
    }
}
