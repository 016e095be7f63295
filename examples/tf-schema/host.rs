//! Prints what a Terraform provider lets people configure: `tf-schema PROVIDER_CMD`, or `tf-schema -n NAMESPACE -t TYPE` for
//! one from a registry.
//!
//! The provider may be of any age: from before Terraform 0.12 it speaks net/rpc, since then gRPC. Both give this program the
//! same trait.
#![allow(clippy::print_stderr)] // what a command-line program is for

use std::{
    env,
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use go_plugin::PluginCommand;
use semver::Version;
use tf_schema::{compact::Compact, provider, registry::Source, schema::Document, tree::Tree};

/// Prints what a Terraform provider lets people configure.
#[derive(Parser)]
#[command(name = "tf-schema")]
struct Options {
    /// The provider: a command for the shell.
    #[arg(value_name = "PROVIDER_CMD", required_unless_present_any = ["namespace", "name"])]
    command: Option<String>,

    /// The namespace of a provider in a registry.
    #[arg(short, long, requires = "name", conflicts_with = "command")]
    namespace: Option<String>,

    /// Its name, which Terraform calls its type.
    #[arg(short = 't', long = "type", value_name = "TYPE", requires = "namespace")]
    name: Option<String>,

    /// Its version; without it, the newest stable one that can be used here.
    #[arg(long, requires = "namespace")]
    version: Option<Version>,

    /// The registry: the name of a host, or its URL if it has no TLS.
    #[arg(long, value_name = "HOST", requires = "namespace", default_value = "registry.terraform.io")]
    registry: String,

    /// Where providers from registries are kept [default: tf-schema in the user's folder for caches].
    #[arg(long, value_name = "DIR", requires = "namespace")]
    cache: Option<PathBuf>,

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
    let (command, address) = match (&options.command, &options.namespace, &options.name) {
        (Some(command), ..) => (PluginCommand::shell(command), implied_address(command)),
        (None, Some(namespace), Some(name)) => {
            let source = Source::new(&options.registry, namespace, name)?;
            let address = source.address();
            let cache =
                options.cache.clone().or_else(default_cache).context("no folder for a cache: use --cache")?;
            let (version, protocols) = (options.version.clone(), versions.clone());
            let install = move || source.install(version, &protocols, &cache);
            (tokio::task::spawn_blocking(install).await??.into(), address)
        }
        // clap has checked that.
        _ => bail!("no provider: see --help"),
    };
    let schema = provider::ask(command, &versions).await?;
    if options.compact {
        print(serde_json::to_string(&Compact::from(&schema))? + "\n")
    } else if options.json {
        print(serde_json::to_string(&Document::new(address, schema))? + "\n")
    } else {
        print(Tree(&schema).to_string())
    }
}

/// Where the system keeps what can be fetched again.
fn default_cache() -> Option<PathBuf> {
    let given = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    Some(given.or_else(|| Some(env::home_dir()?.join(".cache")))?.join("tf-schema"))
}

/// A reader that has seen enough, such as `head`, is no failure.
fn print(text: String) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// The address that Terraform implies for a provider that is called by its name alone.
fn implied_address(command: &str) -> String {
    let program = command.split_whitespace().next().unwrap_or_default();
    let file = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or(program);
    let name = file.strip_prefix("terraform-provider-").unwrap_or(file);
    // terraform-provider-null_v3.2.1_x5
    let name = name.split_once("_v").map_or(name, |(name, _)| name);
    format!("registry.terraform.io/hashicorp/{name}")
}
