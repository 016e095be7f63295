//! An interface whose one method does to the plugin's process whatever it is told to.

use async_trait::async_trait;
use go_plugin::{GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Handshake, NetRpcPlugin, Plugin, Result};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub mod traces;

#[allow(missing_docs)]
pub mod proto {
    include!("../../../examples/hello-cli/generated/greeter.rs");
}

/// What host and plugin agree on.
pub const HANDSHAKE: Handshake = Handshake::new(1, "PROCESS_TESTS", "a process to be treated badly");

/// Does what it is told.
#[go_plugin::interface(grpc)]
pub trait Actor {
    /// Carries out an order, a word and perhaps an argument, and tells the outcome.
    async fn act(&self, order: &str) -> Result<String>;
}

/// The same plugin without its gRPC half.
pub struct NetRpcOnly(pub ActorPlugin);

impl Plugin for NetRpcOnly {
    type Interface = dyn Actor;

    fn netrpc(&self) -> Option<&dyn NetRpcPlugin<dyn Actor>> {
        self.0.netrpc()
    }
}

impl GrpcPlugin<dyn Actor> for ActorPlugin {
    fn server(&self, _: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        services.add(proto::greeter_server::GreeterServer::new(Adapter(self.implementation()?)))
    }

    fn client(&self, _: GrpcBroker, channel: GrpcChannel) -> Result<Arc<dyn Actor>> {
        Ok(Arc::new(Adapter(proto::greeter_client::GreeterClient::new(channel))))
    }
}

struct Adapter<T>(T);

#[async_trait]
impl proto::greeter_server::Greeter for Adapter<Arc<dyn Actor>> {
    async fn say(&self, order: Request<proto::Request>) -> Result<Response<proto::Reply>, Status> {
        let done = self.0.act(&order.into_inner().name).await;
        let message = done.map_err(|error| Status::unknown(error.to_string()))?;
        Ok(Response::new(proto::Reply { message }))
    }
}

#[go_plugin::interface]
impl Actor for Adapter<proto::greeter_client::GreeterClient<GrpcChannel>> {
    async fn act(&self, order: &str) -> Result<String> {
        let order = proto::Request { name: order.to_owned() };
        let reply = self.0.clone().say(order).await;
        Ok(reply.map_err(go_plugin::Error::from)?.into_inner().message)
    }
}
