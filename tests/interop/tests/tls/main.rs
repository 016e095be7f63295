//! TLS between this library and go-plugin: AutoMTLS and own certificates, on both transports and in both directions.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod auto;
mod own;
mod releases;
mod versions;

use std::{path::Path, process::Command, sync::Arc};

use go_plugin::{Client, ClientBuilder, Protocol};
use interop_tests::{
    courier::{CourierPlugin, Helper},
    greeter::{Greeter, GreeterPlugin, HANDSHAKE},
    grpc_peer::{Peer, PeerPlugin},
    within,
};

const RUST_GREETER: &str = env!("CARGO_BIN_EXE_rust-greeter");
const RUST_PEER: &str = env!("CARGO_BIN_EXE_rust-grpc-peer");
const RUST_COURIER: &str = env!("CARGO_BIN_EXE_rust-courier");

const BOTH: [Protocol; 2] = [Protocol::NetRpc, Protocol::Grpc];

/// A host that is yet to be told about TLS.
fn greeter_host(program: impl AsRef<Path>, args: &[&str]) -> ClientBuilder {
    let mut command = Command::new(program.as_ref());
    command.args(args);
    Client::builder(HANDSHAKE)
        .allowed_protocols(BOTH)
        .plugin("greeter", GreeterPlugin::client())
        .command(command)
}

fn peer_host(program: impl AsRef<Path>, args: &[&str]) -> ClientBuilder {
    let mut command = Command::new(program.as_ref());
    command.args(args);
    Client::builder(HANDSHAKE).allowed_protocols([Protocol::Grpc]).plugin("peer", PeerPlugin).command(command)
}

async fn start(builder: ClientBuilder) -> Client {
    within("the plugin to start", builder.start()).await.unwrap()
}

async fn greeter(client: &Client) -> Arc<dyn Greeter> {
    within("the greeter", client.dispense::<GreeterPlugin>("greeter")).await.unwrap()
}

async fn peer(client: &Client) -> Arc<Peer> {
    within("the peer", client.dispense::<PeerPlugin>("peer")).await.unwrap()
}

/// Ends a plugin, which must go by itself.
async fn end(client: Client) {
    within("the kill", client.kill()).await.unwrap();
    let status = client.exited().await;
    assert!(status.is_some_and(|status| status.success()), "{} ended with {status:?}", client.name());
}
