//! The interface of `tests/interop/go/internal/greeter`, over both transports.

use std::sync::Arc;

use async_trait::async_trait;
use go_plugin::{
    Error, GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Handshake, NetRpcPlugin, Plugin, Result,
};
use proto::{Reply, Request, greeter_client::GreeterClient, greeter_server::GreeterServer};
use tonic::{Response, Status};

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]
#[path = "../../../examples/hello-cli/generated/greeter.rs"]
mod proto;

/// That of go-plugin's basic example.
pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");

/// Greets.
#[go_plugin::interface(grpc)]
pub trait Greeter {
    /// Greets nobody in particular. The gRPC service has no such method.
    async fn greet(&self) -> Result<String>;
    /// Greets by name.
    async fn say(&self, name: &str) -> Result<String>;
}

impl GrpcPlugin<dyn Greeter> for GreeterPlugin {
    fn server(&self, _: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        services.add(GreeterServer::new(Adapter(self.implementation()?)))
    }

    fn client(&self, _: GrpcBroker, channel: GrpcChannel) -> Result<Arc<dyn Greeter>> {
        Ok(Arc::new(Adapter(GreeterClient::new(channel))))
    }
}

/// The plugin without its gRPC half: a process serves gRPC when it can.
pub struct NetRpcOnly(pub GreeterPlugin);

impl Plugin for NetRpcOnly {
    type Interface = dyn Greeter;

    fn netrpc(&self) -> Option<&dyn NetRpcPlugin<dyn Greeter>> {
        self.0.netrpc()
    }
}

/// From the trait to tonic on one side, and back on the other.
struct Adapter<T>(T);

#[async_trait]
impl proto::greeter_server::Greeter for Adapter<Arc<dyn Greeter>> {
    async fn say(&self, request: tonic::Request<Request>) -> Result<Response<Reply>, Status> {
        let message = self.0.say(&request.into_inner().name).await?;
        Ok(Response::new(Reply { message }))
    }
}

#[go_plugin::interface]
impl Greeter for Adapter<GreeterClient<GrpcChannel>> {
    async fn greet(&self) -> Result<String> {
        Err(Error::msg("greeter.Greeter has no Greet"))
    }

    async fn say(&self, name: &str) -> Result<String> {
        let request = Request { name: name.to_owned() };
        Ok(self.0.clone().say(request).await?.into_inner().message)
    }
}
