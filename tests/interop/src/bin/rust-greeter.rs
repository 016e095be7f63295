//! The twin of `tests/interop/go/greeterplugin`: a plugin that prints, logs and dies when it is asked to.
//!
//! Serves net/rpc, or gRPC with the argument `--grpc`, as version 1 or `--version N`; with `--versions` version 1 over net/rpc and 2
//! over gRPC; with `--state V` a semantic version that it states; with `--tls DIR` TLS of its own, from the files there; with `--stdio` over
//! its standard streams if its host wants that; with `--debug` for hosts that
//! find it by the variable `GREETERS`.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a plugin may: it goes to its host

use go_plugin::{Error, PluginSet, Result, logs::HclogJson, serve, trace::TraceContext};
use interop_tests::{
    certificates,
    greeter::{Greeter, GreeterPlugin, HANDSHAKE, NetRpcOnly},
};
use tracing_subscriber::prelude::*;

struct Acting;

#[go_plugin::interface]
impl Greeter for Acting {
    async fn greet(&self) -> Result<String> {
        Ok("Hello!".into())
    }

    /// Greets, or does what a name of the form `!VERB REST` says.
    async fn say(&self, name: &str) -> Result<String> {
        let (verb, rest) = name.split_once(' ').unwrap_or((name, ""));
        match verb {
            "!stdout" => println!("{rest}"),
            "!stderr" => eprintln!("{rest}"),
            "!log" => log(rest),
            "!fail" => return Err(Error::msg(rest)),
            "!exit" => std::process::exit(rest.parse().unwrap_or(1)),
            "!panic" => panic!("{rest}"),
            "!lines" => {
                for n in 0..rest.parse().unwrap_or(0) {
                    println!("out {n}");
                    eprintln!("err {n}");
                }
            }
            "!trace" => {
                let context = TraceContext::current();
                return Ok(context.map_or("none".into(), |context| format!("{context} {}", context.state())));
            }
            "!env" => return Ok(std::env::var(rest).unwrap_or_default()),
            _ => return Ok(format!("hello {name}")),
        }
        Ok("done".into())
    }
}

fn log(line: &str) {
    let (level, text) = line.split_once(' ').unwrap_or(("info", line));
    match level {
        "trace" => tracing::trace!(count = 3, who = "a plugin", "{text}"),
        "debug" => tracing::debug!(count = 3, who = "a plugin", "{text}"),
        "warn" => tracing::warn!(count = 3, who = "a plugin", "{text}"),
        "error" => tracing::error!(count = 3, who = "a plugin", "{text}"),
        _ => tracing::info!(count = 3, who = "a plugin", "{text}"),
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::registry().with(HclogJson::stderr()?).init();
    tracing::info!(pid = std::process::id(), "about to serve");
    let (mut server, mut args) = (serve(HANDSHAKE), std::env::args().skip(1));
    let (mut grpc, mut debug) = (false, false);
    let (mut version, mut versions) = (HANDSHAKE.version(), false);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--grpc" => grpc = true,
            "--debug" => debug = true,
            "--version" => version = args.next().and_then(|n| n.parse().ok()).unwrap_or(version),
            "--state" => {
                let version = args.next().and_then(|text| text.parse().ok());
                let version = version.ok_or_else(|| Error::msg("--state takes a semantic version"))?;
                server = server.plugin_version(version);
            }
            "--versions" => versions = true,
            "--stdio" => server = server.connect_over_stdio(true),
            "--tls" => server = server.tls_provider(certificates::provider(args.next())),
            other => return Err(Error::msg(format!("unknown argument {other}"))),
        }
    }
    let netrpc = || PluginSet::new().plugin("greeter", NetRpcOnly(GreeterPlugin::new(Acting)));
    let both = || PluginSet::new().plugin("greeter", GreeterPlugin::new(Acting));
    server = match (versions, grpc) {
        (true, _) => server.version(1, netrpc()).version(2, both()),
        (false, true) => server.version(version, both()),
        (false, false) => server.version(version, netrpc()),
    };
    if debug { server.debug("GREETERS", "the greeter").await } else { server.await }
}
