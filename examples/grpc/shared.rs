//! A key-value store that travels over both transports: what its host and its plugins share.
//!
//! The net/rpc half comes from the attribute, the gRPC half is the two adapters below. Names, cookie and messages are those of
//! go-plugin's `grpc` example, so that every program works with its Go twin.

use go_plugin::{GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Handshake, Result};
use proto::{Empty, GetRequest, GetResponse, PutRequest, kv_client::KvClient, kv_server};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Generated from `proto/kv.proto`.
#[allow(clippy::all, missing_docs, reason = "generated")]
#[path = "generated/proto.rs"]
mod proto;

/// Tells a key-value plugin from other programs.
pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");

/// A key-value store.
#[go_plugin::interface(grpc)]
pub trait Kv {
    /// Stores `value`; in Go the argument is a `map[string]interface{}`.
    #[rpc(args = map)]
    async fn put(&self, key: &str, value: &[u8]) -> Result<()>;

    /// What was stored.
    async fn get(&self, key: &str) -> Result<Vec<u8>>;
}

impl GrpcPlugin<dyn Kv> for KvPlugin {
    fn server(&self, _: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        services.add_descriptors(include_bytes!("generated/descriptors.bin"));
        services.add(kv_server::KvServer::new(Adapter(self.implementation()?)))
    }

    fn client(&self, _: GrpcBroker, channel: GrpcChannel) -> Result<Arc<dyn Kv>> {
        Ok(Arc::new(Adapter(KvClient::new(channel))))
    }
}

/// From gRPC to the trait in the plugin, from the trait to gRPC in the host.
struct Adapter<T>(T);

#[tonic::async_trait]
impl kv_server::Kv for Adapter<Arc<dyn Kv>> {
    async fn put(&self, request: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        let request = request.into_inner();
        self.0.put(&request.key, &request.value).await?;
        Ok(Response::new(Empty {}))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let value = self.0.get(&request.into_inner().key).await?;
        Ok(Response::new(GetResponse { value }))
    }
}

#[go_plugin::interface]
impl Kv for Adapter<KvClient<GrpcChannel>> {
    async fn put(&self, key: &str, value: &[u8]) -> Result<()> {
        self.0.clone().put(PutRequest { key: key.into(), value: value.into() }).await?;
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>> {
        Ok(self.0.clone().get(GetRequest { key: key.into() }).await?.into_inner().value)
    }
}
