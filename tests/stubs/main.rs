//! Generated clients against generated services, over brokered streams of an in-memory connection.

#![cfg(feature = "netrpc")]
#![allow(clippy::unwrap_used, missing_docs)] // helpers of tests are tests

mod callbacks;
mod calls;
mod connection;
mod everything;
mod foreign;

use std::sync::Arc;

use go_plugin::{
    Interface, Result,
    netrpc::{self, MuxBroker, RpcClient},
};
use muxbroker::{Config, Session};

/// The brokers of a host and of a plugin.
fn connection() -> (MuxBroker, MuxBroker) {
    let (host, plugin) = tokio::io::duplex(64 * 1024);
    let (host, plugin) =
        (Session::client(host, Config::default()), Session::server(plugin, Config::default()));
    (MuxBroker::new(host), MuxBroker::new(plugin))
}

/// What a host gets that dispenses `object`.
async fn dispense<I: Interface + ?Sized>(object: Arc<I>) -> Arc<I> {
    let (host, plugin) = connection();
    let id = netrpc::serve(&plugin, object);
    netrpc::connect(&host, id).await.unwrap()
}

/// The same, to be called by name.
async fn dispense_raw<I: Interface + ?Sized>(object: Arc<I>) -> RpcClient {
    let (host, plugin) = connection();
    let id = netrpc::serve(&plugin, object);
    RpcClient::new(host.dial(id).await.unwrap(), host)
}

#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self) -> Result<String>;
}

struct Hello;

#[go_plugin::interface]
impl Greeter for Hello {
    async fn greet(&self) -> Result<String> {
        Ok("Hello!".into())
    }
}
