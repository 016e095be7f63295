//! Counts with a plugin that calls back for the adding: `counter-host CMD put KEY NUMBER`, `counter-host CMD get KEY`.
#![allow(clippy::print_stdout, clippy::print_stderr)] // what a command-line program is for

mod shared;

use go_plugin::{Client, PluginCommand, Protocol, Result};
use shared::{AddHelper, CounterPlugin, HANDSHAKE, NAME};
use std::{process::ExitCode, sync::Arc};

struct Adder;

#[go_plugin::interface]
impl AddHelper for Adder {
    async fn sum(&self, a: i64, b: i64) -> Result<i64> {
        Ok(a + b)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        [plugin, "put", key, number] => match number.parse() {
            Ok(number) => run(plugin, key, Some(number)).await,
            Err(error) => return fail(&format!("{number}: {error}")),
        },
        [plugin, "get", key] => run(plugin, key, None).await,
        _ => return fail(&"usage: counter-host CMD put KEY NUMBER | CMD get KEY"),
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

async fn run(plugin: &str, key: &str, add: Option<i64>) -> Result<()> {
    let client = Client::builder(HANDSHAKE)
        .plugin(NAME, CounterPlugin::client())
        .allowed_protocols([Protocol::NetRpc, Protocol::Grpc])
        .command(PluginCommand::shell(plugin))
        .start()
        .await?;
    let done = count(&client, key, add).await;
    client.kill().await?;
    done
}

async fn count(client: &Client, key: &str, add: Option<i64>) -> Result<()> {
    let counter = client.dispense::<CounterPlugin>(NAME).await?;
    match add {
        Some(number) => counter.put(key, number, Arc::new(Adder)).await?,
        None => println!("{}", counter.get(key).await?),
    }
    Ok(())
}
