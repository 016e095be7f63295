//! `testing.Peer` as a plugin on this library.

use go_plugin::{Result, serve};
use interop_tests::{greeter::HANDSHAKE, grpc_peer::PeerPlugin};

#[tokio::main]
async fn main() -> Result<()> {
    serve(HANDSHAKE).plugin("peer", PeerPlugin).await
}
