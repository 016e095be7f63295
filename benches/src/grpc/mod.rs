//! gRPC: the same calls through a plugin of ours and through tonic alone.

mod broker;
mod kv;
mod plain;
mod plugin;

pub use broker::dial;
pub use kv::{over as kv_over, serve as serve_kv};
pub use plain::{AsOurs, Defaults, Plain, serve as serve_plain};
pub use plugin::{AutoMtls, Grpc, Multiplexed, NoTls, serve};

use anyhow::Result;
use bench::echoing_client::EchoingClient;
use tonic::{
    body::Body,
    client::GrpcService,
    codegen::{Body as HttpBody, Bytes, StdError},
};

use crate::rpc::Echo;

#[allow(clippy::all, reason = "generated")]
#[path = "../generated/bench.rs"]
mod bench;

impl<T> Echo for EchoingClient<T>
where
    T: GrpcService<Body, Error: Into<StdError>, Future: Send> + Clone + Send + Sync + 'static,
    T::ResponseBody: HttpBody<Data = Bytes, Error: Into<StdError> + Send> + Send + 'static,
{
    async fn echo(&self, payload: Vec<u8>) -> Result<Vec<u8>> {
        Ok(EchoingClient::echo(&mut self.clone(), payload).await?.into_inner())
    }
}
