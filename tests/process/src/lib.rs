//! An interface whose one method does to the plugin's process whatever it is told to.

use async_trait::async_trait;
use go_plugin::{GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Handshake, Plugin, Result};
use std::sync::Arc;
use tonic::{Request, Response, Status};

#[allow(missing_docs)]
pub mod proto {
    include!("../../../examples/hello-cli/generated/greeter.rs");
}

/// What host and plugin agree on.
pub const HANDSHAKE: Handshake = Handshake::new(1, "PROCESS_TESTS", "a process to be treated badly");

/// Does what it is told.
#[async_trait]
pub trait Actor: Send + Sync {
    /// Carries out an order, a word and perhaps an argument, and tells the outcome.
    async fn act(&self, order: &str) -> Result<String>;
}

/// The plugin, with or without something to serve.
pub struct ActorPlugin(Option<Arc<dyn Actor>>);

impl ActorPlugin {
    /// The plugin's side.
    pub fn new(actor: impl Actor + 'static) -> Self {
        Self(Some(Arc::new(actor)))
    }

    /// The host's side.
    pub fn client() -> Self {
        Self(None)
    }
}

impl Plugin for ActorPlugin {
    type Interface = dyn Actor;

    fn grpc(&self) -> Option<&dyn GrpcPlugin<dyn Actor>> {
        Some(self)
    }
}

impl GrpcPlugin<dyn Actor> for ActorPlugin {
    fn server(&self, _: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        let Some(actor) = &self.0 else { return Err(go_plugin::Error::msg("nothing to serve")) };
        services.add(proto::greeter_server::GreeterServer::new(Adapter(Arc::clone(actor))))
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

#[async_trait]
impl Actor for Adapter<proto::greeter_client::GreeterClient<GrpcChannel>> {
    async fn act(&self, order: &str) -> Result<String> {
        let order = proto::Request { name: order.to_owned() };
        let reply = self.0.clone().say(order).await;
        Ok(reply.map_err(go_plugin::Error::from)?.into_inner().message)
    }
}
