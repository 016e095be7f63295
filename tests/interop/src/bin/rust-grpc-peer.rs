//! `testing.Peer` as a plugin on this library; with `--tls DIR` TLS of its own, from the files there, with `--stdio` over its
//! standard streams if its host wants that.

use go_plugin::{Result, serve};
use interop_tests::{certificates, greeter::HANDSHAKE, grpc_peer::PeerPlugin};

#[tokio::main]
async fn main() -> Result<()> {
    let server = serve(HANDSHAKE).plugin("peer", PeerPlugin);
    match std::env::args().nth(1).as_deref() {
        Some("--stdio") => server.connect_over_stdio(true).await,
        Some("--tls") => server.tls_provider(certificates::provider(std::env::args().nth(2))).await,
        _ => server.await,
    }
}
