//! What host and plugin share: the cookie and the interface. They are those of go-plugin's own basic example,
//! so either side works with its Go twin.

use go_plugin::{Handshake, Result};

pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");

#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self) -> Result<String>;
}
