//! A greeter plugin, for a Rust host or for go-plugin's basic example in Go.

use go_plugin::Result;
use shared::{Greeter, GreeterPlugin, HANDSHAKE};

/// What host and plugin share.
#[path = "shared.rs"]
pub mod shared;

struct GreeterHello;

#[go_plugin::interface]
impl Greeter for GreeterHello {
    async fn greet(&self) -> Result<String> {
        Ok("Hello!".into())
    }
}

#[tokio::main]
pub(crate) async fn main() -> Result<()> {
    go_plugin::serve(HANDSHAKE).plugin("greeter", GreeterPlugin::new(GreeterHello)).await
}
