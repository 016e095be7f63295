//! A host that greets through a plugin.
//!
//! - `cargo run --example basic` uses the greeter it was built with: it starts itself a second time, as the plugin.
//! - `cargo run --example basic -- CMD [ARGS…]` drives any greeter plugin, for example the one of go-plugin.
#![allow(clippy::print_stdout)]

use go_plugin::{Client, PluginCommand, Result};
use plugin::shared::{GreeterPlugin, HANDSHAKE};

mod plugin;

/// The argument that makes this program its own plugin.
const SERVE: &str = "serve-as-plugin";

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1);
    let command = match args.next() {
        Some(arg) if arg == SERVE => return plugin::main(),
        Some(program) => PluginCommand::new(program).args(args),
        None => PluginCommand::new(std::env::current_exe()?).arg(SERVE),
    };
    greet(command)
}

#[tokio::main]
async fn greet(command: PluginCommand) -> Result<()> {
    let client = Client::builder(HANDSHAKE)
        .plugin("greeter", GreeterPlugin::client())
        .command(command)
        .start()
        .await?;
    let greeter = client.dispense::<GreeterPlugin>("greeter").await?;
    println!("{}", greeter.greet().await?);
    client.kill().await
}
