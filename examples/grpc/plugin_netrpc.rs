//! The same plugin over net/rpc: a plugin type without its gRPC half.

mod files;
mod shared;

use files::Files;
use go_plugin::{NetRpcPlugin, Plugin, Result};
use shared::{HANDSHAKE, Kv, KvPlugin};

struct NetRpcOnly(KvPlugin);

impl Plugin for NetRpcOnly {
    type Interface = dyn Kv;

    fn netrpc(&self) -> Option<&dyn NetRpcPlugin<dyn Kv>> {
        self.0.netrpc()
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let files = Files { written_by: "kv-plugin-netrpc" };
    go_plugin::serve(HANDSHAKE).plugin("kv", NetRpcOnly(KvPlugin::new(files))).await
}
