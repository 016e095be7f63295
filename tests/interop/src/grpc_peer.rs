//! The twin of `tests/interop/go/grpcpeer`: `testing.Peer` as a plugin.

use std::{
    pin::Pin,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use futures_util::Stream;
use go_plugin::{
    Client, GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Plugin, Protocol, Result, Served,
    trace::TraceContext,
};
use proto::{Blob, Id, Nothing, peer_client::PeerClient, peer_server, peer_server::PeerServer};
use tonic::{Request, Response, Status, Streaming};

use crate::{go_program, greeter::HANDSHAKE, within};

#[allow(missing_docs, unreachable_pub, clippy::all)]
#[path = "../../../src/grpc/tests/generated/testing.rs"]
pub mod proto;

/// The Go twin in a host of ours.
///
/// # Errors
///
/// If it does not start.
pub async fn go_plugin(multiplex: bool) -> Result<(Client, Arc<Peer>)> {
    let mut command = Command::new(go_program("grpcpeer"));
    command.arg("-plugin");
    let builder = Client::builder(HANDSHAKE)
        .plugin("peer", PeerPlugin)
        .command(command)
        .allowed_protocols([Protocol::Grpc])
        .multiplex_grpc(multiplex);
    let client = within("the plugin to start", builder.start()).await?;
    let peer = client.dispense::<PeerPlugin>("peer").await?;
    Ok((client, peer))
}

/// The plugin that serves and dispenses [`Peer`].
pub struct PeerPlugin;

/// A dispensed peer: both ends of its connection.
pub struct Peer {
    /// The broker that belongs to the connection.
    pub broker: GrpcBroker,
    channel: GrpcChannel,
}

impl Peer {
    /// A client of the plugin.
    pub fn client(&self) -> PeerClient<GrpcChannel> {
        client(self.channel.clone())
    }

    /// Has the plugin call a peer of ours.
    ///
    /// # Errors
    ///
    /// Whatever fails on the way there and back.
    pub async fn call_back(&self) -> Result<Vec<u8>> {
        let served = self.broker.serve(server(&self.broker, usize::MAX))?;
        let reply = self.client().call_back(Id { id: served.id() }).await?;
        Ok(reply.into_inner().data)
    }

    /// Calls a peer that the plugin serves for us.
    ///
    /// # Errors
    ///
    /// Whatever fails on the way there and back.
    pub async fn offer(&self) -> Result<Vec<u8>> {
        let id = self.client().offer(Nothing {}).await?.into_inner().id;
        let mut offered = client(self.broker.dial(id).await?);
        Ok(offered.echo(Blob { data: b"offered".to_vec() }).await?.into_inner().data)
    }
}

impl Plugin for PeerPlugin {
    type Interface = Peer;

    fn grpc(&self) -> Option<&dyn GrpcPlugin<Peer>> {
        Some(self)
    }
}

impl GrpcPlugin<Peer> for PeerPlugin {
    fn server(&self, broker: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        services.add_descriptors(include_bytes!("../../../src/grpc/tests/generated/descriptors.bin"));
        services.add(server(&broker, services.message_limit()))
    }

    fn client(&self, broker: GrpcBroker, channel: GrpcChannel) -> Result<Arc<Peer>> {
        Ok(Arc::new(Peer { broker, channel }))
    }
}

fn client(channel: GrpcChannel) -> PeerClient<GrpcChannel> {
    let limit = channel.message_limit();
    PeerClient::new(channel).max_decoding_message_size(limit)
}

fn server(broker: &GrpcBroker, limit: usize) -> PeerServer<Serving> {
    let serving = Serving { broker: broker.clone(), offered: Arc::default() };
    PeerServer::new(serving).max_decoding_message_size(limit)
}

/// Does what it is asked to.
#[derive(Clone)]
struct Serving {
    broker: GrpcBroker,
    /// What is served goes on until the process ends.
    offered: Arc<Mutex<Vec<Served>>>,
}

type Blobs = Pin<Box<dyn Stream<Item = Result<Blob, Status>> + Send>>;

#[async_trait]
impl peer_server::Peer for Serving {
    type TicksStream = Blobs;
    type TalkStream = Streaming<Blob>;

    async fn echo(&self, request: Request<Blob>) -> Result<Response<Blob>, Status> {
        let mut blob = request.into_inner();
        if let Some(context) = TraceContext::current() {
            blob.data.extend(format!(" in {context}").into_bytes());
        }
        Ok(Response::new(blob))
    }

    async fn make(&self, request: Request<Id>) -> Result<Response<Blob>, Status> {
        Ok(Response::new(Blob { data: vec![0; request.get_ref().id as usize] }))
    }

    async fn hang(&self, _: Request<Nothing>) -> Result<Response<Nothing>, Status> {
        std::future::pending().await
    }

    async fn ticks(&self, _: Request<Nothing>) -> Result<Response<Blobs>, Status> {
        Ok(Response::new(Box::pin(futures_util::stream::repeat_with(|| Ok(Blob::default())))))
    }

    async fn talk(&self, request: Request<Streaming<Blob>>) -> Result<Response<Streaming<Blob>>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn fail(&self, request: Request<Blob>) -> Result<Response<Nothing>, Status> {
        Err(Status::unknown(String::from_utf8_lossy(&request.get_ref().data)))
    }

    async fn call_back(&self, request: Request<Id>) -> Result<Response<Blob>, Status> {
        let channel = self.broker.dial(request.get_ref().id).await?;
        client(channel).echo(Blob { data: b"called back".to_vec() }).await
    }

    async fn offer(&self, _: Request<Nothing>) -> Result<Response<Id>, Status> {
        let served = self.broker.serve(server(&self.broker, usize::MAX))?;
        let id = served.id();
        self.offered.lock().unwrap_or_else(PoisonError::into_inner).push(served);
        Ok(Response::new(Id { id }))
    }
}
