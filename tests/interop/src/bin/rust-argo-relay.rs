//! A step plugin for Argo's controller in front of another one, whose command is its arguments.

use std::{env, process::Command};

use go_plugin::{Result, serve};
use interop_tests::argo::{HANDSHAKE, NAME, Relay, StepPluginPlugin};

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = env::args_os().skip(1);
    let mut command = Command::new(args.next().unwrap_or_default());
    command.args(args);
    serve(HANDSHAKE).plugin(NAME, StepPluginPlugin::new(Relay::to(command).await?)).await
}
