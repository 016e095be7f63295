//! The interface of `tests/interop/go/internal/greeter`, over both transports.

use std::sync::Arc;

use async_trait::async_trait;
use go_plugin::{GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Handshake, Plugin, Result};
use proto::{Reply, Request, greeter_client::GreeterClient, greeter_server::GreeterServer};
use tonic::{Response, Status};

#[allow(missing_docs, unreachable_pub, clippy::all)]
#[path = "../../../examples/hello-cli/generated/greeter.rs"]
mod proto;

/// That of go-plugin's basic example.
pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");

/// That of `examples/hello-cli`.
pub const HELLO_HANDSHAKE: Handshake = Handshake::new(1, "GREETER_PLUGIN", "greeter");

/// Greets.
#[async_trait]
pub trait Greeter: Send + Sync {
    /// Greets nobody in particular. Not on gRPC.
    async fn greet(&self) -> Result<String>;
    /// Greets by name.
    async fn say(&self, name: &str) -> Result<String>;
}

/// The plugin over gRPC.
#[derive(Default)]
pub struct GrpcGreeter(Option<Arc<dyn Greeter>>);

impl GrpcGreeter {
    /// For a host.
    pub fn client() -> Self {
        GrpcGreeter(None)
    }

    /// For a plugin.
    pub fn new(greeter: impl Greeter + 'static) -> Self {
        GrpcGreeter(Some(Arc::new(greeter)))
    }
}

impl Plugin for GrpcGreeter {
    type Interface = dyn Greeter;

    fn grpc(&self) -> Option<&dyn GrpcPlugin<dyn Greeter>> {
        Some(self)
    }
}

impl GrpcPlugin<dyn Greeter> for GrpcGreeter {
    fn server(&self, _: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        let greeter = self.0.clone().unwrap_or_else(|| panic!("a plugin needs an implementation"));
        services.add(GreeterServer::new(Served(greeter)))
    }

    fn client(&self, _: GrpcBroker, channel: GrpcChannel) -> Result<Arc<dyn Greeter>> {
        Ok(Arc::new(Remote(GreeterClient::new(channel))))
    }
}

struct Served(Arc<dyn Greeter>);

#[async_trait]
impl proto::greeter_server::Greeter for Served {
    async fn say(&self, request: tonic::Request<Request>) -> Result<Response<Reply>, Status> {
        let said = self.0.say(&request.into_inner().name).await;
        said.map(|message| Response::new(Reply { message })).map_err(|e| Status::unknown(e.to_string()))
    }
}

struct Remote(GreeterClient<GrpcChannel>);

#[async_trait]
impl Greeter for Remote {
    async fn greet(&self) -> Result<String> {
        Err(Status::unimplemented("greeter.Greeter has no Greet").into())
    }

    async fn say(&self, name: &str) -> Result<String> {
        let request = Request { name: name.to_owned() };
        Ok(self.0.clone().say(request).await?.into_inner().message)
    }
}
