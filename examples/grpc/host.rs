//! Stores and reads through a key-value plugin, whichever transport it speaks:
//! `kv-host [--protocol netrpc|grpc] CMD put KEY VALUE`, `kv-host … CMD get KEY`.
#![allow(clippy::print_stdout, clippy::print_stderr)] // what a command-line program is for

mod shared;

use go_plugin::{Client, PluginCommand, Protocol, Result};
use shared::{HANDSHAKE, KvPlugin};
use std::process::ExitCode;

const USAGE: &str = "usage: kv-host [--protocol netrpc|grpc] CMD put KEY VALUE | CMD get KEY";

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut allowed = vec![Protocol::NetRpc, Protocol::Grpc];
    if let ["--protocol", protocol, ..] = args[..] {
        match protocol.parse() {
            Ok(protocol) => allowed = vec![protocol],
            Err(error) => return fail(&error),
        }
        args.drain(..2);
    }
    let done = match args[..] {
        [plugin, "put", key, value] => run(plugin, allowed, Action::Put(key, value)).await,
        [plugin, "get", key] => run(plugin, allowed, Action::Get(key)).await,
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

enum Action<'a> {
    Put(&'a str, &'a str),
    Get(&'a str),
}

async fn run(plugin: &str, allowed: Vec<Protocol>, action: Action<'_>) -> Result<()> {
    let client = Client::builder(HANDSHAKE)
        .plugin("kv", KvPlugin::client())
        .plugin("kv_grpc", KvPlugin::client())
        .allowed_protocols(allowed)
        .command(PluginCommand::shell(plugin))
        .start()
        .await?;
    let done = act(&client, action).await;
    client.kill().await?;
    done
}

/// From here on the transport shows nowhere.
async fn act(client: &Client, action: Action<'_>) -> Result<()> {
    let kv = client.dispense::<KvPlugin>(name(client.protocol())).await?;
    match action {
        Action::Put(key, value) => kv.put(key, value.as_bytes()).await?,
        Action::Get(key) => println!("{}", String::from_utf8_lossy(&kv.get(key).await?)),
    }
    Ok(())
}

/// The programs in Go use two names; one would do.
fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::NetRpc => "kv",
        Protocol::Grpc => "kv_grpc",
    }
}
