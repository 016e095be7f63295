//! A greeter and a game of ping-pong, over either transport: what host and plugin share.

use go_plugin::{GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Handshake, Result};
use proto::{
    Ball, Greeting, Nothing, greeter_client::GreeterClient, greeter_server, ping_pong_client::PingPongClient,
    ping_pong_server,
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Generated from `proto/network.proto`.
#[allow(clippy::all, missing_docs, reason = "generated")]
#[path = "generated/network.rs"]
mod proto;

/// That of the example `basic`, so that its plugins can be in the same folder.
pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");

/// The name of the greeter.
pub const GREETER: &str = "greeter";

/// The name of the game.
pub const PING_PONG: &str = "ping-pong";

/// Greets.
#[go_plugin::interface(grpc)]
pub trait Greeter {
    /// A greeting.
    async fn greet(&self) -> Result<String>;
}

/// Plays.
#[go_plugin::interface(grpc)]
pub trait PingPong {
    /// Returns the ball.
    async fn ping(&self, ball: &str) -> Result<String>;
}

impl GrpcPlugin<dyn Greeter> for GreeterPlugin {
    fn server(&self, _: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        services.add_descriptors(include_bytes!("generated/descriptors.bin"));
        services.add(greeter_server::GreeterServer::new(Adapter(self.implementation()?)))
    }

    fn client(&self, _: GrpcBroker, channel: GrpcChannel) -> Result<Arc<dyn Greeter>> {
        Ok(Arc::new(Adapter(GreeterClient::new(channel))))
    }
}

impl GrpcPlugin<dyn PingPong> for PingPongPlugin {
    fn server(&self, _: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        services.add(ping_pong_server::PingPongServer::new(Adapter(self.implementation()?)))
    }

    fn client(&self, _: GrpcBroker, channel: GrpcChannel) -> Result<Arc<dyn PingPong>> {
        Ok(Arc::new(Adapter(PingPongClient::new(channel))))
    }
}

struct Adapter<T>(T);

#[go_plugin::interface]
impl Greeter for Adapter<GreeterClient<GrpcChannel>> {
    async fn greet(&self) -> Result<String> {
        Ok(self.0.clone().greet(Nothing {}).await?.into_inner().text)
    }
}

#[tonic::async_trait]
impl greeter_server::Greeter for Adapter<Arc<dyn Greeter>> {
    async fn greet(&self, _: Request<Nothing>) -> Result<Response<Greeting>, Status> {
        Ok(Response::new(Greeting { text: self.0.greet().await? }))
    }
}

#[go_plugin::interface]
impl PingPong for Adapter<PingPongClient<GrpcChannel>> {
    async fn ping(&self, ball: &str) -> Result<String> {
        Ok(self.0.clone().ping(Ball { text: ball.to_owned() }).await?.into_inner().text)
    }
}

#[tonic::async_trait]
impl ping_pong_server::PingPong for Adapter<Arc<dyn PingPong>> {
    async fn ping(&self, ball: Request<Ball>) -> Result<Response<Ball>, Status> {
        Ok(Response::new(Ball { text: self.0.ping(&ball.into_inner().text).await? }))
    }
}
