//! Two plugins in one program, named by its argument: `netrpc` and `grpc`, after their transports.

use go_plugin::{Result, serve, serve_mux};
use interop_tests::greeter::{Greeter, GreeterPlugin, HANDSHAKE, NetRpcOnly};

struct Greets;

#[go_plugin::interface]
impl Greeter for Greets {
    async fn greet(&self) -> Result<String> {
        Ok("Hello!".into())
    }

    async fn say(&self, name: &str) -> Result<String> {
        Ok(format!("hello {name}"))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let plugin = || GreeterPlugin::new(Greets);
    serve_mux([
        ("netrpc", serve(HANDSHAKE).plugin("greeter", NetRpcOnly(plugin()))),
        ("grpc", serve(HANDSHAKE).plugin("greeter", plugin())),
    ])
    .await
}
