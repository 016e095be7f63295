//! A host and a plugin that know each other from the beginning.

use crate::{Client, Handshake, Plugin, PluginSet, Protocol, Result, TestServer, plugin::Asked, serve};
use std::sync::Arc;

/// The handshake of both; nobody checks it.
const HANDSHAKE: Handshake = Handshake::new(1, "GO_PLUGIN_TESTING", "in one process");

/// A plugin and its host in this process.
///
/// ```
/// # #[cfg(feature = "netrpc")] mod example {
/// # use go_plugin::{PluginSet, Protocol, Result, testing::Pair};
/// # #[go_plugin::interface] pub trait Greeter { async fn greet(&self) -> Result<String>; }
/// # pub struct GreeterHello;
/// # #[go_plugin::interface] impl Greeter for GreeterHello { async fn greet(&self) -> Result<String> { Ok("Hello!".into()) } }
/// # #[tokio::main]
/// # pub async fn main() -> Result<()> {
/// let plugins = PluginSet::new().plugin("greeter", GreeterPlugin::new(GreeterHello));
/// let pair = Pair::new(Protocol::NetRpc, plugins).await?;
/// let greeter = pair.dispense::<GreeterPlugin>("greeter").await?;
/// assert_eq!(greeter.greet().await?, "Hello!");
/// pair.stop().await;
/// # Ok(())
/// # }
/// # }
/// # fn main() { #[cfg(feature = "netrpc")] example::main().unwrap() }
/// ```
#[derive(Debug)]
pub struct Pair {
    client: Client,
    server: TestServer,
}

impl Pair {
    /// Serves the plugins and connects to them over this transport.
    ///
    /// # Errors
    /// If one of them has no half for the transport, or nothing to serve.
    pub async fn new(transport: Protocol, plugins: PluginSet) -> Result<Self> {
        let server = serve(HANDSHAKE).version(HANDSHAKE.version(), plugins.clone());
        let asked = Asked { over: Some(transport), ..Asked::default() };
        let (server, _) = server.start_in_process(asked)?;
        let client = Client::builder(HANDSHAKE)
            .version(HANDSHAKE.version(), plugins)
            .name("testing")
            .reattach(server.reattach_config().clone())
            .start()
            .await?;
        Ok(Self { client, server })
    }

    /// The object registered under `name`, called through the protocol.
    ///
    /// # Errors
    /// As [`Client::dispense`].
    pub async fn dispense<P: Plugin + ?Sized>(&self, name: &str) -> Result<Arc<P::Interface>> {
        self.client.dispense::<P>(name).await
    }

    /// The host's end. Killing it does nothing: the plugin is this process.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The plugin's end.
    pub fn server(&self) -> &TestServer {
        &self.server
    }

    /// Ends the plugin; what was dispensed fails from then on.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}
