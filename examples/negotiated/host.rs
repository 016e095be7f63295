//! Offers versions 2 (net/rpc) and 3 (gRPC) of a plugin and takes the one that both know:
//! `negotiated-host [--protocol netrpc|grpc] CMD put KEY VALUE`, `negotiated-host … CMD get KEY`. The option leaves one of them.
#![allow(clippy::print_stdout, clippy::print_stderr)] // what a command-line program is for

/// The store is that of the `grpc` example.
#[path = "../grpc/shared.rs"]
mod shared;

use go_plugin::{Client, PluginCommand, PluginSet, Protocol, Result};
use shared::{HANDSHAKE, KvPlugin};
use std::process::ExitCode;

const USAGE: &str = "usage: negotiated-host [--protocol netrpc|grpc] CMD put KEY VALUE | CMD get KEY";

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut versions = vec![2, 3];
    if let ["--protocol", protocol, ..] = args[..] {
        match protocol.parse() {
            Ok(Protocol::NetRpc) => versions = vec![2],
            Ok(Protocol::Grpc) => versions = vec![3],
            Err(error) => return fail(&error),
        }
        args.drain(..2);
    }
    let done = match args[..] {
        [plugin, "put", key, value] => run(plugin, &versions, key, Some(value)).await,
        [plugin, "get", key] => run(plugin, &versions, key, None).await,
        _ => return fail(&USAGE),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("Error: {error}");
    ExitCode::FAILURE
}

async fn run(plugin: &str, versions: &[u32], key: &str, value: Option<&str>) -> Result<()> {
    let mut builder = Client::builder(HANDSHAKE)
        .allowed_protocols([Protocol::NetRpc, Protocol::Grpc])
        .command(PluginCommand::shell(plugin));
    for version in versions {
        builder = builder.version(*version, PluginSet::new().plugin("kv", KvPlugin::client()));
    }
    let client = builder.start().await?;
    let done = act(&client, key, value).await;
    client.kill().await?;
    done
}

async fn act(client: &Client, key: &str, value: Option<&str>) -> Result<()> {
    let kv = client.dispense::<KvPlugin>("kv").await?;
    match value {
        Some(value) => kv.put(key, value.as_bytes()).await?,
        None => println!("{}", String::from_utf8_lossy(&kv.get(key).await?)),
    }
    Ok(())
}
