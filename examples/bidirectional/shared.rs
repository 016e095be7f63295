//! A counter that lets its host do the adding: what host and plugin share.
//!
//! Over net/rpc the callback is just a parameter. Over gRPC the adapters below serve it through the broker.

use go_plugin::{GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Handshake, Result};
use proto::{
    Empty, GetRequest, GetResponse, PutRequest, SumRequest, SumResponse, add_helper_client::AddHelperClient,
    add_helper_server, counter_client::CounterClient, counter_server,
};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Generated from `proto/counter.proto`.
#[allow(clippy::all, missing_docs, reason = "generated")]
#[path = "generated/proto.rs"]
mod proto;

/// Tells a counter plugin from other programs.
pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");

/// The name under which the plugin is served and dispensed.
pub const NAME: &str = "counter";

/// What the plugin may ask its host for.
#[go_plugin::interface]
pub trait AddHelper {
    /// The sum of two numbers.
    async fn sum(&self, a: i64, b: i64) -> Result<i64>;
}

/// What the host asks its plugin for.
#[go_plugin::interface(grpc)]
pub trait Counter {
    /// Adds `value` to what is stored under `key`; the adding itself is left to `helper`.
    async fn put(&self, key: &str, value: i64, helper: Arc<dyn AddHelper>) -> Result<()>;

    /// What is stored under `key`.
    async fn get(&self, key: &str) -> Result<i64>;
}

impl GrpcPlugin<dyn Counter> for CounterPlugin {
    fn server(&self, broker: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        services.add_descriptors(include_bytes!("generated/descriptors.bin"));
        services.add(counter_server::CounterServer::new(Adapter { inner: self.implementation()?, broker }))
    }

    fn client(&self, broker: GrpcBroker, channel: GrpcChannel) -> Result<Arc<dyn Counter>> {
        Ok(Arc::new(Adapter { inner: CounterClient::new(channel), broker }))
    }
}

struct Adapter<T> {
    inner: T,
    broker: GrpcBroker,
}

/// The host's side: offers the callback for the time of the call.
#[go_plugin::interface]
impl Counter for Adapter<CounterClient<GrpcChannel>> {
    async fn put(&self, key: &str, value: i64, helper: Arc<dyn AddHelper>) -> Result<()> {
        let helper = self.broker.serve(add_helper_server::AddHelperServer::new(Helper(helper)))?;
        let request = PutRequest { add_server: helper.id(), key: key.into(), value };
        self.inner.clone().put(request).await?;
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<i64> {
        Ok(self.inner.clone().get(GetRequest { key: key.into() }).await?.into_inner().value)
    }
}

/// The plugin's side: calls it.
#[tonic::async_trait]
impl counter_server::Counter for Adapter<Arc<dyn Counter>> {
    async fn put(&self, request: Request<PutRequest>) -> Result<Response<Empty>, Status> {
        let PutRequest { add_server, key, value } = request.into_inner();
        let helper = Helper(AddHelperClient::new(self.broker.dial(add_server).await?));
        self.inner.put(&key, value, Arc::new(helper)).await?;
        Ok(Response::new(Empty {}))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let value = self.inner.get(&request.into_inner().key).await?;
        Ok(Response::new(GetResponse { value }))
    }
}

struct Helper<T>(T);

#[go_plugin::interface]
impl AddHelper for Helper<AddHelperClient<GrpcChannel>> {
    async fn sum(&self, a: i64, b: i64) -> Result<i64> {
        Ok(self.0.clone().sum(SumRequest { a, b }).await?.into_inner().r)
    }
}

#[tonic::async_trait]
impl add_helper_server::AddHelper for Helper<Arc<dyn AddHelper>> {
    async fn sum(&self, request: Request<SumRequest>) -> Result<Response<SumResponse>, Status> {
        let SumRequest { a, b } = request.into_inner();
        Ok(Response::new(SumResponse { r: self.0.sum(a, b).await? }))
    }
}
