//! Greets through a plugin: `GREETER_PLUGIN=./hello-plugin hello-cli [NAME]`.
//!
//! The variable holds a shell command, and is at the same time the magic cookie: the host reads the command
//! from it, the plugin finds the cookie's value there.
#![allow(clippy::print_stdout, clippy::print_stderr)] // what a command-line program is for

mod shared;

use std::{env, io, process::ExitCode};

use go_plugin::{Client, PluginCommand, Protocol, Result, logs::HclogText};
use shared::{GreeterPlugin, HANDSHAKE, NAME};
use tracing_subscriber::{filter::LevelFilter, fmt, prelude::*};

#[tokio::main]
async fn main() -> ExitCode {
    // The plugin's log has the target `plugin.sh`.
    let log = fmt::layer().event_format(HclogText::new()).with_writer(io::stderr);
    tracing_subscriber::registry().with(log.with_filter(LevelFilter::ERROR)).init();

    let Some(plugin) = env::var("GREETER_PLUGIN").ok().filter(|command| !command.is_empty()) else {
        println!("no plugin");
        return ExitCode::SUCCESS;
    };
    let name = env::args().nth(1).unwrap_or_else(|| "gopher".to_owned());
    match greet(&plugin, &name).await {
        Ok(greeting) => {
            println!("{greeting}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn greet(plugin: &str, name: &str) -> Result<String> {
    let client = Client::builder(HANDSHAKE)
        .plugin(NAME, GreeterPlugin(None))
        .command(PluginCommand::shell(plugin))
        .allowed_protocols([Protocol::Grpc])
        .start()
        .await?;
    let greeting = async { client.dispense::<GreeterPlugin>(NAME).await?.say(name).await }.await;
    client.kill().await?;
    greeting
}
