//! A plugin for hosts on httprunner/funplugin, in the mode that they say.

use go_plugin::{NetRpcPlugin, Plugin, Result, serve};
use interop_tests::functions::{Functions, FunctionsPlugin, HANDSHAKE, Library, MODE};

/// The plugin without its gRPC half.
struct NetRpcOnly(FunctionsPlugin);

impl Plugin for NetRpcOnly {
    type Interface = dyn Functions;

    fn netrpc(&self) -> Option<&dyn NetRpcPlugin<dyn Functions>> {
        self.0.netrpc()
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let (server, functions) = (serve(HANDSHAKE), FunctionsPlugin::new(Library));
    match std::env::var(MODE).as_deref() {
        Ok("rpc") => server.plugin("rpc", NetRpcOnly(functions)).await,
        _ => server.plugin("grpc", functions).await,
    }
}
