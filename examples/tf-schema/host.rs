//! Prints what a Terraform provider lets people configure: `tf-schema PROVIDER_CMD`.
//!
//! The provider may be of any age: from before Terraform 0.12 it speaks net/rpc, since then gRPC. Both give this program the
//! same trait.
#![allow(clippy::print_stderr)] // what a command-line program is for

mod compact;
#[allow(dead_code, unused_imports, reason = "the whole interface, of which this program needs a part")]
#[path = "../terraform-legacy/provider/mod.rs"]
mod legacy;
mod provider;
mod schema;
mod tree;
mod types;

use std::{
    io::{self, ErrorKind, Write as _},
    path::Path,
    process::ExitCode,
};

use anyhow::Result;
use clap::Parser;
use go_plugin::PluginCommand;

use crate::{compact::Compact, schema::Document, tree::Tree};

/// Prints what a Terraform provider lets people configure.
#[derive(Parser)]
#[command(name = "tf-schema")]
struct Options {
    /// The provider: a command for the shell.
    #[arg(value_name = "PROVIDER_CMD")]
    command: String,

    /// Print the document that `terraform providers schema -json` prints.
    #[arg(long, conflicts_with = "compact")]
    json: bool,

    /// Print types alone, in JSON.
    #[arg(long)]
    compact: bool,

    /// Speak this version of the protocol alone.
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u32).range(4..=6))]
    protocol: Option<u32>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<()> {
    let versions = options.protocol.map_or(provider::VERSIONS.to_vec(), |version| vec![version]);
    let schema = provider::ask(PluginCommand::shell(&options.command), &versions).await?;
    if options.compact {
        print(serde_json::to_string(&Compact::from(&schema))? + "\n")
    } else if options.json {
        print(serde_json::to_string(&Document::new(address(&options.command), schema))? + "\n")
    } else {
        print(Tree(&schema).to_string())
    }
}

/// A reader that has seen enough, such as `head`, is no failure.
fn print(text: String) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// The address that Terraform implies for a provider that is called by its name alone.
fn address(command: &str) -> String {
    let program = command.split_whitespace().next().unwrap_or_default();
    let file = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or(program);
    let name = file.strip_prefix("terraform-provider-").unwrap_or(file);
    // terraform-provider-null_v3.2.1_x5
    let name = name.split_once("_v").map_or(name, |(name, _)| name);
    format!("registry.terraform.io/hashicorp/{name}")
}
