//! Greets through every plugin that it finds: those in `./bin/*.po`, which it starts and ends, and one that runs elsewhere, which it leaves running.
//!
//! `NETWORK_PLUGIN=HOST:PORT network-host [--protocol netrpc|grpc] [--tls DIR]`
#![allow(clippy::print_stdout, clippy::print_stderr)] // what a command-line program is for

mod shared;
mod tls;

use go_plugin::{
    Address, Client, ClientBuilder, Error, ErrorKind, Protocol, ReattachConfig, Result, TlsConfig, discover,
    rustls::ClientConfig,
};
use shared::{GREETER, GreeterPlugin, HANDSHAKE, PING_PONG, PingPongPlugin};
use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

struct Options {
    protocols: Vec<Protocol>,
    tls: Option<PathBuf>,
}

fn options() -> Result<Options> {
    // A plugin in the network has no handshake line to say what it speaks, so the host knows or tries.
    let mut options = Options { protocols: vec![Protocol::Grpc, Protocol::NetRpc], tls: None };
    let mut args = env::args().skip(1);
    while let Some(option) = args.next() {
        let value = args.next().ok_or_else(|| Error::msg(format!("{option} needs a value")))?;
        match option.as_str() {
            "--protocol" => options.protocols = vec![value.parse().map_err(Error::msg)?],
            "--tls" => options.tls = Some(value.into()),
            _ => return Err(Error::msg(format!("unknown option {option}"))),
        }
    }
    Ok(options)
}

fn builder() -> ClientBuilder {
    Client::builder(HANDSHAKE)
        .allowed_protocols([Protocol::NetRpc, Protocol::Grpc])
        .plugin(GREETER, GreeterPlugin::client())
        .plugin(PING_PONG, PingPongPlugin::client())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let options = options()?;
    for found in discover("*.po", "./bin")?.into_iter().filter(|found| found.executable) {
        let name = found.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let client = builder().command(found.path).start().await?;
        let played = play(&name, &client).await;
        client.kill().await?;
        played?;
    }
    if let Some(address) = env::var("NETWORK_PLUGIN").ok().filter(|address| !address.is_empty()) {
        let client = attach(&address, &options).await?;
        play(&address, &client).await?;
        // Dropped and not killed: it is not ours to end.
    }
    Ok(())
}

/// Connects to the plugin at `address`, which may hold a name.
async fn attach(address: &str, options: &Options) -> Result<Client> {
    let mut refused = Error::msg("no protocol to try");
    for protocol in &options.protocols {
        let mut plugin = ReattachConfig::new(*protocol, Address::Tcp(address.to_owned()), 0);
        // Not a process of this machine: nothing of it can be watched or killed.
        plugin.test = true;
        let mut builder = builder().name(address).reattach(plugin);
        if let Some(dir) = &options.tls {
            let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
            builder = builder.tls_config(certificates(dir, host).map_err(Error::msg)?);
        }
        match builder.start().await {
            Err(error) if matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Disconnected) => {
                refused = error
            }
            attached => return attached,
        }
    }
    Err(refused)
}

/// Shows our certificate, and wants one for `name` of the authority.
fn certificates(dir: &Path, name: &str) -> Result<TlsConfig, tls::Failure> {
    let tls::Files { authority, chain, key } = tls::Files::read(dir)?;
    let config =
        ClientConfig::builder().with_root_certificates(authority).with_client_auth_cert(chain, key)?;
    Ok(TlsConfig::client(config).server_name(name.to_owned().try_into()?))
}

async fn play(name: &str, client: &Client) -> Result<()> {
    let greeter = client.dispense::<GreeterPlugin>(GREETER).await?;
    println!("{name} over {}: {}", client.protocol(), greeter.greet().await?);
    // Other greeters do not play.
    match ping(client).await {
        Ok(ball) => println!("{name} over {}: {ball}", client.protocol()),
        Err(error) if error.is_remote() => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

async fn ping(client: &Client) -> Result<String> {
    client.dispense::<PingPongPlugin>(PING_PONG).await?.ping("ping 1").await
}
