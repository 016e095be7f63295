//! A plugin with a greeter and a game of ping-pong. A host starts it as any other; or it is started on its own, for hosts elsewhere:
//!
//! `BASIC_PLUGIN=hello PLUGIN_HOST=true network-plugin [--listen ADDR:PORT] [--protocol netrpc|grpc] [--tls DIR]`
//!
//! It then listens on all interfaces, on the first free port from `PLUGIN_MIN_PORT` (10000) to `PLUGIN_MAX_PORT` (25000). With `--tls` it
//! refuses hosts without a certificate of the authority in that folder (see `tls.rs`).

mod shared;
mod tls;

use go_plugin::{
    Error, NetRpcPlugin, Plugin, Protocol, Result, TlsConfig,
    rustls::{ServerConfig, server::WebPkiClientVerifier},
};
use shared::{GREETER, Greeter, GreeterPlugin, HANDSHAKE, PING_PONG, PingPong, PingPongPlugin};
use std::{
    env,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
};

struct Table;

#[go_plugin::interface]
impl Greeter for Table {
    async fn greet(&self) -> Result<String> {
        Ok("Hello!".into())
    }
}

#[go_plugin::interface]
impl PingPong for Table {
    async fn ping(&self, ball: &str) -> Result<String> {
        Ok(ball.replace("ping", "pong"))
    }
}

/// A plugin without its gRPC half.
struct NetRpcOnly<P>(P);

impl<P: Plugin> Plugin for NetRpcOnly<P> {
    type Interface = P::Interface;

    fn netrpc(&self) -> Option<&dyn NetRpcPlugin<P::Interface>> {
        self.0.netrpc()
    }
}

struct Options {
    listen: Option<SocketAddr>,
    protocol: Protocol,
    tls: Option<PathBuf>,
}

fn options() -> Result<Options> {
    let mut options = Options { listen: None, protocol: Protocol::Grpc, tls: None };
    let mut args = env::args().skip(1);
    while let Some(option) = args.next() {
        let value = args.next().ok_or_else(|| Error::msg(format!("{option} needs a value")))?;
        match option.as_str() {
            "--listen" => options.listen = Some(value.parse().map_err(Error::msg)?),
            "--protocol" => options.protocol = value.parse().map_err(Error::msg)?,
            "--tls" => options.tls = Some(value.into()),
            _ => return Err(Error::msg(format!("unknown option {option}"))),
        }
    }
    Ok(options)
}

/// The ports to try, from the variables that hosts set for their plugins.
fn ports() -> Result<RangeInclusive<u16>> {
    let port = |name: &str, default: u16| match env::var(name) {
        Ok(text) if !text.is_empty() => text.parse().map_err(|error| Error::msg(format!("{name}: {error}"))),
        _ => Ok(default),
    };
    Ok(port(go_plugin::env::MIN_PORT, 10_000)?..=port(go_plugin::env::MAX_PORT, 25_000)?)
}

/// Hosts without a certificate of the authority are refused.
fn demand_certificates(dir: &Path) -> Result<TlsConfig, tls::Failure> {
    let tls::Files { authority, chain, key } = tls::Files::read(dir)?;
    let hosts = WebPkiClientVerifier::builder(Arc::new(authority)).build()?;
    Ok(ServerConfig::builder().with_client_cert_verifier(hosts).with_single_cert(chain, key)?.into())
}

#[tokio::main]
async fn main() -> Result<()> {
    let Options { listen, protocol, tls } = options()?;
    let (greeter, game) = (GreeterPlugin::new(Table), PingPongPlugin::new(Table));
    let mut server = match protocol {
        Protocol::NetRpc => go_plugin::serve(HANDSHAKE)
            .plugin(GREETER, NetRpcOnly(greeter))
            .plugin(PING_PONG, NetRpcOnly(game)),
        Protocol::Grpc => go_plugin::serve(HANDSHAKE).plugin(GREETER, greeter).plugin(PING_PONG, game),
    };
    if env::var("PLUGIN_HOST").is_ok_and(|on| on == "true") {
        server = match listen {
            Some(address) => server.listen_tcp(address.ip(), address.port()..=address.port()),
            None => server.listen_tcp(IpAddr::V4(Ipv4Addr::UNSPECIFIED), ports()?),
        };
        // Whoever started it may go; its hosts come and go as well.
        server = server.outlives_host(true);
    }
    if let Some(dir) = tls {
        server = server.tls_provider(move || demand_certificates(&dir));
    }
    server.await
}
