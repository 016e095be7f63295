//! A key-value plugin that speaks gRPC.

mod files;
mod shared;

use files::Files;
use go_plugin::Result;
use shared::{HANDSHAKE, KvPlugin};

#[tokio::main]
async fn main() -> Result<()> {
    let files = Files { written_by: "kv-plugin-grpc" };
    go_plugin::serve(HANDSHAKE).plugin("kv_grpc", KvPlugin::new(files)).await
}
