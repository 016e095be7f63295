//! What host and plugin share: the cookie and the interface. They are those of go-plugin's own basic example,
//! so either side works with its Go twin.

use go_plugin::{Handshake, Result};

/// Tells a greeter plugin from other programs.
pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");

/// What the plugin does for its host.
#[go_plugin::interface]
pub trait Greeter {
    /// A greeting.
    async fn greet(&self) -> Result<String>;
}
