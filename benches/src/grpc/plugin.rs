//! A host of ours and its plugin, with tonic's generated code on either side.

use std::{
    marker::PhantomData,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use go_plugin::{
    Client, ClientBuilder, GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Handshake, Plugin, Protocol,
    Served,
};
use tonic::{Request, Response, Status};

use super::bench::{
    self,
    echoing_client::EchoingClient,
    echoing_server::{Echoing, EchoingServer},
};
use crate::plugin::{COOKIE, Host, all_of};

struct EchoPlugin;

/// What a host dispenses.
pub(super) struct Dispensed {
    pub(super) caller: EchoingClient<GrpcChannel>,
    pub(super) broker: GrpcBroker,
}

impl Plugin for EchoPlugin {
    type Interface = Dispensed;

    fn grpc(&self) -> Option<&dyn GrpcPlugin<Dispensed>> {
        Some(self)
    }
}

impl GrpcPlugin<Dispensed> for EchoPlugin {
    fn server(&self, broker: GrpcBroker, services: &mut GrpcServices) -> go_plugin::Result<()> {
        services.add(EchoingServer::new(Here { broker: Some(broker), served: Mutex::default() }))
    }

    fn client(&self, broker: GrpcBroker, channel: GrpcChannel) -> go_plugin::Result<Arc<Dispensed>> {
        Ok(Arc::new(Dispensed { caller: EchoingClient::new(channel), broker }))
    }
}

#[derive(Default)]
pub(super) struct Here {
    broker: Option<GrpcBroker>,
    served: Mutex<Option<Served>>,
}

#[tonic::async_trait]
impl Echoing for Here {
    async fn echo(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn serve(&self, _: Request<()>) -> Result<Response<bench::Served>, Status> {
        let broker = self.broker.as_ref().ok_or_else(|| Status::unimplemented("there is no broker"))?;
        let served = broker.serve(EchoingServer::new(Here::default()))?;
        let id = served.id();
        *self.served.lock().unwrap_or_else(PoisonError::into_inner) = Some(served);
        Ok(Response::new(bench::Served { id }))
    }
}

/// How a host has its connections made.
pub trait Connections: Send + Sync + 'static {
    fn set(client: ClientBuilder) -> ClientBuilder {
        client
    }
}

pub struct NoTls;

pub struct AutoMtls;

pub struct Multiplexed;

impl Connections for NoTls {}

impl Connections for AutoMtls {
    fn set(client: ClientBuilder) -> ClientBuilder {
        client.auto_mtls(go_plugin::AutoMtls::Required)
    }
}

impl Connections for Multiplexed {
    fn set(client: ClientBuilder) -> ClientBuilder {
        client.multiplex_grpc(true)
    }
}

pub struct Grpc<C> {
    client: Client,
    pub(super) object: Arc<Dispensed>,
    connections: PhantomData<C>,
}

impl<C: Connections> Host for Grpc<C> {
    type Caller = EchoingClient<GrpcChannel>;

    async fn start(command: Command) -> Result<Self> {
        let command = all_of(&command).args(["--transport", "grpc"]);
        let client = Client::builder(Handshake::new(1, COOKIE.0, COOKIE.1))
            .plugin("echo", EchoPlugin)
            .allowed_protocols([Protocol::Grpc])
            .command(command);
        let client = C::set(client).start().await?;
        let object = client.dispense::<EchoPlugin>("echo").await?;
        Ok(Self { client, object, connections: PhantomData })
    }

    fn caller(&self) -> &EchoingClient<GrpcChannel> {
        &self.object.caller
    }

    fn id(&self) -> u32 {
        self.client.id()
    }

    async fn kill(self) -> Result<()> {
        Ok(self.client.kill().await?)
    }
}

/// The plugin.
pub async fn serve() -> Result<()> {
    Ok(go_plugin::serve(Handshake::new(1, COOKIE.0, COOKIE.1)).plugin("echo", EchoPlugin).await?)
}
